/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: how much memory the sides of the comparison work in.
 *
 * An allocator is fast as long as its books lie in a cache. So the same loops run in an arena whose
 * books fit the second-level cache, in one of 1 GiB, and in one whose books do not fit at all.
 */
#ifndef BENCH_ARENA_H
#define BENCH_ARENA_H

#include <stddef.h>

#include "mm/types.h"

enum arena {
    ARENA_L2,    /**< our metadata takes at most three quarters of the second-level cache */
    ARENA_1GIB,  /**< and everything that is measured once */
    ARENA_16GIB, /**< 33 MiB of metadata */
    NR_ARENAS,
};

/** Its name, as an option and in the lines that are printed. */
const char *arena_name(enum arena a);
/** The arena of a name, or NR_ARENAS. */
enum arena arena_named(const char *name);
/** Pages of 4 KiB in it. */
pfn_t arena_pages(enum arena a);
/** Bytes of second-level cache that a core has; 1 MiB where the system does not say. */
size_t arena_l2_bytes(void);
/** The most pages, a power of two, whose metadata takes at most so many bytes; at least 512. */
pfn_t arena_fitting(size_t metadata_bytes);

#endif
