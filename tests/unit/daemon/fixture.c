/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c: a server without a process of its own, so that a test sees each turn of its loop. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "mobile.h"
#include "path.h"
#include "why.h"

/* After this something that should come is taken as lost. Turns of the loop say nothing: some
 * things wait for a timer. */
#define MAX_WAIT_NS (UINT64_C(60) * 1000000000u)

void make_config(struct daemon_config *config, unsigned nr_zones, uint64_t bytes)
{
    char why[WHY_BYTES];

    /* That ordinary memory has small pages here is none of these tests' business. */
    log_init(LOG_LEVEL_ERROR);
    assert_int_equal(config_init(config), 0);
    for (unsigned i = 0; i < nr_zones; i++) {
        struct memfile_spec spec = {
            .node = -1,
            .backing = BACKING_SHMEM,
            .bytes = bytes,
            .hugepage_bytes = 2 * MIB,
        };

        (void)snprintf(spec.name, sizeof(spec.name), "zone%u", i);
        if (config_add_zone(config, &spec, why, sizeof(why)))
            fail_msg("%s", why);
    }
}

struct zone_set *make_zones(unsigned nr_zones, uint64_t bytes)
{
    struct daemon_config config;
    struct zone_set *zs;
    char why[WHY_BYTES];

    make_config(&config, nr_zones, bytes);
    if (zone_set_create(&config, &zs, why, sizeof(why)))
        fail_msg("%s", why);
    config_free(&config);
    return zs;
}

uint64_t used_pages(struct zone_set *zs)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < zs->nr; i++) {
        struct zone_stat st;

        zone_stat(zs->entry[i].zone, &st);
        used += st.managed_pages - st.free_pages;
    }
    return used;
}

void check_zones(struct zone_set *zs)
{
    uint64_t pages = 0;
    uint32_t index = 0;
    struct handle_info info;
    char why[256];

    for (uint32_t i = 0; i < zs->nr; i++)
        if (zone_check(zs->entry[i].zone, why, sizeof(why)))
            fail_msg("zone %u: %s", i, why);
    if (handle_table_check(zs->handles, why, sizeof(why)))
        fail_msg("handles: %s", why);
    while (handle_next(zs->handles, &index, UINT32_MAX, &info)) {
        struct zone_block block;

        if (info.zone == MOBILE_NOWHERE)
            continue;
        assert_int_equal(zone_block(zs->entry[info.zone].zone, info.pfn, &block), 0);
        assert_int_equal(block.state, BLOCK_ALLOCATED);
        assert_int_equal(block.tag, handle_tag(info.handle));
        pages += (uint64_t)1 << block.order;
    }
    assert_int_equal(pages, used_pages(zs));
}

unsigned count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned nr = 0;

    assert_non_null(dir);
    while (readdir(dir))
        nr++;
    (void)closedir(dir);
    return nr;
}

/* ---- server ---- */

static int listen_somewhere(struct fixture *f)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    /* The kernel chooses an address that nobody else has. */
    f->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    assert_int_equal(bind(fd, (struct sockaddr *)&f->address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 128), 0);
    f->address_len = sizeof(f->address);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&f->address, &f->address_len), 0);
    return fd;
}

/* Before anything of the fixture's own is opened. */
static void count_before(struct fixture *f)
{
    /* The first loop of a process opens descriptors that stay. */
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    f->fds_before = count_fds();
}

static void start(struct fixture *f, struct daemon_config *config, int listen_fd)
{
    char why[WHY_BYTES];

    assert_int_equal(uv_loop_init(&f->loop), 0);
    if (server_start(&f->server, &f->loop, config, listen_fd, why, sizeof(why)))
        fail_msg("%s", why);
    f->hub = server_hub(f->server);
    config_free(config);
}

void fixture_start_config(struct fixture *f, struct daemon_config *config, int listen_fd)
{
    count_before(f);
    if (listen_fd >= 0)
        f->fds_before--; /* the server closes it */
    start(f, config, listen_fd);
}

void fixture_start(struct fixture *f, unsigned nr_zones, uint64_t bytes)
{
    struct daemon_config config;

    make_config(&config, nr_zones, bytes);
    fixture_start_config(f, &config, -1);
}

void fixture_start_listening(struct fixture *f, unsigned nr_zones, uint64_t bytes)
{
    struct daemon_config config;

    make_config(&config, nr_zones, bytes);
    count_before(f);
    start(f, &config, listen_somewhere(f));
}

void fixture_stop(struct fixture *f)
{
    server_stop(f->server);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_fds(), f->fds_before);
}

static bool is_idle(const struct hub *hub)
{
    for (uint32_t i = 0; i < hub->zones->nr; i++) {
        struct zone_stat st;

        zone_stat(hub->zones->entry[i].zone, &st);
        if (st.busy_pages)
            return false;
    }
    return !hub->work_first && !hub->later.first && !hub->waiting.changed_first && !path_ready(hub);
}

void fixture_settle(struct fixture *f)
{
    const uint64_t begun = uv_hrtime();

    /* In some turns one thing has ended, and what follows has not begun. */
    for (unsigned idle = 0; idle < 20;) {
        if (uv_hrtime() - begun > MAX_WAIT_NS)
            fail_msg("the daemon does not settle");
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        idle = is_idle(f->hub) ? idle + 1 : 0;
    }
}

void run_until_sessions(struct fixture *f, uint32_t nr)
{
    for (uint64_t begun = uv_hrtime(); f->hub->sessions.nr != nr;) {
        if (uv_hrtime() - begun > MAX_WAIT_NS)
            fail_msg("%u sessions, and not %u", f->hub->sessions.nr, nr);
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

/* ---- client ---- */

struct client *client_on(struct fixture *f, int fd)
{
    struct client *c = malloc(sizeof(*c));

    assert_non_null(c);
    c->f = f;
    c->fd = fd;
    c->last_id = 0;
    c->nr_zone_fds = 0;
    wire_arena_init(&c->arena, c->arena_mem, sizeof(c->arena_mem));
    return c;
}

struct client *client_new(struct fixture *f)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(server_add_session(f->server, fd[1]), 0);
    return client_on(f, fd[0]);
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

struct handle_info info_of(const struct zone_set *zs, uint64_t handle)
{
    struct handle_info info;

    assert_int_equal(handle_find(zs->handles, handle, &info), 0);
    return info;
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

static ssize_t receive_bytes(struct client *c)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(WIRE_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = c->packet, .iov_len = sizeof(c->packet)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    for (uint64_t begun = uv_hrtime(); uv_hrtime() - begun < MAX_WAIT_NS;) {
        ssize_t n;

        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n >= 0) {
            assert_false(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
            take_fds(c, &msg);
            return n;
        }
        assert_int_equal(errno, EAGAIN);
        (void)uv_run(&c->f->loop, UV_RUN_NOWAIT);
    }
    fail_msg("no answer in %llu s", (unsigned long long)(MAX_WAIT_NS / 1000000000u));
    return -1;
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
