/* SPDX-License-Identifier: Apache-2.0 */
/* resting_check.c: zone_check() for what rests, as long as it does. */
#include <errno.h>
#include <stdio.h>

#include "resting.h"

/* Where a block with this word may rest in a domain; NULL: the word, or the domain, is none. */
static const struct resting *place_of(const struct zone *z, unsigned domain, uint64_t w)
{
    if (domain >= z->nr_domains || word_type(w) >= NR_MOBILITIES)
        return NULL;
    return &z->set[domain].resting[word_rest_index(w)];
}

/* Does a block of this order and type rest here, may it, and does it only once? */
static bool rests_well(const struct zone *z, unsigned domain, const struct resting *r, uint32_t n)
{
    pfn_t pfn = r->pfn[n];
    uint64_t w;

    for (uint32_t i = 0; i < n; i++) {
        if (r->pfn[i] == pfn)
            return false;
    }
    if (pfn >= z->nr_pages)
        return false;
    w = *word_at(z, pfn);
    return word_state(w) == BLOCK_RESTING && pageblock_of(z, pfn)->resident == domain &&
           place_of(z, domain, w) == r && may_rest(z, pfn, word_type(w));
}

/* How many blocks rest in one place; UINT32_MAX: something is wrong there. */
static uint32_t count_place(const struct zone *z, unsigned domain, enum migratetype type,
                            unsigned order)
{
    const struct resting *r = &z->set[domain].resting[rest_index(order, type)];
    bool open = (z->set[domain].rests[type] >> order & 1u) != 0;

    if (!open && r->nr == RESTING_CLOSED)
        return 0;
    if (!open || r->nr > MAX_RESTING || !z->resting)
        return UINT32_MAX;
    for (uint32_t i = 0; i < r->nr; i++) {
        if (!rests_well(z, domain, r, i))
            return UINT32_MAX;
    }
    return r->nr;
}

/* Is what was granted again last granted still, and as what it rested? */
static bool unrested_is_good(const struct zone *z)
{
    const struct unrested *u = &z->unrested;
    uint64_t w;

    if (u->pfn == UNRESTED_NONE)
        return true;
    if (u->pfn >= z->nr_pages)
        return false;
    w = *word_at(z, (pfn_t)u->pfn);
    return word_state(w) == BLOCK_ALLOCATED &&
           u->from == place_of(z, pageblock_of(z, (pfn_t)u->pfn)->resident, w);
}

int resting_check(const struct zone *z, char *why, size_t size)
{
    const char *what = NULL;
    uint64_t nr = 0;

    for (unsigned i = 0; i < z->nr_domains * NR_MOBILITIES * REST_ORDERS; i++) {
        uint32_t n =
            count_place(z, i / (NR_MOBILITIES * REST_ORDERS),
                        (enum migratetype)(i / REST_ORDERS % NR_MOBILITIES), i % REST_ORDERS);

        if (n == UINT32_MAX)
            what = "one of the places where blocks rest is not what it should be";
        nr += n;
    }
    for (pfn_t pfn = 0; pfn < z->nr_pages; pfn += order_pages(word_order(*word_at(z, pfn))))
        nr -= word_state(*word_at(z, pfn)) == BLOCK_RESTING;
    if (!what && nr != 0)
        what = "blocks rest where nobody looks";
    if (!what && (!unrested_is_good(z) || z->nr_arrivals >= NR_ARRIVALS))
        what = "what was granted again last, or what arrives, is not noted as it should be";
    if (!what)
        return 0;
    if (why)
        (void)snprintf(why, size, "%s", what);
    return -EUCLEAN;
}
