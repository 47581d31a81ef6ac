/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h: what an Alloc does. */
#ifndef DAEMON_ALLOC_H
#define DAEMON_ALLOC_H

#include <stdbool.h>

struct call;
struct waiting_request;

/** Carry out an Alloc: it is answered, or waits (c->parked). */
void alloc_handle(struct call *c);
/**
 * Try one that waits again. last: its time is over, and it is refused if it is not granted. Returns
 * true when it still waits; false when c has its answer.
 */
bool alloc_retry(struct call *c, struct waiting_request *w, bool last);

#endif
