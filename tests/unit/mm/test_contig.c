/* SPDX-License-Identifier: Apache-2.0 */
/* test_contig.c: contiguous ranges, for which what is granted there moves away; CMA areas. */
#include "mm/contig.h"

#include <stdlib.h>
#include <string.h>

#include "range_fixture.h"
#include "rng.h"

#define NR_TAGS 64u

static uint64_t tags[NR_TAGS];

static int set_tags(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NR_TAGS; i++)
        tags[i] = 0xc00 + i;
    return 0;
}

static struct contig_request request(pfn_t nr_pages)
{
    return (struct contig_request){
        .nr_pages = nr_pages,
        .type = MIGRATE_MOVABLE,
        .tag = tags,
        .nr_tags = NR_TAGS,
    };
}

/* The range is granted as the fewest aligned blocks, each with its tag. */
static void assert_granted(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    unsigned n = 0;

    for (pfn_t pfn = start; pfn < start + nr_pages; n++) {
        unsigned order = block_order_in(pfn, start + nr_pages);

        assert_tag(z, pfn, order, tags[n]);
        pfn += (pfn_t)1 << order;
    }
    assert_int_equal(n, block_count_in(start, nr_pages));
    assert_zone_ok(z);
}

static void free_range(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    while (nr_pages != 0) {
        pfn_t pages = (pfn_t)1 << block_order_in(start, start + nr_pages);

        give(z, start);
        start += pages;
        nr_pages -= pages;
    }
}

/* End all moves as they come, until the request has ended too; first is the next one to end. */
static int finish(struct zone_fixture *f, struct contig *c, unsigned first, struct zone_obstacle *o)
{
    int r = -EINPROGRESS;

    while (r == -EINPROGRESS) {
        (void)finish_move(f, first++);
        r = contig_continue(c, o);
        assert_zone_ok(f->z);
    }
    return r;
}

static void assert_refused_rq(struct zone_fixture *f, pfn_t start, const struct contig_request *rq,
                              int error, enum obstacle_reason reason, pfn_t pfn)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 0};
    unsigned nr_moves = f->nr_moves;
    struct memory_image before;
    struct contig c;

    memory_take(&before, f);
    assert_int_equal(alloc_contig_range(f->z, start, rq, &c, &o), error);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(alloc_contig_range(f->z, start, rq, &c, NULL), error);
    assert_int_equal(f->nr_moves, nr_moves);
    assert_same_memory(&before, f);
}

static void assert_refused(struct zone_fixture *f, pfn_t start, pfn_t nr_pages, int error,
                           enum obstacle_reason reason, pfn_t pfn)
{
    const struct contig_request rq = request(nr_pages);

    assert_refused_rq(f, start, &rq, error, reason, pfn);
}

static void the_fewest_aligned_blocks(void **state)
{
    (void)state;
    assert_int_equal(block_order_in(0, 1), 0);
    assert_int_equal(block_order_in(0, 7), 2);
    assert_int_equal(block_order_in(4, 7), 1);
    assert_int_equal(block_order_in(6, 100), 1);
    assert_int_equal(block_order_in(0, PFN_MAX_PAGES), MAX_PAGE_ORDER);
    assert_int_equal(block_order_in((pfn_t)1 << 20, (pfn_t)1 << 21), MAX_PAGE_ORDER);
    assert_int_equal(block_count_in(0, 0), 0);
    assert_int_equal(block_count_in(0, 1), 1);
    assert_int_equal(block_count_in(0, 7), 3);
    assert_int_equal(block_count_in(1, 14), 6);
    assert_int_equal(block_count_in(0, PFN_MAX_PAGES), 1024);
}

static void a_free_range_is_granted_at_once(void **state)
{
    static const pfn_t ranges[][2] = {
        {0, 1}, {0, P}, {70, 100}, {5, 3}, {P - 1, 2}, {0, 64 * P}, {64 * P - 1, 1}, {333, 500},
    };
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct contig_request rq = request(ranges[i][1]);
        struct zone_stat before, st;
        struct contig c;

        zone_stat(f.z, &before);
        assert_int_equal(alloc_contig_range(f.z, ranges[i][0], &rq, &c, NULL), 0);
        assert_int_equal(c.start, ranges[i][0]);
        assert_granted(f.z, ranges[i][0], ranges[i][1]);
        zone_stat(f.z, &st);
        assert_int_equal(st.free_pages, 64 * P - ranges[i][1]);
        assert_int_equal(st.isolated_pages, 0);
        assert_int_equal(st.allocs, before.allocs + block_count_in(ranges[i][0], ranges[i][1]));
        assert_int_equal(st.frees, before.frees);
        assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
        free_range(f.z, ranges[i][0], ranges[i][1]);
        assert_wholly_free(f.z);
        assert_pageblocks(f.z, 0, 64, 0);
    }
    assert_int_equal(f.nr_moves, 0);
    fixture_close(&f);
}

/* Blocks in the middle and at both edges move out, with their tags. */
static void what_is_granted_moves_away(void **state)
{
    const struct contig_request rq = request(3 * P - 2);
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 9};
    struct zone_fixture f;
    struct zone_stat st;
    struct contig c;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    for (pfn_t i = 0; i < 16 * P; i++)
        assert_int_equal(take_tag(f.z, 0, MIGRATE_MOVABLE, i), i);
    assert_int_equal(alloc_contig_range(f.z, 5 * P + 1, &rq, &c, &o), -EINPROGRESS);
    assert_int_equal(f.nr_moves, EVACUATE_MOVES);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 3);
    assert_int_equal(contig_continue(&c, &o), -EINPROGRESS); /* nothing has ended: nothing new */
    assert_int_equal(f.nr_moves, EVACUATE_MOVES);
    assert_int_equal(finish(&f, &c, 0, &o), 0);
    assert_obstacle(&o, OBSTACLE_NONE, 9);
    assert_int_equal(f.nr_moves, 3 * P);
    assert_granted(f.z, 5 * P + 1, 3 * P - 2);
    for (unsigned i = 0; i < f.nr_moves; i++) {
        assert_int_equal(f.move[i].from, 5 * P + i);
        assert_true(f.move[i].to >= 16 * P);
        assert_tag(f.z, f.move[i].to, 0, 5 * P + i);
    }
    assert_block(f.z, 5 * P, BLOCK_FREE, 0);
    assert_block(f.z, 8 * P - 1, BLOCK_FREE, 0);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 48 * P - 3 * P + 2);
    assert_int_equal(st.isolated_pages, 0);
    assert_int_equal(st.busy_pages, 0);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
    fixture_close(&f);
}

/* Ends come in any order; never more moves than asked for at a time. */
static void moves_that_end_out_of_order(void **state)
{
    struct contig_request rq = request(4 * P);
    unsigned ended[4 * P] = {0}, nr_ended = 0;
    struct rng rng = {3};
    struct zone_fixture f;
    struct contig c;
    int r;

    (void)state;
    rq.max_moves = 5;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, 0, MIGRATE_MOVABLE, 4 * P, 8 * P);
    r = alloc_contig_range(f.z, 4 * P, &rq, &c, NULL);
    while (r == -EINPROGRESS) {
        unsigned n = rng_below(&rng, f.nr_moves);

        assert_true(f.nr_moves - nr_ended <= 5);
        assert_true(f.nr_moves - nr_ended == 5 || f.nr_moves == 4 * P);
        if (ended[n]++)
            continue;
        (void)finish_move(&f, n);
        nr_ended++;
        r = contig_continue(&c, NULL);
        assert_zone_ok(f.z);
    }
    assert_int_equal(r, 0);
    assert_int_equal(nr_ended, 4 * P);
    assert_granted(f.z, 4 * P, 4 * P);
    fixture_close(&f);
}

static void owners_free_and_cut_meanwhile(void **state)
{
    struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    bool freed;
    pfn_t to;

    (void)state;
    rq.max_moves = 2;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, 1, MIGRATE_MOVABLE, 4 * P, 5 * P);
    assert_int_equal(alloc_contig_range(f.z, 4 * P, &rq, &c, NULL), -EINPROGRESS);
    give(f.z, 4 * P);     /* moves */
    give(f.z, 4 * P + 4); /* does not yet */
    give(f.z, 4 * P + 6); /* merges with that */
    assert_int_equal(zone_split(f.z, 4 * P + 8, 1), 0);
    assert_int_equal(contig_continue(&c, NULL), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 2);
    assert_int_equal(zone_move_done(f.z, 4 * P, &to, &freed), 0);
    assert_true(freed);
    assert_int_equal(contig_continue(&c, NULL), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 3);
    assert_int_equal(f.move[2].from, 4 * P + 8);
    assert_int_equal(f.move[2].order, 0);
    assert_int_equal(zone_move_abort(f.z, 4 * P + 2, &freed), 0);
    give(f.z, 4 * P + 2); /* so it need not move again */
    assert_int_equal(finish(&f, &c, 2, NULL), 0);
    assert_granted(f.z, 4 * P, P);
    fixture_close(&f);
}

static void a_block_that_is_left_last_ends_by_a_free(void **state)
{
    const struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    bool freed;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, ORDER, MIGRATE_MOVABLE, 4 * P, 5 * P);
    assert_int_equal(alloc_contig_range(f.z, 4 * P, &rq, &c, NULL), -EINPROGRESS);
    give(f.z, 4 * P);
    assert_int_equal(zone_move_abort(f.z, 4 * P, &freed), 0);
    assert_true(freed);
    assert_int_equal(contig_continue(&c, NULL), 0);
    assert_granted(f.z, 4 * P, P);
    free_range(f.z, 4 * P, P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block's move fails, and is tried again; each time another block leaves, the count begins anew.
 */
static void a_move_is_tried_again(void **state)
{
    struct contig_request rq = request(P);
    struct zone_fixture f;
    unsigned nr_aborts = 0;
    struct contig c;
    bool freed;
    int r;

    (void)state;
    rq.max_moves = 1;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, 2, MIGRATE_MOVABLE, 4 * P, 5 * P);
    r = alloc_contig_range(f.z, 4 * P, &rq, &c, NULL);
    while (r == -EINPROGRESS) {
        if (nr_aborts % (EVACUATE_TRIES + 1) < EVACUATE_TRIES)
            assert_int_equal(zone_move_abort(f.z, f.move[f.nr_moves - 1].from, &freed), 0);
        else
            (void)finish_move(&f, f.nr_moves - 1);
        nr_aborts++;
        r = contig_continue(&c, NULL);
    }
    assert_int_equal(r, 0);
    assert_int_equal(nr_aborts, 4 * (EVACUATE_TRIES + 1));
    assert_granted(f.z, 4 * P, P);
    fixture_close(&f);
}

/* One too often: what has moved has moved, what moves goes on, all is in use again. */
static void a_move_fails_too_often(void **state)
{
    const struct contig_request rq = request(2 * P);
    struct zone_obstacle o;
    struct zone_fixture f;
    struct zone_stat st;
    struct contig c;
    bool freed;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, ORDER - 1, MIGRATE_MOVABLE, 4 * P, 6 * P);
    assert_int_equal(alloc_contig_range(f.z, 4 * P, &rq, &c, &o), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 4);
    (void)finish_move(&f, 1);
    for (unsigned i = 0; i < EVACUATE_TRIES; i++) {
        assert_int_equal(zone_move_abort(f.z, 4 * P, &freed), 0);
        assert_int_equal(contig_continue(&c, &o), -EINPROGRESS);
    }
    assert_int_equal(zone_move_abort(f.z, 4 * P, &freed), 0);
    assert_int_equal(contig_continue(&c, &o), -EBUSY);
    assert_obstacle(&o, OBSTACLE_ABORTED, 4 * P);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 16);
    assert_block(f.z, 4 * P, BLOCK_ALLOCATED, ORDER - 1);
    assert_block(f.z, 4 * P + P / 2, BLOCK_FREE, ORDER - 1);
    assert_block(f.z, 5 * P, BLOCK_MOVING, ORDER - 1);
    (void)finish_move(&f, 2);
    assert_int_equal(zone_move_abort(f.z, 5 * P + P / 2, &freed), 0);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 14 * P);
    assert_int_equal(st.busy_pages, 0);
    fixture_close(&f);
}

static void cancel_puts_all_in_use_again(void **state)
{
    const struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, ORDER - 1, MIGRATE_MOVABLE, 4 * P, 5 * P);
    assert_int_equal(alloc_contig_range(f.z, 4 * P, &rq, &c, NULL), -EINPROGRESS);
    (void)finish_move(&f, 0);
    give(f.z, f.move[0].to); /* and not merged yet */
    evacuate_cancel(&c.ev);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 16);
    give(f.z, finish_move(&f, 1));
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A granted block that is larger than a pageblock, or lies over the edge, moves wholly. */
static void blocks_over_the_edge_move_wholly(void **state)
{
    const struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    fill_range(f.z, ORDER + 1, MIGRATE_MOVABLE, 8 * P, 12 * P);
    assert_int_equal(alloc_contig_range(f.z, 9 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 4);
    assert_int_equal(f.nr_moves, 2);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, 9 * P, 2 * P);
    assert_block(f.z, 8 * P, BLOCK_FREE, ORDER);
    assert_block(f.z, 11 * P, BLOCK_FREE, ORDER);
    fixture_close(&f);
}

static void refuses_what_must_stay(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, movable, first;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fixed = take(f.z, 2, MIGRATE_UNMOVABLE);
    movable = take(f.z, 2, MIGRATE_MOVABLE);
    assert_refused(&f, fixed, 1, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_refused(&f, fixed / P * P + P - 1, 1, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_refused(&f, 0, 16 * P, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_int_equal(zone_move_begin(f.z, movable), 0);
    first = movable < f.move[0].to ? movable : f.move[0].to;
    assert_int_equal(first / P, movable / P);
    assert_refused(&f, movable / P * P + P - 1, 1, -EBUSY, OBSTACLE_BUSY, first);
    assert_int_equal(zone_isolate_range(f.z, 5 * P, P, NULL), 0);
    assert_refused(&f, 4 * P, 2 * P, -EBUSY, OBSTACLE_ISOLATED, 5 * P);
    assert_int_equal(zone_undo_isolate(f.z, 5 * P, P), 0);
    fixture_close(&f);
}

/* Exactly enough room outside is enough; one page less is not. */
static void room_for_all_or_nothing_changes(void **state)
{
    const struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i++)
        give(f.z, 8 * P + 2 * i);
    pfn = take(f.z, 0, MIGRATE_MOVABLE);
    assert_refused(&f, 3 * P, P, -ENOMEM, OBSTACLE_NO_ROOM, 4 * P - 1);
    give(f.z, pfn);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, 3 * P, P);
    fixture_close(&f);
}

/* Free pages inside the range are no room for what has to leave it, nor is what is too small. */
static void room_must_be_outside_and_large_enough(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 1, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i += 2)
        give(f.z, 4 * P + i);
    assert_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 3 * P);
    assert_int_equal(zone_split(f.z, 8 * P, 0), 0);
    assert_int_equal(zone_split(f.z, 10 * P, 0), 0);
    give(f.z, 8 * P);
    give(f.z, 10 * P);
    assert_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 3 * P);
    for (pfn_t i = 2; i < P; i += 2)
        give(f.z, 9 * P + i);
    /* 7 blocks of order 1, and 8 have to leave. */
    assert_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 4 * P - 2);
    give(f.z, 9 * P);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, 3 * P, 2 * P);
    fixture_close(&f);
}

/* The part of a large free block that lies outside the range is room, on both sides. */
static void the_rest_of_a_free_block_is_room(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 4; i < 8; i++)
        give(f.z, i * P);
    assert_block(f.z, 4 * P, BLOCK_FREE, ORDER + 2);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_true(f.move[0].to >= 5 * P);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, 3 * P, 2 * P);
    free_range(f.z, 3 * P, 2 * P);
    give(f.z, f.move[0].to);

    /* And before it: 0 to 3 are free, 1 is asked for and 4. */
    for (pfn_t i = 0; i < 3; i++)
        give(f.z, i * P);
    assert_wholly_free(f.z);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < 4; i++)
        give(f.z, i * P);
    f.nr_moves = 0;
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_true(f.move[0].to < 3 * P);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    fixture_close(&f);
}

/* Others take the room after it was found. */
static void the_room_is_taken_meanwhile(void **state)
{
    struct contig_request rq = request(P);
    struct zone_obstacle o;
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    rq.max_moves = 1;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 1, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i += 2)
        give(f.z, 8 * P + i);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, &o), -EINPROGRESS);
    while (try_take(f.z, 0, MIGRATE_UNMOVABLE, 0, 0, &pfn) == 0)
        continue;
    (void)finish_move(&f, 0);
    assert_int_equal(contig_continue(&c, &o), -ENOMEM);
    assert_obstacle(&o, OBSTACLE_NO_ROOM, 3 * P + 2);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
    assert_block(f.z, 3 * P, BLOCK_FREE, 1);
    assert_block(f.z, 3 * P + 2, BLOCK_ALLOCATED, 1);
    fixture_close(&f);
}

/* What has no room in its own type's memory takes a pageblock of another's, and shares it. */
static void reclaimable_blocks_leave_too(void **state)
{
    const struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t at[4];

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    for (unsigned i = 0; i < 4; i++)
        at[i] = take_tag(f.z, 1, MIGRATE_RECLAIMABLE, i);
    assert_int_equal(at[0] / P, at[3] / P);
    assert_pageblocks(f.z, 0, 15, 1);
    assert_int_equal(alloc_contig_range(f.z, at[0] / P * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 1);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(f.move[i].to / P, f.move[0].to / P);
        assert_tag(f.z, f.move[i].to, 1, i);
    }
    assert_granted(f.z, at[0] / P * P, P);
    fixture_close(&f);
}

/* No empty pageblock is left: any free block will do, MOVABLE memory before UNMOVABLE. */
static void reclaimable_blocks_leave_into_broken_pageblocks(void **state)
{
    const struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t at;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    at = take(f.z, ORDER, MIGRATE_RECLAIMABLE);
    for (pfn_t n = 0; n < P / 2; n++)
        (void)take(f.z, 0, MIGRATE_UNMOVABLE);
    for (pfn_t n = 0; n < 14 * P; n++)
        (void)take(f.z, 0, MIGRATE_MOVABLE);
    assert_pageblocks(f.z, 1, 14, 1);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    give(f.z, at + P / 2);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    give(f.z, at + P / 4);
    give(f.z, at + P / 8);
    /* A block of order ORDER - 3 is left; free: order ORDER - 1 UNMOVABLE. Free an odd MOVABLE. */
    assert_int_equal(alloc_contig_range(f.z, at, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_UNMOVABLE), 1);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, at, P);
    fixture_close(&f);
}

static void the_type_of_the_pageblocks_afterwards(void **state)
{
    struct contig_request rq = request(2 * P + 1);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    rq.type = MIGRATE_UNMOVABLE;
    assert_int_equal(alloc_contig_range(f.z, 8 * P, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 61, 0);
    assert_free_type(f.z, 10 * P + 1, 0, MIGRATE_UNMOVABLE);
    rq.type = MIGRATE_RECLAIMABLE;
    assert_int_equal(alloc_contig_range(f.z, 17 * P - 1, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 58, 3);
    rq.type = MIGRATE_MOVABLE;
    assert_int_equal(alloc_contig_range(f.z, 30 * P, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 58, 3);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

static void refuses_requests_that_cannot_be(void **state)
{
    static const uint64_t bad_tag[] = {(uint64_t)1 << BLOCK_TAG_BITS};
    struct contig_request bad[6];
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    for (unsigned i = 0; i < 6; i++)
        bad[i] = request(P);
    bad[0].nr_pages = 0;
    bad[1].type = (enum migratetype)NR_MOBILITIES;
    bad[2].domain = 1;
    bad[3].flags = ALLOC_CMA | ALLOC_NOWAIT;
    bad[4].align_order = MAX_PAGE_ORDER + 1;
    bad[5].tag = bad_tag;
    bad[5].nr_tags = 1;
    for (unsigned i = 0; i < 6; i++) {
        assert_refused_rq(&f, 0, &bad[i], -EINVAL, OBSTACLE_NONE, 0);
        assert_int_equal(alloc_contig_pages(f.z, &bad[i], &c, NULL), -EINVAL);
    }
    assert_refused(&f, 16 * P, 1, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, PFN_NONE, 1, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, 15 * P + 1, P, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, 1, PFN_NONE, -EINVAL, OBSTACLE_NONE, 0);
    bad[0] = request(7);
    bad[0].nr_tags = 2;
    assert_refused_rq(&f, 0, &bad[0], -EINVAL, OBSTACLE_NONE, 0);
    bad[0].nr_tags = 3;
    assert_int_equal(alloc_contig_range(f.z, 0, &bad[0], &c, NULL), 0);
    assert_granted(f.z, 0, 7);
    fixture_close(&f);
}

/* ---- the window that slides ---- */

static void assert_pages(struct zone_fixture *f, const struct contig_request *rq, pfn_t start)
{
    struct contig c;
    unsigned first = f->nr_moves;
    int r = alloc_contig_pages(f->z, rq, &c, NULL);

    if (r == -EINPROGRESS)
        r = finish(f, &c, first, NULL);
    assert_int_equal(r, 0);
    assert_int_equal(c.start, start);
    assert_granted(f->z, start, rq->nr_pages);
}

static void assert_no_pages(struct zone_fixture *f, const struct contig_request *rq,
                            enum obstacle_reason reason, pfn_t pfn)
{
    struct zone_obstacle o;
    struct memory_image before;
    struct contig c;

    memory_take(&before, f);
    assert_int_equal(alloc_contig_pages(f->z, rq, &c, &o), -ENOMEM);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(alloc_contig_pages(f->z, rq, &c, NULL), -ENOMEM);
    assert_same_memory(&before, f);
}

/* A zone in which single UNMOVABLE pages stand at these pfns, and nothing else. */
static void open_with_fixed(struct zone_fixture *f, pfn_t nr_pages, const pfn_t *fixed, unsigned nr)
{
    fixture_open(f, nr_pages, ORDER, 1);
    take_all(f->z, 0, MIGRATE_UNMOVABLE);
    for (pfn_t pfn = 0; pfn < nr_pages; pfn++) {
        bool stays = false;

        for (unsigned i = 0; i < nr; i++)
            stays = stays || fixed[i] == pfn;
        if (!stays)
            give(f->z, pfn);
    }
}

static void the_first_window_without_an_obstacle(void **state)
{
    static const pfn_t fixed[] = {P - 1, 3 * P, 8 * P + 3, 12 * P};
    struct contig_request rq = request(3 * P);
    struct zone_fixture f;

    (void)state;
    rq.type = MIGRATE_UNMOVABLE;
    open_with_fixed(&f, 16 * P, fixed, 4);
    assert_pages(&f, &rq, 4 * P);
    assert_pages(&f, &rq, 9 * P);
    assert_pages(&f, &rq, 13 * P);
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 13 * P);
    rq.nr_pages = 3 * P + 1;
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 12 * P);
    rq.nr_pages = 2 * P;
    assert_pages(&f, &rq, P);
    rq.nr_pages = 8 * P;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0); /* not so much is free */
    rq.nr_pages = 17 * P;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0);
    fixture_close(&f);
}

static void windows_as_aligned_as_asked_for(void **state)
{
    static const pfn_t fixed[] = {0};
    struct contig_request rq = request(P + 5);
    struct zone_fixture f;

    (void)state;
    open_with_fixed(&f, 16 * P, fixed, 1);
    rq.align_order = ORDER + 2;
    assert_pages(&f, &rq, 4 * P);
    rq.align_order = ORDER + 3;
    assert_pages(&f, &rq, 8 * P);
    rq.align_order = 1;
    assert_pages(&f, &rq, P);
    rq.align_order = ORDER + 4;
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 0);
    give(f.z, 0);
    rq.align_order = MAX_PAGE_ORDER;
    assert_pages(&f, &rq, 0);
    fixture_close(&f);
}

/* Windows that would be cut into more blocks than there are tags are passed over. */
static void windows_by_the_number_of_tags(void **state)
{
    static const pfn_t fixed[] = {0, 8 * P};
    struct contig_request rq = request(4 * P);
    struct zone_fixture f;

    (void)state;
    rq.type = MIGRATE_UNMOVABLE;
    open_with_fixed(&f, 16 * P, fixed, 2);
    rq.nr_tags = 1;
    assert_pages(&f, &rq, 4 * P);
    rq.nr_tags = 2;
    assert_pages(&f, &rq, 10 * P);
    rq.nr_tags = 0;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0);
    fixture_close(&f);
}

/* A window whose blocks have no room elsewhere is passed over, for one that has. */
static void windows_that_have_room(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER - 1, MIGRATE_MOVABLE);
    give(f.z, P);
    give(f.z, 3 * P);
    give(f.z, 5 * P);
    give(f.z, 6 * P);
    /* At 5 P four half pageblocks stand or fall: two are free in it, two outside. */
    assert_pages(&f, &rq, 0);
    fixture_close(&f);

    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 4; i < 8; i++) {
        assert_int_equal(zone_split(f.z, i * P, 0), 0);
        give(f.z, i * P);
    }
    assert_pages(&f, &rq, 4 * P); /* whole pageblocks have no room anywhere, halves have */
    fixture_close(&f);

    /* What the window at 0 takes from a whole pageblock, the next one leaves free for it. */
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    give(f.z, 0);
    for (pfn_t i = 2; i < 8; i += 3) {
        assert_int_equal(zone_split(f.z, i * P, 0), 0);
        give(f.z, i * P);
    }
    assert_pages(&f, &rq, P);
    fixture_close(&f);
}

/* ---- CMA areas ---- */

static void init_cma(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    assert_int_equal(zone_cma_init(z, start, nr_pages, NULL), 0);
    assert_zone_ok(z);
}

static void a_cma_area_is_for_movable_requests_with_the_right(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    init_cma(f.z, 3 * P, 2 * P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 2);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 14);
    for (pfn_t n = 0; n < 14 * P; n++) {
        pfn = take(f.z, 0, (enum migratetype)(n % 3));
        assert_true(pfn < 3 * P || pfn >= 5 * P);
    }
    assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    for (pfn_t n = 0; n < 2 * P; n++) {
        assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, ALLOC_CMA, &pfn), 0);
        assert_true(pfn >= 3 * P && pfn < 5 * P);
    }
    for (pfn = 3 * P; pfn < 5 * P; pfn++)
        give(f.z, pfn);
    assert_free_type(f.z, 3 * P, ORDER, MIGRATE_CMA); /* not buddies of each other */
    assert_free_type(f.z, 4 * P, ORDER, MIGRATE_CMA);
    fixture_close(&f);
}

static void contiguous_requests_try_cma_areas_first(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    init_cma(f.z, 32 * P, 4 * P);
    for (pfn_t n = 0; n < 4; n++) { /* more than half of what is free would be, were it CMA */
        while (try_take(f.z, ORDER + 4, MIGRATE_MOVABLE, 0, 0, &pfn) == 0)
            continue;
    }
    assert_int_equal(try_take(f.z, 2, MIGRATE_MOVABLE, 0, ALLOC_CMA, &pfn), 0);
    rq.type = MIGRATE_UNMOVABLE;
    assert_pages(&f, &rq, 36 * P); /* without the right */
    free_range(f.z, 36 * P, 2 * P);
    rq.flags = ALLOC_CMA;
    assert_pages(&f, &rq, 32 * P);
    assert_pages(&f, &rq, 34 * P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 4); /* whatever is granted there */
    assert_pages(&f, &rq, 36 * P);
    free_range(f.z, 32 * P, 2 * P);
    free_range(f.z, 34 * P, 2 * P);
    assert_free_type(f.z, 32 * P, ORDER + 2, MIGRATE_CMA);
    fixture_close(&f);
}

static void movable_blocks_leave_a_cma_area(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    init_cma(f.z, 8 * P, 8 * P);
    for (pfn_t n = 0; n < 4 * P; n++) {
        assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, ALLOC_CMA, &pfn), 0);
        if (n == 0)
            assert_true(pfn < 8 * P);
    }
    for (pfn_t n = 0; n < 3 * P; n++)
        (void)try_take(f.z, 0, MIGRATE_MOVABLE, 0, ALLOC_CMA, &pfn);
    rq.flags = ALLOC_CMA;
    assert_int_equal(alloc_contig_range(f.z, 8 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, 8 * P, 2 * P);
    for (unsigned i = 0; i < f.nr_moves; i++)
        assert_true(f.move[i].to < 8 * P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 8);
    fixture_close(&f);
}

static void a_range_lies_in_cma_areas_or_outside(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    init_cma(f.z, 8 * P, 4 * P);
    assert_refused(&f, 7 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_refused(&f, 9 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_refused(&f, 11 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    rq.flags = ALLOC_CMA;
    assert_refused_rq(&f, 7 * P, &rq, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_refused_rq(&f, 11 * P, &rq, -EBUSY, OBSTACLE_KEPT, 12 * P);
    assert_int_equal(alloc_contig_range(f.z, 13 * P, &rq, &c, NULL), 0);
    assert_int_equal(alloc_contig_range(f.z, 9 * P, &rq, &c, NULL), 0);
    assert_granted(f.z, 9 * P, 2 * P);
    fixture_close(&f);
}

static void assert_no_cma(struct zone_fixture *f, pfn_t start, pfn_t nr_pages,
                          enum obstacle_reason reason, pfn_t pfn)
{
    struct memory_image before;
    struct zone_obstacle o;

    memory_take(&before, f);
    assert_int_equal(zone_cma_init(f->z, start, nr_pages, &o), -EBUSY);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(zone_cma_init(f->z, start, nr_pages, NULL), -EBUSY);
    assert_same_memory(&before, f);
}

static void only_free_pageblocks_become_a_cma_area(void **state)
{
    struct zone_fixture f;
    pfn_t movable, fixed;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fixed = take(f.z, 0, MIGRATE_UNMOVABLE);
    movable = take(f.z, 0, MIGRATE_MOVABLE);
    assert_no_cma(&f, fixed / P * P, P, OBSTACLE_UNMOVABLE, fixed);
    assert_no_cma(&f, movable / P * P, P, OBSTACLE_GRANTED, movable);
    assert_int_equal(zone_cma_init(f.z, 1, P, NULL), -EINVAL);
    assert_int_equal(zone_cma_init(f.z, 0, 0, NULL), -EINVAL);
    assert_int_equal(zone_cma_init(f.z, 16 * P, P, NULL), -EINVAL);
    init_cma(f.z, 4 * P, P);
    assert_no_cma(&f, 4 * P, P, OBSTACLE_KEPT, 4 * P);
    init_cma(f.z, 5 * P, P); /* one area grows, and is one */
    assert_free_type(f.z, 4 * P, ORDER + 1, MIGRATE_CMA);
    fixture_close(&f);
}

/* ---- domains ---- */

static void only_pageblocks_of_its_own_file(void **state)
{
    struct contig_request rq = request(2 * P);
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    pfn = take_passing(&f, ORDER + 1, MIGRATE_MOVABLE, 1);
    assert_refused(&f, pfn, 2 * P, -EBUSY, OBSTACLE_ELSEWHERE, pfn);
    rq.domain = 1;
    assert_refused_rq(&f, pfn ^ 2 * P, &rq, -EBUSY, OBSTACLE_ELSEWHERE, pfn ^ 2 * P);
    assert_refused_rq(&f, pfn, &rq, -ENOMEM, OBSTACLE_NO_ROOM, pfn); /* in its file */
    give(f.z, pfn);
    assert_int_equal(alloc_contig_range(f.z, pfn, &rq, &c, NULL), 0);
    assert_granted(f.z, pfn, 2 * P);
    free_range(f.z, pfn, 2 * P);
    assert_pages(&f, &rq, pfn);
    fixture_close(&f);
}

/* Moves stay in the domain: what is free in another file is no room. */
static void room_is_in_the_same_file(void **state)
{
    struct contig_request rq = request(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t a, b;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    rq.domain = 1;
    a = take_passing(&f, ORDER - 1, MIGRATE_MOVABLE, 1);
    assert_refused_rq(&f, a / P * P, &rq, -ENOMEM, OBSTACLE_NO_ROOM, a);
    b = take_passing(&f, ORDER, MIGRATE_MOVABLE, 1);
    give(f.z, b);
    assert_int_equal(alloc_contig_range(f.z, a / P * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(f.move[0].to / P, b / P);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    fixture_close(&f);
}

/* ---- without grouping, and by chance ---- */

static void a_zone_without_grouping(void **state)
{
    struct contig_request rq = request(P + 3);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 5 * P, ORDER, 1);
    rq.type = MIGRATE_RECLAIMABLE;
    fill_range(f.z, 0, MIGRATE_MOVABLE, P, 2 * P);
    assert_int_equal(alloc_contig_range(f.z, P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(finish(&f, &c, 0, NULL), 0);
    assert_granted(f.z, P, P + 3);
    assert_pageblocks(f.z, 5, 0, 0);
    fixture_close(&f);
}

/* Fill a zone by chance. */
static void scatter(struct zone_fixture *f, struct rng *rng)
{
    unsigned fill = rng_below(rng, 100), fixed = rng_below(rng, 20);
    pfn_t pfn;

    for (pfn_t granted = 0; granted * 100 < f->config.nr_pages * fill;) {
        unsigned order = rng_below(rng, ORDER + 3);
        enum migratetype type = rng_below(rng, 100) < fixed
                                    ? MIGRATE_UNMOVABLE
                                    : (enum migratetype)(1 + rng_below(rng, 2));

        if (try_take(f->z, order, type, 0, 0, &pfn) == 0)
            granted += (pfn_t)1 << order;
        else if (order == 0)
            break;
    }
    for (pfn = 0; pfn < f->config.nr_pages; pfn++) {
        if (rng_one_in(rng, 3))
            (void)zone_free(f->z, pfn);
    }
}

/*
 * What is found possible on paper is possible: when nobody takes memory meanwhile, and no move
 * fails, a request that has begun ends well. What is refused has changed nothing.
 */
static void what_is_begun_ends_well(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    struct rng rng = {env && *env ? strtoull(env, NULL, 0) : 20240};
    unsigned nr[3] = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)rng.state);
    for (unsigned round = 0; round < 3000; round++) {
        pfn_t nr_pages = (6 + rng_below(&rng, 26)) * P;
        struct contig_request rq = request(1 + rng_below(&rng, nr_pages / 2));
        pfn_t start = rng_below(&rng, nr_pages - rq.nr_pages + 1);
        struct memory_image before;
        struct zone_stat st, after;
        struct zone_fixture f;
        struct contig c;
        int r;

        rq.type = (enum migratetype)rng_below(&rng, 3);
        rq.max_moves = rng_below(&rng, 8);
        fixture_open(&f, nr_pages, ORDER, 1);
        scatter(&f, &rng);
        zone_stat(f.z, &st);
        memory_take(&before, &f);
        r = alloc_contig_range(f.z, start, &rq, &c, NULL);
        if (r == -EBUSY || r == -ENOMEM) {
            assert_same_memory(&before, &f);
            nr[r == -EBUSY ? 0 : 1]++;
        } else {
            free(before.lasting);
            free(before.derived);
            if (r == -EINPROGRESS)
                r = finish(&f, &c, 0, NULL);
            assert_int_equal(r, 0);
            assert_granted(f.z, start, rq.nr_pages);
            zone_stat(f.z, &after);
            assert_int_equal(after.free_pages, st.free_pages - rq.nr_pages);
            nr[2]++;
        }
        fixture_close(&f);
    }
    print_message("%u busy, %u without room, %u granted\n", nr[0], nr[1], nr[2]);
    assert_true(nr[0] > 100 && nr[1] > 100 && nr[2] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fewest_aligned_blocks),
        cmocka_unit_test(a_free_range_is_granted_at_once),
        cmocka_unit_test(what_is_granted_moves_away),
        cmocka_unit_test(moves_that_end_out_of_order),
        cmocka_unit_test(owners_free_and_cut_meanwhile),
        cmocka_unit_test(a_block_that_is_left_last_ends_by_a_free),
        cmocka_unit_test(a_move_is_tried_again),
        cmocka_unit_test(a_move_fails_too_often),
        cmocka_unit_test(cancel_puts_all_in_use_again),
        cmocka_unit_test(blocks_over_the_edge_move_wholly),
        cmocka_unit_test(refuses_what_must_stay),
        cmocka_unit_test(room_for_all_or_nothing_changes),
        cmocka_unit_test(room_must_be_outside_and_large_enough),
        cmocka_unit_test(the_rest_of_a_free_block_is_room),
        cmocka_unit_test(the_room_is_taken_meanwhile),
        cmocka_unit_test(reclaimable_blocks_leave_too),
        cmocka_unit_test(reclaimable_blocks_leave_into_broken_pageblocks),
        cmocka_unit_test(the_type_of_the_pageblocks_afterwards),
        cmocka_unit_test(refuses_requests_that_cannot_be),
        cmocka_unit_test(the_first_window_without_an_obstacle),
        cmocka_unit_test(windows_as_aligned_as_asked_for),
        cmocka_unit_test(windows_by_the_number_of_tags),
        cmocka_unit_test(windows_that_have_room),
        cmocka_unit_test(a_cma_area_is_for_movable_requests_with_the_right),
        cmocka_unit_test(contiguous_requests_try_cma_areas_first),
        cmocka_unit_test(movable_blocks_leave_a_cma_area),
        cmocka_unit_test(a_range_lies_in_cma_areas_or_outside),
        cmocka_unit_test(only_free_pageblocks_become_a_cma_area),
        cmocka_unit_test(only_pageblocks_of_its_own_file),
        cmocka_unit_test(room_is_in_the_same_file),
        cmocka_unit_test(a_zone_without_grouping),
        cmocka_unit_test(what_is_begun_ends_well),
    };

    return cmocka_run_group_tests_name("contig", tests, set_tags, NULL);
}
