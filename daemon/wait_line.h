/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait_line.h: who waits for the same memory, in which order, and who may pass whom.
 *
 * There is one line for the zones and one for each account: a request stands in the line of what
 * said no. Higher priorities come first, and within one it is first come, first served, with one
 * liberty: what the first one cannot use yet may be given to others, or one large request would
 * make all of them wait. So others may pass the first one, but not for ever: after
 * WAIT_MAX_OVERTAKES of them it holds its line, and what it waits for is kept for it.
 *
 * Only the first one of each priority is passed and holds; who stands behind it gets there in its
 * turn. Pure: no clock, no memory of its own, no loop.
 */
#ifndef DAEMON_WAIT_LINE_H
#define DAEMON_WAIT_LINE_H

#include <stdbool.h>
#include <stdint.h>

/** Priorities: 0, the lowest, to WAIT_PRIORITIES - 1. */
#define WAIT_PRIORITIES 8u
/** How often the first one of a priority is passed before it holds. */
#define WAIT_MAX_OVERTAKES 16u
/** How long a hold may keep everything, in ms: then others may pass the holder as often again. */
#define WAIT_HOLD_MS 1000u

struct wait_line;

/** One who waits. Zero-filled stands nowhere. */
struct waiter {
    struct wait_line *line;
    struct waiter *next;
    struct waiter *prev;
    uint64_t arrival;       /**< smaller came earlier; kept when it changes lines */
    uint64_t hold_since_ms; /**< when it began to hold */
    uint32_t overtaken;     /**< WAIT_MAX_OVERTAKES: it holds */
    uint8_t priority;
};

/** Zero-filled is empty. */
struct wait_line {
    struct waiter *first[WAIT_PRIORITIES];
    struct waiter *last[WAIT_PRIORITIES];
    uint32_t nr;
    bool changed;      /**< in the list of lines that have something for somebody: waiting.h */
    bool walking;      /**< it is looked through: */
    struct waiter *at; /**< who is next, or NULL at the end */
    uint32_t in_vain;  /**< who were tried, and still wait */
    bool again;        /**< something came free for all since that began; */
    bool look_back;    /**< or for those in vain, while another one was tried */
    bool looks_back;   /**< it is looked through for that */
    struct wait_line *changed_next;
    struct wait_line *changed_prev;
};

/** Put one in by its priority and arrival; it must stand nowhere. */
void wait_line_add(struct wait_line *line, struct waiter *w);
/** Take it out of its line; nothing if it stands nowhere. A walk goes on with who is next. */
void wait_line_remove(struct waiter *w);
/** The one to be served first, or NULL. */
struct waiter *wait_line_first(const struct wait_line *line);
/** The one behind w, or NULL. */
struct waiter *wait_line_next(const struct waiter *w);

/**
 * The waiter that keeps this line's memory from a request of a priority that arrived then: it
 * stands before it, and holds. NULL: there is none.
 */
struct waiter *wait_line_holder(const struct wait_line *line, unsigned priority, uint64_t arrival);
/** A request of a priority that arrived then was served: those whom it passed count it. */
void wait_line_passed(struct wait_line *line, unsigned priority, uint64_t arrival, uint64_t now_ms);
/** A holder that kept everything for WAIT_HOLD_MS lets others pass again. Returns whether it did.
 */
bool wait_line_relent(struct waiter *w, uint64_t now_ms);

#endif
