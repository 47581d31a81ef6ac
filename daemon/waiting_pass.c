/* SPDX-License-Identifier: Apache-2.0 */
/* waiting_pass.c: what is kept for requests that wait, and who may pass them. */
#include "grant.h"
#include "hub.h"
#include "policy.h"
#include "session.h"
#include "waiting.h"

/* Zones that a request must leave alone for the sake of one that holds. */
static uint64_t kept_zones(const struct hub *hub, struct waiting_request *holder,
                           const struct grant_request *grant)
{
    struct zone *z;

    if (holder->fragmented)
        return holder->alloc.zone < 0 ? UINT64_MAX : (uint64_t)1 << holder->alloc.zone;
    if (holder->near_zone >= hub->zones->nr)
        return 0;
    z = hub->zones->entry[holder->near_zone].zone;
    return zone_free_pages(z, holder->session->policy.account.domain) <
                   holder->floor_pages + waiting_pages(&holder->waiter) + grant_request_pages(grant)
               ? (uint64_t)1 << holder->near_zone
               : 0;
}

/* Is this account's memory kept for another of its requests? */
static bool is_kept(const struct hub *hub, const struct wait_line *line, unsigned priority,
                    uint64_t arrival)
{
    struct waiter *holder = wait_line_holder(line, priority, arrival);

    return holder && !wait_line_relent(holder, uv_now(hub->loop));
}

bool waiting_restrain(struct session *s, const struct waiting_request *w,
                      struct grant_request *grant)
{
    struct hub *hub = s->hub;
    const uint64_t arrival = w ? w->waiter.arrival : UINT64_MAX;
    struct waiter *holder;
    bool left = false;
    uint64_t zones;

    if (hub->waiting.nr == 0)
        return true;
    if (is_kept(hub, &s->policy.line, s->priority, arrival) ||
        is_kept(hub, &s->policy.group->line, s->priority, arrival))
        return false;
    holder = wait_line_holder(&hub->waiting.zones, s->priority, arrival);
    if (!holder)
        return true;
    if (waiting_request_of(holder)->fragmented && wait_line_relent(holder, uv_now(hub->loop)))
        return true;
    zones = kept_zones(hub, waiting_request_of(holder), grant);
    for (uint32_t i = 0; i < hub->zones->nr; i++) {
        if (zones >> i & 1 && !policy_guarantees(&s->policy, i, grant_request_pages(grant)))
            grant->barred_zones |= (uint64_t)1 << i;
        left = left || !(grant->barred_zones >> i & 1);
    }
    return left;
}

void waiting_passed(struct session *s, const struct waiting_request *w)
{
    struct hub *hub = s->hub;
    const uint64_t arrival = w ? w->waiter.arrival : UINT64_MAX;

    if (hub->waiting.nr == 0)
        return;
    wait_line_passed(&hub->waiting.zones, s->priority, arrival, uv_now(hub->loop));
    wait_line_passed(&s->policy.line, s->priority, arrival, uv_now(hub->loop));
    wait_line_passed(&s->policy.group->line, s->priority, arrival, uv_now(hub->loop));
}
