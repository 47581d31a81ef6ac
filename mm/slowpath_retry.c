/* SPDX-License-Identifier: Apache-2.0 */
/* slowpath_retry.c: when a request that got nothing is worth another round of the slow path. */
#include "mm/highatomic.h"
#include "slowpath_internal.h"

/* A forecast gives all back at once, and looks once more. */
static bool forecast_unreserve(struct alloc_pass *p)
{
    bool any = false;

    for (unsigned i = 0; !p->given_back && i < p->zl->nr; i++) {
        const struct zone *z = pass_zone(p, i);

        any |= z && z->set[p->rq->domain].mask[MIGRATE_HIGHATOMIC] != 0;
    }
    p->given_back |= any;
    return any;
}

bool slowpath_unreserve(const struct slowpath *s, bool force)
{
    struct alloc_pass *p = s->p;

    if (p->forecast)
        return forecast_unreserve(p);
    for (unsigned i = 0; i < p->zl->nr; i++) {
        struct zone *z = pass_zone(p, i);

        if (z && highatomic_unreserve(z, p->rq->domain, p->rq->type, force))
            return true;
    }
    return false;
}

/* Pages of a zone that may be used which reclaim could free. */
static pfn_t reclaimable(const struct slowpath *s, unsigned i)
{
    return s->ops->reclaimable ? s->ops->reclaimable(s->ctx, s->p->zl->id[i]) : 0;
}

bool slowpath_retry_reclaim(struct slowpath *s)
{
    const struct alloc_pass *p = s->p;

    if (s->freed && p->rq->order <= COSTLY_ORDER)
        s->no_progress = 0;
    else
        s->no_progress++;
    for (unsigned i = 0; s->no_progress <= MAX_RECLAIM_RETRIES && i < p->zl->nr; i++) {
        struct zone *z = pass_zone(p, i);
        pfn_t more = z ? reclaimable(s, i) : 0;

        if (more != 0 && zone_watermark_with(z, p->rq->order, zone_wmark(z, WMARK_MIN), p->class,
                                             p->rq->domain, p->zrq.flags, more))
            return true;
    }
    return slowpath_unreserve(s, true);
}

/* compaction_zonelist_suitable: is there, with what could be reclaimed, enough to compact with? */
static bool compaction_suitable(const struct slowpath *s)
{
    const struct alloc_pass *p = s->p;

    for (unsigned i = 0; i < p->zl->nr; i++) {
        struct zone *z = pass_zone(p, i);
        enum zone_watermark mark = p->rq->order > COSTLY_ORDER ? WMARK_LOW : WMARK_MIN;

        /* Not all is counted that reclaim could free: too much would go for one block. */
        if (z &&
            zone_watermark_with(z, 0, zone_wmark(z, mark) + 2 * order_pages(p->rq->order), p->class,
                                p->rq->domain, ALLOC_CMA, reclaimable(s, i) / p->rq->order))
            return true;
    }
    return false;
}

bool slowpath_retry_compact(struct slowpath *s)
{
    bool costly = s->p->rq->order > COSTLY_ORDER;
    enum compact_priority most = costly ? COMPACT_LIGHT : COMPACT_FULL;

    if (s->p->rq->order == 0 || !s->ops->compact)
        return false;
    if (s->compacted == COMPACT_SKIPPED)
        return compaction_suitable(s);
    if (s->compacted == COMPACT_SUCCESS) {
        int retries = costly ? MAX_COMPACTION_RETRIES / 4 : MAX_COMPACTION_RETRIES;

        if (++s->compactions <= retries)
            return true;
    }
    if (s->priority <= most)
        return false;
    s->priority--;
    s->compactions = 0;
    return true;
}
