/* SPDX-License-Identifier: Apache-2.0 */
/* wire_event.c: events. A part that belongs to another kind is not looked at. */
#include <errno.h>
#include <stdint.h>

#include "convert.h"
#include "text.h"

static int pressure_to_pb(const struct wire_pressure *pressure, struct wire_arena *a,
                          pb_pressure *ret)
{
    const char *account;
    int r = wire_text_take(a, pressure->account, WIRE_MAX_NAME, &account);

    if (r)
        return r;
    *ret = (pb_pressure)BUDDYD__WIRE__V1__PRESSURE__INIT;
    ret->level = pressure->level;
    ret->account = (char *)account;
    ret->free_pages = pressure->free_pages;
    ret->mark_pages = pressure->mark_pages;
    ret->used_pages = pressure->used_pages;
    ret->max_pages = pressure->max_pages;
    return 0;
}

static int check_discarded(const pb_discarded *pb)
{
    return pb->n_handle < 1 || pb->n_handle > WIRE_MAX_BLOCKS ? -EINVAL : 0;
}

int wire_event_to_pb(const struct wire_event *ev, struct wire_arena *a, struct event_pb *ret)
{
    pb_event *pb = &ret->event;
    const char *message;
    int r = wire_text_take(a, ev->message, WIRE_MAX_MESSAGE, &message);

    if (r)
        return r;
    *pb = (pb_event)BUDDYD__WIRE__V1__EVENT__INIT;
    pb->kind = (Buddyd__Wire__V1__Event__Kind)ev->kind;
    pb->message = (char *)message;
    if (ev->kind == WIRE_EVENT_PRESSURE) {
        pb->pressure = &ret->part.pressure;
        return pressure_to_pb(&ev->pressure, a, pb->pressure);
    }
    if (ev->kind == WIRE_EVENT_DISCARDED) {
        pb->discarded = &ret->part.discarded;
        *pb->discarded = (pb_discarded)BUDDYD__WIRE__V1__DISCARDED__INIT;
        pb->discarded->n_handle = ev->discarded.nr;
        pb->discarded->handle = (uint64_t *)ev->discarded.handle;
        return check_discarded(pb->discarded);
    }
    if (ev->kind == WIRE_EVENT_REVOKE) {
        pb->revoke = &ret->part.revoke;
        *pb->revoke = (pb_revoke)BUDDYD__WIRE__V1__REVOKE__INIT;
        pb->revoke->grace_ms = ev->revoke.grace_ms;
        pb->revoke->pages = ev->revoke.pages;
    }
    return 0;
}

static int discarded_from_pb(const pb_discarded *pb, struct wire_arena *a,
                             struct wire_discarded *ret)
{
    if (!pb || check_discarded(pb))
        return -EINVAL;
    ret->nr = pb->n_handle;
    return wire_handles_take(pb->n_handle, pb->handle, a, &ret->handle);
}

/* A part that is absent is one of zeros; there is no DISCARDED of nothing. */
int wire_event_from_pb(const pb_event *pb, struct wire_arena *a, struct wire_event *ret)
{
    static const pb_pressure no_pressure = BUDDYD__WIRE__V1__PRESSURE__INIT;
    static const pb_revoke no_revoke = BUDDYD__WIRE__V1__REVOKE__INIT;
    const pb_pressure *pressure = pb->pressure ? pb->pressure : &no_pressure;
    const pb_revoke *revoke = pb->revoke ? pb->revoke : &no_revoke;
    int r;

    *ret = (struct wire_event){.kind = (uint32_t)pb->kind};
    r = wire_text_take(a, pb->message, WIRE_MAX_MESSAGE, &ret->message);
    if (r)
        return r;
    if (ret->kind == WIRE_EVENT_DISCARDED)
        return discarded_from_pb(pb->discarded, a, &ret->discarded);
    if (ret->kind == WIRE_EVENT_REVOKE)
        ret->revoke = (struct wire_revoke){revoke->grace_ms, revoke->pages};
    if (ret->kind != WIRE_EVENT_PRESSURE)
        return 0;
    ret->pressure = (struct wire_pressure){
        .level = pressure->level,
        .free_pages = pressure->free_pages,
        .mark_pages = pressure->mark_pages,
        .used_pages = pressure->used_pages,
        .max_pages = pressure->max_pages,
    };
    return wire_text_take(a, pressure->account, WIRE_MAX_NAME, &ret->pressure.account);
}
