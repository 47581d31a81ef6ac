/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_pin.c: pinning a block that may move, beside bare compare-and-swap.
 *
 * A pin is a call of the library, a compare-and-swap and a pointer; the peer is the
 * compare-and-swap alone, inline, on a word in memory that could be shared. Both are a handful of
 * nanoseconds, so they are measured in many short slices in turns, and the middle ones count.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "buddyd.h"
#include "harness.h"
#include "under_daemon.h"

#define NR_SLICES  61u
#define NR_THREADS 4u

struct plan {
    unsigned rounds;
    size_t nr_pairs;   /**< in a slice */
    size_t nr_crowded; /**< of each thread, in a round */
};

static const struct plan full_plan = {.rounds = 15, .nr_pairs = 20000, .nr_crowded = 200000};
static const struct plan quick_plan = {.rounds = 1, .nr_pairs = 200, .nr_crowded = 1000};

struct bench {
    struct plan plan;
    int cpu;
    bool verbose;
    struct buddyd *client;
    struct buddyd_block movable;
    struct buddyd_block fixed;
    _Atomic(uint64_t) *word;
    struct series pin_ns;
    struct series fixed_ns;
    struct series cas_ns;
    struct series crowded_pin_ns;
    struct series crowded_cas_ns;
};

/* ---- what is measured ---- */

/** Never fails: nobody else wants this block. */
static void pin_pairs(const struct bench *b, const struct buddyd_block *block, size_t nr)
{
    struct buddyd *client = b->client;
    void *p;

    for (size_t i = 0; i < nr; i++) {
        if (buddyd_pin(client, block, &p))
            errx(EXIT_FAILURE, "%s", buddyd_error());
        buddyd_unpin(client, block);
    }
}

static inline void cas_add(_Atomic(uint64_t) *word, uint64_t n)
{
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);

    while (!atomic_compare_exchange_strong(word, &old, old + n))
        ;
}

static void cas_pairs(const struct bench *b, size_t nr)
{
    _Atomic(uint64_t) *word = b->word;

    for (size_t i = 0; i < nr; i++) {
        cas_add(word, 1);
        cas_add(word, UINT64_MAX);
    }
}

static double per_pair(uint64_t ns, size_t nr)
{
    return (double)ns / (double)nr;
}

static void run_slices(struct bench *b)
{
    struct series pin = {0}, fixed = {0}, cas = {0};
    size_t nr = b->plan.nr_pairs;

    for (unsigned i = 0; i < NR_SLICES; i++) {
        uint64_t begun = bench_cpu_ns(), then;

        pin_pairs(b, &b->movable, nr);
        then = bench_cpu_ns();
        series_add(&pin, per_pair(then - begun, nr));
        cas_pairs(b, nr);
        begun = bench_cpu_ns();
        series_add(&cas, per_pair(begun - then, nr));
        pin_pairs(b, &b->fixed, nr);
        series_add(&fixed, per_pair(bench_cpu_ns() - begun, nr));
    }
    series_add(&b->pin_ns, series_median(&pin));
    series_add(&b->cas_ns, series_median(&cas));
    series_add(&b->fixed_ns, series_median(&fixed));
}

/* ---- several threads, one block ---- */

static void *crowd_pins(void *arg)
{
    struct bench *b = arg;
    void *p;

    for (size_t i = 0; i < b->plan.nr_crowded; i++) {
        if (buddyd_pin(b->client, &b->movable, &p))
            errx(EXIT_FAILURE, "%s", buddyd_error());
        pin_pairs(b, &b->movable, 1);
        buddyd_unpin(b->client, &b->movable);
    }
    return NULL;
}

static void *crowd_cas(void *arg)
{
    struct bench *b = arg;

    for (size_t i = 0; i < b->plan.nr_crowded; i++) {
        cas_add(b->word, 1);
        cas_pairs(b, 1);
        cas_add(b->word, UINT64_MAX);
    }
    return NULL;
}

/** Nanoseconds that pass for each pair while all threads run on all cores. */
static double crowded(struct bench *b, void *(*run)(void *))
{
    pthread_t thread[NR_THREADS];
    pthread_attr_t attr;
    uint64_t begun;
    cpu_set_t all;

    // More than there are counts as those that there are.
    memset(&all, 0xff, sizeof(all));
    pthread_attr_init(&attr);
    pthread_attr_setaffinity_np(&attr, sizeof(all), &all);
    begun = bench_now_ns();
    for (unsigned i = 0; i < NR_THREADS; i++) {
        int error = pthread_create(&thread[i], &attr, run, b);

        if (error)
            errx(EXIT_FAILURE, "a thread: %s", strerror(error));
    }
    for (unsigned i = 0; i < NR_THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_attr_destroy(&attr);
    return per_pair(bench_now_ns() - begun, b->plan.nr_crowded * NR_THREADS * 2);
}

/* ---- the run ---- */

static int prepare(struct bench *b)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = BUDDYD_MOVABLE;
    if (buddyd_connect(NULL, &b->client) || buddyd_alloc(b->client, &rq, &b->movable) ||
        buddyd_alloc(b->client, NULL, &b->fixed)) {
        warnx("%s", buddyd_error());
        return EXIT_FAILURE;
    }
    if (!b->movable.slot) {
        printf("# skipped: this daemon gives no slots\n");
        return BENCH_EXIT_SKIPPED;
    }
    b->word =
        mmap(NULL, sizeof(*b->word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b->word == MAP_FAILED) {
        warn("a word of shared memory");
        return EXIT_FAILURE;
    }
    return 0;
}

static void print(const struct bench *b)
{
    double pin = series_median(&b->pin_ns), cas = series_median(&b->cas_ns);
    double crowd = series_median(&b->crowded_pin_ns), bare = series_median(&b->crowded_cas_ns);

    bench_line("pin_pair", pin, cas, pin / cas,
               "<= 1.2; pin and unpin of a movable block / two compare-and-swaps");
    bench_line("pin_fixed", series_median(&b->fixed_ns), cas, series_median(&b->fixed_ns) / cas,
               "pin and unpin of an unmovable block / the same");
    bench_line("pin_crowded", crowd, bare, crowd / bare,
               "four threads, one block, pins nested / the same with compare-and-swaps");
    if (!b->verbose)
        return;
    bench_spread("pin and unpin, movable", &b->pin_ns);
    bench_spread("pin and unpin, unmovable", &b->fixed_ns);
    bench_spread("two compare-and-swaps", &b->cas_ns);
    bench_spread("crowded, pin and unpin", &b->crowded_pin_ns);
    bench_spread("crowded, two compare-and-swaps", &b->crowded_cas_ns);
}

/** With the daemon that BUDDYD_SOCKET names. */
static int run_inner(struct bench *b)
{
    int rc;

    rc = bench_pin(b->cpu, &b->cpu);
    if (rc) {
        warnx("--cpu %d: cannot run there: %s", b->cpu, strerror(-rc));
        return EXIT_FAILURE;
    }
    rc = prepare(b);
    for (unsigned i = 0; !rc && i < b->plan.rounds; i++) {
        run_slices(b);
        series_add(&b->crowded_pin_ns, crowded(b, crowd_pins));
        series_add(&b->crowded_cas_ns, crowded(b, crowd_cas));
    }
    if (!rc)
        print(b);
    buddyd_close(b->client);
    return rc;
}

/* ---- the command line ---- */

static const char doc[] =
    "Measure pin and unpin of a block that may move beside two compare-and-swaps, in turns on one "
    "core, and print a line for each ratio: name, ours, the peer's, the ratio.\v"
    "docs/BENCHMARKS.md says what is measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 something could not be measured; 2 bad usage.";

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
