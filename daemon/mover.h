/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mover.h: the bytes of blocks on their way to another place.
 *
 * mm/ begins a move (zone_ops.move); the block's word is seized, and the bytes are copied on the
 * thread pool, those of all moves of one turn of the loop together, up to MOVER_BATCH in a job.
 * Back on the loop the handle is changed, which commits the move, then the word, then the zone.
 * A block that was freed meanwhile ends there, and its owner lives at least until then.
 */
#ifndef DAEMON_MOVER_H
#define DAEMON_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/memory.h"

struct hub;
struct mover;

/** Moves in one job. */
#define MOVER_BATCH 32u
/** Who can be told of the ends of moves. */
#define MOVER_MAX_LISTENERS 8u

/** Returns 0 or -ENOMEM. Release with mover_free(). */
int mover_create(struct hub *hub, struct mover **ret);
/** NULL is allowed. */
void mover_free(struct mover *m);
/** Begin to serve the moves of the hub's zones. */
void mover_start(struct mover *m);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void mover_stop(struct mover *m);

/**
 * Call ended(ctx, zones) whenever moves have ended, done or not, and their blocks are settled; bit
 * i of zones: some began in zone i. There is room for MOVER_MAX_LISTENERS.
 */
void mover_listen(struct mover *m, void (*ended)(void *ctx, uint64_t zones), void *ctx);

/**
 * Begin to copy a block of a zone to a place of the same size in a zone, which may be another one:
 * for zone_ops.move. tag: the block's. False: it is pinned, or has no slot, or there is no memory
 * for the job: nothing has begun.
 */
bool mover_begin(struct mover *m, struct zone *from_zone, pfn_t from, struct zone *to_zone,
                 pfn_t to, unsigned order, uint64_t tag);

/** Pages of a zone's blocks that were moved. */
uint64_t mover_pages(const struct mover *m, unsigned zone);

#endif
