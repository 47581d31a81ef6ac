/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_side_zone.c: our side: requests to alloc_pages() of mm/, as the daemon makes them, on a host
 * of one zone with the default settings: marks, reserves and boosts are computed and asked,
 * mobilities are grouped, and all that is counted is counted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mm/account.h"
#include "mm/page_alloc.h"
#include "mm_side.h"
#include "zone_memory.h"

#define PAGE_SHIFT 12u

/** What take and give are called with. */
struct zone_side {
    struct page_request request; /**< only order and type change */
    struct zone *zone;           /**< the one that it has */
    struct memory host;
    struct zone_memory memory;
};

static inline uintptr_t take(void *allocator, unsigned order, unsigned type)
{
    struct zone_side *s = allocator;
    struct page_grant grant;
    struct refusal refusal;

    s->request.order = order;
    s->request.type = (enum migratetype)type;
    if (alloc_pages(&s->host, NULL, NULL, &s->request, &grant, &refusal))
        return 0;
    return (uintptr_t)grant.pfn + 1;
}

static inline void give(void *allocator, uintptr_t block)
{
    const struct zone_side *s = allocator;

    zone_free_later(s->zone, (pfn_t)(block - 1));
}

/** The same for who wants to know whether the block was granted. */
static inline void give_answered(void *allocator, uintptr_t block)
{
    const struct zone_side *s = allocator;

    zone_free(s->zone, (pfn_t)(block - 1));
}

/** The same as the daemon does it for a block that was charged. */
static inline void give_charged(void *allocator, uintptr_t block)
{
    struct zone_side *s = allocator;

    zone_free_later(s->zone, (pfn_t)(block - 1));
    account_uncharge(&s->host, s->request.account, 0, s->request.order);
}

/** touched: have all of the metadata in memory first. Undone with side_close(). */
static int side_open(struct zone_side *s, pfn_t nr_pages, bool touched, char *why, size_t size)
{
    int rc = zone_memory_init(&s->memory, nr_pages, GROUPING_OURS, touched);

    if (rc) {
        snprintf(why, size, "no zone of %u MiB: %s", nr_pages >> (20 - PAGE_SHIFT), strerror(-rc));
        return rc;
    }
    s->zone = s->memory.zone;
    s->request = (struct page_request){0};
    rc = memory_init(&s->host, PAGE_SHIFT, NULL);
    if (!rc)
        rc = memory_add_zone(&s->host, s->zone, 0);
    if (rc) {
        snprintf(why, size, "the zone does not fit the host: %s", strerror(-rc));
        zone_memory_free(&s->memory);
    }
    return rc;
}

static void side_close(struct zone_side *s)
{
    zone_memory_free(&s->memory);
}

/** Pairs of random orders beside the same live set, in a zone of any size. */
static void measure_pair(struct workload *w, const struct side_plan *plan, enum figure f)
{
    side_fill(w, plan, take, give);
    side_time(f, w, WORKLOAD_MIXED_PAIR, take, give, plan->nr_ops);
    workload_drain(w, give);
}

static void measure_answered(struct workload *w, const struct side_plan *plan)
{
    side_fill(w, plan, take, give_answered);
    side_time(FIGURE_CHURN_ANSWERED, w, WORKLOAD_CHURN, take, give_answered, plan->nr_ops);
    workload_drain(w, give_answered);
}

/** The pair of 2 MiB, charged to an account with a max, in a group with one. */
static int measure_account(struct workload *w, struct zone_side *s, const struct side_plan *plan,
                           char *why, size_t size)
{
    static struct account group, account;
    const struct account_limits limits = {.max_pages = plan->nr_pages};
    int rc = account_add(&s->host, &group, NULL, 0, &limits, NULL);

    if (!rc)
        rc = account_add(&s->host, &account, &group, 0, &limits, NULL);
    if (rc) {
        snprintf(why, size, "no account: %s", strerror(-rc));
        return rc;
    }
    s->request.account = &account;
    side_time(FIGURE_2M_PAIR_ACCOUNT, w, WORKLOAD_2M_PAIR, take, give_charged, plan->nr_ops);
    s->request.account = NULL;
    rc = account_remove(&s->host, &account);
    if (!rc)
        rc = account_remove(&s->host, &group);
    if (rc)
        snprintf(why, size, "the account still uses pages: %s", strerror(-rc));
    return rc;
}

/** Everything is back, and was counted. */
static int check_empty(struct zone *z, char *why, size_t size)
{
    struct zone_numa_stat numa;
    struct zone_stat stat;
    int rc = zone_check(z, why, size);

    if (rc)
        return rc;
    zone_stat(z, &stat);
    zone_numa_stat(z, &numa);
    if (stat.free_pages != stat.managed_pages) {
        snprintf(why, size, "the zone lost pages: %u of %u are free", stat.free_pages,
                 stat.managed_pages);
        return -EUCLEAN;
    }
    if (stat.allocs != stat.frees || numa.hit != stat.allocs || numa.local != stat.allocs) {
        snprintf(why, size, "miscounted: %llu granted, %llu freed, %llu hits, %llu local",
                 (unsigned long long)stat.allocs, (unsigned long long)stat.frees,
                 (unsigned long long)numa.hit, (unsigned long long)numa.local);
        return -EUCLEAN;
    }
    return 0;
}

static int measure_arena(struct workload *w, struct zone_side *s, const struct side_plan *plan,
                         char *why, size_t size)
{
    int rc = side_open(s, plan->nr_pages, true, why, size);

    if (rc)
        return rc;
    figure_print(FIGURE_METADATA, (double)(s->memory.lasting_bytes + s->memory.derived_bytes) /
                                      (double)plan->nr_pages);
    side_measure_empty(w, plan, take, give);
    side_measure_live(w, plan, take, give);
    measure_answered(w, plan);
    if (plan->arena == ARENA_1GIB)
        measure_pair(w, plan, FIGURE_PAIR_1GIB);
    if (plan->arena == ARENA_1GIB)
        rc = measure_account(w, s, plan, why, size);
    if (!rc)
        rc = check_empty(s->zone, why, size);
    side_close(s);
    return rc;
}

static int measure_large_zone(struct workload *w, struct zone_side *s, const struct side_plan *plan,
                              char *why, size_t size)
{
    int rc = side_open(s, SIDE_LARGE_ZONE_PAGES, false, why, size);

    if (rc)
        return rc;
    measure_pair(w, plan, FIGURE_PAIR_1TIB);
    side_close(s);
    return 0;
}

int side_zone(const struct side_plan *plan, char *why, size_t size)
{
    static uintptr_t live[WORKLOAD_MAX_LIVE];
    static struct zone_side side;
    struct workload w = {.allocator = &side, .live = live, .random = plan->seed};
    int rc = measure_arena(&w, &side, plan, why, size);

    if (rc || plan->arena != ARENA_1GIB)
        return rc;
    return measure_large_zone(&w, &side, plan, why, size);
}
