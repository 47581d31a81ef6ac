/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_internal.h: what a zone is made of, for the files of mm/ alone.
 *
 * Lasting: a word a page, a record a pageblock. Derived: this struct and the list sets. The links
 * of the free lists stand in the words, so that metadata is 8 bytes a page and a little.
 */
#ifndef MM_ZONE_INTERNAL_H
#define MM_ZONE_INTERNAL_H

#include "block_word.h"
#include "mm/zone.h"

/* Flags of requests, beside those of zone.h: set where accounts are asked (account_pass.c). */
/** Only blocks that the domain holds already: no empty pageblock is broken, granted or passed. */
#define ALLOC_SMALL (1u << 16)
/** Within its account's guarantee: may be served from HIGHATOMIC's pages in the end, and begins the
 * passing of a pageblock even with ALLOC_NOWAIT. */
#define ALLOC_GUARANTEED (1u << 17)
/** From CMA areas or not at all. */
#define ALLOC_CMA_ALONE (1u << 18)

/** The types that are no mobilities: what is kept for some requests, or from all. */
#define NR_SPECIAL (NR_MIGRATETYPES - NR_MOBILITIES)

/** What lasts of a pageblock. Of a block of several pageblocks only the first one's type counts. */
struct pageblock {
    uint8_t type;       /**< enum migratetype: the lists that its free blocks are on */
    uint8_t resident;   /**< the domain whose file has its bytes, or DOMAIN_NONE */
    uint8_t holder;     /**< the domain that its small blocks belong to; DOMAIN_NONE: it has none */
    uint8_t saved_type; /**< while it is isolated: what it was before; else 0 */
    uint32_t nr_unmovable; /**< see unmovable_granted(); derived from the words */
};

struct free_list {
    pfn_t head;
    pfn_t tail;
    pfn_t nr;
    pfn_t reserved; /**< makes the index a shift */
};

/** How many blocks of one order and type may rest: with their number, four cache lines. */
#define MAX_RESTING 62u

/** The number of those that rest where none may: more than may rest. */
#define RESTING_CLOSED UINT32_MAX

/** Blocks that are freed, and not merged yet: the last one is the first to be granted again. */
struct resting {
    uint32_t nr;      /**< or RESTING_CLOSED, while its bit in rests is not set: set that first */
    uint32_t granted; /**< the word of a block of this order and type that is granted without tag */
    pfn_t pfn[MAX_RESTING];
};

/** The block that rested and was granted again last, if there is none: no pfn at all, since whoever
 * frees may ask for any. */
#define UNRESTED_NONE UINT64_MAX

/**
 * The block that rested and was granted again last. Who frees it soon finds here where it rested,
 * and so waits for no load that depends on another. It is forgotten when all that rests is merged.
 */
struct unrested {
    uint64_t pfn;         /**< UNRESTED_NONE: there is none */
    struct resting *from; /**< where it rested */
};

/** How many blocks arrive before they are looked at, together: see zone_free_later(). */
#define NR_ARRIVALS 16u

/** Orders that a word has room for: so the index below stands in the word as it is. */
#define REST_ORDERS 32u

/** The free lists of one domain: its blocks smaller than a pageblock, and larger ones in its file.
 */
struct list_set {
    _Alignas(64) struct resting resting[NR_MOBILITIES * REST_ORDERS]; /**< see rest_index() */
    uint32_t mask[NR_MIGRATETYPES]; /**< bit o: the list of order o is not empty */
    uint32_t rests[NR_MOBILITIES];  /**< bit o: blocks of order o may be resting */
    pfn_t nr_small;                 /**< free pages of the mobilities, in less than pageblocks */
    pfn_t nr_special[NR_SPECIAL];   /**< free pages of the other types, in blocks of any size */
    pfn_t nr_populating;            /**< pages on their way to this domain's file */
    pfn_t nr_held;                  /**< see zone_held_pages() */
    pfn_t nr_stranded; /**< granted in isolated pageblocks: their frees serve nobody; see held.c */
    pfn_t guaranteed;  /**< to accounts of this domain; of another than 0 whole pageblocks */
    pfn_t unmet;       /**< domain 0: what of it is not used yet; else nr_held says */
    struct free_list list[NR_MIGRATETYPES][NR_PAGE_ORDERS];
};

/** The numbers from, from + 1, ... up to nr of them; one comparison tells. */
struct count_range {
    uint32_t from;
    uint32_t nr;
};

struct compaction;

/** What compactions know of a pageblock. */
struct compact_hint {
    uint32_t skip;  /**< zone_compact.epoch: nothing could be moved out of it */
    uint32_t pass;  /**< zone_compact.pass: it has a place in the order of the running one */
    uint32_t place; /**< in that order: those before have less content */
    uint32_t next;  /**< the pageblock behind it on its level; PFN_NONE: none */
};

/** What compactions of a zone leave behind for the next. */
struct zone_compact {
    struct compaction *running; /**< or NULL */
    struct compact_hint *hint;  /**< of each pageblock */
    uint32_t epoch;             /**< since the scanners met last; from 1 */
    uint32_t pass;              /**< that are begun for the whole zone */
    pfn_t migrate[2];           /**< where to go on looking for sources: async, others
                                   (compact_cached_migrate_pfn) */
    pfn_t free;                 /**< and for targets; 0: at the end (compact_cached_free_pfn) */
    unsigned considered;        /**< tries since the last failure (compact_considered) */
    unsigned defer_shift;       /**< 1 of 2^this goes through (compact_defer_shift) */
    unsigned order_failed;      /**< the lowest that did (compact_order_failed) */
};

struct zone {
    uint64_t *word;
    struct pageblock *pageblock;
    struct list_set *set;
    pfn_t nr_pages;
    pfn_t max_pages; /**< what the metadata has room for; behind nr_pages it is 0 */
    pfn_t nr_large;  /**< free pages of the mobilities, in blocks of a pageblock or more */
    uint8_t pageblock_order;
    uint8_t fast_orders; /**< orders below are granted fast; 0 while debugged */
    uint8_t nr_domains;
    bool grouping;
    bool kernel_rules;   /**< steals go where Linux's do; see fallback.c */
    bool may_rest;       /**< else blocks merge at once */
    bool resting;        /**< some set may have resting blocks */
    uint8_t open_orders; /**< see zone_open() */
    pfn_t guaranteed;    /**< of all sets together; mostly 0, and then guarantees cost nothing */
    pfn_t nr_busy;
    pfn_t nr_unbacked; /**< pageblocks */
    pfn_t nr_bad;
    pfn_t nr_pageblocks[NR_MIGRATETYPES];
    /** With so many unmovable pages, what a pageblock of the type has free is granted last. */
    struct count_range granted_last[NR_MIGRATETYPES];
    pfn_t wmark[NR_WMARKS];
    pfn_t boost;
    unsigned boost_factor;
    pfn_t lowmem_reserve[NR_ZONE_KINDS];
    uint64_t low_needs[NR_MOBILITIES]; /**< see above_low() */
    uint64_t most_needed;              /**< the highest of them */
    uint8_t kind;                      /**< enum zone_kind */
    bool boosted;                      /**< and the balancer is not woken yet */
    unsigned node;
    struct zone_numa_stat numa;
    /*
     * What comes to rest is counted, freed or taken off a list, and what is merged from there: what
     * is granted from there need not be, since it is the difference once nothing rests; see
     * zone_regrants().
     */
    uint64_t rested;
    uint64_t refilled;
    uint64_t merged;
    uint64_t aside;       /**< of what is granted from there, what its caller counts below */
    uint64_t usual;       /**< other grants to usual requests: allocs, hits, local ones */
    uint64_t usual_other; /**< usual ones, from there or not, that were not local */
    uint64_t allocs;      /**< all others */
    uint64_t frees;       /**< of what did not come to rest */
    uint64_t bad_frees;
    struct unrested unrested;
    unsigned nr_arrivals;
    pfn_t arrival[NR_ARRIVALS]; /**< freed blocks whose words are on their way */
    uint64_t failures;
    uint64_t claims;
    uint64_t steals;
    uint64_t passes;
    uint64_t moved_pages;
    struct zone_compact compact;
    const struct zone_ops *ops;
    void *ops_ctx;
    unsigned debug;           /**< ZONE_DEBUG_* */
    struct page_owner *owner; /**< a page's record each, or NULL */
};

/** See word_at(). */
#define WORD_GROUP   512u
#define WORD_PADDING 8u

/** For what a hot path calls seldom, so that it need not save registers for it. */
#define NEVER_INLINE __attribute__((noinline))

/** For the branches of a hot path, so that it lies in one piece. */
#define USUALLY(x) __builtin_expect(!!(x), 1)

static inline pfn_t order_pages(unsigned order)
{
    return (pfn_t)1 << (order & 31u); /* the mask costs nothing, and bounds the shift for all */
}

/**
 * Where a page's word stands: each group of WORD_GROUP words is followed by a cache line of
 * padding. Heads of large blocks are powers of two apart, and would otherwise all fall into the
 * same set of each cache.
 */
static inline uint64_t *word_at(const struct zone *z, pfn_t pfn)
{
    return &z->word[(size_t)pfn + (size_t)(pfn / WORD_GROUP) * WORD_PADDING];
}

static inline struct pageblock *pageblock_of(const struct zone *z, pfn_t pfn)
{
    return &z->pageblock[pfn >> z->pageblock_order];
}

static inline bool type_merges(enum migratetype type)
{
    return type < NR_MOBILITIES;
}

/** Where free pages of a type are counted, in blocks smaller than a pageblock. */
static inline pfn_t *small_count(struct list_set *s, enum migratetype type)
{
    return type_merges(type) ? &s->nr_small : &s->nr_special[type - NR_MOBILITIES];
}

/** The same, in larger ones. */
static inline pfn_t *large_count(struct zone *z, struct list_set *s, enum migratetype type)
{
    return type_merges(type) ? &z->nr_large : &s->nr_special[type - NR_MOBILITIES];
}

/** Free pages that a domain can have: its own, all empty pageblocks, and what is kept for some. */
static inline pfn_t domain_free_pages(const struct zone *z, unsigned domain)
{
    const struct list_set *s = &z->set[domain];

    return s->nr_small + z->nr_large + s->nr_special[MIGRATE_HIGHATOMIC - NR_MOBILITIES] +
           s->nr_special[MIGRATE_CMA - NR_MOBILITIES];
}

/** The type whose lists serve a request. */
static inline enum migratetype list_type(const struct zone *z, enum migratetype type)
{
    return z->grouping ? type : MIGRATE_UNMOVABLE;
}

/** The highest bit of a mask that is not 0. */
static inline unsigned highest_order(uint32_t mask)
{
    return 31u - (unsigned)__builtin_clz(mask);
}

/* ---- unmovable pages, counted in the pageblock where their block begins ---- */

/**
 * A block leaves the free lists for a request, and comes back to them. Blocks that rest stay
 * counted, since they rest only in pageblocks of their own type, where they are granted again to
 * requests of that type: so what is hot counts nothing. Without grouping nobody asks for the count.
 */
static inline void unmovable_granted(struct zone *z, pfn_t pfn, unsigned order,
                                     enum migratetype type)
{
    if (type == MIGRATE_UNMOVABLE && z->grouping)
        pageblock_of(z, pfn)->nr_unmovable += order_pages(order);
}

static inline void unmovable_freed(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type)
{
    if (type == MIGRATE_UNMOVABLE && z->grouping)
        pageblock_of(z, pfn)->nr_unmovable -= order_pages(order);
}

/* ---- what domains hold ---- */

/**
 * A domain comes to hold pages, or no longer: a pageblock is broken or whole again, a block of a
 * pageblock or more is granted or comes back. type: of the pageblock. Pageblocks of HIGHATOMIC are
 * held as long as they are that, free or not, since nobody else can have them.
 */
static inline void hold(struct zone *z, unsigned domain, enum migratetype type, pfn_t pages)
{
    z->set[domain].nr_held += pages;
    if (type == MIGRATE_ISOLATE && domain != 0)
        z->set[domain].nr_stranded += pages;
}

static inline void unhold(struct zone *z, unsigned domain, enum migratetype type, pfn_t pages)
{
    z->set[domain].nr_held -= pages;
    if (type == MIGRATE_ISOLATE && domain != 0)
        z->set[domain].nr_stranded -= pages;
}

/** A granted block, or the target of a move, is about to be free. */
static inline void unhold_block(struct zone *z, pfn_t pfn, unsigned order)
{
    const struct pageblock *pb = pageblock_of(z, pfn);

    if (order >= z->pageblock_order && pb->type != MIGRATE_HIGHATOMIC)
        unhold(z, pb->resident, (enum migratetype)pb->type, order_pages(order));
}

/** Count what is granted in a range that was isolated just now, or take it off the count. */
void strand_range(struct zone *z, pfn_t start, pfn_t end);
void unstrand_range(struct zone *z, pfn_t start, pfn_t end);
/** zone_check() for these counts. */
int held_check(const struct zone *z, char *why, size_t size);

/* ---- between the files ---- */

/** A free block, found and taken off its list. */
struct found_block {
    pfn_t pfn;
    unsigned order;
    enum migratetype type;
    unsigned set;
};

/**
 * Halve a block that is off the lists until it has the order wanted, its upper halves going to the
 * lists (expand in Linux). Its own word is not written yet; counts are corrected for the halves.
 * domain becomes the holder when a pageblock is broken.
 */
void expand(struct zone *z, const struct found_block *b, unsigned order, unsigned domain);
/** Put a block that is on no list among the free ones, merged (__free_one_page). Counts it as free.
 */
void free_block(struct zone *z, pfn_t pfn, unsigned order);

/** Let all blocks that have arrived rest, the oldest first. */
void free_arrivals(struct zone *z);
/** Merge all resting blocks: zone_settle()'s work when there are some. */
void free_resting(struct zone *z);

/** May there be blocks that rest, or arrive? */
static inline bool zone_rests(const struct zone *z)
{
    return z->resting || z->nr_arrivals != 0;
}

/**
 * Merge what is resting. A freed block rests for a while as it is, before it is merged, since it is
 * so often asked for again: Linux has its pcp lists for this. Resting blocks are on no list, are
 * not counted as free, and are nobody's free buddies. Every function that looks at free blocks
 * settles first, so that nobody outside ever sees one.
 */
static inline void zone_settle(struct zone *z)
{
    z->open_orders = 0; /* whoever settles is about to change what is free */
    if (zone_rests(z))
        free_resting(z);
}

/** Grants of what rested that nobody has counted. The zone is settled. */
static inline uint64_t zone_regrants(const struct zone *z)
{
    return z->rested + z->refilled - z->merged - z->aside;
}

/** Serve a request from another type's memory: first pass, whole pageblocks. */
bool fallback_claim(struct zone *z, const struct zone_request *rq, struct found_block *ret);
/** Second pass: one block. */
bool fallback_steal(struct zone *z, const struct zone_request *rq, struct found_block *ret);
/**
 * Make a broken pageblock another type: its free blocks go to the tails of that type's lists, with
 * their counts (move_freepages_block).
 */
void retype_broken(struct zone *z, pfn_t start, enum migratetype to);
/** Raise the marks for a while, since types begin to mix (boost_watermark). False: not done. */
bool zone_boost_watermark(struct zone *z);
/** Count pageblocks of a block of a pageblock or more under another type, and make it theirs. */
void retype(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type);

/** Begin to pass an empty block to the request's domain, or see that one is on its way: then true.
 */
bool domain_pass(struct zone *z, const struct zone_request *rq);

/* ---- the same as questions: nothing changes; the zone is settled ---- */

bool fallback_can_claim(const struct zone *z, const struct zone_request *rq);
bool fallback_can_steal(const struct zone *z, const struct zone_request *rq);
bool domain_can_pass(const struct zone *z, const struct zone_request *rq);

#endif
