/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.h: talk to the daemon's socket with bytes of one's own making.
 *
 * Packets are made here by hand, not by proto/: what proto/ refuses to pack is what these tests are
 * about. Answers are read with proto/.
 */
#ifndef SUPPORT_RAW_H
#define SUPPORT_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** More than a packet may be. */
#define RAW_MAX_BYTES (80u * 1024)

/* The numbers of buddyd.proto. */
enum raw_op {
    RAW_HELLO = 2,
    RAW_ALLOC = 3,
    RAW_FREE = 4,
    RAW_STAT_ZONES = 5,
    RAW_EXPLAIN = 10,
    RAW_SET_POLICY = 11,
    RAW_RELOAD = 12,
    RAW_UNKNOWN = 200,
};

enum raw_alloc_field {
    RAW_ALLOC_ORDER = 1,
    RAW_ALLOC_TYPE = 2,
    RAW_ALLOC_COUNT = 3,
    RAW_ALLOC_FLAGS = 4,
    RAW_ALLOC_NODE = 5,
    RAW_ALLOC_ZONE = 6,
    RAW_ALLOC_EXACT = 7,
    RAW_ALLOC_DEADLINE = 8,
};

enum raw_set_field {
    RAW_SET_SECTION = 1,
    RAW_SET_KEY = 2,
    RAW_SET_VALUE = 3,
};

enum raw_explain_field {
    RAW_EXPLAIN_SESSION = 1,
    RAW_EXPLAIN_ALLOC = 2,
};

/** Bytes that grow. */
struct raw_packet {
    size_t len;
    unsigned char bytes[RAW_MAX_BYTES];
};

/** Append a field with a number, protobuf's varint. */
void raw_add_number(struct raw_packet *p, unsigned field, uint64_t value);
/** Append a field of 8 bytes, protobuf's fixed64. */
void raw_add_fixed(struct raw_packet *p, unsigned field, uint64_t value);
/** Append a field of bytes. */
void raw_add_bytes(struct raw_packet *p, unsigned field, const void *bytes, size_t len);
/** Append a request: id, and op with this body. */
void raw_add_request(struct raw_packet *p, uint64_t id, enum raw_op op,
                     const struct raw_packet *body);

/** What came back. */
struct raw_answer {
    bool closed;    /**< the daemon ended the session, now or before */
    bool goodbye;   /**< it said why; the text is in message */
    uint64_t id;    /**< of the first response */
    size_t nr;      /**< responses */
    uint32_t error; /**< of the first response */
    char message[512];
    uint32_t zone; /**< of the first response, if it is to an alloc: its first block */
    uint64_t handle;
    uint64_t offset;
    size_t nr_blocks;
};

/** Connect, without a word. Returns a descriptor or a negative errno. */
int raw_connect(const char *path);
/** Connect and say hello. */
int raw_connect_hello(const char *path);
/** The same, and keep the descriptor of the first zone's memory, which is then the caller's. */
int raw_connect_hello_keeping(const char *path, int *ret_memory);
/** Send bytes as one packet. Returns 0 or a negative errno. */
int raw_send(int fd, const void *bytes, size_t len);
/** Receive one packet, or the end. Returns 0; -ETIMEDOUT; -EBADMSG when it is no packet. */
int raw_receive(int fd, struct raw_answer *ret);
/** Send a packet and receive the answer; a daemon that has hung up is an answer. */
int raw_ask(int fd, const struct raw_packet *p, struct raw_answer *ret);
/** Ask for one block of an order. */
int raw_alloc(int fd, unsigned order, struct raw_answer *ret);

#endif
