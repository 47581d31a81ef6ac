/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hub.c: the queue of work in slices.
 *
 * An idle handle runs one slice before each poll for I/O, so that between any two slices every
 * client that is ready is served. Sessions take turns, and requests that wait for memory come
 * first. What others have to do later is done beside them, one thing in each turn.
 */
#include "hub.h"

#include <errno.h>
#include <stdlib.h>

#include "admission.h"
#include "compactor.h"
#include "contiguous.h"
#include "give_back.h"
#include "migrator.h"
#include "mover.h"
#include "passing.h"
#include "pressure.h"
#include "reclaimer.h"
#include "resizer.h"
#include "session.h"

static struct session *take_work(struct hub *hub)
{
    struct session *s = hub->work_first;

    if (!s)
        return NULL;
    hub->work_first = s->work_next;
    if (!hub->work_first)
        hub->work_last = NULL;
    s->work_next = NULL;
    s->queued = false;
    return s;
}

static void on_idle(uv_idle_t *idle)
{
    struct hub *hub = idle->data;
    /* Those who wait first: what has come free is theirs before it is a newcomer's. */
    bool more = waiting_slice(hub);
    struct session *s = more ? NULL : take_work(hub);
    struct later *l;

    if (s)
        session_work(s);
    l = later_take(&hub->later); /* not before: the session may have asked for the same */
    if (l)
        l->run(l->ctx);
    if (path_ready(hub))
        path_slice(hub);
    if (!hub->work_first && !hub->later.first && !hub->waiting.changed_first && !path_ready(hub))
        (void)uv_idle_stop(idle);
}

int hub_init(struct hub *hub, uv_loop_t *loop, struct zone_set *zones, struct policy_set *policy,
             void (*less_used)(struct hub *hub))
{
    /* Sized in whole cache lines, as aligned_alloc() wants it, by the arenas' alignment. */
    struct turn *turn = aligned_alloc(_Alignof(struct turn), sizeof(*turn));
    struct session_table sessions;

    if (!turn)
        return -ENOMEM;
    if (session_table_init(&sessions)) {
        free(turn);
        return -ENOMEM;
    }
    wire_arena_init(&turn->requests, turn->requests_mem, sizeof(turn->requests_mem));
    wire_arena_init(&turn->pack, turn->pack_mem, sizeof(turn->pack_mem));
    turn->reply.len = 0;
    turn->reply.fds = (struct packet_fds){0};
    *hub = (struct hub){
        .loop = loop,
        .zones = zones,
        .policy = policy,
        .sessions = sessions,
        .turn = turn,
        .less_used = less_used,
        .top_priority = policy_set_top_priority(policy),
    };
    if (mover_create(hub, &hub->mover) || compactor_create(hub, &hub->compactor) ||
        reclaimer_create(hub, &hub->reclaimer) || resizer_create(hub, &hub->resizer) ||
        migrator_create(hub, &hub->migrator) || contiguous_create(hub, &hub->contiguous) ||
        give_back_create(hub, &hub->give_back) ||
        (zones->domains && passing_create(hub, &hub->passing))) {
        hub_free(hub);
        return -ENOMEM;
    }
    pressure_watch(hub);
    return 0;
}

void hub_start(struct hub *hub)
{
    (void)uv_idle_init(hub->loop, &hub->idle);
    hub->idle.data = hub;
    hub_use(hub);
    last_resort_start(hub);
    pin_watch_start(hub);
}

void hub_close(struct hub *hub)
{
    hub_close_handle(hub, (uv_handle_t *)&hub->idle);
    hub_close_handle(hub, (uv_handle_t *)&hub->last_resort.timer);
    hub_close_handle(hub, (uv_handle_t *)&hub->pins.timer);
    hub_close_handle(hub, (uv_handle_t *)&hub->pins.wait);
}

void hub_use(struct hub *hub)
{
    hub->nr_in_use++;
}

void hub_unuse(struct hub *hub)
{
    hub->nr_in_use--;
    hub->less_used(hub);
}

void hub_timer(struct hub *hub, uv_timer_t *timer, void *data)
{
    (void)uv_timer_init(hub->loop, timer);
    timer->data = data;
    hub_use(hub);
}

static void on_closed(uv_handle_t *handle)
{
    hub_unuse(handle->data);
}

void hub_close_handle(struct hub *hub, uv_handle_t *handle)
{
    handle->data = hub;
    uv_close(handle, on_closed);
}

void hub_free(struct hub *hub)
{
    passing_free(hub->passing);
    resizer_free(hub->resizer);
    give_back_free(hub->give_back);
    contiguous_free(hub->contiguous);
    migrator_free(hub->migrator);
    reclaimer_free(hub->reclaimer);
    compactor_free(hub->compactor);
    mover_free(hub->mover);
    session_table_free(&hub->sessions);
    free(hub->turn);
}

void hub_follow_policy(struct hub *hub)
{
    struct session *s;
    uint32_t slot = 0;

    hub->top_priority = policy_set_top_priority(hub->policy);
    while ((s = session_table_next(&hub->sessions, &slot, SESSION_TABLE_SLOTS))) {
        admission_renew(s);
        waiting_changed(hub, &s->policy);
    }
}

void hub_queue_work(struct hub *hub, struct session *s)
{
    if (s->queued || hub->stopping)
        return;
    s->queued = true;
    if (hub->work_last)
        hub->work_last->work_next = s;
    else
        hub->work_first = s;
    hub->work_last = s;
    (void)uv_idle_start(&hub->idle, on_idle);
}

void hub_later(struct hub *hub, struct later *l)
{
    if (hub->stopping)
        return;
    later_add(&hub->later, l);
    hub_wake(hub);
}

void hub_forget_work(struct hub *hub, struct session *s)
{
    struct session *before = NULL;

    if (!s->queued)
        return;
    for (struct session *i = hub->work_first; i != s; i = i->work_next)
        before = i;
    *(before ? &before->work_next : &hub->work_first) = s->work_next;
    if (hub->work_last == s)
        hub->work_last = before;
    s->work_next = NULL;
    s->queued = false;
}

void hub_wake(struct hub *hub)
{
    if (!hub->stopping)
        (void)uv_idle_start(&hub->idle, on_idle);
}

void hub_stop_work(struct hub *hub)
{
    hub->stopping = true;
    policy_set_close(hub->policy);
    while (take_work(hub))
        ;
    while (later_take(&hub->later))
        ;
    (void)uv_idle_stop(&hub->idle);
}
