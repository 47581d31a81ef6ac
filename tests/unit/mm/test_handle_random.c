/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_handle_random.c: random work on handle tables against a list of what was handed out.
 *
 * The model remembers for each record which handle is live and what it names, and every handle that
 * was ever put, in the order of their ends. Environment: BUDDYD_OPS, BUDDYD_SEED.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/handle_table.h"
#include "rng.h"

#ifndef DEFAULT_OPS
#define DEFAULT_OPS 4000000u
#endif

#define OWNERS 9u
#define PAST   4096u /* ended handles that are remembered */

struct live {
    uint64_t handle;
    uint32_t owner; /* index; OWNERS: reserved */
    uint32_t zone;
    pfn_t pfn;
};

struct run {
    uint32_t nr;
    struct handle_table *t;
    struct handle_owner owner[OWNERS];
    uint32_t nr_of_owner[OWNERS];
    struct live *live;
    uint32_t nr_live;
    uint32_t *place; /* by index of a handle: place in live + 1 */
    uint64_t past[PAST];
    uint64_t nr_past;
    struct rng rng;
    uint64_t seed;
    uint64_t step;
};

#define CHECK(r, what)                                                                             \
    do {                                                                                           \
        if (!(what))                                                                               \
            fail_msg("BUDDYD_SEED=%llu, %u handles, step %llu: %s", (unsigned long long)(r)->seed, \
                     (r)->nr, (unsigned long long)(r)->step, #what);                               \
    } while (0)

static void run_open(struct run *r, uint32_t nr, uint64_t seed)
{
    size_t bytes = (handle_table_bytes(nr) + 63) & ~(size_t)63;
    void *mem = aligned_alloc(64, bytes);

    memset(r, 0, sizeof(*r));
    r->nr = nr;
    r->seed = seed;
    r->rng.state = seed + nr;
    assert_non_null(mem);
    memset(mem, 0, bytes);
    assert_int_equal(handle_table_init(mem, nr, &r->t), 0);
    r->live = calloc(nr, sizeof(*r->live));
    r->place = calloc(nr, sizeof(*r->place));
    assert_true(r->live && r->place);
    for (uint32_t o = 0; o < OWNERS; o++)
        r->owner[o].id = o * 1000 + 1;
}

static void run_close(struct run *r)
{
    free(r->t);
    free(r->live);
    free(r->place);
}

static void check_live(struct run *r, const struct live *l)
{
    struct handle_info info;
    int e = handle_find(r->t, l->handle, &info);

    if (l->owner == OWNERS) {
        CHECK(r, e == -ESTALE);
        CHECK(r, handle_of_tag(r->t, handle_tag(l->handle)) == HANDLE_NONE);
        return;
    }
    CHECK(r, e == 0);
    CHECK(r, info.handle == l->handle);
    CHECK(r, info.owner == r->owner[l->owner].id);
    CHECK(r, info.zone == l->zone);
    CHECK(r, info.pfn == l->pfn);
    CHECK(r, handle_of_tag(r->t, handle_tag(l->handle)) == l->handle);
}

static void step_get(struct run *r)
{
    struct live l = {.owner = OWNERS};
    uint32_t index;
    int e = handle_get(r->t, &l.handle);

    if (r->nr_live == r->nr) {
        CHECK(r, e == -ENOSPC);
        CHECK(r, l.handle == 0);
        return;
    }
    CHECK(r, e == 0);
    CHECK(r, l.handle != HANDLE_NONE);
    index = (uint32_t)l.handle;
    CHECK(r, index < r->nr);
    CHECK(r, r->place[index] == 0);
    r->live[r->nr_live] = l;
    r->place[index] = ++r->nr_live;
}

static void step_commit(struct run *r, struct live *l)
{
    l->zone = rng_below(&r->rng, 64);
    l->pfn = rng_below(&r->rng, PFN_MAX_PAGES);
    if (l->owner == OWNERS) {
        l->owner = rng_below(&r->rng, OWNERS);
        r->nr_of_owner[l->owner]++;
        handle_commit(r->t, l->handle, &r->owner[l->owner], l->zone, l->pfn);
    } else {
        handle_move(r->t, l->handle, l->zone, l->pfn);
    }
    check_live(r, l);
}

static void put(struct run *r, uint32_t place)
{
    struct live l = r->live[place];
    struct handle_info info;

    handle_put(r->t, l.handle, l.owner == OWNERS ? NULL : &r->owner[l.owner]);
    if (l.owner != OWNERS)
        r->nr_of_owner[l.owner]--;
    CHECK(r, handle_find(r->t, l.handle, &info) == -ESTALE);
    CHECK(r, handle_of_tag(r->t, handle_tag(l.handle)) == HANDLE_NONE);
    r->past[r->nr_past++ % PAST] = l.handle;
    r->place[(uint32_t)l.handle] = 0;
    if (place != --r->nr_live) {
        r->live[place] = r->live[r->nr_live];
        r->place[(uint32_t)r->live[place].handle] = place + 1;
    }
}

/* A client is gone: all that it had, and nothing else. */
static void step_owner_gone(struct run *r)
{
    uint32_t o = rng_below(&r->rng, OWNERS), nr = r->nr_of_owner[o];
    uint64_t h;

    for (uint32_t i = 0; i < nr; i++) {
        h = handle_first(r->t, &r->owner[o]);
        CHECK(r, h != HANDLE_NONE);
        CHECK(r, r->place[(uint32_t)h] != 0);
        CHECK(r, r->live[r->place[(uint32_t)h] - 1].handle == h);
        CHECK(r, r->live[r->place[(uint32_t)h] - 1].owner == o);
        put(r, r->place[(uint32_t)h] - 1);
    }
    CHECK(r, handle_first(r->t, &r->owner[o]) == HANDLE_NONE);
}

/* What ended long ago, and what was never handed out. */
static void step_stale(struct run *r)
{
    uint64_t h = rng_next(&r->rng), named;
    struct handle_info info;

    if (r->nr_past != 0 && rng_below(&r->rng, 4) != 0)
        h = r->past[rng_below(&r->rng, (uint32_t)(r->nr_past < PAST ? r->nr_past : PAST))];
    else if (rng_one_in(&r->rng, 2))
        h = (h & 7) << 32 | rng_below(&r->rng, r->nr * 2);
    if (((uint32_t)h < r->nr && r->place[(uint32_t)h] != 0 &&
         r->live[r->place[(uint32_t)h] - 1].handle == h))
        return;
    CHECK(r, handle_find(r->t, h, &info) == -ESTALE);
    named = handle_of_tag(r->t, handle_tag(h));
    CHECK(r, named == HANDLE_NONE || handle_tag(named) == handle_tag(h));
}

static void compare(struct run *r)
{
    uint32_t index = 0, seen = 0, committed = 0;
    struct handle_info info;
    char why[200] = "";

    if (handle_table_check(r->t, why, sizeof(why)) != 0)
        fail_msg("BUDDYD_SEED=%llu, step %llu: %s", (unsigned long long)r->seed,
                 (unsigned long long)r->step, why);
    CHECK(r, handle_table_used(r->t) == r->nr_live);
    CHECK(r, handle_table_left(r->t) == r->nr - r->nr_live);
    CHECK(r, handle_table_end(r->t) <= r->nr);
    for (uint32_t i = 0; i < r->nr_live; i++)
        check_live(r, &r->live[i]);
    for (uint32_t o = 0; o < OWNERS; o++) {
        CHECK(r, r->owner[o].nr == r->nr_of_owner[o]);
        committed += r->nr_of_owner[o];
    }
    while (index < handle_table_end(r->t))
        seen += handle_next(r->t, &index, 1 + rng_below(&r->rng, 50), &info);
    CHECK(r, seen == committed);
}

static void run_seed(uint32_t nr, uint64_t seed, uint64_t nr_ops)
{
    uint32_t fill = 50;
    struct run r;

    run_open(&r, nr, seed);
    for (r.step = 0; r.step < nr_ops; r.step++) {
        uint32_t what = rng_below(&r.rng, 1000);
        bool hungry = (uint64_t)r.nr_live * 100 < (uint64_t)nr * fill;

        if (r.step % 5000 == 0)
            fill = rng_below(&r.rng, 120);
        if (what < 700) {
            if (hungry == (what % 10 < 7))
                step_get(&r);
            else if (r.nr_live != 0)
                put(&r, rng_below(&r.rng, r.nr_live));
        } else if (what < 900) {
            if (r.nr_live != 0)
                step_commit(&r, &r.live[rng_below(&r.rng, r.nr_live)]);
        } else if (what < 999) {
            step_stale(&r);
        } else {
            step_owner_gone(&r);
        }
        if (r.step % (nr + 1000) == 0)
            compare(&r);
    }
    while (r.nr_live != 0)
        put(&r, r.nr_live - 1);
    compare(&r);
    print_message("%u handles, seed %llu: %llu steps\n", nr, (unsigned long long)seed,
                  (unsigned long long)nr_ops);
    run_close(&r);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void random_work(void **state)
{
    static const uint32_t sizes[] = {1, 2, 17, 255, 257, 300, 5000};
    const uint64_t nr_sizes = sizeof(sizes) / sizeof(sizes[0]);
    uint64_t nr_ops = env_number("BUDDYD_OPS", DEFAULT_OPS), seed = env_number("BUDDYD_SEED", 0);

    (void)state;
    for (unsigned i = 0; i < nr_sizes; i++) {
        if (seed != 0) {
            run_seed(sizes[i], seed, nr_ops / nr_sizes);
            continue;
        }
        for (uint64_t s = 1; s <= 3; s++)
            run_seed(sizes[i], s, nr_ops / nr_sizes / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_work),
    };

    return cmocka_run_group_tests_name("handle_random", tests, NULL, NULL);
}
