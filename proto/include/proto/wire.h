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
 * the smallest responses takes 18 times its bytes. One that was made to need more is refused.
 */
#define WIRE_ARENA_BYTES (1280u * 1024)

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
    WIRE_OP_STAT_ACCOUNTS,
    WIRE_OP_EXPLAIN,
    WIRE_OP_SET_POLICY,
    WIRE_OP_RELOAD, /**< nothing is asked and nothing answered but that it was done */
    WIRE_OP_RENEW,
    WIRE_OP_COMPACT,
    WIRE_OP_RESIZE_ZONE,
    WIRE_OP_MIGRATE,
    WIRE_NR_OPS,
};

/** The name of an op as it stands in buddyd.proto ("alloc"); never NULL. */
const char *wire_op_name(enum wire_op op);

/** Bits of features, both ways. */
#define WIRE_FEATURE_SLOTS UINT64_C(1)

struct wire_hello {
    uint32_t version;
    uint64_t features; /**< WIRE_FEATURE_*, and a later version's */
    const char *name;  /**< never NULL; at most WIRE_MAX_NAME bytes */
};

/** Bits of wire_alloc.flags; others are not refused here. */
enum wire_alloc_flag {
    WIRE_ALLOC_HIGH = 1, /**< high priority: half of the min mark, 5/8 of it without a deadline */
    WIRE_ALLOC_CMA = 2,  /**< from CMA areas too; movable only */
    WIRE_ALLOC_RESERVE = 4, /**< asks no mark */
    WIRE_ALLOC_TELL = 8,    /**< an event when the block is discarded; reclaimable only */
};

struct wire_alloc {
    uint32_t order;
    uint32_t type;        /**< 0 unmovable, 1 movable, 2 reclaimable; not checked here */
    uint32_t count;       /**< 1 to WIRE_MAX_BLOCKS; a 0 on the wire becomes 1 */
    uint32_t flags;       /**< of enum wire_alloc_flag */
    int32_t node;         /**< -1 is any */
    int32_t zone;         /**< -1 is any */
    uint64_t exact_pages; /**< 0: use order */
    uint32_t deadline_ms;
    uint64_t nodemask; /**< bit i: node i may be taken from; 0: all */
};

struct wire_free {
    size_t nr; /**< 1 to WIRE_MAX_BLOCKS */
    const uint64_t *handle;
};

struct wire_renew {
    size_t nr; /**< 1 to WIRE_MAX_BLOCKS */
    const uint64_t *handle;
    uint32_t deadline_ms; /**< as an Alloc's */
};

/** All stat requests. */
struct wire_stat {
    uint64_t cursor;
    uint32_t session; /**< stat_blocks only */
};

/** What would become of an allocation. */
struct wire_explain {
    uint32_t session; /**< whose; 0: the asker's own */
    struct wire_alloc alloc;
};

/** One key as it would stand in the configuration file. Strings are never NULL after unpacking. */
struct wire_set_policy {
    const char *section; /**< at most WIRE_MAX_SECTION bytes, without brackets */
    const char *key;     /**< at most WIRE_MAX_NAME bytes */
    const char *value;   /**< at most WIRE_MAX_VALUE bytes */
};

struct wire_compact {
    int32_t zone; /**< -1: all */
};

struct wire_resize_zone {
    uint32_t zone;       /**< below WIRE_MAX_ZONES */
    int64_t delta_bytes; /**< at most WIRE_MAX_RESIZE_BYTES either way; below 0: to shrink */
};

struct wire_migrate {
    uint64_t handle;  /**< 0: all blocks of the session */
    uint32_t session; /**< 0: the asker's own */
    uint32_t node;    /**< below WIRE_MAX_NODES */
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
        struct wire_renew renew;
        struct wire_stat stat;
        struct wire_explain explain;
        struct wire_set_policy set_policy;
        struct wire_compact compact;
        struct wire_resize_zone resize_zone;
        struct wire_migrate migrate;
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

/** Bits of wire_hello_reply.rights: what the client's policy lets it ask for. */
enum wire_right {
    WIRE_RIGHT_HIGH = 1,
    WIRE_RIGHT_HIGHATOMIC = 2,
    WIRE_RIGHT_CMA = 4,
    WIRE_RIGHT_RESERVE = 8,
    WIRE_RIGHT_ADMIN = 16,
};

struct wire_hello_reply {
    uint32_t version;
    uint64_t features;
    uint32_t session;
    size_t nr_zones;
    const struct wire_zone *zones;
    const char *policy; /**< the section that holds for it; never NULL after unpacking */
    uint32_t domain;    /**< below WIRE_MAX_DOMAINS */
    uint32_t rights;    /**< of enum wire_right, and a later version's */
    uint32_t slots;     /**< of the slot table, at most WIRE_MAX_SLOTS; 0: there is none */
};

/** Of an Alloc and of a Renew: nr blocks; zone and order have nr_zones and nr_orders elements: nr,
 * or 1 that holds for all. */
struct wire_alloc_reply {
    size_t nr;
    const uint64_t *handle;
    const uint64_t *offset;
    size_t nr_zones;
    const uint32_t *zone;
    size_t nr_orders;
    const uint32_t *order;
    size_t nr_slots;      /**< nr; 0: the blocks have none */
    const uint64_t *slot; /**< slot_name() of slot.h, at most WIRE_MAX_SLOT_NAME */
};

struct wire_compact_reply {
    uint64_t moved_pages;
    uint64_t freed_pageblocks; /**< how many more are empty */
    uint64_t pinned_pages;     /**< in the way */
};

/** A block that keeps a zone from shrinking. */
struct wire_obstacle {
    const char *client; /**< whose, by name; never NULL after unpacking */
    uint64_t offset;
    uint32_t session; /**< whose; 0: nobody's */
    uint32_t order;   /**< below WIRE_MAX_ORDERS */
    uint32_t type;    /**< below WIRE_MAX_TYPES */
    uint32_t reason;  /**< enum obstacle_reason of mm, or a later version's */
};

struct wire_resize_zone_reply {
    uint64_t bytes; /**< the zone's length now */
    size_t nr;      /**< at most WIRE_MAX_LISTING; with any, the length is what it was */
    const struct wire_obstacle *obstacles;
};

struct wire_migrate_reply {
    uint64_t moved_pages;
    uint64_t left_pages; /**< of what was to be moved */
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
    WIRE_REFUSAL_ACCOUNT = 5,
    WIRE_REFUSAL_QUEUE = 6,
};

/** Who refused. */
enum wire_refusal_scope {
    WIRE_SCOPE_ZONE = 0,
    WIRE_SCOPE_ACCOUNT = 1,
    WIRE_SCOPE_GROUP = 2,
    WIRE_SCOPE_QUEUE = 3,
};

/** Marks, as in mm. */
enum wire_mark {
    WIRE_MARK_MIN = 0,
    WIRE_MARK_LOW = 1,
    WIRE_MARK_HIGH = 2,
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
    uint32_t scope; /**< enum wire_refusal_scope, or a later version's */
    uint32_t mark;  /**< enum wire_mark, or a later version's */
    uint64_t mark_pages;
    uint64_t reserve_pages; /**< the lowmem reserve beside the mark */
    uint64_t unmet_pages;   /**< what others are guaranteed and have not used yet */
    uint64_t max_pages;     /**< the account's, as used_pages */
    uint64_t used_pages;
    uint32_t waited_ms;
    const char *account;     /**< its name, or ""; never NULL after unpacking */
    const char *explanation; /**< lines, or ""; never NULL after unpacking */
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
    uint64_t wmark_min_pages; /**< the marks are without the boost, which is added to each */
    uint64_t wmark_low_pages;
    uint64_t wmark_high_pages;
    uint64_t boost_pages;
    uint64_t lowmem_reserve_pages; /**< for requests that prefer a zone of the normal kind */
    uint64_t unmet_pages;          /**< guaranteed here and not used yet */
    uint64_t isolated_pages;
    uint64_t highatomic_pages;
    uint64_t cma_pages;
    uint64_t busy_pages; /**< being moved, populated or passed on */
    uint64_t reclaimable_pages;
    uint64_t moved_pages; /**< since the daemon began, as discarded_pages */
    uint64_t discarded_pages;
    uint64_t max_bytes;     /**< to which the zone can grow */
    uint32_t compact_score; /**< how fragmented it is: 0 to 100 */
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
    const char *policy; /**< the section that holds for it */
    uint32_t domain;    /**< below WIRE_MAX_DOMAINS */
    uint32_t waiting;   /**< its requests that wait for memory */
    uint64_t max_pages; /**< its account's; UINT64_MAX: unlimited */
    uint64_t used_pages;
};

/** What becomes of a movable or reclaimable block. */
enum wire_block_state {
    WIRE_BLOCK_NORMAL = 0,
    WIRE_BLOCK_MOVING = 1,
    WIRE_BLOCK_DISCARDED = 2,
};

struct wire_block_stat {
    uint64_t handle;
    uint32_t session;
    uint32_t zone;
    uint64_t offset;
    uint32_t order;
    uint32_t type;
    uint32_t state; /**< enum wire_block_state, or a later version's */
    uint32_t pins;  /**< as its client says; at most SLOT_MAX_PINS of slot.h */
};

/** How much is left in an account. */
enum wire_pressure_level {
    WIRE_PRESSURE_NONE = 0,
    WIRE_PRESSURE_LOW = 1,
    WIRE_PRESSURE_MIN = 2,
};

struct wire_account_stat {
    const char *name;   /**< a section of the policy, or a client's name */
    const char *group;  /**< the account that it is a member of; "": none */
    uint32_t session;   /**< 0: a group */
    uint32_t domain;    /**< below WIRE_MAX_DOMAINS */
    int64_t uid;        /**< -1: nobody's */
    uint64_t max_pages; /**< UINT64_MAX: unlimited */
    uint64_t min_pages; /**< marks of what is free in it: max - used */
    uint64_t low_pages;
    uint64_t high_pages;
    uint64_t used_pages;
    uint64_t pinned_pages;
    uint64_t cached_pages;
    uint64_t guarantee_pages; /**< of all zones together */
    uint64_t unmet_pages;     /**< of the guarantee, not used yet */
    uint32_t pressure;        /**< enum wire_pressure_level, or a later version's */
    uint32_t members;
    uint32_t waiting; /**< requests that wait for memory */
    uint32_t priority;
    bool over; /**< it has more than max, which was lowered */
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
        const struct wire_account_stat *accounts;
    };
};

struct wire_explain_reply {
    bool granted;
    const char *text; /**< lines; never NULL after unpacking */
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
        struct wire_alloc_reply renew;
        struct wire_free_reply free;
        struct wire_listing listing;
        struct wire_explain_reply explain;
        struct wire_compact_reply compact;
        struct wire_resize_zone_reply resize_zone;
        struct wire_migrate_reply migrate;
    };
};

enum wire_event_kind {
    WIRE_EVENT_NONE = 0,
    WIRE_EVENT_GOODBYE = 1,
    WIRE_EVENT_PRESSURE = 2,
    WIRE_EVENT_REVOKE = 3,
    WIRE_EVENT_DISCARDED = 4,
};

struct wire_pressure {
    const char *account; /**< never NULL after unpacking */
    uint32_t level;      /**< enum wire_pressure_level, or a later version's */
    uint64_t free_pages;
    uint64_t mark_pages; /**< the mark that was passed */
    uint64_t used_pages;
    uint64_t max_pages;
};

struct wire_revoke {
    uint32_t grace_ms; /**< how long before the session is ended */
    uint64_t pages;    /**< what would have to be freed */
};

struct wire_discarded {
    size_t nr; /**< 1 to WIRE_MAX_BLOCKS */
    const uint64_t *handle;
};

struct wire_event {
    uint32_t kind;       /**< enum wire_event_kind, or a later version's */
    const char *message; /**< never NULL after unpacking */
    union {
        struct wire_pressure pressure;   /**< of a PRESSURE only */
        struct wire_revoke revoke;       /**< of a REVOKE only */
        struct wire_discarded discarded; /**< of a DISCARDED only */
    };
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
 * small. In strings, control characters and what is not UTF-8 become '?'; newlines stay in those
 * that have lines. With an error, a response carries error, message and refusal only.
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
