/* SPDX-License-Identifier: Apache-2.0 */
/* test_free.c: giving blocks back, merging them, cutting them in two, and what is refused. */
#include <stdlib.h>

#include "zone_fixture.h"

static uint32_t bit_reverse(uint32_t v, unsigned bits)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < bits; i++)
        r |= (v >> i & 1u) << (bits - 1 - i);
    return r;
}

static void merges_whatever_the_order_of_frees(void **state)
{
    enum { PAGES = 1024 };
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, 4, 1);
    for (int way = 0; way < 5; way++) {
        struct zone_stat st;

        take_all(f.z, 0, (enum migratetype)(way % NR_MOBILITIES));
        zone_stat(f.z, &st);
        assert_int_equal(st.free_pages, 0);
        assert_int_equal(st.empty_pageblocks, 0);
        assert_int_equal(zone_largest_free_order(f.z, 0), -1);
        for (pfn_t i = 0; i < PAGES; i++) {
            const pfn_t ways[] = {i, PAGES - 1 - i, bit_reverse(i, 10), i * 389 % PAGES,
                                  (i + 512) % PAGES};

            give(f.z, ways[way]);
            if (i % 128 == 77)
                assert_zone_ok(f.z);
        }
        assert_wholly_free(f.z);
    }
    fixture_close(&f);
}

static void merges_up_to_the_largest_order_only(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, (pfn_t)3 << MAX_PAGE_ORDER, 9, 1);
    take_all(f.z, MAX_PAGE_ORDER - 1, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < 6; i++)
        give(f.z, i << (MAX_PAGE_ORDER - 1));
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* At the end of a zone of odd size the buddy would lie outside. */
static void merges_at_an_odd_end(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 16 * 7, 4, 1);
    take_all(f.z, 0, MIGRATE_UNMOVABLE);
    for (pfn_t pfn = 16 * 7; pfn-- > 0;)
        give(f.z, pfn);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void merges_each_step_as_far_as_it_can(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 5);
    assert_block(f.z, 5, BLOCK_FREE, 0);
    give(f.z, 4);
    assert_block(f.z, 4, BLOCK_FREE, 1);
    assert_no_block(f.z, 5);
    give(f.z, 6); /* neighbours 5 and 6 are no buddies; 4-5 and 6-7 would be */
    assert_block(f.z, 4, BLOCK_FREE, 1);
    assert_block(f.z, 6, BLOCK_FREE, 0);
    give(f.z, 3);
    assert_block(f.z, 3, BLOCK_FREE, 0);
    give(f.z, 7);
    assert_block(f.z, 4, BLOCK_FREE, 2);
    assert_no_block(f.z, 6);
    give(f.z, 1);
    give(f.z, 0);
    assert_block(f.z, 0, BLOCK_FREE, 1);
    give(f.z, 2);
    assert_block(f.z, 0, BLOCK_FREE, 3);
    assert_free_orders(f.z, MIGRATE_MOVABLE, 1u << 3);
    fixture_close(&f);
}

static void types_of_pageblocks_do_not_hinder_merging(void **state)
{
    struct zone_fixture f;
    pfn_t pfn[3];

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    for (int t = 0; t < NR_MOBILITIES; t++)
        pfn[t] = take(f.z, 2, (enum migratetype)t);
    assert_pageblocks(f.z, 1, 62, 1);
    for (int t = 0; t < NR_MOBILITIES; t++)
        give(f.z, pfn[t]);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void assert_free_refused(struct zone_fixture *f, pfn_t pfn)
{
    struct zone_image before;

    image_take(&before, f);
    assert_int_equal(zone_free(f->z, pfn), -EINVAL);
    assert_unchanged(&before, f, 0);
}

static void refuses_what_is_no_allocated_block(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 1024 + 16, 4, 1);
    pfn = take(f.z, 3, MIGRATE_MOVABLE);
    assert_int_equal(pfn, 1024); /* the smallest block is the last */
    for (pfn_t i = 1; i < 8; i++)
        assert_free_refused(&f, pfn + i); /* the middle of a block */
    assert_free_refused(&f, 1032);        /* a free one */
    assert_free_refused(&f, 1033);        /* the middle of a free one */
    assert_free_refused(&f, 0);           /* never allocated */
    assert_free_refused(&f, 1040);        /* the first beyond the end */
    assert_free_refused(&f, PFN_MAX_PAGES);
    assert_free_refused(&f, PFN_NONE);
    give(f.z, pfn);
    assert_free_refused(&f, pfn); /* a second time */
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block freed twice, once it has become the middle of a larger free one. */
static void refuses_a_second_free_after_merging(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    for (pfn_t pfn = 0; pfn < 1024; pfn++)
        give(f.z, pfn);
    for (pfn_t pfn = 0; pfn < 1024; pfn += 31)
        assert_free_refused(&f, pfn);
    fixture_close(&f);
}

static void frees_are_counted(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t a, b;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    a = take(f.z, 0, MIGRATE_MOVABLE);
    b = take(f.z, 5, MIGRATE_MOVABLE);
    give(f.z, a);
    zone_stat(f.z, &st);
    assert_int_equal(st.allocs, 2);
    assert_int_equal(st.frees, 1);
    assert_int_equal(st.free_pages, 1024 - 32);
    assert_int_equal(st.empty_pageblocks, 62);
    give(f.z, b);
    zone_stat(f.z, &st);
    assert_int_equal(st.frees, 2);
    fixture_close(&f);
}

static uint64_t tag_of(struct zone *z, pfn_t pfn)
{
    struct zone_block b;

    assert_int_equal(zone_block(z, pfn, &b), 0);
    return b.tag;
}

static void a_split_makes_two_blocks(void **state)
{
    const struct zone_request rq = {.order = 3, .type = MIGRATE_RECLAIMABLE, .tag = 111};
    struct zone_fixture f;
    struct zone_block b;
    struct zone_stat st;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), 0);
    assert_int_equal(zone_split(f.z, pfn, 222), 0);
    assert_block(f.z, pfn, BLOCK_ALLOCATED, 2);
    assert_block(f.z, pfn + 4, BLOCK_ALLOCATED, 2);
    assert_true(tag_of(f.z, pfn) == 111);
    assert_true(tag_of(f.z, pfn + 4) == 222);
    assert_int_equal(zone_block(f.z, pfn + 4, &b), 0);
    assert_int_equal(b.type, MIGRATE_RECLAIMABLE);
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 1024 - 8);
    give(f.z, pfn);
    assert_block(f.z, pfn, BLOCK_FREE, 2);
    assert_block(f.z, pfn + 4, BLOCK_ALLOCATED, 2);
    give(f.z, pfn + 4);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* From the whole zone down to single pages, over the border of the pageblock. */
static void splits_down_to_pages(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_int_equal(take(f.z, 10, MIGRATE_UNMOVABLE), 0);
    assert_pageblocks(f.z, 64, 0, 0);
    for (unsigned order = 10; order > 0; order--) {
        for (pfn_t pfn = 0; pfn < 1024; pfn += (pfn_t)1 << order)
            assert_int_equal(zone_split(f.z, pfn, pfn + order), 0);
        assert_zone_ok(f.z);
        assert_pageblocks(f.z, 64, 0, 0);
    }
    zone_stat(f.z, &st);
    assert_int_equal(st.free_pages, 0);
    for (pfn_t i = 0; i < 1024; i++)
        give(f.z, bit_reverse(i, 10));
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void assert_split_refused(struct zone_fixture *f, pfn_t pfn, uint64_t tag)
{
    struct zone_image before;

    image_take(&before, f);
    assert_int_equal(zone_split(f->z, pfn, tag), -EINVAL);
    assert_unchanged(&before, f, 0);
}

static void refuses_impossible_splits(void **state)
{
    struct zone_fixture f;
    pfn_t page, block;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    page = take(f.z, 0, MIGRATE_MOVABLE);
    block = take(f.z, 2, MIGRATE_MOVABLE);
    assert_split_refused(&f, page, 0);      /* nothing smaller */
    assert_split_refused(&f, block + 1, 0); /* the middle */
    assert_split_refused(&f, block + 2, 0);
    assert_split_refused(&f, 512, 0); /* free */
    assert_split_refused(&f, 1024, 0);
    assert_split_refused(&f, PFN_NONE, 0);
    assert_split_refused(&f, block, (uint64_t)1 << BLOCK_TAG_BITS);
    fixture_close(&f);
}

static void looking_at_no_block(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_no_block(f.z, 1);
    assert_no_block(f.z, 1023);
    assert_no_block(f.z, 1024);
    assert_no_block(f.z, PFN_NONE);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_whatever_the_order_of_frees),
        cmocka_unit_test(merges_up_to_the_largest_order_only),
        cmocka_unit_test(merges_at_an_odd_end),
        cmocka_unit_test(merges_each_step_as_far_as_it_can),
        cmocka_unit_test(types_of_pageblocks_do_not_hinder_merging),
        cmocka_unit_test(refuses_what_is_no_allocated_block),
        cmocka_unit_test(refuses_a_second_free_after_merging),
        cmocka_unit_test(frees_are_counted),
        cmocka_unit_test(a_split_makes_two_blocks),
        cmocka_unit_test(splits_down_to_pages),
        cmocka_unit_test(refuses_impossible_splits),
        cmocka_unit_test(looking_at_no_block),
    };

    return cmocka_run_group_tests_name("free", tests, NULL, NULL);
}
