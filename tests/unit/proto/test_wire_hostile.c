/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire_hostile.c: packets that nobody of ours would send. Nothing may crash, nothing may be
 * read that was not written, and what is refused is refused by name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fixture.h"
#include "proto/wire.h"
#include "samples.h"
#include "wire_equal.h"

/* A copy that ends where the packet does, so that a sanitizer sees a read behind it. */
static unsigned char *exact(const unsigned char *bytes, size_t len)
{
    unsigned char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    return copy;
}

/*
 * Read bytes as both kinds of packet, twice, over memory full of different rubbish: were anything
 * of it believed, the answers would differ. Returns what reading as a client's packet returned.
 * Takes the fixture anew.
 */
static int read_both(const unsigned char *bytes, size_t len)
{
    static struct fixture other;
    struct fixture *f = fixture_fresh(0x00);
    unsigned char *copy = exact(bytes, len);
    struct wire_client_packet c1, c2;
    struct wire_server_packet s1, s2;
    int client, server;

    memset(other.memory, 0xff, sizeof(other.memory));
    wire_arena_init(&other.arena, other.memory, sizeof(other.memory));

    client = wire_read_client_packet(copy, len, &f->arena, &c1);
    assert_int_equal(wire_read_client_packet(copy, len, &other.arena, &c2), client);
    if (!client) {
        assert_int_equal(c1.nr_requests, c2.nr_requests);
        for (size_t i = 0; i < c1.nr_requests; i++)
            assert_true(wire_request_equal(&c1.requests[i], &c2.requests[i]));
    }
    server = wire_read_server_packet(copy, len, &f->arena, &s1);
    assert_int_equal(wire_read_server_packet(copy, len, &other.arena, &s2), server);
    if (!server) {
        assert_int_equal(s1.nr_responses, s2.nr_responses);
        assert_int_equal(s1.nr_events, s2.nr_events);
        for (size_t i = 0; i < s1.nr_responses; i++)
            assert_true(wire_response_equal(&s1.responses[i], &s2.responses[i]));
        for (size_t i = 0; i < s1.nr_events; i++)
            assert_true(wire_event_equal(&s1.events[i], &s2.events[i]));
    }
    assert_true(client == 0 || client == -EBADMSG || client == -E2BIG);
    assert_true(server == 0 || server == -EBADMSG || server == -E2BIG);
    assert_int_equal(f->arena.size, sizeof(f->memory));
    if (client && server)
        assert_int_equal(f->arena.used, 0);
    free(copy);
    return client;
}

static void an_empty_packet_is_none(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet client;
    struct wire_server_packet server;

    (void)state;
    assert_int_equal(wire_read_client_packet(NULL, 0, &f->arena, &client), -EBADMSG);
    assert_int_equal(wire_read_server_packet(NULL, 0, &f->arena, &server), -EBADMSG);
    /* Well formed, but nothing in it that we know. */
    raw_uint(&f->raw, 9, 1);
    raw_string(&f->raw, 10, "later");
    raw_fixed64(&f->raw, 11, 1);
    raw_fixed32(&f->raw, 12, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &client),
                     -EBADMSG);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &server),
                     -EBADMSG);
}

/* A packet that is cut is no packet, but where the cut falls between two messages. */
static void truncated_packets_are_refused(void **state)
{
    static unsigned char bytes[WIRE_MAX_PACKET];
    size_t len = 0, ends[64], nr = 0;

    (void)state;
    for (size_t i = 0; i < nr_sample_requests; i++) {
        struct fixture *f = fixture_fresh(0xa5);

        assert_int_equal(wire_append_request(bytes, &len, &sample_requests[i], &f->arena), 0);
        ends[nr++] = len;
    }
    for (size_t cut = 0; cut < len; cut++) {
        bool between = false;

        for (size_t i = 0; i < nr; i++)
            between |= ends[i] == cut;
        assert_int_equal(read_both(bytes, cut), between ? 0 : -EBADMSG);
    }
}

static void truncated_responses_are_refused(void **state)
{
    static unsigned char bytes[WIRE_MAX_PACKET];

    (void)state;
    for (size_t i = 0; i < nr_sample_responses; i++) {
        struct fixture *f = fixture_fresh(0xa5);
        size_t len = 0;

        assert_int_equal(wire_append_response(bytes, &len, &sample_responses[i], &f->arena), 0);
        for (size_t cut = 0; cut < len; cut++) {
            struct wire_server_packet packet;
            unsigned char *copy = exact(bytes, cut);

            assert_int_equal(wire_read_server_packet(copy, cut, &f->arena, &packet), -EBADMSG);
            free(copy);
        }
    }
}

static void truncated_events_are_refused(void **state)
{
    static unsigned char bytes[WIRE_MAX_PACKET];

    (void)state;
    for (size_t i = 0; i < nr_sample_events; i++) {
        struct fixture *f = fixture_fresh(0xa5);
        size_t len = 0;

        assert_int_equal(wire_append_event(bytes, &len, &sample_events[i], &f->arena), 0);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(read_both(bytes, cut), -EBADMSG);
    }
}

static void bad_tags_and_lengths_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"\x02\x00", 2},                                          /* field 0 */
        {"\x0a", 1},                                              /* no length */
        {"\x0a\x01", 2},                                          /* no content */
        {"\x0a\xff\xff\xff\xff\x0f", 6},                          /* 4 GiB */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* 2^64 - 1 */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a varint without an end */
        {"\x0b\x0c", 2},                                          /* a group */
        {"\x0e\x00", 2},                                          /* wire type 6 */
        {"\x0f\x00", 2},                                          /* wire type 7 */
        {"\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* one too long */
        {"\x48", 1},                                              /* a varint is missing */
        {"\x49\x00\x00\x00\x00\x00\x00\x00", 8},                  /* of 8 bytes one is missing */
        {"\x4d\x00\x00\x00", 4},                                  /* of 4 bytes one is missing */
        {"\x0a\x02\x12\x05", 4},                                  /* inner content is missing */
        {"\x0a\x06\x12\xff\xff\xff\xff\x0f", 8},                  /* inner 4 GiB */
        {"\x0a\x08\x12\x06\x1a\xff\xff\xff\xff\x0f", 10},         /* a string of 4 GiB - 1 */
        {"\x0a\x08\x12\x06\x1a\xfb\xff\xff\xff\x0f", 10},         /* a string of 4 GiB - 5 */
        {"\x0a\x08\x22\x06\x0a\xfb\xff\xff\xff\x0f", 10},         /* handles of 4 GiB - 5 */
        {"\x0a\x0b\x22\x09\x0a\x07\x00\x00\x00\x00\x00\x00\x00", 13}, /* 7/8 of a handle */
        {"\x0a\x04\x1a\x02\x0a\x00", 6}, /* a string where a number is */
        {"\x0a\x02\x18\x01", 4},         /* a number where an op is */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        /* Behind a good request, so that it alone can be the reason. */
        unsigned char bytes[32] = {0x0a, 0x02, 0x08, 0x01};

        assert_int_equal(read_both(bytes, 4), 0);
        memcpy(bytes + 4, bad[i].bytes, bad[i].len);
        assert_int_equal(read_both(bytes, 4 + bad[i].len), -EBADMSG);
    }
}

static void unknown_fields_are_ignored(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->raw, 3, 5);
    raw_uint(&f->part, 1, 9);
    raw_uint(&f->part, 1000, 1);
    raw_string(&f->part, 1001, "a field of a later version");
    raw_fixed32(&f->part, 1002, 1);
    raw_fixed64(&f->part, 536870911, 1);
    fixture_wrap_part(f, 3);
    raw_string(&f->message, 100, "another");
    raw_uint(&f->message, 1, 21);
    fixture_wrap(f, 1);
    /* Field 1 that is no message is not our field 1. */
    raw_uint(&f->raw, 1, 5);
    raw_string(&f->raw, 77, "a message of a later version");
    raw_fixed64(&f->raw, 78, 5);
    raw_fixed32(&f->raw, 79, 5);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.nr_requests, 1);
    assert_int_equal(packet.requests[0].id, 21);
    assert_int_equal(packet.requests[0].op, WIRE_OP_ALLOC);
    assert_int_equal(packet.requests[0].error, 0);
    assert_int_equal(packet.requests[0].alloc.order, 9);
    assert_int_equal(read_both(f->raw.bytes, f->raw.len), 0);
}

static void an_unknown_op_keeps_its_id(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet client;
    struct wire_server_packet server;

    (void)state;
    raw_uint(&f->message, 1, 31);
    raw_uint(&f->part, 1, 1);
    fixture_wrap_part(f, 99);
    fixture_wrap(f, 1);
    raw_uint(&f->message, 1, 32);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &client), 0);
    assert_int_equal(client.nr_requests, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(client.requests[i].id, 31 + i);
        assert_int_equal(client.requests[i].op, WIRE_OP_NONE);
        assert_int_equal(client.requests[i].error, 0);
    }
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &server), 0);
    assert_int_equal(server.nr_responses, 2);
    assert_int_equal(server.responses[0].id, 31);
    assert_int_equal(server.responses[0].op, WIRE_OP_NONE);
    assert_int_equal(server.responses[0].error, 0);
}

static void the_last_of_two_ops_counts(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_packed64(&f->part, 1, 5, 3);
    fixture_wrap_part(f, 4);
    raw_uint(&f->part, 1, 7);
    fixture_wrap_part(f, 3);
    raw_packed64(&f->part, 1, 6, 2);
    fixture_wrap_part(f, 4);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.requests[0].op, WIRE_OP_FREE);
    assert_int_equal(packet.requests[0].free.nr, 2);
    assert_int_equal(packet.requests[0].free.handle[1], 6);
}

static void the_last_alloc_of_an_explain_counts(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;
    static struct raw alloc;

    (void)state;
    raw_uint(&f->message, 1, 1);
    raw_uint(&alloc, 1, 5);
    raw_message(&f->part, 2, &alloc);
    alloc.len = 0;
    raw_uint(&alloc, 1, 7);
    raw_message(&f->part, 2, &alloc);
    fixture_wrap_part(f, 10);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.requests[0].op, WIRE_OP_EXPLAIN);
    assert_int_equal(packet.requests[0].explain.alloc.order, 7);
}

/* What grows most when it is unpacked: each of these fills a packet with one kind of small thing.
 */
static void bombs_are_refused(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    /* Requests of nothing. */
    while (f->raw.len < WIRE_MAX_PACKET)
        raw_bytes(&f->raw, 1, "", 0);
    assert_int_equal(read_both(f->raw.bytes, f->raw.len), -E2BIG);

    /* Unknown fields of one byte. */
    f = fixture_fresh(0xa5);
    while (f->message.len < WIRE_MAX_PACKET - 8)
        raw_uint(&f->message, 15, 0);
    fixture_wrap(f, 1);
    assert_int_equal(read_both(f->raw.bytes, f->raw.len), -E2BIG);

    /* The same op again and again. */
    f = fixture_fresh(0xa5);
    while (f->message.len < WIRE_MAX_PACKET - 8)
        raw_bytes(&f->message, 4, "", 0);
    fixture_wrap(f, 1);
    assert_int_equal(read_both(f->raw.bytes, f->raw.len), -E2BIG);

    /* Listings full of nothing: clients, then accounts. */
    for (unsigned op = 10; op <= 12; op += 2) {
        f = fixture_fresh(0xa5);
        for (unsigned i = 0; i < WIRE_MAX_LISTING; i++)
            raw_bytes(&f->part, 2, "", 0);
        fixture_wrap_part(f, op);
        while (f->raw.len + f->message.len + 4 < WIRE_MAX_PACKET)
            raw_message(&f->raw, 1, &f->message);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         -E2BIG);
    }

    /* Events of nothing. */
    f = fixture_fresh(0xa5);
    while (f->raw.len < WIRE_MAX_PACKET)
        raw_bytes(&f->raw, 2, "", 0);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), -E2BIG);
}

/* Merging a repeated field is quadratic in protobuf-c; the arena ends it. */
static void merges_are_bounded(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    while (f->message.len < WIRE_MAX_PACKET - 16) {
        raw_uint(&f->part, 100, 1);
        fixture_wrap_part(f, 4);
    }
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), -E2BIG);
}

/* ---- chance ---- */

static uint64_t rng;

static uint64_t chance(uint64_t below)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng % below;
}

static void seed(void)
{
    const char *from = getenv("BUDDYD_SEED");

    rng = from ? strtoull(from, NULL, 0) : (uint64_t)time(NULL);
    print_message("BUDDYD_SEED=%llu\n", (unsigned long long)rng);
    rng = rng * 2 + 1;
}

static void random_bytes_do_no_harm(void **state)
{
    static unsigned char bytes[512];

    (void)state;
    seed();
    for (unsigned i = 0; i < 3000; i++) {
        size_t len = (size_t)chance(i % 10 ? 40 : sizeof(bytes));

        for (size_t j = 0; j < len; j++)
            bytes[j] = (unsigned char)chance(256);
        /* Most would fail at their first byte. */
        if (len > 1 && i % 2) {
            bytes[0] = 0x0a;
            bytes[1] = (unsigned char)(len - 2 < 128 ? len - 2 : 100);
        }
        read_both(bytes, len);
    }
}

static void damaged_packets_do_no_harm(void **state)
{
    static unsigned char good[WIRE_MAX_PACKET], bytes[WIRE_MAX_PACKET];

    (void)state;
    seed();
    for (unsigned i = 0; i < 3000; i++) {
        struct fixture *f = fixture_fresh(0xa5);
        size_t len = 0;

        for (unsigned j = 0; j < 3; j++) {
            size_t pick = (size_t)chance(nr_sample_requests);

            assert_int_equal(wire_append_request(good, &len, &sample_requests[pick], &f->arena), 0);
            pick = (size_t)chance(nr_sample_responses);
            assert_int_equal(wire_append_response(good, &len, &sample_responses[pick], &f->arena),
                             0);
            pick = (size_t)chance(nr_sample_events);
            assert_int_equal(wire_append_event(good, &len, &sample_events[pick], &f->arena), 0);
        }
        memcpy(bytes, good, len);
        for (uint64_t nr = chance(4) + 1; nr > 0; nr--)
            bytes[chance(len)] = (unsigned char)chance(256);
        read_both(bytes, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_packet_is_none),
        cmocka_unit_test(truncated_packets_are_refused),
        cmocka_unit_test(truncated_responses_are_refused),
        cmocka_unit_test(truncated_events_are_refused),
        cmocka_unit_test(bad_tags_and_lengths_are_refused),
        cmocka_unit_test(unknown_fields_are_ignored),
        cmocka_unit_test(an_unknown_op_keeps_its_id),
        cmocka_unit_test(the_last_of_two_ops_counts),
        cmocka_unit_test(the_last_alloc_of_an_explain_counts),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(merges_are_bounded),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(damaged_packets_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
