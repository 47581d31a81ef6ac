/* SPDX-License-Identifier: Apache-2.0 */
/* raw.c: an encoder of protobuf's wire format that shares nothing with the one under test. */
#include "raw.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LEN = 2, FIXED32 = 5 };

void raw_byte(struct raw *raw, unsigned byte)
{
    if (raw->len == sizeof(raw->bytes))
        abort();
    raw->bytes[raw->len++] = (unsigned char)byte;
}

void raw_varint(struct raw *raw, uint64_t value)
{
    while (value > 127) {
        raw_byte(raw, (unsigned)(value % 128) + 128);
        value /= 128;
    }
    raw_byte(raw, (unsigned)value);
}

static void little_endian(struct raw *raw, uint64_t value, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        raw_byte(raw, (unsigned)(value >> 8 * i) % 256);
}

void raw_uint(struct raw *raw, unsigned field, uint64_t value)
{
    raw_varint(raw, field * 8 + VARINT);
    raw_varint(raw, value);
}

void raw_fixed64(struct raw *raw, unsigned field, uint64_t value)
{
    raw_varint(raw, field * 8 + FIXED64);
    little_endian(raw, value, 8);
}

void raw_fixed32(struct raw *raw, unsigned field, uint32_t value)
{
    raw_varint(raw, field * 8 + FIXED32);
    little_endian(raw, value, 4);
}

void raw_bytes(struct raw *raw, unsigned field, const void *bytes, size_t len)
{
    raw_varint(raw, field * 8 + LEN);
    raw_varint(raw, len);
    for (size_t i = 0; i < len; i++)
        raw_byte(raw, ((const unsigned char *)bytes)[i]);
}

void raw_string(struct raw *raw, unsigned field, const char *string)
{
    raw_bytes(raw, field, string, strlen(string));
}

void raw_message(struct raw *raw, unsigned field, const struct raw *message)
{
    raw_bytes(raw, field, message->bytes, message->len);
}

void raw_packed(struct raw *raw, unsigned field, uint64_t value, size_t nr)
{
    size_t each = 1;

    for (uint64_t v = value; v > 127; v /= 128)
        each++;
    raw_varint(raw, field * 8 + LEN);
    raw_varint(raw, nr * each);
    for (size_t i = 0; i < nr; i++)
        raw_varint(raw, value);
}

void raw_packed64(struct raw *raw, unsigned field, uint64_t value, size_t nr)
{
    raw_varint(raw, field * 8 + LEN);
    raw_varint(raw, nr * 8);
    for (size_t i = 0; i < nr; i++)
        little_endian(raw, value, 8);
}
