/* SPDX-License-Identifier: Apache-2.0 */
/* model_fallback.h: what a zone may do when a type has nothing left, for the model's rules. */
#ifndef MODEL_FALLBACK_H
#define MODEL_FALLBACK_H

#include "model.h"

/* The free blocks that a domain can have without waiting, by type and order. */
struct census {
    pfn_t cma_pages;
    uint32_t cma_orders; /* bit o: in CMA areas */
    uint32_t nr[NR_MOBILITIES][NR_PAGE_ORDERS];
    uint32_t claimable[NR_MOBILITIES]
                      [NR_PAGE_ORDERS]; /* those whose pageblock passes the half rule */
    uint32_t own_orders;                /* bit o: of the wanted type */
};

/*
 * From which orders may a claim be made, and from which must one? It goes from the largest down; of
 * each list one block is tried, and which one is the zone's choice. An unmovable request tries the
 * mildest block before.
 */
struct claim {
    uint32_t may;
    bool must;
    bool beside;        /* it must be where so many unmovable pages lie */
    pfn_t nr_unmovable; /* in that pageblock */
};

struct census take_census(const struct model *m, unsigned domain, enum migratetype wanted);
struct claim claims(const struct model *m, const struct census *c, const struct zone_request *rq);

/** Each ends the test, with the reason, if the fallback was not allowed. */
void judge_claim(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                 const struct zone_fallback *fb, const struct claim *claim);
void judge_steal(const struct model *m, const struct zone_request *rq, pfn_t pfn,
                 const struct zone_fallback *fb, const struct census *c, const struct claim *claim);

#endif
