/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact_scan.c: the two scanners, which compact for one block: windows from the zone's start
 * upwards, and free blocks from its end downwards, pageblock by pageblock.
 *
 * Blocks have orders. So each order has a place of its own up to which free blocks that are large
 * enough have been used up; that of order 0 is the highest, and where the scanners meet.
 */
#include "compact.h"

static unsigned async(const struct compaction *c)
{
    return c->rq.priority == COMPACT_ASYNC ? 0 : 1;
}

static pfn_t window_pages(const struct compaction *c)
{
    return order_pages(c->rq.order);
}

void compact_scan_begin(struct compaction *c)
{
    struct zone *z = c->z;
    struct zone_compact *zc = &z->compact;
    pfn_t last = z->nr_pages - order_pages(z->pageblock_order), free = zc->free;

    if (compact_restarting(z, c->rq.order))
        zc->epoch++;
    c->next = zc->migrate[async(c)];
    if (c->rq.priority == COMPACT_FULL || c->next >= z->nr_pages)
        c->next = 0;
    if (c->rq.priority == COMPACT_FULL || free == 0 || free > last)
        free = last;
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
            c->hole[t][o] = free;
    }
    c->window = c->next;
    c->phase = PHASE_WAIT; /* first see whether there is a block */
}

void compact_scan_end(struct compaction *c, bool met)
{
    struct zone_compact *zc = &c->z->compact;
    pfn_t at = pageblock_start(c->z, c->window);

    if (met) {
        zc->migrate[0] = zc->migrate[1] = zc->free = 0;
        zc->epoch += async(c);
        return;
    }
    if (c->rq.priority == COMPACT_FULL)
        return;
    if (at > zc->migrate[0])
        zc->migrate[0] = at;
    if (async(c) != 0 && at > zc->migrate[1])
        zc->migrate[1] = at;
    /* Blocks of other types are few, and begin again behind what this passed over. */
    zc->free = pageblock_start(c->z, c->hole[MIGRATE_MOVABLE][0]);
}

bool compact_source_suits(const struct compaction *c, pfn_t pfn)
{
    const struct zone *z = c->z;
    const struct pageblock *pb = pageblock_of(z, pfn);

    if (pb->type == MIGRATE_ISOLATE || pb->type == MIGRATE_HIGHATOMIC)
        return false;
    if (compact_is_whole(c))
        return pb->type != MIGRATE_CMA;
    if (pb->holder != c->rq.domain || (pb->type == MIGRATE_CMA && !(c->rq.alloc_flags & ALLOC_CMA)))
        return false;
    if (c->rq.priority == COMPACT_ASYNC && pb->type != MIGRATE_CMA &&
        pb->type != list_type(z, c->rq.type))
        return false;
    return c->rq.priority == COMPACT_FULL || (c->rq.flags & COMPACT_IGNORE_SKIP) ||
           compact_hint_of(c, pfn)->skip != z->compact.epoch;
}

/* Behind it no single page of any type can find a place. */
static pfn_t last_hole(const struct compaction *c)
{
    pfn_t last = 0;

    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        if (t != MIGRATE_UNMOVABLE && c->hole[t][0] > last)
            last = c->hole[t][0];
    }
    return last;
}

/*
 * A block below a pageblock ends the run only where a pageblock ends, so that the next requests
 * find room, too.
 */
void compact_scan_next(struct compaction *c)
{
    const struct zone *z = c->z;
    pfn_t pages = window_pages(c), start = (c->next + pages - 1) & ~(pages - 1);
    pfn_t pageblock = order_pages(z->pageblock_order);

    c->budget--;
    if (c->useful && pageblock_start(z, start) != pageblock_start(z, c->window)) {
        c->useful = false;
        c->phase = PHASE_WAIT;
        return;
    }
    if (start >= z->nr_pages || pages > z->nr_pages - start ||
        pageblock_start(z, start + pages - 1) >= pageblock_start(z, last_hole(c))) {
        c->phase = c->useful ? PHASE_WAIT : PHASE_FAILED;
        c->useful = false;
        return;
    }
    if (pages <= pageblock && !compact_source_suits(c, start)) {
        c->next = pageblock_start(z, start) + pageblock;
        return;
    }
    c->window = c->cursor = start;
    c->window_end = start + pages;
    c->live = c->vacant = 0;
    c->phase = PHASE_LOOK;
}

void compact_scan_skip(struct compaction *c, pfn_t pfn)
{
    pfn_t inside = order_pages(c->z->pageblock_order) - 1;

    /* A window of less than a pageblock speaks for all of it if it is the last. */
    if (!c->useful && (c->window_end & inside) == 0)
        compact_hint_of(c, pfn)->skip = c->z->compact.epoch;
}

bool compact_scan_has_holes(const struct compaction *c, enum migratetype type, unsigned order)
{
    return pageblock_start(c->z, c->hole[type][order]) > pageblock_start(c->z, c->window_end - 1);
}

/* Is this pageblock one to look for targets in? A whole one is held by nobody: that it is empty is
 * what compaction is for. */
static bool may_have_holes(const struct compaction *c, pfn_t pfn, unsigned domain,
                           enum migratetype type)
{
    const struct pageblock *pb = pageblock_of(c->z, pfn);

    return pb->holder == domain && compact_target_suits(c, pb, type);
}

/* Where to look behind the block at head, which pfn lies in. */
static pfn_t next_place(const struct zone *z, pfn_t pfn, pfn_t head, bool leave)
{
    pfn_t pages = order_pages(z->pageblock_order), start = pageblock_start(z, pfn);

    if (head < start)
        return pageblock_start(z, head) - pages;
    return leave || block_end(z, head) >= start + pages ? start - pages : block_end(z, head);
}

/* The search for an order and type is at this place; larger orders need not look before it. */
static void hole_at(struct compaction *c, enum migratetype type, unsigned order, pfn_t pfn)
{
    pfn_t *hole = c->hole[type];

    hole[order] = pfn;
    while (++order < NR_PAGE_ORDERS) {
        if (pageblock_start(c->z, hole[order]) > pageblock_start(c->z, pfn))
            hole[order] = pageblock_start(c->z, pfn);
    }
}

enum compact_search compact_scan_hole(struct compaction *c, pfn_t from, pfn_t *ret)
{
    const struct zone *z = c->z;
    enum migratetype type = word_type(*word_at(z, from));
    unsigned order = word_order(*word_at(z, from)), domain = pageblock_of(z, from)->holder;

    if (c->hole[type][order] >= z->nr_pages) /* the zone has shrunk */
        hole_at(c, type, order, z->nr_pages - order_pages(z->pageblock_order));
    while (compact_scan_has_holes(c, type, order)) {
        pfn_t pfn = c->hole[type][order], head = block_head(z, pfn);
        bool leave = !may_have_holes(c, pfn, domain, type);

        if (!leave && word_state(*word_at(z, head)) == BLOCK_FREE &&
            word_order(*word_at(z, head)) >= order) {
            *ret = head;
            return SEARCH_FOUND;
        }
        hole_at(c, type, order, next_place(z, pfn, head, leave));
        if (--c->budget <= 0)
            return SEARCH_ON;
    }
    return SEARCH_NOTHING;
}
