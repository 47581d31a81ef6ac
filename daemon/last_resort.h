/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_resort.h: what is done when requests of the highest priority wait, and nothing else helps.
 *
 * As the kernel's OOM killer, one victim at a time: it is told, has a grace time to free memory by
 * itself, and then its session is ended, or its process is killed, as its policy says. Only clients
 * whose policy allows it, and whose priority is lower, can be victims; so by default nobody is.
 */
#ifndef DAEMON_LAST_RESORT_H
#define DAEMON_LAST_RESORT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/** A score of this keeps a client from being a victim at all, as oom_score_adj does. */
#define LAST_RESORT_NEVER (-1000)

struct hub;

/** Zero-filled: nobody is a victim. */
struct victim_search {
    uint32_t victim; /**< a session's id; 0: nobody */
    bool looking;    /**< the timer runs until a victim is looked for */
    uint64_t pages;  /**< that are waited for */
    uint64_t held;   /**< by the victim when it was asked */
    uv_timer_t timer;
};

/** Begin; the timer is to be closed before the hub is freed. */
void last_resort_start(struct hub *hub);
/**
 * A request waits in vain, for want of pages: if it is of the highest priority, and there is no
 * victim yet, one will be looked for a moment later, if somebody still waits then.
 */
void last_resort_look(struct hub *hub, uint8_t priority, uint64_t pages);
/** A session is gone, and all that it had is free: if it was the victim, nobody waits for the end
 * of its grace time. */
void last_resort_left(struct hub *hub, uint32_t session);
/**
 * How bad a client is: what it holds, as far as its account is over its guarantee, and its score's
 * share of all memory (oom_badness). Below 1: it is no victim.
 */
int64_t last_resort_badness(uint64_t held_pages, uint64_t over_pages, int score,
                            uint64_t total_pages);

#endif
