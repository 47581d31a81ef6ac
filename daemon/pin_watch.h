/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pin_watch.h: who keeps how much memory pinned, found by looking at a few blocks now and then.
 *
 * A pin is between a client and a word: nobody tells the daemon. What compaction and reclaim find
 * pinned is charged as such at once; this finds the rest, and what is pinned no more.
 *
 * An unpin tells nobody either. So while requests wait, those blocks that were found pinned are
 * looked at again and again: an unpin stays one compare-and-swap, and costs who does not wait
 * nothing.
 */
#ifndef DAEMON_PIN_WATCH_H
#define DAEMON_PIN_WATCH_H

#include <stdint.h>
#include <uv.h>

struct hub;

/** Time between two looks, and the records that each takes in. */
#define PIN_WATCH_MS     100u
#define PIN_WATCH_BLOCKS 512u
/** Time between two looks for who waits, at as many blocks that were found pinned. */
#define PIN_WATCH_WAIT_MS 10u

struct pin_watch {
    uv_timer_t timer; /**< runs while there are blocks that can be pinned; data is the hub */
    uint32_t next;    /**< where to go on */
    uv_timer_t wait;  /**< runs while requests wait, and blocks are known to be pinned; the same */
};

/** Make the timers, which are to be closed before the hub goes. */
void pin_watch_start(struct hub *hub);
/** There may be blocks that can be pinned. */
void pin_watch_wake(struct hub *hub);
/** A request waits: have it tried again, and windows looked at, when what was found pinned is so no
 * more. */
void pin_watch_await(struct hub *hub);

#endif
