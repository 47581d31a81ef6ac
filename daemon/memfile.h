/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile.h: the memory of a zone, as a file: the boundary to the operating system.
 *
 * A memory file has its full length from birth, is populated on its node, readable and writable by
 * its owner only (clients get it as a descriptor), and where it can be it is sealed against
 * shrinking and growing. A sparse one has no memory at first, one of a zone that can grow only at
 * its beginning; they are populated and punched in ranges. What fails half-way is undone: the pool
 * is as it was. The daemon's own code never loads from or stores to this memory. The memory policy
 * of the calling thread is changed and restored, so that any thread may work on ranges, and several
 * at a time on different ones.
 */
#ifndef DAEMON_MEMFILE_H
#define DAEMON_MEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/** Where memory comes from. The numbers from 1 are those of enum wire_backing. */
enum backing {
    BACKING_AUTO = 0,      /**< not decided yet; never a memory file's */
    BACKING_HUGETLB = 1,   /**< reserved hugepages, sealed */
    BACKING_HUGETLBFS = 2, /**< reserved hugepages, an unlinked file on a mount; cannot be sealed */
    BACKING_SHMEM = 3,     /**< ordinary memory, transparent huge pages advised, sealed */
};

/** The word for a backing in configuration and messages ("hugetlb"); never NULL. */
const char *backing_name(enum backing backing);

/** What memory is wanted. */
struct memfile_spec {
    char name[WIRE_MAX_NAME + 1]; /**< the zone's; for messages, and for /proc/PID/maps */
    int node;                     /**< the NUMA node to bind to; -1: none */
    enum backing backing;         /**< not BACKING_AUTO */
    uint64_t bytes;               /**< of memory at first: a multiple of hugepage_bytes, not 0 */
    uint64_t max_bytes;           /**< its length, the same or more; 0: the same */
    uint64_t hugepage_bytes;      /**< a size that the host has; shmem: that of transparent ones */
    const char *mount; /**< hugetlbfs: the mount; NULL: the one that libhugetlbfs finds */
    bool sparse;       /**< no memory yet: it comes with memfile_populate() */
};

/** A memory file. */
struct memfile {
    int fd;         /**< close-on-exec */
    uint64_t bytes; /**< its length */
    uint64_t hugepage_bytes;
    enum backing backing;
    int node;
    bool sealed; /**< nobody can shrink or grow it */
    void *map;   /**< where the kernel copies to, for memfile_copy(); NULL: not mapped yet */
};

/**
 * Make a memory file, all populated unless it is to be sparse. Release with memfile_close().
 * Returns 0, or a negative errno with one line in why (size bytes) that has the arithmetic: -ENOSPC
 * when the pool has too few hugepages, -ENOMEM when the host has too little memory, -ENOENT when
 * there is no mount, -EINVAL when the spec is not as said above, or what the system call said.
 */
int memfile_create(const struct memfile_spec *spec, struct memfile *ret, char *why, size_t size);

/**
 * Bring memory into a range (bytes, multiples of a hugepage), zeroed where there was none, on the
 * file's node. Returns 0, or a negative errno, and then the range is a hole: -ENOSPC when the pool
 * has no hugepage left.
 */
int memfile_populate(const struct memfile *mf, uint64_t offset, uint64_t bytes);
/** Give the memory of a range back; whoever maps it reads zeros. Returns 0 or a negative errno. */
int memfile_punch(const struct memfile *mf, uint64_t offset, uint64_t bytes);
/** The length that a spec's file has. */
static inline uint64_t memfile_length(const struct memfile_spec *spec)
{
    return spec->max_bytes ? spec->max_bytes : spec->bytes;
}

/** How much memory the file has, whoever brought it in. Returns 0 or a negative errno. */
int memfile_resident(const struct memfile *mf, uint64_t *ret_bytes);

/** Make ready to copy into the file. Returns 0, also if it is ready, or a negative errno. */
int memfile_map(struct memfile *mf);
/**
 * Copy bytes between files, or within one, where memory is populated. By the kernel, so that a hole
 * that a client has punched is an error at most. to: mapped; any thread may do this, several at a
 * time on different ranges. Returns 0, or a negative errno: the target has anything then.
 */
int memfile_copy(const struct memfile *from, uint64_t from_offset, const struct memfile *to,
                 uint64_t to_offset, uint64_t bytes);

/** Give the descriptor up; the memory is free when no client maps it any more. */
void memfile_close(struct memfile *mf);

#endif
