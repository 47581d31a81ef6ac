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

static struct session *asker_of(const struct compactor *c, const struct full_order *o)
{
    return session_table_find(&c->hub->sessions, o->session);
}

static void answer(struct compactor *c, const struct full_order *o)
{
    struct session *s = asker_of(c, o);
    struct call call = {.hub = c->hub, .session = s};

    if (!s || s->state != SESSION_OPEN)
        return;
    call.response = (struct wire_response){.id = o->request, .op = WIRE_OP_COMPACT};
    call.response.compact = o->reply;
    session_answer(s, &call);
}

/* Take one out of the list. */
static struct full_order *take_out(const struct compactor *c, struct full_order **link)
{
    struct full_order *o = *link;
    struct session *s = asker_of(c, o);

    *link = o->next;
    if (s)
        s->nr_compactions--;
    return o;
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
        (void)take_out(c, link); /* first: the answer may end the session */
        answer(c, o);
        free(o);
    }
}

void compactor_drop_orders(struct compactor *c)
{
    while (c->orders)
        free(take_out(c, &c->orders));
}

/* So that who comes and goes does not leave more and more of them. */
static void drop_abandoned(struct compactor *c)
{
    struct full_order **link = &c->orders;

    while (*link) {
        if (asker_of(c, *link))
            link = &(*link)->next;
        else
            free(take_out(c, link));
    }
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
    if (call->session->nr_compactions == COMPACTOR_SESSION_ORDERS) {
        call_fail(call, EBUSY,
                  "compact: %u requests of this session are being carried out, and no more are "
                  "taken from one session",
                  COMPACTOR_SESSION_ORDERS);
        return;
    }
    drop_abandoned(c);
    o = calloc(1, sizeof(*o));
    if (!o) {
        call_fail(call, ENOMEM, "compact: the daemon has no memory for it");
        return;
    }
    o->session = call->session->id;
    o->request = call->request->id;
    o->next = c->orders;
    c->orders = o;
    call->session->nr_compactions++;
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
