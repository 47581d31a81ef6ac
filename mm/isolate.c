/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolate.c: pageblocks out of use, and back.
 *
 * An isolated pageblock has the type ISOLATE, so that what is freed there goes to lists that serve
 * nobody; saved_type keeps the type that it had. Unlike other types both are kept in each pageblock
 * of a larger block, since such a block may come to be cut, or merge with neighbours of another
 * saved type.
 */
#include <errno.h>

#include "free_list.h"
#include "guarantee.h"

bool range_is_whole(const struct zone *z, pfn_t start, pfn_t nr_pages)
{
    pfn_t inside = order_pages(z->pageblock_order) - 1;

    return ((start | nr_pages) & inside) == 0 && nr_pages != 0 && start < z->nr_pages &&
           nr_pages <= z->nr_pages - start;
}

pfn_t block_head(const struct zone *z, pfn_t pfn)
{
    pfn_t head = pfn;

    /* Inside a block there are no heads: the first one on the way up is that of the block. */
    for (unsigned order = 1; word_state(*word_at(z, head)) == BLOCK_NONE; order++)
        head &= ~(order_pages(order) - 1);
    return head;
}

/* The lists that a free block is on. */
static struct list_set *set_of(struct zone *z, pfn_t pfn)
{
    return &z->set[pageblock_of(z, pfn)->resident];
}

void split_free_at(struct zone *z, pfn_t at)
{
    enum migratetype type;
    struct list_set *s;
    unsigned order;
    pfn_t head;

    if (at >= z->nr_pages)
        return;
    head = block_head(z, at);
    if (head == at)
        return;
    order = word_order(*word_at(z, head));
    type = (enum migratetype)pageblock_of(z, head)->type;
    s = set_of(z, head);
    list_del(z, s, type, order, head);
    while (head != at) {
        pfn_t half = head + order_pages(--order);

        if (order >= z->pageblock_order)
            pageblock_of(z, half)->type = (uint8_t)type;
        else
            pageblock_of(z, half)->holder = pageblock_of(z, half)->resident;
        if (order + 1 == z->pageblock_order)
            hold(z, pageblock_of(z, half)->resident, type, order_pages(z->pageblock_order));
        word_store(word_at(z, half), word_free(order, half, half));
        if (at < half) {
            word_store(word_at(z, head), word_free(order, head, head));
            list_add_head(z, s, type, order, half);
        } else {
            list_add_head(z, s, type, order, head);
            head = half;
        }
    }
    list_add_head(z, s, type, order, head);
}

/* What is wrong with the block at pfn, in a pageblock of a type that is wanted? */
static enum obstacle_reason block_obstacle(uint64_t w)
{
    switch (word_state(w)) {
    case BLOCK_FREE:
        return OBSTACLE_NONE;
    case BLOCK_ALLOCATED:
        return word_type(w) == MIGRATE_UNMOVABLE ? OBSTACLE_UNMOVABLE : OBSTACLE_NONE;
    case BLOCK_UNBACKED:
        return w & WORD_BAD ? OBSTACLE_BAD : OBSTACLE_UNBACKED;
    default:
        return OBSTACLE_BUSY;
    }
}

int range_check(const struct zone *z, pfn_t start, pfn_t end, unsigned types, unsigned domain,
                struct zone_obstacle *ret)
{
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        uint64_t w = *word_at(z, pfn);
        const struct pageblock *pb = pageblock_of(z, pfn);
        enum obstacle_reason reason = block_obstacle(w);

        if (pb->type == MIGRATE_ISOLATE)
            reason = OBSTACLE_ISOLATED;
        else if ((types >> pb->type & 1u) == 0)
            reason = OBSTACLE_KEPT;
        else if (reason == OBSTACLE_NONE && domain != DOMAIN_NONE && pb->resident != domain)
            reason = OBSTACLE_ELSEWHERE;
        else if (reason == OBSTACLE_NONE && word_state(w) != BLOCK_FREE &&
                 (pfn < start || block_end(z, pfn) > end))
            reason = OBSTACLE_STRADDLES;
        if (reason != OBSTACLE_NONE) {
            *ret = (struct zone_obstacle){.reason = reason, .pfn = pfn};
            return -EBUSY;
        }
    }
    return 0;
}

/* Isolate the pageblocks of a block of a pageblock or more. */
static void isolate_whole(struct zone *z, pfn_t pfn)
{
    struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(*word_at(z, pfn));
    enum migratetype type = (enum migratetype)pb->type;
    bool is_free = word_state(*word_at(z, pfn)) == BLOCK_FREE;
    struct list_set *s = set_of(z, pfn);

    if (is_free) {
        list_del(z, s, type, order, pfn);
        *large_count(z, s, type) -= order_pages(order);
        if (type == MIGRATE_HIGHATOMIC)
            unhold(z, pb->resident, type, order_pages(order));
    }
    retype(z, pfn, order, MIGRATE_ISOLATE);
    for (pfn_t i = 0; i < order_pages(order - z->pageblock_order); i++) {
        pb[i].saved_type = (uint8_t)type;
        pb[i].type = MIGRATE_ISOLATE;
    }
    if (is_free)
        free_block(z, pfn, order); /* merges with what is isolated beside it */
}

/* The first pageblock at pfn or behind it that is not yet behind the block there. */
static pfn_t next_pageblock(const struct zone *z, pfn_t pfn)
{
    pfn_t pages = order_pages(z->pageblock_order), end = block_end(z, pfn);

    return end - pfn < pages ? pfn + pages : end;
}

void range_isolate(struct zone *z, pfn_t start, pfn_t end)
{
    pfn_t next;

    split_free_at(z, start);
    split_free_at(z, end);
    for (pfn_t pfn = start; pfn < end; pfn = next) {
        next = next_pageblock(z, pfn);
        if (word_order(*word_at(z, pfn)) < z->pageblock_order) {
            pageblock_of(z, pfn)->saved_type = pageblock_of(z, pfn)->type;
            retype_broken(z, pfn, MIGRATE_ISOLATE);
        } else {
            isolate_whole(z, pfn);
        }
    }
    strand_range(z, start, end);
}

int zone_isolate_range(struct zone *z, pfn_t start, pfn_t nr_pages,
                       struct zone_obstacle *ret_obstacle)
{
    struct zone_obstacle o;
    int r;

    if (!range_is_whole(z, start, nr_pages))
        return -EINVAL;
    zone_settle(z);
    r = range_check(z, start, start + nr_pages, TYPES_USABLE, DOMAIN_NONE, &o);
    if (r == 0)
        r = guarantee_check_range(z, start, start + nr_pages, &o);
    if (r < 0) {
        if (ret_obstacle)
            *ret_obstacle = o;
        return r;
    }
    range_isolate(z, start, start + nr_pages);
    return 0;
}

void range_detach(struct zone *z, pfn_t pfn)
{
    unsigned order = word_order(*word_at(z, pfn));
    struct list_set *s = set_of(z, pfn);

    list_del(z, s, MIGRATE_ISOLATE, order, pfn);
    s->nr_special[MIGRATE_ISOLATE - NR_MOBILITIES] -= order_pages(order);
}

/* One pageblock is what it was before it was isolated. */
static void restore_type(struct zone *z, pfn_t pfn)
{
    struct pageblock *pb = pageblock_of(z, pfn);

    retype(z, pfn, z->pageblock_order, (enum migratetype)pb->saved_type);
    pb->saved_type = 0;
}

/*
 * A free block of a pageblock or more: its pageblocks may have been of different types, and are
 * freed one by one. Meanwhile they are like granted ones, since they are on no list.
 */
static void restore_free(struct zone *z, pfn_t pfn)
{
    pfn_t pages = order_pages(z->pageblock_order), end = block_end(z, pfn);

    range_detach(z, pfn);
    for (pfn_t p = end; p > pfn; p -= pages)
        word_store(word_at(z, p - pages),
                   word_make(BLOCK_ALLOCATED, z->pageblock_order, MIGRATE_MOVABLE, 0));
    for (pfn_t p = pfn; p < end; p += pages) {
        restore_type(z, p);
        if (pageblock_of(z, p)->type == MIGRATE_HIGHATOMIC)
            hold(z, pageblock_of(z, p)->resident, MIGRATE_HIGHATOMIC, pages);
        free_block(z, p, z->pageblock_order);
    }
}

void range_undo_isolate(struct zone *z, pfn_t start, pfn_t end)
{
    pfn_t pages = order_pages(z->pageblock_order), next;

    unstrand_range(z, start, end);
    split_free_at(z, start);
    split_free_at(z, end);
    for (pfn_t pfn = start; pfn < end; pfn = next) {
        uint64_t w = *word_at(z, pfn);

        next = next_pageblock(z, pfn);
        if (word_order(w) < z->pageblock_order) {
            retype_broken(z, pfn, (enum migratetype)pageblock_of(z, pfn)->saved_type);
            pageblock_of(z, pfn)->saved_type = 0;
        } else if (word_state(w) == BLOCK_FREE) {
            restore_free(z, pfn);
        } else {
            /* Of a granted block the first pageblock's type is the one that counts. */
            for (pfn_t p = pfn + pages; p < next; p += pages)
                pageblock_of(z, p)->saved_type = pageblock_of(z, pfn)->saved_type;
            for (pfn_t p = pfn; p < next; p += pages)
                restore_type(z, p);
        }
    }
}

int zone_undo_isolate(struct zone *z, pfn_t start, pfn_t nr_pages)
{
    pfn_t end = start + nr_pages;

    if (!range_is_whole(z, start, nr_pages))
        return -EINVAL;
    for (pfn_t pfn = start; pfn < end; pfn += order_pages(z->pageblock_order)) {
        if (pageblock_of(z, pfn)->type != MIGRATE_ISOLATE)
            return -EINVAL;
    }
    zone_settle(z);
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE && (pfn < start || block_end(z, pfn) > end))
            return -EINVAL;
    }
    range_undo_isolate(z, start, end);
    return 0;
}
