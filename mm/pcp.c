/* SPDX-License-Identifier: Apache-2.0 */
/* pcp.c: the sizes of the caches of free pages in front of a zone. */
#include "mm/pcp.h"

#include "zone_internal.h"

#define BATCH_SHIFT_MAX 20u /* 1 MiB */

pfn_t pcp_batch(pfn_t managed_pages, unsigned page_shift)
{
    pfn_t share = managed_pages >> 10;
    pfn_t most = page_shift < BATCH_SHIFT_MAX ? order_pages(BATCH_SHIFT_MAX - page_shift) : 1;
    pfn_t batch = (share < most ? share : most) / 4;

    if (batch < 2) /* one less than a power of two would be none */
        return 1;
    return order_pages(highest_order(batch + batch / 2)) - 1;
}
