/* SPDX-License-Identifier: Apache-2.0 */
/* watermark.c: the marks of the zones, and the question whether a request may go on. */
#include "mm/watermark.h"

#include <errno.h>

#include "guarantee.h"
#include "marks.h"

/* Bounds of min_free_kbytes since Linux 5.7, and of the min mark of a zone that is no lowmem. */
#define MIN_FREE_KBYTES_MIN 128u
#define MIN_FREE_KBYTES_MAX 262144u
#define HIGHMEM_MIN_PAGES   32u
#define HIGHMEM_MAX_PAGES   128u

#define SCALE_FACTOR_MAX 3000u

uint64_t isqrt(uint64_t n)
{
    uint64_t root = 0;

    for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
        if (n >= root + bit) {
            n -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

uint64_t min_free_kbytes(uint64_t lowmem_kbytes, uint64_t user)
{
    uint64_t kbytes = isqrt(lowmem_kbytes * 16);

    if (kbytes < user)
        kbytes = user;
    if (kbytes < MIN_FREE_KBYTES_MIN)
        return MIN_FREE_KBYTES_MIN;
    return kbytes > MIN_FREE_KBYTES_MAX ? MIN_FREE_KBYTES_MAX : kbytes;
}

/* Zones that the kernel would count as lowmem: those that any request can fall back to. */
static bool is_lowmem(const struct zone *z)
{
    return z->kind <= ZONE_NORMAL;
}

/* __setup_per_zone_wmarks, for one zone. */
static void setup_marks(struct zone *z, uint64_t pages_min, uint64_t lowmem, unsigned scale_factor)
{
    uint64_t managed = z->nr_pages;
    uint64_t share = lowmem ? pages_min * managed / lowmem : 0;
    uint64_t gap = managed * scale_factor / 10000;
    uint64_t min = share;

    /* Whole hugepages that nobody splits: a reserve of a few pages would only waste the last one.
     */
    if (z->kind == ZONE_GIGANTIC)
        min = share = gap = 0;
    if (z->kind == ZONE_MOVABLE) {
        min = managed / 1024;
        if (min < HIGHMEM_MIN_PAGES)
            min = HIGHMEM_MIN_PAGES;
        if (min > HIGHMEM_MAX_PAGES)
            min = HIGHMEM_MAX_PAGES;
    }
    if (gap < share / 4)
        gap = share / 4;
    /* Beside little lowmem the share of a large zone can be more than a pfn counts; this much no
     * zone has either. */
    if (gap > PFN_MAX_PAGES)
        gap = PFN_MAX_PAGES;
    z->wmark[WMARK_MIN] = (pfn_t)min;
    z->wmark[WMARK_LOW] = (pfn_t)(min + gap);
    z->wmark[WMARK_HIGH] = (pfn_t)(min + 2 * gap);
    z->boost = 0;
}

/* setup_per_zone_lowmem_reserve: what this zone keeps from requests that could use higher ones. */
static void setup_reserve(struct zone *z, struct zone *const *zones, unsigned nr,
                          const struct mm_settings *settings)
{
    unsigned ratio = settings->lowmem_reserve_ratio[z->kind];

    for (unsigned class = 0; class < NR_ZONE_KINDS; class ++) {
        uint64_t above = 0;

        for (unsigned i = 0; i < nr; i++) {
            if (zones[i]->node == z->node && zones[i]->kind > z->kind && zones[i]->kind <= class)
                above += zones[i]->nr_pages;
        }
        above = ratio == 0 || z->nr_pages == 0 ? 0 : above / ratio;
        z->lowmem_reserve[class] = above < PFN_NONE ? (pfn_t)above : PFN_NONE;
    }
}

void zone_marks_changed(struct zone *z)
{
    uint64_t kept = 0;

    /* At most so much is kept for others with one domain; with several the pass must look. */
    if (z->guaranteed != 0)
        kept = z->nr_domains == 1 ? (uint64_t)z->guaranteed + z->set[0].nr_stranded : UINT32_MAX;
    z->most_needed = 0;
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        z->low_needs[t] = zone_wmark(z, WMARK_LOW) + kept +
                          z->lowmem_reserve[mobility_class((enum migratetype)t)];
        if (z->most_needed < z->low_needs[t])
            z->most_needed = z->low_needs[t];
    }
    z->open_orders = 0;
}

static void clear_marks(struct zone *z)
{
    for (unsigned i = 0; i < NR_WMARKS; i++)
        z->wmark[i] = 0;
    for (unsigned i = 0; i < NR_ZONE_KINDS; i++)
        z->lowmem_reserve[i] = 0;
    z->boost = 0;
    zone_marks_changed(z);
}

int watermarks_setup(struct zone *const *zones, unsigned nr, unsigned page_shift,
                     const struct mm_settings *settings)
{
    uint64_t lowmem = 0, pages_min;

    if (settings->watermark_scale_factor < 1 ||
        settings->watermark_scale_factor > SCALE_FACTOR_MAX || page_shift < PAGE_SHIFT_MIN ||
        page_shift > PAGE_SHIFT_MAX)
        return -EINVAL;
    if (settings->min_free_kbytes == MIN_FREE_NONE) {
        for (unsigned i = 0; i < nr; i++)
            clear_marks(zones[i]);
        return 0;
    }
    if (settings->min_free_kbytes != 0 && (settings->min_free_kbytes < MIN_FREE_KBYTES_MIN ||
                                           settings->min_free_kbytes > MIN_FREE_KBYTES_MAX))
        return -EINVAL;
    for (unsigned i = 0; i < nr; i++)
        lowmem += is_lowmem(zones[i]) ? zones[i]->nr_pages : 0;
    pages_min = min_free_kbytes(lowmem << (page_shift - 10), settings->min_free_kbytes) >>
                (page_shift - 10);
    for (unsigned i = 0; i < nr; i++) {
        setup_marks(zones[i], pages_min, lowmem, settings->watermark_scale_factor);
        setup_reserve(zones[i], zones, nr, settings);
        zones[i]->boost_factor = settings->watermark_boost_factor;
        zone_marks_changed(zones[i]);
    }
    return 0;
}

bool mark_ok(int64_t free, int64_t mark, int64_t reserve, unsigned flags)
{
    return above_mark(free, mark, reserve, flags);
}

pfn_t zone_wmark(const struct zone *z, enum zone_watermark mark)
{
    return z->wmark[mark] + z->boost;
}

pfn_t zone_lowmem_reserve(const struct zone *z, enum zone_kind class)
{
    return z->lowmem_reserve[class];
}

pfn_t zone_boost(const struct zone *z)
{
    return z->boost;
}

void zone_unboost(struct zone *z, pfn_t pages)
{
    z->boost -= pages < z->boost ? pages : z->boost;
    zone_marks_changed(z);
}

bool zone_boost_watermark(struct zone *z)
{
    uint64_t pages = order_pages(z->pageblock_order);
    uint64_t most = (uint64_t)z->wmark[WMARK_HIGH] * z->boost_factor / 10000;

    /* Small zones would be boosted beyond what they have (boost_watermark). */
    if (z->boost_factor == 0 || pages * 4 > z->nr_pages || most == 0)
        return false;
    if (most < pages)
        most = pages;
    if (most > z->nr_pages)
        most = z->nr_pages;
    z->boost = (pfn_t)(z->boost + pages < most ? z->boost + pages : most);
    zone_marks_changed(z);
    return true;
}

/* Is there a free block of the order or more that the request may be cut from? */
static bool has_block(const struct zone *z, unsigned order, unsigned domain, unsigned flags)
{
    const struct list_set *s = &z->set[domain];
    uint32_t mask = 0;

    for (unsigned t = 0; t < NR_MOBILITIES; t++)
        mask |= s->mask[t];
    if (flags & ALLOC_CMA)
        mask |= s->mask[MIGRATE_CMA];
    if (flags & (ALLOC_HIGHATOMIC | ALLOC_OOM))
        mask |= s->mask[MIGRATE_HIGHATOMIC];
    if (mask >> order != 0)
        return true;
    if (z->nr_domains == 1 || (flags & ALLOC_NOWAIT))
        return false;
    /* Empty pageblocks may pass, several together from several domains: zone_rmqueue() finds out.
     */
    return z->nr_large >= order_pages(order);
}

static bool watermark_ok(const struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                         unsigned domain, unsigned flags, int64_t more)
{
    return pages_ok(z, &z->set[domain], order, mark, class, flags, more) &&
           (order == 0 || has_block(z, order, domain, flags));
}

bool zone_watermark_ok(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                       unsigned domain, unsigned flags)
{
    return zone_watermark_with(z, order, mark, class, domain, flags, 0);
}

bool zone_watermark_with(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                         unsigned domain, unsigned flags, pfn_t more)
{
    zone_settle(z);
    return watermark_ok(z, order, mark, class, domain, flags,
                        (int64_t)more - zone_kept_pages(z, domain, 0));
}

bool zone_pages_beside(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                       unsigned domain, unsigned flags, pfn_t credit)
{
    zone_settle(z);
    return pages_ok(z, &z->set[domain], order, mark, class, flags,
                    -(int64_t)zone_kept_pages(z, domain, credit));
}

bool zone_watermark_pages(struct zone *z, unsigned order, pfn_t mark, enum zone_kind class,
                          unsigned domain, unsigned flags)
{
    return zone_pages_beside(z, order, mark, class, domain, flags, 0);
}

bool zone_watermark_beside(struct zone *z, unsigned order, enum zone_watermark mark,
                           enum zone_kind class, unsigned domain, unsigned flags, pfn_t credit)
{
    pfn_t pages = zone_wmark(z, mark);
    int64_t kept = zone_kept_pages(z, domain, credit);

    /* Resting blocks are counted, but are no blocks to cut from: a yes is a yes, and lets them
     * rest. */
    if (watermark_ok(z, order, pages, class, domain, flags, -kept))
        return true;
    zone_settle(z);
    kept = zone_kept_pages(z, domain, credit);
    if (watermark_ok(z, order, pages, class, domain, flags, -kept))
        return true;
    if (order == 0 && mark == WMARK_MIN && (flags & ALLOC_MIN_RESERVE) && z->boost != 0)
        return watermark_ok(z, order, z->wmark[WMARK_MIN], class, domain, flags, -kept);
    return false;
}

bool zone_watermark_fast(struct zone *z, unsigned order, enum zone_watermark mark,
                         enum zone_kind class, unsigned domain, unsigned flags)
{
    return zone_watermark_beside(z, order, mark, class, domain, flags, 0);
}
