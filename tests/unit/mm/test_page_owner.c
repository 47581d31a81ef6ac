/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_owner.c: who had a page last, through splits, moves, frees and grants over it. */
#include "mm/page_owner.h"

#include <stdlib.h>
#include <string.h>

#include "mm/contig.h"
#include "mm/hotplug.h"
#include "mm/migrate.h"
#include "mm/page_alloc.h"
#include "rng.h"
#include "zone_fixture.h"

/* Zones of 8 pageblocks of 16 pages, that may grow by two. */
#define ORDER 4u
#define P     ((pfn_t)1 << ORDER)
#define PAGES (8 * P)
#define MOST  (PAGES + 2 * P)

struct owned {
    struct zone_fixture f;
    struct zone_config config;
    struct page_owner *records;
};

static void open_with(struct owned *w, unsigned debug)
{
    size_t bytes;

    memset(w, 0, sizeof(*w));
    w->config = (struct zone_config){.nr_pages = PAGES,
                                     .max_pages = MOST,
                                     .pageblock_order = ORDER,
                                     .nr_domains = 1,
                                     .debug = debug};
    bytes = zone_owner_bytes(&w->config);
    w->records = calloc(1, bytes ? bytes : 1);
    assert_non_null(w->records);
    w->config.owner = w->records;
    fixture_open_config(&w->f, &w->config);
}

static void open_owned(struct owned *w)
{
    open_with(w, ZONE_DEBUG_OWNER);
}

static void close_owned(struct owned *w)
{
    fixture_close(&w->f);
    free(w->records);
}

static struct requester who(uint32_t pid)
{
    struct requester by = {.time = 1000u + pid, .pid = pid, .stack = {pid, pid + 1, pid + 2, 0}};

    memset(by.name, (int)('a' + pid % 26), sizeof(by.name));
    return by;
}

static pfn_t take_as(struct zone *z, unsigned order, enum migratetype type, uint32_t pid)
{
    struct requester by = who(pid);
    struct zone_request rq = {.order = order, .type = type, .flags = ALLOC_KSWAPD, .by = &by};
    pfn_t pfn = PFN_NONE;

    assert_int_equal(zone_rmqueue(z, &rq, &pfn), 0);
    return pfn;
}

/* The record of this very page: of pid's grant, in a block or what is left of it of this order. */
static void assert_owner(struct zone *z, pfn_t pfn, enum page_owner_state s, unsigned order,
                         uint32_t pid)
{
    struct requester by = who(pid);
    struct page_owner o;

    assert_int_equal(zone_page_owner(z, pfn, &o), 0);
    if (o.state != s || o.order != order || o.by.pid != pid)
        fail_msg("page %u: state %u, order %u, pid %u; expected %u, %u, %u", pfn, o.state, o.order,
                 o.by.pid, s, order, pid);
    assert_int_equal(o.by.time, by.time);
    assert_memory_equal(o.by.name, by.name, sizeof(by.name));
    assert_memory_equal(o.by.stack, by.stack, sizeof(by.stack));
}

static void assert_no_owner(struct zone *z, pfn_t pfn)
{
    struct page_owner o;

    memset(&o, 0x5a, sizeof(o));
    assert_int_equal(zone_page_owner(z, pfn, &o), -ENOENT);
    assert_int_equal(o.state, 0x5a);
}

/* A free that was put off is one: who looks learns of it. */
static void a_block_on_its_way_was_somebodys(void **state)
{
    struct owned w;
    pfn_t pfn[2];

    (void)state;
    open_owned(&w);
    pfn[0] = take_as(w.f.z, 0, MIGRATE_MOVABLE, 1);
    pfn[1] = take_as(w.f.z, 2, MIGRATE_MOVABLE, 2);
    zone_free_later(w.f.z, pfn[1]);
    assert_owner(w.f.z, pfn[0], PAGE_OWNER_HAS, 0, 1);
    assert_owner(w.f.z, pfn[1] + 3, PAGE_OWNER_HAD, 2, 2);
    close_owned(&w);
}

static void each_page_of_a_grant(void **state)
{
    struct page_owner o;
    struct owned w;
    pfn_t pfn;

    (void)state;
    open_owned(&w);
    for (pfn_t p = 0; p < PAGES; p++)
        assert_no_owner(w.f.z, p);
    pfn = take_as(w.f.z, 3, MIGRATE_RECLAIMABLE, 7);
    for (pfn_t p = pfn; p < pfn + 8; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAS, 3, 7);
    assert_int_equal(zone_page_owner(w.f.z, pfn + 5, &o), 0);
    assert_int_equal(o.flags, ALLOC_KSWAPD);
    assert_int_equal(o.type, MIGRATE_RECLAIMABLE);
    assert_no_owner(w.f.z, pfn + 8);
    assert_int_equal(zone_page_owner(w.f.z, PAGES, &o), -EINVAL);
    assert_int_equal(zone_page_owner(w.f.z, PFN_NONE, &o), -EINVAL);
    close_owned(&w);
}

static void it_survives_the_free(void **state)
{
    struct owned w;
    pfn_t pfn, small;

    (void)state;
    open_owned(&w);
    pfn = take_as(w.f.z, 3, MIGRATE_MOVABLE, 1);
    give(w.f.z, pfn);
    assert_wholly_free(w.f.z); /* merged, and yet */
    for (pfn_t p = pfn; p < pfn + 8; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAD, 3, 1);
    /* A smaller grant in its middle leaves the older record to the rest. */
    assert_int_equal(take_as(w.f.z, 2, MIGRATE_MOVABLE, 2), 0);
    small = take_as(w.f.z, 0, MIGRATE_MOVABLE, 3);
    assert_int_equal(small, 4);
    for (pfn_t p = 0; p < 4; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAS, 2, 2);
    assert_owner(w.f.z, 4, PAGE_OWNER_HAS, 0, 3);
    assert_owner(w.f.z, 5, PAGE_OWNER_HAD, 0, 1);
    assert_owner(w.f.z, 6, PAGE_OWNER_HAD, 1, 1);
    assert_owner(w.f.z, 7, PAGE_OWNER_HAD, 1, 1);
    give(w.f.z, small);
    assert_owner(w.f.z, 4, PAGE_OWNER_HAD, 0, 3);
    give(w.f.z, 0);
    /* A larger one wipes all that it covers. */
    assert_int_equal(take_as(w.f.z, 3, MIGRATE_MOVABLE, 4), 0);
    for (pfn_t p = 0; p < 8; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAS, 3, 4);
    close_owned(&w);
}

static void it_is_divided_with_its_block(void **state)
{
    struct owned w;
    pfn_t pfn;

    (void)state;
    open_owned(&w);
    pfn = take_as(w.f.z, 3, MIGRATE_MOVABLE, 5);
    assert_int_equal(zone_split(w.f.z, pfn, 0), 0);
    assert_int_equal(zone_split(w.f.z, pfn + 4, 0), 0);
    give(w.f.z, pfn);
    for (pfn_t p = pfn; p < pfn + 4; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAD, 2, 5);
    for (pfn_t p = pfn + 4; p < pfn + 8; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAS, 1, 5);
    close_owned(&w);
}

static void it_moves_with_its_block(void **state)
{
    struct owned w;
    pfn_t pfn, to, n;
    bool freed;

    (void)state;
    open_owned(&w);
    pfn = take_as(w.f.z, 1, MIGRATE_MOVABLE, 1);
    n = take_as(w.f.z, 2, MIGRATE_MOVABLE, 2);
    give(w.f.z, n); /* where the first one will move: its record is divided */
    assert_int_equal(zone_move_begin(w.f.z, pfn), 0);
    assert_owner(w.f.z, pfn, PAGE_OWNER_HAS, 1, 1);
    assert_int_equal(zone_move_done(w.f.z, pfn, &to, &freed), 0);
    assert_owner(w.f.z, to, PAGE_OWNER_HAS, 1, 1);
    assert_owner(w.f.z, to + 1, PAGE_OWNER_HAS, 1, 1);
    assert_owner(w.f.z, pfn, PAGE_OWNER_HAD, 1, 1);
    assert_owner(w.f.z, n, PAGE_OWNER_HAD, 2, 2);
    /* A move that is given up changes no record. */
    assert_int_equal(zone_move_begin(w.f.z, to), 0);
    assert_int_equal(zone_move_abort(w.f.z, to, &freed), 0);
    assert_owner(w.f.z, to, PAGE_OWNER_HAS, 1, 1);
    assert_owner(w.f.z, pfn, PAGE_OWNER_HAD, 1, 1);
    /* Freed on its way. */
    assert_int_equal(zone_move_begin(w.f.z, to), 0);
    give(w.f.z, to);
    assert_owner(w.f.z, to, PAGE_OWNER_HAS, 1, 1);
    assert_int_equal(zone_move_done(w.f.z, to, &pfn, &freed), 0);
    assert_true(freed);
    assert_owner(w.f.z, to, PAGE_OWNER_HAD, 1, 1);
    assert_owner(w.f.z, pfn, PAGE_OWNER_HAD, 1, 1);
    close_owned(&w);
}

static void who_does_not_say(void **state)
{
    const struct requester nobody = {0};
    struct page_owner o;
    struct owned w;
    pfn_t pfn;

    (void)state;
    open_owned(&w);
    give(w.f.z, take_as(w.f.z, 0, MIGRATE_MOVABLE, 9));
    pfn = take(w.f.z, 0, MIGRATE_MOVABLE);
    assert_int_equal(zone_page_owner(w.f.z, pfn, &o), 0);
    assert_int_equal(o.state, PAGE_OWNER_HAS);
    assert_memory_equal(&o.by, &nobody, sizeof(nobody));
    close_owned(&w);
}

static void a_contiguous_range(void **state)
{
    static const uint64_t tags[8] = {0};
    struct requester by = who(11);
    struct contig_request rq = {
        .nr_pages = P + 3, .type = MIGRATE_UNMOVABLE, .tag = tags, .nr_tags = 8, .by = &by};
    struct page_owner o;
    struct contig c;
    struct owned w;

    (void)state;
    open_owned(&w);
    assert_int_equal(alloc_contig_range(w.f.z, P, &rq, &c, NULL), 0);
    for (pfn_t p = P; p < 2 * P; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAS, ORDER, 11);
    assert_owner(w.f.z, 2 * P + 1, PAGE_OWNER_HAS, 1, 11);
    assert_owner(w.f.z, 2 * P + 2, PAGE_OWNER_HAS, 0, 11);
    assert_no_owner(w.f.z, 2 * P + 3);
    assert_no_owner(w.f.z, P - 1);
    assert_int_equal(zone_page_owner(w.f.z, P, &o), 0);
    assert_int_equal(o.type, MIGRATE_UNMOVABLE);
    close_owned(&w);
}

/* In the upper half of what was one block, while the lower one is free still. */
static void a_part_of_an_older_block(void **state)
{
    static const uint64_t tags[1] = {0};
    struct requester by = who(6);
    struct contig_request rq = {
        .nr_pages = 1, .type = MIGRATE_MOVABLE, .tag = tags, .nr_tags = 1, .by = &by};
    struct contig c;
    struct owned w;

    (void)state;
    open_owned(&w);
    give(w.f.z, take_as(w.f.z, 3, MIGRATE_MOVABLE, 5));
    assert_int_equal(alloc_contig_range(w.f.z, 4, &rq, &c, NULL), 0);
    for (pfn_t p = 0; p < 4; p++)
        assert_owner(w.f.z, p, PAGE_OWNER_HAD, 2, 5);
    assert_owner(w.f.z, 4, PAGE_OWNER_HAS, 0, 6);
    assert_owner(w.f.z, 5, PAGE_OWNER_HAD, 0, 5);
    assert_owner(w.f.z, 7, PAGE_OWNER_HAD, 1, 5);
    close_owned(&w);
}

/* The whole way of a request carries it to the zone; pages that are cut off are had, and freed. */
static void a_request_over_zones(void **state)
{
    static const uint64_t tags[EXACT_MAX_BLOCKS] = {0};
    struct requester by = who(12);
    struct page_request rq = {.type = MIGRATE_UNMOVABLE, .by = &by};
    struct page_grant g[EXACT_MAX_BLOCKS];
    struct refusal refusal;
    struct memory m;
    struct owned w;

    (void)state;
    open_owned(&w);
    assert_int_equal(memory_init(&m, 12, NULL), 0);
    assert_int_equal(memory_add_zone(&m, w.f.z, -1), 0);
    assert_int_equal(alloc_pages_exact(&m, NULL, NULL, &rq, 3, tags, g, &refusal), 2);
    assert_owner(w.f.z, g[0].pfn, PAGE_OWNER_HAS, 1, 12);
    assert_owner(w.f.z, g[1].pfn, PAGE_OWNER_HAS, 0, 12);
    assert_owner(w.f.z, g[1].pfn + 1, PAGE_OWNER_HAD, 0, 12);
    assert_int_equal(alloc_pages_bulk(&m, NULL, NULL, &rq, 4, tags, g), 4);
    for (unsigned i = 0; i < 4; i++)
        assert_owner(w.f.z, g[i].pfn, PAGE_OWNER_HAS, 0, 12);
    close_owned(&w);
}

static void a_zone_that_grows(void **state)
{
    struct owned w;

    (void)state;
    open_owned(&w);
    take_all(w.f.z, ORDER, MIGRATE_MOVABLE);
    assert_int_equal(zone_grow(w.f.z, 2 * P, 0), 0);
    assert_no_owner(w.f.z, MOST - 1);
    assert_int_equal(take_as(w.f.z, ORDER + 1, MIGRATE_MOVABLE, 3), PAGES);
    assert_owner(w.f.z, MOST - 1, PAGE_OWNER_HAS, ORDER + 1, 3);
    close_owned(&w);
}

/* What is taken off and added again is new memory, which nobody had. */
static void a_zone_that_shrinks_forgets(void **state)
{
    struct evacuation ev;
    struct owned w;

    (void)state;
    open_owned(&w);
    give(w.f.z, take_as(w.f.z, ORDER + 3, MIGRATE_MOVABLE, 3)); /* a record over the new end */
    assert_int_equal(zone_shrink(w.f.z, 2 * P, false, &ev, NULL), 0);
    assert_owner(w.f.z, PAGES - 3 * P, PAGE_OWNER_HAD, ORDER + 1, 3);
    assert_int_equal(zone_grow(w.f.z, 2 * P, 0), 0);
    for (pfn_t p = PAGES - 2 * P; p < PAGES; p++)
        assert_no_owner(w.f.z, p);
    assert_owner(w.f.z, 0, PAGE_OWNER_HAD, ORDER + 2, 3);
    close_owned(&w);
}

/* Two zones of one host; the second one has records only if that is asked for. */
struct pair {
    struct owned w[2];
    struct memory m;
};

static bool migrate(void *ctx, struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to,
                    unsigned order)
{
    (void)ctx, (void)z, (void)from, (void)to_zone, (void)to, (void)order;
    return true;
}

static void open_pair(struct pair *h, unsigned debug)
{
    static const struct zone_ops ops = {.migrate = migrate};

    memset(h, 0, sizeof(*h));
    assert_int_equal(memory_init(&h->m, 12, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct owned *w = &h->w[i];

        w->records = calloc((size_t)PAGES, sizeof(*w->records));
        assert_non_null(w->records);
        w->config = (struct zone_config){.nr_pages = PAGES,
                                         .pageblock_order = ORDER,
                                         .nr_domains = 1,
                                         .kind = ZONE_NORMAL,
                                         .debug = i == 0 ? ZONE_DEBUG_OWNER : debug,
                                         .owner = w->records,
                                         .ops = &ops};
        fixture_open_config(&w->f, &w->config);
        assert_int_equal(memory_add_zone(&h->m, w->f.z, -1), (int)i);
    }
}

static void close_pair(struct pair *h)
{
    for (unsigned i = 0; i < 2; i++)
        close_owned(&h->w[i]);
}

static void begin_migration(struct pair *h, struct migration *mg, pfn_t from)
{
    struct refusal refusal;

    *mg = (struct migration){.from_zone = 0, .from = from, .to_zone = 1};
    assert_int_equal(memory_migrate_begin(&h->m, NULL, mg, &refusal), 0);
}

static void it_moves_to_another_zone(void **state)
{
    struct migration mg;
    struct pair h;
    bool freed;
    pfn_t pfn;

    (void)state;
    open_pair(&h, ZONE_DEBUG_OWNER);
    pfn = take_as(h.w[0].f.z, 2, MIGRATE_MOVABLE, 8);
    begin_migration(&h, &mg, pfn);
    assert_int_equal(memory_migrate_done(&h.m, NULL, &mg, &freed), 0);
    assert_owner(h.w[0].f.z, pfn, PAGE_OWNER_HAD, 2, 8);
    for (pfn_t p = mg.to; p < mg.to + 4; p++)
        assert_owner(h.w[1].f.z, p, PAGE_OWNER_HAS, 2, 8);
    /* Freed on its way. */
    pfn = take_as(h.w[0].f.z, 3, MIGRATE_MOVABLE, 9);
    begin_migration(&h, &mg, pfn);
    give(h.w[0].f.z, pfn);
    assert_int_equal(memory_migrate_done(&h.m, NULL, &mg, &freed), 0);
    assert_true(freed);
    assert_owner(h.w[0].f.z, pfn, PAGE_OWNER_HAD, 3, 9);
    assert_owner(h.w[1].f.z, mg.to, PAGE_OWNER_HAD, 3, 9);
    close_pair(&h);
}

/* Into a zone that keeps no records, and out of it. */
static void only_one_of_two_zones_has_records(void **state)
{
    struct migration mg, back;
    struct refusal refusal;
    struct page_owner o;
    struct pair h;
    bool freed;
    pfn_t pfn;

    (void)state;
    open_pair(&h, 0);
    pfn = take_as(h.w[0].f.z, 0, MIGRATE_MOVABLE, 8);
    begin_migration(&h, &mg, pfn);
    assert_int_equal(memory_migrate_done(&h.m, NULL, &mg, &freed), 0);
    assert_no_owner(h.w[1].f.z, mg.to);
    back = (struct migration){.from_zone = 1, .from = mg.to, .to_zone = 0};
    assert_int_equal(memory_migrate_begin(&h.m, NULL, &back, &refusal), 0);
    assert_int_equal(memory_migrate_done(&h.m, NULL, &back, &freed), 0);
    assert_int_equal(zone_page_owner(h.w[0].f.z, back.to, &o), 0);
    assert_int_equal(o.state, PAGE_OWNER_HAS);
    assert_int_equal(o.by.pid, 0);
    close_pair(&h);
}

static void how_much_memory(void **state)
{
    struct zone_config config = {.nr_pages = PAGES, .pageblock_order = ORDER, .nr_domains = 1};
    void *lasting, *derived;
    struct zone *z = NULL;

    (void)state;
    assert_int_equal(zone_owner_bytes(&config), 0);
    config.debug = ZONE_DEBUG_POISON;
    assert_int_equal(zone_owner_bytes(&config), 0);
    config.debug = ZONE_DEBUG_OWNER;
    assert_int_equal(zone_owner_bytes(&config), (size_t)PAGES * sizeof(struct page_owner));
    config.max_pages = MOST;
    assert_int_equal(zone_owner_bytes(&config), (size_t)MOST * sizeof(struct page_owner));
    metadata_alloc(&config, &lasting, &derived);
    assert_int_equal(zone_init(&config, lasting, derived, &z), -EINVAL); /* without the memory */
    assert_null(z);
    free(lasting);
    free(derived);
}

static void off_records_nothing(void **state)
{
    struct owned w;
    pfn_t pfn;

    (void)state;
    open_with(&w, 0);
    pfn = take_as(w.f.z, 1, MIGRATE_MOVABLE, 4);
    assert_int_equal(zone_split(w.f.z, pfn, 0), 0);
    give(w.f.z, pfn);
    assert_no_owner(w.f.z, pfn);
    close_owned(&w);
}

static void no_poison(void *ctx, struct zone *z, pfn_t pfn, unsigned order)
{
    (void)ctx, (void)z, (void)pfn, (void)order;
}

static pfn_t all_good(void *ctx, struct zone *z, pfn_t pfn, unsigned order)
{
    (void)ctx, (void)z, (void)pfn, (void)order;
    return PFN_NONE;
}

/* Memory for records alone does not ask for them. */
static void only_poisoned(void **state)
{
    const struct zone_ops ops = {.poison = no_poison, .verify = all_good};
    struct page_owner records[PAGES] = {{.state = PAGE_OWNER_NONE}};
    const struct zone_config config = {.nr_pages = PAGES,
                                       .pageblock_order = ORDER,
                                       .nr_domains = 1,
                                       .ops = &ops,
                                       .debug = ZONE_DEBUG_POISON,
                                       .owner = records};
    struct zone_fixture f;
    pfn_t pfn, to;
    bool freed;

    (void)state;
    fixture_open_config(&f, &config);
    pfn = take_as(f.z, 1, MIGRATE_MOVABLE, 4);
    assert_int_equal(zone_split(f.z, pfn, 0), 0);
    assert_int_equal(zone_move_begin(f.z, pfn), 0);
    assert_int_equal(zone_move_done(f.z, pfn, &to, &freed), 0);
    give(f.z, to);
    assert_no_owner(f.z, pfn);
    assert_no_owner(f.z, to);
    fixture_close(&f);
}

/* Page by page, what the records must say. */
struct shadow {
    uint32_t pid; /* 0: none */
    bool has;
};

static void assert_shadow(struct zone *z, const struct shadow *s)
{
    struct page_owner o;

    for (pfn_t p = 0; p < PAGES; p++) {
        int r = zone_page_owner(z, p, &o);

        if (r != (s[p].pid ? 0 : -ENOENT) ||
            (r == 0 && (o.by.pid != s[p].pid || (o.state == PAGE_OWNER_HAS) != s[p].has)))
            fail_msg("page %u: answer %d, pid %u, state %u; expected pid %u, %s", p, r, o.by.pid,
                     o.state, s[p].pid, s[p].has ? "has" : "had");
    }
}

static void shadow_set(struct shadow *s, pfn_t pfn, unsigned order, uint32_t pid, bool has)
{
    for (pfn_t p = pfn; p < pfn + (1u << order); p++)
        s[p] = (struct shadow){pid, has};
}

static void random_work(void **state)
{
    const char *seed = getenv("BUDDYD_SEED");
    struct rng r = {.state = seed ? strtoull(seed, NULL, 0) : 1};
    struct {
        pfn_t pfn;
        unsigned order;
    } held[PAGES] = {{0, 0}};
    struct shadow s[PAGES] = {{0, false}};
    unsigned nr = 0;
    struct owned w;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)r.state);
    open_owned(&w);
    for (uint32_t i = 1; i < 20000; i++) {
        unsigned n = nr ? rng_below(&r, nr) : 0, what = rng_below(&r, nr ? 5 : 1);
        pfn_t pfn, to;
        bool freed;

        if (what < 2) {
            struct requester by = who(i);
            struct zone_request rq = {.order = rng_below(&r, ORDER + 2),
                                      .type = (enum migratetype)rng_below(&r, NR_MOBILITIES),
                                      .by = &by};

            if (zone_rmqueue(w.f.z, &rq, &pfn) < 0)
                continue;
            held[nr].pfn = pfn;
            held[nr++].order = rq.order;
            shadow_set(s, pfn, rq.order, i, true);
        } else if (what == 2 && held[n].order > 0) {
            assert_int_equal(zone_split(w.f.z, held[n].pfn, 0), 0);
            held[nr].order = --held[n].order;
            held[nr++].pfn = held[n].pfn + (1u << held[n].order);
        } else if (what == 3 && zone_move_begin(w.f.z, held[n].pfn) == 0) {
            uint32_t pid = s[held[n].pfn].pid;

            assert_int_equal(zone_move_done(w.f.z, held[n].pfn, &to, &freed), 0);
            shadow_set(s, held[n].pfn, held[n].order, pid, false);
            shadow_set(s, to, held[n].order, pid, true);
            held[n].pfn = to;
        } else {
            give(w.f.z, held[n].pfn);
            shadow_set(s, held[n].pfn, held[n].order, s[held[n].pfn].pid, false);
            held[n] = held[--nr];
        }
        if (i % 16 == 0)
            assert_shadow(w.f.z, s);
    }
    close_owned(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_page_of_a_grant),
        cmocka_unit_test(a_block_on_its_way_was_somebodys),
        cmocka_unit_test(it_survives_the_free),
        cmocka_unit_test(it_is_divided_with_its_block),
        cmocka_unit_test(it_moves_with_its_block),
        cmocka_unit_test(who_does_not_say),
        cmocka_unit_test(a_contiguous_range),
        cmocka_unit_test(a_part_of_an_older_block),
        cmocka_unit_test(a_request_over_zones),
        cmocka_unit_test(a_zone_that_grows),
        cmocka_unit_test(a_zone_that_shrinks_forgets),
        cmocka_unit_test(it_moves_to_another_zone),
        cmocka_unit_test(only_one_of_two_zones_has_records),
        cmocka_unit_test(how_much_memory),
        cmocka_unit_test(off_records_nothing),
        cmocka_unit_test(only_poisoned),
        cmocka_unit_test(random_work),
    };

    return cmocka_run_group_tests_name("page owner", tests, NULL, NULL);
}
