/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_model.h: a model of a host of several zones, that says beforehand how a request must end.
 *
 * It knows of each page whether it is granted, and of each pageblock whether it is kept for atomic
 * requests or for CMA; marks and reserves it computes by itself. A request is a row of stages, each
 * with a mark, rights and nodes; the first stage in which some zone can serve decides, and in it
 * the first zone by distance, then by kind. That is judged for requests without path_ops that free
 * memory. Of the zones it asks only their boosts, which blocks of a type are free when types are
 * not to be mixed, and which kept pageblocks were given back.
 */
#ifndef TESTS_MM_PATH_MODEL_H
#define TESTS_MM_PATH_MODEL_H

#include "mm/page_alloc.h"

#define PM_ZONES 8u
#define PM_NODES 3u

enum pm_kind { PM_NORMAL = 0, PM_CMA, PM_KEPT };

struct pm_zone {
    struct zone *z;
    enum zone_kind kind;
    unsigned node;
    unsigned pageblock_order;
    pfn_t nr_pages;
    uint8_t *granted;   /**< by pfn: 1 */
    uint8_t *pageblock; /**< enum pm_kind */
    pfn_t free[3];      /**< by enum pm_kind */
    int64_t mark[NR_WMARKS];
    int64_t reserve[NR_ZONE_KINDS];
    struct zone_numa_stat numa;
    uint64_t allocs, frees, failures;
};

struct path_model {
    struct pm_zone zone[PM_ZONES];
    unsigned nr_zones;
    struct mm_settings settings;
    uint8_t distance[PM_NODES][PM_NODES]; /**< none alike in a row */
};

/** How a request must end. */
struct pm_answer {
    int zone;           /**< that grants it; -1: refused */
    unsigned flags;     /**< ALLOC_*, of the stage in which it ends */
    uint64_t nodemask;  /**< of that stage */
    unsigned preferred; /**< the first zone that may be used then, if it is granted */
    int class;
    bool gives_back; /**< kept pageblocks of zones that may be used are given back before */
};

/** Take over a zone, of free NORMAL pageblocks. */
void pm_add_zone(struct path_model *m, struct zone *z, enum zone_kind kind, unsigned node,
                 pfn_t max_pages);
void pm_close(struct path_model *m);
/** A zone has grown, or shrunk at a free end. The marks are to be set anew. */
void pm_resized(struct path_model *m, unsigned zone, pfn_t nr_pages);
/** Free pageblocks are a CMA area from now on. */
void pm_cma(struct path_model *m, unsigned zone, pfn_t start, pfn_t nr_pages);
/** Compute the marks, and compare them with the zones'. */
void pm_marks(struct path_model *m);

struct pm_answer pm_predict(const struct path_model *m, const struct page_request *rq);
/** The block was granted as predicted: take it, and count it. */
void pm_granted(struct path_model *m, const struct page_request *rq, const struct pm_answer *a,
                const struct page_grant *g);
/** It was refused as predicted, with these numbers: judge them, and count it. */
void pm_refused(struct path_model *m, const struct page_request *rq, const struct pm_answer *a,
                const struct refusal *r);
void pm_freed(struct path_model *m, const struct page_grant *g);
/** Compare the counts of all zones. */
void pm_compare(const struct path_model *m);
/** Is every page of this range free? */
bool pm_is_free(const struct pm_zone *pz, pfn_t pfn, pfn_t nr);

/* ---- for the files of the model ---- */

pfn_t pm_pageblock_pages(const struct pm_zone *pz);
enum pm_kind pm_kind_at(const struct pm_zone *pz, pfn_t pfn);
/** Free pages of all kinds. */
pfn_t pm_all_free(const struct pm_zone *pz);
/** Are more pages free for the request than a mark with such a boost leaves? */
bool pm_has_pages(const struct pm_zone *pz, const struct page_request *rq, enum zone_watermark mark,
                  int64_t boost, int class, unsigned flags);
/** Is there an aligned, free range in pageblocks of one of these kinds (a set), all alike? */
bool pm_has_range(const struct pm_zone *pz, unsigned order, unsigned kinds);
/** The zones that may be used, in the order in which they are tried. Returns how many. */
unsigned pm_list_zones(const struct path_model *m, const struct page_request *rq, uint64_t nodemask,
                       unsigned *ret);

/** Where a run is. */
extern uint64_t pm_seed, pm_step;
_Noreturn void pm_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
