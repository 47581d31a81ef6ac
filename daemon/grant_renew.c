/* SPDX-License-Identifier: Apache-2.0 */
/* grant_renew.c: the pages of reclaimable blocks, taken away and given again behind one name. */
#include <assert.h>
#include <errno.h>

#include "grant.h"
#include "mobile.h"
#include "reclaim_lists.h"

int grant_discard(struct zone_set *zs, uint64_t handle, pfn_t *ret_pages)
{
    const struct mobile *m;
    struct handle_info info;
    int error;

    if (handle_find(zs->handles, handle, &info))
        return -ESTALE;
    m = mobile_of(zs, handle);
    if (!mobile_try_discard(zs, handle))
        return -EBUSY;
    m->holdings->pages_by_type[m->type] -= (uint64_t)1 << m->order;
    handle_move(zs->handles, handle, MOBILE_NOWHERE, 0);
    error = zone_free(zs->entry[info.zone].zone, info.pfn);
    assert(!error);
    (void)error;
    grant_uncharge(zs, m->holdings, info.zone, m->order);
    if (m->holdings->lists)
        reclaim_lists_discarded(zs, m->holdings, handle);
    *ret_pages = (pfn_t)1 << m->order;
    return 0;
}

/* ---- pages again ---- */

/* Are all of them the owner's? */
static int check_owner(const struct zone_set *zs, const struct holdings *holdings,
                       const uint64_t *handle, uint32_t nr, uint64_t *ret_bad)
{
    struct handle_info info;

    for (uint32_t i = 0; i < nr; i++) {
        if (handle_find(zs->handles, handle[i], &info) || info.owner != holdings->owner.id) {
            *ret_bad = handle[i];
            return -ESTALE;
        }
    }
    return 0;
}

/* Give back what the first nr were to have. One that is named twice was marked, and taken, once. */
static void undo(struct zone_set *zs, const struct holdings *holdings, const uint64_t *handle,
                 const struct grant *g, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        int error;

        if (mobile_of(zs, handle[i])->state != MOBILE_RENEWING)
            continue;
        error = zone_free(zs->entry[g->zone[i]].zone, (pfn_t)(g->offset[i] >> CONFIG_PAGE_SHIFT));
        assert(!error);
        (void)error;
        grant_uncharge(zs, holdings, g->zone[i], g->order[i]);
        mobile_renewing(zs, handle[i], false);
    }
}

static int take_pages(struct zone_set *zs, const struct holdings *holdings,
                      struct grant_request *rq, uint64_t handle, struct grant *g, uint32_t i,
                      struct refusal *ret_refusal)
{
    const struct mobile *m = mobile_of(zs, handle);
    struct page_request prq;
    struct page_grant got;
    int error;

    rq->order = m->order;
    rq->type = (enum migratetype)m->type;
    prq = grant_page_request(holdings, rq);
    prq.tag = handle_tag(handle);
    error = grant_pages(zs, &prq, &got, ret_refusal);
    if (error)
        return error;
    g->zone[i] = got.zone;
    g->offset[i] = (uint64_t)got.pfn << CONFIG_PAGE_SHIFT;
    g->order[i] = got.order;
    mobile_renewing(zs, handle, true);
    return 0;
}

/* From here on it cannot fail. */
static void commit(struct zone_set *zs, struct holdings *holdings, uint64_t handle, struct grant *g,
                   uint32_t i)
{
    const struct mobile *m = mobile_of(zs, handle);
    struct zone_block block = {0};
    struct handle_info info = {0};

    if (m->state == MOBILE_RENEWING) {
        handle_move(zs->handles, handle, g->zone[i], (pfn_t)(g->offset[i] >> CONFIG_PAGE_SHIFT));
        holdings->pages_by_type[m->type] += (uint64_t)1 << m->order;
        mobile_renewed(zs, handle);
    } else {
        (void)handle_find(zs->handles, handle, &info);
        (void)zone_block(zs->entry[info.zone].zone, info.pfn, &block);
        g->zone[i] = info.zone;
        g->offset[i] = (uint64_t)info.pfn << CONFIG_PAGE_SHIFT;
        g->order[i] = block.order;
    }
    g->handle[i] = handle;
    g->slot[i] = mobile_slot_name(zs, handle);
}

/* All of them, or none. What one of them takes is not reclaimed from another. */
static int take_all(struct zone_set *zs, const struct holdings *holdings, struct grant_request *rq,
                    const uint64_t *handle, uint32_t nr, struct grant *g,
                    struct refusal *ret_refusal)
{
    int error = 0;
    uint32_t i;

    for (i = 0; i < nr; i++)
        mobile_keep(zs, handle[i], true);
    for (i = 0; error == 0 && i < nr; i++) {
        if (mobile_of(zs, handle[i])->state == MOBILE_DISCARDED)
            error = take_pages(zs, holdings, rq, handle[i], g, i, ret_refusal);
    }
    if (error)
        undo(zs, holdings, handle, g, i);
    for (i = 0; i < nr; i++)
        mobile_keep(zs, handle[i], false);
    return error;
}

int grant_renew(struct zone_set *zs, struct holdings *holdings, struct grant_request *rq,
                const uint64_t *handle, uint32_t nr, struct grant *g, uint64_t *ret_bad,
                struct refusal *ret_refusal)
{
    int error = check_owner(zs, holdings, handle, nr, ret_bad);

    if (!error)
        error = take_all(zs, holdings, rq, handle, nr, g, ret_refusal);
    if (error)
        return error;
    for (uint32_t i = 0; i < nr; i++)
        commit(zs, holdings, handle[i], g, i);
    g->nr = nr;
    g->nr_slots = holdings->slots ? nr : 0;
    return 0;
}
