/* SPDX-License-Identifier: Apache-2.0 */
/* range_fixture.h: what the tests of isolation, contiguous requests and hotplug share. */
#ifndef TESTS_MM_RANGE_FIXTURE_H
#define TESTS_MM_RANGE_FIXTURE_H

#include "mm/isolate.h"
#include "zone_fixture.h"

/** The pageblocks of these tests have 16 pages. */
#define ORDER 4u
#define P     ((pfn_t)1 << ORDER)

/** All memory that a zone has, to the bit. */
struct memory_image {
    void *lasting;
    void *derived;
};

/** Look at the zone, so that nothing is put off, and keep a copy. */
void memory_take(struct memory_image *i, const struct zone_fixture *f);
/** Not a bit has changed. Ends the image. */
void assert_same_memory(struct memory_image *i, const struct zone_fixture *f);

/** As take(), with a tag; order 0 to any. */
pfn_t take_tag(struct zone *z, unsigned order, enum migratetype type, uint64_t tag);
/** The type that a free block's lists have at pfn. */
void assert_free_type(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type);
/** A granted block with its tag. */
void assert_tag(struct zone *z, pfn_t pfn, unsigned order, uint64_t tag);
/** What stood in the way. */
void assert_obstacle(const struct zone_obstacle *o, enum obstacle_reason reason, pfn_t pfn);
/** End the n-th move that began: returns where the block is. */
pfn_t finish_move(struct zone_fixture *f, unsigned n);
/** Fill a zone with blocks of a type, then free all but those in start to end - 1. */
void fill_range(struct zone *z, unsigned order, enum migratetype type, pfn_t start, pfn_t end);

#endif
