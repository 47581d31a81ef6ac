/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending.h: how a connection ends, and what becomes of the requests that are pending then. All
 * under the mutex.
 */
#ifndef CLIENT_ENDING_H
#define CLIENT_ENDING_H

#include "calls.h"

/** The connection ends: who waits is answered with error and why; callbacks are run later. */
void ending_end(struct buddyd *b, int error, const char *why);
/** The stream from the daemon is at its end. */
void ending_stream(struct buddyd *b);
/** The daemon sent what cannot be: -EPROTO to all. */
void ending_broken(struct buddyd *b, const char *why);
/** Run the callbacks of a dead connection; the mutex is given up for each. */
void ending_run_orphans(struct buddyd *b);
/** A call has its answer. */
void ending_wake(struct call *c);

#endif
