/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_alloc.c: the way of a request over several zones, and the reason when none serves it.
 */
#include "mm/fragmentation.h"
#include "mm/page_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "mm/hotplug.h"
#include "path_fixture.h"

#define NR_ZONES 3u

static struct path_fixture f; /* too large for a stack */

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
    return (struct page_request){.order = order, .type = MIGRATE_MOVABLE, .flags = flags};
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
    struct request_zones may_use;
    struct house h;

    (void)state;
    house_open(&h, 2);
    assert_int_equal(alloc_pages(&h.m, NULL, NULL, &rq, &got, &refusal), -EINVAL);
    request_zones(&h.m, &rq, &may_use);
    assert_int_equal(may_use.nr, 0);
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

/* ---- which zones a request may use ---- */

/* Each kind on one node, without marks; and NORMAL on another. */
static void open_kinds(void)
{
    static const struct path_zone zones[] = {
        {ZONE_GIGANTIC, .nr_pages = 1u << 18, .pageblock_order = 18},
        {ZONE_MOVABLE, .nr_pages = 1u << 18, .pageblock_order = 9},
        {ZONE_NORMAL, .nr_pages = 1u << 18, .pageblock_order = 9},
        {ZONE_DMA32, .nr_pages = 1u << 18, .pageblock_order = 9},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1u << 18, .pageblock_order = 9},
    };
    static const struct mm_topology t = {.nr_nodes = 2};

    path_open(&f, zones, 5, &t);
    path_marks(&f, MIN_FREE_NONE);
}

/* A request is granted blocks of 2^17 or 2^18 pages from these zones, a digit each, and then
 * refused. */
static void assert_zones(struct page_request rq, const char *expected)
{
    struct request_zones may_use;
    uint64_t tried = 0;

    open_kinds();
    request_zones(&f.m, &rq, &may_use);
    assert_int_equal(may_use.nr, strlen(expected));
    for (unsigned i = 0; i < may_use.nr; i++) {
        assert_int_equal(may_use.id[i], expected[i] - '0');
        assert_true(zone_kind_of(f.zf[may_use.id[i]].z) <= may_use.class);
    }
    for (; *expected; expected++) {
        unsigned blocks = rq.order == 17 ? 2 : 1;

        while (blocks-- > 0)
            (void)path_granted(&f, &rq, (unsigned)(*expected - '0'));
        tried |= 1u << (*expected - '0');
    }
    path_refused(&f, &rq);
    assert_true(f.refusal.tried == tried);
    assert_int_equal(f.refusal.reason, REFUSAL_SHORTAGE);
    path_close(&f);
}

static void zones_by_kind(void **state)
{
    struct page_request rq = path_request(17, MIGRATE_MOVABLE, 0);

    (void)state;
    assert_zones(rq, "1234");
    rq.type = MIGRATE_UNMOVABLE; /* a MOVABLE zone can always be emptied */
    assert_zones(rq, "234");
    rq.type = MIGRATE_RECLAIMABLE;
    assert_zones(rq, "234");
    rq.order = 18; /* the only order that gigantic pages are for */
    assert_zones(rq, "0234");
    rq.type = MIGRATE_MOVABLE;
    assert_zones(rq, "01234");
    rq.flags = REQUEST_DMA32;
    assert_zones(rq, "3");
    rq.order = 17;
    assert_zones(rq, "3");
}

static void zones_by_node_and_id(void **state)
{
    struct page_request rq = path_request(17, MIGRATE_MOVABLE, 0);

    (void)state;
    rq.node = 1;
    assert_zones(rq, "4123");
    rq.nodemask = 1;
    assert_zones(rq, "123");
    rq.nodemask = 2;
    assert_zones(rq, "4");
    rq.node = 0;
    assert_zones(rq, "4");
    rq.nodemask = 0;
    rq.flags = REQUEST_THISNODE;
    assert_zones(rq, "123");
    rq.node = 1;
    assert_zones(rq, "4");
    rq = path_request(17, MIGRATE_MOVABLE, 0);
    rq.barred_zones = only_zone(3);
    assert_zones(rq, "3");
    rq.node = 1;
    assert_zones(rq, "3");
}

static void zones_that_may_not_be_used(void **state)
{
    struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, REQUEST_MAY_WAIT | REQUEST_WAKE);

    (void)state;
    open_kinds();
    rq.barred_zones = only_zone(1); /* MOVABLE */
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.reason, REFUSAL_NO_ZONE);
    path_called(&f, "");
    rq.barred_zones = only_zone(0); /* GIGANTIC */
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.reason, REFUSAL_NO_ZONE);
    rq.barred_zones = only_zone(5);
    path_refused(&f, &rq);
    rq.barred_zones = only_zone(2);
    rq.nodemask = 2;
    path_refused(&f, &rq);
    rq.barred_zones = 0;
    rq.nodemask = 4; /* no such node */
    path_refused(&f, &rq);
    rq.nodemask = 0;
    rq.domain = 1; /* no zone has that */
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.reason, REFUSAL_NO_ZONE);
    assert_true(f.refusal.tried == 0);
    path_close(&f);
}

/* Requests that could use higher zones leave a reserve in the lower ones. */
static void lower_zones_are_spared(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 25600},
        {ZONE_DMA32, .nr_pages = 1024},
    };
    struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);
    pfn_t min;

    (void)state;
    path_open(&f, zones, 2, NULL);
    min = zone_wmark(f.zf[1].z, WMARK_MIN);
    assert_int_equal(zone_lowmem_reserve(f.zf[1].z, ZONE_NORMAL), 100);
    take_all(f.zf[0].z, 0, MIGRATE_MOVABLE);
    path_leave(f.zf[1].z, min + 101, MIGRATE_UNMOVABLE);
    (void)path_granted(&f, &rq, 1);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.zone, 1);
    assert_int_equal(f.refusal.free_pages, min + 100);
    assert_int_equal(f.refusal.mark, WMARK_MIN);
    assert_int_equal(f.refusal.mark_pages, min);
    assert_int_equal(f.refusal.reserve_pages, 100);
    assert_int_equal(f.refusal.reason, REFUSAL_SHORTAGE);
    assert_true(f.refusal.tried == 3);
    rq.flags = REQUEST_DMA32;
    for (pfn_t n = 0; n < 100; n++)
        (void)path_granted(&f, &rq, 1);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.reserve_pages, 0);
    assert_int_equal(f.refusal.free_pages, min);
    path_close(&f);
}

/* ---- keeping types apart, and near ---- */

/* All pageblocks of a zone are broken by movable blocks; half of it is free. */
static void mix(unsigned zone)
{
    take_all(f.zf[zone].z, 1, MIGRATE_MOVABLE);
    for (pfn_t pfn = 0; pfn < zone_nr_pages(f.zf[zone].z); pfn += 4)
        give(f.zf[zone].z, pfn);
    settle(f.zf[zone].z);
}

static void open_mixed(const struct path_zone *zones, unsigned nr)
{
    static const struct mm_topology t = {.nr_nodes = 2};

    path_open(&f, zones, nr, &t);
    path_marks(&f, MIN_FREE_NONE);
    mix(0);
}

static void a_lower_zone_rather_than_mixing_types(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_DMA32, .nr_pages = 1024},
        {ZONE_NORMAL, .node = 1, .nr_pages = 1024},
    };
    const struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);

    (void)state;
    open_mixed(zones, 3);
    (void)path_granted(&f, &rq, 1);
    assert_pageblocks(f.zf[0].z, 0, 64, 0);
    /* A whole pageblock mixes nothing. */
    for (pfn_t pfn = 2; pfn < 16; pfn += 4)
        give(f.zf[0].z, pfn);
    (void)path_granted(&f, &rq, 0);
    assert_pageblocks(f.zf[0].z, 1, 63, 0);
    for (pfn_t n = 0; n < 15; n++)
        (void)path_granted(&f, &rq, 0);
    (void)path_granted(&f, &rq, 1);
    /* Being near is worth more than keeping apart. */
    path_leave(f.zf[1].z, 0, MIGRATE_UNMOVABLE);
    (void)path_granted(&f, &rq, 0);
    assert_pageblocks(f.zf[0].z, 2, 62, 0);
    path_leave(f.zf[0].z, 0, MIGRATE_UNMOVABLE);
    (void)path_granted(&f, &rq, 2);
    path_close(&f);
}

/* At the list's end it is tried again, mixing. */
static void the_last_zones_are_mixed(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_DMA32, .nr_pages = 1024},
    };
    const struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, REQUEST_WAKE);

    (void)state;
    open_mixed(zones, 2);
    mix(1);
    (void)path_granted(&f, &rq, 0);
    path_called(&f, "");
    assert_pageblocks(f.zf[0].z, 1, 63, 0);
    path_close(&f);
}

/* Without a DMA32 zone below NORMAL on its node there is nowhere better. */
static void nowhere_else_types_are_mixed_at_once(void **state)
{
    static const struct path_zone rows[][3] = {
        {{ZONE_NORMAL, .nr_pages = 1024},
         {ZONE_NORMAL, .nr_pages = 1024},
         {ZONE_NORMAL, .nr_pages = 1024}},
        {{ZONE_NORMAL, .nr_pages = 1024},
         {ZONE_NORMAL, .nr_pages = 1024},
         {ZONE_DMA32, .node = 1, .nr_pages = 1024}},
        {{ZONE_DMA32, .nr_pages = 1024},
         {ZONE_DMA32, .nr_pages = 1024},
         {ZONE_NORMAL, .node = 1, .nr_pages = 1024}},
    };
    const struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, 0);
    struct evacuation ev;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        open_mixed(rows[i], 3);
        (void)path_granted(&f, &rq, 0);
        assert_pageblocks(f.zf[0].z, 1, 63, 0);
        path_close(&f);
    }
    /* A DMA32 zone without memory counts for nothing. */
    {
        static const struct path_zone zones[] = {
            {ZONE_NORMAL, .nr_pages = 1024},
            {ZONE_DMA32, .nr_pages = 1024},
            {ZONE_NORMAL, .nr_pages = 1024},
        };

        open_mixed(zones, 3);
        assert_int_equal(memory_remove_zone(&f.m, 2), 0);
        assert_int_equal(memory_add_zone(&f.m, f.zf[2].z, 3), 3); /* an id is missing */
        assert_int_equal(zone_shrink(f.zf[1].z, 1024, false, &ev, NULL), 0);
        memory_rebuild(&f.m);
        (void)path_granted(&f, &rq, 0);
        path_close(&f);
    }
}

/* ---- statistics ---- */

static void whose_requests_a_zone_serves(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = 128},
        {ZONE_DMA32, .node = 0, .nr_pages = 128},
        {ZONE_NORMAL, .node = 1, .nr_pages = 128},
    };
    static const struct zone_numa_stat expected[] = {
        {.hit = 2, .foreign = 1, .local = 1, .other = 1},
        {.hit = 1, .local = 1},
        {.hit = 1, .miss = 1, .local = 1, .other = 1},
    };
    static const struct mm_topology t = {.nr_nodes = 2};
    struct page_request rq = path_request(7, MIGRATE_MOVABLE, 0);
    pfn_t pfn;

    (void)state;
    path_open(&f, zones, 3, &t);
    path_marks(&f, MIN_FREE_NONE);
    rq.caller_node = 1;
    pfn = path_granted(&f, &rq, 0); /* hit, other */
    give(f.zf[0].z, pfn);
    rq.caller_node = 0;
    (void)path_granted(&f, &rq, 0); /* hit, local */
    (void)path_granted(&f, &rq, 1); /* hit: another zone of the node; local */
    pfn = path_granted(&f, &rq, 2); /* miss, other; foreign to zone 0 */
    path_refused(&f, &rq);
    give(f.zf[2].z, pfn);
    rq.node = 1;
    rq.caller_node = 1;
    (void)path_granted(&f, &rq, 2); /* hit, local */
    for (unsigned i = 0; i < 3; i++) {
        struct zone_numa_stat now;

        zone_numa_stat(f.zf[i].z, &now);
        assert_memory_equal(&now, &expected[i], sizeof(now));
    }
    path_close(&f);
}

/* ---- refusals ---- */

/* Rights lower the mark, not what is asked for: fewer pages than that are a shortage. */
static void rights_do_not_make_a_shortage_less(void **state)
{
    static const struct {
        unsigned flags;
        pfn_t mark; /* what is left of 64 */
    } rows[] = {
        {0, 64},
        {REQUEST_HIGH, 24},
        {REQUEST_HIGH | REQUEST_MAY_WAIT | REQUEST_NORETRY, 32},
        {REQUEST_VICTIM, 32},
        {REQUEST_RESERVE, 0},
    };
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct page_request rq = path_request(5, MIGRATE_MOVABLE, rows[i].flags);

        for (pfn_t more = 0; more < 2; more++) {
            path_open(&f, zones, 1, NULL);
            path_fragment_nr(f.zf[0].z, rows[i].mark + 31 + more);
            path_refused(&f, &rq);
            assert_int_equal(f.refusal.reason, more ? REFUSAL_FRAGMENTATION : REFUSAL_SHORTAGE);
            assert_int_equal(f.refusal.free_pages, rows[i].mark + 31 + more);
            assert_int_equal(f.refusal.mark, WMARK_MIN);
            assert_int_equal(f.refusal.mark_pages, 64);
            assert_int_equal(f.refusal.reserve_pages, 0);
            assert_int_equal(f.refusal.largest_order, 0);
            assert_int_equal(f.refusal.frag_index, zone_fragindex(f.zf[0].z, 5, 0));
            assert_int_equal(f.refusal.order, 5);
            assert_true(f.refusal.tried == 1);
            path_close(&f);
        }
    }
}

/* Of two zones with as many free pages the first is told about. */
static void the_first_of_equals_is_told_about(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_NORMAL, .nr_pages = 1024},
    };
    const struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);

    (void)state;
    path_open(&f, zones, 2, NULL);
    path_leave(f.zf[0].z, 40, MIGRATE_MOVABLE);
    path_leave(f.zf[1].z, 40, MIGRATE_MOVABLE);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.zone, 0);
    path_leave(f.zf[0].z, 39, MIGRATE_MOVABLE);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.zone, 1);
    path_close(&f);
}

/* ---- domains ---- */

/* Two empty pageblocks that are together, but lie in two files, make a block of twice the size. */
static void pageblocks_of_two_domains_pass_together(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 2}};
    struct page_request rq = path_request(PATH_ORDER + 1, MIGRATE_MOVABLE, REQUEST_WAKE);
    struct page_grant got;
    pfn_t pfn;

    (void)state;
    path_open(&f, zones, 1, NULL);
    path_marks(&f, MIN_FREE_NONE);
    pfn = take_passing(&f.zf[0], PATH_ORDER, MIGRATE_MOVABLE, 1);
    path_leave(f.zf[0].z, 0, MIGRATE_MOVABLE);
    give(f.zf[0].z, pfn);
    for (pfn_t i = pfn ^ PATH_P; i < (pfn ^ PATH_P) + PATH_P; i++)
        give(f.zf[0].z, i);
    assert_int_equal(zone_largest_free_order(f.zf[0].z, 0), PATH_ORDER);
    path_refused(&f, &rq); /* it cannot wait */
    assert_int_equal(f.refusal.reason, REFUSAL_FRAGMENTATION);
    rq.flags = REQUEST_MAY_WAIT | REQUEST_WAKE;
    f.zf[0].nr_populates = 0;
    assert_int_equal(path_alloc(&f, &rq, &got), -EINPROGRESS);
    path_called(&f, ""); /* nobody else is needed */
    assert_int_equal(f.zf[0].nr_populates, 1);
    assert_int_equal(f.zf[0].populate[0].order, PATH_ORDER + 1);
    assert_int_equal(zone_populate_done(f.zf[0].z, f.zf[0].populate[0].pfn), 0);
    (void)path_granted(&f, &rq, 0);
    path_close(&f);
}

/* ---- boost ---- */

/* A request that mixes types: it takes the one free page of a movable pageblock. */
static void mix_once(unsigned flags)
{
    const struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, flags);

    (void)path_granted(&f, &rq, 0);
}

/* Marks that were raised wake the balancer, once, if who raised them and who asks next may. */
static void a_boost_wakes_with_the_right_alone(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    const struct page_request quiet = path_request(0, MIGRATE_MOVABLE, 0);
    const struct page_request loud = path_request(0, MIGRATE_MOVABLE, REQUEST_WAKE);
    struct zone *z;

    (void)state;
    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    take_all(z, 0, MIGRATE_MOVABLE);
    for (pfn_t pfn = 0; pfn < 1024; pfn += PATH_P / 4)
        give(z, pfn); /* 256 are free: four of each pageblock */
    mix_once(0);
    path_called(&f, "");
    assert_int_equal(zone_boost(z), PATH_P);
    (void)path_granted(&f, &loud, 0); /* who raised it might not wake */
    path_called(&f, "");
    mix_once(REQUEST_WAKE);
    path_called(&f, "w0+0c1");
    (void)path_granted(&f, &loud, 0);
    path_called(&f, "");
    zone_unboost(z, 1024);

    /* Raised by somebody who might, without anybody to wake; the next one that may does. */
    {
        const struct page_request rq = path_request(0, MIGRATE_UNMOVABLE, REQUEST_WAKE);
        struct page_grant got;
        pfn_t pfn;

        assert_int_equal(try_take(z, 0, MIGRATE_UNMOVABLE, 0, ALLOC_KSWAPD, &pfn), 0);
        (void)path_granted(&f, &quiet, 0);
        path_called(&f, "");
        (void)path_granted(&f, &loud, 0);
        path_called(&f, "w0+0c1");
        assert_int_equal(alloc_pages(&f.m, NULL, NULL, &rq, &got, &f.refusal), 0);
        (void)path_granted(&f, &loud, 0);
        path_called(&f, ""); /* done with */
        f.ops.wake_balancer = NULL;
        mix_once(REQUEST_WAKE);
    }
    path_close(&f);
}

static void a_boost_raises_the_mark_of_a_refusal(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    const struct page_request rq = path_request(0, MIGRATE_MOVABLE, 0);
    struct zone *z;

    (void)state;
    path_open(&f, zones, 1, NULL);
    z = f.zf[0].z;
    take_all(z, 0, MIGRATE_MOVABLE);
    for (pfn_t pfn = 0; pfn < 1024; pfn += PATH_P / 4)
        give(z, pfn);
    mix_once(0);
    path_leave(z, 64 + PATH_P + 1, MIGRATE_MOVABLE);
    (void)path_granted(&f, &rq, 0);
    path_refused(&f, &rq);
    assert_int_equal(f.refusal.mark_pages, 64 + PATH_P);
    assert_int_equal(f.refusal.free_pages, 64 + PATH_P);
    path_close(&f);
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
        cmocka_unit_test(zones_by_kind),
        cmocka_unit_test(zones_by_node_and_id),
        cmocka_unit_test(zones_that_may_not_be_used),
        cmocka_unit_test(lower_zones_are_spared),
        cmocka_unit_test(a_lower_zone_rather_than_mixing_types),
        cmocka_unit_test(the_last_zones_are_mixed),
        cmocka_unit_test(nowhere_else_types_are_mixed_at_once),
        cmocka_unit_test(whose_requests_a_zone_serves),
        cmocka_unit_test(rights_do_not_make_a_shortage_less),
        cmocka_unit_test(the_first_of_equals_is_told_about),
        cmocka_unit_test(pageblocks_of_two_domains_pass_together),
        cmocka_unit_test(a_boost_wakes_with_the_right_alone),
        cmocka_unit_test(a_boost_raises_the_mark_of_a_refusal),
    };

    return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
