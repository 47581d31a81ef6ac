/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mobile_worker.h: a client process that uses movable and reclaimable blocks as hard as it can, and
 * knows at each moment what must be in them.
 *
 * Its threads pin, look, write, unpin, free and allocate at random. A block has a lock for its
 * content, which is an application's business; pins of several threads overlap freely.
 */
#ifndef SUPPORT_MOBILE_WORKER_H
#define SUPPORT_MOBILE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "actor.h"
#include "daemon_proc.h"

/** What the processes of a test share. */
struct mobile_shared {
    atomic_bool stop;
    atomic_bool failed; /**< a worker has found something wrong, and said so */
    atomic_ullong pins;
    atomic_ullong places;    /**< comparisons with where the daemon says that a block is */
    atomic_ullong discarded; /**< pins that said -ENODATA */
    atomic_ullong renewed;
    atomic_ullong replaced; /**< blocks freed and allocated anew */
    atomic_ullong moved;    /**< pins that gave another pointer than the one before */
    atomic_ullong grown;    /**< times that the zone did */
    atomic_ullong shrunk;
    atomic_ullong large; /**< blocks for which a window was emptied */
};

/** For all processes that are forked from now on; NULL if there is no memory. Zero-filled. */
struct mobile_shared *mobile_shared_create(void);
/** NULL is allowed. */
void mobile_shared_free(struct mobile_shared *sh);

struct mobile_worker {
    const struct daemon_proc *daemon;
    struct mobile_shared *shared;
    const char *name;
    uint64_t seed;
    uid_t uid; /**< as whom it plays; 0: as it is */
};

/**
 * An actor_fn; arg: struct mobile_worker. Says 0 when its blocks are there, works until
 * shared->stop, looks at all of them for the last time, frees them and ends.
 */
int mobile_worker_play(int link, void *arg);

#endif
