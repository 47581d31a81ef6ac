/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fragmentation.h: how far free memory lies in pieces, measured as Linux does (mm/vmstat.c).
 *
 * Each measure is for requests of one order by one domain, and counts the free memory that such a
 * request may be served from: the domain's own, and all empty pageblocks; not what is kept for
 * other requests.
 */
#ifndef MM_FRAGMENTATION_H
#define MM_FRAGMENTATION_H

#include "mm/zone.h"

/**
 * Fragmentation index of a failed request, times 1000 (fragmentation_index): -1000 when a block of
 * the order is free; towards 0 the reason is shortage, towards 1000 fragmentation. When even all
 * that is free would not be such a block it is below 0. 0 when nothing is free, or there is no such
 * order.
 */
int zone_fragindex(struct zone *z, unsigned order, unsigned domain);
/**
 * How many percent of the free pages lie in blocks too small for the order (extfrag_for_order); 0
 * when nothing is free.
 */
unsigned zone_extfrag(struct zone *z, unsigned order, unsigned domain);
/**
 * The same share times 1000, but 1000 when nothing is free: what a request cannot use
 * (unusable_free_index).
 */
unsigned zone_unusable_index(struct zone *z, unsigned order, unsigned domain);

/** All measures of a domain, by order. */
struct zone_fragmentation {
    pfn_t free_pages;                  /**< in blocks of any order */
    pfn_t nr_free[NR_PAGE_ORDERS];     /**< free blocks */
    int fragindex[NR_PAGE_ORDERS];     /**< zone_fragindex() */
    unsigned extfrag[NR_PAGE_ORDERS];  /**< zone_extfrag() */
    unsigned unusable[NR_PAGE_ORDERS]; /**< zone_unusable_index() */
};

/** O(orders x domains), as each of the above. A domain that the zone lacks has pageblocks alone. */
void zone_fragmentation(struct zone *z, unsigned domain, struct zone_fragmentation *ret);

#endif
