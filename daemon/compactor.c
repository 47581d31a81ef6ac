/* SPDX-License-Identifier: Apache-2.0 */
/* compactor.c: the runs of all zones, and who waits for them. */
#include "compactor_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "hub.h"
#include "mobile.h"
#include "mover.h"

struct zone *compactor_zone(const struct compactor *c, unsigned zone)
{
    return c->hub->zones->entry[zone].zone;
}

/* ---- requests that wait ---- */

static void enlist(struct compactor *c, struct compact_wait *w)
{
    const unsigned zone = w->zones.id[w->at];
    struct zone_work *work = &c->work[zone];

    w->state = COMPACT_WAIT_JOINED;
    w->next = NULL;
    w->prev = work->last;
    if (work->last)
        work->last->next = w;
    else
        work->first = w;
    work->last = w;
    compactor_want(c, zone);
}

static void unlist(struct compactor *c, struct compact_wait *w)
{
    struct zone_work *work = &c->work[w->zones.id[w->at]];

    if (w->prev)
        w->prev->next = w->next;
    else
        work->first = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        work->last = w->prev;
}

/* Would the same run serve both? */
static bool alike(const struct compact_request *a, const struct compact_request *b)
{
    return a->order == b->order && a->type == b->type && a->domain == b->domain &&
           a->class == b->class && a->priority == b->priority && a->alloc_flags == b->alloc_flags;
}

/*
 * A run for a request has ended, or could not begin: so it has for all who want the same; but a
 * block that has come to be is for the first of them.
 */
static void conclude(struct compactor *c, unsigned zone, const struct compact_request *rq,
                     enum compact_result result, uint64_t pinned_pages)
{
    struct compact_wait *next;
    bool any = false;

    for (struct compact_wait *w = c->work[zone].first; w; w = next) {
        next = w->next;
        if (!alike(&w->rq, rq) || (any && result == COMPACT_SUCCESS && rq->order <= MAX_PAGE_ORDER))
            continue;
        unlist(c, w);
        if (w->result < result)
            w->result = result;
        w->pinned_pages += pinned_pages;
        if (result != COMPACT_SUCCESS && ++w->at < w->zones.nr) {
            enlist(c, w);
            continue;
        }
        w->state = COMPACT_WAIT_DONE;
        any = true;
    }
    if (any)
        waiting_changed(c->hub, NULL);
}

enum compact_result compactor_ask(struct compactor *c, const struct page_request *rq,
                                  enum compact_priority priority, struct compact_wait *w)
{
    const bool whole = w && w->blocks > 1;

    if (!w || rq->order == 0 || c->hub->stopping || mobiles_used(c->hub->zones->mobiles) == 0)
        return COMPACT_SKIPPED;
    if (w->state == COMPACT_WAIT_JOINED && w->rq.priority == priority)
        return COMPACT_CONTINUE;
    if (w->state == COMPACT_WAIT_DONE && w->rq.priority == priority) {
        w->state = COMPACT_WAIT_NONE;
        return w->result;
    }
    compactor_leave(c, w);
    /* All its blocks are sought together, which is no light work. */
    if (whole && priority == COMPACT_ASYNC)
        return COMPACT_DEFERRED;
    request_zones(&c->hub->zones->memory, rq, &w->zones);
    if (w->zones.nr == 0)
        return COMPACT_SKIPPED;
    w->rq = (struct compact_request){.order = whole ? COMPACT_WHOLE_ZONE : rq->order,
                                     .type = rq->type,
                                     .domain = rq->domain,
                                     .alloc_flags = w->zones.flags,
                                     .class = w->zones.class,
                                     .priority = priority};
    w->state = COMPACT_WAIT_WANTED;
    w->result = COMPACT_SKIPPED;
    w->at = 0;
    w->pinned_pages = 0;
    return COMPACT_CONTINUE;
}

void compactor_join(struct compactor *c, struct compact_wait *w)
{
    if (w->state == COMPACT_WAIT_WANTED)
        enlist(c, w);
}

void compactor_leave(struct compactor *c, struct compact_wait *w)
{
    if (w->state == COMPACT_WAIT_JOINED)
        unlist(c, w);
    w->state = COMPACT_WAIT_NONE;
}

/* ---- runs ---- */

/* Returns as compact_begin(). */
static int begin(struct compactor *c, unsigned zone, enum run_kind kind,
                 const struct compact_request *rq)
{
    struct zone_work *work = &c->work[zone];
    int error = compact_begin(&work->run, compactor_zone(c, zone), rq);

    if (error)
        return error;
    work->kind = kind;
    return 0;
}

/* For the whole zone mm/ does not keep count of failures (compaction_deferred). */
static bool is_deferred(struct zone_work *work)
{
    if (++work->considered < 1u << work->defer_shift)
        return true;
    work->considered = 1u << work->defer_shift;
    return false;
}

static enum compact_result whole_result(struct zone_work *work)
{
    work->considered = 0;
    if (work->run.moved_pages != 0) {
        work->defer_shift = 0;
        return COMPACT_SUCCESS;
    }
    if (work->defer_shift < COMPACTOR_MAX_DEFER_SHIFT)
        work->defer_shift++;
    return COMPACT_FAILED;
}

static void begin_direct(struct compactor *c, unsigned zone)
{
    const struct compact_request rq = c->work[zone].first->rq;
    int error = rq.order == COMPACT_WHOLE_ZONE && is_deferred(&c->work[zone])
                    ? -EAGAIN
                    : begin(c, zone, RUN_DIRECT, &rq);

    if (error == -EBUSY)
        c->ready &= ~((uint64_t)1 << zone); /* it is compacted for others: when a move has ended */
    else if (error)
        conclude(c, zone, &rq, error == -EAGAIN ? COMPACT_DEFERRED : COMPACT_SKIPPED, 0);
}

/* For the lowest of the domains that are left (kcompactd_do_work). */
static void begin_background(struct compactor *c, unsigned zone)
{
    struct zone_work *work = &c->work[zone];
    const struct compact_request rq = {
        .order = work->order,
        .type = MIGRATE_MOVABLE,
        .domain = (unsigned)__builtin_ctzll(work->domains),
        .class = work->class,
        .priority = COMPACT_LIGHT,
    };

    work->domains &= work->domains - 1;
    if (zone_compact_suitable(compactor_zone(c, zone), &rq, WMARK_MIN) == COMPACT_CONTINUE)
        (void)begin(c, zone, RUN_BACKGROUND, &rq);
}

static void begin_whole(struct compactor *c, unsigned zone, enum run_kind kind)
{
    struct compact_request rq = {.order = COMPACT_WHOLE_ZONE};
    struct zone_work *work = &c->work[zone];

    if (kind == RUN_FULL) {
        rq.priority = COMPACT_FULL;
        rq.flags = COMPACT_NO_MARKS | COMPACT_IGNORE_SKIP;
    } else {
        rq.priority = COMPACT_LIGHT;
        rq.stop_score = compact_score_low(c->hub->compaction_proactiveness);
        work->proactive = false;
    }
    work->empty_before = compactor_empty(c, zone);
    if (begin(c, zone, kind, &rq) && kind == RUN_FULL)
        c->ready &= ~((uint64_t)1 << zone);
}

/* Find the zone something to do. */
static void begin_next(struct compactor *c, unsigned zone)
{
    struct zone_work *work = &c->work[zone];

    if (work->first)
        begin_direct(c, zone);
    else if (work->full)
        begin_whole(c, zone, RUN_FULL);
    else if (work->domains != 0)
        begin_background(c, zone);
    else if (work->proactive)
        begin_whole(c, zone, RUN_PROACTIVE);
    else
        c->ready &= ~((uint64_t)1 << zone);
}

static void end_run(struct compactor *c, unsigned zone, enum compact_result result)
{
    struct zone_work *work = &c->work[zone];
    const enum run_kind kind = work->kind;

    work->kind = RUN_NONE;
    if (work->run.rq.order == COMPACT_WHOLE_ZONE && kind == RUN_DIRECT)
        result = whole_result(work);
    if (kind == RUN_DIRECT)
        conclude(c, zone, &work->run.rq, result, work->run.pinned_pages);
    else if (kind == RUN_FULL)
        compactor_full_done(c, zone);
    if (kind != RUN_DIRECT && result == COMPACT_SUCCESS)
        waiting_changed(c->hub, NULL);
}

/* Is there still somebody for whom the run is? */
static bool is_wanted(const struct zone_work *work)
{
    if (work->kind == RUN_BACKGROUND || work->kind == RUN_PROACTIVE)
        return !work->first; /* requests that wait go before it */
    if (work->kind == RUN_FULL)
        return work->full;
    for (const struct compact_wait *w = work->first; w; w = w->next) {
        if (alike(&w->rq, &work->run.rq))
            return true;
    }
    return false;
}

static void step(struct compactor *c, unsigned zone)
{
    struct zone_work *work = &c->work[zone];
    enum compact_result result;

    if (work->kind == RUN_NONE) {
        begin_next(c, zone);
        return;
    }
    if (!is_wanted(work)) {
        compact_cancel(&work->run);
        work->kind = RUN_NONE;
        return;
    }
    result = compact_step(&work->run, COMPACTOR_STEP_BLOCKS);
    if (result != COMPACT_CONTINUE)
        end_run(c, zone, result);
    else if (work->run.nr_moving != 0)
        c->ready &= ~((uint64_t)1 << zone);
}

void compactor_want(struct compactor *c, unsigned zone)
{
    if (c->hub->stopping)
        return;
    c->ready |= (uint64_t)1 << zone;
    hub_wake(c->hub);
}

bool compactor_ready(const struct compactor *c)
{
    return c->ready != 0;
}

void compactor_slice(struct compactor *c, uint64_t end_ns)
{
    while (c->ready != 0) {
        /* The zones take turns. */
        const uint64_t behind = c->ready & ~(((uint64_t)2 << c->last) - 1);

        c->last = (unsigned)__builtin_ctzll(behind ? behind : c->ready);
        step(c, c->last);
        if (uv_hrtime() >= end_ns)
            return;
    }
}

/* Of any run's, or none's: a step too many does no harm. */
static void on_moved(void *ctx, uint64_t zones)
{
    struct compactor *c = ctx;

    for (; zones != 0; zones &= zones - 1) {
        const unsigned zone = (unsigned)__builtin_ctzll(zones);

        if (c->work[zone].kind != RUN_NONE || c->work[zone].first || c->work[zone].full)
            compactor_want(c, zone);
    }
}

void compactor_retry(struct compactor *c)
{
    for (uint32_t i = 0; i < c->hub->zones->nr; i++) {
        zone_compact_retry(compactor_zone(c, i));
        c->work[i].considered = 1u << c->work[i].defer_shift;
    }
}

/* ---- in the background ---- */

void compactor_wake(struct compactor *c, unsigned node, unsigned order, enum zone_kind class,
                    uint64_t domains)
{
    const struct zone_set *zs = c->hub->zones;

    if (order == 0 || mobiles_used(zs->mobiles) == 0)
        return;
    for (unsigned i = 0; i < zs->memory.local[node].nr; i++) {
        const unsigned zone = zs->memory.local[node].id[i];
        struct zone_work *work = &c->work[zone];

        if (zone_kind_of(compactor_zone(c, zone)) > class)
            continue;
        if (work->domains == 0 || work->order < order)
            work->order = order;
        if (work->domains == 0 || work->class < class)
            work->class = class;
        work->domains |= domains;
        compactor_want(c, zone);
    }
}

/* ---- start and stop ---- */

int compactor_create(struct hub *hub, struct compactor **ret)
{
    struct compactor *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->hub = hub;
    *ret = c;
    return 0;
}

void compactor_free(struct compactor *c)
{
    free(c);
}

void compactor_start(struct compactor *c)
{
    mover_listen(c->hub->mover, on_moved, c);
    compactor_start_looking(c);
}

void compactor_stop(struct compactor *c)
{
    c->ready = 0;
    compactor_drop_orders(c);
    compactor_stop_looking(c);
}
