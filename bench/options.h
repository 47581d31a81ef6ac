/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: what the benchmarks that measure in turns can be told on their command lines. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>
#include <stdbool.h>

/** Zero-filled, but for cpu, which is -1, are the defaults. */
struct bench_options {
    unsigned rounds; /**< 0: as the benchmark likes */
    int cpu;         /**< -1: the last one that may be used */
    bool verbose;
    bool quick;
};

/** Keys without a letter: a benchmark's own begin with BENCH_KEY_OWN. */
enum { BENCH_KEY_QUICK = 0x100, BENCH_KEY_OWN };

/** Their rows of argp's table. default_rounds: a number, as written. */
#define BENCH_OPTION_ROWS(default_rounds)                                                          \
    {"rounds", 'r', "N", 0, "Rounds, 1 to 101 (default " #default_rounds ")", 0},                  \
        {"cpu", 'c', "N", 0, "The core to stay on (default: the last one)", 0},                    \
        {"quick", BENCH_KEY_QUICK, NULL, 0, "One short round, to see that it works", 0},           \
    {                                                                                              \
        "verbose", 'v', NULL, 0, "Print how much each figure varied", 0                            \
    }

/** The row of argp's table that says where the daemon's program is. */
#define BENCH_DAEMON_ROW(key)                                                                      \
    {                                                                                              \
        "buddyd", key, "FILE", 0,                                                                  \
            "The daemon's program (default: the one built beside this, or else of $PATH)", 0       \
    }

/** The default of a parser of argp's: takes these options, and ends the program for an argument. */
error_t bench_parse_option(int key, char *arg, struct bench_options *o);

/** Read the command line, into input; doc: as argp has it. Bad usage ends the program. */
void bench_parse(const struct argp_option *options, argp_parser_t parse, const char *doc, int argc,
                 char **argv, void *input);

#endif
