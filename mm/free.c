/* SPDX-License-Identifier: Apache-2.0 */
/*
 * free.c: giving blocks back. Most of them rest at first, and are merged when somebody needs to see
 * what is really free.
 */
#include <errno.h>

#include "debug.h"
#include "zone_internal.h"

/*
 * Free the nr blocks that have rested longest. What is next to them is fetched for all of them
 * first: in a large zone those are cache misses, which so are waited for together.
 */
static void free_oldest(struct zone *z, struct resting *r, enum migratetype type, unsigned order,
                        unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        pfn_t buddy = r->pfn[i] ^ order_pages(order);

        __builtin_prefetch(word_at(z, buddy), 1);
        __builtin_prefetch(word_at(z, (buddy & r->pfn[i]) ^ order_pages(order + 1)), 1);
    }
    for (unsigned i = 0; i < nr; i++) {
        unmovable_freed(z, r->pfn[i], order, type);
        unhold_block(z, r->pfn[i], order);
        free_block(z, r->pfn[i], order);
    }
    r->nr -= nr;
    for (unsigned i = 0; i < r->nr; i++)
        r->pfn[i] = r->pfn[i + nr];
}

static void free_resting_of(struct zone *z, struct list_set *s, enum migratetype type,
                            unsigned order)
{
    struct resting *r = &s->resting[rest_index(order, type)];

    s->rests[type] &= ~order_pages(order);
    r->max = 0;
    free_oldest(z, r, type, order, r->nr);
}

/* May this granted block rest in its pageblock? Only among its like, see unmovable_granted(). */
static bool may_rest(const struct zone *z, const struct pageblock *pb, uint64_t w)
{
    return type_merges((enum migratetype)pb->type) && z->may_rest &&
           (!z->grouping || word_type(w) == pb->type);
}

/* Free what cannot rest: a block in another type's pageblock, one too many, a busy one (when its
 * move ends). */
static NEVER_INLINE int free_slow(struct zone *z, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(w);

    if (word_state(w) == BLOCK_MOVING && !(w & WORD_FREE_PENDING)) {
        word_store(word_at(z, pfn), w | WORD_FREE_PENDING);
    } else if (word_state(w) != BLOCK_ALLOCATED) {
        return -EINVAL;
    } else if (!may_rest(z, pb, w)) {
        unmovable_freed(z, pfn, order, word_type(w));
        if (pb->type == MIGRATE_ISOLATE && pb->resident == 0)
            z->set[0].nr_stranded -= order_pages(order);
        unhold_block(z, pfn, order);
        release_block(z, pfn, order);
    } else {
        struct list_set *s = &z->set[order < z->pageblock_order ? pb->holder : pb->resident];

        struct resting *r = &s->resting[word_rest_index(w)];

        /* Half of them stay, for the requests that come next. */
        if (r->nr == MAX_RESTING)
            free_oldest(z, r, word_type(w), order, MAX_RESTING / 2);
        s->rests[word_type(w)] |= order_pages(order);
        z->resting = true;
        r->max = MAX_RESTING;
        rest(r, pfn, word_at(z, pfn), w);
    }
    z->frees++;
    return 0;
}

/* Free a granted block if it may rest, and there is room. */
static inline bool free_to_rest(struct zone *z, pfn_t pfn)
{
    uint64_t *word = word_at(z, pfn);
    const struct pageblock *pb = pageblock_of(z, pfn);
    uint64_t w = *word;
    struct resting *r;

    if (!USUALLY(word_is_granted(w, pb->type)))
        return false;
    /* A pageblock lies in its holder's file: so this is the set of small and large blocks. */
    r = resting_at(&z->set[pb->resident], word_rest_index(w));
    if (!USUALLY(r->nr < r->max))
        return false;
    z->frees++;
    rest(r, pfn, word, w);
    return true;
}

/* Is this the block that was granted again last, and may it rest where it did? Then it does. */
static inline bool free_unrested(struct zone *z, pfn_t pfn)
{
    struct resting *r = z->unrested.from;

    if (pfn != z->unrested.pfn)
        return false;
    z->unrested.pfn = PFN_NONE;
    if (!USUALLY(r->nr < r->max))
        return false;
    z->frees++;
    rest(r, pfn, z->unrested.word, r->granted);
    return true;
}

/* For a call at the very end of a hot path, which then need not save registers. */
static NEVER_INLINE void free_arrival_slow(struct zone *z, pfn_t pfn)
{
    if (free_slow(z, pfn) < 0)
        z->bad_frees++;
}

/* Free a block that has arrived; there may be none. */
static inline void free_arrival(struct zone *z, pfn_t pfn)
{
    if (USUALLY(pfn != PFN_NONE) && !USUALLY(free_to_rest(z, pfn)))
        free_arrival_slow(z, pfn);
}

void free_arrivals(struct zone *z)
{
    for (unsigned i = 0; i < NR_ARRIVALS; i++) {
        pfn_t *place = &z->arrival[z->next_arrival++ % NR_ARRIVALS];
        pfn_t pfn = *place;

        *place = PFN_NONE;
        free_arrival(z, pfn);
    }
}

int zone_free(struct zone *z, pfn_t pfn)
{
    if (free_unrested(z, pfn))
        return 0;
    if (pfn >= z->nr_pages)
        return -EINVAL;
    return free_to_rest(z, pfn) ? 0 : free_slow(z, pfn);
}

void zone_free_later(struct zone *z, pfn_t pfn)
{
    pfn_t *place;
    pfn_t oldest;

    if (USUALLY(free_unrested(z, pfn)))
        return;
    if (!USUALLY(pfn < z->nr_pages)) {
        z->bad_frees++;
        return;
    }
    __builtin_prefetch(word_at(z, pfn), 1);
    place = &z->arrival[z->next_arrival++ % NR_ARRIVALS];
    oldest = *place;
    *place = pfn;
    z->resting = true;
    free_arrival(z, oldest);
}

void free_resting(struct zone *z)
{
    free_arrivals(z);
    z->resting = false;
    unrested_forget(z);
    for (unsigned d = 0; d < z->nr_domains; d++) {
        struct list_set *s = &z->set[d];

        for (unsigned t = 0; t < NR_MOBILITIES; t++) {
            for (uint32_t m = s->rests[t]; m != 0; m &= m - 1)
                free_resting_of(z, s, (enum migratetype)t, (unsigned)__builtin_ctz(m));
        }
    }
}
