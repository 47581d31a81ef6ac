/* SPDX-License-Identifier: Apache-2.0 */
/* stat.c: listings, a page of them at a time. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "connection.h"

_Static_assert(BUDDYD_LISTING_MAX == WIRE_MAX_LISTING, "a page of the wire fits");
_Static_assert(BUDDYD_MAX_ORDERS == WIRE_MAX_ORDERS, "a table of the wire fits");
_Static_assert(BUDDYD_MAX_TYPES == WIRE_MAX_TYPES, "a table of the wire fits");

struct listing_call {
    struct call call;
    /** Copy the entries of a page to out. */
    void (*copy)(const struct buddyd *b, const struct wire_listing *l, void *out);
    void *out;
    size_t n;
    uint64_t cursor;
};

static int take_listing(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct listing_call *l = (struct listing_call *)c;

    l->copy(b, &rs->listing, l->out);
    l->n = rs->listing.nr;
    l->cursor = rs->listing.cursor;
    return 0;
}

static int list(struct buddyd *b, enum wire_op op, uint32_t session, uint64_t *cursor,
                void (*copy)(const struct buddyd *, const struct wire_listing *, void *), void *out,
                size_t *ret_n)
{
    struct wire_request wire = {.op = op, .stat = {.cursor = *cursor, .session = session}};
    struct listing_call l;
    int r = connection_enter(b);

    if (r)
        return r;
    l.call.op = op;
    l.call.ask = (struct ask){0};
    l.call.take = take_listing;
    l.copy = copy;
    l.out = out;
    r = calls_run(b, &wire, &l.call);
    if (r)
        return r;
    *ret_n = l.n;
    *cursor = l.cursor;
    return 0;
}

static void copy_zones(const struct buddyd *b, const struct wire_listing *l, void *out)
{
    struct buddyd_zone_stat *to = out;

    for (size_t i = 0; i < l->nr; i++) {
        const struct wire_zone_stat *s = &l->zones[i];
        const struct buddyd_zone *here = zone_map_find(&b->zones, s->zone.id);

        to[i] = (struct buddyd_zone_stat){
            .managed_pages = s->managed_pages,
            .free_pages = s->free_pages,
            .empty_pageblocks = s->empty_pageblocks,
            .unbacked_pageblocks = s->unbacked_pageblocks,
            .allocs = s->allocs,
            .frees = s->frees,
            .failures = s->failures,
            .claims = s->claims,
            .steals = s->steals,
            .metadata_bytes = s->metadata_bytes,
            .wmark_min_pages = s->wmark_min_pages,
            .wmark_low_pages = s->wmark_low_pages,
            .wmark_high_pages = s->wmark_high_pages,
            .boost_pages = s->boost_pages,
            .lowmem_reserve_pages = s->lowmem_reserve_pages,
            .unmet_pages = s->unmet_pages,
            .isolated_pages = s->isolated_pages,
            .highatomic_pages = s->highatomic_pages,
            .cma_pages = s->cma_pages,
            .busy_pages = s->busy_pages,
            .reclaimable_pages = s->reclaimable_pages,
            .moved_pages = s->moved_pages,
            .discarded_pages = s->discarded_pages,
            .max_bytes = s->max_bytes,
            .compact_score = s->compact_score,
        };
        zone_map_describe(&s->zone, &to[i].zone);
        if (here) {
            to[i].zone.base = here->base;
            to[i].zone.at_preferred = here->at_preferred;
        }
    }
}

static void copy_free(const struct buddyd *b, const struct wire_listing *l, void *out)
{
    struct buddyd_free_stat *to = out;

    (void)b;
    for (size_t i = 0; i < l->nr; i++) {
        const struct wire_zone_free *f = &l->frees[i];

        to[i] = (struct buddyd_free_stat){
            .zone = f->zone, .nr_orders = f->nr_orders, .nr_types = f->nr_types};
        for (uint32_t type = 0; type < f->nr_types; type++) {
            to[i].pageblocks[type] = f->pageblocks[type];
            for (uint32_t order = 0; order < f->nr_orders; order++)
                to[i].free_blocks[type][order] = f->free_blocks[type * f->nr_orders + order];
        }
    }
}

static void copy_clients(const struct buddyd *b, const struct wire_listing *l, void *out)
{
    struct buddyd_client_stat *to = out;

    (void)b;
    for (size_t i = 0; i < l->nr; i++) {
        const struct wire_client_stat *s = &l->clients[i];

        to[i] = (struct buddyd_client_stat){
            .session = s->session,
            .pid = s->pid,
            .uid = s->uid,
            .gid = s->gid,
            .blocks = s->blocks,
            .pages = s->pages,
            .requests = s->requests,
            .refusals = s->refusals,
            .domain = s->domain,
            .waiting = s->waiting,
            .max_pages = s->max_pages,
            .used_pages = s->used_pages,
        };
        (void)snprintf(to[i].name, sizeof(to[i].name), "%s", s->name);
        (void)snprintf(to[i].policy, sizeof(to[i].policy), "%s", s->policy);
        memcpy(to[i].pages_by_type, s->pages_by_type, sizeof(to[i].pages_by_type));
    }
}

static void copy_accounts(const struct buddyd *b, const struct wire_listing *l, void *out)
{
    struct buddyd_account_stat *to = out;

    (void)b;
    for (size_t i = 0; i < l->nr; i++) {
        const struct wire_account_stat *s = &l->accounts[i];

        to[i] = (struct buddyd_account_stat){
            .session = s->session,
            .domain = s->domain,
            .uid = s->uid,
            .max_pages = s->max_pages,
            .min_pages = s->min_pages,
            .low_pages = s->low_pages,
            .high_pages = s->high_pages,
            .used_pages = s->used_pages,
            .pinned_pages = s->pinned_pages,
            .cached_pages = s->cached_pages,
            .guarantee_pages = s->guarantee_pages,
            .unmet_pages = s->unmet_pages,
            .pressure = s->pressure > WIRE_PRESSURE_MIN ? BUDDYD_PRESSURE_MIN
                                                        : (enum buddyd_pressure)s->pressure,
            .members = s->members,
            .waiting = s->waiting,
            .priority = s->priority,
            .over = s->over,
        };
        (void)snprintf(to[i].name, sizeof(to[i].name), "%s", s->name);
        (void)snprintf(to[i].group, sizeof(to[i].group), "%s", s->group);
    }
}

static void copy_blocks(const struct buddyd *b, const struct wire_listing *l, void *out)
{
    struct buddyd_block_stat *to = out;

    (void)b;
    for (size_t i = 0; i < l->nr; i++) {
        const struct wire_block_stat *s = &l->blocks[i];

        to[i] = (struct buddyd_block_stat){
            .handle = s->handle,
            .session = s->session,
            .zone = s->zone,
            .offset = s->offset,
            .order = s->order,
            .type = (enum buddyd_type)s->type,
            .state = (enum buddyd_block_state)s->state,
            .pins = s->pins,
        };
    }
}

int buddyd_stat_zones(struct buddyd *b, uint64_t *cursor, struct buddyd_zone_stat *out,
                      size_t *ret_n)
{
    return list(b, WIRE_OP_STAT_ZONES, 0, cursor, copy_zones, out, ret_n);
}

int buddyd_stat_free(struct buddyd *b, uint64_t *cursor, struct buddyd_free_stat *out,
                     size_t *ret_n)
{
    return list(b, WIRE_OP_STAT_FREE, 0, cursor, copy_free, out, ret_n);
}

int buddyd_stat_clients(struct buddyd *b, uint64_t *cursor, struct buddyd_client_stat *out,
                        size_t *ret_n)
{
    return list(b, WIRE_OP_STAT_CLIENTS, 0, cursor, copy_clients, out, ret_n);
}

int buddyd_stat_accounts(struct buddyd *b, uint64_t *cursor, struct buddyd_account_stat *out,
                         size_t *ret_n)
{
    return list(b, WIRE_OP_STAT_ACCOUNTS, 0, cursor, copy_accounts, out, ret_n);
}

int buddyd_stat_blocks(struct buddyd *b, uint32_t session, uint64_t *cursor,
                       struct buddyd_block_stat *out, size_t *ret_n)
{
    return list(b, WIRE_OP_STAT_BLOCKS, session, cursor, copy_blocks, out, ret_n);
}
