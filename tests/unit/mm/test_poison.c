/* SPDX-License-Identifier: Apache-2.0 */
/* test_poison.c: what is free holds a pattern, and a block that was written to is never granted. */
#include <stdlib.h>
#include <string.h>

#include "mm/compact.h"
#include "mm/contig.h"
#include "mm/hotplug.h"
#include "mm/memory.h"
#include "rng.h"
#include "zone_fixture.h"
#include "zone_internal.h"

/* Zones of 8 pageblocks of 16 pages; each page has one byte. */
#define ORDER   4u
#define P       ((pfn_t)1 << ORDER)
#define PAGES   (8 * P)
#define MOST    (PAGES + 2 * P)
#define POISON  0xaa
#define CONTENT 0x55

/* The memory that mm/ never sees, and what it was told. */
struct pages {
    uint8_t page[MOST];
    bool stray[MOST]; /* written to while it was free */
    unsigned nr_poisons;
    unsigned nr_verifies;
    unsigned nr_bad;
    pfn_t bad;
    pfn_t bad_block;
    unsigned bad_order;
    pfn_t moved_to;
    pfn_t populated;
    struct zone_fixture f;
};

static void poison(void *ctx, struct zone *z, pfn_t pfn, unsigned order)
{
    struct pages *m = ctx;

    (void)z;
    memset(m->page + pfn, POISON, (size_t)1 << order);
    memset(m->stray + pfn, 0, (size_t)1 << order);
    m->nr_poisons++;
}

static pfn_t verify(void *ctx, struct zone *z, pfn_t pfn, unsigned order)
{
    struct pages *m = ctx;

    (void)z;
    m->nr_verifies++;
    for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p++) {
        if (m->page[p] != POISON)
            return p;
    }
    return PFN_NONE;
}

static void bad_page(void *ctx, struct zone *z, pfn_t bad, pfn_t pfn, unsigned order)
{
    struct pages *m = ctx;

    (void)z;
    m->nr_bad++;
    m->bad = bad;
    m->bad_block = pfn;
    m->bad_order = order;
}

static bool move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct pages *m = ctx;

    (void)z;
    memcpy(m->page + to, m->page + from, (size_t)1 << order);
    m->moved_to = to;
    return true;
}

/* Where memory is populated it is zero. */
static void populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct pages *m = ctx;

    (void)z;
    (void)domain;
    memset(m->page + pfn, 0, (size_t)1 << order);
    m->populated = pfn;
}

static const struct zone_ops ops = {
    .poison = poison, .verify = verify, .bad_page = bad_page, .move = move, .populate = populate};

static void open_with(struct pages *m, unsigned nr_domains, unsigned debug)
{
    const struct zone_config config = {
        .nr_pages = PAGES,
        .max_pages = MOST,
        .pageblock_order = ORDER,
        .nr_domains = nr_domains,
        .ops = &ops,
        .ops_ctx = m,
        .debug = debug,
    };

    memset(m, 0, sizeof(*m));
    fixture_open_config(&m->f, &config);
}

static void open_poisoned(struct pages *m, unsigned nr_domains)
{
    open_with(m, nr_domains, ZONE_DEBUG_POISON);
}

/* All that is free is poisoned. Every page is in one block: owned, free, busy, unbacked or bad. */
static void assert_poisoned(struct pages *m)
{
    pfn_t nr[BLOCK_BAD + 1] = {0}, sum = 0;
    struct zone_stat st;
    struct zone_block b;

    assert_zone_ok(m->f.z);
    zone_stat(m->f.z, &st);
    for (pfn_t pfn = 0; pfn < st.managed_pages; pfn += (pfn_t)1 << b.order) {
        assert_int_equal(zone_block(m->f.z, pfn, &b), 0);
        nr[b.state] += (pfn_t)1 << b.order;
        sum += (pfn_t)1 << b.order;
        for (pfn_t p = pfn; b.state == BLOCK_FREE && p < pfn + (1u << b.order); p++)
            assert_int_equal(m->page[p], m->stray[p] ? 0 : POISON);
    }
    assert_int_equal(nr[BLOCK_FREE], st.free_pages + st.isolated_pages);
    assert_int_equal(nr[BLOCK_TARGET] + nr[BLOCK_POPULATING], st.busy_pages);
    assert_int_equal(nr[BLOCK_UNBACKED], st.unbacked_pageblocks * P);
    assert_int_equal(nr[BLOCK_BAD], st.bad_pages);
    assert_int_equal(sum, st.managed_pages);
}

/* The owner writes to its block. */
static pfn_t take_and_write(struct pages *m, unsigned order, enum migratetype type)
{
    pfn_t pfn = take(m->f.z, order, type);

    for (pfn_t p = pfn; p < pfn + ((pfn_t)1 << order); p++) {
        assert_int_equal(m->page[p], POISON);
        m->page[p] = CONTENT;
    }
    return pfn;
}

static void assert_bad(const struct pages *m, unsigned nr, pfn_t bad, pfn_t block, unsigned order)
{
    assert_int_equal(m->nr_bad, nr);
    assert_int_equal(m->bad, bad);
    assert_int_equal(m->bad_block, block);
    assert_int_equal(m->bad_order, order);
    assert_block(m->f.z, block, BLOCK_BAD, order);
}

static pfn_t bad_pages(struct zone *z)
{
    struct zone_stat st;

    zone_stat(z, &st);
    return st.bad_pages;
}

static void free_memory_is_poisoned_from_the_first(void **state)
{
    struct pages m;
    pfn_t pfn;

    (void)state;
    open_poisoned(&m, 1);
    assert_poisoned(&m);
    pfn = take_and_write(&m, 2, MIGRATE_MOVABLE);
    assert_poisoned(&m);
    assert_int_equal(zone_split(m.f.z, pfn, 0), 0);
    give(m.f.z, pfn + 2);
    assert_int_equal(m.page[pfn], CONTENT);
    assert_poisoned(&m);
    give(m.f.z, pfn);
    assert_poisoned(&m);
    assert_wholly_free(m.f.z);
    assert_int_equal(m.nr_bad, 0);
    fixture_close(&m.f);
}

/* A block that is freed and asked for again at once has no shorter way. */
static void the_block_freed_last(void **state)
{
    struct pages m;
    pfn_t pfn, other;

    (void)state;
    open_poisoned(&m, 1);
    pfn = take_and_write(&m, 0, MIGRATE_MOVABLE);
    give(m.f.z, pfn);
    assert_int_equal(m.page[pfn], POISON);
    assert_int_equal(take_and_write(&m, 0, MIGRATE_MOVABLE), pfn);
    give(m.f.z, pfn);
    m.page[pfn] = CONTENT; /* a stray write, between its free and its next grant */
    other = take_and_write(&m, 0, MIGRATE_MOVABLE);
    assert_int_not_equal(other, pfn);
    assert_bad(&m, 1, pfn, pfn, 0);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

static void a_bad_block_is_out_of_use(void **state)
{
    struct zone_stat before, after;
    struct zone_block b;
    struct pages m;
    bool freed;
    pfn_t to;

    (void)state;
    open_poisoned(&m, 1);
    (void)take(m.f.z, 0, MIGRATE_MOVABLE); /* page 0; 2 and 3 are a block */
    zone_stat(m.f.z, &before);
    m.page[3] = 0;
    assert_int_equal(take(m.f.z, 1, MIGRATE_MOVABLE), 4);
    assert_bad(&m, 1, 3, 2, 1);
    assert_int_equal(zone_block(m.f.z, 2, &b), 0);
    assert_int_equal(b.type, MIGRATE_UNMOVABLE); /* as long as it is there, it counts as such */
    zone_stat(m.f.z, &after);
    assert_int_equal(after.free_pages, before.free_pages - 4);
    assert_int_equal(after.bad_pages, 2);
    assert_int_equal(after.allocs, before.allocs + 1);
    assert_int_equal(after.failures, before.failures);
    assert_int_equal(zone_free(m.f.z, 2), -EINVAL);
    assert_int_equal(zone_split(m.f.z, 2, 0), -EINVAL);
    assert_int_equal(zone_move_begin(m.f.z, 2), -EINVAL);
    assert_int_equal(zone_move_done(m.f.z, 2, &to, &freed), -EINVAL);
    assert_int_equal(zone_pageblock_backed(m.f.z, 2, 0), -EINVAL);
    /* Nothing merges with it. */
    give(m.f.z, 0);
    give(m.f.z, 4);
    assert_block(m.f.z, 0, BLOCK_FREE, 1);
    assert_block(m.f.z, 4, BLOCK_FREE, 2);
    assert_block(m.f.z, 8, BLOCK_FREE, 3);
    assert_poisoned(&m);
    /* All else can be had. */
    for (pfn_t n = 0; n < PAGES - 2; n++)
        assert_int_not_equal(take(m.f.z, 0, MIGRATE_MOVABLE) & ~1u, 2);
    assert_int_equal(m.nr_bad, 1);
    fixture_close(&m.f);
}

/* In a block of any order, the first and the last page. */
static void each_order(void **state)
{
    struct pages m;

    (void)state;
    for (unsigned order = 0; order <= 6; order++) {
        for (unsigned last = 0; last < 2; last++) {
            pfn_t bad = last ? ((pfn_t)1 << order) - 1 : 0, pfn;

            open_poisoned(&m, 1);
            m.page[bad] = 1;
            pfn = take(m.f.z, order, MIGRATE_MOVABLE);
            assert_int_equal(pfn, (pfn_t)1 << order);
            assert_bad(&m, 1, bad, 0, order);
            assert_poisoned(&m);
            give(m.f.z, pfn);
            assert_int_equal(zone_free_pages(m.f.z, 0), PAGES - ((pfn_t)1 << order));
            fixture_close(&m.f);
        }
    }
}

/* One refusal, and each block has been looked at once; then all is bad. */
static void nothing_good_is_left(void **state)
{
    struct zone_stat st;
    struct pages m;
    pfn_t pfn = 7;

    (void)state;
    open_poisoned(&m, 1);
    memset(m.page, 0, sizeof(m.page));
    assert_int_equal(try_take(m.f.z, 0, MIGRATE_RECLAIMABLE, 0, 0, &pfn), -ENOMEM);
    assert_int_equal(pfn, 7);
    zone_stat(m.f.z, &st);
    assert_int_equal(st.failures, 1);
    assert_int_equal(st.allocs, 0);
    assert_int_equal(st.free_pages, 0);
    assert_int_equal(st.bad_pages, PAGES);
    assert_int_equal(m.nr_bad, PAGES);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

static void what_is_moved_to_is_verified(void **state)
{
    struct pages m;
    pfn_t pfn, to;
    bool freed;

    (void)state;
    open_poisoned(&m, 1);
    pfn = take_and_write(&m, 0, MIGRATE_MOVABLE);
    m.page[1] = 0;
    assert_int_equal(zone_move_begin(m.f.z, pfn), 0);
    assert_bad(&m, 1, 1, 1, 0);
    assert_int_equal(m.moved_to, 2);
    assert_int_equal(zone_move_done(m.f.z, pfn, &to, &freed), 0);
    assert_int_equal(to, 2);
    assert_int_equal(m.page[to], CONTENT);
    assert_int_equal(m.page[pfn], POISON);
    assert_block(m.f.z, pfn, BLOCK_FREE, 0);
    /* Aborted: its place is poisoned again, since some of the bytes may be there. */
    assert_int_equal(zone_move_begin(m.f.z, to), 0);
    assert_int_equal(m.page[m.moved_to], CONTENT);
    assert_int_equal(zone_move_abort(m.f.z, to, &freed), 0);
    assert_int_equal(m.page[m.moved_to], POISON);
    assert_int_equal(m.page[to], CONTENT);
    /* Freed meanwhile: both places are. */
    assert_int_equal(zone_move_begin(m.f.z, to), 0);
    give(m.f.z, to);
    assert_int_equal(m.page[to], CONTENT);
    assert_int_equal(zone_move_done(m.f.z, to, &pfn, &freed), 0);
    assert_int_equal(m.page[to], POISON);
    assert_int_equal(m.page[pfn], POISON);
    pfn = take_and_write(&m, 3, MIGRATE_MOVABLE);
    assert_int_equal(zone_move_begin(m.f.z, pfn), 0);
    give(m.f.z, pfn);
    assert_int_equal(zone_move_abort(m.f.z, pfn, &freed), 0);
    assert_true(freed);
    assert_int_equal(m.nr_bad, 1);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

static void no_good_place_to_move_to(void **state)
{
    struct pages m;
    pfn_t pfn;

    (void)state;
    open_poisoned(&m, 1);
    take_all(m.f.z, ORDER, MIGRATE_MOVABLE);
    give(m.f.z, 3 * P);
    pfn = take(m.f.z, ORDER - 1, MIGRATE_MOVABLE);
    m.page[3 * P + 12] = 0;
    assert_int_equal(zone_move_begin(m.f.z, pfn), -ENOMEM);
    assert_bad(&m, 1, 3 * P + 12, 3 * P + 8, ORDER - 1);
    assert_block(m.f.z, pfn, BLOCK_ALLOCATED, ORDER - 1);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

static void compaction_verifies_its_targets(void **state)
{
    const struct compact_request rq = {.order = ORDER,
                                       .type = MIGRATE_MOVABLE,
                                       .class = ZONE_NORMAL,
                                       .priority = COMPACT_FULL,
                                       .flags = COMPACT_NO_MARKS};
    const pfn_t last = PAGES - 1;
    enum compact_result r;
    struct compaction c;
    struct pages m;
    pfn_t to;
    bool freed;

    (void)state;
    open_poisoned(&m, 1);
    take_all(m.f.z, 0, MIGRATE_MOVABLE);
    for (pfn_t pfn = 1; pfn < 2 * P; pfn++) {
        if (pfn != P)
            give(m.f.z, pfn); /* two pageblocks with a page each */
    }
    give(m.f.z, last);
    give(m.f.z, last - 2);
    m.page[last - 2] = 0;
    assert_int_equal(compact_begin(&c, m.f.z, &rq), 0);
    while ((r = compact_step(&c, 1000)) == COMPACT_CONTINUE)
        assert_int_equal(zone_move_done(m.f.z, c.move[0].from, &to, &freed), 0);
    assert_int_equal(r, COMPACT_SUCCESS);
    assert_bad(&m, 1, last - 2, last - 2, 0);
    assert_block(m.f.z, 0, BLOCK_ALLOCATED, 0); /* a bad place is the end of its window */
    assert_block(m.f.z, P, BLOCK_FREE, ORDER);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

/* A contiguous request fails, with all but the bad block as it was. */
static void a_contiguous_range(void **state)
{
    static const uint64_t tags[16] = {0};
    const struct contig_request rq = {
        .nr_pages = P + 6, .type = MIGRATE_UNMOVABLE, .tag = tags, .nr_tags = 16};
    struct zone_obstacle o = {.reason = OBSTACLE_NONE};
    struct zone_stat before, after;
    struct contig c;
    struct pages m;

    (void)state;
    open_poisoned(&m, 1);
    m.page[P + 5] = 0;
    zone_stat(m.f.z, &before);
    assert_int_equal(alloc_contig_range(m.f.z, 3, &rq, &c, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_BAD);
    assert_int_equal(o.pfn, P + 0);
    assert_bad(&m, 1, P + 5, P, 3);
    zone_stat(m.f.z, &after);
    assert_int_equal(after.allocs, before.allocs);
    assert_int_equal(after.free_pages, before.free_pages - 8);
    assert_int_equal(after.isolated_pages, 0);
    assert_pageblocks(m.f.z, 0, 8, 0);
    assert_block(m.f.z, 0, BLOCK_FREE, ORDER);
    assert_block(m.f.z, P + 8, BLOCK_FREE, 3);
    assert_block(m.f.z, 2 * P, BLOCK_FREE, ORDER + 1);
    assert_poisoned(&m);
    /* It stands in the way from now on, and windows are found beside it. */
    assert_int_equal(zone_isolate_range(m.f.z, 0, 2 * P, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_BAD);
    assert_int_equal(o.pfn, P);
    m.page[2 * P + 1] = 0;
    assert_int_equal(alloc_contig_pages(m.f.z, &rq, &c, NULL), 0);
    assert_int_equal(c.start, 3 * P);
    zone_stat(m.f.z, &after);
    assert_int_equal(after.allocs, before.allocs + 3);
    assert_bad(&m, 2, 2 * P + 1, 2 * P, ORDER);
    assert_poisoned(&m);
    assert_int_equal(m.nr_verifies > 2, 1);
    /* Whole pageblocks, out of the middle of a range. */
    give(m.f.z, 3 * P);
    m.page[6 * P + 2] = 0;
    assert_int_equal(alloc_contig_range(m.f.z, 5 * P, &rq, &c, &o), -EBUSY);
    assert_bad(&m, 3, 6 * P + 2, 6 * P, 2);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

static void contiguous_pages_are_verified_when_they_are_empty(void **state)
{
    static const uint64_t tags[4] = {0};
    const struct contig_request rq = {
        .nr_pages = P, .type = MIGRATE_MOVABLE, .tag = tags, .nr_tags = 4};
    struct zone_obstacle o;
    struct contig c;
    struct pages m;
    pfn_t pfn, to;
    bool freed;

    (void)state;
    open_poisoned(&m, 1);
    pfn = take_and_write(&m, 0, MIGRATE_MOVABLE);
    assert_int_equal(alloc_contig_range(m.f.z, 0, &rq, &c, &o), -EINPROGRESS);
    m.page[9] = 0;
    assert_int_equal(zone_move_done(m.f.z, pfn, &to, &freed), 0);
    assert_int_equal(contig_continue(&c, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_BAD);
    assert_bad(&m, 1, 9, 0, ORDER);
    assert_poisoned(&m);
    assert_int_equal(alloc_contig_range(m.f.z, P, &rq, &c, NULL), -EINPROGRESS);
    m.page[P + 8] = 0;
    assert_int_equal(zone_move_done(m.f.z, to, &pfn, &freed), 0);
    assert_int_equal(contig_continue(&c, NULL), -EBUSY);
    assert_int_equal(bad_pages(m.f.z), 2 * P);
    assert_poisoned(&m);
    fixture_close(&m.f);
}

/* What was populated or added is zero, or whatever, and is poisoned before it is free. */
static void new_memory(void **state)
{
    struct zone_stat st;
    struct pages m;
    pfn_t pfn;

    (void)state;
    open_poisoned(&m, 3);
    assert_int_equal(try_take(m.f.z, 1, MIGRATE_MOVABLE, 1, 0, &pfn), -EINPROGRESS);
    assert_int_equal(zone_populate_done(m.f.z, m.populated), 0);
    assert_poisoned(&m);
    assert_int_equal(try_take(m.f.z, 1, MIGRATE_MOVABLE, 1, 0, &pfn), 0);
    assert_int_equal(pfn, m.populated);
    assert_int_equal(try_take(m.f.z, ORDER + 1, MIGRATE_MOVABLE, 2, 0, &pfn), -EINPROGRESS);
    assert_int_equal(zone_populate_fail(m.f.z, m.populated, 1), 0);
    assert_poisoned(&m);
    m.page[m.populated + P] = 0;
    assert_int_equal(zone_pageblock_backed(m.f.z, m.populated + P, 2), 0);
    assert_poisoned(&m);
    assert_int_equal(zone_grow(m.f.z, 2 * P, 0), 0);
    assert_poisoned(&m);
    zone_stat(m.f.z, &st);
    assert_int_equal(st.managed_pages, MOST);
    assert_int_equal(st.free_pages, MOST - 2);
    assert_int_equal(m.nr_bad, 0);
    fixture_close(&m.f);
}

/* A bad block is nobody's: its zone can be removed. */
static void a_zone_with_a_bad_block(void **state)
{
    struct memory host;
    struct pages m;
    pfn_t pfn;

    (void)state;
    open_poisoned(&m, 1);
    assert_int_equal(memory_init(&host, 12, NULL), 0);
    assert_int_equal(memory_add_zone(&host, m.f.z, -1), 0);
    m.page[0] = 0;
    pfn = take(m.f.z, 1, MIGRATE_MOVABLE);
    assert_int_equal(m.nr_bad, 1);
    assert_int_equal(memory_remove_zone(&host, 0), -EBUSY);
    give(m.f.z, pfn);
    assert_int_equal(memory_remove_zone(&host, 0), 0);
    fixture_close(&m.f);
}

static void off_asks_nobody(void **state)
{
    struct pages m;

    (void)state;
    open_with(&m, 1, 0);
    for (unsigned order = 0; order <= ORDER; order++) {
        pfn_t pfn = take(m.f.z, order, MIGRATE_MOVABLE);

        assert_int_equal(zone_split(m.f.z, take(m.f.z, order + 1, MIGRATE_MOVABLE), 0), 0);
        give(m.f.z, pfn);
    }
    assert_int_equal(m.nr_poisons + m.nr_verifies + m.nr_bad, 0);
    assert_int_equal(bad_pages(m.f.z), 0);
    fixture_close(&m.f);
}

static void nobody_wants_to_know(void **state)
{
    const struct zone_ops silent = {.poison = poison, .verify = verify};
    struct zone_config config = {.nr_pages = PAGES,
                                 .pageblock_order = ORDER,
                                 .nr_domains = 1,
                                 .ops = &silent,
                                 .debug = ZONE_DEBUG_POISON};
    struct pages m;

    (void)state;
    memset(&m, 0, sizeof(m));
    config.ops_ctx = &m;
    fixture_open_config(&m.f, &config);
    m.page[0] = 0;
    assert_int_equal(take(m.f.z, 0, MIGRATE_MOVABLE), 1);
    assert_int_equal(bad_pages(m.f.z), 1);
    fixture_close(&m.f);
}

static void configs_that_are_refused(void **state)
{
    const struct zone_ops none = {0}, no_verify = {.poison = poison},
                          no_poison = {.verify = verify};
    const struct zone_ops *bad[] = {NULL, &none, &no_verify, &no_poison};
    struct zone_config config = {
        .nr_pages = PAGES, .pageblock_order = ORDER, .nr_domains = 1, .debug = ZONE_DEBUG_POISON};
    size_t lasting = 1, derived = 2;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        config.ops = bad[i];
        assert_int_equal(zone_metadata_bytes(&config, &lasting, &derived), -EINVAL);
    }
    config.ops = &ops;
    config.debug = 1u << 2;
    assert_int_equal(zone_metadata_bytes(&config, &lasting, &derived), -EINVAL);
    assert_int_equal(lasting, 1);
    assert_int_equal(derived, 2);
    config.debug = ZONE_DEBUG_POISON;
    assert_int_equal(zone_metadata_bytes(&config, &lasting, &derived), 0);
}

/* Every bit of a bad block's word, and the count. */
static void damage_is_noticed(void **state)
{
    static const struct {
        pfn_t pfn;
        unsigned order;
    } blocks[] = {{1, 0}, {P, ORDER}, {4 * P, ORDER + 1}};
    char why[200];
    struct pages m;

    (void)state;
    open_poisoned(&m, 1);
    (void)take(m.f.z, 0, MIGRATE_MOVABLE);
    for (unsigned i = 0; i < 3; i++) {
        m.page[blocks[i].pfn] = 0;
        (void)take(m.f.z, blocks[i].order, MIGRATE_MOVABLE);
        assert_bad(&m, i + 1, blocks[i].pfn, blocks[i].pfn, blocks[i].order);
    }
    for (unsigned i = 0; i < 3; i++) {
        uint64_t *w = word_at(m.f.z, blocks[i].pfn), saved = *w;

        for (unsigned bit = 0; bit < 64; bit++) {
            *w = saved ^ (uint64_t)1 << bit;
            if (zone_check(m.f.z, why, sizeof(why)) != -EUCLEAN)
                fail_msg("bit %u of the word of bad block %u", bit, blocks[i].pfn);
            *w = saved;
        }
    }
    *word_at(m.f.z, 0) |= WORD_BAD; /* granted */
    assert_int_equal(zone_check(m.f.z, why, sizeof(why)), -EUCLEAN);
    *word_at(m.f.z, 0) &= ~WORD_BAD;
    m.f.z->nr_bad++;
    assert_int_equal(zone_check(m.f.z, why, sizeof(why)), -EUCLEAN);
    assert_string_equal(why, "49 pages are bad, the zone says 50");
    m.f.z->nr_bad--;
    fixture_close(&m.f);
}

struct held {
    pfn_t pfn;
    unsigned order;
};

/* Owners write, and strangers write now and then: no block is granted that a stranger wrote to. */
static void random_work(void **state)
{
    const char *seed = getenv("BUDDYD_SEED");
    struct rng r = {.state = seed ? strtoull(seed, NULL, 0) : 1};
    struct held held[PAGES];
    unsigned nr = 0, grants = 0;
    struct pages m;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)r.state);
    open_poisoned(&m, 1);
    for (unsigned i = 0; i < 20000; i++) {
        pfn_t pfn, to;
        bool freed;

        if (nr > 0 && rng_one_in(&r, 2)) {
            unsigned n = rng_below(&r, nr);

            pfn = held[n].pfn;
            if (rng_one_in(&r, 3) && zone_move_begin(m.f.z, pfn) == 0) {
                assert_int_equal(zone_move_done(m.f.z, pfn, &to, &freed), 0);
                held[n].pfn = to;
                continue;
            }
            for (pfn_t p = pfn; p < pfn + (1u << held[n].order); p++)
                assert_int_equal(m.page[p], CONTENT);
            give(m.f.z, pfn);
            held[n] = held[--nr];
        } else {
            unsigned order = rng_below(&r, ORDER + 1);

            if (try_take(m.f.z, order, (enum migratetype)rng_below(&r, NR_MOBILITIES), 0, 0, &pfn) <
                0)
                continue;
            for (pfn_t p = pfn; p < pfn + (1u << order); p++) {
                assert_int_equal(m.page[p], POISON);
                m.page[p] = CONTENT;
            }
            held[nr++] = (struct held){pfn, order};
            grants++;
        }
        if (rng_one_in(&r, 400)) {
            to = rng_below(&r, PAGES);
            if (m.page[to] == POISON) {
                m.page[to] = 0;
                m.stray[to] = true;
            }
        }
        if (i % 64 == 0)
            assert_poisoned(&m);
    }
    assert_true(grants > 100);
    assert_true(m.nr_bad > 3);
    fixture_close(&m.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_memory_is_poisoned_from_the_first),
        cmocka_unit_test(the_block_freed_last),
        cmocka_unit_test(a_bad_block_is_out_of_use),
        cmocka_unit_test(each_order),
        cmocka_unit_test(nothing_good_is_left),
        cmocka_unit_test(what_is_moved_to_is_verified),
        cmocka_unit_test(no_good_place_to_move_to),
        cmocka_unit_test(compaction_verifies_its_targets),
        cmocka_unit_test(a_contiguous_range),
        cmocka_unit_test(contiguous_pages_are_verified_when_they_are_empty),
        cmocka_unit_test(new_memory),
        cmocka_unit_test(a_zone_with_a_bad_block),
        cmocka_unit_test(off_asks_nobody),
        cmocka_unit_test(nobody_wants_to_know),
        cmocka_unit_test(configs_that_are_refused),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(random_work),
    };

    return cmocka_run_group_tests_name("poison", tests, NULL, NULL);
}
