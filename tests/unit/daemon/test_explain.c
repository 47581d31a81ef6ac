/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain.c: what a refusal, and a dry run, say: who said no, by which numbers, and what would
 * help.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "explain.h"
#include "fixture.h"

static struct fixture f;

/* Two zones of 2,048 pages, without marks. */
static int set_up(void **state)
{
    *state = &f;
    fixture_start(&f, 2, 8 * MIB);
    return 0;
}

static struct wire_response explain(struct client *c, uint32_t session, uint32_t order)
{
    struct wire_request rq = {
        .op = WIRE_OP_EXPLAIN,
        .explain = {.session = session, .alloc = alloc_request(order, 1).alloc},
    };

    return *client_call(c, &rq);
}

static void take(struct client *c, uint32_t order, uint32_t count)
{
    struct wire_request rq = alloc_request(order, count);

    assert_int_equal(client_call(c, &rq)->error, 0);
}

static void test_granted(void **state)
{
    struct client *c = client_open(&f);
    struct wire_response rs = explain(c, 0, 9);

    (void)state;
    assert_int_equal(rs.error, 0);
    assert_true(rs.explain.granted);
    expect_text(rs.explain.text, "client 1 'test' asks for order 9 (512 pages), unmovable\n");
    expect_text(rs.explain.text, "account of client 'test': 0 pages used, no limit\n");
    expect_text(rs.explain.text, "section 'default' of the policy: 0 pages used, no limit\n");
    expect_text(rs.explain.text, "low: 2048 free - 511 (order) = 1537 > 0: yes\n");
    expect_text(rs.explain.text, "granted from zone 'zone0'\n");
    /* Nothing was taken. */
    assert_int_equal(used_pages(f.hub->zones), 0);
    client_free(c);
}

static void test_a_zone_says_no(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq = alloc_request(11, 1);
    const struct wire_response *rs;

    (void)state;
    take(c, 10, 3);
    rs = client_call(c, &rq);
    assert_int_equal(rs->error, ENOMEM);
    expect_text(rs->refusal->explanation, "low: 1024 free - 2047 (order) = -1023 > 0: no\n");
    expect_text(rs->refusal->explanation, "refused by zone 'zone0'\n");
    expect_text(rs->refusal->explanation,
                "it would be granted if 2048 pages were freed in zone 'zone0'\n");
    expect_text(rs->refusal->explanation, "it would be granted at order 10\n");
    client_free(c);
}

static void test_an_account_says_no(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq[2] = {alloc_request(9, 1), alloc_request(9, 1)};
    struct wire_server_packet packet;
    const struct wire_refusal *why;

    (void)state;
    fixture_set_key(&f, "client_max", "4M");
    fixture_set_key(&f, "client_min", "400K");
    fixture_set_key(&f, "client_low", "800K");
    fixture_set_key(&f, "client_high", "1M");
    take(c, 9, 1);
    client_send(c, rq, 2);
    client_receive(c, &packet);
    /* It may be told of pressure first. */
    if (packet.nr_responses == 0)
        client_receive(c, &packet);
    assert_int_equal(packet.nr_responses, 2);
    why = packet.responses[0].refusal;
    assert_int_equal(why->reason, WIRE_REFUSAL_ACCOUNT);
    assert_int_equal(why->scope, WIRE_SCOPE_ACCOUNT);
    assert_int_equal(why->max_pages, 1024);
    assert_int_equal(why->used_pages, 512);
    expect_text(why->explanation, "account of client 'test': 512 of at most 1024 pages used\n");
    expect_text(why->explanation, "min: 512 free - 511 (order) = 1 > 100: no\n");
    expect_text(why->explanation, "refused by account of client 'test'\n");
    expect_text(why->explanation,
                "it would be granted if 100 pages were freed in account of client 'test'\n");
    /* Not again so soon. */
    assert_string_equal(packet.responses[1].refusal->explanation, "");
    fixture_set_key(&f, "client_max", "none");
    client_free(c);
}

static void take_type(struct client *c, enum migratetype type, uint32_t order, uint32_t count)
{
    struct wire_request rq = alloc_request(order, count);

    rq.alloc.type = (uint32_t)type;
    assert_int_equal(client_call(c, &rq)->error, 0);
}

/* The same for who may be told of pressure first. */
static const char *explanation(struct client *c, uint32_t order)
{
    struct wire_request rq = {.op = WIRE_OP_EXPLAIN,
                              .explain = {.alloc = alloc_request(order, 1).alloc}};
    static struct wire_server_packet packet;

    client_send(c, &rq, 1);
    do {
        client_receive(c, &packet);
    } while (packet.nr_responses == 0);
    assert_int_equal(packet.responses[0].error, 0);
    return packet.responses[0].explain.text;
}

/* What reclaim and compaction could do about it. */
static void test_what_could_be_done(void **state)
{
    struct client *c = client_open_slots(&f), *other = client_open_slots(&f);
    struct wire_response rs;

    (void)state;
    take_type(other, MIGRATE_UNMOVABLE, 10, 3);
    rs = explain(c, 0, 11);
    expect_text(rs.explain.text, "    nothing can be reclaimed\n");
    expect_text(rs.explain.text, "    compaction would not help: no block can be moved\n");
    take_type(c, MIGRATE_RECLAIMABLE, 0, 100);
    take_type(other, MIGRATE_RECLAIMABLE, 0, 20);
    rs = explain(c, 0, 11);
    expect_text(rs.explain.text,
                "    reclaim could bring at most 120 pages, 100 of them the client's own\n");
    expect_text(rs.explain.text, "    compaction would not help: what is free is too little");
    rs = explain(other, 0, 11);
    expect_text(rs.explain.text,
                "    reclaim could bring at most 120 pages, 20 of them the client's own\n");
    /* Some of it is reclaimed meanwhile. Of a single page there is nothing to be made. */
    take_type(other, MIGRATE_UNMOVABLE, 0, 904);
    assert_null(strstr(explanation(c, 0), "compaction"));
    fixture_set_key(&f, "client_max", "200K");
    expect_text(explanation(c, 1), " pages, all of them the client's own\n");
    fixture_set_key(&f, "client_max", "none");
    fixture_set_key(&f, "max", "1M");
    expect_text(explanation(c, 1), " pages, of all clients of the section\n");
    fixture_set_key(&f, "max", "none");
    client_free(other);
    client_free(c);
}

/* Every second page is free: together they would do. */
static void test_compaction_could_help(void **state)
{
    struct client *c = client_open_slots(&f);
    static uint64_t handles[4096];
    uint32_t nr = 0, nr_freed = 0;

    (void)state;
    while (nr < 4096) {
        struct wire_request rq = alloc_request(0, 512);
        const struct wire_response *rs;

        rq.alloc.type = MIGRATE_MOVABLE;
        rs = client_call(c, &rq);
        assert_int_equal(rs->error, 0);
        memcpy(handles + nr, rs->alloc.handle, 512 * sizeof(handles[0]));
        nr += 512;
    }
    for (uint32_t i = 0; i < nr; i += 2)
        handles[nr_freed++] = handles[i];
    for (uint32_t i = 0; i < nr_freed; i += 512) {
        struct wire_request rq = free_request(handles + i, 512);

        assert_int_equal(client_call(c, &rq)->error, 0);
    }
    expect_text(explain(c, 0, 5).explain.text, "    compaction could make a block, if what is ");
    client_free(c);
}

static void test_a_max_that_is_too_small(void **state)
{
    struct client *c = client_open(&f);
    struct wire_response rs;

    (void)state;
    fixture_set_key(&f, "client_max", "1M");
    rs = explain(c, 0, 9);
    assert_int_equal(rs.error, 0);
    assert_false(rs.explain.granted);
    expect_text(rs.explain.text, "however much is freed, its max is too small: ");
    client_free(c);
}

static void test_bad_requests(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq = {.op = WIRE_OP_EXPLAIN,
                              .explain = {.alloc = alloc_request(0, 1).alloc}};

    (void)state;
    assert_int_equal(explain(c, 77, 0).error, ENOENT);
    rq.explain.alloc.zone = 2;
    assert_int_equal(client_call(c, &rq)->error, EINVAL);
    rq.explain.alloc.zone = -1;
    rq.explain.alloc.flags = WIRE_ALLOC_RESERVE;
    assert_int_equal(client_call(c, &rq)->error, EPERM);
    client_free(c);
}

/* What does not fit is left out by whole lines, and the last one says so. */
static void test_small_room(void **state)
{
    struct client *c = client_open(&f);
    const struct session *s = client_session(c);
    const struct grant_request grant = {.zone = -1, .order = 3, .count = 1};
    char all[4096], text[4096];
    size_t len;

    (void)state;
    assert_int_equal(explain_request(s, &grant, false, all, sizeof(all)), 0);
    len = strlen(all);
    for (size_t size = 8; size <= len + 8; size++) {
        memset(text, 'x', sizeof(text));
        assert_int_equal(explain_request(s, &grant, false, text, size), 0);
        assert_true(strlen(text) < size);
        assert_int_equal(text[strlen(text) - 1], '\n');
        if (strcmp(text, all) != 0)
            assert_string_equal(text + strlen(text) - 4, "...\n");
    }
    assert_string_equal(text, all);
    client_free(c);
}

static void expect_account(const struct wire_response *rs, const char *name, uint64_t used,
                           uint64_t max)
{
    for (size_t i = 0; i < rs->listing.nr; i++) {
        const struct wire_account_stat *a = &rs->listing.accounts[i];

        if (strcmp(a->name, name) != 0)
            continue;
        assert_int_equal(a->used_pages, used);
        assert_int_equal(a->max_pages, max);
        return;
    }
    fail_msg("no account '%s'", name);
}

static void test_listing(void **state)
{
    struct client *c = client_open(&f);
    struct wire_request rq = stat_request(WIRE_OP_STAT_ACCOUNTS, 0);
    const struct wire_response *rs;

    (void)state;
    fixture_set_key(&f, "max", "4M");
    take(c, 4, 1);
    do {
        rs = client_call(c, &rq);
        assert_int_equal(rs->error, 0);
        if (rs->listing.nr) {
            expect_account(rs, "default", 16, 1024);
            expect_account(rs, "test", 16, UINT64_MAX);
        }
        rq.stat.cursor = rs->listing.cursor;
    } while (rq.stat.cursor);
    fixture_set_key(&f, "max", "none");
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_granted, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_a_zone_says_no, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_an_account_says_no, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_what_could_be_done, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_compaction_could_help, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_a_max_that_is_too_small, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_bad_requests, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_small_room, set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(test_listing, set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
