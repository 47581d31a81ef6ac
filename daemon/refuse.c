/* SPDX-License-Identifier: Apache-2.0 */
/* refuse.c: why a request for memory is refused, in numbers and in words. */
#include "refuse.h"

#include <errno.h>
#include <stdio.h>

#include "dispatch.h"
#include "explain.h"
#include "grant.h"
#include "policy.h"
#include "slot_table.h"

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

/* The whole decision, in words; once in a while, or who asks in vain again and again would keep the
 * daemon from others. */
static void explain_refusal(struct call *c, const struct grant_request *rq, bool kept)
{
    char *text = c->hub->turn->explanation;
    const uint64_t now = uv_now(c->hub->loop);

    if (now < c->session->explain_at_ms)
        return;
    c->session->explain_at_ms = now + EXPLAIN_EVERY_MS;
    (void)explain_request(c->session, rq, kept, text, sizeof(c->hub->turn->explanation));
    c->refusal.explanation = text;
    c->cost += EXPLAIN_COST;
}

/* What cannot be moved or discarded for anybody, as far as is known. */
static void describe_pinned(const struct hub *hub, char *text, size_t size)
{
    const uint64_t pages = policy_set_pinned_pages(hub->policy);

    text[0] = '\0';
    if (pages != 0)
        (void)snprintf(text, size, "; %llu pages of movable and reclaimable blocks are pinned",
                       (unsigned long long)pages);
}

/* It is not the zones: the client, or its group, has as much as it may have. */
static void refuse_account(struct call *c, const char *what, const struct refusal *why)
{
    const bool group = why->scope == REFUSED_BY_GROUP;
    const char *name = policy_of(&c->session->policy)->name;

    c->refusal.reason = WIRE_REFUSAL_ACCOUNT;
    c->refusal.scope = group ? WIRE_SCOPE_GROUP : WIRE_SCOPE_ACCOUNT;
    c->refusal.account = name;
    c->refusal.zone = -1;
    c->refusal.mark = (uint32_t)why->mark;
    c->refusal.mark_pages = why->account_mark_pages;
    c->refusal.max_pages = why->max_pages;
    c->refusal.used_pages = why->used_pages;
    call_fail(c, ENOMEM,
              "%s refused: %s '%s' of the policy: %llu of at most %llu pages are in use%s, and "
              "%llu are kept below the mark",
              what, group ? "section" : "a client's account in section", name,
              (unsigned long long)why->used_pages, (unsigned long long)why->max_pages,
              why->used_pages > why->max_pages ? " (max was lowered)" : "",
              (unsigned long long)why->account_mark_pages);
}

static void refuse(struct call *c, const struct grant_request *rq, const struct refusal *why)
{
    char what[64];
    char largest[48] = "nothing is free";
    char pinned[96];

    describe(rq, why->order, what, sizeof(what));
    c->session->nr_refusals++;
    c->refusal = (struct wire_refusal){
        .reason = (uint32_t)wire_reason(why->reason),
        .zone = (int32_t)why->zone,
        .order = why->order,
        .wanted_pages = grant_request_pages(rq),
        .free_pages = why->free_pages,
        .largest_order = why->largest_order,
        .frag_index = why->frag_index,
        .zones_tried = why->tried,
        .mark = (uint32_t)why->mark,
        .mark_pages = why->mark_pages,
        .reserve_pages = why->reserve_pages,
        .unmet_pages = why->unmet_others,
        .waited_ms = c->waited_ms,
    };
    c->response.refusal = &c->refusal;
    explain_refusal(c, rq, false);
    if (why->account) {
        refuse_account(c, what, why);
        return;
    }
    if (why->reason == REFUSAL_NO_ZONE) {
        c->refusal.zone = -1;
        call_fail(c, ENOMEM, "%s refused: no zone that may be used is that large", what);
        return;
    }
    describe_pinned(c->hub, pinned, sizeof(pinned));
    if (why->largest_order >= 0)
        (void)snprintf(largest, sizeof(largest), "the largest free block is of order %d",
                       why->largest_order);
    call_fail(c, ENOMEM, "%s refused: zone '%s' has %u pages free%s, %s: %s, index %.3f%s", what,
              c->hub->zones->entry[why->zone].name, why->free_pages,
              rq->count > 1 ? " after the first of them" : "", largest,
              why->reason == REFUSAL_FRAGMENTATION ? "fragmentation" : "shortage",
              why->frag_index / 1000.0, pinned);
}

/* Refused, but no zone has said no: the numbers are those of the request alone. */
static void refuse_early(struct call *c, const struct grant_request *rq,
                         enum wire_refusal_reason reason, char *ret_what, size_t size)
{
    describe(rq, rq->order, ret_what, size);
    c->session->nr_refusals++;
    c->refusal = (struct wire_refusal){
        .reason = (uint32_t)reason,
        .scope = reason == WIRE_REFUSAL_QUEUE ? WIRE_SCOPE_QUEUE : 0,
        .zone = -1,
        .waited_ms = c->waited_ms,
        .order = rq->order,
        .wanted_pages = grant_request_pages(rq),
        .largest_order = -1,
    };
    c->response.refusal = &c->refusal;
}

/* What is free is kept for requests that wait longer. */
static void refuse_queue(struct call *c, const struct grant_request *rq)
{
    char what[64];

    refuse_early(c, rq, WIRE_REFUSAL_QUEUE, what, sizeof(what));
    explain_refusal(c, rq, true);
    call_fail(c, ENOMEM, "%s refused: what is free is kept for requests that wait longer (%u wait)",
              what, c->hub->waiting.nr);
}

/* There is memory, but on its way to the client's domain, and its time is over. */
static void refuse_passing(struct call *c, const struct grant_request *rq)
{
    char what[64];

    refuse_early(c, rq, WIRE_REFUSAL_SHORTAGE, what, sizeof(what));
    call_fail(c, ENOMEM, "%s refused: memory is on its way to domain %u, and has not come in time",
              what, c->session->policy.account.domain);
}

static void refuse_handles(struct call *c, const struct grant_request *rq)
{
    char what[64];

    refuse_early(c, rq, WIRE_REFUSAL_NO_HANDLES, what, sizeof(what));
    call_fail(c, ENOMEM,
              "%s refused: the daemon has %u names for blocks left, all others are in use", what,
              handle_table_left(c->hub->zones->handles));
}

static void refuse_slots(struct call *c, const struct grant_request *rq)
{
    const struct slot_table *slots = c->session->holdings.slots;
    char what[64];

    refuse_early(c, rq, WIRE_REFUSAL_NO_HANDLES, what, sizeof(what));
    call_fail(c, ENOMEM,
              "%s refused: it takes slots, of which this client has %u of at most %u in use; its "
              "table cannot grow, or those of its section may not",
              what, slot_table_used(slots), slot_table_max(slots));
}

void refuse_alloc(struct call *c, int error, const struct grant_request *grant,
                  const struct refusal *refusal)
{
    if (error == -ENOMEM)
        refuse(c, grant, refusal);
    else if (error == -ENOSPC)
        refuse_handles(c, grant);
    else if (error == -ENOBUFS)
        refuse_slots(c, grant);
    else if (error == -EAGAIN)
        refuse_queue(c, grant);
    else if (error == -EINPROGRESS)
        refuse_passing(c, grant);
    else
        call_fail(c, -error, "alloc: the allocator answered error %d", -error);
}
