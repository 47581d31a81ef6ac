/* SPDX-License-Identifier: Apache-2.0 */
/* answers.c: what the daemon says, believed as far as it makes sense, handed out to those who
 * asked. */
#include "answers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "alloc.h"
#include "ending.h"
#include "events.h"
#include "outgoing.h"
#include "refusal.h"

static void explain(const struct buddyd *b, const struct pending *p, const struct wire_response *rs,
                    struct client_error *why)
{
    int error = -(int)rs->error;
    char buf[128];

    if (p->op == WIRE_OP_ALLOC || p->op == WIRE_OP_RENEW)
        refusal_take(&b->zones, &p->ask, rs, why);
    else if (rs->message && rs->message[0])
        error_write(why, error, "%s", rs->message);
    else
        error_write(why, error, "%s: %s", wire_op_name(p->op), error_name(error, buf, sizeof(buf)));
}

static void answer_call(struct buddyd *b, const struct pending *p, const struct wire_response *rs)
{
    struct call *c = p->call;

    if (rs->error) {
        c->error = -(int)rs->error;
        explain(b, p, rs, &c->why);
    } else {
        c->error = c->take ? c->take(b, c, rs) : 0;
        if (c->error) {
            ending_broken(b, c->why.text);
            error_write(&c->why, c->error, "%s", b->dead_why);
        }
    }
    ending_wake(c);
}

/* The mutex is given up while the callback runs; the reader's part stays this thread's. */
static void answer_callback(struct buddyd *b, const struct pending *p,
                            const struct wire_response *rs)
{
    int error = -(int)rs->error;
    struct client_error *why = error_here();
    bool grant = p->op == WIRE_OP_ALLOC && !error;

    pthread_mutex_unlock(&b->lock);
    if (error)
        explain(b, p, rs, why);
    else if (grant)
        error = alloc_take(b, &p->ask, &rs->alloc, b->blocks, why);
    if (grant && !error)
        alloc_clear(b, &p->ask, b->blocks, p->ask.nr);
    if (grant && error) {
        pthread_mutex_lock(&b->lock);
        ending_broken(b, why->text);
        pthread_mutex_unlock(&b->lock);
    }
    if (p->done)
        p->done(p->data, error, grant && !error ? b->blocks : NULL,
                grant && !error ? p->ask.nr : 0);
    pthread_mutex_lock(&b->lock);
    if (p->done)
        b->nr_callbacks++;
}

static void take_response(struct buddyd *b, const struct wire_response *rs)
{
    struct pending p;
    char why[ERROR_TEXT_BYTES];

    if (!rs->id) {
        (void)snprintf(why, sizeof(why), "it could not read a packet: %.300s",
                       rs->message ? rs->message : "no reason given");
        ending_broken(b, why);
        return;
    }
    if (pending_take(&b->pending, rs->id, &p)) {
        (void)snprintf(why, sizeof(why), "an answer to request %" PRIu64 ", which is not pending",
                       rs->id);
        ending_broken(b, why);
        return;
    }
    if (!rs->error && rs->op != p.op) {
        (void)snprintf(why, sizeof(why), "a request '%s' was answered with '%s'",
                       wire_op_name(p.op), wire_op_name(rs->op));
        ending_broken(b, why);
        if (p.call) {
            p.call->error = error_write(&p.call->why, -EPROTO, "%s", b->dead_why);
            ending_wake(p.call);
        } else if (p.done) {
            answer_callback(b, &p,
                            &(struct wire_response){.error = EPROTO, .message = b->dead_why});
        }
        return;
    }
    if (p.call)
        answer_call(b, &p, rs);
    else
        answer_callback(b, &p, rs);
}

void answers_take(struct buddyd *b, const struct wire_server_packet *packet)
{
    uint64_t before = b->nr_callbacks;
    bool handled = false;

    for (size_t i = 0; i < packet->nr_events; i++)
        handled |= events_take(b, &packet->events[i]);
    for (size_t i = 0; i < packet->nr_responses && !b->dead; i++)
        take_response(b, &packet->responses[i]);
    if (b->nr_callbacks == before && !handled)
        return;
    for (struct waiter *w = b->waiters; w; w = w->next) {
        if (w->for_callbacks)
            pthread_cond_signal(&w->wake);
    }
    // What callbacks and the handler submitted; if the socket is full, who waits or dispatches
    // sends it.
    (void)outgoing_flush(b);
}
