/* SPDX-License-Identifier: Apache-2.0 */
/* pool_fixture.c: the kernel's counter of reserved hugepages, moved by what is missing. */
#include "pool_fixture.h"

#include <inttypes.h>
#include <stdio.h>

#include "hugepage_pool.h"

#define NR_HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

static uint64_t reserved_by_us;

static bool write_total(uint64_t total)
{
    FILE *f = fopen(NR_HUGEPAGES, "we");
    bool ok;

    if (!f)
        return false;
    ok = fprintf(f, "%" PRIu64 "\n", total) > 0;
    return fclose(f) == 0 && ok;
}

bool pool_need(uint64_t nr)
{
    struct hugepage_pool pool;

    if (hugepage_pool_read(POOL_HUGEPAGE, -1, &pool) < 0) {
        printf("skipped: this kernel has no hugepages of 2 MiB\n");
        return false;
    }
    if (pool.available >= nr)
        return true;
    if (write_total(pool.total + nr - pool.available)) {
        reserved_by_us += nr - pool.available;
        if (hugepage_pool_read(POOL_HUGEPAGE, -1, &pool) == 0 && pool.available >= nr)
            return true;
    }
    printf("skipped: %" PRIu64 " free hugepages of 2 MiB are needed, and cannot be reserved\n", nr);
    return false;
}

void pool_restore(void)
{
    struct hugepage_pool pool;

    if (reserved_by_us == 0 || hugepage_pool_read(POOL_HUGEPAGE, -1, &pool) < 0)
        return;
    (void)write_total(pool.total > reserved_by_us ? pool.total - reserved_by_us : 0);
    reserved_by_us = 0;
}
