/* SPDX-License-Identifier: Apache-2.0 */
/* rpc_client.c: timed requests to the daemon. */
#include "rpc_client.h"

#include <errno.h>

#include "harness.h"

int rpc_round_trips(struct buddyd *b, size_t nr, struct latencies *allocs, struct latencies *frees)
{
    const struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block[RPC_BATCH];
    int rc;

    for (size_t done = 0; done < nr; done += RPC_BATCH) {
        for (size_t i = 0; i < RPC_BATCH; i++) {
            uint64_t start = bench_now_ns();

            rc = buddyd_alloc(b, &rq, &block[i]);
            if (rc)
                return rc;
            latencies_add(allocs, bench_now_ns() - start);
        }
        for (size_t i = 0; i < RPC_BATCH; i++) {
            uint64_t start = bench_now_ns();

            rc = buddyd_free(b, block[i].handle);
            if (rc)
                return rc;
            latencies_add(frees, bench_now_ns() - start);
        }
    }
    return 0;
}

/** The answers to one packet. */
struct answers {
    uint64_t handle[RPC_MAX_INFLIGHT];
    size_t nr_handles;
    size_t nr;
    int error; /**< the first */
};

static void answered(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct answers *a = data;

    a->nr++;
    if (error && !a->error)
        a->error = error;
    if (!error && nr == 1)
        a->handle[a->nr_handles++] = blocks[0].handle;
}

/** Send what was submitted and wait for all answers. */
static int wait_all(struct buddyd *b, struct answers *a, unsigned inflight)
{
    while (a->nr < inflight) {
        int rc = buddyd_dispatch(b, -1);

        if (rc < 0)
            return rc;
    }
    return a->error;
}

static int alloc_packet(struct buddyd *b, struct answers *a, unsigned inflight)
{
    const struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    a->nr = 0;
    a->nr_handles = 0;
    for (unsigned i = 0; i < inflight; i++) {
        int rc = buddyd_submit_alloc(b, &rq, 1, answered, a);

        if (rc)
            return rc;
    }
    return wait_all(b, a, inflight);
}

static int free_packet(struct buddyd *b, struct answers *a, unsigned inflight)
{
    a->nr = 0;
    for (unsigned i = 0; i < inflight; i++) {
        int rc = buddyd_submit_free(b, 1, &a->handle[i], answered, a);

        if (rc)
            return rc;
    }
    return wait_all(b, a, inflight);
}

int rpc_pipelined(struct buddyd *b, size_t nr, unsigned inflight, double *ret_alloc_ns,
                  double *ret_free_ns)
{
    struct answers a = {.nr = 0};
    uint64_t alloc_ns = 0;
    uint64_t free_ns = 0;
    size_t done = 0;

    if (inflight == 0 || inflight > RPC_MAX_INFLIGHT)
        return -EINVAL;
    while (done < nr) {
        uint64_t start = bench_now_ns();
        uint64_t middle;
        int rc = alloc_packet(b, &a, inflight);

        if (rc)
            return rc;
        middle = bench_now_ns();
        rc = free_packet(b, &a, inflight);
        if (rc)
            return rc;
        alloc_ns += middle - start;
        free_ns += bench_now_ns() - middle;
        done += inflight;
    }
    *ret_alloc_ns = (double)alloc_ns / (double)done;
    *ret_free_ns = (double)free_ns / (double)done;
    return 0;
}
