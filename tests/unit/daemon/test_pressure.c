/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pressure.c: clients are told when their account crosses low, min, and high again: once each,
 * with the numbers; and requests wait in the line of the account that says no.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"

static struct fixture f;

/* 8,192 pages in the zone; each client may have 1,024: marks at 100, 200 and 300 of what is free.
 */
static int set_up(void **state)
{
    *state = &f;
    fixture_start(&f, 1, 32 * MIB);
    fixture_set_key(&f, "client_max", "4M");
    fixture_set_key(&f, "client_min", "400K");
    fixture_set_key(&f, "client_low", "800K");
    fixture_set_key(&f, "client_high", "1200K");
    return 0;
}

/* Allocate or free nr single pages, each in a packet of its own; events are counted by level. */
struct counted {
    unsigned level[3];
    uint64_t free_pages; /* of the last event */
    uint64_t mark_pages;
    char account[32];
    uint64_t handle; /* of the last response */
    uint32_t error;
};

static void look_at(struct counted *n, const struct wire_server_packet *packet)
{
    for (size_t i = 0; i < packet->nr_events; i++) {
        const struct wire_event *e = &packet->events[i];

        assert_int_equal(e->kind, WIRE_EVENT_PRESSURE);
        assert_in_range(e->pressure.level, 0, 2);
        n->level[e->pressure.level]++;
        n->free_pages = e->pressure.free_pages;
        n->mark_pages = e->pressure.mark_pages;
        (void)strncpy(n->account, e->pressure.account, sizeof(n->account) - 1);
    }
}

static void call(struct client *c, struct wire_request *rq, struct counted *n)
{
    struct wire_server_packet packet;

    client_send(c, rq, 1);
    do {
        client_receive(c, &packet);
        look_at(n, &packet);
    } while (packet.nr_responses == 0);
    n->error = packet.responses[0].error;
    if (!n->error && rq->op == WIRE_OP_ALLOC)
        n->handle = packet.responses[0].alloc.handle[0];
}

/* What is on its way to the client. */
static void drain(struct client *c, struct counted *n)
{
    struct wire_server_packet packet;

    for (int turn = 0; turn < 20; turn++) {
        fixture_turns(&f, 1);
        while (client_has_packet(c)) {
            client_receive(c, &packet);
            look_at(n, &packet);
        }
    }
}

static unsigned fill(struct client *c, uint64_t *handles, unsigned max, struct counted *n)
{
    unsigned nr = 0;

    while (nr < max) {
        struct wire_request rq = alloc_request(0, 1);

        call(c, &rq, n);
        if (n->error)
            break;
        handles[nr++] = n->handle;
    }
    drain(c, n);
    return nr;
}

static void empty(struct client *c, const uint64_t *handles, unsigned nr, struct counted *n)
{
    for (unsigned i = 0; i < nr; i++) {
        struct wire_request rq = free_request(&handles[i], 1);

        call(c, &rq, n);
        assert_int_equal(n->error, 0);
    }
    drain(c, n);
}

static void expect_levels(const struct counted *n, unsigned none, unsigned low, unsigned min)
{
    assert_int_equal(n->level[WIRE_PRESSURE_NONE], none);
    assert_int_equal(n->level[WIRE_PRESSURE_LOW], low);
    assert_int_equal(n->level[WIRE_PRESSURE_MIN], min);
}

static void test_each_crossing_once(void **state)
{
    static uint64_t handles[1024];
    struct client *c = client_open(&f), *other = client_open(&f);
    struct counted n = {.handle = 0}, others = {.handle = 0};
    unsigned nr = fill(c, handles, 800, &n);

    (void)state;
    expect_levels(&n, 0, 0, 0);
    nr += fill(c, handles + nr, 24, &n);
    expect_levels(&n, 0, 1, 0);
    assert_int_equal(n.free_pages, 200);
    assert_int_equal(n.mark_pages, 200);
    assert_string_equal(n.account, "test");
    nr += fill(c, handles + nr, 1024 - nr, &n);
    /* Ordinary requests get no more than max - min. */
    assert_int_equal(n.error, ENOMEM);
    assert_int_equal(nr, 924);
    expect_levels(&n, 0, 1, 1);
    assert_int_equal(n.free_pages, 100);
    /* Around low there is no storm: it clears above high only. */
    for (int i = 0; i < 5; i++) {
        empty(c, handles + nr - 150, 150, &n);
        assert_int_equal(fill(c, handles + nr - 150, 100, &n), 100);
        empty(c, handles + nr - 150, 100, &n);
        assert_int_equal(fill(c, handles + nr - 150, 150, &n), 150);
    }
    assert_int_equal(n.level[WIRE_PRESSURE_NONE], 0);
    empty(c, handles, nr, &n);
    assert_int_equal(n.level[WIRE_PRESSURE_NONE], 1);
    assert_int_equal(n.mark_pages, 300);
    drain(other, &others);
    expect_levels(&others, 0, 0, 0);
    client_free(c);
    client_free(other);
}

/* All of a section hear of it. */
static void test_a_section(void **state)
{
    static uint64_t handles[1024];
    struct client *c = client_open(&f), *other = client_open(&f);
    struct counted n = {.handle = 0}, others = {.handle = 0};
    unsigned nr;

    (void)state;
    fixture_set_key(&f, "client_max", "none");
    fixture_set_key(&f, "max", "4M");
    fixture_set_key(&f, "min", "400K");
    fixture_set_key(&f, "low", "800K");
    fixture_set_key(&f, "high", "1200K");
    nr = fill(c, handles, 1024, &n);
    assert_int_equal(nr, 924);
    drain(other, &others);
    expect_levels(&n, 0, 1, 1);
    assert_string_equal(n.account, "default");
    assert_true(others.level[WIRE_PRESSURE_MIN] == 1);
    empty(c, handles, nr, &n);
    drain(other, &others);
    assert_int_equal(others.level[WIRE_PRESSURE_NONE], 1);
    client_free(c);
    client_free(other);
}

/* Who waits for its account is in nobody's way, and is served when it has freed itself. */
static void test_waits_for_its_account(void **state)
{
    static uint64_t handles[1024];
    struct client *c = client_open(&f), *other = client_open(&f);
    struct wire_request rq = alloc_request(0, 1), small = alloc_request(0, 1);
    struct counted n = {.handle = 0}, others = {.handle = 0};
    struct wire_server_packet packet;
    const struct session *s = client_session(c);
    unsigned nr = fill(c, handles, 1024, &n);

    (void)state;
    rq.alloc.deadline_ms = LONG_MS;
    client_send_waiting(c, &rq);
    assert_int_equal(s->policy.line.nr, 1);
    assert_int_equal(f.hub->waiting.zones.nr, 0);
    for (unsigned i = 0; i < 2 * WAIT_MAX_OVERTAKES; i++) {
        call(other, &small, &others);
        assert_int_equal(others.error, 0);
    }
    small = free_request(&handles[--nr], 1);
    client_send(c, &small, 1);
    do {
        client_receive(c, &packet);
        if (packet.nr_responses && packet.responses[0].id == rq.id)
            break;
    } while (true);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(f.hub->waiting.nr, 0);
    client_free(c);
    client_free(other);
}

/* A max that is raised serves those who wait for it. */
static void test_a_raised_max_serves(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq = alloc_request(10, 1);
    struct wire_server_packet packet;

    (void)state;
    rq.alloc.deadline_ms = LONG_MS;
    client_send_waiting(c, &rq);
    fixture_set_key(&f, "client_max", "16M");
    do
        client_receive(c, &packet);
    while (packet.nr_responses == 0);
    assert_int_equal(packet.responses[0].id, rq.id);
    assert_int_equal(packet.responses[0].error, 0);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_crossing_once, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_a_section, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_its_account, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_a_raised_max_serves, set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
