/* SPDX-License-Identifier: Apache-2.0 */
/* zone_fixture.c: see the header. */
#include "zone_fixture.h"

#include <stdlib.h>
#include <string.h>

static void record_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct zone_fixture *f = ctx;

    assert_ptr_equal(z, f->z);
    assert_true(f->nr_populates < FIXTURE_CALLS);
    f->populate[f->nr_populates++] =
        (struct populate_call){.pfn = pfn, .order = order, .domain = domain};
}

static bool record_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct zone_fixture *f = ctx;

    assert_ptr_equal(z, f->z);
    assert_true(f->nr_moves < FIXTURE_CALLS);
    f->move[f->nr_moves++] = (struct move_call){.from = from, .to = to, .order = order};
    return true;
}

static void record_fallback(void *ctx, struct zone *z, const struct zone_fallback *fb)
{
    struct zone_fixture *f = ctx;

    assert_ptr_equal(z, f->z);
    assert_true(f->nr_fallbacks < FIXTURE_CALLS);
    f->fallback[f->nr_fallbacks++] = *fb;
}

void metadata_alloc(const struct zone_config *config, void **ret_lasting, void **ret_derived)
{
    size_t lasting = 0, derived = 0;

    assert_int_equal(zone_metadata_bytes(config, &lasting, &derived), 0);
    lasting = (lasting + 63) & ~(size_t)63;
    derived = (derived + 63) & ~(size_t)63;
    *ret_lasting = aligned_alloc(64, lasting);
    *ret_derived = aligned_alloc(64, derived);
    assert_non_null(*ret_lasting);
    assert_non_null(*ret_derived);
    memset(*ret_lasting, 0, lasting);
    memset(*ret_derived, 0, derived);
}

void fixture_open_config(struct zone_fixture *f, const struct zone_config *config)
{
    memset(f, 0, sizeof(*f));
    f->config = *config;
    metadata_alloc(config, &f->lasting, &f->derived);
    assert_int_equal(zone_metadata_bytes(config, &f->lasting_bytes, &f->derived_bytes), 0);
    assert_int_equal(zone_init(config, f->lasting, f->derived, &f->z), 0);
    assert_zone_ok(f->z);
}

void fixture_open(struct zone_fixture *f, pfn_t nr_pages, unsigned pageblock_order,
                  unsigned nr_domains)
{
    static const struct zone_ops ops = {
        .populate = record_populate,
        .move = record_move,
        .fallback = record_fallback,
    };
    struct zone_config config = {
        .nr_pages = nr_pages,
        .pageblock_order = pageblock_order,
        .nr_domains = nr_domains,
        .eager = true, /* so that what is freed shows at once; test_resting.c has the rest */
        .ops = &ops,
        .ops_ctx = f,
    };

    fixture_open_config(f, &config);
}

void fixture_close(struct zone_fixture *f)
{
    assert_zone_ok(f->z);
    free(f->lasting);
    free(f->derived);
}

void assert_zone_ok(struct zone *z)
{
    char why[256] = "";
    int r = zone_check(z, why, sizeof(why));

    if (r != 0)
        fail_msg("zone_check says %d: %s", r, why);
}

void assert_block(struct zone *z, pfn_t pfn, enum block_state state, unsigned order)
{
    struct zone_block b;

    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(b.pfn, pfn);
    assert_int_equal(b.state, state);
    assert_int_equal(b.order, order);
}

void assert_no_block(struct zone *z, pfn_t pfn)
{
    struct zone_block b = {.order = 77};

    assert_int_equal(zone_block(z, pfn, &b), -EINVAL);
    assert_int_equal(b.order, 77);
}

/* Free pages merge into the largest aligned blocks, but above a pageblock only within one file. */
static unsigned largest_order_at(struct zone *z, pfn_t pfn)
{
    unsigned order = MAX_PAGE_ORDER;

    while (pfn % ((pfn_t)1 << order) != 0 || ((pfn_t)1 << order) > zone_nr_pages(z) - pfn)
        order--;
    for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i += (pfn_t)1 << zone_pageblock_order(z)) {
        while (i < pfn + ((pfn_t)1 << order) && zone_resident(z, i) != zone_resident(z, pfn))
            order--;
    }
    return order;
}

void assert_wholly_free(struct zone *z)
{
    pfn_t nr_pages = zone_nr_pages(z);
    struct zone_stat st;

    assert_zone_ok(z);
    zone_stat(z, &st);
    assert_int_equal(st.free_pages, nr_pages);
    assert_int_equal(st.managed_pages, nr_pages);
    assert_int_equal(st.empty_pageblocks, nr_pages >> zone_pageblock_order(z));
    assert_int_equal(st.unbacked_pageblocks, 0);
    assert_int_equal(st.busy_pages, 0);
    for (pfn_t pfn = 0; pfn < nr_pages;) {
        unsigned order = largest_order_at(z, pfn);

        assert_block(z, pfn, BLOCK_FREE, order);
        pfn += (pfn_t)1 << order;
    }
}

void assert_free_orders(struct zone *z, enum migratetype type, uint32_t orders)
{
    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++) {
        if (zone_nr_free_blocks(z, o, type) != (orders >> o & 1u))
            fail_msg("type %d has %u free blocks of order %u, expected %u", (int)type,
                     zone_nr_free_blocks(z, o, type), o, orders >> o & 1u);
    }
}

void assert_pageblocks(struct zone *z, pfn_t unmovable, pfn_t movable, pfn_t reclaimable)
{
    assert_int_equal(zone_nr_pageblocks(z, MIGRATE_UNMOVABLE), unmovable);
    assert_int_equal(zone_nr_pageblocks(z, MIGRATE_MOVABLE), movable);
    assert_int_equal(zone_nr_pageblocks(z, MIGRATE_RECLAIMABLE), reclaimable);
    for (int t = NR_MOBILITIES; t < NR_MIGRATETYPES; t++)
        assert_int_equal(zone_nr_pageblocks(z, (enum migratetype)t), 0);
}

int try_take(struct zone *z, unsigned order, enum migratetype type, unsigned domain, unsigned flags,
             pfn_t *ret_pfn)
{
    struct zone_request rq = {.order = order, .type = type, .domain = domain, .flags = flags};

    return zone_rmqueue(z, &rq, ret_pfn);
}

pfn_t take(struct zone *z, unsigned order, enum migratetype type)
{
    pfn_t pfn = PFN_NONE;

    assert_int_equal(try_take(z, order, type, 0, 0, &pfn), 0);
    assert_int_equal(pfn % ((pfn_t)1 << order), 0);
    assert_block(z, pfn, BLOCK_ALLOCATED, order);
    return pfn;
}

pfn_t take_passing(struct zone_fixture *f, unsigned order, enum migratetype type, unsigned domain)
{
    pfn_t pfn = PFN_NONE;

    for (int i = 0; i < 8; i++) {
        unsigned before = f->nr_populates;
        int r = try_take(f->z, order, type, domain, 0, &pfn);

        if (r == 0)
            return pfn;
        assert_int_equal(r, -EINPROGRESS);
        while (before < f->nr_populates)
            assert_int_equal(zone_populate_done(f->z, f->populate[before++].pfn), 0);
    }
    fail_msg("a request of domain %u is not granted after 8 populates", domain);
    return PFN_NONE;
}

void give(struct zone *z, pfn_t pfn)
{
    assert_int_equal(zone_free(z, pfn), 0);
}

void take_all(struct zone *z, unsigned order, enum migratetype type)
{
    for (pfn_t n = zone_nr_pages(z) >> order; n > 0; n--)
        (void)take(z, order, type);
}

void settle(struct zone *z)
{
    struct zone_stat st;

    zone_stat(z, &st);
}

void image_take(struct zone_image *i, const struct zone_fixture *f)
{
    zone_stat(f->z, &i->stat); /* first: looking settles what the zone put off */
    i->lasting = malloc(f->lasting_bytes);
    assert_non_null(i->lasting);
    memcpy(i->lasting, f->lasting, f->lasting_bytes);
    for (int t = 0; t < NR_MIGRATETYPES; t++) {
        i->nr_pageblocks[t] = zone_nr_pageblocks(f->z, (enum migratetype)t);
        for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
            i->nr_free[t][o] = zone_nr_free_blocks(f->z, o, (enum migratetype)t);
    }
    for (unsigned d = 0; d < f->config.nr_domains; d++) {
        i->free_pages[d] = zone_free_pages(f->z, d);
        i->largest[d] = zone_largest_free_order(f->z, d);
    }
}

void assert_unchanged(struct zone_image *i, const struct zone_fixture *f, uint64_t nr_failures)
{
    struct zone_image now;

    image_take(&now, f);
    assert_memory_equal(now.lasting, i->lasting, f->lasting_bytes);
    assert_memory_equal(now.nr_free, i->nr_free, sizeof(now.nr_free));
    assert_memory_equal(now.nr_pageblocks, i->nr_pageblocks, sizeof(now.nr_pageblocks));
    for (unsigned d = 0; d < f->config.nr_domains; d++) {
        assert_int_equal(now.free_pages[d], i->free_pages[d]);
        assert_int_equal(now.largest[d], i->largest[d]);
    }
    assert_int_equal(now.stat.managed_pages, i->stat.managed_pages);
    assert_int_equal(now.stat.free_pages, i->stat.free_pages);
    assert_int_equal(now.stat.empty_pageblocks, i->stat.empty_pageblocks);
    assert_int_equal(now.stat.unbacked_pageblocks, i->stat.unbacked_pageblocks);
    assert_int_equal(now.stat.busy_pages, i->stat.busy_pages);
    assert_int_equal(now.stat.allocs, i->stat.allocs);
    assert_int_equal(now.stat.frees, i->stat.frees);
    assert_int_equal(now.stat.failures, i->stat.failures + nr_failures);
    assert_int_equal(now.stat.claims, i->stat.claims);
    assert_int_equal(now.stat.steals, i->stat.steals);
    assert_int_equal(now.stat.passes, i->stat.passes);
    assert_zone_ok(f->z);
    free(now.lasting);
    free(i->lasting);
}
