/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_response.c: responses. They come from the daemon alone, so one that is out of
 * bounds is no case to go on from: its packet is refused.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"
#include "convert.h"
#include "text.h"

/* ---- zones ---- */

static int check_zone(const pb_zone *pb)
{
    if (pb->id >= WIRE_MAX_ZONES || pb->node_plus_one > WIRE_MAX_NODES ||
        pb->page_shift < WIRE_MIN_PAGE_SHIFT || pb->page_shift > pb->hugepage_shift ||
        pb->hugepage_shift > WIRE_MAX_PAGE_SHIFT || pb->pageblock_order >= WIRE_MAX_ORDERS ||
        pb->bytes >> pb->page_shift > WIRE_MAX_ZONE_PAGES)
        return -EINVAL;
    return 0;
}

int wire_zone_to_pb(const struct wire_zone *z, struct wire_arena *a, pb_zone *ret)
{
    const char *name;
    int r = wire_text_take(a, z->name, WIRE_MAX_NAME, &name);

    if (r)
        return r;
    *ret = (pb_zone)BUDDYD__WIRE__V1__ZONE__INIT;
    ret->id = z->id;
    ret->name = (char *)name;
    ret->node_plus_one = (uint32_t)z->node + 1;
    ret->backing = z->backing;
    ret->page_shift = z->page_shift;
    ret->hugepage_shift = z->hugepage_shift;
    ret->pageblock_order = z->pageblock_order;
    ret->bytes = z->bytes;
    ret->preferred_base = z->preferred_base;
    return check_zone(ret);
}

int wire_zone_from_pb(const pb_zone *pb, struct wire_arena *a, struct wire_zone *ret)
{
    int r = check_zone(pb);

    if (!r)
        r = wire_text_take(a, pb->name, WIRE_MAX_NAME, &ret->name);
    if (r)
        return r;
    ret->id = pb->id;
    ret->node = (int32_t)pb->node_plus_one - 1;
    ret->backing = pb->backing;
    ret->page_shift = pb->page_shift;
    ret->hugepage_shift = pb->hugepage_shift;
    ret->pageblock_order = pb->pageblock_order;
    ret->bytes = pb->bytes;
    ret->preferred_base = pb->preferred_base;
    return 0;
}

/* ---- hello ---- */

static int hello_to_pb(const struct wire_hello_reply *hello, struct wire_arena *a,
                       pb_hello_reply *ret)
{
    const char *policy;
    pb_zone **zones;
    int r;

    if (hello->nr_zones > WIRE_MAX_ZONES || hello->domain >= WIRE_MAX_DOMAINS ||
        hello->slots > WIRE_MAX_SLOTS)
        return -EINVAL;
    zones = wire_entries_take(a, hello->nr_zones, sizeof(**zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < hello->nr_zones; i++) {
        r = wire_zone_to_pb(&hello->zones[i], a, zones[i]);
        if (r)
            return r;
    }
    r = wire_text_take(a, hello->policy, WIRE_MAX_NAME, &policy);
    if (r)
        return r;
    *ret = (pb_hello_reply)BUDDYD__WIRE__V1__HELLO_REPLY__INIT;
    ret->version = hello->version;
    ret->features = hello->features;
    ret->session = hello->session;
    ret->n_zones = hello->nr_zones;
    ret->zones = zones;
    ret->domain = hello->domain;
    ret->policy = (char *)policy;
    ret->rights = hello->rights;
    ret->slots = hello->slots;
    return 0;
}

static int hello_from_pb(const pb_hello_reply *pb, struct wire_arena *a,
                         struct wire_hello_reply *ret)
{
    struct wire_zone *zones;

    if (pb->n_zones > WIRE_MAX_ZONES || pb->domain >= WIRE_MAX_DOMAINS ||
        pb->slots > WIRE_MAX_SLOTS)
        return -EINVAL;
    zones = wire_arena_take(a, pb->n_zones, sizeof(*zones));
    if (!zones)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_zones; i++) {
        int r = wire_zone_from_pb(pb->zones[i], a, &zones[i]);

        if (r)
            return r;
    }
    ret->version = pb->version;
    ret->features = pb->features;
    ret->session = pb->session;
    ret->nr_zones = pb->n_zones;
    ret->zones = zones;
    ret->domain = pb->domain;
    ret->rights = pb->rights;
    ret->slots = pb->slots;
    return wire_text_take(a, pb->policy, WIRE_MAX_NAME, &ret->policy);
}

/* ---- explain ---- */

static int explain_to_pb(const struct wire_explain_reply *explain, struct wire_arena *a,
                         pb_explain_reply *ret)
{
    const char *text;
    int r = wire_lines_take(a, explain->text, WIRE_MAX_LONG_TEXT, &text);

    if (r)
        return r;
    *ret = (pb_explain_reply)BUDDYD__WIRE__V1__EXPLAIN_REPLY__INIT;
    ret->granted = explain->granted;
    ret->text = (char *)text;
    return 0;
}

/* ---- responses ---- */

static int error_to_pb(const struct wire_response *rs, struct wire_arena *a,
                       struct response_pb *ret)
{
    const char *message;
    int r;

    if (rs->error > WIRE_MAX_ERRNO)
        return -EINVAL;
    r = wire_text_take(a, rs->message, WIRE_MAX_MESSAGE, &message);
    if (r)
        return r;
    ret->response.error = rs->error;
    ret->response.message = (char *)message;
    if (!rs->refusal)
        return 0;
    ret->response.refusal = &ret->refusal;
    return wire_refusal_to_pb(rs->refusal, a, &ret->refusal);
}

int wire_response_to_pb(const struct wire_response *rs, struct wire_arena *a,
                        struct response_pb *ret)
{
    pb_response *pb = &ret->response;

    *pb = (pb_response)BUDDYD__WIRE__V1__RESPONSE__INIT;
    pb->id = rs->id;
    if (rs->error)
        return error_to_pb(rs, a, ret);
    /* All members of the union are pointers to ret->op. */
    pb->hello = &ret->op.hello;
    switch (rs->op) {
    case WIRE_OP_HELLO:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_HELLO;
        return hello_to_pb(&rs->hello, a, &ret->op.hello);
    case WIRE_OP_STAT_ZONES:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_STAT_ZONES;
        return wire_zones_to_pb(&rs->listing, a, &ret->op.stat_zones);
    case WIRE_OP_STAT_FREE:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_STAT_FREE;
        return wire_frees_to_pb(&rs->listing, a, &ret->op.stat_free);
    case WIRE_OP_STAT_CLIENTS:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_STAT_CLIENTS;
        return wire_clients_to_pb(&rs->listing, a, &ret->op.stat_clients);
    case WIRE_OP_STAT_BLOCKS:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_STAT_BLOCKS;
        return wire_blocks_to_pb(&rs->listing, a, &ret->op.stat_blocks);
    case WIRE_OP_STAT_ACCOUNTS:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_STAT_ACCOUNTS;
        return wire_accounts_to_pb(&rs->listing, a, &ret->op.stat_accounts);
    case WIRE_OP_EXPLAIN:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_EXPLAIN;
        return explain_to_pb(&rs->explain, a, &ret->op.explain);
    case WIRE_OP_SET_POLICY:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_SET_POLICY;
        ret->op.set_policy = (pb_set_policy_reply)BUDDYD__WIRE__V1__SET_POLICY_REPLY__INIT;
        return 0;
    case WIRE_OP_RELOAD:
        pb->op_case = BUDDYD__WIRE__V1__RESPONSE__OP_RELOAD;
        ret->op.reload = (pb_reload_reply)BUDDYD__WIRE__V1__RELOAD_REPLY__INIT;
        return 0;
    default:
        return wire_mobile_response_to_pb(rs, a, ret);
    }
}

static int error_from_pb(const pb_response *pb, struct wire_arena *a, struct wire_response *ret)
{
    int r;

    if (pb->error > WIRE_MAX_ERRNO)
        return -EINVAL;
    ret->error = pb->error;
    if (pb->message[0]) {
        r = wire_text_take(a, pb->message, WIRE_MAX_MESSAGE, &ret->message);
        if (r)
            return r;
    }
    return pb->refusal ? wire_refusal_from_pb(pb->refusal, a, &ret->refusal) : 0;
}

int wire_response_from_pb(const pb_response *pb, struct wire_arena *a, struct wire_response *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->id = pb->id;
    if (pb->error)
        return error_from_pb(pb, a, ret);
    switch (pb->op_case) {
    case BUDDYD__WIRE__V1__RESPONSE__OP_HELLO:
        ret->op = WIRE_OP_HELLO;
        return hello_from_pb(pb->hello, a, &ret->hello);
    case BUDDYD__WIRE__V1__RESPONSE__OP_ALLOC:
        ret->op = WIRE_OP_ALLOC;
        return wire_alloc_reply_from_pb(pb->alloc, a, &ret->alloc);
    case BUDDYD__WIRE__V1__RESPONSE__OP_FREE:
        ret->op = WIRE_OP_FREE;
        ret->free.freed = pb->free->freed;
        return pb->free->freed > WIRE_MAX_BLOCKS ? -EINVAL : 0;
    case BUDDYD__WIRE__V1__RESPONSE__OP_STAT_ZONES:
        ret->op = WIRE_OP_STAT_ZONES;
        return wire_zones_from_pb(pb->stat_zones, a, &ret->listing);
    case BUDDYD__WIRE__V1__RESPONSE__OP_STAT_FREE:
        ret->op = WIRE_OP_STAT_FREE;
        return wire_frees_from_pb(pb->stat_free, a, &ret->listing);
    case BUDDYD__WIRE__V1__RESPONSE__OP_STAT_CLIENTS:
        ret->op = WIRE_OP_STAT_CLIENTS;
        return wire_clients_from_pb(pb->stat_clients, a, &ret->listing);
    case BUDDYD__WIRE__V1__RESPONSE__OP_STAT_BLOCKS:
        ret->op = WIRE_OP_STAT_BLOCKS;
        return wire_blocks_from_pb(pb->stat_blocks, a, &ret->listing);
    case BUDDYD__WIRE__V1__RESPONSE__OP_STAT_ACCOUNTS:
        ret->op = WIRE_OP_STAT_ACCOUNTS;
        return wire_accounts_from_pb(pb->stat_accounts, a, &ret->listing);
    case BUDDYD__WIRE__V1__RESPONSE__OP_EXPLAIN:
        ret->op = WIRE_OP_EXPLAIN;
        ret->explain.granted = pb->explain->granted != 0;
        return wire_lines_take(a, pb->explain->text, WIRE_MAX_LONG_TEXT, &ret->explain.text);
    case BUDDYD__WIRE__V1__RESPONSE__OP_SET_POLICY:
        ret->op = WIRE_OP_SET_POLICY;
        return 0;
    case BUDDYD__WIRE__V1__RESPONSE__OP_RELOAD:
        ret->op = WIRE_OP_RELOAD;
        return 0;
    default:
        return wire_mobile_response_from_pb(pb, a, ret);
    }
}
