/* SPDX-License-Identifier: Apache-2.0 */
/* hot_request.c: Alloc and Free. */
#include <errno.h>
#include <string.h>

#include "arena.h"
#include "convert.h"
#include "hot.h"
#include "varint.h"

/* The fields of Request, of Alloc (all but the last are varints) and of Free. */
enum { FIELD_ALLOC = 3, FIELD_FREE = 4 };
enum {
    ALLOC_ORDER = 1,
    ALLOC_TYPE,
    ALLOC_COUNT,
    ALLOC_FLAGS,
    ALLOC_NODE_PLUS_ONE,
    ALLOC_ZONE_PLUS_ONE,
    ALLOC_EXACT_PAGES,
    ALLOC_DEADLINE_MS,
    ALLOC_FIELDS, /* one more than the last varint */
    ALLOC_NODEMASK = ALLOC_FIELDS,
};
enum { FREE_HANDLE = 1 };

#define NODEMASK_BYTES (1 + sizeof(uint64_t))

/* ---- to bytes ---- */

static int append_alloc(void *buf, size_t *len, const struct wire_request *rq)
{
    const struct wire_alloc *alloc = &rq->alloc;
    const uint64_t value[ALLOC_FIELDS] = {
        [ALLOC_ORDER] = alloc->order,
        [ALLOC_TYPE] = alloc->type,
        [ALLOC_COUNT] = alloc->count == 1 ? 0 : alloc->count,
        [ALLOC_FLAGS] = alloc->flags,
        [ALLOC_NODE_PLUS_ONE] = (uint32_t)alloc->node + 1,
        [ALLOC_ZONE_PLUS_ONE] = (uint32_t)alloc->zone + 1,
        [ALLOC_EXACT_PAGES] = alloc->exact_pages,
        [ALLOC_DEADLINE_MS] = alloc->deadline_ms,
    };
    uint8_t body[(size_t)ALLOC_FIELDS * (1 + VARINT_MAX_BYTES) + NODEMASK_BYTES], *end = body, *at;

    if (alloc->count == 0 || wire_check_alloc(alloc, &(struct complaint){NULL, NULL}))
        return -EINVAL;
    for (unsigned field = 1; field < ALLOC_FIELDS; field++) {
        if (!value[field])
            continue;
        *end++ = pb_tag(field, PB_VARINT);
        end = varint_write(end, value[field]);
    }
    if (alloc->nodemask) {
        *end++ = pb_tag(ALLOC_NODEMASK, PB_FIXED64);
        hot_fixed64_write(end, &alloc->nodemask, 1);
        end += sizeof(alloc->nodemask);
    }
    at = hot_open(buf, len, rq->id, pb_tag(FIELD_ALLOC, PB_LEN), (size_t)(end - body));
    if (!at)
        return -EMSGSIZE;
    memcpy(at, body, (size_t)(end - body));
    return 0;
}

static int append_free(void *buf, size_t *len, const struct wire_request *rq)
{
    size_t bytes = rq->free.nr * sizeof(*rq->free.handle);
    uint8_t *at;

    if (wire_check_free(rq->free.nr, &(struct complaint){NULL, NULL}))
        return -EINVAL;
    at = hot_open(buf, len, rq->id, pb_tag(FIELD_FREE, PB_LEN), 1 + varint_bytes(bytes) + bytes);
    if (!at)
        return -EMSGSIZE;
    *at++ = pb_tag(FREE_HANDLE, PB_LEN);
    at = varint_write(at, bytes);
    hot_fixed64_write(at, rq->free.handle, rq->free.nr);
    return 0;
}

bool hot_request_is(const struct wire_request *rq)
{
    return rq->op == WIRE_OP_ALLOC || rq->op == WIRE_OP_FREE;
}

int hot_request_append(void *buf, size_t *len, const struct wire_request *rq)
{
    if (rq->id == 0)
        return -EINVAL;
    return rq->op == WIRE_OP_ALLOC ? append_alloc(buf, len, rq) : append_free(buf, len, rq);
}

/* ---- from bytes ---- */

static bool read_alloc(const struct hot_op *op, struct wire_alloc *ret)
{
    uint64_t value[ALLOC_FIELDS] = {0};
    const uint8_t *at = op->body;
    uint64_t nodemask = 0;
    unsigned last = 0;

    while (at < op->end) {
        uint8_t tag = *at++;
        unsigned field = tag >> 3;

        if (tag == pb_tag(ALLOC_NODEMASK, PB_FIXED64)) {
            /* The last field ends the message. */
            if (op->end - at != sizeof(nodemask))
                return false;
            hot_fixed64_read(at, &nodemask, 1);
            break;
        }
        if (tag != pb_tag(field, PB_VARINT) || field <= last || field >= ALLOC_FIELDS)
            return false;
        at = varint_read_minimal(at, op->end, &value[field]);
        if (!at || (value[field] > UINT32_MAX && field != ALLOC_EXACT_PAGES))
            return false;
        last = field;
    }
    *ret = (struct wire_alloc){
        .order = (uint32_t)value[ALLOC_ORDER],
        .type = (uint32_t)value[ALLOC_TYPE],
        .count = value[ALLOC_COUNT] ? (uint32_t)value[ALLOC_COUNT] : 1,
        .flags = (uint32_t)value[ALLOC_FLAGS],
        .node = (int32_t)((uint32_t)value[ALLOC_NODE_PLUS_ONE] - 1),
        .zone = (int32_t)((uint32_t)value[ALLOC_ZONE_PLUS_ONE] - 1),
        .exact_pages = value[ALLOC_EXACT_PAGES],
        .deadline_ms = (uint32_t)value[ALLOC_DEADLINE_MS],
        .nodemask = nodemask,
    };
    return wire_check_alloc(ret, &(struct complaint){NULL, NULL}) == 0;
}

static bool read_free(const struct hot_op *op, struct wire_arena *a, struct wire_free *ret)
{
    const uint8_t *at = op->body;
    uint64_t *handle;
    uint64_t bytes;

    if (at == op->end || *at++ != pb_tag(FREE_HANDLE, PB_LEN))
        return false;
    at = varint_read_minimal(at, op->end, &bytes);
    if (!at || bytes != (size_t)(op->end - at) || bytes % sizeof(*handle) ||
        wire_check_free(bytes / sizeof(*handle), &(struct complaint){NULL, NULL}))
        return false;
    handle = wire_arena_take(a, 1, bytes);
    if (!handle)
        return false;
    hot_fixed64_read(at, handle, bytes / sizeof(*handle));
    *ret = (struct wire_free){.nr = bytes / sizeof(*handle), .handle = handle};
    return true;
}

bool hot_request_read(const uint8_t *bytes, size_t len, struct wire_arena *a,
                      struct wire_request *ret)
{
    struct hot_op op;

    if (!hot_split(bytes, len, &op))
        return false;
    *ret = (struct wire_request){.id = op.id};
    if (op.tag == pb_tag(FIELD_ALLOC, PB_LEN)) {
        ret->op = WIRE_OP_ALLOC;
        return read_alloc(&op, &ret->alloc);
    }
    ret->op = WIRE_OP_FREE;
    return op.tag == pb_tag(FIELD_FREE, PB_LEN) && read_free(&op, a, &ret->free);
}
