/* SPDX-License-Identifier: Apache-2.0 */
/* test_wire_mobile.c: the slot word, and the messages about blocks that move: bytes and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"
#include "proto/slot.h"
#include "samples.h"
#include "wire_equal.h"

/* Numbers of the ops, in a Request and in a Response. */
enum { RQ_RENEW = 13, RQ_COMPACT, RQ_RESIZE, RQ_MIGRATE };
enum { RS_ALLOC = 6, RS_RENEW = 16, RS_COMPACT, RS_RESIZE, RS_MIGRATE };

/* ---- the word ---- */

static void a_word_has_its_parts_where_the_protocol_says(void **state)
{
    const uint64_t word = slot_word(63, (1u << 28) - 1, SLOT_DISCARDED, 4095);

    (void)state;
    assert_true(slot_word(0, 1, SLOT_EMPTY, 0) == 1);
    assert_true(slot_word(1, 0, SLOT_EMPTY, 0) == UINT64_C(1) << 28);
    assert_true(slot_word(0, 0, SLOT_NORMAL, 0) == UINT64_C(1) << 48);
    assert_true(slot_word(0, 0, SLOT_EMPTY, 1) == UINT64_C(1) << 52);
    assert_true(SLOT_PIN == UINT64_C(1) << 34 && SLOT_REFERENCED == UINT64_C(1) << 50 &&
                SLOT_WAITER == UINT64_C(1) << 51);
    assert_int_equal(slot_pfn(word), (1u << 28) - 1);
    assert_int_equal(slot_zone(word), 63);
    assert_int_equal(slot_state(word), SLOT_DISCARDED);
    assert_int_equal(slot_generation(word), 4095);
    assert_int_equal(slot_pins(word), 0);
    assert_int_equal(slot_pins(word + SLOT_MAX_PINS * SLOT_PIN), SLOT_MAX_PINS);
    assert_int_equal(slot_state(word + SLOT_MAX_PINS * SLOT_PIN), SLOT_DISCARDED);
    assert_int_equal(slot_state(word | SLOT_WAITER | SLOT_REFERENCED), SLOT_DISCARDED);
}

static void the_futex_is_the_upper_half(void **state)
{
    slot_atomic word = 0;

    (void)state;
    atomic_store(&word, UINT64_C(0x0123456789abcdef));
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it is a part of the word
    assert_int_equal(*slot_futex(&word), 0x01234567);
    assert_int_equal(slot_futex_value(atomic_load(&word)), 0x01234567);
    assert_true(slot_futex_value(SLOT_WAITER) && slot_futex_value(SLOT_PIN));
    assert_true(slot_futex_value(slot_word(0, 0, SLOT_MOVING, 0)));
}

static void a_name_has_a_slot_and_a_generation(void **state)
{
    (void)state;
    assert_true(slot_name(1, 2) == (1 << 12 | 2));
    assert_true(slot_name(WIRE_MAX_SLOTS - 1, 4095) == WIRE_MAX_SLOT_NAME);
    assert_int_equal(slot_name_index(WIRE_MAX_SLOT_NAME), WIRE_MAX_SLOTS - 1);
    assert_int_equal(slot_name_generation(WIRE_MAX_SLOT_NAME), 4095);
    assert_int_equal(slot_name_index(slot_name(7, 9)), 7);
    assert_int_equal(slot_name_generation(slot_name(7, 9)), 9);
}

/* ---- bytes ---- */

static void expect_request(struct fixture *f, unsigned op, const struct wire_request *rq)
{
    raw_uint(&f->message, 1, rq->id);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    f->len = 0;
    assert_int_equal(wire_append_request(f->buf, &f->len, rq, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
    f->raw.len = 0;
}

static void request_bytes_are_those_of_the_proto(void **state)
{
    const uint64_t handle = 5;
    const struct wire_request renew = {.id = 1, .op = WIRE_OP_RENEW, .renew = {1, &handle, 300}};
    const struct wire_request compact = {.id = 2, .op = WIRE_OP_COMPACT, .compact = {3}};
    const struct wire_request all = {.id = 3, .op = WIRE_OP_COMPACT, .compact = {-1}};
    const struct wire_request resize = {.id = 4, .op = WIRE_OP_RESIZE_ZONE, .resize_zone = {6, -7}};
    const struct wire_request migrate = {.id = 5, .op = WIRE_OP_MIGRATE, .migrate = {8, 9, 10}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_packed64(&f->part, 1, 5, 1);
    raw_uint(&f->part, 2, 300);
    expect_request(f, RQ_RENEW, &renew);
    raw_uint(&f->part, 1, 4);
    expect_request(f, RQ_COMPACT, &compact);
    expect_request(f, RQ_COMPACT, &all);
    raw_uint(&f->part, 1, 6);
    raw_uint(&f->part, 2, 13); /* -7, zigzag */
    expect_request(f, RQ_RESIZE, &resize);
    raw_fixed64(&f->part, 1, 8);
    raw_uint(&f->part, 2, 9);
    raw_uint(&f->part, 3, 10);
    expect_request(f, RQ_MIGRATE, &migrate);
}

static void expect_response(struct fixture *f, unsigned op, const struct wire_response *rs)
{
    raw_uint(&f->message, 1, rs->id);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    f->len = 0;
    assert_int_equal(wire_append_response(f->buf, &f->len, rs, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
    f->raw.len = 0;
}

static void response_bytes_are_those_of_the_proto(void **state)
{
    static const uint64_t handle = 5, offset = 6, slot = 7;
    static const uint32_t zone = 8, order = 9;
    const struct wire_alloc_reply blocks = {1, &handle, &offset, 1, &zone, 1, &order, 1, &slot};
    const struct wire_obstacle obstacle = {"c", 4, 2, 5, 1, 6};
    struct wire_response rs = {.id = 1};
    struct fixture *f = fixture_fresh(0xa5);
    static struct raw entry;

    (void)state;
    for (unsigned op = RS_ALLOC; op <= RS_RENEW; op += RS_RENEW - RS_ALLOC) {
        raw_packed64(&f->part, 1, 5, 1);
        raw_packed(&f->part, 2, 8, 1);
        raw_packed(&f->part, 3, 6, 1);
        raw_packed(&f->part, 4, 9, 1);
        raw_packed(&f->part, 5, 7, 1);
        rs.op = op == RS_ALLOC ? WIRE_OP_ALLOC : WIRE_OP_RENEW;
        rs.alloc = blocks;
        expect_response(f, op, &rs);
    }
    for (unsigned field = 1; field <= 3; field++)
        raw_uint(&f->part, field, field);
    rs.op = WIRE_OP_COMPACT;
    rs.compact = (struct wire_compact_reply){1, 2, 3};
    expect_response(f, RS_COMPACT, &rs);
    raw_uint(&entry, 1, 2);
    raw_string(&entry, 2, "c");
    raw_uint(&entry, 3, 4);
    raw_uint(&entry, 4, 5);
    raw_uint(&entry, 5, 1);
    raw_uint(&entry, 6, 6);
    raw_uint(&f->part, 1, 9);
    raw_message(&f->part, 2, &entry);
    rs.op = WIRE_OP_RESIZE_ZONE;
    rs.resize_zone = (struct wire_resize_zone_reply){9, 1, &obstacle};
    expect_response(f, RS_RESIZE, &rs);
    raw_uint(&f->part, 1, 1);
    raw_uint(&f->part, 2, 2);
    rs.op = WIRE_OP_MIGRATE;
    rs.migrate = (struct wire_migrate_reply){1, 2};
    expect_response(f, RS_MIGRATE, &rs);
}

static void event_bytes_are_those_of_the_proto(void **state)
{
    const uint64_t handles[] = {5, 5};
    const struct wire_event ev = {
        .kind = WIRE_EVENT_DISCARDED, .message = "m", .discarded = {2, handles}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    raw_uint(&f->message, 1, 4);
    raw_string(&f->message, 2, "m");
    raw_packed64(&f->part, 1, 5, 2);
    fixture_wrap_part(f, 5);
    fixture_wrap(f, 2);
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), 0);
    assert_int_equal(f->len, f->raw.len);
    assert_memory_equal(f->buf, f->raw.bytes, f->len);
}

/* ---- bounds, to bytes ---- */

static uint64_t u64s[WIRE_MAX_BLOCKS + 1];

static void expect_append(const struct wire_request *rq, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    assert_int_equal(wire_append_request(f->buf, &f->len, rq, &f->arena), error);
    assert_int_equal(f->len == 0, error != 0);
    assert_int_equal(f->arena.used, 0);
}

/* A field of a request at its edge; it is good afterwards. */
#define EDGE(rq, field, good, bad)                                                                 \
    do {                                                                                           \
        (rq).field = (bad);                                                                        \
        expect_append(&(rq), -EINVAL);                                                             \
        (rq).field = (good);                                                                       \
        expect_append(&(rq), 0);                                                                   \
    } while (0)

static void append_of_requests_has_bounds(void **state)
{
    struct wire_request renew = {.id = 1, .op = WIRE_OP_RENEW, .renew = {1, u64s, 0}};
    struct wire_request compact = {.id = 1, .op = WIRE_OP_COMPACT};
    struct wire_request resize = {.id = 1, .op = WIRE_OP_RESIZE_ZONE};
    struct wire_request migrate = {.id = 1, .op = WIRE_OP_MIGRATE};

    (void)state;
    EDGE(renew, renew.nr, 1, 0);
    EDGE(renew, renew.nr, WIRE_MAX_BLOCKS, WIRE_MAX_BLOCKS + 1);
    EDGE(compact, compact.zone, 63, 64);
    EDGE(compact, compact.zone, -1, -2);
    EDGE(resize, resize_zone.zone, 63, 64);
    EDGE(resize, resize_zone.delta_bytes, INT64_C(1) << 62, (INT64_C(1) << 62) + 1);
    EDGE(resize, resize_zone.delta_bytes, -(INT64_C(1) << 62), INT64_MIN);
    EDGE(migrate, migrate.node, 1023, 1024);
    migrate.id = 0;
    expect_append(&migrate, -EINVAL);
}

static void expect_respond(const struct wire_response *rs, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    assert_int_equal(wire_append_response(f->buf, &f->len, rs, &f->arena), error);
    assert_int_equal(f->len == 0, error != 0);
    assert_int_equal(f->arena.used, 0);
}

static void append_of_responses_has_bounds(void **state)
{
    static struct wire_obstacle obstacles[WIRE_MAX_LISTING + 1];
    static uint32_t zero;
    static char name[WIRE_MAX_NAME + 2];
    uint64_t slot = WIRE_MAX_SLOT_NAME;
    struct wire_response rs = {.id = 1};

    (void)state;
    memset(name, 'n', WIRE_MAX_NAME + 1);
    for (unsigned i = 0; i < 2; i++) {
        rs.op = i ? WIRE_OP_RENEW : WIRE_OP_ALLOC;
        rs.alloc = (struct wire_alloc_reply){1, u64s, u64s, 1, &zero, 1, &zero, 1, &slot};
        expect_respond(&rs, 0);
        slot++;
        expect_respond(&rs, -EINVAL);
        slot--;
        rs.alloc.nr_slots = 2;
        expect_respond(&rs, -EINVAL);
        rs.alloc.nr_slots = 0;
        expect_respond(&rs, 0);
    }
    rs.alloc.nr = 0;
    expect_respond(&rs, -EINVAL);
    rs.op = WIRE_OP_RESIZE_ZONE;
    rs.resize_zone = (struct wire_resize_zone_reply){1, WIRE_MAX_LISTING, obstacles};
    expect_respond(&rs, 0);
    rs.resize_zone.nr++;
    expect_respond(&rs, -EINVAL);
    rs.resize_zone.nr = 1;
    for (unsigned bad = 0; bad < 2; bad++) {
        obstacles[0] = (struct wire_obstacle){.order = 18 + bad};
        expect_respond(&rs, bad ? -EINVAL : 0);
        obstacles[0] = (struct wire_obstacle){.type = 5 + bad};
        expect_respond(&rs, bad ? -EINVAL : 0);
        obstacles[0] = (struct wire_obstacle){.client = name + 1 - bad};
        expect_respond(&rs, bad ? -EINVAL : 0);
    }
}

static void append_of_an_event_has_bounds(void **state)
{
    struct wire_event ev = {.kind = WIRE_EVENT_DISCARDED, .discarded = {0, u64s}};
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), -EINVAL);
    ev.discarded.nr = WIRE_MAX_BLOCKS + 1;
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), -EINVAL);
    assert_int_equal(f->len, 0);
    ev.discarded.nr = WIRE_MAX_BLOCKS;
    assert_int_equal(wire_append_event(f->buf, &f->len, &ev, &f->arena), 0);
}

/* ---- bounds, from bytes ---- */

/* Read f->part as a request's op; error NULL: it is in bounds. */
static void expect_read(struct fixture *f, unsigned op, const char *error)
{
    struct wire_client_packet packet;

    raw_uint(&f->message, 1, 7);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_client_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), 0);
    assert_int_equal(packet.requests[0].error, error ? EINVAL : 0);
    if (error)
        assert_string_equal(packet.requests[0].message, error);
    f->raw.len = 0;
    wire_arena_reset(&f->arena);
}

static void reading_requests_has_bounds(void **state)
{
    static const struct {
        unsigned op, field;
        uint64_t good, bad;
        const char *error;
    } edges[] = {
        {RQ_COMPACT, 1, 64, 65, "compact zone 64: at most 63"},
        {RQ_COMPACT, 1, 0, UINT32_MAX, "compact zone 4294967294: at most 63"},
        {RQ_RESIZE, 1, 63, 64, "resize zone 64: at most 63"},
        {RQ_RESIZE, 2, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 2,
         "resize by 4611686018427387905 bytes: at most 4611686018427387904 either way"},
        {RQ_RESIZE, 2, (UINT64_C(1) << 63) - 1, UINT64_MAX,
         "resize by -9223372036854775808 bytes: at most 4611686018427387904 either way"},
        {RQ_MIGRATE, 3, 1023, 1024, "migrate node 1024: at most 1023"},
    };
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        raw_uint(&f->part, edges[i].field, edges[i].good);
        expect_read(f, edges[i].op, NULL);
        raw_uint(&f->part, edges[i].field, edges[i].bad);
        expect_read(f, edges[i].op, edges[i].error);
    }
    expect_read(f, RQ_RENEW, "renew of 0 handles: 1 to 1024");
    raw_packed64(&f->part, 1, 5, 1024);
    expect_read(f, RQ_RENEW, NULL);
    raw_packed64(&f->part, 1, 5, 1025);
    expect_read(f, RQ_RENEW, "renew of 1025 handles: 1 to 1024");
}

/* Read f->part as a response's op. */
static void expect_server(struct fixture *f, unsigned op, int error)
{
    struct wire_server_packet packet;

    raw_uint(&f->message, 1, 7);
    fixture_wrap_part(f, op);
    fixture_wrap(f, 1);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet), error);
    f->raw.len = 0;
    wire_arena_reset(&f->arena);
}

/* An answer of two blocks with so many slots. */
static void expect_slots(unsigned op, size_t nr, uint64_t slot, int error)
{
    struct fixture *f = fixture_fresh(0xa5);

    raw_packed64(&f->part, 1, 1, 2);
    raw_packed(&f->part, 2, 1, 1);
    raw_packed(&f->part, 3, 4096, 2);
    raw_packed(&f->part, 4, 1, 1);
    if (nr)
        raw_packed(&f->part, 5, slot, nr);
    expect_server(f, op, error);
}

static void reading_responses_has_bounds(void **state)
{
    static const struct {
        unsigned field;
        uint64_t good, bad;
    } edges[] = {{4, 18, 19}, {5, 5, 6}};
    static struct raw entry;
    struct fixture *f;

    (void)state;
    for (unsigned op = RS_ALLOC; op <= RS_RENEW; op += RS_RENEW - RS_ALLOC) {
        expect_slots(op, 0, 0, 0);
        expect_slots(op, 2, WIRE_MAX_SLOT_NAME, 0);
        expect_slots(op, 2, WIRE_MAX_SLOT_NAME + 1, -EBADMSG);
        expect_slots(op, 1, 1, -EBADMSG);
        expect_slots(op, 3, 1, -EBADMSG);
    }
    f = fixture_fresh(0xa5);
    expect_server(f, RS_RENEW, -EBADMSG);
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        raw_uint(&entry, edges[i].field, edges[i].good);
        raw_message(&f->part, 2, &entry);
        expect_server(f, RS_RESIZE, 0);
        raw_uint(&entry, edges[i].field, edges[i].bad);
        raw_message(&f->part, 2, &entry);
        expect_server(f, RS_RESIZE, -EBADMSG);
        entry.len = 0;
    }
    raw_string(&entry, 2, "0123456789012345678901234567890");
    raw_message(&f->part, 2, &entry);
    expect_server(f, RS_RESIZE, 0);
    raw_string(&entry, 2, "01234567890123456789012345678901");
    raw_message(&f->part, 2, &entry);
    expect_server(f, RS_RESIZE, -EBADMSG);
    entry.len = 0;
    for (size_t nr = WIRE_MAX_LISTING; nr <= WIRE_MAX_LISTING + 1; nr++) {
        for (size_t i = 0; i < nr; i++)
            raw_message(&f->part, 2, &entry);
        expect_server(f, RS_RESIZE, nr > WIRE_MAX_LISTING ? -EBADMSG : 0);
    }
}

static void reading_an_event_has_bounds(void **state)
{
    static const size_t nr[] = {0, 1, WIRE_MAX_BLOCKS, WIRE_MAX_BLOCKS + 1};
    struct wire_server_packet packet;
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    for (size_t i = 0; i < sizeof(nr) / sizeof(nr[0]); i++) {
        bool good = nr[i] >= 1 && nr[i] <= WIRE_MAX_BLOCKS;

        raw_uint(&f->message, 1, WIRE_EVENT_DISCARDED);
        if (nr[i])
            raw_packed64(&f->part, 1, 5, nr[i]);
        fixture_wrap_part(f, 5);
        fixture_wrap(f, 2);
        assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                         good ? 0 : -EBADMSG);
        if (good)
            assert_int_equal(packet.events[0].discarded.nr, nr[i]);
        f->raw.len = 0;
        wire_arena_reset(&f->arena);
    }
    raw_uint(&f->message, 1, WIRE_EVENT_DISCARDED);
    fixture_wrap(f, 2);
    assert_int_equal(wire_read_server_packet(f->raw.bytes, f->raw.len, &f->arena, &packet),
                     -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_has_its_parts_where_the_protocol_says),
        cmocka_unit_test(the_futex_is_the_upper_half),
        cmocka_unit_test(a_name_has_a_slot_and_a_generation),
        cmocka_unit_test(request_bytes_are_those_of_the_proto),
        cmocka_unit_test(response_bytes_are_those_of_the_proto),
        cmocka_unit_test(event_bytes_are_those_of_the_proto),
        cmocka_unit_test(append_of_requests_has_bounds),
        cmocka_unit_test(append_of_responses_has_bounds),
        cmocka_unit_test(append_of_an_event_has_bounds),
        cmocka_unit_test(reading_requests_has_bounds),
        cmocka_unit_test(reading_responses_has_bounds),
        cmocka_unit_test(reading_an_event_has_bounds),
    };

    return cmocka_run_group_tests_name("proto/wire_mobile", tests, NULL, NULL);
}
