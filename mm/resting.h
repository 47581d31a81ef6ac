/* SPDX-License-Identifier: Apache-2.0 */
/* resting.h: blocks that were freed and not merged yet, for the files of mm/ alone: ADR 0018. */
#ifndef MM_RESTING_H
#define MM_RESTING_H

#include "zone_internal.h"

/** Where in list_set.resting the blocks of an order and type are. */
static inline unsigned rest_index(unsigned order, enum migratetype type)
{
    return (unsigned)type * REST_ORDERS + order;
}

/** One of several. One address, which the compiler does not take apart again. */
static inline struct resting *resting_from(struct resting *r, unsigned index)
{
    r += index;
    __asm__("" : "+r"(r));
    return r;
}

/** What rests of an order and type: see rest_index(). */
static inline struct resting *resting_at(struct list_set *s, unsigned index)
{
    return resting_from(s->resting, index);
}

/** Let a block rest, in r, which has room, and is that of its order and type. w: its word's, or
 * the low half of that. The caller counts it. */
static inline void rest(struct resting *r, pfn_t pfn, uint64_t *word, uint64_t w)
{
    uint32_t nr = r->nr;

    *word = word_resting(w); /* no order needed: the block stays one of its size */
    r->pfn[nr] = pfn;
    r->nr = nr + 1;
}

/** The block that was granted again last is not known any more, or has become another. */
static inline void unrested_forget(struct zone *z)
{
    z->unrested.pfn = UNRESTED_NONE;
}

/** May this granted block rest in its pageblock? Only among its like, see unmovable_granted(). */
static inline bool may_rest(const struct zone *z, pfn_t pfn, enum migratetype type)
{
    const struct pageblock *pb = pageblock_of(z, pfn);

    return type_merges((enum migratetype)pb->type) && z->may_rest &&
           (!z->grouping || type == pb->type);
}

/** zone_check() for what rests, before the zone is settled. */
int resting_check(const struct zone *z, char *why, size_t size);

#endif
