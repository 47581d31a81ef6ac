/* SPDX-License-Identifier: Apache-2.0 */
/* test_alloc.c: blocks: granted, refused, freed, freed twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "served.h"

static void test_one_block(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    void *p, *again;

    rq.order = 9;
    rq.type = BUDDYD_MOVABLE;
    assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
    assert_int_not_equal(block.handle, 0);
    assert_int_equal(block.bytes, 2 << 20);
    assert_int_equal(block.order, 9);
    assert_int_equal(block.type, BUDDYD_MOVABLE);
    assert_int_equal(block.zone, 0);
    assert_int_equal(buddyd_pin(b, &block, &p), 0);
    assert_int_equal(buddyd_pin(b, &block, &again), 0);
    assert_ptr_equal(p, again);
    assert_int_equal((uintptr_t)p % block.bytes, 0);
    memset(p, 1, block.bytes);
    buddyd_unpin(b, &block);
    buddyd_unpin(b, &block);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    assert_int_equal(buddyd_free(b, block.handle), -ESTALE);
    assert_says("names no block");
    assert_int_equal(buddyd_free(b, 0x123456), -ESTALE);
}

static void test_pin_of_nonsense(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_block block = {.handle = 1, .bytes = 4096};
    void *p = NULL;

    block.zone = 1;
    assert_int_equal(buddyd_pin(b, &block, &p), -EINVAL);
    block.zone = UINT32_MAX;
    assert_int_equal(buddyd_pin(b, &block, &p), -EINVAL);
    block.zone = 0;
    block.offset = FAKE_ZONE_BYTES;
    assert_int_equal(buddyd_pin(b, &block, &p), -EINVAL);
    block.offset = UINT64_MAX - 100;
    assert_int_equal(buddyd_pin(b, &block, &p), -EINVAL);
    block.offset = 0;
    block.bytes = UINT64_MAX;
    assert_int_equal(buddyd_pin(b, &block, &p), -EINVAL);
    assert_says("pin");
    assert_null(p);
}

static void test_zeroed(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    char *p;

    rq.order = 3;
    assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
    assert_int_equal(buddyd_pin(b, &block, (void **)&p), 0);
    memset(p, 0xaa, block.bytes);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    // First fit: the same pages again, first as they are, then cleared.
    assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
    assert_int_equal((unsigned char)p[block.bytes - 1], 0xaa);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    rq.flags = BUDDYD_ZERO;
    assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
    for (size_t i = 0; i < block.bytes; i++)
        assert_int_equal(p[i], 0);
    assert_int_equal(buddyd_free(b, block.handle), 0);
}

static void test_bytes(void **state)
{
    static const struct {
        uint64_t bytes;
        unsigned order;
    } cases[] = {{1, 0}, {4096, 0}, {4097, 1}, {2 << 20, 9}, {(2 << 20) + 1, 10}};
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.order = 99;
    rq.zone = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(buddyd_alloc_bytes(b, cases[i].bytes, i % 2 ? &rq : NULL, &block), 0);
        assert_int_equal(block.order, cases[i].order);
        assert_int_equal(buddyd_free(b, block.handle), 0);
    }
    assert_int_equal(buddyd_alloc_bytes(b, 0, NULL, &block), -EINVAL);
    assert_int_equal(buddyd_alloc_bytes(b, (1 << 30) + 1, NULL, &block), -EINVAL);
    assert_int_equal(buddyd_alloc_bytes(b, UINT64_MAX, NULL, &block), -EINVAL);
    assert_says("18446744073709551615 bytes");
    // Asked for, and refused by the daemon, whose zone is smaller.
    assert_int_equal(buddyd_alloc_bytes(b, 1 << 30, NULL, &block), -ENOMEM);
}

static void test_bad_requests(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block = {.handle = 5};
    struct buddyd_refusal why;

#define ASSERT_BAD(field, value, text)                                                             \
    do {                                                                                           \
        rq = (struct buddyd_alloc)BUDDYD_ALLOC_INIT;                                               \
        rq.field = value;                                                                          \
        assert_int_equal(buddyd_alloc(b, &rq, &block), -EINVAL);                                   \
        assert_says(text);                                                                         \
        assert_int_equal(buddyd_submit_alloc(b, &rq, 1, (buddyd_done_fn)abort, NULL), -EINVAL);    \
    } while (0)

    ASSERT_BAD(size, 8, "size 8");
    ASSERT_BAD(size, sizeof(rq) + 8, "size");
    ASSERT_BAD(order, 19, "order 19");
    ASSERT_BAD(type, (enum buddyd_type)3, "type 3");
    ASSERT_BAD(flags, 0x22, "flags 0x22");
    ASSERT_BAD(flags, BUDDYD_TELL, "BUDDYD_TELL with type 0: only with 2 (reclaimable)");
    ASSERT_BAD(flags, BUDDYD_CMA, "BUDDYD_CMA with type 0");
    ASSERT_BAD(node, -2, "node -2");
    ASSERT_BAD(zone, 1, "zone 1");
    ASSERT_BAD(zone, -7, "zone -7");
    ASSERT_BAD(zone, 1000, "zone 1000");
    assert_int_equal(buddyd_last_refusal(&why), -ENODATA);
    assert_int_equal(block.handle, 5);
    assert_int_equal(buddyd_alloc(NULL, NULL, &block), -EINVAL);
}

/* Of a program that was compiled before nodemask came: what lies behind is its own. */
static void test_an_earlier_request(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.size = offsetof(struct buddyd_alloc, nodemask);
    rq.order = 1;
    rq.nodemask = 0xbad;
    assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
    assert_int_equal(block.order, 1);
    assert_int_equal(((struct served *)*state)->f.last_alloc.nodemask, 0);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    assert_int_equal(buddyd_alloc_bytes(b, 4096, &rq, &block), 0);
    assert_int_equal(((struct served *)*state)->f.last_alloc.nodemask, 0);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    rq.size = 8;
    assert_int_equal(buddyd_alloc_bytes(b, 4096, &rq, &block), -EINVAL);
}

static void test_what_the_daemon_is_asked(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    const struct wire_alloc *asked = &((struct served *)*state)->f.last_alloc;
    const struct {
        unsigned flag;
        uint32_t wire;
    } flags[] = {{0, 0},
                 {BUDDYD_ZERO, 0},
                 {BUDDYD_HIGH, WIRE_ALLOC_HIGH},
                 {BUDDYD_CMA, WIRE_ALLOC_CMA},
                 {BUDDYD_RESERVE, WIRE_ALLOC_RESERVE}};
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.type = BUDDYD_MOVABLE;
    rq.node = 1;
    rq.zone = 0;
    rq.timeout_ms = 77;
    rq.nodemask = UINT64_MAX - 1;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        rq.flags = flags[i].flag;
        assert_int_equal(buddyd_alloc(b, &rq, &block), 0);
        assert_int_equal(buddyd_free(b, block.handle), 0);
        assert_int_equal(asked->flags, flags[i].wire);
    }
    assert_int_equal(asked->type, 1);
    assert_int_equal(asked->node, 1);
    assert_int_equal(asked->zone, 0);
    assert_int_equal(asked->deadline_ms, 77);
    assert_true(asked->nodemask == UINT64_MAX - 1);
}

static void test_refusal(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block = {.handle = 5};
    struct buddyd_refusal why = {.zone = 9};

    rq.order = 18;
    assert_int_equal(buddyd_alloc(b, &rq, &block), -ENOMEM);
    assert_string_equal(buddyd_error(),
                        "alloc of order 18 (262144 pages, unmovable): refused by zone 0 'first': "
                        "312 pages free, the largest free block is of order 4: fragmentation "
                        "(index 0.871)");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_FRAGMENTATION);
    assert_int_equal(why.zone, 0);
    assert_int_equal(why.order, 18);
    assert_int_equal(why.wanted_pages, 1 << 18);
    assert_int_equal(why.free_pages, 312);
    assert_int_equal(why.largest_order, 4);
    assert_int_equal(why.frag_index, 871);
    assert_int_equal(why.zones_tried, 1);
    assert_int_equal(block.handle, 5);
    // Another failure is no refusal.
    assert_int_equal(buddyd_free(b, 1), -ESTALE);
    why.zone = 9;
    assert_int_equal(buddyd_last_refusal(&why), -ENODATA);
    assert_int_equal(why.zone, 9);
    assert_says("names no block");
}

static void test_other_refusals(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd_refusal why;

    rq.type = BUDDYD_MOVABLE;
    rq.order = 17;
    assert_int_equal(buddyd_alloc(b, &rq, &block), -ENOMEM);
    assert_string_equal(buddyd_error(), "alloc of order 17 (131072 pages, movable): refused: no "
                                        "zone that may be used is that large");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_NO_ZONE);
    rq.order = 16;
    assert_int_equal(buddyd_alloc(b, &rq, &block), -ENOMEM);
    assert_says("the daemon has no handles left");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_NO_HANDLES);
    assert_int_equal(why.zone, -1);
    assert_int_equal(why.largest_order, -1);
    // Without numbers the daemon's own words stand.
    rq.order = 15;
    assert_int_equal(buddyd_alloc(b, &rq, &block), -ENOMEM);
    assert_string_equal(buddyd_error(), "not for you");
    assert_int_equal(buddyd_last_refusal(&why), -ENODATA);
}

static void test_bulk(void **state)
{
    struct served *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    enum { N = 2 * WIRE_MAX_BLOCKS + 100 };
    static struct buddyd_block block[N];
    static uint64_t handle[N];

    assert_int_equal(buddyd_alloc_bulk(x->b, &rq, 0, block), 0);
    assert_int_equal(buddyd_alloc_bulk(x->b, &rq, N, block), 0);
    for (int i = 0; i < N; i++) {
        handle[i] = block[i].handle;
        assert_int_equal(block[i].offset, (uint64_t)i * 4096);
    }
    assert_int_equal(buddyd_free_bulk(x->b, 0, handle), 0);
    // One bad name in the first and one in the last packet: the rest is freed, the first is told.
    handle[3] = 0xbad3;
    handle[N - 1] = 0xbad4;
    assert_int_equal(buddyd_free_bulk(x->b, N, handle), -ESTALE);
    assert_says("0xbad3");
    handle[0] = block[3].handle;
    handle[1] = block[N - 1].handle;
    assert_int_equal(buddyd_free_bulk(x->b, 2, handle), 0);
}

/* The last packet's worth is refused: the first ones are given back, and nothing is shown. */
static void test_bulk_all_or_none(void **state)
{
    struct served *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    static struct buddyd_block block[FAKE_PAGES + 1];
    struct buddyd_refusal why;

    assert_int_equal(buddyd_alloc_bulk(x->b, &rq, FAKE_PAGES + 1, block), -ENOMEM);
    assert_says("alloc of order 0");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    for (unsigned i = 0; i <= FAKE_PAGES; i++)
        assert_int_equal(block[i].handle, 0);
    // All is free again.
    assert_int_equal(buddyd_alloc_bulk(x->b, &rq, FAKE_PAGES, block), 0);
    static uint64_t handle[FAKE_PAGES];
    for (unsigned i = 0; i < FAKE_PAGES; i++)
        handle[i] = block[i].handle;
    assert_int_equal(buddyd_free_bulk(x->b, FAKE_PAGES, handle), 0);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, served_set_up, served_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_block),
        TEST(test_pin_of_nonsense),
        TEST(test_zeroed),
        TEST(test_bytes),
        TEST(test_bad_requests),
        TEST(test_refusal),
        TEST(test_other_refusals),
        TEST(test_bulk),
        TEST(test_bulk_all_or_none),
        TEST(test_an_earlier_request),
        TEST(test_what_the_daemon_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
