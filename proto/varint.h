/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varint.h: the smallest parts of protobuf's wire format, for what we read and write by hand.
 * Inline, since most numbers are a single byte and a call would cost more than that.
 */
#ifndef PROTO_VARINT_H
#define PROTO_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What follows a tag: the low three bits of it. Groups (3, 4) are not used. */
enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_LEN = 2, PB_FIXED32 = 5 };

/** The tag of a field (1 to 15, so that it is one byte). */
static inline uint8_t pb_tag(unsigned field, enum pb_type type)
{
    return (uint8_t)(field << 3 | type);
}

/** Bytes that a number takes: 1 to 10, one for each 7 bits. */
static inline size_t varint_bytes(uint64_t value)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);

    return (bits * 9 + 64) / 64;
}

/** Returns where the next byte goes. */
static inline uint8_t *varint_write(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/** Read a number at *at and move *at behind it. False when it does not end before end, or never. */
static inline bool varint_read(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/** The same, and false when it takes more bytes than it needs. */
static inline bool varint_read_minimal(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    const uint8_t *from = *at;

    return varint_read(at, end, ret) && (size_t)(*at - from) == varint_bytes(*ret);
}

#endif
