/* SPDX-License-Identifier: Apache-2.0 */
/*
 * highatomic.h: pageblocks kept for requests of higher order that cannot wait.
 *
 * As Linux: reserve_highatomic_pageblock and unreserve_highatomic_pageblock.
 */
#ifndef MM_HIGHATOMIC_H
#define MM_HIGHATOMIC_H

#include "mm/zone.h"

/** Pages that may be kept at most: 1 % of the zone in whole pageblocks, none if that is less than
 * one. */
pfn_t highatomic_max(const struct zone *z);
/** Pages in pageblocks that are kept at present. */
pfn_t highatomic_pages(const struct zone *z);
/** Keep the pageblocks of a block that was just granted to such a request, if all of them fit
 * within the limit. */
void highatomic_reserve(struct zone *z, pfn_t pfn);
/**
 * Give one pageblock of the domain's with free memory back, to the type of who needs it. force:
 * even the last one. Returns whether free memory has become type's.
 */
bool highatomic_unreserve(struct zone *z, unsigned domain, enum migratetype type, bool force);

#endif
