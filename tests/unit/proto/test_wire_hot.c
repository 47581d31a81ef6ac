/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_wire_hot.c: what is written and read by hand, beside protobuf-c: the same bytes, and the
 * same meaning or none. Environment: BUDDYD_SEED.
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
#include "hot.h"
#include "reference.h"
#include "rng.h"
#include "samples.h"
#include "varint.h"
#include "wire_equal.h"

enum { ROUNDS = 20000, MUTATIONS = 20 };

static struct rng rng;

/* ---- random messages ---- */

/* Small numbers, large ones, and those where a varint becomes longer. */
static uint64_t any_u64(void)
{
    uint64_t bits = (uint64_t)1 << rng_below(&rng, 64);

    switch (rng_below(&rng, 4)) {
    case 0:
        return 0;
    case 1:
        return bits - rng_below(&rng, 2);
    case 2:
        return rng_next(&rng) & (bits - 1);
    default:
        return rng_below(&rng, 128);
    }
}

/* 0 to max, both often. */
static uint32_t up_to(uint32_t max)
{
    uint32_t kind = rng_below(&rng, 4);

    return kind == 0 ? 0 : kind == 1 ? max : rng_below(&rng, max + 1);
}

/* Mostly few; sometimes as many as there may be. */
static size_t any_count(void)
{
    return rng_one_in(&rng, 50) ? WIRE_MAX_BLOCKS
                                : 1 + rng_below(&rng, rng_one_in(&rng, 4) ? 40 : 3);
}

static uint64_t handles[WIRE_MAX_BLOCKS], offsets[WIRE_MAX_BLOCKS], slots[WIRE_MAX_BLOCKS];
static uint32_t zones[WIRE_MAX_BLOCKS], orders[WIRE_MAX_BLOCKS];

static void fill_arrays(size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        handles[i] = rng_next(&rng);
        offsets[i] = any_u64();
        slots[i] = any_u64() & WIRE_MAX_SLOT_NAME;
        zones[i] = up_to(WIRE_MAX_ZONES - 1);
        orders[i] = up_to(WIRE_MAX_ORDERS - 1);
    }
}

static struct wire_request any_request(void)
{
    struct wire_request rq = {.id = any_u64() | 1};

    if (rng_one_in(&rng, 2)) {
        rq.op = WIRE_OP_FREE;
        rq.free = (struct wire_free){any_count(), handles};
        fill_arrays(rq.free.nr);
        return rq;
    }
    rq.op = WIRE_OP_ALLOC;
    rq.alloc = (struct wire_alloc){
        .order = up_to(WIRE_MAX_ORDERS - 1),
        .type = (uint32_t)any_u64(),
        .count = 1 + up_to(WIRE_MAX_BLOCKS - 1),
        .flags = (uint32_t)any_u64(),
        .node = (int32_t)up_to(WIRE_MAX_NODES) - 1,
        .zone = (int32_t)up_to(WIRE_MAX_ZONES) - 1,
        .deadline_ms = (uint32_t)any_u64(),
        .nodemask = any_u64(),
    };
    if (rng_one_in(&rng, 3)) {
        rq.alloc.count = 1;
        rq.alloc.exact_pages = up_to(WIRE_MAX_EXACT_PAGES);
    }
    return rq;
}

static struct wire_response any_response(void)
{
    struct wire_response rs = {.id = any_u64() | 1};
    size_t nr = any_count();

    if (rng_one_in(&rng, 2)) {
        rs.op = WIRE_OP_FREE;
        rs.free.freed = up_to(WIRE_MAX_BLOCKS);
        return rs;
    }
    fill_arrays(nr);
    rs.op = WIRE_OP_ALLOC;
    rs.alloc = (struct wire_alloc_reply){.nr = nr,
                                         .handle = handles,
                                         .offset = offsets,
                                         .nr_zones = rng_one_in(&rng, 2) ? 1 : nr,
                                         .zone = zones,
                                         .nr_orders = rng_one_in(&rng, 2) ? 1 : nr,
                                         .order = orders,
                                         .nr_slots = rng_one_in(&rng, 2) ? 0 : nr,
                                         .slot = slots};
    return rs;
}

/* ---- the same bytes, and the way back ---- */

static unsigned char reference[WIRE_MAX_PACKET];

static void requests_are_written_as_by_protobuf_c(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_client_packet packet;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct wire_request rq = any_request();
        size_t len = 0;

        f->len = 0;
        wire_arena_reset(&f->arena);
        assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
        reference_append_request(reference, &len, &rq);
        assert_int_equal(f->len, len);
        assert_memory_equal(f->buf, reference, len);
        assert_int_equal(wire_read_client_packet(f->buf, len, &f->arena, &packet), 0);
        assert_true(packet.nr_requests == 1 && wire_request_equal(&packet.requests[0], &rq));
    }
}

static void responses_are_written_as_by_protobuf_c(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_server_packet packet;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct wire_response rs = any_response();
        size_t len = 0;

        f->len = 0;
        wire_arena_reset(&f->arena);
        assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
        reference_append_response(reference, &len, &rs);
        assert_int_equal(f->len, len);
        assert_memory_equal(f->buf, reference, len);
        assert_int_equal(wire_read_server_packet(f->buf, len, &f->arena, &packet), 0);
        assert_true(packet.nr_responses == 1 && wire_response_equal(&packet.responses[0], &rs));
    }
}

/* An answer without an id is none, but what it is written as is protobuf-c's affair all the same.
 */
static void a_response_without_an_id_is_written_too(void **state)
{
    const struct wire_response rs = {.id = 0, .op = WIRE_OP_FREE, .free = {3}};
    struct fixture *f = fixture_fresh(0xa5);
    size_t len = 0;

    (void)state;
    assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
    reference_append_response(reference, &len, &rs);
    assert_int_equal(f->len, len);
    assert_memory_equal(f->buf, reference, len);
}

/* ---- the same meaning, or left alone ---- */

/* The one message of a packet. */
static void only_message(const unsigned char *packet, size_t len, const unsigned char **ret,
                         size_t *ret_len)
{
    const unsigned char *at = packet + 1;
    uint64_t size = 0;

    at = varint_read(at, packet + len, &size);
    assert_true(at && at + size == packet + len);
    *ret = at;
    *ret_len = size;
}

/* Change, lose or add a byte, near the beginning more often, where tags and lengths are. */
static size_t mutate(unsigned char *bytes, size_t len)
{
    size_t at = rng_below(&rng, (uint32_t)(rng_one_in(&rng, 2) && len > 24 ? 24 : len));

    switch (rng_below(&rng, 4)) {
    case 0:
        bytes[at] = (unsigned char)rng_next(&rng);
        return len;
    case 1:
        bytes[at] ^= (unsigned char)(1u << rng_below(&rng, 8));
        return len;
    case 2:
        memmove(bytes + at, bytes + at + 1, len - at - 1);
        return len > 1 ? len - 1 : len;
    default:
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = (unsigned char)(rng_one_in(&rng, 2) ? rng_below(&rng, 128) : 128);
        return len + 1;
    }
}

/* Counts of what was seen, so that the test is known to have tried both. */
static unsigned nr_seen[3];

static void mutations_agree(const unsigned char *packet, size_t len,
                            enum hot_result (*look)(const void *message, size_t len))
{
    static unsigned char mutant[WIRE_MAX_PACKET + MUTATIONS];
    const unsigned char *message;
    size_t original, size = 0;

    only_message(packet, len, &message, &original);
    assert_int_equal(look(message, original), HOT_SAME);
    for (unsigned i = 0; i < MUTATIONS; i++) {
        enum hot_result result;

        /* One change, then more of them. */
        if (i % 4 == 0) {
            size = original;
            memcpy(mutant, message, size);
        }
        size = mutate(mutant, size);
        result = look(mutant, size);
        assert_int_not_equal(result, HOT_WRONG);
        nr_seen[result]++;
    }
}

static void mutated_messages_are_read_as_by_protobuf_c(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);

    (void)state;
    memset(nr_seen, 0, sizeof(nr_seen));
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        const struct wire_request rq = any_request();
        struct wire_response rs;

        f->len = 0;
        assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
        mutations_agree(f->buf, f->len, reference_request);
        rs = any_response();
        f->len = 0;
        assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
        mutations_agree(f->buf, f->len, reference_response);
    }
    assert_true(nr_seen[HOT_LEFT] > ROUNDS && nr_seen[HOT_SAME] > ROUNDS / 2);
}

static void random_bytes_are_read_as_by_protobuf_c(void **state)
{
    unsigned char bytes[24];

    (void)state;
    for (unsigned i = 0; i < 20 * ROUNDS; i++) {
        size_t len = rng_below(&rng, sizeof(bytes) + 1);

        for (size_t at = 0; at < len; at++)
            bytes[at] = (unsigned char)(rng_one_in(&rng, 3) ? rng_next(&rng) : rng_below(&rng, 16));
        /* The beginning of a message, or nearly all would be refused there. */
        if (len > 3) {
            bytes[0] = 0x08;
            bytes[2] = (unsigned char[]){0x1a, 0x22, 0x32, 0x3a}[rng_below(&rng, 4)];
            bytes[3] = (unsigned char)(len - 4);
        }
        assert_int_not_equal(reference_request(bytes, len), HOT_WRONG);
        assert_int_not_equal(reference_response(bytes, len), HOT_WRONG);
    }
}

static void truncated_messages_are_left_alone(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    const unsigned char *message;
    size_t size;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        const struct wire_request rq = any_request();
        struct wire_response rs;

        f->len = 0;
        assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
        only_message(f->buf, f->len, &message, &size);
        for (size_t len = 0; len < size; len++)
            assert_int_equal(reference_request(message, len), HOT_LEFT);
        rs = any_response();
        f->len = 0;
        assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
        only_message(f->buf, f->len, &message, &size);
        for (size_t len = 0; len < size; len++)
            assert_int_equal(reference_response(message, len), HOT_LEFT);
    }
}

/* ---- what is good protobuf, but not as we write it ---- */

#define BYTES(...)                                                                                 \
    {                                                                                              \
        sizeof((unsigned char[]){__VA_ARGS__}),                                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

struct form {
    size_t len;
    unsigned char bytes[40];
};

static void only_the_form_that_we_write_is_read_by_hand(void **state)
{
    static const struct form same[] = {
        BYTES(0x08, 1, 0x1a, 0),                   /* alloc */
        BYTES(0x08, 1, 0x1a, 4, 0x08, 2, 0x10, 1), /* order 2, type 1 */
        BYTES(0x08, 1, 0x22, 10, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8),
        BYTES(0x08, 1, 0x1a, 9, 0x49, 1, 2, 3, 4, 5, 6, 7, 8), /* nodemask */
        BYTES(0x08, 1, 0x1a, 11, 0x08, 2, 0x49, 0, 0, 0, 0, 0, 0, 0, 0),
    };
    static const struct form left[] = {
        BYTES(0x1a, 0),                                     /* no id */
        BYTES(0x08, 0, 0x1a, 0),                            /* id 0 */
        BYTES(0x1a, 0, 0x08, 1),                            /* the id last */
        BYTES(0x08, 0x81, 0, 0x1a, 0),                      /* the id too long */
        BYTES(0x08, 1, 0x08, 1, 0x1a, 0),                   /* the id twice */
        BYTES(0x08, 1, 0x1a, 0x80, 0),                      /* the length too long */
        BYTES(0x08, 1, 0x1a, 0, 0x1a, 0),                   /* the op twice */
        BYTES(0x08, 1, 0x1a, 0, 0x78, 0),                   /* unknown behind the op */
        BYTES(0x08, 1, 0x1a, 4, 0x10, 1, 0x08, 2),          /* descending */
        BYTES(0x08, 1, 0x1a, 4, 0x08, 1, 0x08, 2),          /* twice */
        BYTES(0x08, 1, 0x1a, 3, 0x08, 0x82, 0),             /* order too long */
        BYTES(0x08, 1, 0x1a, 2, 0x48, 1),                   /* a nodemask that is a varint */
        BYTES(0x08, 1, 0x1a, 2, 0x50, 1),                   /* unknown */
        BYTES(0x08, 1, 0x1a, 8, 0x49, 1, 2, 3, 4, 5, 6, 7), /* of 8 bytes one is missing */
        BYTES(0x08, 1, 0x1a, 11, 0x49, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 2), /* descending */
        BYTES(0x08, 1, 0x1a, 6, 0x10, 0x80, 0x80, 0x80, 0x80, 16),       /* 33 bits */
        BYTES(0x08, 1, 0x1a, 2, 0x08, 19),                               /* out of bounds */
        BYTES(0x08, 1, 0x22, 0),                                         /* no handle */
        BYTES(0x08, 1, 0x22, 9, 0x09, 1, 2, 3, 4, 5, 6, 7, 8),           /* not packed */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_int_equal(reference_request(same[i].bytes, same[i].len), HOT_SAME);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_int_equal(reference_request(left[i].bytes, left[i].len), HOT_LEFT);
}

static void replies_are_read_by_hand_in_our_form_only(void **state)
{
    static const struct form same[] = {
        BYTES(0x08, 1, 0x3a, 0),          /* freed 0 */
        BYTES(0x08, 1, 0x3a, 2, 0x08, 9), /* freed 9 */
        BYTES(0x08, 1, 0x32, 19, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              0),
        /* Slot 1, generation 2. */
        BYTES(0x08, 1, 0x32, 23, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              0, 0x2a, 2, 0x82, 0x20),
    };
    static const struct form left[] = {
        BYTES(0x3a, 0),                            /* no id */
        BYTES(0x08, 1, 0x10, 12, 0x3a, 0),         /* an error */
        BYTES(0x08, 1, 0x3a, 0, 0x1a, 0),          /* a message behind it */
        BYTES(0x08, 1, 0x3a, 3, 0x08, 0x81, 8),    /* freed 1025 */
        BYTES(0x08, 1, 0x3a, 3, 0x08, 0x89, 0),    /* too long */
        BYTES(0x08, 1, 0x3a, 4, 0x08, 1, 0x08, 2), /* twice */
        BYTES(0x08, 1, 0x3a, 2, 0x10, 1),          /* unknown */
        BYTES(0x08, 1, 0x32, 0),                   /* no blocks */
        /* Nine bytes of handles. */
        BYTES(0x08, 1, 0x32, 20, 0x0a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x12, 1, 0, 0x1a, 1, 0, 0x22,
              1, 0),
        /* Zone 64; order 19; two offsets; no offset; the zone twice; zone 1 in two bytes. */
        BYTES(0x08, 1, 0x32, 19, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 64, 0x1a, 1, 0, 0x22, 1,
              0),
        BYTES(0x08, 1, 0x32, 19, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              19),
        BYTES(0x08, 1, 0x32, 20, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 2, 0, 0, 0x22,
              1, 0),
        BYTES(0x08, 1, 0x32, 16, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x22, 1, 0),
        BYTES(0x08, 1, 0x32, 22, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x12, 1, 0, 0x1a, 1,
              0, 0x22, 1, 0),
        BYTES(0x08, 1, 0x32, 20, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 2, 0x81, 0, 0x1a, 1, 0,
              0x22, 1, 0),
        /* Two slots; no slot; a slot of 41 bits. */
        BYTES(0x08, 1, 0x32, 23, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              0, 0x2a, 2, 1, 1),
        BYTES(0x08, 1, 0x32, 21, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              0, 0x2a, 0),
        BYTES(0x08, 1, 0x32, 27, 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x12, 1, 0, 0x1a, 1, 0, 0x22, 1,
              0, 0x2a, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        assert_int_equal(reference_response(same[i].bytes, same[i].len), HOT_SAME);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        assert_int_equal(reference_response(left[i].bytes, left[i].len), HOT_LEFT);
}

/* A message that the arena has no room for is protobuf-c's to refuse. */
static void a_full_arena_is_left_as_it_was(void **state)
{
    struct fixture *f = fixture_fresh(0xa5);
    struct wire_request rq = {.id = 1, .op = WIRE_OP_FREE, .free = {3, handles}};
    struct wire_response rs = {
        .id = 1, .op = WIRE_OP_ALLOC, .alloc = {1, handles, offsets, 1, zones, 1, orders, 0, NULL}};
    const unsigned char *message;
    struct wire_arena small;
    size_t size;

    (void)state;
    memset(zones, 0, sizeof(zones));
    memset(orders, 0, sizeof(orders));
    wire_arena_init(&small, f->memory, 16);
    assert_int_equal(wire_append_request(f->buf, &f->len, &rq, &f->arena), 0);
    only_message(f->buf, f->len, &message, &size);
    assert_false(hot_request_read(message, size, &small, &rq));
    assert_true(small.used == 0);
    f->len = 0;
    assert_int_equal(wire_append_response(f->buf, &f->len, &rs, &f->arena), 0);
    only_message(f->buf, f->len, &message, &size);
    assert_false(hot_response_read(message, size, &small, &rs));
    assert_true(small.used == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written_as_by_protobuf_c),
        cmocka_unit_test(responses_are_written_as_by_protobuf_c),
        cmocka_unit_test(a_response_without_an_id_is_written_too),
        cmocka_unit_test(mutated_messages_are_read_as_by_protobuf_c),
        cmocka_unit_test(random_bytes_are_read_as_by_protobuf_c),
        cmocka_unit_test(truncated_messages_are_left_alone),
        cmocka_unit_test(only_the_form_that_we_write_is_read_by_hand),
        cmocka_unit_test(replies_are_read_by_hand_in_our_form_only),
        cmocka_unit_test(a_full_arena_is_left_as_it_was),
    };
    const char *text = getenv("BUDDYD_SEED");

    rng.state = text ? strtoull(text, NULL, 0) : 1;
    print_message("BUDDYD_SEED=%llu\n", (unsigned long long)rng.state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
