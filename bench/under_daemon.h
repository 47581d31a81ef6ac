/* SPDX-License-Identifier: Apache-2.0 */
/*
 * under_daemon.h: benchmarks that start themselves again under `buddyd --private`, which gives a
 * daemon for as long as that runs; and the options that these have in common.
 */
#ifndef BENCH_UNDER_DAEMON_H
#define BENCH_UNDER_DAEMON_H

#include <stdbool.h>

#include "options.h"

/** Zero-filled, but for common.cpu, which is -1, are the defaults. */
struct under_daemon {
    struct bench_options common;
    const char *buddyd; /**< the daemon's program; NULL: child_find_daemon() */
    const char *size;   /**< of its zone; NULL: 64M */
    bool all_cores;     /**< without cpu: stay on none */
    bool inner;         /**< there is a daemon already: BUDDYD_SOCKET names it */
};

/** Read the command line; doc: as argp has it. Bad usage ends the program. */
void under_daemon_parse(struct under_daemon *o, int argc, char **argv, const char *doc);
/**
 * Start this program again under a private daemon, both on one core unless all_cores. Returns
 * EXIT_FAILURE, after a warning, and only if that fails.
 */
int under_daemon_start(const struct under_daemon *o);

#endif
