/* SPDX-License-Identifier: Apache-2.0 */
/* renew.c: memory for discarded blocks, asked for as any other is. */
#include "renew.h"

#include <errno.h>

#include "dispatch.h"
#include "grant.h"
#include "mobile.h"

struct wire_alloc renew_wanted(const struct call *c)
{
    const struct wire_renew *rq = &c->request->renew;
    const struct zone_set *zs = c->hub->zones;
    struct wire_alloc wanted = {
        .type = MIGRATE_RECLAIMABLE,
        .node = -1,
        .zone = -1,
        .deadline_ms = rq->deadline_ms,
    };
    uint32_t pages = 0;

    /* Those that are not the session's count for nothing. */
    for (size_t i = 0; i < rq->nr; i++) {
        struct handle_info info;

        if (handle_find(zs->handles, rq->handle[i], &info) || info.owner != c->session->id ||
            info.zone != MOBILE_NOWHERE)
            continue;
        wanted.order = mobile_of(zs, rq->handle[i])->order;
        wanted.count++;
        pages += 1u << wanted.order;
    }
    if (wanted.count > 1) {
        wanted.order = 0;
        wanted.count = pages;
    }
    return wanted;
}

int renew_take(struct call *c, const struct grant_request *grant, struct refusal *ret_refusal)
{
    const struct wire_renew *rq = &c->request->renew;
    struct grant_request each = *grant;
    uint64_t bad = HANDLE_NONE;
    int error;

    c->cost += (uint32_t)rq->nr;
    error = grant_renew(c->hub->zones, &c->session->holdings, &each, rq->handle, (uint32_t)rq->nr,
                        &c->hub->turn->scratch.grant, &bad, ret_refusal);
    if (error == -ESTALE)
        call_fail(c, ESTALE,
                  "handle 0x%llx names no block of this session (stale, freed, or another's); "
                  "nothing was renewed",
                  (unsigned long long)bad);
    return error;
}

void renew_refused(int error, const struct refusal *refusal, struct grant_request *ret)
{
    if (error == -ENOMEM)
        ret->order = refusal->order;
    ret->count = 1;
}
