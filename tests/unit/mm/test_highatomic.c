/* SPDX-License-Identifier: Apache-2.0 */
/* test_highatomic.c: what is kept for requests of higher order that cannot wait. */
#include "mm/highatomic.h"

#include "mm/contig.h"
#include "mm/isolate.h"
#include "path_fixture.h"

#define ATOMIC (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC)

static struct zone_fixture f;

static pfn_t kept(struct zone *z)
{
    assert_zone_ok(z);
    assert_int_equal(highatomic_pages(z), zone_nr_pageblocks(z, MIGRATE_HIGHATOMIC)
                                              << zone_pageblock_order(z));
    return highatomic_pages(z);
}

static void the_limit_is_one_percent(void **state)
{
    static const struct {
        pfn_t nr_pages;
        unsigned pageblock_order;
        pfn_t max;
    } rows[] = {
        {262144, 9, 3072}, /* 2621, in whole pageblocks */
        {51200, 9, 512},   /* 512: exactly one */
        {50688, 9, 0},     /* 506: less than one */
        {102400, 9, 1024}, {102912, 9, 1536}, {1600, 4, 16},
        {1584, 4, 0},      {1616, 4, 16},     {1712, 4, 32},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_open(&f, rows[i].nr_pages, rows[i].pageblock_order, 1);
        assert_int_equal(highatomic_max(f.z), rows[i].max);
        assert_int_equal(highatomic_pages(f.z), 0);
        fixture_close(&f);
    }
}

static void a_small_block_keeps_its_pageblock(void **state)
{
    pfn_t a, b, c;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1); /* 20 pages: two pageblocks at most */
    a = take(f.z, 1, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, a);
    assert_int_equal(kept(f.z), PATH_P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_UNMOVABLE), 0);
    assert_free_orders(f.z, MIGRATE_HIGHATOMIC, 0xe); /* what is left of it */
    highatomic_reserve(f.z, a);                       /* it is kept already */
    assert_int_equal(kept(f.z), PATH_P);
    b = take(f.z, 0, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, b);
    assert_int_equal(kept(f.z), 2 * PATH_P);
    c = take(f.z, 0, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, c); /* the limit */
    assert_int_equal(kept(f.z), 2 * PATH_P);
    give(f.z, a);
    give(f.z, b);
    give(f.z, c);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_free_blocks(f.z, PATH_ORDER, MIGRATE_HIGHATOMIC), 2);
    assert_int_equal(zone_free_pages(f.z, 0), 2048);
    fixture_close(&f);
}

/* A block that was freed there is granted to the next who may have it, also while its free is on
 * its way. */
static void what_is_on_its_way_is_granted_first(void **state)
{
    pfn_t a, again;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    a = take(f.z, PATH_ORDER, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, a);
    (void)take(f.z, 0, MIGRATE_UNMOVABLE); /* there are others */
    zone_free_later(f.z, a);
    assert_int_equal(try_take(f.z, 2, MIGRATE_UNMOVABLE, 0, ALLOC_HIGHATOMIC, &again), 0);
    assert_int_equal(again, a);
    fixture_close(&f);
}

/* Nothing of it is granted to others any more, not even what was freed just now. */
static void what_was_freed_last_is_kept_too(void **state)
{
    const struct zone_config config = {
        .nr_pages = 2048, .pageblock_order = PATH_ORDER, .nr_domains = 1}; /* blocks may rest */
    pfn_t a, b;

    (void)state;
    fixture_open_config(&f, &config);
    a = take(f.z, 0, MIGRATE_UNMOVABLE);
    b = take(f.z, 0, MIGRATE_UNMOVABLE);
    give(f.z, b);
    highatomic_reserve(f.z, a);
    b = take(f.z, 0, MIGRATE_UNMOVABLE);
    assert_true((b ^ a) >= PATH_P);
    assert_int_equal(kept(f.z), PATH_P);
    fixture_close(&f);
}

static void a_large_block_keeps_all_its_pageblocks(void **state)
{
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 6400, PATH_ORDER, 1); /* four pageblocks at most */
    pfn = take(f.z, PATH_ORDER + 2, MIGRATE_RECLAIMABLE);
    highatomic_reserve(f.z, pfn);
    assert_int_equal(kept(f.z), 4 * PATH_P);
    highatomic_reserve(f.z, take(f.z, 0, MIGRATE_MOVABLE));
    assert_int_equal(kept(f.z), 4 * PATH_P);
    give(f.z, pfn);
    assert_free_orders(f.z, MIGRATE_HIGHATOMIC, 1u << (PATH_ORDER + 2));
    fixture_close(&f);
}

/* However large a block is, the limit is not passed for it. */
static void a_block_beyond_the_limit_is_not_kept(void **state)
{
    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    for (unsigned order = PATH_ORDER + 2; order <= PATH_ORDER + 5; order++)
        highatomic_reserve(f.z, take(f.z, order, MIGRATE_UNMOVABLE));
    assert_int_equal(kept(f.z), 0);
    highatomic_reserve(f.z, take(f.z, 0, MIGRATE_MOVABLE));
    highatomic_reserve(f.z, take(f.z, PATH_ORDER + 1, MIGRATE_MOVABLE)); /* one is left */
    assert_int_equal(kept(f.z), PATH_P);
    highatomic_reserve(f.z, take(f.z, PATH_ORDER, MIGRATE_MOVABLE));
    assert_int_equal(kept(f.z), 2 * PATH_P);
    fixture_close(&f);
}

static void small_zones_keep_nothing(void **state)
{
    (void)state;
    fixture_open(&f, 1024, PATH_ORDER, 1);
    highatomic_reserve(f.z, take(f.z, 1, MIGRATE_UNMOVABLE));
    assert_int_equal(kept(f.z), 0);
    fixture_close(&f);
}

/* What is kept for something else already is left as it is. */
static void cma_areas_are_not_kept(void **state)
{
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    assert_int_equal(zone_cma_init(f.z, 0, 2048, NULL), 0);
    assert_int_equal(try_take(f.z, 1, MIGRATE_MOVABLE, 0, ALLOC_CMA, &pfn), 0);
    highatomic_reserve(f.z, pfn);
    assert_int_equal(kept(f.z), 0);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 128);
    fixture_close(&f);
}

/* One pageblock that is kept and free, and nothing else. */
static pfn_t keep_one(void)
{
    pfn_t pfn;

    fixture_open(&f, 2048, PATH_ORDER, 1);
    pfn = take(f.z, PATH_ORDER, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, pfn);
    path_leave(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, pfn);
    assert_int_equal(kept(f.z), PATH_P);
    assert_int_equal(zone_free_pages(f.z, 0), PATH_P);
    return pfn;
}

static void who_may_use_what_is_kept(void **state)
{
    static const struct {
        unsigned order, flags;
        int expected;
    } rows[] = {
        {0, 0, -ENOMEM},
        {1, 0, -ENOMEM},
        {1, ALLOC_MIN_RESERVE, -ENOMEM},
        {1, ALLOC_HIGHATOMIC, 0},
        {PATH_ORDER, ALLOC_HIGHATOMIC, 0},
        {PATH_ORDER + 1, ATOMIC | ALLOC_OOM, -ENOMEM},
        {0, ALLOC_HIGHATOMIC, -ENOMEM}, /* the right is for higher orders */
        {0, ALLOC_NON_BLOCK, 0},        /* rather than fail now */
        {0, ALLOC_OOM, 0},
        {1, ALLOC_OOM, 0},
        {0, ALLOC_NO_WATERMARKS, -ENOMEM},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned t = 0; t < NR_MOBILITIES; t++) {
            pfn_t kept_pfn = keep_one(), pfn = PFN_NONE;

            assert_int_equal(
                try_take(f.z, rows[i].order, (enum migratetype)t, 0, rows[i].flags, &pfn),
                rows[i].expected);
            assert_int_equal(kept(f.z), PATH_P);
            if (rows[i].expected == 0) {
                assert_int_equal(pfn & ~(PATH_P - 1), kept_pfn);
                give(f.z, pfn);
                assert_free_orders(f.z, MIGRATE_HIGHATOMIC, 1u << PATH_ORDER);
            }
            fixture_close(&f);
        }
    }
}

/* Who may wait for nothing takes what is kept only when nothing else is left. */
static void what_is_kept_is_the_last(void **state)
{
    pfn_t pfn, kept_pfn = keep_one();

    (void)state;
    give(f.z, 2047);
    assert_int_equal(try_take(f.z, 0, MIGRATE_UNMOVABLE, 0, ALLOC_NON_BLOCK, &pfn), 0);
    assert_int_equal(pfn, 2047);
    give(f.z, 2047);
    give(f.z, 2046);
    /* But with the right it comes first. */
    assert_int_equal(try_take(f.z, 1, MIGRATE_MOVABLE, 0, ALLOC_HIGHATOMIC, &pfn), 0);
    assert_int_equal(pfn & ~(PATH_P - 1), kept_pfn);
    fixture_close(&f);
}

static void nothing_is_given_back_of_nothing(void **state)
{
    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    assert_false(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, false));
    assert_false(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, true));
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void the_last_is_given_back_by_force_alone(void **state)
{
    (void)state;
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        (void)keep_one();
        assert_false(highatomic_unreserve(f.z, 0, (enum migratetype)t, false));
        assert_int_equal(kept(f.z), PATH_P);
        assert_true(highatomic_unreserve(f.z, 0, (enum migratetype)t, true));
        assert_int_equal(kept(f.z), 0);
        assert_free_orders(f.z, (enum migratetype)t, 1u << PATH_ORDER);
        assert_false(highatomic_unreserve(f.z, 0, (enum migratetype)t, true));
        fixture_close(&f);
    }
}

/* Free and merged, it is still given back a pageblock at a time, and one stays. */
static void a_pageblock_at_a_time(void **state)
{
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 6400, PATH_ORDER, 1);
    pfn = take(f.z, PATH_ORDER + 2, MIGRATE_MOVABLE);
    highatomic_reserve(f.z, pfn);
    path_leave(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, pfn);
    for (pfn_t left = 4; left > 1; left--) {
        assert_int_equal(kept(f.z), left * PATH_P);
        assert_true(highatomic_unreserve(f.z, 0, MIGRATE_UNMOVABLE, false));
        assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_UNMOVABLE), 5 - left);
        assert_int_equal(zone_free_pages(f.z, 0), 4 * PATH_P);
    }
    assert_false(highatomic_unreserve(f.z, 0, MIGRATE_UNMOVABLE, false));
    assert_int_equal(kept(f.z), PATH_P);
    assert_true(highatomic_unreserve(f.z, 0, MIGRATE_UNMOVABLE, true));
    assert_int_equal(kept(f.z), 0);
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 1u << (PATH_ORDER + 2)); /* together again */
    fixture_close(&f);
}

/* A pageblock that is partly granted is given back with the free blocks that it has. */
static void a_broken_pageblock_is_given_back(void **state)
{
    pfn_t a, b;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    a = take(f.z, 1, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, a);
    b = take(f.z, 2, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, b);
    assert_int_equal(kept(f.z), 2 * PATH_P);
    assert_true(highatomic_unreserve(f.z, 0, MIGRATE_RECLAIMABLE, false));
    assert_int_equal(kept(f.z), PATH_P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 1);
    assert_free_orders(f.z, MIGRATE_RECLAIMABLE, 0xe); /* that with the smallest block */
    assert_free_orders(f.z, MIGRATE_HIGHATOMIC, 0xc);
    /* A free block that the zone has not merged yet is not lost. */
    give(f.z, a);
    assert_true(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, true));
    assert_int_equal(kept(f.z), 0);
    give(f.z, b);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What is wholly granted has nothing to give back. */
static void without_free_memory_it_stays(void **state)
{
    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    highatomic_reserve(f.z, take(f.z, PATH_ORDER, MIGRATE_UNMOVABLE));
    assert_false(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, true));
    assert_int_equal(kept(f.z), PATH_P);
    fixture_close(&f);
}

static void each_domain_has_its_own(void **state)
{
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 2);
    pfn = take_passing(&f, 2, MIGRATE_UNMOVABLE, 1);
    highatomic_reserve(f.z, pfn);
    assert_int_equal(kept(f.z), PATH_P);
    assert_false(highatomic_unreserve(f.z, 0, MIGRATE_UNMOVABLE, true));
    assert_int_equal(kept(f.z), PATH_P);
    assert_true(highatomic_unreserve(f.z, 1, MIGRATE_UNMOVABLE, true));
    assert_int_equal(kept(f.z), 0);
    fixture_close(&f);
}

/* Without grouping there is one type for all. */
static void without_grouping(void **state)
{
    const struct zone_config config = {
        .nr_pages = 2048, .pageblock_order = PATH_ORDER, .nr_domains = 1, .no_grouping = true};
    pfn_t pfn;

    (void)state;
    fixture_open_config(&f, &config);
    pfn = take(f.z, 1, MIGRATE_MOVABLE);
    highatomic_reserve(f.z, pfn);
    assert_int_equal(kept(f.z), PATH_P);
    assert_true(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, true));
    assert_pageblocks(f.z, 128, 0, 0);
    give(f.z, pfn);
    pfn = take(f.z, PATH_ORDER, MIGRATE_MOVABLE);
    highatomic_reserve(f.z, pfn);
    give(f.z, pfn);
    assert_int_equal(kept(f.z), PATH_P);
    assert_true(highatomic_unreserve(f.z, 0, MIGRATE_MOVABLE, true));
    assert_wholly_free(f.z);
    assert_pageblocks(f.z, 128, 0, 0);
    fixture_close(&f);
}

/* A free pageblock that is kept stays the domain's while it is out of use, and after. */
static void isolation_and_back(void **state)
{
    pfn_t pfn, held;

    (void)state;
    fixture_open(&f, 2048, PATH_ORDER, 1);
    pfn = take(f.z, PATH_ORDER, MIGRATE_UNMOVABLE);
    highatomic_reserve(f.z, pfn);
    give(f.z, pfn);
    assert_int_equal(kept(f.z), PATH_P);
    held = zone_held_pages(f.z, 0);
    assert_int_equal(held, PATH_P);
    assert_int_equal(zone_isolate_range(f.z, pfn, PATH_P, NULL), 0);
    assert_int_equal(kept(f.z), 0);
    assert_int_equal(zone_held_pages(f.z, 0), 0);
    assert_int_equal(zone_undo_isolate(f.z, pfn, PATH_P), 0);
    assert_int_equal(kept(f.z), PATH_P);
    assert_int_equal(zone_held_pages(f.z, 0), held);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(isolation_and_back),
        cmocka_unit_test(the_limit_is_one_percent),
        cmocka_unit_test(a_small_block_keeps_its_pageblock),
        cmocka_unit_test(what_is_on_its_way_is_granted_first),
        cmocka_unit_test(what_was_freed_last_is_kept_too),
        cmocka_unit_test(a_large_block_keeps_all_its_pageblocks),
        cmocka_unit_test(a_block_beyond_the_limit_is_not_kept),
        cmocka_unit_test(small_zones_keep_nothing),
        cmocka_unit_test(cma_areas_are_not_kept),
        cmocka_unit_test(who_may_use_what_is_kept),
        cmocka_unit_test(what_is_kept_is_the_last),
        cmocka_unit_test(nothing_is_given_back_of_nothing),
        cmocka_unit_test(the_last_is_given_back_by_force_alone),
        cmocka_unit_test(a_pageblock_at_a_time),
        cmocka_unit_test(a_broken_pageblock_is_given_back),
        cmocka_unit_test(without_free_memory_it_stays),
        cmocka_unit_test(each_domain_has_its_own),
        cmocka_unit_test(without_grouping),
    };

    return cmocka_run_group_tests_name("highatomic", tests, NULL, NULL);
}
