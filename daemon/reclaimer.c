/* SPDX-License-Identifier: Apache-2.0 */
/* reclaimer.c: see the header. */
#include "reclaimer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "compactor.h"
#include "hub.h"
#include "mobile.h"
#include "path.h"
#include "reclaim_lists.h"
#include "session.h"

/* That a node is low, as a request has found while it held what it may have given back since. */
struct low_note {
    unsigned order;
    enum zone_kind class;
    unsigned domain;
    bool may_wait;
};

struct reclaimer {
    struct hub *hub;
    uint64_t noted; /**< bit n: note[n] is still to be looked at */
    struct low_note note[MAX_NODES];
    uint64_t awake; /**< bit n: the balancer of node n is at work */
    bool cut;       /**< a request freed something, but had no time for more: it is to go on */
    struct balancer node[MAX_NODES];
};

static struct reclaim_lists *lists_of(const struct reclaimer *r)
{
    return r->hub->zones->lists;
}

/* What an account, or a group, has that can be reclaimed; NULL: nothing. */
static struct account_lists *account_lists_of(struct account *a)
{
    struct account_lists *al;

    if (a->group) {
        struct session *s =
            (struct session *)((char *)a - offsetof(struct session, policy.account));

        al = s->holdings.lists ? &s->holdings.lists->own : NULL;
    } else {
        al = &((struct policy_group *)a)->lists;
    }
    return al && al->ring.nr_pages != 0 ? al : NULL;
}

/* Pages that it lacks to be above high again. */
static uint64_t missing_pages(const struct account *a)
{
    const uint64_t free = account_free_pages(a), high = a->limits.wmark[WMARK_HIGH];

    return a->limits.max_pages == ACCOUNT_UNLIMITED || free > high ? 0 : high + 1 - free;
}

/* A callback of discarding: nothing is sent here, in the middle of somebody's request. */
static void on_discarded(void *ctx, struct holdings *holdings)
{
    struct reclaimer *r = ctx;
    struct session *s = session_of_holdings(holdings);

    if (holdings->lists->told_first != 0)
        hub_queue_work(r->hub, s);
    waiting_changed(r->hub, &s->policy);
}

/* ---- requests ---- */

/* When this try of a request has to stop. One that cannot wait any more has a part of the time. */
static uint64_t direct_end(const struct page_request *rq)
{
    struct path_wait *w = path_wait_of(rq);
    const uint64_t now = uv_hrtime();

    if (!w)
        return now + RECLAIMER_LAST_US * UINT64_C(1000);
    if (w->reclaim_end_ns == 0)
        w->reclaim_end_ns = now + RECLAIMER_DIRECT_US * UINT64_C(1000);
    return w->reclaim_end_ns;
}

/* Who waits is tried again, as there was no time for more. */
static void go_on_later(struct reclaimer *r)
{
    r->cut = true;
    hub_wake(r->hub);
}

/*
 * A try had no time for more: is it worth another? Also if it found nothing, since pinned blocks,
 * and those that it renews itself, may be the oldest: until all on the lists has been looked at.
 */
static bool is_worth_more(struct path_wait *w, const struct lru_ring *ring, uint64_t freed,
                          uint64_t looked)
{
    if (!w || freed != 0)
        return freed != 0;
    w->looked_pages += looked;
    return looked != 0 && w->looked_pages <= 2 * ring->nr_pages;
}

static pfn_t reclaim_until(struct reclaimer *r, struct lru_ring *ring, struct lru_scan *scan,
                           struct path_wait *w, uint64_t end_ns)
{
    const uint64_t before = scan->freed_pages, looked = scan->scanned_pages;
    int error = -EAGAIN;

    while (error == -EAGAIN && uv_hrtime() < end_ns)
        error = lru_reclaim(&lists_of(r)->lru, ring, scan, RECLAIMER_STEP_BLOCKS);
    if (error == -EAGAIN &&
        is_worth_more(w, ring, scan->freed_pages - before, scan->scanned_pages - looked)) {
        go_on_later(r);
        if (w)
            w->freed = true;
    }
    return (pfn_t)(scan->freed_pages - before);
}

static uint64_t pages_for(const struct page_request *rq)
{
    const uint64_t pages = (uint64_t)1 << rq->order;

    return pages > RECLAIMER_CLUSTER_PAGES ? pages : RECLAIMER_CLUSTER_PAGES;
}

pfn_t reclaimer_account(struct reclaimer *r, struct account *a, const struct page_request *rq)
{
    struct lru_scan scan = {.priority = LRU_PRIORITY, .own = true, .want_pages = pages_for(rq)};
    struct path_wait *w = path_wait_of(rq);
    struct account_lists *al = account_lists_of(a);
    pfn_t freed;

    if (!al)
        return 0;
    reclaimer_press(r, a);
    freed = reclaim_until(r, &al->ring, &scan, w, direct_end(rq));
    if (w && freed != 0)
        w->freed = true;
    return freed;
}

/* Can all that the account has on lists help a request that may use these zones? */
static bool is_of_zones(const struct owner_lists *ol, uint64_t zones)
{
    for (unsigned i = 0; i < ol->nr_zones; i++) {
        if (ol->vec[i].nr_pages != 0 && !(zones >> i & 1))
            return false;
    }
    return true;
}

/* From whom asks, before anybody else. */
static void reclaim_own(struct reclaimer *r, const struct page_request *rq, uint64_t zones,
                        struct lru_scan *total, uint64_t end_ns)
{
    struct lru_scan scan = {.priority = LRU_PRIORITY, .own = true, .want_pages = total->want_pages};
    struct account_lists *al = rq->account ? account_lists_of(rq->account) : NULL;

    if (al && is_of_zones((const struct owner_lists *)al, zones))
        total->freed_pages += reclaim_until(r, &al->ring, &scan, path_wait_of(rq), end_ns);
}

pfn_t reclaimer_direct(struct reclaimer *r, const struct page_request *rq)
{
    struct lru_scan scan = {
        .priority = LRU_PRIORITY,
        .want_pages = pages_for(rq),
        .domains = r->hub->zones->domains ? (uint64_t)1 << rq->domain : 0,
    };
    struct path_wait *w = path_wait_of(rq);
    const uint64_t end_ns = direct_end(rq);
    struct request_zones zones;
    uint64_t mask = 0;

    request_zones(&r->hub->zones->memory, rq, &zones);
    for (unsigned i = 0; i < zones.nr; i++)
        mask |= (uint64_t)1 << zones.id[i];
    reclaim_own(r, rq, mask, &scan, end_ns);
    for (unsigned i = 0; i < zones.nr && scan.freed_pages < scan.want_pages; i++) {
        struct lru_ring *ring = &lists_of(r)->zone[zones.id[i]];

        scan.priority = LRU_PRIORITY;
        scan.in_round = scan.in_visit = false;
        if (ring->nr_pages != 0)
            (void)reclaim_until(r, ring, &scan, w, end_ns);
    }
    /* Of several blocks the first ones may have taken all the time. */
    if (w && w->reclaimed && uv_hrtime() >= end_ns)
        go_on_later(r);
    if (scan.freed_pages != 0) {
        if (w)
            w->reclaimed = true;
        for (unsigned node = 0; node < r->hub->zones->memory.topology.nr_nodes; node++)
            balancer_revive(&r->node[node]);
    }
    return (pfn_t)scan.freed_pages;
}

/* No request is under way: is the node low as it is now? */
static void take_note(struct reclaimer *r, unsigned node)
{
    const struct low_note *n = &r->note[node];

    r->noted &= ~((uint64_t)1 << node);
    if (balancer_wake(&r->node[node], n->order, n->class, n->domain, n->may_wait))
        r->awake |= (uint64_t)1 << node;
}

static void take_notes(struct reclaimer *r)
{
    while (r->noted != 0)
        take_note(r, (unsigned)__builtin_ctzll(r->noted));
}

void reclaimer_wake(struct reclaimer *r, unsigned zone, unsigned order, enum zone_kind class,
                    unsigned domain, bool may_wait)
{
    const unsigned node = zone_node(r->hub->zones->entry[zone].zone);
    struct low_note *n = &r->note[node];

    if (r->hub->stopping)
        return;
    if (r->noted >> node & 1) {
        if (n->class == class && n->domain == domain) {
            n->order = n->order > order ? n->order : order;
            n->may_wait = n->may_wait && may_wait;
            return;
        }
        take_note(r, node); /* another request's, which has ended */
    }
    *n = (struct low_note){order, class, domain, may_wait};
    r->noted |= (uint64_t)1 << node;
    hub_wake(r->hub);
}

pfn_t reclaimer_reclaimable(const struct reclaimer *r, unsigned zone)
{
    const struct lru_ring *ring = &lists_of(r)->zone[zone];

    return ring->nr_pages == 0 ? 0 : (pfn_t)lru_ring_spare_pages(ring);
}

/* ---- in the background ---- */

void reclaimer_press(struct reclaimer *r, struct account *a)
{
    struct account_lists *al = account_lists_of(a);

    if (!al || r->hub->stopping || missing_pages(a) == 0)
        return;
    reclaim_lists_queue(lists_of(r), al, a);
    hub_wake(r->hub);
}

bool reclaimer_at_work(struct reclaimer *r, unsigned node)
{
    take_notes(r);
    return r->awake >> node & 1;
}

bool reclaimer_ready(struct reclaimer *r)
{
    take_notes(r);
    return r->awake != 0 || r->cut || lists_of(r)->first;
}

/* The first account in the queue goes on. */
static void press_step(struct reclaimer *r, struct account_lists *al)
{
    const uint64_t missing = missing_pages(al->account);
    int error = 0;

    if (missing != 0) {
        al->scan.want_pages = al->scan.freed_pages + missing;
        error = lru_reclaim(&lists_of(r)->lru, &al->ring, &al->scan, RECLAIMER_STEP_BLOCKS);
    }
    if (error != -EAGAIN)
        reclaim_lists_unqueue(lists_of(r), al);
}

static void balance_step(struct reclaimer *r, unsigned node)
{
    if (balancer_step(&r->node[node], RECLAIMER_STEP_BLOCKS))
        return;
    r->awake &= ~((uint64_t)1 << node);
    /* Who waits and was told to wait for this looks once more, and goes further if need be. */
    waiting_changed(r->hub, NULL);
}

void reclaimer_slice(struct reclaimer *r, uint64_t end_ns)
{
    if (r->cut) {
        r->cut = false;
        waiting_changed(r->hub, NULL);
    }
    do {
        struct account_lists *al = lists_of(r)->first;

        if (al)
            press_step(r, al);
        else if (r->awake != 0)
            balance_step(r, (unsigned)__builtin_ctzll(r->awake));
        else
            return;
    } while (uv_hrtime() < end_ns);
}

/* ---- telling ---- */

bool reclaimer_has_news(const struct session *s)
{
    return s->state == SESSION_OPEN && s->holdings.lists && s->holdings.lists->told_first != 0;
}

void reclaimer_tell(struct session *s)
{
    uint64_t *handle = s->hub->turn->scratch.grant.handle;
    struct wire_event event = {.kind = WIRE_EVENT_DISCARDED, .message = ""};

    /* Who does not read is told when it does, of all that has come together. */
    if (!reclaimer_has_news(s) || !outbox_empty(&s->outbox))
        return;
    event.discarded.nr =
        reclaim_lists_take_told(s->hub->zones, s->holdings.lists, handle, WIRE_MAX_BLOCKS);
    event.discarded.handle = handle;
    session_event(s, &event);
    if (reclaimer_has_news(s))
        hub_queue_work(s->hub, s);
}

/* ---- start and stop ---- */

static int on_shrink(void *ctx, unsigned zone, struct lru_scan *s, unsigned budget)
{
    struct reclaim_lists *ls = lists_of(ctx);

    return lru_round(&ls->lru, &ls->zone[zone], s, budget);
}

static void on_wake_compactor(void *ctx, unsigned node, unsigned order, enum zone_kind class)
{
    struct reclaimer *r = ctx;

    compactor_wake(r->hub->compactor, node, order, class,
                   r->node[node].domains | r->node[node].next_domains);
}

int reclaimer_create(struct hub *hub, struct reclaimer **ret)
{
    static const struct balance_ops ops = {.shrink = on_shrink,
                                           .wake_compactor = on_wake_compactor};
    struct reclaimer *r = calloc(1, sizeof(*r));
    struct memory *m = &hub->zones->memory;

    if (!r)
        return -ENOMEM;
    r->hub = hub;
    for (unsigned node = 0; node < m->topology.nr_nodes; node++)
        balancer_init(&r->node[node], m, node, &ops, r);
    lists_of(r)->discarded = on_discarded;
    lists_of(r)->ctx = r;
    *ret = r;
    return 0;
}

void reclaimer_free(struct reclaimer *r)
{
    free(r);
}
