/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_compaction.c: how near to the ideal compaction brings a zone that has seen use.
 *
 * The peer of each line is what could be had at best: of empty pageblocks, as many as the free
 * pages would fill; of bytes copied, those of the pageblocks that had the fewest live pages.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "harness.h"
#include "trace/trace.h"

#define MAX_TRACES      16u
#define DEFAULT_ROUNDS  5u
#define DEFAULT_PERCENT 102u

/** How the zone was treated. */
enum treatment {
    TREATED_NONE,  /**< mobilities are not kept apart */
    TREATED_TYPES, /**< they are */
    TREATED_FULL,  /**< and then the whole zone was compacted */
    NR_TREATMENTS,
};

static const char *const treatment_names[NR_TREATMENTS] = {"none", "types", "full"};

/** A zone after one treatment, a value each round. */
struct outcome {
    struct series empty;  /**< pageblocks without a page in use */
    struct series order9; /**< requests for a pageblock that are granted */
};

struct results {
    struct outcome of[NR_TREATMENTS];
    struct series ideal;       /**< the most pageblocks that could be empty */
    struct series fixed;       /**< pageblocks with an unmovable page */
    struct series copied;      /**< bytes copied for each pageblock that became empty */
    struct series least;       /**< the fewest bytes that so many pageblocks could have cost */
    struct series least_ideal; /**< the same for as many as the ideal has */
    double nr_pageblocks;
};

struct arguments {
    const char *traces[MAX_TRACES];
    unsigned nr_traces;
    unsigned rounds;
    unsigned percent;
    unsigned long long seed;
    bool verbose;
};

static _Noreturn void die(int rc, const char *what)
{
    errx(EXIT_FAILURE, "%s: %s", what, strerror(-rc));
}

static void check(struct aged *a)
{
    char why[256] = "";

    if (aged_check(a, why, sizeof(why)))
        errx(EXIT_FAILURE, "the zone is broken: %s", why);
}

/** Bytes to be copied for each of the nr cheapest pageblocks. */
static double bytes_each(const uint32_t *costs, pfn_t nr_costs, pfn_t nr)
{
    uint64_t pages = 0;

    for (pfn_t i = 0; i < nr && i < nr_costs; i++)
        pages += costs[i];
    return nr ? (double)(pages << 12) / (double)nr : 0;
}

/** Compact, and note what it took. */
static void compact(struct aged *a, struct results *r)
{
    uint32_t *costs = calloc(a->use.nr_pageblocks, sizeof(*costs));
    pfn_t before = a->use.nr_empty;
    pfn_t nr_costs, gained;
    int rc;

    if (!costs)
        die(-ENOMEM, "costs");
    nr_costs = pageblock_use_costs(&a->use, costs);
    rc = aged_compact(a);
    if (rc)
        die(rc, "compaction");
    gained = a->use.nr_empty > before ? a->use.nr_empty - before : 0;
    series_add(&r->copied, (double)(a->copied_pages << 12) / (double)(gained ? gained : 1));
    series_add(&r->least, bytes_each(costs, nr_costs, gained));
    series_add(&r->least_ideal,
               bytes_each(costs, nr_costs, pageblock_use_empty_ideal(&a->use) - before));
    free(costs);
}

static void treat(const struct trace *t, enum treatment how, bool all_movable, uint64_t seed,
                  unsigned percent, struct results *r)
{
    const struct aged_config config = {
        .percent = percent,
        .grouping = how == TREATED_NONE ? GROUPING_NONE : GROUPING_OURS,
        .all_movable = all_movable,
        .seed = seed,
    };
    struct aged a;
    pfn_t nr;
    int rc;

    rc = aged_init(&a, t, &config);
    if (rc)
        die(rc, "the zone");
    if (how == TREATED_FULL) {
        compact(&a, r);
        series_add(&r->ideal, pageblock_use_empty_ideal(&a.use));
        series_add(&r->fixed, a.use.nr_with[MIGRATE_UNMOVABLE]);
        r->nr_pageblocks = a.use.nr_pageblocks;
    }
    check(&a);
    series_add(&r->of[how].empty, a.use.nr_empty);
    rc = aged_count_pageblocks(&a, &nr);
    if (rc)
        die(rc, "a pageblock");
    series_add(&r->of[how].order9, nr);
    aged_free(&a);
}

/* ---- what is printed ---- */

static void print_outcome(const char *name, const char *what, const struct results *r,
                          enum treatment how, const struct series *ours, const char *goal)
{
    double value = series_median(ours);
    double ideal = series_median(&r->ideal);
    char line[128];

    snprintf(line, sizeof(line), "%s_%s_%s", name, what, treatment_names[how]);
    bench_line(line, value, ideal, value / ideal, goal);
}

static void print_results(const char *name, const struct results *r, const char *goal, bool verbose)
{
    double copied = series_median(&r->copied);
    double least = series_median(&r->least);
    char line[128], text[256];

    printf("# %s: %.0f pageblocks, %.0f of them with an unmovable page; at best %.0f empty\n", name,
           r->nr_pageblocks, series_median(&r->fixed), series_median(&r->ideal));
    for (unsigned how = 0; how < NR_TREATMENTS; how++)
        print_outcome(name, "empty", r, (enum treatment)how, &r->of[how].empty,
                      how == TREATED_FULL ? goal : "pageblocks / at best; information");
    for (unsigned how = 0; how < NR_TREATMENTS; how++)
        print_outcome(name, "order9", r, (enum treatment)how, &r->of[how].order9,
                      how == TREATED_FULL ? goal : "requests granted / at best; information");
    snprintf(line, sizeof(line), "%s_copied", name);
    snprintf(text, sizeof(text),
             "bytes copied for a pageblock gained / the least that could do; information; for "
             "all that is possible at least %.0f",
             series_median(&r->least_ideal));
    bench_line(line, copied, least, copied / least, text);
    if (!verbose)
        return;
    bench_spread("empty after compaction", &r->of[TREATED_FULL].empty);
    bench_spread("bytes copied", &r->copied);
    bench_spread("the least", &r->least);
}

/** A trace's name: of build.pgtrace.xz "build". */
static void name_of(const char *path, char *ret, size_t size)
{
    const char *base = strrchr(path, '/');

    snprintf(ret, size, "%s", base ? base + 1 : path);
    ret[strcspn(ret, ".")] = '\0';
}

static void run_trace(const struct arguments *args, const char *path)
{
    static struct results r;
    struct trace t;
    char why[512], base[64], name[80];

    if (trace_read(path, &t, why, sizeof(why)))
        errx(BENCH_EXIT_USAGE, "%s", why);
    name_of(path, base, sizeof(base));
    for (unsigned all_movable = 0; all_movable < 2; all_movable++) {
        r = (struct results){0};
        for (unsigned round = 0; round < args->rounds; round++) {
            for (unsigned how = 0; how < NR_TREATMENTS; how++)
                treat(&t, (enum treatment)how, all_movable, args->seed + round, args->percent, &r);
        }
        snprintf(name, sizeof(name), "%s%s", base, all_movable ? "_mov" : "");
        print_results(name, &r,
                      all_movable ? "all are movable: goal >= 0.98"
                                  : "types as recorded: goal >= 0.95",
                      args->verbose);
    }
    trace_free(&t);
}

/* ---- the command line ---- */

enum { KEY_QUICK = 0x100, KEY_PERCENT, KEY_SEED };

static const struct argp_option options[] = {
    {"rounds", 'r', "N", 0, "Seeds for each zone, 1 to 101 (default 5)", 0},
    {"seed", KEY_SEED, "N", 0, "The first seed (default 1)", 0},
    {"percent", KEY_PERCENT, "N", 0, "The zone's size in percent of the peak (default 102)", 0},
    {"quick", KEY_QUICK, NULL, 0, "One round, to see that it works", 0},
    {"verbose", 'v', NULL, 0, "Print how much each figure varied", 0},
    {0},
};

static const char doc[] =
    "Play each trace to its peak, free blocks at random until half of the zone is live, and say "
    "how many pageblocks are empty and can be had: with mobilities not kept apart, with them kept "
    "apart, and after compaction of the whole zone; a line for each ratio: name, ours, the best "
    "that is possible, the ratio.\v"
    "Each trace is played with its types and again with all blocks movable. docs/BENCHMARKS.md "
    "says what is measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 the zone was found broken, or something could "
    "not be measured; 2 bad usage or a bad trace.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case 'r':
        a->rounds = (unsigned)bench_number("--rounds", arg, 1, BENCH_MAX_ROUNDS);
        return 0;
    case KEY_SEED:
        a->seed = bench_number("--seed", arg, 0, UINT64_MAX - BENCH_MAX_ROUNDS);
        return 0;
    case KEY_PERCENT:
        a->percent = (unsigned)bench_number("--percent", arg, 100, 1000);
        return 0;
    case KEY_QUICK:
        a->rounds = 1;
        return 0;
    case 'v':
        a->verbose = true;
        return 0;
    case ARGP_KEY_ARG:
        if (a->nr_traces == MAX_TRACES)
            errx(BENCH_EXIT_USAGE, "%s: at most %u traces", arg, MAX_TRACES);
        a->traces[a->nr_traces++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (a->nr_traces == 0)
            errx(BENCH_EXIT_USAGE, "no trace is given: bench_compaction TRACE... (see --help)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    const struct argp argp = {options, parse_option, "TRACE...", doc, NULL, NULL, NULL};
    struct arguments a = {.rounds = DEFAULT_ROUNDS, .percent = DEFAULT_PERCENT, .seed = 1};

    argp_err_exit_status = BENCH_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    printf("# zones of %u %% of each trace's peak, half of it live; medians of seeds %llu to "
           "%llu\n",
           a.percent, a.seed, a.seed + a.rounds - 1);
    printf("# name                 ours      best   ratio\n");
    for (unsigned i = 0; i < a.nr_traces; i++)
        run_trace(&a, a.traces[i]);
    return EXIT_SUCCESS;
}
