/* SPDX-License-Identifier: Apache-2.0 */
/* zone_memory.c: maps a zone's metadata and makes the zone in it. */
#include "zone_memory.h"

#include <errno.h>
#include <sys/mman.h>

static void *map_zeroed(size_t bytes, bool touched)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

    if (touched)
        flags |= MAP_POPULATE;
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
}

static struct zone_config config_of(pfn_t nr_pages, enum bench_grouping grouping)
{
    return (struct zone_config){
        .nr_pages = nr_pages,
        .pageblock_order = BENCH_PAGEBLOCK_ORDER,
        .nr_domains = 1,
        .no_grouping = grouping == GROUPING_NONE,
        .kernel_rules = grouping == GROUPING_KERNEL,
        .kind = ZONE_NORMAL,
    };
}

size_t zone_memory_bytes(pfn_t nr_pages)
{
    const struct zone_config config = config_of(nr_pages, GROUPING_OURS);
    size_t lasting, derived;

    return zone_metadata_bytes(&config, &lasting, &derived) ? SIZE_MAX : lasting + derived;
}

int zone_memory_init(struct zone_memory *m, pfn_t nr_pages, enum bench_grouping grouping,
                     bool touched)
{
    return zone_memory_init_ops(m, nr_pages, grouping, touched, NULL, NULL);
}

int zone_memory_init_ops(struct zone_memory *m, pfn_t nr_pages, enum bench_grouping grouping,
                         bool touched, const struct zone_ops *ops, void *ctx)
{
    struct zone_config config = config_of(nr_pages, grouping);
    struct zone_memory new = {0};
    int rc;

    config.ops = ops;
    config.ops_ctx = ctx;
    rc = zone_metadata_bytes(&config, &new.lasting_bytes, &new.derived_bytes);
    if (rc)
        return rc;
    new.lasting = map_zeroed(new.lasting_bytes, touched);
    if (new.lasting == MAP_FAILED)
        return -errno;
    new.derived = map_zeroed(new.derived_bytes, touched);
    if (new.derived == MAP_FAILED) {
        rc = -errno;
        goto unmap_lasting;
    }
    rc = zone_init(&config, new.lasting, new.derived, &new.zone);
    if (rc)
        goto unmap_derived;
    *m = new;
    return 0;

unmap_derived:
    munmap(new.derived, new.derived_bytes);
unmap_lasting:
    munmap(new.lasting, new.lasting_bytes);
    return rc;
}

void zone_memory_free(struct zone_memory *m)
{
    munmap(m->derived, m->derived_bytes);
    munmap(m->lasting, m->lasting_bytes);
    *m = (struct zone_memory){0};
}
