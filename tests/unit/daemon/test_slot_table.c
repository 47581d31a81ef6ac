/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slot_table.c: the words that a session shares with its process, seen from both sides.
 *
 * Linked with --wrap for fallocate(), which fails when a test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "slot_table.h"

#define MAX       100000u
#define WAIT_SECS 20

int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);

static int fail_with; /* 0: fallocate() works */

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (fail_with != 0) {
        errno = fail_with;
        return -1;
    }
    return __real_fallocate(fd, mode, offset, len);
}

static struct slot_table *t;
static struct slot_budget budget;
static _Atomic uint64_t *client; /* the client's mapping */

static int set_up(void **state)
{
    (void)state;
    fail_with = 0;
    budget = (struct slot_budget){.max = UINT64_MAX};
    assert_int_equal(slot_table_create(MAX, &budget, &t), 0);
    client =
        mmap(NULL, MAX * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, slot_table_fd(t), 0);
    assert_ptr_not_equal(client, MAP_FAILED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)munmap(client, MAX * sizeof(uint64_t));
    slot_table_free(t);
    assert_int_equal(budget.ready, 0);
    return 0;
}

static uint32_t take(void)
{
    uint16_t generation;

    assert_int_equal(slot_table_reserve(t, 1), 0);
    return slot_table_take(t, &generation);
}

static void test_file(void **state)
{
    struct slot_table *none;
    struct stat st;

    (void)state;
    assert_int_equal(fstat(slot_table_fd(t), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, MAX * sizeof(uint64_t));
    assert_int_equal(st.st_blocks, 0);
    assert_int_equal(ftruncate(slot_table_fd(t), 0), -1);
    assert_int_equal(ftruncate(slot_table_fd(t), 2 * sizeof(uint64_t) * MAX), -1);
    assert_int_equal(fcntl(slot_table_fd(t), F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
    assert_int_equal(slot_table_max(t), MAX);
    assert_int_equal(slot_table_create(0, &budget, &none), -EINVAL);
    assert_int_equal(slot_table_create(WIRE_MAX_SLOTS + 1, &budget, &none), -EINVAL);
    slot_table_free(NULL);
}

/* Memory comes before slots are used, and slots stay where they are. */
static void test_grows(void **state)
{
    struct stat st;

    (void)state;
    for (uint32_t i = 0; i < MAX; i++) {
        uint32_t slot = take();

        assert_int_equal(slot, i);
        slot_table_publish(t, slot, slot_word(1, i, SLOT_NORMAL, 1), SLOT_EMPTY);
        assert_int_equal(fstat(slot_table_fd(t), &st), 0);
        if (st.st_blocks * 512 < (off_t)((i + 1) * sizeof(uint64_t)))
            fail_msg("slot %u has no memory", i);
    }
    assert_int_equal(slot_table_used(t), MAX);
    assert_int_equal(slot_table_reserve(t, 1), -ENOSPC);
    for (uint32_t i = 0; i < MAX; i++)
        assert_int_equal(slot_pfn(client[i]), i);
    slot_table_put(t, 77);
    assert_int_equal(slot_table_reserve(t, 1), 0);
    assert_int_equal(slot_table_reserve(t, 2), -ENOSPC);
    assert_int_equal(take(), 77);
}

/* The longest free is the next to be used, under another generation: 1 to 4095, in a ring. */
static void test_first_in_first_out(void **state)
{
    uint16_t generation, first;

    (void)state;
    assert_int_equal(slot_table_reserve(t, 512), 0);
    for (uint32_t i = 0; i < 512; i++)
        assert_int_equal(slot_table_take(t, &first), i);
    slot_table_put(t, 300);
    slot_table_put(t, 5);
    slot_table_put(t, 100);
    assert_int_equal(slot_table_reserve(t, 3), 0);
    assert_int_equal(slot_table_take(t, &generation), 300);
    assert_int_equal(generation, first + 1);
    assert_int_equal(slot_table_take(t, &generation), 5);
    assert_int_equal(slot_table_take(t, &generation), 100);
    for (unsigned i = 2; i <= 5000; i++) {
        slot_table_put(t, 100);
        assert_int_equal(slot_table_take(t, &generation), 100);
        assert_int_equal(generation, (first - 1 + i) % 4095 + 1);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    fail_with = ENOSPC;
    assert_int_equal(slot_table_reserve(t, 1), -ENOSPC);
    fail_with = ENOMEM;
    assert_int_equal(slot_table_reserve(t, 1), -ENOMEM);
    assert_int_equal(slot_table_used(t), 0);
    fail_with = 0;
    assert_int_equal(take(), 0);
    fail_with = ENOSPC;
    assert_int_equal(slot_table_reserve(t, 511), 0);
    assert_int_equal(slot_table_reserve(t, 512), -ENOSPC);
}

/* Tables share a budget, but each has a few slots in any case. */
static void test_budget(void **state)
{
    struct slot_table *other, *small;
    struct stat st;

    (void)state;
    budget.max = 4096;
    assert_int_equal(slot_table_create(MAX, &budget, &other), 0);
    assert_int_equal(slot_table_create(MAX, &budget, &small), 0);
    assert_int_equal(slot_table_reserve(t, 2048), 0);
    assert_int_equal(slot_table_reserve(other, 2048), 0);
    assert_int_equal(slot_table_reserve(other, 2049), -EDQUOT);
    assert_int_equal(slot_table_reserve(small, SLOT_TABLE_FREE_SLOTS), 0);
    assert_int_equal(slot_table_reserve(small, SLOT_TABLE_FREE_SLOTS + 1), -EDQUOT);
    assert_int_equal(fstat(slot_table_fd(other), &st), 0);
    assert_true(st.st_blocks * 512 <= 2048 * (off_t)sizeof(uint64_t));
    slot_table_free(small);
    slot_table_free(other);
    assert_int_equal(slot_table_reserve(t, 4096), 0);
}

/* A large table's memory goes piece by piece. */
static void test_drained(void **state)
{
    struct stat st;
    unsigned pieces = 1;

    (void)state;
    for (uint32_t i = 0; i < MAX; i++)
        (void)take();
    for (uint32_t i = 0; i < MAX; i++)
        slot_table_put(t, i);
    while (slot_table_drain(t))
        pieces++;
    assert_true(pieces >= 10);
    assert_int_equal(budget.ready, 0);
    assert_int_equal(fstat(slot_table_fd(t), &st), 0);
    assert_int_equal(st.st_blocks, 0);
    assert_false(slot_table_drain(t));
}

/* Whatever a word says, it is seized if it says that it is not pinned. */
static void test_seize(void **state)
{
    const uint64_t ours = slot_word(3, 4711, SLOT_MOVING, 9);
    uint32_t slot = take();
    uint64_t before = 0;

    (void)state;
    client[slot] = slot_word(3, 4711, SLOT_NORMAL, 9) + SLOT_PIN;
    assert_true(slot_table_pinned(t, slot));
    assert_false(slot_table_seize(t, slot, ours, &before));
    assert_int_equal(slot_pins(slot_table_look(t, slot)), 1);
    client[slot] = UINT64_MAX;
    assert_false(slot_table_seize(t, slot, ours, &before));
    client[slot] = UINT64_MAX & ~(SLOT_MAX_PINS * SLOT_PIN);
    assert_false(slot_table_pinned(t, slot));
    assert_true(slot_table_seize(t, slot, ours, &before));
    assert_int_equal(client[slot], ours);
    assert_int_equal(before, UINT64_MAX & ~(SLOT_MAX_PINS * SLOT_PIN));
}

static void test_referenced(void **state)
{
    uint32_t slot = take();
    uint64_t w = slot_word(0, 8, SLOT_NORMAL, 1) + 2 * SLOT_PIN;

    (void)state;
    client[slot] = w;
    assert_false(slot_table_referenced(t, slot));
    client[slot] = w | SLOT_REFERENCED;
    assert_true(slot_table_referenced(t, slot));
    assert_int_equal(client[slot], w);
    assert_false(slot_table_referenced(t, slot));
}

/* A client that punches its table sees zeros, and so does the daemon. */
static void test_hole(void **state)
{
    uint32_t slot = take();
    uint64_t before;

    (void)state;
    slot_table_publish(t, slot, slot_word(0, 8, SLOT_NORMAL, 1), SLOT_EMPTY);
    assert_int_equal(__real_fallocate(slot_table_fd(t), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      0, (off_t)(MAX * sizeof(uint64_t))),
                     0);
    assert_int_equal(slot_table_look(t, slot), 0);
    assert_true(slot_table_seize(t, slot, slot_word(0, 8, SLOT_MOVING, 1), &before));
    assert_int_equal(slot_state(client[slot]), SLOT_MOVING);
}

/* ---- who waits ---- */

struct sleeper {
    pthread_t thread;
    uint32_t slot;
    atomic_int tid;
    int error; /* of the futex: 0, or EAGAIN */
};

static void *sleep_on_word(void *arg)
{
    const struct timespec limit = {.tv_sec = WAIT_SECS};
    struct sleeper *s = arg;
    char *half = (char *)&client[s->slot] + 4;

    s->tid = (int)syscall(SYS_gettid);
    s->error = syscall(SYS_futex, half, FUTEX_WAIT, *(volatile uint32_t *)half, &limit, NULL, 0) < 0
                   ? errno
                   : 0;
    return NULL;
}

static char state_of(int tid)
{
    char path[64], c = '?';
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    file = fopen(path, "re");
    if (!file)
        return c;
    (void)fscanf(file, "%*d (%*[^)]) %c", &c);
    (void)fclose(file);
    return c;
}

static void begin_to_sleep(struct sleeper *s, uint32_t slot)
{
    *s = (struct sleeper){.slot = slot};
    assert_int_equal(pthread_create(&s->thread, NULL, sleep_on_word, s), 0);
    while (s->tid == 0 || state_of(s->tid) != 'S')
        (void)sched_yield();
}

static void expect_awake(struct sleeper *s)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(s->error, 0);
}

static void test_wakes(void **state)
{
    const uint64_t moving = slot_word(0, 8, SLOT_MOVING, 1),
                   there = slot_word(0, 9, SLOT_NORMAL, 1);
    struct sleeper a, b;
    uint32_t slot = take();

    (void)state;
    client[slot] = moving | SLOT_WAITER;
    begin_to_sleep(&a, slot);
    begin_to_sleep(&b, slot);
    slot_table_publish(t, slot, there, SLOT_MOVING);
    expect_awake(&a);
    expect_awake(&b);
    assert_int_equal(client[slot], there);
    /* It was freed meanwhile. */
    client[slot] = moving | SLOT_WAITER;
    begin_to_sleep(&a, slot);
    slot_table_put(t, slot);
    expect_awake(&a);
    assert_int_equal(client[slot], 0);
    /* Somebody else has scribbled on it. */
    slot = take();
    client[slot] = slot_word(5, 5, SLOT_NORMAL, 77);
    begin_to_sleep(&a, slot);
    slot_table_publish(t, slot, there, SLOT_MOVING);
    expect_awake(&a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_file),      TEST(test_grows),      TEST(test_first_in_first_out),
        TEST(test_no_memory), TEST(test_budget),     TEST(test_drained),
        TEST(test_seize),     TEST(test_referenced), TEST(test_hole),
        TEST(test_wakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
