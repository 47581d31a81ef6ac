/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h: the outermost level of a packet, a sequence of tagged messages.
 *
 * It is written and read by hand, since protobuf-c would want the whole packet at once: so a
 * message can be appended without packing its predecessors again, and too many messages are
 * refused before the first is unpacked.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/** Append m as field number field (1 to 15) to the packet in buf. Returns 0, or -EMSGSIZE. */
int wire_frame_append(void *buf, size_t *len, unsigned field, const ProtobufCMessage *m);

/** One message of a packet. */
struct wire_frame {
    uint64_t field;
    const uint8_t *bytes;
    size_t len;
};

/**
 * Take the next length-delimited field at *next, and skip those of other kinds before it.
 * Returns 1; 0 when there is none any more; -EBADMSG when this is no packet.
 */
int wire_frame_next(const uint8_t **next, const uint8_t *end, struct wire_frame *ret);

#endif
