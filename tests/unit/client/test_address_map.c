/* SPDX-License-Identifier: Apache-2.0 */
/* test_address_map.c: random additions and removals against an array that knows the truth. */
#include <errno.h>
#include <stdlib.h>

#include "address_map.h"
#include "fake_daemon.h"

#define PLACES 4096u
#define STEPS  200000u

static uintptr_t address_of(uint64_t place)
{
    return (uintptr_t)0x7f0000000000 + (uintptr_t)place * 4096;
}

static void test_random_against_array(void **state)
{
    static uint64_t truth[PLACES];
    struct address_map m = {0};
    uint64_t random = test_seed();
    size_t live = 0;

    (void)state;
    for (uint64_t step = 1; step <= STEPS; step++) {
        // Few addresses at first, so that clusters form and dissolve; then all.
        uint64_t i = test_random(&random) % (step < STEPS / 2 ? 48 : PLACES);
        const struct address_range *found = address_map_find(&m, address_of(i));

        if (truth[i]) {
            struct address_range range;

            assert_non_null(found);
            assert_int_equal(found->pages, truth[i]);
            address_map_take(&m, address_of(i), &range);
            assert_int_equal(range.pages, truth[i]);
            truth[i] = 0;
            live--;
        } else {
            struct address_range range = {.addr = address_of(i), .pages = step, .nr = 1};

            assert_null(found);
            assert_int_equal(address_map_reserve(&m), 0);
            assert_int_equal(address_map_add(&m, &range), 0);
            truth[i] = step;
            live++;
        }
        assert_int_equal(m.used, live);
        assert_int_equal(m.reserved, 0);
    }
    for (uint64_t i = 0; i < PLACES; i++) {
        const struct address_range *found = address_map_find(&m, address_of(i));

        assert_int_equal(found ? found->pages : 0, truth[i]);
    }
    address_map_clear(&m);
}

static void test_twice_and_never(void **state)
{
    struct address_range range = {.addr = address_of(1), .pages = 1, .nr = 1};
    struct address_map m = {0};

    (void)state;
    assert_null(address_map_find(&m, address_of(1)));
    assert_int_equal(address_map_reserve(&m), 0);
    assert_int_equal(address_map_add(&m, &range), 0);
    assert_int_equal(address_map_reserve(&m), 0);
    assert_int_equal(address_map_add(&m, &range), -EEXIST);
    assert_int_equal(address_map_reserve(&m), 0);
    address_map_unreserve(&m);
    assert_int_equal(m.used, 1);
    assert_int_equal(m.reserved, 0);
    assert_null(address_map_find(&m, 0));
    address_map_clear(&m);
}

/* Every reservation can be used, without another growth in between. */
static void test_reservations_hold(void **state)
{
    struct address_map m = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(address_map_reserve(&m), 0);
    struct address_range *entries = m.entries;
    for (uint64_t i = 0; i < 1000; i++) {
        struct address_range range = {.addr = address_of(i), .pages = 1, .nr = 1};

        assert_int_equal(address_map_add(&m, &range), 0);
    }
    assert_ptr_equal(m.entries, entries);
    assert_true(m.used * 2 <= m.size);
    address_map_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_against_array),
        cmocka_unit_test(test_twice_and_never),
        cmocka_unit_test(test_reservations_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
