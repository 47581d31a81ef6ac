/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.c: carrying out an Alloc, and a Renew, which is one for blocks that have a name: is it
 * sensible, is it granted, and if not, does it wait?
 */
#include "alloc.h"

#include <errno.h>

#include "ahead.h"
#include "compactor.h"
#include "dispatch.h"
#include "grant.h"
#include "policy.h"
#include "reclaimer.h"
#include "refuse.h"
#include "renew.h"
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
        .barred_zones = zone_set_mask(c->hub->zones) & ~policy_of(&s->policy)->zonemask,
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

/* What is asked for now. */
static struct wire_alloc wanted(const struct call *c)
{
    return c->request->op == WIRE_OP_RENEW ? renew_wanted(c) : c->request->alloc;
}

static int take(struct call *c, const struct grant_request *grant, struct refusal *ret_refusal)
{
    if (c->request->op == WIRE_OP_RENEW)
        return renew_take(c, grant, ret_refusal);
    c->cost += grant->count;
    return grant_alloc(c->hub->zones, &c->session->holdings, grant, &c->hub->turn->scratch.grant,
                       ret_refusal);
}

/* One try. Returns 0, or as take(); -EAGAIN: what is free is kept for those who wait longer. */
static int try_alloc(struct call *c, const struct waiting_request *w, struct grant_request *grant,
                     struct refusal *ret_refusal)
{
    int error;

    if (grant->count == 0) /* all that is to be renewed has memory */
        return take(c, grant, ret_refusal);
    if (!waiting_restrain(c->session, w, grant))
        return -EAGAIN;
    if (thief_torn(c->hub->passing, c->session->policy.account.domain))
        return -EINPROGRESS;
    error = take(c, grant, ret_refusal);
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

static void answer(struct call *c, int error, struct grant_request *grant,
                   const struct refusal *refusal)
{
    const bool renews = c->request->op == WIRE_OP_RENEW;

    if (error == -ESTALE) /* it has its answer */
        return;
    if (error && renews)
        renew_refused(error, refusal, grant);
    if (error)
        refuse_alloc(c, error, grant, refusal);
    else
        alloc_answer(&c->hub->turn->scratch.grant,
                     renews ? &c->response.renew : &c->response.alloc);
}

void alloc_handle(struct call *c)
{
    const struct wire_alloc rq = wanted(c);
    struct grant_request grant;
    struct path_wait path, *p = NULL;
    struct refusal refusal;
    int error;

    if (!alloc_prepare(c, c->session, &rq, &grant))
        return;
    if (grant.may_wait) {
        path = (struct path_wait){.compact.blocks = grant.exact_pages ? 1 : grant.count};
        p = &path;
        grant.progress = &path.progress;
    }
    error = try_alloc(c, NULL, &grant, &refusal);
    if (error && waiting_park(c, &rq, error, &refusal, p))
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

    /* More may have been discarded while it waited, and the policy may have changed. */
    w->alloc = wanted(c);
    if (!alloc_prepare(c, c->session, &w->alloc, &grant))
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
