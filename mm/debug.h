/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug.h: where the debug options look at blocks, for the files of mm/ alone.
 *
 * While one is on, no freed block rests and none is granted by the fast path (zone_init() sets
 * may_rest to false and fast_orders to 0), so that all pass these few places. While all are off,
 * that costs the fast paths nothing, and the others one comparison.
 */
#ifndef MM_DEBUG_H
#define MM_DEBUG_H

#include "zone_internal.h"

static inline bool zone_debugged(const struct zone *z)
{
    return z->fast_orders == 0;
}

/** A block was granted, or something else, and is free from now on. */
void debug_release(struct zone *z, pfn_t pfn, unsigned order);
/** block_is_good(), in a debugged zone. */
bool debug_verify(struct zone *z, pfn_t pfn, unsigned order);
/** A block is taken off the lists for a request: true, and recorded, or false as block_is_good().
 */
bool debug_grant(struct zone *z, const struct zone_request *rq, pfn_t pfn);

/** free_block() for a block that was not free. */
static inline void release_block(struct zone *z, pfn_t pfn, unsigned order)
{
    if (zone_debugged(z))
        debug_release(z, pfn, order);
    free_block(z, pfn, order);
}

/**
 * May this block, just taken off the lists, be written to? False: no, it is out of use now, and the
 * caller takes another one.
 */
static inline bool block_is_good(struct zone *z, pfn_t pfn, unsigned order)
{
    return !zone_debugged(z) || debug_verify(z, pfn, order);
}

/* ---- page_owner.c; each does nothing when there are no records ---- */

void owner_granted(struct zone *z, const struct zone_request *rq, pfn_t pfn);
void owner_released(struct zone *z, pfn_t pfn);
/** A block is cut in halves of this order. */
void owner_split(struct zone *z, pfn_t pfn, unsigned order);
/** A block is at its new place, in the same zone or another; before the old one is released. */
void owner_moved(const struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to, unsigned order);
/** The pages of a free block leave the zone. */
void owner_forget(struct zone *z, pfn_t pfn, unsigned order);

#endif
