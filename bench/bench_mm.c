/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_mm.c: mm/ beside jemalloc and mimalloc.
 *
 * Every round starts each side once, one after the other; see mm_side.h.
 */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "harness.h"
#include "mm/handle_table.h"
#include "mm_side.h"
#include "options.h"
#include "zone_memory.h"

#define DEFAULT_ROUNDS 15
#define DEFAULT_OPS    500000u
#define QUICK_OPS      20000u
#define METADATA_LIMIT 16.0
/** The arena of 16 GiB is measured in every so many-th round. */
#define LARGE_ARENA_ROUNDS 3u

enum side { SIDE_OURS, SIDE_NONE, SIDE_JEMALLOC, SIDE_MIMALLOC, NR_SIDES };

struct side_info {
    const char *name;
    const char *preload; /**< NULL: no malloc of its own */
    const char *tuning;
};

static const struct side_info sides[NR_SIDES] = {
    [SIDE_OURS] = {"ours", NULL, NULL},
    [SIDE_NONE] = {"none", NULL, NULL},
    [SIDE_JEMALLOC] = {"jemalloc", "LD_PRELOAD=libjemalloc.so.2",
                       "MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0,"
                       "lg_tcache_max:22"},
    [SIDE_MIMALLOC] = {"mimalloc", "LD_PRELOAD=libmimalloc.so.2", NULL},
};

static const char *const figure_names[NR_FIGURES] = {
    [FIGURE_CHURN] = "churn",
    [FIGURE_CHURN_ANSWERED] = "churn_answered",
    [FIGURE_CHURN_TYPES] = "churn_types",
    [FIGURE_2M_PAIR] = "2m_pair",
    [FIGURE_2M_PAIR_LIVE] = "2m_pair_live",
    [FIGURE_4K_PAIR] = "4k_pair",
    [FIGURE_4K_LIFO] = "4k_lifo64",
    [FIGURE_2M_PAIR_ACCOUNT] = "2m_pair_account",
    [FIGURE_PAIR_1GIB] = "pair_1gib",
    [FIGURE_PAIR_1TIB] = "pair_1tib",
    [FIGURE_METADATA] = "metadata_bytes",
    [FIGURE_LIVE] = "live",
    [FIGURE_REFUSED] = "refused",
    [FIGURE_RESIDENT] = "resident_mib",
};

struct bench {
    struct series figure[NR_ARENAS][NR_SIDES][NR_FIGURES];
    struct bench_options options;
    size_t nr_ops;
    uint64_t seed;
    char program[4096];     /**< this one's file */
    bool missing[NR_SIDES]; /**< its package is not installed */
    const char *side;       /**< we are this side of a comparison, not the whole */
    enum arena arena;       /**< and work in this arena */
};

const char *figure_name(enum figure f)
{
    return figure_names[f];
}

void figure_print(enum figure f, double value)
{
    printf("%s %.6f\n", figure_name(f), value);
}

/* ---- one side ---- */

static int be_side(const struct bench *b)
{
    /* Spread over all bits: small numbers make a slow start. Odd, so 0 stays the only 0. */
    const struct side_plan plan = {.nr_ops = b->nr_ops,
                                   .seed = b->seed * 0x9e3779b97f4a7c15u,
                                   .arena = b->arena,
                                   .nr_pages = arena_pages(b->arena)};
    struct rusage usage;
    char why[256] = "";
    int rc;

    if (!strcmp(b->side, sides[SIDE_OURS].name))
        rc = side_zone(&plan, why, sizeof(why));
    else if (!strcmp(b->side, sides[SIDE_NONE].name))
        rc = side_none(&plan, why, sizeof(why));
    else
        rc = side_malloc(&plan, b->side, why, sizeof(why));
    if (rc)
        warnx("%s: %s", b->side, why);
    if (rc == -ELIBACC)
        return BENCH_EXIT_SKIPPED;
    if (rc)
        return EXIT_FAILURE;
    getrusage(RUSAGE_SELF, &usage);
    figure_print(FIGURE_RESIDENT, (double)usage.ru_maxrss / 1024);
    return EXIT_SUCCESS;
}

/* ---- all sides ---- */

static void read_figures(struct bench *b, enum arena a, enum side s, char *text)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, ' ');

        if (!value)
            continue;
        *value++ = '\0';
        for (unsigned f = 0; f < NR_FIGURES; f++) {
            if (!strcmp(line, figure_names[f]))
                series_add(&b->figure[a][s][f], strtod(value, NULL));
        }
    }
}

static int run_side(struct bench *b, enum arena a, enum side s, unsigned round)
{
    char arena[64];
    char side[64];
    char ops[32];
    char seed[32];
    char out[4096];
    const char *argv[] = {b->program, side, arena, ops, seed, NULL};
    const char *env[3] = {NULL, NULL, NULL};
    unsigned nr = 0;
    int rc;

    snprintf(side, sizeof(side), "--side=%s", sides[s].name);
    snprintf(arena, sizeof(arena), "--arena=%s", arena_name(a));
    snprintf(ops, sizeof(ops), "--ops=%zu", b->nr_ops);
    /* The same numbers for all sides of a round, other ones in the next. */
    snprintf(seed, sizeof(seed), "--seed=%llu", (unsigned long long)b->seed + round);
    if (sides[s].preload)
        env[nr++] = sides[s].preload;
    if (sides[s].tuning)
        env[nr++] = sides[s].tuning;
    rc = child_run(argv, env, out, sizeof(out));
    if (rc < 0) {
        warnx("%s: cannot be measured: %s", sides[s].name, strerror(-rc));
        return rc;
    }
    if (rc == BENCH_EXIT_SKIPPED) {
        b->missing[s] = true;
        return 0;
    }
    if (rc > 0) {
        warnx("%s: cannot be measured: its process ended with status %d", sides[s].name, rc);
        return -ECHILD;
    }
    read_figures(b, a, s, out);
    return 0;
}

static double median(const struct bench *b, enum arena a, enum side s, enum figure f)
{
    return series_median(&b->figure[a][s][f]);
}

/** What a line is called: the arena of 1 GiB goes without saying. */
static void line_name(enum arena a, enum figure f, char *ret, size_t size)
{
    if (a == ARENA_1GIB)
        snprintf(ret, size, "%s", figure_names[f]);
    else
        snprintf(ret, size, "%s_%s", figure_names[f], arena_name(a));
}

/** Our figure beside the better of the peers' (jemalloc's alone: only_jemalloc). */
static void compare(const struct bench *b, enum arena a, enum figure f, bool only_jemalloc,
                    const char *goal)
{
    double ours = median(b, a, SIDE_OURS, f);
    double jemalloc = median(b, a, SIDE_JEMALLOC, f);
    double mimalloc = median(b, a, SIDE_MIMALLOC, f);
    bool first = only_jemalloc || isnan(mimalloc) || jemalloc <= mimalloc;
    double peer = first ? jemalloc : mimalloc;
    char name[64];
    char text[256];

    line_name(a, f, name, sizeof(name));
    snprintf(text, sizeof(text), "%s; peer %s; jemalloc %.1f, mimalloc %.1f, harness alone %.1f",
             goal, first ? "jemalloc" : "mimalloc", jemalloc, mimalloc, median(b, a, SIDE_NONE, f));
    bench_line(name, ours, peer, ours / peer, text);
}

static void print_metadata(const struct bench *b)
{
    double ours = median(b, ARENA_1GIB, SIDE_OURS, FIGURE_METADATA);
    double jemalloc = median(b, ARENA_1GIB, SIDE_JEMALLOC, FIGURE_METADATA);
    char text[256];

    snprintf(text, sizeof(text),
             "bytes a page, not ns; goal <= %.0f bytes; peer jemalloc with all pages live; beside "
             "it %u bytes a handle",
             METADATA_LIMIT, HANDLE_RECORD_BYTES);
    bench_line(figure_names[FIGURE_METADATA], ours, jemalloc, ours / jemalloc, text);
}

static void print_scaling(const struct bench *b)
{
    double large = median(b, ARENA_1GIB, SIDE_OURS, FIGURE_PAIR_1TIB);
    double small = median(b, ARENA_1GIB, SIDE_OURS, FIGURE_PAIR_1GIB);

    bench_line(figure_names[FIGURE_PAIR_1TIB], large, small, large / small,
               "goal <= 2; peer is the same in a zone of 1 GiB; the live set is the same");
}

static void print_answered(const struct bench *b, enum arena a)
{
    double answered = median(b, a, SIDE_OURS, FIGURE_CHURN_ANSWERED);
    double ours = median(b, a, SIDE_OURS, FIGURE_CHURN);
    char name[64];

    line_name(a, FIGURE_CHURN_ANSWERED, name, sizeof(name));
    bench_line(
        name, answered, ours, answered / ours,
        "information: churn where each free says whether the block was granted; peer is churn");
}

static void print_account(const struct bench *b)
{
    double with = median(b, ARENA_1GIB, SIDE_OURS, FIGURE_2M_PAIR_ACCOUNT);
    double without = median(b, ARENA_1GIB, SIDE_OURS, FIGURE_2M_PAIR);

    bench_line(figure_names[FIGURE_2M_PAIR_ACCOUNT], with, without, with / without,
               "information: charged to an account with a max, in a group with one; peer is the "
               "same without");
}

static void print_spreads(const struct bench *b, enum arena a)
{
    for (unsigned f = 0; f < NR_FIGURES; f++) {
        for (unsigned s = 0; s < NR_SIDES; s++) {
            char name[64];
            char what[128];

            if (b->figure[a][s][f].nr == 0)
                continue;
            line_name(a, (enum figure)f, name, sizeof(name));
            snprintf(what, sizeof(what), "%s %s", name, sides[s].name);
            bench_spread(what, &b->figure[a][s][f]);
        }
    }
}

/** What the arenas are: how many blocks live in them, and who touched how much for that. */
static void print_arena(const struct bench *b, enum arena a)
{
    const struct series *resident[NR_SIDES];

    for (unsigned s = 0; s < NR_SIDES; s++)
        resident[s] = &b->figure[a][s][FIGURE_RESIDENT];
    printf("# %s: %u MiB, %zu KiB of metadata; %.0f live blocks at 70 %%; of a million allocations "
           "ours refused %.0f; peak resident MiB: ours %.0f, jemalloc %.0f, mimalloc %.0f, harness "
           "alone %.0f\n",
           arena_name(a), arena_pages(a) >> 8, zone_memory_bytes(arena_pages(a)) >> 10,
           median(b, a, SIDE_OURS, FIGURE_LIVE), median(b, a, SIDE_OURS, FIGURE_REFUSED),
           series_median(resident[SIDE_OURS]), series_median(resident[SIDE_JEMALLOC]),
           series_median(resident[SIDE_MIMALLOC]), series_median(resident[SIDE_NONE]));
}

static void print_all(const struct bench *b)
{
    printf("# core %d; medians of %u rounds of %zu operations, sides in turns; ns per operation, "
           "the harness's own cost in all of them\n",
           b->options.cpu, b->options.rounds, b->nr_ops);
    printf("# ours: alloc_pages() with marks, types and statistics; second-level cache: %zu KiB\n",
           arena_l2_bytes() >> 10);
    for (unsigned a = 0; a < NR_ARENAS; a++)
        print_arena(b, (enum arena)a);
    printf("# name            ours_ns   peer_ns   ratio\n");
    for (unsigned a = 0; a < NR_ARENAS; a++)
        compare(b, (enum arena)a, FIGURE_CHURN, false, "goal <= 0.25");
    for (unsigned a = 0; a < NR_ARENAS; a++)
        compare(b, (enum arena)a, FIGURE_2M_PAIR, true, "goal <= 0.15");
    print_metadata(b);
    print_scaling(b);
    for (unsigned a = 0; a < NR_ARENAS; a++)
        print_answered(b, (enum arena)a);
    print_account(b);
    compare(b, ARENA_1GIB, FIGURE_CHURN_TYPES, false, "information: churn of all three types");
    for (unsigned a = 0; a < NR_ARENAS; a++)
        compare(b, (enum arena)a, FIGURE_2M_PAIR_LIVE, true,
                "information: beside the live set of churn");
    compare(b, ARENA_1GIB, FIGURE_4K_PAIR, false, "information");
    compare(b, ARENA_1GIB, FIGURE_4K_LIFO, false, "information");
    for (unsigned a = 0; b->options.verbose && a < NR_ARENAS; a++)
        print_spreads(b, (enum arena)a);
}

/** Measure each side once in an arena; false: one could not be measured. */
static bool run_round(struct bench *b, enum arena a, unsigned round)
{
    /* Filling it takes ten times as long as all the rest. */
    if (a == ARENA_16GIB && round % LARGE_ARENA_ROUNDS != 0)
        return true;
    for (unsigned s = 0; s < NR_SIDES; s++) {
        if (!b->missing[s] && run_side(b, a, s, round))
            return false;
    }
    return true;
}

/** Say which peers there are not. */
static unsigned missing_peers(const struct bench *b)
{
    unsigned nr = 0;

    for (unsigned s = 0; s < NR_SIDES; s++) {
        if (!b->missing[s])
            continue;
        printf("skipped: beside %s, which is not installed\n", sides[s].name);
        nr++;
    }
    return nr;
}

/** Returns the exit status. */
static int run_all(struct bench *b)
{
    int rc = child_self(b->program, sizeof(b->program));

    if (rc) {
        warnx("/proc/self/exe: cannot be read: %s", strerror(-rc));
        return EXIT_FAILURE;
    }
    rc = bench_pin(b->options.cpu, &b->options.cpu);
    if (rc) {
        warnx("--cpu %d: cannot run there: %s", b->options.cpu, strerror(-rc));
        return EXIT_FAILURE;
    }
    for (unsigned i = 0; i < b->options.rounds * NR_ARENAS; i++) {
        if (!run_round(b, i % NR_ARENAS, i / NR_ARENAS))
            return EXIT_FAILURE;
    }
    print_all(b);
    return missing_peers(b) ? BENCH_EXIT_SKIPPED : EXIT_SUCCESS;
}

/* ---- the command line ---- */

enum { KEY_SIDE = BENCH_KEY_OWN, KEY_ARENA, KEY_OPS, KEY_SEED };

static const struct argp_option options[] = {
    BENCH_OPTION_ROWS(15),
    {"seed", KEY_SEED, "N", 0, "Of the random numbers, 1 or more (default 1)", 0},
    {"side", KEY_SIDE, "NAME", OPTION_HIDDEN, NULL, 0},
    {"arena", KEY_ARENA, "NAME", OPTION_HIDDEN, NULL, 0},
    {"ops", KEY_OPS, "N", 0, "Operations of each workload (default 500000)", 0},
    {0},
};

static const char doc[] =
    "Measure the allocator beside jemalloc and mimalloc, in turns on one core, and print a line "
    "for each ratio: name, ours, the peer's, ours / peer's.\v"
    "Needs Debian's libjemalloc2 and libmimalloc2.0. docs/BENCHMARKS.md says what is measured.\n\n"
    "Exit status: 0 measured, whatever the ratios; 1 something could not be measured; 2 bad usage; "
    "77 measured, but beside a peer that is not installed.";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct bench *b = state->input;

    switch (key) {
    case KEY_SIDE:
        b->side = arg;
        return 0;
    case KEY_ARENA:
        b->arena = arena_named(arg);
        if (b->arena == NR_ARENAS)
            errx(BENCH_EXIT_USAGE, "--arena %s: is none of l2, 1gib, 16gib", arg);
        return 0;
    case KEY_OPS:
        b->nr_ops = (size_t)bench_number("--ops", arg, 1000, 1000000000);
        return 0;
    case KEY_SEED:
        b->seed = bench_number("--seed", arg, 1, UINT64_MAX - BENCH_MAX_ROUNDS);
        return 0;
    default:
        return bench_parse_option(key, arg, &b->options);
    }
}

int main(int argc, char **argv)
{
    static struct bench b = {.options.cpu = -1, .seed = 1, .arena = ARENA_1GIB};
    struct bench_options *const o = &b.options;

    bench_parse(options, parse_option, doc, argc, argv, &b);
    if (!o->rounds)
        o->rounds = o->quick ? 1 : DEFAULT_ROUNDS;
    if (!b.nr_ops)
        b.nr_ops = o->quick ? QUICK_OPS : DEFAULT_OPS;
    if (b.side)
        return be_side(&b);
    return run_all(&b);
}
