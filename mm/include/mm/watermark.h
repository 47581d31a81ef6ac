/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watermark.h: how far a zone's free pages may fall, and for whom.
 *
 * One arithmetic, mark_ok(), answers for zones and for accounts. The formulas are the
 * kernel's (mm/page_alloc.c, 6.x): __setup_per_zone_wmarks, calculate_min_free_kbytes,
 * setup_per_zone_lowmem_reserve, __zone_watermark_ok, zone_watermark_fast, boost_watermark.
 */
#ifndef MM_WATERMARK_H
#define MM_WATERMARK_H

#include <stdbool.h>

#include "mm/zone.h"

/** min_free_kbytes: no marks and no reserves at all, every page may be granted to anybody. */
#define MIN_FREE_NONE UINT64_MAX

/** What page_shift can be: pages of 1 KiB to 1 GiB. */
#define PAGE_SHIFT_MIN 10u
#define PAGE_SHIFT_MAX 30u

/** What an operator can set. MM_SETTINGS_INIT has the kernel's defaults. */
struct mm_settings {
    uint64_t min_free_kbytes;        /**< 0: computed; 128 to 262144, kept if larger; or NONE */
    unsigned watermark_scale_factor; /**< 1 to 3000, in 1/10000 of a zone: the gaps of the marks */
    unsigned watermark_boost_factor; /**< in 1/10000 of the high mark, and never more than the zone:
                                         how far a boost may go; 0: none */
    unsigned lowmem_reserve_ratio[NR_ZONE_KINDS]; /**< by the kind that is protected; 0: not */
};

#define MM_SETTINGS_INIT                                                                           \
    {                                                                                              \
        .min_free_kbytes = 0, .watermark_scale_factor = 10, .watermark_boost_factor = 15000,       \
        .lowmem_reserve_ratio = {[ZONE_DMA32] = 256, [ZONE_NORMAL] = 32},                          \
    }

/** The square root of n, rounded down (int_sqrt). */
uint64_t isqrt(uint64_t n);

/**
 * min_free_kbytes for so much memory that is not in MOVABLE or GIGANTIC zones, in KiB:
 * isqrt(16 x KiB), clamped to 128..262144 (calculate_min_free_kbytes). user: the operator's, or 0;
 * it survives unless the computed one is larger.
 */
uint64_t min_free_kbytes(uint64_t lowmem_kbytes, uint64_t user);

/**
 * Set min, low and high of all zones, their lowmem reserves, and forget boosts. To be called when
 * the settings change, and when a zone grows, shrinks, comes or goes. zones: the nr zones of one
 * host, in any order; those of one node reserve for each other. page_shift: of all of them. Returns
 * 0, or -EINVAL when a setting is out of range.
 */
int watermarks_setup(struct zone *const *zones, unsigned nr, unsigned page_shift,
                     const struct mm_settings *settings);

/**
 * The arithmetic: are more than mark + reserve free, after what the rights take off the mark?
 * ALLOC_MIN_RESERVE halves it, with ALLOC_NON_BLOCK a quarter less again, ALLOC_OOM halves it.
 * free may be negative: what is left when the request and what it may not touch are taken off.
 */
bool mark_ok(int64_t free, int64_t mark, int64_t reserve, unsigned flags);

/** A zone's mark with its boost, in pages (wmark_pages). */
pfn_t zone_wmark(const struct zone *z, enum zone_watermark mark);
/** Pages that requests of a class may not touch in this zone (lowmem_reserve). */
pfn_t zone_lowmem_reserve(const struct zone *z, enum zone_kind class);
/** Pages by which the marks are raised at present. */
pfn_t zone_boost(const struct zone *z);
/** Take back a boost of so many pages, or all of it if it is less (kswapd's end of balance_pgdat).
 */
void zone_unboost(struct zone *z, pfn_t pages);

/**
 * May a request of this order go on, at this mark? class: the highest kind of zone that it may use.
 * Others' unmet guarantees stand beside lowmem_reserve; who asks is nobody's account here.
 * Counts what flags let it use: reserves of HIGHATOMIC, CMA; with ALLOC_NO_WATERMARKS any page will
 * do. Above order 0 it takes a free block of the order or more as well (__zone_watermark_ok); yes
 * may be too much said of several pageblocks that would have to pass from other domains.
 */
bool zone_watermark_ok(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                       unsigned domain, unsigned flags);
/** The same, as if so many more pages were free. */
bool zone_watermark_with(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                         unsigned domain, unsigned flags, pfn_t more);
/** The same, but only whether the pages would be enough, however small the blocks are. */
bool zone_watermark_pages(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                          unsigned domain, unsigned flags);
/**
 * The same, as the allocator asks it: order 0 is tried without relaxation first, and at the min
 * mark a caller of high priority does not mind the boost (zone_watermark_fast).
 */
bool zone_watermark_fast(struct zone *z, unsigned order, enum zone_watermark mark,
                         enum zone_kind class, unsigned domain, unsigned flags);

#endif
