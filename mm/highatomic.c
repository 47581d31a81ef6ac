/* SPDX-License-Identifier: Apache-2.0 */
/* highatomic.c: reserving and giving back the pageblocks of HIGHATOMIC. */
#include "mm/highatomic.h"

#include "zone_internal.h"

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

    if (highatomic_pages(z) >= highatomic_max(z) || !type_merges((enum migratetype)pb->type))
        return;
    if (order < z->pageblock_order)
        retype_broken(z, pfn & ~(order_pages(z->pageblock_order) - 1), MIGRATE_HIGHATOMIC);
    else
        retype(z, pfn, order, MIGRATE_HIGHATOMIC);
}

/* Take a free block of a pageblock or more to another type's list. */
static void retype_free(struct zone *z, unsigned domain, unsigned order, pfn_t pfn,
                        enum migratetype type)
{
    struct list_set *s = &z->set[domain];

    list_del(z, s, MIGRATE_HIGHATOMIC, order, pfn);
    *large_count(z, s, MIGRATE_HIGHATOMIC) -= order_pages(order);
    retype(z, pfn, order, type);
    free_block(z, pfn, order);
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
        retype_free(z, domain, order, pfn, list_type(z, type));
    return true;
}
