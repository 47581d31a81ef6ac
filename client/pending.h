/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h: the requests that have no answer yet.
 *
 * The id of a request is its place in the table and a count of that place's uses, so that its
 * answer is found without a search and an answer that comes twice is known as wrong: to be taken
 * for another's it would have to come when 254 more requests had that place.
 */
#ifndef CLIENT_PENDING_H
#define CLIENT_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include "buddyd.h"
#include "proto/wire.h"

struct call;

/** What an allocation asked for; the answer is checked against it. */
struct ask {
    uint64_t exact_pages; /**< 0: nr blocks of order */
    uint32_t nr;
    uint8_t order;
    uint8_t type;
    uint8_t flags;
};

struct pending {
    uint64_t id; /**< 0: the place is free */
    enum wire_op op;
    uint32_t next_free;
    struct ask ask;      /**< of an allocation */
    uint8_t use;         /**< 1 to 255; 0: the place was never used */
    struct call *call;   /**< the thread that waits; NULL: asynchronous */
    buddyd_done_fn done; /**< asynchronous; may be NULL */
    void *data;
};

/** Zero-filled is empty. Pointers into it hold until the next pending_add(). */
struct pending_table {
    struct pending *entries;
    uint32_t size;       /**< places there are */
    uint32_t used;       /**< places that hold a request */
    uint32_t nr_async;   /**< of those, asynchronous ones */
    uint32_t first_free; /**< index + 1; 0: all are taken */
};

/** Requests that can be outstanding at once. */
#define PENDING_MAX (1u << 20)

/**
 * Add a request; *p is copied, but for its id. Grows when it must. -EAGAIN at PENDING_MAX, -ENOMEM.
 */
int pending_add(struct pending_table *t, const struct pending *p, uint64_t *ret_id);
/** Take a request out. -ENOENT when none has this id. */
int pending_take(struct pending_table *t, uint64_t id, struct pending *ret);
/** The request at or behind place *at, or NULL at the end; moves *at behind it. */
const struct pending *pending_next(const struct pending_table *t, uint32_t *at);
void pending_clear(struct pending_table *t);

#endif
