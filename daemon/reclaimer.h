/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaimer.h: when reclaimable blocks are discarded, and for whom; mm/lru.h chooses which.
 *
 * At once, by requests that may wait and find no memory: from their own account if that is below
 * its mark, or has what it takes, then from all who use the zone. In the background, in slices: for
 * nodes below low until they are above high (kswapd), and for accounts below their low mark, from
 * what is their own.
 */
#ifndef DAEMON_RECLAIMER_H
#define DAEMON_RECLAIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/balance.h"
#include "mm/page_alloc.h"

struct hub;
struct reclaimer;
struct session;

/** Blocks that are looked at between two looks at the clock. */
#define RECLAIMER_STEP_BLOCKS 16u
/** A request asks for so many pages at least (SWAP_CLUSTER_MAX). */
#define RECLAIMER_CLUSTER_PAGES 32u
/** A request reclaims for so long at most in each try, and in each step of its last one. */
#define RECLAIMER_DIRECT_US 50u
#define RECLAIMER_LAST_US   10u

/** Returns 0 or -ENOMEM. Release with reclaimer_free(). */
int reclaimer_create(struct hub *hub, struct reclaimer **ret);
/** NULL is allowed. */
void reclaimer_free(struct reclaimer *r);

/* ---- for path_ops ---- */

/** An account is below its mark: reclaim from what is its own, or its members'. */
pfn_t reclaimer_account(struct reclaimer *r, struct account *a, const struct page_request *rq);
/** Reclaim for a request that may wait. */
pfn_t reclaimer_direct(struct reclaimer *r, const struct page_request *rq);
/**
 * A zone is low, as a request finds in its midst: it is looked at when that has ended, since who
 * cannot have all that it needs gives back what it has.
 */
void reclaimer_wake(struct reclaimer *r, unsigned zone, unsigned order, enum zone_kind class,
                    unsigned domain, bool may_wait);
/** Pages of a zone that could be reclaimed. */
pfn_t reclaimer_reclaimable(const struct reclaimer *r, unsigned zone);

/* ---- in the background ---- */

/** An account, or a group, is under pressure: let it reclaim until it is above high. */
void reclaimer_press(struct reclaimer *r, struct account *a);
/** Is a balancer of the node at work? Not to be asked in the middle of a request. */
bool reclaimer_at_work(struct reclaimer *r, unsigned node);
/** Is anything to be done in a slice? Not to be asked in the middle of a request. */
bool reclaimer_ready(struct reclaimer *r);
/** Go on until uv_hrtime() is end_ns. */
void reclaimer_slice(struct reclaimer *r, uint64_t end_ns);

/** Is there something discarded that a session is still to be told of? */
bool reclaimer_has_news(const struct session *s);
/** Tell a session what of its was discarded, as far as it wants to know, and a packet at a time;
 * and nothing while others wait to be sent. In a turn of nobody's. */
void reclaimer_tell(struct session *s);

#endif
