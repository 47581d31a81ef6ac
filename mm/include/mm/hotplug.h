/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug.h: adding pageblocks at a zone's end, and taking them off, up to what its metadata has
 * room for.
 *
 * The marks are for the caller to set up again, with watermarks_setup().
 */
#ifndef MM_HOTPLUG_H
#define MM_HOTPLUG_H

#include "mm/evacuate.h"

/**
 * Add free pageblocks, MOVABLE, that lie in domain's file (online_pages in Linux). Returns 0;
 * -EINVAL when nr_pages is 0, no multiple of the pageblock or more than the zone's maximum allows,
 * or there is no such domain.
 */
int zone_grow(struct zone *z, pfn_t nr_pages, unsigned domain);

/**
 * Take the last nr_pages pages off the zone (offline_pages); all of them is allowed. Blocks that
 * are granted there move first, or are discarded (evacuate.h). Returns 0 when they are off;
 * -EINPROGRESS when blocks have to move: call zone_shrink_continue() when a move has ended; -EAGAIN
 * with *ret_obstacle when only blocks in use are in the way: call it when they may not be; -EBUSY
 * with *ret_obstacle; -ENOMEM with *ret_obstacle, a block that has no room in the rest; -EINVAL
 * when nr_pages is 0, no multiple of the pageblock, or more than the zone has; then nothing is
 * changed. ret_obstacle may be NULL. slice: blocks to look at in one call, about; 0: all
 * (evacuate.h).
 */
int zone_shrink_sliced(struct zone *z, pfn_t nr_pages, bool may_discard, unsigned slice,
                       struct evacuation *ev, struct zone_obstacle *ret_obstacle);
/** The same, looking at all in one call. */
static inline int zone_shrink(struct zone *z, pfn_t nr_pages, bool may_discard,
                              struct evacuation *ev, struct zone_obstacle *ret_obstacle)
{
    return zone_shrink_sliced(z, nr_pages, may_discard, 0, ev, ret_obstacle);
}
/**
 * Go on. Returns as zone_shrink(); when it fails, nothing is isolated any more, and what has moved
 * has moved. -EBUSY, too, when the zone has grown meanwhile. evacuate_cancel() gives it up.
 */
int zone_shrink_continue(struct evacuation *ev, struct zone_obstacle *ret_obstacle);

#endif
