/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h: the messages of the protocol as plain structs, and their way to and from bytes.
 *
 * No I/O and no malloc: unpacking takes its memory from a wire_arena of the caller's, and what it
 * returns points into that arena, valid until wire_arena_reset(). Numbers are checked against
 * limits.h here, so that no code behind this header sees a value out of bounds; what a value means
 * (is there such a zone?) is for the caller. Nothing here is thread-safe by itself; distinct arenas
 * and buffers may be used by distinct threads.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* ---- arena ---- */

/** A bump allocator over memory of the caller's. */
struct wire_arena {
    unsigned char *base;
    size_t size;
    size_t used;
};

/**
 * Bytes of arena that are enough for every packet of real contents, either way: a full packet of
 * the smallest responses takes 15 times its bytes. One that was made to need more is refused.
 */
#define WIRE_ARENA_BYTES (1024u * 1024)

/** Use size bytes at mem (aligned for any object), which stay the caller's. */
void wire_arena_init(struct wire_arena *a, void *mem, size_t size);
/** Forget all that was taken from the arena. */
void wire_arena_reset(struct wire_arena *a);

/* ---- requests ---- */

enum wire_op {
    WIRE_OP_NONE = 0, /**< no op, or one that this version does not know */
    WIRE_OP_HELLO,
    WIRE_OP_ALLOC,
    WIRE_OP_FREE,
    WIRE_OP_STAT_ZONES,
    WIRE_OP_STAT_FREE,
    WIRE_OP_STAT_CLIENTS,
    WIRE_OP_STAT_BLOCKS,
    WIRE_NR_OPS,
};

/** The name of an op as it stands in buddyd.proto ("alloc"); never NULL. */
const char *wire_op_name(enum wire_op op);

struct wire_hello {
    uint32_t version;
    uint64_t features;
    const char *name; /**< never NULL; at most WIRE_MAX_NAME bytes */
};

struct wire_alloc {
    uint32_t order;
    uint32_t type;  /**< 0 unmovable, 1 movable, 2 reclaimable; not checked here */
    uint32_t count; /**< 1 to WIRE_MAX_BLOCKS; a 0 on the wire becomes 1 */
    uint32_t flags;
    int32_t node;         /**< -1 is any */
    int32_t zone;         /**< -1 is any */
    uint64_t exact_pages; /**< 0: use order */
    uint32_t deadline_ms;
};

struct wire_free {
    size_t nr; /**< 1 to WIRE_MAX_BLOCKS */
    const uint64_t *handle;
};

/** All stat requests. */
struct wire_stat {
    uint64_t cursor;
    uint32_t session; /**< stat_blocks only */
};

struct wire_request {
    uint64_t id;
    enum wire_op op;
    /** Set by unpacking when a field is out of bounds: a positive errno, and in message a line that
     * names the field, the value and what would be accepted. Then it is not to be carried out. */
    int error;
    union {
        struct wire_hello hello;
        struct wire_alloc alloc;
        struct wire_free free;
        struct wire_stat stat;
    };
    const char *message; /**< with error */
};

/* ---- responses ---- */

enum wire_backing {
    WIRE_BACKING_HUGETLB = 1,
    WIRE_BACKING_HUGETLBFS = 2,
    WIRE_BACKING_SHMEM = 3,
};

struct wire_zone {
    uint32_t id;
    int32_t node; /**< -1: bound to none */
    const char *name;
    uint32_t backing; /**< enum wire_backing */
    uint32_t page_shift;
    uint32_t hugepage_shift;
    uint32_t pageblock_order;
    uint64_t bytes;
    uint64_t preferred_base;
};

struct wire_hello_reply {
    uint32_t version;
    uint64_t features;
    uint32_t session;
    size_t nr_zones;
    const struct wire_zone *zones;
};

/** nr blocks; zone and order have nr_zones and nr_orders elements: nr, or 1 that holds for all. */
struct wire_alloc_reply {
    size_t nr;
    const uint64_t *handle;
    const uint64_t *offset;
    size_t nr_zones;
    const uint32_t *zone;
    size_t nr_orders;
    const uint32_t *order;
};

struct wire_free_reply {
    uint32_t freed;
};

enum wire_refusal_reason {
    WIRE_REFUSAL_UNKNOWN = 0,
    WIRE_REFUSAL_SHORTAGE = 1,
    WIRE_REFUSAL_FRAGMENTATION = 2,
    WIRE_REFUSAL_NO_ZONE = 3,
    WIRE_REFUSAL_NO_HANDLES = 4,
    WIRE_REFUSAL_QUEUE = 6,
};

struct wire_refusal {
    uint32_t reason; /**< enum wire_refusal_reason, or a later version's */
    int32_t zone;    /**< -1: none */
    uint32_t order;
    uint64_t wanted_pages;
    uint64_t free_pages;
    int32_t largest_order; /**< -1: nothing is free */
    int32_t frag_index;    /**< times 1000 */
    uint64_t zones_tried;
};

struct wire_zone_stat {
    struct wire_zone zone;
    uint64_t managed_pages;
    uint64_t free_pages;
    uint64_t empty_pageblocks;
    uint64_t unbacked_pageblocks;
    uint64_t allocs;
    uint64_t frees;
    uint64_t failures;
    uint64_t claims;
    uint64_t steals;
    uint64_t metadata_bytes;
};

struct wire_zone_free {
    uint32_t zone;
    uint32_t nr_orders;          /**< at most WIRE_MAX_ORDERS */
    uint32_t nr_types;           /**< at most WIRE_MAX_TYPES */
    const uint64_t *free_blocks; /**< [type * nr_orders + order] */
    const uint64_t *pageblocks;  /**< [type] */
};

struct wire_client_stat {
    uint32_t session;
    int32_t pid;
    const char *name;
    uint32_t uid;
    uint32_t gid;
    uint64_t blocks;
    uint64_t pages;
    uint64_t requests;
    uint64_t refusals;
    uint64_t pages_by_type[3];
};

struct wire_block_stat {
    uint64_t handle;
    uint32_t session;
    uint32_t zone;
    uint64_t offset;
    uint32_t order;
    uint32_t type;
};

/** A page of a listing: nr entries of the op's kind, and where to go on (0: that was all). */
struct wire_listing {
    uint64_t cursor;
    size_t nr;
    union {
        const struct wire_zone_stat *zones;
        const struct wire_zone_free *frees;
        const struct wire_client_stat *clients;
        const struct wire_block_stat *blocks;
    };
};

struct wire_response {
    uint64_t id;                        /**< 0: the packet itself could not be read */
    enum wire_op op;                    /**< which member of the union holds; NONE with an error */
    uint32_t error;                     /**< 0 or a positive errno */
    const char *message;                /**< NULL or one line */
    const struct wire_refusal *refusal; /**< NULL or why an allocation was refused */
    union {
        struct wire_hello_reply hello;
        struct wire_alloc_reply alloc;
        struct wire_free_reply free;
        struct wire_listing listing;
    };
};

enum wire_event_kind {
    WIRE_EVENT_NONE = 0,
    WIRE_EVENT_GOODBYE = 1,
};

struct wire_event {
    uint32_t kind;       /**< enum wire_event_kind, or a later version's */
    const char *message; /**< never NULL after unpacking */
};

/* ---- bytes ---- */

struct wire_client_packet {
    size_t nr_requests;
    const struct wire_request *requests;
};

struct wire_server_packet {
    size_t nr_responses;
    const struct wire_response *responses;
    size_t nr_events;
    const struct wire_event *events;
};

/**
 * Append one message to the packet that is being built in buf.
 * A packet is the concatenation of its messages, so that one may be appended at any time.
 * buf: WIRE_MAX_PACKET bytes, *len of them used. a: scratch memory for the call; what it takes is
 * given back before it returns. Returns 0; -EMSGSIZE when it does not fit behind what is there
 * (nothing is written; send, then append again: a message within limits.h fits an empty packet);
 * -EINVAL when a number or the length of a string is out of bounds; -ENOMEM when the arena is too
 * small. In strings, control characters and what is not UTF-8 become '?'. With an error, a response
 * carries error, message and refusal only.
 */
int wire_append_request(void *buf, size_t *len, const struct wire_request *rq,
                        struct wire_arena *a);
int wire_append_response(void *buf, size_t *len, const struct wire_response *rs,
                         struct wire_arena *a);
int wire_append_event(void *buf, size_t *len, const struct wire_event *ev, struct wire_arena *a);

/**
 * Read a packet. What *ret has points into the arena, never into bytes.
 * Unknown fields are ignored; an unknown op gives WIRE_OP_NONE. A request whose own fields are out
 * of bounds has error and message set, and no more than its id and op, and does not spoil its
 * packet. A response or event that is out of bounds does. Strings are cleaned as when appending,
 * and end at their first zero byte.
 * Returns 0; -EBADMSG when it is no packet at all or holds nothing, or a daemon's packet is out of
 * bounds; -E2BIG when it holds more bytes or requests than limits.h allows, or needs more memory
 * than the arena has.
 */
int wire_read_client_packet(const void *bytes, size_t len, struct wire_arena *a,
                            struct wire_client_packet *ret);
int wire_read_server_packet(const void *bytes, size_t len, struct wire_arena *a,
                            struct wire_server_packet *ret);

#endif
