/* SPDX-License-Identifier: Apache-2.0 */
/* compactor_internal.h: what the files of the compactor share. */
#ifndef DAEMON_COMPACTOR_INTERNAL_H
#define DAEMON_COMPACTOR_INTERNAL_H

#include <uv.h>

#include "compactor.h"
#include "proto/wire.h"

enum run_kind {
    RUN_NONE = 0,
    RUN_DIRECT,     /**< for requests that wait */
    RUN_FULL,       /**< at an operator's word */
    RUN_BACKGROUND, /**< for a balancer */
    RUN_PROACTIVE,
};

/** Of one zone. */
struct zone_work {
    enum run_kind kind;
    struct compaction run;
    struct compact_wait *first; /**< requests that wait, in the order in which they came */
    struct compact_wait *last;
    uint32_t full;        /**< operators who wait */
    bool proactive;       /**< to be done */
    uint64_t domains;     /**< for which it is to be done in the background; 0: it is not, */
    unsigned order;       /**< for blocks of this order, */
    enum zone_kind class; /**< and requests up to this class */
    unsigned considered;  /**< runs for many blocks since one failed, or was left out */
    unsigned defer_shift; /**< 1 of 2^this is made */
    pfn_t empty_before;   /**< pageblocks, when the run began */
};

/** An operator who waits for zones to be compacted. */
struct full_order {
    struct full_order *next;
    uint32_t session;
    uint64_t request; /**< its id */
    uint64_t zones;   /**< that are not done yet */
    struct wire_compact_reply reply;
};

struct compactor {
    struct hub *hub;
    uint64_t ready; /**< bit i: zone i has something to do now */
    unsigned last;  /**< the zone whose turn it was */
    struct full_order *orders;
    uv_timer_t look; /**< runs while there are blocks that can move */
    uint64_t seen;   /**< grants and frees, when all nodes were looked at last */
    struct {
        unsigned looks_off; /**< that are still to be left out */
        unsigned score;     /**< before its last proactive run */
        bool tried;         /**< there was one, and what it came to is not known yet */
    } node[MAX_NODES];
    struct zone_work work[MAX_ZONES];
};

struct zone *compactor_zone(const struct compactor *c, unsigned zone);
/** Empty pageblocks of a zone. */
pfn_t compactor_empty(const struct compactor *c, unsigned zone);
/** There is something to do in a zone. */
void compactor_want(struct compactor *c, unsigned zone);

/** A zone was compacted as a whole: who waits for that is answered if it was the last. */
void compactor_full_done(struct compactor *c, unsigned zone);
/** Forget all operators. */
void compactor_drop_orders(struct compactor *c);

void compactor_start_looking(struct compactor *c);
void compactor_stop_looking(struct compactor *c);

#endif
