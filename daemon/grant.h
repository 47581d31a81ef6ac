/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant.h: giving blocks to an owner, and taking them back.
 *
 * A grant is the zone's pages and a handle that names them, and it is made in that order: names are
 * reserved, pages are taken, and then the handles are committed. Until the commit everything can be
 * undone; from then on the block is the owner's, whatever becomes of the reply.
 */
#ifndef DAEMON_GRANT_H
#define DAEMON_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/account.h"
#include "mm/handle_table.h"
#include "mm/page_alloc.h"
#include "proto/limits.h"
#include "zone_set.h"

/** What an owner has. Zero-filled but for owner.id and account is nothing. */
struct holdings {
    struct handle_owner owner;
    struct account *account; /**< that pays for it, or NULL */
    uint64_t pages_by_type[NR_MOBILITIES];
};

/** What is asked for. */
struct grant_request {
    unsigned node;         /**< to prefer; one that the host has */
    int zone;              /**< the only one to take from, or -1 */
    uint64_t zonemask;     /**< bit i: zone i may be used */
    uint64_t nodemask;     /**< bit n: node n may be used; 0: all */
    unsigned flags;        /**< REQUEST_* beside MAY_WAIT: its rights, and if it may wait to pass */
    bool may_wait;         /**< it is asked for with a deadline that is still to come */
    enum migratetype type; /**< one of the NR_MOBILITIES */
    unsigned order;        /**< 0 to MAX_PAGE_ORDER; not looked at with exact_pages */
    uint32_t count;        /**< blocks: 1 to WIRE_MAX_BLOCKS; not looked at with exact_pages */
    pfn_t exact_pages;     /**< 0, or 1 to 2^MAX_PAGE_ORDER: adjoining pages, in one piece */
};

/** Pages that are asked for, of all blocks together. */
static inline uint64_t grant_request_pages(const struct grant_request *rq)
{
    return rq->exact_pages ? rq->exact_pages : (uint64_t)rq->count << rq->order;
}

/** The blocks of one grant: parallel arrays, nr of each. */
struct grant {
    uint32_t nr;
    uint64_t handle[WIRE_MAX_BLOCKS];
    uint64_t offset[WIRE_MAX_BLOCKS]; /**< bytes from the start of the zone */
    uint32_t zone[WIRE_MAX_BLOCKS];
    uint32_t order[WIRE_MAX_BLOCKS];
};

/**
 * The request for one block, untagged; with exact_pages, for one of the order that has them all.
 */
struct page_request grant_page_request(const struct holdings *holdings,
                                       const struct grant_request *rq);

/**
 * Take blocks and give them to an owner: all of them, or none.
 * With exact_pages: as many blocks as the number has bits set, adjoining, by ascending offset, the
 * largest first. g is scratch when it fails. Returns 0; -ENOMEM with *ret_refusal;
 * -EINPROGRESS when memory is on its way; -ENOSPC when no handles are left.
 */
int grant_alloc(struct zone_set *zs, struct holdings *holdings, const struct grant_request *rq,
                struct grant *g, struct refusal *ret_refusal);

/** Take one block back. -ESTALE when the handle names no block of this owner. */
int grant_free(struct zone_set *zs, struct holdings *holdings, uint64_t handle);

/** Take back up to max of all blocks of an owner; returns how many it has left. */
uint32_t grant_free_some(struct zone_set *zs, struct holdings *holdings, uint32_t max);

/** Pages that an owner has, of all types. */
uint64_t holdings_pages(const struct holdings *holdings);

#endif
