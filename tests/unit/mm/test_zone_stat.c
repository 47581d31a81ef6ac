/* SPDX-License-Identifier: Apache-2.0 */
/* test_zone_stat.c: the numbers that a zone tells about itself. */
#include <stdlib.h>

#include "mm/fragmentation.h"
#include "zone_fixture.h"

/* The vector of the kernel's rules: 100 free pages, all of order 0. */
static void fragmentation_index_of_single_pages(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(zone_fragindex(f.z, 3, 0), 0); /* no free block at all */
    for (pfn_t i = 0; i < 100; i++)
        give(f.z, 2 * i);
    assert_int_equal(zone_fragindex(f.z, 3, 0), 865);
    assert_int_equal(zone_fragindex(f.z, 0, 0), -1000);
    assert_int_equal(zone_fragindex(f.z, 1, 0), 490);
    assert_int_equal(zone_fragindex(f.z, 10, 0), 990);
    assert_int_equal(zone_fragindex(f.z, MAX_PAGE_ORDER, 0), 990);
    assert_int_equal(zone_largest_free_order(f.z, 0), 0);
    fixture_close(&f);
}

static void fragmentation_index_of_larger_blocks(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 4, MIGRATE_MOVABLE);
    give(f.z, 0);
    give(f.z, 64);
    give(f.z, 128);
    for (unsigned order = 0; order <= 4; order++)
        assert_int_equal(zone_fragindex(f.z, order, 0), -1000);
    /* 3 blocks, 48 pages: 1000 - (1000 + 48000 / 32) / 3 */
    assert_int_equal(zone_fragindex(f.z, 5, 0), 1000 - 2500 / 3);
    assert_int_equal(zone_fragindex(f.z, 6, 0), 1000 - 1750 / 3);
    assert_int_equal(zone_largest_free_order(f.z, 0), 4);
    give(f.z, 16);
    assert_int_equal(zone_fragindex(f.z, 5, 0), -1000);
    assert_int_equal(zone_largest_free_order(f.z, 0), 5);
    fixture_close(&f);
}

/* One free block of half the size is shortage: near 0. */
static void towards_0_is_shortage(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 4, MIGRATE_MOVABLE);
    give(f.z, 32);
    assert_int_equal(zone_fragindex(f.z, 5, 0), -500);
    assert_int_equal(zone_fragindex(f.z, 8, 0), -62);
    fixture_close(&f);
}

static void each_domain_sees_its_own(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 128, 4, 3);
    pfn = take_passing(&f, 0, MIGRATE_MOVABLE, 1);
    for (pfn_t i = 0; i < 7; i++)
        (void)take(f.z, 4, MIGRATE_MOVABLE);
    assert_int_equal(zone_free_pages(f.z, 0), 0);
    assert_int_equal(zone_free_pages(f.z, 1), 15);
    assert_int_equal(zone_free_pages(f.z, 2), 0);
    assert_int_equal(zone_largest_free_order(f.z, 0), -1);
    assert_int_equal(zone_largest_free_order(f.z, 1), 3);
    assert_int_equal(zone_fragindex(f.z, 4, 0), 0);
    assert_int_equal(zone_fragindex(f.z, 4, 1), 1000 - 1937 / 4);
    assert_int_equal(zone_fragindex(f.z, 3, 1), -1000);
    assert_int_equal(zone_fragindex(f.z, 3, 2), 0);
    for (unsigned o = 0; o < 4; o++)
        assert_int_equal(zone_nr_free_blocks(f.z, o, MIGRATE_MOVABLE), 1); /* in all domains */
    give(f.z, pfn);
    for (unsigned d = 0; d < 3; d++) {
        assert_int_equal(zone_free_pages(f.z, d), 16);
        assert_int_equal(zone_largest_free_order(f.z, d), 4);
    }
    fixture_close(&f);
}

static void counts_what_was_asked_and_answered(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t pfn, a;

    (void)state;
    fixture_open(&f, 128, 4, 1);
    a = take(f.z, 0, MIGRATE_UNMOVABLE);
    (void)take(f.z, 4, MIGRATE_MOVABLE);
    assert_int_equal(try_take(f.z, 7, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    assert_int_equal(try_take(f.z, 8, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    assert_int_equal(try_take(f.z, 19, MIGRATE_MOVABLE, 0, 0, &pfn), -EINVAL);
    give(f.z, a);
    assert_int_equal(zone_free(f.z, a), -EINVAL);
    zone_stat(f.z, &st);
    assert_int_equal(st.managed_pages, 128);
    assert_int_equal(st.free_pages, 112);
    assert_int_equal(st.empty_pageblocks, 7);
    assert_int_equal(st.allocs, 2);
    assert_int_equal(st.frees, 1);
    assert_int_equal(st.failures, 2);
    assert_int_equal(st.claims, 1);
    assert_int_equal(st.steals, 0);
    assert_int_equal(st.passes, 0);
    fixture_close(&f);
}

/* Each way of looking settles what was put off: none sees a block that has not merged yet. */
static void looking_shows_merged_blocks(void **state)
{
    struct zone_block b;
    struct zone_stat st;
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 128, 4, 1);
    for (int way = 0; way < 7; way++) {
        pfn = take(f.z, 0, MIGRATE_MOVABLE);
        assert_int_equal(pfn, 0);
        give(f.z, pfn);
        switch (way) {
        case 0:
            assert_int_equal(zone_block(f.z, pfn, &b), 0);
            assert_int_equal(b.order, 7);
            break;
        case 1:
            zone_stat(f.z, &st);
            assert_int_equal(st.free_pages, 128);
            assert_int_equal(st.empty_pageblocks, 8);
            break;
        case 2:
            assert_int_equal(zone_free_pages(f.z, 0), 128);
            break;
        case 3:
            assert_int_equal(zone_nr_free_blocks(f.z, 7, MIGRATE_MOVABLE), 1);
            break;
        case 4:
            assert_int_equal(zone_largest_free_order(f.z, 0), 7);
            break;
        case 5:
            assert_int_equal(zone_fragindex(f.z, 7, 0), -1000);
            break;
        default:
            assert_zone_ok(f.z);
            break;
        }
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragmentation_index_of_single_pages),
        cmocka_unit_test(fragmentation_index_of_larger_blocks),
        cmocka_unit_test(towards_0_is_shortage),
        cmocka_unit_test(each_domain_sees_its_own),
        cmocka_unit_test(counts_what_was_asked_and_answered),
        cmocka_unit_test(looking_shows_merged_blocks),
    };

    return cmocka_run_group_tests_name("zone_stat", tests, NULL, NULL);
}
