/* SPDX-License-Identifier: Apache-2.0 */
/* wire_alloc_reply.c: where blocks are. */
#include <errno.h>
#include <string.h>

#include "arena.h"
#include "convert.h"

int wire_check_alloc_reply(const struct wire_alloc_reply *alloc)
{
    size_t nr = alloc->nr;

    if (nr < 1 || nr > WIRE_MAX_BLOCKS || (alloc->nr_zones != nr && alloc->nr_zones != 1) ||
        (alloc->nr_orders != nr && alloc->nr_orders != 1) ||
        (alloc->nr_slots != nr && alloc->nr_slots != 0))
        return -EINVAL;
    for (size_t i = 0; i < alloc->nr_zones; i++)
        if (alloc->zone[i] >= WIRE_MAX_ZONES)
            return -EINVAL;
    for (size_t i = 0; i < alloc->nr_orders; i++)
        if (alloc->order[i] >= WIRE_MAX_ORDERS)
            return -EINVAL;
    for (size_t i = 0; i < alloc->nr_slots; i++)
        if (alloc->slot[i] > WIRE_MAX_SLOT_NAME)
            return -EINVAL;
    return 0;
}

int wire_alloc_reply_to_pb(const struct wire_alloc_reply *alloc, pb_alloc_reply *ret)
{
    *ret = (pb_alloc_reply)BUDDYD__WIRE__V1__ALLOC_REPLY__INIT;
    ret->n_handle = ret->n_offset = alloc->nr;
    ret->handle = (uint64_t *)alloc->handle;
    ret->offset = (uint64_t *)alloc->offset;
    ret->n_zone = alloc->nr_zones;
    ret->zone = (uint32_t *)alloc->zone;
    ret->n_order = alloc->nr_orders;
    ret->order = (uint32_t *)alloc->order;
    ret->n_slot = alloc->nr_slots;
    ret->slot = (uint64_t *)alloc->slot;
    return wire_check_alloc_reply(alloc);
}

int wire_alloc_reply_from_pb(const pb_alloc_reply *pb, struct wire_arena *a,
                             struct wire_alloc_reply *ret)
{
    struct wire_alloc_reply read = {
        .nr = pb->n_handle,
        .handle = pb->handle,
        .offset = pb->offset,
        .nr_zones = pb->n_zone,
        .zone = pb->zone,
        .nr_orders = pb->n_order,
        .order = pb->order,
        .nr_slots = pb->n_slot,
        .slot = pb->slot,
    };
    int r = pb->n_offset == pb->n_handle ? wire_check_alloc_reply(&read) : -EINVAL;
    size_t nr_u64 = 2 * pb->n_handle + pb->n_slot;
    uint64_t *u64;
    uint32_t *u32;

    if (r)
        return r;
    /* One piece of memory: the usual reply has a single block. */
    u64 = wire_arena_take(a, 1, nr_u64 * sizeof(*u64) + (pb->n_zone + pb->n_order) * sizeof(*u32));
    if (!u64)
        return -ENOMEM;
    u32 = (uint32_t *)(u64 + nr_u64);
    memcpy(u64, pb->handle, pb->n_handle * sizeof(*u64));
    memcpy(u64 + pb->n_handle, pb->offset, pb->n_offset * sizeof(*u64));
    if (pb->n_slot)
        memcpy(u64 + 2 * pb->n_handle, pb->slot, pb->n_slot * sizeof(*u64));
    memcpy(u32, pb->zone, pb->n_zone * sizeof(*u32));
    memcpy(u32 + pb->n_zone, pb->order, pb->n_order * sizeof(*u32));
    read.handle = u64;
    read.offset = u64 + pb->n_handle;
    read.slot = u64 + 2 * pb->n_handle;
    read.zone = u32;
    read.order = u32 + pb->n_zone;
    *ret = read;
    return 0;
}
