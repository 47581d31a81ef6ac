/* SPDX-License-Identifier: Apache-2.0 */
/* path_model.c: see the header. */
#include "path_model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/fragmentation.h"
#include "mm/highatomic.h"

#define KBYTES_PER_PAGE 4u

uint64_t pm_seed, pm_step;

void pm_fail(const char *format, ...)
{
    char why[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    fail_msg("BUDDYD_SEED=%llu, step %llu: %s", (unsigned long long)pm_seed,
             (unsigned long long)pm_step, why);
    abort(); /* not reached */
}

pfn_t pm_pageblock_pages(const struct pm_zone *pz)
{
    return (pfn_t)1 << pz->pageblock_order;
}

enum pm_kind pm_kind_at(const struct pm_zone *pz, pfn_t pfn)
{
    return (enum pm_kind)pz->pageblock[pfn >> pz->pageblock_order];
}

pfn_t pm_all_free(const struct pm_zone *pz)
{
    return pz->free[PM_NORMAL] + pz->free[PM_CMA] + pz->free[PM_KEPT];
}

void pm_add_zone(struct path_model *m, struct zone *z, enum zone_kind kind, unsigned node,
                 pfn_t max_pages)
{
    struct pm_zone *pz = &m->zone[m->nr_zones++];

    *pz = (struct pm_zone){.z = z, .kind = kind, .node = node};
    pz->pageblock_order = zone_pageblock_order(z);
    pz->nr_pages = zone_nr_pages(z);
    pz->free[PM_NORMAL] = pz->nr_pages;
    pz->granted = calloc(max_pages, 1);
    pz->pageblock = calloc(max_pages >> pz->pageblock_order, 1);
    assert_true(pz->granted && pz->pageblock);
}

void pm_close(struct path_model *m)
{
    for (unsigned i = 0; i < m->nr_zones; i++) {
        free(m->zone[i].granted);
        free(m->zone[i].pageblock);
    }
}

bool pm_is_free(const struct pm_zone *pz, pfn_t pfn, pfn_t nr)
{
    return !memchr(&pz->granted[pfn], 1, nr);
}

void pm_resized(struct path_model *m, unsigned zone, pfn_t nr_pages)
{
    struct pm_zone *pz = &m->zone[zone];
    pfn_t p = pm_pageblock_pages(pz);

    for (; pz->nr_pages < nr_pages; pz->nr_pages += p) {
        pz->pageblock[pz->nr_pages >> pz->pageblock_order] = PM_NORMAL;
        pz->free[PM_NORMAL] += p;
    }
    for (; pz->nr_pages > nr_pages; pz->nr_pages -= p)
        pz->free[pm_kind_at(pz, pz->nr_pages - 1)] -= p;
}

/* Pageblocks change their kind, with what is free in them. */
static void set_kind(struct pm_zone *pz, pfn_t pfn, pfn_t nr_pages, enum pm_kind kind)
{
    for (pfn_t i = pfn; i < pfn + nr_pages; i++) {
        pz->free[pm_kind_at(pz, i)] -= !pz->granted[i];
        pz->free[kind] += !pz->granted[i];
    }
    memset(&pz->pageblock[pfn >> pz->pageblock_order], (int)kind, nr_pages >> pz->pageblock_order);
}

void pm_cma(struct path_model *m, unsigned zone, pfn_t start, pfn_t nr_pages)
{
    set_kind(&m->zone[zone], start, nr_pages, PM_CMA);
}

/* ---- marks ---- */

/* The operator's pages_min, or the square root of 16 times the KiB that any request can have. */
static int64_t pages_min(const struct path_model *m, int64_t lowmem)
{
    int64_t kbytes = 0;

    while ((kbytes + 1) * (kbytes + 1) <= 16 * lowmem * KBYTES_PER_PAGE)
        kbytes++;
    if (kbytes < (int64_t)m->settings.min_free_kbytes)
        kbytes = (int64_t)m->settings.min_free_kbytes;
    kbytes = kbytes < 128 ? 128 : kbytes;
    return (kbytes > 262144 ? 262144 : kbytes) / KBYTES_PER_PAGE;
}

static void zone_marks(const struct path_model *m, struct pm_zone *pz, int64_t min, int64_t lowmem)
{
    int64_t managed = pz->nr_pages, share = lowmem ? min * managed / lowmem : 0;
    int64_t gap = managed * m->settings.watermark_scale_factor / 10000;

    gap = gap < share / 4 ? share / 4 : gap;
    if (pz->kind == ZONE_MOVABLE)
        share = managed / 1024 < 32 ? 32 : managed / 1024 > 128 ? 128 : managed / 1024;
    for (unsigned i = 0; i < NR_WMARKS; i++)
        pz->mark[i] = pz->kind == ZONE_GIGANTIC ? 0 : share + i * gap;
    for (unsigned class = 0; class < NR_ZONE_KINDS; class ++) {
        unsigned ratio = m->settings.lowmem_reserve_ratio[pz->kind];
        int64_t above = 0;

        for (unsigned i = 0; i < m->nr_zones; i++) {
            const struct pm_zone *other = &m->zone[i];

            if (other->node == pz->node && other->kind > pz->kind && other->kind <= class)
                above += other->nr_pages;
        }
        pz->reserve[class] = ratio ? above / ratio : 0;
    }
}

void pm_marks(struct path_model *m)
{
    bool none = m->settings.min_free_kbytes == MIN_FREE_NONE;
    int64_t lowmem = 0, min;

    for (unsigned i = 0; i < m->nr_zones; i++)
        lowmem += m->zone[i].kind <= ZONE_NORMAL ? m->zone[i].nr_pages : 0;
    min = none ? 0 : pages_min(m, lowmem);
    for (unsigned i = 0; i < m->nr_zones; i++) {
        struct pm_zone *pz = &m->zone[i];

        zone_marks(m, pz, min, lowmem);
        for (unsigned k = 0; k < NR_ZONE_KINDS; k++) {
            pz->reserve[k] = none ? 0 : pz->reserve[k];
            if (zone_lowmem_reserve(pz->z, (enum zone_kind)k) != pz->reserve[k])
                pm_fail("zone %u reserves %u pages from class %u, not %lld", i,
                        zone_lowmem_reserve(pz->z, (enum zone_kind)k), k,
                        (long long)pz->reserve[k]);
        }
        for (unsigned k = 0; k < NR_WMARKS; k++) {
            pz->mark[k] = none ? 0 : pz->mark[k];
            if (zone_wmark(pz->z, (enum zone_watermark)k) != pz->mark[k])
                pm_fail("mark %u of zone %u is %u, not %lld", k, i,
                        zone_wmark(pz->z, (enum zone_watermark)k), (long long)pz->mark[k]);
        }
    }
}

/* ---- what happened ---- */

/* The type of the lists that the free block around a page is on. */
static enum migratetype type_in_zone(struct zone *z, pfn_t pfn)
{
    struct zone_block b;

    for (unsigned order = 0; order < NR_PAGE_ORDERS; order++) {
        pfn_t head = pfn & ~(((pfn_t)1 << order) - 1);

        if (zone_block(z, head, &b) == 0 && pfn - head < (pfn_t)1 << b.order)
            return b.type;
    }
    pm_fail("no block holds page %u", pfn);
}

/* Learn which kept pageblocks of a zone were given back; g: granted after that from there. */
static void learn_given_back(struct pm_zone *pz, const struct page_grant *g)
{
    pfn_t p = pm_pageblock_pages(pz), nr_kept = 0;

    for (pfn_t pfn = 0; pfn < pz->nr_pages; pfn += p) {
        bool served = g && (g->pfn >> pz->pageblock_order) == (pfn >> pz->pageblock_order);
        const uint8_t *page;

        if (pm_kind_at(pz, pfn) != PM_KEPT)
            continue;
        /* A block of a zone that had to give back comes from what it got by that. */
        page = memchr(&pz->granted[pfn], 0, p);
        if (page &&
            (served || type_in_zone(pz->z, (pfn_t)(page - pz->granted)) != MIGRATE_HIGHATOMIC))
            set_kind(pz, pfn, p, PM_NORMAL);
        nr_kept += pm_kind_at(pz, pfn) == PM_KEPT;
    }
    if (highatomic_pages(pz->z) != nr_kept * p)
        pm_fail("%u pageblocks are kept, the zone says %u pages", nr_kept, highatomic_pages(pz->z));
}

/* All zones before the one that serves have given back what is free; it has as much as it took. */
static void give_back(struct path_model *m, const struct page_request *rq,
                      const struct pm_answer *a, const struct page_grant *g)
{
    unsigned ids[PM_ZONES], nr = pm_list_zones(m, rq, a->nodemask, ids);

    for (unsigned i = 0; a->gives_back && i < nr; i++) {
        struct pm_zone *pz = &m->zone[ids[i]];
        bool serves = a->zone == (int)ids[i];

        if (pz->free[PM_KEPT] != 0)
            learn_given_back(pz, serves ? g : NULL);
        if (!serves && pz->free[PM_KEPT] != 0)
            pm_fail("zone %u still keeps %u free pages", ids[i], pz->free[PM_KEPT]);
        if (serves)
            return;
    }
}

/* Who was granted by this right has its pageblocks kept, up to 1 % of the zone. */
static void keep(struct pm_zone *pz, const struct page_grant *g)
{
    pfn_t p = pm_pageblock_pages(pz), first = g->pfn & ~(p - 1), nr = (pfn_t)1 << g->order,
          kept = 0;

    for (pfn_t pfn = 0; pfn < pz->nr_pages; pfn += p)
        kept += pm_kind_at(pz, pfn) == PM_KEPT ? p : 0;
    nr = nr < p ? p : nr;
    /* At most 1 %, rounded up to pageblocks. */
    if (pz->nr_pages / 100 >= p && kept + nr - p < pz->nr_pages / 100 &&
        pm_kind_at(pz, first) == PM_NORMAL) {
        set_kind(pz, first, nr, PM_KEPT);
        kept += nr;
    }
    if (highatomic_pages(pz->z) != kept)
        pm_fail("%u pages are kept, the zone says %u", kept, highatomic_pages(pz->z));
}

void pm_granted(struct path_model *m, const struct page_request *rq, const struct pm_answer *a,
                const struct page_grant *g)
{
    struct pm_zone *pz = &m->zone[g->zone], *preferred = &m->zone[a->preferred];
    pfn_t nr = (pfn_t)1 << g->order;

    if (a->zone != (int)g->zone || g->order != rq->order)
        pm_fail("order %u, type %d, flags %#x, node %u: granted order %u by zone %u, not by %d",
                rq->order, rq->type, rq->flags, rq->node, g->order, g->zone, a->zone);
    if ((g->pfn & (nr - 1)) != 0 || g->pfn >= pz->nr_pages || nr > pz->nr_pages - g->pfn ||
        !pm_is_free(pz, g->pfn, nr))
        pm_fail("zone %u granted %u of order %u, which is not free", g->zone, g->pfn, g->order);
    give_back(m, rq, a, g);
    if (pm_kind_at(pz, g->pfn) == PM_CMA && !(a->flags & ALLOC_CMA))
        pm_fail("granted %u of zone %u, which is CMA", g->pfn, g->zone);
    if (pm_kind_at(pz, g->pfn) == PM_KEPT &&
        !(a->flags & (ALLOC_NON_BLOCK | ALLOC_OOM | ALLOC_HIGHATOMIC)))
        pm_fail("granted %u of zone %u, which is kept", g->pfn, g->zone);
    for (pfn_t i = g->pfn; i < g->pfn + nr; i++) {
        pz->free[pm_kind_at(pz, i)]--;
        pz->granted[i] = 1;
    }
    if (a->flags & ALLOC_HIGHATOMIC)
        keep(pz, g);
    pz->allocs++;
    pz->numa.hit += pz->node == preferred->node;
    pz->numa.miss += pz->node != preferred->node;
    preferred->numa.foreign += pz->node != preferred->node;
    pz->numa.local += pz->node == rq->caller_node;
    pz->numa.other += pz->node != rq->caller_node;
}

void pm_freed(struct path_model *m, const struct page_grant *g)
{
    struct pm_zone *pz = &m->zone[g->zone];

    for (pfn_t i = g->pfn; i < g->pfn + ((pfn_t)1 << g->order); i++) {
        pz->free[pm_kind_at(pz, i)]++;
        pz->granted[i] = 0;
    }
    pz->frees++;
}

/* Of what every request may have. */
static int largest_order(const struct pm_zone *pz)
{
    int order = MAX_PAGE_ORDER;

    while (order >= 0 && !pm_has_range(pz, (unsigned)order, 1u << PM_NORMAL))
        order--;
    return order;
}

/* The numbers of a refusal are those of the zone with the most free pages. */
static void judge_numbers(const struct path_model *m, const struct page_request *rq,
                          const struct pm_answer *a, const struct refusal *r, unsigned nearest)
{
    const struct pm_zone *pz = &m->zone[nearest];
    bool pages = pm_has_pages(pz, rq, WMARK_MIN, zone_boost(pz->z), a->class, a->flags);

    if (r->zone != nearest || r->free_pages != pm_all_free(pz))
        pm_fail("refused by zone %u with %u free pages, not by %u with %u", r->zone, r->free_pages,
                nearest, pm_all_free(pz));
    if (r->reason != (pages ? REFUSAL_FRAGMENTATION : REFUSAL_SHORTAGE))
        pm_fail("refused for reason %d, has pages: %d", r->reason, pages);
    if (r->mark != WMARK_MIN || r->mark_pages != pz->mark[WMARK_MIN] + zone_boost(pz->z) ||
        r->reserve_pages != pz->reserve[a->class])
        pm_fail("refused at mark %u and reserve %u, not %lld and %lld", r->mark_pages,
                r->reserve_pages, (long long)pz->mark[WMARK_MIN], (long long)pz->reserve[a->class]);
    if (r->largest_order != largest_order(pz))
        pm_fail("the largest free order is %d, not %d", r->largest_order, largest_order(pz));
    if (r->frag_index != zone_fragindex(pz->z, rq->order, 0))
        pm_fail("the fragmentation index is not %d", r->frag_index);
}

void pm_refused(struct path_model *m, const struct page_request *rq, const struct pm_answer *a,
                const struct refusal *r)
{
    unsigned ids[PM_ZONES], nr = pm_list_zones(m, rq, a->nodemask, ids);
    int nearest = -1;
    uint64_t tried = 0;

    if (a->zone >= 0)
        pm_fail("order %u, type %d, flags %#x, node %u: refused, zone %d could serve", rq->order,
                rq->type, rq->flags, rq->node, a->zone);
    give_back(m, rq, a, NULL);
    for (unsigned i = 0; i < nr; i++) {
        const struct pm_zone *pz = &m->zone[ids[i]];

        tried |= (uint64_t)1 << ids[i];
        if (pz->nr_pages >= (pfn_t)1 << rq->order &&
            (nearest < 0 || pm_all_free(pz) > pm_all_free(&m->zone[nearest])))
            nearest = (int)ids[i];
    }
    if (r->order != rq->order || r->tried != tried)
        pm_fail("refused order %u after zones %#llx, not %u after %#llx", r->order,
                (unsigned long long)r->tried, rq->order, (unsigned long long)tried);
    if ((r->reason == REFUSAL_NO_ZONE) != (nearest < 0))
        pm_fail("refused for reason %d, the nearest zone is %d", r->reason, nearest);
    if (nearest < 0)
        return;
    judge_numbers(m, rq, a, r, (unsigned)nearest);
    m->zone[nearest].failures++;
}

void pm_compare(const struct path_model *m)
{
    for (unsigned i = 0; i < m->nr_zones; i++) {
        const struct pm_zone *pz = &m->zone[i];
        struct zone_numa_stat numa;
        struct zone_stat st;

        zone_stat(pz->z, &st);
        zone_numa_stat(pz->z, &numa);
        if (st.free_pages != pm_all_free(pz) || st.managed_pages != pz->nr_pages)
            pm_fail("zone %u has %u of %u pages free, not %u of %u", i, st.free_pages,
                    st.managed_pages, pm_all_free(pz), pz->nr_pages);
        if (st.allocs != pz->allocs || st.frees != pz->frees || st.failures != pz->failures)
            pm_fail("zone %u counts %llu grants, %llu frees, %llu refusals", i,
                    (unsigned long long)st.allocs, (unsigned long long)st.frees,
                    (unsigned long long)st.failures);
        if (memcmp(&numa, &pz->numa, sizeof(numa)) != 0)
            pm_fail("statistics of zone %u: hit %llu, miss %llu, foreign %llu", i,
                    (unsigned long long)numa.hit, (unsigned long long)numa.miss,
                    (unsigned long long)numa.foreign);
    }
}
