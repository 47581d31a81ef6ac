/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending.c: how a connection ends, and what becomes of the requests that are pending then.
 *
 * A failed send does not end it: the daemon's reason, and answers, may still lie unread. Only what
 * is read does.
 */
#include "ending.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

void ending_wake(struct call *c)
{
    c->done = true;
    if (c->waiter)
        pthread_cond_signal(&c->waiter->wake);
}

/* The connection ends: who waits is answered with error now, callbacks are run later. */
void ending_end(struct buddyd *b, int error, const char *why)
{
    const struct pending *p;
    uint32_t at = 0;

    if (b->dead)
        return;
    b->dead = b->hangup = true;
    b->dead_error = error;
    (void)snprintf(b->dead_why, sizeof(b->dead_why), "%s", why);
    b->out_len = b->nr_out = 0;
    // A reader that sleeps in a receive wakes up from this.
    shutdown(b->fd, SHUT_RDWR);
    while ((p = pending_next(&b->pending, &at))) {
        struct pending taken;

        if (!p->call || pending_take(&b->pending, p->id, &taken))
            continue;
        taken.call->error = error_write(&taken.call->why, error, "%s", b->dead_why);
        ending_wake(taken.call);
    }
    for (struct waiter *w = b->waiters; w; w = w->next)
        pthread_cond_signal(&w->wake);
}

void ending_stream(struct buddyd *b)
{
    char why[ERROR_TEXT_BYTES];

    if (b->farewell[0])
        (void)snprintf(why, sizeof(why), "the daemon ended the session: %.400s", b->farewell);
    else
        (void)snprintf(why, sizeof(why), "the daemon is gone: it closed the connection");
    ending_end(b, -ENOTCONN, why);
}

void ending_broken(struct buddyd *b, const char *why)
{
    char text[ERROR_TEXT_BYTES];

    (void)snprintf(text, sizeof(text), "the daemon broke the protocol: %.440s", why);
    ending_end(b, -EPROTO, text);
}

/* Callbacks of requests that will never be answered. */
void ending_run_orphans(struct buddyd *b)
{
    const struct pending *p;
    uint32_t at = 0;

    while ((p = pending_next(&b->pending, &at))) {
        struct pending taken;

        if (p->call || pending_take(&b->pending, p->id, &taken) || !taken.done)
            continue;
        pthread_mutex_unlock(&b->lock);
        taken.done(taken.data, error_set(b->dead_error, "%s", b->dead_why), NULL, 0);
        pthread_mutex_lock(&b->lock);
        b->nr_callbacks++;
    }
}
