/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c: the table of operations; hello, alloc and free.
 *
 * proto/ has checked every number against the limits of the wire; here is decided what it means:
 * is there such a zone, such a node, such an order?
 */
#include "dispatch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "grant.h"
#include "stat.h"

void call_fail(struct call *c, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c->message, sizeof(c->message), format, args);
    va_end(args);
    c->response.op = WIRE_OP_NONE;
    c->response.error = (uint32_t)error;
    c->response.message = c->message;
}

/* ---- hello ---- */

/* Names are shown on terminals and in logs: nothing but printable ASCII passes. */
static void set_name(struct session *s, const char *name)
{
    size_t i;

    for (i = 0; name[i] && i < WIRE_MAX_NAME; i++)
        s->name[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
    s->name[i] = '\0';
}

static void handle_hello(struct call *c)
{
    const struct wire_hello *hello = &c->request->hello;
    const struct zone_set *zs = c->hub->zones;
    struct session *s = c->session;

    if (s->state != SESSION_NEW) {
        call_fail(c, EPROTO, "hello: this session has said it already");
        return;
    }
    if (hello->version != WIRE_VERSION) {
        call_fail(c, EPROTONOSUPPORT, "version %u: this daemon speaks version %u", hello->version,
                  WIRE_VERSION);
        return;
    }
    set_name(s, hello->name);
    s->state = SESSION_OPEN;
    /* There are no features yet, so that none is common. */
    c->response.hello = (struct wire_hello_reply){
        .version = WIRE_VERSION,
        .features = 0,
        .session = s->id,
        .nr_zones = zs->nr,
        .zones = zs->wire,
    };
    c->fds = (struct packet_fds){.fd = zs->fd, .nr = zs->nr};
}

/* ---- alloc ---- */

static bool check_alloc(struct call *c, const struct wire_alloc *rq)
{
    const struct zone_set *zs = c->hub->zones;

    if (rq->flags)
        call_fail(c, EINVAL, "flags 0x%x: 0 is accepted, no flags are known", rq->flags);
    else if (rq->type >= NR_MOBILITIES)
        call_fail(c, EINVAL, "type %u: 0 (unmovable), 1 (movable) and 2 (reclaimable) are accepted",
                  rq->type);
    else if (rq->node >= 0 && !zone_set_has_node(zs, (uint32_t)rq->node))
        call_fail(c, EINVAL, "node %d: this host has no such node", rq->node);
    else if (rq->zone >= 0 && (uint32_t)rq->zone >= zs->nr)
        call_fail(c, EINVAL, "zone %d: 0 to %u are accepted", rq->zone, zs->nr - 1);
    else
        return true;
    return false;
}

static enum wire_refusal_reason wire_reason(enum refusal_reason reason)
{
    switch (reason) {
    case REFUSAL_SHORTAGE:
        return WIRE_REFUSAL_SHORTAGE;
    case REFUSAL_FRAGMENTATION:
        return WIRE_REFUSAL_FRAGMENTATION;
    case REFUSAL_NO_ZONE:
        return WIRE_REFUSAL_NO_ZONE;
    case REFUSAL_NONE:
        break;
    }
    return WIRE_REFUSAL_UNKNOWN;
}

/* "order 9 (512 pages)", or how many of how many pages were asked for. */
static void describe(const struct grant_request *rq, unsigned order, char *text, size_t size)
{
    if (rq->exact_pages)
        (void)snprintf(text, size, "%u pages in one piece (order %u)", rq->exact_pages, order);
    else if (rq->count > 1)
        (void)snprintf(text, size, "%u blocks of order %u (%u page%s each)", rq->count, order,
                       1u << order, order ? "s" : "");
    else
        (void)snprintf(text, size, "order %u (%u page%s)", order, 1u << order, order ? "s" : "");
}

static void refuse(struct call *c, const struct grant_request *rq, const struct refusal *why)
{
    char what[64];
    char largest[48] = "nothing is free";

    describe(rq, why->order, what, sizeof(what));
    c->session->nr_refusals++;
    c->refusal = (struct wire_refusal){
        .reason = (uint32_t)wire_reason(why->reason),
        .zone = (int32_t)why->zone,
        .order = why->order,
        .wanted_pages = rq->exact_pages ? rq->exact_pages : (uint64_t)rq->count << rq->order,
        .free_pages = why->free_pages,
        .largest_order = why->largest_order,
        .frag_index = why->frag_index,
        .zones_tried = why->tried,
    };
    c->response.refusal = &c->refusal;
    if (why->reason == REFUSAL_NO_ZONE) {
        c->refusal.zone = -1;
        call_fail(c, ENOMEM, "%s refused: no zone that may be used is that large", what);
        return;
    }
    if (why->largest_order >= 0)
        (void)snprintf(largest, sizeof(largest), "the largest free block is of order %d",
                       why->largest_order);
    call_fail(c, ENOMEM, "%s refused: zone '%s' has %u pages free%s, %s: %s, index %.3f", what,
              c->hub->zones->entry[why->zone].name, why->free_pages,
              rq->count > 1 ? " after the first of them" : "", largest,
              why->reason == REFUSAL_FRAGMENTATION ? "fragmentation" : "shortage",
              why->frag_index / 1000.0);
}

static void refuse_handles(struct call *c, const struct grant_request *rq)
{
    const struct handle_table *handles = c->hub->zones->handles;
    uint32_t left = handle_table_left(handles);

    c->session->nr_refusals++;
    c->refusal = (struct wire_refusal){
        .reason = WIRE_REFUSAL_NO_HANDLES,
        .zone = -1,
        .order = rq->order,
        .wanted_pages = rq->exact_pages ? rq->exact_pages : (uint64_t)rq->count << rq->order,
        .largest_order = -1,
    };
    c->response.refusal = &c->refusal;
    call_fail(c, ENOMEM, "refused: the daemon has %u names for blocks left, all others are in use",
              left);
}

static void answer_grant(struct call *c, const struct grant *g)
{
    bool one_zone = true;
    bool one_order = true;

    for (uint32_t i = 1; i < g->nr; i++) {
        one_zone = one_zone && g->zone[i] == g->zone[0];
        one_order = one_order && g->order[i] == g->order[0];
    }
    c->response.alloc = (struct wire_alloc_reply){
        .nr = g->nr,
        .handle = g->handle,
        .offset = g->offset,
        .nr_zones = one_zone ? 1 : g->nr,
        .zone = g->zone,
        .nr_orders = one_order ? 1 : g->nr,
        .order = g->order,
    };
}

static void handle_alloc(struct call *c)
{
    const struct wire_alloc *rq = &c->request->alloc;
    struct grant *g = &c->hub->turn->scratch.grant;
    struct grant_request grant;
    struct refusal refusal;
    int error;

    if (!check_alloc(c, rq))
        return;
    grant = (struct grant_request){
        .node = rq->node >= 0 ? (unsigned)rq->node : 0,
        .zone = rq->zone,
        .type = (enum migratetype)rq->type,
        .order = rq->order,
        .count = rq->count,
        .exact_pages = (pfn_t)rq->exact_pages,
    };
    error = grant_alloc(c->hub->zones, &c->session->holdings, &grant, g, &refusal);
    c->cost += rq->count;
    if (!error)
        answer_grant(c, g);
    else if (error == -ENOMEM)
        refuse(c, &grant, &refusal);
    else if (error == -ENOSPC)
        refuse_handles(c, &grant);
    else
        call_fail(c, -error, "alloc: the allocator answered error %d", -error);
}

/* ---- free ---- */

static void handle_free(struct call *c)
{
    const struct wire_free *rq = &c->request->free;
    uint64_t bad = HANDLE_NONE;
    uint32_t freed = 0;

    for (size_t i = 0; i < rq->nr; i++) {
        if (!grant_free(c->hub->zones, &c->session->holdings, rq->handle[i]))
            freed++;
        else if (freed == i)
            bad = rq->handle[i];
    }
    c->cost += (uint32_t)rq->nr;
    if (freed == rq->nr)
        c->response.free.freed = freed;
    else
        call_fail(c, ESTALE,
                  "handle 0x%llx names no block of this session (stale, freed, or another's); "
                  "%u of %zu were freed",
                  (unsigned long long)bad, freed, rq->nr);
}

/* ---- the table ---- */

struct operation {
    void (*handle)(struct call *c);
    bool before_hello;
};

static const struct operation operations[WIRE_NR_OPS] = {
    [WIRE_OP_HELLO] = {handle_hello, true},       [WIRE_OP_ALLOC] = {handle_alloc, false},
    [WIRE_OP_FREE] = {handle_free, false},        [WIRE_OP_STAT_ZONES] = {stat_zones, false},
    [WIRE_OP_STAT_FREE] = {stat_free, false},     [WIRE_OP_STAT_CLIENTS] = {stat_clients, false},
    [WIRE_OP_STAT_BLOCKS] = {stat_blocks, false},
};

void dispatch(struct call *c)
{
    const struct wire_request *rq = c->request;
    const struct operation *op = &operations[rq->op];

    c->response = (struct wire_response){.id = rq->id, .op = rq->op};
    c->fds = (struct packet_fds){0};
    c->cost = 1;
    if (c->session->state == SESSION_NEW && !op->before_hello)
        call_fail(c, EPROTO, "%s before hello: a session begins with hello", wire_op_name(rq->op));
    else if (rq->error)
        call_fail(c, rq->error, "%s", rq->message);
    else if (!op->handle)
        call_fail(c, EOPNOTSUPP, "an operation that version %u of the protocol does not have",
                  WIRE_VERSION);
    else
        op->handle(c);
}
