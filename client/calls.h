/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.h: requests on their way out, threads that wait for answers, and who reads them.
 *
 * Of the threads that wait, one reads the socket, without the mutex, and hands everybody's answers
 * out; when it has its own it leaves and wakes another to read on. One thread alone thus pays for
 * one send and one receive and wakes nobody.
 *
 * Locking: one mutex, given up around the receive and around each callback.
 */
#ifndef CLIENT_CALLS_H
#define CLIENT_CALLS_H

#include "connection.h"

/** A thread that sleeps, on its stack. */
struct waiter {
    pthread_cond_t wake;
    bool for_callbacks; /**< wake it when callbacks have run */
    struct waiter *next;
    struct waiter **link;
};

/** A call that waits, on the stack of its thread. */
struct call {
    enum wire_op op;
    struct ask ask; /**< of an allocation */
    /**
     * Take a good answer of the right kind; in the reader's thread, under the mutex. Returns 0, or
     * -EPROTO with the reason in c->why when it makes no sense.
     */
    int (*take)(struct buddyd *b, struct call *c, const struct wire_response *rs);
    bool done;
    int error;
    struct client_error why; /**< with an error */
    struct waiter *waiter;   /**< while its thread sleeps */
};

/** Send the request and wait for its answer. Publishes the reason of a failure. */
int calls_run(struct buddyd *b, struct wire_request *rq, struct call *c);
/** Collect the request, for the answer of which p->done is called. Publishes failures. */
int calls_submit(struct buddyd *b, struct wire_request *rq, const struct pending *p);

#endif
