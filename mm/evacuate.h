/* SPDX-License-Identifier: Apache-2.0 */
/* evacuate.h: emptying a range, for the files of mm/ that want one empty. */
#ifndef MM_EVACUATE_INTERNAL_H
#define MM_EVACUATE_INTERNAL_H

#include "mm/evacuate.h"
#include "range.h"

/** What is to be emptied. */
struct evacuate_request {
    pfn_t start; /**< any; the pageblocks and granted blocks that it touches are emptied wholly */
    pfn_t end;
    unsigned types;     /**< a set: of the pageblocks that may be emptied */
    unsigned domain;    /**< in whose file they have to lie; DOMAIN_NONE: any */
    unsigned max_moves; /**< 0: EVACUATE_MOVES */
    bool may_discard;   /**< RECLAIMABLE blocks without room are the caller's to discard */
    bool movable_now;   /**< refuse to begin where a block is in use at present */
    unsigned slice;     /**< blocks to look at in one call, about; 0: all */
    unsigned left;      /**< then: in this one */
};

/** It cannot be done: put to use what is isolated. Returns -EINPROGRESS, and error in the end. */
int evacuate_fail(struct evacuation *ev, int error, struct zone_obstacle *ret);

/** What it is, in blocks, to look at a pageblock, beside the blocks in it. */
#define EVACUATE_STEP_WORK 8u

/**
 * Begin. Returns 0 when the range is empty already, and isolated; -EINPROGRESS; -EAGAIN with *ret,
 * isolated, when only blocks in use are in the way; -EBUSY with *ret, or -ENOMEM with *ret when
 * there is no room for a block, and nothing is changed.
 */
int evacuate_begin(struct evacuation *ev, struct zone *z, const struct evacuate_request *rq,
                   struct zone_obstacle *ret);
/** Go on. Returns as above, but a failure has undone the isolation only. */
int evacuate_continue(struct evacuation *ev, struct zone_obstacle *ret);

/** Look on. Returns 0 when all was looked at and can leave, -EINPROGRESS, or as evacuate_begin().
 */
int evacuate_look(struct evacuation *ev, struct zone_obstacle *ret);
/** How far to go from here, a pageblock's first page, at once: one pageblock, or one block that is
 * larger; all when the look is not in slices. */
pfn_t evacuate_step_end(const struct evacuation *ev, pfn_t at);
/** So much of the slice is used up. */
static inline void evacuate_spend(struct evacuation *ev, unsigned work)
{
    if (ev->slice != 0)
        ev->left = ev->left > work ? ev->left - work : 0;
}

#endif
