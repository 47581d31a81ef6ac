/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lru.h: which reclaimable blocks are discarded first.
 *
 * Blocks are known by ids, the caller's, from 1 on; for each there is a link record in one array.
 * The blocks of one owner in one zone are in one lruvec (struct lruvec of a memcg and a node), and
 * lruvecs in rings: those of a zone, of an account, of a group. Reclaim takes from a ring, from
 * each lruvec in proportion to what it has, and leaves alone what its owner is guaranteed.
 *
 * A lruvec has two lists, as Linux has. New blocks wait on the inactive list; at its end they are
 * discarded, unless they were used meanwhile: the first time that may be their being filled, and
 * they wait once more; the second time they go over to the active list, from which they come back
 * when it is long. A block that is renewed soon after it was discarded begins on the active list
 * (mm/workingset.c): it was discarded only because the active list left so little room.
 *
 * All memory is the caller's. Single-threaded by contract.
 */
#ifndef MM_LRU_H
#define MM_LRU_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/account.h"

/** Where a round of reclaim begins: it looks at 1 / 2^12 of what there is (DEF_PRIORITY). */
#define LRU_PRIORITY 12u

/** Which list a block is on. */
enum lru_place {
    LRU_NONE = 0,
    LRU_INACTIVE,
    LRU_ACTIVE,
    LRU_TAKEN,     /**< off its list while it is asked for, and given up */
    LRU_DISCARDED, /**< on no list; when it was discarded is kept */
};

/** One block's. Zero-filled it is on no list. Private. */
struct lru_link {
    uint32_t older;
    uint32_t younger;
    uint8_t place; /**< enum lru_place */
    uint8_t order;
    bool used; /**< it was found used once */
};

/** The rings that a lruvec can be in. */
enum lru_ring_kind { LRU_OF_ZONE, LRU_OF_ACCOUNT, LRU_OF_GROUP, LRU_NR_RINGS };

struct lruvec;

/** Lruvecs from which is reclaimed together. Zero-filled, with its kind, it is empty. */
struct lru_ring {
    enum lru_ring_kind kind;
    unsigned nr;         /**< lruvecs in it */
    struct lruvec *next; /**< whose turn it is; NULL: there is none */
    uint64_t nr_pages;   /**< on all lists */
};

struct lru_list {
    uint32_t oldest;
    uint32_t youngest;
    uint64_t nr_pages;
};

/** What one owner has in one zone. To be read only, but for account, zone and owner. */
struct lruvec {
    struct account *account; /**< whose guarantee protects it, or its group's; NULL: none */
    unsigned zone;           /**< its id */
    void *owner;             /**< the caller's */
    struct lru_list list[LRU_ACTIVE + 1]; /**< by place; that of LRU_NONE is not used */
    uint64_t nr_pages;                    /**< on both lists */
    uint32_t age; /**< pages that left the inactive list, discarded or to the active one */
    int64_t owed; /**< what is to be looked at still, in 1/2^12 pages; negative: it was too much */
    struct {
        struct lru_ring *ring; /**< NULL: it is in none of the kind */
        struct lruvec *prev;
        struct lruvec *next;
    } in[LRU_NR_RINGS];
};

/** What reclaim asks the caller. The callbacks must not call into the lists. */
struct lru_ops {
    /** Has the block been used since this was asked last? It tests and clears. */
    bool (*referenced)(void *ctx, struct lruvec *v, uint32_t id);
    /**
     * Discard the block, with all that belongs to it: its pages, and what its account is charged.
     * Returns the pages that came free; 0: it is pinned, or may not be discarded at present. Its
     * link is for this side to mind.
     */
    pfn_t (*discard)(void *ctx, struct lruvec *v, uint32_t id);
};

/** The links of all blocks, and who is asked. */
struct lru {
    struct lru_link *link; /**< by id; that of 0 is not used, but must be there */
    const struct lru_ops *ops;
    void *ctx;
};

/**
 * What a reclaim is after, and how far it has come (struct scan_control). To begin: want_pages and
 * priority set, all else 0 or as it is to be.
 */
struct lru_scan {
    uint64_t want_pages; /**< it ends when so many have come free */
    unsigned priority;   /**< LRU_PRIORITY down to 0: of each list 1/2^priority is looked at */
    uint64_t domains;    /**< bit d: from owners of domain d; 0: from all */
    bool own;            /**< for the owners' own sake: what they are guaranteed is no obstacle */
    uint64_t freed_pages;
    uint64_t scanned_pages; /**< in the blocks that were looked at */
    uint64_t pinned_pages;  /**< of those: asked for in vain */
    uint64_t spent;         /**< of all budgets */
    bool in_round;          /**< private: a round goes on, */
    bool in_visit;          /**< at a lruvec that has its share already, */
    unsigned left;          /**< and so many are to be visited still */
};

/** A lruvec is in a ring from now on; it must be in none of the ring's kind. O(1). */
void lru_ring_add(struct lru_ring *r, struct lruvec *v);
/** It is in no ring of the kind any more; allowed if it is in none. O(1). */
void lru_ring_del(struct lruvec *v, enum lru_ring_kind kind);

/**
 * A block of 2^order pages that was just granted, or renewed, goes on the lists. It must be on
 * none. A renewed one is known by its link, unless lru_del() was called since. O(1).
 */
void lru_add(struct lru *l, struct lruvec *v, uint32_t id, unsigned order);
/**
 * A block ends, or goes to another lruvec. Allowed for blocks that are on no list, of which it is
 * forgotten that they were discarded. v: the lruvec that it was added to. O(1).
 */
void lru_del(struct lru *l, struct lruvec *v, uint32_t id);
/** A block was used just now; nothing happens if it is on no list. O(1). */
void lru_touch(struct lru *l, struct lruvec *v, uint32_t id);
/** Is the block on a list? */
bool lru_listed(const struct lru *l, uint32_t id);

/** Pages that its owner has on the lists and is not guaranteed in the zone (with its group). */
uint64_t lruvec_spare_pages(const struct lruvec *v);
/** What of a ring could be reclaimed for others. O(lruvecs). */
uint64_t lru_ring_spare_pages(const struct lru_ring *r);

/**
 * Go round a ring once: visit each lruvec, look at 1/2^priority of its pages, and discard what is
 * old and was not used (shrink_lruvec). Who was visited last comes last. What a round owes to a
 * small list, or took too much for a large block, is remembered for the next. Looks at budget
 * blocks at most, a visit counting as one. Returns 0 at the round's end, or when want_pages have
 * come free; -EAGAIN when the budget was spent before: call it again, with the same *s.
 */
int lru_round(struct lru *l, struct lru_ring *r, struct lru_scan *s, unsigned budget);
/**
 * Rounds at ever higher pressure, from s->priority down to 0 (do_try_to_free_pages). Returns 0 when
 * want_pages have come free; -EAGAIN when the budget was spent before: call it again; -ENOENT when
 * all was looked at, and no more is to be had now.
 */
int lru_reclaim(struct lru *l, struct lru_ring *r, struct lru_scan *s, unsigned budget);

#endif
