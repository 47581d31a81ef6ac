/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compactor.h: when zones are compacted, and for whom; mm/compact.h knows how.
 *
 * A zone has one run at a time: for requests that wait for a block, first; at an operator's word;
 * in the background, when the balancer has freed enough for a larger block, but not together
 * (kcompactd); and, from a timer, before anybody asks, if free memory has come to lie too much in
 * pieces. A run goes on in slices of the hub's idle work, and rests while the bytes of its moves
 * are copied by threads.
 */
#ifndef DAEMON_COMPACTOR_H
#define DAEMON_COMPACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/compact.h"
#include "mm/page_alloc.h"

struct call;
struct compactor;
struct hub;
struct session;

/** How often it is looked whether a node is to be compacted before anybody asks. */
#define COMPACTOR_LOOK_MS 500u
/** Looks that are left out when such a compaction was in vain (COMPACT_MAX_DEFER_SHIFT). */
#define COMPACTOR_LOOKS_OFF 64u
/** Blocks that are looked at between two looks at the clock. */
#define COMPACTOR_STEP_BLOCKS 16u
/** After so many failures for many blocks one try in 2^6 goes through (COMPACT_MAX_DEFER_SHIFT). */
#define COMPACTOR_MAX_DEFER_SHIFT 6u
/** An operator's requests of one session that wait at a time. */
#define COMPACTOR_SESSION_ORDERS 4u

enum compact_wait_state {
    COMPACT_WAIT_NONE = 0,
    COMPACT_WAIT_WANTED, /**< asked for: compactor_join() */
    COMPACT_WAIT_JOINED, /**< stands at a zone; must stay where it is in memory */
    COMPACT_WAIT_DONE,   /**< the result is there, for the next who asks with its priority */
};

/** One request that waits for a compaction; it lies in that. Zero-filled it waits for none. */
struct compact_wait {
    uint32_t blocks; /**< that it asks for together: of several none would be there yet */
    enum compact_wait_state state;
    enum compact_result result; /**< the best of all zones that were tried */
    struct compact_request rq;
    struct request_zones zones;
    unsigned at;           /**< the zone that it stands at: its place in zones */
    uint64_t pinned_pages; /**< found in the way by the last compaction for it */
    struct compact_wait *prev;
    struct compact_wait *next;
};

/** Returns 0 or -ENOMEM. Release with compactor_free(). */
int compactor_create(struct hub *hub, struct compactor **ret);
/** NULL is allowed. */
void compactor_free(struct compactor *c);
/** Begin: the mover is there. */
void compactor_start(struct compactor *c);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void compactor_stop(struct compactor *c);

/** A request asks for a compaction: path_ops.compact. w: its own, or NULL if it does not wait. */
enum compact_result compactor_ask(struct compactor *c, const struct page_request *rq,
                                  enum compact_priority priority, struct compact_wait *w);
/** One that asked waits from now on; nothing happens if it has joined before. */
void compactor_join(struct compactor *c, struct compact_wait *w);
/** It waits no more; allowed for any. */
void compactor_leave(struct compactor *c, struct compact_wait *w);

/** Blocks that were found pinned are so no more: no try is left out for earlier failures. */
void compactor_retry(struct compactor *c);
/** Compact the zones of a node up to a class in the background (wakeup_kcompactd). */
void compactor_wake(struct compactor *c, unsigned node, unsigned order, enum zone_kind class,
                    uint64_t domains);
/** There are blocks that can move: look from time to time. */
void compactor_watch(struct compactor *c);

/** Carry out a Compact: it is answered when it is done. */
void compactor_handle(struct call *c);

/** Is there something to be done in a slice? */
bool compactor_ready(const struct compactor *c);
/** Go on until uv_hrtime() is end_ns. */
void compactor_slice(struct compactor *c, uint64_t end_ns);

#endif
