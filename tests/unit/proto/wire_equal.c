/* SPDX-License-Identifier: Apache-2.0 */
/* wire_equal.c: field by field, since structs have holes and pointers. */
#include "wire_equal.h"

#include <string.h>

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool u64_equal(const uint64_t *a, const uint64_t *b, size_t nr)
{
    return nr == 0 || memcmp(a, b, nr * sizeof(*a)) == 0;
}

static bool u32_equal(const uint32_t *a, const uint32_t *b, size_t nr)
{
    return memcmp(a, b, nr * sizeof(*a)) == 0;
}

static bool request_alloc_equal(const struct wire_alloc *a, const struct wire_alloc *b)
{
    return a->order == b->order && a->type == b->type && a->count == b->count &&
           a->flags == b->flags && a->node == b->node && a->zone == b->zone &&
           a->exact_pages == b->exact_pages && a->deadline_ms == b->deadline_ms &&
           a->nodemask == b->nodemask;
}

bool wire_request_equal(const struct wire_request *a, const struct wire_request *b)
{
    if (a->id != b->id || a->op != b->op || a->error != b->error ||
        !text_equal(a->message, b->message))
        return false;
    if (a->error)
        return true;
    switch (a->op) {
    case WIRE_OP_HELLO:
        return a->hello.version == b->hello.version && a->hello.features == b->hello.features &&
               text_equal(a->hello.name, b->hello.name);
    case WIRE_OP_ALLOC:
        return request_alloc_equal(&a->alloc, &b->alloc);
    case WIRE_OP_RENEW:
        return a->renew.nr == b->renew.nr && a->renew.deadline_ms == b->renew.deadline_ms &&
               u64_equal(a->renew.handle, b->renew.handle, a->renew.nr);
    case WIRE_OP_FREE:
        return a->free.nr == b->free.nr && u64_equal(a->free.handle, b->free.handle, a->free.nr);
    case WIRE_OP_EXPLAIN:
        return a->explain.session == b->explain.session &&
               request_alloc_equal(&a->explain.alloc, &b->explain.alloc);
    case WIRE_OP_SET_POLICY:
        return text_equal(a->set_policy.section, b->set_policy.section) &&
               text_equal(a->set_policy.key, b->set_policy.key) &&
               text_equal(a->set_policy.value, b->set_policy.value);
    case WIRE_OP_RELOAD:
        return true;
    case WIRE_OP_COMPACT:
        return a->compact.zone == b->compact.zone;
    case WIRE_OP_RESIZE_ZONE:
        return a->resize_zone.zone == b->resize_zone.zone &&
               a->resize_zone.delta_bytes == b->resize_zone.delta_bytes;
    case WIRE_OP_MIGRATE:
        return a->migrate.handle == b->migrate.handle && a->migrate.session == b->migrate.session &&
               a->migrate.node == b->migrate.node;
    default:
        return a->stat.cursor == b->stat.cursor && a->stat.session == b->stat.session;
    }
}

static bool zone_equal(const struct wire_zone *a, const struct wire_zone *b)
{
    return a->id == b->id && text_equal(a->name, b->name) && a->node == b->node &&
           a->backing == b->backing && a->page_shift == b->page_shift &&
           a->hugepage_shift == b->hugepage_shift && a->pageblock_order == b->pageblock_order &&
           a->bytes == b->bytes && a->preferred_base == b->preferred_base;
}

static bool hello_equal(const struct wire_hello_reply *a, const struct wire_hello_reply *b)
{
    if (a->version != b->version || a->features != b->features || a->session != b->session ||
        a->nr_zones != b->nr_zones || a->domain != b->domain || a->rights != b->rights ||
        a->slots != b->slots || !text_equal(a->policy, b->policy))
        return false;
    for (size_t i = 0; i < a->nr_zones; i++)
        if (!zone_equal(&a->zones[i], &b->zones[i]))
            return false;
    return true;
}

static bool alloc_equal(const struct wire_alloc_reply *a, const struct wire_alloc_reply *b)
{
    return a->nr == b->nr && a->nr_zones == b->nr_zones && a->nr_orders == b->nr_orders &&
           a->nr_slots == b->nr_slots && u64_equal(a->slot, b->slot, a->nr_slots) &&
           u64_equal(a->handle, b->handle, a->nr) && u64_equal(a->offset, b->offset, a->nr) &&
           u32_equal(a->zone, b->zone, a->nr_zones) && u32_equal(a->order, b->order, a->nr_orders);
}

static bool zone_stat_equal(const struct wire_zone_stat *a, const struct wire_zone_stat *b)
{
    return zone_equal(&a->zone, &b->zone) && a->managed_pages == b->managed_pages &&
           a->free_pages == b->free_pages && a->empty_pageblocks == b->empty_pageblocks &&
           a->unbacked_pageblocks == b->unbacked_pageblocks && a->allocs == b->allocs &&
           a->frees == b->frees && a->failures == b->failures && a->claims == b->claims &&
           a->steals == b->steals && a->metadata_bytes == b->metadata_bytes &&
           a->wmark_min_pages == b->wmark_min_pages && a->wmark_low_pages == b->wmark_low_pages &&
           a->wmark_high_pages == b->wmark_high_pages && a->boost_pages == b->boost_pages &&
           a->lowmem_reserve_pages == b->lowmem_reserve_pages && a->unmet_pages == b->unmet_pages &&
           a->isolated_pages == b->isolated_pages && a->highatomic_pages == b->highatomic_pages &&
           a->cma_pages == b->cma_pages && a->busy_pages == b->busy_pages &&
           a->reclaimable_pages == b->reclaimable_pages && a->moved_pages == b->moved_pages &&
           a->discarded_pages == b->discarded_pages && a->max_bytes == b->max_bytes &&
           a->compact_score == b->compact_score;
}

static bool zone_free_equal(const struct wire_zone_free *a, const struct wire_zone_free *b)
{
    return a->zone == b->zone && a->nr_orders == b->nr_orders && a->nr_types == b->nr_types &&
           u64_equal(a->free_blocks, b->free_blocks, (size_t)a->nr_orders * a->nr_types) &&
           u64_equal(a->pageblocks, b->pageblocks, a->nr_types);
}

static bool client_equal(const struct wire_client_stat *a, const struct wire_client_stat *b)
{
    return a->session == b->session && text_equal(a->name, b->name) && a->pid == b->pid &&
           a->uid == b->uid && a->gid == b->gid && a->blocks == b->blocks && a->pages == b->pages &&
           a->requests == b->requests && a->refusals == b->refusals &&
           u64_equal(a->pages_by_type, b->pages_by_type, 3) && text_equal(a->policy, b->policy) &&
           a->domain == b->domain && a->waiting == b->waiting && a->max_pages == b->max_pages &&
           a->used_pages == b->used_pages;
}

static bool account_equal(const struct wire_account_stat *a, const struct wire_account_stat *b)
{
    return text_equal(a->name, b->name) && text_equal(a->group, b->group) &&
           a->session == b->session && a->domain == b->domain && a->uid == b->uid &&
           a->max_pages == b->max_pages && a->min_pages == b->min_pages &&
           a->low_pages == b->low_pages && a->high_pages == b->high_pages &&
           a->used_pages == b->used_pages && a->pinned_pages == b->pinned_pages &&
           a->cached_pages == b->cached_pages && a->guarantee_pages == b->guarantee_pages &&
           a->unmet_pages == b->unmet_pages && a->pressure == b->pressure &&
           a->members == b->members && a->waiting == b->waiting && a->priority == b->priority &&
           a->over == b->over;
}

static bool block_equal(const struct wire_block_stat *a, const struct wire_block_stat *b)
{
    return a->handle == b->handle && a->session == b->session && a->zone == b->zone &&
           a->offset == b->offset && a->order == b->order && a->type == b->type &&
           a->state == b->state && a->pins == b->pins;
}

static bool resized_equal(const struct wire_resize_zone_reply *a,
                          const struct wire_resize_zone_reply *b)
{
    if (a->bytes != b->bytes || a->nr != b->nr)
        return false;
    for (size_t i = 0; i < a->nr; i++) {
        const struct wire_obstacle *x = &a->obstacles[i], *y = &b->obstacles[i];

        if (x->session != y->session || !text_equal(x->client, y->client) ||
            x->offset != y->offset || x->order != y->order || x->type != y->type ||
            x->reason != y->reason)
            return false;
    }
    return true;
}

static bool entry_equal(enum wire_op op, const struct wire_listing *a, const struct wire_listing *b,
                        size_t i)
{
    switch (op) {
    case WIRE_OP_STAT_ZONES:
        return zone_stat_equal(&a->zones[i], &b->zones[i]);
    case WIRE_OP_STAT_FREE:
        return zone_free_equal(&a->frees[i], &b->frees[i]);
    case WIRE_OP_STAT_CLIENTS:
        return client_equal(&a->clients[i], &b->clients[i]);
    case WIRE_OP_STAT_ACCOUNTS:
        return account_equal(&a->accounts[i], &b->accounts[i]);
    default:
        return block_equal(&a->blocks[i], &b->blocks[i]);
    }
}

static bool refusal_equal(const struct wire_refusal *a, const struct wire_refusal *b)
{
    if (!a || !b)
        return a == b;
    return a->reason == b->reason && a->zone == b->zone && a->order == b->order &&
           a->wanted_pages == b->wanted_pages && a->free_pages == b->free_pages &&
           a->largest_order == b->largest_order && a->frag_index == b->frag_index &&
           a->zones_tried == b->zones_tried && a->scope == b->scope && a->mark == b->mark &&
           a->mark_pages == b->mark_pages && a->reserve_pages == b->reserve_pages &&
           a->unmet_pages == b->unmet_pages && a->max_pages == b->max_pages &&
           a->used_pages == b->used_pages && a->waited_ms == b->waited_ms &&
           text_equal(a->account, b->account) && text_equal(a->explanation, b->explanation);
}

bool wire_response_equal(const struct wire_response *a, const struct wire_response *b)
{
    if (a->id != b->id || a->op != b->op || a->error != b->error ||
        !text_equal(a->message, b->message) || !refusal_equal(a->refusal, b->refusal))
        return false;
    switch (a->op) {
    case WIRE_OP_NONE:
        return true;
    case WIRE_OP_HELLO:
        return hello_equal(&a->hello, &b->hello);
    case WIRE_OP_ALLOC:
    case WIRE_OP_RENEW:
        return alloc_equal(&a->alloc, &b->alloc);
    case WIRE_OP_FREE:
        return a->free.freed == b->free.freed;
    case WIRE_OP_EXPLAIN:
        return a->explain.granted == b->explain.granted &&
               text_equal(a->explain.text, b->explain.text);
    case WIRE_OP_SET_POLICY:
    case WIRE_OP_RELOAD:
        return true;
    case WIRE_OP_COMPACT:
        return a->compact.moved_pages == b->compact.moved_pages &&
               a->compact.freed_pageblocks == b->compact.freed_pageblocks &&
               a->compact.pinned_pages == b->compact.pinned_pages;
    case WIRE_OP_RESIZE_ZONE:
        return resized_equal(&a->resize_zone, &b->resize_zone);
    case WIRE_OP_MIGRATE:
        return a->migrate.moved_pages == b->migrate.moved_pages &&
               a->migrate.left_pages == b->migrate.left_pages;
    default:
        if (a->listing.cursor != b->listing.cursor || a->listing.nr != b->listing.nr)
            return false;
        for (size_t i = 0; i < a->listing.nr; i++)
            if (!entry_equal(a->op, &a->listing, &b->listing, i))
                return false;
        return true;
    }
}

static bool pressure_equal(const struct wire_pressure *a, const struct wire_pressure *b)
{
    return text_equal(a->account, b->account) && a->level == b->level &&
           a->free_pages == b->free_pages && a->mark_pages == b->mark_pages &&
           a->used_pages == b->used_pages && a->max_pages == b->max_pages;
}

bool wire_event_equal(const struct wire_event *a, const struct wire_event *b)
{
    if (a->kind != b->kind || !text_equal(a->message, b->message))
        return false;
    if (a->kind == WIRE_EVENT_REVOKE)
        return a->revoke.grace_ms == b->revoke.grace_ms && a->revoke.pages == b->revoke.pages;
    if (a->kind == WIRE_EVENT_DISCARDED)
        return a->discarded.nr == b->discarded.nr &&
               u64_equal(a->discarded.handle, b->discarded.handle, a->discarded.nr);
    return a->kind != WIRE_EVENT_PRESSURE || pressure_equal(&a->pressure, &b->pressure);
}
