/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h: one replay, as its files see it: the parent's state, what the daemon says, the report.
 *
 * The parent reads the trace, forks a client process for each seat, opens the gate from stage to
 * stage, kills whom it was told to kill, and compares the clients' counts with the daemon's.
 */
#ifndef CTL_REPLAY_H
#define CTL_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <buddyd.h>
#include <jansson.h>

#include "command.h"
#include "replay_shared.h"
#include "trace/trace.h"

struct replay_options {
    const char *path;
    unsigned nr_clients;
    int kill_client; /**< -1: nobody */
    unsigned kill_percent;
    bool buddyinfo;
    bool progress;
};

/* ---- what the daemon says ---- */

struct replay_count {
    uint64_t free_pages;
    uint64_t client_pages; /**< of all clients that are listed */
    unsigned others;       /**< connected clients that are not of this replay */
    uint32_t nr_sessions;  /**< of this replay that are listed */
    uint64_t session_pages[REPLAY_MAX_CLIENTS];
    bool listed[REPLAY_MAX_CLIENTS];
};

/** Ask the daemon about all zones and clients. own: the asking connection. Returns 0 or an errno.
 */
int replay_count(struct buddyd *b, const struct replay_shared *s, struct replay_count *ret);
/** Pages in all blocks that the daemon lists as this replay's. Returns 0 or a negative errno. */
int replay_listed_pages(struct buddyd *b, const struct replay_shared *s, uint64_t *ret_pages);
/**
 * Ask until a seat's session is gone, at most so often that a daemon that works is done long ago.
 * Returns 0 and how often it was asked; -ETIMEDOUT when the session is still there; another errno.
 */
int replay_await_end(struct buddyd *b, const struct replay_shared *s, unsigned seat,
                     unsigned *ret_looks);

/* ---- the report ---- */

struct replay_kill {
    bool wanted;
    bool done;
    unsigned client;
    int pid;
    uint32_t session;
    uint64_t at_event;        /**< the position that was waited for */
    uint64_t position;        /**< where it was */
    uint64_t pages_by_client; /**< its own last count */
    uint64_t pages_by_daemon;
    uint64_t under_way; /**< requests */
    unsigned looks;     /**< listings until its session was gone */
    uint64_t survivors_pages;
    uint64_t survivors_by_daemon;
    uint64_t survivors_checked; /**< blocks whose stamps were looked at after the kill */
    uint64_t survivors_wrong;   /**< and wrong ones so far */
    bool compared;              /**< free pages were compared */
    int64_t missing_pages;
};

struct replay_result {
    uint64_t events;
    uint64_t allocations;
    uint64_t failed;
    uint64_t requests;
    uint64_t checked;
    uint64_t mismatches;
    uint64_t overlaps;
    int64_t leaked_pages;
    uint64_t wrong_counts; /**< the daemon's count of a client's pages was not the client's */
    uint64_t peak_pages;
    double seconds;
    unsigned others; /**< other clients: the zones' free pages were not compared */
};

struct replay {
    const struct ctl *ctl;
    const struct replay_options *options;
    struct trace trace;
    struct replay_shared *shared;
    struct buddyd *b;
    unsigned page_shift;
    pid_t pids[REPLAY_MAX_CLIENTS]; /**< 0: ended */
    struct replay_count before;
    struct replay_kill kill;
    struct replay_result result;
    json_t *buddyinfo; /**< with --json */
    bool progress_shown;
    char fault[200]; /**< the first thing that is wrong and was not seen by a client */
};

/** Did everything hold? */
bool replay_is_good(const struct replay *r);
/** Say what is about to be played. */
void replay_report_start(struct replay *r);
/** Print, or keep for JSON, the free blocks under a word. Returns 0 or a negative errno. */
int replay_report_buddyinfo(struct replay *r, const char *when);
void replay_report_stopped(struct replay *r);
void replay_report_killed(struct replay *r);
void replay_report_survivors(struct replay *r);
/** The numbers at the end. Returns an exit code. */
int replay_report_end(struct replay *r);
/** Draw the bar, or wipe it. */
void replay_progress(struct replay *r, double seconds);
void replay_progress_end(struct replay *r);

/* ---- running ---- */

/** Play. Returns an exit code; everything that it started has ended. */
int replay_run(const struct ctl *ctl, const struct replay_options *options);

/** The life of one client process; never returns. parent: its pid. */
_Noreturn void replay_client_run(const struct replay *r, unsigned seat, pid_t parent);

#endif
