/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contiguous.h: room for blocks of more than a pageblock, in a zone that has enough free, but not
 * together.
 *
 * While a request for such a block waits, the best window of the zone is emptied for it: what can
 * move moves, and reclaimable blocks without room elsewhere are discarded. The window comes free as
 * one block, and those who wait are served from it in their order, by the usual way: what is free
 * is kept for them, so nobody comes between.
 *
 * One window of a zone at a time: those who want different blocks take turns.
 */
#ifndef DAEMON_CONTIGUOUS_H
#define DAEMON_CONTIGUOUS_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/types.h"

struct contiguous;
struct demand;
struct hub;

/** First and longest time between two looks at a zone's windows. The first one again when a pin
 * ends that may have been in the way. */
#define CONTIGUOUS_RETRY_MS     50u
#define CONTIGUOUS_MAX_RETRY_MS 5000u
/** Blocks of a zone that are looked at in a turn of the loop, about: half of 100 us of work. */
#define CONTIGUOUS_SLICE 512u
/** How long blocks of a window that are pinned are waited for, since the last one left, and in all
 * while nothing moves. */
#define CONTIGUOUS_PATIENCE_MS     500u
#define CONTIGUOUS_MAX_PATIENCE_MS 2000u

/** Returns 0 or -ENOMEM. Release with contiguous_free(). */
int contiguous_create(struct hub *hub, struct contiguous **ret);
/** NULL is allowed. */
void contiguous_free(struct contiguous *ct);
/** Begin to serve; the hub's mover has been started. */
void contiguous_start(struct contiguous *ct);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void contiguous_stop(struct contiguous *ct);

/**
 * One who waits was refused by the zone for its fragmentation: empty a window for such a block, as
 * long as somebody does not leave. Returns what is to be left; NULL for small orders, or when there
 * is no memory to note it.
 */
struct demand *contiguous_want(struct contiguous *ct, unsigned zone, unsigned order,
                               enum migratetype type, unsigned domain);
/** Blocks of these zones (bits) that were found pinned are so no more: for whom pins were in the
 * way it is looked again soon. */
void contiguous_hasten(struct contiguous *ct, uint64_t zones);
/** It waits for that no more. NULL is allowed. */
void contiguous_leave(struct contiguous *ct, struct demand *d);

#endif
