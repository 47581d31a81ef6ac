/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c: packets made by hand; see raw.h. */
#include "raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"
#include "proto/wire.h"

/* Field numbers outside the operations. */
#define PACKET_REQUESTS 1
#define REQUEST_ID      1
#define HELLO_VERSION   1

static void add_byte(struct raw_packet *p, unsigned byte)
{
    if (p->len == sizeof(p->bytes))
        abort();
    p->bytes[p->len++] = (unsigned char)byte;
}

static void add_varint(struct raw_packet *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        add_byte(p, (unsigned)(value & 0x7f) | 0x80);
    add_byte(p, (unsigned)value);
}

void raw_add_number(struct raw_packet *p, unsigned field, uint64_t value)
{
    add_varint(p, (uint64_t)field << 3);
    add_varint(p, value);
}

void raw_add_fixed(struct raw_packet *p, unsigned field, uint64_t value)
{
    add_varint(p, (uint64_t)field << 3 | 1);
    for (int i = 0; i < 8; i++)
        add_byte(p, (unsigned)(value >> (8 * i)) & 0xff);
}

void raw_add_bytes(struct raw_packet *p, unsigned field, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    add_varint(p, (uint64_t)field << 3 | 2);
    add_varint(p, len);
    for (size_t i = 0; i < len; i++)
        add_byte(p, at[i]);
}

void raw_add_request(struct raw_packet *p, uint64_t id, enum raw_op op,
                     const struct raw_packet *body)
{
    static struct raw_packet request;

    request.len = 0;
    raw_add_number(&request, REQUEST_ID, id);
    raw_add_bytes(&request, op, body->bytes, body->len);
    raw_add_bytes(p, PACKET_REQUESTS, request.bytes, request.len);
}

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

int raw_send(int fd, const void *bytes, size_t len)
{
    return send(fd, bytes, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Those that came: to the first of *kept while it is -1; the others are closed. */
static void take_descriptors(struct msghdr *message, int *kept)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < nr; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (kept && *kept < 0)
                *kept = fd;
            else
                close(fd);
        }
    }
}

static void take_response(const struct wire_response *rs, struct raw_answer *ret)
{
    ret->id = rs->id;
    ret->error = rs->error;
    snprintf(ret->message, sizeof(ret->message), "%s", rs->message ? rs->message : "");
    if (!rs->error && rs->op == WIRE_OP_ALLOC) {
        ret->nr_blocks = rs->alloc.nr;
        ret->handle = rs->alloc.handle[0];
        ret->offset = rs->alloc.offset[0];
        ret->zone = rs->alloc.zone[0];
    }
}

static int receive(int fd, struct raw_answer *ret, int *kept)
{
    static unsigned char bytes[WIRE_MAX_PACKET];
    static _Alignas(max_align_t) unsigned char memory[WIRE_ARENA_BYTES];
    union {
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_ZONES)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    struct wire_server_packet packet;
    struct wire_arena arena;
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

    *ret = (struct raw_answer){0};
    if (n == 0 || (n < 0 && errno == ECONNRESET)) {
        ret->closed = true;
        return 0;
    }
    if (n < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    take_descriptors(&message, kept);
    wire_arena_init(&arena, memory, sizeof(memory));
    if (wire_read_server_packet(bytes, (size_t)n, &arena, &packet))
        return -EBADMSG;
    ret->nr = packet.nr_responses;
    if (packet.nr_events > 0 && packet.events[0].kind == WIRE_EVENT_GOODBYE) {
        ret->goodbye = true;
        snprintf(ret->message, sizeof(ret->message), "%s", packet.events[0].message);
    }
    if (packet.nr_responses > 0)
        take_response(&packet.responses[0], ret);
    return 0;
}

int raw_receive(int fd, struct raw_answer *ret)
{
    return receive(fd, ret, NULL);
}

int raw_ask(int fd, const struct raw_packet *p, struct raw_answer *ret)
{
    int error = raw_send(fd, p->bytes, p->len);

    /* The daemon may have hung up after its answer to an earlier packet, which is still there. */
    if (error && error != -EPIPE && error != -ECONNRESET)
        return error;
    return raw_receive(fd, ret);
}

int raw_connect_hello_keeping(const char *path, int *ret_memory)
{
    static struct raw_packet body;
    static struct raw_packet packet;
    struct raw_answer answer;
    int memory = -1;
    int fd = raw_connect(path);

    if (fd < 0)
        return fd;
    body.len = 0;
    packet.len = 0;
    raw_add_number(&body, HELLO_VERSION, WIRE_VERSION);
    raw_add_request(&packet, 1, RAW_HELLO, &body);
    (void)raw_send(fd, packet.bytes, packet.len); /* who has hung up has said why before */
    if (receive(fd, &answer, &memory) || answer.closed || answer.goodbye || answer.error ||
        memory < 0) {
        close(fd);
        return -EPROTO;
    }
    *ret_memory = memory;
    return fd;
}

int raw_connect_hello(const char *path)
{
    int memory;
    int fd = raw_connect_hello_keeping(path, &memory);

    if (fd >= 0)
        close(memory);
    return fd;
}

int raw_alloc(int fd, unsigned order, struct raw_answer *ret)
{
    static struct raw_packet body;
    static struct raw_packet packet;

    body.len = 0;
    packet.len = 0;
    raw_add_number(&body, RAW_ALLOC_ORDER, order);
    raw_add_request(&packet, 2, RAW_ALLOC, &body);
    return raw_ask(fd, &packet, ret);
}
