/* SPDX-License-Identifier: Apache-2.0 */
/* account_internal.h: what the files about accounts share. */
#ifndef MM_ACCOUNT_INTERNAL_H
#define MM_ACCOUNT_INTERNAL_H

#include "mm/account.h"
#include "zone_internal.h"

/** The account that guarantees and pageblocks are counted for. */
static inline const struct account *account_top(const struct account *a)
{
    return a->group ? a->group : a;
}

/** Is it charged what its domain holds, rather than what it is granted? */
static inline bool account_holds(const struct account *a)
{
    return a->domain != 0 && !a->group;
}

/** Pages that are guaranteed to an account in a zone, as the zone counts them. */
static inline pfn_t account_guarantee(const struct zone *z, const struct account *a, pfn_t pages)
{
    return account_holds(a) ? pages & ~(order_pages(z->pageblock_order) - 1) : pages;
}

/** What of its guarantee an account of domain 0, in no group, does not use yet. */
static inline pfn_t account_unmet(const struct account *a, unsigned zone)
{
    pfn_t guarantee = a->limits.guarantee[zone];

    return guarantee > a->used[zone] ? guarantee - a->used[zone] : 0;
}

/** Does the zone serve this account at all? */
static inline bool zone_is_for(const struct zone *z, const struct account *a)
{
    return z && a->domain < z->nr_domains;
}

/** May it have so many pages more? Of one account alone. */
bool account_has(const struct account *a, pfn_t pages, enum zone_watermark mark, unsigned flags);
/** account_refresh() of one zone, as it stands, unsettled. */
void account_sync(struct memory *m, struct account *a, unsigned zone);
/** Does a guarantee fit into the zone, beside others? Sets what of *ret says why not. */
bool guarantee_fits(const struct zone *z, uint64_t wanted, uint64_t others,
                    struct account_misfit *ret);

#endif
