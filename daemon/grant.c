/* SPDX-License-Identifier: Apache-2.0 */
/* grant.c: alloc_pages() and the handle table, joined so that neither is ever ahead for long. */
#include "grant.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

/* There is no queue to wait in: a request that would have to wait is refused. */
#define GRANT_FLAGS ALLOC_NOWAIT

static pfn_t grant_pfn(const struct grant *g, uint32_t i)
{
    return (pfn_t)(g->offset[i] >> CONFIG_PAGE_SHIFT);
}

static void grant_set(struct grant *g, uint32_t i, uint32_t zone, pfn_t pfn, unsigned order)
{
    g->zone[i] = zone;
    g->offset[i] = (uint64_t)pfn << CONFIG_PAGE_SHIFT;
    g->order[i] = order;
}

/* Undo blocks 0 to nr - 1, which are not committed. */
static void grant_undo(struct zone_set *zs, const struct grant *g, uint32_t nr)
{
    while (nr-- > 0) {
        int error = zone_free(zs->entry[g->zone[nr]].zone, grant_pfn(g, nr));

        assert(!error);
        (void)error;
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

/* Take one block under a handle that is reserved already. */
static int take(const struct grant_request *rq, unsigned order, uint64_t handle, uint32_t *ret_zone,
                pfn_t *ret_pfn, struct refusal *ret_refusal)
{
    struct zone_request zrq = {
        .order = order,
        .type = rq->type,
        .domain = 0,
        .flags = GRANT_FLAGS,
        .tag = handle_tag(handle),
    };
    unsigned index;
    int error = alloc_pages(rq->zonelist, &zrq, &index, ret_pfn, ret_refusal);

    if (error)
        return error;
    *ret_zone = rq->zonelist->id[index];
    return 0;
}

static int alloc_blocks(struct zone_set *zs, const struct grant_request *rq, struct grant *g,
                        struct refusal *ret_refusal)
{
    uint32_t i;
    int error;

    for (i = 0; i < rq->count; i++) {
        uint32_t zone;
        pfn_t pfn;

        error = handle_get(zs->handles, &g->handle[i]);
        if (error)
            goto undo;
        error = take(rq, rq->order, g->handle[i], &zone, &pfn, ret_refusal);
        if (error) {
            handle_put(zs->handles, g->handle[i], NULL);
            goto undo;
        }
        grant_set(g, i, zone, pfn, rq->order);
    }
    g->nr = rq->count;
    return 0;

undo:
    grant_undo(zs, g, i);
    return error;
}

static unsigned covering_order(pfn_t nr_pages)
{
    return nr_pages <= 1 ? 0 : 32u - (unsigned)__builtin_clz(nr_pages - 1);
}

/*
 * Cut an allocated block down to its first nr_pages pages: one block for each bit that is set, the
 * largest first; what is behind them is freed. All of its pieces have a reserved handle.
 */
static void cut(struct zone *z, struct grant *g, uint32_t zone, pfn_t pfn, unsigned order,
                pfn_t nr_pages)
{
    uint32_t i = 0;
    int error = 0;

    while (nr_pages < (pfn_t)1 << order) {
        pfn_t half = (pfn_t)1 << --order;
        bool in_upper = nr_pages > half;

        error |= zone_split(z, pfn, in_upper ? handle_tag(g->handle[i + 1]) : 0);
        if (!in_upper) {
            error |= zone_free(z, pfn + half);
            continue;
        }
        grant_set(g, i++, zone, pfn, order);
        pfn += half;
        nr_pages -= half;
    }
    grant_set(g, i, zone, pfn, order);
    g->nr = i + 1;
    /* The block was allocated a moment ago by this thread: it begins there, and does not move. */
    assert(!error);
}

static int alloc_exact(struct zone_set *zs, const struct grant_request *rq, struct grant *g,
                       struct refusal *ret_refusal)
{
    uint32_t nr = (uint32_t)__builtin_popcount(rq->exact_pages);
    unsigned order = covering_order(rq->exact_pages);
    uint32_t got;
    uint32_t zone;
    pfn_t pfn;
    int error;

    for (got = 0; got < nr; got++) {
        error = handle_get(zs->handles, &g->handle[got]);
        if (error)
            goto undo;
    }
    error = take(rq, order, g->handle[0], &zone, &pfn, ret_refusal);
    if (error)
        goto undo;
    cut(zs->entry[zone].zone, g, zone, pfn, order, rq->exact_pages);
    return 0;

undo:
    while (got-- > 0)
        handle_put(zs->handles, g->handle[got], NULL);
    return error;
}

int grant_alloc(struct zone_set *zs, struct holdings *holdings, const struct grant_request *rq,
                struct grant *g, struct refusal *ret_refusal)
{
    int error = rq->exact_pages ? alloc_exact(zs, rq, g, ret_refusal)
                                : alloc_blocks(zs, rq, g, ret_refusal);

    if (error)
        return error;
    grant_commit(zs, holdings, g, rq->type);
    return 0;
}

/*
 * The name goes first: a block that no handle names is known as lost by a walk over the zone, but a
 * handle that names a free block would be believed.
 */
static void release(struct zone_set *zs, struct holdings *holdings, const struct handle_info *info)
{
    struct zone *z = zs->entry[info->zone].zone;
    struct zone_block block = {0};
    int error;
    bool agree = zone_block(z, info->pfn, &block) == 0 && block.tag == handle_tag(info->handle);

    assert(agree);
    (void)agree;
    holdings->pages_by_type[block.type] -= (uint64_t)1 << block.order;
    handle_put(zs->handles, info->handle, &holdings->owner);
    error = zone_free(z, info->pfn);
    assert(!error);
    (void)error;
}

int grant_free(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    struct handle_info info;

    if (handle_find(zs->handles, handle, &info) || info.owner != holdings->owner.id)
        return -ESTALE;
    release(zs, holdings, &info);
    return 0;
}

uint32_t grant_free_some(struct zone_set *zs, struct holdings *holdings, uint32_t max)
{
    while (holdings->owner.nr && max-- > 0) {
        struct handle_info info;
        int error = handle_find(zs->handles, handle_first(zs->handles, &holdings->owner), &info);

        assert(!error);
        (void)error;
        release(zs, holdings, &info);
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
