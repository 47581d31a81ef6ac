/* SPDX-License-Identifier: Apache-2.0 */
/* test_broken.c: a daemon that answers nonsense: -EPROTO, never a wild pointer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"

static uint64_t handles[WIRE_MAX_BLOCKS], offsets[WIRE_MAX_BLOCKS];
static uint32_t zones[WIRE_MAX_BLOCKS], orders[WIRE_MAX_BLOCKS];

/* A good answer to one page; a case spoils it. */
static struct wire_response reply;

static struct fake *spoilt_by;

struct spoilt {
    const char *says;
    void (*spoil)(void);
};

static void no_handle(void)
{
    handles[0] = 0;
}

static void no_such_zone(void)
{
    zones[0] = 1;
}

/* What wire.h would not write is patched in. */
static void zone_127(void)
{
    spoilt_by->patch_from = "\x12\x01\x00";
    spoilt_by->patch_to = "\x12\x01\x7f";
    spoilt_by->patch_len = 3;
}

static void offset_outside(void)
{
    offsets[0] = FAKE_ZONE_BYTES;
}

static void offset_overflows(void)
{
    offsets[0] = UINT64_MAX - 4095;
}

static void offset_unaligned(void)
{
    offsets[0] = 100;
}

static void order_30(void)
{
    spoilt_by->patch_from = "\x22\x01\x00";
    spoilt_by->patch_to = "\x22\x01\x1e";
    spoilt_by->patch_len = 3;
}

static void other_order(void)
{
    orders[0] = 1;
}

static void two_blocks(void)
{
    reply.alloc.nr = reply.alloc.nr_zones = reply.alloc.nr_orders = 2;
}

static void other_op(void)
{
    reply.op = WIRE_OP_FREE;
    reply.free = (struct wire_free_reply){.freed = 1};
}

static void other_id(void)
{
    reply.id ^= 2;
}

static void other_sequence(void)
{
    reply.id += UINT64_C(1) << 40;
}

static void complaint(void)
{
    reply = (struct wire_response){.error = EBADMSG, .message = "byte 3 makes no sense"};
}

static const struct spoilt *now;

static void answer_spoilt(struct fake *f)
{
    fake_hello(f);
    if (!fake_receive(f))
        return;
    memset(handles, 0, sizeof(handles));
    memset(offsets, 0, sizeof(offsets));
    memset(zones, 0, sizeof(zones));
    memset(orders, 0, sizeof(orders));
    handles[0] = 77;
    handles[1] = 78;
    reply = (struct wire_response){.id = f->packet.requests[0].id,
                                   .op = WIRE_OP_ALLOC,
                                   .alloc = {.nr = 1,
                                             .handle = handles,
                                             .offset = offsets,
                                             .nr_zones = 1,
                                             .zone = zones,
                                             .nr_orders = 1,
                                             .order = orders}};
    now->spoil();
    fake_say(f, &reply);
    fake_send(f);
    while (fake_receive(f))
        ;
}

static void fails_once(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    unsigned *done = data;

    assert_int_equal(error, -EPROTO);
    assert_null(blocks);
    assert_int_equal(nr, 0);
    (*done)++;
}

static void run_spoilt(const struct spoilt *s, bool asynchronous)
{
    struct buddyd_block block = {.handle = 5};
    unsigned fds = count_fds(), done = 0;
    struct buddyd *b;
    struct fake f;

    now = s;
    spoilt_by = &f;
    fake_init(&f);
    fake_start(&f, answer_spoilt);
    assert_int_equal(fake_connect(&f, &b), 0);
    if (asynchronous) {
        assert_int_equal(buddyd_submit_alloc(b, NULL, 1, fails_once, &done), 0);
        assert_int_equal(buddyd_dispatch(b, -1), -ENOTCONN);
        assert_int_equal(done, 1);
    } else {
        assert_int_equal(buddyd_alloc(b, NULL, &block), -EPROTO);
        assert_int_equal(block.handle, 5);
    }
    if (!strstr(buddyd_error(), s->says) || !strstr(buddyd_error(), "broke the protocol"))
        fail_msg("'%s' does not say '%s'", buddyd_error(), s->says);
    // The session is over; the reason stays.
    assert_int_equal(buddyd_alloc(b, NULL, &block), -ENOTCONN);
    if (!strstr(buddyd_error(), s->says))
        fail_msg("'%s' does not say '%s' any more", buddyd_error(), s->says);
    buddyd_close(b);
    fake_stop(&f);
    assert_int_equal(count_fds(), fds);
}

static void test_spoilt_answers(void **state)
{
    static const struct spoilt cases[] = {
        {"without a handle", no_handle},
        {"zone 1, which is not there", no_such_zone},
        {"cannot be read", zone_127},
        {"at offset 0x4000000", offset_outside},
        {"at offset 0xfffffffffffff000", offset_overflows},
        {"at offset 0x64", offset_unaligned},
        {"cannot be read", order_30},
        {"order 1 where 0 was asked for", other_order},
        {"2 blocks where 1", two_blocks},
        {"answered with 'free'", other_op},
        {"which is not pending", other_id},
        {"which is not pending", other_sequence},
        {"byte 3 makes no sense", complaint},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_spoilt(&cases[i], false);
        run_spoilt(&cases[i], true);
    }
}

static void answer_bytes(struct fake *f)
{
    static unsigned char long_packet[WIRE_MAX_PACKET + 1];

    fake_hello(f);
    if (!fake_receive(f))
        return;
    if (f->data)
        fake_send_bytes(f, long_packet, sizeof(long_packet));
    else
        fake_send_bytes(f, "\x0a\x7f garbage", 10);
    while (fake_receive(f))
        ;
}

static void test_no_packet(void **state)
{
    struct buddyd_block block;
    struct buddyd *b;
    struct fake f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        fake_init(&f);
        f.data = i ? &f : NULL;
        fake_start(&f, answer_bytes);
        assert_int_equal(fake_connect(&f, &b), 0);
        assert_int_equal(buddyd_alloc(b, NULL, &block), -EPROTO);
        assert_non_null(strstr(buddyd_error(), "cannot be read"));
        buddyd_close(b);
        fake_stop(&f);
    }
}

/* ---- exact allocations ---- */

static unsigned nr_blocks;

static void answer_blocks(struct fake *f)
{
    fake_hello(f);
    if (!fake_receive(f))
        return;
    fake_say(f, &(struct wire_response){.id = f->packet.requests[0].id,
                                        .op = WIRE_OP_ALLOC,
                                        .alloc = {.nr = nr_blocks,
                                                  .handle = handles,
                                                  .offset = offsets,
                                                  .nr_zones = nr_blocks,
                                                  .zone = zones,
                                                  .nr_orders = nr_blocks,
                                                  .order = orders}});
    fake_send(f);
    fake_serve(f);
}

/* Blocks of orders 1 and 0 at these offsets, answered to a request for 3 pages. */
static void run_exact(unsigned nr, uint64_t first, uint64_t second, int error, const char *says)
{
    struct buddyd *b;
    struct fake f;
    char *p = NULL;

    nr_blocks = nr;
    handles[0] = 1;
    handles[1] = 2;
    offsets[0] = first;
    offsets[1] = second;
    memset(zones, 0, sizeof(zones));
    orders[0] = 1;
    orders[1] = 0;
    fake_init(&f);
    fake_start(&f, answer_blocks);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_alloc_pages_exact(b, 3 * FAKE_PAGE, 0, (void **)&p), error);
    if (error) {
        assert_null(p);
        assert_non_null(strstr(buddyd_error(), says));
    }
    buddyd_close(b);
    fake_stop(&f);
}

static void test_spoilt_exact(void **state)
{
    (void)state;
    run_exact(2, 0x4000, 0x6000, 0, "");
    run_exact(2, 0x4000, 0x7000, -EPROTO, "does not adjoin");
    run_exact(2, 0x4000, 0x3000, -EPROTO, "does not adjoin");
    run_exact(1, 0x4000, 0, -EPROTO, "2 pages where 3 were asked for");
    run_exact(2, FAKE_ZONE_BYTES - 0x2000, FAKE_ZONE_BYTES, -EPROTO, "at offset 0x4000000");
}

/* The same page twice: the second user of it would overwrite the first. */
static void lend_twice(struct fake *f)
{
    fake_hello(f);
    for (uint64_t i = 1; fake_receive(f); i++) {
        uint64_t offset = 0x1000;
        uint32_t zone = 0, order = 0;

        fake_say(f, &(struct wire_response){.id = f->packet.requests[0].id,
                                            .op = WIRE_OP_ALLOC,
                                            .alloc = {.nr = 1,
                                                      .handle = &i,
                                                      .offset = &offset,
                                                      .nr_zones = 1,
                                                      .zone = &zone,
                                                      .nr_orders = 1,
                                                      .order = &order}});
        fake_send(f);
    }
}

static void test_lent_twice(void **state)
{
    struct buddyd *b;
    struct fake f;
    void *p, *q = NULL;

    (void)state;
    fake_init(&f);
    fake_start(&f, lend_twice);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_get_free_page(b, 0, &p), 0);
    assert_int_equal(buddyd_get_free_page(b, 0, &q), -EPROTO);
    assert_non_null(strstr(buddyd_error(), "twice"));
    assert_null(q);
    buddyd_close(b);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spoilt_answers),
        cmocka_unit_test(test_no_packet),
        cmocka_unit_test(test_spoilt_exact),
        cmocka_unit_test(test_lent_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
