/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate.h: emptying a range of pageblocks, split-phase, since what is granted there must move.
 *
 * The range is looked at and isolated; then its blocks move, a few at a time, to places outside it.
 * Who began it calls its continue function whenever a move in the zone has ended, until that
 * answers something else than -EINPROGRESS. Owners may free their blocks meanwhile.
 *
 * All is looked at in one call, or, if the request says so, in slices of so many blocks: then more
 * is set while there is more to look at, and it is to be continued soon. What changes between
 * slices is found when the range is isolated, at the latest. What was isolated is put to use again
 * in slices, too, before a failure is answered.
 *
 * A block that its owner uses (zone_ops.movable, or move says no) is passed over and tried again
 * whenever it is continued. When nothing else is in the way any more, the answer is -EAGAIN with
 * OBSTACLE_PINNED: the range is still isolated, and it is for the caller to say how long to wait.
 *
 * RECLAIMABLE blocks that have no room elsewhere need not stay in the way: where the request says
 * so, to_discard names one, and it is for the caller to free it, and to continue at once.
 *
 * Whether it can be done is looked at before anything is changed. What can go wrong later: others
 * take the memory that was free, or a block's move is aborted again and again. Then the range is in
 * use again, as it was but for the blocks that have moved; those stay where they are, and moves
 * that are under way go on.
 */
#ifndef MM_EVACUATE_H
#define MM_EVACUATE_H

#include "mm/isolate.h"

/** How often a block may fail to move while none before it leaves (migrate_pages' tries in
 * __alloc_contig_migrate_range). */
#define EVACUATE_TRIES 5u
/** Moves that are under way at a time, unless the caller says otherwise (SWAP_CLUSTER_MAX). */
#define EVACUATE_MOVES 32u

/** Free blocks of one domain outside the range. */
struct evacuation_room {
    pfn_t nr[NR_MOBILITIES][NR_PAGE_ORDERS];
};

/** How far the range was looked at. */
struct evacuation_look {
    enum {
        LOOK_CHECK = 0, /**< what lies there: may it leave? */
        LOOK_ROOM,      /**< what is free elsewhere, for one domain */
        LOOK_PLACES,    /**< for its blocks */
        LOOK_DONE,
    } phase;
    pfn_t at;           /**< the look goes on here */
    uint64_t domains;   /**< that have blocks in the range */
    uint64_t unplanned; /**< of them: whose room is not known to be enough yet */
    struct evacuation_room room;
};

/** One range on its way to be empty. The caller's memory; but for to_discard, more and isolated its
 * fields are not for the caller. */
struct evacuation {
    struct zone *z;
    pfn_t start; /**< what is isolated: whole pageblocks, and no granted block straddles it */
    pfn_t end;
    pfn_t wanted;     /**< where what was asked for begins, at start or behind it */
    pfn_t clean;      /**< up to here nothing is granted any more */
    pfn_t begun;      /**< up to here moves have been begun */
    pfn_t to_discard; /**< with -EINPROGRESS: the caller is to free this block; else PFN_NONE */
    bool more;        /**< with -EINPROGRESS: continue soon, whatever ends */
    unsigned slice;   /**< blocks to look at in one call; 0: all */
    unsigned left;    /**< of it, in this one; never 0 when all are */
    struct evacuation_look look;
    pfn_t isolated;                /**< up to here the range is */
    pfn_t undone;                  /**< after a failure: up to here it is so no more */
    int failed;                    /**< the answer when it is undone; 0: it has not failed */
    struct zone_obstacle obstacle; /**< then */
    unsigned types;                /**< a set: of the pageblocks that may be emptied */
    unsigned domain;               /**< in whose file they have to lie; DOMAIN_NONE: any */
    bool movable_now;
    bool may_discard;
    bool discards; /**< there is not room for all: no RECLAIMABLE block moves */
    unsigned max_moves;
    unsigned tries; /**< of moves that were aborted, since clean went on */
};

/**
 * Give up what answered -EINPROGRESS or -EAGAIN last: in the end nothing is isolated any more;
 * moves go on. Returns whether that has come; else call it again, soon, and nothing but it.
 */
bool evacuate_cancel(struct evacuation *ev);

#endif
