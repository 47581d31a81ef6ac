/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contiguous.c: what is wanted of each zone, and its one window, from the first look until it is
 * free.
 *
 * Each demand is put off by itself, so that one that can never be met costs the others of its zone
 * at most the patience for pins, and that more and more seldom.
 */
#include "contiguous.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "grant.h"
#include "hub.h"
#include "mm/contig.h"
#include "mover.h"
#include "patience.h"

/** Blocks that are discarded in one turn of the loop. */
#define DISCARDS_IN_A_TURN 64u

/** Blocks that somebody waits for: all that are alike are one demand. */
struct demand {
    struct demand *next;
    unsigned zone;
    unsigned order;
    enum migratetype type;
    unsigned domain;
    uint32_t nr_waiting; /**< never 0 */
    uint32_t retry_ms;
    uint64_t put_off_ms; /**< when that was so last */
    uint64_t look_at_ms; /**< not before */
    bool pinned;         /**< then pins were in the way of it */
};

struct window {
    struct contiguous *owner;
    struct later later; /**< its turn, without a timer */
    struct demand *demands;
    struct demand *emptied_for; /**< NULL: none is being emptied */
    uint64_t go_on_at_ms;       /**< then: unless a move ends before; 0: when one ends */
    bool undoing;               /**< the last one was given up, and is being put to use again */
    uint64_t served_ms;         /**< when a window came free last; 0: never */
    struct patience patience;   /**< with pins */
    bool unpinned;              /**< one has ended since the look at the zone began */
    uint64_t tag;               /**< of the block, for the moment that it is granted */
    struct contig c;
};

struct contiguous {
    struct hub *hub;
    struct window zone[MAX_ZONES];
    uv_timer_t timer;
};

static void on_timer(uv_timer_t *timer);

static struct zone *zone_of(const struct window *w)
{
    return w->owner->hub->zones->entry[w - w->owner->zone].zone;
}

static uint64_t now_ms(const struct window *w)
{
    return uv_now(w->owner->hub->loop);
}

/* Have the zone's turn come at this time at the latest. */
static void come_back_at(struct window *w, uint64_t at_ms)
{
    uv_timer_t *timer = &w->owner->timer;
    const uint64_t ms = at_ms > now_ms(w) ? at_ms - now_ms(w) : 0;

    if (ms == 0)
        hub_later(w->owner->hub, &w->later);
    else if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > ms)
        (void)uv_timer_start(timer, on_timer, ms, 0);
}

static int look_for(struct window *w, struct demand *d)
{
    const struct contig_request rq = {
        .nr_pages = (pfn_t)1 << d->order,
        .align_order = d->order,
        .type = d->type,
        .domain = d->domain,
        .may_discard = true,
        .slice = CONTIGUOUS_SLICE,
        .tag = &w->tag,
        .nr_tags = 1,
    };

    w->emptied_for = d;
    w->patience = (struct patience){0};
    w->unpinned = false;
    return alloc_contig_pages(zone_of(w), &rq, &w->c, NULL);
}

/* If it cannot be discarded, mm/ finds it pinned, or gives up. */
static void discard(struct window *w)
{
    struct zone_set *zs = w->owner->hub->zones;
    struct zone_block b;
    pfn_t ignored;

    if (zone_block(zone_of(w), w->c.ev.to_discard, &b) == 0)
        (void)grant_discard(zs, handle_of_tag(zs->handles, b.tag), &ignored);
}

/* The window is one block; it is for those who wait. Some may wait for another one. */
static void serve(struct window *w)
{
    struct demand *d = w->emptied_for;

    (void)zone_free(zone_of(w), w->c.start);
    w->emptied_for = NULL;
    w->served_ms = now_ms(w);
    waiting_changed(w->owner->hub, NULL);
    d->retry_ms = CONTIGUOUS_RETRY_MS;
    d->look_at_ms = now_ms(w) + d->retry_ms;
}

/* In slices. Until it has come to an end there is no other. */
static void give_up(struct window *w)
{
    w->undoing = !evacuate_cancel(&w->c.ev);
    if (!w->undoing)
        waiting_changed(w->owner->hub, NULL);
}

/* It did not come to pass: another time. */
static void put_off(struct window *w, bool pinned)
{
    struct demand *d = w->emptied_for;

    w->emptied_for = NULL;
    if (pinned && w->unpinned)
        d->retry_ms = CONTIGUOUS_RETRY_MS;
    d->pinned = pinned;
    d->put_off_ms = now_ms(w);
    d->look_at_ms = d->put_off_ms + d->retry_ms;
    d->retry_ms =
        d->retry_ms * 2 < CONTIGUOUS_MAX_RETRY_MS ? d->retry_ms * 2 : CONTIGUOUS_MAX_RETRY_MS;
}

/* What mm/ has answered; go on until somebody else is to be waited for. */
static void empty(struct window *w, int rc)
{
    w->go_on_at_ms = 0;
    for (unsigned n = 0; rc == -EINPROGRESS && w->c.ev.to_discard != PFN_NONE; n++) {
        if (n == DISCARDS_IN_A_TURN) {
            w->go_on_at_ms = now_ms(w);
            return;
        }
        discard(w);
        rc = contig_continue(&w->c, NULL);
    }
    if (rc == 0) {
        serve(w);
    } else if (rc == -EINPROGRESS && w->c.ev.more) {
        w->go_on_at_ms = now_ms(w);
    } else if (rc == -EINPROGRESS) {
        patience_renew(&w->patience, now_ms(w));
    } else if (rc == -EAGAIN && patience_left(&w->patience, now_ms(w), CONTIGUOUS_PATIENCE_MS,
                                              CONTIGUOUS_MAX_PATIENCE_MS)) {
        w->go_on_at_ms = now_ms(w) + CONTIGUOUS_RETRY_MS;
    } else if (rc == -EAGAIN) {
        give_up(w);
        put_off(w, true);
    } else {
        waiting_changed(w->owner->hub, NULL); /* what was isolated has been put to use again */
        put_off(w, w->c.pinned);
    }
}

/* The demand whose time comes first, or NULL. */
static struct demand *first_demand(const struct window *w)
{
    struct demand *first = w->demands;

    for (struct demand *d = first; d; d = d->next) {
        if (d->look_at_ms < first->look_at_ms)
            first = d;
    }
    return first;
}

/* Have the timer run when the zone's turn comes next. */
static void wait_for_turn(struct window *w)
{
    const struct demand *d = first_demand(w);

    if (w->undoing)
        come_back_at(w, now_ms(w));
    else if (w->emptied_for && w->go_on_at_ms != 0)
        come_back_at(w, w->go_on_at_ms);
    else if (!w->emptied_for && d)
        come_back_at(w, d->look_at_ms);
}

static void take_turn(void *window)
{
    struct window *w = window;
    struct demand *d = first_demand(w);

    if (w->undoing)
        give_up(w);
    else if (w->emptied_for && w->go_on_at_ms != 0 && w->go_on_at_ms <= now_ms(w))
        empty(w, contig_continue(&w->c, NULL));
    else if (!w->emptied_for && d && d->look_at_ms <= now_ms(w))
        empty(w, look_for(w, d));
    wait_for_turn(w);
}

static void on_timer(uv_timer_t *timer)
{
    struct contiguous *ct = timer->data;

    for (unsigned i = 0; i < ct->hub->zones->nr; i++)
        wait_for_turn(&ct->zone[i]);
}

static void on_moved(void *ctx, uint64_t zones)
{
    struct contiguous *ct = ctx;

    for (; zones != 0; zones &= zones - 1) {
        struct window *w = &ct->zone[__builtin_ctzll(zones)];

        if (w->emptied_for) {
            empty(w, contig_continue(&w->c, NULL));
            wait_for_turn(w);
        }
    }
}

/* ---- those who wait ---- */

static struct demand *find(const struct window *w, const struct demand *like)
{
    struct demand *d = w->demands;

    while (d && (d->order != like->order || d->type != like->type || d->domain != like->domain))
        d = d->next;
    return d;
}

struct demand *contiguous_want(struct contiguous *ct, unsigned zone, unsigned order,
                               enum migratetype type, unsigned domain)
{
    struct window *w = &ct->zone[zone];
    const struct demand like = {.zone = zone, .order = order, .type = type, .domain = domain};
    const bool just_served = w->served_ms != 0 && now_ms(w) - w->served_ms < CONTIGUOUS_RETRY_MS;
    struct demand *d;

    if (order <= zone_pageblock_order(zone_of(w)))
        return NULL;
    d = find(w, &like);
    if (!d) {
        d = calloc(1, sizeof(*d));
        if (!d)
            return NULL;
        *d = like;
        d->next = w->demands;
        d->retry_ms = CONTIGUOUS_RETRY_MS;
        w->demands = d;
        /* A window that came free just now, and served nobody, is not to be emptied again at once.
         */
        d->look_at_ms = now_ms(w) + (just_served ? CONTIGUOUS_RETRY_MS : 0);
        wait_for_turn(w);
    }
    d->nr_waiting++;
    return d;
}

/* Not sooner than the first time, so that one client's pins, which come and go, are no work. */
static void hasten(struct window *w)
{
    for (struct demand *d = w->demands; d; d = d->next) {
        const uint64_t soon_ms = d->put_off_ms + CONTIGUOUS_RETRY_MS;

        if (!d->pinned)
            continue;
        d->retry_ms = CONTIGUOUS_RETRY_MS;
        if (d->look_at_ms > soon_ms)
            d->look_at_ms = soon_ms;
    }
    w->unpinned = true;
    if (w->emptied_for && w->go_on_at_ms > now_ms(w))
        w->go_on_at_ms = now_ms(w);
    wait_for_turn(w);
}

void contiguous_hasten(struct contiguous *ct, uint64_t zones)
{
    for (unsigned i = 0; zones != 0 && i < ct->hub->zones->nr; i++) {
        if (zones >> i & 1)
            hasten(&ct->zone[i]);
    }
}

static void drop(struct window *w, struct demand *d)
{
    struct demand **link = &w->demands;

    while (*link != d)
        link = &(*link)->next;
    *link = d->next;
    free(d);
}

void contiguous_leave(struct contiguous *ct, struct demand *d)
{
    struct window *w;

    if (!d || --d->nr_waiting != 0)
        return;
    w = &ct->zone[d->zone];
    if (w->emptied_for == d) {
        w->emptied_for = NULL;
        give_up(w);
    }
    drop(w, d);
    wait_for_turn(w);
}

/* ---- start and stop ---- */

int contiguous_create(struct hub *hub, struct contiguous **ret)
{
    struct contiguous *ct = calloc(1, sizeof(*ct));

    if (!ct)
        return -ENOMEM;
    ct->hub = hub;
    for (unsigned i = 0; i < MAX_ZONES; i++) {
        ct->zone[i].owner = ct;
        ct->zone[i].later = (struct later){.run = take_turn, .ctx = &ct->zone[i]};
    }
    *ret = ct;
    return 0;
}

void contiguous_free(struct contiguous *ct)
{
    free(ct); /* nobody waits any more, so nothing is wanted */
}

void contiguous_start(struct contiguous *ct)
{
    hub_timer(ct->hub, &ct->timer, ct);
    mover_listen(ct->hub->mover, on_moved, ct);
}

void contiguous_stop(struct contiguous *ct)
{
    hub_close_handle(ct->hub, (uv_handle_t *)&ct->timer);
}
