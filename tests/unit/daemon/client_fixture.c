/* SPDX-License-Identifier: Apache-2.0 */
/* client_fixture.c: whoever waits for the daemon's words runs its loop meanwhile. */
#include "client_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct client *client_on(struct fixture *f, int fd)
{
    struct client *c = malloc(sizeof(*c));

    assert_non_null(c);
    c->f = f;
    c->fd = fd;
    c->session = 0;
    c->last_id = 0;
    c->nr_zone_fds = 0;
    wire_arena_init(&c->arena, c->arena_mem, sizeof(c->arena_mem));
    return c;
}

struct client *client_new(struct fixture *f)
{
    struct client *c;
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(server_add_session(f->server, fd[1]), 0);
    c = client_on(f, fd[0]);
    c->session = f->hub->sessions.last_id;
    return c;
}

struct client *client_connect(struct fixture *f)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&f->address, f->address_len), 0);
    return client_on(f, fd);
}

static struct client *open_with(struct fixture *f, uint64_t features)
{
    struct client *c = client_new(f);
    struct wire_request rq = hello_request(WIRE_VERSION, "test");

    rq.hello.features = features;
    assert_int_equal(client_call(c, &rq)->error, 0);
    return c;
}

struct client *client_open(struct fixture *f)
{
    return open_with(f, 0);
}

struct client *client_open_slots(struct fixture *f)
{
    return open_with(f, WIRE_FEATURE_SLOTS);
}

struct session *client_session(const struct client *c)
{
    struct session *s = session_table_find(&c->f->hub->sessions, c->session);

    assert_non_null(s);
    return s;
}

static void *map(int fd, size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

    assert_ptr_not_equal(p, MAP_FAILED);
    return p;
}

void *client_map_zone(const struct client *c, unsigned zone, size_t bytes)
{
    return map(c->zone_fd[zone], bytes);
}

_Atomic uint64_t *client_map_words(const struct client *c, size_t bytes)
{
    return map(c->zone_fd[c->nr_zone_fds - 1], bytes);
}

void client_free(struct client *c)
{
    (void)close(c->fd);
    for (unsigned i = 0; i < c->nr_zone_fds; i++)
        (void)close(c->zone_fd[i]);
    free(c);
}

void client_send_bytes(struct client *c, const void *bytes, size_t len)
{
    assert_int_equal(send(c->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void client_send(struct client *c, struct wire_request *rq, size_t nr)
{
    size_t len = 0;

    wire_arena_reset(&c->arena);
    for (size_t i = 0; i < nr; i++) {
        rq[i].id = ++c->last_id;
        assert_int_equal(wire_append_request(c->packet, &len, &rq[i], &c->arena), 0);
    }
    client_send_bytes(c, c->packet, len);
}

static void take_fds(struct client *c, struct msghdr *msg)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

    if (!cmsg)
        return;
    assert_int_equal(cmsg->cmsg_type, SCM_RIGHTS);
    c->nr_zone_fds = (unsigned)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(c->zone_fd, CMSG_DATA(cmsg), c->nr_zone_fds * sizeof(int));
}

static bool has_received(struct client *c, struct msghdr *msg, ssize_t *ret)
{
    *ret = recvmsg(c->fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    assert_true(*ret >= 0 || errno == EAGAIN);
    return *ret >= 0;
}

static ssize_t receive_bytes(struct client *c)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = c->packet, .iov_len = sizeof(c->packet)};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    ssize_t n;

    RUN_UNTIL(c->f, has_received(c, &msg, &n));
    assert_false(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
    take_fds(c, &msg);
    return n;
}

bool client_has_packet(const struct client *c)
{
    char byte;

    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void client_receive(struct client *c, struct wire_server_packet *ret)
{
    ssize_t n = receive_bytes(c);

    assert_true(n > 0);
    wire_arena_reset(&c->arena);
    assert_int_equal(wire_read_server_packet(c->packet, (size_t)n, &c->arena, ret), 0);
}

void client_expect_end(struct client *c)
{
    assert_int_equal(receive_bytes(c), 0);
}

void client_expect_goodbye(struct client *c, const char *text)
{
    struct wire_server_packet packet;

    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 0);
    assert_int_equal(packet.nr_events, 1);
    assert_int_equal(packet.events[0].kind, WIRE_EVENT_GOODBYE);
    expect_text(packet.events[0].message, text);
    client_expect_end(c);
}

struct wire_response client_answer(struct client *c, uint64_t id)
{
    struct wire_server_packet packet;

    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.nr_events, 0);
    assert_int_equal(packet.responses[0].id, id);
    return packet.responses[0];
}

uint64_t client_expect_granted(struct client *c, uint64_t id)
{
    const struct wire_response rs = client_answer(c, id);

    if (rs.error)
        fail_msg("%s", rs.message);
    return rs.alloc.handle[0];
}

const struct wire_response *client_call(struct client *c, struct wire_request *rq)
{
    struct wire_server_packet packet;

    client_send(c, rq, 1);
    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.nr_events, 0);
    assert_int_equal(packet.responses[0].id, rq->id);
    return &packet.responses[0];
}

void client_send_waiting(struct client *c, struct wire_request *rq)
{
    const uint32_t before = c->f->hub->waiting.nr;

    client_send(c, rq, 1);
    RUN_UNTIL(c->f, c->f->hub->waiting.nr != before);
    assert_int_equal(c->f->hub->waiting.nr, before + 1);
}

uint64_t client_get(struct client *c, uint32_t order)
{
    return client_get_of(c, MIGRATE_UNMOVABLE, order);
}

uint64_t client_get_of(struct client *c, enum migratetype type, uint32_t order)
{
    struct wire_request rq = alloc_request(order, 1);
    const struct wire_response *rs;

    rq.alloc.type = (uint32_t)type;
    rs = client_call(c, &rq);
    if (rs->error)
        fail_msg("%s", rs->message);
    return rs->alloc.handle[0];
}

void client_give_back(struct client *c, uint64_t handle)
{
    struct wire_request rq = free_request(&handle, 1);

    assert_int_equal(client_call(c, &rq)->error, 0);
}

static bool is_refused(struct client *c, struct wire_request *rq, const char *text)
{
    const struct wire_response *rs = client_call(c, rq);

    assert_int_equal(rs->error, ENOMEM);
    rq->alloc.deadline_ms *= 2;
    return strstr(rs->message, text) != NULL;
}

void client_refused_in_time(struct client *c, struct wire_request rq, const char *text)
{
    RUN_UNTIL(c->f, is_refused(c, &rq, text));
}

void expect_refused(const struct wire_response *rs, uint32_t error, const char *text)
{
    assert_int_equal(rs->error, error);
    expect_text(rs->message, text);
}

struct wire_request alloc_request(uint32_t order, uint32_t count)
{
    return (struct wire_request){
        .op = WIRE_OP_ALLOC,
        .alloc = {.order = order, .count = count, .node = -1, .zone = -1},
    };
}

struct wire_request free_request(const uint64_t *handles, size_t nr)
{
    return (struct wire_request){.op = WIRE_OP_FREE, .free = {.nr = nr, .handle = handles}};
}

struct wire_request hello_request(uint32_t version, const char *name)
{
    return (struct wire_request){
        .op = WIRE_OP_HELLO,
        .hello = {.version = version, .name = name},
    };
}

struct wire_request stat_request(enum wire_op op, uint64_t cursor)
{
    return (struct wire_request){.op = op, .stat = {.cursor = cursor}};
}
