/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block_word.h: the 8-byte word that each page has, meaningful at the head of a block, 0 inside
 * one.
 *
 * The words survive the daemon: whoever dies between two stores leaves words from which a walk from
 * block to block still finds every page once. Hence each change is made of single stores, in an
 * order that keeps the walk whole: what comes to lie inside a larger block is cleared after the
 * larger head is written, what comes to be a head is written before the larger head shrinks.
 */
#ifndef MM_BLOCK_WORD_H
#define MM_BLOCK_WORD_H

#include <stdbool.h>

#include "mm/zone.h"

/*
 * bits  0-2   enum block_state
 * bits  3-7   order
 * free:
 * bits  8-35  pfn of the next block on its list, or its own: it is the last
 * bits 36-63  pfn of the one before it, or its own: it is the first
 * else:
 * bits  8-10  migratetype that was asked for
 * bit   11    free pending: its owner freed it while it was busy
 * bit   12    unbacked: bad, out of use for good, and of any order
 * bit   13    moving, target: the other end lies in another zone
 * bit   14    allocated: at home; see WORD_HOME
 * bits 16-63  tag: allocated, the owner's; moving, the pfn that it goes to; target, the owner's tag
 * of the block that comes; populating, the domain; between zones moving keeps the owner's, and the
 * target has the place that the block comes from
 *
 * A free block has no type here: that of its (first) pageblock holds. So a list costs no memory of
 * its own, and a block, its buddy and both their links are mostly on one cache line.
 */
#define WORD_ORDER_SHIFT  3
#define WORD_TYPE_SHIFT   8
#define WORD_FREE_PENDING ((uint64_t)1 << 11)
#define WORD_BAD          ((uint64_t)1 << 12)
#define WORD_ELSEWHERE    ((uint64_t)1 << 13)
#define WORD_RESERVED     ((uint64_t)0x8000)
/**
 * The block was granted from a pageblock of its own type, in the file of domain 0: so it may rest
 * when it is freed, and nothing has to be looked up for that. Whoever changes the pageblock's type
 * takes the bit back. Where it is missing the pageblock says whether the block may rest: so who
 * takes over the words of a daemon that died simply clears it.
 */
#define WORD_HOME       ((uint64_t)1 << 14)
#define WORD_TAG_SHIFT  16
#define WORD_NEXT_SHIFT 8
#define WORD_PREV_SHIFT 36
#define WORD_LINK_MASK  ((uint64_t)PFN_MAX_PAGES - 1)

static inline uint64_t word_make(enum block_state state, unsigned order, enum migratetype type,
                                 uint64_t tag)
{
    return (uint64_t)state | ((uint64_t)order << WORD_ORDER_SHIFT) |
           ((uint64_t)type << WORD_TYPE_SHIFT) | (tag << WORD_TAG_SHIFT);
}

static inline uint64_t word_free(unsigned order, pfn_t next, pfn_t prev)
{
    return (uint64_t)BLOCK_FREE | ((uint64_t)order << WORD_ORDER_SHIFT) |
           ((uint64_t)next << WORD_NEXT_SHIFT) | ((uint64_t)prev << WORD_PREV_SHIFT);
}

/** A state of mm/'s own, never seen outside: free, but not merged yet. The links mean nothing. */
#define BLOCK_RESTING ((enum block_state)7)

/** The word of a granted block when it rests, from its own: but for the state, the order and the
 * type it means nothing. */
static inline uint64_t word_resting(uint64_t w)
{
    return w | (uint64_t)BLOCK_RESTING;
}

/** Does a free block of this order begin here? */
static inline bool word_is_free(uint64_t w, unsigned order)
{
    return (w & 0xff) == ((uint64_t)BLOCK_FREE | ((uint64_t)order << WORD_ORDER_SHIFT));
}

/** Does a granted block begin here that is at home? One comparison, for the hot path. */
static inline bool word_is_at_home(uint64_t w)
{
    return (w & (7 | WORD_HOME)) == ((uint64_t)BLOCK_ALLOCATED | WORD_HOME);
}

static inline pfn_t word_next(uint64_t w)
{
    return (pfn_t)(w >> WORD_NEXT_SHIFT & WORD_LINK_MASK);
}

static inline pfn_t word_prev(uint64_t w)
{
    return (pfn_t)(w >> WORD_PREV_SHIFT);
}

static inline uint64_t word_with_next(uint64_t w, pfn_t next)
{
    return (w & ~(WORD_LINK_MASK << WORD_NEXT_SHIFT)) | (uint64_t)next << WORD_NEXT_SHIFT;
}

static inline uint64_t word_with_prev(uint64_t w, pfn_t prev)
{
    return (w & ~(WORD_LINK_MASK << WORD_PREV_SHIFT)) | (uint64_t)prev << WORD_PREV_SHIFT;
}

static inline enum block_state word_state(uint64_t w)
{
    return (enum block_state)(w & 7);
}

static inline unsigned word_order(uint64_t w)
{
    return (unsigned)(w >> WORD_ORDER_SHIFT) & 31;
}

static inline enum migratetype word_type(uint64_t w)
{
    return (enum migratetype)((w >> WORD_TYPE_SHIFT) & 7);
}

/** Order and type of a granted block as one number: its rest_index(). */
static inline unsigned word_rest_index(uint64_t w)
{
    return (unsigned)(w >> WORD_ORDER_SHIFT) & 0xff;
}

static inline uint64_t word_tag(uint64_t w)
{
    return w >> WORD_TAG_SHIFT;
}

/** A block that was written to while it was free. UNMOVABLE: it never leaves. */
static inline uint64_t word_bad(unsigned order)
{
    return word_make(BLOCK_UNBACKED, order, MIGRATE_UNMOVABLE, 0) | WORD_BAD;
}

/** The same granted block in another state, nothing pending, and not known to be at home. */
static inline uint64_t word_with_state(uint64_t w, enum block_state state)
{
    return (w & ~((uint64_t)7 | WORD_FREE_PENDING | WORD_HOME)) | (uint64_t)state;
}

/** One store, which the compiler neither splits nor moves across another of these. */
static inline void word_store(uint64_t *word, uint64_t value)
{
    *(volatile uint64_t *)word = value;
}

#endif
