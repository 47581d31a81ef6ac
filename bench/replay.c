/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: the run that keeps the books, and the runs that take the time. */
#include "replay.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "pageblock_use.h"
#include "zone_memory.h"

/** Odd, so that one of them is the middle one. */
#define TIMED_RUNS 3u

const char *measure_name(enum measure m)
{
    static const char *const names[NR_MEASURES] = {
        [MEASURE_EVENTS] = "events",
        [MEASURE_FAILED] = "failed",
        [MEASURE_CLAIMS] = "claims",
        [MEASURE_STEALS] = "steals",
        [MEASURE_UNMOVABLE] = "pageblocks_unmovable",
        [MEASURE_UNMOVABLE_IDEAL] = "pageblocks_unmovable_ideal",
        [MEASURE_RECLAIMABLE] = "pageblocks_reclaimable",
        [MEASURE_RECLAIMABLE_IDEAL] = "pageblocks_reclaimable_ideal",
        [MEASURE_EMPTY] = "pageblocks_empty",
        [MEASURE_EMPTY_IDEAL] = "pageblocks_empty_ideal",
        [MEASURE_NS_PER_OP] = "ns_per_op",
    };

    return names[m];
}

/** One run through the trace. */
struct run {
    const struct trace *trace;
    struct zone_memory memory;
    pfn_t *place; /**< [id]: where the block is; PFN_NONE: refused, or freed */
    uint64_t ops; /**< calls into the allocator */
    uint64_t failed;
};

static int run_init(struct run *r, const struct trace *t, const struct replay_config *config)
{
    int rc;

    *r = (struct run){.trace = t};
    r->place = malloc(((size_t)t->nr_blocks + 1) * sizeof(*r->place));
    if (!r->place)
        return -ENOMEM;
    /* Written here, so that the timed loop does not pay for the page faults. */
    for (size_t i = 0; i <= t->nr_blocks; i++)
        r->place[i] = PFN_NONE;
    rc = zone_memory_init(&r->memory, config->nr_pages, config->grouping, true);
    if (rc)
        free(r->place);
    return rc;
}

static void run_free(struct run *r)
{
    zone_memory_free(&r->memory);
    free(r->place);
}

static int play_alloc(struct run *r, const struct trace_event *e)
{
    const struct zone_request rq = {.order = e->order, .type = (enum migratetype)e->type};
    int rc = zone_rmqueue(r->memory.zone, &rq, &r->place[e->id]);

    r->ops++;
    if (rc == -ENOMEM)
        r->failed++;
    return rc;
}

/** Returns 0, -ENOMEM when an allocation was refused, or what went wrong. */
static int play(struct run *r, const struct trace_event *e)
{
    pfn_t pfn = r->place[e->id];

    if (e->kind == TRACE_ALLOC)
        return play_alloc(r, e);
    if (pfn == PFN_NONE)
        return 0;
    r->place[e->id] = PFN_NONE;
    r->ops++;
    return zone_free(r->memory.zone, pfn);
}

static int broken_call(const struct trace_event *e, size_t i, int rc, char *why, size_t size)
{
    snprintf(why, size, "event %zu, %s of block %u: the allocator answered %s", i + 1,
             e->kind == TRACE_ALLOC ? "allocation" : "free", e->id, strerror(-rc));
    return rc;
}

/* ---- the time ---- */

/** ret_ns[s]: nanoseconds per operation from the beginning until sample s; the last is the end. */
static int time_run(const struct trace *t, const struct replay_config *config, double *ret_ns,
                    char *why, size_t size)
{
    struct run r;
    uint64_t spent = 0;
    size_t sample = 0;
    int rc;

    rc = run_init(&r, t, config);
    if (rc) {
        snprintf(why, size, "no memory for the replay: %s", strerror(-rc));
        return rc;
    }
    for (size_t i = 0; i < t->nr_events;) {
        size_t end =
            i + REPLAY_SAMPLE_EVENTS < t->nr_events ? i + REPLAY_SAMPLE_EVENTS : t->nr_events;
        uint64_t start = bench_cpu_ns();

        for (; i < end; i++) {
            rc = play(&r, &t->events[i]);
            if (rc && rc != -ENOMEM) {
                rc = broken_call(&t->events[i], i, rc, why, size);
                goto out;
            }
        }
        spent += bench_cpu_ns() - start;
        ret_ns[sample++] = r.ops ? (double)spent / (double)r.ops : 0;
    }
    rc = 0;
out:
    run_free(&r);
    return rc;
}

/** The run whose whole time is the middle one of TIMED_RUNS. */
static int time_runs(const struct trace *t, const struct replay_config *config, double *ret_ns,
                     size_t nr, char *why, size_t size)
{
    double *ns = calloc(TIMED_RUNS * nr, sizeof(*ns));
    struct series whole = {0};
    double median;
    int rc = 0;

    if (!ns) {
        snprintf(why, size, "no memory for the replay");
        return -ENOMEM;
    }
    for (unsigned run = 0; run < TIMED_RUNS; run++) {
        rc = time_run(t, config, ns + run * nr, why, size);
        if (rc)
            goto out;
        series_add(&whole, ns[run * nr + nr - 1]);
    }
    median = series_median(&whole);
    for (unsigned run = 0; run < TIMED_RUNS; run++) {
        if (whole.value[run] <= median && whole.value[run] >= median)
            memcpy(ret_ns, ns + run * nr, nr * sizeof(*ret_ns));
    }
out:
    free(ns);
    return rc;
}

/* ---- the books ---- */

static void measure(const struct run *r, const struct pageblock_use *u, size_t nr_events,
                    double ns_per_op, double *ret)
{
    struct zone_stat stat;

    zone_stat(r->memory.zone, &stat);
    ret[MEASURE_EVENTS] = (double)nr_events;
    ret[MEASURE_FAILED] = (double)r->failed;
    ret[MEASURE_CLAIMS] = (double)stat.claims;
    ret[MEASURE_STEALS] = (double)stat.steals;
    ret[MEASURE_UNMOVABLE] = u->nr_with[MIGRATE_UNMOVABLE];
    ret[MEASURE_UNMOVABLE_IDEAL] = pageblock_use_ideal(u, MIGRATE_UNMOVABLE);
    ret[MEASURE_RECLAIMABLE] = u->nr_with[MIGRATE_RECLAIMABLE];
    ret[MEASURE_RECLAIMABLE_IDEAL] = pageblock_use_ideal(u, MIGRATE_RECLAIMABLE);
    ret[MEASURE_EMPTY] = u->nr_empty;
    ret[MEASURE_EMPTY_IDEAL] = pageblock_use_empty_ideal(u);
    ret[MEASURE_NS_PER_OP] = ns_per_op;
}

static int check(const struct run *r, size_t nr_events, char *why, size_t size)
{
    char what[200] = "";
    int rc = zone_check(r->memory.zone, what, sizeof(what));

    if (rc)
        snprintf(why, size, "after event %zu the zone is broken: %s", nr_events, what);
    return rc;
}

/** Play one event in both the zone and the books. */
static int book(struct run *r, struct pageblock_use *u, const struct trace_event *blocks, size_t i,
                char *why, size_t size)
{
    const struct trace_event *e = &r->trace->events[i];
    pfn_t pfn = r->place[e->id];
    int rc = play(r, e);

    if (rc == -ENOMEM)
        return 0;
    if (rc)
        return broken_call(e, i, rc, why, size);
    if (e->kind == TRACE_ALLOC)
        pageblock_use_add(u, r->place[e->id], e->order, (enum migratetype)e->type);
    else if (pfn != PFN_NONE)
        pageblock_use_remove(u, pfn, blocks[e->id].order, (enum migratetype)blocks[e->id].type);
    return 0;
}

/** ns: as from time_runs(). */
static int book_run(const struct trace *t, const struct replay_config *config,
                    const struct trace_event *blocks, const double *ns, struct replay_result *ret,
                    char *why, size_t size)
{
    struct pageblock_use use;
    struct replay_result result = {0};
    struct run r;
    int rc;

    rc = run_init(&r, t, config);
    if (rc) {
        snprintf(why, size, "no memory for the replay: %s", strerror(-rc));
        return rc;
    }
    rc = pageblock_use_init(&use, config->nr_pages, BENCH_PAGEBLOCK_ORDER);
    if (rc) {
        snprintf(why, size, "no memory for the replay: %s", strerror(-rc));
        goto free_run;
    }
    for (size_t i = 0; i < t->nr_events; i++) {
        rc = book(&r, &use, blocks, i, why, size);
        if (rc)
            goto free_use;
        if ((i + 1) % REPLAY_SAMPLE_EVENTS && i + 1 < t->nr_events)
            continue;
        rc = check(&r, i + 1, why, size);
        if (rc)
            goto free_use;
        measure(&r, &use, i + 1, ns[i / REPLAY_SAMPLE_EVENTS], result.end);
        if ((i + 1) % REPLAY_SAMPLE_EVENTS && t->nr_events > REPLAY_SAMPLE_EVENTS)
            continue;
        for (unsigned m = 0; m < NR_MEASURES; m++)
            result.mean[m] += result.end[m];
        result.nr_samples++;
    }
    for (unsigned m = 0; m < NR_MEASURES && result.nr_samples; m++)
        result.mean[m] /= (double)result.nr_samples;
    *ret = result;
free_use:
    pageblock_use_free(&use);
free_run:
    run_free(&r);
    return rc;
}

/** The allocation of every block, by id: a free says nothing about what it frees. */
static struct trace_event *index_blocks(const struct trace *t)
{
    struct trace_event *blocks = calloc((size_t)t->nr_blocks + 1, sizeof(*blocks));

    if (!blocks)
        return NULL;
    for (size_t i = 0; i < t->nr_events; i++) {
        if (t->events[i].kind == TRACE_ALLOC)
            blocks[t->events[i].id] = t->events[i];
    }
    return blocks;
}

int replay(const struct trace *t, const struct replay_config *config, struct replay_result *ret,
           char *why, size_t size)
{
    size_t nr = (t->nr_events + REPLAY_SAMPLE_EVENTS - 1) / REPLAY_SAMPLE_EVENTS;
    struct trace_event *blocks = index_blocks(t);
    double *ns = calloc(nr + 1, sizeof(*ns));
    int rc;

    if (!blocks || !ns) {
        rc = -ENOMEM;
        snprintf(why, size, "no memory for the replay");
        goto out;
    }
    if (nr == 0) {
        rc = -ENODATA;
        snprintf(why, size, "the trace has no events");
        goto out;
    }
    rc = time_runs(t, config, ns, nr, why, size);
    if (!rc)
        rc = book_run(t, config, blocks, ns, ret, why, size);
out:
    free(ns);
    free(blocks);
    return rc;
}
