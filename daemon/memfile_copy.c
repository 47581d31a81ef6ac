/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile_copy.c: bytes from one place of memory files to another.
 *
 * read(2) into a mapping: it is the kernel that stores, and a page that is gone for good is EFAULT
 * and not a signal. The daemon's own code never touches the mapping.
 */
#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memfile.h"

/* What a client has punched out comes back at a store: from the file's node. */
static int bind_to_node(void *map, uint64_t bytes, int node)
{
    struct bitmask *mask;
    int rc = 0;

    if (node < 0)
        return 0;
    mask = numa_allocate_nodemask();
    if (!mask)
        return -ENOMEM;
    numa_bitmask_setbit(mask, (unsigned)node);
    if (mbind(map, bytes, MPOL_BIND, mask->maskp, mask->size + 1, 0) < 0)
        rc = -errno;
    numa_bitmask_free(mask);
    return rc;
}

int memfile_map(struct memfile *mf)
{
    void *map;
    int rc;

    if (mf->map)
        return 0;
    map = mmap(NULL, mf->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, mf->fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    rc = bind_to_node(map, mf->bytes, mf->node);
    if (rc < 0) {
        (void)munmap(map, mf->bytes);
        return rc;
    }
    /* What clients keep there is not for our core dumps. */
    (void)madvise(map, mf->bytes, MADV_DONTDUMP);
    mf->map = map;
    return 0;
}

int memfile_copy(const struct memfile *from, uint64_t from_offset, const struct memfile *to,
                 uint64_t to_offset, uint64_t bytes)
{
    while (bytes > 0) {
        ssize_t n = pread(from->fd, (char *)to->map + to_offset, bytes, (off_t)from_offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        from_offset += (uint64_t)n;
        to_offset += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    return 0;
}
