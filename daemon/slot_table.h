/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_table.h: the words of one session's movable and reclaimable blocks, shared with its process.
 *
 * A small file of its own, of its full length from birth, which both sides map whole, so that it
 * grows without moving a slot: the daemon brings memory in before slots are used. Anybody on the
 * other side may write anything into it at any time. So what is known of a slot is kept here, in
 * the daemon's own memory, and a word is believed for one thing only: whether it is pinned.
 *
 * Nothing here repeats because of what a word says.
 */
#ifndef DAEMON_SLOT_TABLE_H
#define DAEMON_SLOT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slot.h"

/** Threads that one word wakes at most; others look again when their wait times out. */
#define SLOT_MAX_WAKES 128

struct slot_table;

/**
 * What the tables of several sessions may have together, since a table keeps the memory of the most
 * slots that it ever had in use. Zero-filled but for max it is unused.
 */
struct slot_budget {
    uint64_t max;   /**< slots with memory */
    uint64_t ready; /**< so many have it */
};

/** Slots that each table gets memory for, whatever the others have. */
#define SLOT_TABLE_FREE_SLOTS 512u

/**
 * Make a table of max slots (1 to WIRE_MAX_SLOTS), without memory behind it yet. budget: what it
 * shares with others; it outlives the table. Returns 0 or a negative errno. Release with
 * slot_table_free().
 */
int slot_table_create(uint32_t max, struct slot_budget *budget, struct slot_table **ret);
/** NULL is allowed. */
void slot_table_free(struct slot_table *t);
/**
 * No slot is in use, nor will one be: give some of the memory back, as much as takes no time to
 * speak of. Returns whether there is more.
 */
bool slot_table_drain(struct slot_table *t);
/** The descriptor for the client; it stays the table's. */
int slot_table_fd(const struct slot_table *t);
uint32_t slot_table_max(const struct slot_table *t);
/** Slots that are taken. */
uint32_t slot_table_used(const struct slot_table *t);

/**
 * Have memory behind nr free slots, so that as many can be taken. Returns 0; -ENOSPC when the table
 * has no more; -EDQUOT when the budget is used up; or what the system said.
 */
int slot_table_reserve(struct slot_table *t, uint32_t nr);
/**
 * Take a slot; one was reserved. Slots are used again first-in first-out, each time with the next
 * generation, which is not 0.
 */
uint32_t slot_table_take(struct slot_table *t, uint16_t *ret_generation);
/** Give a slot back: its word is empty, and who waits for it is woken. */
void slot_table_put(struct slot_table *t, uint32_t slot);

/** The word as the client has left it; for display. */
uint64_t slot_table_look(const struct slot_table *t, uint32_t slot);
/** Does the client say that the block is pinned? */
bool slot_table_pinned(const struct slot_table *t, uint32_t slot);
/** Has it been pinned since this was asked last? One try to clear that. */
bool slot_table_referenced(struct slot_table *t, uint32_t slot);
/**
 * Put word there if the block is not pinned, and say what was there. False if it is pinned, or at
 * this moment changes.
 */
bool slot_table_seize(struct slot_table *t, uint32_t slot, uint64_t word, uint64_t *ret_before);
/**
 * Put word there, whatever is there. Who waits is woken, if somebody may: the word says so, or is
 * not in the state that it was left in.
 */
void slot_table_publish(struct slot_table *t, uint32_t slot, uint64_t word, enum slot_state left);

#endif
