/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_rules.c: what a zone may do, said of all its free memory at once.
 *
 * Where the zone has a choice (which block of a list), any choice is allowed. Looking at all pages
 * costs; it is done when model.thorough is set, and else only what can be judged at the spot.
 */
#include "model.h"

/* The free blocks that a domain can have without waiting, by type and order. */
struct census {
    pfn_t cma_pages;
    uint32_t cma_orders; /* bit o: in CMA areas */
    uint32_t nr[NR_MOBILITIES][NR_PAGE_ORDERS];
    uint32_t claimable[NR_MOBILITIES]
                      [NR_PAGE_ORDERS]; /* those whose pageblock passes the half rule */
    uint32_t own_orders;                /* bit o: of the wanted type */
};

static const enum migratetype donors[NR_MOBILITIES][2] = {
    [MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
    [MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
    [MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

/** So many blocks of each list are looked at, at least. */
#define LIST_LOOKS 16u

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

static struct census take_census(const struct model *m, unsigned domain, enum migratetype wanted)
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

/* Would a block of this order in this pageblock have been the milder one to take? */
static bool is_milder(enum migratetype wanted, const struct model_pageblock *pb, unsigned order,
                      const struct model_pageblock *than, unsigned than_order)
{
    if (pb->nr_unmovable == than->nr_unmovable)
        return wanted == MIGRATE_UNMOVABLE ? order > than_order : order < than_order;
    return (pb->nr_unmovable > than->nr_unmovable) == (wanted == MIGRATE_UNMOVABLE);
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
            if (r.nr == 0 || is_milder(rq->type, pb, order, best, r.order))
                r = (struct mildest){.pfn = pfn, .order = order, .certain = r.certain};
            if (!is_milder(rq->type, model_pageblock_of(m, r.pfn), r.order, pb, order)) {
                r.nr++;
                r.nr_claimable += half_rule(m, pfn, rq->type);
            }
        }
        pfn += (pfn_t)1 << order;
    }
    return r;
}

/*
 * From which orders may a claim be made, and from which must one? It goes from the largest down; of
 * each list one block is tried, and which one is the zone's choice. An unmovable request tries the
 * mildest block before.
 */
struct claim {
    uint32_t may;
    bool must;
    bool beside;        /* it must be where so many unmovable pages lie */
    pfn_t nr_unmovable; /* in that pageblock */
};

static struct claim claims_beside(const struct model *m, const struct census *c,
                                  const struct zone_request *rq)
{
    struct mildest best = find_mildest(m, c, rq);
    struct claim r = {0};

    r.nr_unmovable = best.nr != 0 ? model_pageblock_of(m, best.pfn)->nr_unmovable : 0;
    if (!best.certain)
        for (unsigned o = rq->order; o < m->pageblock_order; o++)
            r.may |= (uint32_t)(c->claimable[donors[rq->type][0]][o] != 0 ||
                                c->claimable[donors[rq->type][1]][o] != 0)
                     << o;
    else if (r.nr_unmovable != 0 && best.nr_claimable != 0)
        r.may = 1u << best.order;
    r.must = r.beside = best.certain && r.nr_unmovable != 0 && best.nr_claimable == best.nr;
    return r;
}

static struct claim claims(const struct model *m, const struct census *c,
                           const struct zone_request *rq)
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

/* May a request with these flags be served from this pageblock? */
static bool is_usable(const struct model *m, pfn_t pfn, unsigned flags)
{
    unsigned type = model_pageblock_of(m, pfn)->type;

    return type < NR_MOBILITIES || ((flags & ALLOC_CMA) && type == MIGRATE_CMA);
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
        if (!is_usable(m, pfn + i, rq->flags))
            model_fail("granted %u of order %u, which is isolated", pfn, rq->order);
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

static void judge_claim(const struct model *m, const struct zone_request *rq, pfn_t pfn,
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

/* Ours: unmovable requests to most unmovable pages, others to fewest. */
static void judge_mildest(const struct model *m, const struct zone_request *rq,
                          const struct zone_fallback *fb, const struct census *c)
{
    for (pfn_t pfn = model_next_free(m, 0); pfn < m->nr_pages; pfn = model_next_free(m, pfn)) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        unsigned order = model_free_order(m, pfn);

        if (pb->resident == rq->domain && pb->type < NR_MOBILITIES && pb->type != rq->type &&
            order >= rq->order && c->nr[pb->type][order] <= LIST_LOOKS &&
            is_milder(rq->type, pb, order, model_pageblock_of(m, fb->pfn), fb->fallback_order))
            model_fail("stole %u of order %u for type %d, but %u of order %u would spoil less",
                       fb->pfn, fb->fallback_order, rq->type, pfn, order);
        pfn += (pfn_t)1 << order;
    }
}

static void judge_steal(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                        const struct zone_fallback *fb, const struct census *c,
                        const struct claim *claim)
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

bool rule_retypes(const struct model *m, const struct zone_request *rq, pfn_t pfn)
{
    return !m->kernel_rules && rq->type == MIGRATE_UNMOVABLE &&
           model_pageblock_of(m, pfn)->nr_unmovable >= m->pageblock_pages / 8;
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
            bool cma = pb->type == MIGRATE_CMA;

            serves = is_usable(m, pfn + i, rq->flags) && (other->type == MIGRATE_CMA) == cma &&
                     (!cma || other->resident == rq->domain);
        }
        if (serves && pb->type == MIGRATE_CMA) {
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
        for (pfn_t i = 0; i < size; i += m->pageblock_pages)
            elsewhere += is_usable(m, begun->pfn + i, 0) &&
                         model_pageblock_of(m, begun->pfn + i)->resident != rq->domain;
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
