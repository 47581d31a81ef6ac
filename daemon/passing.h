/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passing.h: empty pageblocks on their way from one domain's memory file to another's.
 *
 * The thread pool punches each one out of the old file and populates it in the new one; what comes
 * is zeroed by the kernel. In between the hugepage is the host's: whoever takes it leaves a
 * pageblock without memory, which is tried again until it has some.
 *
 * With one domain there is none of this: hub->passing is NULL.
 */
#ifndef DAEMON_PASSING_H
#define DAEMON_PASSING_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "later.h"
#include "mm/memory.h"

struct domain_set;
struct hub;
struct passing;

/** First and longest time between two tries to get memory for a pageblock that lost it. */
#define PASSING_RETRY_MS     100u
#define PASSING_MAX_RETRY_MS 10000u
/**
 * When somebody has just been made to give some back, it is tried at once, since he may be about to
 * take it again; every so many times after a while, so that he cannot keep the daemon busy.
 */
#define PASSING_REGAINS   16u
#define PASSING_REGAIN_MS 5u
/** At most one line about lost memory in this time. */
#define PASSING_TELL_MS 5000u

enum pass_state {
    PASS_NONE = 0, /**< it lies where zone_resident() says */
    PASS_GOING,    /**< a thread has it */
    PASS_UNBACKED, /**< without memory */
};

/** The record of a pageblock; a thread works on those of its block, and nobody else meanwhile. */
struct pass {
    uv_work_t work; /**< of the block that begins here */
    struct passing *passing;
    struct pass *next; /**< of those without memory */
    uint32_t nr;       /**< pageblocks of the block */
    uint32_t nr_done;
    int error;
    uint8_t state; /**< enum pass_state */
    uint8_t zone;
    uint8_t from; /**< the domain in whose file it was */
    uint8_t to;
    bool counted; /**< it is among those that lie there */
    bool punched; /**< it is there no more */
    bool again;   /**< it had no memory before */
};

struct passing {
    struct hub *hub;
    struct domain_set *domains;
    struct pass *pass[MAX_ZONES]; /**< a record for each pageblock, in memory that is never touched
                                       before it is needed */
    size_t pass_bytes[MAX_ZONES];
    uint32_t nr_unbacked;
    struct pass *unbacked; /**< and no thread has them */
    uint32_t retry_ms;
    uint32_t nr_regains;
    uint64_t told_ms;             /**< when lost memory was told of last; 0: never */
    bool told;                    /**< and not yet that all is well again */
    uint64_t thief_told_ms;       /**< the same for files with more than the record says */
    uint64_t to_look;             /**< bit d: domain d may have too few pageblocks ahead */
    unsigned looked;              /**< the domain that was looked at last */
    uint64_t demand[MAX_DOMAINS]; /**< bytes that a request of many blocks waits for */
    uv_timer_t retry;
    struct later retry_now; /**< in its place when nothing is to be waited for */
    struct later ahead;     /**< queued while there is a domain to look at */
    uv_timer_t look;        /**< runs while there are several domains */
    uv_timer_t mend;        /**< runs while a domain's files are torn */
    struct later mend_now;  /**< when that has been found */
};

/** Make the records for the hub's zones. Returns 0 or -ENOMEM. */
int passing_create(struct hub *hub, struct passing **ret);
/** NULL is allowed. The zones may be gone. */
void passing_free(struct passing *p);
/** Begin to serve zone_ops.populate. */
void passing_start(struct passing *p);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void passing_stop(struct passing *p);

/** Is the pageblock of this number on its way into the domain's file, or out of it? */
bool passing_concerns(const struct passing *p, unsigned zone, uint32_t pageblock, unsigned domain);

#endif
