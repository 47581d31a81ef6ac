/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c: tags and lengths of a packet's outermost level. */
#include "frame.h"

#include <errno.h>

#include "proto/limits.h"
#include "varint.h"

int wire_frame_append(void *buf, size_t *len, unsigned field, const ProtobufCMessage *m)
{
    uint8_t *at = (uint8_t *)buf + *len;
    size_t size;

    if (*len > WIRE_MAX_PACKET)
        return -EMSGSIZE;
    size = protobuf_c_message_get_packed_size(m);
    if (1 + varint_bytes(size) + size > WIRE_MAX_PACKET - *len)
        return -EMSGSIZE;
    *len += 1 + varint_bytes(size) + size;
    *at++ = pb_tag(field, PB_LEN);
    protobuf_c_message_pack(m, varint_write(at, size));
    return 0;
}

/* Returns what is behind a value that is not length-delimited, or NULL. */
static const uint8_t *skip(const uint8_t *at, const uint8_t *end, unsigned type)
{
    uint64_t value;
    size_t size;

    if (type == PB_VARINT)
        return varint_read(at, end, &value);
    if (type == PB_FIXED64)
        size = 8;
    else if (type == PB_FIXED32)
        size = 4;
    else
        return NULL;
    return (size_t)(end - at) < size ? NULL : at + size;
}

int wire_frame_next(const uint8_t **next, const uint8_t *end, struct wire_frame *ret)
{
    const uint8_t *at = *next;

    while (at < end) {
        uint64_t tag, len;

        at = varint_read(at, end, &tag);
        if (!at || tag >> 3 == 0)
            return -EBADMSG;
        if ((tag & 7) != PB_LEN) {
            at = skip(at, end, tag & 7);
            if (!at)
                return -EBADMSG;
            continue;
        }
        at = varint_read(at, end, &len);
        if (!at || len > (size_t)(end - at))
            return -EBADMSG;
        ret->field = tag >> 3;
        ret->bytes = at;
        ret->len = (size_t)len;
        *next = at + len;
        return 1;
    }
    return 0;
}
