/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fallback.c: serving a request from memory of another type, so that types stay apart.
 *
 * As Linux 6.16: first claim whole pageblocks, largest donor first, so that the next requests of
 * the type find room there; only when nothing can be claimed steal a single block.
 *
 * Which block that is decides how many pageblocks can never be emptied: one unmovable page spoils a
 * pageblock, and all others that come to lie beside it spoil nothing more. Linux does not look
 * where a block lies. Here a pageblock counts its unmovable pages:
 * - an unmovable request steals where most of them lie already, a movable one where fewest do;
 * - so it claims, of the blocks of an order;
 * - a movable request does not claim a pageblock that holds more unmovable pages than movable ones;
 * - what is free beside few unmovable pages, or in a MOVABLE pageblock beside any, is granted last
 *   (see init_granted_last()).
 * Whether there is a block to steal does not depend on that: nothing is refused that Linux would
 * grant from the same free blocks.
 */
#include "zone_internal.h"

static const enum migratetype fallbacks[NR_MOBILITIES][NR_MOBILITIES - 1] = {
    [MIGRATE_UNMOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE},
    [MIGRATE_MOVABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
    [MIGRATE_RECLAIMABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE},
};

static void notify(struct zone *z, const struct zone_request *rq, const struct found_block *donor,
                   bool claimed)
{
    struct zone_fallback fb = {
        .order = rq->order,
        .fallback_order = donor->order,
        .wanted = rq->type,
        .donor = donor->type,
        .claimed = claimed,
        .pfn = donor->pfn,
    };

    if (claimed)
        z->claims++;
    else
        z->steals++;
    if (z->ops && z->ops->fallback)
        z->ops->fallback(z->ops_ctx, z, &fb);
}

void retype(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type)
{
    struct pageblock *pb = pageblock_of(z, pfn);
    pfn_t nr = order_pages(order - z->pageblock_order);

    z->nr_pageblocks[pb->type] -= nr;
    z->nr_pageblocks[type] += nr;
    pb->type = (uint8_t)type;
}

/* should_try_claim_block: is it worth a pageblock's type to serve the request from this order? */
static bool may_claim(const struct zone *z, unsigned order, enum migratetype wanted)
{
    return order >= z->pageblock_order / 2u || wanted != MIGRATE_MOVABLE;
}

struct occupancy {
    pfn_t free;
    pfn_t movable;
};

/* Walk the blocks of a broken pageblock. */
static struct occupancy count_pageblock(const struct zone *z, pfn_t start)
{
    struct occupancy n = {0, 0};
    pfn_t end = start + order_pages(z->pageblock_order);

    for (pfn_t pfn = start; pfn < end; pfn += order_pages(word_order(*word_at(z, pfn)))) {
        uint64_t w = *word_at(z, pfn);

        if (word_state(w) == BLOCK_FREE)
            n.free += order_pages(word_order(w));
        else if (word_type(w) == MIGRATE_MOVABLE)
            n.movable += order_pages(word_order(w));
    }
    return n;
}

void retype_broken(struct zone *z, pfn_t start, enum migratetype to)
{
    const struct pageblock *pb = pageblock_of(z, start);
    struct list_set *s = &z->set[pb->holder];
    enum migratetype from = (enum migratetype)pb->type;
    pfn_t end = start + order_pages(z->pageblock_order);

    for (pfn_t pfn = start; pfn < end; pfn += order_pages(word_order(*word_at(z, pfn)))) {
        unsigned order = word_order(*word_at(z, pfn));

        if (word_state(*word_at(z, pfn)) != BLOCK_FREE)
            continue;
        list_del(z, s, from, order, pfn);
        list_add_tail(z, s, to, order, pfn);
        *small_count(s, from) -= order_pages(order);
        *small_count(s, to) += order_pages(order);
    }
    retype(z, start, z->pageblock_order, to);
}

/* try_to_claim_block, below a pageblock: only if at least half of it is free or of like mobility.
 */
static bool claim_broken(struct zone *z, const struct zone_request *rq,
                         const struct found_block *donor, struct found_block *ret)
{
    pfn_t pages = order_pages(z->pageblock_order);
    pfn_t start = donor->pfn & ~(pages - 1);
    struct occupancy n = count_pageblock(z, start);
    pfn_t alike = 0;

    if (zone_boost_watermark(z) && (rq->flags & ALLOC_KSWAPD))
        z->boosted = true;
    if (rq->type == MIGRATE_MOVABLE)
        alike = n.movable;
    else if (donor->type == MIGRATE_MOVABLE)
        alike = pages - n.free - n.movable;
    if (n.free + alike < pages / 2)
        return false;
    if (!z->kernel_rules && rq->type == MIGRATE_MOVABLE &&
        pageblock_of(z, start)->nr_unmovable > n.movable)
        return false;
    retype_broken(z, start, rq->type);
    notify(z, rq, donor, true);
    return take_smallest(z, donor->set, rq->order, rq->type, ret);
}

/* A block of one pageblock or more: only as much of it changes its type as the request needs. */
static void claim_whole(struct zone *z, const struct zone_request *rq, struct found_block donor,
                        struct found_block *ret)
{
    unsigned low = rq->order > z->pageblock_order ? rq->order : z->pageblock_order;

    list_del(z, &z->set[donor.set], donor.type, donor.order, donor.pfn);
    expand(z, &donor, low, rq->domain);
    z->nr_large += order_pages(low); /* still free: the caller's expand() takes it */
    retype(z, donor.pfn, low, rq->type);
    notify(z, rq, &donor, true);
    *ret = donor;
    ret->order = low;
    ret->type = rq->type;
}

/** Entries of one list that are looked at: it must not cost more than the walk of a claim. */
#define LIST_LOOKS 16u

/* The best block so far. */
struct candidate {
    struct found_block block;
    uint32_t nr_unmovable; /* in its pageblock */
};

/* Of blocks that are equal in it an unmovable request takes the largest, so that the next one finds
 * room beside it, and a movable one the smallest. Lists come in ascending order. */
static bool is_better(const struct candidate *c, const struct candidate *best,
                      enum migratetype wanted)
{
    if (best->block.pfn == PFN_NONE)
        return true;
    if (wanted == MIGRATE_MOVABLE)
        return c->nr_unmovable < best->nr_unmovable;
    if (c->nr_unmovable != best->nr_unmovable)
        return c->nr_unmovable > best->nr_unmovable;
    return c->block.order > best->block.order;
}

/* From the tail, where blocks of pageblocks with unmovable pages are put. */
static void look_at_list(const struct zone *z, struct found_block b, enum migratetype wanted,
                         struct candidate *best)
{
    const struct free_list *l = &z->set[b.set].list[b.type][b.order];

    b.pfn = l->tail;
    for (unsigned n = 0; n < l->nr && n < LIST_LOOKS; n++) {
        struct candidate c = {b, pageblock_of(z, b.pfn)->nr_unmovable};

        if (is_better(&c, best, wanted))
            *best = c;
        b.pfn = word_prev(*word_at(z, b.pfn));
    }
}

/* The block of this order whose pageblock is tried: as in Linux the first one of the preferred
 * type; for an unmovable request one beside unmovable pages, if there is any. */
static struct found_block find_donor(const struct zone *z, const struct zone_request *rq,
                                     unsigned order)
{
    const struct list_set *s = &z->set[rq->domain];
    unsigned first = s->mask[fallbacks[rq->type][0]] >> order & 1u ? 0 : 1;
    enum migratetype type = fallbacks[rq->type][first];
    struct found_block b = {s->list[type][order].head, order, type, rq->domain};
    struct candidate best = {b, pageblock_of(z, b.pfn)->nr_unmovable};

    if (z->kernel_rules || rq->type != MIGRATE_UNMOVABLE || order >= z->pageblock_order)
        return b;
    for (unsigned i = 0; i < NR_MOBILITIES - 1; i++) {
        b.type = fallbacks[rq->type][i];
        look_at_list(z, b, rq->type, &best);
    }
    return best.block;
}

bool fallback_claim(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    const struct list_set *s = &z->set[rq->domain];
    unsigned min_order = rq->order;
    uint32_t donors;

    if (!z->grouping)
        return false;
    if ((rq->flags & ALLOC_NOFRAGMENT) && min_order < z->pageblock_order)
        min_order = z->pageblock_order;
    donors = s->mask[fallbacks[rq->type][0]] | s->mask[fallbacks[rq->type][1]];
    donors &= ~(order_pages(min_order) - 1u);
    for (; donors != 0; donors &= ~(1u << highest_order(donors))) {
        struct found_block donor;

        if (!may_claim(z, highest_order(donors), rq->type))
            return false;
        donor = find_donor(z, rq, highest_order(donors));
        if (donor.order >= z->pageblock_order) {
            claim_whole(z, rq, donor, ret);
            return true;
        }
        if (claim_broken(z, rq, &donor, ret))
            return true;
    }
    return false;
}

/* As Linux: the smallest block that serves, of the type that is preferred. */
static struct found_block find_smallest(const struct list_set *s, const struct zone_request *rq,
                                        uint32_t donors)
{
    unsigned order = (unsigned)__builtin_ctz(donors);
    unsigned i = s->mask[fallbacks[rq->type][0]] >> order & 1u ? 0 : 1;
    enum migratetype donor = fallbacks[rq->type][i];

    return (struct found_block){s->list[donor][order].head, order, donor, rq->domain};
}

static struct found_block find_mildest(const struct zone *z, const struct zone_request *rq,
                                       uint32_t donors)
{
    struct candidate best = {.block.pfn = PFN_NONE};

    for (; donors != 0; donors &= donors - 1) {
        unsigned order = (unsigned)__builtin_ctz(donors);

        for (unsigned i = 0; i < NR_MOBILITIES - 1; i++) {
            struct found_block b = {0, order, fallbacks[rq->type][i], rq->domain};

            look_at_list(z, b, rq->type, &best);
        }
    }
    return best.block;
}

bool fallback_steal(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    struct list_set *s = &z->set[rq->domain];
    uint32_t donors;

    if (!z->grouping || (rq->flags & ALLOC_NOFRAGMENT))
        return false;
    donors = s->mask[fallbacks[rq->type][0]] | s->mask[fallbacks[rq->type][1]];
    donors &= ~(order_pages(rq->order) - 1u);
    if (donors == 0)
        return false;
    *ret = z->kernel_rules || rq->type == MIGRATE_RECLAIMABLE ? find_smallest(s, rq, donors)
                                                              : find_mildest(z, rq, donors);
    list_del(z, s, ret->type, ret->order, ret->pfn);
    notify(z, rq, ret, false);
    return true;
}
