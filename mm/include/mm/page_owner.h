/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_owner.h: who had a page last, for a person who looks for a leak or a stray write.
 *
 * A debug option (ZONE_DEBUG_OWNER), as page_owner in Linux. A record is made when a block is
 * granted, follows it when it moves, is divided with it, and stays when it is freed, until its
 * pages are granted again.
 */
#ifndef MM_PAGE_OWNER_H
#define MM_PAGE_OWNER_H

#include "mm/zone.h"

/** Callers that are kept. */
#define PAGE_OWNER_STACK 4u
#define PAGE_OWNER_NAME  16u

/** Who asks for memory, and when: all for the reader of the record alone. */
struct requester {
    uint64_t time;                    /**< in the caller's unit */
    uint64_t stack[PAGE_OWNER_STACK]; /**< return addresses, innermost first; 0: no more */
    char name[PAGE_OWNER_NAME];       /**< kept as it is: ends with 0, or fills its place */
    uint32_t pid;
};

enum page_owner_state {
    PAGE_OWNER_NONE = 0, /**< no record */
    PAGE_OWNER_HAS,      /**< it has the block now */
    PAGE_OWNER_HAD,      /**< it has freed it */
};

struct page_owner {
    struct requester by; /**< zero-filled: the request did not say */
    uint32_t flags;      /**< ALLOC_*, of the request */
    uint8_t order;       /**< of the block, or of the part of it that is left */
    uint8_t type;        /**< enum migratetype, of the request */
    uint8_t state;       /**< enum page_owner_state */
};

/**
 * Bytes of memory for the records of a zone, for zone_config.owner; 0 when the config does not ask
 * for them. It is the caller's, zero-filled, and must outlive the zone.
 */
size_t zone_owner_bytes(const struct zone_config *config);

/**
 * The last record of the page at pfn, which need not be a block's first: its block began at pfn
 * rounded down to the record's order. Returns 0; -ENOENT when it has none; -EINVAL when pfn is
 * outside the zone. O(orders).
 */
int zone_page_owner(struct zone *z, pfn_t pfn, struct page_owner *ret);

#endif
