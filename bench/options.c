/* SPDX-License-Identifier: Apache-2.0 */
/* options.c: the options that benchmarks have in common. */
#include "options.h"

#include <err.h>

#include "harness.h"

error_t bench_parse_option(int key, char *arg, struct bench_options *o)
{
    switch (key) {
    case 'r':
        o->rounds = (unsigned)bench_number("--rounds", arg, 1, BENCH_MAX_ROUNDS);
        return 0;
    case 'c':
        o->cpu = (int)bench_number("--cpu", arg, 0, BENCH_MAX_CPU);
        return 0;
    case 'v':
        o->verbose = true;
        return 0;
    case BENCH_KEY_QUICK:
        o->quick = true;
        return 0;
    case ARGP_KEY_ARG:
        errx(BENCH_EXIT_USAGE, "%s: takes no arguments (see --help)", arg);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void bench_parse(const struct argp_option *options, argp_parser_t parse, const char *doc, int argc,
                 char **argv, void *input)
{
    const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};

    argp_err_exit_status = BENCH_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, input);
}
