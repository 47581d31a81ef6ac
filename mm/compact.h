/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact.h: what the files of compaction share, for them alone.
 *
 * A run is a machine of phases, since it works in slices. Each function of a phase works until it
 * is over, its own words say so, or the budget is.
 */
#ifndef MM_COMPACT_INTERNAL_H
#define MM_COMPACT_INTERNAL_H

#include "mm/compact.h"
#include "range.h"

enum compact_phase {
    PHASE_COUNT,  /**< the whole zone: put each pageblock on the level of its content */
    PHASE_SORT,   /**< number them, and bring free blocks into that order */
    PHASE_NEXT,   /**< find the next window */
    PHASE_LOOK,   /**< can all that is granted in it move? */
    PHASE_MOVE,   /**< begin to move it */
    PHASE_WAIT,   /**< until that has ended, and see what came of it */
    PHASE_DONE,   /**< the block is there, or the zone as it was wanted */
    PHASE_FAILED, /**< done to the end */
};

/** What a search for a place came to. */
enum compact_search {
    SEARCH_FOUND,
    SEARCH_NOTHING,
    SEARCH_ON, /**< the budget is at its end: ask again */
};

static inline bool compact_is_whole(const struct compaction *c)
{
    return c->rq.order == COMPACT_WHOLE_ZONE;
}

static inline struct compact_hint *compact_hint_of(const struct compaction *c, pfn_t pfn)
{
    return &c->z->compact.hint[pfn >> c->z->pageblock_order];
}

/** The pageblock of a page begins here. */
static inline pfn_t pageblock_start(const struct zone *z, pfn_t pfn)
{
    return pfn & ~(order_pages(z->pageblock_order) - 1);
}

/** Can this block move at present? Counts what is only in use. */
bool compact_may_move(struct compaction *c, pfn_t pfn);
/** May a block of this type move into this pageblock, as far as types go? */
bool compact_target_suits(const struct compaction *c, const struct pageblock *pb,
                          enum migratetype type);

/* ---- compact_scan.c: for a block, by place ---- */

/** Where a run begins: where the last one ended. */
void compact_scan_begin(struct compaction *c);
/** Where it ends is remembered; met: the two scanners have met. */
void compact_scan_end(struct compaction *c, bool met);
/** Find the next window. */
void compact_scan_next(struct compaction *c);
/** May the pageblock of this page be emptied? */
bool compact_source_suits(const struct compaction *c, pfn_t pfn);
/** The block at pfn keeps the window from being emptied: leave its pageblock out until the scanners
 * have met, unless something was moved out of it. */
void compact_scan_skip(struct compaction *c, pfn_t pfn);
/** Are there places for blocks of this order, as far as is known? */
bool compact_scan_has_holes(const struct compaction *c, enum migratetype type, unsigned order);
/** Find a free block for a block of the window. */
enum compact_search compact_scan_hole(struct compaction *c, pfn_t from, pfn_t *ret);

/* ---- compact_whole.c: the whole zone, by content ---- */

void compact_whole_begin(struct compaction *c);
void compact_whole_count(struct compaction *c);
void compact_whole_sort(struct compaction *c);
void compact_whole_next(struct compaction *c);
/** The window was looked at, and can be emptied: is there room for what is in it? */
bool compact_whole_has_room(struct compaction *c);
/** All of the window's moves have begun. */
void compact_whole_emptied(struct compaction *c);
enum compact_search compact_whole_hole(struct compaction *c, pfn_t from, pfn_t *ret);
/** All moves of the pass have ended: another one, or the end. */
void compact_whole_end_pass(struct compaction *c);

/* ---- compact_suitable.c ---- */

/** Is this to be one of the tries that are left out after failures (compaction_deferred)? */
bool compact_deferred(struct zone *z, unsigned order);
/** Has it been left out as often as can be (compaction_restarting)? */
bool compact_restarting(const struct zone *z, unsigned order);
/** It failed: leave out twice as many tries of this order and above (defer_compaction). */
void compact_defer(struct zone *z, unsigned order);
/** It did not fail (compaction_defer_reset). */
void compact_defer_reset(struct zone *z, unsigned order);
/** Is there a block for the request, or one that could be claimed (__compact_finished)? */
bool compact_has_block(const struct zone *z, const struct compact_request *rq);

#endif
