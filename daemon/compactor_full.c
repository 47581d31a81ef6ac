/* SPDX-License-Identifier: Apache-2.0 */
/* compactor_full.c: zones that are compacted as a whole at an operator's word. */
#include <errno.h>
#include <stdlib.h>

#include "compactor_internal.h"
#include "dispatch.h"
#include "hub.h"
#include "log.h"
#include "session.h"

pfn_t compactor_empty(const struct compactor *c, unsigned zone)
{
    struct zone_stat st;

    zone_stat(compactor_zone(c, zone), &st);
    return st.empty_pageblocks;
}

static void answer(struct compactor *c, const struct full_order *o)
{
    struct session *s = session_table_find(&c->hub->sessions, o->session);
    struct call call = {.hub = c->hub, .session = s};

    if (!s || s->state != SESSION_OPEN)
        return;
    call.response = (struct wire_response){.id = o->request, .op = WIRE_OP_COMPACT};
    call.response.compact = o->reply;
    session_answer(s, &call);
}

static void drop(struct compactor *c, struct full_order **link)
{
    struct full_order *o = *link;

    *link = o->next;
    c->nr_orders--;
    free(o);
}

void compactor_full_done(struct compactor *c, unsigned zone)
{
    struct zone_work *work = &c->work[zone];
    const pfn_t empty = compactor_empty(c, zone);
    struct full_order **link = &c->orders;

    work->full = 0;
    while (*link) {
        struct full_order *o = *link;

        if (o->zones >> zone & 1) {
            o->zones &= ~((uint64_t)1 << zone);
            o->reply.moved_pages += work->run.moved_pages;
            o->reply.pinned_pages += work->run.pinned_pages;
            if (empty > work->empty_before)
                o->reply.freed_pageblocks += empty - work->empty_before;
        }
        if (o->zones != 0) {
            link = &o->next;
            continue;
        }
        answer(c, o);
        drop(c, link);
    }
}

void compactor_drop_orders(struct compactor *c)
{
    while (c->orders)
        drop(c, &c->orders);
}

void compactor_handle(struct call *call)
{
    const int32_t zone = call->request->compact.zone;
    struct compactor *c = call->hub->compactor;
    struct full_order *o;

    if (zone >= 0 && (uint32_t)zone >= call->hub->zones->nr) {
        call_fail(call, EINVAL, "zone %d: 0 to %u are accepted", zone, call->hub->zones->nr - 1);
        return;
    }
    o = c->nr_orders < COMPACTOR_MAX_ORDERS ? calloc(1, sizeof(*o)) : NULL;
    if (!o) {
        call_fail(call, EBUSY, "compact: %u requests are being carried out, and no more are taken",
                  c->nr_orders);
        return;
    }
    o->session = call->session->id;
    o->request = call->request->id;
    o->next = c->orders;
    c->orders = o;
    c->nr_orders++;
    for (unsigned i = 0; i < call->hub->zones->nr; i++) {
        if (zone >= 0 && (unsigned)zone != i)
            continue;
        o->zones |= (uint64_t)1 << i;
        c->work[i].full++;
        compactor_want(c, i);
    }
    log_info("session %u (%s, uid %u) has zones compacted", call->session->id, call->session->name,
             (unsigned)call->session->peer.uid);
    call->parked = true;
}
