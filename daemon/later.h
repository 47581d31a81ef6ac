/* SPDX-License-Identifier: Apache-2.0 */
/*
 * later.h: what is to be done in a later turn of the loop, when it has looked at who is ready.
 *
 * A timer of 0 ms does not do: one that starts itself again runs again in the same turn.
 */
#ifndef DAEMON_LATER_H
#define DAEMON_LATER_H

#include <stdbool.h>
#include <stddef.h>

/** One thing. Its owner's memory; run and ctx are set once. */
struct later {
    void (*run)(void *ctx);
    void *ctx;
    struct later *next;
    bool queued;
};

/** First come, first served. Zero-filled is empty. */
struct later_queue {
    struct later *first;
    struct later *last;
};

/** Nothing happens if it is in the queue already. */
static inline void later_add(struct later_queue *q, struct later *l)
{
    if (l->queued)
        return;
    l->queued = true;
    l->next = NULL;
    *(q->first ? &q->last->next : &q->first) = l;
    q->last = l;
}

/** The first one, which is in the queue no more; or NULL. */
static inline struct later *later_take(struct later_queue *q)
{
    struct later *l = q->first;

    if (l) {
        q->first = l->next;
        l->queued = false;
    }
    return l;
}

#endif
