/* SPDX-License-Identifier: Apache-2.0 */
/*
 * free.c: giving blocks back. Most of them rest at first, and are merged when somebody needs to see
 * what is really free.
 */
#include <errno.h>

#include "debug.h"
#include "resting.h"

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
    z->merged += nr;
    r->nr -= nr;
    for (unsigned i = 0; i < r->nr; i++)
        r->pfn[i] = r->pfn[i + nr];
}

static void free_resting_of(struct zone *z, struct list_set *s, enum migratetype type,
                            unsigned order)
{
    struct resting *r = &s->resting[rest_index(order, type)];

    s->rests[type] &= ~order_pages(order);
    free_oldest(z, r, type, order, r->nr);
    r->nr = RESTING_CLOSED;
}

/* Let a granted block rest that may. */
static void rest_somehow(struct zone *z, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);
    enum migratetype type = word_type(w);
    struct list_set *s = &z->set[pageblock_of(z, pfn)->resident]; /* its holder's, if it has one */
    struct resting *r = &s->resting[word_rest_index(w)];

    if (r->nr == RESTING_CLOSED) {
        s->rests[type] |= order_pages(word_order(w));
        z->resting = true;
        r->nr = 0;
    }
    /* Half of them stay, for the requests that come next. */
    if (r->nr == MAX_RESTING)
        free_oldest(z, r, type, word_order(w), MAX_RESTING / 2);
    rest(r, pfn, word_at(z, pfn), w);
    z->rested++;
}

/* Free what does not simply rest: a block in another type's pageblock, one too many, a busy one
 * (when its move ends). */
static NEVER_INLINE int free_slow(struct zone *z, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(w);

    if (word_state(w) == BLOCK_MOVING && !(w & WORD_FREE_PENDING)) {
        word_store(word_at(z, pfn), w | WORD_FREE_PENDING);
    } else if (word_state(w) != BLOCK_ALLOCATED) {
        return -EINVAL;
    } else if (may_rest(z, pfn, word_type(w))) {
        rest_somehow(z, pfn);
        return 0;
    } else {
        unmovable_freed(z, pfn, order, word_type(w));
        if (pb->type == MIGRATE_ISOLATE && pb->resident == 0)
            z->set[0].nr_stranded -= order_pages(order);
        unhold_block(z, pfn, order);
        release_block(z, pfn, order);
    }
    z->frees++;
    return 0;
}

/* Free a granted block if it is at home, and there is room. The caller counts it. */
static inline bool free_to_rest(struct zone *z, pfn_t pfn)
{
    uint64_t *word = word_at(z, pfn);
    uint64_t w = *word;
    struct resting *r;

    if (!USUALLY(word_is_at_home(w)))
        return false;
    r = resting_at(z->set, word_rest_index(w));
    if (!USUALLY(r->nr < MAX_RESTING))
        return false;
    rest(r, pfn, word, w);
    return true;
}

/* Is this the block that was granted again last, and may it rest where it did? Then it does. */
static inline bool free_unrested(struct zone *z, pfn_t pfn)
{
    struct resting *r;

    if (pfn != z->unrested.pfn)
        return false;
    r = z->unrested.from;
    unrested_forget(z);
    if (!USUALLY(r->nr < MAX_RESTING))
        return false;
    rest(r, pfn, word_at(z, pfn), r->granted);
    z->rested++;
    return true;
}

/* Those arrivals that do not simply rest. */
static NEVER_INLINE void free_others(struct zone *z, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        if (free_slow(z, z->arrival[i]) < 0)
            z->bad_frees++;
    }
}

/*
 * All in one go, and what does not simply rest behind the others: so their words are loaded side by
 * side, and the processor learns where each of them comes to rest long before the next requests ask
 * what rests there.
 */
void free_arrivals(struct zone *z)
{
    unsigned nr = z->nr_arrivals, nr_left = 0;

    z->nr_arrivals = 0;
    for (unsigned i = 0; i < nr; i++) {
        if (!USUALLY(free_to_rest(z, z->arrival[i])))
            z->arrival[nr_left++] = z->arrival[i];
    }
    z->rested += nr - nr_left;
    if (nr_left > 0)
        free_others(z, nr_left);
}

int zone_free(struct zone *z, pfn_t pfn)
{
    if (free_unrested(z, pfn))
        return 0;
    if (pfn >= z->nr_pages)
        return -EINVAL;
    if (!free_to_rest(z, pfn))
        return free_slow(z, pfn);
    z->rested++;
    return 0;
}

void zone_free_later(struct zone *z, pfn_t pfn)
{
    if (USUALLY(free_unrested(z, pfn)))
        return;
    if (!USUALLY(pfn < z->nr_pages)) {
        z->bad_frees++;
        return;
    }
    __builtin_prefetch(word_at(z, pfn), 1);
    z->arrival[z->nr_arrivals] = pfn;
    if (++z->nr_arrivals == NR_ARRIVALS)
        free_arrivals(z);
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
