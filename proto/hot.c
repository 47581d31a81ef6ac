/* SPDX-License-Identifier: Apache-2.0 */
/* hot.c: the outside of the four messages. */
#include "hot.h"

#include <endian.h>
#include <string.h>

#include "varint.h"

enum { FIELD_MESSAGES = 1, FIELD_ID = 1 };

uint8_t *hot_open(void *buf, size_t *len, uint64_t id, uint8_t op_tag, size_t body_len)
{
    size_t id_len = id ? 1 + varint_bytes(id) : 0;
    size_t size = id_len + 1 + varint_bytes(body_len) + body_len;
    uint8_t *at = (uint8_t *)buf + *len;

    if (*len > WIRE_MAX_PACKET || 1 + varint_bytes(size) + size > WIRE_MAX_PACKET - *len)
        return NULL;
    *len += 1 + varint_bytes(size) + size;
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
    const uint8_t *end = bytes + len;
    uint64_t id, body_len;

    if (bytes == end || *bytes++ != pb_tag(FIELD_ID, PB_VARINT) ||
        !varint_read_minimal(&bytes, end, &id) || id == 0 || bytes == end)
        return false;
    ret->id = id;
    ret->tag = *bytes++;
    if (!varint_read_minimal(&bytes, end, &body_len) || body_len != (size_t)(end - bytes))
        return false;
    ret->body = bytes;
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
