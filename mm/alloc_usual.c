/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc_usual.c: alloc_pages(). What most requests want of a host that is not short of memory is
 * granted here, as the pass over the zonelist would grant it; all others go that way.
 */
#include <errno.h>

#include "account_internal.h"
#include "alloc_pass.h"
#include "marks.h"
#include "rmqueue.h"

/* After any grant: a zone whose marks were raised has its balancer woken (rmqueue). */
static void wake_boosted(const struct alloc_pass *p, const struct path_ops *ops, void *ctx,
                         const struct page_grant *g)
{
    struct zone *z = p->m->zone[g->zone];

    if (!z->boosted || !(p->zrq.flags & ALLOC_KSWAPD))
        return;
    z->boosted = false;
    if (ops && ops->wake_balancer)
        ops->wake_balancer(ctx, g->zone, 0, (enum zone_kind)z->kind, p->rq->domain, false);
}

/* A node that is not there leads to a zone that serves nobody; NULL: there can be no such node, or
 * type. */
static inline const struct first_zone *first_zone(const struct memory *m,
                                                  const struct page_request *rq)
{
    if (!USUALLY(rq->node < MAX_NODES && rq->type < NR_MOBILITIES))
        return NULL;
    return &m->first[rq->node][rq->type];
}

/* What of the request narrows where it is served from, or makes no sense: 0 if nothing does. */
static inline uint64_t narrowing(const struct page_request *rq)
{
    return (rq->flags & (REQUEST_THISNODE | REQUEST_DMA32 | REQUEST_CMA)) | rq->nodemask |
           rq->barred_zones | rq->tag >> BLOCK_TAG_BITS;
}

/* Has its account, and that one's group, so much left that there is nothing to ask, nor to tell?
 * Those that are charged pageblocks are never calm. */
static inline bool account_is_calm(const struct page_request *rq)
{
    const struct account *a = rq->account;
    pfn_t pages = order_pages(rq->order);

    return !a || (a->used_pages + pages <= a->calm_pages && a->domain == rq->domain &&
                  (!a->group || a->group->used_pages + pages <= a->group->calm_pages));
}

/*
 * Where the pass would serve most requests if there is a block: in the first zone that may serve
 * them, when that is above its low mark. NULL says only that the pass must look. Its account is the
 * caller's to ask.
 */
static const struct first_zone *usual_zone(const struct memory *m, const struct page_request *rq)
{
    const struct first_zone *first = first_zone(m, rq);
    const struct zone *z;

    if (!first || narrowing(rq) != 0 || rq->order >= MAX_PAGE_ORDER)
        return NULL;
    z = first->zone;
    if (rq->domain >= z->nr_domains || (z->boosted && (rq->flags & REQUEST_WAKE)))
        return NULL;
    /* Blocks that rest are not counted: a yes is a yes. */
    return above_low(z, &z->set[rq->domain], rq->order, rq->type) ? first : NULL;
}

/* The rest of a usual grant; to charge it is the caller's. */
static inline void grant_usual(const struct first_zone *first, const struct page_request *rq,
                               struct page_grant *ret)
{
    if (!USUALLY(first->zone->node == rq->caller_node))
        first->zone->usual_other++;
    ret->zone = first->id;
    ret->order = rq->order;
}

/* A block from the usual zone that rests, or heads its type's own list. */
static const struct first_zone *alloc_usual(const struct memory *m, const struct page_request *rq,
                                            struct page_grant *ret)
{
    const struct first_zone *first = account_is_calm(rq) ? usual_zone(m, rq) : NULL;
    struct zone *z;
    struct list_set *s;

    if (!first)
        return NULL;
    z = first->zone;
    s = &z->set[rq->domain];
    if (!rmqueue_resting(z, s, rq->order, rq->type, rq->tag, &ret->pfn)) {
        if (!rmqueue_own(z, s, rq->order, rq->type, rq->tag, &ret->pfn))
            return NULL;
        z->usual++;
    }
    zone_open(z);
    grant_usual(first, rq, ret);
    return first;
}

/* All others, and those that must look further. */
static NEVER_INLINE int alloc_otherwise(struct memory *m, const struct path_ops *ops, void *ctx,
                                        const struct page_request *rq, struct page_grant *ret,
                                        struct refusal *ret_refusal)
{
    const struct first_zone *first = alloc_usual(m, rq, ret);
    struct alloc_pass p;
    int r;

    if (first) {
        if (rq->account)
            account_charge(m, rq->account, first->id, rq->order);
        return 0;
    }
    r = pass_init(&p, m, rq);
    if (r < 0)
        return r;
    if (!pass_run(&p, ret)) {
        if (p.begun && rq->progress)
            rq->progress->waits = false;
        r = p.begun ? -EINPROGRESS : slowpath(&p, ops, ctx, ret);
        if (r == -ENOMEM) {
            pass_refusal(&p, ret_refusal);
            if (ret_refusal->scope == REFUSED_BY_ZONE && ret_refusal->reason != REFUSAL_NO_ZONE)
                m->zone[ret_refusal->zone]->failures++;
        }
        if (r < 0)
            return r;
    }
    if (rq->account)
        account_charge(m, rq->account, ret->zone, rq->order);
    wake_boosted(&p, ops, ctx, ret);
    return 0;
}

/*
 * What rests, for a usual request of domain 0 in an open zone: so a host that is not short of
 * memory grants most blocks. Its account is the caller's. False says only that others must look, as
 * they must if more is not 0.
 */
static inline bool grant_resting(const struct memory *m, const struct page_request *rq,
                                 uint64_t more, struct page_grant *ret)
{
    const struct first_zone *first = first_zone(m, rq);

    if (!USUALLY(first && (narrowing(rq) | rq->domain | more) == 0 &&
                 rq->order < first->zone->open_orders &&
                 unrest(first->zone, resting_from(first->resting, rq->order), rq->tag, &ret->pfn)))
        return false;
    grant_usual(first, rq, ret);
    return true;
}

/* Those with an account: apart, so that the others need not save registers for it. */
static NEVER_INLINE int alloc_charged(struct memory *m, const struct path_ops *ops, void *ctx,
                                      const struct page_request *rq, struct page_grant *ret,
                                      struct refusal *ret_refusal)
{
    if (!account_is_calm(rq) || !grant_resting(m, rq, 0, ret))
        return alloc_otherwise(m, ops, ctx, rq, ret, ret_refusal);
    account_charge(m, rq->account, ret->zone, rq->order);
    return 0;
}

int alloc_pages(struct memory *m, const struct path_ops *ops, void *ctx,
                const struct page_request *rq, struct page_grant *ret, struct refusal *ret_refusal)
{
    if (USUALLY(grant_resting(m, rq, (uintptr_t)rq->account, ret)))
        return 0;
    if (rq->account)
        return alloc_charged(m, ops, ctx, rq, ret, ret_refusal);
    return alloc_otherwise(m, ops, ctx, rq, ret, ret_refusal);
}
