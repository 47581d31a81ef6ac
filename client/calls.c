/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c: threads that wait for answers, and which of them reads. */
#include "calls.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "answers.h"
#include "ending.h"
#include "outgoing.h"
#include "transport.h"

/*
 * How long a thread whose request the full socket did not take sleeps, while another thread is
 * inside a receive that cannot be told to look for room as well. Only a daemon that is slow to read
 * makes anybody wait for this.
 */
#define FULL_SLICE_MS 1

/* ---- reading ---- */

enum read_result {
    READ_PACKET,  /* *packet holds */
    READ_NOTHING, /* none yet, but there may be room to send */
    READ_TIMEOUT,
    READ_END,
    READ_BROKEN,
};

/* Read a packet, without the mutex. room: come back, too, when there is room to send. */
static enum read_result read_packet(struct buddyd *b, bool room, int timeout_ms,
                                    struct wire_server_packet *packet)
{
    bool wait = timeout_ms < 0 && !room;
    size_t len = 0;
    int r;

    if (!wait && timeout_ms != 0) {
        r = transport_poll(b->fd, (short)(POLLIN | (room ? POLLOUT : 0)), timeout_ms);
        if (r == -ETIMEDOUT)
            return READ_TIMEOUT;
    }
    do {
        r = transport_recv(b->fd, b->in, sizeof(b->in), wait, &len);
    } while (r == -ECONNRESET);
    if (r == -EAGAIN)
        return timeout_ms == 0 ? READ_TIMEOUT : READ_NOTHING;
    if (r == -EMSGSIZE)
        return READ_BROKEN;
    if (r || !len)
        return READ_END;
    wire_arena_reset(&b->in_arena);
    return wire_read_server_packet(b->in, len, &b->in_arena, packet) ? READ_BROKEN : READ_PACKET;
}

/* Be the reader for one packet, or until there is room to send, or the time is up (false). */
static bool lead(struct buddyd *b, int timeout_ms)
{
    struct wire_server_packet packet;
    bool room = b->out_len != 0;
    enum read_result got;

    b->reading = true;
    b->reader = pthread_self();
    b->reader_sends = room;
    pthread_mutex_unlock(&b->lock);
    got = read_packet(b, room, timeout_ms, &packet);
    pthread_mutex_lock(&b->lock);
    if (got == READ_PACKET)
        answers_take(b, &packet);
    else if (got == READ_END)
        ending_stream(b);
    else if (got == READ_BROKEN)
        ending_broken(b, "a packet that cannot be read");
    b->reading = false;
    return got != READ_TIMEOUT;
}

/* ---- waiting ---- */

/* Sleep until woken, or the time is up (false). c: the call to be woken for, or NULL. */
static bool follow(struct buddyd *b, struct call *c, int timeout_ms)
{
    struct waiter w = {.for_callbacks = !c, .next = b->waiters, .link = &b->waiters};
    pthread_condattr_t attr;
    struct timespec until;
    int r;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w.wake, &attr);
    pthread_condattr_destroy(&attr);
    if (w.next)
        w.next->link = &w.next;
    b->waiters = &w;
    if (c)
        c->waiter = &w;
    if (timeout_ms < 0) {
        r = pthread_cond_wait(&w.wake, &b->lock);
    } else {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        r = pthread_cond_timedwait(&w.wake, &b->lock, &until);
    }
    if (c)
        c->waiter = NULL;
    *w.link = w.next;
    if (w.next)
        w.next->link = w.link;
    pthread_cond_destroy(&w.wake);
    return r != ETIMEDOUT;
}

/* Get on while another thread reads or nobody does. False: the time is up. */
static bool progress(struct buddyd *b, struct call *c, int timeout_ms)
{
    if (!b->reading)
        return lead(b, timeout_ms);
    if (b->out_len && !b->reader_sends && timeout_ms != 0) {
        pthread_mutex_unlock(&b->lock);
        (void)transport_poll(b->fd, POLLOUT, FULL_SLICE_MS);
        pthread_mutex_lock(&b->lock);
        return true;
    }
    return follow(b, c, timeout_ms);
}

/* Who stops waiting leaves nobody asleep with the socket unread. */
static void hand_over(struct buddyd *b)
{
    if (!b->reading && b->waiters)
        pthread_cond_signal(&b->waiters->wake);
}

/* Waiting inside a callback would wait for the thread that runs it. */
static bool in_callback(const struct buddyd *b)
{
    return b->reading && pthread_equal(b->reader, pthread_self());
}

/* ---- for the other files ---- */

static int run_locked(struct buddyd *b, struct wire_request *rq, struct call *c)
{
    struct pending p = {.op = c->op, .ask = c->ask, .call = c}, dropped;
    int r;

    if (b->dead)
        return error_write(&c->why, -ENOTCONN, "%s", b->dead_why);
    if (in_callback(b))
        return error_write(&c->why, -EDEADLK, "%s: a callback must not wait for an answer",
                           wire_op_name(rq->op));
    r = pending_add(&b->pending, &p, &rq->id);
    if (r)
        return error_write(&c->why, r, "%s: too many requests are pending, or no memory for more",
                           wire_op_name(rq->op));
    while ((r = outgoing_append(b, rq)) == -EAGAIN && !c->done)
        (void)progress(b, c, -1);
    if (r && !c->done && r != -ENOTCONN) {
        (void)pending_take(&b->pending, rq->id, &dropped);
        hand_over(b);
        return error_write(&c->why, r, "%s: the request cannot be put into words",
                           wire_op_name(rq->op));
    }
    // With the other end gone, reading on brings the reason.
    while (!c->done) {
        (void)outgoing_flush(b);
        if (!c->done)
            (void)progress(b, c, -1);
    }
    hand_over(b);
    return c->error;
}

int calls_run(struct buddyd *b, struct wire_request *rq, struct call *c)
{
    int r;

    c->done = false;
    c->error = 0;
    c->waiter = NULL;
    pthread_mutex_lock(&b->lock);
    r = run_locked(b, rq, c);
    pthread_mutex_unlock(&b->lock);
    if (r)
        error_publish(&c->why);
    return r;
}

int calls_submit(struct buddyd *b, struct wire_request *rq, const struct pending *p)
{
    struct pending dropped;
    int r;

    pthread_mutex_lock(&b->lock);
    if (b->hangup) {
        r = error_set(-ENOTCONN, "%s", b->dead ? b->dead_why : "the daemon is gone");
        goto unlock;
    }
    r = pending_add(&b->pending, p, &rq->id);
    if (r) {
        error_set(r, "%s: %" PRIu32 " requests are pending: dispatch their answers first",
                  wire_op_name(rq->op), b->pending.used);
        goto unlock;
    }
    r = outgoing_append(b, rq);
    if (r) {
        (void)pending_take(&b->pending, rq->id, &dropped);
        if (r == -EAGAIN)
            error_set(r, "%s: the socket is full: dispatch answers first", wire_op_name(rq->op));
        else if (r == -ENOTCONN)
            error_set(r, "%s", b->dead ? b->dead_why : "the daemon is gone");
        else
            error_set(r, "%s: the request cannot be put into words", wire_op_name(rq->op));
        goto unlock;
    }
    if (b->nr_out == WIRE_MAX_REQUESTS)
        (void)outgoing_flush(b);
unlock:
    pthread_mutex_unlock(&b->lock);
    return r;
}

int buddyd_flush(struct buddyd *b)
{
    int r = connection_enter(b);

    if (r)
        return r;
    pthread_mutex_lock(&b->lock);
    r = outgoing_flush(b);
    if (r == -EAGAIN)
        error_set(r, "the socket is full: dispatch answers first");
    else if (r)
        error_set(r, "%s", b->dead ? b->dead_why : "the daemon is gone");
    pthread_mutex_unlock(&b->lock);
    return r;
}

/* How much of a time is left; -1 for ever. */
static int time_left(int timeout_ms, long long deadline)
{
    long long left;

    if (timeout_ms <= 0)
        return timeout_ms;
    left = deadline - transport_now_ms();
    return left > 0 ? (int)left : 0;
}

static void dispatch_locked(struct buddyd *b, int timeout_ms)
{
    long long deadline = timeout_ms > 0 ? transport_now_ms() + timeout_ms : 0;
    uint64_t start = b->nr_callbacks;
    // Callbacks that submit again must not keep us here for ever.
    uint64_t most = b->pending.nr_async ? b->pending.nr_async : 1;

    while (!b->dead && b->nr_callbacks - start < most) {
        bool wait = b->nr_callbacks == start && b->pending.nr_async;

        (void)outgoing_flush(b);
        if (b->dead || !progress(b, NULL, wait ? time_left(timeout_ms, deadline) : 0))
            break;
    }
    if (b->dead)
        ending_run_orphans(b);
    hand_over(b);
}

int buddyd_dispatch(struct buddyd *b, int timeout_ms)
{
    uint64_t ran;
    int r = connection_enter(b);

    if (r)
        return r;
    pthread_mutex_lock(&b->lock);
    if (in_callback(b)) {
        r = error_set(-EDEADLK, "dispatch: a callback must not wait for an answer");
        goto unlock;
    }
    ran = b->nr_callbacks;
    dispatch_locked(b, timeout_ms);
    ran = b->nr_callbacks - ran;
    r = ran < INT_MAX ? (int)ran : INT_MAX;
    if (b->dead)
        r = error_set(-ENOTCONN, "%s", b->dead_why);
unlock:
    pthread_mutex_unlock(&b->lock);
    return r;
}
