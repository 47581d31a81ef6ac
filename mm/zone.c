/* SPDX-License-Identifier: Apache-2.0 */
/* zone.c: how a zone comes to be: the layout of its metadata and its first free blocks. */
#include "mm/zone.h"

#include <errno.h>

#include "debug.h"
#include "free_list.h"
#include "mm/page_owner.h"
#include "resting.h"

#define ALIGN_UP(x, a) (((x) + (a)-1) / (a) * (a))
#define CACHE_LINE     ((size_t)64)

/* Where the parts of a zone's metadata lie. */
struct layout {
    size_t pageblocks; /* in lasting, behind the words */
    size_t lasting;
    size_t zone;  /* in derived, behind the sets */
    size_t hints; /* behind the zone */
    size_t derived;
};

static pfn_t max_pages(const struct zone_config *c)
{
    return c->max_pages ? c->max_pages : c->nr_pages;
}

static int layout_of(const struct zone_config *c, struct layout *ret)
{
    size_t pages = max_pages(c);

    if (c->pageblock_order < 1 || c->pageblock_order > MAX_PAGE_ORDER)
        return -EINVAL;
    if (c->nr_pages < 1 || c->nr_pages > pages || pages > PFN_MAX_PAGES)
        return -EINVAL;
    if ((c->nr_pages | pages) % order_pages(c->pageblock_order) != 0)
        return -EINVAL;
    if (c->nr_domains < 1 || c->nr_domains > MAX_DOMAINS)
        return -EINVAL;
    if ((unsigned)c->kind >= NR_ZONE_KINDS)
        return -EINVAL;
    if (c->nr_domains > 1 && (!c->ops || !c->ops->populate))
        return -EINVAL;
    if ((c->debug & ZONE_DEBUG_POISON) && !(c->ops && c->ops->poison && c->ops->verify))
        return -EINVAL;
    if (c->debug & ~(ZONE_DEBUG_POISON | ZONE_DEBUG_OWNER))
        return -EINVAL;

    ret->pageblocks =
        ALIGN_UP((pages + pages / WORD_GROUP * WORD_PADDING) * sizeof(uint64_t), CACHE_LINE) +
        CACHE_LINE; /* or the first word and the first record would share low address bits */
    ret->lasting = ALIGN_UP(
        ret->pageblocks + (pages >> c->pageblock_order) * sizeof(struct pageblock), CACHE_LINE);
    ret->zone = ALIGN_UP(c->nr_domains * sizeof(struct list_set), CACHE_LINE);
    ret->hints = ALIGN_UP(ret->zone + sizeof(struct zone), CACHE_LINE);
    ret->derived = ALIGN_UP(
        ret->hints + (pages >> c->pageblock_order) * sizeof(struct compact_hint), CACHE_LINE);
    return 0;
}

int zone_metadata_bytes(const struct zone_config *config, size_t *ret_lasting, size_t *ret_derived)
{
    struct layout l;
    int r = layout_of(config, &l);

    if (r < 0)
        return r;
    *ret_lasting = l.lasting;
    *ret_derived = l.derived;
    return 0;
}

/* The largest aligned blocks that fit, lowest first, as memblock hands them to the allocator. */
static void init_blocks(struct zone *z, enum migratetype type)
{
    pfn_t pfn = 0;

    for (pfn_t i = 0; i < z->nr_pages >> z->pageblock_order; i++)
        z->pageblock[i] =
            (struct pageblock){.type = (uint8_t)type, .resident = 0, .holder = DOMAIN_NONE};
    z->nr_pageblocks[type] = z->nr_pages >> z->pageblock_order;

    while (pfn < z->nr_pages) {
        unsigned order = MAX_PAGE_ORDER;

        while ((pfn & (order_pages(order) - 1)) != 0 || order_pages(order) > z->nr_pages - pfn)
            order--;
        if (zone_debugged(z))
            debug_release(z, pfn, order);
        list_add_tail(z, &z->set[0], type, order, pfn);
        pfn += order_pages(order);
    }
    z->nr_large = z->nr_pages;
}

/* What stands in the words of granted blocks, for each place where freed ones rest. */
static void init_resting(struct zone *z, unsigned domain)
{
    const uint64_t home = domain == 0 && z->may_rest ? WORD_HOME : 0;

    for (unsigned i = 0; i < NR_MOBILITIES * REST_ORDERS; i++)
        z->set[domain].resting[i] = (struct resting){
            .nr = RESTING_CLOSED,
            .granted = (uint32_t)(word_make(BLOCK_ALLOCATED, i % REST_ORDERS,
                                            (enum migratetype)(i / REST_ORDERS), 0) |
                                  home),
        };
}

/*
 * Beside unmovable pages in a MOVABLE pageblock there is room for more of them. And an UNMOVABLE
 * pageblock that holds fewer than half of what it could shall empty: the fuller ones are filled.
 */
static void init_granted_last(struct zone *z)
{
    z->granted_last[MIGRATE_MOVABLE] = (struct count_range){.from = 1, .nr = UINT32_MAX};
    z->granted_last[MIGRATE_UNMOVABLE] =
        (struct count_range){.from = 0, .nr = order_pages(z->pageblock_order) / 2};
}

int zone_init(const struct zone_config *config, void *lasting, void *derived, struct zone **ret)
{
    struct layout l;
    struct zone *z;
    int r = layout_of(config, &l);

    if (r < 0)
        return r;
    if ((config->debug & ZONE_DEBUG_OWNER) && !config->owner)
        return -EINVAL;
    z = (struct zone *)((unsigned char *)derived + l.zone);
    z->word = lasting;
    z->pageblock = (struct pageblock *)((unsigned char *)lasting + l.pageblocks);
    z->set = derived;
    z->compact.hint = (struct compact_hint *)((unsigned char *)derived + l.hints);
    z->compact.epoch = 1;
    z->nr_pages = config->nr_pages;
    z->max_pages = max_pages(config);
    z->pageblock_order = (uint8_t)config->pageblock_order;
    z->nr_domains = (uint8_t)config->nr_domains;
    z->grouping =
        !config->no_grouping && z->max_pages >> config->pageblock_order >= NR_MIGRATETYPES;
    z->kernel_rules = config->kernel_rules;
    if (z->grouping && !z->kernel_rules)
        init_granted_last(z);
    z->kind = (uint8_t)config->kind;
    z->node = config->node;
    z->may_rest = !config->eager && !config->debug;
    z->ops = config->ops;
    z->ops_ctx = config->ops_ctx;
    z->debug = config->debug;
    z->owner = config->debug & ZONE_DEBUG_OWNER ? config->owner : NULL;
    z->fast_orders = z->debug != 0 ? 0 : z->pageblock_order;
    for (unsigned d = 0; d < z->nr_domains; d++)
        init_resting(z, d);
    unrested_forget(z);
    init_blocks(z, list_type(z, MIGRATE_MOVABLE));
    *ret = z;
    return 0;
}
