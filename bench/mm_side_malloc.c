/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm_side_malloc.c: a peer's side, the malloc that was preloaded.
 *
 * The memory is not touched here, as nobody touches ours: what malloc itself writes into it is all.
 * Built with -fno-builtin, or the compiler would drop a malloc whose block is only freed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm_side.h"

#define PAGE_BYTES 4096u
/** What lg_tcache_max:22 makes of jemalloc's tcache_max. */
#define TCACHE_MAX_BYTES ((size_t)1 << 22)

typedef int (*mallctl_fn)(const char *name, void *old, size_t *old_size, void *new,
                          size_t new_size);

static inline uintptr_t take(void *allocator, unsigned order, unsigned type)
{
    (void)allocator;
    (void)type;
    return (uintptr_t)malloc((size_t)PAGE_BYTES << order);
}

static inline void give(void *allocator, uintptr_t block)
{
    (void)allocator;
    free((void *)block);
}

/** Make sure that we measure what we think: look which file malloc comes from. */
static int check_library(const char *library, char *why, size_t size)
{
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info info;

    if (!symbol || !dladdr(symbol, &info) || !strstr(info.dli_fname, library)) {
        snprintf(why, size, "malloc does not come from %s but from %s: is its package installed?",
                 library, symbol && dladdr(symbol, &info) ? info.dli_fname : "nowhere");
        return -ELIBACC;
    }
    return 0;
}

/** Make sure that jemalloc took its tuning from MALLOC_CONF. */
static int check_tuning(mallctl_fn mallctl, char *why, size_t size)
{
    ssize_t decay = 0;
    size_t cached = 0;
    size_t decay_size = sizeof(decay);
    size_t cached_size = sizeof(cached);

    if (mallctl("opt.dirty_decay_ms", &decay, &decay_size, NULL, 0) || decay != -1 ||
        mallctl("opt.tcache_max", &cached, &cached_size, NULL, 0) || cached != TCACHE_MAX_BYTES) {
        snprintf(why, size,
                 "jemalloc does not follow MALLOC_CONF: dirty_decay_ms %zd (wanted -1), tcache_max "
                 "%zu (wanted %zu)",
                 decay, cached, TCACHE_MAX_BYTES);
        return -EINVAL;
    }
    return 0;
}

static double metadata_bytes(mallctl_fn mallctl)
{
    uint64_t epoch = 1;
    size_t bytes = 0;
    size_t size = sizeof(bytes);

    if (mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch)) ||
        mallctl("stats.metadata", &bytes, &size, NULL, 0))
        return 0;
    return (double)bytes;
}

/** What jemalloc keeps for each page when the arena is full of single pages. Comes last: it leaves
 * a mess. */
static void measure_metadata(struct workload *w, mallctl_fn mallctl, pfn_t nr_pages)
{
    for (size_t i = 0; i < nr_pages; i++)
        w->live[i] = (uintptr_t)malloc(PAGE_BYTES);
    figure_print(FIGURE_METADATA, metadata_bytes(mallctl) / (double)nr_pages);
    for (size_t i = 0; i < nr_pages; i++)
        free((void *)w->live[i]);
}

int side_malloc(const struct side_plan *plan, const char *library, char *why, size_t size)
{
    static uintptr_t live[WORKLOAD_MAX_LIVE];
    struct workload w = {.live = live, .random = plan->seed};
    mallctl_fn mallctl = NULL;
    int rc = check_library(library, why, size);

    if (rc)
        return rc;
    *(void **)&mallctl = dlsym(RTLD_DEFAULT, "mallctl");
    if (mallctl) {
        rc = check_tuning(mallctl, why, size);
        if (rc)
            return rc;
    }
    side_measure_empty(&w, plan, take, give);
    side_measure_live(&w, plan, take, give);
    if (mallctl && plan->arena == ARENA_1GIB)
        measure_metadata(&w, mallctl, plan->nr_pages);
    return 0;
}
