/* SPDX-License-Identifier: Apache-2.0 */
/* buddy.c: the buddy system itself: taking blocks, splitting them, giving them back, merging them.
 */
#include <errno.h>

#include "debug.h"
#include "free_list.h"
#include "resting.h"
#include "rmqueue.h"

/*
 * Put the upper halves of a block on the lists of their type, from order high - 1 down to low.
 * Those lists are usually empty, since the smallest fitting block is what is split.
 */
static void free_halves(struct zone *z, struct list_set *s, pfn_t pfn, unsigned high, unsigned low,
                        enum migratetype type)
{
    uint32_t orders = order_pages(high) - order_pages(low);

    if ((s->mask[type] & orders) != 0) {
        while (high-- > low)
            list_add_head(z, s, type, high, pfn + order_pages(high));
        return;
    }
    s->mask[type] |= orders;
    while (high-- > low)
        list_start(z, &s->list[type][high], high, pfn + order_pages(high));
}

void expand(struct zone *z, const struct found_block *b, unsigned order, unsigned domain)
{
    unsigned high = b->order;
    struct list_set *s = &z->set[b->set];

    if (high >= z->pageblock_order) {
        unsigned low = order > z->pageblock_order ? order : z->pageblock_order;

        for (unsigned o = low; o < high; o++)
            pageblock_of(z, b->pfn + order_pages(o))->type = (uint8_t)b->type;
        free_halves(z, s, b->pfn, high, low, b->type);
        *large_count(z, s, b->type) -= order_pages(low);
        if (order >= z->pageblock_order)
            return;
        pageblock_of(z, b->pfn)->holder = (uint8_t)domain;
        if (b->type != MIGRATE_HIGHATOMIC)
            hold(z, domain, b->type, order_pages(low));
        s = &z->set[domain];
        *small_count(s, b->type) += order_pages(low);
        high = low;
    }
    *small_count(s, b->type) -= order_pages(order);
    free_halves(z, s, b->pfn, high, order, b->type);
}

/* A free block goes to its list: to the tail when its parent is likely to be whole soon
 * (buddy_merge_likely), so that it is left alone for a while. */
static inline void insert_free(struct zone *z, struct list_set *s, pfn_t pfn, unsigned order,
                               enum migratetype type)
{
    if (order + 1 < MAX_PAGE_ORDER) {
        pfn_t uncle = (pfn & ~order_pages(order)) ^ order_pages(order + 1);

        if (uncle < z->nr_pages && word_is_free(*word_at(z, uncle), order + 1)) {
            list_add_tail(z, s, type, order, pfn);
            return;
        }
    }
    list_add_head(z, s, type, order, pfn);
}

/* The same, in a broken pageblock: to the tail, too, if unmovable pages beside it say so. */
static inline void insert_small(struct zone *z, struct list_set *s, pfn_t pfn, unsigned order,
                                enum migratetype type)
{
    const struct count_range *last = &z->granted_last[type];

    if (pageblock_of(z, pfn)->nr_unmovable - last->from < last->nr)
        list_add_tail(z, s, type, order, pfn);
    else
        insert_free(z, s, pfn, order, type);
}

/* The merged block's head is written: clear the words inside it, down to the block that was freed.
 */
static void clear_inside(struct zone *z, pfn_t freed, unsigned order, unsigned merged)
{
    for (; order < merged; order++) {
        word_store(word_at(z, freed | order_pages(order)), 0);
        freed &= ~order_pages(order);
    }
}

/* Take in a free buddy that lies in the same file, if its type may merge. */
static bool absorb(struct zone *z, pfn_t buddy, unsigned order, enum migratetype type,
                   unsigned domain)
{
    const struct pageblock *pb = pageblock_of(z, buddy);
    enum migratetype buddy_type = (enum migratetype)pb->type;

    if (!word_is_free(*word_at(z, buddy), order) || pb->resident != domain)
        return false;
    if (buddy_type != type && !(type_merges(type) && type_merges(buddy_type)))
        return false;
    list_del(z, &z->set[domain], buddy_type, order, buddy);
    if (buddy_type != type)
        retype(z, buddy, order, type);
    return true;
}

/* Free and merge from a pageblock upwards. */
static void free_large(struct zone *z, pfn_t pfn, unsigned order)
{
    enum migratetype type = (enum migratetype)pageblock_of(z, pfn)->type;
    /* Whatever is freed lies wholly in one file: it was granted, or has just been populated. */
    unsigned domain = pageblock_of(z, pfn)->resident;
    unsigned merged = order;
    pfn_t head = pfn;

    *large_count(z, &z->set[domain], type) += order_pages(order);
    while (merged < MAX_PAGE_ORDER) {
        pfn_t buddy = head ^ order_pages(merged);

        if (buddy >= z->nr_pages || !absorb(z, buddy, merged, type, domain))
            break;
        head &= buddy;
        merged++;
    }
    pageblock_of(z, head)->type = (uint8_t)type;
    insert_free(z, &z->set[domain], head, merged, type);
    clear_inside(z, pfn, order, merged);
}

/* Free and merge within a broken pageblock, and beyond it if that makes it whole. */
static void free_small(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type,
                       unsigned domain)
{
    struct list_set *s = &z->set[domain];
    unsigned merged = order;
    pfn_t head = pfn;
    uint32_t emptied = 0;

    *small_count(s, type) += order_pages(order);
    if (!word_is_free(*word_at(z, pfn ^ order_pages(order)), order)) {
        insert_small(z, s, pfn, order, type);
        return;
    }
    do {
        pfn_t buddy = head ^ order_pages(merged);

        if (!word_is_free(*word_at(z, buddy), merged))
            break;
        if (list_unlink(z, &s->list[type][merged], buddy))
            emptied |= order_pages(merged);
        head &= buddy;
        merged++;
    } while (merged < z->pageblock_order);
    s->mask[type] &= ~emptied;
    if (merged < z->pageblock_order) {
        insert_small(z, s, head, merged, type);
        clear_inside(z, pfn, order, merged);
        return;
    }
    *small_count(s, type) -= order_pages(merged);
    pageblock_of(z, head)->holder = DOMAIN_NONE;
    if (type != MIGRATE_HIGHATOMIC)
        unhold(z, domain, type, order_pages(merged));
    word_store(word_at(z, head), word_free(merged, head, head));
    clear_inside(z, pfn, order, merged);
    free_large(z, head, merged);
}

void free_block(struct zone *z, pfn_t pfn, unsigned order)
{
    const struct pageblock *pb = pageblock_of(z, pfn);

    if (order < z->pageblock_order)
        free_small(z, pfn, order, (enum migratetype)pb->type, pb->holder);
    else
        free_large(z, pfn, order);
}

/* Serve a request that no list of its own type can. */
static int rmqueue_fallback(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    if ((rq->flags & ALLOC_CMA) &&
        take_below(z, rq->domain, rq->order, MIGRATE_CMA, rq->flags, ret))
        return 0;
    if (rq->flags & ALLOC_CMA_ALONE) {
        z->failures++;
        return -ENOMEM;
    }
    if (fallback_claim(z, rq, ret))
        return 0;
    if (z->nr_domains > 1 && domain_pass(z, rq))
        return -EINPROGRESS;
    if (fallback_steal(z, rq, ret))
        return 0;
    /* Failing now is worse than failing a request of higher order later. */
    if ((rq->flags & (ALLOC_OOM | ALLOC_NON_BLOCK | ALLOC_GUARANTEED)) &&
        take_smallest(z, rq->domain, rq->order, MIGRATE_HIGHATOMIC, ret))
        return 0;
    z->failures++;
    return -ENOMEM;
}

/* What some requests are served from before their own type's lists. */
static bool take_special(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    const struct list_set *s = &z->set[rq->domain];
    pfn_t cma = s->nr_special[MIGRATE_CMA - NR_MOBILITIES];

    if ((rq->flags & ALLOC_HIGHATOMIC) && rq->order > 0 && !(rq->flags & ALLOC_CMA_ALONE) &&
        take_smallest(z, rq->domain, rq->order, MIGRATE_HIGHATOMIC, ret))
        return true;
    /* Balance movable memory between CMA areas and the rest: more than half of what is free. */
    return (rq->flags & ALLOC_CMA) && cma > domain_free_pages(z, rq->domain) / 2 &&
           take_below(z, rq->domain, rq->order, MIGRATE_CMA, rq->flags, ret);
}

/* Find a block for what the heads of the type's own lists do not serve as they are. */
static int find_block(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    enum migratetype type = list_type(z, rq->type);

    /* No pageblock is broken, and no other type's memory taken, while blocks of ours may be
     * resting. */
    if ((z->set[rq->domain].mask[type] & (order_pages(z->pageblock_order) - 1)) >> rq->order == 0)
        zone_settle(z);
    if (rq->flags & (ALLOC_HIGHATOMIC | ALLOC_CMA)) {
        free_arrivals(z); /* what is kept for some never rests, but may be on its way */
        if (take_special(z, rq, ret))
            return 0;
    }
    if (!(rq->flags & ALLOC_CMA_ALONE) &&
        take_below(z, rq->domain, rq->order, type, rq->flags, ret))
        return 0;
    return rmqueue_fallback(z, rq, ret);
}

/* Everything but a block of the very order that rests, or heads its type's own list. */
static NEVER_INLINE int rmqueue_slow(struct zone *z, const struct zone_request *rq, pfn_t *ret_pfn)
{
    struct found_block b;

    if ((rq->flags & ALLOC_CMA) && rq->type != MIGRATE_MOVABLE)
        return -EINVAL;
    do {
        int r = find_block(z, rq, &b);

        if (r < 0)
            return r;
        z->open_orders = 0;
        expand(z, &b, rq->order, rq->domain);
    } while (zone_debugged(z) && !debug_grant(z, rq, b.pfn));
    if (rq->order >= z->pageblock_order && b.type != MIGRATE_HIGHATOMIC)
        hold(z, rq->domain, b.type, order_pages(rq->order));
    unmovable_granted(z, b.pfn, rq->order, rq->type);
    grant(z, b.pfn, rq->order, rq->type, rq->tag);
    z->allocs++;
    *ret_pfn = b.pfn;
    return 0;
}

/** Blocks, and pages, that come to rest beside one that was granted from a list. */
#define REFILL_BLOCKS 8u
#define REFILL_PAGES  64u

/*
 * Nothing rests of an order and type: let some more of its list rest, for the requests that come
 * next (rmqueue_bulk). Not where nothing was freed since all that rested was merged.
 */
static void refill(struct zone *z, struct list_set *s, struct resting *r, unsigned order,
                   enum migratetype list)
{
    enum migratetype type = word_type(r->granted);
    pfn_t nr = REFILL_PAGES >> order;

    if (r->nr != 0)
        return;
    if (nr > REFILL_BLOCKS)
        nr = REFILL_BLOCKS;
    if (nr > s->list[list][order].nr)
        nr = s->list[list][order].nr;
    for (pfn_t i = nr; i-- > 0;) {
        r->pfn[i] = list_pop(z, s, list, order);
        unmovable_granted(z, r->pfn[i], order, type);
        word_store(word_at(z, r->pfn[i]), word_resting(r->granted));
    }
    r->nr = nr;
    s->nr_small -= nr << order;
    z->refilled += nr;
}

bool rmqueue_own(struct zone *z, struct list_set *s, unsigned order, enum migratetype type,
                 uint64_t tag, pfn_t *ret_pfn)
{
    enum migratetype list = list_type(z, type);
    uint32_t small = s->mask[list] & (order_pages(z->fast_orders) - 1);
    unsigned high;
    pfn_t pfn;

    if (small >> order == 0) {
        /* What was freed just now is better than what is whole. */
        free_arrivals(z);
        if (!rmqueue_resting(z, s, order, type, tag, ret_pfn))
            return false;
        z->aside++;
        return true;
    }
    high = order + (unsigned)__builtin_ctz(small >> order);
    pfn = list_pop(z, s, list, high);
    s->nr_small -= order_pages(order);
    z->open_orders = 0;
    if (high > order)
        free_halves(z, s, pfn, high, order, list);
    unmovable_granted(z, pfn, order, type);
    grant(z, pfn, order, type, tag);
    refill(z, s, resting_at(s, rest_index(order, type)), order, list);
    *ret_pfn = pfn;
    return true;
}

int zone_rmqueue(struct zone *z, const struct zone_request *rq, pfn_t *ret_pfn)
{
    struct list_set *s;

    if (rq->order > MAX_PAGE_ORDER || rq->type >= NR_MOBILITIES || rq->domain >= z->nr_domains ||
        rq->tag >> BLOCK_TAG_BITS != 0)
        return -EINVAL;
    s = &z->set[rq->domain];
    if (rq->flags & (ALLOC_HIGHATOMIC | ALLOC_CMA | ALLOC_SMALL))
        return rmqueue_slow(z, rq, ret_pfn);
    if (rmqueue_resting(z, s, rq->order, rq->type, rq->tag, ret_pfn))
        z->aside++;
    else if (!rmqueue_own(z, s, rq->order, rq->type, rq->tag, ret_pfn))
        return rmqueue_slow(z, rq, ret_pfn);
    z->allocs++;
    return 0;
}

int zone_split(struct zone *z, pfn_t pfn, uint64_t upper_tag)
{
    uint64_t w;
    unsigned order;
    pfn_t upper;

    if (pfn >= z->nr_pages || upper_tag >> BLOCK_TAG_BITS != 0)
        return -EINVAL;
    free_arrivals(z); /* frees that were put off are seen in the words */
    w = *word_at(z, pfn);
    if (word_state(w) == BLOCK_MOVING)
        return -EBUSY;
    if (word_state(w) != BLOCK_ALLOCATED || word_order(w) == 0)
        return -EINVAL;
    order = word_order(w) - 1;
    upper = pfn + order_pages(order);
    if (order >= z->pageblock_order)
        pageblock_of(z, upper)->type = pageblock_of(z, pfn)->type;
    else if (order + 1 == z->pageblock_order)
        pageblock_of(z, pfn)->holder = pageblock_of(z, pfn)->resident;
    unrested_forget(z);
    unmovable_freed(z, pfn, order, word_type(w));
    unmovable_granted(z, upper, order, word_type(w));
    word_store(word_at(z, upper), word_make(BLOCK_ALLOCATED, order, word_type(w), upper_tag));
    word_store(word_at(z, pfn), word_make(BLOCK_ALLOCATED, order, word_type(w), word_tag(w)));
    if (zone_debugged(z))
        owner_split(z, pfn, order);
    return 0;
}
