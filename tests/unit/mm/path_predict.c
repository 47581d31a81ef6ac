/* SPDX-License-Identifier: Apache-2.0 */
/* path_predict.c: how a request must end, said of all zones at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "path_model.h"

/* ---- can a zone serve? ---- */

/* Pages that are free for the request, above a mark, are more than none. */
bool pm_has_pages(const struct pm_zone *pz, const struct page_request *rq, enum zone_watermark mark,
                  int64_t boost, int class, unsigned flags)
{
    int64_t free = (int64_t)pm_all_free(pz) - ((1 << rq->order) - 1), m = pz->mark[mark] + boost;

    if (!(flags & (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_OOM)))
        free -= pz->free[PM_KEPT];
    if (!(flags & ALLOC_CMA))
        free -= pz->free[PM_CMA];
    if (flags & ALLOC_NO_WATERMARKS)
        return free > 0;
    if (flags & ALLOC_MIN_RESERVE) {
        m = (m + 1) / 2; /* what is taken off is rounded down */
        m = flags & ALLOC_NON_BLOCK ? m - m / 4 : m;
    }
    m = flags & ALLOC_OOM ? (m + 1) / 2 : m;
    return free - m > pz->reserve[class];
}

/* An aligned, free range in pageblocks of one of these kinds (a set), all alike? */
bool pm_has_range(const struct pm_zone *pz, unsigned order, unsigned kinds)
{
    pfn_t nr = (pfn_t)1 << order, p = pm_pageblock_pages(pz);

    if (order == 0)
        return ((kinds >> PM_NORMAL & 1) && pz->free[PM_NORMAL] != 0) ||
               ((kinds >> PM_CMA & 1) && pz->free[PM_CMA] != 0) ||
               ((kinds >> PM_KEPT & 1) && pz->free[PM_KEPT] != 0);

    for (pfn_t pfn = 0; nr <= pz->nr_pages && pfn <= pz->nr_pages - nr; pfn += nr) {
        bool fits = (kinds >> pm_kind_at(pz, pfn) & 1) && pm_is_free(pz, pfn, nr);

        for (pfn_t i = p; fits && i < nr; i += p)
            fits = pm_kind_at(pz, pfn + i) == pm_kind_at(pz, pfn);
        if (fits)
            return true;
    }
    return false;
}

static bool has_block(const struct pm_zone *pz, const struct page_request *rq, unsigned flags)
{
    /* Single pages come from what is kept when there is no other; larger blocks only by rights. */
    unsigned last = rq->order == 0 ? ALLOC_NON_BLOCK | ALLOC_OOM : ALLOC_HIGHATOMIC | ALLOC_OOM;
    unsigned kinds = 1u << PM_NORMAL;

    kinds |= flags & ALLOC_CMA ? 1u << PM_CMA : 0;
    kinds |= flags & last ? 1u << PM_KEPT : 0;
    return pm_has_range(pz, rq->order, kinds);
}

/* Can it serve without mixing types: from its own, from CMA, or by whole pageblocks of another? */
static bool has_unmixed(const struct pm_zone *pz, const struct page_request *rq, unsigned flags)
{
    for (unsigned order = rq->order; order < NR_PAGE_ORDERS; order++) {
        for (unsigned type = 0; type < NR_MOBILITIES; type++) {
            if ((type == rq->type || order >= pz->pageblock_order) &&
                zone_nr_free_blocks(pz->z, order, (enum migratetype)type) != 0)
                return true;
        }
    }
    return (flags & ALLOC_CMA) && pm_has_range(pz, rq->order, 1u << PM_CMA);
}

static bool can_serve(const struct pm_zone *pz, const struct page_request *rq,
                      enum zone_watermark mark, int class, unsigned flags)
{
    int64_t boost = zone_boost(pz->z);
    bool pages = pm_has_pages(pz, rq, mark, boost, class, flags);

    /* A single page of high priority does not mind a boost. */
    if (!pages && mark == WMARK_MIN && rq->order == 0 && (flags & ALLOC_MIN_RESERVE))
        pages = pm_has_pages(pz, rq, mark, 0, class, flags);
    return pages && has_block(pz, rq, flags) &&
           (!(flags & ALLOC_NOFRAGMENT) || has_unmixed(pz, rq, flags));
}

/* ---- stages ---- */

static int class_of(const struct page_request *rq)
{
    if (rq->flags & REQUEST_DMA32)
        return ZONE_DMA32;
    if (rq->order == MAX_PAGE_ORDER)
        return ZONE_GIGANTIC;
    return rq->type == MIGRATE_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;
}

static bool may_use(const struct pm_zone *pz, unsigned id, const struct page_request *rq,
                    uint64_t nodemask)
{
    return (int)pz->kind <= class_of(rq) && (nodemask >> pz->node & 1) &&
           (pz->kind != ZONE_MOVABLE || rq->type == MIGRATE_MOVABLE) &&
           (!(rq->flags & REQUEST_THISNODE) || pz->node == rq->node) &&
           !(rq->barred_zones >> id & 1);
}

/* Is zone a tried before zone b: nearer, of a higher kind, with a lower id? */
static bool is_before(const struct path_model *m, unsigned node, unsigned a, unsigned b)
{
    const struct pm_zone *x = &m->zone[a], *y = &m->zone[b];

    if (x->node != y->node)
        return m->distance[node][x->node] < m->distance[node][y->node];
    return x->kind != y->kind ? x->kind > y->kind : a < b;
}

/* The zones that may be used, in the order in which they are tried. Returns how many. */
unsigned pm_list_zones(const struct path_model *m, const struct page_request *rq, uint64_t nodemask,
                       unsigned *ret)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < m->nr_zones; i++) {
        unsigned at = nr;

        if (!may_use(&m->zone[i], i, rq, nodemask))
            continue;
        for (; at > 0 && is_before(m, rq->node, i, ret[at - 1]); at--)
            ret[at] = ret[at - 1];
        ret[at] = i;
        nr++;
    }
    return nr;
}

/* One stage: the first zone that can serve becomes the answer. */
static bool stage(const struct path_model *m, const struct page_request *rq,
                  enum zone_watermark mark, struct pm_answer *a)
{
    unsigned ids[PM_ZONES], nr = pm_list_zones(m, rq, a->nodemask, ids);

    a->preferred = nr ? ids[0] : 0;
    for (unsigned i = 0; i < nr && a->zone < 0; i++) {
        const struct pm_zone *pz = &m->zone[ids[i]];

        if ((a->flags & ALLOC_NOFRAGMENT) && pz->node != m->zone[ids[0]].node)
            break; /* locality beats the avoidance of fragmentation */
        if (can_serve(pz, rq, mark, a->class, a->flags))
            a->zone = (int)ids[i];
    }
    return a->zone >= 0;
}

/* Is the first choice a NORMAL zone with a DMA32 one below it? */
static bool avoids_mixing(const struct path_model *m, const struct page_request *rq,
                          uint64_t nodemask)
{
    unsigned ids[PM_ZONES];

    if (pm_list_zones(m, rq, nodemask, ids) == 0 || m->zone[ids[0]].kind != ZONE_NORMAL)
        return false;
    for (unsigned i = 0; i < m->nr_zones; i++) {
        if (m->zone[i].kind == ZONE_DMA32 && m->zone[i].node == m->zone[ids[0]].node)
            return true;
    }
    return false;
}

/* What is kept is given back zone by zone, until one can serve. */
static bool stage_giving_back(const struct path_model *m, const struct page_request *rq,
                              struct pm_answer *a)
{
    unsigned ids[PM_ZONES], nr = pm_list_zones(m, rq, a->nodemask, ids);

    for (unsigned i = 0; i < nr && a->zone < 0; i++) {
        struct pm_zone z = m->zone[ids[i]];
        pfn_t nr_pageblocks = z.nr_pages >> z.pageblock_order;

        if (z.free[PM_KEPT] == 0)
            continue;
        a->gives_back = true;
        z.pageblock = malloc(nr_pageblocks);
        assert_non_null(z.pageblock);
        for (pfn_t p = 0; p < nr_pageblocks; p++)
            z.pageblock[p] = m->zone[ids[i]].pageblock[p] == PM_CMA ? PM_CMA : PM_NORMAL;
        z.free[PM_NORMAL] += z.free[PM_KEPT];
        z.free[PM_KEPT] = 0;
        if (can_serve(&z, rq, WMARK_MIN, a->class, a->flags))
            a->zone = (int)ids[i];
        free(z.pageblock);
    }
    return a->zone >= 0;
}

/* The rights of a request when nothing is above low. */
static unsigned rights_of(const struct page_request *rq)
{
    bool now = !(rq->flags & REQUEST_MAY_WAIT) && !(rq->flags & REQUEST_NO_RESERVES);
    bool high = rq->flags & REQUEST_HIGH;

    return (high ? ALLOC_MIN_RESERVE : 0) | (now ? ALLOC_NON_BLOCK : 0) |
           (now && high && rq->order > 0 ? ALLOC_HIGHATOMIC : 0);
}

struct pm_answer pm_predict(const struct path_model *m, const struct page_request *rq)
{
    uint64_t nodes = rq->nodemask ? rq->nodemask : UINT64_MAX;
    unsigned cma = (rq->flags & REQUEST_CMA) && rq->type == MIGRATE_MOVABLE ? ALLOC_CMA : 0;
    bool waits = rq->flags & REQUEST_MAY_WAIT, reserves = !(rq->flags & REQUEST_NO_RESERVES);
    struct pm_answer a = {.zone = -1, .flags = cma, .nodemask = nodes, .class = class_of(rq)};
    unsigned ids[PM_ZONES];

    if (pm_list_zones(m, rq, nodes, ids) == 0)
        return a;
    a.flags |= avoids_mixing(m, rq, nodes) ? ALLOC_NOFRAGMENT : 0;
    if (stage(m, rq, WMARK_LOW, &a))
        return a;
    a.flags = cma;
    if (stage(m, rq, WMARK_LOW, &a))
        return a;
    a.flags = cma | rights_of(rq);
    if (stage(m, rq, WMARK_MIN, &a))
        return a;
    if (reserves && (rq->flags & (REQUEST_RESERVE | REQUEST_VICTIM)))
        a.flags = cma | (rq->flags & REQUEST_RESERVE ? ALLOC_NO_WATERMARKS : ALLOC_OOM);
    if ((a.flags & (ALLOC_NO_WATERMARKS | ALLOC_OOM)) || (!waits && (rq->flags & REQUEST_HIGH)))
        a.nodemask = UINT64_MAX;
    if (stage(m, rq, WMARK_MIN, &a))
        return a;
    if (waits && !(rq->flags & (REQUEST_RESERVE | REQUEST_NORETRY)) && rq->order <= COSTLY_ORDER)
        (void)stage_giving_back(m, rq, &a);
    return a;
}
