/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_victims.c: when requests of the highest priority wait and nothing else frees memory, one
 * client is asked to, has its grace time, and loses its session or its life; nobody else does.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/stage.h"

#define GRACE_MS 200u
#define MERCY_MS 1500u

#define KING      61001u
#define GUEST     61002u
#define MORTAL    61003u
#define UNTOUCHED 61004u
#define POLICY                                                                                     \
    "[policy kings]\nuid = 61001\npriority = 7\n"                                                  \
    "[policy guests]\nuid = 61002\nlast_resort = disconnect\ngrace = 200\n"                        \
    "[policy mortals]\nuid = 61003\nlast_resort = kill\ngrace = 200\n"                             \
    "[policy untouched]\nuid = 61004\nlast_resort = none\n"

static struct stage st;
static unsigned grace_ms; /* that victims have */
static struct client *const king = &st.clients[0];
static struct client *const victim = &st.clients[1];
static struct client *const other = &st.clients[2];

static int set_up(void **state)
{
    grace_ms = GRACE_MS;
    *state = &st;
    return 0;
}

/* The victim has more than half of the memory, and the other one the rest. */
static void open_full(unsigned victim_uid, unsigned other_uid)
{
    const struct stage_role roles[] = {
        {"king", KING, NULL}, {"victim", victim_uid, NULL}, {"other", other_uid, NULL}, {0}};
    struct client_answer a;

    stage_open(&st, "none", POLICY, roles);
    stage_take(victim, 9, ZONE_HUGEPAGES / 2 + 1);
    stage_fill(other, 9, &a);
    assert_int_equal(stage_zone(&st).free_pages, 0);
}

/* Enough for what a test does in it, however slow the machine is. */
static void give_time(const char *section, unsigned ms)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", ms);
    assert_int_equal(buddyd_set_policy(st.b, section, "grace", text), 0);
    grace_ms = ms;
}

static void assert_revoke(const struct client_answer *a, uint64_t pages, const char *what)
{
    const struct client_event *e = &a->events[0];

    assert_int_equal(a->nr_events, 1);
    assert_int_equal(e->kind, BUDDYD_EVENT_REVOKE);
    assert_int_equal(e->grace_ms, grace_ms);
    assert_int_equal(e->pages, pages);
    assert_non_null(strstr(e->message, what));
}

static void assert_not_asked(struct client *c)
{
    struct client_answer a;

    stage_free(c, 1);
    stage_get(c, 0);
    assert_int_equal(client_events(c, 0, &a), 0);
    assert_int_equal(a.nr_events, 0);
}

static void who_does_not_listen_is_disconnected(void **state)
{
    int64_t begun;
    struct client_answer a;

    (void)state;
    open_full(GUEST, UNTOUCHED);
    begun = host_now_ms();
    stage_begin_waiting(&st, king, 9, LONG_MS);
    assert_int_equal(client_events(victim, 1, &a), 0);
    assert_int_equal(a.error, 0);
    assert_revoke(&a, 512, "session is ended");
    /* It does nothing about it. */
    assert_int_equal(client_events(victim, 2, &a), 0);
    assert_int_equal(a.error, -ENOTCONN);
    assert_non_null(strstr(a.text, "higher priority"));
    assert_true(host_now_ms() - begun >= GRACE_MS);
    stage_is_granted(king);
    assert_not_asked(other);
    stage_leave(&st);
}

static void a_policy_may_kill(void **state)
{
    (void)state;
    open_full(MORTAL, UNTOUCHED);
    stage_begin_waiting(&st, king, 9, LONG_MS);
    assert_int_equal(actor_wait(&victim->actor), 128 + SIGKILL);
    stage_is_granted(king);
    assert_not_asked(other);
    stage_leave(&st);
}

static void who_frees_in_time_is_spared(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(MORTAL, UNTOUCHED);
    /* The second one is asked when this is over. */
    give_time("policy mortals", 2 * MERCY_MS);
    stage_begin_waiting(&st, king, 9, LONG_MS);
    assert_int_equal(client_events(victim, 1, &a), 0);
    assert_revoke(&a, 512, "process is killed");
    stage_free(victim, 1);
    stage_is_granted(king);
    /* Nothing comes when the grace time is over: another one, asked later, is served as well. */
    stage_begin_waiting(&st, king, 9, LONG_MS);
    assert_int_equal(client_events(victim, 2, &a), 0);
    assert_int_equal(a.error, 0);
    assert_int_equal(a.nr_events, 2);
    stage_free(victim, 1);
    stage_is_granted(king);
    stage_leave(&st);
}

/* Who holds more goes first; then, when that is not enough, the next one. */
static void one_after_another(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(GUEST, GUEST);
    stage_begin_waiting(&st, king, 14, LONG_MS);
    assert_int_equal(client_events(victim, 2, &a), 0);
    assert_int_equal(a.error, -ENOTCONN);
    assert_revoke(&a, 16384, "session is ended");
    assert_int_equal(client_events(other, 2, &a), 0);
    assert_int_equal(a.error, -ENOTCONN);
    assert_revoke(&a, 16384, "session is ended");
    stage_is_granted(king);
    stage_leave(&st);
}

/* A victim that ends by itself in its grace time is not the last one to be looked for. */
static void the_next_one_follows_who_leaves(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(GUEST, GUEST);
    give_time("policy guests", PATIENCE_MS);
    stage_begin_waiting(&st, king, 14, LONG_MS);
    assert_int_equal(client_events(victim, 1, &a), 0);
    assert_revoke(&a, 16384, "session is ended");
    assert_int_equal(client_end(victim), 0);
    assert_int_equal(client_events(other, 1, &a), 0);
    assert_int_equal(a.error, 0);
    assert_revoke(&a, 16384, "session is ended");
    assert_int_equal(client_end(other), 0);
    stage_is_granted(king);
    stage_leave(&st);
}

/* The policy of the end of the grace time is what counts. */
static void a_policy_may_have_mercy(void **state)
{
    const struct buddyd_alloc rq = stage_request(9, MERCY_MS + GRACE_MS);
    struct client_answer a;

    (void)state;
    open_full(GUEST, UNTOUCHED);
    give_time("policy guests", MERCY_MS);
    assert_int_equal(client_begin_alloc(king, &rq), 0);
    assert_int_equal(client_events(victim, 1, &a), 0);
    assert_int_equal(buddyd_set_policy(st.b, "policy guests", "last_resort", "none"), 0);
    assert_int_equal(client_finish(king, &a), 0);
    assert_int_equal(a.error, -ENOMEM);
    stage_free(victim, 1);
    stage_leave(&st);
}

static void nobody_is_asked_for_lower_priorities(void **state)
{
    struct client_answer a;

    (void)state;
    open_full(MORTAL, UNTOUCHED);
    stage_wait_in_vain(other, 9, 3 * GRACE_MS, &a);
    assert_int_equal(a.why.reason, BUDDYD_REASON_SHORTAGE);
    assert_not_asked(victim);
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_does_not_listen_is_disconnected),  TEST(a_policy_may_kill),
        TEST(who_frees_in_time_is_spared),          TEST(one_after_another),
        TEST(the_next_one_follows_who_leaves),      TEST(a_policy_may_have_mercy),
        TEST(nobody_is_asked_for_lower_priorities),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
