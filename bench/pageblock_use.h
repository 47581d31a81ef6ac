/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pageblock_use.h: which pageblocks are in use, and by which types of pages.
 *
 * It is told of every block that is granted and freed and keeps count by itself, so that what it
 * says about an allocator does not rest on the allocator's own books. A block counts as the type
 * that was asked for, wherever it was put.
 */
#ifndef BENCH_PAGEBLOCK_USE_H
#define BENCH_PAGEBLOCK_USE_H

#include <stdint.h>

#include "mm/types.h"

struct pageblock_use {
    pfn_t nr_pageblocks;
    unsigned pageblock_order;
    uint32_t *pages;              /**< in use, [pageblock * NR_MOBILITIES + type] */
    pfn_t nr_with[NR_MOBILITIES]; /**< pageblocks with at least one page of this type in use */
    pfn_t nr_empty;               /**< pageblocks with no page in use */
    uint64_t live_pages[NR_MOBILITIES];
    uint64_t peak_pages[NR_MOBILITIES]; /**< the highest live_pages so far */
};

/** All empty. Release with pageblock_use_free(). Returns 0 or -ENOMEM. */
int pageblock_use_init(struct pageblock_use *u, pfn_t nr_pages, unsigned pageblock_order);
void pageblock_use_free(struct pageblock_use *u);

/** A block of this type begins to be in use. It must lie inside, and be in use nowhere. */
void pageblock_use_add(struct pageblock_use *u, pfn_t pfn, unsigned order, enum migratetype type);
/** What pageblock_use_add() said holds no longer. */
void pageblock_use_remove(struct pageblock_use *u, pfn_t pfn, unsigned order,
                          enum migratetype type);

/**
 * The fewest pageblocks that could hold what is live of a type, if what was once placed can never
 * be packed again: the peak, in pageblocks, rounded up.
 */
pfn_t pageblock_use_ideal(const struct pageblock_use *u, enum migratetype type);
/** The most pageblocks that could be empty: the free pages, in pageblocks, rounded down. */
pfn_t pageblock_use_empty_ideal(const struct pageblock_use *u);
/**
 * What each pageblock that could be emptied would cost: its live pages, the least first; those with
 * an unmovable page are left out. ret: room for nr_pageblocks. Returns how many there are.
 */
pfn_t pageblock_use_costs(const struct pageblock_use *u, uint32_t *ret);

#endif
