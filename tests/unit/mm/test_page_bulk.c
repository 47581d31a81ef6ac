/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_bulk.c: many single pages at once, and an exact number of contiguous ones. */
#include <string.h>

#include "path_fixture.h"

#define MANY 64u

static struct path_fixture f; /* too large for a stack */

/* ---- bulk ---- */

/* Ask for nr pages with the tags 100, 101, ...; check what is granted and return how many. */
static unsigned bulk(struct page_request rq, unsigned nr, struct page_grant *ret)
{
    uint64_t tags[MANY];
    unsigned got;

    assert_true(nr <= MANY);
    for (unsigned i = 0; i < nr; i++)
        tags[i] = 100 + i;
    f.log[0] = '\0';
    path_check(&f);
    got = alloc_pages_bulk(&f.m, NULL, NULL, &rq, nr, tags, ret);
    path_check(&f);
    assert_true(got <= nr);
    for (unsigned i = 0; i < got; i++) {
        struct zone_block b;

        assert_int_equal(ret[i].order, 0);
        assert_int_equal(zone_block(f.zf[ret[i].zone].z, ret[i].pfn, &b), 0);
        assert_int_equal(b.state, BLOCK_ALLOCATED);
        assert_int_equal(b.order, 0);
        assert_int_equal(b.type, rq.type);
        assert_int_equal(b.tag, 100 + i);
        for (unsigned k = 0; k < i; k++)
            assert_false(ret[k].zone == ret[i].zone && ret[k].pfn == ret[i].pfn);
    }
    return got;
}

static void assert_numa(unsigned zone, struct zone_numa_stat expected)
{
    struct zone_numa_stat now;

    zone_numa_stat(f.zf[zone].z, &now);
    assert_memory_equal(&now, &expected, sizeof(now));
}

/* With nr less the zone has to be above low still, strictly: then all come from it. */
static void the_zone_stays_above_low(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}}; /* low is 80 */
    struct page_grant got[MANY];

    (void)state;
    path_open(&f, zones, 1, NULL);
    path_leave(f.zf[0].z, 80 + 20 + 1, MIGRATE_MOVABLE);
    assert_int_equal(bulk(path_request(0, MIGRATE_MOVABLE, 0), 21, got), 1); /* one too many */
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 100);
    assert_int_equal(bulk(path_request(7, MIGRATE_MOVABLE, 0), 19, got), 19);
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 81);
    assert_int_equal(bulk(path_request(0, MIGRATE_MOVABLE, 0), 2, got), 1);
    /* Below low it is one ordinary request: down to min. */
    for (pfn_t free = 80; free > 64; free--)
        assert_int_equal(bulk(path_request(0, MIGRATE_MOVABLE, 0), 2, got), 1);
    assert_int_equal(bulk(path_request(0, MIGRATE_MOVABLE, 0), 2, got), 0);
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 64);
    path_close(&f);
}

static void it_counts_like_single_requests(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = 1024},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    static const struct mm_topology t = {.nr_nodes = 2};
    struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);
    struct page_grant got[MANY];

    (void)state;
    path_open(&f, zones, 2, &t);
    rq.node = 1;
    assert_int_equal(bulk(rq, 10, got), 10);
    assert_int_equal(got[9].zone, 1);
    assert_numa(0, (struct zone_numa_stat){0});
    assert_numa(1, (struct zone_numa_stat){.hit = 10, .other = 10});
    rq.caller_node = 1;
    assert_int_equal(bulk(rq, 5, got), 5);
    assert_numa(1, (struct zone_numa_stat){.hit = 15, .local = 5, .other = 10});
    path_close(&f);
}

/* Another node is never asked for many, only for the one. */
static void only_zones_of_the_preferred_node(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = 512},
        {ZONE_DMA32, .node = 0, .nr_pages = 512},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    static const struct mm_topology t = {.nr_nodes = 2};
    struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);
    struct page_grant got[MANY];

    (void)state;
    path_open(&f, zones, 3, &t);
    path_leave(f.zf[0].z, 0, MIGRATE_MOVABLE);
    assert_int_equal(bulk(rq, 10, got), 10); /* a lower zone of its node */
    assert_int_equal(got[0].zone, 1);
    path_leave(f.zf[1].z, 0, MIGRATE_MOVABLE);
    assert_int_equal(bulk(rq, 10, got), 1);
    assert_int_equal(got[0].zone, 2);
    assert_numa(0, (struct zone_numa_stat){.foreign = 1});
    assert_numa(2, (struct zone_numa_stat){.miss = 1, .other = 1});
    rq.nodemask = 2; /* now it is the preferred one */
    assert_int_equal(bulk(rq, 10, got), 10);
    assert_int_equal(got[0].zone, 2);
    rq.nodemask = 0;
    rq.barred_zones = only_zone(2);
    assert_int_equal(bulk(rq, 10, got), 10);
    assert_int_equal(got[0].zone, 2);
    rq.barred_zones = only_zone(1);
    assert_int_equal(bulk(rq, 10, got), 0);
    rq.barred_zones = only_zone(5);
    assert_int_equal(bulk(rq, 10, got), 0);
    path_close(&f);
}

/* Pages may be enough and yet not be had: then less is granted, and nobody was refused. */
static void less_is_legal(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_DMA32, .nr_pages = 1024},
    };
    struct page_grant got[MANY];
    struct zone_stat st;
    struct zone *z;

    (void)state;
    path_open(&f, zones, 2, NULL); /* DMA32 below: types are not mixed in the first pass */
    z = f.zf[0].z;
    take_all(z, 1, MIGRATE_MOVABLE);
    for (pfn_t pfn = 0; pfn < 1024; pfn += 4)
        give(z, pfn);                    /* 512 pages, all of movable pageblocks, none whole */
    (void)take(z, 1, MIGRATE_UNMOVABLE); /* claims a pageblock, half free */
    assert_int_equal(zone_nr_pageblocks(z, MIGRATE_UNMOVABLE), 1);
    assert_int_equal(bulk(path_request(0, MIGRATE_UNMOVABLE, 0), 20, got), 6);
    assert_int_equal(got[0].zone, 0);
    zone_stat(z, &st);
    assert_int_equal(st.failures, 0);
    assert_numa(0, (struct zone_numa_stat){.hit = 6, .local = 6});
    /* None at all: one ordinary request, which the next zone serves rather than mix types. */
    assert_int_equal(bulk(path_request(0, MIGRATE_UNMOVABLE, 0), 20, got), 1);
    assert_int_equal(got[0].zone, 1);
    zone_stat(z, &st);
    assert_int_equal(st.failures, 0);
    path_close(&f);
}

static void memory_on_its_way_is_no_memory(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};
    struct page_request rq = path_request(0, MIGRATE_MOVABLE, REQUEST_MAY_WAIT);
    struct page_grant got[MANY];
    struct zone_stat st;

    (void)state;
    path_open(&f, zones, 1, NULL);
    rq.domain = 1;
    assert_int_equal(bulk(rq, 20, got), 0);
    assert_true(f.zf[0].nr_populates > 0);
    assert_int_equal(zone_populate_done(f.zf[0].z, f.zf[0].populate[0].pfn), 0);
    assert_int_equal(bulk(rq, 20, got), 16);
    zone_stat(f.zf[0].z, &st);
    assert_int_equal(st.failures, 0);
    path_close(&f);
}

static void nothing_and_one(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);
    struct zone_image image;
    struct page_grant got[MANY];

    (void)state;
    path_open(&f, zones, 1, NULL);
    image_take(&image, &f.zf[0]);
    assert_int_equal(bulk(rq, 0, got), 0);
    rq.type = MIGRATE_CMA;
    assert_int_equal(bulk(rq, 3, got), 0);
    rq.type = MIGRATE_MOVABLE;
    rq.node = 1;
    assert_int_equal(bulk(rq, 3, got), 0);
    assert_unchanged(&image, &f.zf[0], 0);
    rq.node = 0;
    rq.tag = UINT64_MAX; /* the tags count */
    assert_int_equal(bulk(rq, 1, got), 1);
    assert_int_equal(bulk(rq, 2, got), 2);
    path_close(&f);
}

static void a_bad_tag_ends_it(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    const struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);
    uint64_t tags[] = {1, 2, (uint64_t)1 << BLOCK_TAG_BITS, 4};
    struct page_grant got[4];
    struct zone_image image;

    (void)state;
    path_open(&f, zones, 1, NULL);
    assert_int_equal(alloc_pages_bulk(&f.m, NULL, NULL, &rq, 4, tags, got), 2);
    image_take(&image, &f.zf[0]);
    assert_int_equal(alloc_pages_bulk(&f.m, NULL, NULL, &rq, 2, tags + 2, got), 0);
    assert_unchanged(&image, &f.zf[0], 0);
    path_close(&f);
}

/* ---- exact ---- */

static void open_one(pfn_t nr_pages, unsigned pageblock_order)
{
    const struct path_zone zone = {ZONE_NORMAL, .nr_pages = nr_pages,
                                   .pageblock_order = pageblock_order};

    path_open(&f, &zone, 1, NULL);
    path_marks(&f, MIN_FREE_NONE);
}

static int exact(struct page_request rq, pfn_t nr_pages, struct page_grant *ret)
{
    uint64_t tags[EXACT_MAX_BLOCKS];
    int r;

    for (unsigned i = 0; i < EXACT_MAX_BLOCKS; i++)
        tags[i] = 1000 + i;
    path_check(&f);
    r = alloc_pages_exact(&f.m, NULL, NULL, &rq, nr_pages, tags, ret, &f.refusal);
    path_check(&f);
    return r;
}

/* The blocks are one for each bit of nr_pages, ascending, with their tags; the tail is free. */
static void assert_exact(struct page_request rq, pfn_t nr_pages)
{
    struct page_grant got[EXACT_MAX_BLOCKS];
    pfn_t all = zone_free_pages(f.zf[0].z, 0), pages = 0;
    struct zone *z = f.zf[0].z;
    int nr = exact(rq, nr_pages, got);

    assert_int_equal(nr, __builtin_popcount(nr_pages));
    for (int i = 0; i < nr; i++) {
        struct zone_block b;

        assert_int_equal(got[i].zone, 0);
        assert_int_equal(got[i].pfn, got[0].pfn + pages);
        assert_true(nr_pages >> got[i].order & 1);
        assert_int_equal(zone_block(z, got[i].pfn, &b), 0);
        assert_int_equal(b.state, BLOCK_ALLOCATED);
        assert_int_equal(b.order, got[i].order);
        assert_int_equal(b.type, rq.type);
        assert_int_equal(b.tag, 1000 + i);
        pages += (pfn_t)1 << got[i].order;
    }
    assert_int_equal(pages, nr_pages);
    assert_int_equal(zone_free_pages(z, 0), all - nr_pages);
    if (got[0].pfn + pages < zone_nr_pages(z) && __builtin_popcount(nr_pages) > 1) {
        struct zone_block b;

        assert_int_equal(zone_block(z, got[0].pfn + pages, &b), 0);
        assert_int_equal(b.state, BLOCK_FREE);
    }
    while (nr-- > 0)
        give(z, got[nr].pfn);
    assert_wholly_free(z);
}

static void any_number_up_to_600(void **state)
{
    (void)state;
    open_one(2048, PATH_ORDER);
    for (pfn_t nr = 1; nr <= 600; nr++)
        assert_exact(path_request(18, (enum migratetype)(nr % NR_MOBILITIES), 0), nr);
    path_close(&f);
}

static void up_to_a_gigabyte(void **state)
{
    static const pfn_t numbers[] = {1u << 18,       (1u << 18) - 1, (1u << 17) + 1, 1u << 17,
                                    (1u << 17) - 1, 0x2aaaa,        0x15555};

    (void)state;
    open_one(1u << 19, 9);
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        assert_exact(path_request(0, MIGRATE_UNMOVABLE, 0), numbers[i]);
    path_close(&f);
}

/* A gigantic page is granted whole, or not at all. */
static void a_gigantic_page_is_not_cut(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_GIGANTIC, .nr_pages = 1u << 18, .pageblock_order = 18},
        {ZONE_MOVABLE, .nr_pages = 1u << 18, .pageblock_order = 9},
        {ZONE_NORMAL, .nr_pages = 1u << 18, .pageblock_order = 9},
    };
    struct page_grant got[EXACT_MAX_BLOCKS];

    (void)state;
    path_open(&f, zones, 3, NULL);
    path_marks(&f, MIN_FREE_NONE);
    assert_int_equal(exact(path_request(0, MIGRATE_MOVABLE, 0), (1u << 17) + 1, got), 2);
    assert_int_equal(got[0].zone, 1);
    assert_int_equal(exact(path_request(0, MIGRATE_UNMOVABLE, 0), (1u << 17) + 1, got), 2);
    assert_int_equal(got[0].zone, 2);
    assert_int_equal(exact(path_request(0, MIGRATE_UNMOVABLE, 0), 1u << 18, got), 1);
    assert_int_equal(got[0].zone, 0);
    path_close(&f);
}

static void errors_change_nothing(void **state)
{
    uint64_t tags[EXACT_MAX_BLOCKS] = {0};
    struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);
    struct page_grant got[EXACT_MAX_BLOCKS] = {{.zone = 77}};
    struct zone_image image;

    (void)state;
    open_one(1024, PATH_ORDER);
    path_fragment(f.zf[0].z);
    image_take(&image, &f.zf[0]);
    assert_int_equal(exact(rq, 0, got), -EINVAL);
    assert_int_equal(exact(rq, (1u << 18) + 1, got), -EINVAL);
    assert_int_equal(exact(rq, UINT32_MAX, got), -EINVAL);
    for (unsigned i = 0; i < 3; i++) {
        tags[i] = UINT64_MAX;
        assert_int_equal(alloc_pages_exact(&f.m, NULL, NULL, &rq, 7, tags, got, &f.refusal),
                         -EINVAL);
        tags[i] = 0;
    }
    rq.type = NR_MOBILITIES;
    assert_int_equal(exact(rq, 5, got), -EINVAL);
    rq.type = MIGRATE_MOVABLE;
    assert_unchanged(&image, &f.zf[0], 0);
    image_take(&image, &f.zf[0]);
    assert_int_equal(exact(rq, 5, got), -ENOMEM);
    assert_int_equal(f.refusal.order, 3);
    assert_int_equal(f.refusal.reason, REFUSAL_FRAGMENTATION);
    assert_unchanged(&image, &f.zf[0], 1);
    assert_int_equal(got[0].zone, 77);
    assert_int_equal(exact(rq, 1, got), 1);
    /* A tag beyond the last block is not looked at. */
    give(f.zf[0].z, 1);
    give(f.zf[0].z, 3);
    tags[2] = UINT64_MAX;
    assert_int_equal(alloc_pages_exact(&f.m, NULL, NULL, &rq, 3, tags, got, &f.refusal), 2);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_zone_stays_above_low),
        cmocka_unit_test(it_counts_like_single_requests),
        cmocka_unit_test(only_zones_of_the_preferred_node),
        cmocka_unit_test(less_is_legal),
        cmocka_unit_test(memory_on_its_way_is_no_memory),
        cmocka_unit_test(nothing_and_one),
        cmocka_unit_test(a_bad_tag_ends_it),
        cmocka_unit_test(any_number_up_to_600),
        cmocka_unit_test(up_to_a_gigabyte),
        cmocka_unit_test(a_gigantic_page_is_not_cut),
        cmocka_unit_test(errors_change_nothing),
    };

    return cmocka_run_group_tests_name("page_bulk", tests, NULL, NULL);
}
