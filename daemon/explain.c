/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c: the steps of mm/'s explanation, in words. */
#include "explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "dispatch.h"
#include "hub.h"
#include "mobile.h"
#include "policy.h"
#include "reclaim_lists.h"
#include "session.h"
#include "waiting.h"

/** What the last line is when there is no room for more. */
#define CUT "...\n"

/* ---- lines ---- */

struct lines {
    char *text;
    size_t size;
    size_t len;
    bool full;
};

__attribute__((format(printf, 2, 3))) static void add(struct lines *l, const char *format, ...)
{
    va_list args;
    int n;

    if (l->full)
        return;
    va_start(args, format);
    n = vsnprintf(l->text + l->len, l->size - l->len, format, args);
    va_end(args);
    if (n >= 0 && l->len + (size_t)n + sizeof(CUT) <= l->size) {
        l->len += (size_t)n;
        return;
    }
    /* Whole lines only. */
    l->full = true;
    l->text[l->len] = '\0';
    while (l->len > 0 && l->text[l->len - 1] != '\n')
        l->len--;
    memcpy(l->text + l->len, CUT, sizeof(CUT));
    l->len += sizeof(CUT) - 1;
}

/* ---- one mark ---- */

static const char *const mark_names[NR_WMARKS] = {"min", "low", "high"};

static void add_part(struct lines *l, char sign, uint64_t pages, const char *what)
{
    if (pages != 0)
        add(l, " %c %" PRIu64 " (%s)", sign, pages, what);
}

/* "low: 800 free - 511 (order) = 289 > 400 (mark) + 256 (guaranteed to others): no" */
static void add_mark(struct lines *l, const struct explain_mark *m)
{
    add(l, "    %s: %" PRIu64 " free", mark_names[m->mark], m->free_pages);
    add_part(l, '-', m->order_pages, "order");
    add_part(l, '-', m->highatomic_pages, "kept for HIGHATOMIC");
    add_part(l, '-', m->cma_pages, "CMA");
    add(l, " = %" PRId64 " > %" PRIu64, m->left_pages, m->mark_pages);
    if (m->mark_pages != m->marked_pages)
        add(l, " (of a mark of %" PRIu64 " and a boost of %" PRIu64 ", by its rights)",
            m->marked_pages, m->boost_pages);
    add_part(l, '+', m->reserve_pages, "lowmem reserve");
    add_part(l, '+', m->unmet_pages, "guaranteed to others");
    add(l, ": %s\n", m->ok ? "yes" : "no");
}

/* ---- one step ---- */

static const char *bar_text(enum explain_bar bar)
{
    switch (bar) {
    case BAR_KIND:
        return "not for requests of this type and order";
    case BAR_NODEMASK:
        return "its node is not among those that may be used";
    case BAR_ZONE:
        return "not the zone that was asked for, or not left by the policy or who waits longer";
    case BAR_DOMAIN:
        return "it does not serve the client's domain";
    case BAR_NONE:
        break;
    }
    return "asked";
}

static void add_name(struct lines *l, const struct session *s, const struct explain_step *step)
{
    if (step->scope == REFUSED_BY_ACCOUNT)
        add(l, "account of client '%s'", s->name);
    else if (step->scope == REFUSED_BY_GROUP)
        add(l, "section '%s' of the policy", policy_of(&s->policy)->name);
    else
        add(l, "zone '%s'", s->hub->zones->entry[step->zone].name);
}

/* What the slow path could do about it, for who has time. */
static void add_reclaim(struct lines *l, uint64_t pages, const char *whose)
{
    if (pages != 0)
        add(l, "    reclaim could bring at most %" PRIu64 " pages, %s\n", pages, whose);
    else
        add(l, "    nothing can be reclaimed\n");
}

static void add_compaction(struct lines *l, const struct session *s, const struct page_request *rq,
                           unsigned zone)
{
    struct zone_set *zs = s->hub->zones;
    struct compact_request compact = {
        .order = rq->order, .type = rq->type, .domain = rq->domain, .priority = COMPACT_LIGHT};
    struct request_zones zones;

    if (rq->order == 0)
        return;
    request_zones(&zs->memory, rq, &zones);
    compact.alloc_flags = zones.flags;
    compact.class = zones.class;
    if (mobiles_used(zs->mobiles) == 0)
        add(l, "    compaction would not help: no block can be moved\n");
    else if (zone_compact_suitable(zs->entry[zone].zone, &compact, WMARK_MIN) == COMPACT_CONTINUE)
        add(l, "    compaction could make a block, if what is in its way can be moved\n");
    else
        add(l, "    compaction would not help: what is free is too little, or lies together\n");
}

static void add_zone_help(struct lines *l, const struct session *s, const struct page_request *rq,
                          unsigned zone)
{
    const struct owner_lists *ol = s->holdings.lists;
    char whose[64];

    (void)snprintf(whose, sizeof(whose), "%" PRIu64 " of them the client's own",
                   ol ? ol->vec[zone].nr_pages : 0);
    add_reclaim(l, reclaim_lists_pages(s->hub->zones->lists, zone, &s->holdings), whose);
    add_compaction(l, s, rq, zone);
}

static void add_account_help(struct lines *l, const struct session *s, enum refusal_scope scope)
{
    const struct owner_lists *ol = s->holdings.lists;

    if (scope == REFUSED_BY_GROUP)
        add_reclaim(l, s->policy.group->lists.ring.nr_pages, "of all clients of the section");
    else
        add_reclaim(l, ol ? ol->own.ring.nr_pages : 0, "all of them the client's own");
}

static void add_account(struct lines *l, const struct explain_step *step)
{
    const struct account *a = step->account;

    if (a->limits.max_pages == ACCOUNT_UNLIMITED) {
        add(l, ": %" PRIu64 " pages used, no limit\n", a->used_pages);
        return;
    }
    add(l, ": %" PRIu64 " of at most %" PRIu64 " pages used%s\n", a->used_pages,
        a->limits.max_pages, a->used_pages > a->limits.max_pages ? ", over its max" : "");
    add_mark(l, &step->fast);
    if (!step->fast.ok)
        add_mark(l, &step->slow);
}

static void add_zone(struct lines *l, const struct explain_step *step)
{
    if (step->entitled)
        add(l, ": within the guarantee, no mark is asked\n");
    else
        add(l, ":\n");
    add_mark(l, &step->fast);
    if (!step->fast.ok || !step->ok)
        add_mark(l, &step->slow);
    if (step->ok)
        return;
    if (step->largest_order < 0)
        add(l, "    nothing is free\n");
    else
        add(l, "    the largest free block is of order %d, fragmentation index %.3f\n",
            step->largest_order, step->frag_index / 1000.0);
}

static void add_step(struct lines *l, const struct session *s, const struct page_request *rq,
                     const struct explain_step *step)
{
    add(l, "  ");
    add_name(l, s, step);
    if (step->bar != BAR_NONE)
        add(l, ": not asked: %s\n", bar_text(step->bar));
    else if (step->account)
        add_account(l, step);
    else
        add_zone(l, step);
    if (step->bar != BAR_NONE)
        return;
    if (step->waits)
        add(l, "    when memory that is on its way to the client's domain has come\n");
    else if (!step->ok && step->account)
        add_account_help(l, s, step->scope);
    else if (!step->ok)
        add_zone_help(l, s, rq, step->zone);
}

/* ---- all of it ---- */

static const char *right_name(unsigned right)
{
    switch (right) {
    case REQUEST_HIGH:
        return "'high'";
    case REQUEST_RESERVE:
        return "'reserve'";
    case REQUEST_CMA:
        return "'cma'";
    default:
        return "of a client that is being ended";
    }
}

static void add_help(struct lines *l, const struct session *s, const struct explanation *x,
                     unsigned order)
{
    const struct explain_step *no = x->first_no >= 0 ? &x->step[x->first_no] : NULL;

    if (no && no->account && no->missing_pages > no->account->used_pages) {
        add(l, "however much is freed, its max is too small: %" PRIu64 " pages more are needed\n",
            no->missing_pages - no->account->used_pages);
    } else if (no && no->missing_pages != 0) {
        add(l, "it would be granted if %" PRIu64 " pages were freed in ", no->missing_pages);
        add_name(l, s, no);
        add(l, "\n");
    } else if (no && !no->account) {
        add(l, "pages enough are free in ");
        add_name(l, s, no);
        add(l, ", but not together\n");
    }
    if (x->grantable_order >= 0 && (unsigned)x->grantable_order < order)
        add(l, "it would be granted at order %d\n", x->grantable_order);
    if (x->helping_right != 0)
        add(l, "it would be granted with the right %s\n", right_name(x->helping_right));
}

static void add_verdict(struct lines *l, const struct session *s, const struct explanation *x,
                        unsigned order)
{
    if (x->result == 0) {
        add(l, "granted from zone '%s'%s\n", s->hub->zones->entry[x->zone].name,
            x->gives_back ? ", by giving back what is kept for HIGHATOMIC" : "");
        return;
    }
    if (x->result == -EINPROGRESS) {
        add(l, "granted as soon as memory has passed to the client's domain\n");
        return;
    }
    if (x->first_no >= 0) {
        add(l, "refused by ");
        add_name(l, s, &x->step[x->first_no]);
        add(l, "\n");
    } else {
        add(l, "refused: no zone that may be used is that large\n");
    }
    add_help(l, s, x, order);
}

int explain_request(const struct session *s, const struct grant_request *grant, bool kept,
                    char *text, size_t size)
{
    static const char *const types[NR_MOBILITIES] = {"unmovable", "movable", "reclaimable"};
    struct page_request rq = grant_page_request(&s->holdings, grant);
    struct lines l = {.text = text, .size = size};
    struct explanation x;
    int error;

    text[0] = '\0';
    if (grant->exact_pages > 1)
        rq.order = 32u - (unsigned)__builtin_clz(grant->exact_pages - 1);
    else if (grant->exact_pages == 1)
        rq.order = 0;
    error = alloc_explain(&s->hub->zones->memory, &rq, &x);
    if (error)
        return error;
    add(&l, "client %u '%s' asks for order %u (%u pages), %s", s->id, s->name, rq.order,
        1u << rq.order, types[rq.type]);
    if (!grant->exact_pages && grant->count > 1)
        add(&l, ", the first of %u blocks", grant->count);
    add(&l, "\n");
    for (unsigned i = 0; i < x.nr_steps; i++)
        add_step(&l, s, &rq, &x.step[i]);
    if (s->hub->waiting.nr != 0)
        add(&l, "  %u requests wait for memory\n", s->hub->waiting.nr);
    if (kept) {
        add(&l, "refused: what is free is kept for requests that wait longer\n");
        return -EAGAIN;
    }
    add_verdict(&l, s, &x, rq.order);
    return x.result;
}

/* ---- the request ---- */

void explain_handle(struct call *c)
{
    const struct wire_explain *rq = &c->request->explain;
    struct session *s =
        rq->session == 0 ? c->session : session_table_find(&c->hub->sessions, rq->session);
    char *text = c->hub->turn->scratch.text;
    struct grant_request grant;
    bool kept;
    int error;

    if (!s || s->state == SESSION_ENDING || !policy_may_see(&c->session->policy, s->peer.uid)) {
        call_fail(c, ENOENT, "session %u: there is none that may be seen", rq->session);
        return;
    }
    if (!alloc_prepare(c, s, &rq->alloc, &grant))
        return;
    kept = !waiting_restrain(s, NULL, &grant);
    error = explain_request(s, &grant, kept, text, sizeof(c->hub->turn->scratch.text));
    if (error == -EINVAL)
        call_fail(c, EINVAL, "explain: the request makes no sense to the allocator");
    else
        c->response.explain = (struct wire_explain_reply){
            .granted = error == 0 || error == -EINPROGRESS, .text = text};
    c->cost += EXPLAIN_COST;
}
