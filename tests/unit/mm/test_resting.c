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
            assert_int_equal(zone_free(f->z, b.pfn), 0);
            assert_int_equal(zone_free(f->z, b.pfn), -EINVAL);
            memset(&owned[b.pfn], 0, (size_t)1 << b.order);
            used -= (pfn_t)1 << b.order;
        }
        if (i % 4096 == 0) {
            struct zone_stat st;
            char why[160];

            zone_stat(f->z, &st);
            assert_int_equal(st.free_pages, nr_pages - used);
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
        cmocka_unit_test(random_work_loses_nothing),
    };

    return cmocka_run_group_tests_name("resting", tests, NULL, NULL);
}
