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

struct owner_lists;
struct slot_table;

/** What an owner has, which stays where it is while it has any. Zero-filled but for owner.id and
 * account is nothing. */
struct holdings {
    struct handle_owner owner;
    struct account *account; /**< that pays for it, or NULL */
    uint64_t pages_by_type[NR_MOBILITIES];
    struct slot_table *slots;  /**< of the blocks that may move, or NULL: none may */
    struct owner_lists *lists; /**< of those that can be discarded; there is one if slots is */
    uint32_t nr_leaving;       /**< freed while they move: still paid for, until that has ended */
};

/** What is asked for. */
struct grant_request {
    unsigned node;         /**< to prefer; one that the host has */
    int zone;              /**< the only one to take from, or -1 */
    uint64_t barred_zones; /**< bit i: zone i must not be used; mostly 0, which is fastest */
    uint64_t nodemask;     /**< bit n: node n may be used; 0: all */
    unsigned flags;        /**< REQUEST_* beside MAY_WAIT: its rights, and if it may wait to pass */
    bool tell;             /**< reclaimable ones: the owner is to be told if they are discarded */
    bool may_wait;         /**< it is asked for with a deadline that is still to come */
    enum migratetype type; /**< one of the NR_MOBILITIES */
    unsigned order;        /**< 0 to MAX_PAGE_ORDER; not looked at with exact_pages */
    uint32_t count;        /**< blocks: 1 to WIRE_MAX_BLOCKS; not looked at with exact_pages */
    /** Where it is, if it waits; NULL: it does not wait for compaction. */
    struct path_progress *progress;
    pfn_t exact_pages; /**< 0, or 1 to 2^MAX_PAGE_ORDER: adjoining pages, in one piece */
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
    uint32_t nr_slots;              /**< 0, or nr */
    uint64_t slot[WIRE_MAX_BLOCKS]; /**< as on the wire */
};

/**
 * The request for one block, untagged; with exact_pages, for one of the order that has them all.
 */
struct page_request grant_page_request(const struct holdings *holdings,
                                       const struct grant_request *rq);

/** As alloc_pages(), with what the daemon does beside asking the zones. */
int grant_pages(struct zone_set *zs, struct page_request *prq, struct page_grant *ret,
                struct refusal *ret_refusal);

/**
 * Take blocks and give them to an owner: all of them, or none.
 * With exact_pages: as many blocks as the number has bits set, adjoining, by ascending offset, the
 * largest first. g is scratch when it fails. Returns 0; -ENOMEM with *ret_refusal;
 * -EINPROGRESS when memory is on its way; -ENOSPC when no handles are left, -ENOBUFS when no slots
 * can be had.
 */
int grant_alloc(struct zone_set *zs, struct holdings *holdings, const struct grant_request *rq,
                struct grant *g, struct refusal *ret_refusal);

/**
 * Take one block back. -ESTALE when the handle names no block of this owner. What is moving comes
 * free when that has ended: mover.h.
 */
int grant_free(struct zone_set *zs, struct holdings *holdings, uint64_t handle);

/** Take back up to max of all blocks of an owner; returns how many it has left. */
uint32_t grant_free_some(struct zone_set *zs, struct holdings *holdings, uint32_t max);

/** A block was freed: whose it was does not pay for it any more. */
void grant_uncharge(struct zone_set *zs, const struct holdings *holdings, unsigned zone,
                    unsigned order);
/** A block that was freed while it moved has left the zone. */
void grant_left(struct zone_set *zs, struct holdings *holdings, unsigned zone, unsigned order);

/**
 * Discard a reclaimable block: its pages are free and nobody pays for them; its handle and its slot
 * stay. Returns 0 and the pages; -ESTALE when there is no such block; -EBUSY when it is pinned,
 * does not stand still, or may not be discarded.
 */
int grant_discard(struct zone_set *zs, uint64_t handle, pfn_t *ret_pages);
/**
 * Give discarded blocks of an owner pages again: all of them, or none. Others of its blocks are
 * allowed, and count as used just now. rq: as for an allocation; order, type and count are the
 * blocks'. Returns 0 and where they all are; -ESTALE with the first handle that names no block of
 * this owner; or as grant_alloc(). Nothing is discarded for it that it names itself.
 */
int grant_renew(struct zone_set *zs, struct holdings *holdings, struct grant_request *rq,
                const uint64_t *handle, uint32_t nr, struct grant *g, uint64_t *ret_bad,
                struct refusal *ret_refusal);

/** Pages that an owner has, of all types. */
uint64_t holdings_pages(const struct holdings *holdings);

#endif
