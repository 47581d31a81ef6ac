/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug.c: poisoning of free pages, and what becomes of a block that was written to while it was
 * free: it is out of use for good, since nobody knows who still writes there.
 */
#include "debug.h"

void debug_release(struct zone *z, pfn_t pfn, unsigned order)
{
    owner_released(z, pfn);
    if (z->debug & ZONE_DEBUG_POISON)
        z->ops->poison(z->ops_ctx, z, pfn, order);
}

bool debug_verify(struct zone *z, pfn_t pfn, unsigned order)
{
    pfn_t bad = PFN_NONE;

    if (z->debug & ZONE_DEBUG_POISON)
        bad = z->ops->verify(z->ops_ctx, z, pfn, order);
    if (bad == PFN_NONE)
        return true;
    word_store(word_at(z, pfn), word_bad(order));
    z->nr_bad += order_pages(order);
    if (z->ops->bad_page)
        z->ops->bad_page(z->ops_ctx, z, bad, pfn, order);
    return false;
}

bool debug_grant(struct zone *z, const struct zone_request *rq, pfn_t pfn)
{
    if (!debug_verify(z, pfn, rq->order))
        return false;
    owner_granted(z, rq, pfn);
    return true;
}
