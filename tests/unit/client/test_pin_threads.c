/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pin_threads.c: threads pin, write, verify and unpin while another moves the blocks about as
 * fast as it can. Each thread has a part of each block to itself; the mover copies blocks whole.
 * Places that blocks left are spoilt. The mover uses the threads' addresses, of blocks and of
 * slots: ThreadSanitizer goes by addresses, and so sees whoever touches a block that moves.
 */
#include <sched.h>
#include <string.h>

#include "connection.h"
#include "fake_daemon.h"
#include "must.h"

#define NR_THREADS 4u
#define NR_BLOCKS  4u
#define NR_PLACES  16u /* pages that blocks can be at: the spare ones are behind those granted */
#define NR_WORDS   16u /* of a thread in each block */
#define ROUNDS     4000u
#define MIN_MOVES  200u

struct fixture {
    struct fake f;
    struct buddyd *b;
    char *base;
    struct buddyd_block block[NR_BLOCKS];
    uint32_t place[NR_BLOCKS];
    bool taken[NR_PLACES];
    atomic_uint nr_done; /* threads */
    atomic_uint nr_moves;
    unsigned nr_pinned; /* blocks that could not be moved */
    uint64_t seed;
};

struct worker {
    struct fixture *x;
    pthread_t thread;
    unsigned number;
};

/* Before the first round nothing is there; then what the last one wrote. */
static void verify(const uint64_t *part, uint64_t stamp)
{
    for (unsigned i = 0; i < NR_WORDS; i++)
        MUST(part[i] == stamp + i);
}

static void write_all(uint64_t *part, uint64_t stamp)
{
    for (unsigned i = 0; i < NR_WORDS; i++)
        part[i] = stamp + i;
}

static uint64_t *part_of(const struct worker *w, void *p)
{
    return (uint64_t *)p + (size_t)w->number * NR_WORDS;
}

static void pin_block(const struct worker *w, unsigned i, void **ret)
{
    struct fixture *x = w->x;
    int r;

    // Some try first, and some hold two pins for a while.
    r = w->number % 2 ? buddyd_try_pin(x->b, &x->block[i], ret) : -EBUSY;
    if (r == -EBUSY)
        r = buddyd_pin(x->b, &x->block[i], ret);
    MUST(r == 0);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct fixture *x = w->x;
    uint64_t random = x->seed + w->number, stamp[NR_BLOCKS] = {0};
    void *p, *q;

    for (unsigned round = 0; round < ROUNDS || atomic_load(&x->nr_moves) < MIN_MOVES; round++) {
        unsigned i = (unsigned)(test_random(&random) % NR_BLOCKS);
        bool twice = test_random(&random) % 4 == 0;

        pin_block(w, i, &p);
        if (stamp[i])
            verify(part_of(w, p), stamp[i]);
        stamp[i] = test_random(&random) | 1;
        if (twice) {
            pin_block(w, i, &q);
            MUST(p == q);
            buddyd_unpin(x->b, &x->block[i]);
        }
        write_all(part_of(w, p), stamp[i]);
        if (test_random(&random) % 8 == 0)
            sched_yield();
        verify(part_of(w, p), stamp[i]);
        buddyd_unpin(x->b, &x->block[i]);
    }
    for (unsigned i = 0; i < NR_BLOCKS; i++) {
        pin_block(w, i, &p);
        if (stamp[i])
            verify(part_of(w, p), stamp[i]);
        buddyd_unpin(x->b, &x->block[i]);
    }
    atomic_fetch_add(&x->nr_done, 1);
    return NULL;
}

/* By words: ThreadSanitizer does not see what the compiler makes of a memcpy() of known length. */
static void copy_page(uint64_t *to, const uint64_t *from)
{
    for (size_t i = 0; i < FAKE_PAGE / sizeof(*to); i++)
        to[i] = from[i];
}

static void spoil_page(uint64_t *page)
{
    for (size_t i = 0; i < FAKE_PAGE / sizeof(*page); i++)
        page[i] = UINT64_C(0xeeeeeeeeeeeeeeee);
}

static uint64_t *page_at(const struct fixture *x, uint32_t place)
{
    return (uint64_t *)(x->base + place * FAKE_PAGE);
}

static void move(struct fixture *x, unsigned i, uint64_t *random)
{
    uint32_t index = x->block[i].slot - 1, from = x->place[i], to;

    do {
        to = (uint32_t)(test_random(random) % NR_PLACES);
    } while (x->taken[to]);
    if (!fake_slots_take(&x->f.slots, index, SLOT_MOVING)) {
        x->nr_pinned++;
        return;
    }
    copy_page(page_at(x, to), page_at(x, from));
    if (test_random(random) % 4 == 0)
        sched_yield();
    fake_slots_publish(&x->f.slots, index, 0, to);
    spoil_page(page_at(x, from));
    x->taken[from] = false;
    x->taken[to] = true;
    x->place[i] = to;
    atomic_fetch_add(&x->nr_moves, 1);
}

static void test_content_holds(void **state)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct fixture *x = *state;
    struct worker w[NR_THREADS];
    struct buddyd_zone z;
    slot_atomic *daemons;
    uint64_t random;

    x->seed = random = test_seed();
    fake_init(&x->f);
    fake_slots_create(&x->f.slots, 64);
    fake_start(&x->f, fake_good);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
    assert_int_equal(buddyd_get_zone(x->b, 0, &z), 0);
    x->base = z.base;
    rq.type = BUDDYD_MOVABLE;
    assert_int_equal(buddyd_alloc_bulk(x->b, &rq, NR_BLOCKS, x->block), 0);
    for (unsigned i = 0; i < NR_BLOCKS; i++) {
        x->place[i] = (uint32_t)(x->block[i].offset / FAKE_PAGE);
        x->taken[x->place[i]] = true;
    }
    daemons = x->f.slots.word;
    x->f.slots.word = x->b->owner->slots.word;
    for (unsigned i = 0; i < NR_THREADS; i++) {
        w[i] = (struct worker){.x = x, .number = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    while (atomic_load(&x->nr_done) < NR_THREADS)
        move(x, (unsigned)(test_random(&random) % NR_BLOCKS), &random);
    for (unsigned i = 0; i < NR_THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (unsigned i = 0; i < NR_BLOCKS; i++)
        assert_int_equal(slot_pins(atomic_load(&x->f.slots.word[x->block[i].slot - 1])), 0);
    x->f.slots.word = daemons;
    print_message("%u moves, %u of them waited for, %u pinned\n", atomic_load(&x->nr_moves),
                  x->f.slots.nr_wakes, x->nr_pinned);
    buddyd_close(x->b);
    fake_stop(&x->f);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_content_holds, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
