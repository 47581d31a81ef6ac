/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.h: allocations and frees by protobuf-c alone, and whether what is written and read by
 * hand is the same. For tests and fuzzers; it looks inside proto/.
 */
#ifndef TEST_REFERENCE_H
#define TEST_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.h"

/** Append an Alloc or Free, or its reply, that is within bounds: it fits into buf, unchecked. */
void reference_append_request(void *buf, size_t *len, const struct wire_request *rq);
void reference_append_response(void *buf, size_t *len, const struct wire_response *rs);

/** How a message was read by hand. */
enum hot_result {
    HOT_LEFT,  /**< it was left to protobuf-c */
    HOT_SAME,  /**< it says what protobuf-c says */
    HOT_WRONG, /**< it does not, or the arena was not left as it has to be */
};
enum hot_result reference_request(const void *message, size_t len);
enum hot_result reference_response(const void *message, size_t len);

/** No message of this packet, as far as it is one, is read wrong. */
bool reference_client_packet(const void *packet, size_t len);
bool reference_server_packet(const void *packet, size_t len);

#endif
