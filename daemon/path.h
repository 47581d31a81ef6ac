/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h: what a request's way over the zones does beside asking them (mm/page_alloc.h), and the
 * slices in which that goes on when the request has been answered, or waits.
 *
 * While nobody has blocks that can be moved or discarded none of it is asked.
 */
#ifndef DAEMON_PATH_H
#define DAEMON_PATH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "compactor.h"
#include "mm/page_alloc.h"

struct hub;

/** How long one slice of the loop's time is at most: a request that comes meanwhile waits for so
 * long. */
#define PATH_SLICE_US 30u

/** Where a request is that waits. Zero-filled it has just begun. */
struct path_wait {
    struct path_progress progress; /**< first: it is known by it */
    struct compact_wait compact;
    uint64_t
        reclaim_end_ns;    /**< when the present try has to stop reclaiming; 0: it has not begun */
    uint64_t looked_pages; /**< in vain, in tries that had no time for more */
    bool freed; /**< in the present try its account has freed something of its own, or looks on */
    bool reclaimed; /**< or the zones something of anybody's */
};

/** The record of a request that waits; NULL: it cannot wait. */
static inline struct path_wait *path_wait_of(const struct page_request *rq)
{
    return (struct path_wait *)rq->progress;
}

/** Of the slices. */
struct path_slices {
    bool again;          /**< who waits is to be tried again */
    bool turn;           /**< whose it is: reclaim's, or compaction's */
    uint64_t longest_ns; /**< that any has taken */
};

/** From now on requests go beyond the zones, too; the mover has been started. */
void path_start(struct hub *hub);
/** Nothing more is begun. */
void path_stop(struct hub *hub);

/**
 * A try has ended, as grant_alloc() says: if it waits for a compaction, let it join that, else
 * leave. w must stay where it is while it has joined. Returns whether its account has freed
 * something meanwhile: there may be more, for which the try had no time.
 */
bool path_tried(struct hub *hub, struct path_wait *w, int error);
/** Does a request wait for a compaction, as its last try ended so? */
static inline bool path_waits(const struct path_wait *w, int error)
{
    return error == -EINPROGRESS && w->progress.waits;
}

/** Is something reclaimed at present, so that who was refused may be served in a moment? */
bool path_may_help(const struct hub *hub);
/** It is not tried again. */
void path_leave(struct hub *hub, struct path_wait *w);

/** Is there something to be done in slices? */
bool path_ready(const struct hub *hub);
/** Do a slice. */
void path_slice(struct hub *hub);

#endif
