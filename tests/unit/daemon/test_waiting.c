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

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"

static struct fixture f;

/* One zone of 2,048 pages: four blocks of order 9. */
static int set_up(void **state)
{
    *state = &f;
    fixture_start(&f, 1, 8 * MIB);
    return 0;
}

/* Ask for a block that is not there; returns the request's id. */
static uint64_t wait_for_block(struct client *c, uint32_t order)
{
    struct wire_request rq = alloc_request(order, 1);

    rq.alloc.deadline_ms = LONG_MS;
    client_send_waiting(c, &rq);
    return rq.id;
}

/* Nothing has come for the client, and its request still waits. */
static void expect_waiting(struct client *c, uint32_t nr)
{
    fixture_turns(&f, 10);
    assert_int_equal(f.hub->waiting.nr, nr);
    assert_false(client_has_packet(c));
}

static void test_granted_at_the_free(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    uint64_t handle = client_get(a, 11), id;

    (void)state;
    id = wait_for_block(b, 0);
    expect_waiting(b, 1);
    client_give_back(a, handle);
    client_give_back(b, client_expect_granted(b, id));
    client_free(a);
    client_free(b);
    expect_nothing_left(&f);
}

static void test_refused_at_the_deadline(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    struct wire_request rq = alloc_request(10, 1);
    const struct wire_response *rs;

    (void)state;
    (void)client_get(a, 10);
    (void)client_get(a, 9);
    rq.alloc.deadline_ms = 20;
    rs = client_call(b, &rq);
    assert_int_equal(rs->error, ENOMEM);
    assert_true(rs->refusal->waited_ms >= 20);
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_SHORTAGE);
    assert_int_equal(rs->refusal->free_pages, 512);
    assert_int_equal(f.hub->waiting.nr, 0);
    client_free(a);
    client_free(b);
    expect_nothing_left(&f);
}

/* What no zone can hold is not waited for, nor is it without a deadline. */
static void test_not_worth_waiting(void **state)
{
    struct client *a = client_open(&f);
    struct wire_request rq = alloc_request(12, 1);

    (void)state;
    rq.alloc.deadline_ms = LONG_MS;
    assert_int_equal(client_call(a, &rq)->refusal->reason, WIRE_REFUSAL_NO_ZONE);
    (void)client_get(a, 11);
    rq = alloc_request(0, 1);
    assert_int_equal(client_call(a, &rq)->refusal->reason, WIRE_REFUSAL_SHORTAGE);
    client_free(a);
    expect_nothing_left(&f);
}

static void test_first_come_first_served(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    uint64_t handle[2] = {client_get(a, 10), client_get(a, 10)}, id_b, id_c;

    (void)state;
    id_b = wait_for_block(b, 10);
    id_c = wait_for_block(c, 10);
    client_give_back(a, handle[1]);
    (void)client_expect_granted(b, id_b);
    expect_waiting(c, 1);
    client_give_back(a, handle[0]);
    (void)client_expect_granted(c, id_c);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left(&f);
}

static void test_higher_priority_first(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c;
    uint64_t handle = client_get(a, 11), id_b, id_c;

    (void)state;
    id_b = wait_for_block(b, 11);
    c = client_open(&f);
    client_session(c)->priority = 3;
    id_c = wait_for_block(c, 11);
    client_give_back(a, handle);
    handle = client_expect_granted(c, id_c);
    expect_waiting(b, 1);
    client_give_back(c, handle);
    (void)client_expect_granted(b, id_b);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left(&f);
}

/* Who frees and asks again in one packet comes after those who waited. */
static void test_newcomers_come_later(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    struct wire_server_packet packet;
    struct wire_request rq[2];
    uint64_t handle = client_get(a, 11), id;

    (void)state;
    id = wait_for_block(b, 11);
    rq[0] = free_request(&handle, 1);
    rq[1] = alloc_request(11, 1);
    client_send(a, rq, 2);
    client_receive(a, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.responses[0].error, 0);
    client_receive(a, &packet);
    assert_int_equal(packet.responses[0].id, rq[1].id);
    assert_int_equal(packet.responses[0].error, ENOMEM);
    (void)client_expect_granted(b, id);
    client_free(a);
    client_free(b);
    expect_nothing_left(&f);
}

/* Others of its session are answered while a request waits. */
static void test_others_go_on(void **state)
{
    struct client *a = client_open(&f);
    uint64_t handle = client_get(a, 10), id;

    (void)state;
    (void)client_get(a, 9);
    id = wait_for_block(a, 10);
    client_give_back(a, client_get(a, 0));
    client_give_back(a, handle);
    (void)client_expect_granted(a, id);
    client_free(a);
    expect_nothing_left(&f);
}

static void test_dead_leave_nothing(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f);
    uint64_t handle = client_get(a, 11);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        (void)wait_for_block(b, i);
    client_free(b);
    run_until_sessions(&f, 1);
    assert_int_equal(f.hub->waiting.nr, 0);
    client_give_back(a, handle);
    assert_int_equal(used_pages(f.hub->zones), 0);
    client_free(a);
    expect_nothing_left(&f);
}

/* The server stops under requests that wait: tear_down counts what is left. */
static void test_stop(void **state)
{
    struct client *a = client_open(&f);

    (void)state;
    (void)client_get(a, 11);
    (void)wait_for_block(a, 0);
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
    client_session(a)->max_waiting = 2;
    (void)client_get(a, 11);
    (void)wait_for_block(a, 0);
    (void)wait_for_block(a, 0);
    rq.alloc.deadline_ms = LONG_MS;
    assert_int_equal(client_call(a, &rq)->error, ENOMEM);
    assert_int_equal(f.hub->waiting.nr, 2);
    client_free(a);
    expect_nothing_left(&f);
}

/*
 * A large request lacks pages; small ones come and go. They pass it WAIT_MAX_OVERTAKES times, then
 * they are refused as long as they would eat into what it needs.
 */
static void test_small_ones_do_not_pass_for_ever(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    uint64_t handle[2] = {client_get(a, 10), client_get(a, 9)}, id;
    struct wire_request rq = alloc_request(0, 1);
    const struct wire_response *rs;

    (void)state;
    id = wait_for_block(b, 10);
    for (unsigned i = 0; i < WAIT_MAX_OVERTAKES; i++)
        client_give_back(c, client_get(c, 0));
    rs = client_call(c, &rq);
    assert_int_equal(rs->error, ENOMEM);
    assert_int_equal(rs->refusal->reason, WIRE_REFUSAL_QUEUE);
    expect_waiting(b, 1);
    client_give_back(a, handle[1]);
    (void)client_expect_granted(b, id);
    /* Nobody holds any more. */
    client_give_back(a, handle[0]);
    client_give_back(c, client_get(c, 0));
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left(&f);
}

/*
 * There are pages enough, but not together: while it holds all of them are kept, and after a while
 * others may pass again.
 */
static void test_hold_of_all_ends(void **state)
{
    struct client *a = client_open(&f), *b = client_open(&f), *c = client_open(&f);
    struct wire_request rq[2] = {alloc_request(0, 1), alloc_request(0, 1)};
    struct wire_server_packet packet;
    const struct wire_response *rs;
    uint64_t handle[4], id;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        handle[i] = client_get(a, 9);
    /* 1,024 pages are free, in two places: blocks are granted from the lowest address up. */
    client_give_back(a, handle[0]);
    client_give_back(a, handle[2]);
    id = wait_for_block(b, 10);
    for (unsigned i = 1; i < WAIT_MAX_OVERTAKES; i++)
        client_give_back(c, client_get(c, 0));
    /* The last that may, and one that may not: in one packet, so that no while passes between. */
    client_send(c, rq, 2);
    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 2);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(packet.responses[1].error, ENOMEM);
    assert_int_equal(packet.responses[1].refusal->reason, WIRE_REFUSAL_QUEUE);
    client_give_back(c, packet.responses[0].alloc.handle[0]);
    RUN_UNTIL(&f, (rs = client_call(c, rq))->error == 0);
    client_give_back(c, rs->alloc.handle[0]);
    expect_waiting(b, 1);
    client_give_back(a, handle[1]);
    (void)client_expect_granted(b, id);
    client_free(a);
    client_free(b);
    client_free(c);
    expect_nothing_left(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_granted_at_the_free, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_refused_at_the_deadline, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_not_worth_waiting, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_first_come_first_served, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_higher_priority_first, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_newcomers_come_later, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_others_go_on, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_dead_leave_nothing, set_up, fixture_tear_down),
        cmocka_unit_test_setup(test_stop, set_up),
        cmocka_unit_test_setup_teardown(test_too_many, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_small_ones_do_not_pass_for_ever, set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_hold_of_all_ends, set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
