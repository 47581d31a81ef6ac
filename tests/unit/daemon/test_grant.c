/* SPDX-License-Identifier: Apache-2.0 */
/* test_grant.c: blocks are given whole or not at all, and only their owner can give them back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "grant.h"

#define ZONE_PAGES 2048u

static struct zone_set *zs;
static struct holdings alice;
static struct holdings bob;
static struct grant g;
static struct refusal why;

static int set_up(void **state)
{
    (void)state;
    zs = make_zones(2, (uint64_t)ZONE_PAGES * PAGE);
    alice = (struct holdings){.owner = {.id = 1}};
    bob = (struct holdings){.owner = {.id = 2}};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    check_zones(zs);
    zone_set_free(zs);
    return 0;
}

static struct grant_request request(unsigned order, uint32_t count)
{
    return (struct grant_request){
        .zone = -1,
        .type = MIGRATE_UNMOVABLE,
        .order = order,
        .count = count,
    };
}

static void test_one_block(void **state)
{
    struct grant_request rq = request(3, 1);
    struct handle_info info;

    (void)state;
    rq.type = MIGRATE_MOVABLE;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(g.nr, 1);
    assert_int_equal(g.order[0], 3);
    assert_int_equal(g.zone[0], 0);
    assert_int_equal(g.offset[0] % ((uint64_t)PAGE * 8), 0);
    assert_int_equal(handle_find(zs->handles, g.handle[0], &info), 0);
    assert_int_equal(info.owner, 1);
    assert_int_equal((uint64_t)info.pfn * PAGE, g.offset[0]);
    assert_int_equal(alice.pages_by_type[MIGRATE_MOVABLE], 8);
    assert_int_equal(holdings_pages(&alice), 8);
    assert_int_equal(used_pages(zs), 8);
    check_zones(zs);
    assert_int_equal(grant_free(zs, &alice, g.handle[0]), 0);
    assert_int_equal(holdings_pages(&alice), 0);
    assert_int_equal(used_pages(zs), 0);
}

/* A grant goes over the zones of its list, and one that does not fit leaves nothing behind. */
static void test_all_or_none(void **state)
{
    struct grant_request rq = request(0, WIRE_MAX_BLOCKS);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(g.zone[0], 1);
    rq.count = WIRE_MAX_BLOCKS - 1;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    rq.count = 2;
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), -ENOMEM);
    assert_int_equal(why.reason, REFUSAL_SHORTAGE);
    assert_int_equal(why.tried, 3);
    assert_int_equal(bob.owner.nr, 0);
    assert_int_equal(holdings_pages(&bob), 0);
    assert_int_equal(used_pages(zs), 2 * ZONE_PAGES - 1);
    assert_int_equal(handle_table_used(zs->handles), 2 * ZONE_PAGES - 1);
    check_zones(zs);
    rq.count = 1;
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    assert_int_equal(grant_free_some(zs, &alice, UINT32_MAX), 0);
    assert_int_equal(used_pages(zs), 1);
}

static void test_single_zone(void **state)
{
    struct grant_request rq = request(9, 4);

    (void)state;
    rq.zone = 1;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(g.zone[i], 1);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOMEM);
    assert_int_equal(why.tried, 2);
    assert_int_equal(why.zone, 1);
    rq = request(18, 1);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOMEM);
    assert_int_equal(why.reason, REFUSAL_NO_ZONE);
}

static void check_exact(pfn_t nr_pages)
{
    uint64_t before = used_pages(zs);
    uint64_t end = g.offset[0];
    uint64_t pages = 0;

    assert_int_equal(g.nr, __builtin_popcount(nr_pages));
    for (uint32_t i = 0; i < g.nr; i++) {
        assert_int_equal(g.zone[i], g.zone[0]);
        assert_int_equal(g.offset[i], end);
        end += (uint64_t)PAGE << g.order[i];
        pages += (uint64_t)1 << g.order[i];
    }
    assert_int_equal(pages, nr_pages);
    assert_int_equal(before, nr_pages);
    assert_int_equal(holdings_pages(&alice), nr_pages);
    check_zones(zs);
}

static void test_exact(void **state)
{
    (void)state;
    for (pfn_t n = 1; n <= ZONE_PAGES; n += n < 70 || n > ZONE_PAGES - 4 ? 1 : 37) {
        struct grant_request rq = request(0, 1);

        rq.exact_pages = n;
        assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
        check_exact(n);
        /* One by one, from the middle outwards, so that pieces merge with what is free. */
        for (uint32_t i = 0; i < g.nr; i++)
            assert_int_equal(grant_free(zs, &alice, g.handle[(i + g.nr / 2) % g.nr]), 0);
        assert_int_equal(used_pages(zs), 0);
    }
}

static void test_exact_refused(void **state)
{
    struct grant_request rq = request(0, 1);

    (void)state;
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    rq.zone = 0;
    rq.exact_pages = ZONE_PAGES - 1;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOMEM);
    assert_int_equal(why.order, 11);
    assert_int_equal(handle_table_used(zs->handles), 1);
    assert_int_equal(used_pages(zs), 1);
}

static void test_no_handles(void **state)
{
    struct handle_table *handles = zs->handles;
    void *mem = aligned_alloc(64, (handle_table_bytes(4) + 63) & ~(size_t)63);
    struct grant_request rq = request(0, 5);

    (void)state;
    assert_non_null(mem);
    memset(mem, 0, handle_table_bytes(4));
    assert_int_equal(handle_table_init(mem, 4, &zs->handles), 0);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOSPC);
    assert_int_equal(used_pages(zs), 0);
    assert_int_equal(handle_table_left(zs->handles), 4);
    rq.exact_pages = 31;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOSPC);
    assert_int_equal(used_pages(zs), 0);
    assert_int_equal(handle_table_left(zs->handles), 4);
    check_zones(zs);
    rq.exact_pages = 15;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    check_zones(zs);
    assert_int_equal(grant_free_some(zs, &alice, UINT32_MAX), 0);
    zs->handles = handles;
    free(mem);
}

static void test_bad_handles(void **state)
{
    struct grant_request rq = request(0, 1);
    uint64_t handle;

    (void)state;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    handle = g.handle[0];
    assert_int_equal(grant_free(zs, &bob, handle), -ESTALE);
    assert_int_equal(grant_free(zs, &alice, HANDLE_NONE), -ESTALE);
    assert_int_equal(grant_free(zs, &alice, UINT64_MAX), -ESTALE);
    assert_int_equal(grant_free(zs, &alice, handle ^ (UINT64_C(1) << 32)), -ESTALE);
    assert_int_equal(used_pages(zs), 1);
    assert_int_equal(grant_free(zs, &alice, handle), 0);
    assert_int_equal(grant_free(zs, &alice, handle), -ESTALE);
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    assert_int_equal(grant_free(zs, &alice, handle), -ESTALE);
    assert_int_equal(bob.owner.nr, 1);
}

static void test_free_in_slices(void **state)
{
    struct grant_request rq = request(0, 100);

    (void)state;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    assert_int_equal(grant_free_some(zs, &alice, 30), 70);
    assert_int_equal(used_pages(zs), 170);
    check_zones(zs);
    assert_int_equal(grant_free_some(zs, &alice, 70), 0);
    assert_int_equal(grant_free_some(zs, &alice, 30), 0);
    assert_int_equal(used_pages(zs), 100);
}

/* Random grants and frees of two owners, against sums that are kept beside. */
static void test_random(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 20240607u;
    struct holdings *who[2] = {&alice, &bob};
    uint64_t handle[2][512];
    uint32_t pages[2][512];
    uint32_t nr[2] = {0, 0};
    uint64_t sum[2] = {0, 0};

    (void)state;
    (void)fprintf(stderr, "BUDDYD_SEED=%u\n", seed);
    for (unsigned step = 0; step < 20000; step++) {
        unsigned o = (unsigned)rand_r(&seed) % 2;
        struct grant_request rq =
            request((unsigned)rand_r(&seed) % 6, 1 + (unsigned)rand_r(&seed) % 4);

        rq.type = (enum migratetype)(rand_r(&seed) % NR_MOBILITIES);
        if (rand_r(&seed) % 4 == 0)
            rq.exact_pages = 1 + (pfn_t)rand_r(&seed) % 100;
        if (rand_r(&seed) % 2 && nr[o] + 8 <= 512 && !grant_alloc(zs, who[o], &rq, &g, &why)) {
            for (uint32_t i = 0; i < g.nr; i++) {
                handle[o][nr[o]] = g.handle[i];
                pages[o][nr[o]++] = 1u << g.order[i];
                sum[o] += 1u << g.order[i];
            }
        } else if (nr[o]) {
            uint32_t i = (uint32_t)rand_r(&seed) % nr[o];

            assert_int_equal(grant_free(zs, who[1 - o], handle[o][i]), -ESTALE);
            assert_int_equal(grant_free(zs, who[o], handle[o][i]), 0);
            sum[o] -= pages[o][i];
            handle[o][i] = handle[o][--nr[o]];
            pages[o][i] = pages[o][nr[o]];
        }
        assert_int_equal(holdings_pages(who[o]), sum[o]);
        assert_int_equal(who[o]->owner.nr, nr[o]);
        assert_int_equal(used_pages(zs), sum[0] + sum[1]);
        if (step % 500 == 0)
            check_zones(zs);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_block),   TEST(test_all_or_none),    TEST(test_single_zone),
        TEST(test_exact),       TEST(test_exact_refused),  TEST(test_no_handles),
        TEST(test_bad_handles), TEST(test_free_in_slices), TEST(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
