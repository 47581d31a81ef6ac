/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_alloc.h: a request's way over the zones that it may use.
 *
 * Here the zonelist, and later the marks of zones and accounts, are asked; zone.h takes the pages.
 */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "mm/zone.h"

/** Zones that a zonelist can have at most. */
#define MAX_ZONES 64u

/** The order in which zones are tried. */
struct zonelist {
    unsigned nr;
    struct zone *zone[MAX_ZONES];
    uint32_t id[MAX_ZONES]; /**< what the caller calls zone[i] */
};

enum refusal_reason {
    REFUSAL_NONE = 0,
    REFUSAL_SHORTAGE,
    REFUSAL_FRAGMENTATION,
    REFUSAL_NO_ZONE, /**< no zone in the list can ever hold such a block */
};

/** Why a request was refused: the zone that came nearest, and its numbers. */
struct refusal {
    enum refusal_reason reason;
    uint32_t zone; /**< the id of the zone with the most free pages */
    unsigned order;
    pfn_t free_pages;
    int largest_order; /**< -1: nothing is free */
    int frag_index;    /**< zone_fragindex() */
    uint64_t tried;    /**< bit i: the zone with id i was tried */
};

/**
 * Take 2^order pages from the first zone of the list that has them (get_page_from_freelist in
 * Linux). Returns 0 and the place in the list and the pfn; -ENOMEM with *ret_refusal; -EINPROGRESS
 * or -EINVAL as zone_rmqueue().
 */
int alloc_pages(const struct zonelist *zl, const struct zone_request *rq, unsigned *ret_index,
                pfn_t *ret_pfn, struct refusal *ret_refusal);

#endif
