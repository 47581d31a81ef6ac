/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact.h: moving blocks together, so that free memory comes to lie together, too.
 *
 * For a block of some order (compact_zone in Linux): from the zone's start upwards, aligned windows
 * of that order are emptied whose blocks can all move, into free blocks that are taken from the
 * zone's end downwards, until such a block is free or the two meet. Nothing is moved out of a
 * window that could not be emptied.
 *
 * For the whole zone (COMPACT_WHOLE_ZONE): pageblocks are emptied, those with the least content
 * first, into the free blocks of the fullest that fit best, as long as what is left has room.
 *
 * Blocks move as zone_move_begin() says: split-phase, within their domain. Only those of less than
 * a pageblock that are MOVABLE or RECLAIMABLE and zone_ops.movable. Isolated pageblocks, and those
 * of HIGHATOMIC, are left alone. Between two steps everything may be granted, freed, moved,
 * isolated, grown or shrunk.
 *
 *     compact_begin(); then compact_step() in slices while that answers COMPACT_CONTINUE: when
 *     nr_moving is not 0, not before one of those moves has ended.
 */
#ifndef MM_COMPACT_H
#define MM_COMPACT_H

#include "mm/page_alloc.h"

/** The order of a request to compact all of a zone as well as can be. */
#define COMPACT_WHOLE_ZONE NR_PAGE_ORDERS
/** Moves of a compaction that are under way at most (COMPACT_CLUSTER_MAX). */
#define COMPACT_MOVES 32u
/** How finely pageblocks are told apart by their content, to empty those with least first. */
#define COMPACT_LEVELS 256u
/** compact_request.flags: do not ask whether there is enough to compact with, and move below the
 * min mark. */
#define COMPACT_NO_MARKS 0x1u
/** Look again into pageblocks where the last runs found nothing to move. FULL does by itself. */
#define COMPACT_IGNORE_SKIP 0x2u

/** What is wanted. */
struct compact_request {
    unsigned order;        /**< 1 to MAX_PAGE_ORDER, or COMPACT_WHOLE_ZONE */
    enum migratetype type; /**< of the block; not looked at for the whole zone, nor are these: */
    unsigned domain;       /**< whose blocks move, and who wants the block */
    unsigned alloc_flags;  /**< ALLOC_* of the request */
    enum zone_kind class;  /**< its highest kind of zone */
    /**
     * ASYNC: only pageblocks of the type (MOVABLE: and CMA) are emptied. FULL: from the zone's
     * bounds, skipping nothing, and into pageblocks of other types too.
     */
    enum compact_priority priority;
    unsigned flags;      /**< COMPACT_* */
    unsigned stop_score; /**< the whole zone: stop when zone_compact_score() is this; 0: do not */
    /**
     * Granted the moment that the block is there, before anybody else can have it
     * (capture_control); NULL: no. Not copied; marks, account and guarantees have been asked by the
     * caller.
     */
    const struct zone_request *capture;
};

/** A move that was begun. */
struct compact_move {
    pfn_t from;
    pfn_t to;
    unsigned order;
    uint64_t tag;
};

/** One run. The caller's memory, until a step answers something else than COMPACT_CONTINUE, or
 * compact_cancel(). To be read only, and not at all behind nr_moving. */
struct compaction {
    struct zone *z;
    struct compact_request rq;
    pfn_t captured;        /**< the block for rq.capture, or PFN_NONE */
    uint64_t scanned;      /**< blocks that were looked at */
    uint64_t moved_blocks; /**< whose moves have succeeded */
    uint64_t moved_pages;
    uint64_t aborted_pages; /**< whose moves have not */
    uint64_t pinned_pages;  /**< that could move, were they not in use: zone_ops.movable, move */
    unsigned nr_moving;     /**< moves to be waited for */

    struct compact_move move[COMPACT_MOVES];
    unsigned phase;
    int64_t budget; /**< what is left of the step's */
    pfn_t window;   /**< where the window begins that is being emptied */
    pfn_t window_end;
    pfn_t cursor; /**< where in it, or in the zone, the work goes on */
    pfn_t next;   /**< from where on to look for the next window */
    pfn_t live;   /**< granted pages of the window, or pageblock, as far as it was looked at */
    pfn_t vacant; /**< free ones */
    bool stays;   /**< something in the pageblock cannot move */
    bool useful;  /**< something was moved out of the pageblock */
    /* For a block: where the search for a free block of each order goes on. */
    pfn_t hole[NR_MOBILITIES][NR_PAGE_ORDERS];
    /* For the whole zone. */
    unsigned level;
    unsigned pass;
    pfn_t place;                     /**< of the pageblock in the order */
    pfn_t first[COMPACT_LEVELS + 1]; /**< of the pageblocks of a level; PFN_NONE: none */
    pfn_t room[MAX_DOMAINS];         /**< free pages in pageblocks that stay in use */
    pfn_t cut;   /**< pageblocks with a place below this are to be emptied, if all goes well */
    pfn_t slack; /**< free pages in all pageblocks that are in use: what could be won yet */
    pfn_t large; /**< pages in empty pageblocks when the pass began */
};

/**
 * Begin. Returns 0; -EAGAIN when it failed too often lately (deferred), -ENOMEM when too little is
 * free (skipped): both never at COMPACT_WHOLE_ZONE; -EBUSY while another compaction of the zone
 * runs; -EINVAL. O(domains).
 */
int compact_begin(struct compaction *c, struct zone *z, const struct compact_request *rq);

/**
 * Go on: look at about budget blocks and pageblocks, and begin moves. Returns COMPACT_CONTINUE;
 * COMPACT_SUCCESS when the block is there (the whole zone: it was done to the end, or is at its
 * stop_score); COMPACT_FAILED when it was done to the end and there is none.
 */
enum compact_result compact_step(struct compaction *c, unsigned budget);

/** Give up what answered COMPACT_CONTINUE last; moves that are under way go on. */
void compact_cancel(struct compaction *c);

/**
 * Is there a point in compacting for this order (compaction_suit_allocation_order)?
 * COMPACT_SUCCESS: no need, there is a block, above the mark; COMPACT_SKIPPED: too little is free,
 * or it would be a shortage rather than fragmentation; COMPACT_CONTINUE: yes. mark: that the
 * request asks.
 */
enum compact_result zone_compact_suitable(struct zone *z, const struct compact_request *rq,
                                          enum zone_watermark mark);

/**
 * What stood in the way of earlier compactions may have gone: the next one is not left out, however
 * often they failed. (In Linux they are counted on; there a page is pinned for a moment.)
 */
void zone_compact_retry(struct zone *z);

/** How much of what is free lies in less than pageblocks, in percent (fragmentation_score_zone). */
unsigned zone_compact_score(struct zone *z);
/** The same, weighted by the zone's share of its node's pages: add up those of all zones of a node
 * (fragmentation_score_node), and compare with compact_score_high(). */
unsigned zone_proactive_score(struct zone *z, uint64_t node_pages);
/** Compact a node above this, down to compact_score_low(): proactiveness is 0 to 100
 * (fragmentation_score_wmark). */
unsigned compact_score_high(unsigned proactiveness);
unsigned compact_score_low(unsigned proactiveness);

#endif
