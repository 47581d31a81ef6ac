/* SPDX-License-Identifier: Apache-2.0 */
/* test_contig_room.c: what stands in the way of a contiguous range, and whether what lies there has
 * room elsewhere. */
#include <stdlib.h>

#include "contig_fixture.h"
#include "rng.h"

static void refuses_what_must_stay(void **state)
{
    struct zone_fixture f;
    pfn_t fixed, movable, first;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    fixed = take(f.z, 2, MIGRATE_UNMOVABLE);
    movable = take(f.z, 2, MIGRATE_MOVABLE);
    assert_contig_refused(&f, fixed, 1, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_contig_refused(&f, fixed / P * P + P - 1, 1, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_contig_refused(&f, 0, 16 * P, -EBUSY, OBSTACLE_UNMOVABLE, fixed);
    assert_int_equal(zone_move_begin(f.z, movable), 0);
    first = movable < f.move[0].to ? movable : f.move[0].to;
    assert_int_equal(first / P, movable / P);
    assert_contig_refused(&f, movable / P * P + P - 1, 1, -EBUSY, OBSTACLE_BUSY, first);
    assert_int_equal(zone_isolate_range(f.z, 5 * P, P, NULL), 0);
    assert_contig_refused(&f, 4 * P, 2 * P, -EBUSY, OBSTACLE_ISOLATED, 5 * P);
    assert_int_equal(zone_undo_isolate(f.z, 5 * P, P), 0);
    fixture_close(&f);
}

/* Exactly enough room outside is enough; one page less is not. */
static void room_for_all_or_nothing_changes(void **state)
{
    const struct contig_request rq = contig_request_of(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 0, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i++)
        give(f.z, 8 * P + 2 * i);
    pfn = take(f.z, 0, MIGRATE_MOVABLE);
    assert_contig_refused(&f, 3 * P, P, -ENOMEM, OBSTACLE_NO_ROOM, 4 * P - 1);
    give(f.z, pfn);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, 3 * P, P);
    fixture_close(&f);
}

/* Free pages inside the range are no room for what has to leave it, nor is what is too small. */
static void room_must_be_outside_and_large_enough(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 1, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i += 2)
        give(f.z, 4 * P + i);
    assert_contig_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 3 * P);
    assert_int_equal(zone_split(f.z, 8 * P, 0), 0);
    assert_int_equal(zone_split(f.z, 10 * P, 0), 0);
    give(f.z, 8 * P);
    give(f.z, 10 * P);
    assert_contig_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 3 * P);
    for (pfn_t i = 2; i < P; i += 2)
        give(f.z, 9 * P + i);
    /* 7 blocks of order 1, and 8 have to leave. */
    assert_contig_refused(&f, 3 * P, 2 * P, -ENOMEM, OBSTACLE_NO_ROOM, 4 * P - 2);
    give(f.z, 9 * P);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, 3 * P, 2 * P);
    fixture_close(&f);
}

/* The part of a large free block that lies outside the range is room, on both sides. */
static void the_rest_of_a_free_block_is_room(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 4; i < 8; i++)
        give(f.z, i * P);
    assert_block(f.z, 4 * P, BLOCK_FREE, ORDER + 2);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_true(f.move[0].to >= 5 * P);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, 3 * P, 2 * P);
    contig_free(f.z, 3 * P, 2 * P);
    give(f.z, f.move[0].to);

    /* And before it: 0 to 3 are free, 1 is asked for and 4. */
    for (pfn_t i = 0; i < 3; i++)
        give(f.z, i * P);
    assert_wholly_free(f.z);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < 4; i++)
        give(f.z, i * P);
    f.nr_moves = 0;
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, NULL), -EINPROGRESS);
    assert_true(f.move[0].to < 3 * P);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    fixture_close(&f);
}

/* Others take the room after it was found. */
static void the_room_is_taken_meanwhile(void **state)
{
    struct contig_request rq = contig_request_of(P);
    struct zone_obstacle o;
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    rq.max_moves = 1;
    fixture_open(&f, 16 * P, ORDER, 1);
    take_all(f.z, 1, MIGRATE_MOVABLE);
    for (pfn_t i = 0; i < P; i += 2)
        give(f.z, 8 * P + i);
    assert_int_equal(alloc_contig_range(f.z, 3 * P, &rq, &c, &o), -EINPROGRESS);
    while (try_take(f.z, 0, MIGRATE_UNMOVABLE, 0, 0, &pfn) == 0)
        continue;
    (void)finish_move(&f, 0);
    assert_int_equal(contig_continue(&c, &o), -ENOMEM);
    assert_obstacle(&o, OBSTACLE_NO_ROOM, 3 * P + 2);
    assert_zone_ok(f.z);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_ISOLATE), 0);
    assert_block(f.z, 3 * P, BLOCK_FREE, 1);
    assert_block(f.z, 3 * P + 2, BLOCK_ALLOCATED, 1);
    fixture_close(&f);
}

/* What has no room in its own type's memory takes a pageblock of another's, and shares it. */
static void reclaimable_blocks_leave_too(void **state)
{
    const struct contig_request rq = contig_request_of(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t at[4];

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    for (unsigned i = 0; i < 4; i++)
        at[i] = take_tag(f.z, 1, MIGRATE_RECLAIMABLE, i);
    assert_int_equal(at[0] / P, at[3] / P);
    assert_pageblocks(f.z, 0, 15, 1);
    assert_int_equal(alloc_contig_range(f.z, at[0] / P * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_RECLAIMABLE), 1);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(f.move[i].to / P, f.move[0].to / P);
        assert_tag(f.z, f.move[i].to, 1, i);
    }
    assert_contig(f.z, at[0] / P * P, P);
    fixture_close(&f);
}

/* No empty pageblock is left: any free block will do, MOVABLE memory before UNMOVABLE. */
static void reclaimable_blocks_leave_into_broken_pageblocks(void **state)
{
    const struct contig_request rq = contig_request_of(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t at;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    at = take(f.z, ORDER, MIGRATE_RECLAIMABLE);
    for (pfn_t n = 0; n < P / 2; n++)
        (void)take(f.z, 0, MIGRATE_UNMOVABLE);
    for (pfn_t n = 0; n < 14 * P; n++)
        (void)take(f.z, 0, MIGRATE_MOVABLE);
    assert_pageblocks(f.z, 1, 14, 1);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    give(f.z, at + P / 2);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    assert_int_equal(zone_split(f.z, at, 0), 0);
    give(f.z, at + P / 4);
    give(f.z, at + P / 8);
    /* A block of order ORDER - 3 is left; free: order ORDER - 1 UNMOVABLE. Free an odd MOVABLE. */
    assert_int_equal(alloc_contig_range(f.z, at, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(zone_nr_pageblocks(f.z, MIGRATE_UNMOVABLE), 1);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    assert_contig(f.z, at, P);
    fixture_close(&f);
}

static void the_type_of_the_pageblocks_afterwards(void **state)
{
    struct contig_request rq = contig_request_of(2 * P + 1);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 64 * P, ORDER, 1);
    rq.type = MIGRATE_UNMOVABLE;
    assert_int_equal(alloc_contig_range(f.z, 8 * P, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 61, 0);
    assert_free_type(f.z, 10 * P + 1, 0, MIGRATE_UNMOVABLE);
    rq.type = MIGRATE_RECLAIMABLE;
    assert_int_equal(alloc_contig_range(f.z, 17 * P - 1, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 58, 3);
    rq.type = MIGRATE_MOVABLE;
    assert_int_equal(alloc_contig_range(f.z, 30 * P, &rq, &c, NULL), 0);
    assert_pageblocks(f.z, 3, 58, 3);
    assert_zone_ok(f.z);
    fixture_close(&f);
}

static void refuses_requests_that_cannot_be(void **state)
{
    static const uint64_t bad_tag[] = {(uint64_t)1 << BLOCK_TAG_BITS};
    struct contig_request bad[6];
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 1);
    for (unsigned i = 0; i < 6; i++)
        bad[i] = contig_request_of(P);
    bad[0].nr_pages = 0;
    bad[1].type = (enum migratetype)NR_MOBILITIES;
    bad[2].domain = 1;
    bad[3].flags = ALLOC_CMA | ALLOC_NOWAIT;
    bad[4].align_order = MAX_PAGE_ORDER + 1;
    bad[5].tag = bad_tag;
    bad[5].nr_tags = 1;
    for (unsigned i = 0; i < 6; i++) {
        assert_contig_refused_rq(&f, 0, &bad[i], -EINVAL, OBSTACLE_NONE, 0);
        assert_int_equal(alloc_contig_pages(f.z, &bad[i], &c, NULL), -EINVAL);
    }
    assert_contig_refused(&f, 16 * P, 1, -EINVAL, OBSTACLE_NONE, 0);
    assert_contig_refused(&f, PFN_NONE, 1, -EINVAL, OBSTACLE_NONE, 0);
    assert_contig_refused(&f, 15 * P + 1, P, -EINVAL, OBSTACLE_NONE, 0);
    assert_contig_refused(&f, 1, PFN_NONE, -EINVAL, OBSTACLE_NONE, 0);
    bad[0] = contig_request_of(7);
    bad[0].nr_tags = 2;
    assert_contig_refused_rq(&f, 0, &bad[0], -EINVAL, OBSTACLE_NONE, 0);
    bad[0].nr_tags = 3;
    assert_int_equal(alloc_contig_range(f.z, 0, &bad[0], &c, NULL), 0);
    assert_contig(f.z, 0, 7);
    fixture_close(&f);
}

/* What cannot move never comes to lie in a MOVABLE zone, which is to be emptied some day. */
static void a_movable_zone_has_movable_blocks_alone(void **state)
{
    const struct zone_config config = {
        .nr_pages = 16 * P, .pageblock_order = ORDER, .nr_domains = 1, .kind = ZONE_MOVABLE};
    struct contig_request rq = contig_request_of(P);
    struct zone_fixture f;
    struct contig c;

    (void)state;
    fixture_open_config(&f, &config);
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        rq.type = (enum migratetype)t;
        if (rq.type == MIGRATE_MOVABLE)
            continue;
        assert_contig_refused_rq(&f, 0, &rq, -EINVAL, OBSTACLE_NONE, 0);
        assert_int_equal(alloc_contig_pages(f.z, &rq, &c, NULL), -EINVAL);
    }
    rq.type = MIGRATE_MOVABLE;
    assert_int_equal(alloc_contig_pages(f.z, &rq, &c, NULL), 0);
    assert_contig(f.z, 0, P);
    fixture_close(&f);
}

/* Moves stay in the domain: what is free in another file is no room. */
static void room_is_in_the_same_file(void **state)
{
    struct contig_request rq = contig_request_of(P);
    struct zone_fixture f;
    struct contig c;
    pfn_t a, b;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    rq.domain = 1;
    a = take_passing(&f, ORDER - 1, MIGRATE_MOVABLE, 1);
    assert_contig_refused_rq(&f, a / P * P, &rq, -ENOMEM, OBSTACLE_NO_ROOM, a);
    b = take_passing(&f, ORDER, MIGRATE_MOVABLE, 1);
    give(f.z, b);
    assert_int_equal(alloc_contig_range(f.z, a / P * P, &rq, &c, NULL), -EINPROGRESS);
    assert_int_equal(f.move[0].to / P, b / P);
    assert_int_equal(contig_finish(&f, &c, 0, NULL), 0);
    fixture_close(&f);
}

/* Fill a zone by chance. */
static void scatter(struct zone_fixture *f, struct rng *rng)
{
    unsigned fill = rng_below(rng, 100), fixed = rng_below(rng, 20);
    pfn_t pfn;

    for (pfn_t granted = 0; granted * 100 < f->config.nr_pages * fill;) {
        unsigned order = rng_below(rng, ORDER + 3);
        enum migratetype type = rng_below(rng, 100) < fixed
                                    ? MIGRATE_UNMOVABLE
                                    : (enum migratetype)(1 + rng_below(rng, 2));

        if (try_take(f->z, order, type, 0, 0, &pfn) == 0)
            granted += (pfn_t)1 << order;
        else if (order == 0)
            break;
    }
    for (pfn = 0; pfn < f->config.nr_pages; pfn++) {
        if (rng_one_in(rng, 3))
            (void)zone_free(f->z, pfn);
    }
}

/*
 * What is found possible on paper is possible: when nobody takes memory meanwhile, and no move
 * fails, a request that has begun ends well. What is refused has changed nothing.
 */
static void what_is_begun_ends_well(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    struct rng rng = {env && *env ? strtoull(env, NULL, 0) : 20240};
    unsigned nr[3] = {0};

    (void)state;
    print_message("seed %llu\n", (unsigned long long)rng.state);
    for (unsigned round = 0; round < 3000; round++) {
        pfn_t nr_pages = (6 + rng_below(&rng, 26)) * P;
        struct contig_request rq = contig_request_of(1 + rng_below(&rng, nr_pages / 2));
        pfn_t start = rng_below(&rng, nr_pages - rq.nr_pages + 1);
        struct memory_image before;
        struct zone_stat st, after;
        struct zone_fixture f;
        struct contig c;
        int r;

        rq.type = (enum migratetype)rng_below(&rng, 3);
        rq.max_moves = rng_below(&rng, 8);
        fixture_open(&f, nr_pages, ORDER, 1);
        scatter(&f, &rng);
        zone_stat(f.z, &st);
        memory_take(&before, &f);
        r = alloc_contig_range(f.z, start, &rq, &c, NULL);
        if (r == -EBUSY || r == -ENOMEM) {
            assert_same_memory(&before, &f);
            nr[r == -EBUSY ? 0 : 1]++;
        } else {
            free(before.lasting);
            free(before.derived);
            if (r == -EINPROGRESS)
                r = contig_finish(&f, &c, 0, NULL);
            assert_int_equal(r, 0);
            assert_contig(f.z, start, rq.nr_pages);
            zone_stat(f.z, &after);
            assert_int_equal(after.free_pages, st.free_pages - rq.nr_pages);
            nr[2]++;
        }
        fixture_close(&f);
    }
    print_message("%u busy, %u without room, %u granted\n", nr[0], nr[1], nr[2]);
    assert_true(nr[0] > 100 && nr[1] > 100 && nr[2] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_must_stay),
        cmocka_unit_test(room_for_all_or_nothing_changes),
        cmocka_unit_test(room_must_be_outside_and_large_enough),
        cmocka_unit_test(the_rest_of_a_free_block_is_room),
        cmocka_unit_test(the_room_is_taken_meanwhile),
        cmocka_unit_test(reclaimable_blocks_leave_too),
        cmocka_unit_test(reclaimable_blocks_leave_into_broken_pageblocks),
        cmocka_unit_test(the_type_of_the_pageblocks_afterwards),
        cmocka_unit_test(refuses_requests_that_cannot_be),
        cmocka_unit_test(a_movable_zone_has_movable_blocks_alone),
        cmocka_unit_test(room_is_in_the_same_file),
        cmocka_unit_test(what_is_begun_ends_well),
    };

    return cmocka_run_group_tests_name("contig_room", tests, contig_set_tags, NULL);
}
