/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_request.c: requests. What a client sends may be anything, and one bad request must not cost
 * its neighbours in the packet their answers: so a bound that is passed is told in the request.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "convert.h"
#include "text.h"

const char *wire_op_name(enum wire_op op)
{
    static const char *const names[WIRE_NR_OPS] = {
        [WIRE_OP_NONE] = "none",
        [WIRE_OP_HELLO] = "hello",
        [WIRE_OP_ALLOC] = "alloc",
        [WIRE_OP_FREE] = "free",
        [WIRE_OP_STAT_ZONES] = "stat_zones",
        [WIRE_OP_STAT_FREE] = "stat_free",
        [WIRE_OP_STAT_CLIENTS] = "stat_clients",
        [WIRE_OP_STAT_BLOCKS] = "stat_blocks",
        [WIRE_OP_STAT_ACCOUNTS] = "stat_accounts",
        [WIRE_OP_EXPLAIN] = "explain",
        [WIRE_OP_SET_POLICY] = "set_policy",
        [WIRE_OP_RELOAD] = "reload",
        [WIRE_OP_RENEW] = "renew",
        [WIRE_OP_COMPACT] = "compact",
        [WIRE_OP_RESIZE_ZONE] = "resize_zone",
        [WIRE_OP_MIGRATE] = "migrate",
    };

    return (unsigned)op < WIRE_NR_OPS ? names[op] : names[WIRE_OP_NONE];
}

int wire_complain(struct complaint *c, const char *format, ...)
{
    char *line = NULL;
    va_list args;

    if (c->arena) {
        line = wire_arena_take(c->arena, WIRE_MAX_MESSAGE + 1, 1);
        if (!line)
            return -ENOMEM;
        va_start(args, format);
        vsnprintf(line, WIRE_MAX_MESSAGE + 1, format, args);
        va_end(args);
    }
    c->text = line;
    return -EINVAL;
}

/* The bounds of what stands in a request; strings are looked at where they are taken. */

static int check_id(const pb_request *pb, struct complaint *c)
{
    if (pb->id == 0)
        return wire_complain(c, "request id 0: ids are 1 or more");
    return 0;
}

int wire_check_alloc(const struct wire_alloc *alloc, struct complaint *c)
{
    if (alloc->order >= WIRE_MAX_ORDERS)
        return wire_complain(c, "alloc order %" PRIu32 ": at most %u", alloc->order,
                             WIRE_MAX_ORDERS - 1);
    if (alloc->count > WIRE_MAX_BLOCKS)
        return wire_complain(c, "alloc count %" PRIu32 ": at most %u", alloc->count,
                             WIRE_MAX_BLOCKS);
    if ((uint32_t)alloc->node + 1 > WIRE_MAX_NODES)
        return wire_complain(c, "alloc node %" PRIu32 ": at most %u", (uint32_t)alloc->node,
                             WIRE_MAX_NODES - 1);
    if ((uint32_t)alloc->zone + 1 > WIRE_MAX_ZONES)
        return wire_complain(c, "alloc zone %" PRIu32 ": at most %u", (uint32_t)alloc->zone,
                             WIRE_MAX_ZONES - 1);
    if (alloc->exact_pages > WIRE_MAX_EXACT_PAGES)
        return wire_complain(c, "alloc exact_pages %" PRIu64 ": at most %u", alloc->exact_pages,
                             WIRE_MAX_EXACT_PAGES);
    if (alloc->exact_pages && alloc->count > 1)
        return wire_complain(c, "alloc count %" PRIu32 ": only 1 with exact_pages", alloc->count);
    return 0;
}

int wire_check_free(size_t nr, struct complaint *c)
{
    if (nr < 1 || nr > WIRE_MAX_BLOCKS)
        return wire_complain(c, "free of %zu handles: 1 to %u", nr, WIRE_MAX_BLOCKS);
    return 0;
}

/* ---- to bytes ---- */

static int hello_to_pb(const struct wire_hello *hello, struct wire_arena *a, pb_hello *ret)
{
    const char *name;
    int r = wire_text_take(a, hello->name, WIRE_MAX_NAME, &name);

    if (r)
        return r;
    *ret = (pb_hello)BUDDYD__WIRE__V1__HELLO__INIT;
    ret->version = hello->version;
    ret->features = hello->features;
    ret->name = (char *)name;
    return 0;
}

static int explain_to_pb(const struct wire_explain *explain, pb_alloc *alloc, pb_explain *ret)
{
    const struct wire_alloc *from = &explain->alloc;

    if (from->count == 0 || wire_check_alloc(from, &(struct complaint){NULL, NULL}))
        return -EINVAL;
    *alloc = (pb_alloc)BUDDYD__WIRE__V1__ALLOC__INIT;
    alloc->order = from->order;
    alloc->type = from->type;
    alloc->count = from->count;
    alloc->flags = from->flags;
    alloc->node_plus_one = (uint32_t)from->node + 1;
    alloc->zone_plus_one = (uint32_t)from->zone + 1;
    alloc->exact_pages = from->exact_pages;
    alloc->deadline_ms = from->deadline_ms;
    alloc->nodemask = from->nodemask;
    *ret = (pb_explain)BUDDYD__WIRE__V1__EXPLAIN__INIT;
    ret->session = explain->session;
    ret->alloc = alloc;
    return 0;
}

static int set_policy_to_pb(const struct wire_set_policy *set, struct wire_arena *a,
                            pb_set_policy *ret)
{
    const char *section, *key, *value;
    int r = wire_text_take(a, set->section, WIRE_MAX_SECTION, &section);

    if (!r)
        r = wire_text_take(a, set->key, WIRE_MAX_NAME, &key);
    if (!r)
        r = wire_text_take(a, set->value, WIRE_MAX_VALUE, &value);
    if (r)
        return r;
    *ret = (pb_set_policy)BUDDYD__WIRE__V1__SET_POLICY__INIT;
    ret->section = (char *)section;
    ret->key = (char *)key;
    ret->value = (char *)value;
    return 0;
}

int wire_request_to_pb(const struct wire_request *rq, struct wire_arena *a, struct request_pb *ret)
{
    pb_request *pb = &ret->request;

    *pb = (pb_request)BUDDYD__WIRE__V1__REQUEST__INIT;
    pb->id = rq->id;
    if (check_id(pb, &(struct complaint){NULL, NULL}))
        return -EINVAL;
    /* All members of the union are pointers to ret->op. */
    pb->hello = &ret->op.hello;
    switch (rq->op) {
    case WIRE_OP_HELLO:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_HELLO;
        return hello_to_pb(&rq->hello, a, &ret->op.hello);
    case WIRE_OP_STAT_ZONES:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_STAT_ZONES;
        ret->op.stat_zones = (pb_stat_zones)BUDDYD__WIRE__V1__STAT_ZONES__INIT;
        ret->op.stat_zones.cursor = rq->stat.cursor;
        return 0;
    case WIRE_OP_STAT_FREE:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_STAT_FREE;
        ret->op.stat_free = (pb_stat_free)BUDDYD__WIRE__V1__STAT_FREE__INIT;
        ret->op.stat_free.cursor = rq->stat.cursor;
        return 0;
    case WIRE_OP_STAT_CLIENTS:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_STAT_CLIENTS;
        ret->op.stat_clients = (pb_stat_clients)BUDDYD__WIRE__V1__STAT_CLIENTS__INIT;
        ret->op.stat_clients.cursor = rq->stat.cursor;
        return 0;
    case WIRE_OP_STAT_BLOCKS:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_STAT_BLOCKS;
        ret->op.stat_blocks = (pb_stat_blocks)BUDDYD__WIRE__V1__STAT_BLOCKS__INIT;
        ret->op.stat_blocks.cursor = rq->stat.cursor;
        ret->op.stat_blocks.session = rq->stat.session;
        return 0;
    case WIRE_OP_STAT_ACCOUNTS:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_STAT_ACCOUNTS;
        ret->op.stat_accounts = (pb_stat_accounts)BUDDYD__WIRE__V1__STAT_ACCOUNTS__INIT;
        ret->op.stat_accounts.cursor = rq->stat.cursor;
        return 0;
    case WIRE_OP_EXPLAIN:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_EXPLAIN;
        return explain_to_pb(&rq->explain, &ret->alloc, &ret->op.explain);
    case WIRE_OP_SET_POLICY:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_SET_POLICY;
        return set_policy_to_pb(&rq->set_policy, a, &ret->op.set_policy);
    case WIRE_OP_RELOAD:
        pb->op_case = BUDDYD__WIRE__V1__REQUEST__OP_RELOAD;
        ret->op.reload = (pb_reload)BUDDYD__WIRE__V1__RELOAD__INIT;
        return 0;
    default:
        return wire_mobile_request_to_pb(rq, ret);
    }
}

/* ---- from bytes ---- */

static int hello_from_pb(const pb_hello *pb, struct complaint *c, struct wire_hello *ret)
{
    const char *name;
    int r = wire_text_take(c->arena, pb->name, WIRE_MAX_NAME, &name);

    if (r == -EINVAL)
        return wire_complain(c, "hello name of %zu bytes: at most %u", strlen(pb->name),
                             WIRE_MAX_NAME);
    if (r)
        return r;
    ret->version = pb->version;
    ret->features = pb->features;
    ret->name = name;
    return 0;
}

static int alloc_from_pb(const pb_alloc *pb, struct complaint *c, struct wire_alloc *ret)
{
    ret->order = pb->order;
    ret->type = pb->type;
    ret->count = pb->count ? pb->count : 1;
    ret->flags = pb->flags;
    ret->node = (int32_t)(pb->node_plus_one - 1);
    ret->zone = (int32_t)(pb->zone_plus_one - 1);
    ret->exact_pages = pb->exact_pages;
    ret->deadline_ms = pb->deadline_ms;
    ret->nodemask = pb->nodemask;
    return wire_check_alloc(ret, c);
}

static int free_from_pb(const pb_free *pb, struct complaint *c, struct wire_free *ret)
{
    int r = wire_check_free(pb->n_handle, c);

    ret->nr = pb->n_handle;
    return r ? r : wire_handles_take(pb->n_handle, pb->handle, c->arena, &ret->handle);
}

static int explain_from_pb(const pb_explain *pb, struct complaint *c, struct wire_explain *ret)
{
    if (!pb->alloc)
        return wire_complain(c, "explain without an alloc");
    ret->session = pb->session;
    return alloc_from_pb(pb->alloc, c, &ret->alloc);
}

/* One of the strings of a SetPolicy. */
static int setting_from_pb(const char *s, const char *what, size_t max, struct complaint *c,
                           const char **ret)
{
    int r = wire_text_take(c->arena, s, max, ret);

    return r == -EINVAL ? wire_complain(c, "%s of %zu bytes: at most %zu", what, strlen(s), max)
                        : r;
}

static int set_policy_from_pb(const pb_set_policy *pb, struct complaint *c,
                              struct wire_set_policy *ret)
{
    int r = setting_from_pb(pb->section, "section", WIRE_MAX_SECTION, c, &ret->section);

    if (!r)
        r = setting_from_pb(pb->key, "key", WIRE_MAX_NAME, c, &ret->key);
    return r ? r : setting_from_pb(pb->value, "value", WIRE_MAX_VALUE, c, &ret->value);
}

static int op_from_pb(const pb_request *pb, struct complaint *c, struct wire_request *ret)
{
    switch (pb->op_case) {
    case BUDDYD__WIRE__V1__REQUEST__OP_HELLO:
        ret->op = WIRE_OP_HELLO;
        return hello_from_pb(pb->hello, c, &ret->hello);
    case BUDDYD__WIRE__V1__REQUEST__OP_ALLOC:
        ret->op = WIRE_OP_ALLOC;
        return alloc_from_pb(pb->alloc, c, &ret->alloc);
    case BUDDYD__WIRE__V1__REQUEST__OP_FREE:
        ret->op = WIRE_OP_FREE;
        return free_from_pb(pb->free, c, &ret->free);
    case BUDDYD__WIRE__V1__REQUEST__OP_STAT_ZONES:
        ret->op = WIRE_OP_STAT_ZONES;
        ret->stat.cursor = pb->stat_zones->cursor;
        return 0;
    case BUDDYD__WIRE__V1__REQUEST__OP_STAT_FREE:
        ret->op = WIRE_OP_STAT_FREE;
        ret->stat.cursor = pb->stat_free->cursor;
        return 0;
    case BUDDYD__WIRE__V1__REQUEST__OP_STAT_CLIENTS:
        ret->op = WIRE_OP_STAT_CLIENTS;
        ret->stat.cursor = pb->stat_clients->cursor;
        return 0;
    case BUDDYD__WIRE__V1__REQUEST__OP_STAT_BLOCKS:
        ret->op = WIRE_OP_STAT_BLOCKS;
        ret->stat.cursor = pb->stat_blocks->cursor;
        ret->stat.session = pb->stat_blocks->session;
        return 0;
    case BUDDYD__WIRE__V1__REQUEST__OP_STAT_ACCOUNTS:
        ret->op = WIRE_OP_STAT_ACCOUNTS;
        ret->stat.cursor = pb->stat_accounts->cursor;
        return 0;
    case BUDDYD__WIRE__V1__REQUEST__OP_EXPLAIN:
        ret->op = WIRE_OP_EXPLAIN;
        return explain_from_pb(pb->explain, c, &ret->explain);
    case BUDDYD__WIRE__V1__REQUEST__OP_SET_POLICY:
        ret->op = WIRE_OP_SET_POLICY;
        return set_policy_from_pb(pb->set_policy, c, &ret->set_policy);
    case BUDDYD__WIRE__V1__REQUEST__OP_RELOAD:
        ret->op = WIRE_OP_RELOAD;
        return 0;
    default:
        return wire_mobile_request_from_pb(pb, c, ret);
    }
}

int wire_request_from_pb(const pb_request *pb, struct wire_arena *a, struct wire_request *ret)
{
    struct complaint c = {a, NULL};
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->id = pb->id;
    r = op_from_pb(pb, &c, ret);
    if (!r)
        r = check_id(pb, &c);
    if (r != -EINVAL)
        return r;
    ret->error = EINVAL;
    ret->message = c.text;
    return 0;
}
