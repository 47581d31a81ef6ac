/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_listing.c: pages of listings of memory; wire_users.c has those of who uses it. Each kind has
 * the same shape: an array of generated structs, an array of pointers to them, which is what
 * protobuf-c wants, and the check of each entry.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "convert.h"
#include "proto/slot.h"

void *wire_entries_take(struct wire_arena *a, size_t nr, size_t size)
{
    void **pointers = wire_arena_take(a, nr, sizeof(void *));
    unsigned char *entries = wire_arena_take(a, nr, size);

    if (!pointers || !entries)
        return NULL;
    for (size_t i = 0; i < nr; i++)
        pointers[i] = entries + i * size;
    return (void *)pointers;
}

/* ---- stat_zones ---- */

static int zone_stat_to_pb(const struct wire_zone_stat *stat, struct wire_arena *a,
                           pb_zone_stat *ret)
{
    pb_zone *zone = wire_arena_take(a, 1, sizeof(*zone));

    if (!zone)
        return -ENOMEM;
    *ret = (pb_zone_stat)BUDDYD__WIRE__V1__ZONE_STAT__INIT;
    ret->zone = zone;
    ret->managed_pages = stat->managed_pages;
    ret->free_pages = stat->free_pages;
    ret->empty_pageblocks = stat->empty_pageblocks;
    ret->unbacked_pageblocks = stat->unbacked_pageblocks;
    ret->allocs = stat->allocs;
    ret->frees = stat->frees;
    ret->failures = stat->failures;
    ret->claims = stat->claims;
    ret->steals = stat->steals;
    ret->metadata_bytes = stat->metadata_bytes;
    ret->wmark_min_pages = stat->wmark_min_pages;
    ret->wmark_low_pages = stat->wmark_low_pages;
    ret->wmark_high_pages = stat->wmark_high_pages;
    ret->boost_pages = stat->boost_pages;
    ret->lowmem_reserve_pages = stat->lowmem_reserve_pages;
    ret->unmet_pages = stat->unmet_pages;
    ret->isolated_pages = stat->isolated_pages;
    ret->highatomic_pages = stat->highatomic_pages;
    ret->cma_pages = stat->cma_pages;
    ret->busy_pages = stat->busy_pages;
    ret->reclaimable_pages = stat->reclaimable_pages;
    ret->moved_pages = stat->moved_pages;
    ret->discarded_pages = stat->discarded_pages;
    ret->max_bytes = stat->max_bytes;
    ret->compact_score = stat->compact_score;
    return wire_zone_to_pb(&stat->zone, a, zone);
}

static int zone_stat_from_pb(const pb_zone_stat *pb, struct wire_arena *a,
                             struct wire_zone_stat *ret)
{
    if (!pb->zone)
        return -EINVAL;
    ret->managed_pages = pb->managed_pages;
    ret->free_pages = pb->free_pages;
    ret->empty_pageblocks = pb->empty_pageblocks;
    ret->unbacked_pageblocks = pb->unbacked_pageblocks;
    ret->allocs = pb->allocs;
    ret->frees = pb->frees;
    ret->failures = pb->failures;
    ret->claims = pb->claims;
    ret->steals = pb->steals;
    ret->metadata_bytes = pb->metadata_bytes;
    ret->wmark_min_pages = pb->wmark_min_pages;
    ret->wmark_low_pages = pb->wmark_low_pages;
    ret->wmark_high_pages = pb->wmark_high_pages;
    ret->boost_pages = pb->boost_pages;
    ret->lowmem_reserve_pages = pb->lowmem_reserve_pages;
    ret->unmet_pages = pb->unmet_pages;
    ret->isolated_pages = pb->isolated_pages;
    ret->highatomic_pages = pb->highatomic_pages;
    ret->cma_pages = pb->cma_pages;
    ret->busy_pages = pb->busy_pages;
    ret->reclaimable_pages = pb->reclaimable_pages;
    ret->moved_pages = pb->moved_pages;
    ret->discarded_pages = pb->discarded_pages;
    ret->max_bytes = pb->max_bytes;
    ret->compact_score = pb->compact_score;
    return wire_zone_from_pb(pb->zone, a, &ret->zone);
}

int wire_zones_to_pb(const struct wire_listing *l, struct wire_arena *a, pb_stat_zones_reply *ret)
{
    pb_zone_stat **zones;

    if (l->nr > WIRE_MAX_ZONES)
        return -EINVAL;
    zones = wire_entries_take(a, l->nr, sizeof(**zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < l->nr; i++) {
        int r = zone_stat_to_pb(&l->zones[i], a, zones[i]);

        if (r)
            return r;
    }
    *ret = (pb_stat_zones_reply)BUDDYD__WIRE__V1__STAT_ZONES_REPLY__INIT;
    ret->cursor = l->cursor;
    ret->n_zones = l->nr;
    ret->zones = zones;
    return 0;
}

int wire_zones_from_pb(const pb_stat_zones_reply *pb, struct wire_arena *a,
                       struct wire_listing *ret)
{
    struct wire_zone_stat *zones;

    if (pb->n_zones > WIRE_MAX_ZONES)
        return -EINVAL;
    zones = wire_arena_take(a, pb->n_zones, sizeof(*zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_zones; i++) {
        int r = zone_stat_from_pb(pb->zones[i], a, &zones[i]);

        if (r)
            return r;
    }
    ret->cursor = pb->cursor;
    ret->nr = pb->n_zones;
    ret->zones = zones;
    return 0;
}

/* ---- stat_free ---- */

static int check_counts(const uint64_t *counts, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (counts[i] > WIRE_MAX_ZONE_PAGES)
            return -EINVAL;
    return 0;
}

static int check_zone_free(const pb_zone_free *pb)
{
    if (pb->zone >= WIRE_MAX_ZONES || pb->nr_orders < 1 || pb->nr_orders > WIRE_MAX_ORDERS ||
        pb->nr_types < 1 || pb->nr_types > WIRE_MAX_TYPES ||
        pb->n_free_blocks != (size_t)pb->nr_types * pb->nr_orders ||
        pb->n_pageblocks != pb->nr_types || check_counts(pb->free_blocks, pb->n_free_blocks))
        return -EINVAL;
    return check_counts(pb->pageblocks, pb->n_pageblocks);
}

static int zone_free_to_pb(const struct wire_zone_free *zf, pb_zone_free *ret)
{
    *ret = (pb_zone_free)BUDDYD__WIRE__V1__ZONE_FREE__INIT;
    ret->zone = zf->zone;
    ret->nr_orders = zf->nr_orders;
    ret->nr_types = zf->nr_types;
    ret->n_free_blocks = (size_t)zf->nr_types * zf->nr_orders;
    ret->free_blocks = (uint64_t *)zf->free_blocks;
    ret->n_pageblocks = zf->nr_types;
    ret->pageblocks = (uint64_t *)zf->pageblocks;
    return check_zone_free(ret);
}

static int zone_free_from_pb(const pb_zone_free *pb, struct wire_arena *a,
                             struct wire_zone_free *ret)
{
    int r = check_zone_free(pb);
    uint64_t *free_blocks, *pageblocks;

    if (r)
        return r;
    free_blocks = wire_arena_take(a, pb->n_free_blocks, sizeof(*free_blocks));
    pageblocks = wire_arena_take(a, pb->n_pageblocks, sizeof(*pageblocks));
    if (!free_blocks || !pageblocks)
        return -ENOMEM;
    memcpy(free_blocks, pb->free_blocks, pb->n_free_blocks * sizeof(*free_blocks));
    memcpy(pageblocks, pb->pageblocks, pb->n_pageblocks * sizeof(*pageblocks));
    ret->zone = pb->zone;
    ret->nr_orders = pb->nr_orders;
    ret->nr_types = pb->nr_types;
    ret->free_blocks = free_blocks;
    ret->pageblocks = pageblocks;
    return 0;
}

int wire_frees_to_pb(const struct wire_listing *l, struct wire_arena *a, pb_stat_free_reply *ret)
{
    pb_zone_free **zones;

    if (l->nr > WIRE_MAX_ZONES)
        return -EINVAL;
    zones = wire_entries_take(a, l->nr, sizeof(**zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < l->nr; i++) {
        int r = zone_free_to_pb(&l->frees[i], zones[i]);

        if (r)
            return r;
    }
    *ret = (pb_stat_free_reply)BUDDYD__WIRE__V1__STAT_FREE_REPLY__INIT;
    ret->cursor = l->cursor;
    ret->n_zones = l->nr;
    ret->zones = zones;
    return 0;
}

int wire_frees_from_pb(const pb_stat_free_reply *pb, struct wire_arena *a, struct wire_listing *ret)
{
    struct wire_zone_free *frees;

    if (pb->n_zones > WIRE_MAX_ZONES)
        return -EINVAL;
    frees = wire_arena_take(a, pb->n_zones, sizeof(*frees));
    if (!frees)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_zones; i++) {
        int r = zone_free_from_pb(pb->zones[i], a, &frees[i]);

        if (r)
            return r;
    }
    ret->cursor = pb->cursor;
    ret->nr = pb->n_zones;
    ret->frees = frees;
    return 0;
}

/* ---- stat_blocks ---- */

static int check_block(const pb_block_stat *pb)
{
    if (pb->zone >= WIRE_MAX_ZONES || pb->order >= WIRE_MAX_ORDERS || pb->type >= WIRE_MAX_TYPES ||
        pb->pins > SLOT_MAX_PINS)
        return -EINVAL;
    return 0;
}

static int block_to_pb(const struct wire_block_stat *block, pb_block_stat *ret)
{
    *ret = (pb_block_stat)BUDDYD__WIRE__V1__BLOCK_STAT__INIT;
    ret->handle = block->handle;
    ret->session = block->session;
    ret->zone = block->zone;
    ret->offset = block->offset;
    ret->order = block->order;
    ret->type = block->type;
    ret->state = block->state;
    ret->pins = block->pins;
    return check_block(ret);
}

static int block_from_pb(const pb_block_stat *pb, struct wire_block_stat *ret)
{
    int r = check_block(pb);

    if (r)
        return r;
    ret->handle = pb->handle;
    ret->session = pb->session;
    ret->zone = pb->zone;
    ret->offset = pb->offset;
    ret->order = pb->order;
    ret->type = pb->type;
    ret->state = pb->state;
    ret->pins = pb->pins;
    return 0;
}

int wire_blocks_to_pb(const struct wire_listing *l, struct wire_arena *a, pb_stat_blocks_reply *ret)
{
    pb_block_stat **blocks;

    if (l->nr > WIRE_MAX_LISTING)
        return -EINVAL;
    blocks = wire_entries_take(a, l->nr, sizeof(**blocks));
    if (!blocks)
        return -ENOMEM;
    for (size_t i = 0; i < l->nr; i++) {
        int r = block_to_pb(&l->blocks[i], blocks[i]);

        if (r)
            return r;
    }
    *ret = (pb_stat_blocks_reply)BUDDYD__WIRE__V1__STAT_BLOCKS_REPLY__INIT;
    ret->cursor = l->cursor;
    ret->n_blocks = l->nr;
    ret->blocks = blocks;
    return 0;
}

int wire_blocks_from_pb(const pb_stat_blocks_reply *pb, struct wire_arena *a,
                        struct wire_listing *ret)
{
    struct wire_block_stat *blocks;

    if (pb->n_blocks > WIRE_MAX_LISTING)
        return -EINVAL;
    blocks = wire_arena_take(a, pb->n_blocks, sizeof(*blocks));
    if (!blocks)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_blocks; i++) {
        int r = block_from_pb(pb->blocks[i], &blocks[i]);

        if (r)
            return r;
    }
    ret->cursor = pb->cursor;
    ret->nr = pb->n_blocks;
    ret->blocks = blocks;
    return 0;
}
