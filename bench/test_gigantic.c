/* SPDX-License-Identifier: Apache-2.0 */
/* test_gigantic.c: the made-up workload is the same for a seed, whole, and what it says it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gigantic.h"

static const uint64_t seeds[] = {0, 1, 2, 4711, UINT64_MAX};

#define NR_SEEDS (sizeof(seeds) / sizeof(seeds[0]))

/* What each mix is to be. */
static const struct {
    enum gigantic_mix mix;
    size_t nr_events;
    uint64_t live_pages; /* that are aimed at */
    unsigned sure_order; /* larger ones are so rare that a seed may have none */
} mixes[] = {
    {GIGANTIC_ROOMY, 1000000, 1u << 20, 14},
    {GIGANTIC_CROWDED, 2000000, 1u << 19, 12},
};

/* The mix of the test that runs. */
static unsigned mix;

static int choose_roomy(void **state)
{
    (void)state;
    mix = 0;
    return 0;
}

static int choose_crowded(void **state)
{
    (void)state;
    mix = 1;
    return 0;
}

static void make(uint64_t seed, struct trace *t)
{
    memset(t, 0, sizeof(*t));
    assert_int_equal(gigantic_trace(mixes[mix].mix, seed, t), 0);
    assert_non_null(t->events);
    assert_int_equal(t->nr_events, mixes[mix].nr_events);
}

static bool is_same(const struct trace *a, const struct trace *b)
{
    if (a->nr_events != b->nr_events || a->nr_blocks != b->nr_blocks ||
        a->peak_pages != b->peak_pages || a->peak_event != b->peak_event)
        return false;
    for (size_t i = 0; i < a->nr_events; i++) {
        const struct trace_event *x = &a->events[i], *y = &b->events[i];

        if (x->id != y->id || x->kind != y->kind || x->order != y->order || x->type != y->type)
            return false;
    }
    return true;
}

static void the_same_for_a_seed_and_another_for_another(void **state)
{
    struct trace first, again, other;

    (void)state;
    for (unsigned i = 0; i < NR_SEEDS; i++) {
        make(seeds[i], &first);
        make(seeds[i], &again);
        make(seeds[i] + 1, &other);
        assert_true(is_same(&first, &again));
        assert_false(is_same(&first, &other));
        trace_free(&first);
        trace_free(&again);
        trace_free(&other);
    }
}

static void only_what_lives_is_freed(void **state)
{
    struct trace t;

    (void)state;
    for (unsigned i = 0; i < NR_SEEDS; i++) {
        uint8_t *order; /* by id: of a block that lives, + 1 */
        uint32_t nr_blocks = 0;

        make(seeds[i], &t);
        order = calloc(t.nr_blocks, 1);
        assert_non_null(order);
        for (size_t e = 0; e < t.nr_events; e++) {
            const struct trace_event *event = &t.events[e];

            if (event->kind == TRACE_ALLOC) {
                assert_int_equal(event->id, nr_blocks); /* ids count up, none comes twice */
                assert_true(nr_blocks++ < t.nr_blocks);
                order[event->id] = (uint8_t)(event->order + 1);
                continue;
            }
            assert_int_equal(event->kind, TRACE_FREE);
            assert_true(event->id < nr_blocks);
            assert_int_equal(order[event->id], event->order + 1);
            order[event->id] = 0;
        }
        assert_int_equal(nr_blocks, t.nr_blocks);
        free(order);
        trace_free(&t);
    }
}

static void orders_of_both_kinds_and_all_types(void **state)
{
    unsigned largest = 0;
    struct trace t;

    (void)state;
    for (unsigned i = 0; i < NR_SEEDS; i++) {
        size_t nr_order[19] = {0}, nr_type[3] = {0};

        make(seeds[i], &t);
        for (size_t e = 0; e < t.nr_events; e++) {
            if (t.events[e].kind != TRACE_ALLOC)
                continue;
            assert_true(t.events[e].order <= 18);
            assert_true(t.events[e].type <= TRACE_RECLAIMABLE);
            nr_order[t.events[e].order]++;
            nr_type[t.events[e].type]++;
        }
        for (unsigned order = 0; order <= mixes[mix].sure_order; order++)
            assert_int_equal(nr_order[order] != 0, order <= 6 || order >= 9);
        for (unsigned order = largest + 1; order <= 18; order++)
            largest = nr_order[order] != 0 ? order : largest;
        assert_true(nr_order[0] > nr_order[6] && nr_order[9] > nr_order[18]);
        assert_true(nr_type[TRACE_MOVABLE] > nr_type[TRACE_UNMOVABLE]);
        assert_true(nr_type[TRACE_UNMOVABLE] > nr_type[TRACE_RECLAIMABLE]);
        assert_true(nr_type[TRACE_RECLAIMABLE] > 0);
        trace_free(&t);
    }
    /* Some seed has it. In the crowded mix order 18 is half of all, and seldom asked for. */
    assert_in_range(largest, mixes[mix].mix == GIGANTIC_CROWDED ? 17 : 18, 18);
}

static void the_peak_is_where_most_lives(void **state)
{
    struct trace t;

    (void)state;
    for (unsigned i = 0; i < NR_SEEDS; i++) {
        uint64_t pages = 0, peak = 0;
        size_t peak_event = 0;

        make(seeds[i], &t);
        for (size_t e = 0; e < t.nr_events; e++) {
            uint64_t n = (uint64_t)1 << t.events[e].order;

            pages = t.events[e].kind == TRACE_ALLOC ? pages + n : pages - n;
            if (pages > peak) {
                peak = pages;
                peak_event = e + 1;
            }
        }
        assert_int_equal(t.peak_pages, peak);
        assert_int_equal(t.peak_event, peak_event);
        /* A phase that begins frees the other kind by and by. */
        assert_in_range(peak, mixes[mix].live_pages / 2, mixes[mix].live_pages * 2);
        trace_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_same_for_a_seed_and_another_for_another, choose_roomy),
        cmocka_unit_test_setup(only_what_lives_is_freed, choose_roomy),
        cmocka_unit_test_setup(orders_of_both_kinds_and_all_types, choose_roomy),
        cmocka_unit_test_setup(the_peak_is_where_most_lives, choose_roomy),
        cmocka_unit_test_setup(the_same_for_a_seed_and_another_for_another, choose_crowded),
        cmocka_unit_test_setup(only_what_lives_is_freed, choose_crowded),
        cmocka_unit_test_setup(orders_of_both_kinds_and_all_types, choose_crowded),
        cmocka_unit_test_setup(the_peak_is_where_most_lives, choose_crowded),
    };

    return cmocka_run_group_tests_name("gigantic", tests, NULL, NULL);
}
