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

/* After this something that should come is taken as lost. */
#define MAX_WAIT_NS (UINT64_C(60) * 1000000000u)

void make_config(struct daemon_config *config, unsigned nr_zones, uint64_t bytes)
{
    char why[WHY_BYTES];

    /* That ordinary memory has small pages here is none of these tests' business. */
    log_init(LOG_LEVEL_ERROR);
    assert_int_equal(config_init(config), 0);
    /* Blocks move when a test has it so, and not when a timer ends. */
    config->compaction_proactiveness = 0;
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

struct handle_info info_of(const struct zone_set *zs, uint64_t handle)
{
    struct handle_info info;

    assert_int_equal(handle_find(zs->handles, handle, &info), 0);
    return info;
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

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    fixture_settle(f);
    check_zones(f->hub->zones);
    fixture_stop(f);
    return 0;
}

void fixture_set_key(struct fixture *f, const char *key, const char *value)
{
    char why[WHY_BYTES];

    if (policy_set_key(f->hub->policy, "policy default", key, value, why, sizeof(why)))
        fail_msg("%s", why);
    hub_follow_policy(f->hub);
}

/* ---- waiting ---- */

void fixture_await(struct fixture *f, uint64_t begun_ns, const char *what)
{
    if (uv_hrtime() - begun_ns > MAX_WAIT_NS)
        fail_msg("in %llu s not: %s", (unsigned long long)(MAX_WAIT_NS / 1000000000u), what);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
}

void fixture_turns(struct fixture *f, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
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
    const uint64_t begun_ns = uv_hrtime();

    /* In some turns one thing has ended, and what follows has not begun. */
    for (unsigned idle = 0; idle < 20;) {
        fixture_await(f, begun_ns, "the daemon settles");
        idle = is_idle(f->hub) ? idle + 1 : 0;
    }
}

void run_until_sessions(struct fixture *f, uint32_t nr)
{
    RUN_UNTIL(f, f->hub->sessions.nr == nr);
}

void expect_nothing_left(struct fixture *f)
{
    const struct zone_set *zs = f->hub->zones;

    run_until_sessions(f, 0);
    assert_int_equal(f->hub->waiting.nr, 0);
    assert_int_equal(used_pages(f->hub->zones), 0);
    assert_int_equal(mobiles_used(zs->mobiles), 0);
    assert_int_equal(handle_table_used(zs->handles), 0);
}

void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}
