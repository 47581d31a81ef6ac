/* SPDX-License-Identifier: Apache-2.0 */
/* model_highatomic.c: what the model knows, and judges, of memory kept for atomic requests of
 * higher order. */
#include "mm/highatomic.h"
#include "model.h"

enum highatomic_right model_highatomic_right(const struct zone_request *rq)
{
    if ((rq->flags & ALLOC_HIGHATOMIC) && rq->order > 0)
        return HIGHATOMIC_FIRST;
    return rq->flags & (ALLOC_NON_BLOCK | ALLOC_OOM) ? HIGHATOMIC_LAST : HIGHATOMIC_NEVER;
}

static bool is_kept(const struct model_pageblock *pb)
{
    return pb->type == MIGRATE_HIGHATOMIC;
}

pfn_t model_highatomic_pages(const struct model *m)
{
    pfn_t nr = 0;

    for (pfn_t pfn = 0; pfn < m->nr_pages; pfn += m->pageblock_pages)
        nr += is_kept(model_pageblock_of(m, pfn)) ? m->pageblock_pages : 0;
    return nr;
}

/* The first free page of a pageblock of the domain's that is kept, from pfn on; or nr_pages. */
static pfn_t next_kept(const struct model *m, pfn_t pfn, unsigned domain)
{
    while ((pfn = model_next_free(m, pfn)) < m->nr_pages) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);

        if (is_kept(pb) && pb->resident == domain)
            return pfn;
        pfn = (pfn & ~(m->pageblock_pages - 1)) + m->pageblock_pages;
    }
    return m->nr_pages;
}

/* The orders of the domain's free blocks that are kept: bit o. */
static uint32_t kept_orders(const struct model *m, unsigned domain)
{
    uint32_t orders = 0;

    for (pfn_t pfn = next_kept(m, 0, domain); pfn < m->nr_pages; pfn = next_kept(m, pfn, domain)) {
        unsigned order = model_free_order(m, pfn);

        orders |= 1u << order;
        pfn += (pfn_t)1 << order;
    }
    return orders;
}

void rule_highatomic(const struct model *m, const struct zone_request *rq, pfn_t pfn)
{
    enum highatomic_right right = model_highatomic_right(rq);
    bool kept = pfn != PFN_NONE && is_kept(model_pageblock_of(m, pfn));
    uint32_t orders;
    unsigned order;

    if (!kept && (right != HIGHATOMIC_FIRST || !m->thorough))
        return;
    orders = m->thorough ? kept_orders(m, rq->domain) >> rq->order << rq->order : 0;
    if (!kept && orders != 0)
        model_fail("order %u is not served from what is kept for it: orders %#x", rq->order,
                   orders);
    if (!kept)
        return;
    order = model_free_order(m, pfn);
    if ((pfn & (((pfn_t)1 << order) - 1)) != 0 || order < rq->order)
        model_fail("granted %u of order %u from the midst of what is kept", pfn, rq->order);
    if (m->thorough && (orders & ((1u << order) - 1)) != 0)
        model_fail("granted %u of order %u from a kept block of order %u, orders are %#x", pfn,
                   rq->order, order, orders);
    if (right == HIGHATOMIC_LAST) {
        struct zone_request without = *rq;

        without.flags &= ~(ALLOC_NON_BLOCK | ALLOC_OOM);
        rule_refused(m, &without);
    }
}

/* 1 % of the zone, rounded up to pageblocks; none if that is less than one. */
static pfn_t most_kept(const struct model *m)
{
    pfn_t most = 0;

    while (m->nr_pages / 100 >= m->pageblock_pages && most < m->nr_pages / 100)
        most += m->pageblock_pages;
    return most;
}

static void compare_kept(const struct model *m, const struct zone *z)
{
    if (highatomic_max(z) != most_kept(m))
        model_fail("%u pages may be kept, the zone says %u", most_kept(m), highatomic_max(z));
    if (highatomic_pages(z) != model_highatomic_pages(m))
        model_fail("%u pages are kept, the zone says %u", model_highatomic_pages(m),
                   highatomic_pages(z));
}

void model_reserved(struct model *m, const struct zone *z, pfn_t pfn, unsigned order)
{
    pfn_t pages = (pfn_t)1 << order;

    if (pages < m->pageblock_pages)
        pages = m->pageblock_pages;
    if (model_pageblock_of(m, pfn)->type < NR_MOBILITIES &&
        model_highatomic_pages(m) + pages <= most_kept(m))
        model_set_types(m, pfn, order, MIGRATE_HIGHATOMIC);
    compare_kept(m, z);
}

/* The type of the lists that the free block around a page is on. */
static enum migratetype type_in_zone(struct zone *z, pfn_t pfn)
{
    struct zone_block b;

    for (unsigned order = 0; order < NR_PAGE_ORDERS; order++) {
        pfn_t head = pfn & ~(((pfn_t)1 << order) - 1);

        if (zone_block(z, head, &b) == 0 && pfn - head < (pfn_t)1 << b.order)
            return b.type;
    }
    model_fail("no block holds page %u", pfn);
}

static void give_back(struct model *m, pfn_t pfn, enum migratetype type)
{
    struct model_pageblock *pb = model_pageblock_of(m, pfn);

    pb->type = (uint8_t)type;
    if (pb->nr_free != m->pageblock_pages)
        return;
    m->small_free[pb->resident] -= m->pageblock_pages;
    m->nr_empty++;
    model_merged(m, pfn);
}

void model_unreserved(struct model *m, struct zone *z, unsigned domain, enum migratetype type,
                      bool force, bool done)
{
    bool could = (force || model_highatomic_pages(m) > m->pageblock_pages) &&
                 next_kept(m, 0, domain) < m->nr_pages;
    pfn_t which = PFN_NONE;

    if (done != could)
        model_fail("a pageblock could be given back: %d, and was: %d", could, done);
    for (pfn_t pfn = next_kept(m, 0, domain); done && pfn < m->nr_pages;
         pfn = next_kept(m, (pfn | (m->pageblock_pages - 1)) + 1, domain)) {
        if (type_in_zone(z, pfn) == MIGRATE_HIGHATOMIC)
            continue;
        if (which != PFN_NONE)
            model_fail("both pageblocks of %u and %u were given back", which, pfn);
        which = pfn;
    }
    if (done && which == PFN_NONE)
        model_fail("no pageblock of domain %u was given back", domain);
    if (done && type_in_zone(z, which) != model_list_type(m, type))
        model_fail("%u was given back to type %d, not %d", which, type_in_zone(z, which), type);
    if (done)
        give_back(m, which, model_list_type(m, type));
    compare_kept(m, z);
}
