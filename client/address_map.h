/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_map.h: what was allocated by address: where it begins, how much it is, and the handles
 * that free it.
 */
#ifndef CLIENT_ADDRESS_MAP_H
#define CLIENT_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_range {
    uintptr_t addr; /**< 0: the place is free */
    uint64_t pages;
    bool exact;        /**< by buddyd_alloc_pages_exact() */
    uint32_t nr;       /**< handles */
    uint64_t handle;   /**< when nr is 1 */
    uint64_t *handles; /**< else nr of them, malloc'd; whoever takes the range out frees them */
};

/** Zero-filled is empty. */
struct address_map {
    struct address_range *entries;
    size_t size; /**< 0 or a power of two */
    size_t used;
    size_t reserved; /**< places promised */
};

/** Make sure that one more range can be added. -ENOMEM. Ends with an add or an unreserve. */
int address_map_reserve(struct address_map *m);
void address_map_unreserve(struct address_map *m);
/** Add a range, on a reservation. -EEXIST when one begins there already; the reservation is over
 * either way. */
int address_map_add(struct address_map *m, const struct address_range *range);
/** The range that begins at addr, or NULL. */
const struct address_range *address_map_find(const struct address_map *m, uintptr_t addr);
/** Take out the range that begins at addr, which is there. */
void address_map_take(struct address_map *m, uintptr_t addr, struct address_range *ret);
/** Forget all. */
void address_map_clear(struct address_map *m);

#endif
