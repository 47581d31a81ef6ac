/* SPDX-License-Identifier: Apache-2.0 */
/* test_rmqueue.c: which block a request gets from memory of its own type, and what is left. */
#include <stdlib.h>
#include <string.h>

#include "mm/contig.h"
#include "zone_fixture.h"

static void takes_the_lowest_part_and_lists_the_upper_halves(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 10; order++) {
        struct zone_fixture f;
        struct zone_stat st;

        fixture_open(&f, 1024, 4, 1);
        assert_int_equal(take(f.z, order, MIGRATE_MOVABLE), 0);
        assert_free_orders(f.z, MIGRATE_MOVABLE, (1u << 10) - (1u << order));
        for (unsigned o = order; o < 10; o++)
            assert_block(f.z, (pfn_t)1 << o, BLOCK_FREE, o);
        for (pfn_t pfn = 1; pfn < (pfn_t)1 << order; pfn++)
            assert_no_block(f.z, pfn);
        zone_stat(f.z, &st);
        assert_int_equal(st.free_pages, 1024 - (1 << order));
        assert_int_equal(st.empty_pageblocks, order < 4 ? 63 : 64 - (1 << (order - 4)));
        assert_int_equal(st.allocs, 1);
        assert_int_equal(zone_free_pages(f.z, 0), 1024 - (1 << order));
        assert_int_equal(zone_largest_free_order(f.z, 0), 9);
        fixture_close(&f);
    }
}

static void every_order_up_to_the_whole_zone(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, (pfn_t)1 << MAX_PAGE_ORDER, 9, 1);
    for (unsigned order = 0; order <= MAX_PAGE_ORDER; order++) {
        struct zone_image before;
        pfn_t pfn = take(f.z, order, MIGRATE_MOVABLE), other = 4711;

        assert_int_equal(pfn, 0);
        if (order == MAX_PAGE_ORDER) {
            assert_int_equal(zone_largest_free_order(f.z, 0), -1);
            image_take(&before, &f);
            assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &other), -ENOMEM);
            assert_int_equal(other, 4711);
            assert_unchanged(&before, &f, 1);
        }
        give(f.z, pfn);
        assert_wholly_free(f.z);
    }
    fixture_close(&f);
}

static void takes_the_smallest_block_that_is_large_enough(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_int_equal(take(f.z, 3, MIGRATE_MOVABLE), 0);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 8);
    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), 10);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 9);
    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), 12);
    assert_int_equal(take(f.z, 5, MIGRATE_MOVABLE), 32);
    assert_int_equal(take(f.z, 9, MIGRATE_MOVABLE), 512);
    assert_int_equal(take(f.z, 2, MIGRATE_MOVABLE), 16);
    assert_free_orders(f.z, MIGRATE_MOVABLE,
                       1u << 1 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 7 | 1u << 8);
    fixture_close(&f);
}

static void keeps_what_the_block_is_marked_with(void **state)
{
    const uint64_t tags[] = {0, 1, ((uint64_t)1 << BLOCK_TAG_BITS) - 1, 0xa5a5a5a5a5a5};
    struct zone_fixture f;
    struct zone_block b;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    for (unsigned i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        for (int t = 0; t < NR_MOBILITIES; t++) {
            struct zone_request rq = {.order = i, .type = (enum migratetype)t, .tag = tags[i]};
            pfn_t pfn;

            assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), 0);
            assert_int_equal(zone_block(f.z, pfn, &b), 0);
            assert_int_equal(b.state, BLOCK_ALLOCATED);
            assert_int_equal(b.order, i);
            assert_int_equal(b.type, t);
            assert_true(b.tag == tags[i]);
            assert_false(b.free_pending);
        }
    }
    fixture_close(&f);
}

static void assert_invalid(struct zone_fixture *f, struct zone_request rq)
{
    struct zone_image before;
    pfn_t pfn = 4711;

    image_take(&before, f);
    assert_int_equal(zone_rmqueue(f->z, &rq, &pfn), -EINVAL);
    assert_int_equal(pfn, 4711);
    assert_unchanged(&before, f, 0);
}

static void refuses_bad_requests(void **state)
{
    const struct zone_request good = {.order = 0, .type = MIGRATE_MOVABLE};
    struct zone_request rq;
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 3);
    rq = good, rq.order = MAX_PAGE_ORDER + 1;
    assert_invalid(&f, rq);
    rq = good, rq.order = UINT32_MAX;
    assert_invalid(&f, rq);
    for (int t = NR_MOBILITIES; t <= NR_MIGRATETYPES; t++) {
        rq = good, rq.type = (enum migratetype)t;
        assert_invalid(&f, rq);
    }
    rq = good, rq.type = (enum migratetype) - 1;
    assert_invalid(&f, rq);
    rq = good, rq.domain = 3;
    assert_invalid(&f, rq);
    rq = good, rq.domain = DOMAIN_NONE;
    assert_invalid(&f, rq);
    rq = good, rq.tag = (uint64_t)1 << BLOCK_TAG_BITS;
    assert_invalid(&f, rq);
    rq = good, rq.tag = UINT64_MAX;
    assert_invalid(&f, rq);
    fixture_close(&f);
}

static void a_block_larger_than_the_zone_is_only_out_of_memory(void **state)
{
    struct zone_image before;
    struct zone_fixture f;
    pfn_t pfn = 4711;

    (void)state;
    fixture_open(&f, 1024 + 512, 4, 1);
    for (unsigned order = 11; order <= MAX_PAGE_ORDER; order++) {
        image_take(&before, &f);
        assert_int_equal(try_take(f.z, order, MIGRATE_UNMOVABLE, 0, 0, &pfn), -ENOMEM);
        assert_unchanged(&before, &f, 1);
    }
    assert_int_equal(pfn, 4711);
    fixture_close(&f);
}

/* Freed blocks go to the head of their list: the warmest is granted first. */
static void the_block_freed_last_is_granted_first(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 100);
    give(f.z, 500);
    give(f.z, 302);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 302);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 500);
    give(f.z, 901);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 901);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 100);
    fixture_close(&f);
}

/* ... but to the tail if the block next to the merged parent is free: it will soon be larger. */
static void a_block_that_will_soon_merge_is_granted_last(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 2);
    give(f.z, 3); /* free: 2-3, of order 1 */
    give(f.z, 500);
    give(f.z, 0); /* its parent would be 0-1, whose buddy is 2-3 */
    settle(f.z);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 500);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 0);
    give(f.z, 500);
    give(f.z, 1); /* the upper half of the same parent */
    settle(f.z);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 500);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 1);

    /* The neighbour is free, but only in part: not of the parent's order. */
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 2);
    give(f.z, 500);
    give(f.z, 0);
    settle(f.z);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 0);
    fixture_close(&f);
}

/* The same for blocks of a pageblock and more, up to the two largest orders, where it ends. */
static void assert_tail_up_to(unsigned order, bool tail)
{
    pfn_t size = (pfn_t)1 << order;
    struct zone_fixture f;

    fixture_open(&f, (pfn_t)4 << MAX_PAGE_ORDER, 9, 1);
    take_all(f.z, order, MIGRATE_MOVABLE);
    give(f.z, 2 * size);
    give(f.z, 3 * size);
    give(f.z, 6 * size);
    give(f.z, 0);
    settle(f.z);
    assert_int_equal(take(f.z, order, MIGRATE_MOVABLE), tail ? 6 * size : 0);
    assert_int_equal(take(f.z, order, MIGRATE_MOVABLE), tail ? 0 : 6 * size);
    fixture_close(&f);
}

static void the_two_largest_orders_never_go_to_the_tail(void **state)
{
    (void)state;
    assert_tail_up_to(8, true);
    assert_tail_up_to(9, true);
    assert_tail_up_to(MAX_PAGE_ORDER - 2, true);
    assert_tail_up_to(MAX_PAGE_ORDER - 1, false);
}

/* The halves of a split block go to the heads, the smallest being used next. */
static void upper_halves_go_to_the_head(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    take_all(f.z, 2, MIGRATE_MOVABLE);
    give(f.z, 0);
    give(f.z, 800);
    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), 800); /* leaves 802 of order 1 */
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 802); /* leaves 803 */
    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), 0);   /* leaves 2 of order 1 */
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 803);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 2);
    fixture_close(&f);
}

/* Take all blocks of an order that are left outside CMA areas. */
static void take_rest(struct zone *z, unsigned order)
{
    const struct zone_request rq = {.order = order, .type = MIGRATE_MOVABLE};
    pfn_t pfn;

    while (zone_rmqueue(z, &rq, &pfn) == 0)
        ;
}

/* CMA areas are for movable requests that may use them; they come last while others have more. */
static void cma_areas_serve_movable_requests(void **state)
{
    struct zone_request rq = {.type = MIGRATE_MOVABLE, .flags = ALLOC_CMA};
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_int_equal(zone_cma_init(f.z, 512, 64, NULL), 0);
    for (unsigned type = 0; type < NR_MOBILITIES; type++) {
        rq.type = (enum migratetype)type;
        if (rq.type != MIGRATE_MOVABLE)
            assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), -EINVAL);
    }
    rq.type = MIGRATE_MOVABLE;
    take_rest(f.z, 4);
    rq.order = 4;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), 0);
        assert_true(pfn >= 512 && pfn < 576);
    }
    assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), -ENOMEM);
    fixture_close(&f);
}

/* While more is free outside the area it is asked first; it serves what that cannot. */
static void cma_areas_come_last_while_others_have_more(void **state)
{
    struct zone_request rq = {.order = 5, .type = MIGRATE_MOVABLE, .flags = ALLOC_CMA};
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 1024, 4, 1);
    assert_int_equal(zone_cma_init(f.z, 512, 128, NULL), 0);
    take_rest(f.z, 5);
    for (pfn_t p = 0; p < 512; p += 64) /* no two of them are buddies */
        give(f.z, p);
    assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), 0);
    assert_true(pfn < 512);
    rq.order = 6;
    assert_int_equal(zone_rmqueue(f.z, &rq, &pfn), 0);
    assert_true(pfn >= 512 && pfn < 640);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_lowest_part_and_lists_the_upper_halves),
        cmocka_unit_test(every_order_up_to_the_whole_zone),
        cmocka_unit_test(takes_the_smallest_block_that_is_large_enough),
        cmocka_unit_test(keeps_what_the_block_is_marked_with),
        cmocka_unit_test(refuses_bad_requests),
        cmocka_unit_test(a_block_larger_than_the_zone_is_only_out_of_memory),
        cmocka_unit_test(the_block_freed_last_is_granted_first),
        cmocka_unit_test(a_block_that_will_soon_merge_is_granted_last),
        cmocka_unit_test(the_two_largest_orders_never_go_to_the_tail),
        cmocka_unit_test(upper_halves_go_to_the_head),
        cmocka_unit_test(cma_areas_serve_movable_requests),
        cmocka_unit_test(cma_areas_come_last_while_others_have_more),
    };

    return cmocka_run_group_tests_name("rmqueue", tests, NULL, NULL);
}
