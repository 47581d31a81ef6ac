/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_pass.h: one request on its way over a zonelist, shared by the fast pass and the slow path.
 */
#ifndef MM_ALLOC_PASS_H
#define MM_ALLOC_PASS_H

#include "guarantee.h"
#include "marks.h"
#include "mm/account.h"
#include "mm/page_alloc.h"

/** The block will be cut, and its tail freed: never from a GIGANTIC zone. */
#define REQUEST_CUT (1u << 31)

/** May requests of a class and type use this zone? */
static inline bool zone_serves(const struct zone *z, enum zone_kind class, enum migratetype type)
{
    return z->kind <= class && !(z->kind == ZONE_MOVABLE && type != MIGRATE_MOVABLE);
}

struct alloc_pass {
    struct memory *m;
    const struct page_request *rq;
    const struct zonelist *zl;
    enum zone_kind class; /**< the highest kind of zone that the request may use */
    uint64_t nodemask;    /**< nodes that may be used at present */
    struct zone_request zrq;
    struct zone *preferred; /**< the first zone that may be used; NULL: none */
    enum zone_watermark mark;
    unsigned rights;        /**< of the slow path: ALLOC_* that accounts are asked with, */
    unsigned reserves;      /**< or these, whichever serves */
    struct account *holder; /**< the one that is charged what the domain holds, or NULL */
    uint64_t tried;
    bool begun; /**< memory is on its way between domains */
    /** How a zone is asked for the block: pass_rmqueue(), or what only says what that would do. */
    int (*take)(struct zone *z, const struct zone_request *zrq, pfn_t *ret_pfn);
    bool forecast;   /**< take changes nothing, and nothing else may */
    bool given_back; /**< of a forecast: as if what is kept for HIGHATOMIC were free for all */
};

/** Decode a request (prepare_alloc_pages). -EINVAL when it makes no sense. */
int pass_init(struct alloc_pass *p, struct memory *m, const struct page_request *rq);
/** Find the preferred zone anew, after nodemask has changed. */
void pass_prefer(struct alloc_pass *p);
/** The i-th zone of the list, or NULL if the request may not use it, marks aside. */
struct zone *pass_zone(const struct alloc_pass *p, unsigned i);
/** Count that nr pages or blocks were granted from a zone (zone_statistics). */
void pass_count(const struct alloc_pass *p, struct zone *z, unsigned nr);
/** Ask one zone at the pass's mark; returns as zone_rmqueue(). */
int pass_try(struct alloc_pass *p, unsigned id, pfn_t *ret_pfn);
/** Try each zone of the list at the pass's mark (get_page_from_freelist). */
bool pass_run(struct alloc_pass *p, struct page_grant *ret);
/**
 * The account, or the group, that the request's pages would bring below its mark; NULL: none. Who
 * is charged by pageblocks is asked at each zone instead.
 */
struct account *pass_refuser(const struct alloc_pass *p, enum zone_watermark mark);
/** May this account have so many pages more? At low nobody has rights. */
bool pass_allows(const struct alloc_pass *p, const struct account *a, pfn_t pages,
                 enum zone_watermark mark);
/** The mark that accounts are asked for: low in the fast pass, else min. */
static inline enum zone_watermark pass_account_mark(const struct alloc_pass *p)
{
    return p->mark == WMARK_LOW ? WMARK_LOW : WMARK_MIN;
}
/**
 * Take a block from a zone where something is guaranteed, or for a domain that is charged what it
 * holds. Returns as zone_rmqueue(), and -ENOMEM when the marks, the guarantees of others or the
 * account leave nothing.
 */
int pass_rmqueue_guarded(struct alloc_pass *p, unsigned id, pfn_t *ret_pfn);
/** What of the zone's demand the request meets itself: see zone_lending(). */
pfn_t pass_credit(const struct alloc_pass *p, unsigned id);
/** How much of a zone its guarantee entitles the request to, whatever the marks say. */
enum lending pass_entitled(const struct alloc_pass *p, unsigned id);
/** What the domain comes to hold when the request is served from empty pageblocks. */
static inline pfn_t pass_held_pages(const struct alloc_pass *p, const struct zone *z)
{
    return order_pages(p->rq->order > z->pageblock_order ? p->rq->order : z->pageblock_order);
}
/** zone_rmqueue(), where a refusal by one zone is none yet. */
int pass_rmqueue(struct zone *z, const struct zone_request *zrq, pfn_t *ret_pfn);
/** Why nothing was found. */
void pass_refusal(const struct alloc_pass *p, struct refusal *ret);

/** The rights of a request in the slow path (gfp_to_alloc_flags). */
unsigned slowpath_flags(const struct page_request *rq);
/** Rights beyond every mark, and none for all others (__gfp_pfmemalloc_flags). */
unsigned slowpath_reserves(const struct page_request *rq);
/** Everything behind the fast pass. Returns 0, -ENOMEM or -EINPROGRESS. */
int slowpath(struct alloc_pass *p, const struct path_ops *ops, void *ctx, struct page_grant *ret);

#endif
