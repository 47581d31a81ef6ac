/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_balance.c: when the balancer of a node runs, for how long, and what it says when it rests.
 *
 * Most tests have one zone of 1024 pages: its marks are 64, 80 and 96.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mm/balance.h"
#include "path_fixture.h"
#include "zone_internal.h"

#define MOVABLE MIGRATE_MOVABLE
#define ALL     1000000u

static struct path_fixture f;

/* What the callbacks do, and what they were told. */
static struct world {
    struct balancer b;
    struct balance_ops ops;
    pfn_t next[PATH_ZONES];  /* the next page to be freed of a zone */
    pfn_t stock[PATH_ZONES]; /* pages that can be freed still */
    pfn_t a_round;           /* pages that a round frees of a zone */
    uint64_t scanned;        /* pages that it says it looked at, beyond */
    unsigned nr_rounds;
    unsigned priority[4096]; /* of each round */
    unsigned asked[PATH_ZONES];
    uint64_t domains;
    uint64_t want;
    unsigned nr_wakes;
    unsigned order;
    enum zone_kind class;
} w;

static int shrink(void *ctx, unsigned zone, struct lru_scan *s, unsigned budget)
{
    pfn_t n = w.a_round < w.stock[zone] ? w.a_round : w.stock[zone];

    assert_ptr_equal(ctx, &w);
    assert_true(budget > 0);
    if (!s->in_round) {
        w.priority[w.nr_rounds++ % 4096] = s->priority;
        w.asked[zone]++;
        s->left = n;
        w.want = s->want_pages;
        w.domains = s->domains;
        s->scanned_pages += w.scanned;
    }
    s->in_round = true;
    for (; s->left > 0; s->left--) {
        if (budget-- == 0)
            return -EAGAIN;
        give(f.zf[zone].z, w.next[zone]);
        w.next[zone] += 2; /* no two together */
        w.stock[zone]--;
        s->freed_pages++;
        s->scanned_pages++;
        s->spent++;
    }
    s->in_round = false;
    return 0;
}

static void wake_compactor(void *ctx, unsigned node, unsigned order, enum zone_kind class)
{
    assert_ptr_equal(ctx, &w);
    assert_int_equal(node, w.b.node);
    w.nr_wakes++;
    w.order = order;
    w.class = class;
}

static void open_zones(const struct path_zone *zones, unsigned nr, const struct mm_topology *t)
{
    path_open(&f, zones, nr, t);
    memset(&w, 0, sizeof(w));
    w.ops = (struct balance_ops){.shrink = shrink, .wake_compactor = wake_compactor};
    w.a_round = 8;
    balancer_init(&w.b, &f.m, 0, &w.ops, &w);
}

/* One zone with so many pages free, and so many that can be freed. */
static void open_one(pfn_t free_pages, pfn_t stock)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    open_zones(zones, 1, NULL);
    path_leave(f.zf[0].z, free_pages, MOVABLE);
    w.stock[0] = stock;
}

static bool wake(unsigned order)
{
    return balancer_wake(&w.b, order, ZONE_MOVABLE, 0, true);
}

/* ---- waking ---- */

static void it_frees_until_above_high(void **state)
{
    (void)state;
    open_one(80, 400);
    assert_false(balancer_step(&w.b, ALL)); /* nobody has woken it */
    assert_int_equal(w.nr_rounds, 0);
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 104); /* 96 are not above high */
    assert_int_equal(w.nr_rounds, 3);
    assert_int_equal(w.want, 96);
    assert_int_equal(w.domains, 1);
    assert_int_equal(w.b.failures, 0);
    assert_int_equal(w.nr_wakes, 0); /* single pages need no compaction */
    assert_false(w.b.running);
    path_close(&f);
}

static void balanced_it_sleeps_on(void **state)
{
    (void)state;
    open_one(97, 400);
    assert_false(wake(0));
    path_close(&f);

    open_one(110, 400);
    assert_false(wake(3)); /* there is a block */
    assert_int_equal(w.nr_wakes, 0);
    assert_false(balancer_wake(&w.b, 3, ZONE_NORMAL, 0, false));
    assert_int_equal(w.nr_wakes, 1); /* by who could not have compacted itself */
    assert_int_equal(w.order, 3);
    assert_int_equal(w.class, ZONE_NORMAL);
    assert_false(balancer_wake(&w.b, 0, ZONE_NORMAL, 0, false));
    assert_int_equal(w.nr_wakes, 1);
    w.ops.wake_compactor = NULL;
    assert_false(balancer_wake(&w.b, 3, ZONE_NORMAL, 0, false));
    assert_false(balancer_step(&w.b, ALL));
    path_close(&f);
}

static void the_largest_is_remembered(void **state)
{
    (void)state;
    open_one(100, 400);
    assert_false(balancer_wake(&w.b, 2, ZONE_MOVABLE, 0, true)); /* it has enough for that */
    path_leave(f.zf[0].z, 96, MOVABLE);
    assert_true(balancer_wake(&w.b, 1, ZONE_NORMAL, 0, true));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.b.wanted_order, 1);
    assert_int_equal(w.b.class, ZONE_NORMAL);
    assert_int_equal(w.nr_wakes, 1);
    path_leave(f.zf[0].z, 96, MOVABLE);
    assert_true(balancer_wake(&w.b, 1, ZONE_MOVABLE, 0, true));
    assert_true(balancer_wake(&w.b, 2, ZONE_NORMAL, 0, true));
    assert_true(balancer_wake(&w.b, 0, ZONE_NORMAL, 0, true));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.b.wanted_order, 2);
    assert_int_equal(w.b.class, ZONE_MOVABLE);
    assert_int_equal(w.nr_wakes, 2); /* the order that it rests with is the compactor's */
    assert_int_equal(w.order, 2);
    assert_int_equal(w.class, ZONE_MOVABLE);
    path_leave(f.zf[0].z, 96, MOVABLE);
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.nr_wakes, 2); /* once it has rested that is over */
    path_close(&f);
}

static void it_gives_up(void **state)
{
    (void)state;
    open_one(80, 0);
    assert_true(wake(1));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.b.failures, BALANCE_MAX_FAILURES);
    assert_int_equal(w.nr_rounds, BALANCE_MAX_FAILURES * LRU_PRIORITY);
    for (unsigned i = 0; i < LRU_PRIORITY; i++)
        assert_int_equal(w.priority[i], LRU_PRIORITY - i);
    assert_int_equal(w.priority[LRU_PRIORITY], LRU_PRIORITY);
    assert_int_equal(w.nr_wakes, 1);
    w.stock[0] = 100;
    assert_false(wake(0));
    assert_false(balancer_wake(&w.b, 4, ZONE_MOVABLE, 0, false));
    assert_int_equal(w.nr_wakes, 2);
    assert_int_equal(w.order, 4);
    balancer_revive(&w.b);
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.b.failures, 0);
    assert_int_equal(w.stock[0], 100 - 24);
    path_close(&f);
}

/* A little progress, and it does not give up. */
static void progress_begins_the_count_anew(void **state)
{
    (void)state;
    open_one(80, 3);
    w.b.failures = BALANCE_MAX_FAILURES - 1;
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    /* The first run, with what it freed, is none that failed. */
    assert_int_equal(w.nr_rounds, 1 + (BALANCE_MAX_FAILURES + 1) * LRU_PRIORITY - 1);
    path_close(&f);
}

/* ---- how hard ---- */

/* It looks harder each time, unless it has looked at enough and freed some. */
static void it_looks_harder(void **state)
{
    (void)state;
    open_one(80, 400);
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.priority[0], LRU_PRIORITY);
    assert_int_equal(w.priority[1], LRU_PRIORITY - 1);
    assert_int_equal(w.priority[2], LRU_PRIORITY - 2);
    path_close(&f);

    open_one(80, 400);
    w.scanned = 88; /* and the 8: as many as high is */
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.nr_rounds, 3);
    assert_int_equal(w.priority[2], LRU_PRIORITY);
    path_close(&f);

    open_one(80, 8);
    w.scanned = 96;
    assert_true(wake(0));
    (void)balancer_step(&w.b, ALL);
    assert_int_equal(w.priority[1], LRU_PRIORITY);
    assert_int_equal(w.priority[2], LRU_PRIORITY - 1); /* the second freed nothing */
    path_close(&f);
}

/* Pages enough for two such blocks, and none came of it: the rest is for the compactor. */
static void twice_the_block_is_enough(void **state)
{
    (void)state;
    open_one(0, 500);
    w.a_round = 64;
    assert_true(wake(5));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 128);
    assert_int_equal(w.b.order, 0);
    assert_int_equal(w.b.wanted_order, 5);
    assert_int_equal(w.nr_wakes, 1);
    assert_int_equal(w.order, 5);
    path_close(&f);

    open_one(0, 500); /* less is not */
    w.a_round = 100;
    assert_true(wake(6));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 200);
    path_close(&f);
}

static void no_more_than_twice(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    open_zones(zones, 1, NULL);
    path_fragment_nr(f.zf[0].z, 200); /* above high, but no two together */
    w.next[0] = 400;
    w.stock[0] = 300;
    assert_true(wake(5));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 200 + 64);
    path_close(&f);
}

static void the_budget_is_kept(void **state)
{
    unsigned steps = 0;
    pfn_t before;

    (void)state;
    open_one(20, 500);
    assert_true(wake(0));
    assert_true(balancer_step(&w.b, 0));
    do {
        before = zone_free_pages(f.zf[0].z, 0);
        steps++;
    } while (balancer_step(&w.b, 5) && zone_free_pages(f.zf[0].z, 0) <= before + 5);
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 100); /* as without: 10 rounds of 8 */
    assert_true(steps > 16);
    path_close(&f);

    open_one(20, 0); /* nor is there much of what costs nothing */
    assert_true(wake(0));
    for (steps = 1; balancer_step(&w.b, 4); steps++)
        assert_true(w.nr_rounds <= 4 * steps);
    assert_int_equal(steps, BALANCE_MAX_FAILURES * LRU_PRIORITY / 4);
    path_close(&f);
}

/* Woken while it runs it does that, too. */
static void it_runs_once_more(void **state)
{
    (void)state;
    open_one(80, 400);
    assert_true(wake(0));
    assert_true(balancer_step(&w.b, 4));
    assert_true(wake(2));
    assert_int_equal(w.b.wanted_order, 0);
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.b.wanted_order, 2);
    assert_false(w.b.woken);
    path_close(&f);
}

/* ---- raised marks ---- */

static void raised_marks_are_reclaimed_for(void **state)
{
    struct zone *z;

    (void)state;
    open_one(700, 300);
    z = f.zf[0].z;
    assert_true(zone_boost_watermark(z));
    assert_int_equal(zone_boost(z), PATH_P);
    assert_true(wake(0)); /* balanced as it is */
    assert_true(balancer_step(&w.b, 3));
    assert_true(zone_boost_watermark(z)); /* more, since: stays */
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(z, 0), 700 + PATH_P);
    assert_int_equal(zone_boost(z), PATH_P);
    assert_int_equal(w.nr_wakes, 1);
    assert_int_equal(w.order, PATH_ORDER); /* a pageblock */
    path_close(&f);
}

/* For that it looks no harder than so, and it is no failure if there is nothing. */
static void raised_marks_are_not_worth_all(void **state)
{
    (void)state;
    open_one(700, 300);
    w.a_round = 2;
    assert_true(zone_boost_watermark(f.zf[0].z));
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.nr_rounds, 8);
    assert_int_equal(w.priority[2], LRU_PRIORITY - 2);
    assert_int_equal(w.priority[7], LRU_PRIORITY - 2);
    assert_int_equal(zone_boost(f.zf[0].z), 0);
    path_close(&f);

    open_one(700, 0);
    assert_true(zone_boost_watermark(f.zf[0].z));
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.nr_rounds, 1);
    assert_int_equal(w.b.failures, 0);
    assert_int_equal(zone_boost(f.zf[0].z), 0);
    path_close(&f);
}

/* Who lacks pages comes first, and then all is begun anew. */
static void raised_marks_come_second(void **state)
{
    (void)state;
    open_one(100, 400);
    assert_true(zone_boost_watermark(f.zf[0].z)); /* high is 112 now */
    assert_true(wake(0));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 116);
    assert_int_equal(zone_boost(f.zf[0].z), 0);
    assert_int_equal(w.nr_wakes, 1);
    path_close(&f);

    open_one(700, 100);
    w.a_round = 2;
    assert_true(zone_boost_watermark(f.zf[0].z));
    assert_true(wake(0));
    assert_true(balancer_step(&w.b, 3));
    path_leave(f.zf[0].z, 90, MOVABLE);
    (void)balancer_step(&w.b, 3);
    assert_int_equal(w.priority[0], LRU_PRIORITY);
    assert_int_equal(w.priority[1], LRU_PRIORITY);
    path_close(&f);
}

static void a_zone_may_go_meanwhile(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024},
                                             {ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    open_zones(zones, 2, NULL);
    path_leave(f.zf[0].z, 700, MOVABLE);
    w.stock[0] = 300;
    assert_true(zone_boost_watermark(f.zf[1].z));
    assert_true(wake(0));
    assert_true(balancer_step(&w.b, 3));
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.nr_wakes, 0);
    path_close(&f);
}

/* ---- zones, nodes and domains ---- */

/* One zone that requests of the class can use is enough; only those are looked at. */
static void one_zone_is_enough(void **state)
{
    static const struct path_zone zones[] = {{ZONE_DMA32, .nr_pages = 1024},
                                             {ZONE_NORMAL, .nr_pages = 1024},
                                             {ZONE_MOVABLE, .nr_pages = 1024},
                                             {ZONE_NORMAL, .node = 1, .nr_pages = 1024}};
    static const struct mm_topology t = {.nr_nodes = 3};

    (void)state;
    open_zones(zones, 4, &t);
    path_marks(&f, 0);
    for (unsigned i = 0; i < 2; i++)
        path_leave(f.zf[i].z, 10, MOVABLE);
    assert_true(node_balanced(&f.m, 0, 0, ZONE_MOVABLE, 1));
    assert_false(node_balanced(&f.m, 0, 0, ZONE_NORMAL, 1));
    assert_false(node_balanced(&f.m, 0, 0, ZONE_DMA32, 1));
    assert_true(node_balanced(&f.m, 1, 0, ZONE_DMA32, 1)); /* there is none */
    assert_true(node_balanced(&f.m, 1, 0, ZONE_NORMAL, 1));
    assert_true(node_balanced(&f.m, 2, 0, ZONE_MOVABLE, 1));
    assert_false(wake(0));
    w.stock[0] = 400;
    w.stock[1] = 5;
    w.stock[2] = 5;
    assert_true(balancer_wake(&w.b, 0, ZONE_NORMAL, 0, true));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.asked[0], w.asked[1]);
    assert_int_equal(w.asked[2], 0);
    assert_int_equal(w.asked[3], 0);
    assert_true(node_balanced(&f.m, 0, 0, ZONE_NORMAL, 1));
    assert_int_equal(w.stock[1], 0);
    path_close(&f);
}

/* Each domain that woke it must have enough. */
static void every_domain_is_served(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1, NULL);
    z = f.zf[0].z;
    path_leave(z, 0, MOVABLE);
    for (pfn_t pfn = 0; pfn < 512; pfn += 2)
        give(z, pfn); /* domain 0 has enough, but nothing is empty */
    assert_true(node_balanced(&f.m, 0, 0, ZONE_MOVABLE, 1));
    assert_false(node_balanced(&f.m, 0, 0, ZONE_MOVABLE, 2));
    assert_false(node_balanced(&f.m, 0, 0, ZONE_MOVABLE, 3));
    assert_true(node_balanced(&f.m, 0, 0, ZONE_MOVABLE, 4)); /* the zone is not for it */
    assert_false(wake(0));
    assert_true(balancer_wake(&w.b, 0, ZONE_MOVABLE, 1, true));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.domains, 2);
    balancer_revive(&w.b);
    path_leave(z, 96, MOVABLE);
    assert_true(wake(0));
    assert_true(balancer_wake(&w.b, 0, ZONE_MOVABLE, 1, true));
    assert_false(balancer_step(&w.b, ALL));
    assert_int_equal(w.domains, 3);
    assert_int_equal(w.b.failures, BALANCE_MAX_FAILURES);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_frees_until_above_high),
        cmocka_unit_test(balanced_it_sleeps_on),
        cmocka_unit_test(the_largest_is_remembered),
        cmocka_unit_test(it_gives_up),
        cmocka_unit_test(progress_begins_the_count_anew),
        cmocka_unit_test(it_looks_harder),
        cmocka_unit_test(twice_the_block_is_enough),
        cmocka_unit_test(no_more_than_twice),
        cmocka_unit_test(the_budget_is_kept),
        cmocka_unit_test(it_runs_once_more),
        cmocka_unit_test(raised_marks_are_reclaimed_for),
        cmocka_unit_test(raised_marks_are_not_worth_all),
        cmocka_unit_test(raised_marks_come_second),
        cmocka_unit_test(a_zone_may_go_meanwhile),
        cmocka_unit_test(one_zone_is_enough),
        cmocka_unit_test(every_domain_is_served),
    };

    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
