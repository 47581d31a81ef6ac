/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h: what an allocation asks for in words of the wire, and what its answer grants. */
#ifndef CLIENT_ALLOC_H
#define CLIENT_ALLOC_H

#include "connection.h"

/**
 * Check what the program asks for and put it into words of the wire. rq may be NULL: one unmovable
 * page. n: 1 to WIRE_MAX_BLOCKS. -EINVAL, published.
 */
int alloc_prepare(const struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                  struct wire_alloc *ret_wire, struct ask *ret_ask);
/**
 * The i-th block of an answer, checked: inside a zone that we map, and aligned to its size.
 * -EPROTO.
 */
int alloc_block(const struct buddyd *b, const struct ask *ask, const struct wire_alloc_reply *reply,
                size_t i, struct buddyd_block *ret, struct client_error *why);
/** All blocks of an answer, which has to be what was asked for. -EPROTO, and no block. */
int alloc_take(const struct buddyd *b, const struct ask *ask, const struct wire_alloc_reply *reply,
               struct buddyd_block *ret, struct client_error *why);
/** Clear the blocks if that was asked for. */
void alloc_clear(struct buddyd *b, const struct ask *ask, const struct buddyd_block *blocks,
                 size_t n);
/** Free n handles, 1 to WIRE_MAX_BLOCKS. Publishes failures. */
int alloc_free_some(struct buddyd *b, size_t n, const uint64_t *handles);

#endif
