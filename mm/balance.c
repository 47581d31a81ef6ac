/* SPDX-License-Identifier: Apache-2.0 */
/* balance.c: the balancer of a node: when it runs, for how long, and what it leaves to others. */
#include "mm/balance.h"

#include <errno.h>

#include "zone_internal.h"

/* A round reclaims at least so much for each zone (SWAP_CLUSTER_MAX). */
#define CLUSTER_PAGES 32u
/* For raised marks alone it does not look harder than so. */
#define BOOST_PRIORITY (LRU_PRIORITY - 2)

/* The i-th zone of a node, or NULL if requests of the class cannot use it. */
static struct zone *node_zone(const struct memory *m, unsigned node, enum zone_kind class,
                              unsigned i)
{
    struct zone *z = m->zone[m->local[node].id[i]];

    return z->kind <= class && z->nr_pages != 0 ? z : NULL;
}

static bool balanced_for(const struct memory *m, unsigned node, unsigned order,
                         enum zone_kind class, unsigned domain)
{
    bool any = false;

    for (unsigned i = 0; i < m->local[node].nr; i++) {
        struct zone *z = node_zone(m, node, class, i);

        if (!z || domain >= z->nr_domains)
            continue;
        any = true;
        if (zone_watermark_ok(z, order, zone_wmark(z, WMARK_HIGH), class, domain, 0))
            return true;
    }
    return !any;
}

bool node_balanced(struct memory *m, unsigned node, unsigned order, enum zone_kind class,
                   uint64_t domains)
{
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        if ((domains >> d & 1) && !balanced_for(m, node, order, class, d))
            return false;
    }
    return true;
}

/* pgdat_watermark_boosted */
static bool node_boosted(const struct memory *m, unsigned node, enum zone_kind class)
{
    for (unsigned i = 0; i < m->local[node].nr; i++) {
        const struct zone *z = node_zone(m, node, class, i);

        if (z && z->boost != 0)
            return true;
    }
    return false;
}

void balancer_init(struct balancer *b, struct memory *m, unsigned node,
                   const struct balance_ops *ops, void *ctx)
{
    *b = (struct balancer){.m = m, .node = node, .ops = ops, .ctx = ctx};
}

static void wake_compactor(const struct balancer *b, unsigned order, enum zone_kind class)
{
    if (order > 0 && b->ops->wake_compactor)
        b->ops->wake_compactor(b->ctx, b->node, order, class);
}

bool balancer_wake(struct balancer *b, unsigned order, enum zone_kind class, unsigned domain,
                   bool may_wait)
{
    uint64_t domains = (uint64_t)1 << domain;

    if (!b->woken && !b->running &&
        (b->failures >= BALANCE_MAX_FAILURES ||
         (node_balanced(b->m, b->node, order, class, domains) &&
          !node_boosted(b->m, b->node, class)))) {
        if (!may_wait)
            wake_compactor(b, order, class);
        return false;
    }
    b->woken = true;
    if (b->next_order < order)
        b->next_order = order;
    if (b->next_class < class)
        b->next_class = class;
    b->next_domains |= domains;
    return true;
}

void balancer_revive(struct balancer *b)
{
    b->failures = 0;
}

/* ---- a run (balance_pgdat) ---- */

static bool is_balanced(const struct balancer *b)
{
    return node_balanced(b->m, b->node, b->order, b->class, b->domains);
}

/* For what it was woken for meanwhile, or, if it cannot rest though nobody did, single pages. */
static void begin_run(struct balancer *b)
{
    if (!b->running) {
        b->wanted_order = 0;
        b->domains = 0;
    }
    b->order = b->next_order;
    if (b->wanted_order < b->order)
        b->wanted_order = b->order;
    if (b->woken)
        b->class = b->next_class;
    b->domains |= b->next_domains;
    b->woken = false;
    b->next_order = 0;
    b->next_class = ZONE_DMA32;
    b->next_domains = 0;
    b->running = true;
    b->freed_pages = 0;
    b->boosted = 0;
    b->boost_pages = 0;
    for (unsigned i = 0; i < b->m->local[b->node].nr; i++) {
        const struct zone *z = node_zone(b->m, b->node, b->class, i);
        unsigned id = b->m->local[b->node].id[i];

        if (!z || z->boost == 0)
            continue;
        b->boosted |= (uint64_t)1 << id;
        b->boost[id] = z->boost;
        b->boost_pages += z->boost;
    }
    b->scan.priority = LRU_PRIORITY;
}

/* The marks were raised so that this run would take place; fragmentation is the compactor's. */
static void unboost(struct balancer *b)
{
    unsigned order = 0;

    for (unsigned id = 0; id < MAX_ZONES; id++) {
        struct zone *z = b->boosted >> id & 1 ? b->m->zone[id] : NULL;

        if (!z)
            continue;
        zone_unboost(z, b->boost[id]);
        if (order < z->pageblock_order)
            order = z->pageblock_order;
    }
    wake_compactor(b, order, b->class);
}

/* kswapd_try_to_sleep: it rests now, or begins again. */
static void end_run(struct balancer *b)
{
    unboost(b);
    if (b->failures < BALANCE_MAX_FAILURES && !is_balanced(b)) {
        begin_run(b);
        return;
    }
    b->running = false;
    wake_compactor(b, b->wanted_order, b->class);
}

/* Returns false when there is nothing to go round for. */
static bool begin_round(struct balancer *b)
{
    bool balanced = is_balanced(b);

    /* Raised marks are for when there is time: first come those who have too little. */
    if (!balanced && b->boost_pages != 0) {
        b->boost_pages = 0;
        b->scan.priority = LRU_PRIORITY;
    }
    if (balanced && b->boost_pages == 0)
        return false;
    b->round_target = 0;
    for (unsigned i = 0; i < b->m->local[b->node].nr; i++) {
        const struct zone *z = node_zone(b->m, b->node, b->class, i);
        pfn_t high = z ? zone_wmark(z, WMARK_HIGH) : 0;

        if (z)
            b->round_target += high > CLUSTER_PAGES ? high : CLUSTER_PAGES;
    }
    b->scan = (struct lru_scan){
        .want_pages = b->round_target, .priority = b->scan.priority, .domains = b->domains};
    b->zone = 0;
    b->in_round = true;
    return true;
}

/* Returns false when the run is over. */
static bool end_round(struct balancer *b)
{
    uint64_t freed = b->scan.freed_pages;
    bool harder = b->scan.scanned_pages < b->round_target &&
                  !(b->boost_pages != 0 && b->scan.priority == BOOST_PRIORITY);

    b->in_round = false;
    b->freed_pages += freed;
    if (freed != 0)
        b->failures = 0;
    /* What is free may not lie together: more of it would not help, compaction may. */
    if (b->freed_pages >= (uint64_t)2 << b->order)
        b->order = 0;
    b->boost_pages -= freed < b->boost_pages ? freed : b->boost_pages;
    if (harder || freed == 0)
        b->scan.priority--;
    if (b->scan.priority != 0 && !(b->boost_pages != 0 && freed == 0))
        return true;
    if (b->freed_pages == 0 && b->boosted == 0)
        b->failures++;
    return false;
}

/* Go on with the round. Returns -EAGAIN when the budget ends before it does. */
static int go_round(struct balancer *b, uint64_t limit)
{
    for (; b->zone < b->m->local[b->node].nr; b->zone++) {
        if (!node_zone(b->m, b->node, b->class, b->zone))
            continue;
        if (b->scan.spent >= limit ||
            b->ops->shrink(b->ctx, b->m->local[b->node].id[b->zone], &b->scan,
                           (unsigned)(limit - b->scan.spent)) == -EAGAIN)
            return -EAGAIN;
    }
    return 0;
}

bool balancer_step(struct balancer *b, unsigned budget)
{
    uint64_t left = budget;

    while ((b->running || b->woken) && left > 0) {
        uint64_t before;

        if (!b->running)
            begin_run(b);
        if (!b->in_round && !begin_round(b)) {
            end_run(b);
            continue;
        }
        before = b->scan.spent;
        if (go_round(b, before + left) == -EAGAIN)
            return true;
        if (!end_round(b))
            end_run(b);
        left -= b->scan.spent - before;
        left -= left > 0; /* rounds over nothing are bounded, too */
    }
    return b->running || b->woken;
}
