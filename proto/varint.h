/* SPDX-License-Identifier: Apache-2.0 */
/*
 * varint.h: the smallest parts of protobuf's wire format, for what we read and write by hand.
 * Inline as far as most numbers go, which are a single byte: a call would cost more than that.
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

/** Bytes of the longest number. */
#define VARINT_MAX_BYTES 10u

/** Bytes that a number takes: 1 to VARINT_MAX_BYTES, one for each 7 bits. */
static inline size_t varint_bytes(uint64_t value)
{
    unsigned bits;

    if (value < 0x80)
        return 1;
    bits = 64u - (unsigned)__builtin_clzll(value);
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

/** varint_read() of a number of any length. */
const uint8_t *varint_read_any(const uint8_t *at, const uint8_t *end, uint64_t *ret);

/** Read a number. Returns what is behind it, or NULL when it does not end before end, or never. */
static inline const uint8_t *varint_read(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    if (at == end || *at >= 0x80)
        return varint_read_any(at, end, ret);
    *ret = *at;
    return at + 1;
}

/** The same, and NULL when it takes more bytes than it needs: then its last byte is 0. */
static inline const uint8_t *varint_read_minimal(const uint8_t *at, const uint8_t *end,
                                                 uint64_t *ret)
{
    const uint8_t *behind = varint_read(at, end, ret);

    return behind && (behind - at == 1 || behind[-1]) ? behind : NULL;
}

#endif
