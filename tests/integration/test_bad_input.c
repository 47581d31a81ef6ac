/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bad_input.c: whatever comes over the socket gets one clear error, the daemon goes on serving
 * others, and nothing leaks.
 *
 * Each case has a connection of its own. Beside it a well-behaved client is served after each case,
 * and at the end of each test what the daemon has in use is what it was before.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/raw.h"

#define NR_RANDOM 2000

struct fixture {
    struct daemon_proc daemon;
    struct buddyd *b;
    struct observed before;
};

static struct fixture fx;
static struct raw_packet body;
static struct raw_packet packet;

static int set_up(void **state)
{
    fx = (struct fixture){0};
    *state = &fx;
    return observe_new(&fx.daemon, "bystander", &fx.b, &fx.before);
}

static int tear_down(void **state)
{
    (void)state;
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    return 0;
}

static void assert_others_are_served(void)
{
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc_page(fx.b, BUDDYD_MOVABLE, 0, &block), 0);
    assert_int_equal(buddyd_free(fx.b, block.handle), 0);
}

static void assert_one_line(const char *message)
{
    assert_true(strlen(message) > 0);
    assert_true(strlen(message) <= WIRE_MAX_MESSAGE);
    assert_null(strchr(message, '\n'));
}

/* The answer is an error, or the end of the session with a reason. */
static void assert_refused(const struct raw_answer *a)
{
    assert_false(a->closed);
    assert_true(a->error != 0 || a->goodbye);
    assert_one_line(a->message);
}

static void begin(void)
{
    body.len = 0;
    packet.len = 0;
}

static int hello(void)
{
    int fd = raw_connect_hello(fx.daemon.socket);

    assert_true(fd >= 0);
    return fd;
}

static void make_hello(uint64_t version)
{
    begin();
    raw_add_number(&body, 1, version);
    raw_add_request(&packet, 1, RAW_HELLO, &body);
}

/* Bytes that are no packet: refused, on a session that has said hello and on one that has not. */
static void assert_bytes_refused(const void *bytes, size_t len)
{
    for (int greeted = 0; greeted < 2; greeted++) {
        int fd = greeted ? hello() : raw_connect(fx.daemon.socket);
        struct raw_answer answer;

        assert_true(fd >= 0);
        assert_int_equal(raw_send(fd, bytes, len), 0);
        assert_int_equal(raw_receive(fd, &answer), 0);
        assert_refused(&answer);
        close(fd);
        assert_others_are_served();
    }
}

static void truncated_packets(void **state)
{
    (void)state;
    begin();
    raw_add_number(&body, RAW_ALLOC_ORDER, 9);
    raw_add_number(&body, RAW_ALLOC_COUNT, 300);
    raw_add_request(&packet, 5, RAW_ALLOC, &body);
    for (size_t len = 1; len < packet.len; len++)
        assert_bytes_refused(packet.bytes, len);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void an_oversized_packet(void **state)
{
    static unsigned char big[70 * 1024];

    (void)state;
    assert_bytes_refused(big, sizeof(big));
    /* One byte too many, around a request that is good up to there. */
    make_hello(WIRE_VERSION);
    raw_add_bytes(&packet, 15, big, WIRE_MAX_PACKET + 1 - packet.len - 4);
    assert_int_equal(packet.len, WIRE_MAX_PACKET + 1);
    assert_bytes_refused(packet.bytes, packet.len);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

/* Unknown fields are to be ignored: the largest packet that there may be is served. */
static void the_largest_packet(void **state)
{
    static unsigned char big[WIRE_MAX_PACKET];
    int fd = raw_connect(fx.daemon.socket);
    struct raw_answer answer;

    (void)state;
    assert_true(fd >= 0);
    make_hello(WIRE_VERSION);
    raw_add_bytes(&packet, 15, big, WIRE_MAX_PACKET - packet.len - 4);
    assert_int_equal(packet.len, WIRE_MAX_PACKET);
    assert_int_equal(raw_ask(fd, &packet, &answer), 0);
    assert_int_equal(answer.error, 0);
    assert_int_equal(answer.nr, 1);
    close(fd);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

/* On SOCK_SEQPACKET an empty packet looks like the end, and may be taken for it. */
static void an_empty_packet(void **state)
{
    int fd = hello();
    struct raw_answer answer;

    (void)state;
    assert_int_equal(raw_send(fd, "", 0), 0);
    assert_int_equal(raw_receive(fd, &answer), 0);
    assert_true(answer.closed || answer.goodbye || answer.error);
    close(fd);
    assert_others_are_served();
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

/* Half of them pure noise, half a good packet with a few bytes changed. */
static void random_packets(void **state)
{
    uint64_t random = host_seed() * 2 + 1;
    static unsigned char bytes[4096];

    (void)state;
    for (int i = 0; i < NR_RANDOM; i++) {
        int fd = i % 3 ? hello() : raw_connect(fx.daemon.socket);
        size_t len = 1 + next_random(&random) % (i % 8 ? 64 : sizeof(bytes));
        struct raw_answer answer;

        assert_true(fd >= 0);
        for (size_t j = 0; j < len; j++)
            bytes[j] = (unsigned char)(next_random(&random) >> 32);
        if (i % 2) {
            begin();
            raw_add_number(&body, RAW_ALLOC_ORDER, 3);
            raw_add_number(&body, RAW_ALLOC_COUNT, 4);
            raw_add_request(&packet, 9, RAW_ALLOC, &body);
            len = packet.len;
            for (int change = 0; change < 3; change++)
                packet.bytes[next_random(&random) % len] = bytes[change];
            memcpy(bytes, packet.bytes, len);
        }
        /* Whatever it is, it has an answer. */
        assert_int_equal(raw_send(fd, bytes, len), 0);
        assert_int_equal(raw_receive(fd, &answer), 0);
        if (answer.error || answer.goodbye)
            assert_one_line(answer.message);
        close(fd);
        if (i % 50 == 0)
            assert_others_are_served();
    }
    assert_others_are_served();
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void a_wrong_version(void **state)
{
    static const uint64_t versions[] = {0, 2, 99, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        int fd = raw_connect(fx.daemon.socket);
        struct raw_answer answer;

        assert_true(fd >= 0);
        make_hello(versions[i]);
        assert_int_equal(raw_ask(fd, &packet, &answer), 0);
        assert_refused(&answer);
        assert_int_equal(answer.error, EPROTONOSUPPORT);
        assert_non_null(strstr(answer.message, "version"));
        close(fd);
        assert_others_are_served();
    }
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void no_hello(void **state)
{
    static const enum raw_op ops[] = {RAW_ALLOC, RAW_FREE, RAW_STAT_ZONES, RAW_UNKNOWN};

    (void)state;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        int fd = raw_connect(fx.daemon.socket);
        struct raw_answer answer;

        assert_true(fd >= 0);
        begin();
        if (ops[i] == RAW_FREE)
            raw_add_fixed(&body, 1, 1);
        raw_add_request(&packet, 1, ops[i], &body);
        assert_int_equal(raw_ask(fd, &packet, &answer), 0);
        assert_refused(&answer);
        assert_true(answer.handle == 0);
        close(fd);
        assert_others_are_served();
    }
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

/* The packet is well made, and so is a second hello; the session lives on after each of these. */
static void unknown_operations(void **state)
{
    int fd = hello();
    struct raw_answer answer;

    (void)state;
    begin();
    raw_add_request(&packet, 21, RAW_UNKNOWN, &body);
    assert_int_equal(raw_ask(fd, &packet, &answer), 0);
    assert_refused(&answer);
    assert_int_equal(answer.id, 21);

    /* Behind it in the same packet a good one is served. */
    raw_add_request(&packet, 22, RAW_STAT_ZONES, &body);
    assert_int_equal(raw_ask(fd, &packet, &answer), 0);
    assert_int_equal(answer.id, 21);
    assert_int_equal(answer.nr, 2);
    close(fd);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

struct bad_alloc {
    const char *what;
    enum raw_alloc_field field;
    uint64_t value;
};

static void senseless_allocations(void **state)
{
    static const struct bad_alloc cases[] = {
        {"order 19", RAW_ALLOC_ORDER, 19},
        {"order 64", RAW_ALLOC_ORDER, 64},
        {"order 2^31", RAW_ALLOC_ORDER, UINT64_C(1) << 31},
        {"order 2^32 - 1", RAW_ALLOC_ORDER, UINT32_MAX},
        {"type 3", RAW_ALLOC_TYPE, 3},
        {"type 2^31", RAW_ALLOC_TYPE, UINT64_C(1) << 31},
        {"1025 blocks", RAW_ALLOC_COUNT, WIRE_MAX_BLOCKS + 1},
        {"2^32 - 1 blocks", RAW_ALLOC_COUNT, UINT32_MAX},
        {"unknown flags", RAW_ALLOC_FLAGS, UINT32_MAX},
        {"a zone that is not there", RAW_ALLOC_ZONE, 2},
        {"zone 2^31", RAW_ALLOC_ZONE, UINT64_C(1) << 31},
        {"zone 2^32 - 1", RAW_ALLOC_ZONE, UINT32_MAX},
        {"more pages than 1 GiB", RAW_ALLOC_EXACT, (1u << 18) + 1},
        {"pages that overflow bytes", RAW_ALLOC_EXACT, UINT64_C(1) << 52},
        {"2^63 pages", RAW_ALLOC_EXACT, UINT64_C(1) << 63},
        {"2^64 - 1 pages", RAW_ALLOC_EXACT, UINT64_MAX},
    };
    int fd = hello();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct raw_answer answer;

        begin();
        raw_add_number(&body, cases[i].field, cases[i].value);
        raw_add_request(&packet, 100 + i, RAW_ALLOC, &body);
        print_message("%s\n", cases[i].what);
        assert_int_equal(raw_ask(fd, &packet, &answer), 0);
        print_message("    %u %s\n", answer.error, answer.message);
        assert_refused(&answer);
        assert_int_equal(answer.id, 100 + i);
        assert_true(answer.error == EINVAL || answer.error == ENOMEM);
        assert_others_are_served();
    }
    close(fd);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

/* What makes no sense is refused by the library before it is sent. */
static void senseless_sizes_in_the_library(void **state)
{
    static const uint64_t sizes[] = {0, (UINT64_C(1) << 30) + 1, UINT64_C(1) << 63, UINT64_MAX};
    struct buddyd_block block;
    void *p;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(buddyd_alloc_bytes(fx.b, sizes[i], NULL, &block), -EINVAL);
        assert_one_line(buddyd_error());
        assert_int_equal(buddyd_alloc_pages_exact(fx.b, sizes[i], 0, &p), -EINVAL);
        assert_one_line(buddyd_error());
    }
    assert_int_equal(buddyd_alloc_pages(fx.b, BUDDYD_MOVABLE, 0, 19, &block), -EINVAL);
    assert_int_equal(buddyd_alloc_pages(fx.b, (enum buddyd_type)3, 0, 0, &block), -EINVAL);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void ask_to_free(int fd, const uint64_t *handles, size_t nr, struct raw_answer *ret)
{
    static unsigned char bytes[8 * (WIRE_MAX_BLOCKS + 1)];

    begin();
    for (size_t i = 0; i < nr; i++) {
        for (int j = 0; j < 8; j++)
            bytes[i * 8 + (size_t)j] = (unsigned char)(handles[i] >> (8 * j));
    }
    raw_add_bytes(&body, 1, bytes, nr * 8);
    raw_add_request(&packet, 31, RAW_FREE, &body);
    assert_int_equal(raw_ask(fd, &packet, ret), 0);
    assert_int_equal(ret->id, 31);
}

static void handles_of_others_and_of_nobody(void **state)
{
    static const uint64_t invented[] = {0, 1, 0x1234, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    struct raw_answer answer;
    struct buddyd_block theirs;
    uint64_t ours;
    int fd;

    (void)state;
    assert_int_equal(buddyd_alloc_page(fx.b, BUDDYD_MOVABLE, 0, &theirs), 0);
    fd = hello();

    ask_to_free(fd, &theirs.handle, 1, &answer);
    assert_refused(&answer);
    assert_int_equal(answer.error, ESTALE);

    for (size_t i = 0; i < sizeof(invented) / sizeof(invented[0]); i++) {
        if (invented[i] == theirs.handle)
            continue;
        ask_to_free(fd, &invented[i], 1, &answer);
        assert_refused(&answer);
        assert_true(answer.error == ESTALE || answer.error == EINVAL);
    }

    assert_int_equal(raw_alloc(fd, 4, &answer), 0);
    ours = answer.handle;
    assert_true(ours != 0);
    ask_to_free(fd, &ours, 1, &answer);
    assert_int_equal(answer.error, 0);
    ask_to_free(fd, &ours, 1, &answer);
    assert_refused(&answer);
    assert_int_equal(answer.error, ESTALE);

    /* It is named twice in one request: freed once. */
    assert_int_equal(raw_alloc(fd, 4, &answer), 0);
    ask_to_free(fd, (const uint64_t[]){answer.handle, answer.handle}, 2, &answer);
    assert_refused(&answer);
    assert_int_equal(answer.error, ESTALE);

    ask_to_free(fd, NULL, 0, &answer);
    assert_refused(&answer);
    close(fd);
    /* It is still theirs. */
    assert_int_equal(buddyd_free(fx.b, theirs.handle), 0);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void too_many_handles(void **state)
{
    static uint64_t handles[WIRE_MAX_BLOCKS + 1];
    struct raw_answer answer;
    int fd = hello();

    (void)state;
    for (size_t i = 0; i < WIRE_MAX_BLOCKS + 1; i++)
        handles[i] = i + 1;
    ask_to_free(fd, handles, WIRE_MAX_BLOCKS + 1, &answer);
    assert_refused(&answer);
    close(fd);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void make_requests(unsigned nr)
{
    begin();
    for (unsigned i = 0; i < nr; i++)
        raw_add_request(&packet, i + 1, RAW_STAT_ZONES, &body);
}

static void too_many_requests(void **state)
{
    struct raw_answer answer;
    int fd = hello();

    (void)state;
    make_requests(WIRE_MAX_REQUESTS);
    assert_int_equal(raw_ask(fd, &packet, &answer), 0);
    assert_int_equal(answer.error, 0);
    assert_int_equal(answer.id, 1);
    close(fd);

    make_requests(WIRE_MAX_REQUESTS + 1);
    assert_bytes_refused(packet.bytes, packet.len);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

/* A client that asks and never reads: the daemon stops reading too, or hangs up; others are served.
 */
static void a_client_that_never_reads(void **state)
{
    int fd = hello();
    int sent = 0;
    int refused = 0;

    (void)state;
    make_requests(WIRE_MAX_REQUESTS);
    /* Served others often enough, it has had the time to read what it wants to. */
    while (refused < 20) {
        if (send(fd, packet.bytes, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
            refused++;
            assert_others_are_served();
        } else {
            refused = 0;
            assert_true(++sent < 10000);
        }
    }
    close(fd);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(truncated_packets),
        TEST(an_oversized_packet),
        TEST(the_largest_packet),
        TEST(an_empty_packet),
        TEST(random_packets),
        TEST(a_wrong_version),
        TEST(no_hello),
        TEST(unknown_operations),
        TEST(senseless_allocations),
        TEST(senseless_sizes_in_the_library),
        TEST(handles_of_others_and_of_nobody),
        TEST(too_many_handles),
        TEST(too_many_requests),
        TEST(a_client_that_never_reads),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
