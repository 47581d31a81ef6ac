/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_room.h: how much ordinary memory this process could still take.
 *
 * Asked before memory is populated, so that what does not fit is refused with its arithmetic, and
 * not by the kernel's OOM killer, which would end somebody. It is an estimate: others allocate too.
 */
#ifndef DAEMON_MEMORY_ROOM_H
#define DAEMON_MEMORY_ROOM_H

#include <limits.h>
#include <stdint.h>

/** The tightest limit that stands over this process. */
struct memory_room {
    uint64_t bytes;
    char limit[PATH_MAX + 32]; /**< what it is, for messages */
};

/**
 * Look at the host, at the node unless it is -1, and at every memory cgroup (version 1 or 2) above
 * us. Returns 0 or a negative errno.
 */
int memory_room_read(int node, struct memory_room *ret);

/**
 * What the memory cgroup whose folder is dir still lets in: its limit less its usage, and the page
 * cache that it would drop first. UINT64_MAX: no limit. Returns 0, or -ENOENT if dir has no such
 * files.
 */
int memory_room_of_cgroup(const char *dir, uint64_t *ret);

#endif
