/* SPDX-License-Identifier: Apache-2.0 */
/* test_evacuate_sliced.c: ranges that are looked at in slices, between which anything happens. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mm/contig.h"
#include "mm/hotplug.h"
#include "range_fixture.h"
#include "rng.h"

#define NR_PAGEBLOCKS 32u
#define NR_PAGES      (NR_PAGEBLOCKS * P)
#define NR_ROUNDS     10000u
#define TAG_PINNED    0x111u

/** A zone, and what is granted in it. */
struct world {
    struct zone_fixture f;
    struct rng rng;
    unsigned finished; /* moves */
    unsigned asked;    /* whether a block may move */
};

static bool movable(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag)
{
    struct world *w = ctx;

    (void)z;
    (void)pfn;
    w->asked++;
    return tag != TAG_PINNED;
}

static bool move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct world *w = ctx;

    (void)z;
    if (w->f.nr_moves == FIXTURE_CALLS)
        return false;
    w->f.move[w->f.nr_moves++] = (struct move_call){.from = from, .to = to, .order = order};
    return true;
}

static void grant(struct world *w)
{
    const struct zone_request rq = {
        .order = rng_below(&w->rng, ORDER + 2),
        .type = rng_one_in(&w->rng, 40) ? MIGRATE_UNMOVABLE
                                        : (enum migratetype)(1 + rng_below(&w->rng, 2)),
        .tag = rng_one_in(&w->rng, 60) ? TAG_PINNED : 7,
        .flags = 0,
    };
    pfn_t ignored;

    (void)zone_rmqueue(w->f.z, &rq, &ignored);
}

/* Free what is granted somewhere, if something is. */
static void free_one(struct world *w)
{
    pfn_t pfn = rng_below(&w->rng, zone_nr_pages(w->f.z));
    struct zone_block b;

    if (zone_block(w->f.z, pfn, &b) == 0 && b.state == BLOCK_ALLOCATED)
        give(w->f.z, pfn);
}

static void open(struct world *w, uint64_t seed)
{
    static const struct zone_ops ops = {.move = move, .movable = movable};
    const struct zone_config config = {
        .nr_pages = NR_PAGES,
        .pageblock_order = ORDER,
        .nr_domains = 1,
        .eager = true,
        .ops = &ops,
        .ops_ctx = w,
    };

    *w = (struct world){.rng = {seed}};
    fixture_open_config(&w->f, &config);
    for (unsigned i = rng_below(&w->rng, 300); i > 0; i--)
        grant(w);
    for (unsigned i = rng_below(&w->rng, 600); i > 0; i--)
        free_one(w);
}

/* Something that may happen between two slices. */
static void happen(struct world *w)
{
    switch (rng_below(&w->rng, 6)) {
    case 0:
        grant(w);
        break;
    case 1:
        free_one(w);
        break;
    case 2:
        if (w->finished < w->f.nr_moves)
            (void)finish_move(&w->f, w->finished++);
        break;
    default:
        break;
    }
}

/** What is being done, in slices or not. */
struct task {
    bool shrinks;
    pfn_t nr_pages;
    uint64_t tag;
    struct contig_request rq;
    struct contig c;
    struct zone_obstacle o;
};

static void make_task(struct task *t, struct rng *rng, unsigned slice)
{
    *t = (struct task){.shrinks = rng_one_in(rng, 2), .tag = 9};
    t->nr_pages = (1 + rng_below(rng, 12)) * P;
    t->rq = (struct contig_request){
        .nr_pages = (2 * P) << rng_below(rng, 3),
        .align_order = ORDER + rng_below(rng, 3),
        .type = MIGRATE_MOVABLE,
        .may_discard = rng_one_in(rng, 2),
        .slice = slice,
        .tag = &t->tag,
        .nr_tags = 1,
    };
}

static int begin(struct world *w, struct task *t)
{
    return t->shrinks ? zone_shrink_sliced(w->f.z, t->nr_pages, t->rq.may_discard, t->rq.slice,
                                           &t->c.ev, &t->o)
                      : alloc_contig_pages(w->f.z, &t->rq, &t->c, &t->o);
}

static int go_on(struct task *t)
{
    return t->shrinks ? zone_shrink_continue(&t->c.ev, &t->o) : contig_continue(&t->c, &t->o);
}

/* As long as there is more to look at. No call looks at much more than a slice. */
static int look_on(struct world *w, struct task *t, int r, bool anything_happens)
{
    while (r == -EINPROGRESS && t->c.ev.more) {
        if (anything_happens)
            happen(w);
        w->asked = 0;
        r = go_on(t);
        assert_in_range(w->asked, 0, t->rq.slice + 2 * P + 2 * EVACUATE_MOVES);
        assert_zone_ok(w->f.z);
    }
    return r;
}

static uint64_t first_seed(void)
{
    const char *text = getenv("BUDDYD_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 20261126u;

    print_message("BUDDYD_SEED=%" PRIu64 "\n", seed);
    return seed;
}

/* When nothing happens meanwhile, the outcome is that of one look at all. */
static void slices_come_to_the_same(void **state)
{
    const uint64_t seed = first_seed();
    struct world one, other;

    (void)state;
    for (unsigned i = 0; i < NR_ROUNDS; i++) {
        struct rng rng = {seed + i};
        const unsigned slice = 1 + rng_below(&rng, 64);
        struct rng again = rng;
        struct task t, u;
        int r, s;

        open(&one, seed + i);
        open(&other, seed + i);
        make_task(&t, &rng, 0);
        make_task(&u, &again, slice);
        r = begin(&one, &t);
        assert_false(r == -EINPROGRESS && t.c.ev.more);
        s = look_on(&other, &u, begin(&other, &u), false);
        assert_int_equal(r, s);
        if (r == -EAGAIN) /* of several obstacles another one may be found first */
            assert_int_equal(t.o.pfn, u.o.pfn);
        if (!t.shrinks && r != -ENOMEM)
            assert_int_equal(t.c.start, u.c.start);
        assert_int_equal(one.f.nr_moves, other.f.nr_moves);
        fixture_close(&one.f);
        fixture_close(&other.f);
    }
}

static void cancel(struct world *w, struct evacuation *ev)
{
    while (!evacuate_cancel(ev)) {
        happen(w);
        assert_zone_ok(w->f.z);
    }
}

static void end_of(struct world *w, struct task *t, int r)
{
    unsigned turns = 0;

    for (; r == -EINPROGRESS || (r == -EAGAIN && turns < 100); turns++) {
        r = look_on(w, t, r, true);
        if (r == -EINPROGRESS && t->c.ev.to_discard != PFN_NONE)
            give(w->f.z, t->c.ev.to_discard);
        else if (r == -EINPROGRESS && w->finished < w->f.nr_moves)
            (void)finish_move(&w->f, w->finished++);
        happen(w);
        if (r == -EINPROGRESS || r == -EAGAIN)
            r = go_on(t);
        assert_zone_ok(w->f.z);
        if (turns > 200)
            break;
    }
    if (r == -EINPROGRESS || r == -EAGAIN)
        cancel(w, &t->c.ev);
}

/* What moves, or is isolated, for others is waited for, and the look goes on behind it. */
static void others_are_waited_for(void **state)
{
    struct task task = {.shrinks = true, .rq = {.slice = 16}};
    struct zone_obstacle o;
    struct evacuation ev;
    struct world w;
    pfn_t at;
    int r;

    (void)state;
    open(&w, 0);
    while (zone_free_pages(w.f.z, 0) != NR_PAGES)
        free_one(&w);
    while ((at = take_tag(w.f.z, 0, MIGRATE_MOVABLE, 7)) < P)
        ;
    for (pfn_t pfn = 0; pfn < P; pfn++) {
        struct zone_block b;

        if (zone_block(w.f.z, pfn, &b) == 0 && b.state == BLOCK_ALLOCATED)
            give(w.f.z, pfn);
    }
    assert_int_equal(zone_move_begin(w.f.z, at), 0);
    assert_int_equal(zone_isolate_range(w.f.z, NR_PAGES - P, P, NULL), 0);
    assert_int_equal(zone_shrink(w.f.z, NR_PAGES - P, false, &ev, &o), -EBUSY);
    r = zone_shrink_sliced(w.f.z, NR_PAGES - P, false, 16, &task.c.ev, &task.o);
    r = look_on(&w, &task, r, false);
    for (unsigned i = 0; i < 100; i++, r = go_on(&task)) {
        assert_int_equal(r, -EAGAIN);
        assert_int_equal(task.o.reason, OBSTACLE_BUSY);
    }
    give(w.f.z, finish_move(&w.f, 0));
    r = look_on(&w, &task, go_on(&task), false);
    assert_int_equal(r, -EAGAIN);
    assert_obstacle(&task.o, OBSTACLE_ISOLATED, NR_PAGES - P);
    assert_int_equal(zone_undo_isolate(w.f.z, NR_PAGES - P, P), 0);
    assert_int_equal(look_on(&w, &task, go_on(&task), false), 0);
    assert_int_equal(zone_nr_pages(w.f.z), P);
    fixture_close(&w.f);
}

/* Whatever happens meanwhile: in the end nothing is isolated. */
static void anything_between_slices(void **state)
{
    const uint64_t seed = first_seed();
    unsigned nr_done = 0, nr_cut_off = 0;
    struct world w;

    (void)state;
    for (unsigned i = 0; i < NR_ROUNDS; i++) {
        struct rng rng = {seed + i};
        struct evacuation ev;
        struct task t;
        int r;

        open(&w, seed + i);
        make_task(&t, &rng, 1 + rng_below(&rng, 64));
        r = begin(&w, &t);
        for (unsigned k = rng_below(&rng, 20); k > 0 && r == -EINPROGRESS && t.c.ev.more; k--) {
            happen(&w);
            r = go_on(&t);
        }
        if (r == -EINPROGRESS && t.c.ev.more && rng_one_in(&rng, 3)) {
            const int cut = zone_shrink(w.f.z, P, false, &ev, NULL);

            if (cut == -EINPROGRESS || cut == -EAGAIN)
                assert_true(evacuate_cancel(&ev)); /* it is not in slices */
            nr_cut_off += cut == 0;
        }
        if (r == -EINPROGRESS && t.c.ev.more && rng_one_in(&rng, 8))
            cancel(&w, &t.c.ev);
        else
            end_of(&w, &t, r);
        nr_done += t.shrinks ? zone_nr_pages(w.f.z) < NR_PAGES : t.c.ev.isolated == t.c.ev.end;
        assert_zone_ok(w.f.z);
        assert_int_equal(zone_nr_pageblocks(w.f.z, MIGRATE_ISOLATE), 0);
        fixture_close(&w.f);
    }
    print_message("%u of %u are done, %u were cut off meanwhile\n", nr_done, NR_ROUNDS, nr_cut_off);
    assert_true(nr_done != 0 && nr_cut_off != 0);
}

/* What is isolated for others beside it, and has merged with it, stays so when it is given up. */
static void only_its_own_is_undone(void **state)
{
    struct task t = {.shrinks = true, .rq = {.slice = P}};
    struct world w;
    int r;

    (void)state;
    open(&w, 0);
    while (zone_free_pages(w.f.z, 0) != NR_PAGES)
        free_one(&w);
    while (take_tag(w.f.z, 0, MIGRATE_MOVABLE, 7) != NR_PAGES / 2)
        ;
    for (pfn_t pfn = 0; pfn < NR_PAGES; pfn++) {
        struct zone_block b;

        if (pfn != NR_PAGES / 2 && zone_block(w.f.z, pfn, &b) == 0 && b.state == BLOCK_ALLOCATED)
            give(w.f.z, pfn);
    }
    r = zone_shrink_sliced(w.f.z, NR_PAGES / 2, false, t.rq.slice, &t.c.ev, &t.o);
    while (r == -EINPROGRESS && t.c.ev.isolated == t.c.ev.start)
        r = zone_shrink_continue(&t.c.ev, &t.o);
    assert_int_equal(zone_isolate_range(w.f.z, NR_PAGES - P, P, NULL), 0);
    assert_int_equal(look_on(&w, &t, r, false), -EAGAIN);
    assert_int_equal(t.o.reason, OBSTACLE_ISOLATED);
    while (!evacuate_cancel(&t.c.ev))
        ;
    assert_int_equal(zone_nr_pageblocks(w.f.z, MIGRATE_ISOLATE), 1);
    assert_int_equal(zone_undo_isolate(w.f.z, NR_PAGES - P, P), 0);
    fixture_close(&w.f);
}

/* One page is granted in each pageblock. */
static void open_broken(struct world *w)
{
    open(w, 0);
    while (zone_free_pages(w->f.z, 0) != NR_PAGES)
        free_one(w);
    for (pfn_t i = 0; i < NR_PAGES; i++)
        (void)take_tag(w->f.z, 0, MIGRATE_MOVABLE, 7);
    for (pfn_t pfn = 0; pfn < NR_PAGES; pfn++) {
        if (pfn % P != 0)
            give(w->f.z, pfn);
    }
}

/* Isolate half of the zone, by two pageblocks in a slice. */
static int isolate_half(struct world *w, struct task *t)
{
    int r;

    t->shrinks = true;
    t->rq.slice = P;
    r = zone_shrink_sliced(w->f.z, NR_PAGES / 2, false, t->rq.slice, &t->c.ev, &t->o);
    r = look_on(w, t, r, false);
    assert_int_equal(zone_nr_pageblocks(w->f.z, MIGRATE_ISOLATE), NR_PAGEBLOCKS / 2);
    return r;
}

/* Given up, or failed at last: the range is put to use again two pageblocks at a time. */
static void it_is_undone_in_slices(void **state)
{
    struct task t = {.shrinks = true};
    struct world w;
    unsigned n = 0;
    bool freed;
    int r;

    (void)state;
    open_broken(&w);
    assert_int_equal(isolate_half(&w, &t), -EINPROGRESS);
    for (; !evacuate_cancel(&t.c.ev); n++)
        assert_int_equal(zone_nr_pageblocks(w.f.z, MIGRATE_ISOLATE), NR_PAGEBLOCKS / 2 - 2 * n - 2);
    assert_int_equal(n, NR_PAGEBLOCKS / 4 - 1);
    assert_int_equal(zone_nr_pageblocks(w.f.z, MIGRATE_ISOLATE), 0);
    assert_true(evacuate_cancel(&t.c.ev));
    fixture_close(&w.f);

    open_broken(&w);
    r = isolate_half(&w, &t);
    for (unsigned i = 0; r == -EINPROGRESS && !t.c.ev.more; i++) {
        assert_int_equal(zone_move_abort(w.f.z, w.f.move[i].from, &freed), 0);
        r = zone_shrink_continue(&t.c.ev, &t.o);
    }
    for (n = 1; r == -EINPROGRESS; n++) {
        assert_true(t.c.ev.more);
        r = zone_shrink_continue(&t.c.ev, &t.o);
    }
    assert_int_equal(r, -EBUSY);
    assert_int_equal(t.o.reason, OBSTACLE_ABORTED);
    assert_in_range(n, NR_PAGEBLOCKS / 4, NR_PAGEBLOCKS / 4 + 1);
    assert_int_equal(zone_nr_pageblocks(w.f.z, MIGRATE_ISOLATE), 0);
    fixture_close(&w.f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_come_to_the_same), cmocka_unit_test(anything_between_slices),
        cmocka_unit_test(others_are_waited_for),   cmocka_unit_test(only_its_own_is_undone),
        cmocka_unit_test(it_is_undone_in_slices),
    };

    return cmocka_run_group_tests_name("evacuate_sliced", tests, NULL, NULL);
}
