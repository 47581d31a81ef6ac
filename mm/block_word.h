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
 * bits  8-10  migratetype: of the list if free, asked for if allocated
 * bit   11    free pending: its owner freed it while it was busy
 * bits 16-63  tag: allocated, the owner's; free and a pageblock or more, the domain that it lies
 * in; moving, the pfn that it goes to; target, the owner's tag of the block that comes; populating,
 * the domain
 */
#define WORD_ORDER_SHIFT  3
#define WORD_TYPE_SHIFT   8
#define WORD_FREE_PENDING ((uint64_t)1 << 11)
#define WORD_RESERVED     ((uint64_t)0xf000)
#define WORD_TAG_SHIFT    16

static inline uint64_t word_make(enum block_state state, unsigned order, enum migratetype type,
                                 uint64_t tag)
{
    return (uint64_t)state | ((uint64_t)order << WORD_ORDER_SHIFT) |
           ((uint64_t)type << WORD_TYPE_SHIFT) | (tag << WORD_TAG_SHIFT);
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

static inline uint64_t word_tag(uint64_t w)
{
    return w >> WORD_TAG_SHIFT;
}

/** The same block in another state, nothing pending. */
static inline uint64_t word_with_state(uint64_t w, enum block_state state)
{
    return (w & ~((uint64_t)7 | WORD_FREE_PENDING)) | (uint64_t)state;
}

/** One store, which the compiler neither splits nor moves across another of these. */
static inline void word_store(uint64_t *word, uint64_t value)
{
    *(volatile uint64_t *)word = value;
}

#endif
