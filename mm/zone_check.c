/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_check.c: every invariant of a zone, verified by two walks.
 *
 * First from block to block over the words, then along each list; that both count the same blocks,
 * and that each list's links are consistent, shows that every free block is on exactly one list.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "marks.h"
#include "resting.h"

/* What the walk over the words adds up. */
struct census {
    const struct zone *z;
    char *why;
    size_t size;
    pfn_t free_blocks;
    pfn_t large;
    pfn_t busy;
    pfn_t unbacked;
    pfn_t bad;
    pfn_t targets;
    pfn_t moving;
    uint64_t target_squares; /* each target belongs to one moving block: sums of squares agree */
    uint64_t moving_squares;
    pfn_t pageblocks[NR_MIGRATETYPES];
    pfn_t small[MAX_DOMAINS];
    pfn_t special[MAX_DOMAINS][NR_SPECIAL];
    pfn_t populating[MAX_DOMAINS];
};

__attribute__((format(printf, 2, 3))) static int broken(const struct census *c, const char *format,
                                                        ...)
{
    va_list args;

    if (c->why) {
        va_start(args, format);
        (void)vsnprintf(c->why, c->size, format, args);
        va_end(args);
    }
    return -EUCLEAN;
}

static int check_free_small(struct census *c, pfn_t pfn, uint64_t w)
{
    const struct zone *z = c->z;
    const struct pageblock *pb = pageblock_of(z, pfn);
    uint64_t buddy = *word_at(z, pfn ^ order_pages(word_order(w)));

    if (word_is_free(buddy, word_order(w)))
        return broken(c, "free block %u of order %u is not merged with its buddy", pfn,
                      word_order(w));
    if (type_merges((enum migratetype)pb->type))
        c->small[pb->holder] += order_pages(word_order(w));
    else
        c->special[pb->holder][pb->type - NR_MOBILITIES] += order_pages(word_order(w));
    return 0;
}

static int check_free_large(struct census *c, pfn_t pfn, uint64_t w)
{
    const struct zone *z = c->z;
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(w);
    pfn_t buddy = pfn ^ order_pages(order);

    if (order < MAX_PAGE_ORDER && buddy < z->nr_pages && word_is_free(*word_at(z, buddy), order)) {
        const struct pageblock *other = pageblock_of(z, buddy);

        if (other->resident == pb->resident &&
            (other->type == pb->type || (type_merges((enum migratetype)other->type) &&
                                         type_merges((enum migratetype)pb->type))))
            return broken(c, "free block %u of order %u is not merged with its buddy", pfn, order);
    }
    if (type_merges((enum migratetype)pb->type))
        c->large += order_pages(order);
    else
        c->special[pb->resident][pb->type - NR_MOBILITIES] += order_pages(order);
    return 0;
}

/* An isolated pageblock knows what it was. A block's pageblocks are isolated together. */
static int check_isolation(const struct census *c, pfn_t pfn, const struct pageblock *pb,
                           bool isolated)
{
    if (isolated != (pb->type == MIGRATE_ISOLATE))
        return broken(c, "block %u is isolated in part", pfn);
    if (isolated ? pb->saved_type >= MIGRATE_ISOLATE : pb->saved_type != 0)
        return broken(c, "pageblock of pfn %u has saved type %u", pfn, pb->saved_type);
    return 0;
}

/* Nothing is granted or begun in an isolated pageblock, and what must stay was not isolated. */
static bool may_be_isolated(uint64_t w)
{
    switch (word_state(w)) {
    case BLOCK_ALLOCATED:
        return word_type(w) != MIGRATE_UNMOVABLE;
    case BLOCK_FREE:
    case BLOCK_MOVING:
        return true;
    default:
        return false;
    }
}

/* The pageblocks under a block of a pageblock or more. */
static int check_whole_pageblocks(struct census *c, pfn_t pfn, uint64_t w)
{
    const struct zone *z = c->z;
    const struct pageblock *pb = pageblock_of(z, pfn);
    pfn_t nr = order_pages(word_order(w) - z->pageblock_order);
    bool unbacked = word_state(w) == BLOCK_UNBACKED && !(w & WORD_BAD);
    int r;

    for (pfn_t i = 0; i < nr; i++) {
        if (pb[i].holder != DOMAIN_NONE)
            return broken(c, "pageblock of pfn %u is whole and has holder %u", pfn, pb[i].holder);
        if (unbacked ? pb[i].resident != DOMAIN_NONE : pb[i].resident >= z->nr_domains)
            return broken(c, "pageblock of pfn %u is resident in %u", pfn, pb[i].resident);
        if (word_state(w) != BLOCK_POPULATING && pb[i].resident != pb[0].resident)
            return broken(c, "block %u lies in two files", pfn);
        r = check_isolation(c, pfn, &pb[i], pb[0].type == MIGRATE_ISOLATE);
        if (r < 0)
            return r;
    }
    if (pb->type >= NR_MIGRATETYPES)
        return broken(c, "pageblock of pfn %u has type %u", pfn, pb->type);
    c->pageblocks[pb->type] += nr;
    return 0;
}

/* The pageblock that a smaller block begins. */
static int check_broken_pageblock(struct census *c, pfn_t pfn)
{
    const struct pageblock *pb = pageblock_of(c->z, pfn);

    if (pb->holder >= c->z->nr_domains || pb->resident != pb->holder)
        return broken(c, "pageblock of pfn %u has holder %u and is resident in %u", pfn, pb->holder,
                      pb->resident);
    if (pb->type >= NR_MIGRATETYPES)
        return broken(c, "pageblock of pfn %u has type %u", pfn, pb->type);
    if ((pfn & (order_pages(c->z->pageblock_order) - 1)) == 0)
        c->pageblocks[pb->type]++;
    return check_isolation(c, pfn, pb, pb->type == MIGRATE_ISOLATE);
}

static int check_state(struct census *c, pfn_t pfn, uint64_t w)
{
    const struct zone *z = c->z;
    pfn_t pages = order_pages(word_order(w));

    switch (word_state(w)) {
    case BLOCK_FREE:
        c->free_blocks++;
        return word_order(w) < z->pageblock_order ? check_free_small(c, pfn, w)
                                                  : check_free_large(c, pfn, w);
    case BLOCK_MOVING:
        if (w & WORD_ELSEWHERE)
            return 0;
        c->moving++;
        c->moving_squares += word_tag(w) * word_tag(w);
        if (word_tag(w) >= z->nr_pages ||
            word_state(*word_at(z, (pfn_t)word_tag(w))) != BLOCK_TARGET ||
            word_order(*word_at(z, (pfn_t)word_tag(w))) != word_order(w))
            return broken(c, "block %u moves to %u, which is no target of its order", pfn,
                          (unsigned)word_tag(w));
        return 0;
    case BLOCK_TARGET:
        c->busy += pages;
        if (w & WORD_ELSEWHERE)
            return 0;
        c->targets++;
        c->target_squares += (uint64_t)pfn * pfn;
        return 0;
    case BLOCK_POPULATING:
        c->busy += pages;
        if (word_order(w) < z->pageblock_order || word_tag(w) >= z->nr_domains)
            return broken(c, "block %u of order %u is populated for domain %u", pfn, word_order(w),
                          (unsigned)word_tag(w));
        c->populating[word_tag(w)] += pages;
        return 0;
    case BLOCK_UNBACKED:
        if (w == word_bad(word_order(w))) {
            c->bad += pages;
            return 0;
        }
        c->unbacked++;
        if (word_order(w) != z->pageblock_order)
            return broken(c, "unbacked block %u has order %u", pfn, word_order(w));
        return 0;
    default:
        return word_state(w) == BLOCK_ALLOCATED
                   ? 0
                   : broken(c, "block %u has state %u", pfn, word_state(w));
    }
}

static int check_block(struct census *c, pfn_t pfn)
{
    const struct zone *z = c->z;
    uint64_t w = *word_at(z, pfn);
    unsigned order = word_order(w);
    int r;

    if (word_state(w) == BLOCK_NONE)
        return broken(c, "pfn %u should begin a block and does not", pfn);
    if (order > MAX_PAGE_ORDER || (pfn & (order_pages(order) - 1)) != 0 ||
        order_pages(order) > z->nr_pages - pfn)
        return broken(c, "block %u of order %u is not aligned, or leaves the zone", pfn, order);
    if (word_state(w) != BLOCK_FREE &&
        (word_type(w) >= NR_MIGRATETYPES || (w & WORD_RESERVED) != 0 ||
         ((w & WORD_FREE_PENDING) != 0 && word_state(w) != BLOCK_MOVING) ||
         ((w & WORD_ELSEWHERE) != 0 && word_state(w) != BLOCK_MOVING &&
          word_state(w) != BLOCK_TARGET) ||
         ((w & WORD_BAD) != 0 && w != word_bad(order))))
        return broken(c, "block %u has type %u, or flags that it cannot have", pfn, word_type(w));
    if (word_state(w) != BLOCK_FREE && (w & WORD_HOME) != 0 &&
        (word_state(w) != BLOCK_ALLOCATED || pageblock_of(z, pfn)->resident != 0 ||
         !may_rest(z, pfn, word_type(w))))
        return broken(c, "block %u of type %u is not at home in a pageblock of type %u", pfn,
                      word_type(w), pageblock_of(z, pfn)->type);
    for (pfn_t i = 1; i < order_pages(order); i++) {
        if (*word_at(z, pfn + i) != 0)
            return broken(c, "pfn %u inside block %u of order %u has a word", pfn + i, pfn, order);
    }
    r = order < z->pageblock_order ? check_broken_pageblock(c, pfn)
                                   : check_whole_pageblocks(c, pfn, w);
    if (r < 0)
        return r;
    if (pageblock_of(z, pfn)->type == MIGRATE_ISOLATE && !may_be_isolated(w))
        return broken(c, "block %u of state %u, type %u is in an isolated pageblock", pfn,
                      word_state(w), word_type(w));
    return check_state(c, pfn, w);
}

/* Does this block belong on this list, behind prev? */
static int check_entry(const struct census *c, unsigned set, enum migratetype type, unsigned order,
                       pfn_t pfn, pfn_t prev)
{
    const struct pageblock *pb;

    if (pfn >= c->z->nr_pages)
        return broken(c, "list of set %u, type %u, order %u leads out of the zone, to %u", set,
                      type, order, pfn);
    pb = pageblock_of(c->z, pfn);
    if (!word_is_free(*word_at(c->z, pfn), order) || pb->type != type ||
        (order < c->z->pageblock_order ? pb->holder : pb->resident) != set)
        return broken(c, "block %u does not belong on the list of set %u, type %u, order %u", pfn,
                      set, type, order);
    if (word_prev(*word_at(c->z, pfn)) != prev)
        return broken(c, "block %u is linked back to %u, not to %u", pfn,
                      word_prev(*word_at(c->z, pfn)), prev);
    return 0;
}

/* One list: links both ways, and each entry a free block that belongs here. */
static int check_list(const struct census *c, unsigned set, enum migratetype type, unsigned order)
{
    const struct zone *z = c->z;
    const struct free_list *l = &z->set[set].list[type][order];
    pfn_t pfn = l->head, prev = pfn;

    if ((z->set[set].mask[type] >> order & 1u) != (l->nr != 0))
        return broken(c, "mask of set %u, type %u is wrong for order %u", set, type, order);
    for (pfn_t i = 0; i < l->nr; i++) {
        int r = check_entry(c, set, type, order, pfn, prev);

        if (r < 0)
            return r;
        prev = pfn;
        pfn = word_next(*word_at(z, pfn));
        if (pfn == prev && i + 1 < l->nr)
            return broken(c, "list of set %u, type %u, order %u ends after %u blocks, says %u", set,
                          type, order, i + 1, l->nr);
    }
    if (l->nr != 0 && (prev != l->tail || pfn != prev))
        return broken(c, "list of set %u, type %u, order %u does not end at its tail after %u", set,
                      type, order, l->nr);
    return 0;
}

/* What is counted in each pageblock: the granted UNMOVABLE blocks that begin there. */
static int check_unmovable(const struct census *c)
{
    const struct zone *z = c->z;
    pfn_t pages = order_pages(z->pageblock_order);

    for (pfn_t start = 0; start < z->nr_pages; start += pages) {
        uint32_t nr = 0;

        for (pfn_t pfn = start; pfn < start + pages; pfn++) {
            uint64_t w = *word_at(z, pfn);

            if (word_state(w) == BLOCK_ALLOCATED && word_type(w) == MIGRATE_UNMOVABLE)
                nr += z->grouping ? order_pages(word_order(w)) : 0;
        }
        if (pageblock_of(z, start)->nr_unmovable != nr)
            return broken(c, "%u unmovable pages begin in the pageblock of pfn %u, it says %u", nr,
                          start, pageblock_of(z, start)->nr_unmovable);
    }
    return 0;
}

static int check_lists(const struct census *c)
{
    pfn_t nr_entries = 0;

    for (unsigned s = 0; s < c->z->nr_domains; s++) {
        for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
            for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
                int r = check_list(c, s, (enum migratetype)t, o);

                if (r < 0)
                    return r;
                nr_entries += c->z->set[s].list[t][o].nr;
            }
        }
    }
    if (nr_entries != c->free_blocks)
        return broken(c, "%u blocks are free, %u are on lists", c->free_blocks, nr_entries);
    return 0;
}

static int check_counts(const struct census *c)
{
    const struct zone *z = c->z;

    for (unsigned s = 0; s < z->nr_domains; s++) {
        if (c->small[s] != z->set[s].nr_small)
            return broken(c, "set %u has %u small free pages, says %u", s, c->small[s],
                          z->set[s].nr_small);
        for (unsigned t = 0; t < NR_SPECIAL; t++) {
            if (c->special[s][t] != z->set[s].nr_special[t])
                return broken(c, "set %u has %u free pages of type %u, says %u", s,
                              c->special[s][t], t + NR_MOBILITIES, z->set[s].nr_special[t]);
        }
        if (c->populating[s] != z->set[s].nr_populating)
            return broken(c, "%u pages are on their way to domain %u, its set says %u",
                          c->populating[s], s, z->set[s].nr_populating);
    }
    for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
        if (c->pageblocks[t] != z->nr_pageblocks[t])
            return broken(c, "%u pageblocks are of type %u, the zone says %u", c->pageblocks[t], t,
                          z->nr_pageblocks[t]);
    }
    if (c->large != z->nr_large)
        return broken(c, "%u pages are in large free blocks, the zone says %u", c->large,
                      z->nr_large);
    if (c->busy != z->nr_busy)
        return broken(c, "%u pages are busy, the zone says %u", c->busy, z->nr_busy);
    if (c->unbacked != z->nr_unbacked)
        return broken(c, "%u pageblocks are unbacked, the zone says %u", c->unbacked,
                      z->nr_unbacked);
    if (c->bad != z->nr_bad)
        return broken(c, "%u pages are bad, the zone says %u", c->bad, z->nr_bad);
    if (c->moving != c->targets || c->moving_squares != c->target_squares)
        return broken(c, "%u blocks move to %u targets", c->moving, c->targets);
    return 0;
}

/* Behind the zone's end there is nothing, so that it can grow. */
static int check_behind(const struct census *c)
{
    const struct zone *z = c->z;

    if (z->nr_pages > z->max_pages)
        return broken(c, "the zone has %u pages, and room for %u", z->nr_pages, z->max_pages);
    for (pfn_t pfn = z->nr_pages; pfn < z->max_pages; pfn++) {
        const struct pageblock *pb = pageblock_of(z, pfn);

        if (*word_at(z, pfn) != 0 || (pb->type | pb->resident | pb->holder | pb->saved_type) != 0)
            return broken(c, "pfn %u behind the zone's end has a word, or a pageblock", pfn);
    }
    return 0;
}

/* What may be granted without asking above_low(). */
static int check_open(const struct census *c)
{
    const struct zone *z = c->z;

    for (unsigned t = 0; t < NR_MOBILITIES && z->open_orders > 0; t++) {
        if (z->boosted || !above_low(z, &z->set[0], z->open_orders - 1u, (enum migratetype)t))
            return broken(c, "the zone is open for orders below %u, and is low for type %u",
                          z->open_orders, t);
    }
    return 0;
}

int zone_check(struct zone *z, char *why, size_t size)
{
    struct census c = {.z = z, .why = why, .size = size};
    pfn_t pfn = 0;
    int r = check_open(&c);

    if (r == 0)
        r = resting_check(z, why, size);
    if (r < 0)
        return r;
    zone_settle(z);
    while (pfn < z->nr_pages) {
        r = check_block(&c, pfn);
        if (r < 0)
            return r;
        pfn += order_pages(word_order(*word_at(z, pfn)));
    }
    r = check_behind(&c);
    if (r == 0)
        r = check_lists(&c);
    if (r == 0)
        r = check_unmovable(&c);
    if (r < 0)
        return r;
    r = check_counts(&c);
    return r < 0 ? r : held_check(z, why, size);
}
