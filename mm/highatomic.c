/* SPDX-License-Identifier: Apache-2.0 */
/* highatomic.c: reserving and giving back the pageblocks of HIGHATOMIC. */
#include "mm/highatomic.h"

#include "free_list.h"

pfn_t highatomic_max(const struct zone *z)
{
    pfn_t pageblock = order_pages(z->pageblock_order), share = z->nr_pages / 100;

    return share < pageblock ? 0 : (share + pageblock - 1) / pageblock * pageblock;
}

pfn_t highatomic_pages(const struct zone *z)
{
    return z->nr_pageblocks[MIGRATE_HIGHATOMIC] << z->pageblock_order;
}

void highatomic_reserve(struct zone *z, pfn_t pfn)
{
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(*word_at(z, pfn));
    pfn_t pages = order_pages(order > z->pageblock_order ? order : z->pageblock_order);

    if (highatomic_pages(z) + pages > highatomic_max(z) || !type_merges((enum migratetype)pb->type))
        return;
    zone_settle(z); /* what rests in the pageblock would be granted to others */
    if (order < z->pageblock_order)
        retype_broken(z, pfn & ~(order_pages(z->pageblock_order) - 1), MIGRATE_HIGHATOMIC);
    else
        retype(z, pfn, order, MIGRATE_HIGHATOMIC);
}

/* Take one pageblock of a free block to another type's list; the rest of it is kept. */
static void retype_free(struct zone *z, unsigned domain, unsigned order, enum migratetype type)
{
    const struct found_block b = {
        .pfn = list_pop(z, &z->set[domain], MIGRATE_HIGHATOMIC, order),
        .order = order,
        .type = MIGRATE_HIGHATOMIC,
        .set = domain,
    };

    expand(z, &b, z->pageblock_order, domain);
    retype(z, b.pfn, z->pageblock_order, type);
    unhold(z, domain, type, order_pages(z->pageblock_order));
    free_block(z, b.pfn, z->pageblock_order);
}

bool highatomic_unreserve(struct zone *z, unsigned domain, enum migratetype type, bool force)
{
    struct list_set *s = &z->set[domain];
    uint32_t mask;
    unsigned order;
    pfn_t pfn;

    zone_settle(z);
    if (!force && highatomic_pages(z) <= order_pages(z->pageblock_order))
        return false;
    mask = s->mask[MIGRATE_HIGHATOMIC];
    if (mask == 0)
        return false;
    order = (unsigned)__builtin_ctz(mask);
    pfn = s->list[MIGRATE_HIGHATOMIC][order].head;
    if (order < z->pageblock_order)
        retype_broken(z, pfn & ~(order_pages(z->pageblock_order) - 1), list_type(z, type));
    else
        retype_free(z, domain, order, list_type(z, type));
    return true;
}
