/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain.c: the numbers of an explanation. That its answer is the allocator's is shown by
 * test_account_random.c.
 */
#include <string.h>

#include "mm/explain.h"
#include "mm/highatomic.h"
#include "path_fixture.h"

#define MOVABLE MIGRATE_MOVABLE

static struct path_fixture f; /* too large for a stack */
static struct account group, member;
static struct explanation e;

static void open_one(uint64_t min_free_kbytes)
{
    static const struct path_zone zone = {ZONE_NORMAL, .nr_pages = 1024};

    path_open(&f, &zone, 1, NULL);
    path_marks(&f, min_free_kbytes);
    memset(&group, 0, sizeof(group));
    memset(&member, 0, sizeof(member));
}

static void explain(const struct page_request *rq)
{
    struct zone_image image;

    settle(f.zf[0].z);
    image_take(&image, &f.zf[0]);
    assert_int_equal(alloc_explain(&f.m, rq, &e), 0);
    assert_unchanged(&image, &f.zf[0], 0);
}

static void a_request_that_makes_no_sense(void **state)
{
    struct page_request rq = path_request(99, MOVABLE, 0);

    (void)state;
    open_one(0);
    assert_int_equal(alloc_explain(&f.m, &rq, &e), -EINVAL);
    path_close(&f);
}

static void a_zone_below_its_marks(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, 0);
    const struct explain_step *s = &e.step[0];

    (void)state;
    open_one(0); /* 64, 80, 96 */
    path_leave(f.zf[0].z, 50, MOVABLE);
    explain(&rq);
    assert_int_equal(e.result, -ENOMEM);
    assert_int_equal(e.nr_steps, 1);
    assert_int_equal(e.first_no, 0);
    assert_int_equal(e.zone, -1);
    assert_int_equal(s->fast.marked_pages, 80);
    assert_int_equal(s->slow.marked_pages, 64);
    assert_int_equal(s->slow.mark_pages, 64);
    assert_int_equal(s->slow.left_pages, 50);
    assert_int_equal(s->missing_pages, 15);
    assert_int_equal(e.helping_right, REQUEST_HIGH);
    assert_int_equal(e.grantable_order, -1);
    rq.flags = REQUEST_HIGH;
    explain(&rq);
    assert_int_equal(e.result, 0);
    assert_int_equal(e.zone, 0);
    assert_int_equal(e.first_no, -1);
    assert_false(s->fast.ok);
    assert_true(s->slow.ok);
    assert_int_equal(s->slow.mark_pages, 24);
    rq.flags = REQUEST_RESERVE;
    explain(&rq);
    assert_int_equal(e.result, 0);
    assert_int_equal(s->slow.mark_pages, 0);
    path_close(&f);
}

static void fragments_serve_lower_orders(void **state)
{
    const struct page_request rq = path_request(3, MOVABLE, 0);

    (void)state;
    open_one(MIN_FREE_NONE);
    path_fragment(f.zf[0].z);
    explain(&rq);
    assert_int_equal(e.result, -ENOMEM);
    assert_true(e.step[0].slow.ok);
    assert_false(e.step[0].ok);
    assert_int_equal(e.step[0].missing_pages, 0);
    assert_int_equal(e.step[0].largest_order, 0);
    assert_true(e.step[0].frag_index > 500);
    assert_int_equal(e.grantable_order, 0);
    assert_int_equal(e.helping_right, 0);
    path_close(&f);
}

static void accounts_are_asked_first(void **state)
{
    struct account_limits l = {.max_pages = 64, .wmark = {8, 16, 32}};
    struct page_request rq = path_request(0, MOVABLE, 0);
    const struct explain_step *s = &e.step[1];

    (void)state;
    open_one(MIN_FREE_NONE);
    assert_int_equal(account_add(&f.m, &group, NULL, 0, &l, NULL), 0);
    l.max_pages = ACCOUNT_UNLIMITED;
    assert_int_equal(account_add(&f.m, &member, &group, 0, &l, NULL), 0);
    rq.account = &member;
    account_charge(&f.m, &member, 0, 5);
    account_charge(&f.m, &member, 0, 4);
    account_charge(&f.m, &member, 0, 3);
    explain(&rq);
    assert_int_equal(e.result, -ENOMEM);
    assert_int_equal(e.nr_steps, 3);
    assert_int_equal(e.first_no, 1);
    assert_true(e.step[0].ok);
    assert_int_equal(s->scope, REFUSED_BY_GROUP);
    assert_ptr_equal(s->account, &group);
    assert_int_equal(s->slow.free_pages, 8);
    assert_int_equal(s->slow.mark_pages, 8);
    assert_int_equal(s->missing_pages, 1);
    assert_true(e.step[2].ok);
    assert_int_equal(e.helping_right, REQUEST_HIGH);
    rq.flags = REQUEST_RESERVE;
    explain(&rq);
    assert_int_equal(e.result, 0);
    assert_int_equal(s->slow.mark_pages, 0); /* the better of its rights */
    rq.flags = REQUEST_VICTIM | REQUEST_HIGH;
    explain(&rq);
    assert_int_equal(s->slow.mark_pages, 3);
    path_close(&f);
}

static void zones_that_are_not_asked(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2},
        {ZONE_MOVABLE, .nr_pages = 1024, .nr_domains = 2},
        {ZONE_DMA32, .nr_pages = 1024},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    const struct mm_topology two = {.nr_nodes = 2};
    struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);
    enum explain_bar bar[4];

    (void)state;
    path_open(&f, zones, 4, &two);
    rq.domain = 1;
    rq.nodemask = 1;
    for (unsigned round = 0; round < 3; round++) {
        rq.barred_zones = round == 0 ? 0 : only_zone(round);
        assert_int_equal(alloc_explain(&f.m, &rq, &e), 0);
        assert_int_equal(e.nr_steps, 4);
        for (unsigned i = 0; i < 4; i++)
            bar[e.step[i].zone] = e.step[i].bar;
        assert_int_equal(bar[0], round == 0 ? BAR_NONE : BAR_ZONE);
        assert_int_equal(bar[1], round == 2 ? BAR_ZONE : BAR_KIND);
        assert_int_equal(bar[2], round == 1 ? BAR_ZONE : BAR_DOMAIN);
        assert_int_equal(bar[3], round == 0 ? BAR_NODEMASK : BAR_ZONE);
    }
    /* All that is empty lies in domain 0's file: it can pass, for who waits. */
    rq = path_request(0, MIGRATE_UNMOVABLE, REQUEST_MAY_WAIT);
    rq.domain = 1;
    rq.barred_zones = only_zone(0);
    assert_int_equal(alloc_explain(&f.m, &rq, &e), 0);
    assert_int_equal(e.result, -EINPROGRESS);
    path_close(&f);
}

static void pageblocks_may_pass_together(void **state)
{
    static const struct path_zone zone = {ZONE_NORMAL, .nr_pages = 64, .nr_domains = 3};
    struct page_request rq = path_request(PATH_ORDER + 1, MOVABLE, REQUEST_MAY_WAIT);
    struct page_grant g;

    (void)state;
    path_open(&f, &zone, 1, NULL);
    path_marks(&f, MIN_FREE_NONE);
    /* Pageblocks of domains 0 and 1 by turns. */
    take_all(f.zf[0].z, PATH_ORDER, MOVABLE);
    for (pfn_t pfn = 16; pfn < 64; pfn += 32) {
        unsigned n = f.zf[0].nr_populates;

        give(f.zf[0].z, pfn);
        rq.order = 0;
        rq.domain = 1;
        assert_int_equal(path_alloc(&f, &rq, &g), -EINPROGRESS);
        assert_int_equal(zone_populate_done(f.zf[0].z, f.zf[0].populate[n].pfn), 0);
        rq.order = PATH_ORDER;
        (void)path_granted(&f, &rq, 0);
    }
    for (pfn_t pfn = 0; pfn < 64; pfn += 16)
        give(f.zf[0].z, pfn);
    rq.order = PATH_ORDER + 1;
    rq.domain = 2;
    explain(&rq);
    assert_int_equal(e.result, -EINPROGRESS);
    assert_true(e.step[0].waits);
    rq.order = PATH_ORDER + 3;
    explain(&rq);
    assert_int_equal(e.result, -ENOMEM);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_makes_no_sense),
        cmocka_unit_test(a_zone_below_its_marks),
        cmocka_unit_test(fragments_serve_lower_orders),
        cmocka_unit_test(accounts_are_asked_first),
        cmocka_unit_test(zones_that_are_not_asked),
        cmocka_unit_test(pageblocks_may_pass_together),
    };

    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
