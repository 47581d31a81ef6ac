/* SPDX-License-Identifier: Apache-2.0 */
/* zone_stat.c: what can be asked about a zone without changing it. */
#include <errno.h>

#include "zone_internal.h"

enum zone_kind zone_kind_of(const struct zone *z)
{
    return z->kind;
}

pfn_t zone_nr_pages(const struct zone *z)
{
    return z->nr_pages;
}

unsigned zone_node(const struct zone *z)
{
    return z->node;
}

unsigned zone_pageblock_order(const struct zone *z)
{
    return z->pageblock_order;
}

/* Is the block granted, so that nothing that rests or arrives makes a difference to it? */
static bool stays_granted(const struct zone *z, pfn_t pfn)
{
    if (pfn >= z->nr_pages || word_state(*word_at(z, pfn)) != BLOCK_ALLOCATED)
        return false;
    for (unsigned i = 0; i < z->nr_arrivals; i++) {
        if (z->arrival[i] == pfn)
            return false;
    }
    return true;
}

int zone_block(struct zone *z, pfn_t pfn, struct zone_block *ret)
{
    uint64_t w;

    if (!stays_granted(z, pfn))
        zone_settle(z);
    if (pfn >= z->nr_pages || word_state(*word_at(z, pfn)) == BLOCK_NONE)
        return -EINVAL;
    w = *word_at(z, pfn);
    ret->pfn = pfn;
    ret->order = word_order(w);
    ret->state = word_state(w);
    ret->type = word_type(w);
    ret->free_pending = (w & WORD_FREE_PENDING) != 0;
    ret->tag = word_tag(w);
    if (ret->state == BLOCK_MOVING && !(w & WORD_ELSEWHERE))
        ret->tag = word_tag(*word_at(z, (pfn_t)word_tag(w)));
    if (ret->state == BLOCK_FREE) {
        ret->type = (enum migratetype)pageblock_of(z, pfn)->type;
        ret->free_pending = false;
        ret->tag = 0;
    }
    if (ret->state == BLOCK_UNBACKED && (w & WORD_BAD))
        ret->state = BLOCK_BAD;
    return 0;
}

void zone_stat(struct zone *z, struct zone_stat *ret)
{
    pfn_t free, isolated = 0;

    zone_settle(z);
    free = z->nr_large;
    for (unsigned s = 0; s < z->nr_domains; s++) {
        free += domain_free_pages(z, s) - z->nr_large;
        isolated += z->set[s].nr_special[MIGRATE_ISOLATE - NR_MOBILITIES];
    }
    *ret = (struct zone_stat){
        .managed_pages = z->nr_pages,
        .free_pages = free,
        .empty_pageblocks = z->nr_large >> z->pageblock_order,
        .unbacked_pageblocks = z->nr_unbacked,
        .isolated_pages = isolated,
        .busy_pages = z->nr_busy,
        .bad_pages = z->nr_bad,
        .allocs = z->allocs + z->usual + zone_regrants(z),
        .frees = z->frees + z->rested,
        .bad_frees = z->bad_frees,
        .failures = z->failures,
        .claims = z->claims,
        .steals = z->steals,
        .passes = z->passes,
        .moved_pages = z->moved_pages,
    };
}

void zone_numa_stat(struct zone *z, struct zone_numa_stat *ret)
{
    uint64_t usual;

    zone_settle(z);
    usual = z->usual + zone_regrants(z);
    *ret = z->numa;
    ret->hit += usual;
    ret->local += usual - z->usual_other;
    ret->other += z->usual_other;
}

pfn_t zone_free_pages(struct zone *z, unsigned domain)
{
    zone_settle(z);
    return domain < z->nr_domains ? domain_free_pages(z, domain) : 0;
}

pfn_t zone_nr_free_blocks(struct zone *z, unsigned order, enum migratetype type)
{
    pfn_t nr = 0;

    zone_settle(z);
    if (order > MAX_PAGE_ORDER || type >= NR_MIGRATETYPES)
        return 0;
    for (unsigned s = 0; s < z->nr_domains; s++)
        nr += z->set[s].list[type][order].nr;
    return nr;
}

pfn_t zone_nr_pageblocks(struct zone *z, enum migratetype type)
{
    zone_settle(z); /* what merges becomes one type */
    return type < NR_MIGRATETYPES ? z->nr_pageblocks[type] : 0;
}
