/* SPDX-License-Identifier: Apache-2.0 */
/* page_alloc.c: a request's way over the zonelist, and the reason when no zone serves it. */
#include "mm/page_alloc.h"

#include <errno.h>

#include "zone_internal.h"

/* The refusal's numbers are those of the zone that came nearest: the one with the most free pages.
 */
static void consider(struct refusal *r, struct zone *z, uint32_t id, const struct zone_request *rq)
{
    pfn_t free_pages = zone_free_pages(z, rq->domain);

    r->tried |= (uint64_t)1 << id;
    if (z->nr_pages < order_pages(rq->order))
        return;
    if (r->reason != REFUSAL_NO_ZONE && free_pages <= r->free_pages)
        return;
    r->reason = free_pages >= order_pages(rq->order) ? REFUSAL_FRAGMENTATION : REFUSAL_SHORTAGE;
    r->zone = id;
    r->free_pages = free_pages;
    r->largest_order = zone_largest_free_order(z, rq->domain);
    r->frag_index = zone_fragindex(z, rq->order, rq->domain);
}

int alloc_pages(const struct zonelist *zl, const struct zone_request *rq, unsigned *ret_index,
                pfn_t *ret_pfn, struct refusal *ret_refusal)
{
    struct refusal refusal = {.reason = REFUSAL_NO_ZONE, .order = rq->order, .largest_order = -1};
    bool begun = false;

    for (unsigned i = 0; i < zl->nr; i++) {
        int r = zone_rmqueue(zl->zone[i], rq, ret_pfn);

        if (r == 0) {
            *ret_index = i;
            return 0;
        }
        if (r == -EINVAL)
            return r;
        if (r == -EINPROGRESS)
            begun = true;
    }
    if (begun)
        return -EINPROGRESS;
    for (unsigned i = 0; i < zl->nr; i++)
        consider(&refusal, zl->zone[i], zl->id[i], rq);
    *ret_refusal = refusal;
    return -ENOMEM;
}
