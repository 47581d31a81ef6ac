/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gigantic.h: made-up traces with blocks of up to 1 GiB among small ones.
 *
 * Recorded traces end at order 6. These have orders 9 to 18 beside 0 to 6, from phases that want
 * different amounts of both. They come from a seed, so that all runs and hosts play the same.
 */
#ifndef BENCH_GIGANTIC_H
#define BENCH_GIGANTIC_H

#include <stdint.h>

#include "trace/trace.h"

enum gigantic_mix {
    /** At most about half of the pages are in small blocks, so that small requests always find
     * an empty pageblock. */
    GIGANTIC_ROOMY,
    /** In each second phase small blocks flood the zone: when it is too small, they have to take
     * what others' pageblocks have left. */
    GIGANTIC_CROWDED,
};

/** Make the trace; release it with trace_free(). Returns 0, or -ENOMEM. */
int gigantic_trace(enum gigantic_mix mix, uint64_t seed, struct trace *ret);

#endif
