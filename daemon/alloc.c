/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.c: carrying out an Alloc: is it sensible, is it granted, and if not, why, or does it wait?
 */
#include "alloc.h"

#include <errno.h>
#include <stdio.h>

#include "ahead.h"
#include "compactor.h"
#include "dispatch.h"
#include "explain.h"
#include "grant.h"
#include "policy.h"
#include "reclaimer.h"
#include "slot_table.h"
#include "thief.h"
#include "waiting.h"

static bool check_alloc(struct call *c, const struct session *s, const struct wire_alloc *rq)
{
    const struct policy_rule *rule = policy_of(&s->policy);
    const struct zone_set *zs = c->hub->zones;

    if (rq->type >= NR_MOBILITIES)
        call_fail(c, EINVAL, "type %u: 0 (unmovable), 1 (movable) and 2 (reclaimable) are accepted",
                  rq->type);
    else if (rq->node >= 0 && !zone_set_has_node(zs, (uint32_t)rq->node))
        call_fail(c, EINVAL, "node %d: this host has no such node", rq->node);
    else if (rq->zone >= 0 && (uint32_t)rq->zone >= zs->nr)
        call_fail(c, EINVAL, "zone %d: 0 to %u are accepted", rq->zone, zs->nr - 1);
    else if (rq->zone >= 0 && !(rule->zonemask >> rq->zone & 1))
        call_fail(c, EPERM, "zone %d ('%s'): section '%s' of the policy does not allow it",
                  rq->zone, zs->entry[rq->zone].name, rule->name);
    else
        return true;
    return false;
}

/* It has too much pinned to get more that can be. */
static void refuse_pinned(struct call *c, const struct session *s, const struct grant_request *rq)
{
    const struct policy_rule *rule = policy_of(&s->policy);

    c->refusal = (struct wire_refusal){
        .reason = WIRE_REFUSAL_ACCOUNT,
        .scope = WIRE_SCOPE_ACCOUNT,
        .account = rule->name,
        .zone = -1,
        .order = rq->order,
        .wanted_pages = grant_request_pages(rq),
        .largest_order = -1,
        .max_pages = rule->max_pinned_pages,
        .used_pages = s->policy.account.pinned_pages,
        .waited_ms = c->waited_ms,
    };
    c->response.refusal = &c->refusal;
}

bool alloc_prepare(struct call *c, const struct session *s, const struct wire_alloc *rq,
                   struct grant_request *ret)
{
    char why[WIRE_MAX_MESSAGE + 1];
    struct grant_request grant = {
        .node = rq->node >= 0 ? (unsigned)rq->node : 0,
        .zone = rq->zone,
        .zonemask = policy_of(&s->policy)->zonemask,
        .nodemask = rq->nodemask,
        .type = (enum migratetype)rq->type,
        .order = rq->order,
        .count = rq->count,
        .exact_pages = (pfn_t)rq->exact_pages,
        .tell = (rq->flags & WIRE_ALLOC_TELL) != 0,
        .may_wait = rq->deadline_ms != 0,
    };
    int error;

    if (!check_alloc(c, s, rq))
        return false;
    error = policy_may_alloc(&s->policy, rq, &grant.flags, why, sizeof(why));
    if (error) {
        if (error == -ENOMEM)
            refuse_pinned(c, s, &grant);
        call_fail(c, -error, "%s", why);
        return false;
    }
    /* Who asks for reserves cannot wait for anything. */
    if (rq->deadline_ms != 0 || !(grant.flags & REQUEST_HIGH))
        grant.flags |= REQUEST_MAY_PASS;
    *ret = grant;
    return true;
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

void alloc_answer(const struct grant *g, struct wire_alloc_reply *ret)
{
    bool one_zone = true;
    bool one_order = true;

    for (uint32_t i = 1; i < g->nr; i++) {
        one_zone = one_zone && g->zone[i] == g->zone[0];
        one_order = one_order && g->order[i] == g->order[0];
    }
    *ret = (struct wire_alloc_reply){
        .nr = g->nr,
        .handle = g->handle,
        .offset = g->offset,
        .nr_zones = one_zone ? 1 : g->nr,
        .zone = g->zone,
        .nr_orders = one_order ? 1 : g->nr,
        .order = g->order,
        .nr_slots = g->nr_slots,
        .slot = g->slot,
    };
}

/* There are more blocks now that can be moved, pinned, or reclaimed. */
static void watch_mobile(struct call *c)
{
    struct policy_member *member = &c->session->policy;

    pin_watch_wake(c->hub);
    compactor_watch(c->hub->compactor);
    if (member->account.pressure != PRESSURE_NONE)
        reclaimer_press(c->hub->reclaimer, &member->account);
    if (member->group->account.pressure != PRESSURE_NONE)
        reclaimer_press(c->hub->reclaimer, &member->group->account);
}

/* One try. Returns 0, or as grant_alloc(); -EAGAIN: what is free is kept for those who wait longer.
 */
static int try_alloc(struct call *c, const struct waiting_request *w, struct grant_request *grant,
                     struct refusal *ret_refusal)
{
    int error;

    c->cost += grant->count;
    if (!waiting_restrain(c->session, w, grant))
        return -EAGAIN;
    if (thief_torn(c->hub->passing, c->session->policy.account.domain))
        return -EINPROGRESS;
    error = grant_alloc(c->hub->zones, &c->session->holdings, grant, &c->hub->turn->scratch.grant,
                        ret_refusal);
    if (!error) {
        if (grant->type != MIGRATE_UNMOVABLE && c->session->holdings.slots)
            watch_mobile(c);
        waiting_passed(c->session, w);
        ahead_look(c->hub->passing, c->session->policy.account.domain);
    } else if (error == -EINPROGRESS && !grant->exact_pages && grant->count > 1) {
        ahead_demand(c->hub->passing, c->session->policy.account.domain,
                     ((uint64_t)grant->count << grant->order) << CONFIG_PAGE_SHIFT);
    }
    return error;
}

void alloc_refuse(struct call *c, int error, const struct grant_request *grant,
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

static void answer(struct call *c, int error, const struct grant_request *grant,
                   const struct refusal *refusal)
{
    if (error)
        alloc_refuse(c, error, grant, refusal);
    else
        alloc_answer(&c->hub->turn->scratch.grant, &c->response.alloc);
}

void alloc_handle(struct call *c)
{
    struct grant_request grant;
    struct path_wait path, *p = NULL;
    struct refusal refusal;
    int error;

    if (!alloc_prepare(c, c->session, &c->request->alloc, &grant))
        return;
    if (grant.may_wait) {
        path = (struct path_wait){.compact.blocks = grant.exact_pages ? 1 : grant.count};
        p = &path;
        grant.progress = &path.progress;
    }
    error = try_alloc(c, NULL, &grant, &refusal);
    if (error && waiting_park(c, error, &refusal, p))
        return;
    if (p && path_waits(p, error)) {
        grant.progress = NULL; /* it cannot wait: what would it get now? */
        error = try_alloc(c, NULL, &grant, &refusal);
    }
    answer(c, error, &grant, &refusal);
}

bool alloc_retry(struct call *c, struct waiting_request *w, bool last)
{
    struct grant_request grant;
    struct refusal refusal;
    int error;

    /* The policy may have changed while it waited. */
    if (!alloc_prepare(c, c->session, &c->request->alloc, &grant))
        return false;
    if (!last)
        grant.progress = &w->path.progress;
    error = try_alloc(c, w, &grant, &refusal);
    if (!last && waiting_still(w, error, &refusal))
        return true;
    c->waited_ms = waiting_ms(w);
    answer(c, error, &grant, &refusal);
    return false;
}
