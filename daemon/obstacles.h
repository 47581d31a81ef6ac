/* SPDX-License-Identifier: Apache-2.0 */
/* obstacles.h: what stands in the way of a range that is to be emptied, by owner. */
#ifndef DAEMON_OBSTACLES_H
#define DAEMON_OBSTACLES_H

#include <stddef.h>
#include <stdint.h>

#include "mm/isolate.h"
#include "proto/wire.h"

struct hub;

/**
 * List blocks of a zone, from start to its end, that cannot leave: those that never move, that are
 * pinned, or have no slot; and what mm/ says, at the least. ret: room for WIRE_MAX_LISTING; names
 * in it are the sessions'. Returns how many. O(blocks behind start).
 */
size_t obstacles_list(struct hub *hub, unsigned zone, pfn_t start, const struct zone_obstacle *told,
                      struct wire_obstacle *ret);

#endif
