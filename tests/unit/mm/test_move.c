/* SPDX-License-Identifier: Apache-2.0 */
/* test_move.c: moves in two phases, and what may happen to a block between them. */
#include <stdlib.h>

#include "zone_fixture.h"

static pfn_t take_tagged(struct zone *z, unsigned order, enum migratetype type, uint64_t tag)
{
    const struct zone_request rq = {.order = order, .type = type, .tag = tag};
    pfn_t pfn = PFN_NONE;

    assert_int_equal(zone_rmqueue(z, &rq, &pfn), 0);
    return pfn;
}

static void assert_owned(struct zone *z, pfn_t pfn, enum block_state state, uint64_t tag,
                         bool free_pending)
{
    struct zone_block b;

    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(b.state, state);
    assert_true(b.tag == tag);
    assert_int_equal(b.free_pending, free_pending);
}

/* Begin to move a block; returns where to. */
static pfn_t begin(struct zone_fixture *f, pfn_t from, unsigned order)
{
    unsigned n = f->nr_moves;

    assert_int_equal(zone_move_begin(f->z, from), 0);
    assert_int_equal(f->nr_moves, n + 1);
    assert_int_equal(f->move[n].from, from);
    assert_int_equal(f->move[n].order, order);
    assert_block(f->z, from, BLOCK_MOVING, order);
    assert_block(f->z, f->move[n].to, BLOCK_TARGET, order);
    assert_zone_ok(f->z);
    return f->move[n].to;
}

static void done_puts_the_block_at_its_target(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    struct zone_block b;
    pfn_t from, to, where = 0;
    bool freed = true;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    from = take_tagged(f.z, 2, MIGRATE_MOVABLE, 4711);
    to = begin(&f, from, 2);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 1024 - 8);
    assert_int_equal(st.busy_pages, 4);
    assert_owned(f.z, from, BLOCK_MOVING, 4711, false);

    assert_int_equal(zone_move_done(f.z, from, &where, &freed), 0);
    assert_int_equal(where, to);
    assert_false(freed);
    assert_owned(f.z, to, BLOCK_ALLOCATED, 4711, false);
    assert_int_equal(zone_block(f.z, to, &b), 0);
    assert_int_equal(b.type, MIGRATE_MOVABLE);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 1024 - 4);
    assert_int_equal(st.busy_pages, 0);
    assert_int_equal(zone_free(f.z, from), -EINVAL); /* free already */
    give(f.z, to);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void abort_leaves_the_block_where_it_was(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t from, to;
    bool freed = true;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    from = take_tagged(f.z, 3, MIGRATE_RECLAIMABLE, 4711);
    to = begin(&f, from, 3);
    assert_int_equal(zone_move_abort(f.z, from, &freed), 0);
    assert_false(freed);
    assert_owned(f.z, from, BLOCK_ALLOCATED, 4711, false);
    assert_int_equal(zone_free(f.z, to), -EINVAL);
    zone_stat(f.z, &st);
    assert_int_equal(st.busy_pages, 0);
    assert_int_equal(st.free_pages, 1024 - 8);
    give(f.z, from);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Its owner frees it while it is copied: accepted, and done when the copy ends. */
static void assert_freed_while_moving(bool done)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t from, to, where = 4711;
    bool freed = false;

    fixture_open(&f, 1024, 4, 1);
    from = take_tagged(f.z, 2, MIGRATE_MOVABLE, 55);
    to = begin(&f, from, 2);
    give(f.z, from);
    assert_owned(f.z, from, BLOCK_MOVING, 55, true);
    assert_block(f.z, to, BLOCK_TARGET, 2);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 1024 - 8);       /* not yet */
    assert_int_equal(zone_free(f.z, from), -EINVAL); /* a second time */
    assert_int_equal(zone_split(f.z, from, 0), -EBUSY);
    assert_int_equal(zone_move_begin(f.z, from), -EBUSY);
    assert_zone_ok(f.z);
    if (done)
        assert_int_equal(zone_move_done(f.z, from, &where, &freed), 0);
    else
        assert_int_equal(zone_move_abort(f.z, from, &freed), 0);
    assert_true(freed);
    zone_stat(f.z, &st);
    assert_int_equal(st.frees, 1);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void a_free_takes_effect_when_the_move_ends(void **state)
{
    (void)state;
    assert_freed_while_moving(true);
    assert_freed_while_moving(false);
}

static void a_busy_block_is_left_alone(void **state)
{
    struct zone_image before;
    struct zone_fixture f;
    pfn_t from, to, where = 4711;
    bool freed = true;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    from = take_tagged(f.z, 2, MIGRATE_MOVABLE, 1);
    to = begin(&f, from, 2);
    image_take(&before, &f);
    assert_int_equal(zone_move_begin(f.z, from), -EBUSY);
    assert_int_equal(zone_split(f.z, from, 2), -EBUSY);
    assert_int_equal(zone_free(f.z, to), -EINVAL);
    assert_int_equal(zone_split(f.z, to, 2), -EINVAL);
    assert_int_equal(zone_move_begin(f.z, to), -EINVAL);
    assert_int_equal(zone_move_done(f.z, to, &where, &freed), -EINVAL);
    assert_int_equal(zone_move_abort(f.z, to, &freed), -EINVAL);
    assert_int_equal(zone_move_done(f.z, from + 1, &where, &freed), -EINVAL);
    assert_int_equal(zone_move_abort(f.z, PFN_NONE, &freed), -EINVAL);
    assert_int_equal(zone_move_done(f.z, 1024, &where, &freed), -EINVAL);
    assert_int_equal(where, 4711);
    assert_true(freed);
    assert_unchanged(&before, &f, 0);
    assert_int_equal(zone_move_abort(f.z, from, &freed), 0);
    assert_int_equal(zone_move_abort(f.z, from, &freed), -EINVAL); /* it does not move any more */
    assert_int_equal(zone_move_done(f.z, from, &where, &freed), -EINVAL);
    fixture_close(&f);
}

static void assert_move_refused(struct zone_fixture *f, pfn_t pfn, int error)
{
    struct zone_image before;
    unsigned nr_moves = f->nr_moves;

    image_take(&before, f);
    assert_int_equal(zone_move_begin(f->z, pfn), error);
    assert_int_equal(f->nr_moves, nr_moves);
    assert_unchanged(&before, f, 0);
}

static void refuses_what_cannot_be_moved(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, block;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    fixed = take(f.z, 0, MIGRATE_UNMOVABLE);
    block = take(f.z, 1, MIGRATE_MOVABLE);
    assert_move_refused(&f, fixed, -EINVAL);
    assert_move_refused(&f, block + 1, -EINVAL);
    assert_move_refused(&f, 512, -EINVAL); /* free */
    assert_move_refused(&f, 1024, -EINVAL);
    assert_move_refused(&f, PFN_NONE, -EINVAL);
    fixture_close(&f);
}

/* The target is neither granted nor merged with, and the source's old place not before the end. */
static void neither_end_is_granted_meanwhile(void **state)
{
    struct zone_fixture f;
    pfn_t from, to, pfn, where;
    bool freed;

    (void)state;
    fixture_open(&f, 128, 4, 1);
    from = take_tagged(f.z, 0, MIGRATE_MOVABLE, 9);
    to = begin(&f, from, 0);
    for (pfn_t n = 0; n < 126; n++) {
        assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &pfn), 0);
        assert_true(pfn != from && pfn != to);
    }
    assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    for (pfn = 0; pfn < 128; pfn++) {
        if (pfn != from && pfn != to)
            give(f.z, pfn);
    }
    assert_block(f.z, from, BLOCK_MOVING, 0);
    assert_block(f.z, to, BLOCK_TARGET, 0);
    assert_int_equal(zone_move_done(f.z, from, &where, &freed), 0);
    give(f.z, where);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Never into another type's memory: a move for the sake of order must not make disorder. */
static void a_move_neither_claims_nor_steals(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 128, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 40);
    assert_int_equal(take(f.z, 0, MIGRATE_RECLAIMABLE), 40); /* stolen */
    for (pfn_t i = 64; i < 128; i++)
        give(f.z, i);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 0);
    assert_move_refused(&f, 40, -ENOMEM); /* MOVABLE memory is free, RECLAIMABLE is not */
    pfn = begin(&f, 0, 0);
    assert_true(pfn >= 64);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 8);

    /* As soon as its own type has room, a stolen page can go home. */
    assert_true(take(f.z, 0, MIGRATE_RECLAIMABLE) >= 64); /* claims */
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 1);
    assert_true(begin(&f, 40, 0) >= 64);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 1);
    fixture_close(&f);
}

static void a_full_zone_cannot_move_anything(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 128, 4, 1);
    take_all(f.z, 4, MIGRATE_MOVABLE);
    assert_move_refused(&f, 16, -ENOMEM);
    give(f.z, 32);
    assert_int_equal(begin(&f, 16, 4), 32);
    assert_move_refused(&f, 48, -ENOMEM);
    fixture_close(&f);
}

/* A zone as it is by itself: what was freed last rests, unmerged, and is a place to move to. */
static void a_move_finds_what_rests(void **state)
{
    const struct zone_config config = {.nr_pages = 128, .pageblock_order = 4, .nr_domains = 1};
    struct zone_fixture f;
    pfn_t where;
    bool freed;

    (void)state;
    fixture_open_config(&f, &config);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 77);
    assert_int_equal(zone_move_begin(f.z, 5), 0);
    assert_int_equal(zone_move_done(f.z, 5, &where, &freed), 0);
    assert_int_equal(where, 77);
    fixture_close(&f);
}

/* Blocks of more than a pageblock, several at a time, ended in another order. */
static void many_moves_at_once(void **state)
{
    struct zone_fixture f;
    pfn_t to[4], where;
    bool freed;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    for (pfn_t i = 0; i < 4; i++)
        assert_int_equal(take_tagged(f.z, 6, MIGRATE_MOVABLE, 100 + i), i * 64);
    for (pfn_t i = 0; i < 4; i++)
        to[i] = begin(&f, i * 64, 6);
    give(f.z, 64);
    assert_int_equal(zone_move_done(f.z, 192, &where, &freed), 0);
    assert_int_equal(where, to[3]);
    assert_int_equal(zone_move_abort(f.z, 0, &freed), 0);
    assert_zone_ok(f.z);
    assert_int_equal(zone_move_done(f.z, 64, &where, &freed), 0);
    assert_true(freed);
    assert_int_equal(zone_move_abort(f.z, 128, &freed), 0);
    assert_false(freed);
    assert_owned(f.z, 0, BLOCK_ALLOCATED, 100, false);
    assert_owned(f.z, 128, BLOCK_ALLOCATED, 102, false);
    assert_owned(f.z, to[3], BLOCK_ALLOCATED, 103, false);
    give(f.z, 0);
    give(f.z, 128);
    give(f.z, to[3]);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Without grouping all lists are one, but what is UNMOVABLE still does not move. */
static void moves_in_a_zone_without_grouping(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, from, where;
    bool freed;

    (void)state;
    fixture_open(&f, 64, 4, 1);
    fixed = take(f.z, 0, MIGRATE_UNMOVABLE);
    from = take_tagged(f.z, 0, MIGRATE_MOVABLE, 3);
    assert_move_refused(&f, fixed, -EINVAL);
    (void)begin(&f, from, 0);
    assert_int_equal(zone_move_done(f.z, from, &where, &freed), 0);
    assert_owned(f.z, where, BLOCK_ALLOCATED, 3, false);
    fixture_close(&f);
}

static void the_move_callback_may_be_missing(void **state)
{
    const struct zone_config config = {.nr_pages = 1024, .pageblock_order = 4, .nr_domains = 1};
    struct zone_fixture f;
    pfn_t from, where;
    bool freed;

    (void)state;
    fixture_open_config(&f, &config);
    from = take(f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(zone_move_begin(f.z, from), 0);
    assert_int_equal(zone_move_done(f.z, from, &where, &freed), 0);
    assert_block(f.z, where, BLOCK_ALLOCATED, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_puts_the_block_at_its_target),
        cmocka_unit_test(abort_leaves_the_block_where_it_was),
        cmocka_unit_test(a_free_takes_effect_when_the_move_ends),
        cmocka_unit_test(a_busy_block_is_left_alone),
        cmocka_unit_test(refuses_what_cannot_be_moved),
        cmocka_unit_test(neither_end_is_granted_meanwhile),
        cmocka_unit_test(a_move_neither_claims_nor_steals),
        cmocka_unit_test(a_full_zone_cannot_move_anything),
        cmocka_unit_test(a_move_finds_what_rests),
        cmocka_unit_test(many_moves_at_once),
        cmocka_unit_test(moves_in_a_zone_without_grouping),
        cmocka_unit_test(the_move_callback_may_be_missing),
    };

    return cmocka_run_group_tests_name("move", tests, NULL, NULL);
}
