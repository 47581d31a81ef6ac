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
 * - an unmovable request claims and steals where most of them lie already; where it steals beside
 *   many, the pageblock becomes UNMOVABLE, so that what is freed there next serves others of them;
 * - other requests steal where none lie, else where at most half of the pages are unmovable, and
 *   of those blocks the smallest, so that large ones last;
 * - a movable request does not claim a pageblock that holds more unmovable pages than movable ones;
 * - what is free beside few unmovable pages, or in a MOVABLE pageblock beside any, is granted last
 *   (see init_granted_last()).
 * Whether there is a block to steal does not depend on that: nothing is refused that Linux would
 * grant from the same free blocks.
 */
#include "free_list.h"

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

/* A block that may be granted lies in a pageblock that becomes another type. */
static void leave_home(struct zone *z, pfn_t pfn)
{
    uint64_t *word = word_at(z, pfn);

    if (word_is_at_home(*word))
        word_store(word, *word & ~WORD_HOME);
}

void retype(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type)
{
    struct pageblock *pb = pageblock_of(z, pfn);
    pfn_t nr = order_pages(order - z->pageblock_order);

    z->nr_pageblocks[pb->type] -= nr;
    z->nr_pageblocks[type] += nr;
    pb->type = (uint8_t)type;
    leave_home(z, pfn);
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

        leave_home(z, pfn);
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE)
            continue;
        list_del(z, s, from, order, pfn);
        list_add_tail(z, s, to, order, pfn);
        *small_count(s, from) -= order_pages(order);
        *small_count(s, to) += order_pages(order);
    }
    retype(z, start, z->pageblock_order, to);
}

/* Only if at least half of the pageblock is free or of like mobility. */
static bool is_worth_claiming(const struct zone *z, enum migratetype wanted,
                              const struct found_block *donor)
{
    pfn_t pages = order_pages(z->pageblock_order);
    pfn_t start = donor->pfn & ~(pages - 1);
    struct occupancy n = count_pageblock(z, start);
    pfn_t alike = 0;

    if (wanted == MIGRATE_MOVABLE)
        alike = n.movable;
    else if (donor->type == MIGRATE_MOVABLE)
        alike = pages - n.free - n.movable;
    if (n.free + alike < pages / 2)
        return false;
    return z->kernel_rules || wanted != MIGRATE_MOVABLE ||
           pageblock_of(z, start)->nr_unmovable <= n.movable;
}

/* try_to_claim_block, below a pageblock. */
static bool claim_broken(struct zone *z, const struct zone_request *rq,
                         const struct found_block *donor, struct found_block *ret)
{
    if (zone_boost_watermark(z) && (rq->flags & ALLOC_KSWAPD))
        z->boosted = true;
    if (!is_worth_claiming(z, rq->type, donor))
        return false;
    retype_broken(z, donor->pfn & ~(order_pages(z->pageblock_order) - 1), rq->type);
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

/** Entries of one list that are looked at, so that the work is bounded. With much fewer the block
 * that spoils least is missed: lists of small orders are long, and not all that is free beside
 * unmovable pages is at their end. */
#define LIST_LOOKS 64u

/* The best block so far. */
struct candidate {
    struct found_block block;
    uint32_t nr_unmovable; /* in its pageblock */
};

/* What a page that can move takes from unmovable ones: nothing, room among few, or among many. */
static unsigned lost_room(const struct zone *z, uint32_t nr_unmovable)
{
    return nr_unmovable == 0 ? 0 : nr_unmovable <= order_pages(z->pageblock_order) / 2 ? 1 : 2;
}

/*
 * An unmovable request goes where most unmovable pages lie, whatever it breaks; of equals it takes
 * the largest, so that the next one finds room beside it. Others spare room, but large blocks, too:
 * a few pages more or less are not worth one. Lists come in ascending order.
 */
static bool is_better(const struct zone *z, const struct candidate *c, const struct candidate *best,
                      enum migratetype wanted)
{
    unsigned lost, least;

    if (best->block.pfn == PFN_NONE)
        return true;
    if (wanted == MIGRATE_UNMOVABLE) {
        if (c->nr_unmovable != best->nr_unmovable)
            return c->nr_unmovable > best->nr_unmovable;
        return c->block.order > best->block.order;
    }
    lost = lost_room(z, c->nr_unmovable);
    least = lost_room(z, best->nr_unmovable);
    if (lost != least)
        return lost < least;
    return c->block.order == best->block.order && c->nr_unmovable < best->nr_unmovable;
}

/* From the tail, where blocks of pageblocks with unmovable pages are put. */
static void look_at_list(const struct zone *z, struct found_block b, enum migratetype wanted,
                         struct candidate *best)
{
    const struct free_list *l = &z->set[b.set].list[b.type][b.order];

    b.pfn = l->tail;
    for (unsigned n = 0; n < l->nr && n < LIST_LOOKS; n++) {
        struct candidate c = {b, pageblock_of(z, b.pfn)->nr_unmovable};

        if (is_better(z, &c, best, wanted))
            *best = c;
        b.pfn = word_prev(*word_at(z, b.pfn));
    }
}

/* Of the blocks of these orders the one whose pageblock is spoilt least. */
static struct found_block find_mildest(const struct zone *z, const struct zone_request *rq,
                                       uint32_t orders)
{
    struct candidate best = {.block.pfn = PFN_NONE};

    for (; orders != 0; orders &= orders - 1) {
        unsigned order = (unsigned)__builtin_ctz(orders);

        for (unsigned i = 0; i < NR_MOBILITIES - 1; i++) {
            struct found_block b = {0, order, fallbacks[rq->type][i], rq->domain};

            look_at_list(z, b, rq->type, &best);
        }
    }
    return best.block;
}

/* Orders from which a request may be served that falls back, from min_order on. */
static uint32_t donor_orders(const struct zone *z, const struct zone_request *rq,
                             unsigned min_order)
{
    const struct list_set *s = &z->set[rq->domain];
    uint32_t donors = s->mask[fallbacks[rq->type][0]] | s->mask[fallbacks[rq->type][1]];

    if (!z->grouping)
        return 0;
    donors &= ~(order_pages(min_order) - 1u);
    if (rq->flags & ALLOC_SMALL)
        donors &= order_pages(z->pageblock_order) - 1u;
    return donors;
}

static uint32_t claim_orders(const struct zone *z, const struct zone_request *rq)
{
    unsigned min_order = rq->order;

    if ((rq->flags & ALLOC_NOFRAGMENT) && min_order < z->pageblock_order)
        min_order = z->pageblock_order;
    return donor_orders(z, rq, min_order);
}

/* The donor of an order: the head of the list that is preferred. */
static struct found_block claim_donor(const struct zone *z, const struct zone_request *rq,
                                      unsigned order)
{
    const struct list_set *s = &z->set[rq->domain];
    unsigned i = s->mask[fallbacks[rq->type][0]] >> order & 1u ? 0 : 1;
    enum migratetype type = fallbacks[rq->type][i];

    return (struct found_block){s->list[type][order].head, order, type, rq->domain};
}

/*
 * For an unmovable request: the block whose pageblock holds most unmovable pages, if the rule of
 * halves lets that be claimed. Returns false when there is none.
 */
static bool find_beside(const struct zone *z, const struct zone_request *rq, uint32_t donors,
                        struct found_block *ret)
{
    donors &= order_pages(z->pageblock_order) - 1u;
    if (z->kernel_rules || rq->type != MIGRATE_UNMOVABLE || donors == 0)
        return false;
    *ret = find_mildest(z, rq, donors);
    return pageblock_of(z, ret->pfn)->nr_unmovable != 0 && is_worth_claiming(z, rq->type, ret);
}

bool fallback_can_claim(const struct zone *z, const struct zone_request *rq)
{
    uint32_t donors = claim_orders(z, rq);
    struct found_block beside;

    if (find_beside(z, rq, donors, &beside))
        return true;
    for (; donors != 0; donors &= ~(1u << highest_order(donors))) {
        struct found_block donor = claim_donor(z, rq, highest_order(donors));

        if (!may_claim(z, donor.order, rq->type))
            return false;
        if (donor.order >= z->pageblock_order || is_worth_claiming(z, rq->type, &donor))
            return true;
    }
    return false;
}

bool fallback_can_steal(const struct zone *z, const struct zone_request *rq)
{
    return !(rq->flags & ALLOC_NOFRAGMENT) && donor_orders(z, rq, rq->order) != 0;
}

bool fallback_claim(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    uint32_t donors = claim_orders(z, rq);
    struct found_block beside;

    if (find_beside(z, rq, donors, &beside) && claim_broken(z, rq, &beside, ret))
        return true;
    for (; donors != 0; donors &= ~(1u << highest_order(donors))) {
        struct found_block donor = claim_donor(z, rq, highest_order(donors));

        if (!may_claim(z, donor.order, rq->type))
            return false;
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

/*
 * Do so many unmovable pages lie here that the pageblock shall be UNMOVABLE? Then pages of others
 * that are freed here serve the next unmovable requests. Not beside the first few: pageblocks that
 * hold hardly any would change hands to and fro. Whole pageblocks are claimed, and never stolen.
 */
static bool shall_be_unmovable(const struct zone *z, pfn_t pfn)
{
    return pageblock_of(z, pfn)->nr_unmovable >= order_pages(z->pageblock_order) / 8;
}

bool fallback_steal(struct zone *z, const struct zone_request *rq, struct found_block *ret)
{
    struct list_set *s = &z->set[rq->domain];
    uint32_t donors = donor_orders(z, rq, rq->order);
    struct found_block donor;

    if (donors == 0 || (rq->flags & ALLOC_NOFRAGMENT))
        return false;
    donor = z->kernel_rules ? find_smallest(s, rq, donors) : find_mildest(z, rq, donors);
    *ret = donor;
    if (!z->kernel_rules && rq->type == MIGRATE_UNMOVABLE && shall_be_unmovable(z, donor.pfn)) {
        retype_broken(z, donor.pfn & ~(order_pages(z->pageblock_order) - 1), MIGRATE_UNMOVABLE);
        ret->type = MIGRATE_UNMOVABLE;
    }
    list_del(z, s, ret->type, ret->order, ret->pfn);
    notify(z, rq, &donor, false);
    return true;
}
