/* SPDX-License-Identifier: Apache-2.0 */
/* wire_mobile.c: the requests about blocks that move and are discarded, and their answers. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arena.h"
#include "convert.h"
#include "text.h"

int wire_handles_take(size_t nr, const uint64_t *handle, struct wire_arena *a, const uint64_t **ret)
{
    uint64_t *copy = wire_arena_take(a, nr, sizeof(*copy));

    if (!copy)
        return -ENOMEM;
    memcpy(copy, handle, nr * sizeof(*copy));
    *ret = copy;
    return 0;
}

/* ---- requests ---- */

static int check_renew(size_t nr, struct complaint *c)
{
    if (nr < 1 || nr > WIRE_MAX_BLOCKS)
        return wire_complain(c, "renew of %zu handles: 1 to %u", nr, WIRE_MAX_BLOCKS);
    return 0;
}

static int check_compact(const struct wire_compact *compact, struct complaint *c)
{
    if ((uint32_t)compact->zone + 1 > WIRE_MAX_ZONES)
        return wire_complain(c, "compact zone %" PRIu32 ": at most %u", (uint32_t)compact->zone,
                             WIRE_MAX_ZONES - 1);
    return 0;
}

static int check_resize(const struct wire_resize_zone *resize, struct complaint *c)
{
    if (resize->zone >= WIRE_MAX_ZONES)
        return wire_complain(c, "resize zone %" PRIu32 ": at most %u", resize->zone,
                             WIRE_MAX_ZONES - 1);
    if (resize->delta_bytes > WIRE_MAX_RESIZE_BYTES || resize->delta_bytes < -WIRE_MAX_RESIZE_BYTES)
        return wire_complain(c, "resize by %" PRId64 " bytes: at most %" PRId64 " either way",
                             resize->delta_bytes, WIRE_MAX_RESIZE_BYTES);
    return 0;
}

static int check_migrate(const struct wire_migrate *migrate, struct complaint *c)
{
    if (migrate->node >= WIRE_MAX_NODES)
        return wire_complain(c, "migrate node %" PRIu32 ": at most %u", migrate->node,
                             WIRE_MAX_NODES - 1);
    return 0;
}

int wire_mobile_request_to_pb(const struct wire_request *rq, struct request_pb *ret)
{
    pb_request *pb = &ret->request;
    struct complaint c = {NULL, NULL};

    switch (rq->op) {
    case WIRE_OP_RENEW:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_RENEW;
        ret->op.renew = (pb_renew)BUDDYD__WIRE__V1__RENEW__INIT;
        ret->op.renew.n_handle = rq->renew.nr;
        ret->op.renew.handle = (uint64_t *)rq->renew.handle;
        ret->op.renew.deadline_ms = rq->renew.deadline_ms;
        return check_renew(rq->renew.nr, &c);
    case WIRE_OP_COMPACT:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_COMPACT;
        ret->op.compact = (pb_compact)BUDDYD__WIRE__V1__COMPACT__INIT;
        ret->op.compact.zone_plus_one = (uint32_t)rq->compact.zone + 1;
        return check_compact(&rq->compact, &c);
    case WIRE_OP_RESIZE_ZONE:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_RESIZE_ZONE;
        ret->op.resize_zone = (pb_resize_zone)BUDDYD__WIRE__V1__RESIZE_ZONE__INIT;
        ret->op.resize_zone.zone = rq->resize_zone.zone;
        ret->op.resize_zone.delta_bytes = rq->resize_zone.delta_bytes;
        return check_resize(&rq->resize_zone, &c);
    case WIRE_OP_MIGRATE:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_MIGRATE;
        ret->op.migrate = (pb_migrate)BUDDYD__WIRE__V1__MIGRATE__INIT;
        ret->op.migrate.handle = rq->migrate.handle;
        ret->op.migrate.session = rq->migrate.session;
        ret->op.migrate.node = rq->migrate.node;
        return check_migrate(&rq->migrate, &c);
    default:
        return -EINVAL;
    }
}

int wire_mobile_request_from_pb(const pb_request *pb, struct complaint *c, struct wire_request *ret)
{
    int r;

    switch (pb->op_case) {
    case BUDDYD__WIRE__V1__REQUEST__OP_RENEW:
        ret->op = WIRE_OP_RENEW;
        r = check_renew(pb->renew->n_handle, c);
        ret->renew.nr = pb->renew->n_handle;
        ret->renew.deadline_ms = pb->renew->deadline_ms;
        return r ? r
                 : wire_handles_take(pb->renew->n_handle, pb->renew->handle, c->arena,
                                     &ret->renew.handle);
    case BUDDYD__WIRE__V1__REQUEST__OP_COMPACT:
        ret->op = WIRE_OP_COMPACT;
        ret->compact.zone = (int32_t)(pb->compact->zone_plus_one - 1);
        return check_compact(&ret->compact, c);
    case BUDDYD__WIRE__V1__REQUEST__OP_RESIZE_ZONE:
        ret->op = WIRE_OP_RESIZE_ZONE;
        ret->resize_zone =
            (struct wire_resize_zone){pb->resize_zone->zone, pb->resize_zone->delta_bytes};
        return check_resize(&ret->resize_zone, c);
    case BUDDYD__WIRE__V1__REQUEST__OP_MIGRATE:
        ret->op = WIRE_OP_MIGRATE;
        ret->migrate =
            (struct wire_migrate){pb->migrate->handle, pb->migrate->session, pb->migrate->node};
        return check_migrate(&ret->migrate, c);
    default:
        return 0;
    }
}

/* ---- obstacles ---- */

static int check_obstacle(const pb_obstacle *pb)
{
    return pb->order >= WIRE_MAX_ORDERS || pb->type >= WIRE_MAX_TYPES ? -EINVAL : 0;
}

static int obstacle_to_pb(const struct wire_obstacle *obstacle, struct wire_arena *a,
                          pb_obstacle *ret)
{
    const char *client;
    int r = wire_text_take(a, obstacle->client, WIRE_MAX_NAME, &client);

    if (r)
        return r;
    *ret = (pb_obstacle)BUDDYD__WIRE__V1__OBSTACLE__INIT;
    ret->session = obstacle->session;
    ret->client = (char *)client;
    ret->offset = obstacle->offset;
    ret->order = obstacle->order;
    ret->type = obstacle->type;
    ret->reason = obstacle->reason;
    return check_obstacle(ret);
}

static int obstacle_from_pb(const pb_obstacle *pb, struct wire_arena *a, struct wire_obstacle *ret)
{
    int r = check_obstacle(pb);

    if (r)
        return r;
    ret->session = pb->session;
    ret->offset = pb->offset;
    ret->order = pb->order;
    ret->type = pb->type;
    ret->reason = pb->reason;
    return wire_text_take(a, pb->client, WIRE_MAX_NAME, &ret->client);
}

static int resized_to_pb(const struct wire_resize_zone_reply *reply, struct wire_arena *a,
                         pb_resize_zone_reply *ret)
{
    pb_obstacle **obstacles;

    if (reply->nr > WIRE_MAX_LISTING)
        return -EINVAL;
    obstacles = wire_entries_take(a, reply->nr, sizeof(**obstacles));
    if (!obstacles)
        return -ENOMEM;
    for (size_t i = 0; i < reply->nr; i++) {
        int r = obstacle_to_pb(&reply->obstacles[i], a, obstacles[i]);

        if (r)
            return r;
    }
    *ret = (pb_resize_zone_reply)BUDDYD__WIRE__V1__RESIZE_ZONE_REPLY__INIT;
    ret->bytes = reply->bytes;
    ret->n_obstacles = reply->nr;
    ret->obstacles = obstacles;
    return 0;
}

static int resized_from_pb(const pb_resize_zone_reply *pb, struct wire_arena *a,
                           struct wire_resize_zone_reply *ret)
{
    struct wire_obstacle *obstacles;

    if (pb->n_obstacles > WIRE_MAX_LISTING)
        return -EINVAL;
    obstacles = wire_arena_take(a, pb->n_obstacles, sizeof(*obstacles));
    if (!obstacles)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_obstacles; i++) {
        int r = obstacle_from_pb(pb->obstacles[i], a, &obstacles[i]);

        if (r)
            return r;
    }
    *ret = (struct wire_resize_zone_reply){pb->bytes, pb->n_obstacles, obstacles};
    return 0;
}

/* ---- responses ---- */

int wire_mobile_response_to_pb(const struct wire_response *rs, struct wire_arena *a,
                               struct response_pb *ret)
{
    pb_response *pb = &ret->response;

    switch (rs->op) {
    case WIRE_OP_RENEW:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_RENEW;
        return wire_alloc_reply_to_pb(&rs->renew, &ret->op.renew);
    case WIRE_OP_COMPACT:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_COMPACT;
        ret->op.compact = (pb_compact_reply)BUDDYD__WIRE__V1__COMPACT_REPLY__INIT;
        ret->op.compact.moved_pages = rs->compact.moved_pages;
        ret->op.compact.freed_pageblocks = rs->compact.freed_pageblocks;
        ret->op.compact.pinned_pages = rs->compact.pinned_pages;
        return 0;
    case WIRE_OP_RESIZE_ZONE:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_RESIZE_ZONE;
        return resized_to_pb(&rs->resize_zone, a, &ret->op.resize_zone);
    case WIRE_OP_MIGRATE:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_MIGRATE;
        ret->op.migrate = (pb_migrate_reply)BUDDYD__WIRE__V1__MIGRATE_REPLY__INIT;
        ret->op.migrate.moved_pages = rs->migrate.moved_pages;
        ret->op.migrate.left_pages = rs->migrate.left_pages;
        return 0;
    default:
        return -EINVAL;
    }
}

int wire_mobile_response_from_pb(const pb_response *pb, struct wire_arena *a,
                                 struct wire_response *ret)
{
    switch (pb->op_case) {
    case BUDDYD__WIRE__V1__RESPONSE__OP_RENEW:
        ret->op = WIRE_OP_RENEW;
        return wire_alloc_reply_from_pb(pb->renew, a, &ret->renew);
    case BUDDYD__WIRE__V1__RESPONSE__OP_COMPACT:
        ret->op = WIRE_OP_COMPACT;
        ret->compact = (struct wire_compact_reply){
            pb->compact->moved_pages, pb->compact->freed_pageblocks, pb->compact->pinned_pages};
        return 0;
    case BUDDYD__WIRE__V1__RESPONSE__OP_RESIZE_ZONE:
        ret->op = WIRE_OP_RESIZE_ZONE;
        return resized_from_pb(pb->resize_zone, a, &ret->resize_zone);
    case BUDDYD__WIRE__V1__RESPONSE__OP_MIGRATE:
        ret->op = WIRE_OP_MIGRATE;
        ret->migrate =
            (struct wire_migrate_reply){pb->migrate->moved_pages, pb->migrate->left_pages};
        return 0;
    default:
        return 0;
    }
}
