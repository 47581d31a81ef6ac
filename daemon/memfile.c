/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfile.c: memory files, made whole or not at all.
 *
 * What system calls leave behind when they fail is the reason for the order here: a fallocate() of
 * hugepages that runs out keeps those that it got, and only the last close of the unlinked file
 * gives them back; so a file that is not complete is never handed on.
 */
#include "memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <hugetlbfs.h>
#include <inttypes.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hugepage_pool.h"
#include "log.h"
#include "memfile_range.h"
#include "memory_room.h"
#include "why.h"

/* Newer than the C library's headers. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MFD_SIZE_SHIFT 26

/** What is populated between two looks at what the host has left, and at signals. */
#define SHMEM_CHUNK_BYTES (UINT64_C(128) << 20)
/** What is left to the host, beside what the memory itself costs the kernel. */
#define SHMEM_SPARE_BYTES (UINT64_C(64) << 20)

#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

const char *backing_name(enum backing backing)
{
    switch (backing) {
    case BACKING_AUTO:
        return "auto";
    case BACKING_HUGETLB:
        return "hugetlb";
    case BACKING_HUGETLBFS:
        return "hugetlbfs";
    case BACKING_SHMEM:
        return "shmem";
    }
    return "unknown";
}

/* ---- opening ---- */

static int open_memfd(const struct memfile_spec *spec, int *ret, char *why, size_t size)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    char name[sizeof("buddyd:") + WIRE_MAX_NAME];
    int fd;

    if (spec->backing == BACKING_HUGETLB)
        flags |= MFD_HUGETLB | ((unsigned)__builtin_ctzll(spec->hugepage_bytes) << MFD_SIZE_SHIFT);
    (void)snprintf(name, sizeof(name), "buddyd:%s", spec->name);
    fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
        fd = memfd_create(name, flags);
    if (fd < 0)
        return why_not(-errno, why, size, "zone '%s': cannot create a %s memory file: %s",
                       spec->name, backing_name(spec->backing), strerror(errno));
    *ret = fd;
    return 0;
}

/** Is path a mount of hugetlbfs with these hugepages, and does its own limit leave enough? */
static int check_mount(const struct memfile_spec *spec, const char *path, char *why, size_t size)
{
    const uint64_t wanted = spec->bytes / spec->hugepage_bytes;
    char has[WHY_NUMBER_BYTES], wants[WHY_NUMBER_BYTES];
    struct statfs fs;

    if (statfs(path, &fs) < 0)
        return why_not(-errno, why, size, "zone '%s': mount '%s': %s", spec->name, path,
                       strerror(errno));
    if (fs.f_type != HUGETLBFS_MAGIC)
        return why_not(-ENOENT, why, size, "zone '%s': '%s' is no mount of hugetlbfs", spec->name,
                       path);
    if ((uint64_t)fs.f_bsize != spec->hugepage_bytes)
        return why_not(-EINVAL, why, size, "zone '%s': mount '%s' has hugepages of %s, not of %s",
                       spec->name, path, why_bytes((uint64_t)fs.f_bsize, has),
                       why_bytes(spec->hugepage_bytes, wants));
    if (fs.f_blocks && fs.f_bfree < wanted)
        return why_not(-ENOSPC, why, size,
                       "zone '%s': %" PRIu64 " hugepages of %s wanted, %" PRIu64 " of the %" PRIu64
                       " that mount '%s' is limited to are free; mount it with a larger size=",
                       spec->name, wanted, why_bytes(spec->hugepage_bytes, wants),
                       (uint64_t)fs.f_bfree, (uint64_t)fs.f_blocks, path);
    return 0;
}

static int open_on_mount(const struct memfile_spec *spec, int *ret, char *why, size_t size)
{
    const char *path = spec->mount ? spec->mount : hugepage_mount(spec->hugepage_bytes);
    char wants[WHY_NUMBER_BYTES];
    int fd, rc;

    if (!path)
        return why_not(-ENOENT, why, size,
                       "zone '%s': no mount of hugetlbfs with hugepages of %s that may be written "
                       "to; make one: mount -t hugetlbfs -o pagesize=%" PRIu64 "K none DIRECTORY",
                       spec->name, why_bytes(spec->hugepage_bytes, wants),
                       spec->hugepage_bytes / 1024);
    rc = check_mount(spec, path, why, size);
    if (rc < 0)
        return rc;
    /* It never has a name, and O_EXCL: it never can have one. */
    fd = open(path, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return why_not(-errno, why, size, "zone '%s': cannot create a file on mount '%s': %s",
                       spec->name, path, strerror(errno));
    *ret = fd;
    return 0;
}

/* ---- hugepages ---- */

/** Do the counters say that it cannot succeed? Then say it with them. */
static int check_pool(const struct memfile_spec *spec, char *why, size_t size)
{
    const uint64_t wanted = spec->bytes / spec->hugepage_bytes;
    char number[WHY_NUMBER_BYTES], where[32] = "", hint[192];
    struct hugepage_pool pool;
    int rc;

    rc = hugepage_pool_read(spec->hugepage_bytes, spec->node, &pool);
    if (rc < 0)
        return why_not(rc, why, size, "zone '%s': cannot read the counters of hugepages of %s: %s",
                       spec->name, why_bytes(spec->hugepage_bytes, number), strerror(-rc));
    if (pool.available >= wanted)
        return 0;
    if (spec->node >= 0)
        (void)snprintf(where, sizeof(where), " on node %d", spec->node);
    hugepage_pool_hint(spec->hugepage_bytes, spec->node, pool.total + wanted - pool.available, hint,
                       sizeof(hint));
    return why_not(-ENOSPC, why, size,
                   "zone '%s': %" PRIu64 " hugepages of %s wanted%s, %" PRIu64
                   " can be had (%" PRIu64 " free of %" PRIu64
                   " in the pool); reserve more with: %s",
                   spec->name, wanted, why_bytes(spec->hugepage_bytes, number), where,
                   pool.available, pool.free, pool.total, hint);
}

static int populate_hugepages(const struct memfile_spec *spec, int fd, char *why, size_t size)
{
    const uint64_t wanted = spec->bytes / spec->hugepage_bytes;
    char number[WHY_NUMBER_BYTES];
    int rc;

    rc = check_pool(spec, why, size);
    if (rc < 0)
        return rc;
    rc = memfile_range_allocate(fd, 0, spec->bytes, spec->node);
    if (rc < 0)
        return why_not(rc, why, size,
                       "zone '%s': cannot allocate %" PRIu64 " hugepages of %s: %s; the pool has "
                       "them, so somebody else was faster, or a hugetlb cgroup or a limit of the "
                       "mount forbids it",
                       spec->name, wanted, why_bytes(spec->hugepage_bytes, number), strerror(-rc));
    return 0;
}

/* ---- shmem ---- */

static int check_room(const struct memfile_spec *spec, uint64_t rest, char *why, size_t size)
{
    /* The kernel's own cost: page structs exist already; page tables and the file's tree do not. */
    const uint64_t wanted = rest + rest / 256 + SHMEM_SPARE_BYTES;
    struct memory_room room;
    int rc;

    rc = memory_room_read(spec->node, &room);
    if (rc < 0)
        return why_not(rc, why, size, "zone '%s': cannot see how much memory is free: %s",
                       spec->name, strerror(-rc));
    if (room.bytes >= wanted)
        return 0;
    return why_not(-ENOMEM, why, size,
                   "zone '%s': %" PRIu64 " MiB%s of shared memory wanted, and %" PRIu64
                   " MiB to spare for the kernel, but %s has %" PRIu64
                   " MiB left; make the zone smaller",
                   spec->name, rest >> 20, rest < spec->bytes ? " more" : "", (wanted - rest) >> 20,
                   room.limit, room.bytes >> 20);
}

/** Say it when transparent huge pages will not be had. */
static void look_at_shmem_enabled(const struct memfile_spec *spec)
{
    FILE *f = fopen(SHMEM_ENABLED, "re");
    char line[128] = "";

    if (!f)
        return;
    if (fgets(line, sizeof(line), f) && (strstr(line, "[never]") || strstr(line, "[deny]")))
        log_info("zone '%s' has small pages: transparent huge pages of shared memory are off; "
                 "allow them with: echo advise > " SHMEM_ENABLED,
                 spec->name);
    (void)fclose(f);
}

static int populate_shmem(const struct memfile_spec *spec, int fd, char *why, size_t size)
{
    int advise_errno = 0;
    int rc;

    for (uint64_t done = 0; done < spec->bytes;) {
        const uint64_t rest = spec->bytes - done;
        const uint64_t chunk = rest < SHMEM_CHUNK_BYTES ? rest : SHMEM_CHUNK_BYTES;

        rc = check_room(spec, rest, why, size);
        if (rc < 0)
            return rc;
        rc = memfile_range_touch(fd, done, chunk, spec->node, &advise_errno);
        if (rc < 0)
            return why_not(rc, why, size,
                           "zone '%s': cannot populate %" PRIu64 " MiB of shared memory at %" PRIu64
                           " MiB: %s",
                           spec->name, chunk >> 20, done >> 20, strerror(-rc));
        done += chunk;
    }
    if (advise_errno)
        log_warning("zone '%s' has small pages: this kernel has no transparent huge pages: %s",
                    spec->name, strerror(advise_errno));
    else
        look_at_shmem_enabled(spec);
    return 0;
}

/* ---- the whole ---- */

static int check_spec(const struct memfile_spec *spec, char *why, size_t size)
{
    const uint64_t hugepage = spec->hugepage_bytes, length = memfile_length(spec);

    if (spec->backing == BACKING_AUTO || hugepage == 0 || (hugepage & (hugepage - 1)) != 0 ||
        spec->bytes == 0 || spec->bytes % hugepage != 0 || length % hugepage != 0 ||
        length < spec->bytes || length > INT64_MAX)
        return why_not(-EINVAL, why, size,
                       "zone '%s': %" PRIu64 " bytes of %s in hugepages of %" PRIu64
                       " bytes are no memory file",
                       spec->name, spec->bytes, backing_name(spec->backing), hugepage);
    if (spec->node >= 0 && (numa_available() < 0 || spec->node > numa_max_node()))
        return why_not(-EINVAL, why, size, "zone '%s': there is no node %d", spec->name,
                       spec->node);
    return 0;
}

int memfile_create(const struct memfile_spec *spec, struct memfile *ret, char *why, size_t size)
{
    const bool on_mount = spec->backing == BACKING_HUGETLBFS;
    int fd = -1;
    int rc;

    rc = check_spec(spec, why, size);
    if (rc < 0)
        return rc;
    rc = on_mount ? open_on_mount(spec, &fd, why, size) : open_memfd(spec, &fd, why, size);
    if (rc < 0)
        return rc;
    /* A memfd is born open to everybody, who could open it again through a read-only descriptor. */
    if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)memfile_length(spec)) < 0 ||
        (!on_mount && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)) {
        rc = why_not(-errno, why, size,
                     "zone '%s': cannot set up a memory file of %" PRIu64 " bytes: %s", spec->name,
                     memfile_length(spec), strerror(errno));
        goto fail;
    }
    if (!spec->sparse)
        rc = spec->backing == BACKING_SHMEM ? populate_shmem(spec, fd, why, size)
                                            : populate_hugepages(spec, fd, why, size);
    if (rc < 0)
        goto fail;
    *ret = (struct memfile){
        .fd = fd,
        .bytes = memfile_length(spec),
        .hugepage_bytes = spec->hugepage_bytes,
        .backing = spec->backing,
        .node = spec->node,
        .sealed = !on_mount,
    };
    return 0;
fail:
    (void)close(fd);
    return rc;
}

void memfile_close(struct memfile *mf)
{
    if (mf->map)
        (void)munmap(mf->map, mf->bytes);
    mf->map = NULL;
    if (mf->fd >= 0)
        (void)close(mf->fd);
    mf->fd = -1;
}
