/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory.c: zones that come and go, and in which order a request from each node tries them. */
#include "mm/memory.h"

#include <string.h>

#include "mm/hotplug.h"
#include "mm/isolate.h"
#include "path_fixture.h"

static struct path_fixture f; /* too large for a stack */

/* ---- the order of nodes ---- */

/* A zone on each node of the mask; the ids are those of the nodes in ascending order. */
static void open_nodes(struct mm_topology *t, uint64_t with_memory)
{
    struct path_zone zones[PATH_ZONES];
    unsigned nr = 0;

    for (unsigned n = 0; n < t->nr_nodes; n++) {
        if (with_memory >> n & 1)
            zones[nr++] = (struct path_zone){ZONE_NORMAL, .node = n, .nr_pages = 128};
    }
    path_open(&f, zones, nr, t);
}

/* The nodes of a list are these digits. */
static void assert_nodes(const struct zonelist *zl, const char *expected)
{
    char nodes[MAX_ZONES + 1] = "";

    for (unsigned i = 0; i < zl->nr; i++)
        nodes[i] = (char)('0' + f.zf[zl->id[i]].config.node);
    assert_string_equal(nodes, expected);
}

static void assert_all(const char *const *expected)
{
    for (unsigned n = 0; n < f.m.topology.nr_nodes; n++) {
        char own[2] = {(char)('0' + n), '\0'};

        assert_nodes(&f.m.all[n], expected[n]);
        assert_nodes(&f.m.local[n], strchr(expected[n], own[0]) ? own : "");
    }
}

static void one_node(void **state)
{
    struct mm_topology t = {0};

    (void)state;
    assert_int_equal(memory_init(&f.m, 12, NULL), 0);
    assert_int_equal(f.m.topology.nr_nodes, 1);
    assert_int_equal(memory_init(&f.m, 12, &t), 0);
    assert_int_equal(f.m.topology.nr_nodes, 1);
    t.nr_nodes = 1;
    open_nodes(&t, 1);
    assert_all((const char *const[]){"0"});
    path_close(&f);
}

static void two_nodes(void **state)
{
    struct mm_topology t = {.nr_nodes = 2};

    (void)state;
    open_nodes(&t, 3);
    assert_all((const char *const[]){"01", "10"});
    path_close(&f);
}

/* All are as far apart: each node's list begins behind itself, and the first of them take turns. */
static void four_equal_nodes(void **state)
{
    struct mm_topology t = {.nr_nodes = 4};

    (void)state;
    open_nodes(&t, 15);
    assert_all((const char *const[]){"0123", "1230", "2301", "3012"});
    path_close(&f);
    t.cpus = 15; /* all have processors: as if none had */
    open_nodes(&t, 15);
    assert_all((const char *const[]){"0123", "1230", "2301", "3012"});
    path_close(&f);
}

/* Four below, of which none comes before the others: it is the load alone that rotates. */
static void ties_take_turns(void **state)
{
    struct mm_topology t = {.nr_nodes = 8};
    unsigned first[8] = {0};

    (void)state;
    open_nodes(&t, 0x0f); /* nodes 4 to 7 have no memory: 0 to 3 are all below them */
    assert_nodes(&f.m.all[0], "0123");
    assert_nodes(&f.m.all[1], "1230");
    assert_nodes(&f.m.all[2], "2301");
    assert_nodes(&f.m.all[3], "3012");
    for (unsigned n = 4; n < 8; n++) {
        assert_int_equal(f.m.all[n].nr, 4);
        assert_int_equal(f.m.local[n].nr, 0);
        first[f.zf[f.m.all[n].id[0]].config.node]++;
    }
    /* 0 to 3 have been first once each before: it goes round once more. */
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(first[n], 1);
    path_close(&f);
}

static void processors_are_a_penalty(void **state)
{
    struct mm_topology t = {.nr_nodes = 4, .cpus = 1 << 0 | 1 << 1};

    (void)state;
    open_nodes(&t, 15);
    assert_all((const char *const[]){"0231", "1320", "2301", "3201"});
    path_close(&f);
}

static void distance_comes_first(void **state)
{
    struct mm_topology t = {
        .nr_nodes = 4,
        .distance = {{10, 32, 16, 22}, {32, 10, 22, 16}, {16, 22, 10, 32}, {22, 16, 32, 10}}};

    (void)state;
    open_nodes(&t, 15);
    assert_all((const char *const[]){"0231", "1320", "2013", "3102"});
    path_close(&f);
}

/* Missing distances are 20; a distance of one step makes up for being below. */
static void distances_may_be_missing(void **state)
{
    struct mm_topology t = {.nr_nodes = 3};

    (void)state;
    t.distance[1][2] = 21; /* as far as node 0, which is below, at 20 + 1 */
    t.distance[2][0] = 19;
    open_nodes(&t, 7);
    /* From 1: 0 is 21 and has no load, 2 is 21 and has none either: the lower one is found first.
     */
    assert_all((const char *const[]){"012", "102", "201"});
    path_close(&f);
}

/* Two sockets of four nodes each: 12 within, 20 between. */
static void eight_nodes_of_two_sockets(void **state)
{
    struct mm_topology t = {.nr_nodes = 8, .cpus = 0xff};

    (void)state;
    for (unsigned a = 0; a < 8; a++) {
        for (unsigned b = 0; b < 8; b++)
            t.distance[a][b] = a == b ? 10 : a / 4 == b / 4 ? 12 : 20;
    }
    open_nodes(&t, 0xff);
    /*
     * Within a socket each begins behind itself, as with four nodes. Across, of those above: 4
     * first, but who has been first before stands back: from 0 it is 4, from 1 it is 5, 2: 6, 3: 7.
     * Those of the upper socket see all others below, each of which has been first once or twice.
     */
    assert_nodes(&f.m.all[0], "01234567");
    assert_nodes(&f.m.all[1], "12305674");
    assert_nodes(&f.m.all[2], "23016745");
    assert_nodes(&f.m.all[3], "30127456");
    for (unsigned n = 4; n < 8; n++) {
        uint64_t seen = 0;

        assert_int_equal(f.m.all[n].nr, 8);
        assert_int_equal(f.zf[f.m.all[n].id[0]].config.node, n);
        for (unsigned i = 0; i < 8; i++) {
            assert_int_equal(f.zf[f.m.all[n].id[i]].config.node / 4, i < 4 ? 1 : 0);
            seen |= 1u << f.zf[f.m.all[n].id[i]].config.node;
        }
        assert_int_equal(seen, 0xff);
    }
    path_close(&f);
}

static void nodes_without_memory_are_left_out(void **state)
{
    struct mm_topology t = {.nr_nodes = 4};

    (void)state;
    open_nodes(&t, 0xa);
    assert_all((const char *const[]){"13", "13", "31", "31"});
    path_close(&f);
}

/* ---- several zones on a node ---- */

static void assert_ids(const struct zonelist *zl, unsigned nr, const unsigned *ids)
{
    assert_int_equal(zl->nr, nr);
    for (unsigned i = 0; i < nr; i++)
        assert_int_equal(zl->id[i], ids[i]);
}

static void the_highest_kind_comes_first(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_DMA32, .node = 0, .nr_pages = 128},    {ZONE_NORMAL, .node = 1, .nr_pages = 128},
        {ZONE_NORMAL, .node = 0, .nr_pages = 128},   {ZONE_MOVABLE, .node = 1, .nr_pages = 128},
        {ZONE_GIGANTIC, .node = 0, .nr_pages = 128}, {ZONE_NORMAL, .node = 0, .nr_pages = 128},
        {ZONE_MOVABLE, .node = 0, .nr_pages = 128},
    };
    static const struct mm_topology t = {.nr_nodes = 2};

    (void)state;
    path_open(&f, zones, 7, &t);
    assert_ids(&f.m.all[0], 7, (unsigned[]){4, 6, 2, 5, 0, 3, 1});
    assert_ids(&f.m.all[1], 7, (unsigned[]){3, 1, 4, 6, 2, 5, 0});
    assert_ids(&f.m.local[0], 5, (unsigned[]){4, 6, 2, 5, 0});
    assert_ids(&f.m.local[1], 2, (unsigned[]){3, 1});
    path_close(&f);
}

static void an_empty_zone_is_not_tried(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = 256},
        {ZONE_NORMAL, .node = 1, .nr_pages = 256},
    };
    static const struct mm_topology t = {.nr_nodes = 2};
    struct evacuation ev;

    (void)state;
    path_open(&f, zones, 2, &t);
    assert_int_equal(zone_shrink(f.zf[0].z, 256, false, &ev, NULL), 0);
    memory_rebuild(&f.m);
    assert_ids(&f.m.all[0], 1, (unsigned[]){1});
    assert_ids(&f.m.local[0], 0, NULL);
    assert_int_equal(zone_grow(f.zf[0].z, 128, 0), 0);
    memory_rebuild(&f.m);
    assert_ids(&f.m.all[0], 2, (unsigned[]){0, 1});
    assert_ids(&f.m.local[0], 1, (unsigned[]){0});
    path_close(&f);
}

/* Nor does its node take a turn. */
static void an_empty_zones_node_has_no_memory(void **state)
{
    struct mm_topology t = {.nr_nodes = 4};
    struct evacuation ev;

    (void)state;
    open_nodes(&t, 15);
    assert_int_equal(zone_shrink(f.zf[1].z, 128, false, &ev, NULL), 0);
    memory_rebuild(&f.m);
    assert_nodes(&f.m.all[0], "023");
    assert_nodes(&f.m.all[1], "320");
    assert_nodes(&f.m.local[1], "");
    path_close(&f);
}

/* ---- coming and going ---- */

static void ids_stay(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 128},
        {ZONE_NORMAL, .nr_pages = 128},
        {ZONE_NORMAL, .nr_pages = 128},
    };
    unsigned sequence;

    (void)state;
    path_open(&f, zones, 3, NULL);
    sequence = f.m.sequence;
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    assert_int_equal(f.m.sequence, sequence + 1);
    assert_int_equal(f.m.nr_zones, 3);
    assert_null(f.m.zone[1]);
    assert_ids(&f.m.all[0], 2, (unsigned[]){0, 2});
    assert_int_equal(memory_remove_zone(&f.m, 1), -ENOENT);
    assert_int_equal(memory_add_zone(&f.m, f.zf[1].z, 2), -EEXIST);
    assert_int_equal(memory_add_zone(&f.m, f.zf[1].z, MAX_ZONES), -EINVAL);
    assert_int_equal(f.m.sequence, sequence + 1); /* what fails changes nothing */
    assert_int_equal(memory_add_zone(&f.m, f.zf[1].z, 63), 63);
    assert_int_equal(f.m.nr_zones, 64);
    assert_ids(&f.m.all[0], 3, (unsigned[]){0, 2, 63});
    assert_int_equal(memory_remove_zone(&f.m, 63), 0);
    assert_int_equal(f.m.nr_zones, 3);
    assert_int_equal(memory_add_zone(&f.m, f.zf[1].z, -1), 1);
    assert_int_equal(memory_remove_zone(&f.m, 2), 0);
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    assert_int_equal(f.m.nr_zones, 1);
    assert_int_equal(memory_remove_zone(&f.m, 0), 0);
    assert_int_equal(f.m.nr_zones, 0);
    assert_int_equal(f.m.all[0].nr, 0);
    assert_int_equal(memory_remove_zone(&f.m, 0), -ENOENT);
    assert_int_equal(memory_remove_zone(&f.m, 64), -ENOENT);
    path_close(&f);
}

static void what_is_in_use_is_not_removed(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 256, .nr_domains = 2},
    };
    pfn_t pfn, passing;
    struct zone *z;

    (void)state;
    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    pfn = take(z, 0, MIGRATE_MOVABLE);
    assert_int_equal(memory_remove_zone(&f.m, 0), -EBUSY);
    assert_int_equal(f.m.nr_zones, 1);
    give(z, pfn);
    assert_int_equal(try_take(z, 0, MIGRATE_MOVABLE, 1, 0, &pfn), -EINPROGRESS);
    assert_int_equal(memory_remove_zone(&f.m, 0), -EBUSY);
    passing = f.zf[0].populate[0].pfn;
    assert_int_equal(zone_populate_fail(z, passing, 0), 0); /* a pageblock without memory */
    assert_int_equal(zone_isolate_range(z, PATH_P, PATH_P, NULL), 0);
    assert_int_equal(memory_remove_zone(&f.m, 0), -EBUSY);
    assert_int_equal(zone_undo_isolate(z, PATH_P, PATH_P), 0);
    assert_int_equal(memory_remove_zone(&f.m, 0), 0);
    path_close(&f);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .node = 1, .nr_pages = 128}};
    static const struct mm_topology two = {.nr_nodes = 2};
    struct mm_topology t = {.nr_nodes = MAX_NODES};
    struct memory m = {.nr_zones = 77};

    (void)state;
    assert_int_equal(memory_init(&m, PAGE_SHIFT_MIN - 1, NULL), -EINVAL);
    assert_int_equal(memory_init(&m, PAGE_SHIFT_MAX + 1, NULL), -EINVAL);
    t.nr_nodes = MAX_NODES + 1;
    assert_int_equal(memory_init(&m, 12, &t), -EINVAL);
    assert_int_equal(m.nr_zones, 77);
    t.nr_nodes = MAX_NODES;
    assert_int_equal(memory_init(&m, PAGE_SHIFT_MIN, &t), 0);
    assert_int_equal(memory_init(&m, PAGE_SHIFT_MAX, &t), 0);
    assert_int_equal(m.nr_zones, 0);
    path_open(&f, zones, 1, &two);
    assert_int_equal(memory_init(&m, 12, NULL), 0);
    assert_int_equal(memory_add_zone(&m, f.zf[0].z, -1), -EINVAL); /* there is no node 1 */
    assert_int_equal(m.nr_zones, 0);
    path_close(&f);
}

static void the_host_is_full_with_64_zones(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 128}};
    struct zone *z;

    (void)state;
    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    for (int i = 1; i < (int)MAX_ZONES; i++)
        assert_int_equal(memory_add_zone(&f.m, z, -1), i);
    assert_int_equal(memory_add_zone(&f.m, z, -1), -ENOSPC);
    assert_int_equal(f.m.all[0].nr, MAX_ZONES);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node),
        cmocka_unit_test(two_nodes),
        cmocka_unit_test(four_equal_nodes),
        cmocka_unit_test(ties_take_turns),
        cmocka_unit_test(processors_are_a_penalty),
        cmocka_unit_test(distance_comes_first),
        cmocka_unit_test(distances_may_be_missing),
        cmocka_unit_test(eight_nodes_of_two_sockets),
        cmocka_unit_test(nodes_without_memory_are_left_out),
        cmocka_unit_test(the_highest_kind_comes_first),
        cmocka_unit_test(an_empty_zone_is_not_tried),
        cmocka_unit_test(an_empty_zones_node_has_no_memory),
        cmocka_unit_test(ids_stay),
        cmocka_unit_test(what_is_in_use_is_not_removed),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_host_is_full_with_64_zones),
    };

    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
