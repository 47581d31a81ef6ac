/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_resting.c: freed blocks that rest before they merge. From outside nobody may tell, but by
 * which block is granted next; so random work is judged by what must hold whatever rests.
 */
#include "mm/zone.h"

#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "zone_fixture.h"

#define LIVE_MAX 4096u

struct live {
    pfn_t pfn;
    unsigned order;
    uint64_t tag;
};

static void open_lazy(struct zone_fixture *f, pfn_t nr_pages, unsigned pageblock_order,
                      unsigned nr_domains)
{
    struct zone_config config;

    fixture_open(f, nr_pages, pageblock_order, nr_domains);
    config = f->config;
    fixture_close(f);
    config.eager = false;
    fixture_open_config(f, &config);
}

static void a_block_is_granted_again_before_it_merges(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 0, MIGRATE_MOVABLE);
    for (int i = 0; i < 10; i++) {
        give(f.z, pfn);
        assert_int_equal(zone_free(f.z, pfn), -EINVAL);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), pfn);
    }
    give(f.z, pfn);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* More than may rest: the oldest are merged, none is lost. */
static void no_more_than_a_few_rest(void **state)
{
    struct zone_fixture f;
    pfn_t pfn[100];

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    for (unsigned i = 0; i < 100; i++)
        pfn[i] = take(f.z, 0, MIGRATE_MOVABLE);
    for (unsigned i = 0; i < 100; i++)
        give(f.z, pfn[i]);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Rather than break a pageblock, or take another type's, what rests is merged first. */
static void resting_blocks_are_merged_before_more_is_broken(void **state)
{
    struct zone_fixture f;
    pfn_t pfn[8];

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    for (unsigned i = 0; i < 8; i++)
        pfn[i] = take(f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(take(f.z, 3, MIGRATE_MOVABLE), 8);
    for (unsigned i = 0; i < 8; i++)
        give(f.z, pfn[i]);
    assert_int_equal(take(f.z, 3, MIGRATE_MOVABLE), 0);
    assert_int_equal(f.nr_fallbacks, 0);
    fixture_close(&f);
}

/* Without an answer: the same comes of it, at the latest when somebody looks. */
static void what_is_freed_later_is_free_when_looked_at(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t pfn[20];

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    for (unsigned i = 0; i < 20; i++)
        pfn[i] = take(f.z, 0, MIGRATE_MOVABLE);
    for (unsigned i = 0; i < 20; i++)
        zone_free_later(f.z, pfn[i]);
    zone_stat(f.z, &st);
    assert_int_equal(st.frees, 20);
    assert_int_equal(st.bad_frees, 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* One that is wanted again at once is granted, before a pageblock is broken for the request. */
static void what_is_freed_later_is_granted_again(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 4, MIGRATE_MOVABLE);
    for (int i = 0; i < 10; i++) {
        zone_free_later(f.z, pfn);
        assert_int_equal(take(f.z, 4, MIGRATE_MOVABLE), pfn);
    }
    zone_free_later(f.z, pfn);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block that is looked at while its free is on its way is free already. */
static void a_block_on_its_way_is_not_granted_any_more(void **state)
{
    struct zone_fixture f;
    struct zone_block b;
    pfn_t pfn[2];

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn[0] = take(f.z, 0, MIGRATE_MOVABLE);
    pfn[1] = take(f.z, 0, MIGRATE_MOVABLE);
    zone_free_later(f.z, pfn[1]);
    assert_int_equal(zone_block(f.z, pfn[0], &b), 0);
    assert_int_equal(b.state, BLOCK_ALLOCATED);
    assert_true(zone_block(f.z, pfn[1], &b) == -EINVAL || b.state == BLOCK_FREE);
    give(f.z, pfn[0]);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Nor can it be cut, or its upper half would stay behind. */
static void a_block_on_its_way_is_not_cut_any_more(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 2, MIGRATE_MOVABLE);
    zone_free_later(f.z, pfn);
    assert_int_equal(zone_split(f.z, pfn, 7), -EINVAL);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What merges becomes one type: that is so as soon as somebody counts the pageblocks of one. */
static void pageblocks_are_counted_as_if_nothing_rested(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    give(f.z, take(f.z, 4, MIGRATE_UNMOVABLE));
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_UNMOVABLE), 64);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_MOVABLE), 0);
    fixture_close(&f);
}

/* What is not granted is counted, and nothing else happens. */
static void bad_frees_are_counted(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 1, MIGRATE_MOVABLE);
    zone_free_later(f.z, PFN_NONE);
    zone_free_later(f.z, 1024);
    zone_free_later(f.z, pfn + 1);
    zone_free_later(f.z, 512);
    zone_stat(f.z, &st);
    assert_int_equal(st.bad_frees, 4);
    assert_int_equal(st.frees, 0);
    assert_int_equal(st.free_pages, 1022);
    zone_free_later(f.z, pfn);
    zone_free_later(f.z, pfn);
    zone_stat(f.z, &st);
    assert_int_equal(st.bad_frees, 5);
    assert_int_equal(st.frees, 1);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Nor is no page the block that was granted again last, when that has come back. */
static void no_page_is_not_the_last_one_granted(void **state)
{
    struct zone_fixture f;
    struct zone_stat st;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 0, MIGRATE_MOVABLE);
    for (int i = 0; i < 2; i++) {
        give(f.z, pfn);
        assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), pfn);
    }
    give(f.z, pfn);
    assert_int_equal(zone_free(f.z, PFN_NONE), -EINVAL);
    zone_free_later(f.z, PFN_NONE);
    zone_stat(f.z, &st);
    assert_int_equal(st.bad_frees, 1);
    assert_int_equal(st.frees, 3);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block that was granted again last has been cut since: its halves are freed as what they are. */
static void a_cut_block_is_freed_as_its_halves(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    pfn = take(f.z, 1, MIGRATE_MOVABLE);
    give(f.z, pfn);
    assert_int_equal(take(f.z, 1, MIGRATE_MOVABLE), pfn);
    assert_int_equal(zone_split(f.z, pfn, 7), 0);
    give(f.z, pfn);
    give(f.z, pfn + 1);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A block that was granted again last comes back when as many rest as may. */
static void the_last_one_granted_comes_back_to_a_full_house(void **state)
{
    struct zone_fixture f;
    pfn_t pfn[96];

    (void)state;
    open_lazy(&f, 1024, 4, 1);
    for (unsigned i = 0; i < 96; i++)
        pfn[i] = take(f.z, 0, MIGRATE_MOVABLE);
    give(f.z, pfn[0]);
    assert_int_equal(take(f.z, 0, MIGRATE_MOVABLE), pfn[0]);
    for (unsigned i = 1; i <= 62; i++)
        give(f.z, pfn[i]);
    give(f.z, pfn[0]);
    assert_int_equal(zone_free(f.z, pfn[0]), -EINVAL);
    for (unsigned i = 63; i < 96; i++)
        give(f.z, pfn[i]);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What is refused is refused although everything that rests has been looked at. */
static void assert_refusal_is_true(struct zone_fixture *f, const struct zone_request *rq)
{
    for (unsigned order = rq->order; order <= MAX_PAGE_ORDER; order++) {
        for (unsigned t = 0; t < NR_MOBILITIES; t++)
            assert_int_equal(zone_nr_free_blocks(f->z, order, (enum migratetype)t), 0);
    }
}

static void random_work(pfn_t nr_pages, unsigned pageblock_order, uint64_t seed, unsigned steps)
{
    static struct live live[LIVE_MAX];
    uint8_t *owned = calloc(nr_pages, 1);
    struct rng rng = {.state = seed};
    struct zone_fixture *f = malloc(sizeof(*f));
    unsigned nr = 0;
    pfn_t used = 0;

    assert_true(owned && f);
    open_lazy(f, nr_pages, pageblock_order, 1);
    for (unsigned i = 0; i < steps; i++) {
        f->nr_fallbacks = 0;
        if (nr < LIVE_MAX && rng_below(&rng, 100) < 51) {
            struct zone_request rq = {.order = (unsigned)__builtin_ctzll(rng_next(&rng) | 1u << 10),
                                      .type = (enum migratetype)rng_below(&rng, NR_MOBILITIES),
                                      .tag = i};
            pfn_t pfn;

            if (zone_rmqueue(f->z, &rq, &pfn) != 0) {
                assert_refusal_is_true(f, &rq);
                continue;
            }
            assert_int_equal(pfn & ((1u << rq.order) - 1), 0);
            assert_true(pfn + (1u << rq.order) <= nr_pages);
            assert_null(memchr(&owned[pfn], 1, (size_t)1 << rq.order));
            memset(&owned[pfn], 1, (size_t)1 << rq.order);
            live[nr++] = (struct live){pfn, rq.order, i};
            used += (pfn_t)1 << rq.order;
        } else if (nr > 0) {
            unsigned k = (unsigned)rng_below(&rng, nr);
            struct live b = live[k];

            live[k] = live[--nr];
            if (rng_below(&rng, 2) == 0) {
                zone_free_later(f->z, b.pfn);
            } else {
                assert_int_equal(zone_free(f->z, b.pfn), 0);
                assert_int_equal(zone_free(f->z, b.pfn), -EINVAL);
            }
            memset(&owned[b.pfn], 0, (size_t)1 << b.order);
            used -= (pfn_t)1 << b.order;
        }
        if (i % 4096 == 0) {
            struct zone_stat st;
            char why[160];

            zone_stat(f->z, &st);
            assert_int_equal(st.free_pages, nr_pages - used);
            assert_int_equal(st.bad_frees, 0);
            if (zone_check(f->z, why, sizeof(why)) != 0)
                fail_msg("seed %llu, step %u: %s", (unsigned long long)seed, i, why);
        }
    }
    for (unsigned k = 0; k < nr; k++) {
        struct zone_block b;

        assert_int_equal(zone_block(f->z, live[k].pfn, &b), 0);
        assert_int_equal(b.order, live[k].order);
        assert_true(b.tag == live[k].tag);
        give(f->z, live[k].pfn);
    }
    assert_wholly_free(f->z);
    fixture_close(f);
    free(f);
    free(owned);
}

static uint64_t seed_from_environment(void)
{
    const char *text = getenv("BUDDYD_SEED");

    return text ? strtoull(text, NULL, 0) : 1;
}

static void random_work_loses_nothing(void **state)
{
    uint64_t seed = seed_from_environment();

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_work(4096, 9, seed, 400000);
    random_work(16384, 4, seed + 1, 400000);
    random_work(40960, 9, seed + 2, 400000);
    random_work(1024, 9, seed + 3, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_granted_again_before_it_merges),
        cmocka_unit_test(no_more_than_a_few_rest),
        cmocka_unit_test(resting_blocks_are_merged_before_more_is_broken),
        cmocka_unit_test(what_is_freed_later_is_free_when_looked_at),
        cmocka_unit_test(what_is_freed_later_is_granted_again),
        cmocka_unit_test(a_block_on_its_way_is_not_granted_any_more),
        cmocka_unit_test(a_block_on_its_way_is_not_cut_any_more),
        cmocka_unit_test(pageblocks_are_counted_as_if_nothing_rested),
        cmocka_unit_test(bad_frees_are_counted),
        cmocka_unit_test(no_page_is_not_the_last_one_granted),
        cmocka_unit_test(a_cut_block_is_freed_as_its_halves),
        cmocka_unit_test(the_last_one_granted_comes_back_to_a_full_house),
        cmocka_unit_test(random_work_loses_nothing),
    };

    return cmocka_run_group_tests_name("resting", tests, NULL, NULL);
}
