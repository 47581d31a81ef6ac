/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slowpath.c: what a request does when no zone is above low (__alloc_pages_slowpath).
 *
 * The steps and their order are the kernel's; kernel-style names stand where a step has one.
 */
#include <errno.h>

#include "alloc_pass.h"
#include "mm/highatomic.h"
#include "zone_internal.h"

#define MAX_RECLAIM_RETRIES    16
#define MAX_COMPACTION_RETRIES 16

struct slowpath {
    struct alloc_pass *p;
    const struct path_ops *ops;
    void *ctx;
    enum compact_priority priority;
    enum compact_result compacted;
    int no_progress;
    int compactions;
};

unsigned slowpath_flags(const struct page_request *rq)
{
    unsigned flags = rq->flags & REQUEST_WAKE ? ALLOC_KSWAPD : 0;

    if (rq->flags & REQUEST_HIGH)
        flags |= ALLOC_MIN_RESERVE;
    if (!(rq->flags & REQUEST_MAY_WAIT)) {
        flags |= ALLOC_NOWAIT;
        if (!(rq->flags & REQUEST_NO_RESERVES)) {
            flags |= ALLOC_NON_BLOCK;
            if (rq->order > 0 && (flags & ALLOC_MIN_RESERVE))
                flags |= ALLOC_HIGHATOMIC;
        }
    }
    if ((rq->flags & REQUEST_CMA) && rq->type == MIGRATE_MOVABLE)
        flags |= ALLOC_CMA;
    return flags;
}

/* Rights beyond every mark, and none for all others (__gfp_pfmemalloc_flags). */
static unsigned reserve_flags(const struct page_request *rq)
{
    if (rq->flags & REQUEST_NO_RESERVES)
        return 0;
    if (rq->flags & REQUEST_RESERVE)
        return ALLOC_NO_WATERMARKS;
    return rq->flags & REQUEST_VICTIM ? ALLOC_OOM : 0;
}

static void wake_balancers(struct slowpath *s)
{
    struct alloc_pass *p = s->p;

    if (!(p->rq->flags & REQUEST_WAKE) || !s->ops->wake_balancer)
        return;
    for (unsigned i = 0; i < p->zl->nr; i++) {
        const struct zone *z = p->m->zone[p->zl->id[i]];

        if (z->kind <= p->class && (p->nodemask >> z->node & 1))
            s->ops->wake_balancer(s->ctx, p->zl->id[i], p->rq->order, p->class);
    }
}

/* __alloc_pages_direct_compact */
static bool compact(struct slowpath *s, struct page_grant *ret)
{
    s->compacted = COMPACT_SKIPPED;
    if (s->p->rq->order == 0 || !s->ops->compact)
        return false;
    s->compacted = s->ops->compact(s->ctx, s->p->rq, s->priority);
    return s->compacted != COMPACT_SKIPPED && s->compacted != COMPACT_DEFERRED &&
           pass_run(s->p, ret);
}

static bool unreserve_highatomic(const struct slowpath *s, bool force)
{
    const struct alloc_pass *p = s->p;

    for (unsigned i = 0; i < p->zl->nr; i++) {
        struct zone *z = p->m->zone[p->zl->id[i]];

        if (pass_may_use(p, z) && highatomic_unreserve(z, p->rq->domain, p->rq->type, force))
            return true;
    }
    return false;
}

/* __alloc_pages_direct_reclaim. Returns whether a block was found; *ret_progress: pages came free.
 */
static bool reclaim(struct slowpath *s, struct page_grant *ret, bool *ret_progress)
{
    *ret_progress = s->ops->reclaim && s->ops->reclaim(s->ctx, s->p->rq) != 0;
    if (!*ret_progress)
        return false;
    if (pass_run(s->p, ret))
        return true;
    /* What was reclaimed may be kept for others, or lie in a pcp. */
    (void)unreserve_highatomic(s, false);
    if (s->ops->drain)
        s->ops->drain(s->ctx);
    return pass_run(s->p, ret);
}

/* should_reclaim_retry: could some zone pass min if everything that is reclaimable were free? */
static bool retry_reclaim(struct slowpath *s, bool progress)
{
    const struct alloc_pass *p = s->p;

    if (progress && p->rq->order <= COSTLY_ORDER)
        s->no_progress = 0;
    else
        s->no_progress++;
    for (unsigned i = 0; s->no_progress <= MAX_RECLAIM_RETRIES && i < p->zl->nr; i++) {
        struct zone *z = p->m->zone[p->zl->id[i]];
        pfn_t more = s->ops->reclaimable ? s->ops->reclaimable(s->ctx, p->zl->id[i]) : 0;

        if (more != 0 && pass_may_use(p, z) &&
            zone_watermark_with(z, p->rq->order, zone_wmark(z, WMARK_MIN), p->class, p->rq->domain,
                                p->zrq.flags, more))
            return true;
    }
    return unreserve_highatomic(s, true);
}

/* compaction_zonelist_suitable: is there, with what could be reclaimed, enough to compact with? */
static bool compaction_suitable(const struct slowpath *s)
{
    const struct alloc_pass *p = s->p;

    for (unsigned i = 0; i < p->zl->nr; i++) {
        struct zone *z = p->m->zone[p->zl->id[i]];
        pfn_t more = s->ops->reclaimable ? s->ops->reclaimable(s->ctx, p->zl->id[i]) : 0;
        pfn_t mark = zone_wmark(z, p->rq->order > COSTLY_ORDER ? WMARK_LOW : WMARK_MIN);

        if (pass_may_use(p, z) && zone_watermark_with(z, 0, mark + 2 * order_pages(p->rq->order),
                                                      p->class, p->rq->domain, ALLOC_CMA, more))
            return true;
    }
    return false;
}

/* should_compact_retry */
static bool retry_compact(struct slowpath *s)
{
    bool costly = s->p->rq->order > COSTLY_ORDER;
    enum compact_priority most = costly ? COMPACT_LIGHT : COMPACT_FULL;

    if (s->p->rq->order == 0)
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

/* __alloc_pages_may_oom: a last look at the high mark, then the last resort if it may be. */
static bool last_resort(struct slowpath *s, struct page_grant *ret, bool *ret_progress)
{
    struct alloc_pass *p = s->p;
    enum zone_watermark mark = p->mark;
    bool found;

    *ret_progress = false;
    p->mark = WMARK_HIGH;
    found = pass_run(p, ret);
    p->mark = mark;
    if (found)
        return true;
    if (p->rq->order > COSTLY_ORDER || p->class == ZONE_DMA32 ||
        (p->rq->flags & (REQUEST_RETRY_MAYFAIL | REQUEST_THISNODE)))
        return false;
    *ret_progress = s->ops->last_resort && s->ops->last_resort(s->ctx, p->rq);
    return false;
}

/* Step 5: a costly request, or one that fragments, compacts before anything is reclaimed. */
static bool compact_first(struct slowpath *s, struct page_grant *ret, bool *ret_fail)
{
    const struct page_request *rq = s->p->rq;
    bool costly = rq->order > COSTLY_ORDER;

    *ret_fail = false;
    if (!(rq->flags & REQUEST_MAY_WAIT) || reserve_flags(rq) != 0 ||
        !(costly || (rq->order > 0 && rq->type != MIGRATE_MOVABLE)))
        return false;
    if (compact(s, ret))
        return true;
    *ret_fail = costly && (rq->flags & REQUEST_NORETRY) &&
                (s->compacted == COMPACT_SKIPPED || s->compacted == COMPACT_DEFERRED);
    return false;
}

/* Step 6: with the rights that the request has beyond the marks. */
static bool run_privileged(struct slowpath *s, struct page_grant *ret)
{
    struct alloc_pass *p = s->p;
    unsigned rights = reserve_flags(p->rq);

    if (rights != 0)
        p->zrq.flags = rights | (p->zrq.flags & (ALLOC_CMA | ALLOC_KSWAPD | ALLOC_NOWAIT));
    /* Who may use reserves, or is of high priority and cannot wait, is not bound to its nodes. */
    if (rights != 0 || ((p->zrq.flags & ALLOC_MIN_RESERVE) && (p->zrq.flags & ALLOC_NON_BLOCK))) {
        p->nodemask = UINT64_MAX;
        pass_prefer(p);
    }
    return pass_run(p, ret);
}

enum verdict { VERDICT_FOUND, VERDICT_RETRY, VERDICT_FAIL };

/* Steps 7 to 14, once. */
static enum verdict try_hard(struct slowpath *s, struct page_grant *ret)
{
    const struct page_request *rq = s->p->rq;
    bool costly = rq->order > COSTLY_ORDER, progress;

    if (!(rq->flags & REQUEST_MAY_WAIT) || (rq->flags & REQUEST_RESERVE))
        return VERDICT_FAIL;
    if (reclaim(s, ret, &progress) || compact(s, ret))
        return VERDICT_FOUND;
    if (rq->flags & REQUEST_NORETRY)
        return VERDICT_FAIL;
    if (costly && !(rq->flags & REQUEST_RETRY_MAYFAIL))
        return VERDICT_FAIL;
    if (retry_reclaim(s, progress))
        return VERDICT_RETRY;
    if (progress && retry_compact(s))
        return VERDICT_RETRY;
    if (last_resort(s, ret, &progress))
        return VERDICT_FOUND;
    if (!progress || (rq->flags & REQUEST_VICTIM))
        return VERDICT_FAIL;
    s->no_progress = 0;
    return VERDICT_RETRY;
}

int slowpath(struct alloc_pass *p, const struct path_ops *ops, void *ctx, struct page_grant *ret)
{
    static const struct path_ops none = {0};
    struct slowpath s = {.p = p, .ops = ops ? ops : &none, .ctx = ctx, .priority = COMPACT_ASYNC};
    enum verdict verdict;
    unsigned sequence;
    bool fail;

restart:
    sequence = p->m->sequence;
    p->mark = WMARK_MIN;
    p->zrq.flags = slowpath_flags(p->rq);
    pass_prefer(p);
    if (!p->preferred)
        return -ENOMEM;
    wake_balancers(&s);
    if (pass_run(p, ret) || compact_first(&s, ret, &fail))
        return 0;
    if (fail)
        return -ENOMEM;
    do {
        wake_balancers(&s);
        if (run_privileged(&s, ret))
            return 0;
        verdict = try_hard(&s, ret);
        if (verdict == VERDICT_FOUND)
            return 0;
        if (p->begun)
            return -EINPROGRESS;
    } while (verdict == VERDICT_RETRY);
    if (p->m->sequence != sequence)
        goto restart;
    return -ENOMEM;
}
