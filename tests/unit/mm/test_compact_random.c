/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_compact_random.c: compaction while blocks come, go, are pinned and freed at random, and
 * moves end in any order or are aborted. Each block's content is always where the zone says, and
 * whatever is pinned stays where it is.
 */
#include <stdlib.h>

#include "compact_world.h"
#include "mm/contig.h"
#include "mm/hotplug.h"
#include "rng.h"

struct shape {
    pfn_t pageblocks;
    unsigned nr_domains;
    bool lazy;          /* freed blocks rest */
    unsigned unmovable; /* in 100 requests */
};

static struct compact_world w;
static struct compaction c;
static bool running;
static pfn_t nr_moves_seen;

static void take_some(struct rng *r, const struct shape *s)
{
    unsigned order = rng_one_in(r, 40) ? ORDER : rng_below(r, ORDER);
    enum migratetype type = MIGRATE_MOVABLE;

    if (rng_below(r, 100) < s->unmovable)
        type = MIGRATE_UNMOVABLE;
    else if (rng_one_in(r, 5))
        type = MIGRATE_RECLAIMABLE;
    (void)world_take(&w, order, type, rng_below(r, s->nr_domains));
}

static struct world_block *any_block(struct rng *r)
{
    struct world_block *b = w.nr_blocks ? &w.block[rng_below(r, w.nr_blocks)] : NULL;

    return b && b->live ? b : NULL;
}

/* Is the block being copied? Then it has been freed already, perhaps. */
static bool is_moving(const struct world_block *b)
{
    for (unsigned i = 0; i < w.nr_moves; i++) {
        if (w.move[i].from == b->pfn)
            return true;
    }
    return false;
}

static void free_one(struct rng *r)
{
    struct world_block *b = any_block(r);
    struct zone_block zb;

    if (!b)
        return;
    assert_int_equal(zone_block(w.z, b->pfn, &zb), 0);
    if (!zb.free_pending)
        world_free(&w, (unsigned)(b - w.block));
}

static void pin_one(struct rng *r)
{
    struct world_block *b = any_block(r);

    if (!b || is_moving(b))
        return;
    if (rng_one_in(r, 2))
        b->grabbed = !b->grabbed;
    else
        b->pinned = !b->pinned;
}

static void begin(struct rng *r, const struct shape *s)
{
    struct compact_request rq = world_request(1 + rng_below(r, ORDER + 2));
    int e;

    if (rng_one_in(r, 3))
        rq.order = COMPACT_WHOLE_ZONE;
    rq.type = (enum migratetype)rng_below(r, NR_MOBILITIES);
    rq.domain = rng_below(r, s->nr_domains);
    rq.priority = (enum compact_priority)rng_below(r, 3);
    rq.flags |= rng_one_in(r, 3) ? COMPACT_IGNORE_SKIP : 0;
    rq.stop_score = rng_one_in(r, 4) ? 1 + rng_below(r, 60) : 0;
    e = compact_begin(&c, w.z, &rq);
    assert_true(e == 0 || e == -EAGAIN);
    running = e == 0;
}

/* What was answered is so. */
static void assert_result(enum compact_result r)
{
    if (r == COMPACT_SUCCESS && c.rq.order != COMPACT_WHOLE_ZONE) {
        struct zone_request rq = {.order = c.rq.order, .type = c.rq.type, .domain = c.rq.domain};
        pfn_t pfn;
        int e = zone_rmqueue(w.z, &rq, &pfn);

        assert_true(e == 0 || e == -EINPROGRESS);
        if (e == 0)
            give(w.z, pfn);
        for (pfn = 0; e < 0 && pfn < zone_nr_pages(w.z); pfn += P)
            (void)zone_populate_done(w.z, pfn);
    }
}

static void step(struct rng *r)
{
    enum compact_result result = compact_step(&c, 1 + rng_below(r, 40));

    assert_true(c.nr_moving <= COMPACT_MOVES);
    assert_true(c.nr_moving <= w.nr_moves);
    if (result != COMPACT_CONTINUE) {
        running = false;
        assert_result(result);
    } else if (rng_one_in(r, 200)) {
        compact_cancel(&c);
        running = false;
    }
}

/* At its end the zone loses what is empty, and gets it back. */
static void resize(struct rng *r)
{
    pfn_t pages = P * (1 + rng_below(r, 3));
    struct zone_obstacle o;
    struct evacuation ev;

    if (zone_nr_pages(w.z) < w.config.nr_pages) {
        assert_int_equal(zone_grow(w.z, w.config.nr_pages - zone_nr_pages(w.z), 0), 0);
    } else if (w.nr_moves == 0) {
        int e = zone_shrink(w.z, pages, false, &ev, &o);

        while (w.nr_moves != 0)
            world_end(&w, 0, true);
        if (e == -EINPROGRESS && zone_shrink_continue(&ev, &o) == -EINPROGRESS)
            evacuate_cancel(&ev);
    }
}

static void one_step(struct rng *r, const struct shape *s)
{
    switch (rng_below(r, 12)) {
    case 0:
    case 1:
        take_some(r, s);
        break;
    case 2:
        free_one(r);
        break;
    case 3:
        pin_one(r);
        break;
    case 4:
        if (w.nr_moves != 0) {
            nr_moves_seen++;
            world_end(&w, rng_below(r, w.nr_moves), !rng_one_in(r, 6));
        }
        break;
    case 5:
        if (rng_one_in(r, 40))
            world_end_all(&w);
        if (rng_one_in(r, 400))
            resize(r);
        break;
    default:
        if (running)
            step(r);
        else if (w.nr_moves == 0)
            begin(r, s);
        else
            world_end(&w, 0, true);
    }
}

static void run(const struct shape *s, uint64_t seed, unsigned steps)
{
    const struct zone_config config = {
        .nr_pages = s->pageblocks * P,
        .pageblock_order = ORDER,
        .nr_domains = s->nr_domains,
        .eager = !s->lazy,
    };
    struct rng r = {.state = seed};

    world_open_config(&w, &config);
    running = false;
    for (unsigned i = 0; i < steps; i++) {
        one_step(&r, s);
        if (i % 16 == 0)
            world_verify(&w);
    }
    world_end_all(&w);
    if (running)
        compact_cancel(&c);
    world_close(&w);
}

static void random_work(void **state)
{
    static const struct shape shapes[] = {
        {12, 1, false, 0}, {64, 1, true, 5}, {32, 3, false, 5}, {40, 1, false, 20}, {6, 2, true, 3},
    };
    const char *seed = getenv("BUDDYD_SEED");
    unsigned long long first = seed ? strtoull(seed, NULL, 0) : 1;

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        print_message("seed %llu\n", first + i);
        run(&shapes[(first + i) % (sizeof(shapes) / sizeof(shapes[0]))], first + i, 8000);
    }
    assert_true(nr_moves_seen > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
