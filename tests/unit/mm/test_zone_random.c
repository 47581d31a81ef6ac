/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_zone_random.c: random work on zones of many shapes, each answer judged by the model.
 *
 * Environment: BUDDYD_OPS, operations in all; BUDDYD_SEED, one seed instead of the fixed ones;
 * BUDDYD_SHAPE, only this shape. With --long [HOURS] it goes on with new seeds for so long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "mm/highatomic.h"
#include "random_run.h"

#ifndef DEFAULT_OPS
#define DEFAULT_OPS 40000000u
#endif

#define MAX_PASSES 12u
#define MAX_MOVES  24u

/* Hugepages of 2 MiB and 1 GiB, and small ones that make every border near; sizes that are no
 * powers of two; zones that are too small to group. */
static const struct shape shapes[] = {
    {"tiny", 64, 4, 1, false, 4},
    {"tiny-domains", 64, 4, 3, false, 4},
    {"small", 1024, 4, 1, false, 12},
    {"small-domains", 1024, 4, 3, false, 12},
    {"odd", 16 * 37, 4, 1, false, 8},
    {"odd-domains", 16 * 43, 4, 2, false, 10},
    {"pairs", 254, 1, 1, false, 6},
    {"pairs-domains", 510, 1, 5, false, 8},
    {"ungrouped", 2048, 4, 1, true, 4},
    {"ungrouped-domains", 2048, 4, 4, true, 6},
    {"kept", 16 * 250, 4, 1, false, 10}, /* large enough that some may be */
    {"kept-domains", 16 * 320, 4, 3, false, 8},
    {"2m-tiny", 3 * 512, 9, 1, false, 2},
    {"2m-few", 7 * 512, 9, 1, false, 4},
    {"2m-domains", 96 * 512, 9, 64, false, 6},
    {"2m-gigabyte", (pfn_t)1 << 18, 9, 1, false, 5},
    {"2m-replay", 118272, 9, 1, false, 5},
    {"1g-few", (pfn_t)2 << 18, 18, 1, false, 2},
    {"1g-domains", (pfn_t)6 << 18, 18, 2, false, 2},
};

#define NR_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void on_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct run *r = ctx;

    if (z != r->z || r->passes)
        model_fail("populate called for another zone, or twice");
    r->passes = true;
    r->pass = (struct model_pass){.pfn = pfn, .order = order, .domain = domain};
}

static bool on_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct run *r = ctx;
    uint32_t index = r->m.block_at[from];

    if (z != r->z || r->moves || index == 0 || r->m.block[index - 1].order != order)
        model_fail("move called for block %u of order %u", from, order);
    if (r->empties) {
        if (r->nr_left == RANGE_MOVES)
            model_fail("more than %u moves in a call", RANGE_MOVES);
        r->left_from[r->nr_left] = from;
        r->left_to[r->nr_left++] = to;
        return true;
    }
    r->moves = true;
    r->move_from = from;
    r->move_to = to;
    return true;
}

static void on_fallback(void *ctx, struct zone *z, const struct zone_fallback *fb)
{
    struct run *r = ctx;

    if (z != r->z || r->fell_back)
        model_fail("fallback called for another zone, or twice");
    r->fell_back = true;
    r->fallback = *fb;
}

/* Of two seeds one lets freed blocks rest, as zones do by themselves, and one does not: then the
 * model knows which block is to be granted. Of two such pairs one steals by Linux's rules. */
static void run_open(struct run *r, const struct shape *s, uint64_t seed)
{
    bool lazy = seed % 2 == 0;
    const struct zone_ops ops = {.populate = on_populate, .move = on_move, .fallback = on_fallback};
    size_t lasting, derived;
    struct zone_config config = {.nr_pages = s->nr_pages,
                                 .pageblock_order = s->pageblock_order,
                                 .nr_domains = s->nr_domains,
                                 .no_grouping = s->no_grouping,
                                 .eager = !lazy,
                                 .kernel_rules = seed % 4 < 2,
                                 .ops = &r->ops,
                                 .ops_ctx = r};

    memset(r, 0, sizeof(*r));
    r->shape = s;
    r->ops = ops;
    r->rng.state = seed * 0x100000001b3u + s->nr_pages + s->nr_domains;
    r->fill = 60;
    assert_int_equal(zone_metadata_bytes(&config, &lasting, &derived), 0);
    r->lasting = aligned_alloc(64, (lasting + 63) & ~(size_t)63);
    r->derived = aligned_alloc(64, (derived + 63) & ~(size_t)63);
    assert_true(r->lasting && r->derived);
    memset(r->lasting, 0, lasting);
    memset(r->derived, 0, derived);
    assert_int_equal(zone_init(&config, r->lasting, r->derived, &r->z), 0);
    model_open(&r->m, &config);
    r->m.lazy = lazy;
}

static void run_close(struct run *r)
{
    model_close(&r->m);
    free(r->lasting);
    free(r->derived);
}

/* Everybody may look at any time; then what the zone put off is done. */
void look(struct run *r)
{
    model_compare_counts(&r->m, r->z);
}

/* Callbacks come in the call that they belong to, and only there. */
static void assert_quiet(const struct run *r)
{
    if (r->fell_back || r->passes || r->moves)
        model_fail("a callback that nobody expects");
}

static unsigned random_order(struct run *r)
{
    unsigned order = (unsigned)__builtin_ctzll(rng_next(&r->rng) | 1ull << 40);

    if (rng_one_in(&r->rng, 200))
        return rng_below(&r->rng, NR_PAGE_ORDERS);
    if (rng_one_in(&r->rng, 16))
        return r->shape->pageblock_order; /* whole hugepages are what clients like */
    if (r->flat)
        return rng_below(&r->rng, r->max_order + 1);
    return order <= r->max_order ? order : 0;
}

/* Did it get what is kept since there was nothing else? Then the zone has merged all else. */
static bool had_last(const struct run *r, const struct zone_request *rq, pfn_t pfn)
{
    return pfn < r->m.nr_pages && model_highatomic_right(rq) == HIGHATOMIC_LAST &&
           model_pageblock_of(&r->m, pfn)->type == MIGRATE_HIGHATOMIC;
}

/* Whoever was granted by this right has more kept; sometimes the caller forgets. */
static void reserve(struct run *r, const struct zone_request *rq, pfn_t pfn)
{
    if (model_highatomic_right(rq) != HIGHATOMIC_FIRST || rng_one_in(&r->rng, 4))
        return;
    model_settle(&r->m, r->z, NULL);
    highatomic_reserve(r->z, pfn);
    model_reserved(&r->m, r->z, pfn, rq->order);
    r->nr_reserves++;
}

static void request(struct run *r, const struct zone_request *rq)
{
    pfn_t pfn = PFN_NONE;
    int e;

    /* A look at all pages for each answer in a small zone, and for one in many in a large one. */
    r->m.thorough = rng_one_in(&r->rng, 1 + r->m.nr_pages / 2048);
    e = zone_rmqueue(r->z, rq, &pfn);
    if (e != 0 && pfn != PFN_NONE)
        model_fail("zone_rmqueue answered %d and a pfn", e);
    if (r->passes && e != -EINPROGRESS)
        model_fail("a passing began, the answer is %d", e);
    if (r->fell_back && e != 0)
        model_fail("fell back, the answer is %d", e);
    if (e != 0 || r->fell_back || had_last(r, rq, pfn))
        model_settle(&r->m, r->z, r->fell_back ? &r->fallback : NULL);
    if (e == 0)
        model_granted(&r->m, rq, pfn, r->fell_back ? &r->fallback : NULL);
    else if (e == -ENOMEM)
        model_refused(&r->m, rq);
    else if (e == -EINPROGRESS)
        model_waits(&r->m, rq, r->passes ? &r->pass : NULL);
    else
        model_fail("zone_rmqueue answered %d", e);
    r->passes = false;
    r->fell_back = false;
    if (e == 0)
        reserve(r, rq, pfn);
}

static struct zone_request random_request(struct run *r)
{
    struct zone_request rq = {.order = random_order(r), .tag = rng_next(&r->rng) >> 16};
    uint32_t t = rng_below(&r->rng, 10);

    rq.type = t < 6 ? MIGRATE_MOVABLE : (t < 8 ? MIGRATE_UNMOVABLE : MIGRATE_RECLAIMABLE);
    rq.domain = rng_below(&r->rng, r->shape->nr_domains);
    if (rq.type == MIGRATE_MOVABLE && rng_one_in(&r->rng, 2))
        rq.flags |= ALLOC_CMA;
    if (rng_one_in(&r->rng, 8))
        rq.flags |= ALLOC_NOFRAGMENT;
    if (rng_one_in(&r->rng, 6) || r->m.nr_passes == MAX_PASSES)
        rq.flags |= ALLOC_NOWAIT;
    if (rng_one_in(&r->rng, 8))
        rq.flags |= ALLOC_HIGHATOMIC | ALLOC_MIN_RESERVE;
    if (rng_one_in(&r->rng, 8))
        rq.flags |= ALLOC_NON_BLOCK;
    if (rng_one_in(&r->rng, 16))
        rq.flags |= ALLOC_OOM;
    return rq;
}

static void step_alloc(struct run *r)
{
    const struct zone_request rq = random_request(r);

    request(r, &rq);
}

static void free_block(struct run *r, uint32_t index)
{
    const struct model_block b = r->m.block[index];
    int e = 0;

    if (r->m.lazy && !b.free_pending && rng_one_in(&r->rng, 2))
        zone_free_later(r->z, b.pfn);
    else
        e = zone_free(r->z, b.pfn);
    if (e != (b.free_pending ? -EINVAL : 0))
        model_fail("zone_free of block %u answered %d, pending: %d", b.pfn, e, b.free_pending);
    if (e == 0)
        model_freed(&r->m, index);
    if (b.moving)
        look(r);
}

static void step_free(struct run *r)
{
    if (r->m.nr_blocks != 0)
        free_block(r, rng_below(&r->rng, r->m.nr_blocks));
}

/* A block goes and one like it comes at once. */
static void step_free_alloc(struct run *r)
{
    struct zone_request rq = {.tag = rng_next(&r->rng) >> 16};
    const struct model_block *b;
    uint32_t index;

    if (r->m.nr_blocks == 0)
        return;
    index = rng_below(&r->rng, r->m.nr_blocks);
    b = &r->m.block[index];
    rq.order = b->order;
    rq.type = b->type;
    rq.domain = model_pageblock_of(&r->m, b->pfn)->resident;
    rq.flags = ALLOC_NOWAIT;
    if (rng_one_in(&r->rng, 8))
        rq.type = (enum migratetype)rng_below(&r->rng, NR_MOBILITIES);
    free_block(r, index);
    request(r, &rq);
}

static void step_bad_free(struct run *r)
{
    pfn_t pfn = rng_below(&r->rng, r->m.nr_pages + 8);

    if (pfn < r->m.nr_pages && r->m.block_at[pfn] != 0)
        return;
    look(r); /* what was freed, and is on its way, is granted no more */
    if (zone_free(r->z, pfn) != -EINVAL)
        model_fail("zone_free of %u, no granted block, is not refused", pfn);
    assert_quiet(r);
    look(r);
}

static void step_bad_request(struct run *r)
{
    struct zone_request rq = random_request(r);
    pfn_t pfn = PFN_NONE;

    switch (rng_below(&r->rng, 4)) {
    case 0:
        rq.order = NR_PAGE_ORDERS + rng_below(&r->rng, 50);
        break;
    case 1:
        rq.type = (enum migratetype)(NR_MOBILITIES + rng_below(&r->rng, 20));
        break;
    case 2:
        rq.domain = r->shape->nr_domains + rng_below(&r->rng, 300);
        break;
    default:
        rq.tag |= (uint64_t)1 << (BLOCK_TAG_BITS + rng_below(&r->rng, 16));
        break;
    }
    if (zone_rmqueue(r->z, &rq, &pfn) != -EINVAL || pfn != PFN_NONE)
        model_fail("a bad request is not refused");
    assert_quiet(r);
    look(r);
}

static void step_split(struct run *r)
{
    uint64_t tag = rng_next(&r->rng) >> 16;
    uint32_t index;
    int e, want;

    if (r->m.nr_blocks == 0)
        return;
    index = rng_below(&r->rng, r->m.nr_blocks);
    want = r->m.block[index].order == 0 ? -EINVAL : 0;
    if (r->m.block[index].moving)
        want = -EBUSY;
    e = zone_split(r->z, r->m.block[index].pfn, tag);
    if (e != want)
        model_fail("zone_split of %u answered %d, not %d", r->m.block[index].pfn, e, want);
    if (e == 0)
        model_split(&r->m, index, tag);
    assert_quiet(r);
}

static void step_move_begin(struct run *r)
{
    const struct model_block *b;
    uint32_t index;
    int e;

    if (r->m.nr_blocks == 0 || r->nr_moving == MAX_MOVES)
        return;
    index = rng_below(&r->rng, r->m.nr_blocks);
    b = &r->m.block[index];
    r->m.thorough = rng_one_in(&r->rng, 1 + r->m.nr_pages / 2048);
    e = zone_move_begin(r->z, b->pfn);
    if (b->moving || b->type == MIGRATE_UNMOVABLE) {
        if (e != (b->moving ? -EBUSY : -EINVAL))
            model_fail("zone_move_begin of %u answered %d", b->pfn, e);
        assert_quiet(r);
    } else if (e == 0) {
        if (!r->moves || r->move_from != b->pfn)
            model_fail("the move of %u was not told", b->pfn);
        r->moves = false;
        model_move_begun(&r->m, index, r->move_to);
        r->nr_moving++;
    } else {
        if (e != -ENOMEM)
            model_fail("zone_move_begin of %u answered %d", b->pfn, e);
        assert_quiet(r);
        model_move_refused(&r->m, index);
    }
    look(r);
}

static void end_move(struct run *r, uint32_t index, bool done)
{
    pfn_t from = r->m.block[index].pfn, to = PFN_NONE;
    bool freed = false;
    int e = done ? zone_move_done(r->z, from, &to, &freed) : zone_move_abort(r->z, from, &freed);

    if (e != 0)
        model_fail("the end of the move of %u answered %d", from, e);
    model_move_ended(&r->m, r->z, index, done, to, freed);
    r->nr_moving--;
    look(r);
    ranges_continue(r);
}

/* A random block: if it moves, its move ends; if not, saying so is refused. */
static void step_move_end(struct run *r)
{
    pfn_t to;
    bool freed;
    uint32_t index = r->m.nr_blocks;

    if (r->m.nr_blocks == 0)
        return;
    if (r->nr_moving != 0 && !rng_one_in(&r->rng, 4)) {
        for (index = rng_below(&r->rng, r->m.nr_blocks); index < r->m.nr_blocks; index++) {
            if (r->m.block[index].moving)
                break;
        }
    }
    if (index < r->m.nr_blocks) {
        end_move(r, index, !rng_one_in(&r->rng, 3));
        return;
    }
    index = rng_below(&r->rng, r->m.nr_blocks);
    if (!r->m.block[index].moving &&
        (zone_move_done(r->z, r->m.block[index].pfn, &to, &freed) != -EINVAL ||
         zone_move_abort(r->z, r->m.block[index].pfn, &freed) != -EINVAL))
        model_fail("the end of a move that never began is not refused");
    look(r);
}

static void end_pass(struct run *r, uint32_t index, bool fail)
{
    const struct model_pass p = r->m.pass[index];
    pfn_t nr = (pfn_t)1 << (p.order - r->m.pageblock_order), nr_done = nr;
    int e;

    if (fail) {
        nr_done = rng_below(&r->rng, nr);
        if (zone_populate_fail(r->z, p.pfn, nr + rng_below(&r->rng, 3)) != -EINVAL)
            model_fail("a populate failed after all of its pageblocks");
        e = zone_populate_fail(r->z, p.pfn, nr_done);
    } else {
        e = zone_populate_done(r->z, p.pfn);
    }
    if (e != 0)
        model_fail("the end of the populate of %u answered %d", p.pfn, e);
    model_pass_ended(&r->m, index, nr_done);
    look(r);
}

static void step_pass_end(struct run *r)
{
    pfn_t pfn = rng_below(&r->rng, r->m.nr_pages + 8);

    if (r->m.nr_passes != 0) {
        end_pass(r, rng_below(&r->rng, r->m.nr_passes), rng_one_in(&r->rng, 8));
        return;
    }
    if (zone_populate_done(r->z, pfn) != -EINVAL || zone_populate_fail(r->z, pfn, 0) != -EINVAL)
        model_fail("the end of a populate that never began is not refused");
    look(r);
}

static void step_back(struct run *r)
{
    unsigned domain = rng_below(&r->rng, r->shape->nr_domains);
    uint32_t index;

    if (r->m.nr_unbacked == 0) {
        if (zone_pageblock_backed(r->z, rng_below(&r->rng, r->m.nr_pages + 8), domain) != -EINVAL)
            model_fail("a pageblock that is not unbacked is backed");
        look(r);
        return;
    }
    index = rng_below(&r->rng, r->m.nr_unbacked);
    if (zone_pageblock_backed(r->z, r->m.unbacked[index], r->shape->nr_domains) != -EINVAL)
        model_fail("a pageblock is backed for a domain that is not there");
    if (zone_pageblock_backed(r->z, r->m.unbacked[index], domain) != 0)
        model_fail("pageblock %u cannot be backed", r->m.unbacked[index]);
    model_backed(&r->m, index, domain);
    look(r);
}

static void step_unreserve(struct run *r)
{
    unsigned domain = rng_below(&r->rng, r->shape->nr_domains);
    enum migratetype type = (enum migratetype)rng_below(&r->rng, NR_MOBILITIES);
    bool force = rng_one_in(&r->rng, 2);
    bool done = highatomic_unreserve(r->z, domain, type, force);

    model_unreserved(&r->m, r->z, domain, type, force, done);
    r->nr_unreserves += done;
    assert_quiet(r);
    look(r);
}

/* Each phase has another hunger: from nearly empty to refusals, and from pages to whole hugepages.
 */
static void next_phase(struct run *r)
{
    static const unsigned fills[] = {5, 30, 60, 85, 95, 110};

    r->fill = fills[rng_below(&r->rng, sizeof(fills) / sizeof(fills[0]))];
    r->max_order = rng_below(&r->rng, r->shape->pageblock_order + 3);
    if (r->max_order > MAX_PAGE_ORDER)
        r->max_order = MAX_PAGE_ORDER;
    r->flat = rng_one_in(&r->rng, 3);
    r->quiet = rng_one_in(&r->rng, 2) && r->shape->nr_domains == 1;
}

static void step(struct run *r)
{
    uint64_t granted = r->m.nr_pages - r->m.nr_free;
    bool hungry = granted * 100 < (uint64_t)r->m.nr_pages * r->fill;
    uint32_t what = rng_below(&r->rng, 100);

    if (r->quiet)
        what %= 80;
    else if (rng_one_in(&r->rng, r->m.nr_pages > 16384 ? 2000 : 40)) {
        model_settle(&r->m, r->z, NULL);
        step_range(r);
        return;
    }
    if (what >= 83) /* these look at free blocks: they judge them merged */
        model_settle(&r->m, r->z, NULL);
    if (what < 74) {
        if (what % 10 < (hungry ? 7u : 3u))
            step_alloc(r);
        else
            step_free(r);
    } else if (what < 80) {
        step_free_alloc(r);
    } else if (what < 83) {
        step_split(r);
    } else if (what < 87) {
        step_move_begin(r);
    } else if (what < 91) {
        step_move_end(r);
    } else if (what < 97) {
        step_pass_end(r);
    } else if (what < 98) {
        step_back(r);
    } else if (what < 99) {
        if (rng_one_in(&r->rng, 2))
            step_unreserve(r);
        else
            step_bad_free(r);
    } else {
        step_bad_request(r);
    }
}

/* End all that is under way and free all: everything must be as it was in the beginning. */
static void drain(struct run *r)
{
    model_settle(&r->m, r->z, NULL);
    for (uint32_t i = r->m.nr_blocks; i-- > 0;) {
        if (i < r->m.nr_blocks && r->m.block[i].moving) {
            end_move(r, i, i % 2 == 0);
            i = r->m.nr_blocks;
        }
    }
    ranges_drain(r);
    while (r->m.nr_passes != 0)
        end_pass(r, 0, false);
    while (r->m.nr_unbacked != 0)
        step_back(r);
    while (r->m.nr_blocks != 0)
        step_free(r);
    model_compare(&r->m, r->z);
    if (r->m.nr_free != r->m.nr_pages || r->m.nr_busy != 0)
        model_fail("%u pages of %u came back", r->m.nr_free, r->m.nr_pages);
}

static void run_seed(const struct shape *s, uint64_t seed, uint64_t nr_ops)
{
    struct run r;
    uint64_t looks = 0, phase_end = 0, look_every = s->nr_pages / 2 + 500;

    run_open(&r, s, seed);
    if (look_every > nr_ops / 4 + 1)
        look_every = nr_ops / 4 + 1;
    for (uint64_t op = 0; op < nr_ops; op++) {
        model_run = (struct model_run){.shape = s->name, .seed = seed, .step = op};
        if (op == phase_end) {
            next_phase(&r);
            phase_end += 1 + rng_below(&r.rng, s->nr_pages < 16384 ? 4 * s->nr_pages : 65536);
        }
        step(&r);
        if (op % look_every == look_every - 1) {
            model_compare(&r.m, r.z);
            looks++;
        }
    }
    drain(&r);
    print_message("%-18s seed %llu: %llu steps; %llu allocs, %llu refused, %llu claims, %llu "
                  "steals, %llu passes; %llu reserves, %llu unreserves; %llu ranges, %llu resizes, "
                  "%llu emptied, %llu not; %llu looks\n",
                  s->name, (unsigned long long)seed, (unsigned long long)nr_ops,
                  (unsigned long long)r.m.count.allocs, (unsigned long long)r.m.count.failures,
                  (unsigned long long)r.m.count.claims, (unsigned long long)r.m.count.steals,
                  (unsigned long long)r.m.count.passes, (unsigned long long)r.nr_reserves,
                  (unsigned long long)r.nr_unreserves, (unsigned long long)r.nr_contigs,
                  (unsigned long long)r.nr_resizes, (unsigned long long)r.nr_emptied,
                  (unsigned long long)r.nr_emptied_not, (unsigned long long)looks);
    run_close(&r);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void shape_of_zone(void **state)
{
    const struct shape *s = *state;
    const char *only = getenv("BUDDYD_SHAPE");
    uint64_t nr_ops = env_number("BUDDYD_OPS", DEFAULT_OPS), shares = 0;
    uint64_t seed = env_number("BUDDYD_SEED", 0);

    if (only && *only && strcmp(only, s->name) != 0)
        skip();
    for (unsigned i = 0; i < NR_SHAPES; i++)
        shares += shapes[i].share;
    if (seed != 0) {
        run_seed(s, seed, nr_ops * s->share / shares);
        return;
    }
    for (seed = 1; seed <= 4; seed++)
        run_seed(s, seed, nr_ops * s->share / shares / 4);
}

/* For hours, each round with seeds of its own; a failure names them. */
static int run_long(double hours)
{
    time_t end = time(NULL) + (time_t)(hours * 3600);
    uint64_t seed = (uint64_t)time(NULL);
    int failed = 0;

    while (time(NULL) < end && failed == 0) {
        char value[32];
        struct CMUnitTest tests[NR_SHAPES];

        (void)snprintf(value, sizeof(value), "%llu", (unsigned long long)seed++);
        (void)setenv("BUDDYD_SEED", value, 1);
        for (unsigned i = 0; i < NR_SHAPES; i++)
            tests[i] = (struct CMUnitTest){shapes[i].name, shape_of_zone, NULL, NULL,
                                           (void *)(uintptr_t)&shapes[i]};
        failed = cmocka_run_group_tests_name("zone_random --long", tests, NULL, NULL);
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[NR_SHAPES];

    if (argc > 1 && strcmp(argv[1], "--long") == 0)
        return run_long(argc > 2 ? strtod(argv[2], NULL) : 8.0);
    for (unsigned i = 0; i < NR_SHAPES; i++)
        tests[i] = (struct CMUnitTest){shapes[i].name, shape_of_zone, NULL, NULL,
                                       (void *)(uintptr_t)&shapes[i]};
    return cmocka_run_group_tests_name("zone_random", tests, NULL, NULL);
}
