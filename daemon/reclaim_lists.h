/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim_lists.h: which reclaimable blocks there are, by zone, owner and section, for mm/lru.h to
 * choose from; and which of those that were discarded their owners are still to be told of.
 *
 * A block is known by its handle's index + 1. What is kept of each lies in memory that is never
 * touched before it is needed.
 */
#ifndef DAEMON_RECLAIM_LISTS_H
#define DAEMON_RECLAIM_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/lru.h"
#include "mm/memory.h"
#include "proto/limits.h"

struct holdings;
struct reclaim_lists;
struct zone_set;

/** What an account, or a group of them, has on lists. Zero-filled but for ring.kind it is nothing.
 */
struct account_lists {
    struct lru_ring ring;
    /* Its own reclaim in the background, reclaimer.h. */
    struct account *account; /**< NULL: it is not in the queue */
    struct account_lists *prev;
    struct account_lists *next;
    struct lru_scan scan;
};

/** What one owner has. */
struct owner_lists {
    struct account_lists own;
    struct account_lists *group;
    uint32_t told_first; /**< discarded blocks that it is to be told of, by id; 0: none */
    uint32_t told_last;
    uint32_t nr_zones;
    struct lruvec vec[]; /**< by zone */
};

struct reclaim_lists {
    struct lru lru;
    struct reclaim_note *note; /**< by id */
    size_t nr;
    struct lru_ring zone[MAX_ZONES];
    uint64_t discarded_pages[MAX_ZONES];
    struct account_lists *first; /**< who reclaims in the background */
    struct account_lists *last;
    /** A block was discarded; may be NULL. */
    void (*discarded)(void *ctx, struct holdings *holdings);
    void *ctx;
};

/** Lists for a table of nr handles. Returns 0 or -ENOMEM. Release with reclaim_lists_free(). */
int reclaim_lists_create(struct zone_set *zs, uint32_t nr, struct reclaim_lists **ret);
/** NULL is allowed. */
void reclaim_lists_free(struct reclaim_lists *ls);

/**
 * Lists for an owner, whose account is known; group: its group's. Returns 0 or -ENOMEM. Release
 * with owner_lists_free().
 */
int owner_lists_create(struct zone_set *zs, struct holdings *holdings, struct account_lists *group);
/** NULL is allowed. */
void owner_lists_free(struct zone_set *zs, struct owner_lists *ol);

/** A reclaimable block of the holdings has pages, in this zone, for the first time or again. */
void reclaim_lists_add(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                       unsigned zone, unsigned order);
/** Its handle ends. */
void reclaim_lists_end(struct zone_set *zs, struct holdings *holdings, uint64_t handle);
/** It was discarded, whoever chose it: its owner is told, if it is to be. */
void reclaim_lists_discarded(struct zone_set *zs, struct holdings *holdings, uint64_t handle);
/** It was moved to another zone. */
void reclaim_lists_move(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                        unsigned zone, unsigned order);
/** It was used just now. */
void reclaim_lists_touch(struct zone_set *zs, struct holdings *holdings, uint64_t handle);

/** An account is to reclaim in the background: it stands in the queue from now on. */
void reclaim_lists_queue(struct reclaim_lists *ls, struct account_lists *al, struct account *a);
/** It is done; allowed if it is not in the queue. */
void reclaim_lists_unqueue(struct reclaim_lists *ls, struct account_lists *al);

/**
 * Pages of a zone that reclaim could bring to an owner, if none were pinned: its own, and what
 * others of its domain have there and are not guaranteed. O(owners).
 */
uint64_t reclaim_lists_pages(const struct reclaim_lists *ls, unsigned zone,
                             const struct holdings *asker);

/**
 * Take discarded blocks that the owner is to be told of, at most max. Returns how many. Those that
 * it has renewed or freed since are not among them.
 */
uint32_t reclaim_lists_take_told(struct zone_set *zs, struct owner_lists *ol, uint64_t *ret_handle,
                                 uint32_t max);

#endif
