/* SPDX-License-Identifier: Apache-2.0 */
/* hot.c: the outside of the four messages. */
#include "hot.h"

#include <endian.h>
#include <string.h>

#include "varint.h"

enum { FIELD_MESSAGES = 1, FIELD_ID = 1 };

uint8_t *hot_open(void *buf, size_t *len, uint64_t id, uint8_t op_tag, size_t body_len)
{
    size_t size = 1 + varint_bytes(body_len) + body_len + (id ? 1 + varint_bytes(id) : 0);
    size_t whole = 1 + varint_bytes(size) + size;
    uint8_t *at = (uint8_t *)buf + *len;

    if (*len > WIRE_MAX_PACKET || whole > WIRE_MAX_PACKET - *len)
        return NULL;
    *len += whole;
    *at++ = pb_tag(FIELD_MESSAGES, PB_LEN);
    at = varint_write(at, size);
    if (id) {
        *at++ = pb_tag(FIELD_ID, PB_VARINT);
        at = varint_write(at, id);
    }
    *at++ = op_tag;
    return varint_write(at, body_len);
}

bool hot_split(const uint8_t *bytes, size_t len, struct hot_op *ret)
{
    const uint8_t *at = bytes, *end = bytes + len;
    uint64_t id, body_len;

    if (at == end || *at++ != pb_tag(FIELD_ID, PB_VARINT))
        return false;
    at = varint_read_minimal(at, end, &id);
    if (!at || id == 0 || at == end)
        return false;
    ret->tag = *at++;
    at = varint_read_minimal(at, end, &body_len);
    if (!at || body_len != (size_t)(end - at))
        return false;
    ret->id = id;
    ret->body = at;
    ret->end = end;
    return true;
}

void hot_fixed64_write(uint8_t *at, const uint64_t *values, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        uint64_t value = htole64(values[i]);

        memcpy(at + i * sizeof(value), &value, sizeof(value));
    }
}

void hot_fixed64_read(const uint8_t *at, uint64_t *values, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        uint64_t value;

        memcpy(&value, at + i * sizeof(value), sizeof(value));
        values[i] = le64toh(value);
    }
}
