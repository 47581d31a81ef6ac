/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_memory.h: a zone with its metadata, for measuring without a daemon.
 *
 * The metadata is anonymous memory that is not reserved, so that a zone of 1 TiB costs only what
 * is touched of it. There is no memory behind the pages at all: nobody reads or writes them here.
 */
#ifndef BENCH_ZONE_MEMORY_H
#define BENCH_ZONE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/zone.h"

/** Pageblocks of 2 MiB, as on a host with 2 MiB hugepages. */
#define BENCH_PAGEBLOCK_ORDER 9u
#define BENCH_PAGEBLOCK_PAGES ((pfn_t)1 << BENCH_PAGEBLOCK_ORDER)

/** How the zone keeps mobilities apart. */
enum bench_grouping {
    GROUPING_OURS,
    GROUPING_KERNEL, /**< by Linux's rules alone */
    GROUPING_NONE,
};

struct zone_memory {
    struct zone *zone;
    void *lasting;
    void *derived;
    size_t lasting_bytes;
    size_t derived_bytes;
};

/**
 * Make a zone of nr_pages, all free, of kind NORMAL and one domain.
 * touched: have all of the metadata in memory first, so that page faults are not measured. Release
 * with zone_memory_free(). Returns 0; -EINVAL when nr_pages is no multiple of a pageblock or out of
 * range; -ENOMEM.
 */
int zone_memory_init(struct zone_memory *m, pfn_t nr_pages, enum bench_grouping grouping,
                     bool touched);
/** The same with callbacks for ops; they must outlive the zone. */
int zone_memory_init_ops(struct zone_memory *m, pfn_t nr_pages, enum bench_grouping grouping,
                         bool touched, const struct zone_ops *ops, void *ctx);
void zone_memory_free(struct zone_memory *m);
/** Bytes of metadata of such a zone; SIZE_MAX for a size that it cannot have. */
size_t zone_memory_bytes(pfn_t nr_pages);

#endif
