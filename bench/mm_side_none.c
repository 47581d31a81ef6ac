/* SPDX-License-Identifier: Apache-2.0 */
/* mm_side_none.c: no allocator at all, to see what the loops themselves cost. */
#include "mm_side.h"

/* Not inlined, and not known to do nothing: a call, as the others make one. */
static __attribute__((noinline)) uintptr_t take(void *allocator, unsigned order, unsigned type)
{
    uintptr_t block = order + 1;

    (void)type;
    __asm__ volatile("" : "+r"(block) : "r"(allocator) : "memory");
    return block;
}

static __attribute__((noinline)) void give(void *allocator, uintptr_t block)
{
    __asm__ volatile("" : : "r"(allocator), "r"(block) : "memory");
}

int side_none(const struct side_plan *plan, char *why, size_t size)
{
    static uintptr_t live[WORKLOAD_MAX_LIVE];
    struct workload w = {.live = live, .random = plan->seed};

    (void)why;
    (void)size;
    side_measure_empty(&w, plan, take, give);
    side_measure_live(&w, plan, take, give);
    return 0;
}
