/* SPDX-License-Identifier: Apache-2.0 */
/* guarantee.c: see the header. All is counted in pages, and in pageblocks of them. */
#include "guarantee.h"

#include <errno.h>

/* What of its guarantee a domain does not hold yet. */
static pfn_t unmet(const struct zone *z, unsigned domain, pfn_t more_held)
{
    const struct list_set *s = &z->set[domain];
    pfn_t held = s->nr_held + more_held;

    if (domain == 0)
        return s->unmet;
    return s->guaranteed > held ? s->guaranteed - held : 0;
}

static pfn_t demand(const struct zone *z, unsigned domain)
{
    const struct list_set *s = &z->set[domain];

    return s->guaranteed == 0 ? 0 : unmet(z, domain, 0) + s->nr_stranded;
}

/* What is there for this demand already, beside empty pageblocks. Free pages of other domains than
 * 0 are not counted: they are held, and so what is unmet is less by them. */
static pfn_t own_pages(const struct zone *z, unsigned domain)
{
    const struct list_set *s = &z->set[domain];

    if (domain != 0)
        return s->nr_populating;
    return s->nr_small + s->nr_special[MIGRATE_HIGHATOMIC - NR_MOBILITIES] + s->nr_populating;
}

/* Pageblocks for what of a demand is more than the own pages. */
static int64_t pageblocks_for(const struct zone *z, int64_t pages)
{
    return pages <= 0 ? 0 : (pages + order_pages(z->pageblock_order) - 1) >> z->pageblock_order;
}

static int64_t need(const struct zone *z, unsigned domain)
{
    return pageblocks_for(z, (int64_t)demand(z, domain) - own_pages(z, domain));
}

static int64_t need_of_others(const struct zone *z, unsigned domain)
{
    int64_t sum = 0;

    for (unsigned d = 0; d < z->nr_domains; d++) {
        if (d != domain)
            sum += need(z, d);
    }
    return sum;
}

/* What the domain needs when it has taken so many pages, and so many of them empty pageblocks. */
static int64_t need_after(const struct zone *z, unsigned domain, pfn_t pages, pfn_t pageblocks,
                          pfn_t credit)
{
    pfn_t taken = pageblocks << z->pageblock_order;

    if (z->set[domain].guaranteed == 0)
        return 0;
    if (domain != 0)
        return pageblocks_for(z, (int64_t)unmet(z, domain, taken) + z->set[domain].nr_stranded -
                                     own_pages(z, domain));
    return pageblocks_for(z, (int64_t)demand(z, domain) - (credit < pages ? credit : pages) -
                                 ((int64_t)own_pages(z, domain) + taken - pages));
}

static enum lending lending_of_many(const struct zone *z, unsigned domain, unsigned order,
                                    pfn_t credit)
{
    pfn_t pages = order_pages(order);
    pfn_t nr = order > z->pageblock_order ? pages >> z->pageblock_order : 1;
    int64_t others = need_of_others(z, domain);
    int64_t empty = z->nr_large >> z->pageblock_order;
    /* Where memory was lost there are too few: then what does not make it worse may be. */
    int64_t least = empty - others - need(z, domain);

    if (least > 0 || zone_rests(z))
        least = 0;
    if (empty >= nr && empty - nr - others - need_after(z, domain, pages, nr, credit) >= least)
        return LEND_ANY;
    if (domain != 0 || empty - others - need_after(z, domain, pages, 0, credit) >= least)
        return LEND_SMALL;
    return LEND_NOTHING;
}

enum lending zone_lending(const struct zone *z, unsigned domain, unsigned order, pfn_t credit)
{
    pfn_t pages = order_pages(order);
    int64_t left;

    if (z->guaranteed == 0)
        return LEND_ANY;
    if (z->nr_domains > 1)
        return lending_of_many(z, domain, order, credit);
    if (credit >= pages)
        return LEND_ANY; /* it takes as much off the demand as off the free pages */
    left = (int64_t)z->nr_large + own_pages(z, 0) - pages;
    return left >= (int64_t)demand(z, 0) - credit ? LEND_ANY : LEND_NOTHING;
}

pfn_t zone_kept_pages(const struct zone *z, unsigned domain, pfn_t credit)
{
    pfn_t own = 0;

    if (z->guaranteed == 0)
        return 0;
    if (domain == 0)
        own = demand(z, 0) - credit;
    if (z->nr_domains == 1)
        return own;
    return own + (pfn_t)(need_of_others(z, domain) << z->pageblock_order);
}

bool zone_guarantees_hold(const struct zone *z)
{
    return need_of_others(z, MAX_DOMAINS) <= z->nr_large >> z->pageblock_order;
}

/* What a range takes with it. */
struct loss {
    pfn_t empty;                /* pages of empty pageblocks */
    pfn_t own[MAX_DOMAINS];     /* of own_pages() */
    pfn_t granted[MAX_DOMAINS]; /* what will be stranded, or has to move */
};

static void add_loss(const struct zone *z, pfn_t pfn, pfn_t pages, struct loss *l)
{
    const struct pageblock *pb = pageblock_of(z, pfn);
    uint64_t w = *word_at(z, pfn);

    /* Outside domain 0 a broken pageblock is held until all of it is free, and one that is kept
     * for HIGHATOMIC is held now, and no longer then. */
    if (word_state(w) == BLOCK_ALLOCATED ||
        (pb->resident != 0 &&
         (word_order(w) < z->pageblock_order || pb->type == MIGRATE_HIGHATOMIC)))
        l->granted[pb->resident] += pages;
    else if (word_order(w) < z->pageblock_order || pb->type == MIGRATE_HIGHATOMIC)
        l->own[0] += pb->type == MIGRATE_CMA ? 0 : pages;
    else
        l->empty += pb->type == MIGRATE_CMA ? 0 : pages;
}

int guarantee_check_range(const struct zone *z, pfn_t start, pfn_t end, struct zone_obstacle *ret)
{
    struct loss l = {.empty = 0};
    int64_t needed = 0;

    if (z->guaranteed == 0)
        return 0;
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        pfn_t first = pfn > start ? pfn : start, last = block_end(z, pfn);

        add_loss(z, pfn, (last < end ? last : end) - first, &l);
    }
    for (unsigned d = 0; d < z->nr_domains; d++) {
        if (z->set[d].guaranteed != 0)
            needed += pageblocks_for(z, (int64_t)demand(z, d) + l.granted[d] -
                                            ((int64_t)own_pages(z, d) - l.own[d]));
    }
    if (needed <= ((int64_t)z->nr_large - l.empty) >> z->pageblock_order)
        return 0;
    *ret = (struct zone_obstacle){.reason = OBSTACLE_GUARANTEED, .pfn = start};
    return -EBUSY;
}
