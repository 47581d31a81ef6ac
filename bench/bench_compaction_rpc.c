/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_compaction_rpc.c: what other clients feel of it when the daemon compacts.
 *
 * It starts itself again under `buddyd --private`. One process fills the zone with movable blocks,
 * frees half of them at random, and asks for compaction of the whole; this one makes round trips
 * all the time, before and during that. Only those within a run of compaction count as such. They
 * may use all cores, unless --cpu says one: the bytes are copied on threads of their own.
 */
#include <err.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buddyd.h"
#include "child.h"
#include "harness.h"
#include "latencies.h"
#include "random.h"
#include "under_daemon.h"

#define FULL_SIZE     "256M"
#define QUICK_SIZE    "32M"
#define FULL_ROUNDS   15u
#define MAX_PAGES     65536u
#define MAX_ORDER     6u
#define MAX_LATENCIES 4000000u
#define TRIPS_BEFORE  4096u
#define WAIT_US       50

/** Whose turn it is. */
enum phase {
    PHASE_PREPARE, /**< the other one makes holes */
    PHASE_BEFORE,  /**< we measure without compaction */
    PHASE_COMPACT, /**< the daemon compacts, and we measure */
};

struct shared {
    atomic_int phase;
    atomic_bool done;     /**< the measuring is over */
    atomic_bool failed;   /**< so is the other one */
    uint64_t moved_pages; /**< in all rounds */
    uint64_t compact_ns;
    char text[256];
};

struct bench {
    unsigned rounds;
    bool verbose;
    struct shared *shared;
    struct buddyd *client;
    struct latencies without;
    struct latencies with;
};

/* ---- the one that makes holes ---- */

static struct buddyd *connect_as(const char *name)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct buddyd *b;

    options.name = name;
    return buddyd_connect(&options, &b) ? NULL : b;
}

static _Noreturn void fail(struct shared *sh)
{
    (void)snprintf(sh->text, sizeof(sh->text), "%s", buddyd_error());
    atomic_store(&sh->failed, true);
    _exit(EXIT_FAILURE);
}

/** Movable blocks until there is no memory. Returns how many. */
static size_t fill(struct buddyd *b, uint64_t *handles, uint64_t *random)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    size_t nr = 0;

    rq.type = BUDDYD_MOVABLE;
    while (nr < MAX_PAGES) {
        rq.order = (unsigned)random_below(random, MAX_ORDER + 1);
        if (buddyd_alloc(b, &rq, &block))
            break;
        handles[nr++] = block.handle;
    }
    return nr;
}

static void free_some(struct buddyd *b, uint64_t *handles, size_t *nr, size_t keep,
                      uint64_t *random, struct shared *sh)
{
    while (*nr > keep) {
        size_t i = (size_t)random_below(random, *nr);

        if (buddyd_free(b, handles[i]))
            fail(sh);
        handles[i] = handles[--*nr];
    }
}

/** False: the other side has come to its end. */
static bool wait_for(struct shared *sh, int phase)
{
    while (atomic_load(&sh->phase) != phase) {
        if (atomic_load(&sh->done) || atomic_load(&sh->failed))
            return false;
        usleep(WAIT_US);
    }
    return !atomic_load(&sh->done);
}

static void make_holes(void *data)
{
    static uint64_t handles[MAX_PAGES];
    struct shared *sh = data;
    struct buddyd *b = connect_as("holes");
    uint64_t random = random_seed(1);
    struct buddyd_compacted result;
    size_t nr = 0;

    if (!b)
        fail(sh);
    while (wait_for(sh, PHASE_PREPARE)) {
        uint64_t start;

        free_some(b, handles, &nr, 0, &random, sh);
        nr = fill(b, handles, &random);
        free_some(b, handles, &nr, nr / 2, &random, sh);
        atomic_store(&sh->phase, PHASE_BEFORE);
        if (!wait_for(sh, PHASE_COMPACT))
            break;
        start = bench_now_ns();
        if (buddyd_compact(b, BUDDYD_ANY, &result))
            fail(sh);
        sh->compact_ns += bench_now_ns() - start;
        sh->moved_pages += result.moved_pages;
        atomic_store(&sh->phase, PHASE_PREPARE);
    }
}

/* ---- the one that is measured ---- */

/** One round trip to allocate a page and one to free it. */
static int trip(struct buddyd *b, struct latencies *l)
{
    const struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    uint64_t start = bench_now_ns();
    uint64_t middle;
    int rc = buddyd_alloc(b, &rq, &block);

    if (rc)
        return rc;
    middle = bench_now_ns();
    rc = buddyd_free(b, block.handle);
    if (rc)
        return rc;
    latencies_add(l, middle - start);
    latencies_add(l, bench_now_ns() - middle);
    return 0;
}

static int run_round(struct bench *b)
{
    if (!wait_for(b->shared, PHASE_BEFORE))
        return -EIO;
    for (unsigned i = 0; i < TRIPS_BEFORE; i++) {
        if (trip(b->client, &b->without))
            return -EIO;
    }
    atomic_store(&b->shared->phase, PHASE_COMPACT);
    while (atomic_load(&b->shared->phase) == PHASE_COMPACT && !atomic_load(&b->shared->failed)) {
        if (trip(b->client, &b->with))
            return -EIO;
    }
    return 0;
}

static int run_rounds(struct bench *b)
{
    struct shared *sh = b->shared;
    int rc = 0;

    /* One round more than is counted: the first one warms up. */
    for (unsigned round = 0; round <= b->rounds && !rc; round++) {
        rc = run_round(b);
        if (round == 0) {
            b->with.nr = b->without.nr = 0;
            sh->moved_pages = 0;
            sh->compact_ns = 0;
        }
    }
    if (atomic_load(&sh->failed))
        warnx("%s", sh->text);
    else if (rc)
        warnx("%s", buddyd_error());
    atomic_store(&sh->done, true);
    return rc;
}

static void print_line(struct bench *b, const char *name, double percent, const char *text)
{
    double with = latencies_percentile(&b->with, 0, percent);
    double without = latencies_percentile(&b->without, 0, percent);

    bench_line(name, with, without, with / without, text);
}

static void print_all(struct bench *b)
{
    double seconds = (double)b->shared->compact_ns / 1e9;

    latencies_sort(&b->with, 0);
    latencies_sort(&b->without, 0);
    printf("# round trips of %zu requests during %u runs of compaction, and of %zu without; ns\n",
           b->with.nr, b->rounds, b->without.nr);
    printf("# %.0f MiB were moved in %.2f s\n", (double)b->shared->moved_pages / 256, seconds);
    printf("# name               with   without   ratio\n");
    print_line(b, "compact_rpc_p50", 50, "information");
    print_line(b, "compact_rpc_p99", 99, "goal <= 1.5");
    print_line(b, "compact_rpc_p999", 99.9, "information: the 99.9th percentile");
    if (b->verbose)
        print_line(b, "compact_rpc_max", 100, "information: the slowest");
}

static int run_inner(struct bench *b)
{
    pid_t holes;
    int rc;

    b->shared =
        mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->shared == MAP_FAILED || latencies_init(&b->without, MAX_LATENCIES) ||
        latencies_init(&b->with, MAX_LATENCIES))
        errx(EXIT_FAILURE, "no memory for %u latencies", MAX_LATENCIES);
    rc = child_fork(make_holes, b->shared, &holes);
    if (rc)
        errx(EXIT_FAILURE, "a process cannot be had: %s", strerror(-rc));
    b->client = connect_as("measured");
    if (!b->client)
        errx(EXIT_FAILURE, "%s", buddyd_error());
    rc = run_rounds(b);
    if (child_wait(holes))
        rc = -EIO;
    buddyd_close(b->client);
    if (!rc)
        print_all(b);
    latencies_free(&b->with);
    latencies_free(&b->without);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the command line ---- */

static const char doc[] =
    "Measure round trips to a private daemon while it compacts, and without, and print a line for "
    "each ratio: name, with, without, the ratio.\v"
    "All cores are used unless --cpu names one. docs/BENCHMARKS.md says what is measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 something could not be measured; 2 bad usage.";

int main(int argc, char **argv)
{
    struct bench b = {.rounds = FULL_ROUNDS};
    struct under_daemon o = {.common.cpu = -1, .size = FULL_SIZE, .all_cores = true};

    under_daemon_parse(&o, argc, argv, doc);
    if (o.common.quick) {
        o.size = QUICK_SIZE;
        b.rounds = 1;
    }
    if (!o.inner)
        return under_daemon_start(&o);
    if (o.common.rounds)
        b.rounds = o.common.rounds;
    b.verbose = o.common.verbose;
    return run_inner(&b);
}
