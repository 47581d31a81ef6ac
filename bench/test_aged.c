/* SPDX-License-Identifier: Apache-2.0 */
/* test_aged.c: the aged zone is what it says it is, and its books follow what compaction moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "random.h"

#define NR_BLOCKS 12000u
#define NR_EVENTS (NR_BLOCKS + NR_BLOCKS / 4)
#define PERCENT   102u

static struct trace_event events[NR_EVENTS];
static struct trace trace = {.events = events, .nr_events = NR_EVENTS, .nr_blocks = NR_BLOCKS};

static const struct aged_config typed = {.percent = PERCENT, .seed = 1};
static const struct aged_config movable = {.percent = PERCENT, .seed = 1, .all_movable = true};

/* Blocks of orders 0 to 3 and of all types, and behind the peak a few are freed. */
static int make_trace(void **state)
{
    uint64_t random = random_seed(7);

    (void)state;
    for (uint32_t id = 0; id < NR_BLOCKS; id++) {
        uint8_t order = (uint8_t)random_below(&random, 4);

        events[id] = (struct trace_event){
            .id = id,
            .kind = TRACE_ALLOC,
            .order = order,
            .type = (uint8_t)(random_below(&random, 8) == 0 ? TRACE_UNMOVABLE : 1 + id % 2),
        };
        trace.peak_pages += (uint64_t)1 << order;
    }
    trace.peak_event = NR_BLOCKS;
    for (uint32_t i = 0; i < NR_BLOCKS / 4; i++)
        events[NR_BLOCKS + i] =
            (struct trace_event){.id = i, .kind = TRACE_FREE, .order = events[i].order};
    return 0;
}

static void assert_whole(struct aged *a)
{
    char why[256] = "";

    if (aged_check(a, why, sizeof(why)))
        fail_msg("%s", why);
}

static void half_is_live(void **state)
{
    static struct aged a;
    pfn_t nr_pages;

    (void)state;
    assert_int_equal(aged_init(&a, &trace, &typed), 0);
    nr_pages = zone_nr_pages(a.memory.zone);
    assert_true(nr_pages >= trace.peak_pages * PERCENT / 100);
    assert_true(nr_pages < trace.peak_pages * PERCENT / 100 + 2ul * BENCH_PAGEBLOCK_PAGES);
    assert_true(aged_live_pages(&a) <= nr_pages / 2);
    assert_true(aged_live_pages(&a) + 8 > nr_pages / 2);
    assert_whole(&a);
    aged_free(&a);
}

/* Returns whether the zones of two seeds are the same. */
static bool same_zone(uint64_t seed, uint64_t other)
{
    static struct aged a, b;
    struct aged_config config = typed;
    bool same = true;

    config.seed = seed;
    assert_int_equal(aged_init(&a, &trace, &config), 0);
    config.seed = other;
    assert_int_equal(aged_init(&b, &trace, &config), 0);
    for (uint32_t id = 0; id < NR_BLOCKS; id++)
        same = same && a.blocks[id].pfn == b.blocks[id].pfn;
    aged_free(&b);
    aged_free(&a);
    return same;
}

static void a_seed_decides(void **state)
{
    (void)state;
    assert_true(same_zone(3, 3));
    assert_false(same_zone(3, 4));
}

/* Compact, and look at what has moved. */
static void compact(const struct aged_config *config, struct aged *a)
{
    static struct aged_block before[NR_BLOCKS];
    uint64_t moved = 0;
    uint64_t live;
    pfn_t empty;

    assert_int_equal(aged_init(a, &trace, config), 0);
    memcpy(before, a->blocks, sizeof(before));
    live = aged_live_pages(a);
    empty = a->use.nr_empty;
    assert_int_equal(aged_compact(a), 0);
    assert_int_equal(a->nr_moving, 0);
    assert_int_equal(aged_live_pages(a), live);
    assert_true(a->use.nr_empty > empty);
    assert_whole(a);
    for (uint32_t id = 0; id < NR_BLOCKS; id++) {
        if (a->blocks[id].pfn == before[id].pfn)
            continue;
        assert_int_not_equal(before[id].type, MIGRATE_UNMOVABLE);
        moved += (uint64_t)1 << before[id].order;
    }
    assert_true(moved > 0 && a->copied_pages >= moved);
}

static void compaction_moves_what_may_move(void **state)
{
    static struct aged a;
    pfn_t nr, empty;

    (void)state;
    compact(&typed, &a);
    empty = a.use.nr_empty;
    assert_int_equal(aged_count_pageblocks(&a, &nr), 0);
    assert_int_equal(nr, empty);
    aged_free(&a);
}

static void all_movable_is_near_the_ideal(void **state)
{
    static struct aged a;

    (void)state;
    compact(&movable, &a);
    assert_int_equal(a.use.nr_with[MIGRATE_UNMOVABLE], 0);
    assert_true(a.use.nr_empty * 100 >= pageblock_use_empty_ideal(&a.use) * 98);
    aged_free(&a);
}

static void costs_are_of_what_can_be_emptied(void **state)
{
    struct pageblock_use u;
    uint32_t costs[6];

    (void)state;
    assert_int_equal(pageblock_use_init(&u, 6u * 512, 9), 0);
    pageblock_use_add(&u, 0, 5, MIGRATE_MOVABLE);
    pageblock_use_add(&u, 64, 2, MIGRATE_RECLAIMABLE);
    pageblock_use_add(&u, 512, 3, MIGRATE_MOVABLE);
    pageblock_use_add(&u, 512 + 8, 0, MIGRATE_UNMOVABLE);
    pageblock_use_add(&u, 2u * 512, 10, MIGRATE_MOVABLE);
    pageblock_use_add(&u, 5u * 512, 0, MIGRATE_RECLAIMABLE);
    assert_int_equal(pageblock_use_costs(&u, costs), 4);
    assert_int_equal(costs[0], 1);
    assert_int_equal(costs[1], 36);
    assert_int_equal(costs[2], 512);
    assert_int_equal(costs[3], 512);
    pageblock_use_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_is_live),
        cmocka_unit_test(a_seed_decides),
        cmocka_unit_test(compaction_moves_what_may_move),
        cmocka_unit_test(all_movable_is_near_the_ideal),
        cmocka_unit_test(costs_are_of_what_can_be_emptied),
    };

    return cmocka_run_group_tests(tests, make_trace, NULL);
}
