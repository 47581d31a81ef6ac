/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slowpath.c: what a request does when no zone is above low (__alloc_pages_slowpath).
 *
 * The steps and their order are the kernel's; kernel-style names stand where a step has one.
 */
#include <errno.h>

#include "slowpath_internal.h"

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
    bool may_wait = (p->rq->flags & REQUEST_MAY_WAIT) != 0;

    if (!(p->rq->flags & REQUEST_WAKE) || !s->ops->wake_balancer)
        return;
    for (unsigned i = 0; i < p->zl->nr; i++) {
        if (pass_zone(p, i))
            s->ops->wake_balancer(s->ctx, p->zl->id[i], p->rq->order, p->class, p->rq->domain,
                                  may_wait);
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

/* The request waits for a compaction. Everything else about its way follows from what it is. */
static void suspend(struct slowpath *s, bool first)
{
    *s->progress = (struct path_progress){.waits = true,
                                          .first = first,
                                          .freed = s->freed,
                                          .priority = s->priority,
                                          .sequence = s->sequence,
                                          .no_progress = s->no_progress,
                                          .compactions = s->compactions};
}

/*
 * __alloc_pages_direct_compact. Returns as run(), and true when the request is to wait. first:
 * before all reclaim.
 */
static bool compact(struct slowpath *s, bool first, struct page_grant *ret)
{
    enum compact_priority priority = first ? COMPACT_ASYNC : s->priority;

    s->compacted = COMPACT_SKIPPED;
    if (s->p->rq->order == 0 || !s->ops->compact)
        return false;
    s->compacted = s->ops->compact(s->ctx, s->p->rq, priority);
    if (s->compacted == COMPACT_CONTINUE) {
        if (s->progress) {
            suspend(s, first);
            return true;
        }
        s->compacted = COMPACT_SKIPPED;
    }
    return s->compacted != COMPACT_SKIPPED && s->compacted != COMPACT_DEFERRED && run(s, ret);
}

/* __alloc_pages_direct_reclaim. Returns as run(); s->freed: pages came free. */
static bool reclaim(struct slowpath *s, struct page_grant *ret)
{
    s->freed = s->ops->reclaim && s->ops->reclaim(s->ctx, s->p->rq) != 0;
    if (!s->freed)
        return false;
    if (run(s, ret))
        return true;
    /* What was reclaimed may be kept for others, or lie in a pcp. */
    (void)slowpath_unreserve(s, false);
    if (s->ops->drain)
        s->ops->drain(s->ctx);
    return run(s, ret);
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
    if (compact(s, true, ret))
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

/* Steps 9 to 14, once. */
static enum verdict compact_or_retry(struct slowpath *s, struct page_grant *ret)
{
    const struct page_request *rq = s->p->rq;
    bool costly = rq->order > COSTLY_ORDER, found;

    if (compact(s, false, ret))
        return VERDICT_END;
    if (rq->flags & REQUEST_NORETRY)
        return VERDICT_FAIL;
    if (costly && !((rq->flags & REQUEST_RETRY_MAYFAIL) && s->ops->compact))
        return VERDICT_FAIL;
    if (slowpath_retry_reclaim(s))
        return VERDICT_RETRY;
    if (s->freed && slowpath_retry_compact(s))
        return VERDICT_RETRY;
    if (s->p->m->sequence != s->sequence)
        return VERDICT_FAIL; /* new zones may serve it: nobody is ended before they are tried */
    if (last_resort(s, ret, &found))
        return VERDICT_END;
    if (!found)
        return VERDICT_FAIL;
    s->no_progress = 0;
    return VERDICT_RETRY;
}

/* Steps 6 to 14, once. */
static enum verdict try_hard(struct slowpath *s, struct page_grant *ret)
{
    const struct page_request *rq = s->p->rq;

    wake_balancers(s);
    if (run_privileged(s, ret))
        return VERDICT_END;
    if (!(rq->flags & REQUEST_MAY_WAIT) || (rq->flags & REQUEST_RESERVE))
        return VERDICT_FAIL;
    if (!account_admits(s))
        return VERDICT_FAIL;
    return reclaim(s, ret) ? VERDICT_END : compact_or_retry(s, ret);
}

/* Steps 1 to 5. */
static enum verdict begin(struct slowpath *s, struct page_grant *ret)
{
    bool fail;

    s->sequence = s->p->m->sequence;
    s->priority = COMPACT_LIGHT;
    s->no_progress = 0;
    s->compactions = 0;
    s->p->zrq.flags = slowpath_flags(s->p->rq);
    pass_prefer(s->p);
    if (!s->p->preferred)
        return VERDICT_FAIL;
    (void)reclaim_own(s, WMARK_LOW);
    if (!account_admits(s))
        return VERDICT_FAIL;
    wake_balancers(s);
    if (run(s, ret) || compact_first(s, ret, &fail))
        return VERDICT_END;
    return fail ? VERDICT_FAIL : VERDICT_RETRY;
}

/* Where suspend() left it: what has come free meanwhile may serve it, else for the result. */
static enum verdict resume(struct slowpath *s, struct page_grant *ret)
{
    const struct path_progress was = *s->progress;
    bool fail;

    s->sequence = was.sequence;
    s->priority = was.priority;
    s->no_progress = was.no_progress;
    s->compactions = was.compactions;
    s->freed = was.freed;
    s->progress->waits = false;
    s->p->zrq.flags = slowpath_flags(s->p->rq);
    pass_prefer(s->p);
    if (!s->p->preferred || !account_admits(s))
        return VERDICT_FAIL;
    if (was.first ? run(s, ret) : run_privileged(s, ret))
        return VERDICT_END;
    if (!was.first)
        return compact_or_retry(s, ret);
    if (compact_first(s, ret, &fail))
        return VERDICT_END;
    return fail ? VERDICT_FAIL : VERDICT_RETRY;
}

/* Steps 1 to 14, for the zonelists as they are. Returns whether the request ends so. */
static bool try_all(struct slowpath *s, struct page_grant *ret)
{
    enum verdict verdict = s->progress && s->progress->waits ? resume(s, ret) : begin(s, ret);

    while (verdict == VERDICT_RETRY)
        verdict = try_hard(s, ret);
    return verdict == VERDICT_END;
}

int slowpath(struct alloc_pass *p, const struct path_ops *ops, void *ctx, struct page_grant *ret)
{
    static const struct path_ops none = {0};
    struct slowpath s = {.p = p,
                         .ops = ops ? ops : &none,
                         .ctx = ctx,
                         .progress = p->forecast ? NULL : p->rq->progress};
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
