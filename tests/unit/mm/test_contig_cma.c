/* SPDX-License-Identifier: Apache-2.0 */
/* test_contig_cma.c: CMA areas: for movable requests with the right, and for contiguous ones. */
#include "contig_fixture.h"

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
    struct contig_request rq = contig_request_of(2 * P);
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
    assert_contig_pages(&f, &rq, 36 * P); /* without the right */
    contig_free(f.z, 36 * P, 2 * P);
    rq.flags = ALLOC_CMA;
    assert_contig_pages(&f, &rq, 32 * P);
    assert_contig_pages(&f, &rq, 34 * P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 4); /* whatever is granted there */
    assert_contig_pages(&f, &rq, 36 * P);
    contig_free(f.z, 32 * P, 2 * P);
    contig_free(f.z, 34 * P, 2 * P);
    assert_free_type(f.z, 32 * P, ORDER + 2, MIGRATE_CMA);
    fixture_close(&f);
}

static void movable_blocks_leave_a_cma_area(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
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
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, 8 * P, 2 * P);
    for (unsigned i = 0; i < f.nr_moves; i++)
        assert_true(f.move[i].to < 8 * P);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 8);
    fixture_close(&f);
}

static void a_range_lies_in_cma_areas_or_outside(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    init_cma(f.z, 8 * P, 4 * P);
    assert_contig_refused(&f, 7 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_contig_refused(&f, 9 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_contig_refused(&f, 11 * P, 2 * P, -EBUSY, OBSTACLE_KEPT, 8 * P);
    rq.flags = ALLOC_CMA;
    assert_contig_refused_rq(&f, 7 * P, &rq, -EBUSY, OBSTACLE_KEPT, 8 * P);
    assert_contig_refused_rq(&f, 11 * P, &rq, -EBUSY, OBSTACLE_KEPT, 12 * P);
    assert_int_equal(alloc_contig_range(f.z, 13 * P, &rq, &c, NULL), 0);
    assert_int_equal(alloc_contig_range(f.z, 9 * P, &rq, &c, NULL), 0);
    assert_contig(f.z, 9 * P, 2 * P);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cma_area_is_for_movable_requests_with_the_right),
        cmocka_unit_test(contiguous_requests_try_cma_areas_first),
        cmocka_unit_test(movable_blocks_leave_a_cma_area),
        cmocka_unit_test(a_range_lies_in_cma_areas_or_outside),
        cmocka_unit_test(only_free_pageblocks_become_a_cma_area),
    };

    return cmocka_run_group_tests_name("contig_cma", tests, contig_set_tags, NULL);
}
