/* SPDX-License-Identifier: Apache-2.0 */
/* contiguous.c: one window for each zone, from the first look until it is free. */
#include "contiguous.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "grant.h"
#include "hub.h"
#include "mm/contig.h"
#include "mover.h"

/** Blocks that are discarded in one turn of the loop. */
#define DISCARDS_IN_A_TURN 64u

struct window {
    struct contiguous *owner;
    bool wanted;   /**< somebody waits for a block of this order, type and domain */
    bool emptying; /**< it is being emptied; else it is looked for */
    unsigned order;
    enum migratetype type;
    unsigned domain;
    uint32_t retry_ms;
    uint64_t look_at_ms; /**< not before */
    uint64_t served_ms;  /**< when a window came free last */
    uint64_t until_ms;   /**< how long pins are waited for; 0: none is */
    uint64_t tag;        /**< of the block, for the moment that it is granted */
    struct contig c;
};

struct contiguous {
    struct hub *hub;
    struct window zone[MAX_ZONES];
    bool open; /**< the timer is not closed yet */
    uv_timer_t timer;
};

static void on_timer(uv_timer_t *timer);

static struct zone *zone_of(const struct window *w)
{
    return w->owner->hub->zones->entry[w - w->owner->zone].zone;
}

/* Come back in so many ms, if nothing else is to happen before. */
static void come_back(struct window *w, uint32_t ms)
{
    uv_timer_t *timer = &w->owner->timer;

    w->look_at_ms = uv_now(w->owner->hub->loop) + ms;
    if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > ms)
        (void)uv_timer_start(timer, on_timer, ms, 0);
}

static int look_for(struct window *w)
{
    const struct contig_request rq = {
        .nr_pages = (pfn_t)1 << w->order,
        .align_order = w->order,
        .type = w->type,
        .domain = w->domain,
        .may_discard = true,
        .tag = &w->tag,
        .nr_tags = 1,
    };
    int rc = alloc_contig_pages(zone_of(w), &rq, &w->c, NULL);

    w->emptying = rc == -EINPROGRESS || rc == -EAGAIN;
    w->until_ms = 0;
    return rc;
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

/* Only pins are in the way. Returns whether there is time left for them. */
static bool has_patience(struct window *w)
{
    const uint64_t now = uv_now(w->owner->hub->loop);

    if (w->until_ms == 0)
        w->until_ms = now + CONTIGUOUS_PATIENCE_MS;
    return now < w->until_ms;
}

/* The window is one block; it is for those who wait. */
static void serve(struct window *w)
{
    (void)zone_free(zone_of(w), w->c.start);
    w->wanted = w->emptying = false;
    w->served_ms = uv_now(w->owner->hub->loop);
    waiting_changed(w->owner->hub, NULL);
}

/* It did not come to pass: another time. */
static void put_off(struct window *w)
{
    w->emptying = false;
    waiting_changed(w->owner->hub, NULL);
    come_back(w, w->retry_ms);
    w->retry_ms =
        w->retry_ms * 2 < CONTIGUOUS_MAX_RETRY_MS ? w->retry_ms * 2 : CONTIGUOUS_MAX_RETRY_MS;
}

static void go_on(struct window *w)
{
    int rc = w->emptying ? contig_continue(&w->c, NULL) : look_for(w);

    for (unsigned n = 0; rc == -EINPROGRESS && w->c.ev.to_discard != PFN_NONE; n++) {
        if (n == DISCARDS_IN_A_TURN) {
            come_back(w, 0);
            return;
        }
        discard(w);
        rc = contig_continue(&w->c, NULL);
    }
    if (rc == 0) {
        serve(w);
    } else if (rc == -EINPROGRESS) {
        w->until_ms = 0;
    } else if (rc == -EAGAIN && has_patience(w)) {
        come_back(w, CONTIGUOUS_RETRY_MS);
    } else {
        if (rc == -EAGAIN)
            evacuate_cancel(&w->c.ev);
        put_off(w);
    }
}

/* Nobody waits any more. */
static void give_up(struct window *w)
{
    if (w->emptying)
        evacuate_cancel(&w->c.ev);
    w->wanted = w->emptying = false;
}

static void on_timer(uv_timer_t *timer)
{
    struct contiguous *ct = timer->data;
    const uint64_t now = uv_now(ct->hub->loop);

    for (unsigned i = 0; i < ct->hub->zones->nr; i++) {
        struct window *w = &ct->zone[i];

        if (!w->wanted)
            continue;
        if (ct->hub->waiting.zones.nr == 0)
            give_up(w);
        else if (w->look_at_ms <= now)
            go_on(w);
        else
            come_back(w, (uint32_t)(w->look_at_ms - now));
    }
}

static void on_moved(void *ctx, uint64_t zones)
{
    struct contiguous *ct = ctx;

    for (; zones != 0; zones &= zones - 1) {
        struct window *w = &ct->zone[__builtin_ctzll(zones)];

        if (w->emptying)
            go_on(w);
    }
}

void contiguous_look(struct contiguous *ct, unsigned zone, unsigned order, enum migratetype type,
                     unsigned domain)
{
    struct window *w = &ct->zone[zone];
    const uint64_t now = uv_now(ct->hub->loop);

    if (w->wanted || order <= zone_pageblock_order(zone_of(w)))
        return;
    w->wanted = true;
    w->order = order;
    w->type = type;
    w->domain = domain;
    w->retry_ms = CONTIGUOUS_RETRY_MS;
    /* A window that came free just now, and served nobody, is not to be emptied again at once. */
    come_back(w, w->served_ms != 0 && now - w->served_ms < CONTIGUOUS_RETRY_MS ? CONTIGUOUS_RETRY_MS
                                                                               : 0);
}

/* ---- start and stop ---- */

int contiguous_create(struct hub *hub, struct contiguous **ret)
{
    struct contiguous *ct = calloc(1, sizeof(*ct));

    if (!ct)
        return -ENOMEM;
    ct->hub = hub;
    for (unsigned i = 0; i < MAX_ZONES; i++)
        ct->zone[i].owner = ct;
    *ret = ct;
    return 0;
}

void contiguous_free(struct contiguous *ct)
{
    free(ct);
}

void contiguous_start(struct contiguous *ct)
{
    (void)uv_timer_init(ct->hub->loop, &ct->timer);
    ct->timer.data = ct;
    ct->open = true;
    mover_listen(ct->hub->mover, on_moved, ct);
}

static void on_closed(uv_handle_t *timer)
{
    struct contiguous *ct = timer->data;

    ct->open = false;
    ct->hub->session_gone(ct->hub);
}

void contiguous_stop(struct contiguous *ct)
{
    uv_close((uv_handle_t *)&ct->timer, on_closed);
}

bool contiguous_busy(const struct contiguous *ct)
{
    return ct->open;
}
