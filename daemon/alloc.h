/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h: what an Alloc does, and a Renew. */
#ifndef DAEMON_ALLOC_H
#define DAEMON_ALLOC_H

#include <stdbool.h>

struct call;
struct grant;
struct grant_request;
struct refusal;
struct session;
struct waiting_request;
struct wire_alloc;
struct wire_alloc_reply;

/**
 * What a session asks for, in the allocator's words, if it makes sense and its policy lets it ask.
 * Returns false when not: then c has its answer.
 */
bool alloc_prepare(struct call *c, const struct session *s, const struct wire_alloc *rq,
                   struct grant_request *ret);

/** Carry out an Alloc or a Renew: it is answered, or waits (c->parked). */
void alloc_handle(struct call *c);
/**
 * Try one that waits again. last: its time is over, and it is refused if it is not granted. Returns
 * true when it still waits; false when c has its answer.
 */
bool alloc_retry(struct call *c, struct waiting_request *w, bool last);

/** What was granted, for the wire; it points into the grant. */
void alloc_answer(const struct grant *g, struct wire_alloc_reply *ret);

#endif
