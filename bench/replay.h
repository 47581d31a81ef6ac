/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h: plays a recorded trace against mm/ in process and measures how well it was packed.
 *
 * The trace is played several times, each in a fresh zone: mm/ has no chance in it, so each run
 * ends the same. One run keeps the books and checks the zone; the others only take the time, with
 * no books beside them.
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/types.h"
#include "trace/trace.h"
#include "zone_memory.h"

/** A sample is taken after every so many events. */
#define REPLAY_SAMPLE_EVENTS 65536u

enum measure {
    MEASURE_EVENTS,
    MEASURE_FAILED,
    MEASURE_CLAIMS,
    MEASURE_STEALS,
    MEASURE_UNMOVABLE,
    MEASURE_UNMOVABLE_IDEAL,
    MEASURE_RECLAIMABLE,
    MEASURE_RECLAIMABLE_IDEAL,
    MEASURE_EMPTY,
    MEASURE_EMPTY_IDEAL,
    MEASURE_NS_PER_OP, /**< from the beginning until then */
    NR_MEASURES,
};

/** The name of a measure, as in the output. */
const char *measure_name(enum measure m);

struct replay_config {
    pfn_t nr_pages; /**< a multiple of BENCH_PAGEBLOCK_PAGES */
    enum bench_grouping grouping;
};

struct replay_result {
    double end[NR_MEASURES];
    /** Over all samples; a trace that is too short for one counts its end as one. */
    double mean[NR_MEASURES];
    size_t nr_samples;
};

/**
 * Play a trace. Returns 0; or a negative errno with one line in why (size bytes): -EUCLEAN when
 * zone_check() found something wrong.
 */
int replay(const struct trace *t, const struct replay_config *config, struct replay_result *ret,
           char *why, size_t size);

#endif
