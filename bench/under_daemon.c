/* SPDX-License-Identifier: Apache-2.0 */
/* under_daemon.c: a benchmark starts itself again under a private daemon. */
#include "under_daemon.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "harness.h"

enum { KEY_INNER = BENCH_KEY_OWN, KEY_BUDDYD };

static const struct argp_option options[] = {
    BENCH_OPTION_ROWS(15),
    BENCH_DAEMON_ROW(KEY_BUDDYD),
    {"inner", KEY_INNER, NULL, OPTION_HIDDEN, NULL, 0},
    {0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct under_daemon *o = state->input;

    switch (key) {
    case KEY_INNER:
        o->inner = true;
        return 0;
    case KEY_BUDDYD:
        o->buddyd = arg;
        return 0;
    default:
        return bench_parse_option(key, arg, &o->common);
    }
}

void under_daemon_parse(struct under_daemon *o, int argc, char **argv, const char *doc)
{
    bench_parse(options, parse_option, doc, argc, argv, o);
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
    if (!o->all_cores || o->common.cpu >= 0) {
        rc = bench_pin(o->common.cpu, &core);
        if (rc) {
            warnx("--cpu %d: cannot run there: %s", o->common.cpu, strerror(-rc));
            return EXIT_FAILURE;
        }
        snprintf(cpu, sizeof(cpu), "--cpu=%d", core);
        argv[nr++] = cpu;
    }
    if (o->common.rounds) {
        snprintf(rounds, sizeof(rounds), "--rounds=%u", o->common.rounds);
        argv[nr++] = rounds;
    }
    if (o->common.verbose)
        argv[nr++] = "--verbose";
    if (o->common.quick)
        argv[nr++] = "--quick";
    execvp(argv[0], (char *const *)argv);
    warn("%s: cannot be started (--buddyd FILE says where the daemon is)", argv[0]);
    return EXIT_FAILURE;
}
