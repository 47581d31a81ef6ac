/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_alloc.c: the way of a request over several zones, and the reason when none serves it.
 */
#include "mm/page_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "zone_fixture.h"

#define NR_ZONES 3u

struct house {
    struct zone_fixture f[NR_ZONES];
    struct zonelist zl;
};

/* Zones of 128, 256 and 512 pages with the ids 5, 0 and 63, in this order. */
static void house_open(struct house *h, unsigned nr_domains)
{
    static const uint32_t ids[NR_ZONES] = {5, 0, 63};

    memset(&h->zl, 0, sizeof(h->zl));
    h->zl.nr = NR_ZONES;
    for (unsigned i = 0; i < NR_ZONES; i++) {
        fixture_open(&h->f[i], (pfn_t)128 << i, 4, nr_domains);
        h->zl.zone[i] = h->f[i].z;
        h->zl.id[i] = ids[i];
    }
}

static void house_close(struct house *h)
{
    for (unsigned i = 0; i < NR_ZONES; i++)
        fixture_close(&h->f[i]);
}

static struct zone_request request(unsigned order, unsigned flags)
{
    return (struct zone_request){.order = order, .type = MIGRATE_MOVABLE, .flags = flags};
}

static struct refusal assert_refused(const struct house *h, struct zone_request rq)
{
    struct refusal refusal;
    unsigned index = 77;
    pfn_t pfn = 4711;

    memset(&refusal, 0xff, sizeof(refusal));
    assert_int_equal(alloc_pages(&h->zl, &rq, &index, &pfn, &refusal), -ENOMEM);
    assert_int_equal(index, 77);
    assert_int_equal(pfn, 4711);
    assert_int_equal(refusal.order, rq.order);
    return refusal;
}

static void zones_are_tried_in_order(void **state)
{
    const struct zone_request rq = request(5, 0);
    struct refusal refusal;
    unsigned index = 77;
    struct house h;
    pfn_t pfn;

    (void)state;
    house_open(&h, 1);
    for (unsigned i = 0; i < NR_ZONES; i++) {
        for (pfn_t n = 0; n < (pfn_t)4 << i; n++) {
            memset(&refusal, 0x5a, sizeof(refusal));
            assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
            assert_int_equal(index, i);
            assert_block(h.f[i].z, pfn, BLOCK_ALLOCATED, 5);
            assert_int_equal(refusal.order, 0x5a5a5a5a); /* written on refusal alone */
        }
    }
    give(h.f[1].z, 32);
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
    assert_int_equal(index, 1);
    assert_int_equal(pfn, 32);
    house_close(&h);
}

static void a_small_zone_is_passed_over(void **state)
{
    const struct zone_request rq = request(8, 0);
    struct refusal refusal;
    unsigned index;
    struct house h;
    pfn_t pfn;

    (void)state;
    house_open(&h, 1);
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
    assert_int_equal(index, 1);
    assert_int_equal(pfn, 0);
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
    assert_int_equal(refusal.zone, 0);
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

    h.zl.nr = 0;
    refusal = assert_refused(&h, request(0, 0));
    assert_int_equal(refusal.reason, REFUSAL_NO_ZONE);
    assert_true(refusal.tried == 0);
    house_close(&h);
}

static void a_bad_request_is_refused_at_once(void **state)
{
    struct zone_request rq = request(MAX_PAGE_ORDER + 1, 0);
    struct refusal refusal = {.order = 99};
    unsigned index = 77;
    struct house h;
    pfn_t pfn = 4711;

    (void)state;
    house_open(&h, 2);
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), -EINVAL);
    rq = request(0, 0);
    rq.domain = 2;
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), -EINVAL);
    assert_int_equal(index, 77);
    assert_int_equal(pfn, 4711);
    assert_int_equal(refusal.order, 99);
    house_close(&h);
}

static void a_passing_pageblock_is_waited_for(void **state)
{
    struct zone_request rq = request(0, 0);
    struct refusal refusal;
    unsigned index = 77;
    struct house h;
    pfn_t pfn;

    (void)state;
    house_open(&h, 2);
    rq.domain = 1;
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), -EINPROGRESS);
    assert_int_equal(index, 77);
    assert_true(h.f[0].nr_populates > 0);
    assert_int_equal(zone_populate_done(h.f[0].z, h.f[0].populate[0].pfn), 0);
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
    assert_int_equal(index, 0);
    rq.flags = ALLOC_NOWAIT;
    rq.order = 4;
    refusal = assert_refused(&h, rq);
    assert_int_equal(refusal.reason, REFUSAL_FRAGMENTATION);
    house_close(&h);
}

/* Rather another zone than another type's memory. */
static void nofragment_goes_to_the_next_zone(void **state)
{
    struct zone_request rq = request(0, ALLOC_NOFRAGMENT);
    struct refusal refusal;
    unsigned index;
    struct house h;
    pfn_t pfn;

    (void)state;
    house_open(&h, 1);
    take_all(h.f[0].z, 0, MIGRATE_MOVABLE);
    give(h.f[0].z, 3);
    rq.type = MIGRATE_UNMOVABLE;
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
    assert_int_equal(index, 1);
    rq.flags = 0;
    assert_int_equal(alloc_pages(&h.zl, &rq, &index, &pfn, &refusal), 0);
    assert_int_equal(index, 0);
    assert_int_equal(pfn, 3);
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
        cmocka_unit_test(nofragment_goes_to_the_next_zone),
    };

    return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
