/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay_mm.c: the command line of replay_mm: what it takes, what it refuses, and how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* Run it through the shell. Returns its exit status; out: what it wrote, on either stream. */
static int run(const char *args, char *out, size_t size)
{
    char command[600];
    size_t used = 0, n;
    FILE *f;
    int status;

    assert_true(snprintf(command, sizeof(command), "exec '%s' %s 2>&1", REPLAY_MM_PROGRAM, args) <
                (int)sizeof(command));
    f = popen(command, "r");
    assert_non_null(f);
    while ((n = fread(out + used, 1, size - used - 1, f)) > 0)
        used += n;
    out[used] = '\0';
    status = pclose(f);
    if (!WIFEXITED(status))
        fail_msg("replay_mm %s ended with status %#x: %s", args, status, out);
    return WEXITSTATUS(status);
}

/* It ends with this status, and says all these words. */
static void assert_run(const char *args, int status, const char *const *words)
{
    char out[8192];
    int got = run(args, out, sizeof(out));

    if (got != status)
        fail_msg("replay_mm %s ended with %d, not %d: %s", args, got, status, out);
    for (; *words; words++) {
        if (!strstr(out, *words))
            fail_msg("replay_mm %s does not say '%s': %s", args, *words, out);
    }
}

static void assert_usage(const char *args, const char *const *words)
{
    assert_run(args, BENCH_EXIT_USAGE, words);
}

/* A bad value: the message names the option, the value, and what would be accepted. */
static void pages_that_cannot_be(void **state)
{
    static const char *const values[] = {"0",         "513",
                                         "-512",      "+-512",
                                         "268435968", "abc",
                                         "''",        "512x",
                                         "0x200",     "99999999999999999999",
                                         "0%",        "-5%",
                                         "10001%",    "5%%",
                                         "%",         "1.5%",
                                         "5 %",       "99999999999999999999%"};

    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char args[100], named[100];
        const char *value = strcmp(values[i], "''") == 0 ? "" : values[i];

        (void)snprintf(args, sizeof(args), "--pages='%s' " TINY_TRACE, value);
        (void)snprintf(named, sizeof(named), "--pages %s: ", value);
        assert_usage(args, WORDS(named, "a multiple of 512 from 512 to 268435456", "1% to 10000%"));
    }
    assert_usage(TINY_TRACE, WORDS("--pages is missing", "a multiple of 512"));
}

static void pages_by_number_and_by_peak(void **state)
{
    (void)state;
    assert_run(TINY_TRACE " --pages 1024", 0, WORDS("zone: 1024 pages, 2 pageblocks"));
    /* The later one counts. */
    assert_run(TINY_TRACE " --pages 1% --pages 512", 0, WORDS("zone: 512 pages"));
    assert_run(TINY_TRACE " --pages 1024 --pages 1%", 0, WORDS("zone: 512 pages, 1 pageblocks"));
    assert_run("--workload gigantic:1 --pages 1% --json", 0, WORDS("\"pages\": 15360,"));
}

/* A percentage of the peak, in whole pageblocks upwards; more than a zone can have is refused. */
static void pages_by_a_large_peak(void **state)
{
    char name[] = "/tmp/test_replay_mm.XXXXXX", args[200];
    int fd = mkstemp(name);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    (void)state;
    assert_non_null(f);
    (void)fprintf(f, "# page trace v1\n");
    for (unsigned i = 0; i < 11; i++)
        (void)fprintf(f, "a %u 18 M -\n", i);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(args, sizeof(args), "%s --pages 10000%%", name);
    assert_usage(args, WORDS("--pages 10000%: more than 268435456 pages"));
    (void)snprintf(args, sizeof(args), "%s --pages 33%%", name);
    assert_run(args, 0, WORDS("zone: 951808 pages, 1859 pageblocks")); /* 951582.72 */
    assert_int_equal(unlink(name), 0);
}

static void how_pages_are_grouped(void **state)
{
    (void)state;
    assert_run(TINY_TRACE " --pages 512", 0, WORDS("grouping on"));
    assert_run(TINY_TRACE " --pages 512 --no-grouping", 0, WORDS("grouping off"));
    assert_run(TINY_TRACE " --pages 512 --kernel-rules", 0, WORDS("grouping by Linux's rules"));
    assert_run(TINY_TRACE " --pages 512 --json", 0,
               WORDS("\"grouping\": true", "\"kernel_rules\": false"));
    assert_run(TINY_TRACE " --pages 512 --json --no-grouping", 0,
               WORDS("\"grouping\": false", "\"kernel_rules\": false"));
    assert_run(TINY_TRACE " --pages 512 --json --kernel-rules", 0,
               WORDS("\"grouping\": true", "\"kernel_rules\": true"));
    assert_usage(TINY_TRACE " --pages 512 --kernel-rules --no-grouping",
                 WORDS("--no-grouping", "--kernel-rules", "one of them, and once"));
    assert_usage(TINY_TRACE " --pages 512 --no-grouping --no-grouping",
                 WORDS("--no-grouping", "--kernel-rules", "one of them, and once"));
    assert_usage(TINY_TRACE " --pages 512 --kernel-rules=yes", WORDS("--kernel-rules", "argument"));
}

/* The value of a line of the JSON object that is not under "mean"; line: with its quotes. */
static double value_of(const char *out, const char *line)
{
    const char *end = strstr(out, "},"), *at = end ? strstr(end, line) : NULL;

    if (!at)
        fail_msg("no %s in %s", line, out);
    return at ? strtod(at + strlen(line), NULL) : 0;
}

/* What the options are for: a workload that mixes types is packed better with grouping. */
static void grouping_packs_better(void **state)
{
    static const char *const options[] = {"", "--kernel-rules", "--no-grouping"};
    double nr[3], steals[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char args[100], out[8192];

        (void)snprintf(args, sizeof(args), "--workload gigantic:1 --pages 95%% --json %s",
                       options[i]);
        assert_int_equal(run(args, out, sizeof(out)), 0);
        assert_int_equal(value_of(out, "\"events\": "), 1000000);
        nr[i] = value_of(out, "\"pageblocks_unmovable\": ");
        steals[i] = value_of(out, "\"claims\": ") + value_of(out, "\"steals\": ");
    }
    assert_true(nr[0] < nr[2] && nr[1] < nr[2]);
    assert_true(steals[0] > 0 && steals[1] > 0);
    assert_true(!(steals[2] > 0));
}

static void the_workload_by_its_seed(void **state)
{
    static const char *const seeds[] = {"",    "x",   "-1", "1x", "18446744073709551616",
                                        "1.5", "0x1", "1 2"};

    (void)state;
    assert_run("--workload gigantic:0 --pages 1%", 0, WORDS("gigantic:0: 1000000 events"));
    assert_run("--workload gigantic:18446744073709551615 --pages 1%", 0,
               WORDS("gigantic:18446744073709551615: 1000000 events"));
    for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        char args[100], named[100];

        (void)snprintf(args, sizeof(args), "--workload='gigantic:%s' --pages 1%%", seeds[i]);
        (void)snprintf(named, sizeof(named), "--workload gigantic:%s: ", seeds[i]);
        assert_usage(args, WORDS(named, "a number from 0 to 2^64 - 1"));
    }
    assert_usage("--workload gigantic --pages 1%",
                 WORDS("--workload gigantic: ", "must be gigantic:SEED"));
    assert_usage("--workload tiny:1 --pages 1%",
                 WORDS("--workload tiny:1: ", "must be gigantic:SEED"));
}

static void one_trace_at_a_time(void **state)
{
    (void)state;
    assert_usage("--pages 512", WORDS("no trace is given", "replay_mm FILE --pages N"));
    assert_usage("a b --pages 512", WORDS("b: one trace at a time", "a is given already"));
    assert_usage("--workload gigantic:1 b --pages 512",
                 WORDS("b: one trace at a time", "gigantic:1 is given already"));
    assert_usage("--workload gigantic:1 --workload gigantic:2 --pages 512",
                 WORDS("gigantic:2: one trace at a time", "gigantic:1 is given already"));
    assert_usage("/nonexistent/trace --pages 512",
                 WORDS("/nonexistent/trace", "No such file or directory"));
    assert_usage("--bogus", WORDS("--bogus", "--help"));
    assert_usage("--pages", WORDS("--pages", "requires an argument"));
    assert_run("--help", 0, WORDS("--pages=N", "--workload=NAME:SEED", "Exit status"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_cannot_be),  cmocka_unit_test(pages_by_number_and_by_peak),
        cmocka_unit_test(pages_by_a_large_peak), cmocka_unit_test(how_pages_are_grouped),
        cmocka_unit_test(grouping_packs_better), cmocka_unit_test(the_workload_by_its_seed),
        cmocka_unit_test(one_trace_at_a_time),
    };

    return cmocka_run_group_tests_name("replay_mm", tests, NULL, NULL);
}
