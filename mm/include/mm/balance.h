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
    unsigned failures; /**< runs in a row that freed nothing */

    bool woken;                /**< there is to be a run, after the present one: */
    unsigned next_order;       /**< the largest order that it was woken for (kswapd_order), */
    enum zone_kind next_class; /**< the highest class (kswapd_highest_zoneidx), */
    uint64_t next_domains;     /**< and all domains */

    bool running;
    unsigned wanted_order; /**< the largest since it rested */
    unsigned order;        /**< of the run; 0 once enough was freed for a larger one */
    enum zone_kind class;
    uint64_t domains;
    uint64_t freed_pages;   /**< by the run */
    uint64_t boosted;       /**< bit i: the marks of zone i were raised when the run began, */
    pfn_t boost[MAX_ZONES]; /**< by so much */
    uint64_t boost_pages;   /**< to be freed for that still, though the node is balanced */

    bool in_round;
    unsigned zone;         /**< that the round is at: its place in the node's zonelist */
    struct lru_scan scan;  /**< of the zones that it has been at, together */
    uint64_t round_target; /**< pages that it is to look at */
};

/** A balancer that sleeps. ops, with shrink: to be kept. */
void balancer_init(struct balancer *b, struct memory *m, unsigned node,
                   const struct balance_ops *ops, void *ctx);
/**
 * A zone of the node is low for requests of this order, class and domain (wakeup_kswapd). Returns
 * whether balancer_step() is to be called. If it has given up, or the node is balanced and no mark
 * is raised, it sleeps on, and the compactor is woken for who cannot reclaim by itself. What it
 * slept on for is not remembered, as it is in Linux: a class that has enough would hide one that
 * has not.
 */
bool balancer_wake(struct balancer *b, unsigned order, enum zone_kind class, unsigned domain,
                   bool may_wait);
/** Somebody else's reclaim has freed something on the node: it may be worth another try. */
void balancer_revive(struct balancer *b);
/**
 * Go on; looks at about so many blocks. Returns whether there is more to do. Callbacks must not
 * call into the balancer.
 */
bool balancer_step(struct balancer *b, unsigned budget);
/**
 * Is one zone of the node, up to the class, above high for the order, for each of these domains
 * (pgdat_balanced)? So is a node that has no such zone.
 */
bool node_balanced(struct memory *m, unsigned node, unsigned order, enum zone_kind class,
                   uint64_t domains);

#endif
