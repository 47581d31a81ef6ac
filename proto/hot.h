/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot.h: allocations and frees, and their answers, without protobuf-c.
 *
 * These four messages are nearly all that is ever sent, and protobuf-c took most of the time that
 * they took. The bytes are the same. What is written is always written here. Reading knows one form
 * only, which every writer of ours makes: each field at most once and in ascending order, arrays
 * packed, numbers in as few bytes as they need, nothing unknown, nothing out of bounds. All else is
 * left to protobuf-c, so that what bytes mean, and what is wrong with them, is said in one place.
 */
#ifndef PROTO_HOT_H
#define PROTO_HOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

/** Is this request, or response, written here? */
bool hot_request_is(const struct wire_request *rq);
bool hot_response_is(const struct wire_response *rs);

/** As wire_append_request() and wire_append_response(), for those. */
int hot_request_append(void *buf, size_t *len, const struct wire_request *rq);
int hot_response_append(void *buf, size_t *len, const struct wire_response *rs);

/** Read one message. False: it is for protobuf-c to read; nothing is taken from the arena. */
bool hot_request_read(const uint8_t *bytes, size_t len, struct wire_arena *a,
                      struct wire_request *ret);
bool hot_response_read(const uint8_t *bytes, size_t len, struct wire_arena *a,
                       struct wire_response *ret);

/* ---- what a Request and a Response have in common: field 1 is the id, and one field is the op
 * ---- */

/**
 * Append such a message as field 1 of the packet, but for the op's body of body_len bytes.
 * op_tag: the tag of the op. Returns where the body goes, or NULL when it does not fit.
 */
uint8_t *hot_open(void *buf, size_t *len, uint64_t id, uint8_t op_tag, size_t body_len);

/** An op that was read. */
struct hot_op {
    uint64_t id; /**< never 0 */
    uint8_t tag;
    const uint8_t *body;
    const uint8_t *end;
};

/** Take a message apart that has an id and one op, and nothing else. */
bool hot_split(const uint8_t *bytes, size_t len, struct hot_op *ret);

/** An array of 64-bit numbers as protobuf has them, wherever they lie. */
void hot_fixed64_write(uint8_t *at, const uint64_t *values, size_t nr);
void hot_fixed64_read(const uint8_t *at, uint64_t *values, size_t nr);

#endif
