/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile_range.c: populating and punching parts of memory files.
 *
 * Placement follows the thread's memory policy for hugepages (fallocate() ignores mbind()) and the
 * mapping's for shmem, where it stays with the file.
 */
#include "memfile_range.h"

#include <errno.h>
#include <fcntl.h>
#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memfile.h"

/* Newer than the C library's headers. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/** What st_blocks counts in. */
#define STAT_BLOCK_BYTES 512u

int memfile_range_allocate(int fd, uint64_t offset, uint64_t bytes, int node)
{
    struct bitmask *saved = NULL, *wanted = NULL;
    int mode = 0, rc = 0;

    if (node >= 0) {
        saved = numa_allocate_nodemask();
        wanted = numa_allocate_nodemask();
        if (!saved || !wanted) {
            rc = -ENOMEM;
            goto out;
        }
        numa_bitmask_setbit(wanted, (unsigned)node);
        if (get_mempolicy(&mode, saved->maskp, saved->size + 1, NULL, 0) < 0 ||
            set_mempolicy(MPOL_BIND, wanted->maskp, wanted->size + 1) < 0) {
            rc = -errno;
            goto out;
        }
    }
    while (fallocate(fd, 0, (off_t)offset, (off_t)bytes) < 0) {
        if (errno == EINTR)
            continue;
        rc = -errno;
        break;
    }
    if (node >= 0 && set_mempolicy(mode, saved->maskp, saved->size + 1) < 0 && rc == 0)
        rc = -errno;
out:
    if (wanted)
        numa_bitmask_free(wanted);
    if (saved)
        numa_bitmask_free(saved);
    return rc;
}

int memfile_range_touch(int fd, uint64_t offset, uint64_t bytes, int node, int *ret_advise_errno)
{
    struct bitmask *mask = NULL;
    int rc = 0;
    void *p;

    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)offset);
    if (p == MAP_FAILED)
        return -errno;
    if (node >= 0) {
        mask = numa_allocate_nodemask();
        if (!mask) {
            rc = -ENOMEM;
            goto out;
        }
        numa_bitmask_setbit(mask, (unsigned)node);
        if (mbind(p, bytes, MPOL_BIND, mask->maskp, mask->size + 1, 0) < 0) {
            rc = -errno;
            goto out;
        }
    }
    if (madvise(p, bytes, MADV_HUGEPAGE) < 0)
        *ret_advise_errno = errno;
    while (madvise(p, bytes, MADV_POPULATE_WRITE) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            continue;
        rc = -errno;
        break;
    }
out:
    if (mask)
        numa_bitmask_free(mask);
    (void)munmap(p, bytes);
    return rc;
}

static int punch(int fd, uint64_t offset, uint64_t bytes)
{
    while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) <
           0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int memfile_populate(const struct memfile *mf, uint64_t offset, uint64_t bytes)
{
    int advise_errno;
    int rc;

    rc = mf->backing == BACKING_SHMEM
             ? memfile_range_touch(mf->fd, offset, bytes, mf->node, &advise_errno)
             : memfile_range_allocate(mf->fd, offset, bytes, mf->node);
    /* It keeps what it got. */
    if (rc < 0)
        (void)punch(mf->fd, offset, bytes);
    return rc;
}

int memfile_punch(const struct memfile *mf, uint64_t offset, uint64_t bytes)
{
    return punch(mf->fd, offset, bytes);
}

int memfile_resident(const struct memfile *mf, uint64_t *ret_bytes)
{
    struct stat st;

    if (fstat(mf->fd, &st) < 0)
        return -errno;
    *ret_bytes = (uint64_t)st.st_blocks * STAT_BLOCK_BYTES;
    return 0;
}
