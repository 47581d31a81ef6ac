/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolate.h: taking ranges of pageblocks out of use.
 *
 * What is free in an isolated pageblock stays free, but is granted to nobody and counts as free for
 * nobody; what is freed there stays there; what is granted there stays granted until its owner
 * frees it or it is moved away. So a range can be emptied, for a contiguous request (contig.h) or
 * to take it off the zone (hotplug.h).
 */
#ifndef MM_ISOLATE_H
#define MM_ISOLATE_H

#include "mm/zone.h"

/** Why a range cannot be taken out of use, or emptied. */
enum obstacle_reason {
    OBSTACLE_NONE = 0,
    OBSTACLE_UNMOVABLE,  /**< a block that must stay where it is */
    OBSTACLE_BUSY,       /**< a block that moves, is moved to, or passes to another domain */
    OBSTACLE_UNBACKED,   /**< a pageblock without memory */
    OBSTACLE_ISOLATED,   /**< a pageblock that is isolated already */
    OBSTACLE_STRADDLES,  /**< a granted block that lies partly outside the range */
    OBSTACLE_KEPT,       /**< a pageblock that is kept for other requests than this */
    OBSTACLE_ELSEWHERE,  /**< a pageblock in another domain's file */
    OBSTACLE_NO_ROOM,    /**< a block that could leave, had it a place to go to */
    OBSTACLE_ABORTED,    /**< a block whose move has failed too often */
    OBSTACLE_GRANTED,    /**< a granted block, where all has to be free */
    OBSTACLE_BEHIND,     /**< pageblocks that were added behind the range */
    OBSTACLE_BAD,        /**< a block that was written to while it was free */
    OBSTACLE_PINNED,     /**< a block that could leave, but its owner uses it: zone_ops.movable */
    OBSTACLE_GUARANTEED, /**< the range begins there: accounts are guaranteed what it would take */
};

/** What stood in the way: a person can look there. */
struct zone_obstacle {
    enum obstacle_reason reason;
    pfn_t pfn; /**< of the block */
};

/**
 * Isolate a range of whole pageblocks (start_isolate_page_range in Linux). Granted blocks stay,
 * unless they are UNMOVABLE or busy. Returns 0; -EBUSY with *ret_obstacle, which may be NULL, and
 * nothing changed; -EINVAL when the range is empty, not of whole pageblocks, or leaves the zone.
 * O(blocks in the range).
 */
int zone_isolate_range(struct zone *z, pfn_t start, pfn_t nr_pages,
                       struct zone_obstacle *ret_obstacle);

/**
 * Give each pageblock of an isolated range the type that it had; its free blocks are in use and
 * merge again (undo_isolate_page_range). Returns 0, or -EINVAL, with nothing changed, when a
 * pageblock of the range is not isolated, or a granted block lies partly outside.
 */
int zone_undo_isolate(struct zone *z, pfn_t start, pfn_t nr_pages);

#endif
