/* SPDX-License-Identifier: Apache-2.0 */
/* hugepage_pool.c: the hugepages of the host, from libhugetlbfs and sysfs. */
#include "hugepage_pool.h"

#include <errno.h>
#include <hugetlbfs.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_TRANSPARENT_BYTES (UINT64_C(2) << 20)

static int compare_sizes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

size_t hugepage_sizes(uint64_t ret[HUGEPAGE_MAX_SIZES])
{
    long sizes[HUGEPAGE_MAX_SIZES];
    const int nr = gethugepagesizes(sizes, HUGEPAGE_MAX_SIZES);

    if (nr <= 0)
        return 0;
    for (int i = 0; i < nr; i++)
        ret[i] = (uint64_t)sizes[i];
    qsort(ret, (size_t)nr, sizeof(ret[0]), compare_sizes);
    return (size_t)nr;
}

uint64_t hugepage_default_size(void)
{
    const long size = gethugepagesize();

    return size > 0 ? (uint64_t)size : 0;
}

/** The one number in a file. */
static int read_number(const char *path, uint64_t *ret)
{
    FILE *f = fopen(path, "re");
    uint64_t value;
    int rc = 0;

    if (!f)
        return -errno;
    if (fscanf(f, "%" SCNu64, &value) == 1)
        *ret = value;
    else
        rc = -EIO;
    (void)fclose(f);
    return rc;
}

uint64_t hugepage_transparent_size(void)
{
    uint64_t size = 0;

    if (read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", &size) < 0 || size == 0)
        return DEFAULT_TRANSPARENT_BYTES;
    return size;
}

/** The folder of sysfs with the counters for a size. */
static void pool_path(uint64_t hugepage_bytes, int node, char *ret, size_t size)
{
    if (node < 0)
        (void)snprintf(ret, size, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB",
                       hugepage_bytes / 1024);
    else
        (void)snprintf(ret, size,
                       "/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64 "kB", node,
                       hugepage_bytes / 1024);
}

static int read_counter(uint64_t hugepage_bytes, int node, const char *name, uint64_t *ret)
{
    char folder[128], path[192];

    pool_path(hugepage_bytes, node, folder, sizeof(folder));
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return read_number(path, ret);
}

int hugepage_pool_read(uint64_t hugepage_bytes, int node, struct hugepage_pool *ret)
{
    uint64_t all_free = 0, reserved = 0, overcommit = 0, surplus = 0;
    struct hugepage_pool pool = {0};
    int rc;

    if ((rc = read_counter(hugepage_bytes, node, "nr_hugepages", &pool.total)) < 0 ||
        (rc = read_counter(hugepage_bytes, node, "free_hugepages", &pool.free)) < 0 ||
        (rc = read_counter(hugepage_bytes, -1, "free_hugepages", &all_free)) < 0 ||
        (rc = read_counter(hugepage_bytes, -1, "resv_hugepages", &reserved)) < 0 ||
        (rc = read_counter(hugepage_bytes, -1, "nr_overcommit_hugepages", &overcommit)) < 0 ||
        (rc = read_counter(hugepage_bytes, -1, "surplus_hugepages", &surplus)) < 0)
        return rc;
    /* Reservations are not a node's: any free hugepage may be the one that somebody counts on. */
    pool.available = all_free > reserved ? all_free - reserved : 0;
    if (pool.available > pool.free)
        pool.available = pool.free;
    if (overcommit > surplus)
        pool.available += overcommit - surplus;
    *ret = pool;
    return 0;
}

void hugepage_pool_hint(uint64_t hugepage_bytes, int node, uint64_t total, char *ret, size_t size)
{
    char folder[128];

    if (node < 0 && hugepage_bytes == hugepage_default_size()) {
        (void)snprintf(ret, size, "sysctl vm.nr_hugepages=%" PRIu64, total);
        return;
    }
    pool_path(hugepage_bytes, node, folder, sizeof(folder));
    (void)snprintf(ret, size, "echo %" PRIu64 " > %s/nr_hugepages", total, folder);
}

const char *hugepage_mount(uint64_t hugepage_bytes)
{
    return hugetlbfs_find_path_for_size((long)hugepage_bytes);
}
