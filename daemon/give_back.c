/* SPDX-License-Identifier: Apache-2.0 */
/* give_back.c: looks at zones, and what follows from them. */
#include "give_back.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "hub.h"
#include "resizer.h"

/** Of its length a zone grows by at least one part in so many. */
#define GROW_PART 8u

struct habit {
    unsigned looks;   /**< at which something was spare, one after another */
    pfn_t spare;      /**< the least of it */
    unsigned pause;   /**< looks that are to be left out */
    unsigned penalty; /**< the next pause, if what is under way fails */
    pfn_t pages;      /**< of the zone, when something was begun; PFN_NONE: nothing was */
};

struct give_back {
    struct hub *hub;
    struct habit zone[MAX_ZONES];
    uv_timer_t look;
};

static const struct zone_entry *entry_of(const struct give_back *g, unsigned zone)
{
    return &g->hub->zones->entry[zone];
}

static pfn_t whole(const struct zone *z, uint64_t pages)
{
    return (pfn_t)(pages >> zone_pageblock_order(z) << zone_pageblock_order(z));
}

static void begin(struct give_back *g, unsigned zone, int64_t pages)
{
    struct habit *h = &g->zone[zone];

    h->looks = 0;
    if (resizer_begin(g->hub->resizer, zone, pages * (int64_t)(1u << CONFIG_PAGE_SHIFT)) == 0)
        h->pages = zone_nr_pages(entry_of(g, zone)->zone);
}

/* Has what was begun come to something? If not, leave it alone for a time. */
static void judge(struct give_back *g, unsigned zone)
{
    struct habit *h = &g->zone[zone];

    if (h->pages == PFN_NONE || resizer_works(g->hub->resizer, zone))
        return;
    if (h->pages != zone_nr_pages(entry_of(g, zone)->zone)) {
        h->penalty = 1;
    } else {
        h->pause = h->penalty;
        h->penalty = h->penalty * 2 < GIVE_BACK_MAX_PAUSE ? h->penalty * 2 : GIVE_BACK_MAX_PAUSE;
    }
    h->pages = PFN_NONE;
}

static void grow(struct give_back *g, unsigned zone, uint64_t pages)
{
    const struct zone_entry *e = entry_of(g, zone);
    const pfn_t has = zone_nr_pages(e->zone);
    const uint64_t room = (e->memory.bytes >> CONFIG_PAGE_SHIFT) - has;
    const uint64_t least = has / GROW_PART;
    const uint64_t unit = (uint64_t)1 << zone_pageblock_order(e->zone);

    if (pages < least)
        pages = least;
    pages = whole(e->zone, pages + unit - 1);
    if (pages > room)
        pages = room;
    if (pages != 0 && g->zone[zone].pause == 0)
        begin(g, zone, (int64_t)pages);
}

/* Empty pages above the high mark, and above the size that the zone keeps. */
static pfn_t spare_pages(const struct zone_entry *e)
{
    const pfn_t high = zone_wmark(e->zone, WMARK_HIGH), has = zone_nr_pages(e->zone);
    struct zone_stat st;
    pfn_t spare;

    zone_stat(e->zone, &st);
    if (st.free_pages <= high || has <= e->least_pages)
        return 0;
    spare = st.empty_pageblocks << zone_pageblock_order(e->zone);
    if (spare > st.free_pages - high)
        spare = st.free_pages - high;
    if (spare > has - e->least_pages)
        spare = has - e->least_pages;
    return whole(e->zone, spare);
}

static void look_at(struct give_back *g, unsigned zone)
{
    const struct zone_entry *e = entry_of(g, zone);
    struct habit *h = &g->zone[zone];
    const pfn_t spare = spare_pages(e);
    struct zone_stat st;

    judge(g, zone);
    if (h->pause != 0) {
        h->pause--;
        return;
    }
    zone_stat(e->zone, &st);
    if (st.free_pages < zone_wmark(e->zone, WMARK_LOW)) {
        grow(g, zone, zone_wmark(e->zone, WMARK_HIGH) - st.free_pages);
        return;
    }
    if (spare == 0) {
        h->looks = 0;
        return;
    }
    if (h->looks++ == 0 || spare < h->spare)
        h->spare = spare;
    if (h->looks >= GIVE_BACK_LOOKS) {
        const pfn_t half = whole(e->zone, h->spare / 2);

        begin(g, zone, -(int64_t)(half != 0 ? half : h->spare));
    }
}

static void on_look(uv_timer_t *timer)
{
    struct give_back *g = timer->data;

    for (unsigned i = 0; i < g->hub->zones->nr; i++) {
        if (entry_of(g, i)->give_back)
            look_at(g, i);
    }
}

void give_back_want(struct give_back *g, unsigned zone, uint64_t pages)
{
    struct zone *z = entry_of(g, zone)->zone;
    const uint64_t needs = pages + zone_wmark(z, WMARK_LOW);
    struct zone_stat st;

    if (!entry_of(g, zone)->give_back || resizer_works(g->hub->resizer, zone))
        return;
    judge(g, zone);
    zone_stat(z, &st);
    /* What is free, but not together, is of no use to it. */
    grow(g, zone, st.free_pages < needs ? needs - st.free_pages : pages);
}

/* ---- start and stop ---- */

int give_back_create(struct hub *hub, struct give_back **ret)
{
    struct give_back *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->hub = hub;
    for (unsigned i = 0; i < MAX_ZONES; i++)
        g->zone[i] = (struct habit){.penalty = 1, .pages = PFN_NONE};
    *ret = g;
    return 0;
}

void give_back_free(struct give_back *g)
{
    free(g);
}

void give_back_start(struct give_back *g)
{
    bool any = false;

    hub_timer(g->hub, &g->look, g);
    for (unsigned i = 0; i < g->hub->zones->nr; i++)
        any = any || entry_of(g, i)->give_back;
    if (any)
        (void)uv_timer_start(&g->look, on_look, GIVE_BACK_LOOK_MS, GIVE_BACK_LOOK_MS);
}

void give_back_stop(struct give_back *g)
{
    hub_close_handle(g->hub, (uv_handle_t *)&g->look);
}
