/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contig.c: contiguous ranges: evacuate, grant the part that was asked for, put back the rest.
 *
 * The blocks are cut while all is still isolated, so that what is left over can neither be granted
 * to others nor merge out of reach; then the isolation is undone, as on every other way out.
 */
#include "mm/contig.h"

#include <errno.h>

#include "alloc_pass.h"
#include "debug.h"
#include "evacuate.h"
#include "guarantee.h"

unsigned block_order_in(pfn_t start, pfn_t end)
{
    return range_order(start, end);
}

unsigned block_count_in(pfn_t start, pfn_t nr_pages)
{
    pfn_t end = start + nr_pages;
    unsigned n = 0;

    for (; start < end; start += order_pages(range_order(start, end)))
        n++;
    return n;
}

/* Everything must be free there, and of a mobility. */
static int check_free(const struct zone *z, pfn_t start, pfn_t end, struct zone_obstacle *ret)
{
    int r = range_check(z, start, end, TYPES_MOBILE, DOMAIN_NONE, ret);

    for (pfn_t pfn = block_head(z, start); r == 0 && pfn < end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_GRANTED, .pfn = pfn};
            r = -EBUSY;
        }
    }
    return r;
}

int zone_cma_init(struct zone *z, pfn_t start, pfn_t nr_pages, struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;
    int r;

    if (!range_is_whole(z, start, nr_pages))
        return -EINVAL;
    zone_settle(z);
    r = check_free(z, start, start + nr_pages, o);
    if (r == 0)
        r = guarantee_check_range(z, start, start + nr_pages, o);
    if (r < 0)
        return r;
    range_isolate(z, start, start + nr_pages);
    for (pfn_t i = 0; i < nr_pages >> z->pageblock_order; i++)
        pageblock_of(z, start)[i].saved_type = MIGRATE_CMA;
    range_undo_isolate(z, start, start + nr_pages);
    return 0;
}

/*
 * The range was found bad: free what is good of it once more, so that it merges as before. Only a
 * debugged zone comes here, in which verified blocks are poisoned still.
 */
static void put_back(struct zone *z, pfn_t start, pfn_t end)
{
    pfn_t next;

    for (pfn_t pfn = start; pfn < end; pfn = next) {
        next = block_end(z, pfn);
        if (!(*word_at(z, pfn) & WORD_BAD))
            free_block(z, pfn, word_order(*word_at(z, pfn)));
    }
}

/* Each block of the range is off the lists: verify all before the first is granted. */
static bool debug_grant_range(const struct contig *c, struct zone_obstacle *ret)
{
    struct zone *z = c->ev.z;
    pfn_t end = c->start + c->rq.nr_pages;
    struct zone_request rq = {.type = c->rq.type, .flags = c->rq.flags, .by = c->rq.by};
    bool good = true;

    for (pfn_t pfn = c->start; pfn < end; pfn = block_end(z, pfn)) {
        if (!debug_verify(z, pfn, word_order(*word_at(z, pfn)))) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_BAD, .pfn = pfn};
            good = false;
        }
    }
    if (!good)
        put_back(z, c->start, end);
    for (pfn_t pfn = c->start; good && pfn < end; pfn = block_end(z, pfn)) {
        rq.order = word_order(*word_at(z, pfn));
        owner_granted(z, &rq, pfn);
    }
    return good;
}

/* The range is empty: grant it. */
static int grant_range(struct contig *c, struct zone_obstacle *ret)
{
    struct zone *z = c->ev.z;
    enum migratetype type = list_type(z, c->rq.type);
    pfn_t end = c->start + c->rq.nr_pages, next;
    unsigned n = 0;

    split_free_at(z, c->start);
    split_free_at(z, end);
    for (pfn_t pfn = c->start; pfn < end; pfn = next) {
        unsigned order = word_order(*word_at(z, pfn));

        next = pfn + order_pages(order);
        range_detach(z, pfn);
        word_store(word_at(z, pfn), word_make(BLOCK_ALLOCATED, order, c->rq.type, c->rq.tag[n++]));
    }
    if (zone_debugged(z) && !debug_grant_range(c, ret)) {
        range_undo_isolate(z, c->ev.start, c->ev.end);
        return -EBUSY;
    }
    for (pfn_t pfn = c->start; pfn < end; pfn = block_end(z, pfn)) {
        unsigned order = word_order(*word_at(z, pfn));

        unmovable_granted(z, pfn, order, c->rq.type);
        if (order >= z->pageblock_order)
            hold(z, c->rq.domain, MIGRATE_ISOLATE, order_pages(order));
        if (c->rq.domain == 0)
            z->set[0].nr_stranded += order_pages(order);
    }
    z->allocs += n;
    for (pfn_t pfn = c->start & ~(order_pages(z->pageblock_order) - 1); pfn < end;
         pfn += order_pages(z->pageblock_order)) {
        struct pageblock *pb = pageblock_of(z, pfn);

        if (pb->saved_type != MIGRATE_CMA && type != MIGRATE_MOVABLE)
            pb->saved_type = (uint8_t)type;
    }
    range_undo_isolate(z, c->ev.start, c->ev.end);
    return 0;
}

/* Begin with the window at c->start; left: of the slice. */
static int begin_window(struct zone *z, struct contig *c, unsigned left, struct zone_obstacle *ret)
{
    struct evacuate_request rq = {
        .start = c->start,
        .end = c->start + c->rq.nr_pages,
        .types = c->types,
        .domain = c->rq.domain,
        .max_moves = c->rq.max_moves,
        .may_discard = c->rq.may_discard,
        .movable_now = c->slides,
        .slice = c->rq.slice,
        .left = left,
    };

    return evacuate_begin(&c->ev, z, &rq, ret);
}

static bool request_is_good(const struct zone *z, const struct contig_request *rq)
{
    if (rq->nr_pages == 0 || rq->align_order > MAX_PAGE_ORDER || rq->type >= NR_MOBILITIES ||
        rq->domain >= z->nr_domains || (rq->flags & ~ALLOC_CMA) != 0)
        return false;
    if (!zone_serves(z, (enum zone_kind)z->kind, rq->type))
        return false;
    for (unsigned i = 0; i < rq->nr_tags; i++) {
        if (rq->tag[i] >> BLOCK_TAG_BITS != 0)
            return false;
    }
    return true;
}

static pfn_t window_step(const struct zone *z, const struct contig *c)
{
    return order_pages(c->rq.align_order > z->pageblock_order ? c->rq.align_order
                                                              : z->pageblock_order);
}

/* The first window from start on, for which there are tags; behind the last one in CMA areas those
 * outside. */
static bool find_window(const struct zone *z, struct contig *c, pfn_t start)
{
    const pfn_t nr = c->rq.nr_pages;

    for (; nr <= z->nr_pages && start <= z->nr_pages - nr; start += window_step(z, c)) {
        if (block_count_in(start, nr) <= c->rq.nr_tags) {
            c->start = start;
            return true;
        }
    }
    if (c->types == TYPES_MOBILE)
        return false;
    c->types = TYPES_MOBILE;
    return find_window(z, c, 0);
}

/* What came of the present window; while windows slide, and it cannot be had, go on to the next. */
static int slide(struct zone *z, struct contig *c, int r, struct zone_obstacle *o)
{
    for (;;) {
        pfn_t step = window_step(z, c), start = c->start;

        if (r == 0)
            r = grant_range(c, o);
        if (r == -EINPROGRESS || r == -EAGAIN)
            c->slides = c->slides && c->ev.more;
        if (r == 0 || r == -EINPROGRESS || r == -EAGAIN || !c->slides)
            return r;
        c->pinned = c->pinned || (r == -EBUSY && o->reason == OBSTACLE_PINNED);
        /* A window that contains the same obstacle fails the same way. */
        if (r == -EBUSY && o->pfn > start)
            start = o->pfn & ~(step - 1);
        if (!find_window(z, c, start + step))
            return -ENOMEM;
        r = begin_window(z, c, c->ev.left, o);
    }
}

int alloc_contig_range(struct zone *z, pfn_t start, const struct contig_request *rq,
                       struct contig *c, struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;

    if (!request_is_good(z, rq) || start >= z->nr_pages || rq->nr_pages > z->nr_pages - start ||
        block_count_in(start, rq->nr_pages) > rq->nr_tags)
        return -EINVAL;
    c->rq = *rq;
    c->start = start;
    c->slides = c->pinned = false;
    c->types = TYPES_MOBILE;
    if ((rq->flags & ALLOC_CMA) && pageblock_of(z, block_head(z, start))->type == MIGRATE_CMA)
        c->types = 1u << MIGRATE_CMA;
    return slide(z, c, begin_window(z, c, rq->slice, o), o);
}

int alloc_contig_pages(struct zone *z, const struct contig_request *rq, struct contig *c,
                       struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;

    if (!request_is_good(z, rq))
        return -EINVAL;
    *o = (struct zone_obstacle){.reason = OBSTACLE_NONE};
    c->pinned = false;
    zone_settle(z);
    /* What is granted in a window needs as much room outside, unless it is discarded: a window is
     * at most what is free. */
    if (rq->nr_pages > z->nr_pages ||
        (!rq->may_discard && rq->nr_pages > domain_free_pages(z, rq->domain)))
        return -ENOMEM;
    c->rq = *rq;
    c->slides = true;
    c->types = rq->flags & ALLOC_CMA ? 1u << MIGRATE_CMA : TYPES_MOBILE;
    if (!find_window(z, c, 0))
        return -ENOMEM;
    return slide(z, c, begin_window(z, c, rq->slice, o), o);
}

int contig_continue(struct contig *c, struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle ignored, *o = ret_obstacle ? ret_obstacle : &ignored;

    return slide(c->ev.z, c, evacuate_continue(&c->ev, o), o);
}
