/* SPDX-License-Identifier: Apache-2.0 */
/* hot_response.c: AllocReply and FreeReply, without an error. */
#include <errno.h>

#include "arena.h"
#include "convert.h"
#include "hot.h"
#include "varint.h"

/* The fields of Response, of AllocReply (all are packed arrays, and the last may be absent) and of
 * FreeReply. */
enum { FIELD_ALLOC = 6, FIELD_FREE = 7 };
enum { ALLOC_HANDLE = 1, ALLOC_ZONE, ALLOC_OFFSET, ALLOC_ORDER, ALLOC_SLOT };
enum { FREE_FREED = 1 };

/* ---- to bytes ---- */

static uint8_t *open_array(uint8_t *at, unsigned field, size_t bytes)
{
    *at++ = pb_tag(field, PB_LEN);
    return varint_write(at, bytes);
}

/* Zones and orders are below 128: a byte each. */
static uint8_t *write_small(uint8_t *at, unsigned field, const uint32_t *values, size_t nr)
{
    at = open_array(at, field, nr);
    for (size_t i = 0; i < nr; i++)
        *at++ = (uint8_t)values[i];
    return at;
}

static size_t array_bytes(size_t bytes)
{
    return 1 + varint_bytes(bytes) + bytes;
}

/* Numbers of any size. */
static size_t numbers_bytes(const uint64_t *values, size_t nr)
{
    size_t bytes = 0;

    for (size_t i = 0; i < nr; i++)
        bytes += varint_bytes(values[i]);
    return bytes;
}

static uint8_t *write_numbers(uint8_t *at, unsigned field, size_t bytes, const uint64_t *values,
                              size_t nr)
{
    at = open_array(at, field, bytes);
    for (size_t i = 0; i < nr; i++)
        at = varint_write(at, values[i]);
    return at;
}

static int append_alloc(void *buf, size_t *len, const struct wire_response *rs)
{
    const struct wire_alloc_reply *alloc = &rs->alloc;
    size_t handle_bytes = alloc->nr * sizeof(*alloc->handle);
    size_t offset_bytes, slot_bytes;
    uint8_t *at;

    if (wire_check_alloc_reply(alloc))
        return -EINVAL;
    offset_bytes = numbers_bytes(alloc->offset, alloc->nr);
    slot_bytes = numbers_bytes(alloc->slot, alloc->nr_slots);
    at = hot_open(buf, len, rs->id, pb_tag(FIELD_ALLOC, PB_LEN),
                  array_bytes(handle_bytes) + array_bytes(alloc->nr_zones) +
                      array_bytes(offset_bytes) + array_bytes(alloc->nr_orders) +
                      (slot_bytes ? array_bytes(slot_bytes) : 0));
    if (!at)
        return -EMSGSIZE;
    at = open_array(at, ALLOC_HANDLE, handle_bytes);
    hot_fixed64_write(at, alloc->handle, alloc->nr);
    at = write_small(at + handle_bytes, ALLOC_ZONE, alloc->zone, alloc->nr_zones);
    at = write_numbers(at, ALLOC_OFFSET, offset_bytes, alloc->offset, alloc->nr);
    at = write_small(at, ALLOC_ORDER, alloc->order, alloc->nr_orders);
    if (slot_bytes)
        write_numbers(at, ALLOC_SLOT, slot_bytes, alloc->slot, alloc->nr_slots);
    return 0;
}

static int append_free(void *buf, size_t *len, const struct wire_response *rs)
{
    uint32_t freed = rs->free.freed;
    uint8_t *at;

    if (freed > WIRE_MAX_BLOCKS)
        return -EINVAL;
    at =
        hot_open(buf, len, rs->id, pb_tag(FIELD_FREE, PB_LEN), freed ? 1 + varint_bytes(freed) : 0);
    if (!at)
        return -EMSGSIZE;
    if (freed) {
        *at++ = pb_tag(FREE_FREED, PB_VARINT);
        varint_write(at, freed);
    }
    return 0;
}

bool hot_response_is(const struct wire_response *rs)
{
    return !rs->error && (rs->op == WIRE_OP_ALLOC || rs->op == WIRE_OP_FREE);
}

int hot_response_append(void *buf, size_t *len, const struct wire_response *rs)
{
    return rs->op == WIRE_OP_ALLOC ? append_alloc(buf, len, rs) : append_free(buf, len, rs);
}

/* ---- from bytes ---- */

/* The bytes of an array. */
struct array {
    const uint8_t *bytes;
    size_t len; /* not 0 */
};

/* Returns what is behind the array at at, or NULL; NULL for NULL. */
static const uint8_t *read_array(const uint8_t *at, const uint8_t *end, unsigned field,
                                 struct array *ret)
{
    uint64_t len;

    if (!at || at == end || *at++ != pb_tag(field, PB_LEN))
        return NULL;
    at = varint_read_minimal(at, end, &len);
    if (!at || len == 0 || len > (size_t)(end - at))
        return NULL;
    *ret = (struct array){at, len};
    return at + len;
}

static bool read_numbers(const struct array *array, uint64_t *values, size_t nr)
{
    const uint8_t *at = array->bytes, *end = at + array->len;

    for (size_t i = 0; i < nr && at; i++)
        at = varint_read_minimal(at, end, &values[i]);
    return at == end;
}

/* A number of more than one byte is out of bounds, and so is its first byte. */
static void read_small(const struct array *array, uint32_t *values)
{
    for (size_t i = 0; i < array->len; i++)
        values[i] = array->bytes[i];
}

static bool read_alloc(const struct hot_op *op, struct wire_arena *a, struct wire_alloc_reply *ret)
{
    struct array handles, zones, offsets, orders, slots = {NULL, 0};
    const uint8_t *at = op->body;
    size_t nr, nr_slots;
    uint64_t *u64;
    uint32_t *u32;

    at = read_array(at, op->end, ALLOC_HANDLE, &handles);
    at = read_array(at, op->end, ALLOC_ZONE, &zones);
    at = read_array(at, op->end, ALLOC_OFFSET, &offsets);
    at = read_array(at, op->end, ALLOC_ORDER, &orders);
    if (at && at != op->end)
        at = read_array(at, op->end, ALLOC_SLOT, &slots);
    if (!at || at != op->end || handles.len % sizeof(*u64))
        return false;
    nr = handles.len / sizeof(*u64);
    nr_slots = slots.len ? nr : 0;
    u64 = wire_arena_take(
        a, 1, (2 * nr + nr_slots) * sizeof(*u64) + (zones.len + orders.len) * sizeof(*u32));
    if (!u64 || !read_numbers(&offsets, u64 + nr, nr) ||
        (nr_slots && !read_numbers(&slots, u64 + 2 * nr, nr_slots)))
        return false;
    u32 = (uint32_t *)(u64 + 2 * nr + nr_slots);
    hot_fixed64_read(handles.bytes, u64, nr);
    read_small(&zones, u32);
    read_small(&orders, u32 + zones.len);
    *ret = (struct wire_alloc_reply){
        .nr = nr,
        .handle = u64,
        .offset = u64 + nr,
        .nr_zones = zones.len,
        .zone = u32,
        .nr_orders = orders.len,
        .order = u32 + zones.len,
        .nr_slots = nr_slots,
        .slot = u64 + 2 * nr,
    };
    return wire_check_alloc_reply(ret) == 0;
}

static bool read_free(const struct hot_op *op, struct wire_free_reply *ret)
{
    const uint8_t *at = op->body;
    uint64_t freed = 0;

    if (at < op->end) {
        if (*at++ != pb_tag(FREE_FREED, PB_VARINT))
            return false;
        at = varint_read_minimal(at, op->end, &freed);
    }
    ret->freed = (uint32_t)freed;
    return at == op->end && freed <= WIRE_MAX_BLOCKS;
}

bool hot_response_read(const uint8_t *bytes, size_t len, struct wire_arena *a,
                       struct wire_response *ret)
{
    size_t used = a->used;
    struct hot_op op;

    if (!hot_split(bytes, len, &op))
        return false;
    *ret = (struct wire_response){.id = op.id};
    if (op.tag == pb_tag(FIELD_FREE, PB_LEN)) {
        ret->op = WIRE_OP_FREE;
        return read_free(&op, &ret->free);
    }
    ret->op = WIRE_OP_ALLOC;
    if (op.tag == pb_tag(FIELD_ALLOC, PB_LEN) && read_alloc(&op, a, &ret->alloc))
        return true;
    a->used = used;
    return false;
}
