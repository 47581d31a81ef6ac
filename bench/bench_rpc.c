/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_rpc.c: requests to the daemon beside bare sockets and beside Redis.
 *
 * It starts itself again under `buddyd --private`, which gives a daemon for as long as that runs.
 * All processes stay on one core: what repeats, and what a busy host gives.
 */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buddyd.h"
#include "harness.h"
#include "rpc_client.h"
#include "rpc_pingpong.h"
#include "rpc_redis.h"
#include "under_daemon.h"

#define INFLIGHT 32u

struct plan {
    unsigned rounds;
    size_t nr_trips;     /**< round trips of each kind in a round */
    size_t nr_pipelined; /**< requests, and PINGs, in a round */
};

static const struct plan full_plan = {.rounds = 15, .nr_trips = 5120, .nr_pipelined = 204800};
static const struct plan quick_plan = {.rounds = 1, .nr_trips = 256, .nr_pipelined = 2048};

struct bench {
    struct plan plan;
    int cpu;
    bool verbose;
    bool has_redis;
    struct redis redis;
    struct pingpong pingpong;
    struct buddyd *client;
    struct latencies trips;
    struct latencies allocs;
    struct latencies frees;
    struct series trip_ns;
    struct series alloc_ns;
    struct series free_ns;
    struct series pipelined_ns;
    struct series pipelined_alloc_ns;
    struct series pipelined_free_ns;
    struct series redis_ns;
};

/* ---- measuring ---- */

/** The middle one of a round's calls: the mean would be that of whoever was interrupted less. */
static double middle(struct latencies *l, size_t first)
{
    latencies_sort(l, first);
    return latencies_percentile(l, first, 50);
}

static int run_trips(struct bench *b)
{
    size_t trips = b->trips.nr;
    size_t allocs = b->allocs.nr;
    size_t frees = b->frees.nr;
    int rc = pingpong_run(&b->pingpong, b->plan.nr_trips, &b->trips);

    if (rc) {
        warnx("the bare round trip failed: %s", strerror(-rc));
        return rc;
    }
    if (rpc_round_trips(b->client, b->plan.nr_trips, &b->allocs, &b->frees)) {
        warnx("%s", buddyd_error());
        return -EIO;
    }
    series_add(&b->trip_ns, middle(&b->trips, trips));
    series_add(&b->alloc_ns, middle(&b->allocs, allocs));
    series_add(&b->free_ns, middle(&b->frees, frees));
    return 0;
}

static int run_pipelined(struct bench *b)
{
    double alloc_ns;
    double free_ns;
    double ping_ns;
    int rc;

    if (b->has_redis) {
        rc = redis_ping(&b->redis, b->plan.nr_pipelined, INFLIGHT, &ping_ns);
        if (rc) {
            warnx("redis-benchmark gave no figure: %s", strerror(-rc));
            return rc;
        }
        series_add(&b->redis_ns, ping_ns);
    }
    if (rpc_pipelined(b->client, b->plan.nr_pipelined / 2, INFLIGHT, &alloc_ns, &free_ns)) {
        warnx("%s", buddyd_error());
        return -EIO;
    }
    series_add(&b->pipelined_alloc_ns, alloc_ns);
    series_add(&b->pipelined_free_ns, free_ns);
    series_add(&b->pipelined_ns, (alloc_ns + free_ns) / 2);
    return 0;
}

static int run_rounds(struct bench *b)
{
    struct latencies *all[] = {&b->trips, &b->allocs, &b->frees};
    int rc = 0;

    /* One round more than is counted: the first one warms up. */
    for (unsigned round = 0; round <= b->plan.rounds && !rc; round++) {
        rc = run_trips(b);
        if (!rc)
            rc = run_pipelined(b);
        if (round > 0)
            continue;
        b->trip_ns.nr = b->alloc_ns.nr = b->free_ns.nr = b->redis_ns.nr = 0;
        b->pipelined_ns.nr = b->pipelined_alloc_ns.nr = b->pipelined_free_ns.nr = 0;
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            all[i]->nr = 0;
    }
    return rc;
}

/* ---- printing ---- */

static void print_percentile(const char *name, struct bench *b, double percent)
{
    double ours = latencies_percentile(&b->allocs, 0, percent);
    double peer = latencies_percentile(&b->trips, 0, percent);

    bench_line(name, ours, peer, ours / peer, "information: of all round trips of all rounds");
}

static void print_spreads(const struct bench *b)
{
    bench_spread("rpc_roundtrip ours", &b->alloc_ns);
    bench_spread("rpc_roundtrip bare", &b->trip_ns);
    bench_spread("rpc_free ours", &b->free_ns);
    bench_spread("rpc_pipelined ours", &b->pipelined_ns);
    if (b->has_redis)
        bench_spread("rpc_pipelined redis", &b->redis_ns);
}

static void print_all(struct bench *b)
{
    double bare = series_median(&b->trip_ns);
    double ours = series_median(&b->pipelined_ns);
    double redis = series_median(&b->redis_ns);
    double allocs = series_median(&b->pipelined_alloc_ns);
    double frees = series_median(&b->pipelined_free_ns);
    char text[256];

    latencies_sort(&b->allocs, 0);
    latencies_sort(&b->trips, 0);
    printf("# core %d for all processes; medians of %u rounds, sides in turns; ns per request\n",
           b->cpu, b->plan.rounds);
    printf("# bare: send and recv of %zu and %zu bytes over SOCK_SEQPACKET; %u in flight: in one "
           "packet, wait for all\n",
           b->pingpong.request_bytes, b->pingpong.response_bytes, INFLIGHT);
    printf("# name            ours_ns   peer_ns   ratio\n");
    bench_line("rpc_roundtrip", series_median(&b->alloc_ns), bare,
               series_median(&b->alloc_ns) / bare,
               "ours / peer, less is better, goal <= 1.5; buddyd_alloc() of a page / bare");
    snprintf(text, sizeof(text),
             "peer / ours, more is better, goal >= 1.2; %.0f a second, half allocations, half "
             "frees / %s",
             1e9 / ours, b->has_redis ? "Redis PING" : "no peer: redis-server is not installed");
    bench_line("rpc_pipelined", ours, redis, redis / ours, text);
    bench_line("rpc_free", series_median(&b->free_ns), bare, series_median(&b->free_ns) / bare,
               "information: buddyd_free() / bare");
    print_percentile("rpc_p50", b, 50);
    print_percentile("rpc_p99", b, 99);
    bench_line("rpc_pipe_alloc", allocs, redis, redis / allocs,
               "information: of rpc_pipelined the allocations alone");
    bench_line("rpc_pipe_free", frees, redis, redis / frees,
               "information: of rpc_pipelined the frees alone");
    if (b->verbose)
        print_spreads(b);
    if (!b->has_redis)
        printf("skipped: beside Redis, which is not installed\n");
}

/* ---- with a daemon ---- */

static int measure(struct bench *b)
{
    size_t max = (b->plan.nr_trips + RPC_BATCH) * (b->plan.rounds + 1);
    int rc = -ENOMEM;

    if (latencies_init(&b->trips, max) || latencies_init(&b->allocs, max) ||
        latencies_init(&b->frees, max)) {
        warnx("no memory for %zu latencies", max);
        goto out;
    }
    rc = run_rounds(b);
    if (!rc)
        print_all(b);
out:
    latencies_free(&b->frees);
    latencies_free(&b->allocs);
    latencies_free(&b->trips);
    return rc;
}

static int run_inner(struct bench *b)
{
    int rc = redis_start(&b->redis);

    if (rc && rc != -ENOENT) {
        warnx("redis-server does not start: %s", strerror(-rc));
        return EXIT_FAILURE;
    }
    b->has_redis = rc == 0;
    rc = pingpong_start(&b->pingpong);
    if (rc) {
        warnx("the bare round trip cannot be started: %s", strerror(-rc));
        goto stop_redis;
    }
    rc = buddyd_connect(NULL, &b->client);
    if (rc) {
        warnx("%s", buddyd_error());
        goto stop_pingpong;
    }
    rc = measure(b);
    buddyd_close(b->client);
stop_pingpong:
    pingpong_stop(&b->pingpong);
stop_redis:
    if (b->has_redis)
        redis_stop(&b->redis);
    if (rc)
        return EXIT_FAILURE;
    return b->has_redis ? EXIT_SUCCESS : BENCH_EXIT_SKIPPED;
}

/* ---- the command line ---- */

static const char doc[] =
    "Measure requests to a private daemon beside bare sockets and Redis, in turns on one core, and "
    "print a line for each ratio: name, ours, the peer's, the ratio.\v"
    "Needs Debian's redis-server and redis-tools for rpc_pipelined. docs/BENCHMARKS.md says what "
    "is measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 something could not be measured; 2 bad usage; "
    "77 all but Redis, which is not installed.";

int main(int argc, char **argv)
{
    static struct bench b;
    struct under_daemon o = {.common.cpu = -1};

    under_daemon_parse(&o, argc, argv, doc);
    if (!o.inner)
        return under_daemon_start(&o);
    b.plan = o.common.quick ? quick_plan : full_plan;
    if (o.common.rounds)
        b.plan.rounds = o.common.rounds;
    b.cpu = o.common.cpu;
    b.verbose = o.common.verbose;
    return run_inner(&b);
}
