/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotplug.c: a zone that grows and shrinks at its end. Metadata is laid out for the zone's maximum
 * from the beginning; words and records behind its end are zero.
 */
#include "mm/hotplug.h"

#include <errno.h>

#include "debug.h"
#include "evacuate.h"
#include "free_list.h"

/* To the tail, so that what is new is used last, and can best be taken away again (FPI_TO_TAIL). */
static void free_to_tail(struct zone *z, pfn_t pfn, unsigned order)
{
    struct list_set *s = &z->set[pageblock_of(z, pfn)->resident];
    enum migratetype type;

    word_store(word_at(z, pfn), word_free(order, pfn, pfn));
    release_block(z, pfn, order);
    pfn = block_head(z, pfn);
    order = word_order(*word_at(z, pfn));
    type = (enum migratetype)pageblock_of(z, pfn)->type;
    list_del(z, s, type, order, pfn);
    list_add_tail(z, s, type, order, pfn);
}

int zone_grow(struct zone *z, pfn_t nr_pages, unsigned domain)
{
    enum migratetype type = list_type(z, MIGRATE_MOVABLE);
    pfn_t start = z->nr_pages, end;

    if (nr_pages == 0 || (nr_pages & (order_pages(z->pageblock_order) - 1)) != 0 ||
        nr_pages > z->max_pages - z->nr_pages || domain >= z->nr_domains)
        return -EINVAL;
    zone_settle(z);
    end = start + nr_pages;
    z->nr_pages = end;
    z->nr_pageblocks[type] += nr_pages >> z->pageblock_order;
    for (pfn_t pfn = start; pfn < end; pfn += order_pages(z->pageblock_order))
        *pageblock_of(z, pfn) = (struct pageblock){
            .type = (uint8_t)type, .resident = (uint8_t)domain, .holder = DOMAIN_NONE};
    while (start < end) {
        unsigned order = range_order(start, end);

        free_to_tail(z, start, order);
        start += order_pages(order);
    }
    return 0;
}

/* The last pageblocks are isolated and empty: the zone ends before them. */
static void cut_off(struct zone *z, pfn_t start)
{
    pfn_t end = z->nr_pages, next;

    split_free_at(z, start);
    for (pfn_t pfn = start; pfn < end; pfn = next) {
        next = block_end(z, pfn);
        range_detach(z, pfn);
        if (zone_debugged(z))
            owner_forget(z, pfn, word_order(*word_at(z, pfn)));
        word_store(word_at(z, pfn), 0);
    }
    for (pfn_t pfn = start; pfn < end; pfn += order_pages(z->pageblock_order))
        *pageblock_of(z, pfn) = (struct pageblock){.type = 0};
    z->nr_pageblocks[MIGRATE_ISOLATE] -= (end - start) >> z->pageblock_order;
    z->nr_pages = start;
}

static int cut_off_if_empty(struct evacuation *ev, int r, struct zone_obstacle *ret)
{
    if (r != 0)
        return r;
    if (ev->end != ev->z->nr_pages) {
        *ret = (struct zone_obstacle){.reason = OBSTACLE_BEHIND, .pfn = ev->end};
        return evacuate_fail(ev, -EBUSY, ret);
    }
    cut_off(ev->z, ev->wanted);
    if (ev->start < ev->wanted)
        range_undo_isolate(ev->z, ev->start, ev->wanted);
    return 0;
}

int zone_shrink_sliced(struct zone *z, pfn_t nr_pages, bool may_discard, unsigned slice,
                       struct evacuation *ev, struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;
    const struct evacuate_request rq = {
        .start = z->nr_pages - nr_pages,
        .end = z->nr_pages,
        .types = TYPES_USABLE,
        .domain = DOMAIN_NONE,
        .may_discard = may_discard,
        .slice = slice,
        .left = slice,
    };

    if (!range_is_whole(z, rq.start, nr_pages)) /* nor does a start below 0 lie in the zone */
        return -EINVAL;
    return cut_off_if_empty(ev, evacuate_begin(ev, z, &rq, o), o);
}

int zone_shrink_continue(struct evacuation *ev, struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;

    return cut_off_if_empty(ev, evacuate_continue(ev, o), o);
}
