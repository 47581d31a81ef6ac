/* SPDX-License-Identifier: Apache-2.0 */
/* test_compact_suitable.c: whether to compact at all: marks, deferral, scores, guarantees. */
#include "compact_world.h"
#include "mm/account.h"

static struct compact_world w;
static struct compaction c;

/* 1024 pages of 1 KiB, min 128, low 160, high 192. The zone is granted in pages. */
static void open_with_marks(void)
{
    struct mm_settings settings = MM_SETTINGS_INIT;
    const struct zone_config config = {
        .nr_pages = WORLD_PAGES,
        .pageblock_order = ORDER,
        .nr_domains = 1,
        .kind = ZONE_NORMAL,
        .eager = true,
    };

    world_open_config(&w, &config);
    assert_int_equal(watermarks_setup(&w.z, 1, 10, &settings), 0);
    assert_int_equal(zone_wmark(w.z, WMARK_MIN), 128);
    assert_int_equal(zone_wmark(w.z, WMARK_LOW), 160);
}

/* Grant all of the zone in blocks of an order, then free every second one, nr of them. */
static void free_every_second(unsigned order, unsigned nr)
{
    while (world_take(&w, order, MIGRATE_MOVABLE, 0) >= 0)
        ;
    for (unsigned i = 0; i < nr; i++)
        world_free(&w, 2 * i);
}

static void assert_suitable(unsigned order, enum compact_result expected)
{
    struct compact_request rq = world_request(order);

    rq.flags = 0;
    assert_int_equal(zone_compact_suitable(w.z, &rq, WMARK_MIN), expected);
    assert_int_equal(compact_begin(&c, w.z, &rq), expected == COMPACT_SKIPPED ? -ENOMEM : 0);
    if (expected != COMPACT_SKIPPED)
        compact_cancel(&c);
}

static void what_there_is_to_compact_with(void **state)
{
    static const struct {
        unsigned order_free;
        unsigned nr;
        unsigned order;
        enum compact_result expected;
    } rows[] = {
        {0, 136, 2, COMPACT_SKIPPED},  /* min + 2 x 4 */
        {0, 137, 2, COMPACT_CONTINUE}, /* and one more */
        {2, 32, 2, COMPACT_SKIPPED},   /* blocks, but only so many pages as the mark */
        {2, 33, 2, COMPACT_SUCCESS},
        {0, 192, 4, COMPACT_SKIPPED}, /* low + 2 x 16 */
        {0, 193, 4, COMPACT_CONTINUE},
        {3, 40, 4, COMPACT_SKIPPED}, /* in so large blocks: a shortage */
        {2, 80, 4, COMPACT_CONTINUE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_with_marks();
        free_every_second(rows[i].order_free, rows[i].nr);
        assert_suitable(rows[i].order, rows[i].expected);
        world_close(&w);
    }
}

/* Targets leave min alone: with what was free when it began gone, nothing moves. */
static void nothing_moves_below_min(void **state)
{
    struct compact_request rq = world_request(2);
    unsigned taken = 0;

    (void)state;
    open_with_marks();
    free_every_second(0, 300);
    rq.flags = 0;
    assert_int_equal(compact_begin(&c, w.z, &rq), 0);
    while (taken < 300 - 129)
        taken += world_take(&w, 0, MIGRATE_MOVABLE, 0) >= 0;
    assert_int_equal(compact_step(&c, 100000), COMPACT_FAILED);
    assert_int_equal(c.moved_pages, 0);
    assert_int_equal(w.nr_moved, 0);
    rq.flags = COMPACT_NO_MARKS;
    rq.priority = COMPACT_FULL; /* not deferred */
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    assert_true(c.moved_pages > 0);
    world_close(&w);
}

/* A zone where nothing ever comes of it, for an order. */
static void open_hopeless(void)
{
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.u.............", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu",
               "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmm.");
}

static unsigned tries_left_out(const struct compact_request *rq)
{
    unsigned nr = 0;

    while (compact_begin(&c, w.z, rq) == -EAGAIN)
        nr++;
    compact_cancel(&c);
    return nr;
}

static void failures_defer(void **state)
{
    struct compact_request rq = world_request(4), lower = world_request(3);

    (void)state;
    open_hopeless();
    for (unsigned i = 0; i < 9; i++) {
        unsigned shift = i < 6 ? i : 6;

        assert_int_equal(tries_left_out(&rq), shift == 0 ? 0 : (1u << shift) - 1);
        assert_int_equal(tries_left_out(&rq), 0); /* until it fails again */
        assert_int_equal(tries_left_out(&lower), 0);
        assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
        assert_true(c.scanned > 0);
    }
    rq.priority = COMPACT_FULL;
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    world_free(&w, (unsigned)(world_at(&w, 2) - w.block));
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    rq.priority = COMPACT_LIGHT;
    assert_int_equal(tries_left_out(&rq), 0);
    assert_true(world_take(&w, ORDER, MIGRATE_MOVABLE, 0) >= 0);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    assert_int_equal(tries_left_out(&rq), 1); /* as after the first failure */
    world_close(&w);
}

/* But not when something has changed; what fails then is left out for longer all the same. */
static void changes_are_tried(void **state)
{
    struct compact_request rq = world_request(4);

    (void)state;
    open_hopeless();
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    zone_compact_retry(w.z);
    assert_int_equal(tries_left_out(&rq), 0);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    assert_int_equal(tries_left_out(&rq), 3);
    world_close(&w);
}

/* A lower order that fails is deferred too; a higher one that succeeds speaks for all below. */
static void failures_of_several_orders(void **state)
{
    struct compact_request rq = world_request(4), lower = world_request(3);

    (void)state;
    world_open(&w, 6, 1);
    WORLD_DRAW(&w, "m.u.m.m.u.m.m.m.", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmmu",
               "mmmmmmmmmmmmmmmu", "mmmmmmmmmmmmmmm.");
    assert_int_equal(world_run(&w, &c, &lower, 1000), COMPACT_FAILED);
    assert_int_equal(tries_left_out(&rq), 1);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    assert_int_equal(tries_left_out(&lower), 3);
    world_close(&w);
}

static void scores(void **state)
{
    static const struct {
        unsigned proactiveness, low, high;
    } rows[] = {{0, 100, 100}, {5, 95, 100}, {20, 80, 90}, {95, 5, 15}, {96, 5, 15}, {100, 5, 15}};

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(compact_score_low(rows[i].proactiveness), rows[i].low);
        assert_int_equal(compact_score_high(rows[i].proactiveness), rows[i].high);
    }
    world_open(&w, 8, 2);
    assert_int_equal(zone_compact_score(w.z), 0);
    assert_true(world_take(&w, 3, MIGRATE_MOVABLE, 0) >= 0);
    assert_true(world_take(&w, 3, MIGRATE_MOVABLE, 1) >= 0);
    assert_int_equal(zone_compact_score(w.z), 16 * 100 / (128 - 16));
    assert_int_equal(zone_proactive_score(w.z, 256), 128 * 14 / 257);
    world_close(&w);
}

/* What accounts are guaranteed is not taken as a place either. */
static void guarantees_are_left_alone(void **state)
{
    const struct compact_request rq = world_request(2);
    struct account_limits limits = {.max_pages = ACCOUNT_UNLIMITED};
    struct account a = {.group = NULL};
    struct mm_settings settings = MM_SETTINGS_INIT;
    static struct memory m;

    (void)state;
    world_open(&w, 8, 1);
    WORLD_DRAW(&w, "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.",
               "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.", "m.m.m.m.m.m.m.m.");
    assert_int_equal(memory_init(&m, 12, NULL), 0);
    settings.min_free_kbytes = MIN_FREE_NONE;
    assert_int_equal(memory_set(&m, &settings), 0);
    assert_int_equal(memory_add_zone(&m, w.z, 0), 0);
    limits.guarantee[0] = 64; /* all that is free */
    assert_int_equal(account_add(&m, &a, NULL, 0, &limits, NULL), 0);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_FAILED);
    assert_int_equal(w.nr_moved, 0);
    assert_int_equal(account_remove(&m, &a), 0);
    assert_int_equal(tries_left_out(&rq), 1);
    assert_int_equal(world_run(&w, &c, &rq, 1000), COMPACT_SUCCESS);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_there_is_to_compact_with),
        cmocka_unit_test(nothing_moves_below_min),
        cmocka_unit_test(failures_defer),
        cmocka_unit_test(changes_are_tried),
        cmocka_unit_test(failures_of_several_orders),
        cmocka_unit_test(scores),
        cmocka_unit_test(guarantees_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
