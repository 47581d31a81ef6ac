/* SPDX-License-Identifier: Apache-2.0 */
/* test_pages.c: the kernel's family, by address. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "served.h"

/* The last error names the address. */
static void assert_names(const void *addr)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%p", addr);
    assert_says(text);
}

static void test_by_order(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    char *p, *q;

    assert_int_equal(buddyd_get_free_pages(b, 0, 4, (void **)&p), 0);
    assert_int_equal((uintptr_t)p % (16 * FAKE_PAGE), 0);
    memset(p, 0x33, 16 * FAKE_PAGE);
    assert_int_equal(buddyd_get_free_page(b, 0, (void **)&q), 0);
    assert_ptr_equal(q, p + 16 * FAKE_PAGE);
    // Wrong orders, addresses inside, and foreign ones free nothing.
    assert_int_equal(buddyd_free_pages(b, p, 3), -EINVAL);
    assert_names(p);
    assert_int_equal(buddyd_free_pages(b, p, 99), -EINVAL);
    assert_int_equal(buddyd_free_pages(b, p + 4096, 4), -EINVAL);
    assert_names(p + 4096);
    assert_int_equal(buddyd_free_page(b, &b), -EINVAL);
    assert_int_equal(buddyd_free_page(b, NULL), -EINVAL);
    assert_int_equal(buddyd_free_pages_exact(b, p, 16 * FAKE_PAGE), -EINVAL);
    assert_int_equal(buddyd_free_pages(b, p, 4), 0);
    assert_int_equal(buddyd_free_pages(b, p, 4), -EINVAL);
    assert_names(p);
    assert_int_equal(buddyd_free_page(b, q), 0);
    // Cleared, where 0x33 was.
    assert_int_equal(buddyd_get_zeroed_page(b, (void **)&q), 0);
    assert_ptr_equal(q, p);
    for (int i = 0; i < 4096; i++)
        assert_int_equal(q[i], 0);
    assert_int_equal(q[4096], 0x33);
    assert_int_equal(buddyd_free_page(b, q), 0);
    assert_int_equal(buddyd_get_free_pages(b, 0, 19, (void **)&q), -EINVAL);
    assert_int_equal(buddyd_get_free_pages(b, 0x20, 0, (void **)&q), -EINVAL);
    assert_int_equal(buddyd_get_free_pages(b, 0, 18, (void **)&q), -ENOMEM);
}

static void test_blocks(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    struct buddyd_block block, page;

    assert_int_equal(buddyd_alloc_pages(b, BUDDYD_RECLAIMABLE, BUDDYD_ZERO, 2, &block), 0);
    assert_int_equal(block.order, 2);
    assert_int_equal(block.type, BUDDYD_RECLAIMABLE);
    assert_int_equal(buddyd_alloc_page(b, BUDDYD_UNMOVABLE, 0, &page), 0);
    assert_int_equal(page.bytes, 4096);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    assert_int_equal(buddyd_free(b, page.handle), 0);
}

static void test_exact(void **state)
{
    struct served *x = *state;
    struct buddyd *b = x->b;
    enum { BYTES = 13 * FAKE_PAGE + 1 };
    char *p, *q;

    assert_int_equal(buddyd_alloc_pages_exact(b, BYTES, 0, (void **)&p), 0);
    memset(p, 0x44, 14 * FAKE_PAGE);
    // 14 pages, no more: the two behind them are free.
    assert_int_equal(buddyd_get_free_pages(b, 0, 1, (void **)&q), 0);
    assert_ptr_equal(q, p + 14 * FAKE_PAGE);
    assert_int_equal(buddyd_free_pages(b, q, 1), 0);
    assert_int_equal(buddyd_free_pages_exact(b, p, 8 * FAKE_PAGE), -EINVAL);
    assert_names(p);
    assert_int_equal(buddyd_free_pages(b, p, 3), -EINVAL);
    assert_int_equal(buddyd_free_pages_exact(b, p + 8 * FAKE_PAGE, 4 * FAKE_PAGE), -EINVAL);
    // The same bytes when rounded up to pages.
    assert_int_equal(buddyd_free_pages_exact(b, p, 14 * FAKE_PAGE), 0);
    assert_int_equal(buddyd_free_pages_exact(b, p, BYTES), -EINVAL);
    assert_int_equal(buddyd_alloc_pages_exact(b, BYTES, BUDDYD_ZERO, (void **)&q), 0);
    assert_ptr_equal(q, p);
    for (size_t i = 0; i < 14 * FAKE_PAGE; i++)
        assert_int_equal(q[i], 0);
    assert_int_equal(buddyd_free_pages_exact(b, q, BYTES), 0);
    // One block is enough for a power of two.
    assert_int_equal(buddyd_alloc_pages_exact(b, 4096, 0, (void **)&p), 0);
    assert_int_equal(buddyd_free_pages_exact(b, p, 1), 0);

    assert_int_equal(buddyd_alloc_pages_exact(b, 0, 0, (void **)&p), -EINVAL);
    assert_int_equal(buddyd_alloc_pages_exact(b, (1 << 30) + 1, 0, (void **)&p), -EINVAL);
    assert_int_equal(buddyd_alloc_pages_exact(b, 4096, 0x20, (void **)&p), -EINVAL);
    assert_int_equal(buddyd_free_pages_exact(b, p, 0), -EINVAL);
    assert_int_equal(buddyd_alloc_pages_exact(b, (1 << 30) - 4096, 0, (void **)&p), -ENOMEM);
    assert_says("exactly 262143 pages");
}

/* Addresses in use at once, freed in another order. */
static void test_many(void **state)
{
    struct buddyd *b = ((struct served *)*state)->b;
    enum { N = 1500 };
    static char *p[N];
    uint64_t random = test_seed();

    for (unsigned i = 0; i < N; i++) {
        if (i % 3)
            assert_int_equal(buddyd_get_free_pages(b, 0, i % 3 - 1, (void **)&p[i]), 0);
        else
            assert_int_equal(buddyd_alloc_pages_exact(b, 3 * FAKE_PAGE, 0, (void **)&p[i]), 0);
        memcpy(p[i], &i, sizeof(i));
    }
    for (unsigned left = N; left; left--) {
        unsigned at = (unsigned)(test_random(&random) % left), i;

        memcpy(&i, p[at], sizeof(i));
        if (i % 3)
            assert_int_equal(buddyd_free_pages(b, p[at], i % 3 - 1), 0);
        else
            assert_int_equal(buddyd_free_pages_exact(b, p[at], 3 * FAKE_PAGE), 0);
        p[at] = p[left - 1];
    }
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, served_set_up, served_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_by_order),
        TEST(test_blocks),
        TEST(test_exact),
        TEST(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
