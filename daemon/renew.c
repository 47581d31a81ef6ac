/* SPDX-License-Identifier: Apache-2.0 */
/* renew.c: memory for discarded blocks, asked for as any other is. */
#include "renew.h"

#include <errno.h>

#include "alloc.h"
#include "dispatch.h"
#include "grant.h"
#include "mobile.h"
#include "thief.h"
#include "waiting.h"

/* Pages that it takes to renew them; those that are not the session's count for nothing. */
static uint32_t pages_to_take(const struct call *c, const struct wire_free *rq)
{
    const struct zone_set *zs = c->hub->zones;
    struct handle_info info;
    uint32_t pages = 0;

    for (size_t i = 0; i < rq->nr; i++) {
        if (handle_find(zs->handles, rq->handle[i], &info) == 0 && info.owner == c->session->id &&
            info.zone == MOBILE_NOWHERE)
            pages += 1u << mobile_of(zs, rq->handle[i])->order;
    }
    return pages;
}

/* Returns as grant_renew(), or -EAGAIN: what is free is kept for those who wait. */
static int try_renew(struct call *c, struct grant_request *grant, uint64_t *ret_bad,
                     struct refusal *ret_refusal)
{
    const struct wire_free *rq = &c->request->renew;
    struct session *s = c->session;
    const uint32_t pages = pages_to_take(c, rq);
    int error;

    grant->count = pages;
    if (pages != 0 && !waiting_restrain(s, NULL, grant))
        return -EAGAIN;
    if (pages != 0 && thief_torn(c->hub->passing, s->policy.account.domain))
        return -EINPROGRESS;
    error = grant_renew(c->hub->zones, &s->holdings, grant, rq->handle, (uint32_t)rq->nr,
                        &c->hub->turn->scratch.grant, ret_bad, ret_refusal);
    if (!error && pages != 0)
        waiting_passed(s, NULL);
    return error;
}

void renew_handle(struct call *c)
{
    const struct wire_alloc wanted = {
        .type = MIGRATE_RECLAIMABLE,
        .count = 1,
        .node = -1,
        .zone = -1,
    };
    struct grant_request grant;
    struct refusal refusal;
    uint64_t bad = HANDLE_NONE;
    int error;

    c->cost += (uint32_t)c->request->renew.nr;
    if (!alloc_prepare(c, c->session, &wanted, &grant))
        return;
    error = try_renew(c, &grant, &bad, &refusal);
    grant.count = 1; /* the one that could not be had */
    if (!error)
        alloc_answer(&c->hub->turn->scratch.grant, &c->response.renew);
    else if (error == -ESTALE)
        call_fail(c, ESTALE,
                  "handle 0x%llx names no block of this session (stale, freed, or another's); "
                  "nothing was renewed",
                  (unsigned long long)bad);
    else
        alloc_refuse(c, error, &grant, &refusal);
}
