/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.h: what the daemon has in use, to be compared before and after.
 *
 * Asked through the public library by a client that the test keeps connected all the time, so that
 * the observer itself makes no difference.
 */
#ifndef SUPPORT_OBSERVE_H
#define SUPPORT_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "buddyd.h"
#include "daemon_proc.h"

struct observed {
    uint64_t sessions;
    uint64_t blocks; /**< that sessions have */
    uint64_t pages;
    uint64_t free_pages; /**< of all zones */
    uint64_t accounts;
    uint64_t unmet_pages; /**< of all guarantees */
    uint64_t waiting;     /**< requests */
    int fds;
};

/** Connect to a daemon under a name. Returns as buddyd_connect(). */
int observe_connect(const struct daemon_proc *d, const char *name, struct buddyd **ret);
/** Ask. Returns 0 or a negative errno. */
int observe(struct buddyd *b, const struct daemon_proc *d, struct observed *ret);
/** Start a daemon with one zone, connect to it, and ask. Returns 0, or what failed. */
int observe_new(struct daemon_proc *d, const char *name, struct buddyd **ret_b,
                struct observed *ret);
/**
 * Ask until it is as wanted: the daemon learns of an end a moment later than we. Returns true; or
 * false when it did not come to be in PATIENCE_MS, with both printed.
 */
bool observe_until(struct buddyd *b, const struct daemon_proc *d, const struct observed *wanted);
/** The number of free blocks of an order, all types and zones; UINT64_MAX on an error. */
uint64_t observe_free_blocks(struct buddyd *b, unsigned order);
/** The account, of a client or a group, that has this name. -ENOENT: there is none. */
int observe_account(struct buddyd *b, const char *name, struct buddyd_account_stat *ret);
/** Ask until so many requests of an account wait. Returns true, or false as observe_until(). */
bool observe_waiting(struct buddyd *b, const char *name, unsigned nr);

#endif
