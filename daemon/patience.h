/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience.h: how long what may pass, such as a pin, is waited for: so long since something has
 * left, and so long in all. Without the latter one client that lets go of a block now and then
 * could keep a work going for ever. Time in which moves are under way does not count.
 *
 * Pure: no clock.
 */
#ifndef DAEMON_PATIENCE_H
#define DAEMON_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/** Zero-filled it has just begun. */
struct patience {
    uint64_t since_ms;  /**< since then nothing has left; 0: nothing is waited for */
    uint64_t waited_ms; /**< in all, before that */
};

/** Something is waited for at this time (not 0). Returns whether there is time left for it: at most
 * stall_ms since something has left, and all_ms in all. */
static inline bool patience_left(struct patience *p, uint64_t now_ms, uint64_t stall_ms,
                                 uint64_t all_ms)
{
    if (p->since_ms == 0)
        p->since_ms = now_ms;
    return now_ms - p->since_ms < stall_ms && now_ms - p->since_ms + p->waited_ms < all_ms;
}

/** Something has left, or moves are waited for from now on. */
static inline void patience_renew(struct patience *p, uint64_t now_ms)
{
    if (p->since_ms != 0)
        p->waited_ms += now_ms - p->since_ms;
    p->since_ms = 0;
}

#endif
