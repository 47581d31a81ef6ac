/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rmqueue.h: the grant of a block that is there as it is wanted, for the files of mm/ alone: shared
 * by zone_rmqueue() and alloc_pages(), inline in both.
 */
#ifndef MM_RMQUEUE_H
#define MM_RMQUEUE_H

#include "zone_internal.h"

/** Write the word of a block that is granted. The caller counts it. */
static inline void grant(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type,
                         uint64_t tag)
{
    word_store(word_at(z, pfn), word_make(BLOCK_ALLOCATED, order, type, tag));
}

/** Grant the block of this order and type that was freed last, if one rests. */
static inline bool rmqueue_resting(struct zone *z, struct list_set *s, unsigned order,
                                   enum migratetype type, uint64_t tag, pfn_t *ret_pfn)
{
    struct resting *r = resting_at(s, rest_index(order, type));
    uint64_t *word;
    pfn_t pfn;

    if (r->nr == 0)
        return false;
    pfn = unrest(r);
    word = word_at(z, pfn);
    z->unrested = (struct unrested){.pfn = pfn, .word = word, .from = r};
    *ret_pfn = pfn;
    word_store(word, r->granted | tag << WORD_TAG_SHIFT);
    return true;
}

/**
 * Grant a block of less than a pageblock from the type's own lists, if it can be had without
 * breaking a pageblock, and needs no care.
 */
bool rmqueue_own(struct zone *z, struct list_set *s, unsigned order, enum migratetype type,
                 uint64_t tag, pfn_t *ret_pfn);

#endif
