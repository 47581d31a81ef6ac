/* SPDX-License-Identifier: Apache-2.0 */
/* under_daemon.c: a benchmark starts itself again under a private daemon. */
#include "under_daemon.h"

#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "harness.h"

enum { KEY_QUICK = 0x100, KEY_INNER, KEY_BUDDYD };

static const struct argp_option options[] = {
    {"rounds", 'r', "N", 0, "Rounds, 1 to 101 (default 15)", 0},
    {"cpu", 'c', "N", 0, "The core to stay on (default: the last one)", 0},
    {"buddyd", KEY_BUDDYD, "FILE", 0,
     "The daemon's program (default: the one built beside this, or else of $PATH)", 0},
    {"quick", KEY_QUICK, NULL, 0, "One short round, to see that it works", 0},
    {"verbose", 'v', NULL, 0, "Print how much each figure varied", 0},
    {"inner", KEY_INNER, NULL, OPTION_HIDDEN, NULL, 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct under_daemon *o = state->input;

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
    case KEY_QUICK:
        o->quick = true;
        return 0;
    case KEY_INNER:
        o->inner = true;
        return 0;
    case KEY_BUDDYD:
        o->buddyd = arg;
        return 0;
    case ARGP_KEY_ARG:
        errx(BENCH_EXIT_USAGE, "%s: takes no arguments (see --help)", arg);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void under_daemon_parse(struct under_daemon *o, int argc, char **argv, const char *doc)
{
    const struct argp argp = {options, parse_option, NULL, doc, NULL, NULL, NULL};

    argp_err_exit_status = BENCH_EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, o);
}

int under_daemon_start(const struct under_daemon *o)
{
    char self[4096], beside[4096], rounds[32], cpu[32];
    const char *argv[16] = {o->buddyd, "--private", "--size", o->size ? o->size : "64M",
                            "--",      self,        "--inner"};
    int core, rc = child_self(self, sizeof(self));
    size_t nr = 7;

    if (rc) {
        warnx("/proc/self/exe: cannot be read: %s", strerror(-rc));
        return EXIT_FAILURE;
    }
    if (!argv[0])
        argv[0] = child_find_daemon(self, beside, sizeof(beside));
    if (!o->all_cores || o->cpu >= 0) {
        rc = bench_pin(o->cpu, &core);
        if (rc) {
            warnx("--cpu %d: cannot run there: %s", o->cpu, strerror(-rc));
            return EXIT_FAILURE;
        }
        snprintf(cpu, sizeof(cpu), "--cpu=%d", core);
        argv[nr++] = cpu;
    }
    if (o->rounds) {
        snprintf(rounds, sizeof(rounds), "--rounds=%u", o->rounds);
        argv[nr++] = rounds;
    }
    if (o->verbose)
        argv[nr++] = "--verbose";
    if (o->quick)
        argv[nr++] = "--quick";
    execvp(argv[0], (char *const *)argv);
    warn("%s: cannot be started (--buddyd FILE says where the daemon is)", argv[0]);
    return EXIT_FAILURE;
}
