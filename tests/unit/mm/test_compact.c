/* SPDX-License-Identifier: Apache-2.0 */
/* test_compact.c: compaction for a block: the two scanners, and what they pass over. */
#include <string.h>

#include "compact_world.h"
#include "mm/contig.h"
#include "mm/hotplug.h"

static const char *const checkered[] = {
    "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.",
    "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.",
};

static struct compact_world w;
static struct compaction c;

static void requests_that_make_no_sense(void **state)
{
    struct compact_request rq = world_request(2);

    (void)state;
    world_open(&w, 8, 1);
    rq.order = 0;
    assert_int_equal(compact_begin(&c, w.z, &rq), -EINVAL);
    rq.order = COMPACT_WHOLE_ZONE + 1;
    assert_int_equal(compact_begin(&c, w.z, &rq), -EINVAL);
    rq = world_request(2);
    rq.type = NR_MOBILITIES;
    assert_int_equal(compact_begin(&c, w.z, &rq), -EINVAL);
    rq = world_request(2);
    rq.domain = 1;
    assert_int_equal(compact_begin(&c, w.z, &rq), -EINVAL);
    rq = world_request(2);
    rq.class = NR_ZONE_KINDS;
    assert_int_equal(compact_begin(&c, w.z, &rq), -EINVAL);
    world_close(&w);
}

static void one_at_a_time(void **state)
{
    const struct compact_request rq = world_request(2);
    struct compaction other;

    (void)state;
    world_open(&w, 8, 1);
    world_draw(&w, checkered, 8);
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    assert_int_equal(compact_begin(&other, w.z, &rq), -EBUSY);
    assert_int_equal(compact_step(&c, 0), COMPACT_CONTINUE);
    assert_int_equal(c.scanned, 0);
    compact_cancel(&c);
    assert_int_equal(compact_begin(&other, w.z, &rq), 0);
    compact_cancel(&other);
    world_close(&w);
}

/* From the start upwards, into what is free from the end downwards; all of a pageblock, for the
 * next requests; whatever the budget is. */
static void a_block_comes_to_be(void **state)
{
    const struct compact_request rq = world_request(2);

    (void)state;
    for (unsigned budget = 1; budget <= 1000; budget = budget * 3 + 1) {
        world_open(&w, 8, 1);
        world_draw(&w, checkered, 8);
        assert_int_equal(world_run(&w, &c, &rq, budget), COMPACT_SUCCESS);
        ASSERT_DRAWN(&w, "................", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.",
                     "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.",
                     "mmmmmmmmmmmmmmmm");
        assert_int_equal(c.moved_blocks, 8);
        assert_int_equal(c.moved_pages, 8);
        assert_int_equal(c.aborted_pages, 0);
        assert_int_equal(c.pinned_pages, 0);
        assert_int_equal(c.captured, PFN_NONE);
        world_close(&w);
    }
}

static void no_need(void **state)
{
    const struct compact_request rq = world_request(3);

    (void)state;
    world_open(&w, 8, 1);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.scanned, 0);
    world_close(&w);
}

/* A block is as large as it is: each goes where it fits, split off what is larger. */
static void blocks_of_any_order(void **state)
{
    const struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "2---m..m1-m.....", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "m...............",
               "mmmmmmmm........", "m.m.m.m.m.m.m.m.");
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "m...............",
                 "mmmmmmmm2---1-..", "mmmmmmm.m.m.m.m.");
    world_close(&w);
}

/* A window with a block that cannot move is left alone, wholly. */
static void what_stays_keeps_its_window(void **state)
{
    const struct compact_request rq = world_request(3);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.m.u.m.m.m.m.", "m.m.m.m.mmmmmmmu", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "m.m.m.m.m.m.m.m.");
    world_at(&w, 14)->pinned = true;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "m.m.m.u.m.m.m.m.", "........mmmmmmmu", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmmmmmmmm", "mmmmmmmmm.m.m.m.");
    assert_int_equal(c.pinned_pages, 1);
    world_close(&w);
}

/* Its owner took it between the look and the move. */
static void pinned_at_the_last_moment(void **state)
{
    const struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.............", "m.m.............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "m.m.m.m.m.m.m.m.");
    world_at(&w, 0)->grabbed = true;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "m.m.............", "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmmmmmmmm", "mmmmm.m.m.m.m.m.");
    assert_int_equal(c.pinned_pages, 1);
    world_close(&w);
}

/* It is looked at again just before it moves. */
static void pinned_between_two_steps(void **state)
{
    const struct compact_request rq = world_request(4);
    enum compact_result r;

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.............", "m.m.............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "m.m.m.m.m.m.m.m.");
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    while (w.nr_moves == 0)
        assert_int_equal(compact_step(&c, 1), COMPACT_CONTINUE);
    world_at(&w, 2)->pinned = true;
    while ((r = compact_step(&c, 1)) == COMPACT_CONTINUE)
        world_end_all(&w);
    assert_int_equal(r, COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "..m.............", "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmmmmmmmm", "mmmmmmm.m.m.m.m.");
    world_close(&w);
}

static void aborted_moves(void **state)
{
    const struct compact_request rq = world_request(4);
    enum compact_result r;

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.............", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu",
               "mmmmmmmmmmmmmmmu", "m.m.m.m.m.m.m.m.");
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    assert_int_equal(compact_step(&c, 100), COMPACT_CONTINUE);
    assert_int_equal(c.nr_moving, 2);
    assert_int_equal(compact_step(&c, 100), COMPACT_CONTINUE); /* waits */
    world_end(&w, 0, false);
    assert_int_equal(compact_step(&c, 100), COMPACT_CONTINUE);
    assert_int_equal(c.nr_moving, 1);
    world_end(&w, 0, true);
    while ((r = compact_step(&c, 100)) == COMPACT_CONTINUE)
        world_end_all(&w);
    assert_int_equal(r, COMPACT_FAILED);
    assert_int_equal(c.aborted_pages, 1);
    assert_int_equal(c.moved_pages, 1);
    world_close(&w);
}

/* No more than 32 moves at a time. */
static void many_moves(void **state)
{
    struct compact_request rq = world_request(6);
    enum compact_result r;

    (void)state;
    world_open(&w, 16, 1);
    {
        const char *rows[16];

        for (int i = 0; i < 16; i++)
            rows[i] = checkered[0];
        rows[0] = rows[1] = rows[2] = rows[3] = "mmm.mmm.mmm.m...";
        world_draw(&w, rows, 16);
    }
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    assert_int_equal(compact_step(&c, 100000), COMPACT_CONTINUE);
    assert_int_equal(c.nr_moving, COMPACT_MOVES);
    assert_int_equal(compact_step(&c, 100000), COMPACT_CONTINUE);
    assert_int_equal(w.nr_moves, COMPACT_MOVES);
    world_end(&w, 3, true);
    assert_int_equal(compact_step(&c, 100000), COMPACT_CONTINUE);
    assert_int_equal(w.nr_moves, COMPACT_MOVES);
    while ((r = compact_step(&c, 100000)) == COMPACT_CONTINUE)
        world_end_all(&w);
    assert_int_equal(r, COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 40);
    assert_int_equal(zone_largest_free_order(w.z, 0), 6);
    world_close(&w);
}

/* Several pageblocks together: blocks of a pageblock do not move. */
static void more_than_a_pageblock(void **state)
{
    const struct compact_request rq = world_request(5);

    (void)state;
    world_open(&w, 8, 1);
    WORLD_DRAW(&w, "m...............", "4---------------", "................", "m...m...........",
               "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "m.m.m.m.m.m.m.m.");
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "m...............", "4---------------", "................", "................",
                 "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmm.m.m.m.m.m.");
    world_close(&w);
}

/* ASYNC empties pageblocks of the request's own type, LIGHT any. */
static void sources_by_type(void **state)
{
    struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "rrrrrrrr........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "rrrrrrrr........", "mmmmmmmmmmmmmmmm");
    assert_pageblocks(w.z, 0, 4, 2);
    rq.flags |= COMPACT_IGNORE_SKIP;
    rq.priority = COMPACT_ASYNC;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    assert_int_equal(w.nr_moved, 0);
    rq.type = MIGRATE_RECLAIMABLE;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(w.nr_moved, 8);
    ASSERT_DRAWN(&w, "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "rrrrrrrrrrrrrrrr", "mmmmmmmmmmmmmmmm");
    world_close(&w);
}

/* Into pageblocks of other types only as the last means. */
static void targets_by_type(void **state)
{
    struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.m...........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "uuuuuuuuuuuu....");
    assert_pageblocks(w.z, 1, 5, 0);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    rq.priority = COMPACT_FULL;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmmmmmmmm", "uuuuuuuuuuuummm.");
    assert_pageblocks(w.z, 1, 5, 0);
    world_close(&w);
}

/* What finds no place for its type does not end the search for the other types' blocks. */
static void targets_of_one_type_alone(void **state)
{
    const struct compact_request rq = world_request(2);

    (void)state;
    world_open(&w, 8, 1);
    world_draw(&w,
               (const char *const[]){"r.r.r.r.r.r.r.r.", checkered[1], checkered[2], checkered[3],
                                     checkered[4], checkered[5], checkered[6], checkered[7]},
               8);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 8);
    world_close(&w);
}

static void half_a_pageblock_changes_its_type(void **state)
{
    struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "3-------........", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmmmmmmmmmm", "uuuuuuuu........");
    assert_pageblocks(w.z, 1, 5, 0);
    rq.priority = COMPACT_FULL;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmmmmmmmm", "uuuuuuuu3-------");
    assert_pageblocks(w.z, 0, 6, 0);
    world_close(&w);
}

static void isolated_pageblocks(void **state)
{
    const struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.m.m...........", "m.m.............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
               "mmmmmmmm........", "m...............");
    assert_int_equal(zone_isolate_range(w.z, 0, P, NULL), 0);
    assert_int_equal(zone_isolate_range(w.z, 5 * P, P, NULL), 0);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "m.m.m...........", "................", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm",
                 "mmmmmmmmmm......", "m...............");
    world_close(&w);
}

/* CMA areas take movable blocks; they are emptied for who may use them. */
static void cma_areas(void **state)
{
    struct compact_request rq = world_request(4);
    struct zone_request movable = {.type = MIGRATE_MOVABLE, .flags = ALLOC_CMA};
    pfn_t pfn;

    (void)state;
    world_open(&w, 6, 1);
    assert_int_equal(zone_cma_init(w.z, 0, P, NULL), 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(world_take(&w, 4, MIGRATE_MOVABLE, 0), i);
    movable.tag = w.nr_blocks++;
    assert_int_equal(zone_rmqueue(w.z, &movable, &pfn), 0);
    assert_true(pfn < P);
    w.block[movable.tag] = (struct world_block){.pfn = pfn, .live = true};
    w.page[pfn] = (uint32_t)movable.tag << 8;
    world_free(&w, 4);
    assert_true(world_take(&w, 1, MIGRATE_MOVABLE, 0) >= 0);
    rq.priority = COMPACT_ASYNC;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    rq.alloc_flags = ALLOC_CMA;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(w.nr_moved, 1);
    assert_int_equal(zone_nr_free_blocks(w.z, ORDER, MIGRATE_CMA), 1);
    world_close(&w);
}

/* Only blocks of the request's domain move, and within it. */
static void domains_keep_apart(void **state)
{
    struct compact_request rq = world_request(3);
    pfn_t was[4 * P];

    (void)state;
    world_open(&w, 8, 2);
    for (unsigned i = 0; i < 2 * P; i++) {
        for (unsigned d = 0; d < 2; d++)
            assert_int_equal(world_take(&w, 0, MIGRATE_MOVABLE, d), 2 * i + d);
    }
    while (world_take(&w, ORDER, MIGRATE_MOVABLE, 0) >= 0)
        ;
    for (unsigned i = 0; i < 2 * P; i += 2) {
        for (unsigned d = 0; d < 2; d++)
            world_free(&w, 2 * i + d);
    }
    for (unsigned i = 0; i < 4 * P; i++)
        was[i] = w.block[i].pfn;
    rq.domain = 1;
    rq.alloc_flags = ALLOC_NOWAIT;
    assert_int_equal(world_run(&w, &c, &rq, 10), COMPACT_SUCCESS);
    assert_int_equal(c.moved_pages, 8);
    for (unsigned i = 0; i < 4 * P; i += 2) {
        if (w.block[i].live)
            assert_int_equal(w.block[i].pfn, was[i]);
    }
    assert_int_equal(zone_held_pages(w.z, 1), P);
    world_close(&w);
}

/* Another domain's empty pageblock would do, for who can wait. */
static void empty_elsewhere(void **state)
{
    struct compact_request rq = world_request(3);

    (void)state;
    world_open(&w, 8, 2);
    while (world_take(&w, 0, MIGRATE_MOVABLE, 1) >= 0)
        ;
    for (pfn_t pfn = 0; pfn < P; pfn++)
        world_free(&w, (unsigned)(world_at(&w, pfn) - w.block));
    assert_int_equal(zone_resident(w.z, 0), 1);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    rq.alloc_flags = ALLOC_NOWAIT;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    world_close(&w);
}

/* The next run goes on where the last one was, and passes over what it found hopeless. */
static void runs_go_on(void **state)
{
    struct compact_request rq = world_request(4);

    (void)state;
    world_open(&w, 8, 1);
    WORLD_DRAW(&w, "m.u.............", "m.m.m...........", "m.m.............", "mmmmmmmmmmmmmmmu",
               "m.m.............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmm..........");
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    ASSERT_DRAWN(&w, "m.u.............", "................", "m.m.............", "mmmmmmmmmmmmmmmu",
                 "m.m.............", "mmmmmmmmmmmmmmmm", "mmmmmmmmmmmmmmmm", "mmmmmmmmm.......");
    assert_int_equal(c.window, P);
    assert_true(world_take(&w, ORDER, MIGRATE_MOVABLE, 0) >= 0);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.window, 2 * P);
    assert_true(world_take(&w, ORDER, MIGRATE_MOVABLE, 0) >= 0);
    rq.priority = COMPACT_FULL; /* from the start, and leaves no trace */
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.window, 4 * P);
    world_close(&w);
}

/* How many blocks a run looks at. */
static uint64_t looks(unsigned flags)
{
    struct compact_request rq = world_request(4);

    rq.flags |= flags;
    rq.priority = COMPACT_ASYNC; /* else it would be forgotten when the scanners meet */
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    return c.scanned;
}

static void hopeless_pageblocks_are_passed_over(void **state)
{
    struct compact_request rq = world_request(4);
    uint64_t first;

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.u.............", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu",
               "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmm.");
    first = looks(0);
    assert_true(first > 0);
    assert_int_equal(looks(0), 0);
    assert_int_equal(looks(COMPACT_IGNORE_SKIP), first);
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_FAILED);
    assert_int_equal(c.scanned, 0);
    assert_int_equal(compact_begin(&c, w.z, &rq), -EAGAIN);
    assert_int_equal(looks(0), first); /* they have met in earnest: all is forgotten */
    world_close(&w);
}

/* Smaller windows: a pageblock is hopeless if nothing of it moved, and its last window cannot. */
static void hopeless_to_the_last_window(void **state)
{
    struct compact_request rq = world_request(2);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "mm.um.m.mm.umm.u", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu",
               "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmm.mm");
    rq.priority = COMPACT_ASYNC;
    assert_int_equal(world_run(&w, &c, &rq, 3), COMPACT_FAILED);
    assert_int_equal(w.nr_moved, 1); /* of two: the second found no place */
    assert_true(c.scanned > 0);
    world_close(&w);
}

/* The zone ends before the scanners' places, and then grows behind them. */
static void the_zone_changes_meanwhile(void **state)
{
    const struct compact_request rq = world_request(4);
    struct zone_obstacle o;
    struct evacuation ev;
    enum compact_result r;

    (void)state;
    world_open(&w, 16, 1);
    {
        const char *rows[16];

        for (int i = 0; i < 16; i++)
            rows[i] = i < 12 ? "m.m.m.u.m.m.m.m." : "................";
        rows[11] = "................";
        rows[3] = "m.m.m.m.m.m.m.m.";
        world_draw(&w, rows, 16);
    }
    while (world_take(&w, ORDER, MIGRATE_MOVABLE, 0) >= 0)
        ;
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    for (unsigned i = 0; i < w.nr_blocks; i++) {
        if (w.block[i].live && w.block[i].order == ORDER)
            world_free(&w, i);
    }
    assert_int_equal(zone_shrink(w.z, 5 * P, false, &ev, &o), 0);
    while ((r = compact_step(&c, 5)) == COMPACT_CONTINUE)
        world_end_all(&w);
    assert_int_equal(r, COMPACT_SUCCESS);
    assert_int_equal(c.window, 3 * P);
    assert_int_equal(zone_grow(w.z, 5 * P, 0), 0);
    world_close(&w);
}

/* Cached places behind the zone's end. */
static void the_zone_has_shrunk(void **state)
{
    const struct compact_request rq = world_request(4);
    struct compact_request again = rq;
    struct zone_obstacle o;
    struct evacuation ev;

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "m...............",
               "m...............", "mmmm............");
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.window, 3 * P);
    for (unsigned i = 0; i < w.nr_blocks; i++) {
        if (w.block[i].live && w.block[i].pfn >= 3 * P)
            world_free(&w, i);
    }
    assert_int_equal(zone_shrink(w.z, 3 * P, false, &ev, &o), 0);
    again.flags |= COMPACT_IGNORE_SKIP;
    assert_int_equal(world_run(&w, &c, &again, 100), COMPACT_FAILED);
    assert_true(c.scanned > 0); /* from the start again */
    world_close(&w);
}

/* What is there is granted before anybody else can ask. */
static void capture(void **state)
{
    const struct zone_request wanted = {.order = 3, .type = MIGRATE_MOVABLE, .tag = 2047};
    struct compact_request rq = world_request(3);

    (void)state;
    world_open(&w, 8, 1);
    world_draw(&w, checkered, 8);
    rq.capture = &wanted;
    assert_int_equal(world_run(&w, &c, &rq, 100), COMPACT_SUCCESS);
    assert_int_equal(c.captured, 0);
    assert_tag(w.z, 0, 3, 2047);
    give(w.z, 0);
    world_close(&w);
}

/* While it is busy a block is freed, and its place taken by another of the same name. */
static void freed_while_it_moves(void **state)
{
    const struct compact_request rq = world_request(2);
    enum compact_result r;

    (void)state;
    world_open(&w, 8, 1);
    world_draw(&w, checkered, 8);
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    assert_int_equal(compact_step(&c, 40), COMPACT_CONTINUE);
    assert_true(w.nr_moves >= 2);
    world_free(&w, (unsigned)(world_at(&w, w.move[0].from) - w.block));
    world_free(&w, (unsigned)(world_at(&w, w.move[1].from) - w.block));
    world_end(&w, 1, false);
    while ((r = compact_step(&c, 40)) == COMPACT_CONTINUE)
        world_end_all(&w);
    assert_int_equal(r, COMPACT_SUCCESS);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_that_make_no_sense),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(a_block_comes_to_be),
        cmocka_unit_test(no_need),
        cmocka_unit_test(blocks_of_any_order),
        cmocka_unit_test(what_stays_keeps_its_window),
        cmocka_unit_test(pinned_at_the_last_moment),
        cmocka_unit_test(pinned_between_two_steps),
        cmocka_unit_test(aborted_moves),
        cmocka_unit_test(many_moves),
        cmocka_unit_test(more_than_a_pageblock),
        cmocka_unit_test(sources_by_type),
        cmocka_unit_test(targets_by_type),
        cmocka_unit_test(targets_of_one_type_alone),
        cmocka_unit_test(half_a_pageblock_changes_its_type),
        cmocka_unit_test(isolated_pageblocks),
        cmocka_unit_test(cma_areas),
        cmocka_unit_test(domains_keep_apart),
        cmocka_unit_test(empty_elsewhere),
        cmocka_unit_test(runs_go_on),
        cmocka_unit_test(hopeless_pageblocks_are_passed_over),
        cmocka_unit_test(hopeless_to_the_last_window),
        cmocka_unit_test(the_zone_changes_meanwhile),
        cmocka_unit_test(the_zone_has_shrunk),
        cmocka_unit_test(capture),
        cmocka_unit_test(freed_while_it_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
