/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slowpath.c: what a request does when no zone is above low, step by step: which callbacks are
 * called, in which order, and with which rights the zones are asked in between.
 *
 * Most tests have one zone of 1024 pages: its marks are 64, 80 and 96.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/contig.h"
#include "mm/highatomic.h"
#include "path_fixture.h"

#define WAIT      (REQUEST_MAY_WAIT | REQUEST_WAKE)
#define ATOMIC    (REQUEST_HIGH | REQUEST_WAKE)
#define UNMOVABLE MIGRATE_UNMOVABLE
#define MOVABLE   MIGRATE_MOVABLE

static struct path_fixture f; /* too large for a stack */

static void open_one(void)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    path_open(&f, zones, 1, NULL);
}

/* One zone with so many free pages, no two together. */
static void open_fragmented(pfn_t free_pages)
{
    open_one();
    path_fragment_nr(f.zf[0].z, free_pages);
}

/* ---- hooks ---- */

static void make_block(struct path_fixture *x, unsigned n)
{
    (void)n;
    give(x->zf[0].z, 1);
    give(x->zf[0].z, 3); /* with 0 and 2 it is a block of order 2 */
}

static void make_block_second(struct path_fixture *x, unsigned n)
{
    if (n == 1)
        make_block(x, n);
}

static void make_page(struct path_fixture *x, unsigned n)
{
    (void)n;
    give(x->zf[0].z, 1);
}

static void free_of_zone_1(struct path_fixture *x, unsigned n)
{
    (void)n;
    give(x->zf[1].z, 1);
}

static void give_64(struct path_fixture *x, unsigned n)
{
    if (n == 0)
        give(x->zf[0].z, 0); /* a block of 64 pages or more */
}

static void rebuild_first(struct path_fixture *x, unsigned n)
{
    if (n == 0)
        memory_rebuild(&x->m);
}

/* ---- the low mark, the min mark, and rights below it ---- */

static void above_low_nobody_is_called(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 81, MOVABLE);
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "");
    (void)path_granted(&f, &rq, 0); /* 80 are not above low */
    path_called(&f, "w0+0c2");
    rq.flags = REQUEST_MAY_WAIT;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, ""); /* nobody may be woken for it */
    path_close(&f);
}

static void rights_go_so_far(void **state)
{
    static const struct {
        unsigned flags;
        pfn_t mark;
    } rows[] = {
        {0, 64},
        {REQUEST_MAY_WAIT | REQUEST_NORETRY, 64},
        {REQUEST_HIGH, 24},
        {REQUEST_HIGH | REQUEST_MAY_WAIT | REQUEST_NORETRY, 32},
        {REQUEST_HIGH | REQUEST_NO_RESERVES, 32},
        {REQUEST_NO_RESERVES, 64},
        {REQUEST_VICTIM, 32},
        {REQUEST_VICTIM | REQUEST_HIGH, 24},
        {REQUEST_VICTIM | REQUEST_NO_RESERVES, 64},
        {REQUEST_RESERVE, 0},
        {REQUEST_RESERVE | REQUEST_VICTIM | REQUEST_MAY_WAIT, 0},
        {REQUEST_RESERVE | REQUEST_NO_RESERVES, 64},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned t = 0; t < NR_MOBILITIES; t++) {
            const struct page_request rq = path_request(0, (enum migratetype)t, rows[i].flags);

            open_one();
            path_leave(f.zf[0].z, rows[i].mark + 1, (enum migratetype)t);
            (void)path_granted(&f, &rq, 0); /* down to the very last that it may have */
            path_refused(&f, &rq);
            assert_int_equal(f.refusal.reason, REFUSAL_SHORTAGE);
            assert_int_equal(f.refusal.zone, 0);
            assert_int_equal(f.refusal.free_pages, rows[i].mark);
            assert_int_equal(f.refusal.mark, WMARK_MIN);
            assert_int_equal(f.refusal.mark_pages, 64);
            path_close(&f);
        }
    }
}

static void atomic_asks_three_times(void **state)
{
    const struct page_request rq = path_request(0, UNMOVABLE, ATOMIC);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 25, UNMOVABLE);
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c1");
    path_refused(&f, &rq);
    path_called(&f, "w0+0c1 w0+0c1"); /* it cannot wait: nothing else is tried */
    path_close(&f);
}

/* An atomic request of higher order has a pageblock kept for the next one, when it was hard. */
static void atomic_of_higher_order_keeps_a_pageblock(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 2048}};
    struct page_request rq = path_request(1, UNMOVABLE, ATOMIC);
    struct zone *z;

    (void)state;
    path_open(&f, zones, 1, NULL); /* marks: 90, 112, 134 */
    z = f.zf[0].z;
    (void)path_granted(&f, &rq, 0);
    assert_int_equal(highatomic_pages(z), 0); /* above low there is no need */
    path_leave(z, 110, UNMOVABLE);
    rq.order = 0;
    (void)path_granted(&f, &rq, 0);
    assert_int_equal(highatomic_pages(z), 0);
    rq.order = 1;
    rq.flags = REQUEST_WAKE;
    (void)path_granted(&f, &rq, 0);
    rq.flags = WAIT | REQUEST_HIGH;
    (void)path_granted(&f, &rq, 0);
    rq.flags = ATOMIC | REQUEST_NO_RESERVES;
    (void)path_granted(&f, &rq, 0);
    rq.flags = ATOMIC | REQUEST_NO_HIGHATOMIC;
    (void)path_granted(&f, &rq, 0);
    assert_int_equal(highatomic_pages(z), 0);
    rq.flags = ATOMIC;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+1c1");
    assert_int_equal(highatomic_pages(z), PATH_P);
    path_close(&f);
}

/* Reserve rights see what is kept for them; without they do not. */
static void what_is_kept_serves_the_next(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 2048}};
    struct page_request rq = path_request(2, UNMOVABLE, REQUEST_WAKE);
    struct zone *z;
    pfn_t kept, pfn;

    (void)state;
    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    kept = take(z, PATH_ORDER, MOVABLE);
    highatomic_reserve(z, kept);
    path_leave(z, 0, MOVABLE);
    for (pfn_t i = 1; i < 200; i += 2)
        give(z, i + (i >= kept && i < kept + PATH_P ? 1024 : 0));
    give(z, kept);
    path_refused(&f, &rq);
    rq.flags = WAIT | REQUEST_HIGH | REQUEST_NORETRY;
    path_refused(&f, &rq);
    rq.flags = ATOMIC;
    pfn = path_granted(&f, &rq, 0);
    assert_int_equal(pfn & ~(PATH_P - 1), kept);
    path_close(&f);
}

static void cma_is_for_movable_requests_that_say_so(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, REQUEST_CMA);
    struct zone *z;

    (void)state;
    open_one();
    z = f.zf[0].z;
    assert_int_equal(zone_cma_init(z, 0, 2 * PATH_P, NULL), 0);
    path_leave(z, 2 * PATH_P + 33, MOVABLE); /* 65, of which 33 are no CMA */
    rq.type = UNMOVABLE;
    path_refused(&f, &rq);
    rq.type = MOVABLE;
    (void)path_granted(&f, &rq, 0);
    path_refused(&f, &rq);
    rq.flags = REQUEST_CMA | REQUEST_RESERVE;
    for (unsigned i = 0; i < 64; i++)
        (void)path_granted(&f, &rq, 0);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.free_pages, 0);
    path_close(&f);

    open_one(); /* of others the fast pass takes no notice */
    rq = path_request(0, UNMOVABLE, REQUEST_CMA | REQUEST_WAKE);
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "");
    path_close(&f);
}

/* The right to all reserves takes nothing from what else was said. */
static void the_right_to_reserves_is_no_other(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};
    struct page_request rq = path_request(0, UNMOVABLE, REQUEST_RESERVE | REQUEST_WAKE);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 3, MOVABLE); /* of a movable pageblock: types mix, and marks rise */
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c1 w0+0c1 w0+0c1");
    path_close(&f);

    path_open(&f, zones, 1, NULL);
    path_leave(f.zf[0].z, 32, MOVABLE);
    rq.domain = 1; /* both pageblocks would have to pass: it cannot wait for that */
    path_refused(&f, &rq);
    assert_int_equal(f.zf[0].nr_populates, 0);
    path_close(&f);
}

/* ---- reclaim ---- */

static void reclaim_serves(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 64, MOVABLE);
    f.on_reclaim = make_page;
    f.nr_progress = 1;
    f.progress = 1;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c2 w0+0c2 r");
    path_close(&f);
}

/* What is freed without saying so is not looked for. */
static void no_progress_is_believed(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT | REQUEST_NORETRY);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 64, MOVABLE);
    f.on_reclaim = make_page;
    {
        struct page_grant got;

        assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
    }
    path_called(&f, "r");
    path_close(&f);
}

static void what_is_in_pcps_is_drained(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 64, MOVABLE);
    f.on_drain = make_page;
    f.nr_progress = 1;
    f.progress = 1;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "r d");
    path_close(&f);
}

/* Two pageblocks are kept and free; beside them 90 pages, which is the min mark. */
static void open_kept(unsigned nr_kept)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 2048}};
    pfn_t kept[2];
    struct zone *z;

    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    for (unsigned i = 0; i < nr_kept; i++) {
        kept[i] = take(z, PATH_ORDER, UNMOVABLE);
        highatomic_reserve(z, kept[i]);
    }
    path_leave(z, 90, MOVABLE);
    for (unsigned i = 0; i < nr_kept; i++)
        give(z, kept[i]);
    assert_int_equal(highatomic_pages(z), nr_kept * PATH_P);
}

static void progress_without_a_page_unreserves(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT | REQUEST_NORETRY);

    (void)state;
    open_kept(2);
    f.nr_progress = 1;
    f.progress = 1;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "r d");
    assert_int_equal(highatomic_pages(f.zf[0].z), PATH_P);
    path_close(&f);

    open_kept(1); /* one stays */
    f.nr_progress = 1;
    f.progress = 1;
    path_refused(&f, &rq);
    path_called(&f, "r d");
    assert_int_equal(highatomic_pages(f.zf[0].z), PATH_P);
    path_close(&f);

    open_kept(2); /* and without progress nothing is given back */
    path_refused(&f, &rq);
    path_called(&f, "r");
    assert_int_equal(highatomic_pages(f.zf[0].z), 2 * PATH_P);
    path_close(&f);
}

/* Before anybody is ended all is given back that was kept. */
static void what_is_kept_goes_before_the_last_resort(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_kept(1);
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c2 w0+0c2 r w0+0c2");
    assert_int_equal(highatomic_pages(f.zf[0].z), 0);
    path_close(&f);
}

static void only_its_own_zone_unreserves(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 2048},
        {ZONE_NORMAL, .nr_pages = 2048},
    };
    struct page_request rq = path_request(0, UNMOVABLE, REQUEST_MAY_WAIT);
    pfn_t kept;

    (void)state;
    path_open(&f, zones, 2, NULL);
    kept = take(f.zf[1].z, PATH_ORDER, UNMOVABLE);
    highatomic_reserve(f.zf[1].z, kept);
    give(f.zf[1].z, kept);
    path_leave(f.zf[0].z, 0, MOVABLE);
    rq.barred_zones = only_zone(0);
    path_refused(&f, &rq);
    path_called(&f, "r end");
    assert_int_equal(highatomic_pages(f.zf[1].z), PATH_P);
    path_close(&f);
}

static void sixteen_retries_without_progress(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 60, MOVABLE);
    f.reclaimable[0] = 4; /* 64 would not be more than min */
    path_refused(&f, &rq);
    path_called(&f, "r end");
    f.reclaimable[0] = 5;
    path_refused(&f, &rq);
    path_called(&f, "r*17 end");

    /* Progress begins the count anew. */
    f.nr_progress = 30;
    f.progress = 1;
    path_refused(&f, &rq);
    path_called(&f, "r,d*30 r*17 end");

    /* So does the end of a client. */
    f.nr_progress = 0;
    f.ended = true;
    path_refused(&f, &rq);
    path_called(&f, "r*17 end r*17 end");
    path_close(&f);
}

/* Progress says little about a costly order. */
static void progress_does_not_count_for_costly_orders(void **state)
{
    const struct page_request rq =
        path_request(COSTLY_ORDER + 1, MOVABLE, REQUEST_MAY_WAIT | REQUEST_RETRY_MAYFAIL);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 70, MOVABLE);
    f.reclaimable[0] = 1000;
    f.nr_progress = 100;
    f.progress = 1;
    f.compacted = COMPACT_FAILED;
    path_refused(&f, &rq);
    path_called(&f, "async r,d,light*17");
    path_close(&f);
}

/* What is reclaimable elsewhere does not help. */
static void only_its_own_zones_are_reclaimed_for(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_MOVABLE, .nr_pages = 1024},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    static const struct mm_topology t = {.nr_nodes = 2};
    struct page_request rq = path_request(0, UNMOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    path_open(&f, zones, 3, &t);
    for (unsigned i = 0; i < 3; i++)
        path_leave(f.zf[i].z, 0, MOVABLE);
    f.reclaimable[1] = 1000;
    f.reclaimable[2] = 1000;
    rq.nodemask = 1;
    path_refused(&f, &rq);
    path_called(&f, "r end");
    rq.nodemask = 0;
    rq.barred_zones = only_zone(0);
    path_refused(&f, &rq);
    path_called(&f, "r end");
    rq.barred_zones = 0;
    rq.flags |= REQUEST_THISNODE;
    path_refused(&f, &rq);
    path_called(&f, "r");
    rq.flags = REQUEST_MAY_WAIT;
    path_refused(&f, &rq);
    path_called(&f, "r*17 end");
    rq.nodemask = 1;
    rq.type = MOVABLE;
    path_refused(&f, &rq);
    path_called(&f, "r*17 end");
    path_close(&f);
}

/* ---- compaction ---- */

static void compaction_serves(void **state)
{
    struct page_request rq = path_request(2, MOVABLE, WAIT);

    (void)state;
    open_fragmented(200);
    f.compacted = COMPACT_SUCCESS;
    f.on_compact = make_block;
    (void)path_granted(&f, &rq, 0); /* movable: reclaim comes first */
    path_called(&f, "w0+2c2 w0+2c2 r light");
    path_close(&f);

    open_fragmented(200);
    f.compacted = COMPACT_SUCCESS;
    f.on_compact = make_block;
    rq.type = UNMOVABLE;
    (void)path_granted(&f, &rq, 0);         /* others would fragment: they compact first */
    path_called(&f, "w0+2c1 async w0+0c1"); /* types mix: its marks are raised */
    path_close(&f);

    open_fragmented(200);
    f.compacted = COMPACT_FAILED; /* and yet a block came to be */
    f.on_compact = make_block_second;
    rq.type = MIGRATE_RECLAIMABLE;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+2c1 async w0+2c1 r light w0+0c1");
    path_close(&f);
}

/* Of a compaction that was not done nothing is expected. */
static void what_was_skipped_is_not_looked_for(void **state)
{
    static const enum compact_result results[] = {COMPACT_SKIPPED, COMPACT_DEFERRED};
    const struct page_request rq = path_request(2, MOVABLE, REQUEST_MAY_WAIT | REQUEST_NORETRY);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct page_grant got;

        open_fragmented(200);
        f.compacted = results[i];
        f.on_compact = make_block;
        assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
        path_called(&f, "r light");
        path_close(&f);
    }
}

/* When is there a first, asynchronous compaction? Order 0 never compacts. */
static void who_compacts_first(void **state)
{
    static const struct {
        unsigned order;
        enum migratetype type;
        unsigned flags;
        const char *log;
    } rows[] = {
        {0, UNMOVABLE, REQUEST_MAY_WAIT, "r"},
        {1, MOVABLE, REQUEST_MAY_WAIT, "r light"},
        {COSTLY_ORDER, MOVABLE, REQUEST_MAY_WAIT, "r light"},
        {COSTLY_ORDER + 1, MOVABLE, REQUEST_MAY_WAIT, "async r async"}, /* costly: not more */
        {1, UNMOVABLE, REQUEST_MAY_WAIT, "async r light"},
        {1, MIGRATE_RECLAIMABLE, REQUEST_MAY_WAIT, "async r light"},
        {1, UNMOVABLE, 0, ""},
        {COSTLY_ORDER + 1, UNMOVABLE, 0, ""},
        {1, UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_RESERVE, ""},
        {1, UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_RESERVE | REQUEST_NO_RESERVES, "async"},
        {1, UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_VICTIM, "r light"},
        {1, UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_VICTIM | REQUEST_NO_RESERVES, "async r light"},
        {1, UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_HIGH, "async r light"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct page_request rq =
            path_request(rows[i].order, rows[i].type, rows[i].flags | REQUEST_NORETRY);

        open_one();
        path_leave(f.zf[0].z, 0, MOVABLE);
        f.compacted = COMPACT_FAILED;
        path_refused(&f, &rq);
        path_called(&f, rows[i].log);
        path_close(&f);
    }
}

static void costly_and_noretry(void **state)
{
    static const struct {
        enum compact_result result;
        const char *log;
    } rows[] = {
        {COMPACT_SKIPPED, "w0+4c2 async"},
        {COMPACT_DEFERRED, "w0+4c2 async"},
        {COMPACT_FAILED, "w0+4c2 async w0+4c2 r async"},
        {COMPACT_SUCCESS, "w0+4c2 async w0+4c2 r async"},
    };
    struct page_request rq = path_request(COSTLY_ORDER + 1, MOVABLE, WAIT | REQUEST_NORETRY);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        rq.flags = WAIT | REQUEST_NORETRY;
        open_fragmented(200);
        f.compacted = rows[i].result;
        path_refused(&f, &rq);
        path_called(&f, rows[i].log);
        /* Costly ones that may try again do not give up so early, but neither do they retry. */
        rq.flags = WAIT;
        path_refused(&f, &rq);
        path_called(&f, "w0+4c2 async w0+4c2 r light");
        path_close(&f);
    }
}

static void noretry_tries_each_once(void **state)
{
    struct page_request rq = path_request(2, MOVABLE, REQUEST_MAY_WAIT | REQUEST_NORETRY);

    (void)state;
    open_fragmented(200);
    f.reclaimable[0] = 1000;
    f.progress = 1;
    f.nr_progress = 100;
    f.compacted = COMPACT_FAILED;
    path_refused(&f, &rq);
    path_called(&f, "r d light");
    assert_int_equal(f.refusal.reason, REFUSAL_FRAGMENTATION);
    path_close(&f);
}

/* It becomes more serious each time, up to what the order is worth. */
static void priorities_rise(void **state)
{
    struct page_request rq = path_request(2, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    open_fragmented(200);
    f.progress = 1;
    f.nr_progress = 100;
    f.compacted = COMPACT_FAILED;
    path_refused(&f, &rq);
    path_called(&f, "r d light r d full end");
    f.compacted = COMPACT_DEFERRED;
    path_refused(&f, &rq);
    path_called(&f, "r d light r d full end");
    rq.type = UNMOVABLE;
    path_refused(&f, &rq);
    path_called(&f, "async r d light r d full end");
    rq.order = COSTLY_ORDER + 1;
    rq.flags |= REQUEST_RETRY_MAYFAIL;
    path_refused(&f, &rq);
    path_called(&f, "async r d light");
    rq.order = COSTLY_ORDER;
    path_refused(&f, &rq);
    path_called(&f, "async r d light r d full");
    f.nr_progress = 0; /* compaction needs free pages: without progress it is not retried */
    path_refused(&f, &rq);
    path_called(&f, "async r light");
    path_close(&f);
}

/* A block came to be and is gone again: that may be tried a while at the same priority. */
static void success_is_retried(void **state)
{
    struct page_request rq = path_request(2, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    open_fragmented(200);
    f.progress = 1;
    f.nr_progress = 100;
    f.compacted = COMPACT_SUCCESS;
    path_refused(&f, &rq);
    path_called(&f, "r,d,light*17 r,d,full*17 end");
    rq.order = COSTLY_ORDER + 1;
    rq.flags |= REQUEST_RETRY_MAYFAIL;
    path_refused(&f, &rq);
    path_called(&f, "async r,d,light*5");
    path_close(&f);
}

/* Skipped for want of pages: retried as long as reclaim brings some, if they could be enough. */
static void skipped_is_retried_if_there_could_be_enough(void **state)
{
    static const struct {
        unsigned order;
        pfn_t free, reclaimable;
        bool retried;
    } rows[] = {
        {2, 64 + 8, 0, false},  {2, 64 + 8 + 1, 0, true},
        {2, 64 + 8, 1, false},  {2, 64 + 8, 2, true}, /* a page for each order */
        {2, 64, 17, false},     {2, 64, 18, true},
        {4, 80 + 32, 0, false}, {4, 80 + 32 + 1, 0, true}, /* low, for costly ones */
        {4, 80 + 32, 3, false}, {4, 80 + 32, 4, true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct page_request rq =
            path_request(rows[i].order, MOVABLE, REQUEST_MAY_WAIT | REQUEST_RETRY_MAYFAIL);

        open_fragmented(rows[i].free);
        f.reclaimable[0] = rows[i].reclaimable;
        f.progress = 1;
        f.nr_progress = 5;
        path_refused(&f, &rq);
        assert_int_equal(f.nr_reclaims, rows[i].retried ? 6 : 1);
        assert_int_equal(f.nr_compacts, f.nr_reclaims + (rows[i].order > COSTLY_ORDER ? 1 : 0));
        rq.barred_zones = only_zone(1); /* no zone at all */
        path_refused(&f, &rq);
        path_called(&f, "");
        path_close(&f);
    }
}

static void only_its_own_zones_are_compacted_for(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_NORMAL, .nr_pages = 1024},
    };
    struct page_request rq = path_request(2, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    path_open(&f, zones, 2, NULL);
    path_leave(f.zf[0].z, 0, MOVABLE);
    path_fragment(f.zf[1].z);
    f.progress = 1;
    f.nr_progress = 3;
    rq.barred_zones = only_zone(0);
    path_refused(&f, &rq);
    path_called(&f, "r d light end");
    rq.barred_zones = 0;
    path_refused(&f, &rq);
    path_called(&f, "r,d,light*3 r light end");
    path_close(&f);
}

/* ---- the last resort ---- */

static void free_first_time(struct path_fixture *x, unsigned n)
{
    if (n == 0)
        make_page(x, n);
}

static void the_last_resort_serves(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 64, MOVABLE);
    f.ended = true;
    f.on_end = free_first_time;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c2 w0+0c2 r end w0+0c2");
    path_close(&f);
}

/* Rights are what they were before. */
static void rights_outlast_the_last_look(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT | REQUEST_HIGH);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 32, MOVABLE);
    f.ended = true;
    f.on_end = free_first_time;
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "r end");
    path_close(&f);
}

static void who_never_ends_others(void **state)
{
    static const struct {
        unsigned order;
        unsigned flags;
        bool ends;
    } rows[] = {
        {0, 0, true},
        {COSTLY_ORDER, 0, true},
        {COSTLY_ORDER + 1, 0, false},
        {COSTLY_ORDER + 1, REQUEST_RETRY_MAYFAIL, false},
        {0, REQUEST_RETRY_MAYFAIL, false},
        {0, REQUEST_NORETRY, false},
        {0, REQUEST_THISNODE, false},
        {0, REQUEST_DMA32, false}, /* who ends would free anything, hardly low addresses */
        {0, REQUEST_VICTIM, false},
        {0, REQUEST_VICTIM | REQUEST_NO_RESERVES, false},
        {0, REQUEST_RESERVE, false},
        {0, REQUEST_NO_RESERVES, true},
        {0, REQUEST_HIGH, true},
    };
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_DMA32, .nr_pages = 1024},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct page_request rq =
            path_request(rows[i].order, MOVABLE, REQUEST_MAY_WAIT | rows[i].flags);

        path_open(&f, zones, 2, NULL);
        path_leave(f.zf[0].z, 0, MOVABLE);
        path_leave(f.zf[1].z, 0, MOVABLE);
        path_refused(&f, &rq);
        assert_int_equal(f.nr_ends, rows[i].ends ? 1 : 0);
        path_close(&f);
    }
}

static void leave_97(struct path_fixture *x, unsigned zone)
{
    for (pfn_t pfn = 0; zone_free_pages(x->zf[zone].z, 0) < 97; pfn += 2)
        (void)zone_free(x->zf[zone].z, pfn);
}

static void leave_96(struct path_fixture *x, unsigned zone)
{
    for (pfn_t pfn = 0; zone_free_pages(x->zf[zone].z, 0) < 96; pfn += 2)
        (void)zone_free(x->zf[zone].z, pfn);
}

/* What has become free meanwhile saves everybody, if it is more than high; rights do not count. */
static void a_last_look_at_high(void **state)
{
    static const unsigned flags[] = {0, REQUEST_HIGH};
    struct page_grant got;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT | flags[i]);

        open_one();
        take_all(f.zf[0].z, 0, MOVABLE);
        f.on_reclaimable = leave_97;
        (void)path_granted(&f, &rq, 0);
        path_called(&f, "r");
        path_close(&f);

        open_one();
        take_all(f.zf[0].z, 0, MOVABLE);
        f.on_reclaimable = leave_96;
        assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
        path_called(&f, "r end");
        assert_int_equal(f.refusal.mark, WMARK_MIN);
        path_close(&f);
    }
}

/* ---- nodes ---- */

static void open_two_nodes(void)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = 1024},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    static const struct mm_topology t = {.nr_nodes = 2};

    path_open(&f, zones, 2, &t);
}

/* Who may use reserves, or is of high priority and cannot wait, is not bound to its nodes. */
static void rights_beyond_the_nodemask(void **state)
{
    static const struct {
        unsigned flags;
        bool granted;
    } rows[] = {
        {0, false},
        {REQUEST_HIGH, true},
        {REQUEST_HIGH | REQUEST_NO_RESERVES, true},
        {REQUEST_HIGH | REQUEST_MAY_WAIT | REQUEST_NORETRY, false},
        {REQUEST_MAY_WAIT | REQUEST_NORETRY, false},
        {REQUEST_RESERVE, true},
        {REQUEST_VICTIM, true},
        {REQUEST_RESERVE | REQUEST_NO_RESERVES, false},
        {REQUEST_RESERVE | REQUEST_THISNODE, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct page_request rq = path_request(0, MOVABLE, rows[i].flags | REQUEST_WAKE);

        open_two_nodes();
        path_leave(f.zf[0].z, 0, MOVABLE);
        rq.nodemask = 1;
        if (rows[i].granted) {
            struct zone_numa_stat st;

            (void)path_granted(&f, &rq, 1);
            path_called(&f, "w0+0c2 w0+0c2");
            zone_numa_stat(f.zf[0].z, &st);
            assert_int_equal(st.foreign, 1); /* node 0 was the first choice */
        } else {
            path_refused(&f, &rq);
        }
        path_close(&f);
    }
}

static void all_balancers_that_could_help_are_woken(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_DMA32, .node = 0, .nr_pages = 128},
        {ZONE_NORMAL, .node = 0, .nr_pages = 128},
        {ZONE_MOVABLE, .node = 0, .nr_pages = 128},
        {ZONE_NORMAL, .node = 1, .nr_pages = 128},
        {ZONE_GIGANTIC, .node = 1, .nr_pages = 128},
        {ZONE_NORMAL, .node = 1, .nr_pages = 128, .nr_domains = 2},
    };
    static const struct {
        enum migratetype type;
        unsigned flags, order;
        uint64_t nodemask;
        int zone;
        unsigned domain;
        const char *log;
    } rows[] = {
        {UNMOVABLE, 0, 0, 0, -1, 0, "w1+0c1,w0+0c1,w3+0c1,w5+0c1*2"},
        {MOVABLE, 0, 0, 0, -1, 0, "w2+0c2,w1+0c2,w0+0c2,w3+0c2,w5+0c2*2"},
        {MOVABLE, 0, 5, 1, -1, 0, "w2+5c2,w1+5c2,w0+5c2*2"},
        {MOVABLE, 0, 0, 2, -1, 0, "w3+0c2,w5+0c2*2"},
        {MOVABLE, REQUEST_DMA32, 0, 0, -1, 0, "w0+0c0*2"},
        {MOVABLE, REQUEST_THISNODE, 0, 0, -1, 0, "w2+0c2,w1+0c2,w0+0c2*2"},
        {MOVABLE, 0, 0, 0, 3, 0, "w3+0c2*2"},
        {MOVABLE, 0, 0, 0, -1, 1, "w5+0c2*2"},
        {UNMOVABLE, 0, 18, 0, -1, 0, "w1+18c3,w0+18c3,w4+18c3,w3+18c3,w5+18c3*2"},
        {UNMOVABLE, 0, 0, 0, 2, 0, ""}, /* it may not use that one */
    };
    static const struct mm_topology t = {.nr_nodes = 2};

    (void)state;
    path_open(&f, zones, 6, &t);
    for (unsigned i = 0; i < 6; i++)
        path_leave(f.zf[i].z, 0, MOVABLE);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct page_request rq =
            path_request(rows[i].order, rows[i].type, rows[i].flags | REQUEST_WAKE);

        rq.nodemask = rows[i].nodemask;
        rq.barred_zones = rows[i].zone < 0 ? 0 : only_zone((unsigned)rows[i].zone);
        rq.domain = rows[i].domain;
        path_refused(&f, &rq);
        path_called(&f, rows[i].log);
    }
    path_close(&f);
}

/* ---- zones that come and go meanwhile ---- */

static void a_rebuild_restarts(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 0, MOVABLE);
    f.on_reclaim = rebuild_first;
    path_refused(&f, &rq); /* nobody is ended before the new zones were tried */
    path_called(&f, "w0+0c2 w0+0c2 r w0+0c2 w0+0c2 r end");
    rq.flags = REQUEST_MAY_WAIT | REQUEST_NORETRY;
    path_refused(&f, &rq);
    path_called(&f, "r r");
    f.on_reclaim = NULL;
    f.on_end = rebuild_first;
    rq.flags = REQUEST_MAY_WAIT;
    path_refused(&f, &rq);
    path_called(&f, "r end r end");
    f.on_end = NULL;
    f.on_compact = rebuild_first;
    rq.order = COSTLY_ORDER + 1;
    rq.flags = REQUEST_MAY_WAIT | REQUEST_NORETRY;
    path_refused(&f, &rq); /* skipped: fails, and begins again */
    path_called(&f, "async async");
    path_close(&f);
}

static void rebuild_17th(struct path_fixture *x, unsigned n)
{
    if (n == 16)
        memory_rebuild(&x->m);
}

static void rebuild_second(struct path_fixture *x, unsigned n)
{
    if (n == 1)
        memory_rebuild(&x->m);
}

static void a_restart_begins_from_the_beginning(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 60, MOVABLE);
    f.reclaimable[0] = 1000;
    f.on_reclaim = rebuild_17th;
    path_refused(&f, &rq);
    path_called(&f, "r*34 end");
    path_close(&f);

    open_fragmented(200);
    f.progress = 1;
    f.nr_progress = 100;
    f.compacted = COMPACT_FAILED;
    f.on_compact = rebuild_second;
    rq.order = 2;
    path_refused(&f, &rq);
    path_called(&f, "r d light r d full r d light r d full end");
    f.compacted = COMPACT_SUCCESS;
    f.on_compact = rebuild_17th; /* then 17 times at each priority once more */
    path_refused(&f, &rq);
    path_called(&f, "r,d,light*17 r,d,full*17 r,d,light*17 r,d,full*17 end");
    path_close(&f);
}

static void add_zone(struct path_fixture *x, unsigned n)
{
    if (n == 0)
        assert_int_equal(memory_add_zone(&x->m, x->zf[1].z, 1), 1);
}

static void a_new_zone_serves(void **state)
{
    const struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    open_two_nodes();
    path_leave(f.zf[0].z, 0, MOVABLE);
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    f.on_reclaim = add_zone;
    (void)path_granted(&f, &rq, 1);
    path_called(&f, "w0+0c2 w0+0c2 r w0+0c2 w1+0c2");
    path_close(&f);
}

/* The zone goes, and its memory with it. */
static void remove_zone(struct path_fixture *x, unsigned n)
{
    if (n == 0) {
        for (pfn_t pfn = 0; pfn < 1024; pfn++)
            give(x->zf[0].z, pfn);
        assert_int_equal(memory_remove_zone(&x->m, 0), 0);
        memset(x->zf[0].lasting, 0xa5, x->zf[0].lasting_bytes);
        memset(x->zf[0].derived, 0xa5, x->zf[0].derived_bytes);
        free(x->zf[0].lasting);
        free(x->zf[0].derived);
        x->zf[0].z = NULL;
    }
}

/* Two nodes without marks; all of node 0 and all but so much of node 1 is granted. */
static void open_going(void)
{
    open_two_nodes();
    path_marks(&f, MIN_FREE_NONE);
    take_all(f.zf[0].z, 0, MOVABLE);
    take_all(f.zf[1].z, 0, MOVABLE);
    f.on_reclaim = remove_zone;
    f.progress = 1;
    f.nr_progress = 1;
}

static void the_preferred_zone_may_go(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_WAIT | REQUEST_NORETRY);
    struct page_grant got;
    struct zone_numa_stat st;

    (void)state;
    open_going();
    assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
    path_called(&f, "r d r"); /* once more with what is left */
    assert_int_equal(f.refusal.reason, REFUSAL_SHORTAGE);
    assert_int_equal(f.refusal.zone, 1);
    path_close(&f);

    open_going();
    give(f.zf[1].z, 0);
    rq.nodemask = 1;
    assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM); /* no zone is left for it */
    path_called(&f, "r d");
    assert_int_equal(f.refusal.reason, REFUSAL_NO_ZONE);
    path_close(&f);

    /* What comes from the other zone is a hit: that is the first choice now. */
    open_going();
    f.on_drain = free_of_zone_1;
    rq.nodemask = 0;
    (void)path_granted(&f, &rq, 1);
    path_called(&f, "r d");
    zone_numa_stat(f.zf[1].z, &st);
    assert_int_equal(st.hit, 1);
    assert_int_equal(st.miss, 0);
    path_close(&f);
}

/* ---- memory on its way between domains ---- */

static void open_domains(void)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};

    path_open(&f, zones, 1, NULL);
}

/* Who has to wait for a pageblock waits for that, and makes nobody reclaim or end. */
static void passing_ends_the_request(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, WAIT);
    struct page_grant got = {.zone = 77};
    struct zone_stat st;

    (void)state;
    open_domains();
    rq.domain = 1;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, ""); /* above low nobody is called */
    path_close(&f);

    open_domains();
    path_leave(f.zf[0].z, 80, MOVABLE); /* above min, not above low */
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "w0+0c2");
    assert_int_equal(got.zone, 77);
    assert_int_equal(f.zf[0].nr_populates, 1);
    zone_stat(f.zf[0].z, &st);
    assert_int_equal(st.failures, 0);
    path_close(&f);

    open_domains(); /* reclaim empties a pageblock */
    take_all(f.zf[0].z, 6, MOVABLE);
    rq.domain = 1;
    f.on_reclaim = give_64;
    f.nr_progress = 1;
    f.progress = 1;
    f.ended = true;
    assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM); /* 64 are not more than min */
    path_close(&f);

    open_domains();
    take_all(f.zf[0].z, 7, MOVABLE);
    f.on_reclaim = give_64;
    f.nr_progress = 1;
    f.progress = 1;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "w0+0c2 w0+0c2 r");
    assert_int_equal(f.zf[0].nr_populates, 1);
    path_close(&f);

    open_domains();
    take_all(f.zf[0].z, 7, MOVABLE);
    rq.order = 1;
    f.on_compact = give_64;
    f.compacted = COMPACT_SUCCESS;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "w0+1c2 w0+1c2 r light");
    path_close(&f);

    open_domains();
    take_all(f.zf[0].z, 7, MOVABLE);
    rq.order = 0;
    f.on_end = give_64;
    f.ended = true;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "w0+0c2 w0+0c2 r end w0+0c2");
    path_close(&f);

    open_domains();
    take_all(f.zf[0].z, 7, MOVABLE);
    f.on_reclaimable = give_64;
    rq.flags = REQUEST_MAY_WAIT;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS); /* at the last look */
    path_called(&f, "r");
    path_close(&f);
}

/* A request that may not wait for reclaim may wait for a pageblock, if it says so. */
static void passing_is_no_reclaim(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, REQUEST_MAY_PASS | REQUEST_WAKE);
    struct page_grant got;

    (void)state;
    open_domains();
    rq.domain = 1;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "");
    path_close(&f);

    open_domains();
    path_leave(f.zf[0].z, 80, MOVABLE); /* above min, not above low */
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, "w0+0c2");
    path_close(&f);

    open_domains();
    take_all(f.zf[0].z, 7, MOVABLE); /* nothing is empty: nothing is reclaimed for it */
    f.on_reclaim = give_64;
    path_refused(&f, &rq);
    assert_int_equal(f.zf[0].nr_populates, 0);
    path_called(&f, "w0+0c2 w0+0c2");
    path_close(&f);

    open_domains();
    rq.flags = REQUEST_WAKE;
    path_refused(&f, &rq); /* all lies elsewhere */
    assert_int_equal(f.zf[0].nr_populates, 0);
    path_close(&f);
}

/* Pageblocks pass ahead only while the empty ones that stay are above the high mark. */
static void ahead_stays_above_the_marks(void **state)
{
    struct zone *z;

    (void)state;
    open_domains();
    z = f.zf[0].z;
    path_leave(z, zone_wmark(z, WMARK_HIGH) / 16 * 16, MOVABLE);
    assert_int_not_equal(zone_pageblocks_ahead(z, 0), 0);
    assert_int_equal(zone_pass_ahead(z, 0, 1), -ENOMEM);
    assert_int_equal(f.zf[0].nr_populates, 0);
    path_close(&f);

    open_domains();
    z = f.zf[0].z;
    path_leave(z, zone_wmark(z, WMARK_HIGH) / 16 * 16 + 32, MOVABLE);
    assert_int_equal(zone_pass_ahead(z, 0, 1), 0);
    assert_int_equal(zone_populate_done(z, f.zf[0].populate[0].pfn), 0);
    path_close(&f);
}

/* Another zone that has memory there serves at once. */
static void another_zone_serves_meanwhile(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2},
        {ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2},
    };
    struct page_request rq = path_request(0, MOVABLE, WAIT);

    (void)state;
    path_open(&f, zones, 2, NULL); /* min is 45, low 56 */
    (void)take_passing(&f.zf[1], 0, MOVABLE, 1);
    path_leave(f.zf[0].z, 50, MOVABLE); /* of which 48 may pass */
    path_leave(f.zf[1].z, 40, MOVABLE); /* 32, and 15 that are domain 1's */
    rq.domain = 1;
    (void)path_granted(&f, &rq, 1);
    path_called(&f, "w0+0c2 w1+0c2");
    assert_int_equal(f.zf[0].nr_populates, 1); /* it was begun all the same */
    path_close(&f);
}

/* ---- callbacks that are not there ---- */

static void no_callbacks_at_all(void **state)
{
    static const struct path_ops none = {0};
    static const unsigned flags[] = {WAIT, ATOMIC, WAIT | REQUEST_RETRY_MAYFAIL, 0};

    (void)state;
    open_fragmented(100);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned order = 1; order <= 5; order += 2) {
            const struct page_request rq = path_request(order, UNMOVABLE, flags[i]);
            struct page_grant got;

            assert_int_equal(alloc_pages(&f.m, NULL, NULL, &rq, &got, &f.refusal), -ENOMEM);
            assert_int_equal(f.refusal.reason, REFUSAL_FRAGMENTATION);
            assert_int_equal(alloc_pages(&f.m, &none, NULL, &rq, &got, &f.refusal), -ENOMEM);
            path_check(&f);
        }
    }
    path_close(&f);
}

static void each_callback_may_be_missing(void **state)
{
    const struct page_request rq = path_request(2, MOVABLE, WAIT);
    struct path_ops all;

    (void)state;
    open_fragmented(200);
    all = f.ops;
    f.progress = 1;
    f.nr_progress = 1;
    f.compacted = COMPACT_FAILED;
    path_refused(&f, &rq);
    path_called(&f, "w0+2c2 w0+2c2 r d light w0+2c2 r full end");
    f.ops.wake_balancer = NULL;
    path_refused(&f, &rq);
    path_called(&f, "r d light r full end");
    f.ops.drain = NULL;
    path_refused(&f, &rq);
    path_called(&f, "r light r full end");
    f.ops.last_resort = NULL;
    path_refused(&f, &rq);
    path_called(&f, "r light r full");
    f.ops.reclaimable = NULL;
    path_refused(&f, &rq);
    path_called(&f, "r light r full");
    f.ops.reclaim = NULL;
    path_refused(&f, &rq);
    path_called(&f, "light");
    f.ops = all;
    f.ops.compact = NULL;
    f.nr_progress = 1000; /* who cannot compact does not reclaim for compaction's sake */
    path_refused(&f, &rq);
    path_called(&f, "w0+2c2 w0+2c2 r d end");
    path_close(&f);
}

static void costly_without_compaction_gives_up(void **state)
{
    const struct page_request rq =
        path_request(COSTLY_ORDER + 1, MOVABLE, REQUEST_MAY_WAIT | REQUEST_RETRY_MAYFAIL);

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 60, MOVABLE);
    f.reclaimable[0] = 1000;
    f.ops.compact = NULL;
    path_refused(&f, &rq);
    path_called(&f, "r");
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(above_low_nobody_is_called),
        cmocka_unit_test(rights_go_so_far),
        cmocka_unit_test(atomic_asks_three_times),
        cmocka_unit_test(atomic_of_higher_order_keeps_a_pageblock),
        cmocka_unit_test(what_is_kept_serves_the_next),
        cmocka_unit_test(cma_is_for_movable_requests_that_say_so),
        cmocka_unit_test(the_right_to_reserves_is_no_other),
        cmocka_unit_test(reclaim_serves),
        cmocka_unit_test(no_progress_is_believed),
        cmocka_unit_test(what_is_in_pcps_is_drained),
        cmocka_unit_test(progress_without_a_page_unreserves),
        cmocka_unit_test(what_is_kept_goes_before_the_last_resort),
        cmocka_unit_test(only_its_own_zone_unreserves),
        cmocka_unit_test(sixteen_retries_without_progress),
        cmocka_unit_test(progress_does_not_count_for_costly_orders),
        cmocka_unit_test(only_its_own_zones_are_reclaimed_for),
        cmocka_unit_test(compaction_serves),
        cmocka_unit_test(what_was_skipped_is_not_looked_for),
        cmocka_unit_test(who_compacts_first),
        cmocka_unit_test(costly_and_noretry),
        cmocka_unit_test(noretry_tries_each_once),
        cmocka_unit_test(priorities_rise),
        cmocka_unit_test(success_is_retried),
        cmocka_unit_test(skipped_is_retried_if_there_could_be_enough),
        cmocka_unit_test(only_its_own_zones_are_compacted_for),
        cmocka_unit_test(the_last_resort_serves),
        cmocka_unit_test(rights_outlast_the_last_look),
        cmocka_unit_test(who_never_ends_others),
        cmocka_unit_test(a_last_look_at_high),
        cmocka_unit_test(rights_beyond_the_nodemask),
        cmocka_unit_test(all_balancers_that_could_help_are_woken),
        cmocka_unit_test(a_rebuild_restarts),
        cmocka_unit_test(a_restart_begins_from_the_beginning),
        cmocka_unit_test(a_new_zone_serves),
        cmocka_unit_test(the_preferred_zone_may_go),
        cmocka_unit_test(passing_ends_the_request),
        cmocka_unit_test(passing_is_no_reclaim),
        cmocka_unit_test(ahead_stays_above_the_marks),
        cmocka_unit_test(another_zone_serves_meanwhile),
        cmocka_unit_test(no_callbacks_at_all),
        cmocka_unit_test(each_callback_may_be_missing),
        cmocka_unit_test(costly_without_compaction_gives_up),
    };

    return cmocka_run_group_tests_name("slowpath", tests, NULL, NULL);
}
