/* SPDX-License-Identifier: Apache-2.0 */
/* grant.c: alloc_pages() and the handle table, joined so that neither is ever ahead for long. */
#include "grant.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "mobile.h"
#include "slot_table.h"

static pfn_t grant_pfn(const struct grant *g, uint32_t i)
{
    return (pfn_t)(g->offset[i] >> CONFIG_PAGE_SHIFT);
}

static void grant_set(struct grant *g, uint32_t i, const struct page_grant *got)
{
    g->zone[i] = got->zone;
    g->offset[i] = (uint64_t)got->pfn << CONFIG_PAGE_SHIFT;
    g->order[i] = got->order;
}

void grant_uncharge(struct zone_set *zs, const struct holdings *holdings, unsigned zone,
                    unsigned order)
{
    if (holdings->account)
        account_uncharge(&zs->memory, holdings->account, zone, order);
}

/* Undo blocks 0 to nr - 1, which are not committed. */
static void grant_undo(struct zone_set *zs, const struct holdings *holdings, const struct grant *g,
                       uint32_t nr)
{
    while (nr-- > 0) {
        int error = zone_free(zs->entry[g->zone[nr]].zone, grant_pfn(g, nr));

        assert(!error);
        (void)error;
        grant_uncharge(zs, holdings, g->zone[nr], g->order[nr]);
        handle_put(zs->handles, g->handle[nr], NULL);
    }
}

static void grant_commit(struct zone_set *zs, struct holdings *holdings, const struct grant *g,
                         enum migratetype type)
{
    for (uint32_t i = 0; i < g->nr; i++) {
        handle_commit(zs->handles, g->handle[i], &holdings->owner, g->zone[i], grant_pfn(g, i));
        holdings->pages_by_type[type] += (uint64_t)1 << g->order[i];
    }
}

struct page_request grant_page_request(const struct holdings *holdings,
                                       const struct grant_request *rq)
{
    return (struct page_request){
        .order = rq->order,
        .type = rq->type,
        .domain = holdings->account ? holdings->account->domain : 0,
        .flags = rq->flags | (rq->may_wait ? REQUEST_MAY_WAIT : 0),
        .nodemask = rq->nodemask,
        .barred_zones = rq->barred_zones | (rq->zone < 0 ? 0 : only_zone((unsigned)rq->zone)),
        .node = rq->node,
        .caller_node = rq->node,
        .account = holdings->account,
        .progress = rq->progress,
    };
}

/* Without blocks that can be moved or discarded there is nothing to do, and nobody to wake. */
static const struct path_ops *path_for(const struct zone_set *zs, struct page_request *prq)
{
    if (mobiles_used(zs->mobiles) == 0)
        return NULL;
    prq->flags |= REQUEST_WAKE;
    return zs->path;
}

int grant_pages(struct zone_set *zs, struct page_request *prq, struct page_grant *ret,
                struct refusal *ret_refusal)
{
    int error = alloc_pages(&zs->memory, path_for(zs, prq), zs->path_ctx, prq, ret, ret_refusal);

    /* The next block begins anew. */
    if (prq->progress && !(error == -EINPROGRESS && prq->progress->waits))
        *prq->progress = (struct path_progress){0};
    return error;
}

static int alloc_blocks(struct zone_set *zs, const struct holdings *holdings,
                        const struct grant_request *rq, struct grant *g,
                        struct refusal *ret_refusal)
{
    struct page_request prq = grant_page_request(holdings, rq);
    struct page_grant got;
    uint32_t i;
    int error;

    for (i = 0; i < rq->count; i++) {
        error = handle_get(zs->handles, &g->handle[i]);
        if (error)
            goto undo;
        prq.tag = handle_tag(g->handle[i]);
        error = grant_pages(zs, &prq, &got, ret_refusal);
        if (error) {
            handle_put(zs->handles, g->handle[i], NULL);
            goto undo;
        }
        grant_set(g, i, &got);
    }
    g->nr = rq->count;
    return 0;

undo:
    grant_undo(zs, holdings, g, i);
    return error;
}

static int alloc_exact(struct zone_set *zs, const struct holdings *holdings,
                       const struct grant_request *rq, struct grant *g, struct refusal *ret_refusal)
{
    uint32_t nr = (uint32_t)__builtin_popcount(rq->exact_pages);
    struct page_request prq = grant_page_request(holdings, rq);
    struct page_grant got[EXACT_MAX_BLOCKS];
    uint64_t tags[EXACT_MAX_BLOCKS] = {0};
    uint32_t i;
    int r;

    for (i = 0; i < nr; i++) {
        r = handle_get(zs->handles, &g->handle[i]);
        if (r)
            goto undo;
        tags[i] = handle_tag(g->handle[i]);
    }
    r = alloc_pages_exact(&zs->memory, path_for(zs, &prq), zs->path_ctx, &prq, rq->exact_pages,
                          tags, got, ret_refusal);
    if (r < 0)
        goto undo;
    for (i = 0; i < nr; i++)
        grant_set(g, i, &got[i]);
    g->nr = nr;
    return 0;

undo:
    while (i-- > 0)
        handle_put(zs->handles, g->handle[i], NULL);
    return r;
}

/* Blocks that may move: each has a word from now on. */
static void grant_mobile(struct zone_set *zs, struct holdings *holdings, struct grant *g,
                         const struct grant_request *rq)
{
    for (uint32_t i = 0; i < g->nr; i++) {
        mobile_grant(zs, holdings, g->handle[i], rq->type, g->order[i], rq->tell);
        g->slot[i] = mobile_slot_name(zs, g->handle[i]);
    }
    g->nr_slots = g->nr;
}

int grant_alloc(struct zone_set *zs, struct holdings *holdings, const struct grant_request *rq,
                struct grant *g, struct refusal *ret_refusal)
{
    const bool mobile = rq->type != MIGRATE_UNMOVABLE && holdings->slots;
    const uint32_t nr = rq->exact_pages ? (uint32_t)__builtin_popcount(rq->exact_pages) : rq->count;
    int error;

    if (mobile && slot_table_reserve(holdings->slots, nr))
        return -ENOBUFS;
    error = rq->exact_pages ? alloc_exact(zs, holdings, rq, g, ret_refusal)
                            : alloc_blocks(zs, holdings, rq, g, ret_refusal);
    if (error)
        return error;
    grant_commit(zs, holdings, g, rq->type);
    g->nr_slots = 0;
    if (mobile)
        grant_mobile(zs, holdings, g, rq);
    return 0;
}

/* It has no pages: there is nothing but its name. */
static void release_discarded(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    mobile_end(zs, handle);
    handle_put(zs->handles, handle, &holdings->owner);
}

/*
 * The name goes first: a block that no handle names is known as lost by a walk over the zone, but a
 * handle that names a free block would be believed.
 */
static void release(struct zone_set *zs, struct holdings *holdings, const struct handle_info *info)
{
    struct zone *z = zs->entry[info->zone].zone;
    struct zone_block block = {0};
    bool agree = zone_block(z, info->pfn, &block) == 0 && block.tag == handle_tag(info->handle);

    assert(agree);
    (void)agree;
    holdings->pages_by_type[block.type] -= (uint64_t)1 << block.order;
    if (block.type != MIGRATE_UNMOVABLE)
        mobile_end(zs, info->handle);
    handle_put(zs->handles, info->handle, &holdings->owner);
    zone_free_later(z, info->pfn);
    if (block.state == BLOCK_MOVING)
        holdings->nr_leaving++;
    else
        grant_uncharge(zs, holdings, info->zone, block.order);
}

static void take_back(struct zone_set *zs, struct holdings *holdings,
                      const struct handle_info *info)
{
    if (info->zone == MOBILE_NOWHERE)
        release_discarded(zs, holdings, info->handle);
    else
        release(zs, holdings, info);
}

void grant_left(struct zone_set *zs, struct holdings *holdings, unsigned zone, unsigned order)
{
    grant_uncharge(zs, holdings, zone, order);
    holdings->nr_leaving--;
}

int grant_free(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    struct handle_info info;

    if (handle_find(zs->handles, handle, &info) || info.owner != holdings->owner.id)
        return -ESTALE;
    take_back(zs, holdings, &info);
    return 0;
}

uint32_t grant_free_some(struct zone_set *zs, struct holdings *holdings, uint32_t max)
{
    while (holdings->owner.nr && max-- > 0) {
        struct handle_info info;
        int error = handle_find(zs->handles, handle_first(zs->handles, &holdings->owner), &info);

        assert(!error);
        (void)error;
        take_back(zs, holdings, &info);
    }
    return holdings->owner.nr;
}

uint64_t holdings_pages(const struct holdings *holdings)
{
    uint64_t pages = 0;

    for (unsigned type = 0; type < NR_MOBILITIES; type++)
        pages += holdings->pages_by_type[type];
    return pages;
}
