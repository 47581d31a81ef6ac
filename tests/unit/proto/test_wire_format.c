/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire_format.c: what is packed is what buddyd.proto says, and what is unpacked is what was
 * packed. The field numbers here are for ever: a failure means that the protocol has changed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "proto/wire.h"
#include "samples.h"
#include "wire_equal.h"

static void read_client(struct fixture *f, const void *bytes, size_t len,
                        struct wire_client_packet *ret)
{
    assert_int_equal(wire_read_client_packet(bytes, len, &f->arena, ret), 0);
}

static void read_server(struct fixture *f, const void *bytes, size_t len,
                        struct wire_server_packet *ret)
{
    assert_int_equal(wire_read_server_packet(bytes, len, &f->arena, ret), 0);
}

static void each_request_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < nr_sample_requests; i++) {
        struct fixture *f = fixture_fresh(0xa5);
        struct wire_client_packet packet;

        assert_int_equal(wire_append_request(f->buf, &f->len, &sample_requests[i], &f->arena), 0);
        assert_int_equal(f->arena.used, 0);
        read_client(f, f->buf, f->len, &packet);
        assert_int_equal(packet.nr_requests, 1);
        assert_true(wire_request_equal(&packet.requests[0], &sample_requests[i]));
        assert_int_equal(f->arena.size, sizeof(f->memory));
    }
}

static void each_response_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < nr_sample_responses; i++) {
        struct fixture *f = fixture_fresh(0xa5);
        struct wire_server_packet packet;

        assert_int_equal(wire_append_response(f->buf, &f->len, &sample_responses[i], &f->arena), 0);
        assert_int_equal(f->arena.used, 0);
        read_server(f, f->buf, f->len, &packet);
        assert_int_equal(packet.nr_responses, 1);
        assert_int_equal(packet.nr_events, 0);
        assert_true(wire_response_equal(&packet.responses[0], &sample_responses[i]));
        assert_int_equal(f->arena.size, sizeof(f->memory));
    }
}

static void many_requests_share_a_packet(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    for (size_t i = 0; i < nr_sample_requests; i++)
        assert_int_equal(wire_append_request(f->buf, &f->len, &sample_requests[i], &f->arena), 0);
    read_client(f, f->buf, f->len, &packet);
    assert_int_equal(packet.nr_requests, nr_sample_requests);
    for (size_t i = 0; i < nr_sample_requests; i++)
        assert_true(wire_request_equal(&packet.requests[i], &sample_requests[i]));
}

static void responses_and_events_share_a_packet(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    for (size_t i = 0; i < nr_sample_responses; i++) {
        assert_int_equal(wire_append_response(f->buf, &f->len, &sample_responses[i], &f->arena), 0);
        if (i < nr_sample_events)
            assert_int_equal(wire_append_event(f->buf, &f->len, &sample_events[i], &f->arena), 0);
    }
    read_server(f, f->buf, f->len, &packet);
    assert_int_equal(packet.nr_responses, nr_sample_responses);
    assert_int_equal(packet.nr_events, nr_sample_events);
    for (size_t i = 0; i < nr_sample_responses; i++)
        assert_true(wire_response_equal(&packet.responses[i], &sample_responses[i]));
    for (size_t i = 0; i < nr_sample_events; i++)
        assert_true(wire_event_equal(&packet.events[i], &sample_events[i]));
}

static void events_may_come_alone(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    assert_int_equal(wire_append_event(f->buf, &f->len, &sample_events[0], &f->arena), 0);
    read_server(f, f->buf, f->len, &packet);
    assert_int_equal(packet.nr_responses, 0);
    assert_int_equal(packet.nr_events, 1);
    assert_true(wire_event_equal(&packet.events[0], &sample_events[0]));
}

/* ---- bytes ---- */

static void expect_request(struct fixture *f, const struct wire_request *rq)
{
    f->len = 0;
    assert_int_equal(wire_append_request(f->buf, &f->len, rq, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
    f->raw.len = 0;
}

static void request_bytes_are_those_of_the_proto(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_uint(&f->part, 1, WIRE_VERSION);
    raw_string(&f->part, 3, "replay");
    fixture_wrap_part(f, 2);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[0]);

    raw_uint(&f->message, 1, 3);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[2]);

    raw_uint(&f->message, 1, 4);
    raw_uint(&f->part, 1, 18);
    raw_uint(&f->part, 2, 2);
    raw_uint(&f->part, 3, 1024);
    raw_uint(&f->part, 4, UINT32_MAX);
    raw_uint(&f->part, 5, 1024);
    raw_uint(&f->part, 6, 64);
    raw_uint(&f->part, 8, UINT32_MAX);
    raw_fixed64(&f->part, 9, UINT64_MAX);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[3]);

    raw_uint(&f->message, 1, 6);
    raw_packed64(&f->part, 1, 0x0000000100000001, 1);
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[5]);

    for (unsigned i = 7; i <= 10; i++) {
        raw_uint(&f->message, 1, sample_requests[i].id);
        if (sample_requests[i].stat.cursor)
            raw_uint(&f->part, 1, sample_requests[i].stat.cursor);
        if (sample_requests[i].stat.session)
            raw_uint(&f->part, 2, sample_requests[i].stat.session);
        fixture_wrap_part(f, i - 2);
        fixture_wrap(f, 1);
        expect_request(f, &sample_requests[i]);
    }
}

static void policy_request_bytes_are_those_of_the_proto(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    static struct raw alloc;

    (void)state;
    raw_uint(&f->message, 1, 12);
    raw_uint(&f->part, 1, 6);
    fixture_wrap_part(f, 9);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[11]);

    raw_uint(&f->message, 1, 13);
    raw_uint(&f->part, 1, 77);
    raw_uint(&alloc, 1, 9);
    raw_uint(&alloc, 2, 1);
    raw_uint(&alloc, 3, 4);
    raw_uint(&alloc, 4, 7);
    raw_uint(&alloc, 5, 3);
    raw_uint(&alloc, 6, 4);
    raw_uint(&alloc, 8, 20);
    raw_fixed64(&alloc, 9, 5);
    raw_message(&f->part, 2, &alloc);
    fixture_wrap_part(f, 10);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[12]);

    raw_uint(&f->message, 1, 15);
    raw_string(&f->part, 1, "policy web");
    raw_string(&f->part, 2, "max");
    raw_string(&f->part, 3, "2G");
    fixture_wrap_part(f, 11);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[14]);

    raw_uint(&f->message, 1, 17);
    fixture_wrap_part(f, 12);
    fixture_wrap(f, 1);
    expect_request(f, &sample_requests[16]);
}

static void expect_response(struct fixture *f, const struct wire_response *rs)
{
    f->len = 0;
    assert_int_equal(wire_append_response(f->buf, &f->len, rs, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
    f->raw.len = 0;
}

static void response_bytes_are_those_of_the_proto(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&f->message, 1, 3);
    raw_packed64(&f->part, 1, 0x0000000100000001, 1);
    raw_packed(&f->part, 2, 0, 1);
    raw_packed(&f->part, 3, 0, 1);
    raw_packed(&f->part, 4, 0, 1);
    fixture_wrap_part(f, 6);
    fixture_wrap(f, 1);
    expect_response(f, &sample_responses[2]);

    raw_uint(&f->message, 1, 7);
    raw_uint(&f->part, 1, WIRE_MAX_BLOCKS);
    fixture_wrap_part(f, 7);
    fixture_wrap(f, 1);
    expect_response(f, &sample_responses[6]);

    raw_uint(&f->message, 1, 13);
    raw_uint(&f->message, 2, 12);
    raw_string(&f->message, 3, "zone0 has no block of order 18");
    raw_uint(&f->part, 1, 2);
    raw_uint(&f->part, 2, 64);
    raw_uint(&f->part, 3, 18);
    raw_uint(&f->part, 4, 1 << 18);
    raw_uint(&f->part, 5, (1 << 20) - 1);
    raw_uint(&f->part, 6, 18);
    raw_uint(&f->part, 7, 1862); /* 931, zigzag */
    raw_fixed64(&f->part, 8, UINT64_MAX);
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 1);
    expect_response(f, &sample_responses[13]);
}

static void policy_response_bytes_are_those_of_the_proto(void **state)
{
    const struct wire_refusal refusal = {1,  -1, 0,  0,  0,  -1, 0,  0,   3,
                                         11, 12, 13, 14, 15, 16, 17, "a", "b\nc\n"};
    const struct wire_response refused = {.id = 1, .error = 12, .refusal = &refusal};
    const struct wire_response explained = {
        .id = 1, .op = WIRE_OP_EXPLAIN, .explain = {true, "b\nc\n"}};
    const struct wire_response set = {.id = 1, .op = WIRE_OP_SET_POLICY};
    const struct wire_response reloaded = {.id = 1, .op = WIRE_OP_RELOAD};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_uint(&f->message, 2, 12);
    raw_uint(&f->part, 1, 1);
    raw_uint(&f->part, 9, 3);
    raw_string(&f->part, 10, "a");
    for (unsigned field = 11; field <= 17; field++)
        raw_uint(&f->part, field, field);
    raw_string(&f->part, 18, "b\nc\n");
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 1);
    expect_response(f, &refused);

    raw_uint(&f->message, 1, 1);
    raw_uint(&f->part, 1, 1);
    raw_string(&f->part, 2, "b\nc\n");
    fixture_wrap_part(f, 13);
    fixture_wrap(f, 1);
    expect_response(f, &explained);

    raw_uint(&f->message, 1, 1);
    fixture_wrap_part(f, 14);
    fixture_wrap(f, 1);
    expect_response(f, &set);
    raw_uint(&f->message, 1, 1);
    fixture_wrap_part(f, 15);
    fixture_wrap(f, 1);
    expect_response(f, &reloaded);
}

/* A listing of one entry, with id 1 and cursor 9, as field op of its response. */
static void expect_listing(struct fixture *f, const struct wire_response *rs, unsigned op,
                           const struct raw *entry)
{
    raw_uint(&f->message, 1, 1);
    raw_uint(&f->part, 1, 9);
    raw_message(&f->part, 2, entry);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    expect_response(f, rs);
}

static void zone_bytes_are_those_of_the_proto(void **state)
{
    static struct raw zone, entry;
    const struct wire_zone z = {
        5, 2, "z", WIRE_BACKING_HUGETLBFS, 12, 21, 9, 1 << 30, (uint64_t)1 << 44,
    };
    const struct wire_response rs = {
        .id = 1, .op = WIRE_OP_HELLO, .hello = {1, 6, 7, 1, &z, "p", 8, 9, 10}};
    const struct wire_zone_stat stat = {z,  11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                        23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35};
    const struct wire_response listing = {
        .id = 1, .op = WIRE_OP_STAT_ZONES, .listing = {9, 1, {.zones = &stat}}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&zone, 1, 5);
    raw_string(&zone, 2, "z");
    raw_uint(&zone, 3, 3);
    raw_uint(&zone, 4, 2);
    raw_uint(&zone, 5, 12);
    raw_uint(&zone, 6, 21);
    raw_uint(&zone, 7, 9);
    raw_uint(&zone, 8, 1 << 30);
    raw_fixed64(&zone, 9, (uint64_t)1 << 44);

    raw_uint(&f->message, 1, 1);
    raw_uint(&f->part, 1, 1);
    raw_uint(&f->part, 2, 6);
    raw_uint(&f->part, 3, 7);
    raw_message(&f->part, 4, &zone);
    raw_uint(&f->part, 5, 8);
    raw_string(&f->part, 6, "p");
    raw_uint(&f->part, 7, 9);
    raw_uint(&f->part, 8, 10);
    fixture_wrap_part(f, 5);
    fixture_wrap(f, 1);
    expect_response(f, &rs);

    raw_message(&entry, 1, &zone);
    for (unsigned field = 2; field <= 26; field++)
        raw_uint(&entry, field, field + 9);
    expect_listing(f, &listing, 8, &entry);
}

static void listing_bytes_are_those_of_the_proto(void **state)
{
    static struct raw entry;
    const uint64_t free_blocks[] = {1, 2, 3, 4}, pageblocks[] = {5, 6};
    const struct wire_zone_free zf = {3, 2, 2, free_blocks, pageblocks};
    const struct wire_client_stat client = {1,  4,         "c", 5,  6,  7,  8, 9,
                                            10, {1, 1, 1}, "p", 12, 13, 14, 15};
    const struct wire_block_stat block = {1, 2, 3, 4, 5, 1, 7, 8};
    const struct wire_response frees = {
        .id = 1, .op = WIRE_OP_STAT_FREE, .listing = {9, 1, {.frees = &zf}}};
    const struct wire_response clients = {
        .id = 1, .op = WIRE_OP_STAT_CLIENTS, .listing = {9, 1, {.clients = &client}}};
    const struct wire_response blocks = {
        .id = 1, .op = WIRE_OP_STAT_BLOCKS, .listing = {9, 1, {.blocks = &block}}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&entry, 1, 3);
    raw_uint(&entry, 2, 2);
    raw_uint(&entry, 3, 2);
    raw_bytes(&entry, 4, "\1\2\3\4", 4);
    raw_bytes(&entry, 5, "\5\6", 2);
    expect_listing(f, &frees, 9, &entry);

    entry.len = 0;
    raw_uint(&entry, 1, 1);
    raw_string(&entry, 2, "c");
    for (unsigned field = 3; field <= 9; field++)
        raw_uint(&entry, field, field + 1);
    raw_packed(&entry, 10, 1, 3);
    raw_string(&entry, 11, "p");
    for (unsigned field = 12; field <= 15; field++)
        raw_uint(&entry, field, field);
    expect_listing(f, &clients, 10, &entry);

    entry.len = 0;
    raw_fixed64(&entry, 1, 1);
    for (unsigned field = 2; field <= 5; field++)
        raw_uint(&entry, field, field);
    raw_uint(&entry, 6, 1);
    raw_uint(&entry, 7, 7);
    raw_uint(&entry, 8, 8);
    expect_listing(f, &blocks, 11, &entry);
}

static void account_bytes_are_those_of_the_proto(void **state)
{
    static struct raw entry;
    const struct wire_account_stat account = {"a", "g", 3,  5,  4,  6,  7,  8,  9,   10,
                                              11,  12,  13, 14, 15, 16, 17, 18, true};
    const struct wire_response accounts = {
        .id = 1, .op = WIRE_OP_STAT_ACCOUNTS, .listing = {9, 1, {.accounts = &account}}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_string(&entry, 1, "a");
    raw_string(&entry, 2, "g");
    raw_uint(&entry, 3, 3);
    raw_uint(&entry, 4, 5); /* uid 4 */
    for (unsigned field = 5; field <= 18; field++)
        raw_uint(&entry, field, field);
    raw_uint(&entry, 19, 1);
    expect_listing(f, &accounts, 12, &entry);
}

static void expect_event(struct fixture *f, const struct wire_event *ev)
{
    f->len = 0;
    assert_int_equal(wire_append_event(f->buf, &f->len, ev, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
    f->raw.len = 0;
}

static void event_bytes_are_those_of_the_proto(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&f->message, 1, WIRE_EVENT_GOODBYE);
    raw_string(&f->message, 2, "the daemon ends");
    fixture_wrap(f, 2);
    expect_event(f, &sample_events[0]);

    raw_uint(&f->message, 1, WIRE_EVENT_PRESSURE);
    raw_uint(&f->part, 1, 2);
    raw_string(&f->part, 2, "databases");
    for (unsigned field = 3; field <= 6; field++)
        raw_uint(&f->part, field, field);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 2);
    expect_event(f, &sample_events[3]);

    raw_uint(&f->message, 1, WIRE_EVENT_REVOKE);
    raw_string(&f->message, 2, "another needs it");
    raw_uint(&f->part, 1, 5000);
    raw_uint(&f->part, 2, 512);
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 2);
    expect_event(f, &sample_events[5]);
}

/* ---- parts that are absent, or another kind's ---- */

static void the_part_of_an_event_goes_by_its_kind(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    const struct wire_event *ev;
    struct wire_server_packet packet;

    (void)state;
    raw_uint(&f->message, 1, WIRE_EVENT_PRESSURE);
    fixture_wrap(f, 2);
    raw_uint(&f->message, 1, WIRE_EVENT_REVOKE);
    raw_uint(&f->part, 1, 7);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 2);
    read_server(f, f->raw.bytes, f->raw.len, &packet);
    ev = packet.events;
    assert_int_equal(packet.nr_events, 2);
    assert_int_equal(ev[0].pressure.level, 0);
    assert_string_equal(ev[0].pressure.account, "");
    assert_int_equal(ev[1].revoke.grace_ms, 0);
    assert_int_equal(ev[1].revoke.pages, 0);
}

/* ---- what other writers may send ---- */

static void absent_fields_have_their_defaults(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->message, 1, 9);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 1);
    raw_uint(&f->message, 1, 10);
    fixture_wrap_part(f, 2);
    fixture_wrap(f, 1);
    read_client(f, f->raw.bytes, f->raw.len, &packet);
    assert_int_equal(packet.nr_requests, 2);
    assert_int_equal(packet.requests[0].error, 0);
    assert_int_equal(packet.requests[0].alloc.count, 1);
    assert_int_equal(packet.requests[0].alloc.node, -1);
    assert_int_equal(packet.requests[0].alloc.zone, -1);
    assert_int_equal(packet.requests[1].hello.version, 0);
    assert_string_equal(packet.requests[1].hello.name, "");
}

static void arrays_may_come_unpacked(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_fixed64(&f->part, 1, 11);
    raw_packed64(&f->part, 1, 12, 2);
    raw_fixed64(&f->part, 1, 13);
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 1);
    read_client(f, f->raw.bytes, f->raw.len, &packet);
    assert_int_equal(packet.requests[0].free.nr, 4);
    assert_int_equal(packet.requests[0].free.handle[0], 11);
    assert_int_equal(packet.requests[0].free.handle[1], 12);
    assert_int_equal(packet.requests[0].free.handle[2], 12);
    assert_int_equal(packet.requests[0].free.handle[3], 13);
}

static void fields_may_come_in_any_order(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->part, 3, 5);
    raw_uint(&f->part, 1, 4);
    fixture_wrap_part(f, 3);
    raw_uint(&f->message, 1, 99);
    fixture_wrap(f, 1);
    read_client(f, f->raw.bytes, f->raw.len, &packet);
    assert_int_equal(packet.requests[0].id, 99);
    assert_int_equal(packet.requests[0].alloc.order, 4);
    assert_int_equal(packet.requests[0].alloc.count, 5);
}

static void an_error_drops_the_rest_of_its_response(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    raw_uint(&f->message, 1, 5);
    raw_uint(&f->message, 2, 12);
    raw_uint(&f->part, 1, 3);
    fixture_wrap_part(f, 7);
    fixture_wrap(f, 1);
    read_server(f, f->raw.bytes, f->raw.len, &packet);
    assert_int_equal(packet.responses[0].op, WIRE_OP_NONE);
    assert_int_equal(packet.responses[0].error, 12);
    assert_null(packet.responses[0].message);
    assert_null(packet.responses[0].refusal);
}

/* ---- strings ---- */

/* The name as a reader of a Hello gets it, sent by hand or through packing. */
static void expect_name(const char *name, const char *clean)
{
    struct fixture *f = fixture_fresh(0xa5);
    const struct wire_request rq = {.id = 1, .op = WIRE_OP_HELLO, .hello = {1, 0, name}};
    struct wire_client_packet packet;

    raw_uint(&f->message, 1, 1);
    raw_string(&f->part, 3, name);
    fixture_wrap_part(f, 2);
    fixture_wrap(f, 1);
    read_client(f, f->raw.bytes, f->raw.len, &packet);
    assert_string_equal(packet.requests[0].hello.name, clean);

    assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
    assert_memory_equal(f->buf + f->len - strlen(clean), clean, strlen(clean));
}

static void strings_are_cleaned(void **state)
{
    (void)state;
    expect_name("a plain name ~", "a plain name ~");
    expect_name("bell\a esc\033[1m del\177\n", "bell? esc?[1m del??");
    expect_name("Gr\303\266\303\237e", "Gr\303\266\303\237e");
    expect_name("\342\202\254 \360\237\230\200", "\342\202\254 \360\237\230\200");
    expect_name("c1 \302\205 \302\240", "c1 ?? \302\240");
    expect_name("lone \200 \377", "lone ? ?");
    expect_name("cut \342\202", "cut ??");
    expect_name("cut \303", "cut ?");
    expect_name("overlong \300\257 \340\200\257", "overlong ?? ???");
    expect_name("overlong \360\217\277\277", "overlong ????");
    expect_name("surrogate \355\240\200", "surrogate ???");
    expect_name("beyond \364\220\200\200", "beyond ????");
    expect_name("beyond \365\200\200\200", "beyond ????");
    expect_name("\355\237\277 \364\217\277\277", "\355\237\277 \364\217\277\277");
    expect_name("\303(", "?(");
}

static void lines_keep_their_newlines(void **state)
{
    const struct wire_refusal refusal = {
        .zone = -1, .largest_order = -1, .account = "a\nb", .explanation = "a\tb\n\nc\r\n\033"};
    const struct wire_response responses[] = {
        {.id = 1, .error = 12, .message = "one\nline", .refusal = &refusal},
        {.id = 2, .op = WIRE_OP_EXPLAIN, .explain = {false, "\na\x80\n"}}};
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(wire_append_response(f->buf, &f->len, &responses[i], &f->arena), 0);
    read_server(f, f->buf, f->len, &packet);
    assert_string_equal(packet.responses[0].message, "one?line");
    assert_string_equal(packet.responses[0].refusal->account, "a?b");
    assert_string_equal(packet.responses[0].refusal->explanation, "a?b\n\nc?\n?");
    assert_string_equal(packet.responses[1].explain.text, "\na?\n");
}

static void strings_end_at_a_zero(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_bytes(&f->part, 3, "ab\0\033c", 5);
    fixture_wrap_part(f, 2);
    fixture_wrap(f, 1);
    read_client(f, f->raw.bytes, f->raw.len, &packet);
    assert_string_equal(packet.requests[0].hello.name, "ab");
}

static void ops_have_names(void **state)
{
    (void)state;
    assert_string_equal(wire_op_name(WIRE_OP_NONE), "none");
    assert_string_equal(wire_op_name(WIRE_OP_HELLO), "hello");
    assert_string_equal(wire_op_name(WIRE_OP_STAT_BLOCKS), "stat_blocks");
    assert_string_equal(wire_op_name(WIRE_OP_RELOAD), "reload");
    assert_string_equal(wire_op_name(WIRE_NR_OPS), "none");
    for (unsigned op = 0; op < WIRE_NR_OPS; op++)
        assert_non_null(wire_op_name((enum wire_op)op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_round_trips),
        cmocka_unit_test(each_response_round_trips),
        cmocka_unit_test(many_requests_share_a_packet),
        cmocka_unit_test(responses_and_events_share_a_packet),
        cmocka_unit_test(events_may_come_alone),
        cmocka_unit_test(request_bytes_are_those_of_the_proto),
        cmocka_unit_test(policy_request_bytes_are_those_of_the_proto),
        cmocka_unit_test(response_bytes_are_those_of_the_proto),
        cmocka_unit_test(policy_response_bytes_are_those_of_the_proto),
        cmocka_unit_test(zone_bytes_are_those_of_the_proto),
        cmocka_unit_test(listing_bytes_are_those_of_the_proto),
        cmocka_unit_test(account_bytes_are_those_of_the_proto),
        cmocka_unit_test(event_bytes_are_those_of_the_proto),
        cmocka_unit_test(the_part_of_an_event_goes_by_its_kind),
        cmocka_unit_test(absent_fields_have_their_defaults),
        cmocka_unit_test(arrays_may_come_unpacked),
        cmocka_unit_test(fields_may_come_in_any_order),
        cmocka_unit_test(an_error_drops_the_rest_of_its_response),
        cmocka_unit_test(strings_are_cleaned),
        cmocka_unit_test(lines_keep_their_newlines),
        cmocka_unit_test(strings_end_at_a_zero),
        cmocka_unit_test(ops_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
