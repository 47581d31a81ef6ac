/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_waiting.c: allocations that wait: granted at the free that makes it possible, in their
 * order, or refused at their deadline; and nothing is left of who dies meanwhile.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "session.h"

/** Long enough never to pass. */
#define LONG_MS 3600000u

static struct fixture f;

/* One zone of 2,048 pages: four blocks of order 9. */
static int set_up(void **state)
{
    (void)state;
    fixture_start(&f, 1, 8 * MIB);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    check_zones(f.hub->zones);
    fixture_stop(&f);
    return 0;
}

static void expect_nothing_left(void)
{
    run_until_sessions(&f, 0);
    assert_int_equal(f.hub->waiting.nr, 0);
    assert_int_equal(used_pages(f.hub->zones), 0);
    assert_int_equal(handle_table_used(f.hub->zones->handles), 0);
}

static uint64_t grab(struct client *c, uint32_t order)
{
    struct wire_request rq = alloc_request(order, 1);
    const struct wire_response *rs = client_call(c, &rq);

    assert_int_equal(rs->error, 0);
    return rs->alloc.handle[0];
}

static void give_back(struct client *c, uint64_t handle)
{
    struct wire_request rq = free_request(&handle, 1);

    assert_int_equal(client_call(c, &rq)->error, 0);
}

/* Ask for a block and run the loop until the request waits. */
static uint64_t wait_for_block(struct client *c, uint32_t order, uint32_t deadline_ms)
{
    struct wire_request rq = alloc_request(order, 1);
    uint32_t before = f.hub->waiting.nr;

    rq.alloc.deadline_ms = deadline_ms;
    client_send(c, &rq, 1);
    while (f.hub->waiting.nr == before)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(f.hub->waiting.nr, before + 1);
    return rq.id;
}

/* The answer to a request that waited. */
static struct wire_response answer(struct client *c, uint64_t id)
{
    struct wire_server_packet packet;

    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.responses[0].id, id);
    return packet.responses[0];
}

static uint64_t expect_granted(struct client *c, uint64_t id)
{
    struct wire_response rs = answer(c, id);

    assert_int_equal(rs.error, 0);
    return rs.alloc.handle[0];
}

/* Nothing has come for the client, and its request still waits. */
static void expect_waiting(struct client *c, uint32_t nr)
{
    char byte;

    for (int turn = 0; turn < 10; turn++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(f.hub->waiting.nr, nr);
    assert_int_equal(recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* The session that was opened last. */
static struct session *newest_session(void)
{
    struct session *s = session_table_find(&f.hub->sessions, f.hub->sessions.last_id);

    assert_non_null(s);
    return s;
}

static void test_granted_at_the_free(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    uint64_t handle = grab(a, 11), id;

    (void)state;
    id = wait_for_block(b, 0, LONG_MS);
    expect_waiting(b, 1);
    give_back(a, handle);
    give_back(b, expect_granted(b, id));
    client_free(a);
    client_free(b);
    expect_nothing_left();
}

static void test_refused_at_the_deadline(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    struct wire_response rs;
    uint64_t id;

    (void)state;
    (void)grab(a, 10);
    (void)grab(a, 9);
    id = wait_for_block(b, 10, 20);
    rs = answer(b, id);
    assert_int_equal(rs.error, ENOMEM);
    assert_int_equal(rs.refusal->reason, WIRE_REFUSAL_SHORTAGE);
    assert_int_equal(rs.refusal->free_pages, 512);
    assert_int_equal(f.hub->waiting.nr, 0);
    client_free(a);
    client_free(b);
    expect_nothing_left();
}

/* What no zone can hold is not waited for, nor is it without a deadline. */
static void test_not_worth_waiting(void **state)
{
    struct client *a = client_open(&f);
    struct wire_request rq = alloc_request(12, 1);

    (void)state;
    rq.alloc.deadline_ms = LONG_MS;
    assert_int_equal(client_call(a, &rq)->refusal->reason, WIRE_REFUSAL_NO_ZONE);
    (void)grab(a, 11);
    rq = alloc_request(0, 1);
    assert_int_equal(client_call(a, &rq)->refusal->reason, WIRE_REFUSAL_SHORTAGE);
    client_free(a);
    expect_nothing_left();
}

static void test_first_come_first_served(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    uint64_t handle[2] = {grab(a, 10), grab(a, 10)}, id_b, id_c;

    (void)state;
    id_b = wait_for_block(b, 10, LONG_MS);
    id_c = wait_for_block(c, 10, LONG_MS);
    give_back(a, handle[1]);
    (void)expect_granted(b, id_b);
    expect_waiting(c, 1);
    give_back(a, handle[0]);
    (void)expect_granted(c, id_c);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left();
}

static void test_higher_priority_first(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c;
    uint64_t handle = grab(a, 11), id_b, id_c;

    (void)state;
    id_b = wait_for_block(b, 11, LONG_MS);
    c = client_open(&f);
    newest_session()->priority = 3;
    id_c = wait_for_block(c, 11, LONG_MS);
    give_back(a, handle);
    handle = expect_granted(c, id_c);
    expect_waiting(b, 1);
    give_back(c, handle);
    (void)expect_granted(b, id_b);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left();
}

/* Who frees and asks again in one packet comes after those who waited. */
static void test_newcomers_come_later(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    struct wire_server_packet packet;
    struct wire_request rq[2];
    uint64_t handle = grab(a, 11), id;

    (void)state;
    id = wait_for_block(b, 11, LONG_MS);
    rq[0] = free_request(&handle, 1);
    rq[1] = alloc_request(11, 1);
    client_send(a, rq, 2);
    client_receive(a, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.responses[0].error, 0);
    client_receive(a, &packet);
    assert_int_equal(packet.responses[0].id, rq[1].id);
    assert_int_equal(packet.responses[0].error, ENOMEM);
    (void)expect_granted(b, id);
    client_free(a);
    client_free(b);
    expect_nothing_left();
}

/* Others of its session are answered while a request waits. */
static void test_others_go_on(void **state)
{
    struct client *a = client_open(&f);
    uint64_t handle = grab(a, 10), id;

    (void)state;
    (void)grab(a, 9);
    id = wait_for_block(a, 10, LONG_MS);
    give_back(a, grab(a, 0));
    give_back(a, handle);
    (void)expect_granted(a, id);
    client_free(a);
    expect_nothing_left();
}

static void test_dead_leave_nothing(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    uint64_t handle = grab(a, 11);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        (void)wait_for_block(b, i, LONG_MS);
    client_free(b);
    run_until_sessions(&f, 1);
    assert_int_equal(f.hub->waiting.nr, 0);
    give_back(a, handle);
    assert_int_equal(used_pages(f.hub->zones), 0);
    client_free(a);
    expect_nothing_left();
}

/* The server stops under requests that wait: tear_down counts what is left. */
static void test_stop(void **state)
{
    struct client *a = client_open(&f);

    (void)state;
    (void)grab(a, 11);
    (void)wait_for_block(a, 0, LONG_MS);
    server_stop(f.server);
    assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    client_free(a);
    assert_int_equal(count_fds(), f.fds_before);
}

static void test_too_many(void **state)
{
    struct client *a = client_open(&f);
    struct wire_request rq = alloc_request(0, 1);

    (void)state;
    newest_session()->max_waiting = 2;
    (void)grab(a, 11);
    (void)wait_for_block(a, 0, LONG_MS);
    (void)wait_for_block(a, 0, LONG_MS);
    rq.alloc.deadline_ms = LONG_MS;
    assert_int_equal(client_call(a, &rq)->error, ENOMEM);
    assert_int_equal(f.hub->waiting.nr, 2);
    client_free(a);
    expect_nothing_left();
}

/*
 * A large request lacks pages; small ones come and go. They pass it WAIT_MAX_OVERTAKES times, then
 * they are refused as long as they would eat into what it needs.
 */
static void test_small_ones_do_not_pass_for_ever(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    uint64_t handle[2] = {grab(a, 10), grab(a, 9)}, id;
    struct wire_request rq = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    id = wait_for_block(b, 10, LONG_MS);
    for (unsigned i = 0; i < WAIT_MAX_OVERTAKES; i++)
        give_back(c, grab(c, 0));
    rs = client_call(c, &rq);
    assert_int_equal(rs->error, ENOMEM);
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_QUEUE);
    expect_waiting(b, 1);
    give_back(a, handle[1]);
    (void)expect_granted(b, id);
    /* Nobody holds any more. */
    give_back(a, handle[0]);
    give_back(c, grab(c, 0));
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left();
}

/*
 * There are pages enough, but not together: while it holds all of them are kept, and after a while
 * others may pass again.
 */
static void test_hold_of_all_ends(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    uint64_t handle[4], id;
    struct wire_request rq = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        handle[i] = grab(a, 9);
    /* 1,024 pages are free, in two places: blocks are granted from the lowest address up. */
    give_back(a, handle[0]);
    give_back(a, handle[2]);
    id = wait_for_block(b, 10, LONG_MS);
    for (unsigned i = 0; i < WAIT_MAX_OVERTAKES; i++)
        give_back(c, grab(c, 0));
    rs = client_call(c, &rq);
    assert_int_equal(rs->error, ENOMEM);
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_QUEUE);
    do
        rs = client_call(c, &rq);
    while (rs->error);
    give_back(c, rs->alloc.handle[0]);
    expect_waiting(b, 1);
    give_back(a, handle[1]);
    (void)expect_granted(b, id);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_granted_at_the_free, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_at_the_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_worth_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_come_first_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_higher_priority_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newcomers_come_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_others_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup(test_stop, set_up),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_ones_do_not_pass_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hold_of_all_ends, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
