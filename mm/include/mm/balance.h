/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balance.h: the balancer of a node, which reclaims in the background until its zones are above
 * high again (kswapd).
 *
 * It works in steps, each as long as the caller likes; between them anything may happen. The rules
 * are those of wakeup_kswapd, balance_pgdat and kswapd_try_to_sleep. Reclaim itself is the
 * caller's: struct balance_ops. Single-threaded by contract.
 */
#ifndef MM_BALANCE_H
#define MM_BALANCE_H

#include "mm/lru.h"
#include "mm/memory.h"

/** After so many runs in a row that freed nothing it gives up (MAX_RECLAIM_RETRIES). */
#define BALANCE_MAX_FAILURES 16u

struct balance_ops {
    /** One round over a zone's lists: as lru_round() of the zone's ring. */
    int (*shrink)(void *ctx, unsigned zone, struct lru_scan *s, unsigned budget);
    /**
     * Enough is free, but perhaps not together: compact the node's zones up to the class, until
     * there is a block of the order in one (wakeup_kcompactd). NULL: nothing.
     */
    void (*wake_compactor)(void *ctx, unsigned node, unsigned order, enum zone_kind class);
};

/** To be read only. */
struct balancer {
    struct memory *m;
    unsigned node;
    const struct balance_ops *ops;
    void *ctx;

    bool woken;                /**< something is to be done after the present run; */
    unsigned next_order;       /**< the largest that was asked for (kswapd_order), */
    enum zone_kind next_class; /**< the highest (kswapd_highest_zoneidx) */

    bool running;
    unsigned wanted_order; /**< that the run began with */
    unsigned order;        /**< 0 once enough was reclaimed for the larger one */
    enum zone_kind class;
    pfn_t boost[MAX_ZONES]; /**< by which the zones' marks were raised when the run began */
    uint64_t boosted;       /**< bit i: zone i was among them */
    uint64_t boost_pages;   /**< that are to be reclaimed for it still, though it is balanced */
    uint64_t freed_pages;   /**< by the run */
    struct lru_scan scan;   /**< of the present round */
    bool in_round;
    unsigned zone; /**< that the round is at */

    unsigned failures; /**< runs in a row that freed nothing */
};

/** A balancer that sleeps. ops, with shrink: to be kept. */
void balancer_init(struct balancer *b, struct memory *m, unsigned node,
                   const struct balance_ops *ops, void *ctx);
/**
 * A zone of the node is low for requests of this order and class (wakeup_kswapd). Returns whether
 * balancer_step() is to be called. If it has given up, or the node is balanced and no mark is
 * raised, it sleeps on, and the compactor is woken for a caller that cannot reclaim by itself.
 */
bool balancer_wake(struct balancer *b, unsigned order, enum zone_kind class, bool may_wait);
/** Somebody else's reclaim has freed something: it is worth another try. */
void balancer_revive(struct balancer *b);
/**
 * Go on; looks at about budget blocks at most. Returns whether there is more to do.
 */
bool balancer_step(struct balancer *b, unsigned budget);
/** Is one zone of the node, up to the class, above high for the order (pgdat_balanced)? */
bool node_balanced(struct memory *m, unsigned node, unsigned order, enum zone_kind class);

#endif
