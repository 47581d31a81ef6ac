/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buddyd.h: borrow huge memory from buddyd and use it in place.
 *
 *     struct buddyd *b;
 *     struct buddyd_block block;
 *     struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
 *     void *p;
 *
 *     rq.order = 9;
 *     if (buddyd_connect(NULL, &b) || buddyd_alloc(b, &rq, &block) || buddyd_pin(b, &block, &p))
 *         errx(1, "%s", buddyd_error());
 *     ...
 *     buddyd_unpin(b, &block);
 *     buddyd_free(b, block.handle);
 *     buddyd_close(b);
 *
 * Errors: every function that returns int returns 0 or a negative errno, writes its outputs only on
 * success, and leaves a line of text for buddyd_error(). -ENOTCONN: the daemon is gone, or this
 * process is a child of fork(). -EPROTO: the daemon broke the protocol. Threads: a connection may
 * be used by any number of threads at once, but for buddyd_close(). fork(): a child has neither the
 * mappings nor the connection; every call on it answers -ENOTCONN, and buddyd_close() releases what
 * is left. The library never logs, never exits, never installs a signal handler.
 */
#ifndef BUDDYD_H
#define BUDDYD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BUDDYD_API __attribute__((visibility("default")))

/** A connection. Opaque. */
struct buddyd;

/* ---- connection ---- */

/** How to connect. Initialise with BUDDYD_OPTIONS_INIT, so that later versions can add fields. */
struct buddyd_options {
    size_t size;
    const char *socket; /**< path; NULL: $BUDDYD_SOCKET, or else BUDDYD_DEFAULT_SOCKET */
    const char *name;   /**< shown in listings, up to 31 bytes; NULL: the program's name */
};
#define BUDDYD_OPTIONS_INIT                                                                        \
    {                                                                                              \
        sizeof(struct buddyd_options), NULL, NULL                                                  \
    }
#define BUDDYD_DEFAULT_SOCKET "/run/buddyd/buddyd.sock"

/**
 * Connect to the daemon and map its zones.
 * options may be NULL. Release with buddyd_close(). Fails with -ENOENT or -ECONNREFUSED when no
 * daemon listens, -EACCES when the socket may not be used, -EPROTONOSUPPORT when no version is
 * common, -EMFILE when the zones' descriptors cannot all be taken.
 */
BUDDYD_API int buddyd_connect(const struct buddyd_options *options, struct buddyd **ret);

/**
 * End the connection: every block that it still has is freed by the daemon, every mapping is gone.
 * NULL is allowed. No other thread may be in a call on b.
 */
BUDDYD_API void buddyd_close(struct buddyd *b);

/**
 * The text of this thread's last failure: one line, without a newline, that names the thing, the
 * value and what would be accepted. Valid until this thread's next call. Never NULL.
 */
BUDDYD_API const char *buddyd_error(void);

enum buddyd_reason {
    BUDDYD_REASON_UNKNOWN = 0,
    BUDDYD_REASON_SHORTAGE = 1,      /**< too few free pages */
    BUDDYD_REASON_FRAGMENTATION = 2, /**< enough free pages, but not together */
    BUDDYD_REASON_NO_ZONE = 3,       /**< no zone that was allowed can ever hold such a block */
    BUDDYD_REASON_NO_HANDLES = 4,    /**< the daemon has no names left */
    BUDDYD_REASON_ACCOUNT = 5,       /**< this client's account, or its group, has no more */
    BUDDYD_REASON_QUEUE = 6,         /**< others wait longer for the same memory */
};

/** Who refused. */
enum buddyd_scope {
    BUDDYD_SCOPE_ZONE = 0,
    BUDDYD_SCOPE_ACCOUNT = 1, /**< this client's account */
    BUDDYD_SCOPE_GROUP = 2,   /**< the group that its account is in */
    BUDDYD_SCOPE_QUEUE = 3,   /**< those who wait */
};

/** A mark of what is free in a zone or an account. */
enum buddyd_mark {
    BUDDYD_MARK_MIN = 0,
    BUDDYD_MARK_LOW = 1,
    BUDDYD_MARK_HIGH = 2,
};

/** An account without a limit: its max_pages. */
#define BUDDYD_UNLIMITED UINT64_MAX

/** Why an allocation was refused, as numbers. Later versions add fields at the end. */
struct buddyd_refusal {
    enum buddyd_reason reason;
    int zone; /**< the zone that came nearest; -1: none */
    unsigned order;
    uint64_t wanted_pages;
    uint64_t free_pages;
    int largest_order;    /**< the largest free block's; -1: nothing is free */
    int frag_index;       /**< times 1000: towards 0 shortage, towards 1000 fragmentation */
    uint64_t zones_tried; /**< bit i: zone i was tried */
    enum buddyd_scope scope;
    enum buddyd_mark mark;  /**< the mark that would have been passed */
    uint64_t mark_pages;    /**< what it keeps */
    uint64_t reserve_pages; /**< and the lowmem reserve beside it */
    uint64_t unmet_pages;   /**< and what others are guaranteed and do not use yet */
    uint64_t max_pages;     /**< the account's, or BUDDYD_UNLIMITED */
    uint64_t used_pages;    /**< the account's */
    unsigned waited_ms;     /**< how long the request had waited for memory */
    char account[32];       /**< the name of the account or group that refused; or empty */
};

/** As buddyd_last_refusal(), of a struct of size bytes: as many are written, 0 where this library
 * knows no more. For callers that cannot use the inline function. */
BUDDYD_API int buddyd_last_refusal_sized(struct buddyd_refusal *ret, size_t size);

/**
 * Why this thread's last allocation was refused. -ENODATA when its last failure was none; the text
 * of buddyd_error() stays as it was. Inline, so that the library learns which fields the program
 * was compiled with.
 */
static inline int buddyd_last_refusal(struct buddyd_refusal *ret)
{
    return buddyd_last_refusal_sized(ret, sizeof(*ret));
}

/**
 * The same for a person, in lines that end with a newline: what each account and zone said, with
 * the numbers. Empty when this thread's last failure was no refusal, or the daemon did not explain
 * it. Valid until this thread's next call. Never NULL.
 */
BUDDYD_API const char *buddyd_explanation(void);

/* ---- zones ---- */

enum buddyd_backing {
    BUDDYD_HUGETLB = 1,   /**< reserved hugepages, sealed */
    BUDDYD_HUGETLBFS = 2, /**< reserved hugepages, files on a mount */
    BUDDYD_SHMEM = 3,     /**< ordinary memory, transparent huge pages advised; may be swapped */
};

/** A zone of memory, as this process sees it. */
struct buddyd_zone {
    unsigned id;
    char name[32];
    int node; /**< NUMA node; -1: bound to none */
    enum buddyd_backing backing;
    unsigned page_shift;
    unsigned hugepage_shift;
    uint64_t bytes;
    void *base;              /**< where its byte 0 is mapped here */
    uint64_t preferred_base; /**< where the daemon asks every client to map it */
    int at_preferred;        /**< 1: base is there, so pointers can be shared between processes */
};

BUDDYD_API unsigned buddyd_nr_zones(const struct buddyd *b);
/** The i-th zone, 0 to buddyd_nr_zones() - 1. -EINVAL when there is none. */
BUDDYD_API int buddyd_get_zone(const struct buddyd *b, unsigned i, struct buddyd_zone *ret);

/* ---- blocks ---- */

/** The contract under which a block is held. */
enum buddyd_type {
    BUDDYD_UNMOVABLE = 0,   /**< at a fixed place until freed; DMA-safe; pinning costs nothing */
    BUDDYD_MOVABLE = 1,     /**< may be moved while not pinned */
    BUDDYD_RECLAIMABLE = 2, /**< may be moved or discarded while not pinned */
};

/** Clear the block before it is handed out; done in place, by this process. */
#define BUDDYD_ZERO (1u << 0)
/** High priority: may take half of what the min mark keeps, 5/8 if it does not wait. Needs
 * BUDDYD_RIGHT_HIGH. */
#define BUDDYD_HIGH (1u << 1)
/** Take from contiguous areas (CMA) too; movable blocks only. Needs BUDDYD_RIGHT_CMA. */
#define BUDDYD_CMA (1u << 2)
/** Ask no mark at all: what frees memory may go this far. Needs BUDDYD_RIGHT_RESERVE. */
#define BUDDYD_RESERVE (1u << 3)
/** Have an event when the block is discarded: BUDDYD_EVENT_DISCARDED; reclaimable blocks only. */
#define BUDDYD_TELL (1u << 4)

#define BUDDYD_ANY (-1)

/** What is asked for. Initialise with BUDDYD_ALLOC_INIT, so that later versions can add fields;
 * those of a program that was compiled with an earlier version are accepted. */
struct buddyd_alloc {
    size_t size;
    enum buddyd_type type;
    unsigned order;      /**< 2^order pages; 0 to 18 */
    unsigned flags;      /**< BUDDYD_ZERO, BUDDYD_HIGH, BUDDYD_CMA, BUDDYD_RESERVE, BUDDYD_TELL */
    int node;            /**< the NUMA node to prefer, or BUDDYD_ANY */
    int zone;            /**< the only zone to take from, or BUDDYD_ANY */
    unsigned timeout_ms; /**< how long the daemon may make it wait for memory; 0: not at all */
    uint64_t nodemask;   /**< bit i: NUMA node i may be taken from; 0: all nodes */
};
#define BUDDYD_ALLOC_INIT                                                                          \
    {                                                                                              \
        sizeof(struct buddyd_alloc), BUDDYD_UNMOVABLE, 0, 0, BUDDYD_ANY, BUDDYD_ANY, 0, 0          \
    }

/** A block that this client has. The caller keeps it; the fields are to be read only. */
struct buddyd_block {
    uint64_t handle; /**< its name; never 0 */
    uint64_t offset; /**< bytes from the start of its zone's memory, when it was granted */
    uint64_t bytes;
    uint32_t zone;
    uint8_t order;
    uint8_t type; /**< enum buddyd_type */
    uint16_t reserved;
    uint32_t slot; /**< the library's own, as pinned_as; 0: the block never moves */
    uint32_t pinned_as;
};

/**
 * Allocate one block. rq may be NULL: one unmovable page.
 * Fails with -ENOMEM when it is refused: buddyd_error() says why, buddyd_last_refusal() in numbers,
 * buddyd_explanation() at length; -EPERM when a flag needs a right that this client has not;
 * -EINVAL when the request makes no sense. With timeout_ms it waits as long as the daemon makes it
 * wait; the library adds no timeout of its own.
 */
BUDDYD_API int buddyd_alloc(struct buddyd *b, const struct buddyd_alloc *rq,
                            struct buddyd_block *ret);
/** Allocate the smallest block of at least bytes (1 to 1 GiB); rq->order is not looked at. */
BUDDYD_API int buddyd_alloc_bytes(struct buddyd *b, uint64_t bytes, const struct buddyd_alloc *rq,
                                  struct buddyd_block *ret);
/** Allocate n blocks of one kind, all or none. ret has room for n. Any n; one round trip for 1024,
 * each of which may wait for timeout_ms. */
BUDDYD_API int buddyd_alloc_bulk(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                                 struct buddyd_block *ret);

/**
 * Free a block. It must not be pinned. -ESTALE when the handle names no block, or no block any
 * more, or somebody else's: nothing is freed.
 */
BUDDYD_API int buddyd_free(struct buddyd *b, uint64_t handle);
/** Free n blocks. Those with good handles are freed even if others are stale; the error is the
 * first. */
BUDDYD_API int buddyd_free_bulk(struct buddyd *b, size_t n, const uint64_t *handles);

/**
 * Get a pointer to a block's content, which stays in place until the matching buddyd_unpin(). Pins
 * nest, in one thread and in many; 16383 at a time. UNMOVABLE: always succeeds, and the pointer
 * holds until the block is freed. MOVABLE: the pointer may be another after each unpin.
 * RECLAIMABLE: the same, and -ENODATA when the content was discarded. Neither asks the daemon: each
 * of pin and unpin is one atomic operation, and none for UNMOVABLE. A block that is being moved is
 * waited for, which takes about as long as copying it. -ESTALE: it was freed. -EAGAIN: as many pins
 * as there may be. -ENOTCONN: the daemon went while it moved the block.
 */
BUDDYD_API int buddyd_pin(struct buddyd *b, const struct buddyd_block *block, void **ret);
/** The same, but never waits: -EBUSY when the block is being moved. */
BUDDYD_API int buddyd_try_pin(struct buddyd *b, const struct buddyd_block *block, void **ret);
/** End one pin. Of a block that is not pinned: nothing happens. */
BUDDYD_API void buddyd_unpin(struct buddyd *b, const struct buddyd_block *block);
/**
 * Give a discarded block memory again: the same handle, undefined content, and *block is brought up
 * to date, so no other thread may use *block meanwhile (a copy of it, it may). Of a block that was
 * not discarded: the daemon takes it for used just now. timeout_ms: how long the daemon may make it
 * wait for memory, and reclaim for it, first what is this client's own; 0: not at all. -ENOMEM:
 * refused, as by buddyd_alloc(); -ESTALE: it was freed, perhaps meanwhile; -EINVAL: it never moves.
 */
BUDDYD_API int buddyd_renew(struct buddyd *b, struct buddyd_block *block, unsigned timeout_ms);
/**
 * Move blocks to a NUMA node. handle: the block, or 0 for all of a session's that can be moved.
 * session: whose, or 0 for this client's; others' need BUDDYD_RIGHT_ADMIN. Returns when it is done:
 * *ret_moved_pages are there now, *ret_left_pages are not (pinned, unmovable, or without room).
 */
BUDDYD_API int buddyd_migrate(struct buddyd *b, uint32_t session, uint64_t handle, unsigned node,
                              uint64_t *ret_moved_pages, uint64_t *ret_left_pages);

/* ---- the kernel's family ----
 * For UNMOVABLE memory by address, as kernel programmers know it. flags as in buddyd_alloc.
 * Addresses are of this process. What one of these allocated is freed by its counterpart here, or
 * by buddyd_free() with nothing else ever naming it again.
 */

/** 2^order pages as a block; type and flags as in buddyd_alloc. */
BUDDYD_API int buddyd_alloc_pages(struct buddyd *b, enum buddyd_type type, unsigned flags,
                                  unsigned order, struct buddyd_block *ret);
/** One page as a block. */
BUDDYD_API int buddyd_alloc_page(struct buddyd *b, enum buddyd_type type, unsigned flags,
                                 struct buddyd_block *ret);
/** 2^order unmovable pages by address; free with buddyd_free_pages() and the same order. */
BUDDYD_API int buddyd_get_free_pages(struct buddyd *b, unsigned flags, unsigned order, void **ret);
BUDDYD_API int buddyd_get_free_page(struct buddyd *b, unsigned flags, void **ret);
/** One unmovable page, cleared. */
BUDDYD_API int buddyd_get_zeroed_page(struct buddyd *b, void **ret);
/** -EINVAL when no block of this order was allocated by address there; nothing is freed. */
BUDDYD_API int buddyd_free_pages(struct buddyd *b, void *addr, unsigned order);
BUDDYD_API int buddyd_free_page(struct buddyd *b, void *addr);
/**
 * Contiguous unmovable pages for exactly bytes, rounded up to pages, not to a power of two (at most
 * 1 GiB); free with buddyd_free_pages_exact() and the same bytes.
 */
BUDDYD_API int buddyd_alloc_pages_exact(struct buddyd *b, uint64_t bytes, unsigned flags,
                                        void **ret);
BUDDYD_API int buddyd_free_pages_exact(struct buddyd *b, void *addr, uint64_t bytes);

/* ---- asynchronous calls ----
 * For programs with a loop of their own, and for many requests in one packet. buddyd_submit_*()
 * only collects; buddyd_flush() sends, and so do buddyd_dispatch() and a full packet. The callback
 * runs in buddyd_dispatch(), or in any other call of any thread that waits for an answer on this
 * connection, or, with -ENOTCONN, in buddyd_close(). It may submit, but must not wait: a
 * synchronous call or buddyd_dispatch() in it answers -EDEADLK.
 */

/**
 * error: 0 or a negative errno, with the reason in buddyd_error(). blocks: nr of them, valid during
 * the call, for an allocation; NULL and 0 else.
 */
typedef void (*buddyd_done_fn)(void *data, int error, const struct buddyd_block *blocks, size_t nr);

/**
 * Ask for n blocks (1 to 1024). Returns 0 when it is on its way, and done will be called once.
 * -EAGAIN: the packet that is collected is full, and so is the socket; buddyd_dispatch() first.
 */
BUDDYD_API int buddyd_submit_alloc(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                                   buddyd_done_fn done, void *data);
/** Free n blocks (1 to 1024); done may be NULL. -EAGAIN as above. */
BUDDYD_API int buddyd_submit_free(struct buddyd *b, size_t n, const uint64_t *handles,
                                  buddyd_done_fn done, void *data);
/** Send what was submitted. -EAGAIN: the socket is full; buddyd_dispatch() first. */
BUDDYD_API int buddyd_flush(struct buddyd *b);
/** A descriptor that polls readable when buddyd_dispatch() has something to do. It stays b's. */
BUDDYD_API int buddyd_fd(const struct buddyd *b);
/**
 * Send what was submitted and run the callbacks of the answers that have come. timeout_ms: how long
 * to wait for the first one; 0 not at all, -1 for ever; with nothing pending it does not wait,
 * not for events either.
 * Returns how many callbacks ran meanwhile, or a negative errno; after -ENOTCONN every pending
 * callback has run with an error.
 */
BUDDYD_API int buddyd_dispatch(struct buddyd *b, int timeout_ms);

/* ---- events ---- */

enum buddyd_event_kind {
    BUDDYD_EVENT_PRESSURE = 2,  /**< how much is left in this client's account passed a mark */
    BUDDYD_EVENT_REVOKE = 3,    /**< this client is asked to free memory, or to lose its session */
    BUDDYD_EVENT_DISCARDED = 4, /**< blocks that were allocated with BUDDYD_TELL were discarded */
};

enum buddyd_pressure {
    BUDDYD_PRESSURE_NONE = 0, /**< above the high mark again */
    BUDDYD_PRESSURE_LOW = 1,  /**< at the low mark or below */
    BUDDYD_PRESSURE_MIN = 2,  /**< at the min mark or below: refusals are near */
};

/** What the daemon tells without being asked. Valid during the call of the handler. Later versions
 * add fields at the end. */
struct buddyd_event {
    enum buddyd_event_kind kind; /**< only those that this version knows are handed out */
    const char *message;         /**< one line, or empty; never NULL */

    /* Of a PRESSURE. */
    enum buddyd_pressure level;
    const char *account; /**< the client's own or its group's; never NULL */
    uint64_t free_pages;
    uint64_t mark_pages; /**< the mark that was passed */
    uint64_t used_pages;
    uint64_t max_pages;

    /* Of a REVOKE. */
    unsigned grace_ms; /**< how long before the session is ended */
    uint64_t pages;    /**< how much would have to be freed */

    /* Of a DISCARDED. */
    const uint64_t *handles; /**< nr_handles of them */
    size_t nr_handles;
};

typedef void (*buddyd_event_fn)(void *data, const struct buddyd_event *event);

/**
 * Have fn called for each event from now on; NULL: for none, as at first. It runs where the
 * callbacks of asynchronous calls run, in buddyd_dispatch() or in any other call of any thread that
 * waits for an answer on this connection, and by the same rules: it may submit (a free, say), but
 * must not wait. A program that only allocates now and then watches buddyd_fd() and dispatches, or
 * learns of events late. When this returns, another thread may still be in the handler before.
 */
BUDDYD_API int buddyd_set_event_handler(struct buddyd *b, buddyd_event_fn fn, void *data);

/* ---- statistics ----
 * Listings go page by page: *cursor is 0 at first; call again while it is not 0. *ret_n may be 0 on
 * any page.
 */

/** What a page of a listing can hold; out arrays have at least this many elements. */
#define BUDDYD_LISTING_MAX 256u
#define BUDDYD_MAX_ORDERS  19u
#define BUDDYD_MAX_TYPES   6u

struct buddyd_zone_stat {
    struct buddyd_zone zone; /**< base and at_preferred as in this process */
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
    uint64_t unmet_pages;          /**< guaranteed to accounts here and not used yet */
    uint64_t isolated_pages;
    uint64_t highatomic_pages; /**< reserved for HIGHATOMIC */
    uint64_t cma_pages;
    uint64_t busy_pages;        /**< being moved, populated or passed on */
    uint64_t reclaimable_pages; /**< of reclaimable blocks */
    uint64_t moved_pages;       /**< since the daemon began */
    uint64_t discarded_pages;   /**< since the daemon began */
    uint64_t max_bytes;         /**< to which the zone can grow */
    unsigned compact_score;     /**< how fragmented it is: 0 to 100 */
};

struct buddyd_free_stat {
    unsigned zone;
    unsigned nr_orders;
    unsigned nr_types;
    uint64_t free_blocks[BUDDYD_MAX_TYPES][BUDDYD_MAX_ORDERS]; /**< [type][order] */
    uint64_t pageblocks[BUDDYD_MAX_TYPES];
};

struct buddyd_client_stat {
    uint32_t session;
    char name[32];
    int pid;
    unsigned uid;
    unsigned gid;
    uint64_t blocks;
    uint64_t pages;
    uint64_t requests;
    uint64_t refusals;
    uint64_t pages_by_type[3];
    char policy[32]; /**< the section of the policy that holds for it */
    unsigned domain;
    unsigned waiting;   /**< its requests that wait for memory */
    uint64_t max_pages; /**< its account's, or BUDDYD_UNLIMITED */
    uint64_t used_pages;
};

/** What a client, or a group of clients, may use. */
struct buddyd_account_stat {
    char name[32];    /**< the client's name, or the group's, which is a section of the policy */
    char group[32];   /**< the group that it is in; empty: none */
    uint32_t session; /**< the client's; 0: a group */
    unsigned domain;
    int64_t uid;        /**< whose; -1: nobody's */
    uint64_t max_pages; /**< or BUDDYD_UNLIMITED */
    uint64_t min_pages; /**< marks of what is free in it: max - used */
    uint64_t low_pages;
    uint64_t high_pages;
    uint64_t used_pages;
    uint64_t pinned_pages;    /**< of the used: cannot be moved or reclaimed at present */
    uint64_t cached_pages;    /**< of the used: lie in the client's own caches */
    uint64_t guarantee_pages; /**< in all zones together */
    uint64_t unmet_pages;     /**< of the guarantee: not used yet */
    enum buddyd_pressure pressure;
    unsigned members; /**< of a group */
    unsigned waiting; /**< requests that wait for memory */
    unsigned priority;
    int over; /**< 1: it has more than max, which was lowered */
};

enum buddyd_block_state {
    BUDDYD_BLOCK_NORMAL = 0,
    BUDDYD_BLOCK_MOVING = 1,
    BUDDYD_BLOCK_DISCARDED = 2, /**< it has no memory, and costs nothing */
};

struct buddyd_block_stat {
    uint64_t handle; /**< 0 unless the block is this client's */
    uint32_t session;
    uint32_t zone;
    uint64_t offset;
    unsigned order;
    enum buddyd_type type;
    enum buddyd_block_state state; /**< or a later version's */
    unsigned pins;                 /**< as its client says */
};

BUDDYD_API int buddyd_stat_zones(struct buddyd *b, uint64_t *cursor, struct buddyd_zone_stat *out,
                                 size_t *ret_n);
BUDDYD_API int buddyd_stat_free(struct buddyd *b, uint64_t *cursor, struct buddyd_free_stat *out,
                                size_t *ret_n);
/** Clients of other users are listed for root and the daemon's own user only. */
BUDDYD_API int buddyd_stat_clients(struct buddyd *b, uint64_t *cursor,
                                   struct buddyd_client_stat *out, size_t *ret_n);
/** Accounts of the clients that are listed for this one, and their groups. */
BUDDYD_API int buddyd_stat_accounts(struct buddyd *b, uint64_t *cursor,
                                    struct buddyd_account_stat *out, size_t *ret_n);
/** session: only its blocks, or 0 for all. Blocks of other users as above. */
BUDDYD_API int buddyd_stat_blocks(struct buddyd *b, uint32_t session, uint64_t *cursor,
                                  struct buddyd_block_stat *out, size_t *ret_n);
/** The number of this connection's session in listings. */
BUDDYD_API uint32_t buddyd_session(const struct buddyd *b);

/* ---- policy ---- */

/* What a client may ask for: bits of buddyd_rights(). */
#define BUDDYD_RIGHT_HIGH (1u << 0) /**< BUDDYD_HIGH */
#define BUDDYD_RIGHT_HIGHATOMIC                                                                    \
    (1u << 1)                          /**< the HIGHATOMIC reserve, for requests that cannot wait */
#define BUDDYD_RIGHT_CMA     (1u << 2) /**< BUDDYD_CMA */
#define BUDDYD_RIGHT_RESERVE (1u << 3) /**< BUDDYD_RESERVE */
#define BUDDYD_RIGHT_ADMIN   (1u << 4) /**< buddyd_set_policy() and what else needs it */

/** The section of the daemon's policy that held for this client when it connected. It stays b's. */
BUDDYD_API const char *buddyd_policy(const struct buddyd *b);
/** The number of the domain whose memory this client shares with others; 0 is the default one. */
BUDDYD_API unsigned buddyd_domain(const struct buddyd *b);
/** BUDDYD_RIGHT_* bits, and those of later versions, as they were when it connected. */
BUDDYD_API unsigned buddyd_rights(const struct buddyd *b);

/** Room for any text of buddyd_explain(), with its end. */
#define BUDDYD_EXPLAIN_BYTES 16385u

/**
 * What would become of an allocation of n blocks (1 to 1024) now? Nothing is allocated.
 * session: whose, or 0 for this client's. rq may be NULL as for buddyd_alloc(). text: gets lines
 * for a person, as much of them as size bytes hold with their end; NULL if size is 0. *ret_granted:
 * 1 or 0. -ENOENT when there is no such session, or it is another user's.
 */
BUDDYD_API int buddyd_explain(struct buddyd *b, uint32_t session, const struct buddyd_alloc *rq,
                              size_t n, char *text, size_t size, int *ret_granted);
/**
 * Change one key of the daemon's running policy. section (without brackets, up to 63 bytes), key
 * (up to 31) and value (up to 255) are as they would stand in the configuration file. -EPERM
 * without BUDDYD_RIGHT_ADMIN; -EINVAL, with what would be accepted, when the daemon cannot do it.
 */
BUDDYD_API int buddyd_set_policy(struct buddyd *b, const char *section, const char *key,
                                 const char *value);
/** What a compaction did. */
struct buddyd_compacted {
    uint64_t moved_pages;
    uint64_t freed_pageblocks; /**< how many more are empty than before */
    uint64_t pinned_pages;     /**< were in the way */
};

/**
 * Have blocks moved together, until no more empty pageblocks can be won so. zone: or BUDDYD_ANY for
 * all. Returns when it is done. -EPERM without BUDDYD_RIGHT_ADMIN; -EINVAL when there is no such
 * zone; -EBUSY when four of this connection's are being carried out already.
 */
BUDDYD_API int buddyd_compact(struct buddyd *b, int zone, struct buddyd_compacted *ret);

/** Why a block keeps a zone from shrinking. */
enum buddyd_obstacle_reason {
    BUDDYD_OBSTACLE_UNMOVABLE = 1,   /**< it must stay where it is */
    BUDDYD_OBSTACLE_BUSY = 2,        /**< it moves, is moved to, or passes to another domain */
    BUDDYD_OBSTACLE_UNBACKED = 3,    /**< a pageblock without memory */
    BUDDYD_OBSTACLE_ISOLATED = 4,    /**< a pageblock that is isolated already */
    BUDDYD_OBSTACLE_STRADDLES = 5,   /**< it lies partly outside what would go */
    BUDDYD_OBSTACLE_KEPT = 6,        /**< a pageblock that is kept for other requests */
    BUDDYD_OBSTACLE_ELSEWHERE = 7,   /**< a pageblock in another domain's file */
    BUDDYD_OBSTACLE_NO_ROOM = 8,     /**< it could move, had it a place to go to */
    BUDDYD_OBSTACLE_ABORTED = 9,     /**< its move has failed too often */
    BUDDYD_OBSTACLE_GRANTED = 10,    /**< it is granted, where all has to be free */
    BUDDYD_OBSTACLE_BEHIND = 11,     /**< pageblocks that were added behind */
    BUDDYD_OBSTACLE_BAD = 12,        /**< it was written to while it was free */
    BUDDYD_OBSTACLE_PINNED = 13,     /**< its client has it pinned */
    BUDDYD_OBSTACLE_GUARANTEED = 14, /**< accounts are guaranteed what would go */
};

/** A block that keeps a zone from shrinking. */
struct buddyd_obstacle {
    uint32_t session; /**< whose; 0: nobody's */
    unsigned order;
    uint64_t offset;
    enum buddyd_type type;
    enum buddyd_obstacle_reason reason; /**< or a later version's */
    char client[32];                    /**< the session's name */
};

/**
 * Let a zone grow by delta_bytes, or shrink if that is below 0; whole pageblocks. Returns when it
 * is done, with *ret_bytes, how long the zone is now. -EBUSY when blocks are in the way of a
 * shrink: then, and only then, out has *ret_n of them, at most BUDDYD_LISTING_MAX, for which it has
 * room. Another error of the kernel's when the zone is shorter, but its memory is not the host's
 * yet: the next call tries that first. Needs BUDDYD_RIGHT_ADMIN. The mappings of clients stay as
 * they are: a zone is mapped as long as it can become.
 */
BUDDYD_API int buddyd_resize_zone(struct buddyd *b, unsigned zone, int64_t delta_bytes,
                                  uint64_t *ret_bytes, struct buddyd_obstacle *out, size_t *ret_n);

/** Have the daemon read its configuration files again. Errors as above; then nothing changes. */
BUDDYD_API int buddyd_reload(struct buddyd *b);

#ifdef __cplusplus
}
#endif

#endif
