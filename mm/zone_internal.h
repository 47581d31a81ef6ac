/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_internal.h: what a zone is made of, for the files of mm/ alone.
 *
 * Lasting: a word a page, a record a pageblock. Derived: this struct, the list sets, the links.
 * Links join pfns, not pointers, and there is one for each pair of pages: of two buddies of order 0
 * at most one is ever on a list, since two free ones merge. So metadata is 12 bytes a page.
 */
#ifndef MM_ZONE_INTERNAL_H
#define MM_ZONE_INTERNAL_H

#include "block_word.h"
#include "mm/zone.h"

/** What lasts of a pageblock. Of a block of several pageblocks only the first one's type counts. */
struct pageblock {
    uint8_t type;     /**< enum migratetype: the lists that its free blocks are on */
    uint8_t resident; /**< the domain whose file has its bytes, or DOMAIN_NONE */
    uint8_t holder;   /**< the domain that its small blocks belong to; DOMAIN_NONE: it has none */
    uint8_t reserved;
};

struct link {
    pfn_t next;
    pfn_t prev;
};

struct free_list {
    pfn_t head;
    pfn_t tail;
    pfn_t nr;
    pfn_t reserved; /**< makes the index a shift */
};

/** The free lists of one domain: its blocks smaller than a pageblock, and larger ones in its file.
 */
struct list_set {
    uint32_t mask[NR_MIGRATETYPES]; /**< bit o: the list of order o is not empty */
    pfn_t nr_small;                 /**< free pages in blocks smaller than a pageblock */
    pfn_t nr_populating;            /**< pages on their way to this domain's file */
    struct free_list list[NR_MIGRATETYPES][NR_PAGE_ORDERS];
};

struct zone {
    uint64_t *word;
    struct pageblock *pageblock;
    struct link *link;
    struct list_set *set;
    pfn_t nr_pages;
    pfn_t nr_large; /**< free pages in blocks of a pageblock or more */
    uint8_t pageblock_order;
    uint8_t nr_domains;
    bool grouping;
    uint32_t held_key; /**< block_key() of the held block, or HELD_NONE */
    pfn_t held;        /**< freed last and not merged yet; see zone_settle() */
    pfn_t nr_busy;
    pfn_t nr_unbacked; /**< pageblocks */
    pfn_t nr_pageblocks[NR_MIGRATETYPES];
    uint64_t allocs;
    uint64_t frees;
    uint64_t failures;
    uint64_t claims;
    uint64_t steals;
    uint64_t passes;
    const struct zone_ops *ops;
    void *ops_ctx;
};

/** Metadata is laid out in groups of so many pages, see metadata_index(). */
#define METADATA_FOLD 512u

static inline pfn_t order_pages(unsigned order)
{
    return (pfn_t)1 << (order & 31u); /* the mask costs nothing, and bounds the shift for all */
}

/**
 * Where a page's word, and its pair's link, stand: at its pfn, with some of the bits above a page
 * of metadata folded down. Heads of large blocks are powers of two apart, and would otherwise all
 * fall into the same set of each cache: splitting and merging 2 MiB blocks is three times as slow
 * without this.
 */
static inline pfn_t metadata_index(pfn_t pfn)
{
    return pfn ^ ((pfn >> 6) & (METADATA_FOLD - 8u));
}

static inline uint64_t *word_at(const struct zone *z, pfn_t pfn)
{
    return &z->word[metadata_index(pfn)];
}

static inline struct link *link_at(const struct zone *z, pfn_t pfn)
{
    return &z->link[metadata_index(pfn) >> 1];
}

/** What a free block must agree in with a request to serve it as it is. */
static inline uint32_t block_key(unsigned order, enum migratetype type, unsigned set)
{
    return order | (uint32_t)type << 8 | set << 16;
}

#define HELD_NONE UINT32_MAX

static inline struct pageblock *pageblock_of(const struct zone *z, pfn_t pfn)
{
    return &z->pageblock[pfn >> z->pageblock_order];
}

static inline bool type_merges(enum migratetype type)
{
    return type < NR_MOBILITIES;
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

/* ---- one list ---- */

static inline void list_add_head(struct zone *z, struct list_set *s, enum migratetype type,
                                 unsigned order, pfn_t pfn)
{
    struct free_list *l = &s->list[type][order];

    *link_at(z, pfn) = (struct link){.next = l->head, .prev = PFN_NONE};
    if (l->head != PFN_NONE)
        link_at(z, l->head)->prev = pfn;
    else
        l->tail = pfn;
    l->head = pfn;
    l->nr++;
    s->mask[type] |= order_pages(order);
}

static inline void list_add_tail(struct zone *z, struct list_set *s, enum migratetype type,
                                 unsigned order, pfn_t pfn)
{
    struct free_list *l = &s->list[type][order];

    *link_at(z, pfn) = (struct link){.next = PFN_NONE, .prev = l->tail};
    if (l->tail != PFN_NONE)
        link_at(z, l->tail)->next = pfn;
    else
        l->head = pfn;
    l->tail = pfn;
    l->nr++;
    s->mask[type] |= order_pages(order);
}

/** Take a block off its list. Returns true when that leaves the list empty: then clear its mask
 * bit. */
static inline bool list_unlink(struct zone *z, struct free_list *l, pfn_t pfn)
{
    const struct link *k;

    if (l->nr == 1) { /* the usual case high up, and it needs no look at the links */
        *l = (struct free_list){.head = PFN_NONE, .tail = PFN_NONE};
        return true;
    }
    k = link_at(z, pfn);
    if (k->prev != PFN_NONE)
        link_at(z, k->prev)->next = k->next;
    else
        l->head = k->next;
    if (k->next != PFN_NONE)
        link_at(z, k->next)->prev = k->prev;
    else
        l->tail = k->prev;
    l->nr--;
    return false;
}

static inline void list_del(struct zone *z, struct list_set *s, enum migratetype type,
                            unsigned order, pfn_t pfn)
{
    if (list_unlink(z, &s->list[type][order], pfn))
        s->mask[type] &= ~order_pages(order);
}

/** Make an empty list hold one block; its mask bit is the caller's. */
static inline void list_start(struct zone *z, struct free_list *l, pfn_t pfn)
{
    *link_at(z, pfn) = (struct link){.next = PFN_NONE, .prev = PFN_NONE};
    *l = (struct free_list){.head = pfn, .tail = pfn, .nr = 1};
}

/* ---- between the files ---- */

/** A free block, found and taken off its list. */
struct found_block {
    pfn_t pfn;
    unsigned order;
    enum migratetype type;
    unsigned set;
};

/** Take the head of the lowest list of this type that has a block of the order
 * (__rmqueue_smallest). */
static inline bool take_smallest(struct zone *z, unsigned set, unsigned order,
                                 enum migratetype type, struct found_block *ret)
{
    struct list_set *s = &z->set[set];
    uint32_t m = s->mask[type] >> order;

    if (m == 0)
        return false;
    ret->order = order + (unsigned)__builtin_ctz(m);
    ret->pfn = s->list[type][ret->order].head;
    ret->type = type;
    ret->set = set;
    list_del(z, s, type, ret->order, ret->pfn);
    return true;
}

/**
 * Halve a block that is off the lists until it has the order wanted, its upper halves going to the
 * lists (expand in Linux). Its own word is not written yet; counts are corrected for the halves.
 * domain becomes the holder when a pageblock is broken.
 */
void expand(struct zone *z, const struct found_block *b, unsigned order, unsigned domain);
/** A block of the order at pfn, found by expand(), becomes the request's. */
void grant(struct zone *z, const struct zone_request *rq, pfn_t pfn);
/** Put a block that is on no list among the free ones, merged (__free_one_page). Counts it as free.
 */
void free_block(struct zone *z, pfn_t pfn, unsigned order);

/**
 * Merge the held block. The block freed last stays as it is until the next call, since that is so
 * often a request for just such a block: Linux has its pcp lists for this, here one block is
 * enough. Every function that looks at free blocks settles first, so that nobody outside ever sees
 * a held one.
 */
static inline void zone_settle(struct zone *z)
{
    uint32_t key = z->held_key;

    if (key != HELD_NONE) {
        z->held_key = HELD_NONE;
        free_block(z, z->held, key & 0xff);
    }
}

/** Serve a request from another type's memory: first pass, whole pageblocks. */
bool fallback_claim(struct zone *z, const struct zone_request *rq, struct found_block *ret);
/** Second pass: one block. */
bool fallback_steal(struct zone *z, const struct zone_request *rq, struct found_block *ret);
/** Count pageblocks of a block of a pageblock or more under another type, and make it theirs. */
void retype(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type);

/** Begin to pass an empty block to the request's domain, or see that one is on its way: then true.
 */
bool domain_pass(struct zone *z, const struct zone_request *rq);

#endif
