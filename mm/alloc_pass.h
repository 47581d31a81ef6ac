/* SPDX-License-Identifier: Apache-2.0 */
/* alloc_pass.h: one request on its way over a zonelist, shared by the fast pass and the slow path.
 */
#ifndef MM_ALLOC_PASS_H
#define MM_ALLOC_PASS_H

#include "marks.h"
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
    uint64_t tried;
    bool begun; /**< memory is on its way between domains */
};

/** Decode a request (prepare_alloc_pages). -EINVAL when it makes no sense. */
int pass_init(struct alloc_pass *p, struct memory *m, const struct page_request *rq);
/** Find the preferred zone anew, after nodemask has changed. */
void pass_prefer(struct alloc_pass *p);
/** The i-th zone of the list, or NULL if the request may not use it, marks aside. */
struct zone *pass_zone(const struct alloc_pass *p, unsigned i);
/** Count that nr pages or blocks were granted from a zone (zone_statistics). */
void pass_count(const struct alloc_pass *p, struct zone *z, unsigned nr);
/** Try each zone of the list at the pass's mark (get_page_from_freelist). */
bool pass_run(struct alloc_pass *p, struct page_grant *ret);
/** Why nothing was found. */
void pass_refusal(const struct alloc_pass *p, struct refusal *ret);

/** The rights of a request in the slow path (gfp_to_alloc_flags). */
unsigned slowpath_flags(const struct page_request *rq);
/** Everything behind the fast pass. Returns 0, -ENOMEM or -EINPROGRESS. */
int slowpath(struct alloc_pass *p, const struct path_ops *ops, void *ctx, struct page_grant *ret);

#endif
