/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile_range.h: how ranges of a memory file come to have memory, for memfile.c: without undoing.
 */
#ifndef DAEMON_MEMFILE_RANGE_H
#define DAEMON_MEMFILE_RANGE_H

#include <stdint.h>

/**
 * fallocate() under a memory policy that binds it to the node (-1: none), which is the calling
 * thread's and is restored. Returns 0, or a negative errno; then some of it may be allocated.
 */
int memfile_range_allocate(int fd, uint64_t offset, uint64_t bytes, int node);
/**
 * Populate through a mapping, which alone can ask for huge pages. *ret_advise_errno is set when
 * there are none. Returns as memfile_range_allocate().
 */
int memfile_range_touch(int fd, uint64_t offset, uint64_t bytes, int node, int *ret_advise_errno);

#endif
