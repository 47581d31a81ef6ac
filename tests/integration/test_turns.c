/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_turns.c: requests that wait for memory get what other processes free, in the order in
 * which they came, or the reason at their deadline.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/stage.h"

#define OVERTAKES 16u
#define SHORT_MS  150u

#define POLICY                                                                                     \
    "[policy tenants]\nuid = 61001\n[policy urgent]\nuid = 61002\npriority = 3\n"                  \
    "[policy small]\nuid = 61003\nmax = 1M\nmin = 0\nlow = 0\nhigh = 0\n"
#define TENANT 61001u
#define URGENT 61002u
#define SMALL  61003u

static struct stage st;
static struct client *const holder = &st.clients[0];
static struct client *const first = &st.clients[1];
static struct client *const second = &st.clients[2];

/* A holder who has all of the memory, in blocks of order, and two who want some. */
static void open_full(unsigned order, unsigned second_uid)
{
    const struct stage_role roles[] = {
        {"holder", TENANT, NULL}, {"first", TENANT, NULL}, {"second", second_uid, NULL}, {0}};
    struct client_answer a;

    stage_open(&st, "none", POLICY, roles);
    assert_int_equal(stage_fill(holder, order, &a), ZONE_PAGES >> order);
}

static void what_is_freed_goes_to_who_came_first(void **state)
{
    (void)state;
    open_full(9, TENANT);
    stage_begin_waiting(&st, first, 9, LONG_MS);
    stage_begin_waiting(&st, second, 9, LONG_MS);
    assert_int_equal(stage_account(&st, "tenants").waiting, 2);

    stage_free(holder, 1);
    stage_is_granted(first);
    assert_true(observe_waiting(st.b, "first", 0));
    assert_true(observe_waiting(st.b, "second", 1));
    assert_false(client_has_finished(second));

    /* And who frees cannot take it back before them. */
    stage_free(holder, 1);
    assert_int_equal(stage_zone(&st).free_pages, 0);
    stage_is_granted(second);
    stage_leave(&st);
}

static void a_higher_priority_comes_first(void **state)
{
    (void)state;
    open_full(9, URGENT);
    stage_begin_waiting(&st, first, 9, LONG_MS);
    stage_begin_waiting(&st, second, 9, LONG_MS);
    stage_free(holder, 1);
    stage_is_granted(second);
    assert_true(observe_waiting(st.b, "first", 1));
    stage_free(holder, 1);
    stage_is_granted(first);
    stage_leave(&st);
}

static void the_deadline_has_its_reason(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(9, TENANT);
    stage_wait_in_vain(first, 4, SHORT_MS, &a);
    stage_assert_zone_refused(&st, 0, &a);
    assert_non_null(strstr(a.explanation, "zone 'test'"));
    assert_true(observe_waiting(st.b, "first", 0));

    /* Without time it is refused at once. */
    assert_int_equal(stage_fill(first, 4, &a), 0);
    assert_int_equal(a.why.waited_ms, 0);
    stage_leave(&st);
}

/* Its own account is full: what helps is what its own section frees, or a larger max. */
static void an_account_is_waited_for(void **state)
{
    static const struct stage_role roles[] = {{"owner", SMALL, NULL}, {"friend", SMALL, NULL}, {0}};
    struct client *owner = &st.clients[0], *friend = &st.clients[1];
    struct client_answer a;

    (void)state;
    stage_open(&st, "none", POLICY, roles);
    assert_int_equal(stage_fill(owner, 4, &a), 16);
    stage_wait_in_vain(friend, 4, SHORT_MS, &a);
    stage_assert_account_refused(&st, "small", &a);

    stage_begin_waiting(&st, friend, 4, LONG_MS);
    stage_free(owner, 1);
    stage_is_granted(friend);

    stage_begin_waiting(&st, friend, 4, LONG_MS);
    assert_int_equal(daemon_proc_ctl(&st.daemon,
                                     (const char *const[]){"set", "policy small", "max=2M", NULL},
                                     NULL, NULL),
                     0);
    stage_is_granted(friend);
    assert_int_equal(stage_account(&st, "small").used_pages, 256 + 16);
    stage_leave(&st);
}

static void the_end_of_one_who_waits_leaves_nothing(void **state)
{
    (void)state;
    open_full(9, TENANT);
    stage_begin_waiting(&st, first, 9, LONG_MS);
    stage_begin_waiting(&st, second, 9, LONG_MS);
    client_kill(first);
    while (stage_account(&st, "tenants").members != 2)
        ;
    assert_int_equal(stage_account(&st, "tenants").waiting, 1);
    stage_free(holder, 1);
    stage_is_granted(second);
    stage_free(holder, 1);
    assert_int_equal(stage_zone(&st).free_pages, 512);

    stage_begin_waiting(&st, second, 18 - 8, LONG_MS);
    client_kill(second);
    client_kill(holder);
    stage_leave(&st);
}

/* Others may use what a large request cannot use yet, but not for ever. */
static void nobody_is_passed_for_ever(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(5, TENANT);
    stage_free(holder, 1);
    stage_begin_waiting(&st, first, 6, LONG_MS);
    stage_take(second, 0, OVERTAKES);
    assert_int_equal(stage_fill(second, 0, &a), 0);
    assert_int_equal(a.why.reason, BUDDYD_REASON_QUEUE);
    assert_int_equal(a.why.scope, BUDDYD_SCOPE_QUEUE);
    assert_int_equal(stage_zone(&st).free_pages, 32 - OVERTAKES);
    /* Of equal priority, but older: what the first one waits for is free. */
    stage_free(holder, 4);
    stage_is_granted(first);
    stage_get(second, 0);
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, NULL, stage_tear_down, &st)
    const struct CMUnitTest tests[] = {
        TEST(what_is_freed_goes_to_who_came_first),
        TEST(a_higher_priority_comes_first),
        TEST(the_deadline_has_its_reason),
        TEST(an_account_is_waited_for),
        TEST(the_end_of_one_who_waits_leaves_nothing),
        TEST(nobody_is_passed_for_ever),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
