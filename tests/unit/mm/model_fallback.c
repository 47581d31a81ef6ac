/* SPDX-License-Identifier: Apache-2.0 */
/* model_fallback.c: claims and steals, judged by a look at all free blocks. */
#include "model_fallback.h"

static const enum migratetype donors[NR_MOBILITIES][2] = {
    [MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
    [MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
    [MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

/** So many blocks of each list are looked at, at least. */
#define LIST_LOOKS 64u

/* At least half of the pageblock is free, or would not mind the newcomer; and it is not rather
 * unmovable requests' than movable ones'. */
static bool half_rule(const struct model *m, pfn_t pfn, enum migratetype wanted)
{
    const struct model_pageblock *pb = model_pageblock_of(m, pfn);
    pfn_t alike = 0;

    if (!m->kernel_rules && wanted == MIGRATE_MOVABLE && pb->nr_unmovable > pb->nr_movable)
        return false;
    if (wanted == MIGRATE_MOVABLE)
        alike = pb->nr_movable;
    else if (pb->type == MIGRATE_MOVABLE)
        alike = m->pageblock_pages - pb->nr_free - pb->nr_movable;
    return pb->nr_free + alike >= m->pageblock_pages / 2;
}

struct census take_census(const struct model *m, unsigned domain, enum migratetype wanted)
{
    struct census c = {0};

    for (pfn_t pfn = model_next_free(m, 0); pfn < m->nr_pages; pfn = model_next_free(m, pfn)) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        unsigned order = model_free_order(m, pfn);

        if (pb->resident == domain && pb->type == MIGRATE_CMA) {
            c.cma_orders |= 1u << order;
            c.cma_pages += (pfn_t)1 << order;
        }
        if (pb->resident == domain && pb->type < NR_MOBILITIES) {
            c.nr[pb->type][order]++;
            if (order >= m->pageblock_order || half_rule(m, pfn, wanted))
                c.claimable[pb->type][order]++;
        }
        pfn += (pfn_t)1 << order;
    }
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
        c.own_orders |= (uint32_t)(c.nr[wanted][o] != 0) << o;
    return c;
}

/* The donor type at an order: the first choice if it has any. Returns false when neither has. */
static bool donor_at(const struct census *c, enum migratetype wanted, unsigned order,
                     enum migratetype *ret)
{
    for (int i = 0; i < 2; i++) {
        if (c->nr[donors[wanted][i]][order] != 0) {
            *ret = donors[wanted][i];
            return true;
        }
    }
    return false;
}

/* None, at most half of its pages, or more are unmovable. */
static int unmovable_share(const struct model *m, const struct model_pageblock *pb)
{
    return (pb->nr_unmovable > 0) + (pb->nr_unmovable > m->pageblock_pages / 2);
}

/* Would a block of this order in this pageblock have been the milder one to take? */
static bool is_milder(const struct model *m, enum migratetype wanted,
                      const struct model_pageblock *pb, unsigned order,
                      const struct model_pageblock *than, unsigned than_order)
{
    if (wanted == MIGRATE_UNMOVABLE)
        return pb->nr_unmovable > than->nr_unmovable ||
               (pb->nr_unmovable == than->nr_unmovable && order > than_order);
    if (unmovable_share(m, pb) != unmovable_share(m, than))
        return unmovable_share(m, pb) < unmovable_share(m, than);
    return order < than_order || (order == than_order && pb->nr_unmovable < than->nr_unmovable);
}

/* The mildest blocks below a pageblock, which an unmovable request tries to claim first. */
struct mildest {
    pfn_t pfn; /* one of them, if there are any */
    unsigned order;
    uint32_t nr;
    uint32_t nr_claimable;
    bool certain; /* no list was too long to be looked at as a whole */
};

static struct mildest find_mildest(const struct model *m, const struct census *c,
                                   const struct zone_request *rq)
{
    struct mildest r = {.certain = true};

    for (pfn_t pfn = model_next_free(m, 0); pfn < m->nr_pages; pfn = model_next_free(m, pfn)) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        const struct model_pageblock *best = model_pageblock_of(m, r.pfn);
        unsigned order = model_free_order(m, pfn);

        if (pb->resident == rq->domain && pb->type < NR_MOBILITIES && pb->type != rq->type &&
            order >= rq->order && order < m->pageblock_order) {
            r.certain = r.certain && c->nr[pb->type][order] <= LIST_LOOKS;
            if (r.nr == 0 || is_milder(m, rq->type, pb, order, best, r.order))
                r = (struct mildest){.pfn = pfn, .order = order, .certain = r.certain};
            if (!is_milder(m, rq->type, model_pageblock_of(m, r.pfn), r.order, pb, order)) {
                r.nr++;
                r.nr_claimable += half_rule(m, pfn, rq->type);
            }
        }
        pfn += (pfn_t)1 << order;
    }
    return r;
}

static struct claim claims_beside(const struct model *m, const struct census *c,
                                  const struct zone_request *rq)
{
    struct mildest best = find_mildest(m, c, rq);
    struct claim r = {0};

    r.nr_unmovable = best.nr != 0 ? model_pageblock_of(m, best.pfn)->nr_unmovable : 0;
    if (!best.certain)
        for (unsigned o = rq->order; o < m->pageblock_order && o < NR_PAGE_ORDERS; o++)
            r.may |= (uint32_t)(c->claimable[donors[rq->type][0]][o] != 0 ||
                                c->claimable[donors[rq->type][1]][o] != 0)
                     << o;
    else if (r.nr_unmovable != 0 && best.nr_claimable != 0)
        r.may = 1u << best.order;
    r.must = r.beside = best.certain && r.nr_unmovable != 0 && best.nr_claimable == best.nr;
    return r;
}

struct claim claims(const struct model *m, const struct census *c, const struct zone_request *rq)
{
    bool no_fragment = rq->flags & ALLOC_NOFRAGMENT;
    unsigned low = rq->order;
    struct claim r = {0};

    if (!m->grouping)
        return r;
    if (no_fragment && low < m->pageblock_order)
        low = m->pageblock_order;
    if (!m->kernel_rules && rq->type == MIGRATE_UNMOVABLE && !no_fragment)
        r = claims_beside(m, c, rq);
    for (unsigned o = NR_PAGE_ORDERS; o-- > low && !r.must;) {
        enum migratetype donor;

        if (!donor_at(c, rq->type, o, &donor))
            continue;
        if (o < m->pageblock_order / 2 && rq->type == MIGRATE_MOVABLE)
            break;
        if (c->claimable[donor][o] != 0)
            r.may |= 1u << o;
        r.must = c->claimable[donor][o] == c->nr[donor][o];
    }
    return r;
}

void judge_claim(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                 const struct zone_fallback *fb, const struct claim *claim)
{
    if (m->thorough && !(claim->may >> fb->fallback_order & 1))
        model_fail("claimed from order %u, possible orders are %#x", fb->fallback_order,
                   claim->may);
    if (claim->beside && model_pageblock_of(m, fb->pfn)->nr_unmovable != claim->nr_unmovable)
        model_fail("claimed %u beside %u unmovable pages, but there is room beside %u", fb->pfn,
                   model_pageblock_of(m, fb->pfn)->nr_unmovable, claim->nr_unmovable);
    if (fb->fallback_order >= m->pageblock_order) {
        if (pfn != fb->pfn)
            model_fail("claimed %u and granted %u", fb->pfn, pfn);
    } else if (fb->pfn >> m->pageblock_order != pfn >> m->pageblock_order ||
               !half_rule(m, pfn, rq->type)) {
        model_fail("claimed %u, granted %u: another pageblock, or one of others", fb->pfn, pfn);
    }
}

/* Linux's: the smallest block that serves. */
static void judge_smallest(const struct zone_request *rq, const struct zone_fallback *fb,
                           const struct census *c)
{
    enum migratetype donor = rq->type;
    unsigned order = rq->order;

    while (order < MAX_PAGE_ORDER && !donor_at(c, rq->type, order, &donor))
        order++;
    if (order != fb->fallback_order || donor != fb->donor)
        model_fail("stole from type %d, order %u: not the smallest donor, order %u", fb->donor,
                   fb->fallback_order, order);
}

/* Ours: unmovable requests to most unmovable pages, others to few, and to small blocks. */
static void judge_mildest(const struct model *m, const struct zone_request *rq,
                          const struct zone_fallback *fb, const struct census *c)
{
    for (pfn_t pfn = model_next_free(m, 0); pfn < m->nr_pages; pfn = model_next_free(m, pfn)) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        unsigned order = model_free_order(m, pfn);

        if (pb->resident == rq->domain && pb->type < NR_MOBILITIES && pb->type != rq->type &&
            order >= rq->order && c->nr[pb->type][order] <= LIST_LOOKS &&
            is_milder(m, rq->type, pb, order, model_pageblock_of(m, fb->pfn), fb->fallback_order))
            model_fail("stole %u of order %u for type %d, but %u of order %u would spoil less",
                       fb->pfn, fb->fallback_order, rq->type, pfn, order);
        pfn += (pfn_t)1 << order;
    }
}

void judge_steal(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                 const struct zone_fallback *fb, const struct census *c, const struct claim *claim)
{
    if (rq->flags & ALLOC_NOFRAGMENT)
        model_fail("stole %u in spite of ALLOC_NOFRAGMENT", pfn);
    if (pfn != fb->pfn || model_free_order(m, pfn) != fb->fallback_order)
        model_fail("stole %u of order %u, granted %u of a block of order %u", fb->pfn,
                   fb->fallback_order, pfn, model_free_order(m, pfn));
    if (!m->thorough)
        return;
    if (claim->must)
        model_fail("stole %u of order %u, although a claim was possible", pfn, fb->fallback_order);
    if (m->kernel_rules)
        judge_smallest(rq, fb, c);
    else
        judge_mildest(m, rq, fb, c);
}

bool rule_retypes(const struct model *m, const struct zone_request *rq, pfn_t pfn)
{
    return !m->kernel_rules && rq->type == MIGRATE_UNMOVABLE &&
           model_pageblock_of(m, pfn)->nr_unmovable >= m->pageblock_pages / 8;
}
