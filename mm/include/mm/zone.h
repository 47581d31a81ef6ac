/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.h: one zone of pages and its buddy allocator.
 *
 * A zone is one range of pfns, 0 to nr_pages - 1, of whole pageblocks. All memory that it needs is
 * the caller's. It is single-threaded by contract: one thread touches a zone at a time. Nothing
 * here allocates, locks, logs or makes a system call; what takes time is begun through struct
 * zone_ops and finished by zone_populate_done() or zone_move_done() and their counterparts.
 *
 * Domains: with one domain (the default) every pageblock is resident in file 0 and all free memory
 * is everybody's. With more, free blocks smaller than a pageblock belong to the domain that holds
 * their pageblock, and empty pageblocks are offered to all, but lie in one domain's file: a request
 * that needs one that lies elsewhere begins its passing and answers -EINPROGRESS. What lies in
 * different files does not merge.
 */
#ifndef MM_ZONE_H
#define MM_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/types.h"

struct zone;
struct page_owner;
struct requester;

/** resident of a pageblock whose memory is nowhere: taken by somebody while it passed. */
#define DOMAIN_NONE 0xffu

/** What happened when a request was served from another type's memory. */
struct zone_fallback {
    unsigned order;          /**< of the request */
    unsigned fallback_order; /**< of the block that was found */
    enum migratetype wanted;
    enum migratetype donor;
    bool claimed; /**< the pageblock changed its type; else one block was stolen from it */
    pfn_t pfn;
};

/**
 * Effects outside the zone. Each member may be NULL if it cannot be needed (populate with one
 * domain) or is not wanted (fallback). A callback must not call into the zone that calls it.
 */
struct zone_ops {
    /**
     * Begin to bring every pageblock of this busy block into domain's file: punch it where
     * zone_resident() says that it lies, populate it there. End with zone_populate_done() or
     * zone_populate_fail(), later.
     */
    void (*populate)(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain);
    /**
     * Begin to copy a block's bytes, and end with zone_move_done() or zone_move_abort(), later.
     * False: its owner uses it, it stays, and nothing is to be ended.
     */
    bool (*move)(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order);
    /**
     * May this granted block be moved, as far as a look can tell? False: its owner uses it, or it
     * cannot be moved at all. tag: the block's. NULL: all may. To be cheap.
     */
    bool (*movable)(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag);
    /**
     * The same as move, into a place in another zone: end with memory_migrate_done() or
     * memory_migrate_abort() (migrate.h).
     */
    bool (*migrate)(void *ctx, struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to,
                    unsigned order);
    /** A request fell back. */
    void (*fallback)(void *ctx, struct zone *z, const struct zone_fallback *fb);
    /**
     * For ZONE_DEBUG_POISON. poison: a block becomes free, at first in zone_init(): fill it with a
     * pattern. verify: it is about to be granted or moved to: return the first page of it that has
     * another content, or PFN_NONE. Meanwhile it is nobody's; its memory is where zone_resident()
     * says.
     */
    void (*poison)(void *ctx, struct zone *z, pfn_t pfn, unsigned order);
    pfn_t (*verify)(void *ctx, struct zone *z, pfn_t pfn, unsigned order);
    /**
     * verify has found page bad in the block at pfn, which is out of use from now on (BLOCK_BAD);
     * the request goes on with another one. zone_page_owner() may say who had the page.
     */
    void (*bad_page)(void *ctx, struct zone *z, pfn_t bad, pfn_t pfn, unsigned order);
};

/** Debug options. While all are off they cost nothing; while one is on, nothing is fast. */
/** Free pages hold a pattern, and are granted only if they still do (page_poison in Linux). */
#define ZONE_DEBUG_POISON (1u << 0)
/** Keep who had a page last: page_owner.h. */
#define ZONE_DEBUG_OWNER (1u << 1)

struct zone_config {
    pfn_t nr_pages;           /**< 1 to PFN_MAX_PAGES, a multiple of the pageblock */
    pfn_t max_pages;          /**< what it can grow to, a multiple of the pageblock; 0: nr_pages */
    unsigned pageblock_order; /**< 1 to MAX_PAGE_ORDER: a hugepage of the zone's backing */
    unsigned nr_domains;      /**< 1 to MAX_DOMAINS */
    bool eager;               /**< merge freed blocks at once, let none rest; for comparison */
    bool no_grouping;         /**< do not group by mobility at all; for comparison */
    bool kernel_rules;   /**< claim and steal where Linux would, and mix more; for comparison */
    enum zone_kind kind; /**< left out: ZONE_DMA32; decides who may use it, and its marks */
    unsigned node;       /**< the NUMA node that it lies on */
    const struct zone_ops *ops; /**< may be NULL; must outlive the zone */
    void *ops_ctx;
    unsigned debug;           /**< ZONE_DEBUG_* */
    struct page_owner *owner; /**< for ZONE_DEBUG_OWNER: zone_owner_bytes(), zero-filled */
};

/**
 * Bytes of metadata for a zone.
 * Returns 0 and both parts, or -EINVAL for a config that zone_init() would refuse.
 * ret_lasting: what is to survive the daemon: a word a page and a record a pageblock.
 * ret_derived: what is rebuilt from that: links, lists, counts.
 */
int zone_metadata_bytes(const struct zone_config *config, size_t *ret_lasting, size_t *ret_derived);

/**
 * Make a zone, all free: every pageblock MOVABLE (UNMOVABLE if the zone is too small to group,
 * at most fewer than NR_MIGRATETYPES pageblocks ever; memmap_init and
 * page_group_by_mobility_disabled in Linux), resident in domain 0's file. lasting, derived:
 * zone_metadata_bytes() each, zero-filled, aligned to 64 bytes; they stay the caller's and must
 * outlive the zone. Returns 0, or -EINVAL. *ret lies inside derived.
 */
int zone_init(const struct zone_config *config, void *lasting, void *derived, struct zone **ret);

/* ---- allocation ---- */

/** Refuse to wait: never begin the passing of a pageblock. */
#define ALLOC_NOWAIT (1u << 0)
/** No fallback below a pageblock: rather another zone (ALLOC_NOFRAGMENT in Linux). */
#define ALLOC_NOFRAGMENT (1u << 1)
/** The caller cannot wait for reclaim; a right to reserves only beside ALLOC_MIN_RESERVE. */
#define ALLOC_NON_BLOCK (1u << 2)
/** High priority: half of the min mark (__GFP_HIGH). */
#define ALLOC_MIN_RESERVE (1u << 3)
/** Its end frees memory: half of the min mark (a victim of the last resort). */
#define ALLOC_OOM (1u << 4)
/** May use what is kept for atomic requests of higher order, and have more of it kept. */
#define ALLOC_HIGHATOMIC (1u << 5)
/** May use CMA areas; movable requests only. */
#define ALLOC_CMA (1u << 6)
/** Asks no mark at all: who frees memory by getting some (PF_MEMALLOC). */
#define ALLOC_NO_WATERMARKS (1u << 7)
/** May wake the balancer (__GFP_KSWAPD_RECLAIM). */
#define ALLOC_KSWAPD (1u << 8)
/** Who may count what is reserved for atomic requests as free. */
#define ALLOC_RESERVES (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_OOM)

/** What a block is marked with; opaque to the zone. */
#define BLOCK_TAG_BITS 48u

struct zone_request {
    unsigned order;
    enum migratetype type; /**< one of the NR_MOBILITIES */
    unsigned domain;
    unsigned flags;             /**< ALLOC_* */
    uint64_t tag;               /**< BLOCK_TAG_BITS bits that zone_block() gives back */
    const struct requester *by; /**< for the page owner record; NULL: unknown */
};

/**
 * Take 2^order free pages from the zone (rmqueue in Linux, and its order: own type, claim, steal).
 * Returns 0 and the first pfn; -ENOMEM, a normal answer, with nothing changed but the count of
 * failures; -EINPROGRESS when memory is on its way to the domain: ask again when a populate has
 * ended; -EINVAL for an order, type, domain or tag out of range.
 * O(orders), plus O(one pageblock) when a pageblock is claimed; with several domains O(pageblocks)
 * when more than a pageblock is wanted and no file has it whole.
 */
int zone_rmqueue(struct zone *z, const struct zone_request *rq, pfn_t *ret_pfn);

/**
 * Give a block back and merge it with its buddies (__free_one_page in Linux).
 * A busy block is freed when its move ends. Returns 0, or -EINVAL when no allocated block begins at
 * pfn; then nothing has changed.
 */
int zone_free(struct zone *z, pfn_t pfn);

/**
 * The same for who knows that the block is granted, and wants no answer (__free_pages): its word is
 * looked at a few such calls later, when it has come from memory, or when the zone is looked at. Of
 * what turns out not to be granted nothing changes but zone_stat.bad_frees; who frees a block twice
 * may free what is another's by then.
 */
void zone_free_later(struct zone *z, pfn_t pfn);

/**
 * Cut an allocated block in two halves that are freed apart; the upper one gets upper_tag.
 * Returns 0; -EINVAL when no allocated block begins at pfn, or it has order 0; -EBUSY while it
 * moves.
 */
int zone_split(struct zone *z, pfn_t pfn, uint64_t upper_tag);

/* ---- moves, split-phase ---- */

/**
 * Begin to move the block at from to a new place of the same order and type, in the same domain.
 * Both become busy and ops->move is called. Returns 0; -ENOMEM when there is no free block for it:
 * a move never claims or steals another type's memory, and never passes a pageblock; -EAGAIN when
 * ops->move says that it is in use; -EBUSY when it moves already; -EINVAL when no allocated block
 * begins there, or it is UNMOVABLE.
 */
int zone_move_begin(struct zone *z, pfn_t from);
/**
 * The bytes are copied: the block is at *ret_to, with its tag, and its old place is free; if it was
 * freed meanwhile, both are, and *ret_freed says so. What names the block is to be changed before
 * this (handle_move()), since the old place may be granted again at once. -EINVAL when from does
 * not move.
 */
int zone_move_done(struct zone *z, pfn_t from, pfn_t *ret_to, bool *ret_freed);
/** The bytes could not be copied: the block stays, or is freed if that was asked for meanwhile. */
int zone_move_abort(struct zone *z, pfn_t from, bool *ret_freed);

/* ---- passing pageblocks between domains, split-phase ---- */

/** The populate that began at pfn is complete: the block is free, and lies in the domain's file. */
int zone_populate_done(struct zone *z, pfn_t pfn);
/**
 * The populate that began at pfn failed after nr_done pageblocks: those lie in the domain's file;
 * the next one's memory is nowhere (unbacked: out of use until zone_pageblock_backed()); the rest
 * lie where they lay. Returns 0, or -EINVAL when nothing is populated at pfn or it has no more than
 * nr_done.
 */
int zone_populate_fail(struct zone *z, pfn_t pfn, unsigned nr_done);
/** An unbacked pageblock has memory again, in domain's file. -EINVAL if it is not unbacked. */
int zone_pageblock_backed(struct zone *z, pfn_t pfn, unsigned domain);
/**
 * Begin to pass one empty pageblock that lies in from's file to domain's, so that a later request
 * need not wait for it. It stays everybody's: but while it is on its way it is nobody's, and so
 * only when the other empty ones are above the zone's high mark, and nobody's guarantee needs it
 * meanwhile. Returns 0; -ENOMEM when that is not so, or none lies there; -EINVAL for no two
 * domains. O(domains) where something is guaranteed.
 */
int zone_pass_ahead(struct zone *z, unsigned from, unsigned domain);
/**
 * Begin to populate again, where they lie, all empty pageblocks in the domain's file: some may be
 * holes by now. While that goes on they are nobody's. Returns how many blocks that are. O(blocks).
 */
unsigned zone_renew(struct zone *z, unsigned domain);
/** Empty pageblocks that lie in domain's file, or are on their way there. 0 for no such domain. */
pfn_t zone_pageblocks_ahead(struct zone *z, unsigned domain);
/** In which domain's file the pageblock of pfn lies; DOMAIN_NONE if unbacked. */
unsigned zone_resident(const struct zone *z, pfn_t pfn);

/* ---- looking ----
 * These take a zone that is not const: what a zone puts off until somebody looks, they do first.
 */

enum block_state {
    BLOCK_NONE = 0, /**< inside a block */
    BLOCK_FREE,
    BLOCK_ALLOCATED,
    BLOCK_MOVING,     /**< allocated, and being copied away */
    BLOCK_TARGET,     /**< where a moving block is being copied to */
    BLOCK_POPULATING, /**< empty, on its way to another domain's file */
    BLOCK_UNBACKED,   /**< a pageblock without memory */
    BLOCK_BAD = 8,    /**< was written to while it was free: never granted again */
};

struct zone_block {
    pfn_t pfn;
    unsigned order;
    enum block_state state;
    enum migratetype type; /**< asked for, if allocated; of the list, if free */
    bool free_pending;     /**< freed by its owner while busy */
    uint64_t tag;
};

/** The block that begins at pfn. -EINVAL when none does. */
int zone_block(struct zone *z, pfn_t pfn, struct zone_block *ret);

struct zone_stat {
    pfn_t managed_pages;
    pfn_t free_pages; /**< in all domains */
    pfn_t empty_pageblocks;
    pfn_t unbacked_pageblocks;
    pfn_t bad_pages;      /**< written to while they were free, and whole blocks with them */
    pfn_t isolated_pages; /**< free, but in isolated pageblocks: not among free_pages */
    pfn_t busy_pages; /**< targets of moves and what is being populated: neither free nor granted */
    uint64_t allocs;
    uint64_t frees;
    uint64_t bad_frees; /**< of what was not granted: see zone_free_later() */
    uint64_t failures;
    uint64_t claims;
    uint64_t steals;
    uint64_t passes; /**< pageblocks' passings begun */
    uint64_t moved_pages;
};

/** Whose requests a zone has served (zone_statistics in Linux). */
struct zone_numa_stat {
    uint64_t hit;     /**< it, or one of its node, was the first choice */
    uint64_t miss;    /**< another node's was the first choice */
    uint64_t foreign; /**< it was the first choice, and another node served */
    uint64_t local;   /**< of the served: the caller was on its node */
    uint64_t other;   /**< of the served: the caller was elsewhere */
};

void zone_stat(struct zone *z, struct zone_stat *ret);
void zone_numa_stat(struct zone *z, struct zone_numa_stat *ret);
/** Free pages that domain can have: its own, and all empty pageblocks. */
pfn_t zone_free_pages(struct zone *z, unsigned domain);
/**
 * Pages that only domain can have at present: of the pageblocks that hold its small blocks, of its
 * granted blocks of a pageblock or more, of its moves' targets of that size, and of the pageblocks
 * in its file that are kept for HIGHATOMIC. 0 for a domain that the zone lacks.
 */
pfn_t zone_held_pages(struct zone *z, unsigned domain);
/** Free blocks of this order and type, in all domains. O(domains). */
pfn_t zone_nr_free_blocks(struct zone *z, unsigned order, enum migratetype type);
/** Pageblocks of this type. */
pfn_t zone_nr_pageblocks(struct zone *z, enum migratetype type);
/** The largest order with a free block that domain can have, or -1. */
int zone_largest_free_order(struct zone *z, unsigned domain);
pfn_t zone_nr_pages(const struct zone *z);
/** The NUMA node that it lies on. */
unsigned zone_node(const struct zone *z);
enum zone_kind zone_kind_of(const struct zone *z);
unsigned zone_pageblock_order(const struct zone *z);

/**
 * Verify every invariant of the zone: kernel-rules section 16, and those of the domains. O(pages).
 * Returns 0, or -EUCLEAN with a line of text in why (size bytes), if it is not NULL.
 */
int zone_check(struct zone *z, char *why, size_t size);

#endif
