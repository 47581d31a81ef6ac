/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_run.h: what the files of a replay's parent share: its stages, its children, what it
 * compares.
 *
 * What returns an int returns an exit code; errors have been said.
 */
#ifndef CTL_REPLAY_RUN_H
#define CTL_REPLAY_RUN_H

#include <time.h>

#include "replay.h"

enum stage {
    STAGE_STARTING, /* until all are connected */
    STAGE_TO_PEAK,  /* until all events before the peak are played */
    STAGE_TO_END,
    STAGE_FREEING, /* what is still live is checked and freed */
    STAGE_LEAVING,
    STAGE_OVER,
};

struct run {
    struct replay r;
    enum stage stage;
    bool halted; /* the gate was closed in between, to look at the survivors of a kill */
    uint64_t limit_before_halt;
    struct timespec start;
};

/* ---- children (replay_children.c) ---- */

/** Fork a process for each client. On failure some may run: end them. */
int replay_start_clients(struct replay *r);
/** Kill and reap all that still run. */
void replay_end_clients(struct replay *r);
/** A client ended that should not have: say why, by its status. Never returns CTL_OK. */
int replay_client_failed(struct replay *r, unsigned i, int status);
/** See who ended. Fails if somebody should not have. */
int replay_reap(struct run *run);
bool replay_all_ended(const struct replay *r);

/* ---- comparing (replay_compare.c) ---- */

/** Keep a description of what is wrong; only the first is kept. */
void replay_set_fault(struct replay *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** All are quiet: the daemon's count of each one's pages must be its own. Gives both sums. */
int replay_compare_counts(struct replay *r, struct replay_count *c, uint64_t *ret_own,
                          uint64_t *ret_daemon);
/** Other clients are, or were, connected: free pages say nothing about this replay. */
bool replay_others_connected(const struct replay *r, const struct replay_count *now);
/** Wait until the daemon has ended a seat's session; that it does not is a fault, not a failure. */
int replay_await_seat(struct replay *r, unsigned seat, unsigned *ret_looks);

/* ---- the kill (replay_kill.c) ---- */

/** Arrange that the parent is woken when it is time. */
void replay_plan_kill(struct replay *r);
/** Kill the client while the others go on, wait for its pages, and then have all halt. */
int replay_kill_client(struct run *run);
/** All survivors have checked their stamps and are quiet: compare, report, and let them go on. */
int replay_check_survivors(struct run *run);

#endif
