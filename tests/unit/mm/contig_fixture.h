/* SPDX-License-Identifier: Apache-2.0 */
/* contig_fixture.h: what the tests of contiguous requests share. */
#ifndef TESTS_MM_CONTIG_FIXTURE_H
#define TESTS_MM_CONTIG_FIXTURE_H

#include "mm/contig.h"
#include "range_fixture.h"

/** To be run before all tests: the tags that blocks of contiguous requests get. */
int contig_set_tags(void **state);
/** A movable request, with room for as many tags as it takes. */
struct contig_request contig_request_of(pfn_t nr_pages);
/** End all moves as they come, until the request has ended too; first is the next one to end. */
int contig_finish(struct zone_fixture *f, struct contig *c, unsigned first,
                  struct zone_obstacle *o);
/** The range is granted as the fewest aligned blocks, each with its tag. */
void assert_contig(struct zone *z, pfn_t start, pfn_t nr_pages);
/** Free a range that was granted so. */
void contig_free(struct zone *z, pfn_t start, pfn_t nr_pages);
/** A request for this very range is refused for this reason, and changes nothing. */
void assert_contig_refused_rq(struct zone_fixture *f, pfn_t start, const struct contig_request *rq,
                              int error, enum obstacle_reason reason, pfn_t pfn);
void assert_contig_refused(struct zone_fixture *f, pfn_t start, pfn_t nr_pages, int error,
                           enum obstacle_reason reason, pfn_t pfn);
/** A request for any place is granted at start, at once or when the moves have ended. */
void assert_contig_pages(struct zone_fixture *f, const struct contig_request *rq, pfn_t start);

#endif
