/* SPDX-License-Identifier: Apache-2.0 */
/* fragmentation.c: the measures of fragmentation, all from one count of the free blocks. */
#include "mm/fragmentation.h"

#include "zone_internal.h"

/* What a request of an order finds (contig_page_info in Linux). */
struct free_info {
    uint64_t pages;
    uint64_t blocks;
    uint64_t suitable_pages; /* in blocks of the order and more */
};

/* Free blocks of an order that a domain can have: its own, and all that are a pageblock or more. */
static pfn_t nr_free_for(const struct zone *z, unsigned order, unsigned domain)
{
    pfn_t nr = 0;

    for (unsigned s = 0; s < z->nr_domains; s++) {
        if (s != domain && order < z->pageblock_order)
            continue;
        for (unsigned t = 0; t < NR_MOBILITIES; t++)
            nr += z->set[s].list[t][order].nr;
    }
    return nr;
}

static void count_free(struct zone *z, unsigned domain, pfn_t *ret_nr)
{
    zone_settle(z);
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
        ret_nr[o] = nr_free_for(z, o, domain);
}

static struct free_info info_for(const pfn_t *nr_free, unsigned order)
{
    struct free_info i = {0};

    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        uint64_t pages = (uint64_t)nr_free[o] << o;

        i.blocks += nr_free[o];
        i.pages += pages;
        if (o >= order)
            i.suitable_pages += pages;
    }
    return i;
}

static int fragindex(const struct free_info *i, unsigned order)
{
    if (i->blocks == 0 || order > MAX_PAGE_ORDER)
        return 0;
    if (i->suitable_pages != 0)
        return -1000;
    return (int)(1000 - (int64_t)((1000 + i->pages * 1000 / order_pages(order)) / i->blocks));
}

/* How many of each scale free pages are of no use. */
static unsigned unusable(const struct free_info *i, unsigned scale, unsigned none_free)
{
    if (i->pages == 0)
        return none_free;
    return (unsigned)((i->pages - i->suitable_pages) * scale / i->pages);
}

static struct free_info zone_info(struct zone *z, unsigned order, unsigned domain)
{
    pfn_t nr_free[NR_PAGE_ORDERS];

    count_free(z, domain, nr_free);
    return info_for(nr_free, order);
}

int zone_fragindex(struct zone *z, unsigned order, unsigned domain)
{
    struct free_info i = zone_info(z, order, domain);

    return fragindex(&i, order);
}

unsigned zone_extfrag(struct zone *z, unsigned order, unsigned domain)
{
    struct free_info i = zone_info(z, order, domain);

    return unusable(&i, 100, 0);
}

unsigned zone_unusable_index(struct zone *z, unsigned order, unsigned domain)
{
    struct free_info i = zone_info(z, order, domain);

    return unusable(&i, 1000, 1000);
}

void zone_fragmentation(struct zone *z, unsigned domain, struct zone_fragmentation *ret)
{
    count_free(z, domain, ret->nr_free);
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        struct free_info i = info_for(ret->nr_free, o);

        ret->free_pages = (pfn_t)i.pages;
        ret->fragindex[o] = fragindex(&i, o);
        ret->extfrag[o] = unusable(&i, 100, 0);
        ret->unusable[o] = unusable(&i, 1000, 1000);
    }
}

int zone_largest_free_order(struct zone *z, unsigned domain)
{
    zone_settle(z);
    for (unsigned order = NR_PAGE_ORDERS; order-- > 0;) {
        if (nr_free_for(z, order, domain) != 0)
            return (int)order;
    }
    return -1;
}
