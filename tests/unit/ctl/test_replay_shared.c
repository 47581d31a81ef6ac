/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay_shared.c: positions, the gate, marks; and that a bell is never missed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "replay_shared.h"

#define PAGE 4096u

static const struct replay_zone zones[] = {
    {.bytes = (uint64_t)64 * PAGE, .page_shift = 12},
    {.bytes = (uint64_t)16 * PAGE, .page_shift = 12},
};

static struct replay_shared *make(unsigned nr_clients)
{
    struct replay_shared *s;

    assert_int_equal(replay_shared_new(nr_clients, zones, 2, &s), 0);
    return s;
}

static void impossible_sizes(void **state)
{
    struct replay_shared *s;

    (void)state;
    assert_int_equal(replay_shared_new(0, zones, 2, &s), -EINVAL);
    assert_int_equal(replay_shared_new(REPLAY_MAX_CLIENTS + 1, zones, 2, &s), -EINVAL);
    assert_int_equal(replay_shared_new(1, zones, REPLAY_MAX_ZONES + 1, &s), -EINVAL);
    replay_shared_free(NULL);
}

static void the_slowest_that_counts(void **state)
{
    struct replay_shared *s = make(3);

    (void)state;
    assert_int_equal(replay_slowest(s), 0);
    replay_publish(s, 0, 10);
    replay_publish(s, 1, 20);
    replay_publish(s, 2, 30);
    assert_int_equal(replay_slowest(s), 10);
    s->seats[0].out = 1;
    assert_int_equal(replay_slowest(s), 20);
    s->seats[1].phase = REPLAY_FREED;
    assert_int_equal(replay_slowest(s), 30);
    s->seats[2].phase = REPLAY_FAILED;
    assert_int_equal(replay_slowest(s), REPLAY_NO_LIMIT);
    replay_shared_free(s);
}

static void quiet_and_freed(void **state)
{
    struct replay_shared *s = make(2);

    (void)state;
    assert_false(replay_all_quiet(s));
    s->seats[0].quiet = s->gate;
    assert_false(replay_all_quiet(s));
    s->seats[1].quiet = s->gate;
    assert_true(replay_all_quiet(s));
    replay_set_gate(s, 100, false);
    assert_false(replay_all_quiet(s));
    s->seats[0].out = 1;
    s->seats[1].phase = REPLAY_FREED;
    assert_true(replay_all_quiet(s));
    assert_true(replay_all_freed(s));
    s->seats[1].phase = REPLAY_PLAYING;
    assert_false(replay_all_freed(s));
    replay_shared_free(s);
}

static void a_position_rings_once(void **state)
{
    struct replay_shared *s = make(1);
    uint32_t bell;

    (void)state;
    s->seats[0].ring_at = 50;
    bell = s->parent_bell;
    replay_publish(s, 0, 49);
    assert_int_equal(s->parent_bell, bell);
    replay_publish(s, 0, 60);
    assert_int_equal(s->parent_bell, bell + 1);
    replay_publish(s, 0, 70);
    assert_int_equal(s->parent_bell, bell + 1);
    replay_shared_free(s);
}

static void marks(void **state)
{
    struct replay_shared *s = make(2);

    (void)state;
    assert_int_equal(replay_mark(s, 0, 0, 0, PAGE), 0);
    assert_int_equal(replay_mark(s, 0, 0, (uint64_t)63 * PAGE, PAGE), 0);
    /* The zones' marks do not touch. */
    assert_int_equal(replay_mark(s, 1, 1, 0, (uint64_t)16 * PAGE), 0);
    assert_int_equal(replay_mark(s, 1, 0, 0, (uint64_t)4 * PAGE), 1);
    /* Also one's own page cannot be granted twice. */
    assert_int_equal(replay_mark(s, 1, 0, (uint64_t)2 * PAGE, (uint64_t)4 * PAGE), 2);
    replay_unmark(s, 0, 0, (uint64_t)8 * PAGE);
    assert_int_equal(replay_mark(s, 1, 0, 0, (uint64_t)8 * PAGE), 0);
    /* What somebody had who is dead is nobody's. */
    s->seats[1].out = 1;
    assert_int_equal(replay_mark(s, 0, 0, 0, (uint64_t)8 * PAGE), 0);
    assert_int_equal(replay_mark(s, 0, 0, 0, (uint64_t)8 * PAGE), 8);
    replay_shared_free(s);
}

static void no_marks_outside_a_zone(void **state)
{
    struct replay_shared *s = make(1);

    (void)state;
    assert_int_equal(replay_mark(s, 0, 2, 0, PAGE), -ERANGE);
    assert_int_equal(replay_mark(s, 0, 1, (uint64_t)16 * PAGE, PAGE), -ERANGE);
    assert_int_equal(replay_mark(s, 0, 1, (uint64_t)15 * PAGE, (uint64_t)2 * PAGE), -ERANGE);
    assert_int_equal(replay_mark(s, 0, 1, UINT64_MAX - 1, PAGE), -ERANGE);
    replay_unmark(s, 1, UINT64_MAX - 1, PAGE);
    replay_unmark(s, 7, 0, PAGE);
    replay_shared_free(s);
}

static void peak_is_the_highest(void **state)
{
    struct replay_shared *s = make(1);

    (void)state;
    replay_count_live(s, 10);
    replay_count_live(s, -4);
    replay_count_live(s, 3);
    assert_int_equal(s->live_pages, 9);
    assert_int_equal(s->peak_pages, 10);
    replay_count_live(s, 2);
    assert_int_equal(s->peak_pages, 11);
    replay_shared_free(s);
}

/* ---- bells, between processes ---- */

#define ROUNDS 20000u

/* Go to and fro: each may take its step only when the other has taken its own. */
static void take_turns(struct replay_shared *s, unsigned me)
{
    unsigned other = 1 - me;
    uint64_t step;

    for (step = 1; step <= ROUNDS; step++) {
        uint64_t needed = me ? step : step - 1;

        while (s->seats[other].position < needed) {
            uint32_t bell = replay_wait_begin(s);

            if (s->seats[other].position < needed)
                replay_wait(s, bell);
            replay_wait_end(s);
        }
        replay_publish(s, me, step);
    }
}

static void no_bell_is_missed(void **state)
{
    struct replay_shared *s = make(2);
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        alarm(60);
        take_turns(s, 1);
        _exit(0);
    }
    take_turns(s, 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(s->seats[0].position, ROUNDS);
    assert_int_equal(s->seats[1].position, ROUNDS);
    assert_int_equal(s->clients_waiting, 0);
    replay_shared_free(s);
}

static void the_parent_is_woken(void **state)
{
    struct replay_shared *s = make(1);
    uint32_t bell = s->parent_bell;
    int status;
    pid_t pid;

    (void)state;
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        replay_ring_parent(s);
        _exit(0);
    }
    while (s->parent_bell == bell)
        replay_wait_parent(s, bell, -1);
    /* It rang before: no waiting. */
    replay_wait_parent(s, bell, -1);
    /* And not since: the time counts. */
    replay_wait_parent(s, s->parent_bell, 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    replay_shared_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_sizes),
        cmocka_unit_test(the_slowest_that_counts),
        cmocka_unit_test(quiet_and_freed),
        cmocka_unit_test(a_position_rings_once),
        cmocka_unit_test(marks),
        cmocka_unit_test(no_marks_outside_a_zone),
        cmocka_unit_test(peak_is_the_highest),
        cmocka_unit_test(no_bell_is_missed),
        cmocka_unit_test(the_parent_is_woken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
