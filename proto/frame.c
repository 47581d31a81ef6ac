/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c: tags, lengths and varints of a packet's outermost level. */
#include "frame.h"

#include <errno.h>
#include <string.h>

#include "proto/limits.h"

/* Protobuf's wire types that a packet may have; groups (3, 4) are none. */
enum { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 };

static uint8_t *varint_write(uint8_t *at, size_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static int varint_read(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return 0;
        }
    }
    return -EBADMSG;
}

int wire_frame_append(void *buf, size_t *len, unsigned field, const ProtobufCMessage *m,
                      size_t bound)
{
    uint8_t *at = (uint8_t *)buf + *len;
    uint8_t head[12], *end = head;
    size_t size;

    if (*len > WIRE_MAX_PACKET)
        return -EMSGSIZE;
    /* The way of most messages: measuring costs as much as packing, so pack, and look. */
    if (bound <= WIRE_FRAME_SMALL && WIRE_MAX_PACKET - *len >= 2 + WIRE_FRAME_SMALL) {
        size = protobuf_c_message_pack(m, at + 2);
        at[0] = (uint8_t)(field << 3 | LEN);
        at[1] = (uint8_t)size;
        *len += 2 + size;
        return 0;
    }
    size = protobuf_c_message_get_packed_size(m);
    *end++ = (uint8_t)(field << 3 | LEN);
    end = varint_write(end, size);
    if (size + (size_t)(end - head) > WIRE_MAX_PACKET - *len)
        return -EMSGSIZE;
    memcpy(at, head, (size_t)(end - head));
    protobuf_c_message_pack(m, at + (end - head));
    *len += (size_t)(end - head) + size;
    return 0;
}

/* Pass over the value of a field that is not length-delimited. */
static int skip(const uint8_t **at, const uint8_t *end, unsigned type)
{
    uint64_t value;
    size_t size;

    if (type == VARINT)
        return varint_read(at, end, &value);
    if (type == FIXED64)
        size = 8;
    else if (type == FIXED32)
        size = 4;
    else
        return -EBADMSG;
    if ((size_t)(end - *at) < size)
        return -EBADMSG;
    *at += size;
    return 0;
}

int wire_frame_next(const uint8_t **at, const uint8_t *end, struct wire_frame *ret)
{
    while (*at < end) {
        uint64_t tag, len;

        if (varint_read(at, end, &tag) || tag >> 3 == 0)
            return -EBADMSG;
        if ((tag & 7) != LEN) {
            if (skip(at, end, tag & 7))
                return -EBADMSG;
            continue;
        }
        if (varint_read(at, end, &len) || len > (size_t)(end - *at))
            return -EBADMSG;
        ret->field = tag >> 3;
        ret->bytes = *at;
        ret->len = (size_t)len;
        *at += len;
        return 1;
    }
    return 0;
}
