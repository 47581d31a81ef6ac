/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h: a simple model of a zone: what each page is, and what each pageblock's type and file
 * are.
 *
 * It knows no free lists and never chooses a block. It is told what the zone did, judges by rules
 * that speak of all free memory at once whether the zone was allowed to do so, and then believes
 * it. That is why it can disagree with the allocator: it finds what is free by looking at every
 * page.
 *
 * What mm/ promises, and is judged by:
 * - Free pages are always merged: into the largest aligned blocks that are wholly free and, above a
 *   pageblock, lie in one file. So the set of free pages fixes the set of free blocks.
 * - A request is refused only if there is no aligned, wholly free range of its order that it may
 *   have: in pageblocks in use, only in its domain's; made of empty pageblocks, anywhere.
 * ALLOC_NOWAIT narrows that to its domain's file, ALLOC_NOFRAGMENT to its own type and empty
 * pageblocks.
 * - It waits only if it may, if its domain's file holds nothing that its own type or a claim could
 *   give, and for a block of empty pageblocks that comes into that file.
 * - A request with ALLOC_CMA gets memory of CMA areas first while more than half of what is free is
 * theirs, and else when its own type has none.
 * - A request of higher order with ALLOC_HIGHATOMIC gets memory that is kept for such before any
 *   other; one with ALLOC_NON_BLOCK or ALLOC_OOM when it would be refused without.
 * - It gets memory of its own type if its domain has any, then claims, then steals; the order of
 *   these and the half rule are judged on the set of all free blocks.
 */
#ifndef TESTS_MM_MODEL_H
#define TESTS_MM_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/zone.h"

enum page_state {
    PAGE_FREE = 0,
    PAGE_GRANTED,
    PAGE_TARGET,
    PAGE_POPULATING,
    PAGE_UNBACKED,
};

struct model_pageblock {
    uint8_t type; /**< of a free block of several, all have its type */
    uint8_t resident;
    uint8_t saved; /**< while it is isolated: the type that it gets back */
    pfn_t nr_free;
    pfn_t nr_movable; /**< pages of MOVABLE blocks, and of targets for such */
    pfn_t nr_unmovable;
};

/** A granted block. */
struct model_block {
    pfn_t pfn;
    pfn_t to; /**< while it moves */
    unsigned order;
    enum migratetype type;
    bool moving;
    bool free_pending;
    uint64_t tag;
};

/** A block on its way to another file. */
struct model_pass {
    pfn_t pfn;
    unsigned order;
    unsigned domain;
};

struct model {
    pfn_t nr_pages;
    pfn_t pageblock_pages;
    unsigned pageblock_order;
    unsigned nr_domains;
    bool grouping;
    bool kernel_rules; /* which block is stolen is judged by Linux's rules */

    uint8_t *page; /* enum page_state */
    struct model_pageblock *pageblock;
    uint32_t *block_at; /* by pfn of a head: index in block + 1 */
    struct model_block *block;
    uint32_t nr_blocks;
    struct model_pass *pass;
    uint32_t nr_passes;
    pfn_t *unbacked;
    uint32_t nr_unbacked;

    pfn_t nr_free;
    pfn_t nr_isolated; /* pages that are free, but isolated */
    pfn_t nr_busy;
    pfn_t nr_empty;                /* pageblocks of a mobility, which all domains may have */
    pfn_t small_free[MAX_DOMAINS]; /* free pages in other pageblocks, but for isolated ones */
    struct zone_stat count;        /* what only ever grows, as the zone should tell it */

    bool thorough; /* judge by a look at all pages, for the next answer */
    bool lazy;     /* freed blocks may rest before they merge */
    bool resting;  /* some may: then which block is granted, and the types of empty pageblocks, are
                      the zone's to say, until model_settle() */
};

/** Make the model of a fresh zone. Ends the test when memory is short. */
void model_open(struct model *m, const struct zone_config *config);
void model_close(struct model *m);

/* What the zone did. Each ends the test, with the reason, if it was not allowed to. */
void model_granted(struct model *m, const struct zone_request *rq, pfn_t pfn,
                   const struct zone_fallback *fb);
void model_refused(struct model *m, const struct zone_request *rq);
/** -EINPROGRESS; begun: the populate that this request began, or NULL. */
void model_waits(struct model *m, const struct zone_request *rq, const struct model_pass *begun);
void model_freed(struct model *m, uint32_t index);
void model_split(struct model *m, uint32_t index, uint64_t upper_tag);
void model_move_begun(struct model *m, uint32_t index, pfn_t to);
void model_move_refused(struct model *m, uint32_t index);
/** A move ended, well or not: where the block is now, or that it was freed. */
void model_move_ended(struct model *m, struct zone *z, uint32_t index, bool done, pfn_t to,
                      bool freed);
/** A populate ended: nr_done of its pageblocks arrived; the next is lost, unless all did. */
void model_pass_ended(struct model *m, uint32_t index, pfn_t nr_done);
void model_backed(struct model *m, uint32_t index, unsigned domain);

/**
 * Have what rests merged, and learn the types that empty pageblocks got by that. fb: the zone has
 * merged already, since it fell back; which is to be told next. O(pageblocks) if something rests.
 */
void model_settle(struct model *m, struct zone *z, const struct zone_fallback *fb);

/** Compare the zone's numbers with the model's: O(domains). */
void model_compare_counts(const struct model *m, struct zone *z);
/** Compare every block, list count and pageblock: O(pages). */
void model_compare(struct model *m, struct zone *z);

/* ---- HIGHATOMIC ---- */

/** When a request may have memory that is kept for atomic requests of higher order. */
enum highatomic_right {
    HIGHATOMIC_NEVER,
    HIGHATOMIC_FIRST, /**< before any other memory */
    HIGHATOMIC_LAST,  /**< when there is no other */
};

enum highatomic_right model_highatomic_right(const struct zone_request *rq);
/** Pages in pageblocks that are kept: O(pageblocks). */
pfn_t model_highatomic_pages(const struct model *m);
/** The zone was told to keep the pageblocks of a granted block. */
void model_reserved(struct model *m, const struct zone *z, pfn_t pfn, unsigned order);
/** The zone was told to give a pageblock back, and said whether it did: learn which one. */
void model_unreserved(struct model *m, struct zone *z, unsigned domain, enum migratetype type,
                      bool force, bool done);

/* ---- for the rules ---- */

/** The order of the free block that begins at pfn, wholly merged. The page is free, and a head. */
unsigned model_free_order(const struct model *m, pfn_t pfn);
/** Is every page of this range free? */
bool model_range_is_free(const struct model *m, pfn_t pfn, pfn_t nr);
struct model_pageblock *model_pageblock_of(const struct model *m, pfn_t pfn);
/** Is this pageblock free, and for all domains? */
bool model_is_empty(const struct model *m, const struct model_pageblock *pb);
/** The type of the lists that serve a request. */
enum migratetype model_list_type(const struct model *m, enum migratetype type);
/** The first free page at pfn or behind it, or nr_pages. */
pfn_t model_next_free(const struct model *m, pfn_t pfn);
/** Is there an aligned free range that the request may have, or could wait for? */
bool model_could_serve(const struct model *m, const struct zone_request *rq, pfn_t *ret);

/* ---- for what changes the model ---- */

/** Pages change their state; type: of the block that they belong to, before or after. */
void model_set_pages(struct model *m, pfn_t pfn, unsigned order, enum page_state state,
                     enum migratetype type);
void model_set_types(struct model *m, pfn_t pfn, unsigned order, enum migratetype type);
void model_add_block(struct model *m, const struct model_block *b);
/** A block that was freed has merged: from a pageblock upwards its neighbours take its type. */
void model_merged(struct model *m, pfn_t pfn);

/* ---- judgement ---- */

/** Does this steal, not applied yet, make its pageblock UNMOVABLE? */
bool rule_retypes(const struct model *m, const struct zone_request *rq, pfn_t pfn);
/** Judge a grant that was served from its own type, or by fallback, before it is believed. */
void rule_granted(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                  const struct zone_fallback *fb);
/** Judge whether a request had what is kept, or had not; pfn: granted, or PFN_NONE if it waits. */
void rule_highatomic(const struct model *m, const struct zone_request *rq, pfn_t pfn);
void rule_refused(const struct model *m, const struct zone_request *rq);
void rule_waits(const struct model *m, const struct zone_request *rq,
                const struct model_pass *begun);
void rule_move_refused(const struct model *m, const struct model_block *b);
/** A move's target: of its own type, in its own file. */
void rule_moved(const struct model *m, const struct model_block *b, pfn_t to);
/** A target of a block that has to leave: of its own type if that has room, else of any. */
void rule_left(const struct model *m, const struct zone_request *rq, pfn_t to);

/** Where a run is: with the seed and the shape it comes to the same step again. */
struct model_run {
    const char *shape;
    uint64_t seed;
    uint64_t step;
};

extern struct model_run model_run;
/** Say where the run is, and end the test. */
_Noreturn void model_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
