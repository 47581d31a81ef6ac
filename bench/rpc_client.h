/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_client.h: our side: requests of libbuddyd to a daemon, one by one and many at a time. */
#ifndef BENCH_RPC_CLIENT_H
#define BENCH_RPC_CLIENT_H

#include <stddef.h>

#include "buddyd.h"
#include "latencies.h"

/** Pages that are taken before they are given back: memory never runs out. */
#define RPC_BATCH 256u
/** Requests that may be under way at a time. */
#define RPC_MAX_INFLIGHT RPC_BATCH

/** Time nr calls of buddyd_alloc() for one page, and as many of buddyd_free(). 0 or -errno. */
int rpc_round_trips(struct buddyd *b, size_t nr, struct latencies *allocs, struct latencies *frees);

/**
 * Ask for `inflight` pages in as many requests of one packet, wait for all answers, free them in
 * the same way, until nr requests are made. Returns 0 and the nanoseconds per request; or -errno.
 */
int rpc_pipelined(struct buddyd *b, size_t nr, unsigned inflight, double *ret_alloc_ns,
                  double *ret_free_ns);

#endif
