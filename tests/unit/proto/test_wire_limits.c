/* SPDX-License-Identifier: Apache-2.0 */
/* test_wire_limits.c: every limit at its edge: the limit passes, one more is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "proto/wire.h"

/* One character more than any string may have. */
static const char *text(size_t len)
{
    static char buf[WIRE_MAX_LONG_TEXT + 2];

    memset(buf, 'x', len);
    buf[len] = '\0';
    return buf;
}

/* ---- requests: appended ---- */

static const struct wire_request alloc_request = {
    .id = 1, .op = WIRE_OP_ALLOC, .alloc = {.count = 1, .node = -1, .zone = -1}};

static void expect_append(const struct wire_request *rq, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    assert_int_equal(wire_append_request(f->buf, &f->len, rq, &f->arena), error);
    assert_int_equal(f->len == 0, error != 0);
    assert_int_equal(f->arena.used, 0);
}

#define EDGE(rq, field, good, bad)                                                                 \
    do {                                                                                           \
        (rq).field = (good);                                                                       \
        expect_append(&(rq), 0);                                                                   \
        (rq).field = (bad);                                                                        \
        expect_append(&(rq), -EINVAL);                                                             \
        (rq).field = (good);                                                                       \
    } while (0)

static void append_of_an_alloc_has_bounds(void **state)
{
    struct wire_request rq = alloc_request;

    (void)state;
    EDGE(rq, id, 1, 0);
    EDGE(rq, alloc.order, 18, 19);
    EDGE(rq, alloc.count, 1, 0);
    EDGE(rq, alloc.count, 1024, 1025);
    EDGE(rq, alloc.node, 1023, 1024);
    EDGE(rq, alloc.node, -1, -2);
    EDGE(rq, alloc.zone, 63, 64);
    EDGE(rq, alloc.zone, -1, -2);
    EDGE(rq, alloc.zone, -1, INT32_MIN);
    EDGE(rq, alloc.count, 1, UINT32_MAX);
    EDGE(rq, alloc.exact_pages, 1 << 18, (1 << 18) + 1);
    EDGE(rq, alloc.count, 1, 2);
}

static void append_of_a_free_has_bounds(void **state)
{
    static const uint64_t handles[WIRE_MAX_BLOCKS + 1];
    struct wire_request rq = {.id = 1, .op = WIRE_OP_FREE, .free = {1, handles}};

    (void)state;
    EDGE(rq, free.nr, 1, 0);
    EDGE(rq, free.nr, 1024, 1025);
    EDGE(rq, free.nr, 1024, SIZE_MAX);
}

static void append_of_a_hello_has_bounds(void **state)
{
    struct wire_request rq = {.id = 1, .op = WIRE_OP_HELLO};

    (void)state;
    rq.hello.name = text(WIRE_MAX_NAME);
    expect_append(&rq, 0);
    rq.hello.name = text(WIRE_MAX_NAME + 1);
    expect_append(&rq, -EINVAL);
}

static void append_of_an_explain_has_bounds(void **state)
{
    struct wire_request rq = {
        .id = 1, .op = WIRE_OP_EXPLAIN, .explain.alloc = {.count = 1, .node = -1, .zone = -1}};

    (void)state;
    EDGE(rq, explain.alloc.order, 18, 19);
    EDGE(rq, explain.alloc.count, 1, 0);
    EDGE(rq, explain.alloc.count, 1024, 1025);
}

static void append_of_a_set_policy_has_bounds(void **state)
{
    struct wire_request rq = {.id = 1, .op = WIRE_OP_SET_POLICY};

    (void)state;
    EDGE(rq, set_policy.section, text(63), text(64));
    rq.set_policy.section = NULL;
    EDGE(rq, set_policy.key, text(31), text(32));
    rq.set_policy.key = NULL;
    EDGE(rq, set_policy.value, text(255), text(256));
}

static void append_needs_an_op(void **state)
{
    struct wire_request rq = {.id = 1, .op = WIRE_OP_STAT_BLOCKS};

    (void)state;
    EDGE(rq, op, WIRE_OP_STAT_BLOCKS, WIRE_OP_NONE);
    EDGE(rq, op, WIRE_OP_STAT_BLOCKS, WIRE_NR_OPS);
}

/* ---- requests: read ---- */

/* Read f->part as a request's op; error NULL: it is in bounds. */
static void expect_read(struct fixture *f, unsigned op, const char *error)
{
    struct wire_client_packet packet;

    raw_uint(&f->message, 1, 7);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    /* A good neighbour, which must not suffer. */
    raw_uint(&f->message, 1, 8);
    fixture_wrap_part(f, 5);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.nr_requests, 2);
    assert_int_equal(packet.requests[0].id, 7);
    assert_int_equal(packet.requests[0].error, error ? EINVAL : 0);
    if (error)
        assert_string_equal(packet.requests[0].message, error);
    else
        assert_null(packet.requests[0].message);
    assert_int_equal(packet.requests[1].id, 8);
    assert_int_equal(packet.requests[1].op, WIRE_OP_STAT_ZONES);
    assert_int_equal(packet.requests[1].error, 0);
    f->raw.len = 0;
    wire_arena_reset(&f->arena);
}

/* An Alloc of one field. */
static void expect_alloc(unsigned field, uint64_t value, const char *error)
{
    struct fixture *f = fixture_fresh(0xa5);

    raw_uint(&f->part, field, value);
    expect_read(f, 3, error);
}

static void reading_an_alloc_has_bounds(void **state)
{
    struct fixture *f;

    (void)state;
    expect_alloc(1, 18, NULL);
    expect_alloc(1, 19, "alloc order 19: at most 18");
    expect_alloc(1, UINT32_MAX, "alloc order 4294967295: at most 18");
    expect_alloc(2, UINT32_MAX, NULL);
    expect_alloc(3, 0, NULL);
    expect_alloc(3, 1024, NULL);
    expect_alloc(3, 1025, "alloc count 1025: at most 1024");
    expect_alloc(4, UINT32_MAX, NULL);
    expect_alloc(5, 1024, NULL);
    expect_alloc(5, 1025, "alloc node 1024: at most 1023");
    expect_alloc(6, 64, NULL);
    expect_alloc(6, 65, "alloc zone 64: at most 63");
    expect_alloc(6, UINT32_MAX, "alloc zone 4294967294: at most 63");
    expect_alloc(7, 1 << 18, NULL);
    expect_alloc(7, (1 << 18) + 1, "alloc exact_pages 262145: at most 262144");
    expect_alloc(7, UINT64_MAX, "alloc exact_pages 18446744073709551615: at most 262144");
    expect_alloc(8, UINT32_MAX, NULL);

    f = fixture_fresh(0xa5);
    raw_uint(&f->part, 3, 1);
    raw_uint(&f->part, 7, 10);
    expect_read(f, 3, NULL);
    raw_uint(&f->part, 3, 2);
    raw_uint(&f->part, 7, 10);
    expect_read(f, 3, "alloc count 2: only 1 with exact_pages");
}

static void reading_a_free_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    expect_read(f, 4, "free of 0 handles: 1 to 1024");
    raw_packed64(&f->part, 1, 5, 1024);
    expect_read(f, 4, NULL);
    raw_packed64(&f->part, 1, 5, 1025);
    expect_read(f, 4, "free of 1025 handles: 1 to 1024");
}

static void reading_a_hello_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_string(&f->part, 3, text(31));
    expect_read(f, 2, NULL);
    raw_string(&f->part, 3, text(32));
    expect_read(f, 2, "hello name of 32 bytes: at most 31");
}

static void reading_an_explain_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    static struct raw alloc;

    (void)state;
    raw_uint(&f->part, 1, UINT32_MAX);
    expect_read(f, 10, "explain without an alloc");
    raw_uint(&alloc, 1, 18);
    raw_message(&f->part, 2, &alloc);
    expect_read(f, 10, NULL);
    raw_uint(&alloc, 1, 19);
    raw_message(&f->part, 2, &alloc);
    expect_read(f, 10, "alloc order 19: at most 18");
}

static void reading_a_set_policy_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    const struct {
        size_t most;
        const char *error;
    } string[] = {{63, "section of 64 bytes: at most 63"},
                  {31, "key of 32 bytes: at most 31"},
                  {255, "value of 256 bytes: at most 255"}};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        raw_string(&f->part, i + 1, text(string[i].most));
        expect_read(f, 11, NULL);
        raw_string(&f->part, i + 1, text(string[i].most + 1));
        expect_read(f, 11, string[i].error);
    }
}

static void a_request_needs_an_id(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    fixture_wrap_part(f, 5);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.requests[0].error, EINVAL);
    assert_string_equal(packet.requests[0].message, "request id 0: ids are 1 or more");
}

static void a_packet_has_so_many_requests(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    for (unsigned i = 0; i < 256; i++)
        assert_int_equal(wire_append_request(f->buf, &f->len, &alloc_request, &f->arena), 0);
    assert_int_equal(wire_read_client_packet(f->buf, f->len, &f->arena, &packet), 0);
    assert_int_equal(packet.nr_requests, 256);
    wire_arena_reset(&f->arena);
    assert_int_equal(wire_append_request(f->buf, &f->len, &alloc_request, &f->arena), 0);
    assert_int_equal(wire_read_client_packet(f->buf, f->len, &f->arena, &packet), -E2BIG);
    assert_int_equal(f->arena.used, 0);
}

static void a_packet_has_so_many_bytes(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet client;
    struct wire_server_packet server;
    static const unsigned char zeros[WIRE_MAX_PACKET];

    (void)state;
    raw_uint(&f->message, 1, 1);
    fixture_wrap(f, 1);
    /* An unknown field fills the packet up. */
    raw_bytes(&f->raw, 15, zeros, WIRE_MAX_PACKET - f->raw.len - 4);
    assert_int_equal(f->raw.len, WIRE_MAX_PACKET);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &client), 0);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &server), 0);
    f->raw.len = 0;
    raw_bytes(&f->raw, 15, zeros, WIRE_MAX_PACKET - 8);
    raw_uint(&f->message, 1, 1);
    fixture_wrap(f, 1);
    raw_byte(&f->raw, 0);
    assert_true(f->raw.len == WIRE_MAX_PACKET + 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &client), -E2BIG);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &server), -E2BIG);
}

/* ---- responses: appended, and made by hand and read, which must agree ---- */

static uint64_t u64s[WIRE_MAX_BLOCKS + 1];
static uint32_t u32s[WIRE_MAX_BLOCKS + 1];

static void expect_response(const struct wire_response *rs, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    assert_int_equal(wire_append_response(f->buf, &f->len, rs, &f->arena), error);
    assert_int_equal(f->len == 0, error != 0);
    assert_int_equal(f->arena.used, 0);
}

#define RESPONSE_EDGE(rs, field, good, bad)                                                        \
    do {                                                                                           \
        (field) = (good);                                                                          \
        expect_response(&(rs), 0);                                                                 \
        (field) = (bad);                                                                           \
        expect_response(&(rs), -EINVAL);                                                           \
        (field) = (good);                                                                          \
    } while (0)

static void append_of_an_alloc_reply_has_bounds(void **state)
{
    struct wire_response rs = {
        .id = 1, .op = WIRE_OP_ALLOC, .alloc = {3, u64s, u64s, 1, u32s, 1, u32s, 0, NULL}};

    (void)state;
    RESPONSE_EDGE(rs, rs.alloc.nr_zones, 1, 2);
    RESPONSE_EDGE(rs, rs.alloc.nr_zones, 3, 4);
    RESPONSE_EDGE(rs, rs.alloc.nr_zones, 1, 0);
    RESPONSE_EDGE(rs, rs.alloc.nr_orders, 1, 2);
    RESPONSE_EDGE(rs, rs.alloc.nr_orders, 3, 4);
    RESPONSE_EDGE(rs, rs.alloc.nr_orders, 1, 0);
    RESPONSE_EDGE(rs, rs.alloc.nr, 1, 0);
    RESPONSE_EDGE(rs, rs.alloc.nr, 1024, 1025);
    RESPONSE_EDGE(rs, u32s[0], 18, 19);
    u32s[0] = 0;
    rs.alloc.order = u32s + 1;
    RESPONSE_EDGE(rs, u32s[0], 63, 64);
    u32s[0] = 0;
}

static struct wire_zone zone = {0, -1, "z", WIRE_BACKING_HUGETLB, 12, 21, 9, 1 << 21, 0};

static void append_of_a_zone_has_bounds(void **state)
{
    static struct wire_zone zones[WIRE_MAX_ZONES + 1];
    struct wire_response rs = {
        .id = 1, .op = WIRE_OP_HELLO, .hello = {1, 0, 1, 1, &zone, "", 0, 0, 0}};

    (void)state;
    RESPONSE_EDGE(rs, zone.id, 63, 64);
    RESPONSE_EDGE(rs, zone.node, 1023, 1024);
    RESPONSE_EDGE(rs, zone.node, -1, -2);
    RESPONSE_EDGE(rs, zone.page_shift, 12, 11);
    RESPONSE_EDGE(rs, zone.page_shift, 21, 22);
    RESPONSE_EDGE(rs, zone.page_shift, 12, UINT32_MAX);
    RESPONSE_EDGE(rs, zone.hugepage_shift, 34, 35);
    RESPONSE_EDGE(rs, zone.pageblock_order, 18, 19);
    RESPONSE_EDGE(rs, zone.bytes, (uint64_t)1 << 40, ((uint64_t)1 << 40) + 4096);
    RESPONSE_EDGE(rs, zone.name, text(31), text(32));
    zone.name = "z";
    for (size_t i = 0; i < WIRE_MAX_ZONES + 1; i++)
        zones[i] = zone;
    rs.hello.zones = zones;
    RESPONSE_EDGE(rs, rs.hello.nr_zones, 64, 65);
    RESPONSE_EDGE(rs, rs.hello.nr_zones, 0, SIZE_MAX);
    RESPONSE_EDGE(rs, rs.hello.domain, 63, 64);
    RESPONSE_EDGE(rs, rs.hello.policy, text(31), text(32));
}

static void append_of_a_listing_has_bounds(void **state)
{
    static struct wire_zone_stat zones[WIRE_MAX_ZONES + 1];
    static struct wire_zone_free frees[WIRE_MAX_ZONES + 1];
    static struct wire_client_stat clients[WIRE_MAX_LISTING + 1];
    static struct wire_block_stat blocks[WIRE_MAX_LISTING + 1];
    struct wire_response rs = {.id = 1};

    (void)state;
    for (size_t i = 0; i < WIRE_MAX_ZONES + 1; i++) {
        zones[i].zone = zone;
        frees[i] = (struct wire_zone_free){63, WIRE_MAX_ORDERS, WIRE_MAX_TYPES, u64s, u64s};
    }
    rs.op = WIRE_OP_STAT_ZONES;
    rs.listing.zones = zones;
    RESPONSE_EDGE(rs, rs.listing.nr, 64, 65);
    rs.op = WIRE_OP_STAT_FREE;
    rs.listing.frees = frees;
    RESPONSE_EDGE(rs, rs.listing.nr, 64, 65);
    RESPONSE_EDGE(rs, frees[63].zone, 63, 64);
    RESPONSE_EDGE(rs, frees[63].nr_orders, 19, 20);
    RESPONSE_EDGE(rs, frees[63].nr_orders, 1, 0);
    RESPONSE_EDGE(rs, frees[63].nr_types, 6, 7);
    RESPONSE_EDGE(rs, frees[63].nr_types, 1, 0);
    RESPONSE_EDGE(rs, u64s[0], 1 << 28, (1 << 28) + 1);
    u64s[0] = 0;
    rs.op = WIRE_OP_STAT_CLIENTS;
    rs.listing.clients = clients;
    RESPONSE_EDGE(rs, rs.listing.nr, 256, 257);
    RESPONSE_EDGE(rs, clients[255].name, text(31), text(32));
    clients[255].name = NULL;
    RESPONSE_EDGE(rs, clients[255].policy, text(31), text(32));
    RESPONSE_EDGE(rs, clients[255].domain, 63, 64);
    rs.op = WIRE_OP_STAT_BLOCKS;
    rs.listing.blocks = blocks;
    RESPONSE_EDGE(rs, rs.listing.nr, 256, 257);
    RESPONSE_EDGE(rs, rs.listing.nr, 256, SIZE_MAX);
    RESPONSE_EDGE(rs, blocks[255].zone, 63, 64);
    RESPONSE_EDGE(rs, blocks[255].order, 18, 19);
    RESPONSE_EDGE(rs, blocks[255].type, 5, 6);
}

static void append_of_accounts_has_bounds(void **state)
{
    static struct wire_account_stat accounts[WIRE_MAX_LISTING + 1];
    struct wire_response rs = {
        .id = 1, .op = WIRE_OP_STAT_ACCOUNTS, .listing = {0, 0, {.accounts = accounts}}};

    (void)state;
    RESPONSE_EDGE(rs, rs.listing.nr, 256, 257);
    RESPONSE_EDGE(rs, accounts[255].name, text(31), text(32));
    accounts[255].name = NULL;
    RESPONSE_EDGE(rs, accounts[255].group, text(31), text(32));
    RESPONSE_EDGE(rs, accounts[255].domain, 63, 64);
    RESPONSE_EDGE(rs, accounts[255].uid, -1, -2);
    RESPONSE_EDGE(rs, accounts[255].uid, UINT32_MAX - 1, UINT32_MAX);
}

static void append_of_an_explain_reply_has_bounds(void **state)
{
    struct wire_response rs = {.id = 1, .op = WIRE_OP_EXPLAIN};

    (void)state;
    RESPONSE_EDGE(rs, rs.explain.text, text(16384), text(16385));
}

static void append_of_an_error_has_bounds(void **state)
{
    struct wire_refusal refusal = {.zone = -1, .largest_order = -1};
    struct wire_response rs = {.id = 1, .error = 12, .refusal = &refusal};

    (void)state;
    RESPONSE_EDGE(rs, rs.error, 4095, 4096);
    RESPONSE_EDGE(rs, rs.message, text(255), text(256));
    rs.message = NULL;
    RESPONSE_EDGE(rs, refusal.zone, 63, 64);
    RESPONSE_EDGE(rs, refusal.zone, -1, -2);
    RESPONSE_EDGE(rs, refusal.order, 18, 19);
    RESPONSE_EDGE(rs, refusal.largest_order, 18, 19);
    RESPONSE_EDGE(rs, refusal.largest_order, -1, -2);
    RESPONSE_EDGE(rs, refusal.account, text(31), text(32));
    refusal.account = NULL;
    RESPONSE_EDGE(rs, refusal.explanation, text(4096), text(4097));
    rs.error = 0;
    expect_response(&rs, -EINVAL);
    rs.op = WIRE_OP_FREE;
    RESPONSE_EDGE(rs, rs.free.freed, 1024, 1025);
}

static void append_of_an_event_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_event ev = {.kind = WIRE_EVENT_GOODBYE, .message = text(256)};

    (void)state;
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), -EINVAL);
    assert_int_equal(f->len, 0);
    ev.message = text(255);
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), 0);
    ev.message = NULL;
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), 0);
    ev.kind = WIRE_EVENT_PRESSURE;
    ev.pressure.account = text(31);
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), 0);
    ev.pressure.account = text(32);
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), -EINVAL);
}

/* ---- responses: read ---- */

/* Read f->part as a response's part number op. */
static void expect_server(struct fixture *f, unsigned op, int error)
{
    struct wire_server_packet packet;

    raw_uint(&f->message, 1, 7);
    if (op == 4)
        raw_uint(&f->message, 2, 12);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), error);
    assert_int_equal(f->arena.used == 0, error != 0);
    f->raw.len = 0;
    wire_arena_reset(&f->arena);
}

/* One field of a response's part at its edge. */
static void server_edge(unsigned op, unsigned field, uint64_t good, uint64_t bad)
{
    struct fixture *f = fixture_fresh(0xa5);

    raw_uint(&f->part, field, good);
    expect_server(f, op, 0);
    raw_uint(&f->part, field, bad);
    expect_server(f, op, -EBADMSG);
}

static void expect_blocks(size_t handles, size_t zones, uint64_t id, size_t offsets, size_t orders,
                          uint64_t order, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    raw_packed64(&f->part, 1, 1, handles);
    raw_packed(&f->part, 2, id, zones);
    raw_packed(&f->part, 3, 4096, offsets);
    raw_packed(&f->part, 4, order, orders);
    expect_server(f, 6, error);
}

static void reading_an_alloc_reply_has_bounds(void **state)
{
    (void)state;
    expect_blocks(1, 1, 63, 1, 1, 18, 0);
    expect_blocks(1, 1, 64, 1, 1, 18, -EBADMSG);
    expect_blocks(1, 1, 63, 1, 1, 19, -EBADMSG);
    expect_blocks(0, 1, 0, 0, 1, 0, -EBADMSG);
    expect_blocks(3, 1, 0, 3, 3, 0, 0);
    expect_blocks(3, 3, 0, 3, 1, 0, 0);
    expect_blocks(3, 2, 0, 3, 1, 0, -EBADMSG);
    expect_blocks(3, 1, 0, 3, 2, 0, -EBADMSG);
    expect_blocks(3, 0, 0, 3, 1, 0, -EBADMSG);
    expect_blocks(3, 1, 0, 3, 0, 0, -EBADMSG);
    expect_blocks(3, 1, 0, 2, 1, 0, -EBADMSG);
    expect_blocks(3, 1, 0, 4, 1, 0, -EBADMSG);
    expect_blocks(3, 4, 0, 3, 1, 0, -EBADMSG);
    expect_blocks(1024, 1024, 63, 1024, 1024, 18, 0);
    expect_blocks(1025, 1, 0, 1025, 1, 0, -EBADMSG);
}

/* nr zones, each with one field out of the ordinary, if field is not 0. */
static void expect_zones(size_t nr, unsigned field, uint64_t value, int error)
{
    static struct raw z;
    struct fixture *f = fixture_fresh(0xa5);

    for (size_t i = 0; i < nr; i++) {
        z.len = 0;
        raw_string(&z, 2, "zone");
        raw_uint(&z, 5, 12);
        raw_uint(&z, 6, 21);
        raw_uint(&z, 7, 9);
        if (field)
            raw_uint(&z, field, value);
        raw_message(&f->part, 4, &z);
    }
    expect_server(f, 5, error);
}

static void reading_zones_has_bounds(void **state)
{
    static struct raw z;
    struct fixture *f;

    (void)state;
    expect_zones(0, 0, 0, 0);
    expect_zones(64, 0, 0, 0);
    expect_zones(65, 0, 0, -EBADMSG);
    expect_zones(1, 1, 63, 0);
    expect_zones(1, 1, 64, -EBADMSG);
    expect_zones(1, 3, 1024, 0);
    expect_zones(1, 3, 1025, -EBADMSG);
    expect_zones(1, 4, UINT32_MAX, 0);
    expect_zones(1, 5, 11, -EBADMSG);
    expect_zones(1, 5, 21, 0);
    expect_zones(1, 5, 22, -EBADMSG);
    expect_zones(1, 6, 34, 0);
    expect_zones(1, 6, 35, -EBADMSG);
    expect_zones(1, 7, 18, 0);
    expect_zones(1, 7, 19, -EBADMSG);
    expect_zones(1, 8, (uint64_t)1 << 40, 0);
    expect_zones(1, 8, ((uint64_t)1 << 40) + 4096, -EBADMSG);

    /* A ZoneStat without its zone. */
    f = fixture_fresh(0xa5);
    raw_uint(&z, 2, 1);
    raw_message(&f->part, 2, &z);
    expect_server(f, 8, -EBADMSG);
}

/* A listing of nr empty entries. */
static void expect_entries(unsigned op, size_t nr, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    for (size_t i = 0; i < nr; i++)
        raw_bytes(&f->part, 2, "", 0);
    expect_server(f, op, error);
}

static void reading_listings_has_bounds(void **state)
{
    (void)state;
    for (unsigned op = 8; op <= 12; op++)
        expect_entries(op, 0, 0);
    expect_entries(12, 256, 0);
    expect_entries(12, 257, -EBADMSG);
    expect_entries(10, 256, 0);
    expect_entries(10, 257, -EBADMSG);
    expect_entries(11, 256, 0);
    expect_entries(11, 257, -EBADMSG);
    /* An empty ZoneStat has no zone, an empty ZoneFree no orders. */
    expect_entries(8, 1, -EBADMSG);
    expect_entries(9, 1, -EBADMSG);
}

static void expect_free_table(uint64_t id, uint64_t orders, uint64_t types, size_t nr_free,
                              size_t nr_pageblocks, uint64_t count, int error)
{
    static struct raw entry;
    struct fixture *f = fixture_fresh(0xa5);

    entry.len = 0;
    raw_uint(&entry, 1, id);
    raw_uint(&entry, 2, orders);
    raw_uint(&entry, 3, types);
    raw_packed(&entry, 4, count, nr_free);
    raw_packed(&entry, 5, count, nr_pageblocks);
    raw_message(&f->part, 2, &entry);
    expect_server(f, 9, error);
}

static void reading_free_tables_has_bounds(void **state)
{
    (void)state;
    expect_free_table(63, 19, 6, 114, 6, 1 << 28, 0);
    expect_free_table(64, 19, 6, 114, 6, 1, -EBADMSG);
    expect_free_table(0, 20, 6, 120, 6, 1, -EBADMSG);
    expect_free_table(0, 19, 7, 133, 7, 1, -EBADMSG);
    expect_free_table(0, 19, 6, 113, 6, 1, -EBADMSG);
    expect_free_table(0, 19, 6, 115, 6, 1, -EBADMSG);
    expect_free_table(0, 19, 6, 114, 5, 1, -EBADMSG);
    expect_free_table(0, 19, 6, 114, 7, 1, -EBADMSG);
    expect_free_table(0, 19, 6, 114, 6, (1 << 28) + 1, -EBADMSG);
    expect_free_table(0, 0, 1, 0, 1, 1, -EBADMSG);
    expect_free_table(0, 1, 0, 0, 0, 1, -EBADMSG);
    /* 2^16 times 2^16 is 0 in 32 bits. */
    expect_free_table(0, 1 << 16, 1 << 16, 0, 0, 1, -EBADMSG);
    expect_free_table(0, 1, 1, 1, 1, 1, 0);
}

static void reading_entries_has_bounds(void **state)
{
    static struct raw entry;
    const struct {
        unsigned op, field;
        uint64_t good, bad;
    } edges[] = {{10, 12, 63, 64}, {11, 3, 63, 64},       {11, 5, 18, 19},
                 {11, 6, 5, 6},    {11, 8, 16383, 16384}, {12, 5, 63, 64}};
    struct fixture *f;

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        f = fixture_fresh(0xa5);
        entry.len = 0;
        raw_uint(&entry, edges[i].field, edges[i].good);
        raw_message(&f->part, 2, &entry);
        expect_server(f, edges[i].op, 0);
        raw_uint(&entry, edges[i].field, edges[i].bad);
        raw_message(&f->part, 2, &entry);
        expect_server(f, edges[i].op, -EBADMSG);
    }
    for (size_t nr = 6; nr <= 7; nr++) {
        f = fixture_fresh(0xa5);
        entry.len = 0;
        raw_packed(&entry, 10, 1, nr);
        raw_message(&f->part, 2, &entry);
        expect_server(f, 10, nr == 6 ? 0 : -EBADMSG);
        entry.len = 0;
        raw_string(&entry, 2, text(nr + 25));
        raw_message(&f->part, 2, &entry);
        expect_server(f, 10, nr == 6 ? 0 : -EBADMSG);
    }
    for (size_t nr = 31; nr <= 32; nr++) {
        const struct {
            unsigned op, field;
        } names[] = {{10, 11}, {12, 1}, {12, 2}};

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            f = fixture_fresh(0xa5);
            entry.len = 0;
            raw_string(&entry, names[i].field, text(nr));
            raw_message(&f->part, 2, &entry);
            expect_server(f, names[i].op, nr == 31 ? 0 : -EBADMSG);
        }
    }
}

/* A string of a response's part at its edge. */
static void string_edge(unsigned op, unsigned field, size_t most)
{
    struct fixture *f = fixture_fresh(0xa5);

    raw_string(&f->part, field, text(most));
    expect_server(f, op, 0);
    raw_string(&f->part, field, text(most + 1));
    expect_server(f, op, -EBADMSG);
}

static void reading_of_texts_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    string_edge(4, 10, 31);
    string_edge(4, 18, 4096);
    string_edge(5, 6, 31);
    server_edge(5, 5, 63, 64);
    server_edge(5, 8, WIRE_MAX_SLOTS, WIRE_MAX_SLOTS + 1);
    string_edge(13, 2, 16384);
    for (unsigned past = 0; past <= 1; past++) {
        raw_uint(&f->message, 1, WIRE_EVENT_PRESSURE);
        raw_string(&f->part, 2, text(31 + past));
        fixture_wrap_part(f, 3);
        fixture_wrap(f, 2);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         past ? -EBADMSG : 0);
        f->raw.len = 0;
    }
}

static void reading_errors_has_bounds(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    server_edge(4, 2, 64, 65);
    server_edge(4, 3, 18, 19);
    server_edge(4, 6, 19, 20);
    server_edge(7, 1, 1024, 1025);
    for (unsigned past = 0; past <= 1; past++) {
        raw_uint(&f->message, 2, 4095 + past);
        fixture_wrap(f, 1);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         past ? -EBADMSG : 0);
        f->raw.len = 0;
        raw_uint(&f->message, 2, 1);
        raw_string(&f->message, 3, text(255 + past));
        fixture_wrap(f, 1);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         past ? -EBADMSG : 0);
        f->raw.len = 0;
        raw_string(&f->message, 2, text(255 + past));
        fixture_wrap(f, 2);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         past ? -EBADMSG : 0);
        f->raw.len = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_of_an_alloc_has_bounds),
        cmocka_unit_test(append_of_a_free_has_bounds),
        cmocka_unit_test(append_of_a_hello_has_bounds),
        cmocka_unit_test(append_of_an_explain_has_bounds),
        cmocka_unit_test(append_of_a_set_policy_has_bounds),
        cmocka_unit_test(append_needs_an_op),
        cmocka_unit_test(reading_an_alloc_has_bounds),
        cmocka_unit_test(reading_a_free_has_bounds),
        cmocka_unit_test(reading_a_hello_has_bounds),
        cmocka_unit_test(reading_an_explain_has_bounds),
        cmocka_unit_test(reading_a_set_policy_has_bounds),
        cmocka_unit_test(a_request_needs_an_id),
        cmocka_unit_test(a_packet_has_so_many_requests),
        cmocka_unit_test(a_packet_has_so_many_bytes),
        cmocka_unit_test(append_of_an_alloc_reply_has_bounds),
        cmocka_unit_test(append_of_a_zone_has_bounds),
        cmocka_unit_test(append_of_a_listing_has_bounds),
        cmocka_unit_test(append_of_accounts_has_bounds),
        cmocka_unit_test(append_of_an_explain_reply_has_bounds),
        cmocka_unit_test(append_of_an_error_has_bounds),
        cmocka_unit_test(append_of_an_event_has_bounds),
        cmocka_unit_test(reading_an_alloc_reply_has_bounds),
        cmocka_unit_test(reading_zones_has_bounds),
        cmocka_unit_test(reading_listings_has_bounds),
        cmocka_unit_test(reading_free_tables_has_bounds),
        cmocka_unit_test(reading_entries_has_bounds),
        cmocka_unit_test(reading_of_texts_has_bounds),
        cmocka_unit_test(reading_errors_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
