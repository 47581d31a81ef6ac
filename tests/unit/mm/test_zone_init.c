/* SPDX-License-Identifier: Apache-2.0 */
/* test_zone_init.c: which zones can be made, of how much memory, and how they begin. */
#include <stdlib.h>

#include "zone_fixture.h"

static void nothing_to_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order,
                                unsigned domain)
{
    (void)ctx;
    (void)z;
    (void)pfn;
    (void)order;
    (void)domain;
}

static const struct zone_ops populate_only = {.populate = nothing_to_populate};
static const struct zone_ops no_populate;

static struct zone_config config_of(pfn_t nr_pages, unsigned pageblock_order, unsigned nr_domains)
{
    return (struct zone_config){.nr_pages = nr_pages,
                                .pageblock_order = pageblock_order,
                                .nr_domains = nr_domains,
                                .ops = &populate_only};
}

static void assert_refused(struct zone_config config)
{
    _Alignas(64) char lasting[64] = {0}, derived[64] = {0};
    size_t nr_lasting = 11, nr_derived = 12;
    struct zone *z = (struct zone *)derived;

    assert_int_equal(zone_metadata_bytes(&config, &nr_lasting, &nr_derived), -EINVAL);
    assert_int_equal(nr_lasting, 11);
    assert_int_equal(nr_derived, 12);
    assert_int_equal(zone_init(&config, lasting, derived, &z), -EINVAL);
    assert_ptr_equal(z, derived);
    for (unsigned i = 0; i < sizeof(lasting); i++) {
        assert_int_equal(lasting[i], 0);
        assert_int_equal(derived[i], 0);
    }
}

static void refuses_impossible_configs(void **state)
{
    struct zone_config config;

    (void)state;
    assert_refused(config_of(0, 4, 1));
    assert_refused(config_of(PFN_MAX_PAGES + 2, 1, 1));
    assert_refused(config_of(UINT32_MAX, 1, 1));
    assert_refused(config_of(1024, 0, 1));
    assert_refused(config_of((pfn_t)1 << 20, MAX_PAGE_ORDER + 1, 1));
    assert_refused(config_of(1024, 32, 1));
    assert_refused(config_of(1024, UINT32_MAX, 1));
    assert_refused(config_of(1025, 1, 1));
    assert_refused(config_of(1023, 4, 1));
    assert_refused(config_of(8, 4, 1)); /* less than one pageblock */
    assert_refused(config_of(1024, 4, 0));
    assert_refused(config_of(1024, 4, MAX_DOMAINS + 1));
    assert_refused(config_of(1024, 4, UINT32_MAX));

    config = config_of(1024, 4, 1);
    config.kind = NR_ZONE_KINDS;
    assert_refused(config);
    config = config_of(1024, 4, 1);
    config.max_pages = 1008; /* less than there is */
    assert_refused(config);
    config.max_pages = 1032; /* no whole pageblocks */
    assert_refused(config);
    config.max_pages = PFN_MAX_PAGES + 16;
    assert_refused(config);

    /* Without populate nothing could ever pass between domains. */
    config = config_of(1024, 4, 2);
    config.ops = NULL;
    assert_refused(config);
    config.ops = &no_populate;
    assert_refused(config);
}

static void metadata_is_small(void **state)
{
    const struct zone_config large = config_of(PFN_MAX_PAGES, 9, 1);
    const struct zone_config gigabyte = config_of((pfn_t)1 << 18, 9, 1);
    const struct zone_config domains = config_of(PFN_MAX_PAGES, 9, MAX_DOMAINS);
    size_t lasting = 0, derived = 0;

    (void)state;
    assert_int_equal(zone_metadata_bytes(&large, &lasting, &derived), 0);
    assert_true(lasting >= (size_t)PFN_MAX_PAGES * 8);
    assert_true(lasting + derived <= (size_t)PFN_MAX_PAGES * 16);
    assert_int_equal(zone_metadata_bytes(&gigabyte, &lasting, &derived), 0);
    assert_true(lasting + derived <= ((size_t)16 << 18));
    assert_int_equal(zone_metadata_bytes(&domains, &lasting, &derived), 0);
    assert_true(lasting + derived <= (size_t)PFN_MAX_PAGES * 16);
}

struct shape {
    pfn_t nr_pages;
    unsigned pageblock_order;
    unsigned nr_domains;
    bool grouped;
};

/* Pages at both sides of each edge: of grouping, of powers of two, of the largest order. */
static const struct shape shapes[] = {
    {2, 1, 1, false},
    {10, 1, 1, false},
    {12, 1, 1, true},
    {14, 1, 1, true},
    {4094, 1, 1, true},
    {4096, 1, 64, true},
    {16, 4, 1, false},
    {80, 4, 1, false},
    {96, 4, 1, true},
    {16 * 1023, 4, 1, true},
    {16 * 1025, 4, 2, true},
    {512, 9, 1, false},
    {5 * 512, 9, 3, false},
    {6 * 512, 9, 1, true},
    {118272, 9, 1, true},
    {((pfn_t)1 << 18) - 512, 9, 1, true},
    {((pfn_t)1 << 18) + 512, 9, 4, true},
    {(pfn_t)1 << 18, 18, 1, false},
    {(pfn_t)6 << 18, 18, 2, true},
    {(pfn_t)7 << 17, 17, 1, true},
};

static void assert_begins_free(const struct shape *s)
{
    pfn_t nr_pageblocks = s->nr_pages >> s->pageblock_order;
    struct zone_fixture f;
    struct zone_stat st;

    fixture_open(&f, s->nr_pages, s->pageblock_order, s->nr_domains);
    assert_int_equal(zone_nr_pages(f.z), s->nr_pages);
    assert_int_equal(zone_pageblock_order(f.z), s->pageblock_order);
    assert_wholly_free(f.z);
    if (s->grouped)
        assert_pageblocks(f.z, 0, nr_pageblocks, 0);
    else
        assert_pageblocks(f.z, nr_pageblocks, 0, 0);
    zone_stat(f.z, &st);
    assert_int_equal(st.allocs + st.frees + st.failures + st.claims + st.steals + st.passes, 0);
    for (unsigned d = 0; d < s->nr_domains; d++)
        assert_int_equal(zone_free_pages(f.z, d), s->nr_pages);
    for (pfn_t pfn = 0; pfn < s->nr_pages; pfn += (pfn_t)1 << s->pageblock_order)
        assert_int_equal(zone_resident(f.z, pfn), 0);
    assert_int_equal(zone_resident(f.z, s->nr_pages - 1), 0);
    fixture_close(&f);
}

static void begins_free_in_the_largest_blocks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        assert_begins_free(&shapes[i]);
}

static void initial_blocks_are_of_the_initial_type(void **state)
{
    struct zone_fixture f;
    struct zone_block b;

    (void)state;
    fixture_open(&f, 96, 4, 1); /* 64 + 32 */
    assert_free_orders(f.z, MIGRATE_MOVABLE, 1u << 6 | 1u << 5);
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 0);
    assert_free_orders(f.z, MIGRATE_RECLAIMABLE, 0);
    assert_int_equal(zone_block(f.z, 64, &b), 0);
    assert_int_equal(b.type, MIGRATE_MOVABLE);
    assert_false(b.free_pending);
    assert_int_equal(zone_largest_free_order(f.z, 0), 6);
    fixture_close(&f);

    fixture_open(&f, 80, 4, 1);
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 1u << 6 | 1u << 4);
    assert_free_orders(f.z, MIGRATE_MOVABLE, 0);
    fixture_close(&f);
}

static void grouping_can_be_switched_off(void **state)
{
    struct zone_config config = config_of(1024, 4, 1);
    struct zone_fixture f;
    struct zone_block b;
    pfn_t pfn;

    (void)state;
    config.no_grouping = true;
    config.ops = NULL;
    fixture_open_config(&f, &config);
    assert_pageblocks(f.z, 64, 0, 0);
    for (int t = 0; t < NR_MOBILITIES; t++) {
        pfn = take(f.z, 3, (enum migratetype)t);
        assert_int_equal(pfn, 8 * t);
        assert_int_equal(zone_block(f.z, pfn, &b), 0);
        assert_int_equal(b.type, t); /* what was asked for is kept: it says what may be moved */
    }
    assert_pageblocks(f.z, 64, 0, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_impossible_configs),
        cmocka_unit_test(metadata_is_small),
        cmocka_unit_test(begins_free_in_the_largest_blocks),
        cmocka_unit_test(initial_blocks_are_of_the_initial_type),
        cmocka_unit_test(grouping_can_be_switched_off),
    };

    return cmocka_run_group_tests_name("zone_init", tests, NULL, NULL);
}
