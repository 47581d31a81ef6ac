/* SPDX-License-Identifier: Apache-2.0 */
/* pressure.c: from an account that crosses a mark to the events of those who are concerned. */
#include "pressure.h"

#include <stddef.h>

#include "hub.h"
#include "reclaimer.h"
#include "session.h"

static struct session *session_of(struct account *member)
{
    return (struct session *)((char *)member - offsetof(struct session, policy.account));
}

/* A callback of mm/: nothing is sent here, in the middle of somebody's request. */
static void on_pressure(void *ctx, struct account *a)
{
    struct hub *hub = ctx;

    if (a->pressure != PRESSURE_NONE)
        reclaimer_press(hub->reclaimer, a);
    if (a->group) {
        hub_queue_work(hub, session_of(a));
        return;
    }
    for (struct account *m = a->members; m; m = m->next)
        hub_queue_work(hub, session_of(m));
}

void pressure_watch(struct hub *hub)
{
    static const struct account_ops ops = {.pressure = on_pressure};

    accounts_notify(&hub->zones->memory, &ops, hub);
}

static enum zone_watermark mark_of(enum pressure pressure)
{
    switch (pressure) {
    case PRESSURE_MIN:
        return WMARK_MIN;
    case PRESSURE_LOW:
        return WMARK_LOW;
    case PRESSURE_NONE:
        break;
    }
    return WMARK_HIGH;
}

static void tell(struct session *s, const struct account *a, const char *name, enum pressure *told)
{
    struct wire_event event = {
        .kind = WIRE_EVENT_PRESSURE,
        .message = "",
        .pressure = {.account = name,
                     .level = (uint32_t)a->pressure,
                     .free_pages = account_free_pages(a),
                     .mark_pages = a->limits.wmark[mark_of(a->pressure)],
                     .used_pages = a->used_pages,
                     .max_pages = a->limits.max_pages},
    };

    if (s->state != SESSION_OPEN || a->pressure == *told)
        return;
    *told = a->pressure;
    session_event(s, &event);
}

void pressure_tell(struct session *s)
{
    tell(s, &s->policy.account, s->name, &s->told[0]);
    tell(s, &s->policy.group->account, policy_of(&s->policy)->name, &s->told[1]);
}
