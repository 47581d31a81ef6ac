/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_path_random.c: random requests to a host of several nodes, each answer predicted by a model.
 *
 * Settings change, zones grow and shrink, clients come and go. Environment: BUDDYD_OPS, operations
 * in all; BUDDYD_SEED, one seed instead of the fixed ones.
 */
#include <stdlib.h>

#include "mm/contig.h"
#include "mm/hotplug.h"
#include "path_model.h"
#include "rng.h"
#include "zone_fixture.h"

#ifndef DEFAULT_OPS
#define DEFAULT_OPS 200000u
#endif

#define NR_SEEDS 4u

static const struct shape {
    enum zone_kind kind;
    unsigned node;
    unsigned pageblock_order;
    pfn_t nr_pages, max_pages;
    pfn_t cma_pageblocks; /* from the second one on */
} shapes[] = {
    {ZONE_DMA32, 0, 4, 1024, 1024, 0},
    {ZONE_NORMAL, 0, 4, 3200, 4000, 6},
    {ZONE_MOVABLE, 0, 4, 2048, 2400, 10},
    {ZONE_NORMAL, 1, 5, 4096, 6400, 0},
    {ZONE_MOVABLE, 1, 3, 1000, 1000, 0},
    {ZONE_DMA32, 2, 4, 2000, 2000, 20},
    {ZONE_GIGANTIC, 2, MAX_PAGE_ORDER, 2u << MAX_PAGE_ORDER, 2u << MAX_PAGE_ORDER, 0},
};

#define NR_SHAPES ((unsigned)(sizeof(shapes) / sizeof(shapes[0])))
#define MAX_LIVE  16384u
/* Of all zones but the gigantic one, before they grow. */
#define SMALL_PAGES 13368u

struct run {
    struct zone_fixture zf[NR_SHAPES];
    struct memory mem;
    struct path_model m;
    struct rng rng;
    struct page_grant live[MAX_LIVE];
    unsigned nr_live;
    unsigned fill;  /* percent of the small pages that the present phase would like to be granted */
    pfn_t nr_small; /* granted so */
    enum migratetype favoured; /* most requests of this phase are of this type */
    const struct page_request *rq;
    bool waited;                    /* the last compaction was not at its end, */
    enum compact_priority priority; /* and was asked for so */
    uint64_t nr_granted, nr_refused, nr_remote, nr_rights, nr_given_back, nr_waited, nr_resized;
};

/* The balancer is woken only for requests that allow it, and for zones that are there. */
static void wake(void *ctx, unsigned zone, unsigned order, enum zone_kind class, unsigned domain,
                 bool may_wait)
{
    const struct run *r = ctx;

    if (!r->rq || !(r->rq->flags & REQUEST_WAKE) || zone >= NR_SHAPES || class >= NR_ZONE_KINDS ||
        domain != 0 || (order != 0 && order != r->rq->order) ||
        (may_wait && !(r->rq->flags & REQUEST_MAY_WAIT)))
        pm_fail("the balancer of zone %u is woken for order %u, class %d", zone, order, class);
}

/* Compactions bring nothing, but some take their time. */
static enum compact_result compact(void *ctx, const struct page_request *rq,
                                   enum compact_priority priority)
{
    static const enum compact_result results[] = {COMPACT_SKIPPED, COMPACT_DEFERRED, COMPACT_FAILED,
                                                  COMPACT_SUCCESS, COMPACT_CONTINUE};
    struct run *r = ctx;

    if (rq != r->rq || rq->order == 0 || (r->waited && priority != r->priority))
        pm_fail("compacted for order %u at priority %d", rq->order, (int)priority);
    r->priority = priority;
    r->waited = rq->progress && rng_one_in(&r->rng, 2);
    return r->waited ? COMPACT_CONTINUE : results[rng_below(&r->rng, rq->progress ? 4 : 5)];
}

static void run_open(struct run *r, uint64_t seed)
{
    static const struct mm_topology topology = {
        .nr_nodes = PM_NODES, .cpus = 3, .distance = {{10, 20, 40}, {20, 10, 30}, {30, 40, 10}}};

    *r = (struct run){.rng.state = seed * 0x100000001b3u, .fill = 100};
    assert_int_equal(memory_init(&r->mem, 12, &topology), 0);
    r->m.settings = r->mem.settings;
    for (unsigned i = 0; i < PM_NODES; i++) {
        for (unsigned j = 0; j < PM_NODES; j++)
            r->m.distance[i][j] = topology.distance[i][j];
    }
    for (unsigned i = 0; i < NR_SHAPES; i++) {
        const struct shape *s = &shapes[i];
        struct zone_config config = {.nr_pages = s->nr_pages,
                                     .max_pages = s->max_pages,
                                     .pageblock_order = s->pageblock_order,
                                     .nr_domains = 1,
                                     .kind = s->kind,
                                     .node = s->node,
                                     .kernel_rules = seed % 2 == 0};
        pfn_t start = (pfn_t)1 << s->pageblock_order;

        fixture_open_config(&r->zf[i], &config);
        assert_int_equal(memory_add_zone(&r->mem, r->zf[i].z, -1), (int)i);
        pm_add_zone(&r->m, r->zf[i].z, s->kind, s->node, s->max_pages);
        if (s->cma_pageblocks == 0)
            continue;
        assert_int_equal(zone_cma_init(r->zf[i].z, start, s->cma_pageblocks * start, NULL), 0);
        pm_cma(&r->m, i, start, s->cma_pageblocks * start);
    }
    pm_marks(&r->m);
}

static struct page_request random_request(struct run *r)
{
    static const struct {
        unsigned flag, one_in;
    } flags[] = {
        {REQUEST_MAY_WAIT, 2},    {REQUEST_WAKE, 2},          {REQUEST_HIGH, 3},
        {REQUEST_NORETRY, 4},     {REQUEST_RETRY_MAYFAIL, 4}, {REQUEST_THISNODE, 6},
        {REQUEST_NO_RESERVES, 5}, {REQUEST_RESERVE, 20},      {REQUEST_VICTIM, 20},
        {REQUEST_DMA32, 8},       {REQUEST_CMA, 2},
    };
    struct page_request rq = {.type = (enum migratetype)rng_below(&r->rng, NR_MOBILITIES),
                              .node = rng_below(&r->rng, PM_NODES),
                              .caller_node = rng_below(&r->rng, PM_NODES),
                              .tag = rng_next(&r->rng) >> 16};

    if (!rng_one_in(&r->rng, 8))
        rq.type = r->favoured;
    if (rng_one_in(&r->rng, 2))
        rq.order = rng_below(&r->rng, rng_one_in(&r->rng, 8) ? 11 : 4);
    if (rng_one_in(&r->rng, 100))
        rq.order = MAX_PAGE_ORDER;
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        rq.flags |= rng_one_in(&r->rng, flags[i].one_in) ? flags[i].flag : 0;
    if (rng_one_in(&r->rng, 5))
        rq.nodemask = 1 + rng_below(&r->rng, 2u << PM_NODES);
    if (rng_one_in(&r->rng, 12))
        rq.barred_zones = only_zone(rng_below(&r->rng, NR_SHAPES + 1));
    return rq;
}

static void step_alloc(struct run *r)
{
    struct path_ops ops = {.wake_balancer = wake};
    struct path_progress progress = {0};
    struct page_request rq = random_request(r);
    const struct pm_answer a = pm_predict(&r->m, &rq);
    struct page_grant g = {.zone = 77, .pfn = 4711, .order = 99};
    struct refusal refusal;
    int e;

    r->rq = &rq;
    r->waited = false;
    rq.progress = rng_one_in(&r->rng, 2) ? &progress : NULL;
    if (rq.order <= COSTLY_ORDER) /* costly ones give up earlier without compaction */
        ops.compact = compact;
    do {
        e = alloc_pages(&r->mem, rng_one_in(&r->rng, 2) || progress.waits ? &ops : NULL, r, &rq, &g,
                        &refusal);
        if ((e == -EINPROGRESS) != progress.waits)
            pm_fail("waits without cause, or does not say so");
        r->nr_waited += progress.waits;
    } while (e == -EINPROGRESS);
    r->rq = NULL;
    if (e == 0) {
        pm_granted(&r->m, &rq, &a, &g);
        assert_true(r->nr_live < MAX_LIVE);
        r->live[r->nr_live++] = g;
        r->nr_small += g.order < MAX_PAGE_ORDER ? (pfn_t)1 << g.order : 0;
        r->nr_granted++;
        r->nr_remote += shapes[g.zone].node != rq.node;
        r->nr_rights += (a.flags & ~(ALLOC_CMA | ALLOC_NOFRAGMENT)) != 0;
    } else if (e == -ENOMEM) {
        if (g.zone != 77 || g.pfn != 4711 || g.order != 99)
            pm_fail("a refused request wrote its grant");
        pm_refused(&r->m, &rq, &a, &refusal);
        r->nr_refused++;
    } else {
        pm_fail("alloc_pages answered %d", e);
    }
    r->nr_given_back += a.gives_back;
}

static void step_bad_request(struct run *r)
{
    struct page_request rq = random_request(r);
    struct page_grant g;
    struct refusal refusal;

    switch (rng_below(&r->rng, 4)) {
    case 0:
        rq.order = NR_PAGE_ORDERS + rng_below(&r->rng, 30);
        break;
    case 1:
        rq.type = (enum migratetype)(NR_MOBILITIES + rng_below(&r->rng, 20));
        break;
    case 2:
        rq.node = PM_NODES + rng_below(&r->rng, 100);
        break;
    default:
        rq.tag |= (uint64_t)1 << (BLOCK_TAG_BITS + rng_below(&r->rng, 16));
        break;
    }
    if (alloc_pages(&r->mem, NULL, NULL, &rq, &g, &refusal) != -EINVAL)
        pm_fail("a bad request is not refused");
}

static void free_one(struct run *r, unsigned index)
{
    const struct page_grant g = r->live[index];

    r->live[index] = r->live[--r->nr_live];
    if (zone_free(r->zf[g.zone].z, g.pfn) != 0)
        pm_fail("block %u of zone %u cannot be freed", g.pfn, g.zone);
    r->nr_small -= g.order < MAX_PAGE_ORDER ? (pfn_t)1 << g.order : 0;
    pm_freed(&r->m, &g);
}

static void step_settings(struct run *r)
{
    struct mm_settings s = MM_SETTINGS_INIT;
    uint32_t kind = rng_below(&r->rng, 8);

    if (kind == 0)
        s.min_free_kbytes = MIN_FREE_NONE;
    else if (kind < 4)
        s.min_free_kbytes = 128 + rng_below(&r->rng, 4000);
    s.watermark_scale_factor = 1 + rng_below(&r->rng, rng_one_in(&r->rng, 2) ? 100 : 3000);
    s.watermark_boost_factor = rng_one_in(&r->rng, 3) ? 0 : rng_below(&r->rng, 40000);
    for (unsigned i = 0; i < NR_ZONE_KINDS; i++)
        s.lowmem_reserve_ratio[i] = rng_one_in(&r->rng, 4) ? 0 : 1 + rng_below(&r->rng, 300);
    if (rng_one_in(&r->rng, 8)) {
        struct mm_settings bad = s;

        bad.watermark_scale_factor = rng_one_in(&r->rng, 2) ? 0 : 3001;
        if (memory_set(&r->mem, &bad) != -EINVAL)
            pm_fail("bad settings are taken");
        return;
    }
    if (memory_set(&r->mem, &s) != 0)
        pm_fail("settings are refused");
    r->m.settings = s;
    pm_marks(&r->m);
}

/* Pageblocks come, or leave when they are free. */
static void step_resize(struct run *r)
{
    unsigned i = rng_below(&r->rng, NR_SHAPES);
    struct zone *z = r->zf[i].z;
    pfn_t is = zone_nr_pages(z), p = (pfn_t)1 << shapes[i].pageblock_order;
    pfn_t by = (1 + rng_below(&r->rng, 12)) * p;
    bool shrinks = rng_one_in(&r->rng, 2);
    struct evacuation ev;

    if (shrinks && by < is && pm_is_free(&r->m.zone[i], is - by, by)) {
        if (zone_shrink(z, by, false, &ev, NULL) != 0)
            pm_fail("zone %u does not shrink by %u free pages", i, by);
        is -= by;
    } else if (!shrinks && by <= shapes[i].max_pages - is) {
        if (zone_grow(z, by, 0) != 0)
            pm_fail("zone %u does not grow by %u pages", i, by);
        is += by;
    } else {
        return;
    }
    memory_rebuild(&r->mem);
    pm_resized(&r->m, i, is);
    pm_marks(&r->m);
    r->nr_resized++;
}

static void step(struct run *r)
{
    uint32_t what = rng_below(&r->rng, 1000);

    if (what < 970) {
        bool hungry = (uint64_t)r->nr_small * 100 < (uint64_t)SMALL_PAGES * r->fill;

        if (rng_below(&r->rng, 100) < (hungry ? 80 : 35) && r->nr_live < MAX_LIVE)
            step_alloc(r);
        else if (r->nr_live != 0)
            free_one(r, rng_below(&r->rng, r->nr_live));
    } else if (what < 980) {
        struct zone *z = r->zf[rng_below(&r->rng, NR_SHAPES)].z;

        zone_unboost(z, rng_below(&r->rng, 1 + 2 * zone_boost(z)));
    } else if (what < 986) {
        step_bad_request(r);
    } else if (what < 992) {
        step_resize(r);
    } else if (what < 998) {
        step_settings(r);
    } else if (rng_one_in(&r->rng, 4)) {
        static const unsigned fills[] = {30, 80, 90, 95, 100, 110};

        r->fill = fills[rng_below(&r->rng, sizeof(fills) / sizeof(fills[0]))];
        r->favoured = (enum migratetype)rng_below(&r->rng, NR_MOBILITIES);
    }
}

static void run_seed(uint64_t seed, uint64_t nr_ops)
{
    struct run *r = malloc(sizeof(*r));

    assert_non_null(r);
    pm_seed = seed; /* every failure names it */
    run_open(r, seed);
    for (pm_step = 0; pm_step < nr_ops; pm_step++) {
        step(r);
        if (pm_step % 16 == 0)
            pm_compare(&r->m);
        for (unsigned i = 0; pm_step % 4096 == 0 && i < NR_SHAPES; i++)
            assert_zone_ok(r->zf[i].z);
    }
    while (r->nr_live != 0)
        free_one(r, r->nr_live - 1);
    pm_compare(&r->m);
    print_message("seed %llu: %llu steps; %llu granted, %llu by other nodes, %llu by rights; %llu "
                  "refused; %llu after giving back; %llu waits; %llu resizes\n",
                  (unsigned long long)seed, (unsigned long long)nr_ops,
                  (unsigned long long)r->nr_granted, (unsigned long long)r->nr_remote,
                  (unsigned long long)r->nr_rights, (unsigned long long)r->nr_refused,
                  (unsigned long long)r->nr_given_back, (unsigned long long)r->nr_waited,
                  (unsigned long long)r->nr_resized);
    for (unsigned i = 0; i < NR_SHAPES; i++)
        fixture_close(&r->zf[i]);
    pm_close(&r->m);
    free(r);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void each_answer_is_predicted(void **state)
{
    uint64_t nr_ops = env_number("BUDDYD_OPS", DEFAULT_OPS);
    uint64_t seed = env_number("BUDDYD_SEED", 0);

    (void)state;
    if (seed != 0) {
        run_seed(seed, nr_ops);
        return;
    }
    for (seed = 1; seed <= NR_SEEDS; seed++)
        run_seed(seed, nr_ops / NR_SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_is_predicted),
    };

    return cmocka_run_group_tests_name("path_random", tests, NULL, NULL);
}
