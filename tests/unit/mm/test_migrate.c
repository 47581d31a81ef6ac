/* SPDX-License-Identifier: Apache-2.0 */
/* test_migrate.c: blocks on their way into another zone, on another node. */
#include "mm/migrate.h"

#include <string.h>

#include "mm/account.h"
#include "mm/isolate.h"
#include "path_fixture.h"

#define P PATH_P

/* Two nodes with a zone each, and a third zone beside the second. */
struct host {
    struct zone_fixture zf[3];
    struct memory m;
    bool refuses;   /* migrate says no */
    bool unmovable; /* movable says no */
    unsigned nr_calls;
    struct migration call; /* the last one, zones by their places */
    unsigned order;
    unsigned nr_populates;
    unsigned populate_zone[8];
    pfn_t populate[8];
};

static unsigned id_of(const struct host *h, const struct zone *z)
{
    unsigned i = 0;

    while (h->zf[i].z != z)
        i++;
    return i;
}

static void populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct host *h = ctx;

    (void)order;
    (void)domain;
    assert_true(h->nr_populates < 8);
    h->populate_zone[h->nr_populates] = id_of(h, z);
    h->populate[h->nr_populates++] = pfn;
}

static bool migrate(void *ctx, struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to,
                    unsigned order)
{
    struct host *h = ctx;

    h->nr_calls++;
    h->call = (struct migration){
        .from_zone = id_of(h, z), .from = from, .to_zone = id_of(h, to_zone), .to = to};
    h->order = order;
    return !h->refuses;
}

static bool movable(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag)
{
    const struct host *h = ctx;

    (void)z;
    (void)pfn;
    (void)tag;
    return !h->unmovable;
}

static void open_host_so(struct host *h, unsigned nr_domains, bool eager)
{
    static const struct zone_ops ops = {
        .populate = populate, .migrate = migrate, .movable = movable};
    static const struct mm_topology two = {.nr_nodes = 2, .cpus = 3};

    memset(h, 0, sizeof(*h));
    assert_int_equal(memory_init(&h->m, 12, &two), 0);
    for (unsigned i = 0; i < 3; i++) {
        const struct zone_config config = {
            .nr_pages = i < 2 ? 64 * P : 8 * P,
            .pageblock_order = PATH_ORDER,
            .nr_domains = nr_domains,
            .eager = eager,
            .kind = i < 2 ? ZONE_NORMAL : ZONE_DMA32,
            .node = i == 0 ? 0 : 1,
            .ops = &ops,
            .ops_ctx = h,
        };

        fixture_open_config(&h->zf[i], &config);
        assert_int_equal(memory_add_zone(&h->m, h->zf[i].z, (int)i), (int)i);
    }
}

static void open_host(struct host *h, unsigned nr_domains)
{
    open_host_so(h, nr_domains, true);
}

static void check(struct host *h)
{
    char why[256] = "";

    for (unsigned i = 0; i < 3; i++)
        assert_zone_ok(h->zf[i].z);
    if (accounts_check(&h->m, why, sizeof(why)) != 0)
        fail_msg("%s", why);
}

static void close_host(struct host *h)
{
    check(h);
    for (unsigned i = 0; i < 3; i++)
        fixture_close(&h->zf[i]);
}

/* A block of an account's from zone 0, with a tag. */
static struct migration granted(struct host *h, struct account *a, unsigned order,
                                enum migratetype type, uint64_t tag, unsigned to_zone)
{
    const struct page_request rq = {.order = order,
                                    .type = type,
                                    .tag = tag,
                                    .barred_zones = only_zone(0),
                                    .account = a,
                                    .domain = a ? a->domain : 0};
    struct page_grant g;

    assert_int_equal(alloc_pages(&h->m, NULL, NULL, &rq, &g, NULL), 0);
    return (struct migration){.from_zone = 0, .from = g.pfn, .to_zone = to_zone};
}

static void assert_tagged(struct zone *z, pfn_t pfn, enum block_state state, unsigned order,
                          uint64_t tag)
{
    struct zone_block b;

    assert_block(z, pfn, state, order);
    assert_int_equal(zone_block(z, pfn, &b), 0);
    assert_int_equal(b.tag, tag);
}

static void a_block_changes_its_node(void **state)
{
    struct host *h = *state;
    struct account a = {.group = NULL};
    const struct account_limits limits = {.max_pages = 100};
    struct refusal why;
    struct migration mg;
    pfn_t ignored;
    bool freed = true;

    open_host(h, 1);
    assert_int_equal(account_add(&h->m, &a, NULL, 0, &limits, NULL), 0);
    for (unsigned order = 0; order <= PATH_ORDER + 1; order++) {
        struct zone_stat st;

        mg = granted(h, &a, order, order % 2 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE, 77, 1);
        assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), 0);
        check(h);
        assert_memory_equal(&h->call, &mg, sizeof(mg));
        assert_int_equal(h->order, order);
        assert_tagged(h->zf[0].z, mg.from, BLOCK_MOVING, order, 77);
        assert_block(h->zf[1].z, mg.to, BLOCK_TARGET, order);
        zone_stat(h->zf[1].z, &st);
        assert_int_equal(st.busy_pages, 1u << order);
        assert_int_equal(a.used[0], 1u << order);
        assert_int_equal(a.used[1], 1u << order);
        assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), -EBUSY);
        assert_int_equal(zone_move_begin(h->zf[0].z, mg.from), -EBUSY);
        assert_int_equal(zone_move_done(h->zf[0].z, mg.from, &ignored, &freed), -EINVAL);
        assert_int_equal(zone_move_abort(h->zf[0].z, mg.from, &freed), -EINVAL);
        assert_int_equal(zone_free(h->zf[1].z, mg.to), -EINVAL);
        assert_int_equal(memory_migrate_done(&h->m, &a, &mg, &freed), 0);
        assert_false(freed);
        assert_tagged(h->zf[1].z, mg.to, BLOCK_ALLOCATED, order, 77);
        assert_int_equal(a.used[0], 0);
        assert_int_equal(a.used[1], 1u << order);
        assert_int_equal(memory_migrate_done(&h->m, &a, &mg, &freed), -EINVAL);
        assert_wholly_free(h->zf[0].z);
        give(h->zf[1].z, mg.to);
        account_uncharge(&h->m, &a, 1, order);
        check(h);
    }
    assert_wholly_free(h->zf[1].z);
    assert_int_equal(zone_node(h->zf[0].z), 0);
    assert_int_equal(zone_node(h->zf[2].z), 1);
    close_host(h);
}

static void an_abort_leaves_it_where_it_is(void **state)
{
    struct host *h = *state;
    struct account a = {.group = NULL};
    const struct account_limits limits = {.max_pages = 100};
    struct migration mg;
    struct refusal why;
    bool freed = true;

    open_host(h, 1);
    assert_int_equal(account_add(&h->m, &a, NULL, 0, &limits, NULL), 0);
    mg = granted(h, &a, 3, MIGRATE_MOVABLE, 5, 2);
    assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), 0);
    assert_int_equal(memory_migrate_abort(&h->m, &a, &mg, &freed), 0);
    assert_false(freed);
    assert_tagged(h->zf[0].z, mg.from, BLOCK_ALLOCATED, 3, 5);
    assert_wholly_free(h->zf[2].z);
    assert_int_equal(a.used[0], 8);
    assert_int_equal(a.used[2], 0);
    assert_int_equal(memory_migrate_abort(&h->m, &a, &mg, &freed), -EINVAL);
    close_host(h);
}

/* Its owner frees it, or dies: the caller takes it off the account where it was, as ever. */
static void freed_on_its_way(void **state)
{
    struct host *h = *state;
    struct account a = {.group = NULL};
    const struct account_limits limits = {.max_pages = 100};
    struct refusal why;

    open_host(h, 1);
    assert_int_equal(account_add(&h->m, &a, NULL, 0, &limits, NULL), 0);
    for (unsigned done = 0; done < 2; done++) {
        struct migration mg = granted(h, &a, 2, MIGRATE_MOVABLE, 5, 1);
        bool freed = false;

        assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), 0);
        give(h->zf[0].z, mg.from);
        check(h);
        assert_tagged(h->zf[0].z, mg.from, BLOCK_MOVING, 2, 5);
        assert_int_equal(done ? memory_migrate_done(&h->m, &a, &mg, &freed)
                              : memory_migrate_abort(&h->m, &a, &mg, &freed),
                         0);
        assert_true(freed);
        account_uncharge(&h->m, &a, 0, 2);
        assert_int_equal(a.used_pages, 0);
        assert_wholly_free(h->zf[0].z);
        assert_wholly_free(h->zf[1].z);
        check(h);
    }
    close_host(h);
}

static void what_is_in_use_stays(void **state)
{
    struct host *h = *state;
    struct migration mg;
    struct refusal why;

    open_host(h, 1);
    mg = granted(h, NULL, 2, MIGRATE_MOVABLE, 5, 1);
    h->unmovable = true;
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), -EAGAIN);
    assert_int_equal(h->nr_calls, 0);
    h->unmovable = false;
    h->refuses = true;
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), -EAGAIN);
    assert_int_equal(h->nr_calls, 1);
    assert_tagged(h->zf[0].z, mg.from, BLOCK_ALLOCATED, 2, 5);
    assert_wholly_free(h->zf[1].z);
    close_host(h);
}

/* A place that rested, was taken for a block, and came back: what is granted there next, and freed,
 * is a block of its own size. */
static void a_place_that_rested_comes_back(void **state)
{
    struct host *h = *state;
    struct migration mg;
    struct refusal why;
    struct zone *z;
    pfn_t pfn;

    open_host_so(h, 1, false);
    z = h->zf[1].z;
    h->refuses = true;
    mg = granted(h, NULL, 1, MIGRATE_MOVABLE, 7, 1);
    pfn = take(z, 1, MIGRATE_MOVABLE);
    (void)take(z, 3, MIGRATE_MOVABLE); /* so that the pageblock stays broken */
    give(z, pfn);
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), -EAGAIN);
    pfn = take(z, 0, MIGRATE_MOVABLE);
    assert_int_equal(pfn, mg.to);
    give(z, pfn);
    check(h);
    assert_int_equal(zone_free(z, mg.to), -EINVAL);
    close_host(h);
}

static void what_cannot_be(void **state)
{
    struct host *h = *state;
    struct migration mg, bad;
    struct refusal why = {.reason = REFUSAL_NONE};
    bool freed;

    open_host(h, 1);
    mg = granted(h, NULL, PATH_ORDER, MIGRATE_UNMOVABLE, 5, 1);
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), -EINVAL);
    mg = granted(h, NULL, PATH_ORDER, MIGRATE_MOVABLE, 5, 1);
    for (unsigned i = 0; i < 6; i++) {
        bad = mg;
        if (i == 0)
            bad.to_zone = 0;
        else if (i == 1)
            bad.to_zone = 3;
        else if (i == 2)
            bad.from_zone = 63;
        else if (i == 3)
            bad.from = 64 * P;
        else if (i == 4)
            bad.from++;
        else
            bad.to = 64 * P;
        if (i < 5)
            assert_int_equal(memory_migrate_begin(&h->m, NULL, &bad, &why), -EINVAL);
        assert_int_equal(memory_migrate_done(&h->m, NULL, &bad, &freed), -EINVAL);
    }
    (void)take(h->zf[1].z, PATH_ORDER + 5, MIGRATE_UNMOVABLE);
    (void)take(h->zf[1].z, PATH_ORDER + 5, MIGRATE_UNMOVABLE);
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), -ENOMEM);
    assert_int_equal(why.reason, REFUSAL_SHORTAGE);
    assert_int_equal(why.zone, 1);
    assert_int_equal(h->nr_calls, 0);
    close_host(h);
}

/* A second move from zone 0 does not end the first, nor the other way round. */
static void ends_are_not_mistaken(void **state)
{
    struct host *h = *state;
    struct migration one, two, mixed;
    struct refusal why;
    bool freed;

    open_host(h, 1);
    one = granted(h, NULL, 0, MIGRATE_MOVABLE, 5, 1);
    two = granted(h, NULL, 0, MIGRATE_MOVABLE, 6, 1);
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &one, &why), 0);
    assert_int_equal(memory_migrate_begin(&h->m, NULL, &two, &why), 0);
    mixed = one;
    mixed.to = two.to;
    assert_int_equal(memory_migrate_done(&h->m, NULL, &mixed, &freed), -EINVAL);
    check(h);
    assert_int_equal(memory_migrate_done(&h->m, NULL, &two, &freed), 0);
    assert_int_equal(memory_migrate_done(&h->m, NULL, &one, &freed), 0);
    assert_tagged(h->zf[1].z, one.to, BLOCK_ALLOCATED, 0, 5);
    assert_tagged(h->zf[1].z, two.to, BLOCK_ALLOCATED, 0, 6);
    close_host(h);
}

/* A block leaves a range that is isolated: the range is clean when the move has ended. */
static void out_of_a_range_that_is_emptied(void **state)
{
    struct host *h = *state;
    struct migration mg;
    struct refusal why;
    bool freed;

    open_host(h, 1);
    mg = granted(h, NULL, 2, MIGRATE_MOVABLE, 5, 1);
    assert_int_equal(zone_isolate_range(h->zf[0].z, mg.from & ~(P - 1), P, NULL), 0);
    for (unsigned done = 0; done < 2; done++) {
        assert_int_equal(memory_migrate_begin(&h->m, NULL, &mg, &why), 0);
        check(h);
        if (done)
            assert_int_equal(memory_migrate_done(&h->m, NULL, &mg, &freed), 0);
        else
            assert_int_equal(memory_migrate_abort(&h->m, NULL, &mg, &freed), 0);
        check(h);
    }
    close_host(h);
}

static void end_populates(struct host *h)
{
    while (h->nr_populates > 0) {
        unsigned zone = h->populate_zone[--h->nr_populates];

        assert_int_equal(zone_populate_done(h->zf[zone].z, h->populate[h->nr_populates]), 0);
    }
}

/* In its own file, which takes a pageblock; its account pays for what the domain holds, in both
 * zones until the move ends. */
static void a_block_of_another_domain(void **state)
{
    struct host *h = *state;
    struct account a = {.group = NULL};
    const struct account_limits limits = {.max_pages = 320};
    const struct page_request rq = {.order = 1,
                                    .type = MIGRATE_MOVABLE,
                                    .tag = 5,
                                    .barred_zones = only_zone(0),
                                    .account = &a,
                                    .domain = 1,
                                    .flags = REQUEST_MAY_PASS};
    struct migration mg = {.from_zone = 0, .to_zone = 1};
    struct page_grant g;
    struct refusal why;
    bool freed;

    open_host(h, 2);
    assert_int_equal(account_add(&h->m, &a, NULL, 1, &limits, NULL), 0);
    assert_int_equal(alloc_pages(&h->m, NULL, NULL, &rq, &g, &why), -EINPROGRESS);
    end_populates(h);
    assert_int_equal(alloc_pages(&h->m, NULL, NULL, &rq, &g, &why), 0);
    mg.from = g.pfn;
    assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), -EINPROGRESS);
    end_populates(h);
    assert_int_equal(memory_migrate_begin(&h->m, &a, &mg, &why), 0);
    check(h);
    assert_int_equal(a.used_pages, 2 * P);
    assert_int_equal(zone_resident(h->zf[1].z, mg.to), 1);
    assert_int_equal(memory_migrate_done(&h->m, &a, &mg, &freed), 0);
    check(h);
    assert_int_equal(zone_held_pages(h->zf[0].z, 1), 0);
    assert_int_equal(zone_held_pages(h->zf[1].z, 1), P);
    assert_int_equal(a.used_pages, P);
    close_host(h);
}

int main(void)
{
    static struct host host;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_block_changes_its_node, &host),
        cmocka_unit_test_prestate(an_abort_leaves_it_where_it_is, &host),
        cmocka_unit_test_prestate(freed_on_its_way, &host),
        cmocka_unit_test_prestate(what_is_in_use_stays, &host),
        cmocka_unit_test_prestate(a_place_that_rested_comes_back, &host),
        cmocka_unit_test_prestate(what_cannot_be, &host),
        cmocka_unit_test_prestate(ends_are_not_mistaken, &host),
        cmocka_unit_test_prestate(out_of_a_range_that_is_emptied, &host),
        cmocka_unit_test_prestate(a_block_of_another_domain, &host),
    };

    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
