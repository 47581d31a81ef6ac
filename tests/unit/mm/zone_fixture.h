/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_fixture.h: a zone with its memory, and a record of what its callbacks were told, so that the
 * tests say only what they are about. Written from zone.h alone: nothing here looks inside a zone.
 */
#ifndef TESTS_MM_ZONE_FIXTURE_H
#define TESTS_MM_ZONE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/zone.h"

/** Calls of one kind that are kept; more than that in one test is a failure of the test. */
#define FIXTURE_CALLS 2048u

struct populate_call {
    pfn_t pfn;
    unsigned order;
    unsigned domain;
};

struct move_call {
    pfn_t from;
    pfn_t to;
    unsigned order;
};

struct zone_fixture {
    struct zone *z;
    struct zone_config config;
    void *lasting;
    size_t lasting_bytes;
    void *derived;
    size_t derived_bytes;
    unsigned nr_populates;
    unsigned nr_moves;
    unsigned nr_fallbacks;
    struct populate_call populate[FIXTURE_CALLS];
    struct move_call move[FIXTURE_CALLS];
    struct zone_fallback fallback[FIXTURE_CALLS];
};

/** What the outside can see of a zone, to show that a refused call changed nothing. */
struct zone_image {
    void *lasting;
    struct zone_stat stat;
    pfn_t nr_free[NR_MIGRATETYPES][NR_PAGE_ORDERS];
    pfn_t nr_pageblocks[NR_MIGRATETYPES];
    pfn_t free_pages[MAX_DOMAINS];
    int largest[MAX_DOMAINS];
};

/** Make a zone with callbacks that record. */
void fixture_open(struct zone_fixture *f, pfn_t nr_pages, unsigned pageblock_order,
                  unsigned nr_domains);
/** The same, with a config of the test's own. */
void fixture_open_config(struct zone_fixture *f, const struct zone_config *config);
/** Check the zone's invariants and release its memory. */
void fixture_close(struct zone_fixture *f);

/** Make the two parts of the memory for a config, zeroed; release with free(). */
void metadata_alloc(const struct zone_config *config, void **ret_lasting, void **ret_derived);

void assert_zone_ok(struct zone *z);
/** Everything is free, and merged into the largest aligned blocks that lie in one file. */
void assert_wholly_free(struct zone *z);
/** The block at pfn is in this state and of this order. */
void assert_block(struct zone *z, pfn_t pfn, enum block_state state, unsigned order);
/** No block begins at pfn. */
void assert_no_block(struct zone *z, pfn_t pfn);
/** The free blocks of a type are exactly these: bit o set, one of order o; clear, none. */
void assert_free_orders(struct zone *z, enum migratetype type, uint32_t orders);
/** The pageblocks by type. */
void assert_pageblocks(struct zone *z, pfn_t unmovable, pfn_t movable, pfn_t reclaimable);

/** A request of domain 0 that must be granted; returns the pfn. */
pfn_t take(struct zone *z, unsigned order, enum migratetype type);
/** A request of any domain; returns what zone_rmqueue() does. */
int try_take(struct zone *z, unsigned order, enum migratetype type, unsigned domain, unsigned flags,
             pfn_t *ret_pfn);
/** A request of a domain, with the populates it begins done at once; must be granted. */
pfn_t take_passing(struct zone_fixture *f, unsigned order, enum migratetype type, unsigned domain);
/** Free a block: must succeed. */
void give(struct zone *z, pfn_t pfn);
/** Take all pages of a zone as blocks of an order; the n-th pageblock's blocks lie where they lie.
 */
void take_all(struct zone *z, unsigned order, enum migratetype type);

/**
 * Look at the zone: what it put off is done then. The block freed last may be kept aside until
 * then, and serve the next request that asks for just such a block.
 */
void settle(struct zone *z);

void image_take(struct zone_image *i, const struct zone_fixture *f);
/** Nothing but the count of failures has changed; that grew by nr_failures. Ends the image. */
void assert_unchanged(struct zone_image *i, const struct zone_fixture *f, uint64_t nr_failures);

#endif
