/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_alloc_usual.c: the fast path of alloc_pages() decides and counts as the pass does. It looks
 * inside, to ask both forms of the mark about states that no zone would come to by itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"
#include "mm/page_alloc.h"
#include "path_fixture.h"
#include "rng.h"

#define NR_STATES 200000u
#define NR_STEPS  60000u
#define MAX_LIVE  2048u

static struct path_fixture fast, slow; /* too large for a stack */

static uint64_t seed_of(void)
{
    const char *text = getenv("BUDDYD_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;

    print_message("BUDDYD_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* Settings that are in range, and often near the edges. */
static struct mm_settings random_settings(struct rng *r)
{
    struct mm_settings s = MM_SETTINGS_INIT;

    if (rng_one_in(r, 8))
        s.min_free_kbytes = MIN_FREE_NONE;
    else if (rng_one_in(r, 2))
        s.min_free_kbytes = 128 + rng_below(r, 4000);
    s.watermark_scale_factor = 1 + rng_below(r, 3000);
    s.watermark_boost_factor = rng_below(r, 30000);
    s.lowmem_reserve_ratio[ZONE_DMA32] = rng_below(r, 4);
    s.lowmem_reserve_ratio[ZONE_NORMAL] = rng_below(r, 300);
    return s;
}

/* One comparison answers as the whole arithmetic does, also right at the edge. */
static void one_comparison_is_the_whole_arithmetic(void **state)
{
    static const struct path_zone zones[] = {{.kind = ZONE_DMA32, .nr_pages = 2048},
                                             {.kind = ZONE_NORMAL, .nr_pages = 4096},
                                             {.kind = ZONE_MOVABLE, .nr_pages = 8192}};
    struct rng r = {seed_of()};
    unsigned nr_yes = 0;

    (void)state;
    path_open(&fast, zones, 3, NULL);
    for (unsigned i = 0; i < NR_STATES; i++) {
        enum migratetype type = (enum migratetype)rng_below(&r, NR_MOBILITIES);
        unsigned order = rng_below(&r, MAX_PAGE_ORDER);
        struct zone z = *fast.zf[rng_below(&r, 3)].z;
        struct list_set s = {.nr_small = rng_below(&r, 300)};
        struct zone *all[3] = {fast.zf[0].z, fast.zf[1].z, fast.zf[2].z};
        const struct mm_settings settings = random_settings(&r);
        unsigned flags = rng_below(&r, 2) * ALLOC_KSWAPD | rng_below(&r, 2) * ALLOC_NOWAIT |
                         rng_below(&r, 2) * ALLOC_NOFRAGMENT;
        int64_t edge;
        bool yes;

        all[z.kind] = &z;
        assert_int_equal(watermarks_setup(all, 3, 12, &settings), 0);
        for (uint32_t n = rng_below(&r, 4); n > 0; n--)
            (void)zone_boost_watermark(&z);
        if (rng_one_in(&r, 3))
            zone_unboost(&z, rng_below(&r, 64));
        /* What is kept for others must not count. */
        s.nr_special[MIGRATE_HIGHATOMIC - NR_MOBILITIES] = rng_below(&r, 1000);
        s.nr_special[MIGRATE_CMA - NR_MOBILITIES] = rng_below(&r, 1000);
        edge = (int64_t)zone_wmark(&z, WMARK_LOW) + zone_lowmem_reserve(&z, mobility_class(type)) +
               (int64_t)order_pages(order) - (int64_t)s.nr_small + (int64_t)rng_below(&r, 3) - 1;
        z.nr_large = edge > 0 && rng_below(&r, 2) ? (pfn_t)edge : rng_below(&r, 20000);
        yes = above_low(&z, &s, order, type);
        assert_int_equal(yes, pages_ok(&z, &s, order, zone_wmark(&z, WMARK_LOW),
                                       mobility_class(type), flags, 0));
        nr_yes += yes;
    }
    assert_in_range(nr_yes, NR_STATES / 10, NR_STATES / 10 * 9);
    path_close(&fast);
}

static void open_host(struct path_fixture *f)
{
    static const struct path_zone zones[] = {{.kind = ZONE_NORMAL, .nr_pages = 512},
                                             {.kind = ZONE_MOVABLE, .nr_pages = 256},
                                             {.kind = ZONE_NORMAL, .node = 1, .nr_pages = 512},
                                             {.kind = ZONE_MOVABLE, .node = 1, .nr_pages = 256}};
    static const struct mm_topology topology = {.nr_nodes = 2, .cpus = 3};
    struct mm_settings settings = MM_SETTINGS_INIT;

    path_open(f, zones, 4, &topology);
    /* Pages that are taken from other types raise marks, and which those are is left open. */
    settings.watermark_boost_factor = 0;
    assert_int_equal(memory_set(&f->m, &settings), 0);
}

static void assert_same_counts(void)
{
    for (unsigned i = 0; i < fast.nr; i++) {
        struct zone_numa_stat numa[2];
        struct zone_stat st[2];

        zone_stat(fast.zf[i].z, &st[0]);
        zone_stat(slow.zf[i].z, &st[1]);
        assert_int_equal(st[0].free_pages, st[1].free_pages);
        assert_int_equal(st[0].allocs, st[1].allocs);
        assert_int_equal(st[0].frees, st[1].frees);
        assert_int_equal(st[0].failures, st[1].failures);
        zone_numa_stat(fast.zf[i].z, &numa[0]);
        zone_numa_stat(slow.zf[i].z, &numa[1]);
        assert_memory_equal(&numa[0], &numa[1], sizeof(numa[0]));
        assert_int_equal(numa[0].hit + numa[0].miss, st[0].allocs);
        assert_int_equal(numa[0].local + numa[0].other, st[0].allocs);
    }
}

/*
 * Two hosts serve the same requests for single pages; on one of them each names all nodes, which
 * says nothing, but takes the pass. They answer and count the same.
 */
static void answers_and_counts_are_those_of_the_pass(void **state)
{
    static struct page_grant live[2][MAX_LIVE];
    struct rng r = {seed_of()};
    unsigned nr_live = 0, nr_refused = 0;

    (void)state;
    open_host(&fast);
    open_host(&slow);
    for (unsigned i = 0; i < NR_STEPS; i++) {
        struct page_request rq = path_request(0, (enum migratetype)rng_below(&r, NR_MOBILITIES),
                                              rng_one_in(&r, 2) ? REQUEST_WAKE : 0);
        struct refusal refusal;

        rq.node = rng_below(&r, 2);
        rq.caller_node = rng_below(&r, 2);
        rq.tag = i;
        /* It fills up, and then drains, again and again. */
        if (nr_live < MAX_LIVE && rng_below(&r, 5) < (i / 10000 % 2 ? 2u : 3u)) {
            int ret = alloc_pages(&fast.m, NULL, NULL, &rq, &live[0][nr_live], &refusal);

            rq.nodemask = 3;
            assert_int_equal(alloc_pages(&slow.m, NULL, NULL, &rq, &live[1][nr_live], &refusal),
                             ret);
            nr_refused += ret != 0;
            if (ret != 0)
                continue;
            assert_int_equal(live[0][nr_live].zone, live[1][nr_live].zone);
            assert_int_equal(live[0][nr_live].order, 0);
            nr_live++;
        } else if (nr_live > 0) {
            unsigned victim = rng_one_in(&r, 2) ? nr_live - 1 : rng_below(&r, nr_live);

            assert_int_equal(zone_free(fast.zf[live[0][victim].zone].z, live[0][victim].pfn), 0);
            assert_int_equal(zone_free(slow.zf[live[1][victim].zone].z, live[1][victim].pfn), 0);
            nr_live--;
            live[0][victim] = live[0][nr_live];
            live[1][victim] = live[1][nr_live];
        }
        if (rng_one_in(&r, 200)) {
            assert_same_counts();
            path_check(&fast);
            path_check(&slow);
        }
    }
    assert_same_counts();
    assert_true(nr_refused > 0);
    path_close(&fast);
    path_close(&slow);
}

/* What an open zone promises: no request of these orders would find it low. */
static void assert_open_is_above(const struct zone *z)
{
    for (unsigned t = 0; t < NR_MOBILITIES && z->open_orders > 0; t++)
        assert_true(!z->boosted &&
                    above_low(z, &z->set[0], z->open_orders - 1u, (enum migratetype)t));
}

static void take_from_zone(struct rng *r, struct zone *z, pfn_t *pfn)
{
    static const unsigned flags[] = {0, ALLOC_HIGHATOMIC, ALLOC_KSWAPD, ALLOC_SMALL};
    const struct zone_request rq = {.order = rng_below(r, 6),
                                    .type = (enum migratetype)rng_below(r, NR_MOBILITIES),
                                    .flags = flags[rng_below(r, 4)]};

    if (*pfn == PFN_NONE)
        (void)zone_rmqueue(z, &rq, pfn);
}

/* A block moves, and comes back at once. */
static void try_a_move(struct zone *z, pfn_t pfn)
{
    struct zone_block b;
    bool freed;

    if (zone_move_begin(z, pfn) != 0)
        return;
    assert_open_is_above(z);
    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(zone_move_abort(z, pfn, &freed), 0);
}

/* Something that changes what is free, or what is asked of it. */
static void disturb(struct rng *r, struct zone *z, pfn_t *pfn)
{
    struct mm_settings settings = random_settings(r);

    settings.min_free_kbytes = rng_below(r, 2) ? MIN_FREE_NONE : 256;
    settings.watermark_scale_factor = 1 + rng_below(r, 300);
    switch (rng_below(r, 6)) {
    case 0:
        take_from_zone(r, z, pfn);
        break;
    case 1:
        (void)zone_boost_watermark(z);
        break;
    case 2:
        zone_unboost(z, rng_below(r, 64));
        break;
    case 3:
        if (rng_one_in(r, 20))
            assert_int_equal(memory_set(&fast.m, &settings), 0);
        break;
    case 4:
        if (*pfn != PFN_NONE)
            try_a_move(z, *pfn);
        break;
    default:
        z->boosted = false;
        break;
    }
}

/* What is noted of a zone stays true, whatever is done to it behind alloc_pages()'s back. */
static void an_open_zone_is_above_its_mark(void **state)
{
    static const struct path_zone zones[] = {{.kind = ZONE_NORMAL, .nr_pages = 1024},
                                             {.kind = ZONE_MOVABLE, .nr_pages = 512}};
    static pfn_t live[MAX_LIVE];
    struct rng r = {seed_of()};
    unsigned nr_open = 0;

    (void)state;
    path_open(&fast, zones, 2, NULL);
    memset(live, 0xff, sizeof(live));
    for (unsigned i = 0; i < NR_STEPS; i++) {
        struct zone *z = fast.zf[0].z;
        struct page_request rq = path_request(
            rng_below(&r, 6), rng_below(&r, 2) ? MIGRATE_UNMOVABLE : MIGRATE_RECLAIMABLE,
            rng_one_in(&r, 2) ? REQUEST_WAKE : 0);
        pfn_t *place = &live[rng_below(&r, i / 10000 % 2 ? 64 : 512)];
        struct page_grant got;
        struct refusal refusal;

        if (*place == PFN_NONE && alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal) == 0) {
            *place = got.pfn;
        } else if (*place != PFN_NONE && rng_one_in(&r, 2)) {
            zone_free_later(z, *place);
            *place = PFN_NONE;
        }
        assert_open_is_above(z);
        disturb(&r, z, place);
        assert_open_is_above(z);
        nr_open += z->open_orders > 0;
    }
    print_message("open after %u of %u steps\n", nr_open, NR_STEPS);
    assert_true(nr_open > NR_STEPS / 20 && nr_open < NR_STEPS);
    path_close(&fast);
}

/* The block that was freed last is the one that is granted again, with the new tag. */
static void what_rests_is_granted_again(void **state)
{
    static const struct path_zone zones[] = {{.kind = ZONE_NORMAL, .nr_pages = 512}};
    struct page_request rq = path_request(2, MIGRATE_RECLAIMABLE, 0);
    struct page_grant got[3], again;
    struct refusal refusal;
    struct zone_block b;
    struct zone *z;

    (void)state;
    path_open(&fast, zones, 1, NULL);
    z = fast.zf[0].z;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got[i], &refusal), 0);
    assert_int_equal(zone_free(z, got[0].pfn), 0);
    assert_int_equal(zone_free(z, got[1].pfn), 0);
    assert_int_equal(zone_free(z, got[1].pfn), -EINVAL);
    rq.tag = ((uint64_t)1 << BLOCK_TAG_BITS) - 1;
    for (unsigned i = 2; i-- > 0;) {
        assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &again, &refusal), 0);
        assert_int_equal(again.pfn, got[i].pfn);
        assert_int_equal(again.order, 2);
    }
    assert_int_equal(zone_block(z, again.pfn, &b), 0);
    assert_int_equal(b.state, BLOCK_ALLOCATED);
    assert_int_equal(b.type, MIGRATE_RECLAIMABLE);
    assert_true(b.tag == rq.tag);
    rq.tag++;
    assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &again, &refusal), -EINVAL);
    path_close(&fast);
}

/* Where no zone may serve a request, and where one has no such domain. */
static void nobody_is_served_from_nowhere(void **state)
{
    static const struct path_zone zones[] = {{.kind = ZONE_MOVABLE, .nr_pages = 512}};
    struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);
    struct page_grant got;
    struct refusal refusal;

    (void)state;
    path_open(&fast, zones, 1, NULL);
    assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal), -ENOMEM);
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);
    rq.type = MIGRATE_MOVABLE;
    assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal), 0);
    assert_int_equal(zone_free(fast.zf[0].z, got.pfn), 0);
    for (unsigned t = NR_MOBILITIES; t < 260; t++) {
        rq.type = (enum migratetype)t;
        assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    }
    rq.type = MIGRATE_MOVABLE;
    for (rq.node = 1; rq.node < 260; rq.node++)
        assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    rq.node = 0;
    rq.domain = 1;
    assert_int_equal(alloc_pages(&fast.m, NULL, NULL, &rq, &got, &refusal), -ENOMEM);
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);
    path_close(&fast);
}

/* A wake that is owed is not forgotten over a block that rests. */
static void a_boost_wakes_the_balancer(void **state)
{
    static const struct path_zone zones[] = {{.kind = ZONE_NORMAL, .nr_pages = 4096}};
    const struct page_request quiet = path_request(0, MIGRATE_MOVABLE, 0);
    const struct page_request loud = path_request(0, MIGRATE_MOVABLE, REQUEST_WAKE);
    struct page_grant got;

    (void)state;
    path_open(&fast, zones, 1, NULL);
    assert_int_equal(path_alloc(&fast, &loud, &got), 0);
    fast.zf[0].z->boosted = true;
    assert_int_equal(zone_free(fast.zf[0].z, got.pfn), 0);
    assert_int_equal(path_alloc(&fast, &quiet, &got), 0);
    path_called(&fast, "");
    assert_int_equal(path_alloc(&fast, &loud, &got), 0);
    path_called(&fast, "w0+0c1");
    assert_false(fast.zf[0].z->boosted);
    path_close(&fast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_comparison_is_the_whole_arithmetic),
        cmocka_unit_test(answers_and_counts_are_those_of_the_pass),
        cmocka_unit_test(an_open_zone_is_above_its_mark),
        cmocka_unit_test(what_rests_is_granted_again),
        cmocka_unit_test(nobody_is_served_from_nowhere),
        cmocka_unit_test(a_boost_wakes_the_balancer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
