/* SPDX-License-Identifier: Apache-2.0 */
/* mobile.c: requests about blocks that move and are discarded, and about where blocks lie. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "alloc.h"
#include "calls.h"

/* ---- discarded blocks ---- */

struct renew_call {
    struct call call;
    struct buddyd_block block; /* what it was, and then what it is */
};

static int take_renewed(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct renew_call *renew = (struct renew_call *)c;
    struct buddyd_block *old = &renew->block, new;
    int r = alloc_take(b, &c->ask, &rs->renew, &new, &c->why);

    if (r)
        return r;
    if (new.handle != old->handle || new.slot != old->slot || new.pinned_as != old->pinned_as)
        return error_write(&c->why, -EPROTO, "another block was renewed than 0x%" PRIx64,
                           old->handle);
    *old = new;
    return 0;
}

int buddyd_renew(struct buddyd *b, struct buddyd_block *block, unsigned timeout_ms)
{
    struct wire_request wire = {
        .op = WIRE_OP_RENEW,
        .renew = {.nr = 1, .handle = &block->handle, .deadline_ms = timeout_ms}};
    struct renew_call renew;
    int r = connection_enter(b);

    if (r)
        return r;
    if (!block->slot)
        return error_set(-EINVAL, "renew: block 0x%" PRIx64 " never moves", block->handle);
    renew.call.op = WIRE_OP_RENEW;
    renew.call.ask = (struct ask){.nr = 1, .order = block->order, .type = block->type};
    renew.call.take = take_renewed;
    renew.block = *block;
    r = calls_run(b, &wire, &renew.call);
    if (!r)
        *block = renew.block;
    return r;
}

/* ---- where blocks lie ---- */

struct migrate_call {
    struct call call;
    struct wire_migrate_reply reply;
};

static int take_migrated(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    (void)b;
    ((struct migrate_call *)c)->reply = rs->migrate;
    return 0;
}

int buddyd_migrate(struct buddyd *b, uint32_t session, uint64_t handle, unsigned node,
                   uint64_t *ret_moved_pages, uint64_t *ret_left_pages)
{
    struct wire_request wire = {.op = WIRE_OP_MIGRATE,
                                .migrate = {.handle = handle, .session = session, .node = node}};
    struct migrate_call migrate;
    int r = connection_enter(b);

    if (r)
        return r;
    if (node >= WIRE_MAX_NODES)
        return error_set(-EINVAL, "migrate: node %u: 0 to %u", node, WIRE_MAX_NODES - 1);
    migrate.call.op = WIRE_OP_MIGRATE;
    migrate.call.ask = (struct ask){0};
    migrate.call.take = take_migrated;
    r = calls_run(b, &wire, &migrate.call);
    if (r)
        return r;
    *ret_moved_pages = migrate.reply.moved_pages;
    *ret_left_pages = migrate.reply.left_pages;
    return 0;
}

struct compact_call {
    struct call call;
    struct buddyd_compacted did;
};

static int take_compacted(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    (void)b;
    ((struct compact_call *)c)->did =
        (struct buddyd_compacted){.moved_pages = rs->compact.moved_pages,
                                  .freed_pageblocks = rs->compact.freed_pageblocks,
                                  .pinned_pages = rs->compact.pinned_pages};
    return 0;
}

/* Of a zone that is named to an administrator's request. */
static int check_zone(const struct buddyd *b, const char *what, int64_t zone)
{
    if (zone < 0 || zone >= WIRE_MAX_ZONES || !zone_map_find(&b->zones, (uint32_t)zone))
        return error_set(-EINVAL, "%s: zone %" PRId64 ": the id of one of the %u zones", what, zone,
                         b->zones.nr);
    return 0;
}

int buddyd_compact(struct buddyd *b, int zone, struct buddyd_compacted *ret)
{
    struct wire_request wire = {.op = WIRE_OP_COMPACT, .compact = {.zone = zone}};
    struct compact_call compact;
    int r = connection_enter(b);

    if (!r && zone != BUDDYD_ANY)
        r = check_zone(b, "compact", zone);
    if (r)
        return r;
    compact.call.op = WIRE_OP_COMPACT;
    compact.call.ask = (struct ask){0};
    compact.call.take = take_compacted;
    r = calls_run(b, &wire, &compact.call);
    if (!r)
        *ret = compact.did;
    return r;
}

/* ---- the size of a zone ---- */

struct resize_call {
    struct call call;
    uint64_t bytes;
    struct buddyd_obstacle *out;
    size_t n;
};

static int take_resized(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct resize_call *resize = (struct resize_call *)c;

    (void)b;
    for (size_t i = 0; i < rs->resize_zone.nr; i++) {
        const struct wire_obstacle *from = &rs->resize_zone.obstacles[i];
        struct buddyd_obstacle *to = &resize->out[i];

        *to = (struct buddyd_obstacle){.session = from->session,
                                       .order = from->order,
                                       .offset = from->offset,
                                       .type = (enum buddyd_type)from->type,
                                       .reason = (enum buddyd_obstacle_reason)from->reason};
        (void)snprintf(to->client, sizeof(to->client), "%s", from->client);
    }
    resize->bytes = rs->resize_zone.bytes;
    resize->n = rs->resize_zone.nr;
    return 0;
}

int buddyd_resize_zone(struct buddyd *b, unsigned zone, int64_t delta_bytes, uint64_t *ret_bytes,
                       struct buddyd_obstacle *out, size_t *ret_n)
{
    struct wire_request wire = {.op = WIRE_OP_RESIZE_ZONE,
                                .resize_zone = {.zone = zone, .delta_bytes = delta_bytes}};
    struct resize_call resize;
    int r = connection_enter(b);

    if (!r)
        r = check_zone(b, "resize", zone);
    if (r)
        return r;
    if (delta_bytes > WIRE_MAX_RESIZE_BYTES || delta_bytes < -WIRE_MAX_RESIZE_BYTES)
        return error_set(-EINVAL, "resize: by %" PRId64 " bytes: at most %" PRId64 " either way",
                         delta_bytes, WIRE_MAX_RESIZE_BYTES);
    resize.call.op = WIRE_OP_RESIZE_ZONE;
    resize.call.ask = (struct ask){0};
    resize.call.take = take_resized;
    resize.out = out;
    r = calls_run(b, &wire, &resize.call);
    if (r)
        return r;
    if (resize.n) {
        *ret_n = resize.n;
        return error_set(-EBUSY, "resize of zone %u: %zu blocks are in the way", zone, resize.n);
    }
    *ret_bytes = resize.bytes;
    return 0;
}
