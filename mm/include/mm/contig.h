/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contig.h: contiguous ranges of any number of pages, for which granted blocks move away.
 *
 * A granted range is made of the fewest aligned blocks: block_order_in(start, end) is the order of
 * the first, and so on behind it. Each has a tag of its own and is freed apart.
 *
 * With several domains only pageblocks that lie in the domain's own file are used: a range that is
 * empty but lies elsewhere is not passed.
 *
 * CMA areas are pageblocks that movable requests with ALLOC_CMA may use, and that only contiguous
 * requests get for anything else.
 */
#ifndef MM_CONTIG_H
#define MM_CONTIG_H

#include "mm/evacuate.h"

struct contig_request {
    pfn_t nr_pages;        /**< any number from 1 */
    unsigned align_order;  /**< alloc_contig_pages(): the range begins at a multiple of 2^this */
    enum migratetype type; /**< one of the NR_MOBILITIES: of the blocks that are granted; in a
                                MOVABLE zone MOVABLE alone */
    unsigned domain;
    unsigned flags;      /**< ALLOC_CMA: in CMA areas, too; nothing else */
    unsigned max_moves;  /**< that are under way at a time; 0: EVACUATE_MOVES */
    const uint64_t *tag; /**< of the blocks, in order; to be kept until the request has ended */
    unsigned nr_tags;    /**< block_count_in() of the range, or more */
    bool may_discard;    /**< RECLAIMABLE blocks in the way may be discarded: evacuate.h */
    unsigned slice;      /**< blocks to look at in one call, about; 0: all (evacuate.h) */
    const struct requester *by; /**< for the page owner records, kept as long; NULL: unknown */
};

/** One contiguous request on its way. The caller's memory; start is for the caller to read. */
struct contig {
    struct evacuation ev; /**< for evacuate_cancel() */
    struct contig_request rq;
    pfn_t start;    /**< of the range that is, or will be, granted */
    unsigned types; /**< a set: of the pageblocks of the present window */
    bool slides;    /**< if that cannot be had, the next one is tried */
    bool pinned;    /**< for the caller to read: one was passed over for a block in use */
};

/** The order of the first of the fewest aligned blocks that make up start to end - 1. */
unsigned block_order_in(pfn_t start, pfn_t end);
/** How many these are. */
unsigned block_count_in(pfn_t start, pfn_t nr_pages);

/**
 * Make whole free pageblocks a CMA area (init_cma_reserved_pageblock in Linux). Returns 0; -EBUSY
 * with *ret_obstacle, which may be NULL, when one is not free, or kept for something else; -EINVAL
 * when the range is empty, not of whole pageblocks, or leaves the zone. Nothing is changed then.
 */
int zone_cma_init(struct zone *z, pfn_t start, pfn_t nr_pages, struct zone_obstacle *ret_obstacle);

/**
 * Take the range that begins at start (alloc_contig_range). It lies wholly in CMA areas, which
 * takes ALLOC_CMA, or wholly outside. Marks are for the caller to ask before.
 *
 * Returns 0 when it is granted; -EINPROGRESS when blocks have to move: call contig_continue();
 * -EAGAIN with *ret_obstacle when only blocks in use are in the way: call it when they may not be
 * any more; -EBUSY with *ret_obstacle; -ENOMEM with *ret_obstacle, a block that has no room
 * elsewhere; -EINVAL for a request or a range that cannot be; then nothing is changed. ret_obstacle
 * may be NULL. Granted UNMOVABLE and RECLAIMABLE blocks make their pageblocks' type theirs, outside
 * CMA areas, as a claim does; other pageblocks that were emptied are what they were.
 */
int alloc_contig_range(struct zone *z, pfn_t start, const struct contig_request *rq,
                       struct contig *c, struct zone_obstacle *ret_obstacle);
/**
 * Take the first range of the zone that can be had (alloc_contig_pages): windows begin at
 * pageblocks, aligned as asked for; with ALLOC_CMA those in CMA areas are tried first. Windows for
 * which rq has too few tags, or with a block that is in use, are passed over. Returns as above;
 * -ENOMEM when there is none: then *ret_obstacle is what stood in the way of the last one;
 * OBSTACLE_NONE: less is free than is asked for.
 */
int alloc_contig_pages(struct zone *z, const struct contig_request *rq, struct contig *c,
                       struct zone_obstacle *ret_obstacle);
/**
 * To be called when a move has ended. Returns as alloc_contig_range(); when it fails, nothing is
 * isolated any more, and what has moved has moved. evacuate_cancel(&c->ev) gives it up.
 */
int contig_continue(struct contig *c, struct zone_obstacle *ret_obstacle);

#endif
