/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiting.c: parks requests, tries them again, and ends them at their deadlines.
 *
 * Each has a timer of the loop's own, which keeps them in a heap. A timer is closed in a later
 * turn, so that a request's memory outlives its answer by one.
 */
#include "waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "contiguous.h"
#include "dispatch.h"
#include "give_back.h"
#include "hub.h"
#include "policy.h"
#include "session.h"

static uint64_t now_ms(const struct hub *hub)
{
    return uv_now(hub->loop);
}

/* ---- lines with something for somebody ---- */

static void unmark(struct waiting *q, struct wait_line *line)
{
    if (!line->changed)
        return;
    if (line->changed_prev)
        line->changed_prev->changed_next = line->changed_next;
    else
        q->changed_first = line->changed_next;
    if (line->changed_next)
        line->changed_next->changed_prev = line->changed_prev;
    else
        q->changed_last = line->changed_prev;
    line->changed = line->walking = false;
}

static void mark(struct hub *hub, struct wait_line *line)
{
    struct waiting *q = &hub->waiting;

    if (line->nr == 0)
        return;
    if (line->changed) {
        /* What one frees who is tried he has had himself: he is not tried for ever for that. */
        if (q->trying == line)
            line->look_back = line->look_back || (line->in_vain != 0 && !line->looks_back);
        else
            line->again = line->again || line->walking;
        return;
    }
    line->changed = true;
    line->walking = line->again = line->look_back = line->looks_back = false;
    line->changed_next = NULL;
    line->changed_prev = q->changed_last;
    if (q->changed_last)
        q->changed_last->changed_next = line;
    else
        q->changed_first = line;
    q->changed_last = line;
    hub_wake(hub);
}

/* One in this line is to be tried again, perhaps while the line is looked through. */
static void look_again(struct hub *hub, struct wait_line *line)
{
    if (line->changed)
        line->again = true;
    else
        mark(hub, line);
}

void waiting_changed(struct hub *hub, struct policy_member *member)
{
    if (hub->waiting.nr == 0)
        return;
    mark(hub, &hub->waiting.zones);
    if (member) {
        mark(hub, &member->line);
        mark(hub, &member->group->line);
    }
}

/* An empty line is in no list, so that its account can go. */
static void stand_nowhere(struct waiting_request *w)
{
    struct wait_line *line = w->waiter.line;

    wait_line_remove(&w->waiter);
    if (line->nr == 0)
        unmark(&w->hub->waiting, line);
}

/* The line of what said no. */
static void stand_where(struct waiting_request *w, int error, const struct refusal *why)
{
    struct policy_member *member = &w->session->policy;
    struct wait_line *line = &w->hub->waiting.zones;

    if (error == -ENOMEM && why->scope == REFUSED_BY_ACCOUNT)
        line = &member->line;
    else if (error == -ENOMEM && why->scope == REFUSED_BY_GROUP)
        line = &member->group->line;
    if (line == w->waiter.line)
        return;
    if (w->waiter.line)
        stand_nowhere(w);
    wait_line_add(line, &w->waiter);
}

/* ---- the end of one ---- */

static void on_closed(uv_handle_t *timer)
{
    struct waiting_request *w = timer->data;
    struct hub *hub = w->hub;

    free(w);
    hub_unuse(hub);
}

/* It waits no more. Its memory goes in a later turn. */
static void leave(struct waiting_request *w)
{
    struct waiting *q = &w->hub->waiting;

    stand_nowhere(w);
    path_leave(w->hub, &w->path);
    contiguous_leave(w->hub->contiguous, w->window);
    if (w->session_prev)
        w->session_prev->session_next = w->session_next;
    else
        w->session->waiting = w->session_next;
    if (w->session_next)
        w->session_next->session_prev = w->session_prev;
    w->session->nr_waiting--;
    w->session->policy.group->nr_waiting--;
    w->session = NULL;
    q->nr--;
    q->nr_dropped++;
    uv_close((uv_handle_t *)&w->timer, on_closed);
}

void waiting_drop(struct session *s)
{
    while (s->waiting)
        leave(s->waiting);
}

/* ---- trying again ---- */

/* As it was asked. */
static struct wire_request asked(const struct waiting_request *w)
{
    struct wire_request rq = {.id = w->id, .op = w->op};

    if (w->op == WIRE_OP_RENEW)
        rq.renew = (struct wire_renew){w->nr_handles, w->handle, w->alloc.deadline_ms};
    else
        rq.alloc = w->alloc;
    return rq;
}

/* Try one; last: its time is over, so that it is answered whatever comes of it. Returns whether it
 * still waits. */
static bool try_again(struct waiting_request *w, bool last)
{
    struct session *s = w->session;
    const struct wire_request rq = asked(w);
    struct call c = {.hub = w->hub, .session = s, .request = &rq};

    c.response = (struct wire_response){.id = rq.id, .op = rq.op};
    if (alloc_retry(&c, w, last))
        return true;
    leave(w);
    session_answer(s, &c);
    return false;
}

static void on_deadline(uv_timer_t *timer)
{
    (void)try_again(timer->data, true);
}

static void begin_walk(struct wait_line *line)
{
    line->walking = true;
    line->at = wait_line_first(line);
    line->in_vain = 0;
    line->again = line->look_back = false;
}

/* It was looked through; perhaps it is to be again. */
static void end_walk(struct hub *hub, struct wait_line *line)
{
    const bool again = line->again, look_back = line->look_back;

    unmark(&hub->waiting, line);
    if (!again && !look_back)
        return;
    mark(hub, line);
    line->looks_back = !again;
}

/* Try the next one in the line. Returns whether the walk may go on at once. */
static bool try_next(struct hub *hub, struct wait_line *line)
{
    struct waiting *q = &hub->waiting;
    struct waiting_request *w = waiting_request_of(line->at);
    const uint64_t dropped = q->nr_dropped;
    bool waits;

    line->at = wait_line_next(line->at);
    q->trying = line;
    waits = try_again(w, false);
    q->trying = NULL;
    if (waits)
        line->in_vain++;
    /* An answer that cannot be sent ends its session, and all that it waits for. */
    return q->nr_dropped == dropped + (waits ? 0 : 1);
}

bool waiting_slice(struct hub *hub)
{
    struct waiting *q = &hub->waiting;
    struct wait_line *line = q->changed_first;
    unsigned tries = 0;
    uint64_t end_ns;

    if (!line)
        return false;
    end_ns = uv_hrtime() + WAITING_SLICE_US * UINT64_C(1000);
    if (!line->walking)
        begin_walk(line);
    while (line->at && line->in_vain < WAIT_MAX_OVERTAKES) {
        if (tries == WAITING_SLICE_TRIES || (tries != 0 && uv_hrtime() >= end_ns) ||
            !try_next(hub, line))
            return true;
        tries++;
    }
    if (line->changed)
        end_walk(hub, line);
    return q->changed_first != NULL;
}

/* ---- those who come ---- */

static uint64_t pages_of(const struct wire_alloc *rq)
{
    return rq->exact_pages ? rq->exact_pages : (uint64_t)rq->count << rq->order;
}

uint64_t waiting_pages(struct waiter *w)
{
    return pages_of(&waiting_request_of(w)->alloc);
}

/* Until another one is wanted, or it waits no more: what is being emptied may look like shortage.
 */
static void want_window(struct waiting_request *w, const struct refusal *why)
{
    struct contiguous *ct = w->hub->contiguous;
    struct demand *before = w->window;

    w->window = contiguous_want(ct, why->zone, why->order, (enum migratetype)w->alloc.type,
                                w->session->policy.account.domain);
    contiguous_leave(ct, before);
}

/*
 * Where it is to stand, and what is to be kept for it when it holds: nothing while memory is on its
 * way to it. Nobody ends for it while memory may still be reclaimed.
 */
static void remember(struct waiting_request *w, int error, const struct refusal *why)
{
    bool zones = error == -ENOMEM && why->scope == REFUSED_BY_ZONE;
    bool freed;

    stand_where(w, error, why);
    freed = path_tried(w->hub, &w->path, error);
    pin_watch_await(w->hub);
    if (error == -EAGAIN)
        return;
    if (freed && error == -ENOMEM && !zones) /* its account can do more, and had no time for it */
        look_again(w->hub, w->waiter.line);
    w->fragmented = (zones && why->reason == REFUSAL_FRAGMENTATION) || path_waits(&w->path, error);
    w->near_zone = zones ? why->zone : MAX_ZONES;
    w->floor_pages = zones ? (uint64_t)why->mark_pages + why->reserve_pages + why->unmet_others : 0;
    if (zones)
        give_back_want(w->hub->give_back, why->zone, pages_of(&w->alloc));
    if (zones && w->fragmented)
        want_window(w, why);
    if (zones && !path_may_help(w->hub))
        last_resort_look(w->hub, w->waiter.priority, pages_of(&w->alloc));
}

static uint32_t time_left(uint32_t ms, int error, const struct path_wait *path)
{
    if (path && path_waits(path, error))
        return ms;
    return error == -EINPROGRESS && ms < WAITING_PASS_MS ? WAITING_PASS_MS : ms;
}

static struct waiting_request *admit(const struct call *c, const struct wire_alloc *rq, uint32_t ms)
{
    const bool renews = c->request->op == WIRE_OP_RENEW;
    const size_t nr_handles = renews ? c->request->renew.nr : 0;
    struct session *s = c->session;
    struct waiting *q = &c->hub->waiting;
    struct waiting_request *w = calloc(1, sizeof(*w) + nr_handles * sizeof(w->handle[0]));

    if (!w)
        return NULL;
    if (renews)
        memcpy(w->handle, c->request->renew.handle, nr_handles * sizeof(w->handle[0]));
    w->nr_handles = nr_handles;
    w->op = c->request->op;
    w->session = s;
    w->hub = c->hub;
    w->id = c->request->id;
    w->alloc = *rq;
    w->since_ms = now_ms(c->hub);
    w->waiter.arrival = q->arrivals++;
    w->waiter.priority = s->priority;
    w->session_next = s->waiting;
    if (s->waiting)
        s->waiting->session_prev = w;
    s->waiting = w;
    s->nr_waiting++;
    s->policy.group->nr_waiting++;
    q->nr++;
    hub_timer(c->hub, &w->timer, w);
    (void)uv_timer_start(&w->timer, on_deadline, ms, 0);
    return w;
}

uint32_t waiting_ms(const struct waiting_request *w)
{
    return (uint32_t)(now_ms(w->hub) - w->since_ms);
}

bool waiting_still(struct waiting_request *w, int error, const struct refusal *why)
{
    if (error == -EINPROGRESS || error == -EAGAIN || error == -ENOMEM) {
        remember(w, error, why);
        return true;
    }
    return false;
}

bool waiting_park(struct call *c, const struct wire_alloc *rq, int error, const struct refusal *why,
                  const struct path_wait *path)
{
    uint32_t ms = time_left(rq->deadline_ms, error, path);
    struct waiting_request *w;

    if (error != -ENOMEM && error != -EINPROGRESS && error != -EAGAIN)
        return false;
    if (ms == 0 || c->hub->stopping || c->session->nr_waiting >= c->session->max_waiting)
        return false;
    /* What no zone can ever hold is not worth waiting for. */
    if (error == -ENOMEM && why->reason == REFUSAL_NO_ZONE)
        return false;
    w = admit(c, rq, ms);
    if (!w)
        return false;
    if (path)
        w->path = *path;
    remember(w, error, why);
    c->parked = true;
    return true;
}
