/* SPDX-License-Identifier: Apache-2.0 */
/* test_evacuate.c: ranges with blocks that are in use, or that may be discarded. */
#include "mm/contig.h"
#include "mm/hotplug.h"
#include "range_fixture.h"

/* Blocks with these tags are in use: a look tells, or only the move itself. */
#define TAG_PINNED 0x111u
#define TAG_SLY    0x222u

static bool pins_hold = true;

static bool movable(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag)
{
    (void)ctx;
    (void)z;
    (void)pfn;
    return !pins_hold || tag != TAG_PINNED;
}

static bool move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct zone_fixture *f = ctx;
    struct zone_block b;

    assert_int_equal(zone_block(z, from, &b), 0);
    if (pins_hold && b.tag == TAG_SLY)
        return false;
    assert_true(f->nr_moves < FIXTURE_CALLS);
    f->move[f->nr_moves++] = (struct move_call){.from = from, .to = to, .order = order};
    return true;
}

static void open(struct zone_fixture *f, pfn_t nr_pageblocks)
{
    static const struct zone_ops ops = {.move = move, .movable = movable};
    const struct zone_config config = {
        .nr_pages = nr_pageblocks * P,
        .pageblock_order = ORDER,
        .nr_domains = 1,
        .eager = true,
        .ops = &ops,
        .ops_ctx = f,
    };

    pins_hold = true;
    fixture_open_config(f, &config);
}

/* One block of the order with this tag at pfn, and nothing else. */
static void put(struct zone_fixture *f, pfn_t pfn, unsigned order, enum migratetype type,
                uint64_t tag)
{
    pfn_t got[256];
    unsigned n = 0;

    do
        got[n++] = take_tag(f->z, order, type, tag);
    while (got[n - 1] != pfn);
    while (--n > 0)
        give(f->z, got[n - 1]);
    settle(f->z);
    assert_tag(f->z, pfn, order, tag);
}

static void what_is_in_use_is_waited_for(void **state)
{
    static const uint64_t tags[] = {TAG_PINNED, TAG_SLY};
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        open(&f, 16);
        put(&f, 14 * P, 2, MIGRATE_MOVABLE, tags[i]);
        put(&f, 15 * P, 1, MIGRATE_MOVABLE, 7);
        assert_int_equal(zone_shrink(f.z, 2 * P, false, &ev, &o), -EINPROGRESS);
        assert_int_equal(f.nr_moves, 1);
        assert_int_equal(f.move[0].from, 15 * P);
        assert_zone_ok(f.z);
        (void)finish_move(&f, 0);
        for (unsigned k = 0; k < 2 * EVACUATE_TRIES; k++) {
            assert_int_equal(zone_shrink_continue(&ev, &o), -EAGAIN);
            assert_obstacle(&o, OBSTACLE_PINNED, 14 * P);
            assert_zone_ok(f.z);
        }
        assert_tag(f.z, 14 * P, 2, tags[i]);
        assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 2);
        pins_hold = false;
        assert_int_equal(zone_shrink_continue(&ev, &o), -EINPROGRESS);
        (void)finish_move(&f, 1);
        assert_int_equal(zone_shrink_continue(&ev, &o), 0);
        assert_int_equal(zone_nr_pages(f.z), 14 * P);
        give(f.z, f.move[0].to);
        give(f.z, f.move[1].to);
        assert_wholly_free(f.z);
        fixture_close(&f);
    }
}

static void a_pin_ends_while_others_move(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    open(&f, 16);
    put(&f, 14 * P, 2, MIGRATE_MOVABLE, TAG_PINNED);
    put(&f, 15 * P, 1, MIGRATE_MOVABLE, 7);
    assert_int_equal(zone_shrink(f.z, 2 * P, false, &ev, NULL), -EINPROGRESS);
    pins_hold = false;
    assert_int_equal(zone_shrink_continue(&ev, NULL), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 2);
    for (unsigned i = 0; i < 2; i++)
        give(f.z, finish_move(&f, i));
    assert_int_equal(zone_shrink_continue(&ev, NULL), 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* However long a block is in use, those that wait behind it are not taken for failed moves. */
static void many_in_use_leave_one_by_one(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;
    unsigned nr = 3 * EVACUATE_TRIES;

    (void)state;
    open(&f, 16);
    for (unsigned i = 0; i < nr; i++)
        put(&f, 15 * P + i, 0, MIGRATE_MOVABLE, i < nr - 1 ? TAG_SLY : 5);
    assert_int_equal(zone_shrink(f.z, P, false, &ev, NULL), -EINPROGRESS);
    (void)finish_move(&f, 0);
    pins_hold = false;
    assert_int_equal(zone_shrink_continue(&ev, NULL), -EINPROGRESS);
    for (unsigned i = 1; i < nr; i++)
        (void)finish_move(&f, i);
    assert_int_equal(zone_shrink_continue(&ev, NULL), 0);
    for (unsigned i = 0; i < nr; i++)
        give(f.z, f.move[i].to);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What is in use may be freed, and given up. */
static void what_is_in_use_is_freed_or_kept(void **state)
{
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    open(&f, 16);
    put(&f, 15 * P + 4, 1, MIGRATE_MOVABLE, TAG_PINNED);
    assert_int_equal(zone_shrink(f.z, P, false, &ev, &o), -EAGAIN);
    evacuate_cancel(&ev);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
    assert_int_equal(zone_shrink(f.z, P, false, &ev, &o), -EAGAIN);
    give(f.z, 15 * P + 4);
    assert_int_equal(zone_shrink_continue(&ev, &o), 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A contiguous request looks for a place where nothing is in use, and can wait at a fixed one. */
static void contiguous_requests_go_elsewhere(void **state)
{
    const uint64_t tag = 9;
    const struct contig_request rq = {.nr_pages = 8 * P,
                                      .align_order = ORDER + 3,
                                      .type = MIGRATE_UNMOVABLE,
                                      .tag = &tag,
                                      .nr_tags = 1};
    struct zone_obstacle o;
    struct zone_fixture f;
    struct contig c;

    (void)state;
    open(&f, 32);
    for (pfn_t at = 0; at < 32 * P; at += 8 * P)
        put(&f, at + 3 * P, 2, MIGRATE_MOVABLE, at == 16 * P ? 5 : TAG_PINNED);
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, &o), -EINPROGRESS);
    assert_int_equal(c.start, 16 * P);
    assert_true(c.pinned); /* those before it */
    (void)finish_move(&f, 0);
    assert_int_equal(contig_continue(&c, &o), 0);
    assert_tag(f.z, 16 * P, ORDER + 3, 9);
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, &o), -ENOMEM);
    assert_int_equal(o.reason, OBSTACLE_PINNED);
    assert_true(c.pinned);
    assert_int_equal(alloc_contig_range(f.z, 8 * P, &rq, &c, &o), -EAGAIN);
    assert_false(c.pinned); /* there is no other */
    assert_obstacle(&o, OBSTACLE_PINNED, 11 * P);
    assert_int_equal(contig_continue(&c, &o), -EAGAIN);
    pins_hold = false;
    assert_int_equal(contig_continue(&c, &o), -EINPROGRESS);
    (void)finish_move(&f, 1);
    assert_int_equal(contig_continue(&c, &o), 0);
    assert_tag(f.z, 8 * P, ORDER + 3, 9);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

/* A window whose blocks say yes, and then no, is waited for. */
static void a_window_that_changes_its_mind(void **state)
{
    const uint64_t tag = 9;
    const struct contig_request rq = {.nr_pages = 8 * P,
                                      .align_order = ORDER + 3,
                                      .type = MIGRATE_MOVABLE,
                                      .tag = &tag,
                                      .nr_tags = 1};
    struct zone_obstacle o;
    struct zone_fixture f;
    struct contig c;

    (void)state;
    open(&f, 16);
    put(&f, 0, 0, MIGRATE_MOVABLE, TAG_SLY);
    put(&f, 8 * P, 0, MIGRATE_MOVABLE, TAG_SLY);
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, &o), -EAGAIN);
    assert_obstacle(&o, OBSTACLE_PINNED, 0);
    evacuate_cancel(&c.ev);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

/* Most of the zone is to go, and it is nearly full: what is RECLAIMABLE is named, the rest moves.
 */
static void what_has_no_room_is_discarded(void **state)
{
    unsigned nr_discarded = 0, moved = 0;
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;
    int r;

    (void)state;
    open(&f, 16);
    for (unsigned i = 0; i < 16; i++)
        (void)take_tag(f.z, ORDER, i % 4 == 0 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE, 7);
    for (pfn_t pfn = 0; pfn < 4 * P; pfn += P)
        give(f.z, pfn);
    assert_int_equal(zone_shrink(f.z, 12 * P, false, &ev, &o), -ENOMEM);
    assert_int_equal(o.reason, OBSTACLE_NO_ROOM);
    r = zone_shrink(f.z, 12 * P, true, &ev, &o);
    while (r == -EINPROGRESS) {
        if (ev.to_discard != PFN_NONE) {
            struct zone_block b;

            assert_int_equal(zone_block(f.z, ev.to_discard, &b), 0);
            assert_int_equal(b.type, MIGRATE_RECLAIMABLE);
            give(f.z, ev.to_discard);
            nr_discarded++;
        } else {
            assert_true(moved < f.nr_moves);
            (void)finish_move(&f, moved++);
        }
        r = zone_shrink_continue(&ev, &o);
        assert_zone_ok(f.z);
    }
    assert_int_equal(r, 0);
    assert_true(nr_discarded != 0);
    assert_int_equal(zone_nr_pages(f.z), 4 * P);
    fixture_close(&f);
}

/* With room for all nothing is discarded; when others take the room, it is. */
static void what_has_room_moves(void **state)
{
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    open(&f, 16);
    put(&f, 14 * P, ORDER, MIGRATE_RECLAIMABLE, 5);
    put(&f, 15 * P, ORDER, MIGRATE_RECLAIMABLE, 6);
    assert_int_equal(zone_shrink(f.z, 2 * P, true, &ev, &o), -EINPROGRESS);
    assert_true(ev.to_discard == PFN_NONE);
    assert_int_equal(f.nr_moves, 2);
    for (unsigned i = 0; i < 2; i++) {
        bool freed;

        assert_int_equal(zone_move_abort(f.z, f.move[i].from, &freed), 0);
    }
    for (unsigned i = 0; i < 14; i++)
        (void)take_tag(f.z, ORDER, MIGRATE_UNMOVABLE, 1);
    assert_int_equal(zone_shrink_continue(&ev, &o), -EINPROGRESS);
    assert_int_equal(ev.to_discard, 14 * P);
    give(f.z, 14 * P);
    assert_int_equal(zone_shrink_continue(&ev, &o), -EINPROGRESS);
    give(f.z, ev.to_discard);
    assert_int_equal(zone_shrink_continue(&ev, &o), 0);
    fixture_close(&f);
}

/* More than is free can be had in one piece when what is there may be discarded. */
static void a_window_of_more_than_is_free(void **state)
{
    const uint64_t tag = 9;
    struct contig_request rq = {.nr_pages = 8 * P,
                                .align_order = ORDER + 3,
                                .type = MIGRATE_UNMOVABLE,
                                .tag = &tag,
                                .nr_tags = 1};
    struct zone_obstacle o;
    struct zone_fixture f;
    struct contig c;
    int r;

    (void)state;
    open(&f, 16);
    for (unsigned i = 0; i < 14; i++)
        (void)take_tag(f.z, ORDER, MIGRATE_RECLAIMABLE, 7);
    c.pinned = true;
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, &o), -ENOMEM);
    assert_false(c.pinned);
    rq.may_discard = true;
    r = alloc_contig_pages(f.z, &rq, &c, &o);
    while (r == -EINPROGRESS) {
        assert_int_equal(f.nr_moves, 0);
        give(f.z, c.ev.to_discard);
        r = contig_continue(&c, &o);
    }
    assert_int_equal(r, 0);
    assert_tag(f.z, c.start, ORDER + 3, 9);
    rq.nr_pages = 32 * P;
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, &o), -ENOMEM);
    fixture_close(&f);
}

/* Who says that he will discard, and does not, does not keep the range for ever. */
static void what_is_not_discarded_ends_it(void **state)
{
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;
    unsigned tries = 0;
    int r;

    (void)state;
    open(&f, 4);
    for (unsigned i = 0; i < 3; i++)
        (void)take_tag(f.z, ORDER, MIGRATE_RECLAIMABLE, 7);
    give(f.z, 0);
    r = zone_shrink(f.z, 3 * P, true, &ev, &o);
    assert_int_equal(r, -EINPROGRESS);
    while (r == -EINPROGRESS && tries++ < 100)
        r = zone_shrink_continue(&ev, &o);
    assert_int_equal(r, -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_ABORTED);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_use_is_waited_for),
        cmocka_unit_test(a_pin_ends_while_others_move),
        cmocka_unit_test(many_in_use_leave_one_by_one),
        cmocka_unit_test(what_is_in_use_is_freed_or_kept),
        cmocka_unit_test(contiguous_requests_go_elsewhere),
        cmocka_unit_test(a_window_that_changes_its_mind),
        cmocka_unit_test(what_has_no_room_is_discarded),
        cmocka_unit_test(what_has_room_moves),
        cmocka_unit_test(a_window_of_more_than_is_free),
        cmocka_unit_test(what_is_not_discarded_ends_it),
    };

    return cmocka_run_group_tests_name("evacuate", tests, NULL, NULL);
}
