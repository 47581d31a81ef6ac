/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.h: packets made by hand, byte by byte after the protobuf specification. They say what is to
 * come out of packing, without asking our code, and go where packing refuses to.
 */
#ifndef TEST_RAW_H
#define TEST_RAW_H

#include <stddef.h>
#include <stdint.h>

/** Bytes being made; more than a packet may have. Zero-filled is empty. */
struct raw {
    unsigned char bytes[160 * 1024];
    size_t len;
};

void raw_byte(struct raw *raw, unsigned byte);
void raw_varint(struct raw *raw, uint64_t value);
void raw_uint(struct raw *raw, unsigned field, uint64_t value);
void raw_fixed64(struct raw *raw, unsigned field, uint64_t value);
void raw_fixed32(struct raw *raw, unsigned field, uint32_t value);
void raw_bytes(struct raw *raw, unsigned field, const void *bytes, size_t len);
void raw_string(struct raw *raw, unsigned field, const char *string);
void raw_message(struct raw *raw, unsigned field, const struct raw *message);
/** nr times the same value, as a packed array of varints or of 64 bits. */
void raw_packed(struct raw *raw, unsigned field, uint64_t value, size_t nr);
void raw_packed64(struct raw *raw, unsigned field, uint64_t value, size_t nr);

#endif
