/* SPDX-License-Identifier: Apache-2.0 */
/* test_bench.c: what the benchmarks measure with is right: replay, counts of pageblocks, medians.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gigantic.h"
#include "harness.h"
#include "latencies.h"
#include "pageblock_use.h"
#include "replay.h"

#define PAGEBLOCK       512u
#define NR_PAGEBLOCKS   8u
#define ZONE_PAGES      4096u
#define PAGEBLOCK_ORDER 9u

/* ---- pageblock_use ---- */

struct model_block {
    pfn_t pfn;
    unsigned order;
    enum migratetype type;
};

/** Count from the blocks themselves what pageblock_use keeps count of. */
static void check_use(const struct pageblock_use *u, const struct model_block *blocks, size_t nr)
{
    bool with[NR_PAGEBLOCKS][NR_MOBILITIES] = {{false}};
    uint64_t live[NR_MOBILITIES] = {0};
    pfn_t nr_with[NR_MOBILITIES] = {0};
    pfn_t nr_empty = 0;
    uint64_t used = 0;

    for (size_t i = 0; i < nr; i++) {
        live[blocks[i].type] += (uint64_t)1 << blocks[i].order;
        used += (uint64_t)1 << blocks[i].order;
        for (pfn_t p = 0; p < (pfn_t)1 << blocks[i].order; p++)
            with[(blocks[i].pfn + p) / PAGEBLOCK][blocks[i].type] = true;
    }
    for (unsigned i = 0; i < NR_PAGEBLOCKS; i++) {
        bool any = false;

        for (unsigned type = 0; type < NR_MOBILITIES; type++) {
            nr_with[type] += with[i][type];
            any = any || with[i][type];
        }
        nr_empty += !any;
    }
    assert_int_equal(u->nr_empty, nr_empty);
    assert_int_equal(pageblock_use_empty_ideal(u), (ZONE_PAGES - used) / PAGEBLOCK);
    for (unsigned type = 0; type < NR_MOBILITIES; type++) {
        assert_int_equal(u->nr_with[type], nr_with[type]);
        assert_int_equal(u->live_pages[type], live[type]);
        assert_true(u->peak_pages[type] >= live[type]);
    }
}

static bool overlaps(const struct model_block *blocks, size_t nr, const struct model_block *b)
{
    for (size_t i = 0; i < nr; i++) {
        if (blocks[i].pfn < b->pfn + ((pfn_t)1 << b->order) &&
            b->pfn < blocks[i].pfn + ((pfn_t)1 << blocks[i].order))
            return true;
    }
    return false;
}

static void test_use_random(void **state)
{
    const char *text = getenv("BUDDYD_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 1u;
    struct model_block blocks[256];
    struct pageblock_use u;
    size_t nr = 0;

    (void)state;
    print_message("BUDDYD_SEED=%u\n", seed);
    srand(seed);
    assert_int_equal(pageblock_use_init(&u, ZONE_PAGES, PAGEBLOCK_ORDER), 0);
    for (int i = 0; i < 20000; i++) {
        struct model_block b = {.order = (unsigned)rand() % 12u,
                                .type = (enum migratetype)(rand() % NR_MOBILITIES)};

        b.pfn = ((pfn_t)rand() % ZONE_PAGES) >> b.order << b.order;
        if (nr < 256 && rand() % 2 && !overlaps(blocks, nr, &b)) {
            blocks[nr++] = b;
            pageblock_use_add(&u, b.pfn, b.order, b.type);
        } else if (nr > 0) {
            size_t victim = (size_t)rand() % nr;

            pageblock_use_remove(&u, blocks[victim].pfn, blocks[victim].order, blocks[victim].type);
            blocks[victim] = blocks[--nr];
        }
        check_use(&u, blocks, nr);
    }
    pageblock_use_free(&u);
}

static void test_use_ideal_keeps_the_peak(void **state)
{
    struct pageblock_use u;

    (void)state;
    assert_int_equal(pageblock_use_init(&u, ZONE_PAGES, PAGEBLOCK_ORDER), 0);
    assert_int_equal(pageblock_use_ideal(&u, MIGRATE_UNMOVABLE), 0);
    pageblock_use_add(&u, 0, 9, MIGRATE_UNMOVABLE);
    assert_int_equal(pageblock_use_ideal(&u, MIGRATE_UNMOVABLE), 1);
    pageblock_use_add(&u, 512, 0, MIGRATE_UNMOVABLE);
    assert_int_equal(pageblock_use_ideal(&u, MIGRATE_UNMOVABLE), 2);
    pageblock_use_remove(&u, 0, 9, MIGRATE_UNMOVABLE);
    pageblock_use_remove(&u, 512, 0, MIGRATE_UNMOVABLE);
    assert_int_equal(pageblock_use_ideal(&u, MIGRATE_UNMOVABLE), 2);
    assert_int_equal(pageblock_use_ideal(&u, MIGRATE_RECLAIMABLE), 0);
    assert_int_equal(pageblock_use_empty_ideal(&u), NR_PAGEBLOCKS);
    pageblock_use_free(&u);
}

/* ---- replay ---- */

static struct trace_event alloc_event(uint32_t id, unsigned order, enum trace_type type)
{
    return (struct trace_event){
        .id = id, .kind = TRACE_ALLOC, .order = (uint8_t)order, .type = (uint8_t)type};
}

static struct trace_event free_event(uint32_t id)
{
    return (struct trace_event){.id = id, .kind = TRACE_FREE};
}

static void play(struct trace_event *events, size_t nr_events, uint32_t nr_blocks,
                 struct replay_result *ret)
{
    const struct trace t = {.events = events, .nr_events = nr_events, .nr_blocks = nr_blocks};
    const struct replay_config config = {.nr_pages = ZONE_PAGES};
    char why[256] = "";

    if (replay(&t, &config, ret, why, sizeof(why)))
        fail_msg("%s", why);
}

static void assert_measure(const double *values, enum measure m, double expected)
{
    if (fabs(values[m] - expected) > 1e-9)
        fail_msg("%s is %f, expected %f", measure_name(m), values[m], expected);
}

static void test_replay_measures(void **state)
{
    struct trace_event events[] = {
        alloc_event(0, 0, TRACE_UNMOVABLE),   alloc_event(1, 9, TRACE_MOVABLE),  free_event(0),
        alloc_event(2, 0, TRACE_RECLAIMABLE), alloc_event(3, 10, TRACE_MOVABLE),
    };
    struct replay_result r;

    (void)state;
    play(events, 5, 4, &r);
    assert_measure(r.end, MEASURE_EVENTS, 5);
    assert_measure(r.end, MEASURE_FAILED, 0);
    assert_measure(r.end, MEASURE_STEALS, 0);
    assert_measure(r.end, MEASURE_UNMOVABLE, 0);
    assert_measure(r.end, MEASURE_UNMOVABLE_IDEAL, 1);
    assert_measure(r.end, MEASURE_RECLAIMABLE, 1);
    assert_measure(r.end, MEASURE_RECLAIMABLE_IDEAL, 1);
    assert_measure(r.end, MEASURE_EMPTY, NR_PAGEBLOCKS - 4);
    assert_measure(r.end, MEASURE_EMPTY_IDEAL, NR_PAGEBLOCKS - 4);
    /* All is MOVABLE at first: the first of each other type takes a pageblock. */
    assert_measure(r.end, MEASURE_CLAIMS, 2);
    /* Too short for a sample: the end is one. */
    assert_int_equal(r.nr_samples, 1);
    assert_measure(r.mean, MEASURE_EVENTS, 5);
}

static void test_replay_skips_the_free_of_what_was_refused(void **state)
{
    struct trace_event events[] = {
        alloc_event(0, 12, TRACE_MOVABLE),
        alloc_event(1, 0, TRACE_UNMOVABLE),
        free_event(1),
        free_event(0),
        alloc_event(2, 0, TRACE_UNMOVABLE),
    };
    struct replay_result r;

    (void)state;
    play(events, 5, 3, &r);
    assert_measure(r.end, MEASURE_EVENTS, 5);
    assert_measure(r.end, MEASURE_FAILED, 1);
    assert_measure(r.end, MEASURE_UNMOVABLE, 1);
    assert_measure(r.end, MEASURE_UNMOVABLE_IDEAL, 1);
}

static void test_replay_mean_is_of_the_samples(void **state)
{
    const size_t nr = 2 * REPLAY_SAMPLE_EVENTS + 1;
    struct trace_event *events = calloc(nr, sizeof(*events));
    struct replay_result r;
    uint32_t nr_blocks = 0;

    (void)state;
    assert_non_null(events);
    /* Pairs that leave nothing until the first sample; then one page that stays, and pairs again.
     */
    for (size_t i = 0; i < nr; i++) {
        bool alloc = i % 2 == (i > REPLAY_SAMPLE_EVENTS);

        events[i] =
            alloc ? alloc_event(nr_blocks++, 0, TRACE_UNMOVABLE) : free_event(nr_blocks - 1);
    }
    play(events, nr, nr_blocks, &r);
    assert_int_equal(r.nr_samples, 2);
    assert_measure(r.mean, MEASURE_EVENTS, 1.5 * REPLAY_SAMPLE_EVENTS);
    assert_measure(r.mean, MEASURE_UNMOVABLE, 0.5);
    assert_measure(r.mean, MEASURE_EMPTY, NR_PAGEBLOCKS - 0.5);
    assert_measure(r.end, MEASURE_EVENTS, (double)nr);
    free(events);
}

/* ---- medians ---- */

static void test_median(void **state)
{
    struct series s = {0};

    (void)state;
    assert_true(isnan(series_median(&s)));
    series_add(&s, 9);
    series_add(&s, 1);
    assert_true(fabs(series_median(&s) - 5) < 1e-9);
    series_add(&s, 100);
    assert_true(fabs(series_median(&s) - 9) < 1e-9);
    assert_true(fabs(series_min(&s) - 1) < 1e-9);
    assert_true(fabs(series_max(&s) - 100) < 1e-9);
    for (unsigned i = 0; i < 2 * BENCH_MAX_ROUNDS; i++)
        series_add(&s, 0);
    assert_int_equal(s.nr, BENCH_MAX_ROUNDS);
}

static void test_percentiles(void **state)
{
    struct latencies l;

    (void)state;
    assert_int_equal(latencies_init(&l, 101), 0);
    assert_true(isnan(latencies_percentile(&l, 0, 50)));
    for (uint64_t i = 0; i < 200; i++)
        latencies_add(&l, i < 101 ? 100 - i : UINT64_MAX);
    assert_int_equal(l.nr, 101);
    latencies_sort(&l, 91);
    assert_int_equal(l.ns[90], 10);
    assert_true(fabs(latencies_percentile(&l, 91, 0)) < 1e-9);
    assert_true(fabs(latencies_percentile(&l, 91, 100) - 9) < 1e-9);
    latencies_sort(&l, 0);
    assert_true(fabs(latencies_percentile(&l, 0, 50) - 50) < 1e-9);
    assert_true(fabs(latencies_percentile(&l, 0, 99) - 99) < 1e-9);
    assert_true(isnan(latencies_percentile(&l, 101, 50)));
    latencies_free(&l);
}

/* ---- made-up traces ---- */

/* Each free is of a live block, the peak is right, and orders 9 to 18 are there. */
static void assert_is_gigantic(const struct trace *t)
{
    bool *live = calloc(t->nr_blocks, sizeof(*live));
    uint64_t pages = 0, peak = 0;
    uint32_t orders = 0, ids = 0;

    assert_non_null(live);
    for (size_t i = 0; i < t->nr_events; i++) {
        const struct trace_event *e = &t->events[i];

        if (e->kind == TRACE_ALLOC) {
            assert_int_equal(e->id, ids++);
            pages += (uint64_t)1 << e->order;
            orders |= 1u << e->order;
        } else {
            assert_true(e->id < ids && live[e->id]);
            pages -= (uint64_t)1 << e->order;
        }
        live[e->id] = e->kind == TRACE_ALLOC;
        peak = pages > peak ? pages : peak;
    }
    assert_int_equal(ids, t->nr_blocks);
    assert_int_equal(peak, t->peak_pages);
    assert_int_equal(orders, 0x7fe7f); /* 0 to 6, and 9 to 18 */
    free(live);
}

static void test_gigantic_comes_from_its_seed(void **state)
{
    (void)state;
    for (int mix = GIGANTIC_ROOMY; mix <= GIGANTIC_CROWDED; mix++) {
        struct trace a, b, other;
        size_t size;

        assert_int_equal(gigantic_trace((enum gigantic_mix)mix, 1, &a), 0);
        assert_int_equal(gigantic_trace((enum gigantic_mix)mix, 1, &b), 0);
        assert_int_equal(gigantic_trace((enum gigantic_mix)mix, 2, &other), 0);
        size = a.nr_events * sizeof(*a.events);
        assert_int_equal(a.nr_events, b.nr_events);
        assert_memory_equal(a.events, b.events, size);
        assert_int_equal(a.nr_events, other.nr_events);
        assert_int_not_equal(memcmp(a.events, other.events, size), 0);
        assert_is_gigantic(&a);
        trace_free(&a);
        trace_free(&b);
        trace_free(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_use_random),
        cmocka_unit_test(test_use_ideal_keeps_the_peak),
        cmocka_unit_test(test_replay_measures),
        cmocka_unit_test(test_replay_skips_the_free_of_what_was_refused),
        cmocka_unit_test(test_replay_mean_is_of_the_samples),
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_gigantic_comes_from_its_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
