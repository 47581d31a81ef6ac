/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account_pass.c: where a request asks its account, and takes no more of a zone than others'
 * guarantees leave.
 *
 * A request within its account's guarantee asks no mark of the zone. One beyond it asks all, with
 * what others are guaranteed beside lowmem_reserve, and never takes that, whatever its rights.
 */
#include <errno.h>

#include "account_internal.h"
#include "alloc_pass.h"

bool pass_allows(const struct alloc_pass *p, const struct account *a, pfn_t pages,
                 enum zone_watermark mark)
{
    if (mark == WMARK_LOW)
        return account_has(a, pages, mark, 0);
    return account_has(a, pages, mark, p->rights) ||
           (p->reserves != 0 && account_has(a, pages, mark, p->reserves));
}

static bool refuses(const struct alloc_pass *p, const struct account *a, enum zone_watermark mark)
{
    return !account_holds(a) && !pass_allows(p, a, order_pages(p->rq->order), mark);
}

struct account *pass_refuser(const struct alloc_pass *p, enum zone_watermark mark)
{
    struct account *a = p->rq->account;

    if (!a)
        return NULL;
    if (refuses(p, a, mark))
        return a;
    return a->group && refuses(p, a->group, mark) ? a->group : NULL;
}

pfn_t pass_credit(const struct alloc_pass *p, unsigned id)
{
    const struct account *a = p->rq->account;

    return a && a->domain == 0 ? account_unmet(account_top(a), id) : 0;
}

enum lending pass_entitled(const struct alloc_pass *p, unsigned id)
{
    const struct account *a = p->rq->account;
    const struct zone *z = p->m->zone[id];
    pfn_t guarantee, held;

    if (!a || account_top(a)->limits.guarantee[id] == 0)
        return LEND_NOTHING;
    if (a->domain == 0)
        return pass_credit(p, id) >= order_pages(p->rq->order) ? LEND_ANY : LEND_NOTHING;
    guarantee = z->set[a->domain].guaranteed;
    held = z->set[a->domain].nr_held;
    if (held + pass_held_pages(p, z) <= guarantee)
        return LEND_ANY;
    return p->rq->order < z->pageblock_order && held <= guarantee ? LEND_SMALL : LEND_NOTHING;
}

/* An account that is charged what its domain holds: may it hold more? If not, there may be room in
 * what it holds. */
static enum lending holder_lending(const struct alloc_pass *p, unsigned id)
{
    if (!p->holder)
        return LEND_ANY;
    for (unsigned i = 0; i < p->m->nr_zones; i++)
        account_sync(p->m, p->holder, i);
    return pass_allows(p, p->holder, pass_held_pages(p, p->m->zone[id]), pass_account_mark(p))
               ? LEND_ANY
               : LEND_SMALL;
}

static enum lending lesser(enum lending a, enum lending b)
{
    return a < b ? a : b;
}

static int rmqueue(const struct alloc_pass *p, unsigned id, const struct zone_request *rq,
                   unsigned flags, enum lending lending, pfn_t *ret_pfn)
{
    struct zone_request zrq = *rq;

    zrq.flags |= flags;
    if (lending == LEND_SMALL)
        zrq.flags |= ALLOC_SMALL;
    return p->take(p->m->zone[id], &zrq, ret_pfn);
}

/* Once, with the zone as it stands. */
static int try_guarded(struct alloc_pass *p, unsigned id, pfn_t *ret_pfn)
{
    struct zone *z = p->m->zone[id];
    const struct account *a = p->rq->account;
    struct zone_request zrq = p->zrq;
    pfn_t credit = pass_credit(p, id);
    enum lending most = holder_lending(p, id);
    enum lending lending = lesser(most, zone_lending(z, zrq.domain, zrq.order, credit));
    enum lending entitled = lesser(lending, pass_entitled(p, id));

    /* What it freed in a CMA area would not serve its guarantee again. */
    if (a && account_top(a)->limits.guarantee[id] != 0)
        zrq.flags &= ~ALLOC_CMA;
    if (entitled != LEND_NOTHING) {
        /* What is kept for HIGHATOMIC only when other types' pages have been tried. */
        unsigned flags = zrq.flags & ALLOC_NOFRAGMENT ? 0 : ALLOC_GUARANTEED;
        int r = rmqueue(p, id, &zrq, flags, entitled, ret_pfn);

        if (r != -ENOMEM)
            return r;
    }
    if (!zone_watermark_beside(z, zrq.order, p->mark, p->class, zrq.domain, zrq.flags, credit))
        return -ENOMEM;
    if (lending != LEND_NOTHING)
        return rmqueue(p, id, &zrq, 0, lending, ret_pfn);
    return zrq.flags & ALLOC_CMA ? rmqueue(p, id, &zrq, ALLOC_CMA_ALONE, most, ret_pfn) : -ENOMEM;
}

int pass_rmqueue_guarded(struct alloc_pass *p, unsigned id, pfn_t *ret_pfn)
{
    struct zone *z = p->m->zone[id];
    bool rests = zone_rests(z);
    uint64_t passes = z->passes;
    int r = try_guarded(p, id, ret_pfn), again;

    if (r == 0 || z->passes != passes || !(rests || p->holder))
        return r;
    /* Blocks that rest are held, and pageblocks full of them are not empty, before they merge: so
     * there was less to lend, and what it should wait for may not be needed. */
    zone_settle(z);
    if (p->holder)
        account_refresh(p->m, p->holder);
    again = try_guarded(p, id, ret_pfn);
    return again == -ENOMEM ? r : again; /* a claim that failed may have raised the marks */
}
