/* SPDX-License-Identifier: Apache-2.0 */
/* replay_mm.c: the command line of the replay in process. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gigantic.h"
#include "harness.h"
#include "replay.h"
#include "trace/trace.h"
#include "zone_memory.h"

enum { KEY_PAGES = 'p', KEY_NO_GROUPING = 0x100, KEY_KERNEL_RULES, KEY_WORKLOAD, KEY_JSON };

struct arguments {
    const char *file;     /**< a trace, or the workload's name */
    const char *workload; /**< its seed; NULL: a file */
    enum gigantic_mix mix;
    struct replay_config config;
    unsigned percent; /**< of the trace's peak; 0: config.nr_pages says it */
    bool json;
};

static const struct argp_option options[] = {
    {"pages", KEY_PAGES, "N", 0,
     "Pages of the zone, a multiple of 512; or N%: so much of the trace's peak, rounded up "
     "(required)",
     0},
    {"no-grouping", KEY_NO_GROUPING, NULL, 0, "Do not group pages by mobility, for comparison", 0},
    {"kernel-rules", KEY_KERNEL_RULES, NULL, 0, "Fall back by Linux's rules alone, for comparison",
     0},
    {"workload", KEY_WORKLOAD, "NAME:SEED", 0,
     "Instead of a trace: blocks of orders 9 to 18 among small ones, from a seed; \"gigantic\" has "
     "fewer small ones, \"crowded\" more",
     0},
    {"json", KEY_JSON, NULL, 0, "Print one JSON object", 0},
    {0},
};

static const char doc[] =
    "Play a recorded page trace in process against the allocator, without a daemon, and say how "
    "well its pages were packed.\v"
    "FILE is a page trace, plain or .xz. A free of a block whose allocation was refused is "
    "skipped. Each measure is given for the end of the trace, and as a mean over samples taken "
    "every 65,536 events, at each of which every invariant of the zone is verified as well. "
    "ns_per_op is the time in the allocator over its operations, of further runs in which nothing "
    "else is done; the median of three.\n\n"
    "Exit status: 0 done; 1 the zone was found broken or memory ran out; 2 bad usage or a bad "
    "trace.\n\n"
    "Examples: replay_mm build.pgtrace.xz --pages 118272 --json\n"
    "          replay_mm --workload gigantic:1 --pages 95% --kernel-rules";

#define MAX_PERCENT 10000u

/** "95%". Or 0: it is not that. */
static unsigned parse_percent(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    return end != text && text[0] != '-' && strcmp(end, "%") == 0 && n <= MAX_PERCENT ? (unsigned)n
                                                                                      : 0;
}

/** Pages from text, or 0 with a line on stderr. */
static pfn_t parse_pages(const char *text)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || *end || end == text || text[0] == '-' || n == 0 || n > PFN_MAX_PAGES ||
        n % BENCH_PAGEBLOCK_PAGES) {
        warnx(
            "--pages %s: must be a multiple of %u from %u to %u (the zone is whole pageblocks), or "
            "1%% to %u%%",
            text, BENCH_PAGEBLOCK_PAGES, BENCH_PAGEBLOCK_PAGES, PFN_MAX_PAGES, MAX_PERCENT);
        return 0;
    }
    return (pfn_t)n;
}

static error_t take_input(struct arguments *a, const char *name)
{
    if (a->file)
        errx(BENCH_EXIT_USAGE, "%s: one trace at a time, %s is given already", name, a->file);
    a->file = name;
    return 0;
}

/** "NAME:SEED" */
static void take_workload(struct arguments *a, const char *text)
{
    static const char *const names[] = {
        [GIGANTIC_ROOMY] = "gigantic:",
        [GIGANTIC_CROWDED] = "crowded:",
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strncmp(text, names[i], strlen(names[i])) == 0) {
            a->mix = (enum gigantic_mix)i;
            a->workload = text + strlen(names[i]);
            return;
        }
    }
    errx(BENCH_EXIT_USAGE, "--workload %s: must be gigantic:SEED or crowded:SEED", text);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;

    switch (key) {
    case KEY_PAGES:
        a->percent = parse_percent(arg);
        a->config.nr_pages = a->percent ? 0 : parse_pages(arg);
        if (!a->percent && !a->config.nr_pages)
            exit(BENCH_EXIT_USAGE);
        return 0;
    case KEY_NO_GROUPING:
    case KEY_KERNEL_RULES:
        if (a->config.grouping != GROUPING_OURS)
            errx(BENCH_EXIT_USAGE, "--no-grouping and --kernel-rules: one of them, and once");
        a->config.grouping = key == KEY_NO_GROUPING ? GROUPING_NONE : GROUPING_KERNEL;
        return 0;
    case KEY_WORKLOAD:
        take_workload(a, arg);
        return take_input(a, arg);
    case KEY_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        return take_input(a, arg);
    case ARGP_KEY_END:
        if (!a->file)
            errx(BENCH_EXIT_USAGE, "no trace is given: replay_mm FILE --pages N (see --help)");
        if (!a->percent && !a->config.nr_pages)
            errx(BENCH_EXIT_USAGE, "--pages is missing: replay_mm %s --pages N, a multiple of %u",
                 a->file, BENCH_PAGEBLOCK_PAGES);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_json_measures(const double *value, int decimals, const char *indent)
{
    for (unsigned m = 0; m < NR_MEASURES; m++) {
        int digits = m == MEASURE_NS_PER_OP && decimals < 2 ? 2 : decimals;

        printf("%s\"%s\": %.*f%s\n", indent, measure_name((enum measure)m), digits, value[m],
               m + 1 < NR_MEASURES ? "," : "");
    }
}

static void print_json(const struct arguments *a, const struct replay_result *r)
{
    printf("{\n  \"pages\": %u,\n  \"pageblocks\": %u,\n  \"grouping\": %s,\n  \"kernel_rules\": "
           "%s,\n  \"samples\": %zu,\n",
           a->config.nr_pages, a->config.nr_pages / BENCH_PAGEBLOCK_PAGES,
           a->config.grouping == GROUPING_NONE ? "false" : "true",
           a->config.grouping == GROUPING_KERNEL ? "true" : "false", r->nr_samples);
    printf("  \"mean\": {\n");
    print_json_measures(r->mean, 4, "    ");
    printf("  },\n");
    print_json_measures(r->end, 0, "  ");
    printf("}\n");
}

static const char *const grouping_names[] = {
    [GROUPING_OURS] = "on",
    [GROUPING_KERNEL] = "by Linux's rules",
    [GROUPING_NONE] = "off",
};

static void print_table(const struct arguments *a, const struct trace *t,
                        const struct replay_result *r)
{
    printf("%s: %zu events, %u allocations, peak %llu pages\n", a->file, t->nr_events, t->nr_blocks,
           (unsigned long long)t->peak_pages);
    printf("zone: %u pages, %u pageblocks, grouping %s\n\n", a->config.nr_pages,
           a->config.nr_pages / BENCH_PAGEBLOCK_PAGES, grouping_names[a->config.grouping]);
    printf("%-28s %12s %14s\n", "", "at the end", "mean");
    for (unsigned m = 0; m < NR_MEASURES; m++)
        printf("%-28s %12.*f %14.2f\n", measure_name((enum measure)m),
               m == MEASURE_NS_PER_OP ? 2 : 0, r->end[m], r->mean[m]);
    printf("\nmean over %zu samples\n", r->nr_samples);
}

/** Read or make the trace, or exit. */
static void get_trace(const struct arguments *a, struct trace *ret)
{
    char why[512], *end;
    unsigned long long seed;

    if (!a->workload) {
        if (trace_read(a->file, ret, why, sizeof(why)))
            errx(BENCH_EXIT_USAGE, "%s", why);
        return;
    }
    errno = 0;
    seed = strtoull(a->workload, &end, 10);
    if (errno || end == a->workload || *end || a->workload[0] == '-')
        errx(BENCH_EXIT_USAGE, "--workload %s: the seed must be a number from 0 to 2^64 - 1",
             a->file);
    if (gigantic_trace(a->mix, seed, ret))
        errx(EXIT_FAILURE, "no memory for the workload");
}

/** So much of the peak, in whole pageblocks. */
static pfn_t pages_of_peak(const struct trace *t, unsigned percent)
{
    uint64_t pages = (t->peak_pages * percent + 99) / 100;
    uint64_t pageblocks = (pages + BENCH_PAGEBLOCK_PAGES - 1) / BENCH_PAGEBLOCK_PAGES;

    if (pageblocks > PFN_MAX_PAGES / BENCH_PAGEBLOCK_PAGES)
        errx(BENCH_EXIT_USAGE, "--pages %u%%: more than %u pages", percent, PFN_MAX_PAGES);
    return (pfn_t)pageblocks * BENCH_PAGEBLOCK_PAGES;
}

int main(int argc, char **argv)
{
    const struct argp argp = {options, parse_option, "FILE", doc, NULL, NULL, NULL};
    struct arguments a = {0};
    struct replay_result result;
    struct trace trace;
    char why[512];
    int rc;

    argp_err_exit_status = BENCH_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &a);
    get_trace(&a, &trace);
    if (a.percent)
        a.config.nr_pages = pages_of_peak(&trace, a.percent);
    rc = replay(&trace, &a.config, &result, why, sizeof(why));
    if (rc) {
        warnx("%s: %s", a.file, why);
    } else if (a.json) {
        print_json(&a, &result);
    } else {
        print_table(&a, &trace, &result);
    }
    trace_free(&trace);
    if (rc == -ENODATA)
        return BENCH_EXIT_USAGE;
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
