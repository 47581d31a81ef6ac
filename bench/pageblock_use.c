/* SPDX-License-Identifier: Apache-2.0 */
/* pageblock_use.c: counts pages in use by pageblock and type. */
#include "pageblock_use.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int pageblock_use_init(struct pageblock_use *u, pfn_t nr_pages, unsigned pageblock_order)
{
    pfn_t nr_pageblocks = nr_pages >> pageblock_order;
    uint32_t *pages = calloc((size_t)nr_pageblocks * NR_MOBILITIES, sizeof(*pages));

    if (!pages)
        return -ENOMEM;
    *u = (struct pageblock_use){
        .nr_pageblocks = nr_pageblocks,
        .pageblock_order = pageblock_order,
        .pages = pages,
        .nr_empty = nr_pageblocks,
    };
    return 0;
}

void pageblock_use_free(struct pageblock_use *u)
{
    free(u->pages);
    *u = (struct pageblock_use){0};
}

static bool is_empty(const uint32_t *pages)
{
    for (unsigned type = 0; type < NR_MOBILITIES; type++) {
        if (pages[type])
            return false;
    }
    return true;
}

void pageblock_use_add(struct pageblock_use *u, pfn_t pfn, unsigned order, enum migratetype type)
{
    pfn_t first = pfn >> u->pageblock_order;
    pfn_t last = (pfn + ((pfn_t)1 << order) - 1) >> u->pageblock_order;
    uint32_t share = 1u << (order < u->pageblock_order ? order : u->pageblock_order);

    for (pfn_t i = first; i <= last; i++) {
        uint32_t *pages = &u->pages[(size_t)i * NR_MOBILITIES];

        if (is_empty(pages))
            u->nr_empty--;
        if (pages[type] == 0)
            u->nr_with[type]++;
        pages[type] += share;
    }
    u->live_pages[type] += (uint64_t)1 << order;
    if (u->live_pages[type] > u->peak_pages[type])
        u->peak_pages[type] = u->live_pages[type];
}

void pageblock_use_remove(struct pageblock_use *u, pfn_t pfn, unsigned order, enum migratetype type)
{
    pfn_t first = pfn >> u->pageblock_order;
    pfn_t last = (pfn + ((pfn_t)1 << order) - 1) >> u->pageblock_order;
    uint32_t share = 1u << (order < u->pageblock_order ? order : u->pageblock_order);

    for (pfn_t i = first; i <= last; i++) {
        uint32_t *pages = &u->pages[(size_t)i * NR_MOBILITIES];

        pages[type] -= share;
        if (pages[type] == 0)
            u->nr_with[type]--;
        if (is_empty(pages))
            u->nr_empty++;
    }
    u->live_pages[type] -= (uint64_t)1 << order;
}

pfn_t pageblock_use_ideal(const struct pageblock_use *u, enum migratetype type)
{
    uint64_t pageblock = (uint64_t)1 << u->pageblock_order;

    return (pfn_t)((u->peak_pages[type] + pageblock - 1) / pageblock);
}

pfn_t pageblock_use_empty_ideal(const struct pageblock_use *u)
{
    uint64_t free_pages = (uint64_t)u->nr_pageblocks << u->pageblock_order;

    for (unsigned type = 0; type < NR_MOBILITIES; type++)
        free_pages -= u->live_pages[type];
    return (pfn_t)(free_pages >> u->pageblock_order);
}

static int compare_costs(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

pfn_t pageblock_use_costs(const struct pageblock_use *u, uint32_t *ret)
{
    pfn_t nr = 0;

    for (pfn_t i = 0; i < u->nr_pageblocks; i++) {
        const uint32_t *pages = &u->pages[(size_t)i * NR_MOBILITIES];

        if (!is_empty(pages) && pages[MIGRATE_UNMOVABLE] == 0)
            ret[nr++] = pages[MIGRATE_MOVABLE] + pages[MIGRATE_RECLAIMABLE];
    }
    qsort(ret, nr, sizeof(*ret), compare_costs);
    return nr;
}
