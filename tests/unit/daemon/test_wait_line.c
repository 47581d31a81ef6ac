/* SPDX-License-Identifier: Apache-2.0 */
/* test_wait_line.c: the order of those who wait, and how often the first of them can be passed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wait_line.h"

static void add(struct wait_line *line, struct waiter *w, uint8_t priority, uint64_t arrival)
{
    *w = (struct waiter){.priority = priority, .arrival = arrival};
    wait_line_add(line, w);
}

static void expect_order(const struct wait_line *line, struct waiter *const *want, unsigned nr)
{
    struct waiter *w = wait_line_first(line);

    assert_int_equal(line->nr, nr);
    for (unsigned i = 0; i < nr; i++, w = wait_line_next(w))
        assert_ptr_equal(w, want[i]);
    assert_null(w);
}

static void test_order(void **state)
{
    struct wait_line line = {.nr = 0};
    struct waiter w[5];

    (void)state;
    assert_null(wait_line_first(&line));
    add(&line, &w[0], 0, 10);
    add(&line, &w[1], 3, 11);
    add(&line, &w[2], 0, 12);
    add(&line, &w[3], 7, 13);
    /* From another line, where it had waited longer. */
    add(&line, &w[4], 0, 11);
    expect_order(&line, (struct waiter *[]){&w[3], &w[1], &w[0], &w[4], &w[2]}, 5);
    wait_line_remove(&w[4]);
    wait_line_remove(&w[4]);
    expect_order(&line, (struct waiter *[]){&w[3], &w[1], &w[0], &w[2]}, 4);
    wait_line_remove(&w[3]);
    wait_line_remove(&w[0]);
    wait_line_remove(&w[2]);
    expect_order(&line, (struct waiter *[]){&w[1]}, 1);
    wait_line_remove(&w[1]);
    expect_order(&line, NULL, 0);
}

/* Who is next in a walk may leave; then it is who stands behind. */
static void test_walk(void **state)
{
    struct wait_line line = {.nr = 0};
    struct waiter w[3];

    (void)state;
    add(&line, &w[0], 1, 10);
    add(&line, &w[1], 1, 11);
    add(&line, &w[2], 0, 12);
    line.at = &w[1];
    wait_line_remove(&w[0]);
    assert_ptr_equal(line.at, &w[1]);
    wait_line_remove(&w[1]);
    assert_ptr_equal(line.at, &w[2]);
    wait_line_remove(&w[2]);
    assert_null(line.at);
}

static void pass(struct wait_line *line, unsigned nr, unsigned priority, uint64_t arrival)
{
    while (nr-- > 0)
        wait_line_passed(line, priority, arrival, 1000);
}

static void test_holds_when_passed_often(void **state)
{
    struct wait_line line = {.nr = 0};
    struct waiter first, second;

    (void)state;
    add(&line, &first, 2, 10);
    add(&line, &second, 2, 11);
    pass(&line, WAIT_MAX_OVERTAKES - 1, 2, 50);
    assert_null(wait_line_holder(&line, 2, 50));
    pass(&line, 1, 2, 50);
    assert_ptr_equal(wait_line_holder(&line, 2, 50), &first);
    assert_ptr_equal(wait_line_holder(&line, 0, 50), &first);
    /* Only the first one was counted for. */
    assert_int_equal(second.overtaken, 0);
    /* Nobody holds against who came before, or is of higher priority. */
    assert_null(wait_line_holder(&line, 2, 9));
    assert_null(wait_line_holder(&line, 3, 50));
    pass(&line, 1, 2, 50);
    assert_int_equal(first.overtaken, WAIT_MAX_OVERTAKES);
    /* The next one begins at the front with its own count. */
    wait_line_remove(&first);
    assert_null(wait_line_holder(&line, 2, 50));
    wait_line_remove(&second);
    assert_null(wait_line_holder(&line, 0, 50));
}

static void test_older_and_higher_pass_uncounted(void **state)
{
    struct wait_line line = {.nr = 0};
    struct waiter low, high;

    (void)state;
    add(&line, &low, 1, 10);
    add(&line, &high, 5, 20);
    /* Older than both, but of the lower one's priority: only the higher one was before it. */
    pass(&line, 3, 1, 5);
    assert_int_equal(low.overtaken, 0);
    assert_int_equal(high.overtaken, 3);
    pass(&line, 2, 6, 30);
    assert_int_equal(high.overtaken, 3);
    pass(&line, 2, 0, 30);
    assert_int_equal(low.overtaken, 2);
    assert_int_equal(high.overtaken, 5);
}

static void test_relents_after_a_while(void **state)
{
    struct wait_line line = {.nr = 0};
    struct waiter w;

    (void)state;
    add(&line, &w, 0, 1);
    assert_false(wait_line_relent(&w, 100000));
    pass(&line, WAIT_MAX_OVERTAKES, 0, 2);
    assert_false(wait_line_relent(&w, 1000 + WAIT_HOLD_MS - 1));
    assert_ptr_equal(wait_line_holder(&line, 0, 2), &w);
    assert_true(wait_line_relent(&w, 1000 + WAIT_HOLD_MS));
    assert_null(wait_line_holder(&line, 0, 2));
    pass(&line, WAIT_MAX_OVERTAKES, 0, 2);
    assert_ptr_equal(wait_line_holder(&line, 0, 2), &w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_holds_when_passed_often),
        cmocka_unit_test(test_older_and_higher_pass_uncounted),
        cmocka_unit_test(test_relents_after_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
