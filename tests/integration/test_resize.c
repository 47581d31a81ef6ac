/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resize.c: a zone takes hugepages from the host's pool and gives them back while a client
 * works in it, and large blocks come out of a zone that is aged.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"

#define SIZE  32l /* hugepages */
#define MAX   64l
#define BIG   13u /* 16 of them */
#define PAGES ((size_t)SIZE * 512)

struct fixture {
    struct daemon_proc daemon;
    struct buddyd *b;
    long hugepages;
    char out[DAEMON_PROC_TEXT_BYTES];
    char err[DAEMON_PROC_TEXT_BYTES];
};

static struct fixture fx;
static struct buddyd_block blocks[PAGES];
static size_t nr_blocks;

static int set_up_with(long max, const char *more)
{
    char zones[256];

    fx = (struct fixture){.hugepages = host_free_hugepages()};
    nr_blocks = 0;
    snprintf(zones, sizeof(zones), "[zone test]\nbacking=%s\nsize=%ldM\nmax_size=%ldM\n%s",
             host_backing(), SIZE * 2, max * 2, more);
    if (daemon_proc_prepare(&fx.daemon) || daemon_proc_configure(&fx.daemon, NULL, zones) ||
        daemon_proc_start(&fx.daemon))
        return -1;
    return observe_connect(&fx.daemon, "tenant", &fx.b);
}

static int set_up(void **state)
{
    *state = &fx;
    return set_up_with(MAX, "");
}

static int set_up_too_large(void **state)
{
    *state = &fx;
    return set_up_with(100000, "");
}

static int set_up_giving(void **state)
{
    *state = &fx;
    return set_up_with(MAX, "give_back=yes\n");
}

static int tear_down(void **state)
{
    (void)state;
    buddyd_close(fx.b);
    fx.b = NULL;
    if (daemon_proc_stop(&fx.daemon) != 0)
        return -1;
    daemon_proc_end(&fx.daemon);
    return host_on_hugepages() && host_free_hugepages() != fx.hugepages ? -1 : 0;
}

static struct buddyd_zone_stat stat_zone(void)
{
    struct buddyd_zone_stat st;
    uint64_t cursor = 0;
    size_t n;

    assert_int_equal(buddyd_stat_zones(fx.b, &cursor, &st, &n), 0);
    return st;
}

/* Hugepages of the host that the zone has. */
static void zone_has(long nr)
{
    const struct buddyd_zone_stat st = stat_zone();

    assert_int_equal(st.managed_pages, nr * 512);
    assert_int_equal(st.max_bytes, st.zone.bytes);
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages - nr);
}

static int zone(const char *how, const char *size)
{
    const char *const args[] = {"zone", how, "test", size, NULL};

    return daemon_proc_ctl(&fx.daemon, args, fx.out, fx.err);
}

static int get(enum buddyd_type type, unsigned order, struct buddyd_block *ret)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = type;
    rq.order = order;
    return buddyd_alloc(fx.b, &rq, ret);
}

static void grows_and_gives_back(void **state)
{
    struct buddyd_block block;

    (void)state;
    zone_has(SIZE);
    assert_int_equal(zone("grow", "32M"), 0);
    assert_string_equal(fx.out, "zone test has 96 MiB\n");
    zone_has(SIZE + 16);
    assert_int_equal(get(BUDDYD_UNMOVABLE, 14, &block), 0);
    assert_int_equal(zone("shrink", "64M"), 1);
    zone_has(SIZE + 16);
    assert_int_equal(buddyd_free(fx.b, block.handle), 0);
    assert_int_equal(zone("shrink", "64M"), 0);
    zone_has(16);
    assert_int_equal(zone("grow", "200M"), 1);
    assert_non_null(strstr(fx.err, "max_size"));
    zone_has(16);
}

/* The pool has not so many: what was got is given back, and it is said how to get more. */
static void more_than_the_host_has(void **state)
{
    (void)state;
    if (!host_on_hugepages())
        skip();
    assert_int_equal(zone("grow", "100G"), 1);
    assert_non_null(strstr(fx.err, "cannot grow by 100 GiB"));
    assert_non_null(strstr(fx.err, "reserve more with: "));
    zone_has(SIZE);
}

static void what_is_in_the_way_is_named(void **state)
{
    struct buddyd_block block;

    (void)state;
    assert_int_equal(get(BUDDYD_UNMOVABLE, 14, &block), 0);
    assert_int_equal(zone("shrink", "64M"), 1);
    assert_non_null(strstr(fx.out, "tenant"));
    assert_non_null(strstr(fx.out, "unmovable"));
    zone_has(SIZE);
}

static void *pinned(const struct buddyd_block *block)
{
    void *p;

    assert_int_equal(buddyd_pin(fx.b, block, &p), 0);
    return p;
}

/* Blocks of mixed types and orders all over the zone; of those that stay each knows its handle. */
static void age(unsigned long seed)
{
    static const enum buddyd_type types[] = {BUDDYD_MOVABLE, BUDDYD_RECLAIMABLE};
    size_t pages = 0;

    srand((unsigned)seed);
    /* Up to what can be had without discarding any of it. */
    while (pages < PAGES / 20 * 19) {
        assert_int_equal(get(types[rand() % 2], (unsigned)rand() % 6, &blocks[nr_blocks]), 0);
        pages += (size_t)1 << blocks[nr_blocks++].order;
    }
    for (size_t i = 0; i < nr_blocks;) {
        if (rand() % 20 < 13) {
            assert_int_equal(buddyd_free(fx.b, blocks[i].handle), 0);
            blocks[i] = blocks[--nr_blocks];
        } else {
            *(uint64_t *)pinned(&blocks[i]) = blocks[i].handle;
            buddyd_unpin(fx.b, &blocks[i]);
            i++;
        }
    }
}

/* Everything that is not discarded has its content; nothing that is movable is discarded. */
static size_t check_blocks(void)
{
    size_t nr_discarded = 0;

    for (size_t i = 0; i < nr_blocks; i++) {
        void *p;
        int rc = buddyd_pin(fx.b, &blocks[i], &p);

        if (rc == -ENODATA) {
            nr_discarded++;
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(*(uint64_t *)p == blocks[i].handle);
        buddyd_unpin(fx.b, &blocks[i]);
    }
    return nr_discarded;
}

static void a_large_block_from_an_aged_zone(void **state)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    (void)state;
    age(host_seed());
    rq.order = BIG;
    rq.type = BUDDYD_UNMOVABLE;
    assert_int_equal(buddyd_alloc(fx.b, &rq, &block), -ENOMEM);
    rq.timeout_ms = PATIENCE_MS;
    if (buddyd_alloc(fx.b, &rq, &block) != 0)
        fail_msg("%s", buddyd_error());
    memset(pinned(&block), 0xff, block.bytes);
    print_message("%zu of %zu blocks were discarded\n", check_blocks(), nr_blocks);
}

static void an_aged_zone_shrinks(void **state)
{
    (void)state;
    age(host_seed());
    if (zone("shrink", "24M") != 0)
        fail_msg("%s%s", fx.out, fx.err);
    zone_has(SIZE - 12);
    print_message("%zu of %zu blocks were discarded\n", check_blocks(), nr_blocks);
}

/* It grows for a request that waits, and goes back when the block has. */
static void a_zone_has_what_it_needs(void **state)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block[3];
    uint64_t most, has;
    int64_t until;

    (void)state;
    rq.order = BIG; /* two of them are all of its size */
    rq.timeout_ms = PATIENCE_MS;
    for (unsigned i = 0; i < 3; i++) {
        if (buddyd_alloc(fx.b, &rq, &block[i]) != 0)
            fail_msg("%s", buddyd_error());
    }
    most = stat_zone().managed_pages;
    assert_true(most > SIZE * 512);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(buddyd_free(fx.b, block[i].handle), 0);
    until = host_now_ms() + PATIENCE_MS;
    /* It gives half at a time; the zone is shorter before its memory is punched. */
    do {
        has = stat_zone().managed_pages;
        assert_true(host_now_ms() < until);
    } while (has == most ||
             (host_on_hugepages() && host_free_hugepages() != fx.hugepages - (long)(has / 512)));
    assert_true(has >= SIZE * 512);
}

static void there_is_no_such_node(void **state)
{
    const char *const args[] = {"migrate", "1", "999", NULL};
    uint64_t moved = 9, left = 9;

    (void)state;
    assert_int_equal(daemon_proc_ctl(&fx.daemon, args, fx.out, fx.err), 1);
    assert_non_null(strstr(fx.err, "node 999: this host has no such node"));
    assert_int_equal(buddyd_migrate(fx.b, 0, 0, 0, &moved, &left), 0);
    assert_int_equal(moved + left, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(grows_and_gives_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_the_host_has, set_up_too_large, tear_down),
        cmocka_unit_test_setup_teardown(what_is_in_the_way_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_block_from_an_aged_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_aged_zone_shrinks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_zone_has_what_it_needs, set_up_giving, tear_down),
        cmocka_unit_test_setup_teardown(there_is_no_such_node, set_up, tear_down),
    };
    int rc = host_choose_backing(argc, argv);

    return rc ? rc : cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
