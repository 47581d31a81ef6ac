/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guarantee.h: what of a zone's free pages must be left for the guarantees of accounts, for the
 * files of mm/ alone.
 *
 * Invariant of each zone: the empty pageblocks are enough for all domains together, each of which
 * needs as many as its demand (guarantees not used yet, and what is stranded) is more than what is
 * its own already. With one domain this says: free pages, without those of CMA areas, are at least
 * the unmet guarantees. Whatever takes free pages asks zone_lending() first; only memory that is
 * lost (bad, unbacked), or is nobody's for a while (zone_renew()), can break it, and then nothing
 * that makes it worse is allowed.
 */
#ifndef MM_GUARANTEE_H
#define MM_GUARANTEE_H

#include "mm/watermark.h"
#include "range.h"

/** How much of a zone may be taken for a request without touching what others are guaranteed. */
enum lending {
    LEND_NOTHING,
    LEND_SMALL, /**< what ALLOC_SMALL leaves */
    LEND_ANY,
};

/**
 * May 2^order pages be taken for a domain? credit: what of domain 0's demand the request itself
 * meets by taking them; other domains' demand falls by what they come to hold. With several domains
 * a no is to be believed of a settled zone only. O(domains) where anything is guaranteed, else
 * O(1).
 */
enum lending zone_lending(const struct zone *z, unsigned domain, unsigned order, pfn_t credit);
/** Pages that a request of domain must leave free beside lowmem_reserve. */
pfn_t zone_kept_pages(const struct zone *z, unsigned domain, pfn_t credit);
/** zone_watermark_fast(), zone_watermark_pages() for a request that meets so much of the demand
 * itself. */
bool zone_watermark_beside(struct zone *z, unsigned order, enum zone_watermark mark,
                           enum zone_kind class, unsigned domain, unsigned flags, pfn_t credit);
bool zone_pages_beside(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                       unsigned domain, unsigned flags, pfn_t credit);
/** Does the invariant hold? The zone is settled. */
bool zone_guarantees_hold(const struct zone *z);
/**
 * May the range go out of use, with what is granted in it moving elsewhere or coming back to
 * nobody? The zone is settled, and range_check() has found the range good. Returns 0, or -EBUSY
 * with *ret, and nothing changed.
 */
int guarantee_check_range(const struct zone *z, pfn_t start, pfn_t end, struct zone_obstacle *ret);

#endif
