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
    return memcmp(a, b, nr * sizeof(*a)) == 0;
}

static bool u32_equal(const uint32_t *a, const uint32_t *b, size_t nr)
{
    return memcmp(a, b, nr * sizeof(*a)) == 0;
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
        return a->alloc.order == b->alloc.order && a->alloc.type == b->alloc.type &&
               a->alloc.count == b->alloc.count && a->alloc.flags == b->alloc.flags &&
               a->alloc.node == b->alloc.node && a->alloc.zone == b->alloc.zone &&
               a->alloc.exact_pages == b->alloc.exact_pages &&
               a->alloc.deadline_ms == b->alloc.deadline_ms;
    case WIRE_OP_FREE:
        return a->free.nr == b->free.nr && u64_equal(a->free.handle, b->free.handle, a->free.nr);
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
        a->nr_zones != b->nr_zones)
        return false;
    for (size_t i = 0; i < a->nr_zones; i++)
        if (!zone_equal(&a->zones[i], &b->zones[i]))
            return false;
    return true;
}

static bool alloc_equal(const struct wire_alloc_reply *a, const struct wire_alloc_reply *b)
{
    return a->nr == b->nr && a->nr_zones == b->nr_zones && a->nr_orders == b->nr_orders &&
           u64_equal(a->handle, b->handle, a->nr) && u64_equal(a->offset, b->offset, a->nr) &&
           u32_equal(a->zone, b->zone, a->nr_zones) && u32_equal(a->order, b->order, a->nr_orders);
}

static bool zone_stat_equal(const struct wire_zone_stat *a, const struct wire_zone_stat *b)
{
    return zone_equal(&a->zone, &b->zone) && a->managed_pages == b->managed_pages &&
           a->free_pages == b->free_pages && a->empty_pageblocks == b->empty_pageblocks &&
           a->unbacked_pageblocks == b->unbacked_pageblocks && a->allocs == b->allocs &&
           a->frees == b->frees && a->failures == b->failures && a->claims == b->claims &&
           a->steals == b->steals && a->metadata_bytes == b->metadata_bytes;
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
           u64_equal(a->pages_by_type, b->pages_by_type, 3);
}

static bool block_equal(const struct wire_block_stat *a, const struct wire_block_stat *b)
{
    return a->handle == b->handle && a->session == b->session && a->zone == b->zone &&
           a->offset == b->offset && a->order == b->order && a->type == b->type;
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
           a->zones_tried == b->zones_tried;
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
        return alloc_equal(&a->alloc, &b->alloc);
    case WIRE_OP_FREE:
        return a->free.freed == b->free.freed;
    default:
        if (a->listing.cursor != b->listing.cursor || a->listing.nr != b->listing.nr)
            return false;
        for (size_t i = 0; i < a->listing.nr; i++)
            if (!entry_equal(a->op, &a->listing, &b->listing, i))
                return false;
        return true;
    }
}

bool wire_event_equal(const struct wire_event *a, const struct wire_event *b)
{
    return a->kind == b->kind && text_equal(a->message, b->message);
}
