/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.h: the arithmetic of the marks, for the files of mm/ alone.
 *
 * It is inline, so that where the rights are known to be none, as in alloc_pages()'s fast path, one
 * sum and one comparison are left of it: the decision is the same everywhere by construction.
 */
#ifndef MM_MARKS_H
#define MM_MARKS_H

#include "mm/watermark.h"
#include "zone_internal.h"

/** mark_ok() */
static inline bool above_mark(int64_t free, int64_t mark, int64_t reserve, unsigned flags)
{
    if (flags & ALLOC_MIN_RESERVE) {
        mark -= mark / 2;
        if (flags & ALLOC_NON_BLOCK)
            mark -= mark / 4;
    }
    if (flags & ALLOC_OOM)
        mark -= mark / 2;
    return free > mark + reserve;
}

/**
 * Pages that are free for this request, its own but for one taken off (free_pages less
 * __zone_watermark_unusable_free).
 */
static inline int64_t usable_pages(const struct zone *z, const struct list_set *s, unsigned order,
                                   unsigned flags)
{
    int64_t n = (int64_t)s->nr_small + z->nr_large - ((int64_t)order_pages(order) - 1);

    if (flags & ALLOC_RESERVES)
        n += s->nr_special[MIGRATE_HIGHATOMIC - NR_MOBILITIES];
    if (flags & ALLOC_CMA)
        n += s->nr_special[MIGRATE_CMA - NR_MOBILITIES];
    return n;
}

/** Are enough pages free, however small the blocks are? mark: in pages; more: as if so many more
 * were free. */
static inline bool pages_ok(const struct zone *z, const struct list_set *s, unsigned order,
                            pfn_t mark, enum zone_kind class, unsigned flags, int64_t more)
{
    int64_t free = usable_pages(z, s, order, flags) + more;

    if (flags & ALLOC_NO_WATERMARKS)
        return free > 0;
    return above_mark(free, mark, z->lowmem_reserve[class], flags);
}

/** The class of requests of a mobility that say nothing about zones, but for whole GIGANTIC ones.
 */
static inline enum zone_kind mobility_class(enum migratetype type)
{
    return type == MIGRATE_MOVABLE ? ZONE_MOVABLE : ZONE_NORMAL;
}

/** Sum up what usual requests must leave at the low mark, for above_low(): to be called when a
 * mark, a reserve, a guarantee or what is stranded has risen. */
void zone_marks_changed(struct zone *z);

/**
 * pages_ok() at the low mark with its boost, for its mobility_class(), without rights, in one
 * comparison: the same inequality, with what depends on the zone alone summed up beforehand.
 */
static inline bool above_low(const struct zone *z, const struct list_set *s, unsigned order,
                             enum migratetype type)
{
    return (uint64_t)s->nr_small + z->nr_large >= z->low_needs[type] + order_pages(order);
}

/**
 * Note for which orders above_low() says yes to whatever mobility in domain 0: orders below
 * z->open_orders. What rests is not counted as free, so that grants from there leave this as it is;
 * whatever else takes free pages, raises a mark or boosts the zone, closes it first (0) or notes it
 * anew. A closed zone is asked with above_low().
 */
static inline void zone_open(struct zone *z)
{
    uint64_t pages = (uint64_t)z->set[0].nr_small + z->nr_large;
    unsigned orders = 0;

    if (pages > z->most_needed && !z->boosted)
        orders = 64u - (unsigned)__builtin_clzll(pages - z->most_needed);
    z->open_orders = (uint8_t)(orders < MAX_PAGE_ORDER ? orders : MAX_PAGE_ORDER);
}

#endif
