/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alloc.c: blocks, one by one or many at once.
 *
 * An answer is believed only as far as it stays inside the zones that this process maps: a pointer
 * is made of checked numbers or not at all. (What limits.h limits, wire.h has checked.)
 */
#include "alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

#define MAX_ALLOC_BYTES (UINT64_C(1) << 30)

/* ---- what is asked for ---- */

/* Flags of the header, but for BUDDYD_ZERO, and what the wire has for them. */
static const struct {
    unsigned flag;
    uint32_t wire;
} wire_flags[] = {
    {BUDDYD_HIGH, WIRE_ALLOC_HIGH},
    {BUDDYD_CMA, WIRE_ALLOC_CMA},
    {BUDDYD_RESERVE, WIRE_ALLOC_RESERVE},
    {BUDDYD_TELL, WIRE_ALLOC_TELL},
};

#define KNOWN_FLAGS (BUDDYD_ZERO | BUDDYD_HIGH | BUDDYD_CMA | BUDDYD_RESERVE | BUDDYD_TELL)

static uint32_t flags_of_wire(unsigned flags)
{
    uint32_t wire = 0;

    for (size_t i = 0; i < sizeof(wire_flags) / sizeof(wire_flags[0]); i++)
        wire |= flags & wire_flags[i].flag ? wire_flags[i].wire : 0;
    return wire;
}

/* The sizes that struct buddyd_alloc has had: it grows at its end. */
static bool known_size(size_t size)
{
    return size == offsetof(struct buddyd_alloc, nodemask) || size == sizeof(struct buddyd_alloc);
}

/* What the program asks for with all fields that this version has. */
static int complete(const struct buddyd_alloc *rq, struct buddyd_alloc *ret)
{
    *ret = (struct buddyd_alloc)BUDDYD_ALLOC_INIT;
    if (!rq)
        return 0;
    if (!known_size(rq->size))
        return error_set(-EINVAL, "alloc: size %zu: initialise with BUDDYD_ALLOC_INIT (%zu)",
                         rq->size, sizeof(*rq));
    memcpy(ret, rq, rq->size);
    ret->size = sizeof(*ret);
    return 0;
}

static int check(const struct buddyd *b, const struct buddyd_alloc *rq)
{
    if ((unsigned)rq->type > BUDDYD_RECLAIMABLE)
        return error_set(-EINVAL, "alloc: type %d: 0 (unmovable), 1 (movable) or 2 (reclaimable)",
                         (int)rq->type);
    if (rq->order > MAX_ORDER)
        return error_set(-EINVAL, "alloc: order %u: 0 to %u", rq->order, MAX_ORDER);
    if (rq->flags & ~KNOWN_FLAGS)
        return error_set(-EINVAL, "alloc: flags 0x%x: only those in 0x%x are known", rq->flags,
                         KNOWN_FLAGS);
    if (rq->flags & BUDDYD_CMA && rq->type != BUDDYD_MOVABLE)
        return error_set(-EINVAL, "alloc: BUDDYD_CMA with type %d: only with 1 (movable)",
                         (int)rq->type);
    if (rq->flags & BUDDYD_TELL && rq->type != BUDDYD_RECLAIMABLE)
        return error_set(-EINVAL, "alloc: BUDDYD_TELL with type %d: only with 2 (reclaimable)",
                         (int)rq->type);
    if (rq->node < BUDDYD_ANY || rq->node >= (int)WIRE_MAX_NODES)
        return error_set(-EINVAL, "alloc: node %d: 0 to %u, or BUDDYD_ANY (-1)", rq->node,
                         WIRE_MAX_NODES - 1);
    if (rq->zone != BUDDYD_ANY && (rq->zone < 0 || !zone_map_find(&b->zones, (uint32_t)rq->zone)))
        return error_set(-EINVAL,
                         "alloc: zone %d: the id of one of the %u zones, or BUDDYD_ANY (-1)",
                         rq->zone, b->zones.nr);
    return 0;
}

int alloc_prepare(const struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                  struct wire_alloc *ret_wire, struct ask *ret_ask)
{
    struct buddyd_alloc full;
    int r = complete(rq, &full);

    if (!r)
        r = check(b, &full);
    if (r)
        return r;
    // Clearing is this process's work: the daemon never touches the bytes.
    *ret_wire = (struct wire_alloc){.order = full.order,
                                    .type = full.type,
                                    .count = (uint32_t)n,
                                    .flags = flags_of_wire(full.flags),
                                    .node = full.node,
                                    .zone = full.zone,
                                    .deadline_ms = full.timeout_ms,
                                    .nodemask = full.nodemask};
    *ret_ask = (struct ask){.nr = (uint32_t)n,
                            .order = (uint8_t)full.order,
                            .type = (uint8_t)full.type,
                            .flags = (uint8_t)full.flags};
    return 0;
}

/* ---- what is granted ---- */

/* The slot of the i-th block, if the answer has slots. */
static int take_slot(const struct buddyd *b, const struct ask *ask,
                     const struct wire_alloc_reply *reply, size_t i, struct buddyd_block *ret,
                     struct client_error *why)
{
    if (!reply->nr_slots)
        return 0;
    if (ask->type == BUDDYD_UNMOVABLE)
        return error_write(why, -EPROTO, "a slot for a block that never moves");
    if (slot_name_index(reply->slot[i]) >= b->owner->slots.nr)
        return error_write(why, -EPROTO, "slot %" PRIu32 " where there are %" PRIu32,
                           slot_name_index(reply->slot[i]), b->owner->slots.nr);
    ret->slot = slot_name_index(reply->slot[i]) + 1;
    ret->pinned_as = slots_pinned_as(slot_name_generation(reply->slot[i]));
    return 0;
}

int alloc_block(const struct buddyd *b, const struct ask *ask, const struct wire_alloc_reply *reply,
                size_t i, struct buddyd_block *ret, struct client_error *why)
{
    uint32_t zone = reply->zone[reply->nr_zones == 1 ? 0 : i];
    uint32_t order = reply->order[reply->nr_orders == 1 ? 0 : i];
    const struct buddyd_zone *z = zone_map_find(&b->zones, zone);
    uint64_t bytes, offset = reply->offset[i];

    if (!reply->handle[i])
        return error_write(why, -EPROTO, "a block without a handle");
    if (!z)
        return error_write(why, -EPROTO, "a block in zone %" PRIu32 ", which is not there", zone);
    bytes = UINT64_C(1) << (order + z->page_shift);
    if (offset % bytes || bytes > z->bytes || offset > z->bytes - bytes)
        return error_write(why, -EPROTO,
                           "a block of order %" PRIu32 " at offset 0x%" PRIx64 " in zone %" PRIu32
                           " of %" PRIu64 " bytes",
                           order, offset, zone, z->bytes);
    *ret = (struct buddyd_block){.handle = reply->handle[i],
                                 .offset = offset,
                                 .bytes = bytes,
                                 .zone = zone,
                                 .order = (uint8_t)order,
                                 .type = ask->type};
    return take_slot(b, ask, reply, i, ret, why);
}

int alloc_take(const struct buddyd *b, const struct ask *ask, const struct wire_alloc_reply *reply,
               struct buddyd_block *ret, struct client_error *why)
{
    struct buddyd_block block = {0};
    int r;

    if (reply->nr != ask->nr)
        return error_write(why, -EPROTO, "%zu blocks where %" PRIu32 " were asked for", reply->nr,
                           ask->nr);
    // Checked as a whole first: outputs are written only on success.
    for (size_t i = 0; i < reply->nr; i++) {
        r = alloc_block(b, ask, reply, i, &block, why);
        if (r)
            return r;
        if (block.order != ask->order)
            return error_write(why, -EPROTO, "a block of order %u where %u was asked for",
                               block.order, ask->order);
    }
    for (size_t i = 0; i + 1 < reply->nr; i++)
        (void)alloc_block(b, ask, reply, i, &ret[i], why);
    ret[reply->nr - 1] = block;
    return 0;
}

void alloc_clear(struct buddyd *b, const struct ask *ask, const struct buddyd_block *blocks,
                 size_t n)
{
    void *p;

    if (!(ask->flags & BUDDYD_ZERO))
        return;
    for (size_t i = 0; i < n; i++) {
        // It may move already; or be discarded, and then there is nothing to clear.
        if (buddyd_pin(b, &blocks[i], &p))
            continue;
        memset(p, 0, (size_t)blocks[i].bytes);
        buddyd_unpin(b, &blocks[i]);
    }
}

/* ---- calls ---- */

struct alloc_call {
    struct call call;
    struct buddyd_block *out;
};

static int take_blocks(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct alloc_call *a = (struct alloc_call *)c;

    return alloc_take(b, &c->ask, &rs->alloc, a->out, &c->why);
}

/* Up to WIRE_MAX_BLOCKS. */
static int alloc_some(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                      struct buddyd_block *ret)
{
    struct wire_request wire = {.op = WIRE_OP_ALLOC};
    struct alloc_call a;
    int r;

    r = alloc_prepare(b, rq, n, &wire.alloc, &a.call.ask);
    if (r)
        return r;
    a.call.op = WIRE_OP_ALLOC;
    a.call.take = take_blocks;
    a.out = ret;
    r = calls_run(b, &wire, &a.call);
    if (!r)
        alloc_clear(b, &a.call.ask, ret, n);
    return r;
}

int alloc_free_some(struct buddyd *b, size_t n, const uint64_t *handles)
{
    struct wire_request wire = {.op = WIRE_OP_FREE, .free = {.nr = n, .handle = handles}};
    struct call c;

    c.op = WIRE_OP_FREE;
    c.ask = (struct ask){0};
    c.take = NULL;
    return calls_run(b, &wire, &c);
}

int buddyd_alloc(struct buddyd *b, const struct buddyd_alloc *rq, struct buddyd_block *ret)
{
    int r = connection_enter(b);

    return r ? r : alloc_some(b, rq, 1, ret);
}

int buddyd_alloc_bytes(struct buddyd *b, uint64_t bytes, const struct buddyd_alloc *rq,
                       struct buddyd_block *ret)
{
    struct buddyd_alloc with_order;
    const struct buddyd_zone *z = NULL;
    unsigned shift;
    int r = connection_enter(b);

    if (r)
        return r;
    if (!bytes || bytes > MAX_ALLOC_BYTES)
        return error_set(-EINVAL, "alloc: %" PRIu64 " bytes: 1 to %" PRIu64, bytes,
                         MAX_ALLOC_BYTES);
    r = complete(rq, &with_order);
    if (r)
        return r;
    if (with_order.zone >= 0)
        z = zone_map_find(&b->zones, (uint32_t)with_order.zone);
    shift = z ? z->page_shift : zone_map_page_shift(&b->zones);
    with_order.order = 0;
    while ((UINT64_C(1) << (with_order.order + shift)) < bytes)
        with_order.order++;
    return alloc_some(b, &with_order, 1, ret);
}

static int free_chunks(struct buddyd *b, size_t n, const uint64_t *handles)
{
    struct client_error first;
    int r, result = 0;

    for (size_t done = 0, chunk; done < n; done += chunk) {
        chunk = n - done < WIRE_MAX_BLOCKS ? n - done : WIRE_MAX_BLOCKS;
        r = alloc_free_some(b, chunk, handles + done);
        if (r && !result) {
            result = r;
            first = *error_here();
        }
    }
    if (result)
        error_publish(&first);
    return result;
}

/* More than one packet's worth: all or none, so nothing is shown before the last is there. */
static int alloc_chunks(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                        struct buddyd_block *ret)
{
    struct buddyd_block *blocks = calloc(n, sizeof(*blocks));
    uint64_t handles[WIRE_MAX_BLOCKS];
    struct client_error why;
    size_t got = 0;
    int r = 0;

    if (!blocks)
        return error_set(-ENOMEM, "alloc of %zu blocks: no memory for the list of them", n);
    while (got < n) {
        size_t chunk = n - got < WIRE_MAX_BLOCKS ? n - got : WIRE_MAX_BLOCKS;

        r = alloc_some(b, rq, chunk, blocks + got);
        if (r)
            break;
        got += chunk;
    }
    if (!r) {
        memcpy(ret, blocks, n * sizeof(*blocks));
        goto out;
    }
    why = *error_here();
    while (got) {
        size_t chunk = got < WIRE_MAX_BLOCKS ? got : WIRE_MAX_BLOCKS;

        got -= chunk;
        for (size_t i = 0; i < chunk; i++)
            handles[i] = blocks[got + i].handle;
        (void)alloc_free_some(b, chunk, handles);
    }
    error_publish(&why);
out:
    free(blocks);
    return r;
}

int buddyd_alloc_bulk(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                      struct buddyd_block *ret)
{
    int r = connection_enter(b);

    if (r || !n)
        return r;
    return n <= WIRE_MAX_BLOCKS ? alloc_some(b, rq, n, ret) : alloc_chunks(b, rq, n, ret);
}

int buddyd_free(struct buddyd *b, uint64_t handle)
{
    int r = connection_enter(b);

    return r ? r : alloc_free_some(b, 1, &handle);
}

int buddyd_free_bulk(struct buddyd *b, size_t n, const uint64_t *handles)
{
    int r = connection_enter(b);

    return r ? r : free_chunks(b, n, handles);
}
