/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_rules.c: what a zone may do, said of all its free memory at once.
 *
 * Where the zone has a choice (which block of a list), any choice is allowed. Looking at all pages
 * costs; it is done when model.thorough is set, and else only what can be judged at the spot.
 */
#include "model_fallback.h"

/* May a request be served from this pageblock? */
static bool is_usable(const struct model *m, pfn_t pfn, const struct zone_request *rq)
{
    unsigned type = model_pageblock_of(m, pfn)->type;

    return type < NR_MOBILITIES || ((rq->flags & ALLOC_CMA) && type == MIGRATE_CMA) ||
           (type == MIGRATE_HIGHATOMIC && model_highatomic_right(rq) != HIGHATOMIC_NEVER);
}

/* Is the domain's free memory mostly in CMA areas? */
static bool prefers_cma(const struct model *m, const struct census *c, unsigned domain)
{
    return c->cma_pages > (m->small_free[domain] + m->nr_empty * m->pageblock_pages) / 2;
}

static void judge_place(const struct model *m, const struct zone_request *rq, pfn_t pfn)
{
    pfn_t nr = (pfn_t)1 << rq->order;

    if ((pfn & (nr - 1)) != 0 || pfn >= m->nr_pages || nr > m->nr_pages - pfn)
        model_fail("granted %u of order %u: not aligned, or outside the zone", pfn, rq->order);
    if (!model_range_is_free(m, pfn, nr))
        model_fail("granted %u of order %u, which is not free", pfn, rq->order);
    for (pfn_t i = 0; i < nr; i += m->pageblock_pages) {
        if (model_pageblock_of(m, pfn + i)->resident != rq->domain)
            model_fail("granted %u of order %u to domain %u, lies in %u", pfn, rq->order,
                       rq->domain, model_pageblock_of(m, pfn + i)->resident);
        if (!is_usable(m, pfn + i, rq))
            model_fail("granted %u of order %u, which is kept or isolated", pfn, rq->order);
    }
}

/* Own type: from the smallest block that serves, its lowest part. */
static void judge_own(const struct model *m, const struct zone_request *rq, pfn_t pfn)
{
    enum migratetype type = model_list_type(m, rq->type);
    bool cma = model_pageblock_of(m, pfn)->type == MIGRATE_CMA;
    struct census c;
    uint32_t orders;
    unsigned order;

    if (model_pageblock_of(m, pfn)->type == MIGRATE_HIGHATOMIC)
        return; /* judged by rule_highatomic() */
    if (m->resting && !cma && model_pageblock_of(m, pfn)->nr_free == m->pageblock_pages)
        return;
    if (!cma && model_pageblock_of(m, pfn)->type != type)
        model_fail("granted %u of order %u and type %d in a pageblock of type %u, no fallback", pfn,
                   rq->order, rq->type, model_pageblock_of(m, pfn)->type);
    if (!m->thorough || m->resting)
        return;
    c = take_census(m, rq->domain, type);
    if (cma && !prefers_cma(m, &c, rq->domain) && c.own_orders >> rq->order != 0)
        model_fail("granted %u of order %u in a CMA area, although there is other memory", pfn,
                   rq->order);
    if (!cma && (rq->flags & ALLOC_CMA) && prefers_cma(m, &c, rq->domain) &&
        c.cma_orders >> rq->order != 0)
        model_fail("granted %u of order %u, although most that is free is CMA", pfn, rq->order);
    orders = cma ? c.cma_orders : c.own_orders;
    order = rq->order;
    while (order < NR_PAGE_ORDERS && !(orders >> order & 1))
        order++;
    /* It begins a free block of that order, and does not merge with what is before it. */
    if (model_free_order(m, pfn) != order || (pfn & (((pfn_t)1 << order) - 1)) != 0)
        model_fail("granted %u of order %u from a block of order %u, the smallest is %u", pfn,
                   rq->order, model_free_order(m, pfn), order);
}

void rule_granted(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                  const struct zone_fallback *fb)
{
    struct census c = {0};
    struct claim claim = {0};

    judge_place(m, rq, pfn);
    if (!fb) {
        judge_own(m, rq, pfn);
        return;
    }
    if (!m->grouping)
        model_fail("a fallback without grouping");
    if (fb->order != rq->order || fb->wanted != rq->type || fb->donor == rq->type ||
        fb->fallback_order < rq->order || fb->donor != model_pageblock_of(m, pfn)->type)
        model_fail("a fallback of order %u for %u, type %d from %d, in a pageblock of type %u",
                   fb->fallback_order, fb->order, fb->wanted, fb->donor,
                   model_pageblock_of(m, pfn)->type);
    if (m->thorough) {
        c = take_census(m, rq->domain, rq->type);
        if (c.own_orders >> rq->order != 0)
            model_fail("fell back from type %d, order %u, which is free: orders %#x", rq->type,
                       rq->order, c.own_orders);
        if ((rq->flags & ALLOC_CMA) && c.cma_orders >> rq->order != 0)
            model_fail("fell back at order %u, although a CMA area has it: orders %#x", rq->order,
                       c.cma_orders);
        claim = claims(m, &c, rq);
    }
    if (fb->claimed)
        judge_claim(m, rq, pfn, fb, &claim);
    else
        judge_steal(m, rq, pfn, fb, &c, &claim);
}

bool model_could_serve(const struct model *m, const struct zone_request *rq, pfn_t *ret)
{
    pfn_t size = (pfn_t)1 << rq->order;
    bool own_only = (rq->flags & ALLOC_NOFRAGMENT) && m->grouping;

    for (pfn_t pfn = 0; size <= m->nr_pages && pfn <= m->nr_pages - size; pfn += size) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        bool serves = model_range_is_free(m, pfn, size);

        for (pfn_t i = 0; serves && i < size; i += m->pageblock_pages) {
            const struct model_pageblock *other = model_pageblock_of(m, pfn + i);
            bool kept = pb->type >= NR_MOBILITIES;

            serves = serves && is_usable(m, pfn + i, rq) &&
                     (kept ? other->type == pb->type && other->resident == rq->domain
                           : other->type < NR_MOBILITIES);
        }
        if (serves && pb->type >= NR_MOBILITIES) {
            *ret = pfn;
            return true;
        }
        if (serves && pb->nr_free != m->pageblock_pages)
            serves = pb->resident == rq->domain && !(own_only && pb->type != rq->type);
        else if (serves && (rq->flags & ALLOC_NOWAIT)) {
            for (pfn_t i = 0; i < size; i += m->pageblock_pages)
                serves = serves && model_pageblock_of(m, pfn + i)->resident == rq->domain;
        }
        if (serves) {
            *ret = pfn;
            return true;
        }
    }
    return false;
}

static pfn_t pages_on_their_way(const struct model *m, unsigned domain)
{
    pfn_t nr = 0;

    for (uint32_t i = 0; i < m->nr_passes; i++)
        nr += m->pass[i].domain == domain ? (pfn_t)1 << m->pass[i].order : 0;
    return nr;
}

void rule_refused(const struct model *m, const struct zone_request *rq)
{
    pfn_t pfn;

    if (!(rq->flags & ALLOC_NOWAIT) && pages_on_their_way(m, rq->domain) >= (pfn_t)1 << rq->order)
        model_fail("refused order %u to domain %u, to which %u pages are on their way", rq->order,
                   rq->domain, pages_on_their_way(m, rq->domain));
    if (m->thorough && model_could_serve(m, rq, &pfn))
        model_fail("refused order %u, type %d, domain %u, flags %#x, but %u would do", rq->order,
                   rq->type, rq->domain, rq->flags, pfn);
}

void rule_waits(const struct model *m, const struct zone_request *rq,
                const struct model_pass *begun)
{
    enum migratetype type = model_list_type(m, rq->type);
    unsigned order = rq->order > m->pageblock_order ? rq->order : m->pageblock_order;

    if (m->nr_domains == 1 || (rq->flags & ALLOC_NOWAIT))
        model_fail("waits, with %u domains and flags %#x", m->nr_domains, rq->flags);
    if (begun) {
        pfn_t size = (pfn_t)1 << begun->order, elsewhere = 0;

        if (begun->order != order || begun->domain != rq->domain ||
            (begun->pfn & (size - 1)) != 0 || size > m->nr_pages ||
            begun->pfn > m->nr_pages - size || !model_range_is_free(m, begun->pfn, size))
            model_fail("populates %u of order %u for domain %u: not free, or not asked for",
                       begun->pfn, begun->order, begun->domain);
        for (pfn_t i = 0; i < size; i += m->pageblock_pages) {
            if (model_pageblock_of(m, begun->pfn + i)->type >= NR_MOBILITIES)
                model_fail("populates %u, which is kept or isolated", begun->pfn + i);
            elsewhere += model_pageblock_of(m, begun->pfn + i)->resident != rq->domain;
        }
        if (elsewhere == 0)
            model_fail("populates %u where it lies already", begun->pfn);
    } else if (pages_on_their_way(m, rq->domain) < (pfn_t)1 << rq->order) {
        model_fail("waits for nothing");
    }
    if (m->thorough) {
        struct census c = take_census(m, rq->domain, type);

        if (c.own_orders >> rq->order != 0)
            model_fail("waits for order %u, type %d of domain %u, which is free: orders %#x",
                       rq->order, type, rq->domain, c.own_orders);
        if ((rq->flags & ALLOC_CMA) && c.cma_orders >> rq->order != 0)
            model_fail("waits although a CMA area has order %u", rq->order);
        if (claims(m, &c, rq).must)
            model_fail("waits although a claim was possible");
    }
}

void rule_move_refused(const struct model *m, const struct model_block *b)
{
    enum migratetype type = model_list_type(m, b->type);

    if (m->thorough &&
        take_census(m, model_pageblock_of(m, b->pfn)->resident, type).own_orders >> b->order != 0)
        model_fail("refused to move %u of order %u, type %d, which is free", b->pfn, b->order,
                   b->type);
}

void rule_moved(const struct model *m, const struct model_block *b, pfn_t to)
{
    const struct zone_request rq = {
        .order = b->order, .type = b->type, .domain = model_pageblock_of(m, b->pfn)->resident};

    judge_place(m, &rq, to);
    judge_own(m, &rq, to);
}

void rule_left(const struct model *m, const struct zone_request *rq, pfn_t to)
{
    enum migratetype type = model_list_type(m, rq->type);

    judge_place(m, rq, to);
    if (m->thorough && model_pageblock_of(m, to)->type != type &&
        take_census(m, rq->domain, type).own_orders >> rq->order != 0)
        model_fail("a block of order %u leaves to %u, of type %u, but type %d has room", rq->order,
                   to, model_pageblock_of(m, to)->type, type);
}
