/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_alloc.c: the way of a request over several zones, and the reason when none serves it.
 */
#include "mm/fragmentation.h"
#include "mm/page_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "zone_fixture.h"

#define NR_ZONES 3u

static const struct mm_settings no_marks = {.min_free_kbytes = MIN_FREE_NONE,
                                            .watermark_scale_factor = 10};

struct house {
    struct zone_fixture f[NR_ZONES];
    struct memory m;
};

/* Zones of 128, 256 and 512 pages with the ids 0, 5 and 63: of one node and kind, tried by id. */
static void house_open(struct house *h, unsigned nr_domains)
{
    static const int ids[NR_ZONES] = {0, 5, 63};

    assert_int_equal(memory_init(&h->m, 12, NULL), 0);
    for (unsigned i = 0; i < NR_ZONES; i++) {
        fixture_open(&h->f[i], (pfn_t)128 << i, 4, nr_domains);
        assert_int_equal(memory_add_zone(&h->m, h->f[i].z, ids[i]), ids[i]);
    }
    assert_int_equal(memory_set(&h->m, &no_marks), 0); /* these tests are about the last page */
}

static void house_close(struct house *h)
{
    for (unsigned i = 0; i < NR_ZONES; i++)
        fixture_close(&h->f[i]);
}

static struct page_request request(unsigned order, unsigned flags)
{
    return (struct page_request){
        .order = order, .type = MIGRATE_MOVABLE, .flags = flags, .zone = -1};
}

static struct refusal assert_refused(struct house *h, struct page_request rq)
{
    struct page_grant got = {.zone = 77, .pfn = 4711};
    struct refusal refusal;

    memset(&refusal, 0xff, sizeof(refusal));
    assert_int_equal(alloc_pages(&h->m, NULL, NULL, &rq, &got, &refusal), -ENOMEM);
    assert_int_equal(got.zone, 77);
    assert_int_equal(got.pfn, 4711);
    assert_int_equal(refusal.order, rq.order);
    return refusal;
}

static void zones_are_tried_in_order(void **state)
{
    static const unsigned ids[NR_ZONES] = {0, 5, 63};
    const struct page_request rq = request(5, 0);
    struct refusal refusal;
    struct page_grant got;
    struct house h;

    (void)state;
    house_open(&h, 1);
    for (unsigned i = 0; i < NR_ZONES; i++) {
        for (pfn_t n = 0; n < (pfn_t)4 << i; n++) {
            memset(&refusal, 0x5a, sizeof(refusal));
            assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), 0);
            assert_int_equal(got.zone, ids[i]);
            assert_block(h.f[i].z, got.pfn, BLOCK_ALLOCATED, 5);
            assert_int_equal(refusal.order, 0x5a5a5a5a); /* written on refusal alone */
        }
    }
    give(h.f[1].z, 32);
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), 0);
    assert_int_equal(got.zone, 5);
    assert_int_equal(got.pfn, 32);
    house_close(&h);
}

static void a_small_zone_is_passed_over(void **state)
{
    const struct page_request rq = request(8, 0);
    struct refusal refusal;
    struct page_grant got;
    struct house h;

    (void)state;
    house_open(&h, 1);
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), 0);
    assert_int_equal(got.zone, 5);
    assert_int_equal(got.pfn, 0);
    house_close(&h);
}

static void shortage_has_its_numbers(void **state)
{
    struct refusal refusal;
    struct house h;

    (void)state;
    house_open(&h, 1);
    for (unsigned i = 0; i < NR_ZONES; i++)
        take_all(h.f[i].z, 4, MIGRATE_MOVABLE);
    refusal = assert_refused(&h, request(0, 0));
    assert_int_equal(refusal.reason, REFUSAL_SHORTAGE);
    assert_int_equal(refusal.free_pages, 0);
    assert_int_equal(refusal.largest_order, -1);
    assert_int_equal(refusal.frag_index, 0);
    assert_true(refusal.tried == (1ull << 5 | 1ull << 0 | 1ull << 63));

    /* The zone with the most free pages is the one that is told about. */
    give(h.f[0].z, 16);
    give(h.f[1].z, 16);
    give(h.f[1].z, 48);
    give(h.f[2].z, 496);
    refusal = assert_refused(&h, request(6, 0));
    assert_int_equal(refusal.reason, REFUSAL_SHORTAGE);
    assert_int_equal(refusal.zone, 5);
    assert_int_equal(refusal.free_pages, 32);
    assert_int_equal(refusal.largest_order, 4);
    assert_int_equal(refusal.frag_index, zone_fragindex(h.f[1].z, 6, 0));
    house_close(&h);
}

static void fragmentation_is_told_from_shortage(void **state)
{
    struct refusal refusal;
    struct house h;

    (void)state;
    house_open(&h, 1);
    for (unsigned i = 0; i < NR_ZONES; i++)
        take_all(h.f[i].z, 4, MIGRATE_MOVABLE);
    give(h.f[2].z, 0);
    give(h.f[2].z, 32);
    refusal = assert_refused(&h, request(5, 0)); /* 32 pages are free, but not together */
    assert_int_equal(refusal.reason, REFUSAL_FRAGMENTATION);
    assert_int_equal(refusal.zone, 63);
    assert_int_equal(refusal.free_pages, 32);
    assert_int_equal(refusal.largest_order, 4);
    assert_int_equal(refusal.frag_index, 0); /* 1000 - (1000 + 1000) / 2 */
    refusal = assert_refused(&h, request(6, 0));
    assert_int_equal(refusal.reason, REFUSAL_SHORTAGE);
    house_close(&h);
}

static void no_zone_is_large_enough(void **state)
{
    struct refusal refusal;
    struct house h;

    (void)state;
    house_open(&h, 1);
    refusal = assert_refused(&h, request(10, 0));
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);
    refusal = assert_refused(&h, request(MAX_PAGE_ORDER, 0));
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);

    /* The largest zone alone can hold it: its numbers, although another has more free. */
    take_all(h.f[2].z, 4, MIGRATE_MOVABLE);
    refusal = assert_refused(&h, request(9, 0));
    assert_int_equal(refusal.reason, REFUSAL_SHORTAGE);
    assert_int_equal(refusal.zone, 63);
    assert_int_equal(refusal.free_pages, 0);

    h.m.all[0].nr = 0;
    refusal = assert_refused(&h, request(0, 0));
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);
    assert_true(refusal.tried == 0);
    house_close(&h);
}

static void a_bad_request_is_refused_at_once(void **state)
{
    struct page_request rq = request(MAX_PAGE_ORDER + 1, 0);
    struct page_grant got = {.zone = 77, .pfn = 4711};
    struct refusal refusal = {.order = 99};
    struct house h;

    (void)state;
    house_open(&h, 2);
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    rq = request(0, 0);
    rq.domain = MAX_DOMAINS;
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    rq = request(0, 0);
    rq.type = MIGRATE_CMA;
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    rq = request(0, 0);
    rq.node = 1;
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    rq = request(0, 0);
    rq.tag = UINT64_MAX;
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    assert_int_equal(got.zone, 77);
    assert_int_equal(got.pfn, 4711);
    assert_int_equal(refusal.order, 99);
    house_close(&h);
}

static void a_passing_pageblock_is_waited_for(void **state)
{
    struct page_request rq = request(0, REQUEST_MAY_WAIT);
    struct page_grant got = {.zone = 77};
    struct refusal refusal;
    struct house h;

    (void)state;
    house_open(&h, 2);
    rq.domain = 1;
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINPROGRESS);
    assert_int_equal(got.zone, 77);
    assert_true(h.f[0].nr_populates > 0);
    assert_int_equal(zone_populate_done(h.f[0].z, h.f[0].populate[0].pfn), 0);
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), 0);
    assert_int_equal(got.zone, 0);
    rq.flags = 0;
    rq.order = 4;
    refusal = assert_refused(&h, rq);
    assert_int_equal(refusal.reason, REFUSAL_FRAGMENTATION);
    house_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_tried_in_order),
        cmocka_unit_test(a_small_zone_is_passed_over),
        cmocka_unit_test(shortage_has_its_numbers),
        cmocka_unit_test(fragmentation_is_told_from_shortage),
        cmocka_unit_test(no_zone_is_large_enough),
        cmocka_unit_test(a_bad_request_is_refused_at_once),
        cmocka_unit_test(a_passing_pageblock_is_waited_for),
    };

    return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
