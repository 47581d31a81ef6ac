/* SPDX-License-Identifier: Apache-2.0 */
/* test_hotplug.c: a zone that grows and shrinks at its end. */
#include "mm/hotplug.h"

#include "mm/contig.h"
#include "mm/watermark.h"
#include "range_fixture.h"

/* A zone of so many pageblocks that can have more. */
static void open_growing(struct zone_fixture *f, pfn_t nr_pages, pfn_t max_pages,
                         unsigned nr_domains)
{
    struct zone_config config;

    fixture_open(f, P, ORDER, nr_domains);
    config = f->config;
    fixture_close(f);
    config.nr_pages = nr_pages;
    config.max_pages = max_pages;
    fixture_open_config(f, &config);
    f->config.ops_ctx = f;
}

static void grow(struct zone *z, pfn_t nr_pages, unsigned domain)
{
    pfn_t before = zone_nr_pages(z);

    assert_int_equal(zone_grow(z, nr_pages, domain), 0);
    assert_int_equal(zone_nr_pages(z), before + nr_pages);
    assert_zone_ok(z);
}

static void shrink(struct zone *z, pfn_t nr_pages)
{
    pfn_t before = zone_nr_pages(z);
    struct evacuation ev;

    assert_int_equal(zone_shrink(z, nr_pages, false, &ev, NULL), 0);
    assert_int_equal(zone_nr_pages(z), before - nr_pages);
    assert_zone_ok(z);
}

static int finish(struct zone_fixture *f, struct evacuation *ev, unsigned first,
                  struct zone_obstacle *o)
{
    int r = -EINPROGRESS;

    while (r == -EINPROGRESS) {
        (void)finish_move(f, first++);
        r = zone_shrink_continue(ev, o);
        assert_zone_ok(f->z);
    }
    return r;
}

static void assert_refused(struct zone_fixture *f, pfn_t nr_pages, int error,
                           enum obstacle_reason reason, pfn_t pfn)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 0};
    struct memory_image before;
    struct evacuation ev;

    memory_take(&before, f);
    assert_int_equal(zone_shrink(f->z, nr_pages, false, &ev, &o), error);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(zone_shrink(f->z, nr_pages, false, &ev, NULL), error);
    assert_same_memory(&before, f);
}

static void grows_to_its_maximum_and_shrinks_to_nothing(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_growing(&f, P, 37 * P, 1);
    assert_wholly_free(f.z);
    grow(f.z, P, 0);
    assert_wholly_free(f.z);
    grow(f.z, 11 * P, 0);
    assert_wholly_free(f.z);
    grow(f.z, 24 * P, 0);
    assert_wholly_free(f.z);
    assert_pageblocks(f.z, 0, 37, 0);
    shrink(f.z, P);
    assert_wholly_free(f.z);
    shrink(f.z, 20 * P);
    assert_wholly_free(f.z);
    shrink(f.z, 16 * P);
    assert_wholly_free(f.z);
    assert_pageblocks(f.z, 0, 0, 0);
    assert_int_equal(zone_largest_free_order(f.z, 0), -1);
    assert_int_equal(zone_resident(f.z, 0), DOMAIN_NONE);
    grow(f.z, 37 * P, 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* What a zone was leaves nothing behind. */
static void a_zone_that_grew_is_like_one_that_was_made_so(void **state)
{
    struct zone_fixture f, g;

    (void)state;
    open_growing(&f, 16 * P, 32 * P, 1);
    take_all(f.z, 2, MIGRATE_RECLAIMABLE);
    for (pfn_t pfn = 0; pfn < 16 * P; pfn += 4)
        give(f.z, pfn);
    shrink(f.z, 16 * P);
    grow(f.z, 32 * P, 0);
    open_growing(&g, 32 * P, 32 * P, 1);
    assert_int_equal(f.lasting_bytes, g.lasting_bytes);
    assert_memory_equal(f.lasting, g.lasting, f.lasting_bytes);
    fixture_close(&f);
    fixture_close(&g);
}

static void refuses_what_cannot_be(void **state)
{
    struct memory_image before;
    struct zone_fixture f;

    (void)state;
    open_growing(&f, 8 * P, 16 * P, 2);
    memory_take(&before, &f);
    assert_int_equal(zone_grow(f.z, 0, 0), -EINVAL);
    assert_int_equal(zone_grow(f.z, P + 1, 0), -EINVAL);
    assert_int_equal(zone_grow(f.z, 9 * P, 0), -EINVAL);
    assert_int_equal(zone_grow(f.z, (pfn_t)0 - P, 0), -EINVAL);
    assert_int_equal(zone_grow(f.z, P, 2), -EINVAL);
    assert_same_memory(&before, &f);
    assert_refused(&f, 0, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, 1, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, 9 * P, -EINVAL, OBSTACLE_NONE, 0);
    assert_refused(&f, (pfn_t)0 - P, -EINVAL, OBSTACLE_NONE, 0);
    grow(f.z, 8 * P, 1);
    assert_int_equal(zone_grow(f.z, P, 0), -EINVAL);
    fixture_close(&f);
}

static void a_zone_that_cannot_grow(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 1);
    assert_int_equal(zone_grow(f.z, P, 0), -EINVAL);
    shrink(f.z, P);
    grow(f.z, P, 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Metadata is for the maximum, which has to be one. */
static void the_config_of_a_zone_that_grows(void **state)
{
    struct zone_config c = {.nr_pages = 8 * P, .pageblock_order = ORDER, .nr_domains = 1};
    struct zone_config most = c;
    size_t lasting, derived, most_lasting, most_derived;

    (void)state;
    c.max_pages = 64 * P;
    most.nr_pages = 64 * P;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), 0);
    assert_int_equal(zone_metadata_bytes(&most, &most_lasting, &most_derived), 0);
    assert_int_equal(lasting, most_lasting);
    assert_int_equal(derived, most_derived);
    c.max_pages = 7 * P;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), -EINVAL);
    c.max_pages = 8 * P + 1;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), -EINVAL);
    c.max_pages = PFN_MAX_PAGES + P;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), -EINVAL);
    c.max_pages = 8 * P;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), 0);
    c.nr_pages = 0;
    assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), -EINVAL);
}

/* By its maximum: a zone does not begin to group one day. */
static void grouping_is_decided_by_the_maximum(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_growing(&f, P, 6 * P, 1);
    assert_pageblocks(f.z, 0, 1, 0);
    grow(f.z, 5 * P, 0);
    assert_pageblocks(f.z, 0, 6, 0);
    fixture_close(&f);
    open_growing(&f, P, 5 * P, 1);
    grow(f.z, 4 * P, 0);
    assert_pageblocks(f.z, 5, 0, 0);
    fixture_close(&f);
}

/* New memory is used last, so that it can best be taken away again. */
static void new_memory_goes_to_the_tail(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_growing(&f, 8 * P, 16 * P, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    give(f.z, 2 * P);
    give(f.z, 5 * P);
    settle(f.z);
    grow(f.z, P, 0);
    assert_true(take(f.z, ORDER, MIGRATE_MOVABLE) < 8 * P);
    assert_true(take(f.z, ORDER, MIGRATE_MOVABLE) < 8 * P);
    assert_int_equal(take(f.z, ORDER, MIGRATE_MOVABLE), 8 * P);
    fixture_close(&f);
}

static void new_memory_merges_with_what_is_there(void **state)
{
    struct zone_fixture f;

    (void)state;
    open_growing(&f, 7 * P, 16 * P, 2);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    give(f.z, 6 * P);
    grow(f.z, P, 0);
    assert_free_type(f.z, 6 * P, ORDER + 1, MIGRATE_MOVABLE);
    grow(f.z, 2 * P, 1);
    grow(f.z, 2 * P, 0);
    assert_free_type(f.z, 8 * P, ORDER + 1, MIGRATE_MOVABLE);
    assert_free_type(f.z, 10 * P, ORDER + 1, MIGRATE_MOVABLE);
    assert_int_equal(zone_resident(f.z, 9 * P), 1);
    assert_int_equal(zone_resident(f.z, 10 * P), 0);
    fixture_close(&f);
}

static void what_is_granted_moves_down(void **state)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE, .pfn = 3};
    struct zone_fixture f;
    struct evacuation ev;
    struct zone_stat st;

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    fill_range(f.z, 0, MIGRATE_MOVABLE, 28 * P, 31 * P + 3);
    assert_int_equal(zone_shrink(f.z, 4 * P, false, &ev, &o), -EINPROGRESS);
    assert_int_equal(f.nr_moves, EVACUATE_MOVES);
    zone_stat(f.z, &st);
    assert_int_equal(st.isolated_pages, P - 3);
    assert_int_equal(st.managed_pages, 32 * P);
    assert_int_equal(finish(&f, &ev, 0, &o), 0);
    assert_obstacle(&o, OBSTACLE_NONE, 3);
    assert_int_equal(f.nr_moves, 3 * P + 3);
    zone_stat(f.z, &st);
    assert_int_equal(st.managed_pages, 28 * P);
    assert_int_equal(st.free_pages, 28 * P - 3 * P - 3);
    assert_int_equal(st.isolated_pages, 0);
    for (unsigned i = 0; i < f.nr_moves; i++) {
        assert_true(f.move[i].to < 28 * P);
        give(f.z, f.move[i].to);
    }
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* A large block lies over the new end: it moves, and what it leaves before the end is in use. */
static void a_block_over_the_new_end(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    fixture_open(&f, 32 * P, ORDER, 1);
    fill_range(f.z, ORDER + 2, MIGRATE_RECLAIMABLE, 28 * P, 32 * P);
    assert_int_equal(zone_shrink(f.z, P, false, &ev, NULL), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 1);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 4);
    assert_int_equal(finish(&f, &ev, 0, NULL), 0);
    assert_int_equal(zone_nr_pages(f.z), 31 * P);
    give(f.z, f.move[0].to);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void what_stands_in_the_way_is_named(void **state)
{
    struct zone_fixture f;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    take_all(f.z, 0, MIGRATE_UNMOVABLE);
    for (pfn = 0; pfn < 16 * P; pfn++) {
        if (pfn != 9 * P + 3)
            give(f.z, pfn);
    }
    assert_refused(&f, 7 * P, -EBUSY, OBSTACLE_UNMOVABLE, 9 * P + 3);
    assert_refused(&f, 16 * P, -EBUSY, OBSTACLE_UNMOVABLE, 9 * P + 3);
    assert_int_equal(zone_isolate_range(f.z, 15 * P, P, NULL), 0);
    assert_refused(&f, 2 * P, -EBUSY, OBSTACLE_ISOLATED, 15 * P);
    assert_int_equal(zone_undo_isolate(f.z, 15 * P, P), 0);
    assert_int_equal(try_take(f.z, ORDER + 2, MIGRATE_MOVABLE, 1, 0, &pfn), -EINPROGRESS);
    pfn = f.populate[0].pfn;
    assert_refused(&f, 16 * P - pfn, -EBUSY, OBSTACLE_BUSY, pfn);
    assert_int_equal(zone_populate_fail(f.z, pfn, 2), 0);
    assert_refused(&f, 16 * P - pfn - 2 * P, -EBUSY, OBSTACLE_UNBACKED, pfn + 2 * P);
    fixture_close(&f);
}

static void no_room_in_the_rest(void **state)
{
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, 1, MIGRATE_MOVABLE, 0, 12 * P);
    assert_refused(&f, 16 * P, -ENOMEM, OBSTACLE_NO_ROOM, 0);
    assert_refused(&f, 5 * P, -ENOMEM, OBSTACLE_NO_ROOM, 11 * P);
    shrink(f.z, 4 * P);
    fixture_close(&f);
}

/* Every domain's blocks move in that domain's file. */
static void several_domains_move_each_in_its_file(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;
    pfn_t own, other;

    (void)state;
    open_growing(&f, 8 * P, 16 * P, 3);
    assert_int_equal(try_take(f.z, ORDER + 3, MIGRATE_MOVABLE, 0, 0, &own), 0);
    give(f.z, own);
    settle(f.z);
    grow(f.z, 2 * P, 1); /* 8, 9: room for domain 1 */
    grow(f.z, 2 * P, 0);
    assert_int_equal(try_take(f.z, ORDER + 1, MIGRATE_MOVABLE, 1, ALLOC_NOWAIT, &other), 0);
    assert_int_equal(other, 8 * P);
    grow(f.z, P, 1); /* 12: where its block has to be */
    assert_int_equal(try_take(f.z, 1, MIGRATE_MOVABLE, 1, ALLOC_NOWAIT, &own), 0);
    assert_int_equal(own / P, 12);
    assert_refused(&f, P, -ENOMEM, OBSTACLE_NO_ROOM, own); /* what is free is domain 0's */
    give(f.z, other);
    settle(f.z);
    assert_int_equal(zone_isolate_range(f.z, 0, 10 * P, NULL), 0);
    assert_int_equal(try_take(f.z, 2, MIGRATE_MOVABLE, 0, ALLOC_NOWAIT, &other), 0);
    assert_int_equal(other / P, 10);
    assert_int_equal(zone_undo_isolate(f.z, 0, 10 * P), 0);
    assert_int_equal(zone_shrink(f.z, 3 * P, false, &ev, NULL), -EINPROGRESS);
    assert_int_equal(f.nr_moves, 2);
    assert_true(f.move[0].from == other && f.move[0].to < 8 * P);
    assert_true(f.move[1].from == own && f.move[1].to / P >= 8);
    assert_int_equal(finish(&f, &ev, 0, NULL), 0);
    assert_int_equal(zone_nr_pages(f.z), 10 * P);
    fixture_close(&f);
}

static void grown_meanwhile(void **state)
{
    struct zone_obstacle o;
    struct zone_fixture f;
    struct evacuation ev;
    struct zone_stat st;

    (void)state;
    open_growing(&f, 16 * P, 17 * P, 1);
    fill_range(f.z, ORDER, MIGRATE_MOVABLE, 15 * P, 16 * P);
    assert_int_equal(zone_shrink(f.z, P, false, &ev, &o), -EINPROGRESS);
    grow(f.z, P, 0);
    (void)finish_move(&f, 0);
    assert_int_equal(zone_shrink_continue(&ev, &o), -EBUSY);
    assert_obstacle(&o, OBSTACLE_BEHIND, 16 * P);
    assert_zone_ok(f.z);
    zone_stat(f.z, &st);
    assert_int_equal(st.isolated_pages, 0);
    assert_int_equal(st.free_pages, 16 * P);
    give(f.z, f.move[0].to);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

static void given_up_and_aborted(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;
    bool freed;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, ORDER, MIGRATE_MOVABLE, 15 * P, 16 * P);
    assert_int_equal(zone_shrink(f.z, 2 * P, false, &ev, NULL), -EINPROGRESS);
    evacuate_cancel(&ev);
    assert_zone_ok(f.z);
    assert_int_equal(zone_move_abort(f.z, 15 * P, &freed), 0);
    assert_int_equal(zone_shrink(f.z, 2 * P, false, &ev, NULL), -EINPROGRESS);
    for (unsigned i = 0; i < EVACUATE_TRIES; i++) {
        assert_int_equal(zone_move_abort(f.z, 15 * P, &freed), 0);
        assert_int_equal(zone_shrink_continue(&ev, NULL), -EINPROGRESS);
    }
    assert_int_equal(zone_move_abort(f.z, 15 * P, &freed), 0);
    assert_int_equal(zone_shrink_continue(&ev, NULL), -EBUSY);
    assert_int_equal(zone_nr_pages(f.z), 16 * P);
    give(f.z, 15 * P);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* CMA areas go too; a range beside it that is isolated by another stays so. */
static void all_types_can_be_taken_off(void **state)
{
    struct zone_fixture f;
    struct evacuation ev;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fill_range(f.z, ORDER - 1, MIGRATE_MOVABLE, 14 * P, 15 * P);
    assert_int_equal(zone_cma_init(f.z, 15 * P, P, NULL), 0);
    assert_int_equal(zone_isolate_range(f.z, 12 * P, 2 * P, NULL), 0);
    assert_int_equal(zone_shrink(f.z, 2 * P, false, &ev, NULL), -EINPROGRESS);
    assert_int_equal(finish(&f, &ev, 0, NULL), 0);
    give(f.z, f.move[0].to);
    give(f.z, f.move[1].to);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_CMA), 0);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 2);
    assert_int_equal(zone_undo_isolate(f.z, 12 * P, 2 * P), 0);
    assert_wholly_free(f.z);
    fixture_close(&f);
}

/* Marks follow when they are set up again, also for a zone of nothing. */
static void the_marks_follow(void **state)
{
    const struct mm_settings settings = MM_SETTINGS_INIT;
    struct zone_fixture f;
    pfn_t low;

    (void)state;
    open_growing(&f, 512 * P, 4096 * P, 1);
    assert_int_equal(watermarks_setup(&f.z, 1, 12, &settings), 0);
    low = zone_wmark(f.z, WMARK_LOW);
    grow(f.z, 3584 * P, 0);
    assert_int_equal(watermarks_setup(&f.z, 1, 12, &settings), 0);
    assert_true(zone_wmark(f.z, WMARK_LOW) > low);
    shrink(f.z, 3584 * P);
    assert_int_equal(watermarks_setup(&f.z, 1, 12, &settings), 0);
    assert_int_equal(zone_wmark(f.z, WMARK_LOW), low);
    shrink(f.z, 512 * P);
    assert_int_equal(watermarks_setup(&f.z, 1, 12, &settings), 0);
    assert_false(zone_watermark_ok(f.z, 0, 0, ZONE_NORMAL, 0, 0));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_maximum_and_shrinks_to_nothing),
        cmocka_unit_test(a_zone_that_grew_is_like_one_that_was_made_so),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(a_zone_that_cannot_grow),
        cmocka_unit_test(the_config_of_a_zone_that_grows),
        cmocka_unit_test(grouping_is_decided_by_the_maximum),
        cmocka_unit_test(new_memory_goes_to_the_tail),
        cmocka_unit_test(new_memory_merges_with_what_is_there),
        cmocka_unit_test(what_is_granted_moves_down),
        cmocka_unit_test(a_block_over_the_new_end),
        cmocka_unit_test(what_stands_in_the_way_is_named),
        cmocka_unit_test(no_room_in_the_rest),
        cmocka_unit_test(several_domains_move_each_in_its_file),
        cmocka_unit_test(grown_meanwhile),
        cmocka_unit_test(given_up_and_aborted),
        cmocka_unit_test(all_types_can_be_taken_off),
        cmocka_unit_test(the_marks_follow),
    };

    return cmocka_run_group_tests_name("hotplug", tests, NULL, NULL);
}
