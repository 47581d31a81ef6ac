/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mobile.h: what the daemon knows of blocks that it may move or discard.
 *
 * A record stands for each such block, under the index of its handle, and is the truth: the word in
 * the owner's table of slots is written from it, and is believed only when it says that the block
 * is pinned. Blocks of sessions without slots, and unmovable ones, have no record, and stay.
 *
 * A block whose content was discarded has no pages, and nobody pays for it; but its handle, its
 * slot and its record live until it is freed, and it can get pages again. Its handle names
 * MOBILE_NOWHERE in the place of a zone.
 *
 * Handles given to these functions are live ones; those of blocks without a record are allowed.
 */
#ifndef DAEMON_MOBILE_H
#define DAEMON_MOBILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/handle_table.h"
#include "mm/memory.h"

struct holdings;
struct slot_table;
struct zone_set;

/** The zone that the handle of a discarded block names. */
#define MOBILE_NOWHERE MAX_ZONES

enum mobile_state {
    MOBILE_NONE = 0,  /**< no record: the block stays where it is */
    MOBILE_NORMAL,    /**< may be moved or discarded while it is not pinned */
    MOBILE_MOVING,    /**< its bytes are being copied; nobody can pin it */
    MOBILE_DISCARDED, /**< without pages */
    MOBILE_RENEWING,  /**< it has pages again, and nobody knows yet */
};

/** To be read only. */
struct mobile {
    struct holdings *holdings; /**< whose it is */
    uint32_t slot;
    uint16_t generation;
    uint8_t state; /**< enum mobile_state */
    uint8_t type;  /**< MIGRATE_MOVABLE or MIGRATE_RECLAIMABLE */
    uint8_t order;
    bool tell;           /**< the client wants to be told when it is discarded */
    bool referenced;     /**< so was the word when it was seized */
    bool pinned;         /**< so it was found last, and is charged as such */
    bool kept;           /**< not to be discarded at present */
    bool found;          /**< pinned, and mobiles_unpinned() has not found otherwise */
    uint32_t found_prev; /**< index + 1 of the others; 0: none */
    uint32_t found_next;
};

struct mobiles;

/** Make records for a table of nr handles. Returns 0 or -ENOMEM. Release with mobiles_free(). */
int mobiles_create(uint32_t nr, struct mobiles **ret);
/** NULL is allowed. */
void mobiles_free(struct mobiles *ms);
/** Records in use. */
uint32_t mobiles_used(const struct mobiles *ms);
/**
 * Look at the records behind *index, at most max of them, and bring up to date what is charged as
 * pinned. *index: where to go on; 0 after the last.
 */
void mobiles_sample(struct zone_set *zs, uint32_t *index, uint32_t max);

/** How many blocks were found pinned, and not pinned no more by mobiles_unpinned(). */
uint32_t mobiles_found(const struct mobiles *ms);
/**
 * Look at those, at most *budget of them, which is lowered by as many. Returns whose the first one
 * is that is pinned no more, and forgets it; or NULL.
 */
struct holdings *mobiles_unpinned(struct zone_set *zs, uint32_t *budget);
/** Bit i: of such blocks in zone i one was found pinned no more, or was freed, since this was asked
 * last. */
uint64_t mobiles_unpinned_zones(struct mobiles *ms);

/** What is known of a block. A block without a record is in state MOBILE_NONE. */
const struct mobile *mobile_of(const struct zone_set *zs, uint64_t handle);

/* ---- grants ---- */

/** A block that was just committed; its slot was reserved. Its word says NORMAL from now on. */
void mobile_grant(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                  enum migratetype type, unsigned order, bool tell);
/** The handle is about to end: its word is empty, its slot is free. */
void mobile_end(struct zone_set *zs, uint64_t handle);
/** The slot as it is named on the wire; 0 for a block without a record. */
uint64_t mobile_slot_name(const struct zone_set *zs, uint64_t handle);

/* ---- moves ---- */

/** Could the block of this tag be moved or discarded now? A cheap look (zone_ops.movable). */
bool mobile_movable(struct zone_set *zs, uint64_t tag);
/** Begin to move it: from now on nobody can pin it. False: it is pinned, or does not stand still.
 */
bool mobile_try_move(struct zone_set *zs, uint64_t handle);
/**
 * Its move has ended, well or not: it stands where its handle says, and can be pinned there. Who
 * waits for it is woken.
 */
void mobile_moved(struct zone_set *zs, uint64_t handle);

/* ---- reclaim ---- */

/** Does the client say that it is pinned? */
bool mobile_pinned(struct zone_set *zs, uint64_t handle);
/** How often it is pinned, as the client says; for display. */
uint32_t mobile_pins(const struct zone_set *zs, uint64_t handle);
/** Has it been pinned since this was asked last? */
bool mobile_referenced(struct zone_set *zs, uint64_t handle);
/**
 * Discard it: the next pin will say so. False: it is pinned, does not stand still, is kept, or is
 * not reclaimable. Else the caller takes its pages; see grant_discard(), which does all of it.
 */
bool mobile_try_discard(struct zone_set *zs, uint64_t handle);
/** It is not to be discarded until this is taken back, if it can be at all. */
void mobile_keep(struct zone_set *zs, uint64_t handle, bool keep);
/** It is to have pages again, and is not to be found twice while they are sought; or not after all.
 */
void mobile_renewing(struct zone_set *zs, uint64_t handle, bool renewing);
/** It has pages again; handle_move() has said where. */
void mobile_renewed(struct zone_set *zs, uint64_t handle);

#endif
