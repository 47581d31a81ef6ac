/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bad_policy.c: clients that misuse what the policy is about: they get one clear error each,
 * others are served, and nothing changes or leaks.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/limits.h"
#include "support/raw.h"
#include "support/stage.h"

#define USER         61001u
#define MAX_REQUESTS 5u
/* Beside what is guaranteed to the observer. */
#define HUGEPAGES (ZONE_HUGEPAGES - 1)
#define POLICY                                                                                     \
    "[policy bystander]\nuid = 0\nguarantee = 1M\n"                                                \
    "[policy few]\nuid = 61001\nmax_requests = 5\n"                                                \
    "[policy many]\nuid = 61002\n"

static struct stage st;
static struct raw_packet body;
static struct raw_packet packet;

static int set_up(void **state)
{
    static const struct stage_role nobody[] = {{0}};

    *state = &st;
    stage_open(&st, "none", POLICY, nobody);
    return 0;
}

static void assert_others_are_served(void)
{
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc_page(st.b, BUDDYD_MOVABLE, 0, &block), 0);
    assert_int_equal(buddyd_free(st.b, block.handle), 0);
}

/* A peer has the credentials of the time when it connects. */
static int hello_as(unsigned uid)
{
    int fd;

    assert_int_equal(seteuid(uid), 0);
    fd = raw_connect_hello(st.daemon.socket);
    assert_int_equal(seteuid(0), 0);
    assert_true(fd >= 0);
    return fd;
}

static void begin(void)
{
    body.len = 0;
    packet.len = 0;
}

static void make_alloc(uint64_t id, unsigned order, unsigned deadline_ms)
{
    body.len = 0;
    raw_add_number(&body, RAW_ALLOC_ORDER, order);
    raw_add_number(&body, RAW_ALLOC_DEADLINE, deadline_ms);
    raw_add_request(&packet, id, RAW_ALLOC, &body);
}

static void ask(int fd, struct raw_answer *ret)
{
    assert_int_equal(raw_ask(fd, &packet, ret), 0);
    assert_false(ret->closed);
    assert_true(strlen(ret->message) <= WIRE_MAX_MESSAGE);
    assert_null(strchr(ret->message, '\n'));
}

/* All memory but what the bystander is guaranteed. */
static void fill(int fd)
{
    struct raw_answer answer;

    for (unsigned i = 0; i < HUGEPAGES; i++) {
        begin();
        make_alloc(i + 1, 9, 0);
        ask(fd, &answer);
        assert_int_equal(answer.error, 0);
    }
}

/* A packet full of requests that would wait. */
static void flood(int fd)
{
    packet.len = 0;
    for (unsigned i = 0; i < WIRE_MAX_REQUESTS; i++)
        make_alloc(1000 + i, 9, LONG_MS);
    assert_int_equal(raw_send(fd, packet.bytes, packet.len), 0);
}

/* As many as the policy says wait; the others are refused at once. */
static void more_requests_than_may_wait(void **state)
{
    int owner = hello_as(USER);
    int fd = hello_as(USER);
    struct raw_answer answer;
    size_t refused = 0;

    (void)state;
    fill(owner);
    for (unsigned i = 0; i < 4; i++)
        flood(fd);
    while (refused < 4 * WIRE_MAX_REQUESTS - MAX_REQUESTS) {
        assert_int_equal(raw_receive(fd, &answer), 0);
        assert_false(answer.closed);
        assert_int_equal(answer.error, ENOMEM);
        refused += answer.nr;
        assert_others_are_served();
    }
    assert_int_equal(refused, 4 * WIRE_MAX_REQUESTS - MAX_REQUESTS);
    assert_int_equal(stage_account(&st, "few").waiting, MAX_REQUESTS);
    close(fd);
    close(owner);
    stage_leave(&st);
}

/* Thousands that wait keep nobody from being served, and go with their sessions. */
static void many_requests_that_wait(void **state)
{
    int owner = hello_as(USER + 1);
    int fds[8];

    (void)state;
    fill(owner);
    for (unsigned i = 0; i < 8; i++) {
        fds[i] = hello_as(USER + 1);
        for (unsigned j = 0; j < 4; j++)
            flood(fds[i]);
        assert_others_are_served();
    }
    assert_true(observe_waiting(st.b, "many", 8 * 4 * WIRE_MAX_REQUESTS));
    for (unsigned i = 0; i < 100; i++)
        assert_others_are_served();
    for (unsigned i = 0; i < 8; i++)
        close(fds[i]);
    assert_true(observe_waiting(st.b, "many", 0));
    close(owner);
    stage_leave(&st);
}

static void make_set(const char *section, const char *key, const char *value)
{
    begin();
    raw_add_bytes(&body, RAW_SET_SECTION, section, strlen(section));
    raw_add_bytes(&body, RAW_SET_KEY, key, strlen(key));
    raw_add_bytes(&body, RAW_SET_VALUE, value, strlen(value));
    raw_add_request(&packet, 7, RAW_SET_POLICY, &body);
}

static void assert_policy_is_as_it_was(void)
{
    assert_int_equal(stage_account(&st, "few").max_pages, BUDDYD_UNLIMITED);
    assert_int_equal(stage_account(&st, "bystander").guarantee_pages, 256);
    assert_others_are_served();
}

static void who_may_not_change_the_policy(void **state)
{
    int fd = hello_as(USER);
    struct raw_answer answer;

    (void)state;
    make_set("policy few", "max", "1G");
    ask(fd, &answer);
    assert_int_equal(answer.error, EPERM);
    assert_non_null(strstr(answer.message, "'few'"));
    assert_non_null(strstr(answer.message, "'admin'"));
    begin();
    raw_add_request(&packet, 8, RAW_RELOAD, &body);
    ask(fd, &answer);
    assert_int_equal(answer.error, EPERM);
    assert_non_null(strstr(answer.message, "'admin'"));
    assert_policy_is_as_it_was();
    close(fd);
    stage_leave(&st);
}

static const char *text_of(size_t len, char c)
{
    static char text[3][60001];
    static unsigned next;
    char *t = text[next++ % 3];

    memset(t, c, len);
    t[len] = '\0';
    return t;
}

/* From one who may: sections, keys and values that cannot be. */
static void assert_set_refused(const char *section, const char *key, const char *value)
{
    int fd = hello_as(0);
    struct raw_answer answer;

    make_set(section, key, value);
    ask(fd, &answer);
    assert_true(answer.error != 0 || answer.goodbye);
    assert_true(strlen(answer.message) > 0);
    close(fd);
    assert_policy_is_as_it_was();
}

static void senseless_changes(void **state)
{
    static const size_t lengths[] = {31, 32, 63, 64, 198, 255, 256, 4096, 60000};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_set_refused(text_of(lengths[i], 's'), "max", "1G");
        assert_set_refused("policy few", text_of(lengths[i], 'k'), "1G");
        assert_set_refused("policy few", "max", text_of(lengths[i], '9'));
        assert_set_refused("policy few", "max", text_of(lengths[i], 'v'));
    }
    assert_set_refused("", "", "");
    assert_set_refused("policy", "max", "1G");
    assert_set_refused("policy ", "max", "1G");
    assert_set_refused("policy nobody", "max", "1G");
    assert_set_refused("policy few", "", "1G");
    assert_set_refused("policy few", "max", "");
    assert_set_refused("policy few", "max", "1G\nguarantee = 1G");
    assert_set_refused("policy few\n", "max", "1G");
    assert_set_refused("policy few]", "max", "1G");
    assert_set_refused("policy few", "max=1G\nlow", "1G");
    assert_set_refused("policy few", "max", "\xff\xfe");
    assert_set_refused("daemon", "socket", "/tmp/other.sock");
    assert_set_refused("zone test", "size", "128M");
    /* It would fit a name, but there is no end to such names. */
    for (unsigned i = 0; i < 200; i++) {
        char section[64];

        snprintf(section, sizeof(section), "policy new%u", i);
        assert_set_refused(section, "uid", "61003");
    }
    stage_leave(&st);
}

static void another_users_explanation(void **state)
{
    int fd = hello_as(USER);
    const uint32_t ids[] = {buddyd_session(st.b), 0x7fffffff, UINT32_MAX};
    struct raw_answer answer;
    static struct raw_packet alloc;

    (void)state;
    alloc.len = 0;
    raw_add_number(&alloc, RAW_ALLOC_ORDER, 3);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        begin();
        raw_add_number(&body, RAW_EXPLAIN_SESSION, ids[i]);
        raw_add_bytes(&body, RAW_EXPLAIN_ALLOC, alloc.bytes, alloc.len);
        raw_add_request(&packet, 9, RAW_EXPLAIN, &body);
        ask(fd, &answer);
        assert_int_equal(answer.error, ENOENT);
        assert_null(strstr(answer.message, "observer"));
    }
    begin();
    raw_add_bytes(&body, RAW_EXPLAIN_ALLOC, alloc.bytes, alloc.len);
    raw_add_request(&packet, 10, RAW_EXPLAIN, &body);
    ask(fd, &answer);
    assert_int_equal(answer.error, 0);
    close(fd);
    stage_leave(&st);
}

/* What an Alloc with one bit of the flags, and this type, is answered. */
static uint32_t answer_to_flag(unsigned bit, unsigned type)
{
    if (bit == 3 && type == 2)
        return 0; /* to be told of a discarded block takes no right */
    return bit < 3 && type < 3 ? EPERM : EINVAL;
}

/* A client without rights, every bit of the flags and all types: no bit is a way in. */
static void every_bit_of_the_flags(void **state)
{
    int fd = hello_as(USER);

    (void)state;
    for (unsigned bit = 0; bit <= 32; bit++) {
        for (unsigned type = 0; type < 6; type++) {
            struct raw_answer answer;

            begin();
            raw_add_number(&body, RAW_ALLOC_TYPE, type);
            raw_add_number(&body, RAW_ALLOC_FLAGS, bit < 32 ? UINT32_C(1) << bit : UINT32_MAX);
            raw_add_number(&body, RAW_ALLOC_DEADLINE, LONG_MS);
            raw_add_request(&packet, 11, RAW_ALLOC, &body);
            ask(fd, &answer);
            assert_int_equal(answer.error, answer_to_flag(bit, type));
            assert_others_are_served();
        }
    }
    close(fd);
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(more_requests_than_may_wait),   TEST(many_requests_that_wait),
        TEST(who_may_not_change_the_policy), TEST(senseless_changes),
        TEST(another_users_explanation),     TEST(every_bit_of_the_flags),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
