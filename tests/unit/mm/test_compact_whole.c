/* SPDX-License-Identifier: Apache-2.0 */
/* test_compact_whole.c: compaction of a whole zone: how good it is, and for how many copies. */
#include <stdlib.h>

#include "compact_world.h"
#include "mm/contig.h"
#include "mm/hotplug.h"
#include "rng.h"

static struct compact_world w;
static struct compaction c;

static struct compact_request whole(void)
{
    struct compact_request rq = world_request(COMPACT_WHOLE_ZONE);

    rq.priority = COMPACT_FULL;
    return rq;
}

static pfn_t nr_empty(void)
{
    struct zone_stat st;

    zone_stat(w.z, &st);
    return st.empty_pageblocks;
}

/* Those with least go, wherever they lie, into the fullest. */
static void least_first(void **state)
{
    const struct compact_request rq = whole();

    (void)state;
    for (unsigned budget = 1; budget <= 1000; budget = budget * 3 + 1) {
        world_open(&w, 6, 1);
        WORLD_DRAW(&w, "mmmmmmmmmmmm....", "m.m.............", "mmmmmmmm........",
                   "................", "mmmmmmmmmmmmmm..", "m.m.............");
        assert_int_equal(world_run(&w, &c, &rq, budget), COMPACT_SUCCESS);
        ASSERT_DRAWN(&w, "mmmmmmmmmmmmmm..", "................", "mmmmmmmm........",
                     "................", "mmmmmmmmmmmmmmmm", "................");
        assert_int_equal(c.moved_pages, 4);
        world_close(&w);
    }
}

/* Large blocks leave small places to small ones. */
static void what_fits_best(void **state)
{
    const struct compact_request rq = whole();

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.1-2---........", "................", "................", "mmmmmmmmmmmmmmmm",
               "mmmmmmmm..m.m.mm", "mmmmmmmmmmmm....");
    assert_true(nr_empty() == 2);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_int_equal(nr_empty(), 3);
    assert_int_equal(c.moved_pages, 7);
    assert_int_equal(world_at(&w, 5 * P + 12)->order, 2);
    assert_int_equal(world_at(&w, 4 * P + 8)->order, 1);
    world_close(&w);
}

/* Pageblocks that cannot be emptied are filled, and no empty one is broken for that. */
static void beside_what_stays(void **state)
{
    struct compact_request rq = whole();

    (void)state;
    world_open(&w, 8, 1);
    WORLD_DRAW(&w, "u...............", "m.m.m...........", "................", "m...............",
               "mmmmmmmmmm......", "uuuuuuuu........", "................", "................");
    world_at(&w, 3 * P)->pinned = true;
    rq.priority = COMPACT_LIGHT;
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_int_equal(nr_empty(), 5); /* of 8 */
    assert_int_equal(c.pinned_pages, 1);
    assert_int_equal(c.moved_pages, 13);
    assert_pageblocks(w.z, 1, 7, 0);
    assert_block(w.z, 5 * P + 8, BLOCK_FREE, 3); /* another type's */
    world_close(&w);
}

/* As the last means into other types' pageblocks; reclaimable blocks, too. */
static void into_other_types(void **state)
{
    struct compact_request rq = whole();

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.m...........", "rrrrrrrr........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "uuuuuuuu........");
    rq.priority = COMPACT_LIGHT;
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 0);
    rq.priority = COMPACT_FULL;
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_int_equal(nr_empty(), 1);
    assert_int_equal(c.moved_pages, 3);
    world_close(&w);
}

static void reserved_pageblocks(void **state)
{
    const struct compact_request rq = whole();
    pfn_t pfn;

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "................", "m...............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "m...............");
    assert_int_equal(zone_cma_init(w.z, 0, P, NULL), 0);
    assert_int_equal(zone_isolate_range(w.z, 5 * P, P, NULL), 0);
    assert_int_equal(try_take(w.z, 0, MIGRATE_MOVABLE, 0, ALLOC_CMA | (1u << 18), &pfn), 0);
    assert_int_equal(pfn, 0);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 1); /* into the area, which never is a source */
    assert_int_equal(nr_empty(), 1);
    give(w.z, 0);
    world_close(&w);
}

/* Each domain's blocks for themselves. */
static void domains(void **state)
{
    const struct compact_request rq = whole();

    (void)state;
    world_open(&w, 16, 3);
    for (unsigned i = 0; i < 2 * P; i++) {
        for (unsigned d = 0; d < 3; d++)
            assert_int_equal(world_take(&w, 0, MIGRATE_MOVABLE, d), 3 * i + d);
    }
    for (unsigned i = 0; i < 2 * P; i += 2) {
        for (unsigned d = 0; d < 3; d++)
            world_free(&w, 3 * i + d);
    }
    assert_int_equal(nr_empty(), 10);
    assert_int_equal(world_run(&w, &c, &rq, 7), COMPACT_SUCCESS);
    assert_int_equal(nr_empty(), 13);
    assert_int_equal(c.moved_pages, 24);
    for (unsigned d = 0; d < 3; d++)
        assert_int_equal(zone_held_pages(w.z, d), P);
    world_close(&w);
}

/* Together they have room for a pageblock, but none has enough of its own: nothing moves. */
static void no_room_in_any_domain(void **state)
{
    const struct compact_request rq = whole();

    (void)state;
    world_open(&w, 8, 2);
    for (unsigned i = 0; i < 2 * P; i++) {
        for (unsigned d = 0; d < 2; d++)
            assert_int_equal(world_take(&w, 0, MIGRATE_MOVABLE, d), 2 * i + d);
    }
    for (unsigned i = 0; i < 2 * P; i += 3)
        world_free(&w, 2 * i + 1);
    for (unsigned i = 0; i < 2 * P; i += 3)
        world_free(&w, 2 * i);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 0);
    world_close(&w);
}

static void no_further_than_wanted(void **state)
{
    struct compact_request rq = whole();

    (void)state;
    world_open(&w, 16, 1);
    {
        const char *rows[16];

        for (int i = 0; i < 16; i++)
            rows[i] = "mm..mm..mm..mm..";
        world_draw(&w, rows, 16);
    }
    assert_int_equal(zone_compact_score(w.z), 100);
    rq.stop_score = 50;
    assert_int_equal(world_run(&w, &c, &rq, 10), COMPACT_SUCCESS);
    assert_in_range(zone_compact_score(w.z), 30, 50);
    assert_in_range(nr_empty(), 4, 6);
    world_close(&w);
}

/* Others take and give, the zone shrinks and grows: nothing is believed for longer than it holds.
 */
static void the_zone_changes_meanwhile(void **state)
{
    const struct compact_request rq = whole();
    struct zone_obstacle o;
    struct evacuation ev;
    enum compact_result r;

    (void)state;
    for (unsigned when = 0; when < 120; when++) {
        world_open(&w, 12, 1);
        WORLD_DRAW(&w, "m.m.m.m.m.m.m...", "m.m.m.m.m.m.....", "mmmmmmmmmmmm....",
                   "mmmmmmmmmmmmmm..", "m.m.m...........", "mmmmmmmm........", "mm..mm..mm......",
                   "m...............", "m...............", "m...............", "mmmm............",
                   "mmmmm...........");
        assert_int_equal(compact_begin(&c, w.z, &rq), 0);
        for (unsigned i = 0; i < when; i++) {
            (void)compact_step(&c, 1);
            if (w.nr_moves > 2)
                world_end(&w, 0, true);
        }
        world_end_all(&w);
        for (unsigned i = 0; i < w.nr_blocks; i++) {
            if (w.block[i].live && w.block[i].pfn >= 8 * P)
                world_free(&w, i);
        }
        assert_int_equal(zone_shrink(w.z, 4 * P, false, &ev, &o), 0);
        assert_zone_ok(w.z);
        while ((r = compact_step(&c, 1)) == COMPACT_CONTINUE)
            world_end_all(&w);
        assert_int_equal(r, COMPACT_SUCCESS);
        assert_true(nr_empty() >= 3);
        assert_int_equal(zone_grow(w.z, 4 * P, 0), 0);
        world_close(&w);
    }
}

/* A zone as it ages: blocks of orders 0 to 6 come and go at random. */
static unsigned age(struct rng *r, unsigned percent)
{
    unsigned pages = 0, wanted = zone_nr_pages(w.z) * percent / 100;

    for (;;) {
        int name = world_take(&w, rng_below(r, 4), MIGRATE_MOVABLE, 0);

        if (name < 0 && world_take(&w, 0, MIGRATE_MOVABLE, 0) < 0)
            break;
    }
    for (unsigned i = 0; i < w.nr_blocks; i++)
        pages += w.block[i].live ? 1u << w.block[i].order : 0;
    while (pages > wanted) {
        unsigned n = rng_below(r, w.nr_blocks);

        if (!w.block[n].live)
            continue;
        pages -= 1u << w.block[n].order;
        world_free(&w, n);
    }
    return pages;
}

static int ascending(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Pages that have to be copied at least: what the pageblocks with least hold. */
static unsigned least_copies(unsigned nr)
{
    int live[WORLD_PAGES / P] = {0};
    unsigned sum = 0;

    for (unsigned i = 0; i < w.nr_blocks; i++)
        live[w.block[i].pfn / P] += w.block[i].live ? 1 << w.block[i].order : 0;
    qsort(live, zone_nr_pages(w.z) / P, sizeof(live[0]), ascending);
    for (unsigned i = 0; i < nr; i++)
        sum += (unsigned)live[i];
    return sum;
}

/* All that is live can move: as many pageblocks are empty as can be, for hardly more than must be
 * copied. */
static void the_ideal(void **state)
{
    const struct compact_request rq = whole();
    const char *seed = getenv("BUDDYD_SEED");
    struct rng r = {.state = seed ? strtoull(seed, NULL, 0) : 1};
    unsigned won = 0, ideal = 0, copied = 0, least = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)r.state);
    for (unsigned i = 0; i < 60; i++) {
        unsigned live, best;

        world_open(&w, 64, 1);
        live = age(&r, 10 + i % 9 * 10);
        best = 64 - (live + P - 1) / P;
        ideal += best;
        least += least_copies(best);
        assert_int_equal(world_run(&w, &c, &rq, 64), COMPACT_SUCCESS);
        won += nr_empty();
        copied += (unsigned)c.moved_pages;
        world_close(&w);
    }
    print_message("%u of %u pageblocks, %u pages copied, at least %u\n", won, ideal, copied, least);
    assert_true(won * 100 >= ideal * 99);
    assert_true(copied * 100 <= least * 110);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(least_first),
        cmocka_unit_test(what_fits_best),
        cmocka_unit_test(beside_what_stays),
        cmocka_unit_test(into_other_types),
        cmocka_unit_test(reserved_pageblocks),
        cmocka_unit_test(domains),
        cmocka_unit_test(no_room_in_any_domain),
        cmocka_unit_test(no_further_than_wanted),
        cmocka_unit_test(the_zone_changes_meanwhile),
        cmocka_unit_test(the_ideal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
