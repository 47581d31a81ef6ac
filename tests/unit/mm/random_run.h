/* SPDX-License-Identifier: Apache-2.0 */
/* random_run.h: one run of random work on a zone, for the files that do it. */
#ifndef TESTS_MM_RANDOM_RUN_H
#define TESTS_MM_RANDOM_RUN_H

#include <errno.h>

#include "mm/contig.h"
#include "mm/hotplug.h"
#include "model.h"
#include "model_range.h"
#include "rng.h"

/** Ranges that are isolated at a time, blocks that one contiguous request may be cut in, and moves
 * that one call may begin. */
#define MAX_RANGES  3u
#define RANGE_TAGS  64u
#define RANGE_MOVES 64u

struct shape {
    const char *name;
    pfn_t nr_pages;
    unsigned pageblock_order;
    unsigned nr_domains;
    bool no_grouping;
    unsigned share; /* of all operations */
};

/** A range that is out of use. */
struct range {
    enum {
        RANGE_ISOLATED,
        RANGE_CONTIG, /**< on its way to be granted */
        RANGE_SHRINK, /**< on its way out of the zone */
    } kind;
    struct contig c;
    struct evacuation ev;
    struct pfn_range isolated;
    struct pfn_range wanted;
    uint64_t tag[RANGE_TAGS];
};

struct run {
    const struct shape *shape;
    struct zone *z;
    void *lasting;
    void *derived;
    struct zone_ops ops;
    struct model m;
    struct rng rng;
    unsigned fill;      /* percent of the pages that the present phase would like to be granted */
    unsigned max_order; /* of ordinary requests in this phase */
    bool flat;          /* all orders alike in this phase; else mostly the low ones */
    bool quiet;         /* nothing but requests and frees in this phase */
    uint32_t nr_moving;
    uint64_t nr_reserves; /* calls, and pageblocks that came back */
    uint64_t nr_unreserves;

    struct range range[MAX_RANGES];
    unsigned nr_ranges;
    uint64_t nr_contigs; /* granted */
    uint64_t nr_resizes;
    uint64_t nr_emptied; /* ranges, by moves */
    uint64_t nr_emptied_not;

    /* What the callbacks said during the present call. */
    bool fell_back;
    struct zone_fallback fallback;
    bool passes;
    struct model_pass pass;
    bool moves;
    pfn_t move_from;
    pfn_t move_to;
    bool empties; /* a call that may begin many moves */
    unsigned nr_left;
    pfn_t left_from[RANGE_MOVES];
    pfn_t left_to[RANGE_MOVES];
};

/** Compare the zone's numbers with the model's. */
void look(struct run *r);

/** One operation with ranges, of any kind. */
void step_range(struct run *r);
/** A move has ended: who empties a range goes on. */
void ranges_continue(struct run *r);
/** Put all ranges in use again, and the zone to its size. */
void ranges_drain(struct run *r);

#endif
