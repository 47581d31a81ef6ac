/* SPDX-License-Identifier: Apache-2.0 */
/* compact_suitable.c: whether to compact at all: suitability, deferral, and the proactive score. */
#include "compact.h"
#include "mm/fragmentation.h"

/* Above this fragmentation is to blame, below a shortage (sysctl_extfrag_threshold). */
#define EXTFRAG_THRESHOLD 500

/* After so many failures one try in 2^6 goes through (COMPACT_MAX_DEFER_SHIFT). */
#define MAX_DEFER_SHIFT 6u

enum compact_result zone_compact_suitable(struct zone *z, const struct compact_request *rq,
                                          enum zone_watermark mark)
{
    pfn_t pages = zone_wmark(z, rq->order > COSTLY_ORDER ? WMARK_LOW : WMARK_MIN);
    int index;

    if (zone_watermark_ok(z, rq->order, zone_wmark(z, mark), rq->class, rq->domain,
                          rq->alloc_flags))
        return COMPACT_SUCCESS;
    /* Room for sources and targets (compact_gap). */
    if (!zone_watermark_ok(z, 0, pages + 2 * order_pages(rq->order), rq->class, rq->domain,
                           ALLOC_CMA))
        return COMPACT_SKIPPED;
    index = rq->order > COSTLY_ORDER ? zone_fragindex(z, rq->order, rq->domain) : -1000;
    return index >= 0 && index <= EXTFRAG_THRESHOLD ? COMPACT_SKIPPED : COMPACT_CONTINUE;
}

/* Another domain's empty pageblocks can pass, unless the request cannot wait for that. */
static bool has_elsewhere(const struct zone *z, const struct compact_request *rq)
{
    unsigned order = rq->order > z->pageblock_order ? rq->order : z->pageblock_order;
    uint32_t mask = 0;

    for (unsigned d = 0; d < z->nr_domains; d++) {
        for (unsigned t = 0; t < NR_MOBILITIES; t++)
            mask |= z->set[d].mask[t];
    }
    return !(rq->alloc_flags & ALLOC_NOWAIT) && mask >> order != 0;
}

bool compact_has_block(const struct zone *z, const struct compact_request *rq)
{
    const struct list_set *s = &z->set[rq->domain];
    const struct zone_request zrq = {
        .order = rq->order, .type = rq->type, .domain = rq->domain, .flags = rq->alloc_flags};

    if (s->mask[list_type(z, rq->type)] >> rq->order != 0 ||
        ((rq->alloc_flags & ALLOC_CMA) && s->mask[MIGRATE_CMA] >> rq->order != 0))
        return true;
    return (z->nr_domains > 1 && has_elsewhere(z, rq)) || fallback_can_claim(z, &zrq);
}

bool compact_deferred(struct zone *z, unsigned order)
{
    struct zone_compact *zc = &z->compact;

    if (order < zc->order_failed)
        return false;
    if (++zc->considered < 1u << zc->defer_shift)
        return true;
    zc->considered = 1u << zc->defer_shift;
    return false;
}

bool compact_restarting(const struct zone *z, unsigned order)
{
    const struct zone_compact *zc = &z->compact;

    return order >= zc->order_failed && zc->defer_shift == MAX_DEFER_SHIFT &&
           zc->considered >= 1u << MAX_DEFER_SHIFT;
}

void compact_defer(struct zone *z, unsigned order)
{
    struct zone_compact *zc = &z->compact;

    zc->considered = 0;
    if (zc->defer_shift < MAX_DEFER_SHIFT)
        zc->defer_shift++;
    if (order < zc->order_failed)
        zc->order_failed = order;
}

void compact_defer_reset(struct zone *z, unsigned order)
{
    struct zone_compact *zc = &z->compact;

    zc->considered = 0;
    zc->defer_shift = 0;
    if (order >= zc->order_failed)
        zc->order_failed = order + 1;
}

void zone_compact_retry(struct zone *z)
{
    z->compact.considered = 1u << z->compact.defer_shift;
}

unsigned zone_compact_score(struct zone *z)
{
    uint64_t small = 0;

    zone_settle(z);
    for (unsigned d = 0; d < z->nr_domains; d++)
        small += z->set[d].nr_small;
    return small == 0 ? 0 : (unsigned)(small * 100 / (small + z->nr_large));
}

unsigned zone_proactive_score(struct zone *z, uint64_t node_pages)
{
    return (unsigned)((uint64_t)z->nr_pages * zone_compact_score(z) / (node_pages + 1));
}

unsigned compact_score_low(unsigned proactiveness)
{
    return proactiveness > 95 ? 5 : 100 - proactiveness;
}

unsigned compact_score_high(unsigned proactiveness)
{
    unsigned low = compact_score_low(proactiveness);

    return low > 90 ? 100 : low + 10;
}
