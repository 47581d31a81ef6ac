/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_pingpong.c: the bare round trip. */
#include "rpc_pingpong.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "harness.h"
#include "proto/wire.h"

/** A request's number as long as the library's are. */
#define TYPICAL_ID ((uint64_t)1 << 13)
/** Where a page lies, the same. */
#define TYPICAL_OFFSET ((uint64_t)30 << 20)

/** How many bytes an allocation of one page and its answer have on the wire. */
static int packet_sizes(size_t *ret_request, size_t *ret_response)
{
    static unsigned char memory[WIRE_ARENA_BYTES];
    static unsigned char packet[WIRE_MAX_PACKET];
    const uint64_t handle = UINT64_MAX;
    const uint64_t offset = TYPICAL_OFFSET;
    const uint32_t zero = 0;
    const struct wire_request rq = {
        .id = TYPICAL_ID,
        .op = WIRE_OP_ALLOC,
        .alloc = {.count = 1, .node = -1, .zone = -1},
    };
    const struct wire_response rs = {
        .id = TYPICAL_ID,
        .op = WIRE_OP_ALLOC,
        .alloc = {.nr = 1,
                  .handle = &handle,
                  .offset = &offset,
                  .nr_zones = 1,
                  .zone = &zero,
                  .nr_orders = 1,
                  .order = &zero},
    };
    struct wire_arena arena;
    size_t request = 0;
    size_t response = 0;
    int rc;

    wire_arena_init(&arena, memory, sizeof(memory));
    rc = wire_append_request(packet, &request, &rq, &arena);
    if (!rc)
        rc = wire_append_response(packet, &response, &rs, &arena);
    if (rc)
        return rc;
    *ret_request = request;
    *ret_response = response;
    return 0;
}

/** The other process: answer until the socket ends. */
static void answer(void *data)
{
    const struct pingpong *p = data;
    unsigned char packet[4096] = {0};

    while (recv(p->fd, packet, sizeof(packet), 0) > 0) {
        if (send(p->fd, packet, p->response_bytes, MSG_NOSIGNAL) < 0)
            return;
    }
}

int pingpong_start(struct pingpong *p)
{
    struct pingpong new = {0};
    struct pingpong other;
    int fds[2];
    int rc = packet_sizes(&new.request_bytes, &new.response_bytes);

    if (rc)
        return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
        return -errno;
    new.fd = fds[0];
    other = new;
    other.fd = fds[1];
    rc = child_fork(answer, &other, &new.pid);
    close(fds[1]);
    if (rc) {
        close(fds[0]);
        return rc;
    }
    *p = new;
    return 0;
}

void pingpong_stop(struct pingpong *p)
{
    close(p->fd);
    child_stop(p->pid);
}

int pingpong_run(const struct pingpong *p, size_t nr, struct latencies *l)
{
    unsigned char packet[4096] = {0};

    for (size_t i = 0; i < nr; i++) {
        uint64_t start = bench_now_ns();

        if (send(p->fd, packet, p->request_bytes, MSG_NOSIGNAL) < 0)
            return -errno;
        if (recv(p->fd, packet, sizeof(packet), 0) <= 0)
            return -EPIPE;
        latencies_add(l, bench_now_ns() - start);
    }
    return 0;
}
