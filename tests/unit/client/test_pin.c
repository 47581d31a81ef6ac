/* SPDX-License-Identifier: Apache-2.0 */
/* test_pin.c: pins by the slot word, while the daemon moves, discards, frees, lies and dies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "fake_daemon.h"
#include "served.h"

#define NR_SLOTS 64u

struct fixture {
    struct fake f;
    struct buddyd *b;
    struct buddyd_block block;
    slot_atomic *word; /* the block's */
    uint32_t index;
};

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

static struct buddyd_alloc of_type(enum buddyd_type type)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.type = type;
    return rq;
}

/* Connected, with a reclaimable page. */
static void start(struct fixture *x, void (*script)(struct fake *f))
{
    struct buddyd_alloc rq = of_type(BUDDYD_RECLAIMABLE);

    fake_init(&x->f);
    fake_add_zone(&x->f, FAKE_ZONE_BYTES);
    fake_slots_create(&x->f.slots, NR_SLOTS);
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
    assert_int_equal(buddyd_alloc(x->b, &rq, &x->block), 0);
    x->index = x->block.slot - 1;
    x->word = &x->f.slots.word[x->index];
}

static void stop(struct fixture *x)
{
    buddyd_close(x->b);
    fake_stop(&x->f);
}

static void *base(struct fixture *x, unsigned zone)
{
    struct buddyd_zone z;

    assert_int_equal(buddyd_get_zone(x->b, zone, &z), 0);
    return z.base;
}

#define PINS(x) slot_pins(atomic_load((x)->word))

/* ---- the usual ---- */

static void test_pins_nest(void **state)
{
    struct fixture *x = *state;
    void *p, *q;

    start(x, fake_good);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    assert_ptr_equal(p, (char *)base(x, 0) + x->block.offset);
    assert_true(atomic_load(x->word) & SLOT_REFERENCED);
    assert_int_equal(buddyd_try_pin(x->b, &x->block, &q), 0);
    assert_ptr_equal(p, q);
    assert_int_equal(PINS(x), 2);
    assert_false(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    buddyd_unpin(x->b, &x->block);
    assert_int_equal(PINS(x), 1);
    buddyd_unpin(x->b, &x->block);
    assert_int_equal(PINS(x), 0);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    stop(x);
}

static void test_the_pointer_follows_the_block(void **state)
{
    struct fixture *x = *state;
    void *p;

    start(x, fake_good);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    assert_int_equal(buddyd_try_pin(x->b, &x->block, &p), -EBUSY);
    assert_says("is being moved");
    fake_slots_publish(&x->f.slots, x->index, 1, FAKE_PAGES - 1);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    assert_ptr_equal(p, (char *)base(x, 1) + FAKE_ZONE_BYTES - FAKE_PAGE);
    buddyd_unpin(x->b, &x->block);
    stop(x);
}

static void test_an_unpin_too_many_is_nothing(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block other;
    uint64_t before;
    void *p;

    start(x, fake_good);
    before = atomic_load(x->word);
    buddyd_unpin(x->b, &x->block);
    assert_true(atomic_load(x->word) == before);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    // Of the slot's last block, it must not take this one's pin.
    other = x->block;
    other.pinned_as += 1u << (SLOT_GENERATION_SHIFT - SLOT_STATE_SHIFT);
    buddyd_unpin(x->b, &other);
    assert_int_equal(PINS(x), 1);
    buddyd_unpin(NULL, &x->block);
    assert_int_equal(PINS(x), 1);
    buddyd_unpin(x->b, &x->block);
    assert_int_equal(PINS(x), 0);
    // While it moves, the word is the daemon's.
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    before = atomic_load(x->word);
    buddyd_unpin(x->b, &x->block);
    assert_true(atomic_load(x->word) == before);
    stop(x);
}

static void test_the_most_pins(void **state)
{
    struct fixture *x = *state;
    void *p;

    start(x, fake_good);
    for (unsigned i = 0; i < SLOT_MAX_PINS; i++)
        assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    assert_int_equal(PINS(x), SLOT_MAX_PINS);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -EAGAIN);
    assert_says("has 16383 pins, which is the most");
    assert_int_equal(slot_state(atomic_load(x->word)), SLOT_NORMAL);
    for (unsigned i = 0; i < SLOT_MAX_PINS; i++)
        buddyd_unpin(x->b, &x->block);
    assert_int_equal(PINS(x), 0);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    stop(x);
}

static void test_a_fixed_block_has_no_slot(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block fixed;
    void *p;

    start(x, fake_good);
    assert_int_equal(buddyd_alloc(x->b, NULL, &fixed), 0);
    assert_int_equal(fixed.slot, 0);
    assert_int_equal(buddyd_try_pin(x->b, &fixed, &p), 0);
    assert_ptr_equal(p, (char *)base(x, 0) + fixed.offset);
    buddyd_unpin(x->b, &fixed);
    assert_int_equal(buddyd_pin(NULL, &x->block, &p), -EINVAL);
    stop(x);
}

static void test_clearing_follows_the_block(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = of_type(BUDDYD_MOVABLE);
    struct buddyd_block block;
    void *p;

    start(x, fake_good);
    memset(base(x, 0), 0xee, (size_t)FAKE_ZONE_BYTES);
    rq.flags = BUDDYD_ZERO;
    assert_int_equal(buddyd_alloc(x->b, &rq, &block), 0);
    assert_int_equal(buddyd_pin(x->b, &block, &p), 0);
    for (size_t i = 0; i < FAKE_PAGE; i++)
        assert_int_equal(((unsigned char *)p)[i], 0);
    assert_int_equal(slot_pins(atomic_load(&x->f.slots.word[block.slot - 1])), 1);
    stop(x);
}

/* ---- what is not there ---- */

static void test_what_was_discarded_or_freed(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = of_type(BUDDYD_MOVABLE);
    struct buddyd_block next;
    void *p = x;

    start(x, fake_good);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_DISCARDED));
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -ENODATA);
    assert_says("was discarded");
    assert_int_equal(buddyd_try_pin(x->b, &x->block, &p), -ENODATA);
    assert_int_equal(buddyd_free(x->b, x->block.handle), 0);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -ESTALE);
    assert_says("names no block any more");
    // The slot's next block is another one.
    x->f.slots.next = x->index;
    assert_int_equal(buddyd_alloc(x->b, &rq, &next), 0);
    assert_int_equal(next.slot, x->block.slot);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -ESTALE);
    assert_int_equal(PINS(x), 0);
    assert_int_equal(buddyd_pin(x->b, &next, &p), 0);
    buddyd_unpin(x->b, &x->block);
    assert_int_equal(PINS(x), 1);
    stop(x);
}

static void test_a_slot_beyond_the_table(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block far;
    void *p;

    start(x, fake_good);
    far = x->block;
    far.slot = NR_SLOTS + 1;
    assert_int_equal(buddyd_pin(x->b, &far, &p), -ESTALE);
    buddyd_unpin(x->b, &far);
    far.slot = UINT32_MAX;
    assert_int_equal(buddyd_try_pin(x->b, &far, &p), -ESTALE);
    buddyd_unpin(x->b, &far);
    stop(x);
}

/* No pointer is made of a word that names no memory of ours. */
static void test_a_place_that_is_none(void **state)
{
    struct fixture *x = *state;
    void *p = x;

    start(x, fake_good);
    fake_slots_publish(&x->f.slots, x->index, 2, 0);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -EPROTO);
    assert_says("names no place in a zone");
    fake_slots_publish(&x->f.slots, x->index, 1, FAKE_PAGES);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -EPROTO);
    assert_ptr_equal(p, x);
    assert_int_equal(PINS(x), 0);
    stop(x);
}

/* ---- waiting ---- */

struct sleeper {
    struct fixture *x;
    pthread_t thread;
    int r;
    void *p;
};

static void *pin_here(void *arg)
{
    struct sleeper *s = arg;

    s->r = buddyd_pin(s->x->b, &s->x->block, &s->p);
    return NULL;
}

static void begin(struct sleeper *s, struct fixture *x)
{
    s->x = x;
    assert_int_equal(pthread_create(&s->thread, NULL, pin_here, s), 0);
}

static void await_waiter(struct fixture *x)
{
    while (!(atomic_load(x->word) & SLOT_WAITER))
        sched_yield();
}

static void test_all_who_wait_are_woken(void **state)
{
    struct fixture *x = *state;
    struct sleeper s[4];

    start(x, fake_good);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    for (unsigned i = 0; i < 4; i++)
        begin(&s[i], x);
    await_waiter(x);
    fake_slots_publish(&x->f.slots, x->index, 1, 5);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(s[i].thread, NULL);
        assert_int_equal(s[i].r, 0);
        assert_ptr_equal(s[i].p, (char *)base(x, 1) + 5 * FAKE_PAGE);
    }
    assert_int_equal(x->f.slots.nr_wakes, 1);
    assert_int_equal(PINS(x), 4);
    assert_false(atomic_load(x->word) & SLOT_WAITER);
    stop(x);
}

/* Who sleeps is woken, and does not only look again after its time. */
static void test_a_sleeper_is_woken(void **state)
{
    struct fixture *x = *state;
    struct sleeper s;

    start(x, fake_good);
    // Some are not asleep yet when the move ends.
    for (unsigned i = 0; i < 50 && !x->f.slots.nr_woken; i++) {
        assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
        begin(&s, x);
        await_waiter(x);
        for (unsigned j = 0; j < 10 * i; j++)
            sched_yield();
        fake_slots_publish(&x->f.slots, x->index, 0, i);
        pthread_join(s.thread, NULL);
        assert_int_equal(s.r, 0);
        buddyd_unpin(x->b, &x->block);
    }
    assert_int_equal(x->f.slots.nr_woken, 1);
    stop(x);
}

/* It moves, and is freed meanwhile. */
static void test_who_waits_for_what_ends(void **state)
{
    struct fixture *x = *state;
    struct sleeper s;

    start(x, fake_good);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    begin(&s, x);
    await_waiter(x);
    fake_slots_end(&x->f.slots, x->index);
    pthread_join(s.thread, NULL);
    assert_int_equal(s.r, -ESTALE);
    stop(x);
}

/* Until it is told to die. */
static void mortal(struct fake *f)
{
    fake_hello(f);
    if (fake_receive(f))
        fake_answer_all(f);
    sem_wait(&f->go);
}

static void test_a_daemon_that_dies_while_moving(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;
    struct sleeper s;
    void *p;

    start(x, mortal);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    begin(&s, x);
    await_waiter(x);
    sem_post(&x->f.go);
    pthread_join(s.thread, NULL);
    assert_int_equal(s.r, -ENOTCONN);
    // Nobody else learned of it yet; who pins now learns at once, or after its own wait.
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -ENOTCONN);
    assert_says("the daemon is gone");
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), -ENOTCONN);
    // What is in place can be used on.
    fake_slots_publish(&x->f.slots, x->index, 0, 3);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    stop(x);
}

/* A move that takes longer than a waiter sleeps at a time; it is woken by its end all the same. */
static void test_a_long_move(void **state)
{
    struct fixture *x = *state;
    struct timespec begun, now;
    struct sleeper s;

    start(x, fake_good);
    assert_true(fake_slots_take(&x->f.slots, x->index, SLOT_MOVING));
    clock_gettime(CLOCK_MONOTONIC, &begun);
    begin(&s, x);
    await_waiter(x);
    do {
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begun.tv_sec) * 1000 + (now.tv_nsec - begun.tv_nsec) / 1000000 < 250);
    fake_slots_publish(&x->f.slots, x->index, 0, 3);
    pthread_join(s.thread, NULL);
    assert_int_equal(s.r, 0);
    assert_int_equal(PINS(x), 1);
    stop(x);
}

/* ---- connections ---- */

static void test_a_child_has_no_slots(void **state)
{
    struct fixture *x = *state;
    int status;
    pid_t pid;
    void *p;

    start(x, fake_good);
    assert_int_equal(buddyd_pin(x->b, &x->block, &p), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        int r = buddyd_pin(x->b, &x->block, &p);

        buddyd_unpin(x->b, &x->block);
        // What is left is the daemon's.
        _exit(r == -ENOTCONN && buddyd_try_pin(x->b, &x->block, &p) == -ENOTCONN &&
                      count_maps("fake-slots") == 1
                  ? 0
                  : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(PINS(x), 1);
    stop(x);
}

static void test_the_table_goes_with_the_connection(void **state)
{
    struct fixture *x = *state;

    start(x, fake_good);
    assert_int_equal(count_maps("fake-slots"), 2);
    buddyd_close(x->b);
    assert_int_equal(count_maps("fake-slots"), 1);
    fake_stop(&x->f);
}

static void expect_no_connection(struct fixture *x, int error, const char *text)
{
    unsigned fds = count_fds(), maps = count_maps("fake");

    fake_start(&x->f, fake_good);
    assert_int_equal(fake_connect(&x->f, &x->b), error);
    assert_says(text);
    fake_join(&x->f);
    close(x->f.listener);
    assert_int_equal(count_fds(), fds);
    assert_int_equal(count_maps("fake"), maps);
    unlink(x->f.path);
}

static void test_tables_that_cannot_be(void **state)
{
    struct fixture *x = *state;

    fake_init(&x->f);
    fake_slots_create(&x->f.slots, NR_SLOTS);
    x->f.slots.announced = NR_SLOTS + 4096;
    expect_no_connection(x, -EPROTO, "the slot table: its file has not");
    x->f.slots.announced = NR_SLOTS;
    x->f.sends_slots = false;
    expect_no_connection(x, -EMFILE, "1 descriptors came for 1 zones and a slot table");
    x->f.sends_slots = true;
    x->f.slots.announced = 0;
    expect_no_connection(x, -EMFILE, "2 descriptors came for 1 zones:");
    x->f.listener = -1;
    fake_stop(&x->f);
}

/* A slot that is not in the table: the reply is broken. */
static void test_a_slot_that_cannot_be(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = of_type(BUDDYD_MOVABLE);

    fake_init(&x->f);
    fake_slots_create(&x->f.slots, NR_SLOTS);
    x->f.slots.announced = NR_SLOTS - 1;
    x->f.slots.next = NR_SLOTS - 2;
    fake_start(&x->f, fake_good);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
    assert_int_equal(buddyd_alloc(x->b, &rq, &x->block), 0);
    assert_int_equal(buddyd_alloc(x->b, &rq, &x->block), -EPROTO);
    assert_says("slot 63 where there are 63");
    stop(x);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pins_nest),
        TEST(test_the_pointer_follows_the_block),
        TEST(test_an_unpin_too_many_is_nothing),
        TEST(test_the_most_pins),
        TEST(test_a_fixed_block_has_no_slot),
        TEST(test_clearing_follows_the_block),
        TEST(test_what_was_discarded_or_freed),
        TEST(test_a_slot_beyond_the_table),
        TEST(test_a_place_that_is_none),
        TEST(test_all_who_wait_are_woken),
        TEST(test_a_sleeper_is_woken),
        TEST(test_who_waits_for_what_ends),
        TEST(test_a_daemon_that_dies_while_moving),
        TEST(test_a_long_move),
        TEST(test_a_child_has_no_slots),
        TEST(test_the_table_goes_with_the_connection),
        TEST(test_tables_that_cannot_be),
        TEST(test_a_slot_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
