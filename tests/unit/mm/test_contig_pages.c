/* SPDX-License-Identifier: Apache-2.0 */
/* test_contig_pages.c: the window that slides over a zone for a contiguous request. */
#include "contig_fixture.h"

static void assert_no_pages(struct zone_fixture *f, const struct contig_request *rq,
                            enum obstacle_reason reason, pfn_t pfn)
{
    struct zone_obstacle o;
    struct memory_image before;
    struct contig c;

    memory_take(&before, f);
    assert_int_equal(alloc_contig_pages(f->z, rq, &c, &o), -ENOMEM);
    assert_obstacle(&o, reason, pfn);
    assert_int_equal(alloc_contig_pages(f->z, rq, &c, NULL), -ENOMEM);
    assert_same_memory(&before, f);
}

/* A zone in which single UNMOVABLE pages stand at these pfns, and nothing else. */
static void open_with_fixed(struct zone_fixture *f, pfn_t nr_pages, const pfn_t *fixed, unsigned nr)
{
    fixture_open(f, nr_pages, ORDER, 1);
    take_all(f->z, 0, MIGRATE_UNMOVABLE);
    for (pfn_t pfn = 0; pfn < nr_pages; pfn++) {
        bool stays = false;

        for (unsigned i = 0; i < nr; i++)
            stays = stays || fixed[i] == pfn;
        if (!stays)
            give(f->z, pfn);
    }
}

static void the_first_window_without_an_obstacle(void **state)
{
    static const pfn_t fixed[] = {P - 1, 3 * P, 8 * P + 3, 12 * P};
    struct contig_request rq = contig_request_of(3 * P);
    struct zone_fixture f;

    (void)state;
    rq.type = MIGRATE_UNMOVABLE;
    open_with_fixed(&f, 16 * P, fixed, 4);
    assert_contig_pages(&f, &rq, 4 * P);
    assert_contig_pages(&f, &rq, 9 * P);
    assert_contig_pages(&f, &rq, 13 * P);
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 13 * P);
    rq.nr_pages = 3 * P + 1;
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 12 * P);
    rq.nr_pages = 2 * P;
    assert_contig_pages(&f, &rq, P);
    rq.nr_pages = 8 * P;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0); /* not so much is free */
    rq.nr_pages = 17 * P;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0);
    fixture_close(&f);
}

static void windows_as_aligned_as_asked_for(void **state)
{
    static const pfn_t fixed[] = {0};
    struct contig_request rq = contig_request_of(P + 5);
    struct zone_fixture f;

    (void)state;
    open_with_fixed(&f, 16 * P, fixed, 1);
    rq.align_order = ORDER + 2;
    assert_contig_pages(&f, &rq, 4 * P);
    rq.align_order = ORDER + 3;
    assert_contig_pages(&f, &rq, 8 * P);
    rq.align_order = 1;
    assert_contig_pages(&f, &rq, P);
    rq.align_order = ORDER + 4;
    assert_no_pages(&f, &rq, OBSTACLE_UNMOVABLE, 0);
    give(f.z, 0);
    rq.align_order = MAX_PAGE_ORDER;
    assert_contig_pages(&f, &rq, 0);
    fixture_close(&f);
}

/* Windows that would be cut into more blocks than there are tags are passed over. */
static void windows_by_the_number_of_tags(void **state)
{
    static const pfn_t fixed[] = {0, 8 * P};
    struct contig_request rq = contig_request_of(4 * P);
    struct zone_fixture f;

    (void)state;
    rq.type = MIGRATE_UNMOVABLE;
    open_with_fixed(&f, 16 * P, fixed, 2);
    rq.nr_tags = 1;
    assert_contig_pages(&f, &rq, 4 * P);
    rq.nr_tags = 2;
    assert_contig_pages(&f, &rq, 10 * P);
    rq.nr_tags = 0;
    assert_no_pages(&f, &rq, OBSTACLE_NONE, 0);
    fixture_close(&f);
}

/* A window whose blocks have no room elsewhere is passed over, for one that has. */
static void windows_that_have_room(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;

    (void)state;
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER - 1, MIGRATE_MOVABLE);
    give(f.z, P);
    give(f.z, 3 * P);
    give(f.z, 5 * P);
    give(f.z, 6 * P);
    /* At 5 P four half pageblocks stand or fall: two are free in it, two outside. */
    assert_contig_pages(&f, &rq, 0);
    fixture_close(&f);

    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    for (pfn_t i = 4; i < 8; i++) {
        assert_int_equal(zone_split(f.z, i * P, 0), 0);
        give(f.z, i * P);
    }
    assert_contig_pages(&f, &rq, 4 * P); /* whole pageblocks have no room anywhere, halves have */
    fixture_close(&f);

    /* What the window at 0 takes from a whole pageblock, the next one leaves free for it. */
    fixture_open(&f, 8 * P, ORDER, 1);
    take_all(f.z, ORDER, MIGRATE_MOVABLE);
    give(f.z, 0);
    for (pfn_t i = 2; i < 8; i += 3) {
        assert_int_equal(zone_split(f.z, i * P, 0), 0);
        give(f.z, i * P);
    }
    assert_contig_pages(&f, &rq, P);
    fixture_close(&f);
}

static void only_pageblocks_of_its_own_file(void **state)
{
    struct contig_request rq = contig_request_of(2 * P);
    struct zone_fixture f;
    struct contig c;
    pfn_t pfn;

    (void)state;
    fixture_open(&f, 16 * P, ORDER, 2);
    pfn = take_passing(&f, ORDER + 1, MIGRATE_MOVABLE, 1);
    assert_contig_refused(&f, pfn, 2 * P, -EBUSY, OBSTACLE_ELSEWHERE, pfn);
    rq.domain = 1;
    assert_contig_refused_rq(&f, pfn ^ 2 * P, &rq, -EBUSY, OBSTACLE_ELSEWHERE, pfn ^ 2 * P);
    assert_contig_refused_rq(&f, pfn, &rq, -ENOMEM, OBSTACLE_NO_ROOM, pfn); /* in its file */
    give(f.z, pfn);
    assert_int_equal(alloc_contig_range(f.z, pfn, &rq, &c, NULL), 0);
    assert_contig(f.z, pfn, 2 * P);
    contig_free(f.z, pfn, 2 * P);
    assert_contig_pages(&f, &rq, pfn);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_window_without_an_obstacle),
        cmocka_unit_test(windows_as_aligned_as_asked_for),
        cmocka_unit_test(windows_by_the_number_of_tags),
        cmocka_unit_test(windows_that_have_room),
        cmocka_unit_test(only_pageblocks_of_its_own_file),
    };

    return cmocka_run_group_tests_name("contig_pages", tests, contig_set_tags, NULL);
}
