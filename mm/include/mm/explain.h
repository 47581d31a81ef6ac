/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h: what alloc_pages() would answer to a request, and why: each account and zone that is
 * asked, every number of the sums, the first that says no, and what would make it a yes.
 *
 * It is the allocator's own code that decides, with nothing taken at the end; so the answer is that
 * of alloc_pages() without callbacks, but for one forecast: where blocks kept for HIGHATOMIC would
 * be given back before a refusal, all of a domain's count as given back at once.
 */
#ifndef MM_EXPLAIN_H
#define MM_EXPLAIN_H

#include "mm/account.h"
#include "mm/page_alloc.h"

/** Why a zone of the zonelist is not asked at all. */
enum explain_bar {
    BAR_NONE = 0,
    BAR_KIND,     /**< a kind of zone that the request's class, or type, may not use */
    BAR_NODEMASK, /**< not lifted by its rights either */
    BAR_ZONE,     /**< the zone itself may not */
    BAR_DOMAIN,   /**< the zone does not serve the domain */
};

/**
 * One mark asked: left_pages > mark_pages + reserve_pages + unmet_pages says yes. All in pages; of
 * an account only free, order, mark, marked and the rights are not 0.
 */
struct explain_mark {
    enum zone_watermark mark;
    bool ok;            /**< the sum says yes */
    int64_t left_pages; /**< free - order - highatomic - cma */
    uint64_t free_pages;
    uint64_t order_pages;      /**< 2^order - 1; of an account that is charged pageblocks, of one */
    uint64_t highatomic_pages; /**< free, but kept; 0 for who has a right to them */
    uint64_t cma_pages;
    uint64_t mark_pages;   /**< after boost and rights */
    uint64_t marked_pages; /**< before both */
    uint64_t boost_pages;
    uint64_t reserve_pages; /**< lowmem_reserve */
    uint64_t unmet_pages;   /**< what others are guaranteed and do not use */
    unsigned rights;        /**< ALLOC_* */
};

/** Whom the request asks, in order: its account, its group, each zone of the zonelist. */
struct explain_step {
    enum refusal_scope scope;
    const struct account *account; /**< or NULL */
    unsigned zone;                 /**< REFUSED_BY_ZONE: its id */
    enum explain_bar bar;          /**< then nothing below is set */
    struct explain_mark fast;
    struct explain_mark slow;
    bool entitled;     /**< the account's guarantee covers it: no mark is asked */
    bool ok;           /**< it serves, or lets pass, the request in the end */
    bool waits;        /**< it would, when a pageblock has passed to the domain */
    int largest_order; /**< free for the domain, or -1 */
    int frag_index;    /**< zone_fragindex() */
    uint64_t
        missing_pages; /**< to be freed for the slow pass's yes; 0 while not ok: fragmentation */
};

struct explanation {
    int result; /**< what alloc_pages() would return */
    int zone;   /**< that would serve it, or -1 */
    unsigned nr_steps;
    int first_no; /**< the first step that says no in the end, if that is the result; or -1 */
    int grantable_order; /**< the largest order below that would be granted, or -1 */
    unsigned
        helping_right; /**< the first of REQUEST_HIGH, _VICTIM, _RESERVE, _CMA that would help */
    bool gives_back;   /**< what is kept for HIGHATOMIC would be given back first */
    struct explain_step step[2 + MAX_ZONES];
};

/**
 * Explain. Nothing changes but what zones put off until somebody looks. Returns 0; -EINVAL when the
 * request makes no sense. O(zones x orders).
 */
int alloc_explain(struct memory *m, const struct page_request *rq, struct explanation *ret);

#endif
