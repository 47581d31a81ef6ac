/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_alloc.h: a request's way over the zones: a fast pass at the low mark, then the slow path.
 *
 * The order of steps is that of Linux (__alloc_pages, __alloc_pages_slowpath). What those steps do
 * beside asking the zones, to reclaim, compact, drain, wake, is the caller's: struct path_ops.
 */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "mm/memory.h"

/* What a caller may say of its request; the names behind are Linux's. */
/** It may wait for reclaim and compaction (__GFP_DIRECT_RECLAIM). */
#define REQUEST_MAY_WAIT (1u << 0)
/** The balancer may be woken for it (__GFP_KSWAPD_RECLAIM). */
#define REQUEST_WAKE (1u << 1)
/** High priority: half of the min mark, and more if it cannot wait (__GFP_HIGH). */
#define REQUEST_HIGH (1u << 2)
/** One try of each kind is enough (__GFP_NORETRY). */
#define REQUEST_NORETRY (1u << 3)
/** Try long, but rather fail than end another client (__GFP_RETRY_MAYFAIL). */
#define REQUEST_RETRY_MAYFAIL (1u << 4)
/** Only from its node (__GFP_THISNODE). */
#define REQUEST_THISNODE (1u << 5)
/** No reserves, whatever else is said (__GFP_NOMEMALLOC). */
#define REQUEST_NO_RESERVES (1u << 6)
/** The right to all reserves: it frees memory by getting some (PF_MEMALLOC). */
#define REQUEST_RESERVE (1u << 7)
/** It is being ended as the last resort (tsk_is_oom_victim). */
#define REQUEST_VICTIM (1u << 8)
/** Only from zones with low physical addresses (__GFP_DMA32). */
#define REQUEST_DMA32 (1u << 9)
/** Movable memory from CMA areas too. */
#define REQUEST_CMA (1u << 10)
/** High priority without the right to what is kept for HIGHATOMIC, or to have more kept. */
#define REQUEST_NO_HIGHATOMIC (1u << 11)
/**
 * It may wait for a pageblock that passes from another domain, if not for reclaim: that takes less
 * than a millisecond, and no more than what is free.
 */
#define REQUEST_MAY_PASS (1u << 12)

/** The largest order for which the slow path keeps trying (PAGE_ALLOC_COSTLY_ORDER). */
#define COSTLY_ORDER 3u

/** What a compaction came to (compact_result), as far as the path minds. */
enum compact_result {
    COMPACT_SKIPPED,  /**< too little is free to compact with */
    COMPACT_DEFERRED, /**< it failed too often lately */
    COMPACT_FAILED,   /**< done to the end, and no block came of it */
    COMPACT_SUCCESS,  /**< a block of the order has come to be */
    COMPACT_CONTINUE, /**< under way, and takes time */
};

/** How hard to compact: downwards it grows more serious. */
enum compact_priority {
    COMPACT_FULL = 0,
    COMPACT_LIGHT = 1,
    COMPACT_ASYNC = 2,
};

/** A request. Zero-filled it is one unmovable page from anywhere, now or never. */
struct page_request {
    unsigned order;
    enum migratetype type; /**< one of the NR_MOBILITIES */
    unsigned domain;
    uint64_t tag;
    unsigned flags;             /**< REQUEST_* */
    unsigned node;              /**< to prefer */
    unsigned caller_node;       /**< where the caller runs; for statistics */
    uint64_t nodemask;          /**< bit n: node n may be used; 0: all */
    uint64_t barred_zones;      /**< bit i: zone i must not be used, whatever its rights */
    const struct requester *by; /**< for the page owner record; NULL: unknown */
    struct account *account;    /**< that is asked and charged, with its group; NULL: none */
    /** Where it is, if it waits for a compaction; NULL: it does not wait for one. */
    struct path_progress *progress;
};

/**
 * How far a request has come that waits for a compaction. The caller keeps it from one try to the
 * next; zero-filled at first. After -EINPROGRESS, waits says that it is a compaction that is waited
 * for; after any other answer the record is not to be used again. The rest is the path's.
 */
struct path_progress {
    bool waits;
    bool first; /**< for the compaction before all reclaim */
    bool freed; /**< the last reclaim had progress */
    enum compact_priority priority;
    unsigned sequence; /**< of the zonelists, when it began */
    int no_progress;
    int compactions;
};

/** For barred_zones: all zones but one. */
static inline uint64_t only_zone(unsigned zone)
{
    return ~((uint64_t)1 << zone);
}

/** What was granted. */
struct page_grant {
    unsigned zone; /**< its id */
    pfn_t pfn;
    unsigned order;
};

enum refusal_reason {
    REFUSAL_NONE = 0,
    REFUSAL_SHORTAGE,      /**< too few free pages, above the mark if that is not 0 */
    REFUSAL_FRAGMENTATION, /**< enough, but not together */
    REFUSAL_NO_ZONE,       /**< no zone that may be used can ever hold such a block */
};

/** Who refuses. */
enum refusal_scope {
    REFUSED_BY_ZONE = 0,
    REFUSED_BY_ACCOUNT, /**< the request's own */
    REFUSED_BY_GROUP,   /**< its account's group */
};

/**
 * Why a request was refused: the zone that came nearest, and its numbers. When an account refuses,
 * that is the reason (a shortage), and the zone's numbers are for what they are worth.
 */
struct refusal {
    enum refusal_reason reason;
    enum refusal_scope scope;
    unsigned zone; /**< the id of the zone that may be used and has the most free pages */
    unsigned order;
    pfn_t free_pages;
    enum zone_watermark mark;      /**< the last that was asked; of the account, if that refuses */
    pfn_t mark_pages;              /**< with its boost */
    pfn_t reserve_pages;           /**< kept from requests that could use higher zones */
    int largest_order;             /**< -1: nothing is free */
    int frag_index;                /**< zone_fragindex() */
    uint64_t tried;                /**< bit i: zone i was tried */
    pfn_t unmet_others;            /**< what others are guaranteed in the zone and do not use yet */
    const struct account *account; /**< that refuses, or NULL; the rest is its numbers */
    uint64_t account_mark_pages;
    uint64_t max_pages;
    uint64_t used_pages;
};

/** What the path does beside asking the zones. Each may be NULL: nothing, no progress, no result.
 */
struct path_ops {
    /**
     * Reclaim from what is the account's own (or its members'), until it is above high again. Asked
     * first, when the account is below low; returns pages that were uncharged.
     */
    pfn_t (*reclaim_account)(void *ctx, struct account *account, const struct page_request *rq);
    /**
     * Let the balancer know that the zone is low for requests of this order, class and domain; see
     * balancer_wake(). may_wait: who asks can reclaim by itself.
     */
    void (*wake_balancer)(void *ctx, unsigned zone, unsigned order, enum zone_kind class,
                          unsigned domain, bool may_wait);
    /** Reclaim for this request; returns pages that were freed. */
    pfn_t (*reclaim)(void *ctx, const struct page_request *rq);
    /**
     * Compact until there is a block for this request. COMPACT_CONTINUE: it is under way; if the
     * request can wait for that (rq->progress) it answers -EINPROGRESS, and when it is tried again
     * this is asked again, with the same priority, for the result. Else that counts as skipped.
     */
    enum compact_result (*compact)(void *ctx, const struct page_request *rq,
                                   enum compact_priority priority);
    /** Have the clients' pcps given back. */
    void (*drain)(void *ctx);
    /** Pages of the zone that reclaim could free. */
    pfn_t (*reclaimable)(void *ctx, unsigned zone);
    /** End a client so that memory comes back; returns whether one was found. */
    bool (*last_resort)(void *ctx, const struct page_request *rq);
};

/**
 * Allocate 2^order pages. ops may be NULL.
 * Returns 0 and the grant; -ENOMEM and the refusal; -EINPROGRESS when memory is on its way between
 * domains, or the request waits for a compaction (rq->progress->waits): ask again later; -EINVAL
 * when the request makes no sense, or its domain is not its account's. What is granted is charged.
 * O(zones) for each pass.
 */
int alloc_pages(struct memory *m, const struct path_ops *ops, void *ctx,
                const struct page_request *rq, struct page_grant *ret, struct refusal *ret_refusal);

/**
 * Allocate up to nr single pages, tags[i] for the i-th (alloc_pages_bulk): from one zone of the
 * preferred node that stays above low with all of them; whatever stands in the way, one ordinary
 * request is made for the first. Returns how many were granted, 0 to nr: less is legal. rq->order
 * is not looked at.
 */
unsigned alloc_pages_bulk(struct memory *m, const struct path_ops *ops, void *ctx,
                          const struct page_request *rq, unsigned nr, const uint64_t *tags,
                          struct page_grant *ret);

/** Where a request may be served, and as what the zones see it. */
struct request_zones {
    unsigned nr;
    uint8_t id[MAX_ZONES]; /**< in the order in which they are tried */
    enum zone_kind class;  /**< the highest kind of them */
    unsigned flags;        /**< ALLOC_*, of the slow path */
};

/**
 * The zones that a request may use, marks and rights beyond its nodemask aside: for path_ops. None
 * for one that makes no sense.
 */
void request_zones(struct memory *m, const struct page_request *rq, struct request_zones *ret);

/** Blocks that an exact number of pages can consist of at most. */
#define EXACT_MAX_BLOCKS NR_PAGE_ORDERS

/**
 * Allocate exactly nr_pages contiguous pages (alloc_pages_exact): the smallest block that holds
 * them is cut into one block for each bit of nr_pages, ascending, and its tail is freed. tags: one
 * for each of them. Returns how many blocks, or as alloc_pages(). rq->order is not looked at.
 */
int alloc_pages_exact(struct memory *m, const struct path_ops *ops, void *ctx,
                      const struct page_request *rq, pfn_t nr_pages, const uint64_t *tags,
                      struct page_grant *ret, struct refusal *ret_refusal);

#endif
