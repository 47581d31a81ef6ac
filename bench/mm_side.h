/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_side.h: one side of the comparison of allocators, measured in a process of its own.
 *
 * A malloc can only be had whole, by preloading it before the program starts. So every side, ours
 * too, is this program started again, and says its figures on stdout, a line each: NAME VALUE.
 */
#ifndef BENCH_MM_SIDE_H
#define BENCH_MM_SIDE_H

#include "arena.h"
#include "harness.h"
#include "mm/types.h"
#include "workload.h"
#include <stddef.h>
#include <stdint.h>

/** Pages that are live while a workload churns: 70 % of the arena. */
#define SIDE_LIVE_PAGES(arena_pages) ((uint64_t)(arena_pages) / 10 * 7)
/** Pages of the large zone: 1 TiB. */
#define SIDE_LARGE_ZONE_PAGES ((pfn_t)1 << 28)

enum figure {
    FIGURE_CHURN,           /**< ns per free and allocation; movable alone */
    FIGURE_CHURN_ANSWERED,  /**< FIGURE_CHURN where each free is answered; ours alone */
    FIGURE_CHURN_TYPES,     /**< the same with all three types */
    FIGURE_2M_PAIR,         /**< ns per allocation and free of 2 MiB, nothing else live */
    FIGURE_2M_PAIR_LIVE,    /**< the same beside the live set */
    FIGURE_4K_PAIR,         /**< ns per allocation and free of 4 KiB, nothing else live */
    FIGURE_4K_LIFO,         /**< the same, 64 at a time */
    FIGURE_2M_PAIR_ACCOUNT, /**< FIGURE_2M_PAIR charged to an account in a group; ours alone */
    FIGURE_PAIR_1GIB,       /**< ns per pair of a random order beside the live set; ours alone */
    FIGURE_PAIR_1TIB,       /**< the same in a zone of 1 TiB */
    FIGURE_METADATA,        /**< bytes per 4 KiB page */
    FIGURE_LIVE,            /**< live blocks while churning */
    FIGURE_REFUSED,         /**< refused allocations per million operations of churn */
    FIGURE_RESIDENT,        /**< MiB that the process had in memory at most */
    NR_FIGURES,
};

/** The name of a figure in the lines between the processes. */
const char *figure_name(enum figure f);
void figure_print(enum figure f, double value);

struct side_plan {
    size_t nr_ops; /**< timed operations of each workload */
    uint64_t seed; /**< of the random numbers; not 0 */
    enum arena arena;
    pfn_t nr_pages; /**< of the arena */
};

/** Measure mm/ in this process. Returns 0, or a negative errno with one line in why. */
int side_zone(const struct side_plan *plan, char *why, size_t size);
/**
 * Measure this process's malloc.
 * library: a part of the file name of the library that malloc must come from ("jemalloc"); anything
 * else is an error.
 */
int side_malloc(const struct side_plan *plan, const char *library, char *why, size_t size);
/** Measure the loops themselves: the allocator is an empty function. */
int side_none(const struct side_plan *plan, char *why, size_t size);

/** In how many parts a loop is timed. The middle one counts, so that what disturbs few does not. */
#define SIDE_PARTS 10u

/** Time a loop, after half as much of it untimed, and print the nanoseconds per operation. */
WORKLOAD_INLINE void side_time(enum figure f, struct workload *w, enum workload_kind kind,
                               take_fn take, give_fn give, size_t nr_ops)
{
    const size_t part = nr_ops / SIDE_PARTS;
    struct series parts = {.nr = 0};

    workload_run(w, kind, take, give, nr_ops / 2);
    w->refused = 0;
    for (unsigned i = 0; i < SIDE_PARTS; i++) {
        uint64_t start = bench_cpu_ns();

        workload_run(w, kind, take, give, part);
        series_add(&parts, (double)(bench_cpu_ns() - start) / (double)part);
    }
    figure_print(f, series_median(&parts));
}

/** Workloads with nothing else live. */
WORKLOAD_INLINE void side_measure_empty(struct workload *w, const struct side_plan *plan,
                                        take_fn take, give_fn give)
{
    side_time(FIGURE_2M_PAIR, w, WORKLOAD_2M_PAIR, take, give, plan->nr_ops);
    if (plan->arena != ARENA_1GIB)
        return;
    side_time(FIGURE_4K_PAIR, w, WORKLOAD_4K_PAIR, take, give, plan->nr_ops);
    side_time(FIGURE_4K_LIFO, w, WORKLOAD_4K_LIFO, take, give, plan->nr_ops);
}

/** The live set, each block of it replaced about once. */
WORKLOAD_INLINE void side_fill(struct workload *w, const struct side_plan *plan, take_fn take,
                               give_fn give)
{
    workload_fill(w, take, SIDE_LIVE_PAGES(plan->nr_pages));
    workload_churn(w, take, give, w->nr_live);
}

/** Workloads beside a live set. */
WORKLOAD_INLINE void side_measure_live(struct workload *w, const struct side_plan *plan,
                                       take_fn take, give_fn give)
{
    side_fill(w, plan, take, give);
    side_time(FIGURE_CHURN, w, WORKLOAD_CHURN, take, give, plan->nr_ops);
    figure_print(FIGURE_LIVE, (double)w->nr_live);
    figure_print(FIGURE_REFUSED, 1e6 * (double)w->refused / (double)plan->nr_ops);
    side_time(FIGURE_2M_PAIR_LIVE, w, WORKLOAD_2M_PAIR, take, give, plan->nr_ops);
    workload_drain(w, give);

    if (plan->arena != ARENA_1GIB)
        return;
    w->mixed_types = true;
    side_fill(w, plan, take, give);
    side_time(FIGURE_CHURN_TYPES, w, WORKLOAD_CHURN, take, give, plan->nr_ops);
    workload_drain(w, give);
    w->mixed_types = false;
}

#endif
