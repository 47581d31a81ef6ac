/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resizer_internal.h: a change of a zone, for the files that carry it out: resizer.c begins and
 * ends it, resizer_shrink.c empties what goes, resizer_answer.c tells what came of it.
 */
#ifndef DAEMON_RESIZER_INTERNAL_H
#define DAEMON_RESIZER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "hub.h"
#include "mm/hotplug.h"
#include "patience.h"
#include "resizer.h"

enum resize_state {
    RESIZE_NONE = 0,
    RESIZE_POPULATING, /**< a thread has what comes */
    RESIZE_BEGINNING,  /**< to shrink, in a later turn */
    RESIZE_EMPTYING,   /**< moves are waited for, or pins */
    RESIZE_GIVING_UP,  /**< what was to go is put to use again */
    RESIZE_PUNCHING,   /**< a thread has what went */
};

/** The change of a zone. */
struct resize {
    struct resizer *resizer;
    struct later later; /**< resize_shrink(), without a timer */
    enum resize_state state;
    uint32_t session; /**< who asked, and for what */
    uint64_t request;
    pfn_t start; /**< what comes or goes begins here */
    pfn_t nr_pages;
    struct evacuation ev;
    struct zone_obstacle obstacle; /**< why it is given up */
    struct patience patience;
    pfn_t clean;                    /**< so far the range was empty at the last look */
    pfn_t counted;                  /**< so far resident is */
    uint32_t resident[MAX_DOMAINS]; /**< pageblocks of the range, by whose file has them */
    int64_t delta_bytes;            /**< what is asked for */
    uint64_t punched; /**< bit i: the range has left the file of domain i, or never lay in it */
    bool left_over;   /**< it has not left all files: that is tried again before anything else */
    int error;        /**< of the thread's work */
    uv_work_t work;
};

struct resizer {
    struct hub *hub;
    struct resize zone[MAX_ZONES];
    uv_timer_t look;
};

static inline unsigned resize_zone(const struct resize *rz)
{
    return (unsigned)(rz - rz->resizer->zone);
}

static inline struct zone_entry *resize_entry(const struct resize *rz)
{
    return &rz->resizer->hub->zones->entry[resize_zone(rz)];
}

/** How long the zone is. */
uint64_t resize_bytes(const struct resize *rz);

/** It is done: the zone has its new length. */
void resize_answer_done(struct resize *rz);
/** It could not grow: rz->error says why. */
void resize_answer_error(struct resize *rz);
/** The range that went is the zone's no more, but not the host's either: rz->error says why. */
void resize_answer_left_over(struct resize *rz);
/** It could not shrink: this is in the way, and perhaps more. */
void resize_answer_obstacles(struct resize *rz, const struct zone_obstacle *o);

/** Files' pageblocks are counted, so that nobody takes ours for a thief's: so many times those of
 * rz->resident more are on their way, and are there, in the files of these domains (a set). */
void resize_count(struct resize *rz, uint64_t domains, int on_the_way, int resident);
/** The zone has another length. */
void resize_changed(struct resize *rz);
/** Let a thread bring or punch the memory. */
void resize_queue_work(struct resize *rz, enum resize_state state);

/** Go on with emptying what goes, if that is what is being done. */
void resize_shrink(void *resize);
/** Let resize_shrink() be called in so many ms. */
void resize_look_in(struct resize *rz, uint32_t ms);

#endif
