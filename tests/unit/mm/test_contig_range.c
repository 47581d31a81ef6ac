/* SPDX-License-Identifier: Apache-2.0 */
/* test_contig_range.c: contiguous ranges, for which what is granted there moves away. */
#include "contig_fixture.h"
#include "rng.h"

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
        const struct contig_request rq = contig_request_of(ranges[i][1]);
        struct zone_stat before, st;
        struct contig c;

        zone_stat(f.z, &before);
        assert_int_equal(alloc_contig_range(f.z, ranges[i][0], &rq, &c, NULL), 0);
        assert_int_equal(c.start, ranges[i][0]);
        assert_contig(f.z, ranges[i][0], ranges[i][1]);
        zone_stat(f.z, &st);
        assert_int_equal(st.free_pages, 64 * P - ranges[i][1]);
        assert_int_equal(st.isolated_pages, 0);
        assert_int_equal(st.allocs, before.allocs + block_count_in(ranges[i][0], ranges[i][1]));
        assert_int_equal(st.frees, before.frees);
        assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
        contig_free(f.z, ranges[i][0], ranges[i][1]);
        assert_wholly_free(f.z);
        assert_pageblocks(f.z, 0, 64, 0);
    }
    assert_int_equal(f.nr_moves, 0);
    fixture_close(&f);
}

/* Blocks in the middle and at both edges move out, with their tags. */
static void what_is_granted_moves_away(void **state)
{
    const struct contig_request rq = contig_request_of(3 * P - 2);
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
    assert_int_equal(contig_finish(&f, &c, 0, &o), 0);
    assert_obstacle(&o, OBSTACLE_NONE, 9);
    assert_int_equal(f.nr_moves, 3 * P);
    assert_contig(f.z, 5 * P + 1, 3 * P - 2);
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
    struct contig_request rq = contig_request_of(4 * P);
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
    assert_contig(f.z, 4 * P, 4 * P);
    fixture_close(&f);
}

static void owners_free_and_cut_meanwhile(void **state)
{
    struct contig_request rq = contig_request_of(P);
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
    assert_int_equal(contig_finish(&f, &c, 2, NULL), 0);
    assert_contig(f.z, 4 * P, P);
    fixture_close(&f);
}

static void a_block_that_is_left_last_ends_by_a_free(void **state)
{
    const struct contig_request rq = contig_request_of(P);
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
    assert_contig(f.z, 4 * P, P);
    contig_free(f.z, 4 * P, P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block's move fails, and is tried again; each time another block leaves, the count begins anew.
 */
static void a_move_is_tried_again(void **state)
{
    struct contig_request rq = contig_request_of(P);
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
    assert_contig(f.z, 4 * P, P);
    fixture_close(&f);
}

/* One too often: what has moved has moved, what moves goes on, all is in use again. */
static void a_move_fails_too_often(void **state)
{
    const struct contig_request rq = contig_request_of(2 * P);
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
    const struct contig_request rq = contig_request_of(P);
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
    const struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    fill_range(f.z, ORDER + 1, MIGRATE_MOVABLE, 8 * P, 12 * P);
    assert_int_equal(alloc_contig_range(f.z, 9 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 4);
    assert_int_equal(f.nr_moves, 2);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, 9 * P, 2 * P);
    assert_block(f.z, 8 * P, BLOCK_FREE, ORDER);
    assert_block(f.z, 11 * P, BLOCK_FREE, ORDER);
    fixture_close(&f);
}

static void a_zone_without_grouping(void **state)
{
    struct contig_request rq = contig_request_of(P + 3);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 5 * P, ORDER, 1);
    rq.type = MIGRATE_RECLAIMABLE;
    fill_range(f.z, 0, MIGRATE_MOVABLE, P, 2 * P);
    assert_int_equal(alloc_contig_range(f.z, P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, P, P + 3);
    assert_pageblocks(f.z, 5, 0, 0);
    fixture_close(&f);
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
        cmocka_unit_test(a_zone_without_grouping),
    };

    return cmocka_run_group_tests_name("contig_range", tests, contig_set_tags, NULL);
}
