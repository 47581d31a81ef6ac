/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lru_policy.c: how often a block is still there when it is used again: our lists against
 * first in first out, CLOCK, and true LRU, which would have to know of each use.
 *
 * A block that is not there is made anew: first another one goes, if there is no room. Its being
 * filled counts as a use, as it does with pins. docs/adr/0024-two-lists.md has the figures.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/lru.h"
#include "rng.h"

#define NR_IDS  20000u
#define NR_HOT  10000u
#define ROOM    1000u
#define WARM_UP 200000u
#define NR_USES 600000u

enum policy { FIFO, CLOCK, LRU, LISTS, NR_POLICIES };
enum workload { ZIPF, ZIPF_SCAN, LOOP_SCAN, NEW_LOOP, NR_WORKLOADS };

static struct sim {
    struct rng rng;
    struct lru lru;
    struct lru_link link[NR_IDS];
    struct lruvec vec;
    struct lru_ring ring;
    bool here[NR_IDS], used[NR_IDS];
    unsigned nr_here;
    double zipf[NR_HOT]; /* cumulative */
    uint32_t cold;
} w;

static bool referenced(void *ctx, struct lruvec *v, uint32_t id)
{
    bool was = w.used[id];

    (void)ctx, (void)v;
    w.used[id] = false;
    return was;
}

static pfn_t discard(void *ctx, struct lruvec *v, uint32_t id)
{
    (void)ctx, (void)v;
    w.here[id] = false;
    w.nr_here--;
    return 1;
}

/* ---- what is used ---- */

static uint32_t zipf(void)
{
    double u = (double)(rng_next(&w.rng) >> 11) / (double)((uint64_t)1 << 53);
    uint32_t low = 0, high = NR_HOT - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (w.zipf[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}

/* Blocks that are used once in a long while, one after the other. */
static uint32_t cold(void)
{
    w.cold = (w.cold + 1) % (NR_IDS - NR_HOT - 1);
    return NR_HOT + 1 + w.cold;
}

static uint32_t next_use(enum workload load, uint32_t n)
{
    switch (load) {
    case ZIPF:
        return zipf();
    case ZIPF_SCAN:
        return n % 20000 < 4000 ? cold() : zipf();
    case LOOP_SCAN: /* half of the room is in use for good, as often as what is not */
        return n % 2 ? cold() : 1 + n / 2 % (ROOM / 2);
    default: /* most of the room is in use, and later another such set */
        if (n < WARM_UP + 100000)
            return n % 2 ? cold() : 1 + rng_below(&w.rng, ROOM * 6 / 10);
        return 2 * ROOM + n % (ROOM * 8 / 10);
    }
}

/* ---- who goes ---- */

/* The oldest of one list; CLOCK lets it go round once more if it was used. */
static void make_room(enum policy policy)
{
    struct lru_scan s = {.want_pages = 1, .priority = LRU_PRIORITY};
    uint32_t id;

    if (policy == LISTS) {
        int r;

        while ((r = lru_reclaim(&w.lru, &w.ring, &s, 1000)) != 0)
            s.priority = r == -ENOENT ? LRU_PRIORITY : s.priority;
        return;
    }
    while (policy == CLOCK && w.used[id = w.vec.list[LRU_INACTIVE].oldest]) {
        w.used[id] = false;
        lru_del(&w.lru, &w.vec, id);
        lru_add(&w.lru, &w.vec, id, 0);
    }
    id = w.vec.list[LRU_INACTIVE].oldest;
    lru_del(&w.lru, &w.vec, id);
    (void)discard(NULL, NULL, id);
}

static bool use(enum policy policy, uint32_t id)
{
    bool hit = w.here[id];

    if (!hit) {
        if (w.nr_here == ROOM)
            make_room(policy);
        lru_add(&w.lru, &w.vec, id, 0);
        w.here[id] = true;
        w.nr_here++;
        assert_true(w.nr_here <= ROOM);
    } else if (policy == LRU) {
        lru_del(&w.lru, &w.vec, id);
        lru_add(&w.lru, &w.vec, id, 0);
    }
    w.used[id] = true;
    return hit;
}

/* Hits, in 1/1000 of the uses. */
static unsigned simulate(enum policy policy, enum workload load)
{
    static const struct lru_ops ops = {.referenced = referenced, .discard = discard};
    unsigned hits = 0;
    double sum = 0;

    memset(&w, 0, sizeof(w));
    w.rng.state = 1;
    w.lru = (struct lru){.link = w.link, .ops = &ops};
    lru_ring_add(&w.ring, &w.vec);
    for (uint32_t i = 0; i < NR_HOT; i++)
        w.zipf[i] = sum += 1.0 / (i + 1);
    for (uint32_t i = 0; i < NR_HOT; i++)
        w.zipf[i] /= sum;
    for (uint32_t n = 0; n < NR_USES; n++)
        hits += use(policy, next_use(load, n)) && n >= WARM_UP;
    return hits / ((NR_USES - WARM_UP) / 1000);
}

static void two_lists_keep_what_is_used(void **state)
{
    static const char *const names[] = {"zipf", "zipf and scans", "loop and scan", "a new loop"};
    unsigned got[NR_WORKLOADS][NR_POLICIES];

    (void)state;
    print_message("%-16s %6s %6s %6s %6s\n", "hits of 1000", "fifo", "clock", "lru", "lists");
    for (enum workload l = ZIPF; l < NR_WORKLOADS; l++) {
        for (enum policy p = FIFO; p < NR_POLICIES; p++)
            got[l][p] = simulate(p, l);
        print_message("%-16s %6u %6u %6u %6u\n", names[l], got[l][FIFO], got[l][CLOCK], got[l][LRU],
                      got[l][LISTS]);
    }
    for (enum workload l = ZIPF; l < NR_WORKLOADS; l++) {
        assert_true(got[l][LISTS] > got[l][CLOCK]);
        assert_true(got[l][LISTS] >= got[l][LRU]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_lists_keep_what_is_used)};

    return cmocka_run_group_tests_name("lru_policy", tests, NULL, NULL);
}
