/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slowpath_wait.c: requests that wait for a compaction, and go on where they were.
 *
 * Most tests have one zone of 1024 pages: its marks are 64, 80 and 96.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/account.h"
#include "mm/explain.h"
#include "path_fixture.h"

#define WAIT      (REQUEST_MAY_WAIT | REQUEST_WAKE)
#define UNMOVABLE MIGRATE_UNMOVABLE
#define MOVABLE   MIGRATE_MOVABLE

static struct path_fixture f;

/* A compaction takes so many tries, and then has a result. */
static unsigned tries, tried;
static enum compact_result result;

static void compact_slowly(struct path_fixture *x, unsigned n)
{
    (void)n;
    x->compacted = tried++ < tries ? COMPACT_CONTINUE : result;
    if (x->compacted != COMPACT_CONTINUE)
        tried = 0;
}

static void open_one(void)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    path_open(&f, zones, 1, NULL);
    f.on_compact = compact_slowly;
    tries = UINT32_MAX;
    tried = 0;
}

static void make_block(void)
{
    give(f.zf[0].z, 1);
    give(f.zf[0].z, 3); /* with 0 and 2 it is a block of order 2 */
}

static void open_fragmented(pfn_t free_pages)
{
    open_one();
    path_fragment_nr(f.zf[0].z, free_pages);
}

/* It waits for a compaction, after these calls. */
static void waits(struct page_request *rq, const char *log)
{
    struct page_grant got = {.zone = 77};

    assert_int_equal(path_alloc(&f, rq, &got), -EINPROGRESS);
    assert_int_equal(got.zone, 77);
    assert_true(rq->progress->waits);
    path_called(&f, log);
}

static void it_goes_on_where_it_was(void **state)
{
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);

    (void)state;
    rq.progress = &progress;
    open_fragmented(200);
    waits(&rq, "w0+2c1 async");
    waits(&rq, "async");
    tries = 0;
    result = COMPACT_FAILED;
    path_refused(&f, &rq);
    path_called(&f, "async w0+2c1 r light end");
    assert_false(progress.waits);
    path_close(&f);
}

static void its_priority_stays(void **state)
{
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, MOVABLE, WAIT);

    (void)state;
    rq.progress = &progress;
    open_fragmented(200);
    f.progress = 1;
    f.nr_progress = 100;
    tries = 2;
    result = COMPACT_FAILED;
    waits(&rq, "w0+2c2 w0+2c2 r d light");
    waits(&rq, "light");
    waits(&rq, "light w0+2c2 r d full");
    waits(&rq, "full");
    result = COMPACT_SUCCESS;
    waits(&rq, "full w0+2c2 r d full");
    make_block();
    (void)path_granted(&f, &rq, 0); /* what has come free meanwhile serves */
    path_called(&f, "");
    path_close(&f);
}

/* Below the low mark, too: it is the slow path that goes on. */
static void what_comes_free_serves(void **state)
{
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);

    (void)state;
    rq.progress = &progress;
    open_fragmented(70);
    waits(&rq, "w0+2c1 async");
    make_block();
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "w0+0c1"); /* for the marks that were raised */
    path_close(&f);

    rq = path_request(2, MOVABLE, WAIT | REQUEST_VICTIM); /* with all rights that it had */
    rq.progress = &progress;
    progress = (struct path_progress){0};
    open_fragmented(40);
    waits(&rq, "w0+2c2 w0+2c2 r light");
    make_block();
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "");
    path_close(&f);
}

static void who_cannot_wait_takes_it_as_skipped(void **state)
{
    struct page_request rq = path_request(4, MOVABLE, WAIT | REQUEST_NORETRY);

    (void)state;
    open_fragmented(200);
    path_refused(&f, &rq);
    path_called(&f, "w0+4c2 async");
    rq = path_request(2, MOVABLE, WAIT);
    path_refused(&f, &rq);
    path_called(&f, "w0+2c2 w0+2c2 r light end");
    path_close(&f);
}

/* ---- the same way ---- */

static void without_last_word(char *log)
{
    char *space = strrchr(log, ' ');

    *(space ? space : log) = '\0';
}

/* All calls of a request, those that answered "not yet" left out. Returns how it ended. */
static int follow(struct page_request *rq, char *log, size_t size)
{
    struct path_progress progress = {0};
    struct page_grant got;
    size_t used;
    int r;

    log[0] = '\0';
    rq->progress = &progress;
    do {
        r = path_alloc(&f, rq, &got);
        if (r == -EINPROGRESS)
            without_last_word(f.log);
        used = strlen(log);
        assert_true(used + strlen(f.log) + 2 < size);
        (void)snprintf(log + used, size - used, "%s%s", used && f.log[0] ? " " : "", f.log);
    } while (r == -EINPROGRESS);
    return r;
}

static void waiting_changes_nothing(void **state)
{
    static const enum compact_result results[] = {COMPACT_SKIPPED, COMPACT_DEFERRED, COMPACT_FAILED,
                                                  COMPACT_SUCCESS};
    static const unsigned flags[] = {0, REQUEST_NORETRY, REQUEST_RETRY_MAYFAIL, REQUEST_VICTIM};
    static char at_once[4096], slowly[4096];

    (void)state;
    for (unsigned i = 0; i < 4u * 4 * 5 * 2 * 2; i++) {
        struct page_request rq =
            path_request(1 + i / 16 % 5, i / 80 % 2 ? UNMOVABLE : MOVABLE, WAIT | flags[i % 4]);
        int r;

        result = results[i / 4 % 4];
        open_fragmented(200);
        f.progress = 1;
        /* What was skipped is tried as long as reclaim brings something. */
        f.nr_progress = i / 160 && result != COMPACT_SKIPPED ? 10000 : 0;
        tries = 0;
        r = follow(&rq, at_once, sizeof(at_once));
        assert_string_equal(at_once, f.log);
        tries = 3;
        assert_int_equal(follow(&rq, slowly, sizeof(slowly)), r);
        assert_string_equal(slowly, at_once);
        path_close(&f);
    }
}

/* Tries without progress are counted on. */
static void it_ends_all_the_same(void **state)
{
    struct page_request rq =
        path_request(COSTLY_ORDER + 1, MOVABLE, REQUEST_MAY_WAIT | REQUEST_RETRY_MAYFAIL);
    static char log[4096];

    (void)state;
    open_one();
    path_leave(f.zf[0].z, 70, MOVABLE);
    f.reclaimable[0] = 1000;
    f.nr_progress = 1000;
    f.progress = 1;
    tries = 1;
    result = COMPACT_FAILED;
    assert_int_equal(follow(&rq, log, sizeof(log)), -ENOMEM);
    memcpy(f.log, log, sizeof(log));
    path_called(&f, "async r,d,light*17");
    path_close(&f);
}

/* ---- what may change meanwhile ---- */

static void its_account_may_be_full(void **state)
{
    const struct account_limits limits = {.max_pages = 300, .wmark = {10, 20, 30}};
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);
    struct account a = {0};
    struct page_grant got;

    (void)state;
    rq.progress = &progress;
    open_fragmented(200);
    assert_int_equal(account_add(&f.m, &a, NULL, 0, &limits, NULL), 0);
    rq.account = &a;
    waits(&rq, "w0+2c1 async");
    account_charge(&f.m, &a, 0, 8);
    account_charge(&f.m, &a, 0, 5);
    assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
    path_called(&f, ""); /* nothing is compacted for what it may not have */
    assert_int_equal(f.refusal.scope, REFUSED_BY_ACCOUNT);
    assert_false(progress.waits);
    account_uncharge(&f.m, &a, 0, 8);
    account_uncharge(&f.m, &a, 0, 5);
    assert_int_equal(account_remove(&f.m, &a), 0);
    path_close(&f);
}

static void a_rebuild_restarts(void **state)
{
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);

    (void)state;
    rq.progress = &progress;
    open_fragmented(200);
    waits(&rq, "w0+2c1 async");
    memory_rebuild(&f.m);
    f.on_compact = NULL;
    f.compacted = COMPACT_FAILED;
    path_refused(&f, &rq); /* nobody is ended before all was tried anew */
    path_called(&f, "async w0+2c1 r light w0+2c1 async w0+2c1 r light end");
    path_close(&f);
}

static void its_zones_may_go(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024},
                                             {ZONE_NORMAL, .nr_pages = 64}};
    struct path_progress progress = {0};
    struct page_request rq = path_request(6, UNMOVABLE, WAIT);
    struct page_grant got;

    (void)state;
    path_open(&f, zones, 2, NULL);
    f.compacted = COMPACT_CONTINUE;
    rq.progress = &progress;
    rq.barred_zones = only_zone(1);
    waits(&rq, "w1+6c1 async");
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    assert_int_equal(path_alloc(&f, &rq, &got), -ENOMEM);
    path_called(&f, "");
    assert_int_equal(f.refusal.reason, REFUSAL_NO_ZONE);
    path_close(&f);
}

/* Memory that comes from another domain is waited for in its own way. */
static void passing_comes_between(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);
    struct page_grant got;
    pfn_t all[64];

    (void)state;
    path_open(&f, zones, 1, NULL);
    for (unsigned i = 0; i < 64; i++)
        all[i] = take(f.zf[0].z, PATH_ORDER, MOVABLE);
    f.compacted = COMPACT_CONTINUE;
    rq.progress = &progress;
    rq.domain = 1;
    waits(&rq, "w0+2c1 async");
    for (unsigned i = 0; i < 32; i++)
        give(f.zf[0].z, all[i]);
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    assert_int_equal(f.zf[0].nr_populates, 1);
    assert_false(progress.waits);
    path_called(&f, "");
    path_close(&f);
}

static void a_forecast_begins_nothing(void **state)
{
    struct path_progress progress = {0};
    struct page_request rq = path_request(2, UNMOVABLE, WAIT);
    struct path_progress before;
    struct explanation e;

    (void)state;
    rq.progress = &progress;
    open_fragmented(200);
    waits(&rq, "w0+2c1 async");
    before = progress;
    assert_int_equal(alloc_explain(&f.m, &rq, &e), 0);
    assert_int_equal(e.result, -ENOMEM);
    assert_memory_equal(&progress, &before, sizeof(before));
    assert_int_equal(f.nr_compacts, 1);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_where_it_was),
        cmocka_unit_test(its_priority_stays),
        cmocka_unit_test(what_comes_free_serves),
        cmocka_unit_test(who_cannot_wait_takes_it_as_skipped),
        cmocka_unit_test(waiting_changes_nothing),
        cmocka_unit_test(it_ends_all_the_same),
        cmocka_unit_test(its_account_may_be_full),
        cmocka_unit_test(a_rebuild_restarts),
        cmocka_unit_test(its_zones_may_go),
        cmocka_unit_test(passing_comes_between),
        cmocka_unit_test(a_forecast_begins_nothing),
    };

    return cmocka_run_group_tests_name("slowpath_wait", tests, NULL, NULL);
}
