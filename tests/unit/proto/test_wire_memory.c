/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire_memory.c: what packing and unpacking may take, and where they stop: the packet, the
 * arena, and never malloc.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "proto/wire.h"
#include "samples.h"
#include "wire_equal.h"

/* ---- malloc: counted where no sanitizer has its own ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define COUNTS_MALLOC 0
#endif
#endif
#ifndef COUNTS_MALLOC
#define COUNTS_MALLOC 1
#endif

static unsigned long nr_mallocs;

#if COUNTS_MALLOC
/* glibc's own, behind the names that this program takes, for its libraries too. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t nr, size_t size);
extern void *__libc_realloc(void *mem, size_t size);

void *malloc(size_t size)
{
    nr_mallocs++;
    return __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
    nr_mallocs++;
    return __libc_calloc(nr, size);
}

void *realloc(void *mem, size_t size)
{
    nr_mallocs++;
    return __libc_realloc(mem, size);
}
#endif

static void no_message_costs_a_malloc(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet client;
    struct wire_server_packet server;
    unsigned long before;
    void *volatile probe;
    int failures = 0;

    (void)state;
    if (!COUNTS_MALLOC) {
        print_message("skipped: a sanitizer has its own malloc\n");
        skip();
    }
    before = nr_mallocs;
    probe = malloc(1);
    free(probe);
    assert_int_equal(nr_mallocs, before + 1);

    before = nr_mallocs;
    for (size_t i = 0; i < nr_sample_requests; i++)
        failures += wire_append_request(f->buf, &f->len, &sample_requests[i], &f->arena) != 0;
    failures += wire_read_client_packet(f->buf, f->len, &f->arena, &client) != 0;
    f->len = 0;
    for (size_t i = 0; i < nr_sample_responses; i++)
        failures += wire_append_response(f->buf, &f->len, &sample_responses[i], &f->arena) != 0;
    for (size_t i = 0; i < nr_sample_events; i++)
        failures += wire_append_event(f->buf, &f->len, &sample_events[i], &f->arena) != 0;
    failures += wire_read_server_packet(f->buf, f->len, &f->arena, &server) != 0;
    /* A refused packet, too. */
    failures += wire_read_server_packet(f->buf, f->len - 1, &f->arena, &server) != -EBADMSG;
    assert_int_equal(nr_mallocs, before);
    assert_int_equal(failures, 0);
}

/* ---- the packet ---- */

static const uint64_t u64s[WIRE_MAX_BLOCKS];

/* Append rq behind every length at which it might not fit. */
static void expect_edge(const struct wire_request *rq)
{
    static unsigned char before[WIRE_MAX_PACKET];
    struct fixture *f = fixture_fresh(0xa5);
    size_t size = 0;

    assert_int_equal(wire_append_request(f->buf, &size, rq, &f->arena), 0);
    memset(f->buf, 0x5a, sizeof(f->buf));
    memset(before, 0x5a, sizeof(before));
    for (size_t room = 0; room < size + 200; room++) {
        size_t len = WIRE_MAX_PACKET - room;
        int r = wire_append_request(f->buf, &len, rq, &f->arena);

        if (room < size) {
            assert_int_equal(r, -EMSGSIZE);
            assert_int_equal(len, WIRE_MAX_PACKET - room);
            assert_memory_equal(f->buf, before, sizeof(before));
        } else {
            assert_int_equal(r, 0);
            assert_int_equal(len, WIRE_MAX_PACKET - room + size);
            memset(f->buf, 0x5a, sizeof(f->buf));
        }
    }
}

static void what_does_not_fit_changes_nothing(void **state)
{
    struct wire_request rq = {
        .id = UINT64_MAX, .op = WIRE_OP_ALLOC, .alloc = {.count = 1, .node = -1, .zone = -1}};

    (void)state;
    expect_edge(&rq);
    rq.op = WIRE_OP_FREE;
    /* Around the length that takes two bytes, and that which takes three. */
    for (size_t nr = 11; nr <= 17; nr++) {
        rq.free = (struct wire_free){nr, u64s};
        expect_edge(&rq);
    }
    rq.free.nr = WIRE_MAX_BLOCKS;
    expect_edge(&rq);
}

static void a_length_beyond_the_packet_is_refused(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    size_t len = WIRE_MAX_PACKET + 1;

    (void)state;
    assert_int_equal(wire_append_request(f->buf, &len, &sample_requests[2], &f->arena), -EMSGSIZE);
    assert_true(len == WIRE_MAX_PACKET + 1);
}

/* Where the length of a message becomes two bytes. */
static void long_numbers_round_trip(void **state)
{
    const uint64_t handles[14] = {UINT64_MAX}, offsets[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const uint32_t ids[4] = {63, 63, 63}, orders[4] = {18, 18, 18};

    (void)state;
    for (size_t nr = 1; nr <= 14; nr++) {
        const struct wire_request rq = {
            .id = UINT64_MAX, .op = WIRE_OP_FREE, .free = {nr, handles}};
        struct fixture *f = fixture_fresh(0xa5);
        struct wire_client_packet packet;

        assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
        assert_int_equal(wire_read_client_packet(f->buf, f->len, &f->arena, &packet), 0);
        assert_true(wire_request_equal(&packet.requests[0], &rq));
    }
    for (size_t nr = 1; nr <= 4; nr++) {
        const struct wire_response rs = {
            .id = UINT64_MAX,
            .op = WIRE_OP_ALLOC,
            .alloc = {nr, handles, offsets, nr, ids, nr, orders, 0, NULL}};
        struct fixture *f = fixture_fresh(0xa5);
        struct wire_server_packet packet;

        assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
        assert_int_equal(wire_read_server_packet(f->buf, f->len, &f->arena, &packet), 0);
        assert_true(wire_response_equal(&packet.responses[0], &rs));
    }
}

/* ---- the largest messages ---- */

static const char *longest_name(void)
{
    return "0123456789012345678901234567890";
}

/* Appended to an empty packet, and read again. */
static void expect_fits(const struct wire_response *rs)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    assert_int_equal(wire_append_response(f->buf, &f->len, rs, &f->arena), 0);
    assert_int_equal(wire_read_server_packet(f->buf, f->len, &f->arena, &packet), 0);
    assert_true(wire_response_equal(&packet.responses[0], rs));
}

static void the_largest_messages_fit_a_packet(void **state)
{
    static uint64_t numbers[WIRE_MAX_BLOCKS], counts[WIRE_MAX_ORDERS * WIRE_MAX_TYPES];
    static uint32_t ids[WIRE_MAX_BLOCKS], orders[WIRE_MAX_BLOCKS];
    static struct wire_zone_stat zones[WIRE_MAX_ZONES];
    static struct wire_zone zone[WIRE_MAX_ZONES];
    static struct wire_zone_free frees[WIRE_MAX_ZONES];
    static struct wire_client_stat clients[WIRE_MAX_LISTING];
    static struct wire_block_stat blocks[WIRE_MAX_LISTING];
    static struct wire_account_stat accounts[WIRE_MAX_LISTING];
    static struct wire_obstacle obstacles[WIRE_MAX_LISTING];
    static uint64_t slots[WIRE_MAX_BLOCKS];
    const uint64_t most = UINT64_MAX;
    struct wire_response rs = {.id = most};

    (void)state;
    for (size_t i = 0; i < WIRE_MAX_BLOCKS; i++) {
        numbers[i] = most;
        slots[i] = WIRE_MAX_SLOT_NAME;
        ids[i] = WIRE_MAX_ZONES - 1;
        orders[i] = WIRE_MAX_ORDERS - 1;
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        counts[i] = WIRE_MAX_ZONE_PAGES;
    for (size_t i = 0; i < WIRE_MAX_ZONES; i++) {
        zone[i] = (struct wire_zone){63, 1023, longest_name(),    UINT32_MAX, 34,
                                     34, 18,   (uint64_t)1 << 62, most};
        zones[i] = (struct wire_zone_stat){
            zone[i], most, most, most, most, most, most, most, most, most, most, most, most,
            most,    most, most, most, most, most, most, most, most, most, most, most, UINT32_MAX};
        frees[i] = (struct wire_zone_free){63, WIRE_MAX_ORDERS, WIRE_MAX_TYPES, counts, counts};
    }
    for (size_t i = 0; i < WIRE_MAX_LISTING; i++) {
        clients[i] = (struct wire_client_stat){
            UINT32_MAX,     -1,   longest_name(), UINT32_MAX, UINT32_MAX,
            most,           most, most,           most,       {most, most, most},
            longest_name(), 63,   UINT32_MAX,     most,       most};
        accounts[i] = (struct wire_account_stat){
            longest_name(), longest_name(), UINT32_MAX, 63,   UINT32_MAX - 1,
            most,           most,           most,       most, most,
            most,           most,           most,       most, UINT32_MAX,
            UINT32_MAX,     UINT32_MAX,     UINT32_MAX, true};
        blocks[i] = (struct wire_block_stat){most, UINT32_MAX, 63, most, 18, 5, UINT32_MAX, 16383};
        obstacles[i] = (struct wire_obstacle){longest_name(), most, UINT32_MAX, 18, 5, UINT32_MAX};
    }
    rs.op = WIRE_OP_HELLO;
    rs.hello = (struct wire_hello_reply){UINT32_MAX,     most, UINT32_MAX, WIRE_MAX_ZONES, zone,
                                         longest_name(), 63,   UINT32_MAX, WIRE_MAX_SLOTS};
    expect_fits(&rs);
    rs.op = WIRE_OP_ALLOC;
    rs.alloc = (struct wire_alloc_reply){
        WIRE_MAX_BLOCKS, numbers,         numbers, WIRE_MAX_BLOCKS, ids, WIRE_MAX_BLOCKS,
        orders,          WIRE_MAX_BLOCKS, slots};
    expect_fits(&rs);
    rs.op = WIRE_OP_RENEW;
    expect_fits(&rs);
    rs.op = WIRE_OP_RESIZE_ZONE;
    rs.resize_zone = (struct wire_resize_zone_reply){most, WIRE_MAX_LISTING, obstacles};
    expect_fits(&rs);
    rs.op = WIRE_OP_STAT_ZONES;
    rs.listing = (struct wire_listing){most, WIRE_MAX_ZONES, {.zones = zones}};
    expect_fits(&rs);
    rs.op = WIRE_OP_STAT_FREE;
    rs.listing.frees = frees;
    expect_fits(&rs);
    rs.op = WIRE_OP_STAT_CLIENTS;
    rs.listing = (struct wire_listing){most, WIRE_MAX_LISTING, {.clients = clients}};
    expect_fits(&rs);
    rs.op = WIRE_OP_STAT_BLOCKS;
    rs.listing.blocks = blocks;
    expect_fits(&rs);
    rs.op = WIRE_OP_STAT_ACCOUNTS;
    rs.listing.accounts = accounts;
    expect_fits(&rs);
}

static void the_longest_texts_fit_a_packet(void **state)
{
    static char message[WIRE_MAX_MESSAGE + 1], text[WIRE_MAX_TEXT + 1],
        long_text[WIRE_MAX_LONG_TEXT + 1];
    const uint64_t most = UINT64_MAX;
    const struct wire_refusal refusal = {
        UINT32_MAX, 63,   18,   most, most, 18,   INT32_MIN,  most,           UINT32_MAX,
        UINT32_MAX, most, most, most, most, most, UINT32_MAX, longest_name(), text};
    struct wire_response rs = {
        .id = most, .error = WIRE_MAX_ERRNO, .message = message, .refusal = &refusal};

    (void)state;
    memset(message, 'm', WIRE_MAX_MESSAGE);
    memset(text, '\n', WIRE_MAX_TEXT);
    memset(long_text, '\n', WIRE_MAX_LONG_TEXT);
    expect_fits(&rs);
    rs = (struct wire_response){.id = most, .op = WIRE_OP_EXPLAIN, .explain = {true, long_text}};
    expect_fits(&rs);
}

/* ---- the arena ---- */

/* Fill a packet with rs again and again, and read it in an arena of the promised size. */
static void expect_full_packet_read(const struct wire_response *rs)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;
    size_t nr = 0;
    int r;

    while ((r = wire_append_response(f->buf, &f->len, rs, &f->arena)) == 0)
        nr++;
    assert_int_equal(r, -EMSGSIZE);
    assert_int_equal(wire_read_server_packet(f->buf, f->len, &f->arena, &packet), 0);
    assert_int_equal(packet.nr_responses, nr);
    assert_true(wire_response_equal(&packet.responses[nr - 1], rs));
}

static void full_packets_fit_the_arena(void **state)
{
    static struct wire_block_stat blocks[WIRE_MAX_LISTING];
    const uint64_t one = 1, zero = 0;
    const uint32_t none = 0;
    const struct wire_zone zone = {0, -1, "z", WIRE_BACKING_SHMEM, 12, 21, 9, 1 << 21, 0};
    const struct wire_zone_stat zones = {.zone = zone};
    struct wire_response rs = {.id = 1, .error = 1};

    (void)state;
    expect_full_packet_read(&rs);
    rs = (struct wire_response){.id = 1, .op = WIRE_OP_FREE, .free = {1}};
    expect_full_packet_read(&rs);
    rs = (struct wire_response){.id = 1, .op = WIRE_OP_RELOAD};
    expect_full_packet_read(&rs);
    rs = (struct wire_response){
        .id = 1, .op = WIRE_OP_ALLOC, .alloc = {1, &one, &zero, 1, &none, 1, &none, 0, NULL}};
    expect_full_packet_read(&rs);
    for (size_t i = 0; i < WIRE_MAX_LISTING; i++)
        blocks[i] = (struct wire_block_stat){.session = 1, .offset = 4096 * (i + 1)};
    rs = (struct wire_response){
        .id = 1, .op = WIRE_OP_STAT_BLOCKS, .listing = {0, WIRE_MAX_LISTING, {.blocks = blocks}}};
    expect_full_packet_read(&rs);
    rs = (struct wire_response){
        .id = 1, .op = WIRE_OP_STAT_ZONES, .listing = {0, 1, {.zones = &zones}}};
    expect_full_packet_read(&rs);
}

/* Whatever the arena's size: it works, or it says so and leaves all as it was. */
static void a_small_arena_is_no_harm(void **state)
{
    static struct fixture small;
    unsigned refused = 0, passed = 0;

    (void)state;
    for (size_t size = 0; size < 6000; size += 16) {
        for (size_t i = 0; i < nr_sample_responses; i++) {
            struct fixture *f = fixture_fresh(0xa5);
            struct wire_server_packet packet;
            /* Its end is the end of a malloc, so that a sanitizer sees a write behind it. */
            unsigned char *mem = malloc(size + 1);
            int r;

            assert_non_null(mem);
            wire_arena_init(&small.arena, mem, size);
            f->len = 0;
            r = wire_append_response(f->buf, &f->len, &sample_responses[i], &small.arena);
            assert_true(r == 0 || r == -ENOMEM);
            assert_int_equal(f->len == 0, r != 0);
            f->len = 0;
            assert_int_equal(wire_append_response(f->buf, &f->len, &sample_responses[i], &f->arena),
                             0);
            r = wire_read_server_packet(f->buf, f->len, &small.arena, &packet);
            assert_true(r == 0 || r == -E2BIG);
            assert_int_equal(small.arena.size, size);
            if (r) {
                assert_int_equal(small.arena.used, 0);
                refused++;
            } else {
                assert_true(wire_response_equal(&packet.responses[0], &sample_responses[i]));
                passed++;
            }
            free(mem);
        }
    }
    assert_true(refused > 0 && passed > 0);
}

static void a_small_arena_is_no_harm_to_requests(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    unsigned refused = 0, passed = 0;

    (void)state;
    /* With one that is out of bounds, whose line needs memory too. */
    raw_uint(&f->message, 1, 7);
    raw_uint(&f->part, 1, 19);
    fixture_wrap_part(f, 3);
    fixture_wrap(f, 1);
    memcpy(f->buf, f->raw.bytes, f->raw.len);
    f->len = f->raw.len;
    for (size_t i = 0; i < nr_sample_requests; i++)
        assert_int_equal(wire_append_request(f->buf, &f->len, &sample_requests[i], &f->arena), 0);
    for (size_t size = 0; size < 4000; size += 16) {
        struct wire_arena arena;
        struct wire_client_packet packet;
        unsigned char *mem = malloc(size + 1);
        int r;

        assert_non_null(mem);
        wire_arena_init(&arena, mem, size);
        r = wire_read_client_packet(f->buf, f->len, &arena, &packet);
        assert_true(r == 0 || r == -E2BIG);
        assert_int_equal(arena.size, size);
        if (r) {
            assert_int_equal(arena.used, 0);
            refused++;
        } else {
            assert_int_equal(packet.requests[0].error, EINVAL);
            for (size_t i = 0; i < nr_sample_requests; i++)
                assert_true(wire_request_equal(&packet.requests[i + 1], &sample_requests[i]));
            passed++;
        }
        free(mem);
    }
    assert_true(refused > 0 && passed > 0);
}

/* What was read stays when more is read or packed with the same arena, until it is reset. */
static void what_was_read_stays(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet first, second;
    unsigned char copy[64];
    size_t len = 0, used;

    (void)state;
    assert_int_equal(wire_append_request(f->buf, &f->len, &sample_requests[6], &f->arena), 0);
    assert_true(f->len <= sizeof(copy));
    memcpy(copy, f->buf, f->len);
    assert_int_equal(wire_read_client_packet(copy, f->len, &f->arena, &first), 0);
    memset(copy, 0, sizeof(copy));
    assert_int_equal(wire_append_request(f->buf, &len, &sample_requests[0], &f->arena), 0);
    assert_int_equal(wire_read_client_packet(f->buf, len, &f->arena, &second), 0);
    used = f->arena.used;
    assert_int_equal(wire_read_client_packet(f->buf, len - 1, &f->arena, &second), -EBADMSG);
    assert_int_equal(f->arena.used, used);
    assert_true(wire_request_equal(&first.requests[0], &sample_requests[6]));
    wire_arena_reset(&f->arena);
    assert_int_equal(f->arena.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_message_costs_a_malloc),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(a_length_beyond_the_packet_is_refused),
        cmocka_unit_test(long_numbers_round_trip),
        cmocka_unit_test(the_largest_messages_fit_a_packet),
        cmocka_unit_test(the_longest_texts_fit_a_packet),
        cmocka_unit_test(full_packets_fit_the_arena),
        cmocka_unit_test(a_small_arena_is_no_harm),
        cmocka_unit_test(a_small_arena_is_no_harm_to_requests),
        cmocka_unit_test(what_was_read_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
