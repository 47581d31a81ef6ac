/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session.c: one client's connection: packets in and out, backpressure, and its end. The
 * server runs on a loop of the test's own, so that each of its turns can be looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"

static struct fixture f;

static int set_up(void **state)
{
    *state = &f;
    fixture_start(&f, 2, 64 * MIB);
    return 0;
}

/* The client can still do its work. */
static void expect_served(struct client *c)
{
    client_give_back(c, client_get(c, 0));
}

/* ---- in order ---- */

static void test_hello(void **state)
{
    struct client *c = client_new(&f);
    struct wire_request rq = hello_request(WIRE_VERSION, "test");
    const struct wire_response *rs = client_call(c, &rq);
    void *memory;

    (void)state;
    assert_int_equal(rs->op, WIRE_OP_HELLO);
    assert_int_equal(rs->hello.nr_zones, 2);
    assert_int_equal(rs->hello.zones[1].bytes, 64 * MIB);
    assert_int_equal(c->nr_zone_fds, 2);
    memory = client_map_zone(c, 1, 64 * MIB);
    memset(memory, 1, PAGE);
    (void)munmap(memory, 64 * MIB);
    client_free(c);
    expect_nothing_left(&f);
}

/* Hello and what follows it may come in one packet; the replies leave in one, with descriptors. */
static void test_many_in_a_packet(void **state)
{
    struct client *c = client_new(&f);
    struct wire_request rq[WIRE_MAX_REQUESTS];
    struct wire_server_packet packet;

    (void)state;
    rq[0] = hello_request(WIRE_VERSION, "test");
    for (size_t i = 1; i < WIRE_MAX_REQUESTS; i++)
        rq[i] = alloc_request(0, 1);
    rq[7].alloc.type = 9;
    client_send(c, rq, WIRE_MAX_REQUESTS);
    client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, WIRE_MAX_REQUESTS);
    for (size_t i = 0; i < WIRE_MAX_REQUESTS; i++) {
        assert_int_equal(packet.responses[i].id, rq[i].id);
        assert_int_equal(packet.responses[i].error, i == 7 ? EINVAL : 0);
    }
    assert_int_equal(c->nr_zone_fds, 2);
    assert_int_equal(used_pages(f.hub->zones), WIRE_MAX_REQUESTS - 2);
    client_free(c);
    expect_nothing_left(&f);
}

static void test_wrong_version(void **state)
{
    struct client *c = client_new(&f);
    struct wire_request rq = hello_request(2, "test");
    const struct wire_response *rs = client_call(c, &rq);

    (void)state;
    assert_int_equal(rs->error, EPROTONOSUPPORT);
    assert_string_equal(rs->message, "version 2: this daemon speaks version 1");
    assert_int_equal(c->nr_zone_fds, 0);
    rq = alloc_request(0, 1);
    assert_int_equal(client_call(c, &rq)->error, EPROTO);
    /* The client may think better of it. */
    rq = hello_request(WIRE_VERSION, "test");
    assert_int_equal(client_call(c, &rq)->error, 0);
    expect_served(c);
    client_free(c);
    expect_nothing_left(&f);
}

/* What is another's cannot be freed, and survives his death. */
static void test_two_clients(void **state)
{
    struct client *a = client_open(&f);
    struct client *b = client_open(&f);
    struct wire_request rq = alloc_request(4, 3);
    uint64_t handle;

    (void)state;
    handle = client_call(a, &rq)->alloc.handle[1];
    rq = alloc_request(4, 5);
    assert_int_equal(client_call(b, &rq)->error, 0);
    rq = free_request(&handle, 1);
    assert_int_equal(client_call(b, &rq)->error, ESTALE);
    client_free(b);
    run_until_sessions(&f, 1);
    assert_int_equal(used_pages(f.hub->zones), 48);
    check_zones(f.hub->zones);
    rq = free_request(&handle, 1);
    assert_int_equal(client_call(a, &rq)->free.freed, 1);
    client_free(a);
    expect_nothing_left(&f);
}

/* ---- bad packets ---- */

static void expect_rejected(const void *bytes, size_t len, int error, const char *text)
{
    struct client *good = client_open(&f);
    struct client *bad = client_open(&f);
    struct wire_request rq = alloc_request(0, 10);
    struct wire_server_packet packet;

    assert_int_equal(client_call(bad, &rq)->error, 0);
    client_send_bytes(bad, bytes, len);
    client_receive(bad, &packet);
    assert_int_equal(packet.nr_responses, 1);
    assert_int_equal(packet.responses[0].id, 0);
    assert_int_equal(packet.responses[0].error, error);
    expect_text(packet.responses[0].message, text);
    client_expect_end(bad);
    run_until_sessions(&f, 1);
    assert_int_equal(used_pages(f.hub->zones), 0);
    expect_served(good);
    client_free(bad);
    client_free(good);
    expect_nothing_left(&f);
}

static void test_bad_packets(void **state)
{
    static unsigned char bytes[WIRE_MAX_PACKET + 1];
    static unsigned char arena_mem[WIRE_ARENA_BYTES];
    struct wire_arena arena;
    struct wire_request rq = alloc_request(0, 1);
    size_t len = 0;

    (void)state;
    expect_rejected("", 0, EBADMSG, "empty packet");
    expect_rejected("\xff\xff\xff", 3, EBADMSG, "packet of 3 bytes");
    expect_rejected(bytes, sizeof(bytes), EMSGSIZE,
                    "packet of 65537 bytes: at most 65536 are accepted");
    expect_rejected(bytes, WIRE_MAX_PACKET, EBADMSG, "packet of 65536 bytes");
    wire_arena_init(&arena, arena_mem, sizeof(arena_mem));
    rq.id = 1;
    for (unsigned i = 0; i <= WIRE_MAX_REQUESTS; i++)
        assert_int_equal(wire_append_request(bytes, &len, &rq, &arena), 0);
    expect_rejected(bytes, len, E2BIG, "more than 256 requests");
    /* The same with its end cut off. */
    len = 0;
    assert_int_equal(wire_append_request(bytes, &len, &rq, &arena), 0);
    expect_rejected(bytes, len - 1, EBADMSG, "not a ClientPacket");
}

/* Descriptors that a client sends along are not kept. */
static void test_descriptors_from_client(void **state)
{
    struct client *c = client_open(&f);
    unsigned fds = count_fds();
    struct wire_request rq = alloc_request(0, 1);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {.iov_base = c->packet};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof(control),
    };
    struct wire_server_packet packet;

    (void)state;
    rq.id = 1;
    memcpy(CMSG_DATA(&control.align), &c->fd, sizeof(int));
    assert_int_equal(wire_append_request(c->packet, &iov.iov_len, &rq, &c->arena), 0);
    assert_true(sendmsg(c->fd, &msg, 0) > 0);
    client_receive(c, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(count_fds(), fds);
    client_free(c);
    expect_nothing_left(&f);
}

/* Whatever bytes come, the server stays, and nothing leaks. */
static void test_random_packets(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 20240608u;
    struct client *good = client_open(&f);

    (void)state;
    (void)fprintf(stderr, "BUDDYD_SEED=%u\n", seed);
    for (unsigned i = 0; i < 300; i++) {
        struct client *c = client_open(&f);
        struct wire_request rq[3] = {alloc_request(0, 3), alloc_request(2, 1), alloc_request(1, 1)};
        unsigned char bytes[256];
        size_t len = 0;

        wire_arena_reset(&c->arena);
        for (size_t j = 0; j < 3; j++) {
            rq[j].id = j + 1;
            assert_int_equal(wire_append_request(c->packet, &len, &rq[j], &c->arena), 0);
        }
        memcpy(bytes, c->packet, len);
        for (int flips = rand_r(&seed) % 4; flips >= 0; flips--)
            bytes[(size_t)rand_r(&seed) % len] ^= (unsigned char)(1u << (rand_r(&seed) % 8));
        client_send_bytes(c, bytes, 1 + (size_t)rand_r(&seed) % len);
        fixture_turns(&f, 3);
        client_free(c);
        if (i % 50 == 0)
            expect_served(good);
    }
    run_until_sessions(&f, 1);
    client_free(good);
    expect_nothing_left(&f);
}

/* ---- clients that do not read ---- */

/* Receive until nr responses have come, which must have ascending ids from first_id on. */
static void receive_in_order(struct client *c, uint64_t first_id, size_t nr)
{
    while (nr > 0) {
        struct wire_server_packet packet;

        client_receive(c, &packet);
        assert_true(packet.nr_responses <= nr);
        for (size_t i = 0; i < packet.nr_responses; i++) {
            assert_int_equal(packet.responses[i].id, first_id++);
            assert_int_equal(packet.responses[i].error, 0);
        }
        nr -= packet.nr_responses;
    }
}

/*
 * A packet that asks for megabytes of listings from a client that reads nothing: little waits, and
 * the requests behind are carried out when it reads. Meanwhile others are served.
 */
static void test_slow_reader(void **state)
{
    struct client *slow = client_open(&f);
    struct client *other = client_open(&f);
    struct wire_request rq[WIRE_MAX_REQUESTS];
    const struct session *s;
    uint64_t first_id;

    (void)state;
    s = client_session(slow);
    rq[0] = alloc_request(0, WIRE_MAX_BLOCKS);
    assert_int_equal(client_call(slow, rq)->error, 0);
    for (size_t i = 0; i < WIRE_MAX_REQUESTS; i++)
        rq[i] = stat_request(WIRE_OP_STAT_BLOCKS, 0);
    first_id = slow->last_id + 1;
    for (unsigned packets = 0; packets < 4; packets++)
        client_send(slow, rq, WIRE_MAX_REQUESTS);
    for (unsigned turn = 0; turn < 2000; turn++) {
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        assert_true(s->outbox.bytes <= (size_t)WIRE_MAX_PACKET * 3);
    }
    assert_true(s->outbox.bytes > 0);
    assert_non_null(s->held);
    assert_int_equal(f.hub->work_first, NULL);
    expect_served(other);
    receive_in_order(slow, first_id, (size_t)WIRE_MAX_REQUESTS * 4);
    assert_true(s->outbox.bytes == 0);
    assert_null(s->held);
    expect_served(slow);
    client_free(slow);
    client_free(other);
    expect_nothing_left(&f);
}

/* A slow reader that goes away in the middle leaves nothing. */
static void test_slow_reader_leaves(void **state)
{
    struct wire_request rq[WIRE_MAX_REQUESTS];

    (void)state;
    for (int half = 0; half < 2; half++) {
        struct client *c = client_open(&f);

        for (size_t i = 0; i < WIRE_MAX_REQUESTS; i++)
            rq[i] = alloc_request(0, 64);
        for (unsigned packets = 0; packets < 3; packets++)
            client_send(c, rq, WIRE_MAX_REQUESTS);
        RUN_UNTIL(&f, !outbox_empty(&client_session(c)->outbox));
        if (half) {
            assert_int_equal(shutdown(c->fd, SHUT_WR), 0);
            fixture_turns(&f, 100);
            assert_int_equal(f.hub->sessions.nr, 1);
        }
        client_free(c);
        expect_nothing_left(&f);
    }
}

/* A client that is refused for its packet while its socket is full still hears why. */
static void test_rejected_when_full(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq[WIRE_MAX_REQUESTS];
    struct wire_server_packet packet;
    bool heard = false;

    (void)state;
    for (size_t i = 0; i < WIRE_MAX_REQUESTS; i++)
        rq[i] = stat_request(WIRE_OP_STAT_ZONES, 0);
    do {
        client_send(c, rq, WIRE_MAX_REQUESTS);
        fixture_turns(&f, 100);
    } while (outbox_empty(&client_session(c)->outbox));
    client_send_bytes(c, "\xff", 1);
    while (!heard) {
        client_receive(c, &packet);
        heard = packet.responses[packet.nr_responses - 1].id == 0;
    }
    client_expect_end(c);
    client_free(c);
    expect_nothing_left(&f);
}

/* A client that is gone when its answer is ready. */
static void test_leaves_before_the_answer(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq = alloc_request(0, 10);

    (void)state;
    client_send(c, &rq, 1);
    client_free(c);
    expect_nothing_left(&f);
}

/* A socket that cannot take a packet of this size at all: the session ends, and only it. */
static void test_answer_cannot_be_sent(void **state)
{
    struct client *c = client_open(&f);
    struct client *other = client_open(&f);
    struct wire_request rq = alloc_request(0, WIRE_MAX_BLOCKS);
    int size = 1;

    (void)state;
    assert_int_equal(setsockopt(client_session(c)->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)),
                     0);
    client_send(c, &rq, 1);
    client_expect_end(c);
    run_until_sessions(&f, 1);
    assert_int_equal(used_pages(f.hub->zones), 0);
    expect_served(other);
    client_free(c);
    client_free(other);
    expect_nothing_left(&f);
}

static int set_up_many_zones(void **state)
{
    *state = &f;
    fixture_start(&f, WIRE_MAX_ZONES, 2 * MIB);
    return 0;
}

/* Replies of one turn that do not fit one packet leave in several, in order. */
static void test_replies_fill_packets(void **state)
{
    struct client *c = client_new(&f);
    struct session *listed = calloc(WIRE_MAX_LISTING, sizeof(*listed));
    struct wire_request rq[40];
    const struct session *real = client_session(c);

    (void)state;
    assert_non_null(listed);
    for (size_t i = 0; i < WIRE_MAX_LISTING; i++) {
        memset(listed[i].name, 'x', WIRE_MAX_NAME);
        listed[i].policy.group = real->policy.group;
        assert_int_equal(session_table_add(&f.hub->sessions, &listed[i], 0, &listed[i].id), 0);
    }
    rq[0] = hello_request(WIRE_VERSION, "test");
    for (size_t i = 1; i < 40; i++)
        rq[i] = stat_request(WIRE_OP_STAT_CLIENTS, 0);
    client_send(c, rq, 40);
    receive_in_order(c, 1, 40);
    assert_int_equal(c->nr_zone_fds, WIRE_MAX_ZONES);
    for (size_t i = 0; i < WIRE_MAX_LISTING; i++)
        session_table_remove(&f.hub->sessions, listed[i].id, 0);
    free(listed);
    client_free(c);
    expect_nothing_left(&f);
}

/* ---- slices ---- */

/* A packet that asks for very much is carried out over several turns of the loop. */
static void test_large_packet_yields(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq[32];
    uint64_t first_id = c->last_id + 1;
    uint64_t before = 0;
    unsigned turns = 0;

    (void)state;
    for (size_t i = 0; i < 32; i++)
        rq[i] = alloc_request(0, 1000);
    client_send(c, rq, 32);
    while (used_pages(f.hub->zones) < 32000) {
        uint64_t now;

        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        now = used_pages(f.hub->zones);
        assert_true(now - before <= (uint64_t)(SESSION_TURN_COST + WIRE_MAX_BLOCKS) * 2);
        before = now;
        turns++;
        if (!outbox_empty(&client_session(c)->outbox))
            break;
    }
    assert_true(turns >= 4);
    receive_in_order(c, first_id, 32);
    assert_int_equal(used_pages(f.hub->zones), 32000);
    check_zones(f.hub->zones);
    client_free(c);
    expect_nothing_left(&f);
}

/* The death of a client with many blocks: a slice in each turn, and others are served meanwhile. */
static void test_large_death(void **state)
{
    struct client *big = client_open(&f);
    struct client *other = client_open(&f);
    struct wire_request rq = alloc_request(0, WIRE_MAX_BLOCKS);
    const struct session *dying = client_session(big);
    uint64_t before;
    unsigned served = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(client_call(big, &rq)->error, 0);
    before = used_pages(f.hub->zones);
    assert_int_equal(before, (uint64_t)WIRE_MAX_BLOCKS * 20);
    client_free(big);
    while (f.hub->sessions.nr == 2) {
        uint64_t now;

        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
        now = used_pages(f.hub->zones);
        assert_true(before - now <= SESSION_SLICE_BLOCKS);
        before = now;
        if (f.hub->sessions.nr == 2 && dying->state == SESSION_ENDING) {
            check_zones(f.hub->zones);
            expect_served(other);
            before = used_pages(f.hub->zones);
            served++;
        }
    }
    assert_true(served >= 5);
    assert_int_equal(used_pages(f.hub->zones), 0);
    client_free(other);
    expect_nothing_left(&f);
}

/* Two that die at the same time take turns. */
static void test_deaths_take_turns(void **state)
{
    struct client *c[2] = {client_open(&f), client_open(&f)};
    struct wire_request rq = alloc_request(0, WIRE_MAX_BLOCKS);
    const struct session *s[2] = {client_session(c[0]), client_session(c[1])};
    uint32_t lead = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        for (unsigned j = 0; j < 2; j++)
            assert_int_equal(client_call(c[j], &rq)->error, 0);
    client_free(c[0]);
    client_free(c[1]);
    while (f.hub->sessions.nr == 2) {
        uint32_t a = s[0]->holdings.owner.nr;
        uint32_t b = s[1]->holdings.owner.nr;
        uint32_t apart = a > b ? a - b : b - a;

        lead = apart > lead ? apart : lead;
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    assert_true(lead <= 2 * SESSION_SLICE_BLOCKS);
    expect_nothing_left(&f);
}

/* ---- the server's end ---- */

static void test_goodbye(void **state)
{
    struct client *reader = client_open(&f);
    struct client *full = client_open(&f);
    struct client *dying = client_open(&f);
    struct wire_request rq[WIRE_MAX_REQUESTS];
    struct wire_server_packet packet;

    (void)state;
    for (size_t i = 0; i < WIRE_MAX_REQUESTS; i++)
        rq[i] = alloc_request(0, 64);
    client_send(reader, rq, 1);
    client_receive(reader, &packet);
    client_send(full, rq, WIRE_MAX_REQUESTS);
    client_send(dying, rq, 20);
    fixture_turns(&f, 5);
    client_free(dying);
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    /* A packet that was never read must not hide the last words. */
    client_send(reader, rq, 1);
    check_zones(f.hub->zones);
    server_stop(f.server);
    client_expect_goodbye(reader, "the daemon stops");
    client_free(reader);
    client_free(full);
    assert_int_equal(uv_run(&f.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    assert_int_equal(count_fds(), f.fds_before);
}

/* Whoever is forgotten, the others stay in the queue, in order, and more can come behind them. */
static void test_work_is_forgotten(void **state)
{
    struct client *c[3];
    struct session *s[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        c[i] = client_open(&f);
        s[i] = client_session(c[i]);
    }
    for (unsigned gone = 0; gone < 3; gone++) {
        struct session *first = s[gone == 0], *last = s[gone == 2 ? 1 : 2];

        for (unsigned i = 0; i < 3; i++)
            hub_queue_work(f.hub, s[i]);
        hub_forget_work(f.hub, s[gone]);
        hub_forget_work(f.hub, s[gone]);
        assert_ptr_equal(f.hub->work_first, first);
        assert_ptr_equal(first->work_next, last);
        assert_null(last->work_next);
        assert_ptr_equal(f.hub->work_last, last);
        hub_forget_work(f.hub, first);
        hub_forget_work(f.hub, last);
        assert_null(f.hub->work_first);
        assert_null(f.hub->work_last);
    }
    for (unsigned i = 0; i < 3; i++)
        client_free(c[i]);
    expect_nothing_left(&f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_hello),
        TEST(test_many_in_a_packet),
        TEST(test_wrong_version),
        TEST(test_two_clients),
        TEST(test_bad_packets),
        TEST(test_descriptors_from_client),
        TEST(test_random_packets),
        TEST(test_slow_reader),
        TEST(test_slow_reader_leaves),
        TEST(test_rejected_when_full),
        TEST(test_leaves_before_the_answer),
        TEST(test_answer_cannot_be_sent),
        cmocka_unit_test_setup_teardown(test_replies_fill_packets, set_up_many_zones,
                                        fixture_tear_down),
        TEST(test_large_packet_yields),
        TEST(test_large_death),
        TEST(test_deaths_take_turns),
        TEST(test_work_is_forgotten),
        cmocka_unit_test_setup(test_goodbye, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
