/* SPDX-License-Identifier: Apache-2.0 */
/* test_isolate.c: pageblocks out of use and back, and what is refused leaves no trace. */
#include "mm/watermark.h"
#include "range_fixture.h"

static void isolate(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 4711};

    assert_int_equal(zone_isolate_range(z, start, nr_pages, &o), 0);
    assert_obstacle(&o, OBSTACLE_NONE, 4711);
    assert_zone_ok(z);
}

static void undo(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    assert_int_equal(zone_undo_isolate(z, start, nr_pages), 0);
    assert_zone_ok(z);
}

static void assert_refused(struct zone_fixture *f, pfn_t start, pfn_t nr_pages,
                           enum obstacle_reason reason, pfn_t pfn)
{
    struct memory_image before;
    struct zone_obstacle o;

    memory_take(&before, f);
    assert_int_equal(zone_isolate_range(f->z, start, nr_pages, &o), -EBUSY);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(zone_isolate_range(f->z, start, nr_pages, NULL), -EBUSY);
    assert_same_memory(&before, f);
}

static void assert_counts(struct zone *z, pfn_t free_pages, pfn_t isolated)
{
    struct zone_stat st;

    zone_stat(z, &st);
    assert_int_equal(st.free_pages, free_pages);
    assert_int_equal(st.isolated_pages, isolated);
    assert_int_equal(zone_free_pages(z, 0), free_pages);
}

static void a_large_free_block_is_isolated_in_part(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    isolate(f.z, 64, 64);
    assert_free_type(f.z, 0, 6, MIGRATE_MOVABLE);
    assert_free_type(f.z, 64, 6, MIGRATE_ISOLATE);
    assert_free_type(f.z, 128, 7, MIGRATE_MOVABLE);
    assert_free_type(f.z, 256, 8, MIGRATE_MOVABLE);
    assert_free_type(f.z, 512, 9, MIGRATE_MOVABLE);
    assert_counts(f.z, 960, 64);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 4);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 60);
    undo(f.z, 64, 64);
    assert_wholly_free(f.z);
    assert_pageblocks(f.z, 0, 64, 0);
    fixture_close(&f);
}

/* At the zone's beginning, at its end, and all of it. */
static void the_edges_of_the_zone(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 37 * P, ORDER, 1);
    isolate(f.z, 0, P);
    isolate(f.z, 36 * P, P);
    assert_counts(f.z, 35 * P, 2 * P);
    isolate(f.z, P, 35 * P);
    assert_counts(f.z, 0, 37 * P);
    assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    undo(f.z, 0, 37 * P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void nothing_is_granted_from_it(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    isolate(f.z, 4 * P, 2 * P);
    for (pfn_t n = 0; n < 14 * P; n++) {
        assert_int_equal(try_take(f.z, 0, (enum migratetype)(n % 3), 0, ALLOC_OOM, &pfn), 0);
        assert_true(pfn < 4 * P || pfn >= 6 * P);
    }
    for (unsigned t = 0; t < NR_MOBILITIES; t++)
        assert_int_equal(try_take(f.z, 0, (enum migratetype)t, 0,
                                  ALLOC_OOM | (t == MIGRATE_MOVABLE ? ALLOC_CMA : 0), &pfn),
                         -ENOMEM);
    assert_int_equal(zone_largest_free_order(f.z, 0), -1);
    assert_false(zone_watermark_ok(f.z, 0, 0, ZONE_NORMAL, 0, 0));
    undo(f.z, 4 * P, 2 * P);
    assert_int_equal(zone_largest_free_order(f.z, 0), ORDER + 1);
    assert_int_equal(take(f.z, ORDER + 1, MIGRATE_MOVABLE), 4 * P);
    fixture_close(&f);
}

/* With free pages enough by number, but none that is not isolated of the order. */
static void it_does_not_count_for_marks(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, 0, MIGRATE_MOVABLE, 0, 8 * P);
    for (pfn_t pfn = 0; pfn < 8 * P; pfn += 2)
        give(f.z, pfn);
    assert_true(zone_watermark_ok(f.z, 1, 0, ZONE_NORMAL, 0, 0));
    isolate(f.z, 8 * P, 8 * P);
    assert_counts(f.z, 4 * P, 8 * P);
    assert_false(zone_watermark_ok(f.z, 1, 0, ZONE_NORMAL, 0, 0));
    assert_true(zone_watermark_ok(f.z, 0, 4 * P - 1, ZONE_NORMAL, 0, 0));
    assert_false(zone_watermark_ok(f.z, 0, 4 * P, ZONE_NORMAL, 0, 0));
    undo(f.z, 8 * P, 8 * P);
    fixture_close(&f);
}

/* Also what was freed just before, and is not merged yet. */
static void what_is_freed_there_stays_there(void **state)
{
    struct zone_fixture f;
    pfn_t a, b, pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    a = take(f.z, 0, MIGRATE_MOVABLE);
    b = take(f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(a / P, b / P);
    give(f.z, a);
    isolate(f.z, a / P * P, P);
    assert_counts(f.z, 15 * P, P - 1);
    pfn = take(f.z, 0, MIGRATE_MOVABLE);
    assert_int_not_equal(pfn / P, a / P);
    give(f.z, b);
    assert_int_not_equal(take(f.z, 0, MIGRATE_MOVABLE) / P, a / P);
    assert_counts(f.z, 15 * P - 2, P);
    assert_free_type(f.z, a / P * P, ORDER, MIGRATE_ISOLATE);
    undo(f.z, a / P * P, P);
    assert_counts(f.z, 16 * P - 2, 0);
    fixture_close(&f);
}

static void a_granted_block_can_leave_it(void **state)
{
    struct zone_fixture f;
    pfn_t from, to;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    from = take_tag(f.z, 1, MIGRATE_MOVABLE, 77);
    isolate(f.z, from / P * P, P);
    assert_int_equal(zone_move_begin(f.z, from), 0);
    assert_zone_ok(f.z);
    to = finish_move(&f, 0);
    assert_int_not_equal(to / P, from / P);
    assert_tag(f.z, to, 1, 77);
    assert_counts(f.z, 15 * P - 2, P);
    undo(f.z, from / P * P, P);
    give(f.z, to);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Pageblocks of each type: free, broken, granted, and parts of larger ones. */
static void each_pageblock_gets_its_type_back(void **state)
{
    static const enum migratetype types[] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE,
                                             MIGRATE_RECLAIMABLE};
    struct zone_fixture f;
    pfn_t large, at[3];

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    large = take(f.z, ORDER + 2, MIGRATE_RECLAIMABLE);
    for (unsigned t = 0; t < 3; t++)
        at[t] = take(f.z, 1, types[t]);
    for (unsigned t = 0; t < 3; t++)
        (void)take(f.z, 1, MIGRATE_MOVABLE);
    give(f.z, at[MIGRATE_UNMOVABLE]); /* an empty pageblock of that type, unless it merges */
    assert_int_equal(at[MIGRATE_UNMOVABLE] % P, 0);
    for (int round = 0; round < 2; round++) {
        pfn_t before[NR_MIGRATETYPES];

        settle(f.z);
        for (int t = 0; t < NR_MIGRATETYPES; t++)
            before[t] = zone_nr_pageblocks(f.z, (enum migratetype)t);
        assert_true(before[MIGRATE_RECLAIMABLE] >= 4);
        isolate(f.z, 0, 64 * P);
        assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 64);
        for (int t = 0; t < MIGRATE_ISOLATE; t++)
            assert_int_equal(zone_nr_pageblocks(f.z, (enum migratetype)t), 0);
        undo(f.z, 0, 64 * P);
        for (int t = 0; t < NR_MIGRATETYPES; t++)
            assert_int_equal(zone_nr_pageblocks(f.z, (enum migratetype)t), before[t]);
        give(f.z, round == 0 ? large : at[MIGRATE_RECLAIMABLE]);
    }
    fixture_close(&f);
}

/* While it is isolated a large block is cut, and half of it freed: each part knows its type. */
static void a_large_block_is_cut_meanwhile(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    pfn = take(f.z, ORDER + 2, MIGRATE_RECLAIMABLE);
    isolate(f.z, pfn, 4 * P);
    assert_int_equal(zone_split(f.z, pfn, 1), 0);
    assert_int_equal(zone_split(f.z, pfn, 2), 0);
    assert_int_equal(zone_split(f.z, pfn, 3), 0);
    assert_zone_ok(f.z);
    give(f.z, pfn + P);
    give(f.z, pfn + P / 2);
    assert_counts(f.z, 60 * P, P + P / 2);
    undo(f.z, pfn, 4 * P);
    assert_pageblocks(f.z, 0, 60, 4);
    assert_free_type(f.z, pfn + P, ORDER, MIGRATE_RECLAIMABLE);
    assert_free_type(f.z, pfn + P / 2, ORDER - 1, MIGRATE_RECLAIMABLE);
    give(f.z, pfn);
    give(f.z, pfn + 2 * P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Two ranges beside each other merge while they are isolated; each can be undone, or a part. */
static void ranges_beside_each_other(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    isolate(f.z, 4 * P, 2 * P);
    assert_free_type(f.z, 4 * P, ORDER + 1, MIGRATE_ISOLATE);
    isolate(f.z, 6 * P, 2 * P);
    assert_free_type(f.z, 4 * P, ORDER + 2, MIGRATE_ISOLATE);
    undo(f.z, 5 * P, 2 * P);
    assert_free_type(f.z, 4 * P, ORDER, MIGRATE_ISOLATE);
    assert_free_type(f.z, 5 * P, ORDER, MIGRATE_MOVABLE);
    assert_free_type(f.z, 6 * P, ORDER, MIGRATE_MOVABLE);
    assert_free_type(f.z, 7 * P, ORDER, MIGRATE_ISOLATE);
    assert_counts(f.z, 14 * P, 2 * P);
    undo(f.z, 4 * P, P);
    undo(f.z, 7 * P, P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What merged while isolated was of two types: each pageblock is again what it was. */
static void types_that_merged_part_again(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    pfn = take(f.z, ORDER, MIGRATE_RECLAIMABLE);
    assert_int_equal(take(f.z, ORDER, MIGRATE_MOVABLE), pfn + P);
    assert_int_equal(take(f.z, ORDER + 1, MIGRATE_MOVABLE), pfn + 2 * P);
    isolate(f.z, pfn, 2 * P);
    give(f.z, pfn);
    give(f.z, pfn + P);
    assert_free_type(f.z, pfn, ORDER + 1, MIGRATE_ISOLATE);
    undo(f.z, pfn + P, P);
    assert_free_type(f.z, pfn, ORDER, MIGRATE_ISOLATE);
    assert_free_type(f.z, pfn + P, ORDER, MIGRATE_MOVABLE);
    undo(f.z, pfn, P); /* the pageblock freed last gives its type to what merges */
    assert_free_type(f.z, pfn, ORDER + 1, MIGRATE_RECLAIMABLE);
    give(f.z, pfn + 2 * P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void refuses_what_must_stay(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, movable, large;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fixed = take(f.z, 2, MIGRATE_UNMOVABLE);
    movable = take(f.z, 2, MIGRATE_MOVABLE);
    large = take(f.z, ORDER + 1, MIGRATE_MOVABLE);
    assert_refused(&f, fixed / P * P, P, OBSTACLE_UNMOVABLE, fixed);
    assert_refused(&f, 0, 16 * P, OBSTACLE_UNMOVABLE, fixed);
    assert_refused(&f, large, P, OBSTACLE_STRADDLES, large);
    assert_refused(&f, large + P, P, OBSTACLE_STRADDLES, large);
    isolate(f.z, large, 2 * P);
    assert_refused(&f, large, 2 * P, OBSTACLE_ISOLATED, large);
    assert_refused(&f, large + P, P, OBSTACLE_ISOLATED, large);
    assert_int_equal(zone_move_begin(f.z, movable), 0);
    assert_refused(&f, movable / P * P, P, OBSTACLE_BUSY,
                   movable < f.move[0].to ? movable : f.move[0].to);
    assert_refused(&f, f.move[0].to / P * P, P, OBSTACLE_BUSY,
                   movable < f.move[0].to ? movable : f.move[0].to);
    undo(f.z, large, 2 * P);
    fixture_close(&f);
}

static void refuses_what_passes_between_domains(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    assert_int_equal(try_take(f.z, ORDER, MIGRATE_MOVABLE, 1, 0, &pfn), -EINPROGRESS);
    pfn = f.populate[0].pfn;
    assert_refused(&f, pfn, P, OBSTACLE_BUSY, pfn);
    assert_int_equal(zone_populate_fail(f.z, pfn, 0), 0);
    assert_refused(&f, pfn, P, OBSTACLE_UNBACKED, pfn);
    assert_int_equal(zone_pageblock_backed(f.z, pfn, 1), 0);
    isolate(f.z, pfn, P);
    assert_int_equal(zone_free_pages(f.z, 1), 15 * P);
    undo(f.z, pfn, P);
    assert_int_equal(zone_free_pages(f.z, 1), 16 * P);
    fixture_close(&f);
}

/* A request for several pageblocks puts empty ones of several files together: never isolated ones.
 */
static void isolated_pageblocks_do_not_pass(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 2);
    for (pfn_t i = 0; i < 4; i++)
        assert_int_not_equal(take_passing(&f, ORDER, MIGRATE_MOVABLE, i % 2), PFN_NONE);
    for (pfn_t i = 0; i < 8 * P; i += P)
        (void)zone_free(f.z, i);
    isolate(f.z, 0, P);
    isolate(f.z, 4 * P, P);
    assert_int_equal(try_take(f.z, ORDER + 2, MIGRATE_MOVABLE, 1, 0, &pfn), -ENOMEM);
    assert_int_equal(try_take(f.z, ORDER + 2, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    undo(f.z, 0, P);
    undo(f.z, 4 * P, P);
    assert_int_equal(try_take(f.z, ORDER + 2, MIGRATE_MOVABLE, 1, 0, &pfn), -EINPROGRESS);
    fixture_close(&f);
}

static void refuses_ranges_that_cannot_be(void **state)
{
    static const pfn_t bad[][2] = {
        {0, 0},
        {1, P},
        {0, P + 1},
        {P / 2, P / 2},
        {16 * P, P},
        {15 * P, 2 * P},
        {0, 17 * P},
        {PFN_NONE - P + 1, P},
        {P, (pfn_t)0 - P},
    };
    struct memory_image before;
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    memory_take(&before, &f);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(zone_isolate_range(f.z, bad[i][0], bad[i][1], NULL), -EINVAL);
        assert_int_equal(zone_undo_isolate(f.z, bad[i][0], bad[i][1]), -EINVAL);
    }
    assert_same_memory(&before, &f);
    fixture_close(&f);
}

static void undo_refuses_what_is_not_isolated(void **state)
{
    struct memory_image before;
    struct zone_fixture f;
    pfn_t large;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    large = take(f.z, ORDER + 1, MIGRATE_MOVABLE);
    isolate(f.z, large, 4 * P);
    memory_take(&before, &f);
    assert_int_equal(zone_undo_isolate(f.z, large, 5 * P), -EINVAL);
    assert_int_equal(zone_undo_isolate(f.z, large + 4 * P, P), -EINVAL);
    assert_int_equal(zone_undo_isolate(f.z, large, P), -EINVAL);     /* ends in a granted block */
    assert_int_equal(zone_undo_isolate(f.z, large + P, P), -EINVAL); /* begins in one */
    assert_same_memory(&before, &f);
    undo(f.z, large, 4 * P);
    give(f.z, large);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Without grouping everything is UNMOVABLE memory, but blocks are still what they were asked for.
 */
static void a_zone_without_grouping(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, movable;

    (void)state;
    fixture_open(&f, 4 * P, ORDER, 1);
    movable = take(f.z, ORDER, MIGRATE_MOVABLE);
    fixed = take(f.z, ORDER, MIGRATE_UNMOVABLE);
    assert_refused(&f, fixed, P, OBSTACLE_UNMOVABLE, fixed);
    isolate(f.z, movable, P);
    give(f.z, movable);
    assert_counts(f.z, 2 * P, P);
    undo(f.z, movable, P);
    assert_counts(f.z, 3 * P, 0);
    assert_pageblocks(f.z, 4, 0, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_free_block_is_isolated_in_part),
        cmocka_unit_test(the_edges_of_the_zone),
        cmocka_unit_test(nothing_is_granted_from_it),
        cmocka_unit_test(it_does_not_count_for_marks),
        cmocka_unit_test(what_is_freed_there_stays_there),
        cmocka_unit_test(a_granted_block_can_leave_it),
        cmocka_unit_test(each_pageblock_gets_its_type_back),
        cmocka_unit_test(a_large_block_is_cut_meanwhile),
        cmocka_unit_test(ranges_beside_each_other),
        cmocka_unit_test(types_that_merged_part_again),
        cmocka_unit_test(refuses_what_must_stay),
        cmocka_unit_test(refuses_what_passes_between_domains),
        cmocka_unit_test(isolated_pageblocks_do_not_pass),
        cmocka_unit_test(refuses_ranges_that_cannot_be),
        cmocka_unit_test(undo_refuses_what_is_not_isolated),
        cmocka_unit_test(a_zone_without_grouping),
    };

    return cmocka_run_group_tests_name("isolate", tests, NULL, NULL);
}
