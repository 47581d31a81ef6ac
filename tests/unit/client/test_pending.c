/* SPDX-License-Identifier: Apache-2.0 */
/* test_pending.c: ids that name one request each, and the table behind them. */
#include <errno.h>

#include "fake_daemon.h"
#include "pending.h"

static void test_ids(void **state)
{
    struct pending_table t = {0};
    struct pending p = {.op = WIRE_OP_FREE}, got;
    uint64_t a, b, c;

    (void)state;
    assert_int_equal(pending_add(&t, &p, &a), 0);
    p.op = WIRE_OP_ALLOC;
    assert_int_equal(pending_add(&t, &p, &b), 0);
    assert_true(a && b && a != b);
    assert_int_equal(t.nr_async, 2);
    assert_int_equal(pending_take(&t, a, &got), 0);
    assert_int_equal(got.op, WIRE_OP_FREE);
    // Once only, also when its place has another.
    assert_int_equal(pending_take(&t, a, &got), -ENOENT);
    assert_int_equal(pending_add(&t, &p, &c), 0);
    assert_int_not_equal(c, a);
    assert_int_equal(pending_take(&t, a, &got), -ENOENT);
    assert_int_equal(pending_take(&t, 0, &got), -ENOENT);
    assert_int_equal(pending_take(&t, UINT64_MAX, &got), -ENOENT);
    assert_int_equal(pending_take(&t, c, &got), 0);
    assert_int_equal(pending_take(&t, b, &got), 0);
    assert_int_equal(t.used, 0);
    assert_int_equal(t.nr_async, 0);
    pending_clear(&t);
}

// Two bytes of the wire hold 14 bits; and an id is not used again soon.
static void test_ids_stay_short(void **state)
{
    struct pending_table t = {0};
    struct pending p = {.op = WIRE_OP_FREE}, got;
    uint64_t kept, id, last[255] = {0};

    (void)state;
    assert_int_equal(pending_add(&t, &p, &kept), 0);
    for (uint32_t i = 0; i < 3 * 255; i++) {
        assert_int_equal(pending_add(&t, &p, &id), 0);
        assert_true(id && id != kept && id < 1u << 14);
        for (uint32_t n = 0; n < 254 && n < i; n++)
            assert_int_not_equal(id, last[(i - 1 - n) % 255]);
        last[i % 255] = id;
        assert_int_equal(pending_take(&t, id, &got), 0);
        assert_int_equal(pending_take(&t, id, &got), -ENOENT);
    }
    assert_int_equal(pending_take(&t, kept, &got), 0);
    // As many as a first table holds.
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(pending_add(&t, &p, &id), 0);
        assert_true(id < 1u << 14);
    }
    pending_clear(&t);
}

static void test_grows_to_its_limit(void **state)
{
    struct pending_table t = {0};
    struct pending p = {.op = WIRE_OP_FREE}, got;
    uint32_t at = 0, seen = 0;
    uint64_t id, first = 0;

    (void)state;
    for (uint32_t i = 0; i < PENDING_MAX; i++) {
        p.data = (void *)(uintptr_t)i;
        assert_int_equal(pending_add(&t, &p, &id), 0);
        if (!first)
            first = id;
    }
    assert_int_equal(pending_add(&t, &p, &id), -EAGAIN);
    while (pending_next(&t, &at))
        seen++;
    assert_int_equal(seen, PENDING_MAX);
    assert_int_equal(pending_take(&t, first, &got), 0);
    assert_null(got.data);
    assert_int_equal(pending_add(&t, &p, &id), 0);
    pending_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_ids_stay_short),
        cmocka_unit_test(test_grows_to_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
