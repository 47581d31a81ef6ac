/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hugepage_pool.h: what hugepages this host has: sizes, mounts, and how many are free.
 *
 * Sizes and mounts are libhugetlbfs's. Its interface has no counters, so those are read where it
 * reads them itself. Not thread-safe.
 */
#ifndef DAEMON_HUGEPAGE_POOL_H
#define DAEMON_HUGEPAGE_POOL_H

#include <stddef.h>
#include <stdint.h>

/** Hugepage sizes that a host can have; no architecture of Linux has more. */
#define HUGEPAGE_MAX_SIZES 16

/** The kernel's hugepages of one size, in hugepages. */
struct hugepage_pool {
    uint64_t total;     /**< on the node, or everywhere */
    uint64_t available; /**< that a file could get now: free and not reserved, or still to be had as
                             surplus */
    uint64_t free;
};

/** The sizes in bytes, smallest first. Returns how many; 0 where the kernel has no hugepages. */
size_t hugepage_sizes(uint64_t ret[HUGEPAGE_MAX_SIZES]);
/** The kernel's default size in bytes; 0 where there is none. */
uint64_t hugepage_default_size(void);
/** Bytes of a transparent huge page; 2 MiB where the kernel does not say. */
uint64_t hugepage_transparent_size(void);

/** Read the counters for a size. node: -1 is all nodes. Returns 0 or a negative errno. */
int hugepage_pool_read(uint64_t hugepage_bytes, int node, struct hugepage_pool *ret);
/**
 * The command that makes the pool total hugepages large, for messages; cut at size, never empty.
 */
void hugepage_pool_hint(uint64_t hugepage_bytes, int node, uint64_t total, char *ret, size_t size);

/** A mount of hugetlbfs with this hugepage size that we may write to, or NULL. */
const char *hugepage_mount(uint64_t hugepage_bytes);

#endif
