/* SPDX-License-Identifier: Apache-2.0 */
/* obstacles.c: a walk over the end of a zone. */
#include "obstacles.h"

#include <stdbool.h>

#include "hub.h"
#include "mobile.h"
#include "session.h"

/* The block that a page lies in. */
static void block_around(struct zone *z, pfn_t pfn, struct zone_block *ret)
{
    for (unsigned order = 0; zone_block(z, pfn, ret) < 0; order++)
        pfn &= ~(((pfn_t)1 << order) - 1);
}

static enum obstacle_reason reason_of(struct zone_set *zs, const struct zone_block *b)
{
    if (b->state == BLOCK_UNBACKED)
        return OBSTACLE_UNBACKED;
    if (b->state == BLOCK_BAD)
        return OBSTACLE_BAD;
    if (b->state != BLOCK_ALLOCATED)
        return OBSTACLE_NONE;
    if (b->type == MIGRATE_UNMOVABLE)
        return OBSTACLE_UNMOVABLE;
    return mobile_movable(zs, b->tag) ? OBSTACLE_NONE : OBSTACLE_PINNED;
}

static void describe(struct hub *hub, const struct zone_block *b, enum obstacle_reason reason,
                     struct wire_obstacle *ret)
{
    const bool granted = b->state == BLOCK_ALLOCATED || b->state == BLOCK_MOVING;
    const struct session *s = NULL;
    struct handle_info info;

    if (granted &&
        handle_find(hub->zones->handles, handle_of_tag(hub->zones->handles, b->tag), &info) == 0)
        s = session_table_find(&hub->sessions, info.owner);
    *ret = (struct wire_obstacle){
        .client = s ? s->name : "",
        .offset = (uint64_t)b->pfn << CONFIG_PAGE_SHIFT,
        .session = s ? s->id : 0,
        .order = b->order,
        .type = (uint32_t)b->type,
        .reason = (uint32_t)reason,
    };
}

size_t obstacles_list(struct hub *hub, unsigned zone, pfn_t start, const struct zone_obstacle *told,
                      struct wire_obstacle *ret)
{
    struct zone *z = hub->zones->entry[zone].zone;
    struct zone_block b = {0};
    size_t nr = 0;

    block_around(z, told->pfn < zone_nr_pages(z) ? told->pfn : start, &b);
    describe(hub, &b, told->reason, &ret[nr++]);
    for (pfn_t pfn = start; pfn < zone_nr_pages(z) && nr < WIRE_MAX_LISTING;
         pfn = b.pfn + ((pfn_t)1 << b.order)) {
        enum obstacle_reason reason;

        block_around(z, pfn, &b);
        reason = reason_of(hub->zones, &b);
        if (reason != OBSTACLE_NONE && b.pfn != told->pfn)
            describe(hub, &b, reason, &ret[nr++]);
    }
    return nr;
}
