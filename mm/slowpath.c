/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slowpath.c: what a request does when no zone is above low (__alloc_pages_slowpath).
 *
 * The steps and their order are the kernel's; kernel-style names stand where a step has one.
 */
#include <errno.h>

#include "alloc_pass.h"
#include "mm/highatomic.h"

#define MAX_RECLAIM_RETRIES    16
#define MAX_COMPACTION_RETRIES 16

struct slowpath {
    struct alloc_pass *p;
    const struct path_ops *ops;
    void *ctx;
    enum compact_priority priority;
    enum compact_result compacted;
    unsigned sequence; /* of the zonelists, when it began */
    int no_progress;
    int compactions;
    bool granted;
};

unsigned slowpath_flags(const struct page_request *rq)
{
    unsigned flags = rq->flags & REQUEST_WAKE ? ALLOC_KSWAPD : 0;

    if (rq->flags & REQUEST_HIGH)
        flags |= ALLOC_MIN_RESERVE;
    if (!(rq->flags & REQUEST_MAY_WAIT)) {
        if (!(rq->flags & REQUEST_MAY_PASS))
            flags |= ALLOC_NOWAIT;
        if (!(rq->flags & REQUEST_NO_RESERVES)) {
            flags |= ALLOC_NON_BLOCK;
            if (rq->order > 0 &&
                (rq->flags & (REQUEST_HIGH | REQUEST_NO_HIGHATOMIC)) == REQUEST_HIGH)
                flags |= ALLOC_HIGHATOMIC;
        }
    }
    if ((rq->flags & REQUEST_CMA) && rq->type == MIGRATE_MOVABLE)
        flags |= ALLOC_CMA;
    return flags;
}

unsigned slowpath_reserves(const struct page_request *rq)
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
        if (pass_zone(p, i))
            s->ops->wake_balancer(s->ctx, p->zl->id[i], p->rq->order, p->class);
    }
}

/*
 * Try all zones again. Returns whether the request ends here: it is granted, or memory is on its
 * way to its domain. The preferred zone is looked for each time, since callbacks may take zones
 * away.
 */
static bool run(struct slowpath *s, struct page_grant *ret)
{
    pass_prefer(s->p);
    s->granted = pass_run(s->p, ret);
    return s->granted || s->p->begun;
}

/* Has the account that is below its mark reclaim what is its own? */
static bool reclaim_own(struct slowpath *s, enum zone_watermark mark)
{
    const struct page_request *rq = s->p->rq;
    struct account *a = pass_refuser(s->p, mark);

    if (!a && s->p->holder &&
        !pass_allows(s->p, s->p->holder, pass_held_pages(s->p, s->p->preferred), mark))
        a = s->p->holder;
    return a && (rq->flags & REQUEST_MAY_WAIT) && s->ops->reclaim_account &&
           s->ops->reclaim_account(s->ctx, a, rq) != 0;
}

/*
 * Does the account let the request go on, with all rights that it has? If not, nothing is reclaimed
 * from others, and nobody ends, for what would not be granted all the same.
 */
static bool account_admits(struct slowpath *s)
{
    for (int i = 0; pass_refuser(s->p, WMARK_MIN); i++) {
        if (i == MAX_RECLAIM_RETRIES || !reclaim_own(s, WMARK_MIN))
            return false;
    }
    return true;
}

/* __alloc_pages_direct_compact */
static bool compact(struct slowpath *s, enum compact_priority priority, struct page_grant *ret)
{
    s->compacted = COMPACT_SKIPPED;
    if (s->p->rq->order == 0 || !s->ops->compact)
        return false;
    s->compacted = s->ops->compact(s->ctx, s->p->rq, priority);
    return s->compacted != COMPACT_SKIPPED && s->compacted != COMPACT_DEFERRED && run(s, ret);
}

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

static bool unreserve_highatomic(const struct slowpath *s, bool force)
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

/* __alloc_pages_direct_reclaim. Returns as run(); *ret_progress: pages came free. */
static bool reclaim(struct slowpath *s, struct page_grant *ret, bool *ret_progress)
{
    *ret_progress = s->ops->reclaim && s->ops->reclaim(s->ctx, s->p->rq) != 0;
    if (!*ret_progress)
        return false;
    if (run(s, ret))
        return true;
    /* What was reclaimed may be kept for others, or lie in a pcp. */
    (void)unreserve_highatomic(s, false);
    if (s->ops->drain)
        s->ops->drain(s->ctx);
    return run(s, ret);
}

/* Pages of a zone that may be used which reclaim could free. */
static pfn_t reclaimable(const struct slowpath *s, unsigned i)
{
    return s->ops->reclaimable ? s->ops->reclaimable(s->ctx, s->p->zl->id[i]) : 0;
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
        struct zone *z = pass_zone(p, i);
        pfn_t more = z ? reclaimable(s, i) : 0;

        if (more != 0 && zone_watermark_with(z, p->rq->order, zone_wmark(z, WMARK_MIN), p->class,
                                             p->rq->domain, p->zrq.flags, more))
            return true;
    }
    return unreserve_highatomic(s, true);
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

/* should_compact_retry */
static bool retry_compact(struct slowpath *s)
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

/*
 * __alloc_pages_may_oom: a last look at the high mark, without rights, then the last resort if it
 * may be. Who is being ended itself is no reason to end another.
 */
static bool last_resort(struct slowpath *s, struct page_grant *ret, bool *ret_progress)
{
    struct alloc_pass *p = s->p;
    unsigned flags = p->zrq.flags;
    bool ends;

    *ret_progress = false;
    p->mark = WMARK_HIGH;
    p->zrq.flags = flags & (ALLOC_CMA | ALLOC_KSWAPD);
    ends = run(s, ret);
    p->mark = WMARK_MIN;
    p->zrq.flags = flags;
    if (ends)
        return true;
    /* Costly requests never: they come here with RETRY_MAYFAIL alone. */
    if (p->class == ZONE_DMA32 ||
        (p->rq->flags & (REQUEST_RETRY_MAYFAIL | REQUEST_THISNODE | REQUEST_VICTIM)))
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
    if (!(rq->flags & REQUEST_MAY_WAIT) || slowpath_reserves(rq) != 0 ||
        !(costly || (rq->order > 0 && rq->type != MIGRATE_MOVABLE)))
        return false;
    if (compact(s, COMPACT_ASYNC, ret))
        return true;
    if (costly && (rq->flags & REQUEST_NORETRY)) {
        *ret_fail = s->compacted == COMPACT_SKIPPED || s->compacted == COMPACT_DEFERRED;
        s->priority = COMPACT_ASYNC; /* for so small an effort nothing that takes time */
    }
    return false;
}

/* Step 6: with the rights that the request has beyond the marks. */
static bool run_privileged(struct slowpath *s, struct page_grant *ret)
{
    struct alloc_pass *p = s->p;
    unsigned rights = slowpath_reserves(p->rq);

    if (rights != 0)
        p->zrq.flags = rights | (p->zrq.flags & (ALLOC_CMA | ALLOC_KSWAPD | ALLOC_NOWAIT));
    if (p->given_back) {
        p->zrq.flags |= p->rq->order > 0 ? ALLOC_HIGHATOMIC : 0;
        p->zrq.flags |= p->zrq.flags & ALLOC_RESERVES ? 0 : ALLOC_NON_BLOCK;
    }
    /* Who may use reserves, or is of high priority and cannot wait, is not bound to its nodes. */
    if (rights != 0 || (p->rq->flags & (REQUEST_HIGH | REQUEST_MAY_WAIT)) == REQUEST_HIGH)
        p->nodemask = UINT64_MAX;
    return run(s, ret);
}

enum verdict { VERDICT_END, VERDICT_RETRY, VERDICT_FAIL };

/* Steps 7 to 14, once. */
static enum verdict try_hard(struct slowpath *s, struct page_grant *ret)
{
    const struct page_request *rq = s->p->rq;
    bool costly = rq->order > COSTLY_ORDER, progress;

    if (!(rq->flags & REQUEST_MAY_WAIT) || (rq->flags & REQUEST_RESERVE))
        return VERDICT_FAIL;
    if (!account_admits(s))
        return VERDICT_FAIL;
    if (reclaim(s, ret, &progress) || compact(s, s->priority, ret))
        return VERDICT_END;
    if (rq->flags & REQUEST_NORETRY)
        return VERDICT_FAIL;
    if (costly && !((rq->flags & REQUEST_RETRY_MAYFAIL) && s->ops->compact))
        return VERDICT_FAIL;
    if (retry_reclaim(s, progress))
        return VERDICT_RETRY;
    if (progress && retry_compact(s))
        return VERDICT_RETRY;
    if (s->p->m->sequence != s->sequence)
        return VERDICT_FAIL; /* new zones may serve it: nobody is ended before they are tried */
    if (last_resort(s, ret, &progress))
        return VERDICT_END;
    if (!progress)
        return VERDICT_FAIL;
    s->no_progress = 0;
    return VERDICT_RETRY;
}

/* Steps 1 to 14, for the zonelists as they are. */
static bool try_all(struct slowpath *s, struct page_grant *ret)
{
    enum verdict verdict;
    bool fail;

    s->sequence = s->p->m->sequence;
    s->priority = COMPACT_LIGHT;
    s->no_progress = 0;
    s->compactions = 0;
    s->p->zrq.flags = slowpath_flags(s->p->rq);
    pass_prefer(s->p);
    if (!s->p->preferred)
        return false;
    (void)reclaim_own(s, WMARK_LOW);
    if (!account_admits(s))
        return false;
    wake_balancers(s);
    if (run(s, ret) || compact_first(s, ret, &fail))
        return true;
    if (fail)
        return false;
    do {
        wake_balancers(s);
        if (run_privileged(s, ret))
            return true;
        verdict = try_hard(s, ret);
    } while (verdict == VERDICT_RETRY);
    return verdict == VERDICT_END;
}

int slowpath(struct alloc_pass *p, const struct path_ops *ops, void *ctx, struct page_grant *ret)
{
    static const struct path_ops none = {0};
    struct slowpath s = {.p = p, .ops = ops ? ops : &none, .ctx = ctx};
    bool ends;

    p->mark = WMARK_MIN;
    p->rights = slowpath_flags(p->rq);
    p->reserves = slowpath_reserves(p->rq);
    do {
        ends = try_all(&s, ret);
    } while (!ends && p->m->sequence != s.sequence);
    if (!ends)
        return -ENOMEM;
    return s.granted ? 0 : -EINPROGRESS;
}
