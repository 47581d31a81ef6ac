/* SPDX-License-Identifier: Apache-2.0 */
/* model_range.h: what the model knows, and judges, of ranges: isolated, contiguous, added, taken.
 */
#ifndef TESTS_MM_MODEL_RANGE_H
#define TESTS_MM_MODEL_RANGE_H

#include "mm/contig.h"
#include "model.h"

/** A range of pfns, start to end - 1. */
struct pfn_range {
    pfn_t start;
    pfn_t end;
};

/** Whole pageblocks, and whole granted blocks, around a range. */
struct pfn_range model_widen(const struct model *m, struct pfn_range r);
/** All types of pageblocks, and those of memory that is not in CMA areas. */
#define MODEL_ALL_TYPES  ((1u << MIGRATE_ISOLATE) - 1)
#define MODEL_MOBILITIES ((1u << NR_MOBILITIES) - 1)
/** Is there anything that must stay, in whole pageblocks, or that is of other types than these (a
 * set)? domain: whose they are; or DOMAIN_NONE. */
bool model_has_obstacle(const struct model *m, struct pfn_range r, unsigned types, unsigned domain);
/** Free pageblocks are a CMA area from now on. */
void model_cma_init(struct model *m, struct pfn_range r);
/** Is nothing granted there, nor on its way? */
bool model_is_clean(const struct model *m, struct pfn_range r);

void model_isolate(struct model *m, struct pfn_range r);
void model_undo_isolate(struct model *m, struct pfn_range r);
/** A block leaves an isolated range for any place in its file that is not isolated. */
void model_leaves(struct model *m, pfn_t from, pfn_t to);
/** An isolated, clean range is granted in part; the rest is in use again. */
void model_granted_range(struct model *m, struct pfn_range isolated, struct pfn_range granted,
                         enum migratetype type, const uint64_t *tag);
void model_grown(struct model *m, pfn_t nr_pages, unsigned domain);
/** An isolated, clean range is taken off the zone's end, from `at`; what is before is in use. */
void model_cut_off(struct model *m, struct pfn_range isolated, pfn_t at);

/** Beginning to empty a range that has no obstacle was refused for want of room, or was not. */
void rule_room(const struct model *m, struct pfn_range r, bool refused);
/** There was no room for one block any more. */
void rule_no_room(const struct model *m, pfn_t pfn);
/** No window of so many pages, in pageblocks of these types, was found for a contiguous request. */
void rule_no_window(const struct model *m, pfn_t nr_pages, unsigned types, unsigned domain);

#endif
