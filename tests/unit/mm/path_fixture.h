/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_fixture.h: a host of a few zones, and the callbacks of the allocation path, which write down
 * in which order they are called and do what the test has told them to. Written from the headers
 * alone.
 */
#ifndef TESTS_MM_PATH_FIXTURE_H
#define TESTS_MM_PATH_FIXTURE_H

#include "mm/page_alloc.h"
#include "zone_fixture.h"

#define PATH_ZONES 8u
#define PATH_ORDER 4u
/** Pages of a pageblock, unless a zone says otherwise. */
#define PATH_P ((pfn_t)1 << PATH_ORDER)

struct path_zone {
    enum zone_kind kind;
    unsigned node;
    pfn_t nr_pages;
    pfn_t max_pages;
    unsigned pageblock_order; /**< 0: PATH_ORDER */
    unsigned nr_domains;      /**< 0: 1 */
};

struct path_fixture;

/** What a callback does when it is called for the n-th time, from 0. */
typedef void (*path_hook)(struct path_fixture *f, unsigned n);

struct path_fixture {
    struct zone_fixture zf[PATH_ZONES]; /**< the zone with id i at i */
    unsigned nr;
    struct memory m;
    struct path_ops ops;
    struct refusal refusal; /**< of the last request that was refused */

    /**
     * The calls in order, a word each: w<zone>, with +<order>c<class>, for the balancer's wake; r
     * for reclaim; async, light, full for compactions; d for drain; end for the last resort.
     */
    char log[4096];
    unsigned nr_reclaims, nr_compacts, nr_drains, nr_ends;
    const struct page_request *rq; /**< what the callbacks must be told about */
    bool woken_by_waiter;          /**< the balancer's last wake was by who can reclaim itself */

    pfn_t progress;                /**< what reclaim returns */
    unsigned nr_progress;          /**< so often; then 0 */
    enum compact_result compacted; /**< what compaction returns */
    pfn_t reclaimable[PATH_ZONES];
    bool ended; /**< what the last resort returns the first time */
    path_hook on_wake, on_reclaim, on_compact, on_drain, on_reclaimable, on_end;
};

/** Make zones with the ids 0 to nr - 1; topology may be NULL. All callbacks are there. */
void path_open(struct path_fixture *f, const struct path_zone *zones, unsigned nr,
               const struct mm_topology *topology);
/** Check the zones and release all. */
void path_close(struct path_fixture *f);
void path_check(const struct path_fixture *f);

/** Marks by min_free_kbytes; MIN_FREE_NONE: no marks. */
void path_marks(struct path_fixture *f, uint64_t min_free_kbytes);

/** A request from anywhere, by a caller on node 0. */
struct page_request path_request(unsigned order, enum migratetype type, unsigned flags);

/** alloc_pages(), with the log begun anew and the zones checked before and after. */
int path_alloc(struct path_fixture *f, const struct page_request *rq, struct page_grant *ret);
/** It must be granted, from this zone; returns the pfn. */
pfn_t path_granted(struct path_fixture *f, const struct page_request *rq, unsigned zone);
/** It must be refused, and change nothing but one count of failures. */
void path_refused(struct path_fixture *f, const struct page_request *rq);
/** The calls of the last request were these, in this order; "r,d*3 end" is "r d r d r d end". */
void path_called(const struct path_fixture *f, const char *log);

/** Take single pages of a type until so many are free. */
void path_leave(struct zone *z, pfn_t free_pages, enum migratetype type);
/**
 * Take everything of a zone as single movable pages, and give back every second one from 0 on:
 * much is free, but only order 0.
 */
void path_fragment(struct zone *z);
/** The same, giving back only the first nr of those. */
void path_fragment_nr(struct zone *z, pfn_t nr);

#endif
