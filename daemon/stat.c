/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat.c: zones, free blocks, clients and granted blocks, page by page.
 *
 * A cursor is the place in a table where to go on, so that what comes and goes between two pages
 * never makes a listing repeat an entry or miss one that was there all the time.
 */
#include "stat.h"

#include <assert.h>
#include <errno.h>

#include "dispatch.h"
#include "mm/compact.h"
#include "mm/highatomic.h"
#include "mobile.h"
#include "mover.h"
#include "policy.h"
#include "reclaim_lists.h"

/** Records that one request may look at. */
#define MAX_LOOKS 4096u
/** Slots of the session table that one request may look at: most are empty, and cost little. */
#define MAX_SLOT_LOOKS 16384u
/** What a page of a listing counts as, of a turn's cost. */
#define LISTING_COST 256u

_Static_assert(STAT_FREE_ZONES *WIRE_MAX_TYPES *WIRE_MAX_ORDERS <= MAX_LOOKS,
               "a page of free blocks takes bounded time");

/* A cursor of the client's as a place in a table with end entries. */
static uint32_t place(uint64_t cursor, uint32_t end)
{
    return cursor < end ? (uint32_t)cursor : end;
}

static void answer(struct call *c, uint32_t next, uint32_t end, size_t nr)
{
    c->response.listing.cursor = next < end ? next : 0;
    c->response.listing.nr = nr;
    c->cost = LISTING_COST;
}

void stat_zones(struct call *c)
{
    const struct zone_set *zs = c->hub->zones;
    struct wire_zone_stat *out = c->hub->turn->scratch.zones;
    uint32_t nr = 0;

    for (uint32_t i = place(c->request->stat.cursor, zs->nr); i < zs->nr; i++) {
        const struct zone_entry *e = &zs->entry[i];
        struct zone_stat st;

        zone_stat(e->zone, &st);
        out[nr++] = (struct wire_zone_stat){
            .zone = zs->wire[i],
            .managed_pages = st.managed_pages,
            .max_bytes = e->memory.bytes,
            .free_pages = st.free_pages,
            .empty_pageblocks = st.empty_pageblocks,
            .unbacked_pageblocks = st.unbacked_pageblocks,
            .allocs = st.allocs,
            .frees = st.frees,
            .failures = st.failures,
            .claims = st.claims,
            .steals = st.steals,
            .metadata_bytes = e->lasting.bytes + e->derived_bytes,
            .wmark_min_pages = zone_wmark(e->zone, WMARK_MIN) - zone_boost(e->zone),
            .wmark_low_pages = zone_wmark(e->zone, WMARK_LOW) - zone_boost(e->zone),
            .wmark_high_pages = zone_wmark(e->zone, WMARK_HIGH) - zone_boost(e->zone),
            .boost_pages = zone_boost(e->zone),
            .lowmem_reserve_pages = zone_lowmem_reserve(e->zone, ZONE_NORMAL),
            .unmet_pages = account_unmet_others(&zs->memory, NULL, i),
            .isolated_pages = st.isolated_pages,
            .highatomic_pages = highatomic_pages(e->zone),
            .cma_pages = (uint64_t)zone_nr_pageblocks(e->zone, MIGRATE_CMA)
                         << zone_pageblock_order(e->zone),
            .busy_pages = st.busy_pages,
            .moved_pages = mover_pages(c->hub->mover, i),
            .reclaimable_pages = zs->lists->zone[i].nr_pages,
            .discarded_pages = zs->lists->discarded_pages[i],
            .compact_score = zone_compact_score(e->zone),
        };
    }
    c->response.listing.zones = out;
    answer(c, zs->nr, zs->nr, nr);
}

void stat_free(struct call *c)
{
    const struct zone_set *zs = c->hub->zones;
    struct scratch *scratch = &c->hub->turn->scratch;
    uint32_t i = place(c->request->stat.cursor, zs->nr);
    uint32_t nr = 0;

    for (; i < zs->nr && nr < STAT_FREE_ZONES; i++, nr++) {
        struct zone *z = zs->entry[i].zone;
        uint64_t *free_blocks = scratch->frees.free_blocks[nr];
        uint64_t *pageblocks = scratch->frees.pageblocks[nr];

        for (unsigned type = 0; type < NR_MIGRATETYPES; type++) {
            pageblocks[type] = zone_nr_pageblocks(z, (enum migratetype)type);
            for (unsigned order = 0; order < NR_PAGE_ORDERS; order++)
                free_blocks[type * NR_PAGE_ORDERS + order] =
                    zone_nr_free_blocks(z, order, (enum migratetype)type);
        }
        scratch->frees.zones[nr] = (struct wire_zone_free){
            .zone = i,
            .nr_orders = NR_PAGE_ORDERS,
            .nr_types = NR_MIGRATETYPES,
            .free_blocks = free_blocks,
            .pageblocks = pageblocks,
        };
    }
    c->response.listing.frees = scratch->frees.zones;
    answer(c, i, zs->nr, nr);
}

static struct wire_client_stat client_stat(const struct session *s)
{
    struct wire_client_stat stat = {
        .session = s->id,
        .name = s->name,
        .pid = (int32_t)s->peer.pid,
        .uid = (uint32_t)s->peer.uid,
        .gid = (uint32_t)s->peer.gid,
        .blocks = s->holdings.owner.nr,
        .pages = holdings_pages(&s->holdings),
        .policy = policy_of(&s->policy)->name,
        .domain = s->policy.account.domain,
        .waiting = s->nr_waiting,
        .max_pages = s->policy.account.limits.max_pages,
        .used_pages = s->policy.account.used_pages,
        .requests = s->nr_requests,
        .refusals = s->nr_refusals,
    };

    for (unsigned type = 0; type < NR_MOBILITIES; type++)
        stat.pages_by_type[type] = s->holdings.pages_by_type[type];
    return stat;
}

void stat_clients(struct call *c)
{
    const struct policy_member *asker = &c->session->policy;
    struct wire_client_stat *out = c->hub->turn->scratch.clients;
    uint32_t slot = place(c->request->stat.cursor, SESSION_TABLE_SLOTS);
    uint32_t end = place((uint64_t)slot + MAX_SLOT_LOOKS, SESSION_TABLE_SLOTS);
    uint32_t nr = 0;

    for (uint32_t looks = 0; nr < WIRE_MAX_LISTING && looks < MAX_LOOKS; looks++) {
        const struct session *s = session_table_next(&c->hub->sessions, &slot, end);

        if (!s)
            break;
        if (policy_may_see(asker, s->peer.uid))
            out[nr++] = client_stat(s);
    }
    c->response.listing.clients = out;
    answer(c, slot, SESSION_TABLE_SLOTS, nr);
}

/* A granted block as the asker may see it; one that was discarded is nowhere. */
static struct wire_block_stat block_stat(const struct call *c, const struct handle_info *info)
{
    const struct zone_set *zs = c->hub->zones;
    const struct mobile *m = mobile_of(zs, info->handle);
    struct wire_block_stat stat = {
        .handle = info->owner == c->session->id ? info->handle : 0,
        .session = info->owner,
        .order = m->order,
        .type = m->type,
        .state = WIRE_BLOCK_DISCARDED,
    };
    struct zone_block block = {0};
    int error;

    if (m->state == MOBILE_DISCARDED)
        return stat;
    error = zone_block(zs->entry[info->zone].zone, info->pfn, &block);
    assert(!error);
    (void)error;
    stat.zone = info->zone;
    stat.offset = (uint64_t)info->pfn << CONFIG_PAGE_SHIFT;
    stat.order = block.order;
    stat.type = (uint32_t)block.type;
    stat.state = m->state == MOBILE_MOVING ? WIRE_BLOCK_MOVING : WIRE_BLOCK_NORMAL;
    stat.pins = mobile_pins(zs, info->handle);
    return stat;
}

static bool may_see_session(const struct call *c, uint32_t id)
{
    const struct session *s = session_table_find(&c->hub->sessions, id);

    return s && policy_may_see(&c->session->policy, s->peer.uid);
}

void stat_blocks(struct call *c)
{
    const struct handle_table *handles = c->hub->zones->handles;
    uint32_t only = c->request->stat.session;
    struct wire_block_stat *out = c->hub->turn->scratch.blocks;
    uint32_t end = handle_table_end(handles);
    uint32_t index = place(c->request->stat.cursor, end);
    uint32_t stop = place((uint64_t)index + MAX_LOOKS, end);
    uint32_t nr = 0;

    if (only && !may_see_session(c, only)) {
        call_fail(c, ENOENT, "session %u: there is none, or it is another user's", only);
        return;
    }
    while (nr < WIRE_MAX_LISTING && index < stop) {
        struct handle_info info;

        if (!handle_next(handles, &index, stop - index, &info))
            break;
        if (only ? info.owner == only : may_see_session(c, info.owner))
            out[nr++] = block_stat(c, &info);
    }
    c->response.listing.blocks = out;
    answer(c, index, end, nr);
}
