/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.h: working on ranges of pfns rather than on lists, for the files of mm/ alone.
 *
 * Ranges are start (inclusive) to end (exclusive). Callers have settled the zone.
 */
#ifndef MM_RANGE_H
#define MM_RANGE_H

#include "mm/isolate.h"
#include "zone_internal.h"

/** Sets of types of pageblocks. */
#define TYPES_MOBILE ((1u << NR_MOBILITIES) - 1u)
#define TYPES_USABLE (~(1u << MIGRATE_ISOLATE))

/** Is this range in the zone, not empty, and made of whole pageblocks? */
bool range_is_whole(const struct zone *z, pfn_t start, pfn_t nr_pages);
/** The head of the block that this page lies in. O(orders). */
pfn_t block_head(const struct zone *z, pfn_t pfn);
/** Where the block that begins at pfn ends. */
static inline pfn_t block_end(const struct zone *z, pfn_t pfn)
{
    return pfn + order_pages(word_order(*word_at(z, pfn)));
}
/**
 * Make `at`, which no granted block straddles, the first page of a block, by halving the free one
 * that it lies in. The parts are on its lists, unmerged: the caller goes on to change that. Below a
 * pageblock only for ISOLATE.
 */
void split_free_at(struct zone *z, pfn_t at);

/**
 * May these pageblocks, of these types (a set) and in this domain's file (DOMAIN_NONE: any), be
 * isolated? Returns 0, or -EBUSY with *ret. Changes nothing.
 */
int range_check(const struct zone *z, pfn_t start, pfn_t end, unsigned types, unsigned domain,
                struct zone_obstacle *ret);
/** Isolate what range_check() has found good. */
void range_isolate(struct zone *z, pfn_t start, pfn_t end);
/** The reverse, for a range without a block that lies partly outside. */
void range_undo_isolate(struct zone *z, pfn_t start, pfn_t end);
/** Take a free block of an isolated pageblock off its list, not counted any more. */
void range_detach(struct zone *z, pfn_t pfn);

/** The order of the first of the fewest aligned blocks that make up a range. */
static inline unsigned range_order(pfn_t start, pfn_t end)
{
    unsigned fits = highest_order(end - start);
    unsigned aligned = (unsigned)__builtin_ctz(start | order_pages(MAX_PAGE_ORDER));

    return fits < aligned ? fits : aligned;
}

/** Does the owner of the granted block at pfn say that it may move now? Not asked of others. */
static inline bool zone_movable(struct zone *z, pfn_t pfn)
{
    return !z->ops || !z->ops->movable ||
           z->ops->movable(z->ops_ctx, z, pfn, word_tag(*word_at(z, pfn)));
}

/** One end of a move is free. */
void move_release(struct zone *z, pfn_t pfn, unsigned order);
/** A granted block is about to leave its place; its word still says granted. */
void move_leave(struct zone *z, pfn_t from);
/** A move has come to nothing: the block is where it was, granted by this word. */
void move_stay(struct zone *z, pfn_t from, uint64_t granted);

/** Whose memory a block that has to leave may use, by its list's type: its own first. */
extern const enum migratetype move_types[NR_MOBILITIES][NR_MOBILITIES];
/**
 * zone_move_begin() for a block that has to leave: when its own type has no room, in memory of the
 * others; of an empty pageblock as much as it needs becomes its type.
 */
int move_begin_anywhere(struct zone *z, pfn_t from);
/**
 * zone_move_begin() for a granted block of less than a pageblock that may move, into the free block
 * of its order or more at hole, in a broken pageblock of its domain's: to the lowest part of it. A
 * pageblock of which it takes half becomes its type, if a mobility has it (__isolate_free_page).
 * -ENOMEM: what accounts are guaranteed is in the way, or the hole is bad.
 */
int move_begin_into(struct zone *z, pfn_t from, pfn_t hole);

#endif
