/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held.c: what a domain holds of a zone, and what of it is stranded.
 *
 * Stranded is what is granted in isolated pageblocks. When its owner frees it, it comes back to
 * nobody, but the owner's guarantee may be unmet again by as much: so guarantees count it as if it
 * were free already (guarantee.c). Of domain 0 these are granted pages, less what is moving away,
 * since that has its new place already; of others what is held, since that is what they are
 * charged.
 */
#include <errno.h>
#include <stdio.h>

#include "marks.h"
#include "range.h"

pfn_t zone_held_pages(struct zone *z, unsigned domain)
{
    zone_settle(z);
    return domain < z->nr_domains ? z->set[domain].nr_held : 0;
}

/* Pages of the block at pfn that are, or would be, stranded in an isolated pageblock. */
static pfn_t stranded_pages(const struct zone *z, pfn_t pfn, unsigned *ret_domain)
{
    uint64_t w = *word_at(z, pfn);
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(w);
    enum block_state state = word_state(w);

    *ret_domain = pb->resident;
    if (order < z->pageblock_order && pb->resident != 0)
        return (pfn & (order_pages(z->pageblock_order) - 1)) == 0 ? order_pages(z->pageblock_order)
                                                                  : 0;
    if (state == BLOCK_ALLOCATED || (state == BLOCK_MOVING && pb->resident != 0))
        return order_pages(order);
    return 0;
}

/* What is free in the range may have merged with what is isolated beside it. */
void strand_range(struct zone *z, pfn_t start, pfn_t end)
{
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        unsigned domain;
        pfn_t nr = stranded_pages(z, pfn, &domain);

        if (nr != 0)
            z->set[domain].nr_stranded += nr;
    }
    zone_marks_changed(z);
}

void unstrand_range(struct zone *z, pfn_t start, pfn_t end)
{
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        unsigned domain;
        pfn_t nr = stranded_pages(z, pfn, &domain);

        if (nr != 0)
            z->set[domain].nr_stranded -= nr;
    }
}

/* What of the block at pfn its domain holds. */
static pfn_t held_pages(const struct zone *z, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);
    const struct pageblock *pb = pageblock_of(z, pfn);
    pfn_t pages = order_pages(z->pageblock_order);

    if (word_order(w) < z->pageblock_order)
        return (pfn & (pages - 1)) == 0 ? pages : 0;
    switch (word_state(w)) {
    case BLOCK_ALLOCATED:
    case BLOCK_MOVING:
    case BLOCK_TARGET:
        return order_pages(word_order(w));
    case BLOCK_FREE:
        return pb->type == MIGRATE_HIGHATOMIC ? order_pages(word_order(w)) : 0;
    default:
        return 0;
    }
}

int held_check(const struct zone *z, char *why, size_t size)
{
    pfn_t held[MAX_DOMAINS] = {0}, stranded[MAX_DOMAINS] = {0}, guaranteed = 0;

    for (pfn_t pfn = 0; pfn < z->nr_pages; pfn = block_end(z, pfn)) {
        const struct pageblock *pb = pageblock_of(z, pfn);
        unsigned domain;
        pfn_t nr = stranded_pages(z, pfn, &domain);

        if (pb->type == MIGRATE_ISOLATE && nr != 0)
            stranded[domain] += nr;
        nr = held_pages(z, pfn);
        if (nr != 0)
            held[pb->resident] += nr;
    }
    for (unsigned d = 0; d < z->nr_domains; d++) {
        const struct list_set *s = &z->set[d];

        guaranteed += s->guaranteed;
        if (s->nr_held != held[d] || s->nr_stranded != stranded[d]) {
            if (why)
                (void)snprintf(why, size,
                               "domain %u holds %u pages, %u stranded; its set says %u, %u", d,
                               held[d], stranded[d], s->nr_held, s->nr_stranded);
            return -EUCLEAN;
        }
    }
    if (guaranteed != z->guaranteed) {
        if (why)
            (void)snprintf(why, size, "%u pages are guaranteed, the zone says %u", guaranteed,
                           z->guaranteed);
        return -EUCLEAN;
    }
    return 0;
}
