/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c: sizes of the arenas, the smallest one from this machine's cache. */
#include "arena.h"

#include <string.h>
#include <unistd.h>

#include "zone_memory.h"

#define L2_BYTES_UNKNOWN ((size_t)1 << 20)

static const char *const names[NR_ARENAS] = {
    [ARENA_L2] = "l2",
    [ARENA_1GIB] = "1gib",
    [ARENA_16GIB] = "16gib",
};

const char *arena_name(enum arena a)
{
    return names[a];
}

enum arena arena_named(const char *name)
{
    unsigned a = 0;

    while (a < NR_ARENAS && strcmp(names[a], name) != 0)
        a++;
    return (enum arena)a;
}

size_t arena_l2_bytes(void)
{
    long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);

    return bytes > 0 ? (size_t)bytes : L2_BYTES_UNKNOWN;
}

pfn_t arena_fitting(size_t metadata_bytes)
{
    pfn_t pages = BENCH_PAGEBLOCK_PAGES;

    while (pages < PFN_MAX_PAGES && zone_memory_bytes(pages * 2) <= metadata_bytes)
        pages *= 2;
    return pages;
}

pfn_t arena_pages(enum arena a)
{
    switch (a) {
    case ARENA_L2:
        return arena_fitting(arena_l2_bytes() / 4 * 3);
    case ARENA_1GIB:
        return (pfn_t)1 << 18;
    default:
        return (pfn_t)1 << 22;
    }
}
