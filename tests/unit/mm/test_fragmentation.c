/* SPDX-License-Identifier: Apache-2.0 */
/* test_fragmentation.c: extfrag, the unusable free index, and all measures at once. The index that
 * tells shortage from fragmentation alone is in test_zone_stat.c. */
#include "mm/fragmentation.h"

#include "zone_fixture.h"

/* The zones of these tests have 1024 pages in pageblocks of 16. */
#define PAGES 1024u
#define ORDER 4u

/* All measures at once say what each alone says. */
static void assert_all_agree(struct zone *z, unsigned domain)
{
    struct zone_fragmentation all;
    uint64_t pages = 0;

    zone_fragmentation(z, domain, &all);
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        assert_int_equal(all.fragindex[o], zone_fragindex(z, o, domain));
        assert_int_equal(all.extfrag[o], zone_extfrag(z, o, domain));
        assert_int_equal(all.unusable[o], zone_unusable_index(z, o, domain));
        pages += (uint64_t)all.nr_free[o] << o;
    }
    assert_int_equal(all.free_pages, pages);
}

/* The vector of the kernel's rules. */
static void single_pages(void **state)
{
    struct zone_fragmentation all;
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < 100; i++)
        give(f.z, 2 * i);
    assert_int_equal(zone_fragindex(f.z, 3, 0), 865);
    assert_int_equal(zone_extfrag(f.z, 3, 0), 100);
    assert_int_equal(zone_unusable_index(f.z, 3, 0), 1000);
    assert_int_equal(zone_extfrag(f.z, 0, 0), 0);
    assert_int_equal(zone_unusable_index(f.z, 0, 0), 0);
    zone_fragmentation(f.z, 0, &all);
    assert_int_equal(all.free_pages, 100);
    assert_int_equal(all.nr_free[0], 100);
    assert_int_equal(all.nr_free[1], 0);
    assert_all_agree(f.z, 0);
    fixture_close(&f);
}

/* Free: 1 page, a block of order 2, one of order 5: 37 pages. Shares are rounded down. */
static void blocks_of_several_orders(void **state)
{
    static const unsigned extfrag[] = {0, 2, 2, 13, 13, 13, 100, 100};
    static const unsigned unusable[] = {0, 27, 27, 135, 135, 135, 1000, 1000};
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 1);
    for (pfn_t pfn = 100; pfn < 104; pfn++)
        give(f.z, pfn);
    for (pfn_t pfn = 512; pfn < 544; pfn++)
        give(f.z, pfn);
    for (unsigned o = 0; o < 8; o++) {
        assert_int_equal(zone_extfrag(f.z, o, 0), extfrag[o]);
        assert_int_equal(zone_unusable_index(f.z, o, 0), unusable[o]);
        assert_int_equal(zone_fragindex(f.z, o, 0), o <= 5 ? -1000 : o == 6 ? 474 : 571);
    }
    assert_all_agree(f.z, 0);
    fixture_close(&f);
}

/* Nothing is free: no share of it is fragmented, and nothing can be used. */
static void nothing_free(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        assert_int_equal(zone_fragindex(f.z, o, 0), 0);
        assert_int_equal(zone_extfrag(f.z, o, 0), 0);
        assert_int_equal(zone_unusable_index(f.z, o, 0), 1000);
    }
    assert_all_agree(f.z, 0);
    fixture_close(&f);
}

/* An order that does not exist: nothing suits it. */
static void beyond_the_orders(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    for (unsigned o = NR_PAGE_ORDERS; o < 70; o += 7) {
        assert_int_equal(zone_fragindex(f.z, o, 0), 0);
        assert_int_equal(zone_extfrag(f.z, o, 0), 100);
        assert_int_equal(zone_unusable_index(f.z, o, 0), 1000);
    }
    fixture_close(&f);
}

/* A domain's pieces are its own, empty pageblocks everybody's; a wrong domain has these alone. */
static void each_domain(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 8u << ORDER, ORDER, 3);
    (void)take_passing(&f, 0, MIGRATE_MOVABLE, 1);
    for (int i = 0; i < 6; i++)
        (void)take(f.z, ORDER, MIGRATE_MOVABLE);
    /* Domain 1 has 15 pages in 1, 2, 4, 8; a pageblock of 16 is left for all. */
    assert_int_equal(zone_extfrag(f.z, 3, 1), 7 * 100 / 31);
    assert_int_equal(zone_extfrag(f.z, ORDER, 1), 15 * 100 / 31);
    assert_int_equal(zone_unusable_index(f.z, ORDER, 1), 15 * 1000 / 31);
    for (unsigned d = 0; d < 4; d++) {
        if (d != 1) {
            assert_int_equal(zone_unusable_index(f.z, ORDER, d), 0);
            assert_int_equal(zone_unusable_index(f.z, ORDER + 1, d), 1000);
        }
        assert_all_agree(f.z, d);
    }
    fixture_close(&f);
}

/* What was freed last, and may not be merged yet, is free like all else. */
static void what_was_just_freed(void **state)
{
    const struct zone_config config = {
        .nr_pages = PAGES, .pageblock_order = ORDER, .nr_domains = 1};
    struct zone_fragmentation all;
    struct zone_fixture f;

    (void)state;
    fixture_open_config(&f, &config);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, 6);
    give(f.z, 7);
    zone_fragmentation(f.z, 0, &all);
    assert_int_equal(all.free_pages, 2);
    assert_int_equal(all.nr_free[1], 1);
    give(f.z, 4);
    assert_int_equal(zone_extfrag(f.z, 1, 0), 33);
    give(f.z, 5);
    assert_int_equal(zone_unusable_index(f.z, 2, 0), 0);
    give(f.z, 9);
    assert_int_equal(zone_fragindex(f.z, 3, 0), 1000 - (1000 + 5 * 1000 / 8) / 2);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_pages), cmocka_unit_test(blocks_of_several_orders),
        cmocka_unit_test(nothing_free), cmocka_unit_test(beyond_the_orders),
        cmocka_unit_test(each_domain),  cmocka_unit_test(what_was_just_freed),
    };

    return cmocka_run_group_tests_name("fragmentation", tests, NULL, NULL);
}
