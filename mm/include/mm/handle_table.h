/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_table.h: which block a handle names, and whose it is. It survives the daemon.
 *
 * A handle is an index and a generation. Records of freed handles are used again first-in
 * first-out, with the next generation, so that a stale handle is known as such. Records of one
 * owner are linked, so that all that a dead client had is found without a search. Single-threaded
 * by contract, like the zone.
 */
#ifndef MM_HANDLE_TABLE_H
#define MM_HANDLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/types.h"

/** Never the name of a block. */
#define HANDLE_NONE 0u
/** Handles that a table can have at most: a block word has 28 bits for the index. */
#define HANDLE_MAX (1u << 28)
/** No owner. */
#define OWNER_NONE 0u

struct handle_table;
/** The head of one owner's list; zero-filled is empty. Kept by the caller, once for each owner. */
struct handle_owner {
    uint32_t id;    /**< not OWNER_NONE */
    uint32_t first; /**< index + 1 of its first record; 0: none */
    uint32_t nr;
};

/** What a handle names. */
struct handle_info {
    uint64_t handle;
    uint32_t owner;
    uint32_t zone;
    pfn_t pfn;
};

/** The record of a handle, below the table's nr: for what a caller keeps beside it. */
static inline uint32_t handle_index(uint64_t handle)
{
    return (uint32_t)handle;
}

/** Bytes of metadata for a table of nr handles (1 to HANDLE_MAX); 0 if nr is out of range. */
size_t handle_table_bytes(uint32_t nr);
/** Bytes that one handle costs. */
#define HANDLE_RECORD_BYTES 32u

/**
 * Make an empty table in mem: handle_table_bytes(nr), zero-filled, aligned to 64 bytes; it stays
 * the caller's. Memory behind records that were never used is never touched. Returns 0 or -EINVAL.
 */
int handle_table_init(void *mem, uint32_t nr, struct handle_table **ret);

/**
 * Reserve a handle: a name that nobody owns yet. Returns 0, or -ENOSPC when all are in use.
 * Follow with handle_commit() or handle_put().
 */
int handle_get(struct handle_table *t, uint64_t *ret_handle);
/** Give the name to a block and the block to an owner: the point where a grant is made. */
void handle_commit(struct handle_table *t, uint64_t handle, struct handle_owner *owner,
                   uint32_t zone, pfn_t pfn);
/** A block moved: one store, the commit point of a move. */
void handle_move(struct handle_table *t, uint64_t handle, uint32_t zone, pfn_t pfn);
/** End a handle, reserved or committed (owner: its owner, or NULL if it was never committed). */
void handle_put(struct handle_table *t, uint64_t handle, struct handle_owner *owner);

/** What a handle names. -ESTALE when it names nothing, or nothing any more. */
int handle_find(const struct handle_table *t, uint64_t handle, struct handle_info *ret);
/** The first handle of an owner, or HANDLE_NONE. */
uint64_t handle_first(const struct handle_table *t, const struct handle_owner *owner);
/**
 * The first committed handle at index or behind it, looking at no more than max records.
 * Returns true and *ret, or false. *index: where to go on; it is handle_table_end() at the end.
 */
bool handle_next(const struct handle_table *t, uint32_t *index, uint32_t max,
                 struct handle_info *ret);
/** One more than the highest index that was ever used. */
uint32_t handle_table_end(const struct handle_table *t);
/** Handles in use, reserved or committed. */
uint32_t handle_table_used(const struct handle_table *t);
/** Handles that can still be reserved. */
uint32_t handle_table_left(const struct handle_table *t);

/** The tag that marks the block of a handle in its zone (zone_request.tag). */
uint64_t handle_tag(uint64_t handle);
/** The handle of a live block by its tag; HANDLE_NONE if the table knows no such. */
uint64_t handle_of_tag(const struct handle_table *t, uint64_t tag);

/** Verify the table's invariants: -EUCLEAN with a line in why. O(records used). */
int handle_table_check(const struct handle_table *t, char *why, size_t size);

#endif
