/* SPDX-License-Identifier: Apache-2.0 */
/* test_watermark.c: the kernel's numbers for marks and reserves, and who may go how far below. */
#include "mm/watermark.h"

#include <sys/mman.h>

#include "mm/contig.h"
#include "mm/highatomic.h"
#include "mm/hotplug.h"
#include "path_fixture.h"

#define GIB      ((pfn_t)1 << 18) /* in pages of 4 KiB */
#define KIB_GIB  ((uint64_t)1 << 20)
#define NON      ALLOC_NON_BLOCK
#define RESERVE  ALLOC_MIN_RESERVE
#define ATOMIC   (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE)
#define PER_KIND NR_ZONE_KINDS

static struct path_fixture f; /* too large for a stack */

/* Zero-filled memory of which only what is touched is there. */
static void *map_lazily(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    assert_true(p != MAP_FAILED);
    return p;
}

/* ---- arithmetic ---- */

static void roots_are_rounded_down(void **state)
{
    uint64_t root = 0;

    (void)state;
    for (uint64_t n = 0; n < 100000; n++) {
        if ((root + 1) * (root + 1) <= n)
            root++;
        assert_true(isqrt(n) == root);
    }
    for (uint64_t r = 3; r < UINT32_MAX - 1; r = r * 3 + 1) {
        assert_true(isqrt(r * r) == r);
        assert_true(isqrt(r * r - 1) == r - 1);
        assert_true(isqrt(r * r + 2 * r) == r);
    }
    assert_true(isqrt(UINT64_MAX) == UINT32_MAX);
    assert_true(isqrt((uint64_t)UINT32_MAX * UINT32_MAX) == UINT32_MAX);
    assert_true(isqrt((uint64_t)UINT32_MAX * UINT32_MAX - 1) == UINT32_MAX - 1);
}

static void min_free_kbytes_is_the_kernels(void **state)
{
    static const struct {
        uint64_t lowmem, user, expected;
    } rows[] = {
        {KIB_GIB, 0, 4096},
        {16 * KIB_GIB, 0, 16384},
        {1024 * KIB_GIB, 0, 131072},
        {0, 0, 128},
        {1024, 0, 128},
        {1089, 0, 132},
        {1056, 0, 129},                  /* isqrt(16896) */
        {1039, 0, 128},                  /* isqrt(16624) */
        {4096 * KIB_GIB, 0, 262144},     /* the bound, exactly */
        {4096 * KIB_GIB - 1, 0, 262143}, /* and below it */
        {16384 * KIB_GIB, 0, 262144},    /* and beyond */
        {KIB_GIB, 4095, 4096},           /* a smaller one does not survive */
        {KIB_GIB, 5000, 5000},           /* a larger one does */
        {16384 * KIB_GIB, 300000, 262144},
        {1024, 200, 200},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(min_free_kbytes(rows[i].lowmem, rows[i].user), rows[i].expected);
}

/* Rights take so much off a mark of 1000; what is free has to be more than the rest. */
static void rights_lower_the_mark(void **state)
{
    static const struct {
        unsigned flags;
        int64_t mark;
    } rows[] = {
        {0, 1000},
        {RESERVE, 500},
        {ATOMIC, 375},
        {NON, 1000}, /* alone it is no right */
        {ALLOC_OOM, 500},
        {ALLOC_OOM | NON, 500},
        {ALLOC_OOM | RESERVE, 250},
        {ALLOC_OOM | ATOMIC, 188}, /* 375 - 375 / 2 */
        {ALLOC_HIGHATOMIC | ALLOC_CMA | ALLOC_KSWAPD | ALLOC_NOWAIT | ALLOC_NOFRAGMENT, 1000},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t mark = rows[i].mark;

        assert_false(mark_ok(mark, 1000, 0, rows[i].flags));
        assert_true(mark_ok(mark + 1, 1000, 0, rows[i].flags));
        /* No right touches what is kept for others. */
        assert_false(mark_ok(mark + 77, 1000, 77, rows[i].flags));
        assert_true(mark_ok(mark + 78, 1000, 77, rows[i].flags));
    }
    assert_false(mark_ok(0, 0, 0, 0));
    assert_true(mark_ok(1, 0, 0, 0));
    assert_false(mark_ok(-5, 0, 0, ATOMIC | ALLOC_OOM));
    assert_true(mark_ok(3, 3, 0, RESERVE)); /* 3 - 1 = 2 */
    assert_false(mark_ok(2, 3, 0, RESERVE));
    assert_false(mark_ok(1, 1, 0, RESERVE)); /* half of 1 is nothing */
}

/* ---- marks of zones ---- */

static void open_zones(const struct path_zone *zones, unsigned nr)
{
    static const struct mm_topology two_nodes = {.nr_nodes = 2};

    path_open(&f, zones, nr, &two_nodes);
}

static void assert_marks(unsigned zone, pfn_t min, pfn_t low, pfn_t high)
{
    assert_int_equal(zone_wmark(f.zf[zone].z, WMARK_MIN), min);
    assert_int_equal(zone_wmark(f.zf[zone].z, WMARK_LOW), low);
    assert_int_equal(zone_wmark(f.zf[zone].z, WMARK_HIGH), high);
}

static void one_zone_has_all_of_min(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = GIB, .pageblock_order = 9}};
    struct mm_settings s = MM_SETTINGS_INIT;

    (void)state;
    open_zones(zones, 1);
    assert_marks(0, 1024, 1024 + 262, 1024 + 2 * 262); /* 10/10000 of the zone beats min / 4 */
    s.watermark_scale_factor = 9;
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_marks(0, 1024, 1024 + 256, 1024 + 512);
    s.watermark_scale_factor = 3000;
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_marks(0, 1024, 1024 + 78643, 1024 + 2 * 78643);
    s.watermark_scale_factor = 1;
    s.min_free_kbytes = 8192; /* larger than what is computed: kept */
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_marks(0, 2048, 2560, 3072);
    s.min_free_kbytes = 1024; /* smaller: computed */
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_marks(0, 1024, 1280, 1536);
    path_close(&f);
}

static void zones_share_min_by_size(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .node = 0, .nr_pages = GIB, .pageblock_order = 9},
        {ZONE_NORMAL, .node = 1, .nr_pages = 3 * GIB, .pageblock_order = 9},
    };

    (void)state;
    open_zones(zones, 2);
    assert_marks(0, 512, 512 + 262, 512 + 2 * 262);
    assert_marks(1, 1536, 1536 + 786, 1536 + 2 * 786);
    path_close(&f);
}

/* A MOVABLE zone is no lowmem: it adds nothing to min, and has a small one of its own. */
static void movable_zones_are_clamped(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = GIB, .pageblock_order = 9},
        {ZONE_MOVABLE, .nr_pages = 2 * GIB, .pageblock_order = 9},  /* 512: at most 128 */
        {ZONE_MOVABLE, .nr_pages = GIB / 4, .pageblock_order = 9},  /* 64 */
        {ZONE_MOVABLE, .nr_pages = GIB / 16, .pageblock_order = 9}, /* 16: at least 32 */
        {ZONE_GIGANTIC, .nr_pages = GIB, .pageblock_order = 18},
    };
    struct mm_settings s = MM_SETTINGS_INIT;

    (void)state;
    open_zones(zones, 5);
    assert_marks(0, 1024, 1024 + 262, 1024 + 2 * 262);
    /* The gap is a quarter of the share that it would have, or 10/10000 of it. */
    assert_marks(1, 128, 128 + 524, 128 + 2 * 524);
    assert_marks(2, 64, 64 + 65, 64 + 2 * 65);
    assert_marks(3, 32, 32 + 16, 32 + 2 * 16);
    assert_marks(4, 0, 0, 0); /* nobody splits what is here */
    s.watermark_scale_factor = 1;
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_marks(1, 128, 128 + 512, 128 + 2 * 512);
    assert_marks(4, 0, 0, 0);
    path_close(&f);
}

static void movable_alone_has_marks(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_MOVABLE, .nr_pages = GIB / 4, .pageblock_order = 9}};

    (void)state;
    open_zones(zones, 1);
    assert_marks(0, 64, 64 + 65, 64 + 130); /* no lowmem, and no share of it */
    path_close(&f);
}

static void pages_of_any_size(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = GIB / 4, .pageblock_order = 7}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    for (unsigned shift = PAGE_SHIFT_MIN; shift <= PAGE_SHIFT_MAX; shift++) {
        uint64_t kbytes = isqrt((uint64_t)(GIB / 4) << (shift - 10) << 4), min;

        if (kbytes > 262144)
            kbytes = 262144;
        min = kbytes >> (shift - 10);
        assert_int_equal(watermarks_setup(&z, 1, shift, &f.m.settings), 0);
        assert_int_equal(zone_wmark(z, WMARK_MIN), min);
    }
    assert_int_equal(watermarks_setup(&z, 1, 14, &f.m.settings), 0);
    assert_marks(0, 256, 256 + 65, 256 + 130); /* 1 GiB again */
    assert_int_equal(watermarks_setup(&z, 1, PAGE_SHIFT_MIN - 1, &f.m.settings), -EINVAL);
    assert_int_equal(watermarks_setup(&z, 1, PAGE_SHIFT_MAX + 1, &f.m.settings), -EINVAL);
    assert_marks(0, 256, 256 + 65, 256 + 130);
    path_close(&f);
}

static void settings_out_of_range_change_nothing(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    static const struct {
        uint64_t min_free_kbytes;
        unsigned scale;
        int expected;
    } rows[] = {
        {127, 10, -EINVAL},
        {128, 10, 0},
        {262144, 10, 0},
        {262145, 10, -EINVAL},
        {1, 10, -EINVAL},
        {0, 0, -EINVAL},
        {0, 1, 0},
        {0, 3000, 0},
        {0, 3001, -EINVAL},
        {MIN_FREE_NONE - 1, 10, -EINVAL},
        {MIN_FREE_NONE, 10, 0},
        {MIN_FREE_NONE, 0, -EINVAL},
    };

    (void)state;
    open_zones(zones, 1);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_settings s = MM_SETTINGS_INIT;

        path_marks(&f, 0);
        assert_marks(0, 64, 80, 96); /* isqrt(16 x 4096) KiB */
        s.min_free_kbytes = rows[i].min_free_kbytes;
        s.watermark_scale_factor = rows[i].scale;
        assert_int_equal(memory_set(&f.m, &s), rows[i].expected);
        if (rows[i].expected < 0) {
            assert_marks(0, 64, 80, 96);
            assert_int_equal(f.m.settings.min_free_kbytes, 0);
            assert_int_equal(f.m.settings.watermark_scale_factor, 10);
        } else {
            assert_true(f.m.settings.min_free_kbytes == rows[i].min_free_kbytes);
            assert_int_equal(f.m.settings.watermark_scale_factor, rows[i].scale);
        }
    }
    path_close(&f);
}

/* ---- what a zone keeps from requests that could use higher ones ---- */

static void assert_reserves(unsigned zone, const pfn_t expected[PER_KIND])
{
    for (unsigned class = 0; class < PER_KIND; class ++)
        assert_int_equal(zone_lowmem_reserve(f.zf[zone].z, (enum zone_kind) class),
                         expected[class]);
}

static void lower_zones_keep_a_reserve(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_MOVABLE, .node = 0, .nr_pages = GIB / 2, .pageblock_order = 9},
        {ZONE_DMA32, .node = 0, .nr_pages = GIB / 4, .pageblock_order = 9},
        {ZONE_NORMAL, .node = 1, .nr_pages = GIB, .pageblock_order = 9},
        {ZONE_NORMAL, .node = 0, .nr_pages = GIB, .pageblock_order = 9},
        {ZONE_GIGANTIC, .node = 0, .nr_pages = GIB, .pageblock_order = 18},
    };
    struct mm_settings s = MM_SETTINGS_INIT;

    (void)state;
    open_zones(zones, 2);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 0, 0});
    assert_reserves(1, (pfn_t[PER_KIND]){0, 0, GIB / 2 / 256, GIB / 2 / 256});
    path_close(&f);

    open_zones(zones, 5);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 0, 0});
    assert_reserves(1, (pfn_t[PER_KIND]){0, 1024, 1536, 2560});
    assert_reserves(2, (pfn_t[PER_KIND]){0, 0, 0, 0}); /* nothing above it on its node */
    assert_reserves(3, (pfn_t[PER_KIND]){0, 0, 4096, 12288});
    assert_reserves(4, (pfn_t[PER_KIND]){0, 0, 0, 0});
    s.lowmem_reserve_ratio[ZONE_DMA32] = 0;
    s.lowmem_reserve_ratio[ZONE_NORMAL] = 1;
    s.lowmem_reserve_ratio[ZONE_MOVABLE] = 2;
    assert_int_equal(memory_set(&f.m, &s), 0);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 0, GIB / 2});
    assert_reserves(1, (pfn_t[PER_KIND]){0, 0, 0, 0});
    assert_reserves(3, (pfn_t[PER_KIND]){0, 0, GIB / 2, GIB / 2 + GIB});
    path_marks(&f, MIN_FREE_NONE);
    for (unsigned i = 0; i < 5; i++) {
        assert_reserves(i, (pfn_t[PER_KIND]){0, 0, 0, 0});
        assert_marks(i, 0, 0, 0);
    }
    path_close(&f);
}

static void zones_of_one_kind_keep_nothing_from_each_other(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_MOVABLE, .nr_pages = 2048},
        {ZONE_MOVABLE, .nr_pages = 1024},
    };

    (void)state;
    open_zones(zones, 4);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 96, 96});
    assert_reserves(1, (pfn_t[PER_KIND]){0, 0, 96, 96});
    assert_reserves(2, (pfn_t[PER_KIND]){0, 0, 0, 0});
    path_close(&f);
}

/* An empty zone has nothing to keep; it counts again when it has grown. */
static void growing_and_shrinking_change_marks(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_MOVABLE, .nr_pages = 1024, .max_pages = 4096},
    };
    struct evacuation ev;

    (void)state;
    open_zones(zones, 2);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 32, 32});
    assert_int_equal(zone_grow(f.zf[1].z, 3072, 0), 0);
    memory_rebuild(&f.m);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 128, 128});
    assert_int_equal(zone_shrink(f.zf[0].z, 1024, false, &ev, NULL), 0);
    memory_rebuild(&f.m);
    assert_reserves(0, (pfn_t[PER_KIND]){0, 0, 0, 0});
    assert_marks(0, 0, 0, 0);
    path_close(&f);
}

/* ---- boost ---- */

/* A fallback in a broken pageblock: each raises the boost once. rights: of the request. */
static void fall_back(struct zone *z, unsigned rights)
{
    pfn_t pfn;

    assert_int_equal(try_take(z, 0, MIGRATE_UNMOVABLE, 0, rights, &pfn), 0);
    assert_zone_ok(z);
}

/* All pageblocks are broken by movable pages, so that every other type must fall back. */
static void break_all(struct zone *z)
{
    pfn_t pages = (pfn_t)1 << zone_pageblock_order(z);

    for (pfn_t i = 0; i < zone_nr_pages(z) / pages; i++) {
        for (pfn_t n = 0; n < pages - 1; n++)
            (void)take(z, 0, MIGRATE_MOVABLE);
        /* one page of each is left: too few to claim the pageblock, so that it is stolen */
        (void)take(z, 0, MIGRATE_MOVABLE);
    }
    for (pfn_t i = 0; i < zone_nr_pages(z); i += pages)
        give(z, i);
}

static void boost_grows_by_pageblocks(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct mm_settings s = MM_SETTINGS_INIT;
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    assert_marks(0, 64, 80, 96);
    break_all(z);
    assert_int_equal(zone_boost(z), 0);
    for (pfn_t n = 1; n <= 12; n++) {
        pfn_t expected = n <= 9 ? n * PATH_P : 144; /* 96 x 15000 / 10000 */

        fall_back(z, 0);
        assert_int_equal(zone_boost(z), expected);
        assert_marks(0, 64 + expected, 80 + expected, 96 + expected);
    }
    zone_unboost(z, 44);
    assert_int_equal(zone_boost(z), 100);
    zone_unboost(z, 0);
    assert_int_equal(zone_boost(z), 100);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), 116);
    zone_unboost(z, 117);
    assert_int_equal(zone_boost(z), 0);
    zone_unboost(z, 1);
    assert_int_equal(zone_boost(z), 0);

    fall_back(z, 0);
    path_marks(&f, 0); /* marks are made anew without it */
    assert_int_equal(zone_boost(z), 0);
    assert_marks(0, 64, 80, 96);

    s.watermark_boost_factor = 0;
    assert_int_equal(memory_set(&f.m, &s), 0);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), 0);
    s.watermark_boost_factor = 100; /* 0 pages of 96 */
    assert_int_equal(memory_set(&f.m, &s), 0);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), 0);
    s.watermark_boost_factor = 105; /* 1 page: a pageblock at least */
    assert_int_equal(memory_set(&f.m, &s), 0);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), PATH_P);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), PATH_P);
    s.watermark_boost_factor = UINT32_MAX; /* no more than the zone has */
    assert_int_equal(memory_set(&f.m, &s), 0);
    for (unsigned i = 0; i < 64; i++) {
        path_leave(z, 0, MIGRATE_MOVABLE);
        give(z, i * PATH_P);
        fall_back(z, 0);
    }
    assert_int_equal(zone_boost(z), 1024);
    give(z, 1);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), 1024);
    path_marks(&f, MIN_FREE_NONE);
    assert_int_equal(zone_boost(z), 0);
    give(z, PATH_P + 1);
    fall_back(z, 0);
    assert_int_equal(zone_boost(z), 0);
    path_close(&f);
}

/* Zones of fewer than four pageblocks would be raised beyond what they have. */
static void small_zones_are_not_boosted(void **state)
{
    static const pfn_t sizes[] = {3, 4};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct path_zone zone = {ZONE_NORMAL, .nr_pages = sizes[i] * PATH_P,
                                       .max_pages = 16 * PATH_P};

        open_zones(&zone, 1);
        break_all(f.zf[0].z);
        fall_back(f.zf[0].z, 0);
        assert_int_equal(zone_boost(f.zf[0].z), i == 0 ? 0 : PATH_P);
        path_close(&f);
    }
}

/* Only a fallback in a broken pageblock mixes types. */
static void whole_pageblocks_do_not_boost(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    open_zones(zones, 1);
    fall_back(f.zf[0].z, ALLOC_KSWAPD);
    assert_int_equal(zone_boost(f.zf[0].z), 0);
    path_close(&f);
}

/* ---- may a request go on? ---- */

static bool ok(struct zone *z, unsigned order, pfn_t mark, unsigned flags)
{
    return zone_watermark_ok(z, order, mark, ZONE_NORMAL, 0, flags);
}

static void strictly_more_than_the_mark(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 2048}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    path_leave(z, 1001, MIGRATE_MOVABLE);
    assert_true(ok(z, 0, 1000, 0));
    assert_false(ok(z, 0, 1001, 0));
    /* Of a block all pages but one are taken off first. */
    assert_true(ok(z, 4, 1001 - 16, 0));
    assert_false(ok(z, 4, 1001 - 15, 0));
    assert_false(ok(z, 18, 0, ATOMIC)); /* far below zero */
    path_leave(z, 376, MIGRATE_MOVABLE);
    assert_true(ok(z, 0, 1000, ATOMIC));
    assert_false(ok(z, 0, 1000, RESERVE));
    assert_false(ok(z, 0, 1000, ALLOC_OOM));
    path_leave(z, 375, MIGRATE_MOVABLE);
    assert_false(ok(z, 0, 1000, ATOMIC));
    assert_true(ok(z, 0, 374, 0));
    assert_false(ok(z, 0, 375, NON));
    assert_true(zone_watermark_with(z, 0, 1000, ZONE_NORMAL, 0, 0, 626));
    assert_false(zone_watermark_with(z, 0, 1000, ZONE_NORMAL, 0, 0, 625));
    path_close(&f);
}

static void the_reserve_comes_on_top(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 1024},
        {ZONE_MOVABLE, .nr_pages = 1024},
    };
    struct zone *z;

    (void)state;
    open_zones(zones, 2);
    z = f.zf[0].z;
    assert_int_equal(zone_lowmem_reserve(z, ZONE_MOVABLE), 32);
    path_leave(z, 133, MIGRATE_MOVABLE);
    assert_true(zone_watermark_ok(z, 0, 132, ZONE_NORMAL, 0, 0));
    assert_true(zone_watermark_ok(z, 0, 100, ZONE_MOVABLE, 0, 0));
    assert_false(zone_watermark_ok(z, 0, 101, ZONE_MOVABLE, 0, 0));
    assert_false(zone_watermark_ok(z, 0, 201, ZONE_MOVABLE, 0, RESERVE)); /* 101 + 32 */
    assert_true(zone_watermark_ok(z, 0, 200, ZONE_MOVABLE, 0, RESERVE));
    path_close(&f);
}

static void higher_orders_need_a_block(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    path_fragment(z);
    assert_true(ok(z, 0, 511, 0));
    assert_false(ok(z, 1, 0, 0));
    assert_false(ok(z, 1, 0, ALLOC_OOM | ATOMIC | ALLOC_HIGHATOMIC | ALLOC_CMA));
    assert_true(zone_watermark_pages(z, 1, 510, ZONE_NORMAL, 0, 0)); /* pages there would be */
    assert_false(zone_watermark_pages(z, 1, 511, ZONE_NORMAL, 0, 0));
    give(z, 1);
    give(z, 3); /* with 0 and 2 a block of order 2 */
    assert_true(ok(z, 1, 0, 0));
    assert_true(ok(z, 2, 0, 0));
    assert_false(ok(z, 3, 0, 0));
    for (pfn_t pfn = 5; pfn < PATH_P; pfn += 2)
        give(z, pfn);
    for (pfn_t pfn = 2 * PATH_P + 1; pfn < 3 * PATH_P; pfn += 2)
        give(z, pfn);
    assert_true(ok(z, PATH_ORDER, 0, 0));
    assert_false(ok(z, PATH_ORDER + 1, 0, 0)); /* two pageblocks, apart */
    path_close(&f);
}

/* A block of any mobility will do, since one can be claimed or stolen. */
static void a_block_of_any_mobility_will_do(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        struct zone *z;
        pfn_t pfn;

        open_zones(zones, 1);
        z = f.zf[0].z;
        pfn = take(z, PATH_ORDER, (enum migratetype)t);
        path_leave(z, 0, MIGRATE_MOVABLE);
        assert_false(ok(z, PATH_ORDER, 0, 0));
        give(z, pfn);
        assert_true(ok(z, PATH_ORDER, 0, 0));
        path_close(&f);
    }
}

static void cma_counts_with_the_right_alone(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    assert_int_equal(zone_cma_init(z, 0, 4 * PATH_P, NULL), 0);
    path_leave(z, 4 * PATH_P + 10, MIGRATE_MOVABLE);
    assert_true(ok(z, 0, 9, 0));
    assert_false(ok(z, 0, 10, 0));
    assert_false(
        ok(z, 0, 10, ALLOC_HIGHATOMIC | ALLOC_NOWAIT | ALLOC_KSWAPD | ALLOC_NOFRAGMENT | NON));
    assert_true(ok(z, 0, 4 * PATH_P + 9, ALLOC_CMA));
    assert_false(ok(z, 0, 4 * PATH_P + 10, ALLOC_CMA));
    for (pfn_t pfn = 4 * PATH_P; pfn < 12 * PATH_P; pfn += 2)
        give(z, pfn);
    assert_true(zone_watermark_pages(z, PATH_ORDER, 40, ZONE_NORMAL, 0, 0));
    assert_false(ok(z, PATH_ORDER, 0, 0)); /* pages enough, but no block */
    assert_true(ok(z, PATH_ORDER, 0, ALLOC_CMA));
    assert_true(ok(z, PATH_ORDER + 2, 0, ALLOC_CMA));
    assert_false(ok(z, PATH_ORDER + 3, 0, ALLOC_CMA));
    path_close(&f);
}

static void highatomic_counts_with_reserve_rights_alone(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 2048}};
    struct zone *z;
    pfn_t pfn;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    pfn = take(z, PATH_ORDER, MIGRATE_MOVABLE);
    highatomic_reserve(z, pfn);
    path_leave(z, 10, MIGRATE_MOVABLE);
    give(z, pfn);
    assert_int_equal(zone_free_pages(z, 0), PATH_P + 10);
    assert_true(ok(z, 0, 9, 0));
    assert_false(ok(z, 0, 10, 0));
    assert_false(ok(z, 0, 10, ALLOC_HIGHATOMIC | ALLOC_CMA)); /* these are no reserve rights */
    assert_true(ok(z, 0, PATH_P + 9, NON));
    assert_false(ok(z, 0, PATH_P + 10, NON));
    assert_true(ok(z, 0, 40, ALLOC_OOM | RESERVE)); /* 26 > 10 */
    /* Its blocks are for those alone who may use them for higher orders. */
    assert_false(ok(z, PATH_ORDER, 0, NON));
    assert_false(ok(z, PATH_ORDER, 0, RESERVE));
    assert_false(ok(z, PATH_ORDER, 0, ALLOC_HIGHATOMIC)); /* does not count what is kept */
    assert_true(ok(z, PATH_ORDER, 0, ATOMIC | ALLOC_HIGHATOMIC));
    assert_true(ok(z, PATH_ORDER, 0, ALLOC_OOM));
    path_close(&f);
}

static void isolated_blocks_never_count(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    take_all(z, PATH_ORDER, MIGRATE_MOVABLE);
    give(z, 0);
    give(z, 1000 / PATH_P * PATH_P);
    assert_int_equal(zone_isolate_range(z, 0, PATH_P, NULL), 0);
    assert_true(ok(z, PATH_ORDER, 0, 0));
    assert_false(ok(z, 0, PATH_P, NON | ALLOC_CMA | ALLOC_HIGHATOMIC));
    assert_int_equal(zone_isolate_range(z, 1000 / PATH_P * PATH_P, PATH_P, NULL), 0);
    assert_false(ok(z, 0, 0, ALLOC_OOM | ATOMIC | ALLOC_CMA | ALLOC_HIGHATOMIC));
    assert_false(zone_watermark_with(z, PATH_ORDER, 0, ZONE_NORMAL, 0,
                                     ALLOC_OOM | ATOMIC | ALLOC_CMA | ALLOC_HIGHATOMIC, 1000));
    path_close(&f);
}

/* Empty pageblocks pass between domains, for who can wait; smaller blocks never do. */
static void other_domains_pageblocks_may_pass(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024, .nr_domains = 3}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    assert_true(zone_watermark_ok(z, PATH_ORDER, 0, ZONE_NORMAL, 1, 0));
    assert_true(zone_watermark_ok(z, PATH_ORDER + 2, 0, ZONE_NORMAL, 2, 0));
    assert_true(zone_watermark_ok(z, 1, 0, ZONE_NORMAL, 2, 0));
    assert_false(zone_watermark_ok(z, 1, 0, ZONE_NORMAL, 2, ALLOC_NOWAIT));
    assert_false(zone_watermark_ok(z, PATH_ORDER, 0, ZONE_NORMAL, 1, ALLOC_NOWAIT));
    assert_true(zone_watermark_ok(z, PATH_ORDER, 0, ZONE_NORMAL, 0, ALLOC_NOWAIT));
    take_all(z, PATH_ORDER - 1, MIGRATE_MOVABLE);
    give(z, 0);
    assert_true(zone_watermark_ok(z, PATH_ORDER - 1, 0, ZONE_NORMAL, 0, 0));
    assert_false(zone_watermark_ok(z, PATH_ORDER - 1, 0, ZONE_NORMAL, 1, 0));
    assert_false(zone_watermark_ok(z, 0, 0, ZONE_NORMAL, 1, 0));
    give(z, PATH_P / 2);
    assert_true(zone_watermark_ok(z, PATH_ORDER - 1, 0, ZONE_NORMAL, 1, 0));
    assert_false(zone_watermark_ok(z, PATH_ORDER + 1, 0, ZONE_NORMAL, 1, 0));
    assert_false(zone_watermark_with(z, PATH_ORDER + 1, 0, ZONE_NORMAL, 1, 0, 1000));
    path_close(&f);
}

/* What was freed just now counts, whether or not the zone has merged it yet. */
static void the_block_freed_last_counts(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};

    (void)state;
    for (unsigned order = 0; order <= PATH_ORDER + 2; order++) {
        for (unsigned asked = 0; asked <= PATH_ORDER + 3; asked++) {
            for (unsigned pairs = 0; pairs < 2; pairs++) {
                bool before, fast_before;
                struct zone *z;
                pfn_t mark;

                open_zones(zones, 1);
                path_marks(&f, 128);
                z = f.zf[0].z;
                mark = ((pfn_t)1 << order << pairs) - ((pfn_t)1 << asked);
                take_all(z, order, MIGRATE_MOVABLE);
                for (pfn_t i = 0; i <= pairs; i++)
                    give(z, i << order);
                fast_before = zone_watermark_fast(z, asked, WMARK_MIN, ZONE_NORMAL, 0, RESERVE);
                before = asked <= order + pairs && ok(z, asked, mark, 0);
                settle(z);
                assert_int_equal(fast_before,
                                 zone_watermark_fast(z, asked, WMARK_MIN, ZONE_NORMAL, 0, RESERVE));
                if (asked <= order + pairs) {
                    assert_true(before);
                    assert_true(ok(z, asked, mark, 0));
                }
                assert_false(ok(z, asked, mark + 1, 0));
                path_close(&f);
            }
        }
    }
}

static bool fast(struct zone *z, unsigned order, enum zone_watermark mark, unsigned flags)
{
    return zone_watermark_fast(z, order, mark, ZONE_NORMAL, 0, flags);
}

static void the_fast_question_is_the_same(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1); /* min 64, low 80, high 96 */
    z = f.zf[0].z;
    for (pfn_t free = 110; free > 0; free--) {
        path_leave(z, free, MIGRATE_MOVABLE);
        assert_int_equal(fast(z, 0, WMARK_HIGH, 0), free > 96);
        assert_int_equal(fast(z, 0, WMARK_LOW, 0), free > 80);
        assert_int_equal(fast(z, 0, WMARK_MIN, 0), free > 64);
        assert_int_equal(fast(z, 0, WMARK_MIN, NON), free > 64);
        assert_int_equal(fast(z, 0, WMARK_MIN, RESERVE), free > 32);
        assert_int_equal(fast(z, 0, WMARK_MIN, ATOMIC), free > 24);
        assert_int_equal(fast(z, 0, WMARK_MIN, ALLOC_OOM), free > 32);
        assert_int_equal(fast(z, 0, WMARK_LOW, ATOMIC), free > 30); /* 80 - 40 - 10 */
    }
    path_close(&f);
}

/* At the min mark a caller of high priority does not mind the boost; all others do. */
static void high_priority_does_not_mind_the_boost(void **state)
{
    static const struct path_zone zones[] = {{ZONE_NORMAL, .nr_pages = 1024}};
    struct zone *z;

    (void)state;
    open_zones(zones, 1);
    z = f.zf[0].z;
    break_all(z); /* 64 pages are free */
    for (unsigned i = 0; i < 9; i++)
        fall_back(z, 0);
    assert_int_equal(zone_boost(z), 144);
    path_leave(z, 33, MIGRATE_MOVABLE);
    assert_true(fast(z, 0, WMARK_MIN, RESERVE));
    assert_false(fast(z, 0, WMARK_MIN, 0));
    assert_false(fast(z, 0, WMARK_MIN, ALLOC_OOM));
    assert_false(fast(z, 0, WMARK_LOW, RESERVE));
    assert_false(fast(z, 1, WMARK_MIN, RESERVE));
    give(z, 2 * PATH_P - 2);
    give(z, 2 * PATH_P - 1); /* a block of order 1 does mind it */
    assert_true(ok(z, 1, 64, RESERVE));
    assert_false(fast(z, 1, WMARK_MIN, RESERVE));
    path_leave(z, 25, MIGRATE_MOVABLE);
    assert_true(fast(z, 0, WMARK_MIN, ATOMIC));
    assert_false(fast(z, 0, WMARK_MIN, RESERVE));
    path_leave(z, 24, MIGRATE_MOVABLE);
    assert_false(fast(z, 0, WMARK_MIN, ATOMIC));
    zone_unboost(z, 144);
    assert_false(fast(z, 0, WMARK_MIN, ATOMIC));
    path_close(&f);
}

/* Reserves of more than a pfn can count keep everything. */
static void a_reserve_does_not_wrap_around(void **state)
{
    struct zone *zones[17];
    struct zone_config config = {.nr_pages = PFN_MAX_PAGES,
                                 .pageblock_order = MAX_PAGE_ORDER,
                                 .nr_domains = 1,
                                 .kind = ZONE_MOVABLE};
    struct mm_settings s = MM_SETTINGS_INIT;
    size_t lasting = 0, derived = 0;
    void *mem[17][2];

    (void)state;
    s.lowmem_reserve_ratio[ZONE_NORMAL] = 1;
    for (unsigned i = 0; i < 17; i++) {
        if (i == 16)
            config.kind = ZONE_NORMAL;
        assert_int_equal(zone_metadata_bytes(&config, &lasting, &derived), 0);
        mem[i][0] = map_lazily(lasting);
        mem[i][1] = map_lazily(derived);
        assert_int_equal(zone_init(&config, mem[i][0], mem[i][1], &zones[i]), 0);
    }
    assert_int_equal(watermarks_setup(zones, 17, 12, &s), 0);
    assert_int_equal(zone_lowmem_reserve(zones[16], ZONE_MOVABLE), UINT32_MAX);
    assert_false(zone_watermark_ok(zones[16], 0, 0, ZONE_MOVABLE, 0, 0));
    assert_true(zone_watermark_ok(zones[16], 0, 0, ZONE_NORMAL, 0, 0));
    for (unsigned i = 0; i < 17; i++) {
        (void)munmap(mem[i][0], lasting);
        (void)munmap(mem[i][1], derived);
    }
}

/* Hardly any lowmem, and much that is none: a share of it is more than a pfn can count. */
static void a_gap_does_not_wrap_around(void **state)
{
    struct zone *zones[2];
    struct zone_config config = {
        .nr_pages = PFN_MAX_PAGES, .pageblock_order = 9, .nr_domains = 1, .kind = ZONE_MOVABLE};
    struct mm_settings s = MM_SETTINGS_INIT;
    size_t lasting[2], derived[2];
    void *mem[2][2];

    (void)state;
    s.min_free_kbytes = 262144;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(zone_metadata_bytes(&config, &lasting[i], &derived[i]), 0);
        mem[i][0] = map_lazily(lasting[i]);
        mem[i][1] = map_lazily(derived[i]);
        assert_int_equal(zone_init(&config, mem[i][0], mem[i][1], &zones[i]), 0);
        config.kind = ZONE_NORMAL;
        config.nr_pages = 512;
    }
    assert_int_equal(watermarks_setup(zones, 2, 12, &s), 0);
    assert_int_equal(zone_wmark(zones[1], WMARK_MIN), 65536);
    assert_int_equal(zone_wmark(zones[1], WMARK_HIGH), 65536 + 2 * 16384);
    assert_int_equal(zone_wmark(zones[0], WMARK_MIN), 128);
    assert_true(zone_wmark(zones[0], WMARK_LOW) > PFN_MAX_PAGES);
    assert_true(zone_wmark(zones[0], WMARK_HIGH) >= zone_wmark(zones[0], WMARK_LOW));
    assert_true(zone_watermark_fast(zones[0], 0, WMARK_MIN, ZONE_MOVABLE, 0, 0));
    assert_false(zone_watermark_fast(zones[0], 0, WMARK_LOW, ZONE_MOVABLE, 0, 0));
    for (unsigned i = 0; i < 2; i++) {
        (void)munmap(mem[i][0], lasting[i]);
        (void)munmap(mem[i][1], derived[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_rounded_down),
        cmocka_unit_test(min_free_kbytes_is_the_kernels),
        cmocka_unit_test(rights_lower_the_mark),
        cmocka_unit_test(one_zone_has_all_of_min),
        cmocka_unit_test(zones_share_min_by_size),
        cmocka_unit_test(movable_zones_are_clamped),
        cmocka_unit_test(movable_alone_has_marks),
        cmocka_unit_test(pages_of_any_size),
        cmocka_unit_test(settings_out_of_range_change_nothing),
        cmocka_unit_test(lower_zones_keep_a_reserve),
        cmocka_unit_test(zones_of_one_kind_keep_nothing_from_each_other),
        cmocka_unit_test(growing_and_shrinking_change_marks),
        cmocka_unit_test(boost_grows_by_pageblocks),
        cmocka_unit_test(small_zones_are_not_boosted),
        cmocka_unit_test(whole_pageblocks_do_not_boost),
        cmocka_unit_test(strictly_more_than_the_mark),
        cmocka_unit_test(the_reserve_comes_on_top),
        cmocka_unit_test(higher_orders_need_a_block),
        cmocka_unit_test(a_block_of_any_mobility_will_do),
        cmocka_unit_test(cma_counts_with_the_right_alone),
        cmocka_unit_test(highatomic_counts_with_reserve_rights_alone),
        cmocka_unit_test(isolated_blocks_never_count),
        cmocka_unit_test(other_domains_pageblocks_may_pass),
        cmocka_unit_test(the_block_freed_last_counts),
        cmocka_unit_test(the_fast_question_is_the_same),
        cmocka_unit_test(high_priority_does_not_mind_the_boost),
        cmocka_unit_test(a_reserve_does_not_wrap_around),
        cmocka_unit_test(a_gap_does_not_wrap_around),
    };

    return cmocka_run_group_tests_name("watermark", tests, NULL, NULL);
}
