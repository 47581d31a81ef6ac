/* SPDX-License-Identifier: Apache-2.0 */
/* events.c: what the daemon tells without being asked. */
#include "events.h"

#include <stdio.h>

/* False: a kind that this version does not know. */
static bool describe(const struct wire_event *ev, struct buddyd_event *ret)
{
    *ret = (struct buddyd_event){.message = ev->message, .account = ""};
    switch (ev->kind) {
    case WIRE_EVENT_PRESSURE:
        ret->kind = BUDDYD_EVENT_PRESSURE;
        ret->level = ev->pressure.level > WIRE_PRESSURE_MIN
                         ? BUDDYD_PRESSURE_MIN
                         : (enum buddyd_pressure)ev->pressure.level;
        ret->account = ev->pressure.account;
        ret->free_pages = ev->pressure.free_pages;
        ret->mark_pages = ev->pressure.mark_pages;
        ret->used_pages = ev->pressure.used_pages;
        ret->max_pages = ev->pressure.max_pages;
        return true;
    case WIRE_EVENT_DISCARDED:
        ret->kind = BUDDYD_EVENT_DISCARDED;
        ret->handles = ev->discarded.handle;
        ret->nr_handles = ev->discarded.nr;
        return true;
    case WIRE_EVENT_REVOKE:
        ret->kind = BUDDYD_EVENT_REVOKE;
        ret->grace_ms = ev->revoke.grace_ms;
        ret->pages = ev->revoke.pages;
        return true;
    default:
        return false;
    }
}

bool events_take(struct buddyd *b, const struct wire_event *ev)
{
    buddyd_event_fn handler = b->event_handler;
    void *data = b->event_data;
    struct buddyd_event event;

    if (ev->kind == WIRE_EVENT_GOODBYE)
        (void)snprintf(b->farewell, sizeof(b->farewell), "%s", ev->message);
    if (!describe(ev, &event) || !handler)
        return false;
    pthread_mutex_unlock(&b->lock);
    handler(data, &event);
    pthread_mutex_lock(&b->lock);
    return true;
}

int buddyd_set_event_handler(struct buddyd *b, buddyd_event_fn fn, void *data)
{
    int r = connection_enter(b);

    if (r)
        return r;
    pthread_mutex_lock(&b->lock);
    b->event_handler = fn;
    b->event_data = data;
    pthread_mutex_unlock(&b->lock);
    return 0;
}
