/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_last_resort.c: who is chosen when requests of the highest priority wait, what it is told,
 * and what becomes of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"

static struct fixture f;

/* One zone of 2,048 pages. */
static int set_up(void **state)
{
    *state = &f;
    fixture_start(&f, 1, 8 * MIB);
    f.hub->top_priority = 5;
    return 0;
}

/* A client that holds a block, under these terms. */
static struct client *client_with(uint8_t priority, struct victim_terms terms, uint32_t order)
{
    struct client *c = client_open(&f);
    struct session *s = client_session(c);

    s->priority = priority;
    s->terms = terms;
    (void)client_get(c, order);
    return c;
}

static struct victim_terms terms(enum last_resort action, int16_t score)
{
    return (struct victim_terms){.last_resort = action, .score = score, .grace_ms = 5};
}

/* Ask for all but what client_with() gives its asker. */
static uint64_t ask(struct client *c, uint32_t order)
{
    struct wire_request rq = alloc_request(order, 1);

    rq.alloc.deadline_ms = LONG_MS;
    client_send(c, &rq, 1);
    return rq.id;
}

/* It is told what is going to happen. */
static void expect_warning(struct client *c, uint64_t pages)
{
    struct wire_server_packet packet;

    client_receive(c, &packet);
    assert_int_equal(packet.nr_events, 1);
    assert_int_equal(packet.events[0].kind, WIRE_EVENT_REVOKE);
    assert_int_equal(packet.events[0].revoke.grace_ms, 5);
    assert_int_equal(packet.events[0].revoke.pages, pages);
}

static void test_badness(void **state)
{
    (void)state;
    assert_int_equal(last_resort_badness(100, UINT64_MAX, 0, 1000000), 100);
    /* Only what its account has over its guarantee. */
    assert_int_equal(last_resort_badness(100, 30, 0, 1000000), 30);
    assert_int_equal(last_resort_badness(100, 0, 1000, 1000000), 0);
    assert_int_equal(last_resort_badness(100, 100, 1, 1000000), 1100);
    assert_true(last_resort_badness(100, 100, -1, 1000000) < 1);
    assert_int_equal(last_resort_badness(100, 100, LAST_RESORT_NEVER, 1000), 0);
}

/* The one that holds most is disconnected; others are left alone. */
static void test_the_worst_is_disconnected(void **state)
{
    struct client *small = client_with(0, terms(LAST_RESORT_DISCONNECT, 0), 9);
    struct client *large = client_with(0, terms(LAST_RESORT_DISCONNECT, 0), 10);
    struct client *asker = client_with(5, terms(LAST_RESORT_DISCONNECT, 0), 0);
    uint64_t id = ask(asker, 10);

    (void)state;
    expect_warning(large, 1024);
    client_expect_goodbye(large, "");
    (void)client_expect_granted(asker, id);
    run_until_sessions(&f, 2);
    client_free(small);
    client_free(large);
    client_free(asker);
    run_until_sessions(&f, 0);
    assert_int_equal(used_pages(f.hub->zones), 0);
}

/* A score weighs more than pages, and the lowest one protects. */
static void test_score(void **state)
{
    struct client *small = client_with(0, terms(LAST_RESORT_DISCONNECT, 900), 9);
    struct client *large = client_with(0, terms(LAST_RESORT_DISCONNECT, -1000), 10);
    struct client *asker = client_with(5, terms(LAST_RESORT_NONE, 0), 0);
    uint64_t id = ask(asker, 9);

    (void)state;
    expect_warning(small, 512);
    client_expect_goodbye(small, "");
    (void)client_expect_granted(asker, id);
    client_free(small);
    client_free(large);
    client_free(asker);
    run_until_sessions(&f, 0);
}

/* Who gives back in time is spared. */
static void test_spared(void **state)
{
    struct client *victim = client_with(0, terms(LAST_RESORT_DISCONNECT, 0), 10);
    struct client *other = client_with(0, terms(LAST_RESORT_NONE, 0), 9);
    struct client *asker = client_with(5, terms(LAST_RESORT_NONE, 0), 0);
    struct session *s = client_session(victim);
    struct wire_server_packet packet;
    uint64_t id;

    (void)state;
    s->terms.grace_ms = LONG_MS;
    id = ask(asker, 10);
    client_receive(victim, &packet);
    assert_int_equal(packet.events[0].kind, WIRE_EVENT_REVOKE);
    client_give_back(victim, handle_first(f.hub->zones->handles, &s->holdings.owner));
    (void)client_expect_granted(asker, id);
    /* Its time is over now: nobody waits, and nothing is done. */
    (void)uv_timer_start(&f.hub->last_resort.timer, f.hub->last_resort.timer.timer_cb, 0, 0);
    RUN_UNTIL(&f, f.hub->last_resort.victim == 0);
    (void)client_get(victim, 0);
    client_free(victim);
    client_free(other);
    client_free(asker);
    run_until_sessions(&f, 0);
}

/* Who leaves keeps nobody waiting until its grace time would be over: the next one is asked. */
static void test_left(void **state)
{
    struct victim_terms long_terms = {.last_resort = LAST_RESORT_DISCONNECT, .grace_ms = LONG_MS};
    struct client *small = client_with(0, long_terms, 9);
    struct client *large = client_with(0, long_terms, 10);
    struct client *asker = client_with(5, terms(LAST_RESORT_NONE, 0), 0);
    struct wire_request rq = alloc_request(9, 3);
    struct wire_server_packet packet;

    (void)state;
    rq.alloc.deadline_ms = LONG_MS;
    client_send(asker, &rq, 1);
    client_receive(large, &packet);
    assert_int_equal(packet.events[0].kind, WIRE_EVENT_REVOKE);
    client_free(large);
    client_receive(small, &packet);
    assert_int_equal(packet.events[0].kind, WIRE_EVENT_REVOKE);
    client_free(small);
    (void)client_expect_granted(asker, rq.id);
    client_free(asker);
    run_until_sessions(&f, 0);
}

/* Nobody of the same or a higher priority is a victim, nor for a request below the highest. */
static void test_no_victim(void **state)
{
    struct client *equal = client_with(5, terms(LAST_RESORT_KILL, 0), 10);
    struct client *other = client_with(0, terms(LAST_RESORT_NONE, 0), 9);
    struct client *asker = client_with(5, terms(LAST_RESORT_NONE, 0), 0);
    struct client *low = client_with(4, terms(LAST_RESORT_NONE, 0), 0);
    struct wire_request rq = alloc_request(10, 1);

    (void)state;
    (void)ask(low, 10);
    RUN_UNTIL(&f, f.hub->waiting.nr != 0);
    assert_false(f.hub->last_resort.looking);
    rq.alloc.deadline_ms = 50;
    assert_int_equal(client_call(asker, &rq)->error, ENOMEM);
    assert_int_equal(f.hub->last_resort.victim, 0);
    assert_int_equal(f.hub->sessions.nr, 4);
    client_free(equal);
    client_free(other);
    client_free(asker);
    client_free(low);
    run_until_sessions(&f, 0);
}

/* A client in a process of its own, which takes a block and then does nothing. */
static pid_t start_process(uint32_t order)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct client *c = client_connect(&f);
        struct wire_request rq[2] = {hello_request(WIRE_VERSION, "victim"),
                                     alloc_request(order, 1)};

        client_send(c, rq, 2);
        for (;;)
            (void)pause();
    }
    return pid;
}

/* Is there this session, with a block? */
static bool holds(uint32_t id)
{
    const struct session *s = session_table_find(&f.hub->sessions, id);

    return s && s->holdings.owner.nr != 0;
}

static void test_killed(void **state)
{
    pid_t pid = start_process(10);
    struct client *other, *asker;
    uint64_t id;
    int status;

    (void)state;
    RUN_UNTIL(&f, holds(1));
    session_table_find(&f.hub->sessions, 1)->terms = terms(LAST_RESORT_KILL, 0);
    other = client_with(0, terms(LAST_RESORT_NONE, 0), 9);
    asker = client_with(5, terms(LAST_RESORT_NONE, 0), 0);
    id = ask(asker, 10);
    (void)client_expect_granted(asker, id);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    client_free(other);
    client_free(asker);
    run_until_sessions(&f, 0);
    assert_int_equal(used_pages(f.hub->zones), 0);
}

static int set_up_listening(void **state)
{
    *state = &f;
    fixture_start_listening(&f, 1, 8 * MIB);
    f.hub->top_priority = 5;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_badness),
        cmocka_unit_test_setup_teardown(test_the_worst_is_disconnected, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_score, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_spared, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_left, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_no_victim, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up_listening, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
