/* SPDX-License-Identifier: Apache-2.0 */
/* page_alloc.c: decoding a request, the pass over a zonelist, and the reason when nothing serves
 * it. */
#include "mm/page_alloc.h"

#include <errno.h>

#include "alloc_pass.h"
#include "marks.h"
#include "mm/fragmentation.h"
#include "mm/highatomic.h"

/* The highest kind of zone that a request may use (gfp_zone). */
static enum zone_kind class_of(const struct page_request *rq)
{
    if (rq->flags & REQUEST_DMA32)
        return ZONE_DMA32;
    if (rq->order == MAX_PAGE_ORDER && !(rq->flags & REQUEST_CUT))
        return ZONE_GIGANTIC;
    return mobility_class(rq->type);
}

struct zone *pass_zone(const struct alloc_pass *p, unsigned i)
{
    struct zone *z = p->m->zone[p->zl->id[i]];

    if (p->rq->barred_zones >> p->zl->id[i] & 1)
        return NULL;
    if (!(p->nodemask >> z->node & 1) || p->rq->domain >= z->nr_domains)
        return NULL;
    return zone_serves(z, p->class, p->rq->type) ? z : NULL;
}

void pass_prefer(struct alloc_pass *p)
{
    p->preferred = NULL;
    for (unsigned i = 0; i < p->zl->nr && !p->preferred; i++)
        p->preferred = pass_zone(p, i);
}

/* Is there a lower zone on its node, so that fallback there is better than mixing types here? */
static bool avoids_fragments(const struct alloc_pass *p)
{
    if (!p->preferred || p->preferred->kind != ZONE_NORMAL)
        return false;
    for (unsigned i = 0; i < p->m->nr_zones; i++) {
        const struct zone *z = p->m->zone[i];

        if (z && z->kind == ZONE_DMA32 && z->node == p->preferred->node && z->nr_pages != 0)
            return true;
    }
    return false;
}

int pass_rmqueue(struct zone *z, const struct zone_request *zrq, pfn_t *ret_pfn)
{
    int r = zone_rmqueue(z, zrq, ret_pfn);

    if (r == -ENOMEM)
        z->failures--; /* a refusal is counted once, by alloc_pages(), however often it is tried */
    return r;
}

int pass_init(struct alloc_pass *p, struct memory *m, const struct page_request *rq)
{
    if (rq->order > MAX_PAGE_ORDER || rq->type >= NR_MOBILITIES || rq->domain >= MAX_DOMAINS ||
        rq->tag >> BLOCK_TAG_BITS != 0 || rq->node >= m->topology.nr_nodes ||
        (rq->account && rq->account->domain != rq->domain))
        return -EINVAL;
    *p = (struct alloc_pass){
        .m = m,
        .rq = rq,
        .zl = rq->flags & REQUEST_THISNODE ? &m->local[rq->node] : &m->all[rq->node],
        .class = class_of(rq),
        .nodemask = rq->nodemask ? rq->nodemask : UINT64_MAX,
        .zrq = {.order = rq->order,
                .type = rq->type,
                .domain = rq->domain,
                .tag = rq->tag,
                .by = rq->by},
        .mark = WMARK_LOW,
        .take = pass_rmqueue,
    };
    if (rq->account && rq->domain != 0)
        p->holder = rq->account->group ? rq->account->group : rq->account;
    pass_prefer(p);
    if (rq->flags & REQUEST_WAKE)
        p->zrq.flags |= ALLOC_KSWAPD;
    if ((rq->flags & REQUEST_CMA) && rq->type == MIGRATE_MOVABLE)
        p->zrq.flags |= ALLOC_CMA;
    if (!(rq->flags & (REQUEST_MAY_WAIT | REQUEST_MAY_PASS)))
        p->zrq.flags |= ALLOC_NOWAIT;
    if (avoids_fragments(p))
        p->zrq.flags |= ALLOC_NOFRAGMENT;
    return 0;
}

void request_zones(struct memory *m, const struct page_request *rq, struct request_zones *ret)
{
    struct alloc_pass p;

    *ret = (struct request_zones){0};
    if (pass_init(&p, m, rq) < 0)
        return;
    ret->class = p.class;
    ret->flags = slowpath_flags(rq);
    for (unsigned i = 0; i < p.zl->nr; i++) {
        if (pass_zone(&p, i))
            ret->id[ret->nr++] = p.zl->id[i];
    }
}

void pass_count(const struct alloc_pass *p, struct zone *z, unsigned nr)
{
    if (z->node == p->preferred->node) {
        z->numa.hit += nr;
    } else {
        z->numa.miss += nr;
        p->preferred->numa.foreign += nr;
    }
    if (z->node == p->rq->caller_node)
        z->numa.local += nr;
    else
        z->numa.other += nr;
}

int pass_try(struct alloc_pass *p, unsigned id, pfn_t *ret_pfn)
{
    struct zone *z = p->m->zone[id];

    if (z->guaranteed != 0 || p->holder)
        return pass_rmqueue_guarded(p, id, ret_pfn);
    if (zone_watermark_fast(z, p->rq->order, p->mark, p->class, p->rq->domain, p->zrq.flags))
        return p->take(z, &p->zrq, ret_pfn);
    return -ENOMEM;
}

static bool try_zone(struct alloc_pass *p, unsigned id, struct page_grant *ret)
{
    struct zone *z = p->m->zone[id];
    pfn_t pfn;
    int r = pass_try(p, id, &pfn);

    p->tried |= (uint64_t)1 << id;
    if (r == -EINPROGRESS)
        p->begun = true;
    if (r < 0)
        return false;
    if (!p->forecast) {
        if (p->zrq.flags & ALLOC_HIGHATOMIC)
            highatomic_reserve(z, pfn);
        pass_count(p, z, 1);
    }
    *ret = (struct page_grant){.zone = id, .pfn = pfn, .order = p->rq->order};
    return true;
}

bool pass_run(struct alloc_pass *p, struct page_grant *ret)
{
    if (pass_refuser(p, pass_account_mark(p)))
        return false;
    for (;;) {
        bool again = (p->zrq.flags & ALLOC_NOFRAGMENT) != 0;

        for (unsigned i = 0; i < p->zl->nr; i++) {
            const struct zone *z = pass_zone(p, i);

            if (!z)
                continue;
            /* Locality beats the avoidance of fragmentation. */
            if (again && z->node != p->preferred->node)
                break;
            if (try_zone(p, p->zl->id[i], ret))
                return true;
        }
        if (!again)
            return false;
        p->zrq.flags &= ~ALLOC_NOFRAGMENT;
    }
}

/* Would enough be free in the zone, if only it lay together? */
static bool is_enough(const struct alloc_pass *p, unsigned id)
{
    struct zone *z = p->m->zone[id];
    unsigned order = p->rq->order, domain = p->rq->domain;
    pfn_t credit = pass_credit(p, id);

    if (pass_entitled(p, id) != LEND_NOTHING)
        return true;
    return zone_lending(z, domain, order, credit) != LEND_NOTHING &&
           zone_pages_beside(z, order, zone_wmark(z, p->mark), p->class, domain, p->zrq.flags,
                             credit);
}

/* The refusal's numbers are those of the zone that came nearest: the one with the most free pages.
 */
static void consider(const struct alloc_pass *p, unsigned id, struct refusal *r)
{
    struct zone *z = p->m->zone[id];
    pfn_t free_pages = zone_free_pages(z, p->rq->domain);

    if (z->nr_pages < order_pages(p->rq->order))
        return;
    if (r->reason != REFUSAL_NO_ZONE && free_pages <= r->free_pages)
        return;
    r->reason = is_enough(p, id) ? REFUSAL_FRAGMENTATION : REFUSAL_SHORTAGE;
    r->zone = id;
    r->free_pages = free_pages;
    r->mark_pages = zone_wmark(z, p->mark);
    r->reserve_pages = z->lowmem_reserve[p->class];
    r->unmet_others = zone_kept_pages(z, p->rq->domain, pass_credit(p, id));
    r->largest_order = zone_largest_free_order(z, p->rq->domain);
    r->frag_index = zone_fragindex(z, p->rq->order, p->rq->domain);
}

/* The account that is in the way, when all zones have been asked: also one that may not hold
 * another pageblock of the zone that came nearest. */
static struct account *refusing_account(const struct alloc_pass *p, const struct refusal *r)
{
    struct account *a = pass_refuser(p, pass_account_mark(p));
    pfn_t pages;

    if (a || !p->holder || r->reason == REFUSAL_NO_ZONE)
        return a;
    pages = pass_held_pages(p, p->m->zone[r->zone]);
    return pass_allows(p, p->holder, pages, pass_account_mark(p)) ? NULL : p->holder;
}

/* The refusal's numbers are those of the account. */
static void refused_by(const struct alloc_pass *p, struct account *a, struct refusal *r)
{
    r->reason = REFUSAL_SHORTAGE;
    r->scope = a == p->rq->account ? REFUSED_BY_ACCOUNT : REFUSED_BY_GROUP;
    r->account = a;
    r->mark = pass_account_mark(p);
    r->account_mark_pages = a->limits.wmark[r->mark];
    r->max_pages = a->limits.max_pages;
    r->used_pages = a->used_pages;
}

void pass_refusal(const struct alloc_pass *p, struct refusal *ret)
{
    struct account *a;
    struct refusal r = {.reason = REFUSAL_NO_ZONE,
                        .order = p->rq->order,
                        .mark = p->mark,
                        .largest_order = -1,
                        .tried = p->tried};

    for (unsigned i = 0; i < p->zl->nr; i++) {
        if (pass_zone(p, i))
            consider(p, p->zl->id[i], &r);
    }
    a = refusing_account(p, &r);
    if (a)
        refused_by(p, a, &r);
    *ret = r;
}
