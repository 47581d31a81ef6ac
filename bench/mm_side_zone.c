/* SPDX-License-Identifier: Apache-2.0 */
/* mm_side_zone.c: our side, the zones of mm/. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mm_side.h"
#include "zone_memory.h"

/** What take and give are called with. */
struct zone_side {
    struct zone *zone;
    struct zone_request request; /**< only order and type change */
};

static inline uintptr_t take(void *allocator, unsigned order, unsigned type)
{
    struct zone_side *s = allocator;
    pfn_t pfn;

    s->request.order = order;
    s->request.type = (enum migratetype)type;
    if (zone_rmqueue(s->zone, &s->request, &pfn))
        return 0;
    return (uintptr_t)pfn + 1;
}

static inline void give(void *allocator, uintptr_t block)
{
    const struct zone_side *s = allocator;

    zone_free(s->zone, (pfn_t)(block - 1));
}

/** Pairs of random orders beside the same live set, in a zone of any size. */
static void measure_pair(struct workload *w, size_t nr, enum figure f)
{
    workload_fill(w, take, SIDE_LIVE_PAGES);
    workload_churn(w, take, give, nr);
    side_time(f, w, WORKLOAD_MIXED_PAIR, take, give, nr);
    workload_drain(w, give);
}

static int check_empty(struct zone *z, char *why, size_t size)
{
    struct zone_stat stat;
    int rc = zone_check(z, why, size);

    if (rc)
        return rc;
    zone_stat(z, &stat);
    if (stat.free_pages != stat.managed_pages) {
        snprintf(why, size, "the zone lost pages: %u of %u are free", stat.free_pages,
                 stat.managed_pages);
        return -EUCLEAN;
    }
    return 0;
}

static int measure_zone(struct workload *w, const struct side_plan *plan, char *why, size_t size)
{
    struct zone_side side = {0};
    struct zone_memory memory;
    int rc = zone_memory_init(&memory, SIDE_ZONE_PAGES, GROUPING_OURS, true);

    if (rc) {
        snprintf(why, size, "no zone of 1 GiB: %s", strerror(-rc));
        return rc;
    }
    side.zone = memory.zone;
    w->allocator = &side;
    figure_print(FIGURE_METADATA,
                 (double)(memory.lasting_bytes + memory.derived_bytes) / (double)SIDE_ZONE_PAGES);
    side_measure_empty(w, plan->nr_ops, take, give);
    side_measure_live(w, plan->nr_ops, take, give);
    measure_pair(w, plan->nr_ops, FIGURE_PAIR_1GIB);
    rc = check_empty(side.zone, why, size);
    zone_memory_free(&memory);
    w->allocator = NULL;
    return rc;
}

static int measure_large_zone(struct workload *w, const struct side_plan *plan, char *why,
                              size_t size)
{
    struct zone_side side = {0};
    struct zone_memory memory;
    int rc = zone_memory_init(&memory, SIDE_LARGE_ZONE_PAGES, GROUPING_OURS, false);

    if (rc) {
        snprintf(why, size, "no zone of 1 TiB: %s", strerror(-rc));
        return rc;
    }
    side.zone = memory.zone;
    w->allocator = &side;
    measure_pair(w, plan->nr_ops, FIGURE_PAIR_1TIB);
    zone_memory_free(&memory);
    w->allocator = NULL;
    return 0;
}

int side_zone(const struct side_plan *plan, char *why, size_t size)
{
    static uintptr_t live[WORKLOAD_MAX_LIVE];
    struct workload w = {.live = live, .random = plan->seed};
    int rc = measure_zone(&w, plan, why, size);

    if (rc)
        return rc;
    return measure_large_zone(&w, plan, why, size);
}
