/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_account_random.c: random work by many accounts, each answer judged by a book of its own:
 * nobody passes max, no guarantee is ever broken, and every refusal says what is true.
 *
 * Environment: BUDDYD_OPS, operations in all; BUDDYD_SEED, one seed instead of the fixed ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "account_world.h"
#include "mm/explain.h"
#include "mm/isolate.h"

#ifndef DEFAULT_OPS
#define DEFAULT_OPS 2000000u
#endif

#define LOOK_EVERY  512u
#define PROBE_EVERY 2048u

static const struct world_shape shapes[] = {
    {"one", 1, {{ZONE_NORMAL, 2048, 0}}, 1, 0, false, true},
    {"ranges", 1, {{ZONE_NORMAL, 1024, 0}}, 1, 0, true, true},
    {"zones",
     3,
     {{ZONE_DMA32, 1024, 0}, {ZONE_NORMAL, 2048, 256}, {ZONE_MOVABLE, 1024, 0}},
     1,
     0,
     true,
     true},
    {"no-marks",
     2,
     {{ZONE_NORMAL, 512, 64}, {ZONE_NORMAL, 2048, 0}},
     1,
     MIN_FREE_NONE,
     false,
     true},
    {"domains", 1, {{ZONE_NORMAL, 1024, 0}}, 4, 0, false, true},
    {"domains-ranges",
     2,
     {{ZONE_NORMAL, 2048, 0}, {ZONE_MOVABLE, 512, 0}},
     3,
     MIN_FREE_NONE,
     true,
     true},
};

#define NR_SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static struct world w; /* too large for a stack */
static struct explanation explained;
static uint64_t nr_explained, nr_grants, nr_refusals, nr_by_account, nr_entitled, nr_waits;

/* ---- accounts ---- */

static struct account_limits random_limits(bool member)
{
    struct account_limits l = {.max_pages = ACCOUNT_UNLIMITED};
    pfn_t sum = 0;

    for (unsigned i = 0; !member && i < w.shape->nr_zones; i++) {
        if (rng_one_in(&w.rng, 2))
            l.guarantee[i] = rng_below(&w.rng, w.shape->zone[i].nr_pages / 4);
        sum += l.guarantee[i];
    }
    if (rng_one_in(&w.rng, 3))
        return l;
    l.max_pages = sum + rng_below(&w.rng, 1500) + 1;
    account_default_marks(l.max_pages, 12, &w.m.settings, l.wmark);
    if (rng_one_in(&w.rng, 2))
        memset(l.wmark, 0, sizeof(l.wmark));
    if (l.max_pages - l.wmark[WMARK_MIN] < sum)
        l.max_pages = sum + l.wmark[WMARK_MIN];
    return l;
}

/* A refusal of limits gives numbers that say so. */
static void check_misfit(int r, const struct account_misfit *f)
{
    if (r == 0 || r == -EEXIST)
        return;
    switch (f->kind) {
    case MISFIT_ZONE:
        WORLD_CHECK(&w,
                    r == -ENOSPC &&
                        f->wanted_pages + f->others_pages + f->high_pages + f->reserve_pages >
                            f->managed_pages,
                    "zone %u\n", f->zone);
        break;
    case MISFIT_FREE:
    case MISFIT_CMA:
        WORLD_CHECK(&w, r == -ENOSPC, "%d\n", r);
        break;
    default:
        WORLD_CHECK(&w, false, "limits are refused with %d, kind %d\n", r, (int)f->kind);
    }
}

static void add_account(unsigned i)
{
    unsigned domain = rng_below(&w.rng, w.shape->nr_domains);
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account *group = NULL;
    struct account_limits limits;
    int r;

    for (unsigned g = 0; g < WORLD_ACCOUNTS; g++) {
        if (w.live[g] && !w.account[g].group && rng_one_in(&w.rng, 4))
            group = &w.account[g];
    }
    limits = random_limits(group != NULL);
    w.pressure[i] = PRESSURE_NONE;
    r = account_add(&w.m, &w.account[i], group, domain, &limits, &misfit);
    check_misfit(r, &misfit);
    w.live[i] = r == 0;
    if (r != 0)
        w.pressure[i] = PRESSURE_NONE;
}

static void change_accounts(void)
{
    unsigned i = rng_below(&w.rng, WORLD_ACCOUNTS);
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account_limits limits;

    if (!w.live[i]) {
        add_account(i);
    } else if (rng_one_in(&w.rng, 3)) {
        int r = account_remove(&w.m, &w.account[i]);

        WORLD_CHECK(&w, r == 0 || (r == -EBUSY), "%d\n", r);
        w.live[i] = r < 0;
    } else {
        limits = random_limits(w.account[i].group != NULL);
        check_misfit(account_set_limits(&w.m, &w.account[i], &limits, &misfit), &misfit);
    }
}

/* ---- requests ---- */

static struct page_request random_request(int *ret_account)
{
    static const unsigned flags[] = {
        0,
        0,
        REQUEST_MAY_WAIT,
        REQUEST_MAY_WAIT | REQUEST_WAKE,
        REQUEST_HIGH,
        REQUEST_HIGH,
        REQUEST_VICTIM,
        REQUEST_RESERVE,
        REQUEST_CMA,
        REQUEST_CMA | REQUEST_MAY_WAIT,
        REQUEST_NO_RESERVES,
        REQUEST_CMA | REQUEST_RESERVE,
        REQUEST_HIGH | REQUEST_MAY_WAIT,
    };
    int a = (int)rng_below(&w.rng, WORLD_ACCOUNTS + 2);
    struct page_request rq = {
        .order = rng_one_in(&w.rng, 3) ? rng_below(&w.rng, WORLD_ORDER + 3) : 0,
        .type = (enum migratetype)rng_below(&w.rng, NR_MOBILITIES),
        .flags = flags[rng_below(&w.rng, sizeof(flags) / sizeof(flags[0]))],
        .barred_zones =
            (rng_one_in(&w.rng, 2) ? only_zone(rng_below(&w.rng, w.shape->nr_zones)) : 0) |
            (rng_one_in(&w.rng, 4) ? rng_next(&w.rng) : 0),
        .domain = rng_below(&w.rng, w.shape->nr_domains),
    };

    if (a >= (int)WORLD_ACCOUNTS || !w.live[a])
        a = -1;
    if (a >= 0) {
        rq.account = &w.account[a];
        rq.domain = rq.account->domain;
    }
    *ret_account = a;
    return rq;
}

/* Of the zones that this request may use, is there one where a page is guaranteed to it? */
static bool is_entitled(const struct page_request *rq, int account)
{
    int top = account < 0 ? -1 : (int)(world_top(&w, account) - w.account);

    if (top < 0 || rq->order != 0 || !world_admits(&w, account))
        return false;
    for (unsigned i = 0; i < w.shape->nr_zones; i++) {
        pfn_t need = rq->domain != 0 ? WORLD_P : 1;

        if ((rq->barred_zones >> i & 1) ||
            (w.shape->zone[i].kind == ZONE_MOVABLE && rq->type != MIGRATE_MOVABLE))
            continue;
        if (world_unmet(&w, top, i) >= need)
            return true;
    }
    return false;
}

/* before: what its group used, since who holds pageblocks may be over a lowered max, and be served
 * from those. */
static void check_max(int account, uint64_t before)
{
    for (struct account *a = &w.account[account]; a; a = a->group) {
        uint64_t used = world_used(&w, (int)(a - w.account));

        account_refresh(&w.m, a);
        WORLD_CHECK(&w, used == a->used_pages, "%llu used, by the book %llu\n",
                    (unsigned long long)a->used_pages, (unsigned long long)used);
        WORLD_CHECK(&w,
                    used <= a->limits.max_pages || (a->domain != 0 && !a->group && used <= before),
                    "%llu used\n", (unsigned long long)used);
    }
}

/* What was explained before is what came of it. */
static void check_explanation(int r, const struct page_grant *g, int account)
{
    const struct explanation *e = &explained;

    /* With domains, what is given back may turn a grant into a wait: the one forecast. */
    if (e->gives_back && w.shape->nr_domains > 1)
        return;
    WORLD_CHECK(&w, e->result == r, "account %d, explained %d, is %d\n", account, e->result, r);
    WORLD_CHECK(&w, r != 0 || e->zone == (int)g->zone, "explained zone %d, is %u\n", e->zone,
                g->zone);
    WORLD_CHECK(&w,
                (r == -ENOMEM) == (e->first_no >= 0) || e->nr_steps == 0 ||
                    e->step[e->nr_steps - 1].bar != BAR_NONE || e->gives_back,
                "%d: first no %d\n", r, e->first_no);
    nr_explained++;
}

/* Returns whether it was granted. */
static bool request(struct page_request *rq, int account, bool look)
{
    bool entitled = look && is_entitled(rq, account);
    uint64_t before =
        look && account >= 0 ? world_used(&w, (int)(world_top(&w, account) - w.account)) : 0;
    struct page_grant g;
    struct refusal refusal;
    bool foretold = look && alloc_explain(&w.m, rq, &explained) == 0;
    int r = alloc_pages(&w.m, NULL, NULL, rq, &g, &refusal);

    if (foretold)
        check_explanation(r, &g, account);

    for (unsigned i = 0; r == -EINPROGRESS && i < 4; i++) {
        nr_waits++;
        if (!entitled)
            return false;
        world_populated(&w);
        r = alloc_pages(&w.m, NULL, NULL, rq, &g, &refusal);
    }
    nr_entitled += entitled;
    WORLD_CHECK(&w, r == 0 || !entitled, "account %d is refused (%d) what it is guaranteed\n",
                account, r);
    if (r == 0) {
        nr_grants++;
        world_granted(&w, g.zone, g.pfn, g.order, rq->domain, account);
        if (look && account >= 0)
            check_max(account, before);
        return true;
    }
    WORLD_CHECK(&w, r == -ENOMEM, "%d\n", r);
    nr_refusals++;
    nr_by_account += refusal.scope != REFUSED_BY_ZONE;
    if (look)
        world_check_refusal(&w, rq, account, &refusal);
    return false;
}

static void free_block(unsigned i)
{
    struct world_block *b = &w.block[i];

    if (b->freed)
        return;
    assert_int_equal(zone_free(w.m.zone[b->zone], b->pfn), 0);
    if (b->moving) {
        b->freed = true;
        return;
    }
    if (b->account >= 0)
        account_uncharge(&w.m, &w.account[b->account], b->zone, b->order);
    world_forget(&w, i);
}

/* ---- moves and ranges ---- */

static void step_move(unsigned i)
{
    struct world_block *b = &w.block[i];
    struct zone *z = w.m.zone[b->zone];
    struct world_block old = *b;
    bool freed;
    pfn_t to;

    if (!b->moving) {
        (void)zone_move_begin(z, b->pfn);
        return;
    }
    world_place(&w, b, b->target, false);
    if (rng_one_in(&w.rng, 3)) {
        assert_int_equal(zone_move_abort(z, b->pfn, &freed), 0);
    } else {
        assert_int_equal(zone_move_done(z, b->pfn, &to, &freed), 0);
        assert_int_equal(to, b->target);
        world_place(&w, b, b->pfn, false);
        b->pfn = to;
        world_place(&w, b, b->pfn, true);
    }
    b->moving = false;
    b->freed = false;
    if (!freed)
        return;
    if (old.account >= 0)
        account_uncharge(&w.m, &w.account[old.account], old.zone, old.order);
    world_forget(&w, i);
}

static void step_range(void)
{
    unsigned zone = rng_below(&w.rng, w.shape->nr_zones);
    struct zone *z = w.m.zone[zone];
    pfn_t nr = (1 + rng_below(&w.rng, 4)) * WORLD_P, *range = w.isolated[zone];
    pfn_t start = rng_below(&w.rng, w.shape->zone[zone].nr_pages / WORLD_P) * WORLD_P;

    if (range[1] != 0) {
        if (zone_undo_isolate(z, range[0], range[1]) == 0)
            range[1] = 0;
    } else if (rng_one_in(&w.rng, 2)) {
        if (zone_isolate_range(z, start, nr, NULL) == 0) {
            range[0] = start;
            range[1] = nr;
        }
    } else {
        static const uint64_t tags[64];
        unsigned domain = rng_below(&w.rng, w.shape->nr_domains);
        struct contig_request rq = {.nr_pages = 1 + rng_below(&w.rng, 3 * WORLD_P),
                                    .type = MIGRATE_UNMOVABLE,
                                    .domain = domain,
                                    .tag = tags,
                                    .nr_tags = 64};
        struct contig c;
        int r = alloc_contig_pages(z, &rq, &c, NULL);
        pfn_t end = c.start + rq.nr_pages;

        if (r == -EINPROGRESS)
            evacuate_cancel(&c.ev); /* the moves go on */
        for (pfn_t pfn = c.start; r == 0 && pfn < end;) {
            unsigned order = block_order_in(pfn, end);

            world_granted(&w, zone, pfn, order, domain, -1);
            pfn += (pfn_t)1 << order;
        }
    }
}

/* ---- runs ---- */

/* Somebody who is guaranteed nothing takes whatever he gets, with every right that there is. */
static void take_all(unsigned zone, bool look)
{
    static const unsigned rights[] = {REQUEST_RESERVE | REQUEST_CMA, REQUEST_HIGH,
                                      REQUEST_RESERVE | REQUEST_MAY_WAIT,
                                      REQUEST_HIGH | REQUEST_CMA, REQUEST_VICTIM};
    struct page_request rq = {.barred_zones = only_zone(zone),
                              .domain = rng_below(&w.rng, w.shape->nr_domains)};

    for (unsigned i = 0; i < 5; i++) {
        rq.flags = rights[i];
        rq.type = (enum migratetype)rng_below(&w.rng, NR_MOBILITIES);
        rq.order = rq.flags == REQUEST_HIGH ? 1 : 0;
        while (w.nr_blocks < WORLD_BLOCKS && request(&rq, -1, look)) {
            /* Now and then it gives one back, which then rests. */
            if (rng_one_in(&w.rng, 8))
                free_block(w.nr_blocks - 1);
        }
        world_populated(&w);
    }
}

/* The strongest look: whoever has a guarantee takes all of it, page by page, in a full zone. */
static void probe(void)
{
    unsigned before = w.nr_blocks;
    bool look = rng_one_in(&w.rng, 8);

    for (unsigned z = 0; z < w.shape->nr_zones; z++)
        take_all(z, look);
    if (look)
        world_check(&w);
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        for (unsigned z = 0; w.live[i] && z < w.shape->nr_zones; z++) {
            struct page_request rq = {.type = MIGRATE_MOVABLE,
                                      .barred_zones = only_zone(z),
                                      .account = &w.account[i],
                                      .domain = w.account[i].domain,
                                      .flags = rng_one_in(&w.rng, 2) ? REQUEST_MAY_WAIT : 0};

            rq.flags |= REQUEST_NO_RESERVES;
            while (w.nr_blocks < WORLD_BLOCKS && is_entitled(&rq, (int)i)) {
                (void)request(&rq, (int)i, true);
                if (rng_one_in(&w.rng, 64))
                    take_all(z, look);
            }
        }
    }
    while (w.nr_blocks > before)
        free_block(w.nr_blocks - 1);
}

/* Somebody expects requests of a domain: whatever passes for them, no guarantee is broken. */
static void step_ahead(void)
{
    struct zone *z = w.m.zone[rng_below(&w.rng, w.shape->nr_zones)];

    for (unsigned i = rng_below(&w.rng, 4); i > 0 && w.nr_populates < 128; i--)
        (void)zone_pass_ahead(z, rng_below(&w.rng, 4), rng_below(&w.rng, 4));
}

static void step(unsigned fill)
{
    bool look = rng_one_in(&w.rng, 4);
    int account;

    if (w.shape->changes && rng_one_in(&w.rng, 64)) {
        change_accounts();
    } else if (w.nr_blocks > 0 && rng_one_in(&w.rng, 100)) {
        step_move(rng_below(&w.rng, w.nr_blocks));
    } else if (w.shape->ranges && rng_one_in(&w.rng, 100)) {
        step_range();
    } else if (rng_one_in(&w.rng, 50)) {
        step_ahead();
    } else if (w.nr_populates > 0 && rng_one_in(&w.rng, 4)) {
        world_populated(&w);
    } else if (rng_below(&w.rng, 100) < fill && w.nr_blocks < WORLD_BLOCKS) {
        struct page_request rq = random_request(&account);

        (void)request(&rq, account, look);
    } else if (w.nr_blocks > 0) {
        free_block(rng_below(&w.rng, w.nr_blocks));
    }
}

static void drain(void)
{
    for (unsigned z = 0; z < w.shape->nr_zones; z++) {
        if (w.isolated[z][1] != 0)
            (void)zone_undo_isolate(w.m.zone[z], w.isolated[z][0], w.isolated[z][1]);
    }
    world_populated(&w);
    while (w.nr_blocks > 0) {
        if (w.block[w.nr_blocks - 1].moving)
            step_move(w.nr_blocks - 1);
        else
            free_block(w.nr_blocks - 1);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
            if (w.live[i] && (round == 1 || w.account[i].group)) {
                assert_int_equal(account_remove(&w.m, &w.account[i]), 0);
                w.live[i] = false;
            }
        }
    }
}

static void run(const struct world_shape *shape, uint64_t seed, uint64_t nr_steps)
{
    world_open(&w, shape, seed);
    nr_grants = nr_refusals = nr_by_account = nr_entitled = nr_waits = 0;
    for (w.step = 0; w.step < nr_steps; w.step++) {
        step(w.step / 4096 % 3 == 2 ? 45 : 60);
        if (w.step % LOOK_EVERY == 0)
            world_check(&w);
        if (rng_one_in(&w.rng, PROBE_EVERY))
            probe();
    }
    world_check(&w);
    drain();
    print_message("%-15s seed %llu: %llu steps; %llu granted, %llu refused, %llu by accounts, "
                  "%llu guaranteed, %llu waits, %llu told\n",
                  shape->name, (unsigned long long)seed, (unsigned long long)nr_steps,
                  (unsigned long long)nr_grants, (unsigned long long)nr_refusals,
                  (unsigned long long)nr_by_account, (unsigned long long)nr_entitled,
                  (unsigned long long)nr_waits, (unsigned long long)w.nr_told);
    world_close(&w);
}

static void shape_of_world(void **state)
{
    const char *ops = getenv("BUDDYD_OPS"), *one = getenv("BUDDYD_SEED");
    uint64_t nr = (ops && *ops ? strtoull(ops, NULL, 0) : DEFAULT_OPS) / NR_SHAPES;

    if (one && *one) {
        run(*state, strtoull(one, NULL, 0), nr);
        return;
    }
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(*state, seed, nr / 4);
}

int main(void)
{
    struct CMUnitTest tests[NR_SHAPES];

    for (unsigned i = 0; i < NR_SHAPES; i++)
        tests[i] = (struct CMUnitTest){shapes[i].name, shape_of_world, NULL, NULL,
                                       (void *)(uintptr_t)&shapes[i]};
    return cmocka_run_group_tests_name("account_random", tests, NULL, NULL);
}
