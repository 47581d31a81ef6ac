/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: a request's way, walked without taking anything. */
#include "mm/explain.h"

#include <errno.h>

#include "account_internal.h"
#include "alloc_pass.h"
#include "mm/fragmentation.h"

/* What zone_rmqueue() would answer; its order of tries matters only where one of them waits. */
static int forecast(struct zone *z, const struct zone_request *rq, pfn_t *ret_pfn)
{
    const struct list_set *s = &z->set[rq->domain];
    uint32_t orders = rq->flags & ALLOC_SMALL ? order_pages(z->pageblock_order) - 1u : UINT32_MAX;
    uint32_t mask = 0;

    zone_settle(z);
    *ret_pfn = PFN_NONE;
    if (rq->flags & ALLOC_CMA)
        mask |= s->mask[MIGRATE_CMA] & orders;
    if (!(rq->flags & ALLOC_CMA_ALONE)) {
        mask |= s->mask[list_type(z, rq->type)] & orders;
        if ((rq->flags & ALLOC_HIGHATOMIC) && rq->order > 0)
            mask |= s->mask[MIGRATE_HIGHATOMIC];
    }
    if (mask >> rq->order != 0)
        return 0;
    if (rq->flags & ALLOC_CMA_ALONE)
        return -ENOMEM;
    if (fallback_can_claim(z, rq))
        return 0;
    if (z->nr_domains > 1 && domain_can_pass(z, rq))
        return -EINPROGRESS;
    if (fallback_can_steal(z, rq))
        return 0;
    return (rq->flags & (ALLOC_OOM | ALLOC_NON_BLOCK | ALLOC_GUARANTEED)) &&
                   s->mask[MIGRATE_HIGHATOMIC] >> rq->order != 0
               ? 0
               : -ENOMEM;
}

/* Walk it all. Returns what alloc_pages() would; *fast is the pass as it was before the slow path.
 */
static int walk(struct memory *m, const struct page_request *rq, struct alloc_pass *fast,
                struct alloc_pass *p, struct page_grant *ret)
{
    int r = pass_init(p, m, rq);

    if (r < 0)
        return r;
    p->take = forecast;
    p->forecast = true;
    *fast = *p;
    if (pass_run(p, ret))
        return 0;
    return p->begun ? -EINPROGRESS : slowpath(p, NULL, NULL, ret);
}

static int result_of(struct memory *m, const struct page_request *rq)
{
    struct alloc_pass fast, p;
    struct page_grant g;

    return walk(m, rq, &fast, &p, &g);
}

/* ---- the sums ---- */

/* What mark_ok() takes off a mark. */
static int64_t relaxed(int64_t mark, unsigned rights)
{
    int64_t lowest = -1, highest = mark;

    if (rights & ALLOC_NO_WATERMARKS)
        return 0;
    while (highest - lowest > 1) { /* the least that is above the relaxed mark, less one */
        int64_t middle = lowest + (highest - lowest) / 2;

        if (mark_ok(middle + 1, mark, 0, rights))
            highest = middle;
        else
            lowest = middle;
    }
    return highest;
}

static void finish_mark(struct explain_mark *e)
{
    e->left_pages = (int64_t)e->free_pages - (int64_t)e->order_pages -
                    (int64_t)e->highatomic_pages - (int64_t)e->cma_pages;
    e->mark_pages = (uint64_t)relaxed((int64_t)(e->marked_pages + e->boost_pages), e->rights);
    if (e->rights & ALLOC_NO_WATERMARKS)
        e->reserve_pages = 0;
    e->ok = e->left_pages > (int64_t)(e->mark_pages + e->reserve_pages + e->unmet_pages);
}

static void explain_zone_mark(const struct alloc_pass *p, unsigned id, enum zone_watermark mark,
                              struct explain_mark *ret)
{
    const struct zone *z = p->m->zone[id];
    const struct list_set *s = &z->set[p->rq->domain];
    const struct account *a = p->rq->account;
    bool cma = (p->zrq.flags & ALLOC_CMA) && !(a && account_top(a)->limits.guarantee[id] != 0);

    *ret = (struct explain_mark){
        .mark = mark,
        .free_pages = domain_free_pages(z, p->rq->domain),
        .order_pages = order_pages(p->rq->order) - 1,
        .highatomic_pages =
            p->zrq.flags & ALLOC_RESERVES ? 0 : s->nr_special[MIGRATE_HIGHATOMIC - NR_MOBILITIES],
        .cma_pages = cma ? 0 : s->nr_special[MIGRATE_CMA - NR_MOBILITIES],
        .marked_pages = z->wmark[mark],
        .boost_pages = z->boost,
        .reserve_pages = z->lowmem_reserve[p->class],
        .unmet_pages = zone_kept_pages(z, p->rq->domain, pass_credit(p, id)),
        .rights = p->zrq.flags,
    };
    /* At the min mark an atomic page does not mind the boost. */
    if (p->rq->order == 0 && mark == WMARK_MIN && (p->zrq.flags & ALLOC_MIN_RESERVE))
        ret->boost_pages = 0;
    finish_mark(ret);
}

static void explain_account_mark(const struct account *a, pfn_t pages, enum zone_watermark mark,
                                 unsigned rights, struct explain_mark *ret)
{
    *ret = (struct explain_mark){.mark = mark,
                                 .free_pages = account_free_pages(a),
                                 .order_pages = pages - 1,
                                 .marked_pages = a->limits.wmark[mark],
                                 .rights = rights};
    if (a->limits.max_pages != ACCOUNT_UNLIMITED) {
        finish_mark(ret);
        return;
    }
    ret->marked_pages = 0;
    ret->left_pages = INT64_MAX;
    ret->ok = true;
}

/* ---- the steps ---- */

static uint64_t missing(const struct explain_mark *e)
{
    int64_t needed = (int64_t)(e->mark_pages + e->reserve_pages + e->unmet_pages) + 1;

    return e->ok ? 0 : (uint64_t)(needed - e->left_pages);
}

static void explain_account(const struct alloc_pass *p, const struct account *a,
                            struct explain_step *s)
{
    pfn_t pages = order_pages(p->rq->order);
    unsigned rights = slowpath_flags(p->rq);
    struct explain_mark other;

    /* Of who is charged by pageblocks, no is an answer for empty ones alone: the zones tell. */
    if (account_holds(a) && p->preferred)
        pages = pass_held_pages(p, p->preferred);
    *s = (struct explain_step){.scope = a == p->rq->account ? REFUSED_BY_ACCOUNT : REFUSED_BY_GROUP,
                               .account = a};
    explain_account_mark(a, pages, WMARK_LOW, 0, &s->fast);
    explain_account_mark(a, pages, WMARK_MIN, rights, &s->slow);
    explain_account_mark(a, pages, WMARK_MIN, slowpath_reserves(p->rq), &other);
    if (!s->slow.ok && other.rights != 0 && missing(&other) < missing(&s->slow))
        s->slow = other;
    s->ok = s->fast.ok || s->slow.ok || account_holds(a);
    s->missing_pages = s->fast.ok ? 0 : missing(&s->slow);
    s->largest_order = -1;
}

static enum explain_bar bar_of(const struct alloc_pass *p, unsigned i)
{
    unsigned id = p->zl->id[i];
    const struct zone *z = p->m->zone[id];

    if (pass_zone(p, i))
        return BAR_NONE;
    if (p->rq->barred_zones >> id & 1)
        return BAR_ZONE;
    if (!(p->nodemask >> z->node & 1))
        return BAR_NODEMASK;
    return p->rq->domain >= z->nr_domains ? BAR_DOMAIN : BAR_KIND;
}

static void explain_zone(const struct alloc_pass *fast, const struct alloc_pass *slow, unsigned i,
                         struct explain_step *s)
{
    unsigned id = slow->zl->id[i];
    struct zone *z = slow->m->zone[id];
    struct alloc_pass last = *slow;
    pfn_t pfn;
    int r;

    *s = (struct explain_step){.zone = id, .bar = bar_of(slow, i), .largest_order = -1};
    if (s->bar != BAR_NONE)
        return;
    zone_settle(z);
    explain_zone_mark(fast, id, WMARK_LOW, &s->fast);
    last.mark = WMARK_MIN;
    explain_zone_mark(&last, id, WMARK_MIN, &s->slow);
    s->entitled = pass_entitled(slow, id) != LEND_NOTHING;
    last.zrq.flags &= ~ALLOC_NOFRAGMENT;
    r = pass_try(&last, id, &pfn);
    s->ok = r == 0;
    s->waits = r == -EINPROGRESS;
    s->largest_order = zone_largest_free_order(z, slow->rq->domain);
    s->frag_index = zone_fragindex(z, slow->rq->order, slow->rq->domain);
    s->missing_pages = s->entitled || s->ok ? 0 : missing(&s->slow);
}

/* Which right would make a yes of it; the order of rights is from the mildest on. */
static unsigned find_right(struct memory *m, const struct page_request *rq)
{
    static const unsigned rights[] = {REQUEST_HIGH, REQUEST_VICTIM, REQUEST_RESERVE, REQUEST_CMA};
    struct page_request other = *rq;

    for (unsigned i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        other.flags = (rq->flags & ~REQUEST_NO_RESERVES) | rights[i];
        if (result_of(m, &other) == 0)
            return rights[i];
    }
    return 0;
}

static int find_order(struct memory *m, const struct page_request *rq)
{
    struct page_request other = *rq;

    while (other.order-- > 0) {
        if (result_of(m, &other) == 0)
            return (int)other.order;
    }
    return -1;
}

int alloc_explain(struct memory *m, const struct page_request *rq, struct explanation *ret)
{
    struct alloc_pass fast, p;
    struct page_grant g = {.zone = 0};
    int r;

    /* What rests would merge in the middle of the walk, and answers differ by that. */
    for (unsigned i = 0; i < m->nr_zones; i++) {
        if (m->zone[i])
            zone_settle(m->zone[i]);
    }
    r = walk(m, rq, &fast, &p, &g);
    if (r == -EINVAL)
        return r;
    *ret = (struct explanation){.result = r, .zone = -1, .first_no = -1, .grantable_order = -1};
    ret->gives_back = p.given_back;
    if (r == 0)
        ret->zone = (int)g.zone;
    if (rq->account)
        explain_account(&p, rq->account, &ret->step[ret->nr_steps++]);
    if (rq->account && rq->account->group)
        explain_account(&p, rq->account->group, &ret->step[ret->nr_steps++]);
    if (p.mark == WMARK_LOW)
        p.zrq.flags = slowpath_flags(rq); /* it got no further than the fast pass */
    for (unsigned i = 0; i < p.zl->nr; i++)
        explain_zone(&fast, &p, i, &ret->step[ret->nr_steps++]);
    if (r != -ENOMEM)
        return 0;
    for (unsigned i = ret->nr_steps; i-- > 0;) {
        if (ret->step[i].bar == BAR_NONE && !ret->step[i].ok)
            ret->first_no = (int)i;
    }
    ret->grantable_order = find_order(m, rq);
    ret->helping_right = find_right(m, rq);
    return 0;
}
