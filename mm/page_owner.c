/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_owner.c: the records of who had a page last.
 *
 * There is room for one a page, but a block has one alone, at its head; so a page's record may
 * stand at a head below it. No two records cover the same page: a new one divides the older one
 * that it lies in, and wipes those that it covers.
 */
#include "mm/page_owner.h"

#include <errno.h>

#include "debug.h"

size_t zone_owner_bytes(const struct zone_config *config)
{
    size_t pages = config->max_pages ? config->max_pages : config->nr_pages;

    return config->debug & ZONE_DEBUG_OWNER ? pages * sizeof(struct page_owner) : 0;
}

/* The head of the record that covers a page, or PFN_NONE. */
static pfn_t record_head(const struct zone *z, pfn_t pfn)
{
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        pfn_t head = pfn & ~(order_pages(o) - 1);

        if (z->owner[head].state != PAGE_OWNER_NONE && z->owner[head].order >= o)
            return head;
    }
    return PFN_NONE;
}

/* Divide the record that a block lies in, until the block has one of its own. */
static void divide(struct zone *z, pfn_t pfn, unsigned order)
{
    pfn_t head = record_head(z, pfn);

    if (head == PFN_NONE)
        return;
    while (z->owner[head].order > order) {
        pfn_t half = head + order_pages(--z->owner[head].order);

        z->owner[half] = z->owner[head];
        if (pfn >= half)
            head = half;
    }
}

static void record(struct zone *z, pfn_t pfn, unsigned order, const struct page_owner *owner)
{
    divide(z, pfn, order);
    for (pfn_t i = 1; i < order_pages(order); i++)
        z->owner[pfn + i].state = PAGE_OWNER_NONE;
    z->owner[pfn] = *owner;
}

void owner_granted(struct zone *z, const struct zone_request *rq, pfn_t pfn)
{
    struct page_owner owner = {
        .flags = rq->flags,
        .order = (uint8_t)rq->order,
        .type = (uint8_t)rq->type,
        .state = PAGE_OWNER_HAS,
    };

    if (!z->owner)
        return;
    if (rq->by)
        owner.by = *rq->by;
    record(z, pfn, rq->order, &owner);
}

void owner_released(struct zone *z, pfn_t pfn)
{
    if (z->owner && z->owner[pfn].state == PAGE_OWNER_HAS)
        z->owner[pfn].state = PAGE_OWNER_HAD;
}

void owner_split(struct zone *z, pfn_t pfn, unsigned order)
{
    if (z->owner)
        divide(z, pfn, order);
}

void owner_moved(const struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to, unsigned order)
{
    if (z->owner && to_zone->owner)
        record(to_zone, to, order, &z->owner[from]);
}

void owner_forget(struct zone *z, pfn_t pfn, unsigned order)
{
    const struct page_owner none = {.state = PAGE_OWNER_NONE};

    if (z->owner)
        record(z, pfn, order, &none);
}

int zone_page_owner(struct zone *z, pfn_t pfn, struct page_owner *ret)
{
    pfn_t head;

    if (pfn >= z->nr_pages)
        return -EINVAL;
    free_arrivals(z); /* who has freed it has it no more */
    head = z->owner ? record_head(z, pfn) : PFN_NONE;
    if (head == PFN_NONE)
        return -ENOENT;
    *ret = z->owner[head];
    return 0;
}
