/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gigantic.h: a made-up trace with blocks of up to 1 GiB among small ones.
 *
 * Recorded traces end at order 6. This one has orders 9 to 18 beside 0 to 6, from phases that want
 * different amounts of both. It comes from a seed, so that all runs and hosts play the same.
 */
#ifndef BENCH_GIGANTIC_H
#define BENCH_GIGANTIC_H

#include <stdint.h>

#include "trace/trace.h"

/** Make the trace; release it with trace_free(). Returns 0, or -ENOMEM. */
int gigantic_trace(uint64_t seed, struct trace *ret);

#endif
