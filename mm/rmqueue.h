/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rmqueue.h: the grant of a block that is there as it is wanted, for the files of mm/ alone: shared
 * by zone_rmqueue() and alloc_pages(), inline in both.
 */
#ifndef MM_RMQUEUE_H
#define MM_RMQUEUE_H

#include "resting.h"

/** Write the word of a block that is granted. The caller counts it. */
static inline void grant(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type,
                         uint64_t tag)
{
    bool home = pageblock_of(z, pfn)->resident == 0 && may_rest(z, pfn, type);

    word_store(word_at(z, pfn),
               word_make(BLOCK_ALLOCATED, order, type, tag) | (home ? WORD_HOME : 0));
}

/** Grant the block that came last to rest here, if there is one. */
static inline bool unrest(struct zone *z, struct resting *r, uint64_t tag, pfn_t *ret_pfn)
{
    uint32_t nr = r->nr - 1;
    pfn_t pfn;

    if (!USUALLY(nr < MAX_RESTING)) /* there is none, or it is closed */
        return false;
    pfn = r->pfn[nr];
    r->nr = nr;
    z->unrested = (struct unrested){.pfn = pfn, .from = r};
    *ret_pfn = pfn;
    *word_at(z, pfn) = r->granted | tag << WORD_TAG_SHIFT; /* no order needed: see rest() */
    return true;
}

/** Grant the block of this order and type that was freed last, if one rests. */
static inline bool rmqueue_resting(struct zone *z, struct list_set *s, unsigned order,
                                   enum migratetype type, uint64_t tag, pfn_t *ret_pfn)
{
    return unrest(z, resting_at(s, rest_index(order, type)), tag, ret_pfn);
}

/**
 * Grant a block of less than a pageblock from the type's own lists, if it can be had without
 * breaking a pageblock, and needs no care. The caller counts it. Closes the zone: see zone_open().
 */
bool rmqueue_own(struct zone *z, struct list_set *s, unsigned order, enum migratetype type,
                 uint64_t tag, pfn_t *ret_pfn);

#endif
