/* SPDX-License-Identifier: Apache-2.0 */
/* account_limits.c: the formulas: which marks an account has by default, and what can be guaranteed
 * in a zone. */
#include <errno.h>

#include "account_internal.h"
#include "mm/highatomic.h"

/** min is at most this part of max: the kernel's least min would leave a small account nothing. */
#define MIN_SHARE 8u

void account_default_marks(uint64_t max_pages, unsigned page_shift,
                           const struct mm_settings *settings, uint64_t ret[NR_WMARKS])
{
    uint64_t factor = settings->watermark_scale_factor, kbytes, min, gap;
    unsigned shift = page_shift - 10;

    for (unsigned i = 0; i < NR_WMARKS; i++)
        ret[i] = 0;
    if (max_pages == ACCOUNT_UNLIMITED || settings->min_free_kbytes == MIN_FREE_NONE)
        return;
    /* Above this min_free_kbytes() says its maximum anyway, and isqrt() would overflow. */
    kbytes = max_pages < (uint64_t)1 << 34 ? max_pages << shift : UINT64_MAX >> 5;
    min = min_free_kbytes(kbytes, 0) >> shift;
    if (min > max_pages / MIN_SHARE)
        min = max_pages / MIN_SHARE;
    gap = max_pages / 10000 * factor + max_pages % 10000 * factor / 10000;
    if (gap < min / 4)
        gap = min / 4;
    ret[WMARK_MIN] = min;
    ret[WMARK_LOW] = min + gap;
    ret[WMARK_HIGH] = min + 2 * gap;
}

/* Pages of a zone that are kept from guarantees, beside its high mark. */
static uint64_t reserves(const struct zone *z)
{
    uint64_t most = 0;

    for (unsigned class = 0; class < NR_ZONE_KINDS; class ++) {
        if (z->lowmem_reserve[class] > most)
            most = z->lowmem_reserve[class];
    }
    return most + highatomic_max(z) +
           ((uint64_t)z->nr_pageblocks[MIGRATE_CMA] << z->pageblock_order);
}

bool guarantee_fits(const struct zone *z, uint64_t wanted, uint64_t others,
                    struct account_misfit *ret)
{
    ret->others_pages = others;
    ret->managed_pages =
        (uint64_t)z->nr_pages - z->nr_bad - ((uint64_t)z->nr_unbacked << z->pageblock_order);
    ret->high_pages = z->wmark[WMARK_HIGH];
    ret->reserve_pages = reserves(z);
    return wanted + others + ret->high_pages + ret->reserve_pages <= ret->managed_pages;
}

int accounts_fit(struct memory *m, unsigned zone, struct account_misfit *ret)
{
    struct account_misfit misfit = {.kind = MISFIT_ZONE, .zone = zone};
    const struct zone *z = zone < m->nr_zones ? m->zone[zone] : NULL;

    if (!z || z->guaranteed == 0 || guarantee_fits(z, 0, z->guaranteed, &misfit))
        return 0;
    *ret = misfit;
    return -ENOSPC;
}
