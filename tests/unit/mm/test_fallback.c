/* SPDX-License-Identifier: Apache-2.0 */
/* test_fallback.c: serving one type from another's memory: when a pageblock is claimed, when one
 * block is stolen, and when neither. Pageblocks have 16 pages here, so that half of one is 8. */
#include <stdlib.h>

#include "zone_fixture.h"

#define ORDER 4u
#define P     ((pfn_t)1 << ORDER)
#define PAGES (8 * P)

static void assert_fallback(const struct zone_fixture *f, unsigned n, struct zone_fallback want)
{
    const struct zone_fallback *got;

    assert_true(n < f->nr_fallbacks);
    got = &f->fallback[n];
    assert_int_equal(got->order, want.order);
    assert_int_equal(got->fallback_order, want.fallback_order);
    assert_int_equal(got->wanted, want.wanted);
    assert_int_equal(got->donor, want.donor);
    assert_int_equal(got->claimed, want.claimed);
    assert_int_equal(got->pfn, want.pfn);
}

static void assert_claims_and_steals(const struct zone_fixture *f, uint64_t claims, uint64_t steals)
{
    struct zone_stat st;

    zone_stat(f->z, &st);
    assert_int_equal(st.claims, claims);
    assert_int_equal(st.steals, steals);
    assert_int_equal(f->nr_fallbacks, claims + steals);
}

/* A zone of so many pages, full of a type. */
static void open_pages_of(struct zone_fixture *f, pfn_t nr_pages, enum migratetype type,
                          bool kernel_rules)
{
    struct zone_config config;

    fixture_open(f, nr_pages, ORDER, 1);
    config = f->config;
    fixture_close(f);
    config.kernel_rules = kernel_rules;
    fixture_open_config(f, &config);
    take_all(f->z, 0, type);
    f->nr_fallbacks = 0;
}

static void open_full_of(struct zone_fixture *f, enum migratetype type, bool kernel_rules)
{
    open_pages_of(f, PAGES, type, kernel_rules);
}

static void open_full(struct zone_fixture *f)
{
    open_full_of(f, MIGRATE_MOVABLE, false);
}

static void give_first(struct zone_fixture *f, pfn_t pageblock, pfn_t nr)
{
    for (pfn_t i = 0; i < nr; i++)
        give(f->z, pageblock * P + i);
}

static void the_first_unmovable_request_claims_one_pageblock(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 0);
    assert_pageblocks(f.z, 1, 7, 0);
    assert_fallback(&f, 0,
                    (struct zone_fallback){.order = 0,
                                           .fallback_order = 7,
                                           .wanted = MIGRATE_UNMOVABLE,
                                           .donor = MIGRATE_MOVABLE,
                                           .claimed = true,
                                           .pfn = 0});
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3);
    assert_free_orders(f.z, MIGRATE_MOVABLE, 1u << 4 | 1u << 5 | 1u << 6);

    /* All others of the type find room there. */
    for (pfn_t i = 1; i < P; i++)
        assert_true(take(f.z, 0, MIGRATE_UNMOVABLE) < P);
    assert_claims_and_steals(&f, 1, 0);
    assert_true(take(f.z, 0, MIGRATE_MOVABLE) >= P);
    assert_pageblocks(f.z, 1, 7, 0);

    /* The largest donor is taken, not the next: 64 to 127. */
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 64);
    assert_pageblocks(f.z, 2, 6, 0);
    assert_int_equal(f.fallback[1].fallback_order, 6);
    fixture_close(&f);
}

static void large_requests_claim_as_many_pageblocks_as_they_cover(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    assert_int_equal(take(f.z, ORDER, MIGRATE_RECLAIMABLE), 0);
    assert_pageblocks(f.z, 0, 7, 1);
    assert_int_equal(take(f.z, ORDER + 1, MIGRATE_UNMOVABLE), 64);
    assert_pageblocks(f.z, 2, 5, 1);
    assert_claims_and_steals(&f, 2, 0);
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 0);
    assert_free_orders(f.z, MIGRATE_RECLAIMABLE, 0);
    give(f.z, 0);
    give(f.z, 64);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* UNMOVABLE or RECLAIMABLE in a pageblock of MOVABLE pages: claimed if at least half is free. */
static void assert_half_rule(enum migratetype wanted, pfn_t nr_free, bool claimed)
{
    struct zone_fixture f;
    pfn_t pfn;

    open_full_of(&f, MIGRATE_MOVABLE, true); /* of an odd number the smallest block is stolen */
    give_first(&f, 3, nr_free);
    pfn = take(f.z, 0, wanted);
    assert_true(pfn >= 3 * P && pfn < 4 * P);
    assert_int_equal(f.nr_fallbacks, 1);
    assert_int_equal(f.fallback[0].claimed, claimed);
    assert_claims_and_steals(&f, claimed ? 1 : 0, claimed ? 0 : 1);
    assert_pageblocks(f.z, claimed && wanted == MIGRATE_UNMOVABLE ? 1 : 0, claimed ? 7 : 8,
                      claimed && wanted == MIGRATE_RECLAIMABLE ? 1 : 0);
    /* What is left is listed under the pageblock's type. */
    for (unsigned o = 0; o < ORDER; o++) {
        assert_int_equal(zone_nr_free_blocks(f.z, o, claimed ? wanted : MIGRATE_MOVABLE),
                         (nr_free - 1) >> o & 1u);
        assert_int_equal(zone_nr_free_blocks(f.z, o, claimed ? MIGRATE_MOVABLE : wanted), 0);
    }
    fixture_close(&f);
}

static void half_a_pageblock_must_be_free_or_alike(void **state)
{
    (void)state;
    for (pfn_t nr = 1; nr < P; nr++) {
        assert_half_rule(MIGRATE_UNMOVABLE, nr, nr >= P / 2);
        assert_half_rule(MIGRATE_RECLAIMABLE, nr, nr >= P / 2);
    }
}

/* A MOVABLE pageblock with stolen pages: for a request that is not MOVABLE, they are all alike. */
static void assert_stolen_pages_count(enum migratetype stolen, enum migratetype wanted, pfn_t nr,
                                      pfn_t nr_free, bool claimed)
{
    struct zone_fixture f;

    open_full_of(&f, MIGRATE_MOVABLE, true); /* by ours they would claim before */
    for (pfn_t i = 0; i < nr; i++) {
        give(f.z, 2 * P + i);
        assert_int_equal(take(f.z, 0, stolen), 2 * P + i);
    }
    assert_claims_and_steals(&f, 0, nr);
    for (pfn_t i = 0; i < nr_free; i++)
        give(f.z, 2 * P + nr + i);
    (void)take(f.z, 0, wanted);
    assert_claims_and_steals(&f, claimed ? 1 : 0, claimed ? nr : nr + 1);
    fixture_close(&f);
}

static void pages_that_do_not_move_are_alike_in_a_movable_pageblock(void **state)
{
    (void)state;
    assert_stolen_pages_count(MIGRATE_UNMOVABLE, MIGRATE_UNMOVABLE, 4, 4, true);
    assert_stolen_pages_count(MIGRATE_UNMOVABLE, MIGRATE_UNMOVABLE, 4, 3, false);
    assert_stolen_pages_count(MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE, 5, 3, true);
    assert_stolen_pages_count(MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE, 5, 2, false);
    assert_stolen_pages_count(MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, 1, 7, true);
    assert_stolen_pages_count(MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, 1, 6, false);
}

/* A zone full of UNMOVABLE pages, but for nr_movable MOVABLE ones in pageblock 5, and 4 free there.
 */
static void assert_movable_takes_back(pfn_t nr_movable, bool kernel_rules, bool claimed)
{
    struct zone_fixture f;

    open_full_of(&f, MIGRATE_UNMOVABLE, kernel_rules);
    assert_pageblocks(f.z, 8, 0, 0);
    for (pfn_t i = 0; i < nr_movable; i++) {
        give(f.z, 5 * P + i);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 5 * P + i);
        assert_false(f.fallback[i].claimed);
    }
    for (pfn_t i = 12; i < 16; i++)
        give(f.z, 5 * P + i); /* one free block of order 2, half of the pageblock's order */
    f.nr_fallbacks = 0;
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 5 * P + 12);
    assert_fallback(&f, 0,
                    (struct zone_fallback){.order = 0,
                                           .fallback_order = 2,
                                           .wanted = MIGRATE_MOVABLE,
                                           .donor = MIGRATE_UNMOVABLE,
                                           .claimed = claimed,
                                           .pfn = 5 * P + 12});
    assert_pageblocks(f.z, claimed ? 7 : 8, claimed ? 1 : 0, 0);
    fixture_close(&f);
}

static void movable_requests_count_movable_pages(void **state)
{
    (void)state;
    assert_movable_takes_back(4, true, true);
    assert_movable_takes_back(3, true, false);
    assert_movable_takes_back(12, true, true);
    assert_movable_takes_back(0, true, false);
}

/* Of the 12 that are granted at least half must be movable. */
static void movable_requests_claim_no_mostly_unmovable_pageblock(void **state)
{
    (void)state;
    assert_movable_takes_back(5, false, false);
    assert_movable_takes_back(6, false, true);
    assert_movable_takes_back(12, false, true);
}

/* MOVABLE never claims from a block smaller than half the pageblock's order. */
static void movable_requests_claim_only_from_large_blocks(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    take_all(f.z, 0, MIGRATE_UNMOVABLE);
    f.nr_fallbacks = 0;
    for (pfn_t i = 0; i < P; i++) {
        if (i % 4 != 3)
            give(f.z, i); /* 12 of 16 pages, in blocks of orders 0 and 1 */
    }
    assert_true(take(f.z, 0, MIGRATE_MOVABLE) < P);
    assert_int_equal(f.nr_fallbacks, 1);
    assert_false(f.fallback[0].claimed);
    assert_int_equal(f.fallback[0].fallback_order, 0);
    assert_pageblocks(f.z, 8, 0, 0);

    /* RECLAIMABLE may, from any block. */
    assert_true(take(f.z, 0, MIGRATE_RECLAIMABLE) < P);
    assert_int_equal(f.nr_fallbacks, 2);
    assert_true(f.fallback[1].claimed);
    assert_int_equal(f.fallback[1].fallback_order, 1);
    assert_pageblocks(f.z, 7, 0, 1);
    fixture_close(&f);
}

/* Between UNMOVABLE and RECLAIMABLE nothing is alike: only free pages count. */
static void unmovable_and_reclaimable_are_not_alike(void **state)
{
    (void)state;
    for (pfn_t nr_free = 7; nr_free <= 8; nr_free++) {
        struct zone_fixture f;

        fixture_open(&f, PAGES, ORDER, 1);
        take_all(f.z, 0, MIGRATE_RECLAIMABLE);
        give_first(&f, 6, nr_free);
        f.nr_fallbacks = 0;
        (void)take(f.z, 0, MIGRATE_UNMOVABLE);
        assert_int_equal(f.nr_fallbacks, 1);
        assert_int_equal(f.fallback[0].claimed, nr_free == 8);
        assert_int_equal(f.fallback[0].donor, MIGRATE_RECLAIMABLE);
        assert_pageblocks(f.z, nr_free == 8 ? 1 : 0, 0, nr_free == 8 ? 7 : 8);
        fixture_close(&f);
    }
}

/* The zone's 8 pageblocks full of their own types' pages: 2 UNMOVABLE, 3 MOVABLE, 3 RECLAIMABLE. */
static void open_mixed(struct zone_fixture *f)
{
    static const enum migratetype types[8] = {
        MIGRATE_UNMOVABLE, MIGRATE_UNMOVABLE,   MIGRATE_MOVABLE,     MIGRATE_MOVABLE,
        MIGRATE_MOVABLE,   MIGRATE_RECLAIMABLE, MIGRATE_RECLAIMABLE, MIGRATE_RECLAIMABLE};

    fixture_open(f, PAGES, ORDER, 1);
    for (int i = 0; i < 8; i++)
        (void)take(f->z, ORDER, types[i]);
    for (unsigned order = ORDER; order > 0; order--) {
        for (pfn_t pfn = 0; pfn < PAGES; pfn += (pfn_t)1 << order)
            assert_int_equal(zone_split(f->z, pfn, 0), 0);
    }
    assert_pageblocks(f->z, 2, 3, 3);
    f->nr_fallbacks = 0;
}

/* A pageblock of the type whose buddy is not pageblock other, so that the two do not merge. */
static pfn_t pageblock_of_type(const struct zone_fixture *f, enum migratetype type, pfn_t other)
{
    for (pfn_t pb = 0; pb < 8; pb++) {
        struct zone_block b;

        if (zone_block(f->z, pb * P, &b) == 0 && b.type == type && (pb ^ 1) != other)
            return pb;
    }
    fail_msg("no pageblock of type %d", (int)type);
    return 0;
}

/* Both other types have nr pages free: which of them is asked first? */
static void assert_falls_back_to(enum migratetype wanted, enum migratetype first, pfn_t nr)
{
    enum migratetype second = (enum migratetype)(NR_MOBILITIES - (int)wanted - (int)first);
    struct zone_fixture f;
    pfn_t a, b;

    open_mixed(&f);
    a = pageblock_of_type(&f, first, 100);
    b = pageblock_of_type(&f, second, a);
    give_first(&f, a, nr);
    give_first(&f, b, nr);
    assert_int_equal(take(f.z, 0, wanted) / P, a);
    assert_int_equal(f.nr_fallbacks, 1);
    assert_int_equal(f.fallback[0].donor, first);
    assert_int_equal(f.fallback[0].claimed, nr >= P / 2);
    fixture_close(&f);

    /* Only the second has any. */
    open_mixed(&f);
    give_first(&f, b, nr);
    assert_int_equal(take(f.z, 0, wanted) / P, b);
    assert_int_equal(f.fallback[0].donor, second);
    fixture_close(&f);
}

static void the_order_of_types(void **state)
{
    (void)state;
    for (pfn_t nr = 4; nr <= P; nr += 4) {
        assert_falls_back_to(MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, nr);
        /* It claims UNMOVABLE pageblocks first, and steals in them last. */
        assert_falls_back_to(MIGRATE_RECLAIMABLE, nr < P / 2 ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE,
                             nr);
        assert_falls_back_to(MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, nr);
    }
}

static void a_larger_donor_of_the_second_type_is_claimed_first(void **state)
{
    struct zone_fixture f;
    pfn_t pb;

    (void)state;
    open_mixed(&f);
    give_first(&f, pageblock_of_type(&f, MIGRATE_RECLAIMABLE, 100), 8);
    pb = pageblock_of_type(&f, MIGRATE_MOVABLE, 100);
    give_first(&f, pb, 16);
    assert_int_equal(take(f.z, 1, MIGRATE_UNMOVABLE), pb * P);
    assert_fallback(&f, 0,
                    (struct zone_fallback){.order = 1,
                                           .fallback_order = 4,
                                           .wanted = MIGRATE_UNMOVABLE,
                                           .donor = MIGRATE_MOVABLE,
                                           .claimed = true,
                                           .pfn = pb * P});
    assert_pageblocks(f.z, 3, 2, 3);
    fixture_close(&f);
}

/* The largest donor cannot be claimed: a smaller one that can is, before anything is stolen. */
static void claims_the_next_donor_before_stealing(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_full(&f);
    give_first(&f, 2, 4); /* order 2, but only a quarter is free */
    for (pfn_t i = 0; i < P; i += 2)
        give(f.z, 6 * P + i); /* order 0, but half is free */
    assert_true(take(f.z, 0, MIGRATE_UNMOVABLE) / P == 6);
    assert_int_equal(f.nr_fallbacks, 1);
    assert_true(f.fallback[0].claimed);
    assert_int_equal(f.fallback[0].fallback_order, 0);
    assert_pageblocks(f.z, 1, 7, 0);
    assert_int_equal(zone_nr_free_blocks(f.z, 0, MIGRATE_UNMOVABLE), 7);
    assert_int_equal(zone_nr_free_blocks(f.z, 2, MIGRATE_MOVABLE), 1);
    fixture_close(&f);
}

static void by_kernel_rules_steals_the_smallest_block_that_serves(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_full_of(&f, MIGRATE_MOVABLE, true);
    give_first(&f, 1, 4);
    give_first(&f, 3, 2);
    give_first(&f, 5, 1);
    assert_int_equal(take(f.z, 1, MIGRATE_UNMOVABLE), 3 * P);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 5 * P);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 1 * P); /* the rest stays MOVABLE */
    assert_fallback(&f, 2,
                    (struct zone_fallback){.order = 0,
                                           .fallback_order = 2,
                                           .wanted = MIGRATE_UNMOVABLE,
                                           .donor = MIGRATE_MOVABLE,
                                           .claimed = false,
                                           .pfn = 1 * P});
    assert_free_orders(f.z, MIGRATE_MOVABLE, 1u << 0 | 1u << 1);
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 0);
    assert_claims_and_steals(&f, 0, 3);
    assert_pageblocks(f.z, 0, 8, 0);

    /* What was stolen comes back to the type of its pageblock. */
    give(f.z, 3 * P);
    assert_int_equal(zone_nr_free_blocks(f.z, 1, MIGRATE_MOVABLE), 2);
    assert_int_equal(zone_nr_free_blocks(f.z, 1, MIGRATE_UNMOVABLE), 0);
    fixture_close(&f);
}

/* Have nr pages of a full zone's pageblock, from its page first on, change hands. */
static void mix(struct zone_fixture *f, enum migratetype wanted, pfn_t pageblock, pfn_t first,
                pfn_t nr)
{
    for (pfn_t i = 0; i < nr; i++) {
        give(f->z, pageblock * P + first + i);
        assert_int_equal(take(f->z, 0, wanted), pageblock * P + first + i);
    }
}

static void unmovable_requests_steal_where_most_unmovable_pages_lie(void **state)
{
    struct zone_fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        bool kernel_rules = i == 1;

        open_full_of(&f, MIGRATE_MOVABLE, kernel_rules);
        mix(&f, MIGRATE_UNMOVABLE, 2, 0, 1);
        mix(&f, MIGRATE_UNMOVABLE, 5, 0, 3);
        mix(&f, MIGRATE_RECLAIMABLE, 3, 0, 5); /* they can be discarded, and count for nothing */
        give(f.z, 2 * P + 8);
        give(f.z, 5 * P + 8); /* order 1: not the smallest */
        give(f.z, 5 * P + 9);
        give(f.z, 6 * P + 8);
        give(f.z, 3 * P + 8);
        if (kernel_rules) {
            assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 3 * P + 8);
        } else {
            assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 5 * P + 8);
            assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 5 * P + 9);
            assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 2 * P + 8);
        }
        assert_pageblocks(f.z, kernel_rules ? 0 : 1, kernel_rules ? 8 : 7, 0);
        fixture_close(&f);
    }
}

/* The pageblock that is spoilt shall have room for those that come next. */
static void unmovable_requests_steal_the_largest_of_equals(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_full(&f);
    give_first(&f, 1, 2);
    give_first(&f, 3, 4);
    give_first(&f, 5, 1);
    for (pfn_t i = 0; i < 4; i++)
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, 3);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 1 * P);
    /* The third one made the pageblock UNMOVABLE, so that the fourth was no fallback. */
    assert_claims_and_steals(&f, 0, 4);
    fixture_close(&f);
}

/* An eighth is 2 pages of 16: what others free there next is then left to unmovable requests. */
static void a_steal_beside_an_eighth_makes_the_pageblock_unmovable(void **state)
{
    (void)state;
    for (pfn_t nr = 1; nr <= 2; nr++) {
        for (int i = 0; i < 2; i++) {
            bool kernel_rules = i == 1, retyped = nr == 2 && !kernel_rules;
            struct zone_fixture f;

            open_full_of(&f, MIGRATE_MOVABLE, kernel_rules);
            mix(&f, MIGRATE_UNMOVABLE, 2, 0, nr);
            give(f.z, 2 * P + 8);
            give(f.z, 2 * P + 11);
            assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, 2);
            assert_fallback(&f, f.nr_fallbacks - 1,
                            (struct zone_fallback){.order = 0,
                                                   .fallback_order = 0,
                                                   .wanted = MIGRATE_UNMOVABLE,
                                                   .donor = MIGRATE_MOVABLE,
                                                   .claimed = false,
                                                   .pfn = f.fallback[f.nr_fallbacks - 1].pfn});
            assert_pageblocks(f.z, retyped ? 1 : 0, retyped ? 7 : 8, 0);
            assert_int_equal(zone_nr_free_blocks(f.z, 0, MIGRATE_UNMOVABLE), retyped ? 1 : 0);
            assert_int_equal(zone_nr_free_blocks(f.z, 0, MIGRATE_MOVABLE), retyped ? 0 : 1);
            assert_zone_ok(f.z);
            fixture_close(&f);
        }
    }
}

/* What they leave can be discarded, but while it is there unmovable pages find no room. */
static void reclaimable_requests_steal_where_no_unmovable_pages_lie(void **state)
{
    struct zone_fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        bool kernel_rules = i == 1;

        open_full_of(&f, MIGRATE_MOVABLE, kernel_rules);
        mix(&f, MIGRATE_UNMOVABLE, 2, 0, 1);
        give(f.z, 2 * P + 8);
        give_first(&f, 5, 2); /* order 1: not the smallest */
        assert_int_equal(take(f.z, 0, MIGRATE_RECLAIMABLE), kernel_rules ? 2 * P + 8 : 5 * P);
        fixture_close(&f);
    }
}

/* At most half of a pageblock is unmovable, or more: within these the smallest block is stolen. */
static void movable_requests_steal_where_few_unmovable_pages_lie(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_full_of(&f, MIGRATE_UNMOVABLE, false);
    mix(&f, MIGRATE_MOVABLE, 3, 0, 6); /* 8 unmovable pages remain of 10 */
    mix(&f, MIGRATE_MOVABLE, 4, 0, 6); /* 9 of 10 */
    mix(&f, MIGRATE_MOVABLE, 5, 0, 2); /* 13 of 14 */
    give(f.z, 1 * P);
    give(f.z, 3 * P + 8); /* order 1: not the smallest */
    give(f.z, 3 * P + 9);
    give(f.z, 4 * P + 8);
    give(f.z, 5 * P + 8);
    give(f.z, 6 * P + 2); /* order 1 */
    give(f.z, 6 * P + 3);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 3 * P + 8);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 3 * P + 9);
    /* Elsewhere more are unmovable: of the small blocks first the one beside fewest. */
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 4 * P + 8);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 5 * P + 8);
    /* 14 unmovable pages are fewer than 15, but not worth the larger block. */
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 1 * P);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 6 * P + 2);
    assert_pageblocks(f.z, 8, 0, 0);
    fixture_close(&f);
}

static void unmovable_requests_claim_where_most_unmovable_pages_lie(void **state)
{
    struct zone_fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        bool kernel_rules = i == 1;

        open_full_of(&f, MIGRATE_MOVABLE, kernel_rules);
        mix(&f, MIGRATE_UNMOVABLE, 2, 0, 1);
        mix(&f, MIGRATE_UNMOVABLE, 5, 0, 2);
        for (pfn_t p = 8; p < 16; p++)
            give(f.z, 2 * P + p);
        for (pfn_t p = 3; p < 16; p += 2)
            give(f.z, 5 * P + p); /* order 0: not the largest */
        give_first(&f, 6, 8);
        f.nr_fallbacks = 0;
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, kernel_rules ? 6 : 5);
        assert_int_equal(f.nr_fallbacks, 1);
        assert_true(f.fallback[0].claimed);
        fixture_close(&f);
    }
}

/* So that UNMOVABLE pageblocks with few unmovable pages empty. */
static void unmovable_requests_fill_the_fuller_pageblocks(void **state)
{
    struct zone_fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        bool kernel_rules = i == 1;

        open_full_of(&f, MIGRATE_UNMOVABLE, kernel_rules);
        mix(&f, MIGRATE_MOVABLE, 3, 0, 8);
        give(f.z, 6 * P + 8);
        give(f.z, 3 * P + 8); /* freed last, beside 7: fewer than half */
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, kernel_rules ? 3 : 6);
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, kernel_rules ? 6 : 3);

        /* Beside 8 it is half. */
        give(f.z, 3 * P);
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 3 * P);
        give(f.z, 6 * P + 8);
        give(f.z, 3 * P + 8);
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE) / P, 3);
        fixture_close(&f);
    }
}

/* What is free beside unmovable pages is left to others of them for as long as it can be. */
static void movable_requests_avoid_unmovable_neighbours(void **state)
{
    struct zone_fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        bool kernel_rules = i == 1;

        open_full_of(&f, MIGRATE_MOVABLE, kernel_rules);
        mix(&f, MIGRATE_UNMOVABLE, 2, 0, 1);
        give(f.z, 6 * P + 8);
        give(f.z, 2 * P + 8); /* freed last, and not granted first */
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE) / P, kernel_rules ? 2 : 6);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE) / P, kernel_rules ? 6 : 2);

        /* It is over when the unmovable page is. */
        give(f.z, 2 * P);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 2 * P);
        give(f.z, 6 * P + 8);
        give(f.z, 2 * P + 8);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), 2 * P + 8);
        fixture_close(&f);
    }
}

/* However long the lists are: 64 entries of each, from the tail. */
static void a_steal_looks_at_few_blocks(void **state)
{
    (void)state;
    for (pfn_t nr_others = 63; nr_others <= 64; nr_others++) {
        struct zone_fixture f;

        open_pages_of(&f, 16 * P, MIGRATE_RECLAIMABLE, false);
        mix(&f, MIGRATE_UNMOVABLE, 2, 0, 1);
        for (pfn_t i = 0; i < nr_others; i++)
            give(f.z, 4 * P + 2 * i);
        give(f.z, 2 * P + 8);
        assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), nr_others == 63 ? 2 * P + 8 : 4 * P);
        fixture_close(&f);
    }
}

static void nofragment_claims_only_whole_pageblocks(void **state)
{
    struct zone_image before;
    struct zone_fixture f;
    pfn_t pfn = 4711;

    (void)state;
    open_full(&f);
    give_first(&f, 3, 12); /* could be claimed, or stolen from */
    image_take(&before, &f);
    assert_int_equal(try_take(f.z, 0, MIGRATE_UNMOVABLE, 0, ALLOC_NOFRAGMENT, &pfn), -ENOMEM);
    assert_int_equal(pfn, 4711);
    assert_unchanged(&before, &f, 1);
    assert_int_equal(f.nr_fallbacks, 0);

    /* Its own type it may have, and an empty pageblock of any. */
    assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, ALLOC_NOFRAGMENT, &pfn), 0);
    assert_int_equal(pfn / P, 3);
    give_first(&f, 6, 16);
    assert_int_equal(try_take(f.z, 0, MIGRATE_UNMOVABLE, 0, ALLOC_NOFRAGMENT, &pfn), 0);
    assert_int_equal(pfn, 6 * P);
    assert_claims_and_steals(&f, 1, 0);
    assert_pageblocks(f.z, 1, 7, 0);
    fixture_close(&f);
}

static void pages_freed_in_a_claimed_pageblock_are_of_its_new_type(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_full(&f);
    give_first(&f, 4, 8);
    assert_int_equal(take(f.z, 3, MIGRATE_UNMOVABLE), 4 * P);
    assert_pageblocks(f.z, 1, 7, 0);
    give(f.z, 4 * P + 15); /* a MOVABLE page */
    assert_free_orders(f.z, MIGRATE_UNMOVABLE, 1u << 0);
    assert_free_orders(f.z, MIGRATE_MOVABLE, 0);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 4 * P + 15);
    assert_claims_and_steals(&f, 1, 0);
    fixture_close(&f);
}

/* With grouping off all are served from one list, and nothing is a fallback. */
static void no_fallback_without_grouping(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 5 * P, ORDER, 1);
    for (pfn_t i = 0; i < 5 * P; i++)
        assert_int_equal(try_take(f.z, 0, (enum migratetype)(i % NR_MOBILITIES), 0,
                                  i % 2 ? ALLOC_NOFRAGMENT : 0, &pfn),
                         0);
    assert_int_equal(try_take(f.z, 0, MIGRATE_MOVABLE, 0, 0, &pfn), -ENOMEM);
    assert_claims_and_steals(&f, 0, 0);
    assert_pageblocks(f.z, 5, 0, 0);

    /* Nor does it matter beside what. */
    give(f.z, 2 * P);
    give(f.z, 4 * P);
    assert_int_equal(take(f.z, 0, MIGRATE_UNMOVABLE), 4 * P);
    fixture_close(&f);
}

/* What is freed in another type's pageblock does not rest there, and no longer counts. */
static void stolen_pages_do_not_rest(void **state)
{
    struct zone_config config;
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, PAGES, ORDER, 1);
    config = f.config;
    fixture_close(&f);
    config.eager = false;
    fixture_open_config(&f, &config);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    for (int i = 0; i < 2; i++) {
        give(f.z, 2 * P);
        assert_int_equal(take(f.z, 0, i == 0 ? MIGRATE_UNMOVABLE : MIGRATE_MOVABLE), 2 * P);
    }
    assert_claims_and_steals(&f, 0, 1);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

/* Nobody listens: not an error. */
static void the_fallback_callback_may_be_missing(void **state)
{
    const struct zone_ops none = {.fallback = NULL};
    struct zone_config config = {.nr_pages = PAGES, .pageblock_order = ORDER, .nr_domains = 1};
    struct zone_stat st;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct zone_fixture f;

        config.ops = i == 0 ? NULL : &none;
        fixture_open_config(&f, &config);
        (void)take(f.z, 0, MIGRATE_UNMOVABLE);
        zone_stat(f.z, &st);
        assert_int_equal(st.claims, 1);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_unmovable_request_claims_one_pageblock),
        cmocka_unit_test(large_requests_claim_as_many_pageblocks_as_they_cover),
        cmocka_unit_test(half_a_pageblock_must_be_free_or_alike),
        cmocka_unit_test(pages_that_do_not_move_are_alike_in_a_movable_pageblock),
        cmocka_unit_test(movable_requests_count_movable_pages),
        cmocka_unit_test(movable_requests_claim_no_mostly_unmovable_pageblock),
        cmocka_unit_test(movable_requests_claim_only_from_large_blocks),
        cmocka_unit_test(unmovable_and_reclaimable_are_not_alike),
        cmocka_unit_test(the_order_of_types),
        cmocka_unit_test(a_larger_donor_of_the_second_type_is_claimed_first),
        cmocka_unit_test(claims_the_next_donor_before_stealing),
        cmocka_unit_test(by_kernel_rules_steals_the_smallest_block_that_serves),
        cmocka_unit_test(unmovable_requests_steal_where_most_unmovable_pages_lie),
        cmocka_unit_test(unmovable_requests_steal_the_largest_of_equals),
        cmocka_unit_test(a_steal_beside_an_eighth_makes_the_pageblock_unmovable),
        cmocka_unit_test(reclaimable_requests_steal_where_no_unmovable_pages_lie),
        cmocka_unit_test(movable_requests_steal_where_few_unmovable_pages_lie),
        cmocka_unit_test(unmovable_requests_claim_where_most_unmovable_pages_lie),
        cmocka_unit_test(unmovable_requests_fill_the_fuller_pageblocks),
        cmocka_unit_test(movable_requests_avoid_unmovable_neighbours),
        cmocka_unit_test(a_steal_looks_at_few_blocks),
        cmocka_unit_test(nofragment_claims_only_whole_pageblocks),
        cmocka_unit_test(pages_freed_in_a_claimed_pageblock_are_of_its_new_type),
        cmocka_unit_test(no_fallback_without_grouping),
        cmocka_unit_test(stolen_pages_do_not_rest),
        cmocka_unit_test(the_fallback_callback_may_be_missing),
    };

    return cmocka_run_group_tests_name("fallback", tests, NULL, NULL);
}
