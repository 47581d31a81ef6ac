/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_account.c: what accounts may have, what they are told, what they are guaranteed, and which
 * limits are refused, each by numbers.
 *
 * Most tests have one zone of 1024 pages, without marks unless they say so.
 */
#include <string.h>

#include "mm/account.h"
#include "mm/contig.h"
#include "mm/explain.h"
#include "mm/highatomic.h"
#include "mm/isolate.h"
#include "path_fixture.h"
#include "zone_internal.h"

#define MOVABLE MIGRATE_MOVABLE

static struct path_fixture f; /* too large for a stack */
static struct account group, member, other;
static struct account_misfit misfit;
static struct explanation explained;
static unsigned told, reclaims;
static struct account *reclaimed;

static void open_host(pfn_t nr_pages, unsigned nr_domains)
{
    const struct path_zone zone = {ZONE_NORMAL, .nr_pages = nr_pages, .nr_domains = nr_domains};

    path_open(&f, &zone, 1, NULL);
    path_marks(&f, MIN_FREE_NONE);
    memset(&group, 0, sizeof(group));
    memset(&member, 0, sizeof(member));
    memset(&other, 0, sizeof(other));
    told = reclaims = 0;
}

static void check(void)
{
    char why[200] = "";

    if (accounts_check(&f.m, why, sizeof(why)) != 0)
        fail_msg("%s", why);
}

static struct account_limits limits(uint64_t max, uint64_t min, uint64_t low, uint64_t high)
{
    return (struct account_limits){.max_pages = max, .wmark = {min, low, high}};
}

static int add(struct account *a, struct account *in, unsigned domain, struct account_limits l,
               pfn_t guarantee)
{
    l.guarantee[0] = guarantee;
    memset(&misfit, 0x5a, sizeof(misfit));
    return account_add(&f.m, a, in, domain, &l, &misfit);
}

static const struct account_limits no_limits = {.max_pages = ACCOUNT_UNLIMITED};

static int get(struct account *a, unsigned order, unsigned flags, pfn_t *ret_pfn)
{
    struct page_request rq = path_request(order, MOVABLE, flags);
    struct page_grant g;
    int r;

    rq.account = a;
    rq.domain = a ? a->domain : 0;
    f.rq = &rq;
    r = alloc_pages(&f.m, &f.ops, &f, &rq, &g, &f.refusal);
    if (r == 0 && ret_pfn)
        *ret_pfn = g.pfn;
    check();
    return r;
}

static void put(struct account *a, pfn_t pfn, unsigned order)
{
    give(f.zf[0].z, pfn);
    account_uncharge(&f.m, a, 0, order);
}

/* ---- limits ---- */

static void default_marks_are_those_of_a_zone(void **state)
{
    struct mm_settings s = MM_SETTINGS_INIT;
    uint64_t wmark[NR_WMARKS];

    (void)state;
    account_default_marks(262144, 12, &s, wmark); /* 1 GiB: 4096 KiB */
    assert_int_equal(wmark[WMARK_MIN], 1024);
    assert_int_equal(wmark[WMARK_LOW], 1024 + 262);
    assert_int_equal(wmark[WMARK_HIGH], 1024 + 2 * 262);
    account_default_marks(80, 12, &s, wmark); /* no more than an eighth */
    assert_int_equal(wmark[WMARK_MIN], 10);
    assert_int_equal(wmark[WMARK_LOW], 12);
    account_default_marks(ACCOUNT_UNLIMITED - 1, 12, &s, wmark);
    assert_int_equal(wmark[WMARK_MIN], 65536);
    account_default_marks(ACCOUNT_UNLIMITED, 12, &s, wmark);
    assert_int_equal(wmark[WMARK_HIGH], 0);
    s.min_free_kbytes = MIN_FREE_NONE;
    account_default_marks(262144, 12, &s, wmark);
    assert_int_equal(wmark[WMARK_HIGH], 0);
}

static void limits_that_do_not_fit_are_refused(void **state)
{
    struct account_limits l = no_limits;

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, limits(100, 30, 20, 40), 0), -EINVAL);
    assert_int_equal(misfit.kind, MISFIT_MARKS);
    assert_int_equal(add(&group, NULL, 0, limits(100, 10, 20, 101), 0), -EINVAL);
    assert_int_equal(misfit.kind, MISFIT_MARKS);
    assert_int_equal(add(&group, NULL, 0, limits(100, 10, 20, 30), 91), -EINVAL);
    assert_int_equal(misfit.kind, MISFIT_GUARANTEE);
    assert_int_equal(misfit.max_pages - misfit.min_pages, 90);
    assert_int_equal(misfit.wanted_pages, 91);
    assert_int_equal(add(&group, NULL, 0, limits(100, 10, 20, 30), 90), 0);
    assert_int_equal(add(&member, &group, 0, no_limits, 1), -EINVAL);
    assert_int_equal(misfit.kind, MISFIT_MEMBER);
    /* 1024 managed; HIGHATOMIC may keep nothing of so few pages. */
    assert_int_equal(add(&other, NULL, 0, no_limits, 935), -ENOSPC);
    assert_int_equal(misfit.kind, MISFIT_ZONE);
    assert_int_equal(misfit.others_pages, 90);
    assert_int_equal(misfit.managed_pages, 1024);
    assert_int_equal(misfit.wanted_pages, 935);
    assert_null(other.linked);
    assert_int_equal(add(&other, NULL, 0, no_limits, 934), 0);
    check();
    l.guarantee[7] = 1; /* no such zone */
    assert_int_equal(account_set_limits(&f.m, &other, &l, &misfit), -ENOSPC);
    assert_int_equal(misfit.zone, 7);
    assert_int_equal(misfit.managed_pages, 0);
    assert_int_equal(other.limits.guarantee[0], 934); /* nothing has changed */
    l.guarantee[0] = 900;
    assert_int_equal(account_set_limits(&f.m, &other, &l, NULL), -ENOSPC);
    assert_int_equal(other.limits.guarantee[0], 934);
    check();
    assert_int_equal(memory_remove_zone(&f.m, 0), -EBUSY);
    assert_int_equal(account_remove(&f.m, &other), 0);
    assert_int_equal(account_remove(&f.m, &group), 0);
    path_close(&f);
}

static void what_others_use_cannot_be_guaranteed(void **state)
{
    struct account_limits l = no_limits;

    (void)state;
    open_host(1024, 1);
    take_all(f.zf[0].z, 9, MOVABLE);
    give(f.zf[0].z, 0);
    assert_int_equal(add(&group, NULL, 0, no_limits, 512), 0);
    l.guarantee[0] = 513;
    assert_int_equal(account_set_limits(&f.m, &group, &l, &misfit), -ENOSPC);
    assert_int_equal(misfit.kind, MISFIT_FREE);
    check();
    give(f.zf[0].z, 512);
    assert_int_equal(account_set_limits(&f.m, &group, &l, &misfit), 0);
    check();
    path_close(&f);
}

static void settings_may_outgrow_guarantees(void **state)
{
    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 1000), 0);
    assert_int_equal(accounts_fit(&f.m, 0, &misfit), 0);
    path_marks(&f, 0);
    assert_int_equal(accounts_fit(&f.m, 0, &misfit), -ENOSPC);
    assert_int_equal(misfit.kind, MISFIT_ZONE);
    assert_int_equal(misfit.others_pages, 1000);
    assert_int_equal(misfit.high_pages, 96);
    assert_int_equal(accounts_fit(&f.m, 9, &misfit), 0);
    path_close(&f);
}

static void accounts_come_and_go(void **state)
{
    pfn_t pfn = 0;

    (void)state;
    open_host(1024, 4);
    assert_int_equal(account_remove(&f.m, &group), -EINVAL);
    assert_int_equal(add(&group, NULL, MAX_DOMAINS, no_limits, 0), -EINVAL);
    assert_int_equal(misfit.kind, MISFIT_NONE);
    assert_int_equal(add(&member, &group, 0, no_limits, 0), -EINVAL);
    assert_int_equal(account_add(&f.m, &group, NULL, 1, &no_limits, NULL), 0);
    assert_int_equal(account_add(&f.m, &group, NULL, 1, &no_limits, NULL), -EINVAL);
    assert_int_equal(add(&other, NULL, 1, no_limits, 0), -EEXIST);
    assert_int_equal(add(&member, &group, 3, no_limits, 0), 0);
    assert_int_equal(member.domain, 1);
    assert_int_equal(add(&other, &member, 0, no_limits, 0), -EINVAL);
    assert_int_equal(account_remove(&f.m, &group), -EBUSY);
    assert_int_equal(get(&member, 0, REQUEST_MAY_WAIT, NULL), -EINPROGRESS);
    assert_int_equal(zone_populate_done(f.zf[0].z, f.zf[0].populate[0].pfn), 0);
    assert_int_equal(get(&member, 0, REQUEST_MAY_WAIT, &pfn), 0);
    assert_int_equal(member.used_pages, 1);
    assert_int_equal(group.used_pages, PATH_P); /* it holds the pageblock */
    assert_int_equal(account_unmet_others(&f.m, &member, 0), 0);
    assert_int_equal(account_remove(&f.m, &member), -EBUSY);
    assert_int_equal(add(&other, &group, 0, no_limits, 0), 0);
    put(&member, pfn, 0);
    assert_int_equal(account_remove(&f.m, &member), 0);
    assert_int_equal(account_remove(&f.m, &other), 0);
    assert_int_equal(account_remove(&f.m, &group), 0);
    check();
    path_close(&f);
}

/* ---- marks, max, and pressure ---- */

static void count_pressure(void *ctx, struct account *a)
{
    (void)ctx;
    (void)a;
    told++;
}

static void each_mark_is_told_once(void **state)
{
    static const struct account_ops ops = {.pressure = count_pressure};
    pfn_t pfn[100];
    unsigned n = 0;

    (void)state;
    open_host(1024, 1);
    accounts_notify(&f.m, &ops, NULL);
    assert_int_equal(add(&group, NULL, 0, limits(100, 10, 20, 30), 0), 0);
    while (n < 79)
        assert_int_equal(get(&group, 0, 0, &pfn[n++]), 0);
    assert_int_equal(told, 0);
    assert_int_equal(get(&group, 0, 0, &pfn[n++]), 0); /* 20 are left: low */
    assert_int_equal(group.pressure, PRESSURE_LOW);
    for (unsigned i = 0; i < 5; i++) { /* up to high and down again is no news */
        put(&group, pfn[--n], 0);
        put(&group, pfn[--n], 0);
        assert_int_equal(get(&group, 0, 0, &pfn[n++]), 0);
        assert_int_equal(get(&group, 0, 0, &pfn[n++]), 0);
    }
    assert_int_equal(told, 1);
    while (n < 90)
        assert_int_equal(get(&group, 0, 0, &pfn[n++]), 0);
    assert_int_equal(group.pressure, PRESSURE_MIN);
    assert_int_equal(told, 2);
    assert_int_equal(get(&group, 0, 0, NULL), -ENOMEM);
    assert_int_equal(f.refusal.scope, REFUSED_BY_ACCOUNT);
    assert_ptr_equal(f.refusal.account, &group);
    assert_int_equal(f.refusal.account_mark_pages, 10);
    assert_int_equal(f.refusal.max_pages, 100);
    assert_int_equal(f.refusal.used_pages, 90);
    assert_int_equal(get(&group, 0, REQUEST_HIGH, &pfn[n++]), 0); /* its right goes to 4 */
    while (n < 96)
        assert_int_equal(get(&group, 0, REQUEST_HIGH, &pfn[n++]), 0);
    assert_int_equal(get(&group, 0, REQUEST_HIGH, NULL), -ENOMEM);
    while (n < 100)
        assert_int_equal(get(&group, 0, REQUEST_RESERVE, &pfn[n++]), 0);
    assert_int_equal(get(&group, 0, REQUEST_RESERVE | REQUEST_VICTIM, NULL), -ENOMEM); /* max */
    while (n > 70)
        put(&group, pfn[--n], 0);
    assert_int_equal(told, 2);
    put(&group, pfn[--n], 0); /* 31 are free */
    assert_int_equal(group.pressure, PRESSURE_NONE);
    assert_int_equal(told, 3);
    path_close(&f);
}

/* A domain that was told to give something back learns that it was enough, also while what it has
 * freed rests. */
static void a_domain_learns_that_pressure_is_over(void **state)
{
    static const struct account_ops ops = {.pressure = count_pressure};
    pfn_t pfn[6];

    (void)state;
    open_host(1024, 2);
    accounts_notify(&f.m, &ops, NULL);
    assert_int_equal(add(&group, NULL, 1, limits(128, 0, 32, 48), 0), 0);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(zone_pass_ahead(f.zf[0].z, 0, 1), 0);
        assert_int_equal(
            zone_populate_done(f.zf[0].z, f.zf[0].populate[f.zf[0].nr_populates - 1].pfn), 0);
        assert_int_equal(get(&group, PATH_ORDER, 0, &pfn[i]), 0);
    }
    assert_int_equal(group.pressure, PRESSURE_LOW);
    put(&group, pfn[0], PATH_ORDER);
    assert_int_equal(group.used_pages, 5 * PATH_P);
    assert_int_equal(told, 1);
    put(&group, pfn[1], PATH_ORDER);
    assert_int_equal(group.used_pages, 4 * PATH_P);
    assert_int_equal(group.pressure, PRESSURE_NONE);
    assert_int_equal(told, 2);
    path_close(&f);
}

static void max_may_fall_below_what_is_used(void **state)
{
    struct account_limits l = limits(10, 0, 0, 0);

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 0), 0);
    assert_int_equal(get(&group, 6, 0, NULL), 0);
    assert_int_equal(account_set_limits(&f.m, &group, &l, NULL), 0);
    assert_int_equal(account_free_pages(&group), 0);
    assert_int_equal(group.pressure, PRESSURE_MIN);
    assert_int_equal(get(&group, 0, REQUEST_RESERVE, NULL), -ENOMEM);
    assert_int_equal(account_set_limits(&f.m, &group, &no_limits, NULL), 0);
    assert_int_equal(account_free_pages(&group), ACCOUNT_UNLIMITED);
    assert_true(account_ok(&group, 18, WMARK_LOW, 0));
    path_close(&f);
}

static void members_must_pass_their_group(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, 0);

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, limits(64, 0, 0, 0), 0), 0);
    assert_int_equal(add(&member, &group, 0, limits(64, 0, 0, 0), 0), 0);
    assert_int_equal(add(&other, &group, 0, no_limits, 0), 0);
    assert_int_equal(get(&member, 5, 0, NULL), 0);
    assert_int_equal(get(&other, 4, 0, NULL), 0);
    assert_false(account_ok(&member, 5, WMARK_LOW, 0));
    assert_int_equal(get(&member, 5, 0, NULL), -ENOMEM);
    assert_int_equal(f.refusal.scope, REFUSED_BY_GROUP);
    assert_ptr_equal(f.refusal.account, &group);
    rq.account = &member;
    rq.domain = 1;
    assert_int_equal(path_alloc(&f, &rq, &(struct page_grant){.zone = 0}), -EINVAL);
    account_charge(&f.m, &other, 0, 4); /* as after a restart */
    assert_int_equal(group.used_pages, 64);
    check();
    path_close(&f);
}

static pfn_t reclaim_account(void *ctx, struct account *a, const struct page_request *rq)
{
    struct path_fixture *x = ctx;

    assert_ptr_equal(rq, x->rq);
    reclaimed = a;
    if (reclaims++ > 0)
        return reclaims == 2 ? 1 : 0;
    put(&member, 0, 5);
    return 32;
}

static void an_account_reclaims_its_own_first(void **state)
{
    (void)state;
    open_host(1024, 1);
    f.ops.reclaim_account = reclaim_account;
    assert_int_equal(add(&group, NULL, 0, limits(64, 0, 8, 16), 0), 0);
    assert_int_equal(add(&member, &group, 0, limits(100, 0, 0, 0), 0), 0);
    assert_int_equal(get(&member, 5, 0, NULL), 0);
    assert_int_equal(get(&member, 4, 0, NULL), 0);
    assert_int_equal(get(&member, 4, 0, NULL), 0); /* who cannot wait is served from below low */
    assert_int_equal(reclaims, 0);
    f.log[0] = '\0';
    assert_int_equal(get(&member, 3, REQUEST_MAY_WAIT, NULL), 0);
    assert_int_equal(reclaims, 1);
    assert_ptr_equal(reclaimed, &group);
    assert_int_equal(get(&member, 5, REQUEST_MAY_WAIT, NULL), -ENOMEM);
    assert_int_equal(reclaims, 3); /* once for low, and until nothing more comes of it */
    path_called(&f, "");           /* nobody else is asked for what the group may not have */
    path_close(&f);
}

/* Says that something came of it, whatever that was. */
static pfn_t reclaim_nothing(void *ctx, struct account *a, const struct page_request *rq)
{
    (void)ctx, (void)a, (void)rq;
    assert_true(++reclaims < 100);
    return 1;
}

static void who_reclaims_in_vain_is_asked_17_times(void **state)
{
    (void)state;
    open_host(1024, 1);
    f.ops.reclaim_account = reclaim_nothing;
    assert_int_equal(add(&group, NULL, 0, limits(64, 0, 0, 0), 0), 0);
    assert_int_equal(get(&group, 6, 0, NULL), 0);
    assert_int_equal(get(&group, 0, REQUEST_MAY_WAIT, NULL), -ENOMEM);
    assert_int_equal(reclaims, 1 + 16); /* for low, and then as often as reclaim without progress */
    path_close(&f);
}

static void lower_max(struct path_fixture *x, unsigned n)
{
    const struct account_limits l = limits(0, 0, 0, 0);

    (void)n;
    assert_int_equal(account_set_limits(&x->m, &group, &l, NULL), 0);
}

static void limits_may_change_on_the_way(void **state)
{
    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 0), 0);
    path_fragment(f.zf[0].z);
    f.on_compact = lower_max;
    f.log[0] = '\0';
    assert_int_equal(get(&group, COSTLY_ORDER + 1, REQUEST_MAY_WAIT, NULL), -ENOMEM);
    path_called(&f, "async"); /* and then nobody is asked for more */
    assert_int_equal(f.refusal.scope, REFUSED_BY_ACCOUNT);
    path_close(&f);
}

static void bulk_and_exact_requests_are_charged(void **state)
{
    struct page_request rq = path_request(0, MOVABLE, 0);
    uint64_t tags[EXACT_MAX_BLOCKS] = {0};
    struct page_grant g[EXACT_MAX_BLOCKS];

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, limits(64, 0, 0, 0), 0), 0);
    assert_int_equal(add(&member, &group, 0, no_limits, 0), 0);
    rq.account = &member;
    assert_int_equal(alloc_pages_bulk(&f.m, NULL, NULL, &rq, 10, tags, g), 10);
    assert_int_equal(member.used_pages, 10);
    assert_int_equal(group.used_pages, 10);
    assert_int_equal(alloc_pages_exact(&f.m, NULL, NULL, &rq, 21, tags, g, &f.refusal), 3);
    assert_int_equal(group.used_pages, 31);
    assert_int_equal(member.used_pages, 31);
    assert_int_equal(alloc_pages_exact(&f.m, NULL, NULL, &rq, 33, tags, g, &f.refusal), -ENOMEM);
    check();
    account_uncharge(&f.m, &member, 0, 0);
    account_charge(&f.m, &member, 0, 5);
    assert_int_equal(alloc_pages_bulk(&f.m, NULL, NULL, &rq, 10, tags, g), 1); /* 2 are left */
    path_close(&f);
}

/* ---- guarantees ---- */

static void guarantees_stand_against_every_right(void **state)
{
    pfn_t pfn = 0;

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 100), 0);
    assert_int_equal(account_unmet_others(&f.m, NULL, 0), 100);
    assert_int_equal(account_unmet_others(&f.m, &group, 0), 0);
    assert_int_equal(account_unmet_others(&f.m, NULL, 5), 0);
    path_leave(f.zf[0].z, 101, MOVABLE);
    assert_int_equal(get(NULL, 0, REQUEST_RESERVE, &pfn), 0);
    assert_int_equal(get(NULL, 0, REQUEST_RESERVE | REQUEST_VICTIM, NULL), -ENOMEM);
    assert_int_equal(f.refusal.scope, REFUSED_BY_ZONE);
    assert_int_equal(f.refusal.unmet_others, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(get(&group, 0, 0, &pfn), 0);
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 0);
    put(&group, pfn, 0);
    assert_int_equal(get(NULL, 0, REQUEST_RESERVE, NULL), -ENOMEM);
    path_close(&f);
}

static void a_guarantee_asks_no_mark(void **state)
{
    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 50), 0);
    path_marks(&f, 0); /* 64, 80, 96 */
    path_leave(f.zf[0].z, 60, MOVABLE);
    assert_int_equal(get(NULL, 0, 0, NULL), -ENOMEM);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(get(&group, 0, 0, NULL), 0);
    assert_int_equal(get(&group, 0, 0, NULL), -ENOMEM);
    assert_int_equal(f.refusal.mark_pages, 64);
    path_close(&f);
}

static void a_range_is_not_taken_from_a_guarantee(void **state)
{
    struct zone_obstacle o;
    struct contig c;
    const uint64_t tags[64] = {0};
    struct contig_request rq = {.nr_pages = 256, .type = MOVABLE, .tag = tags, .nr_tags = 64};

    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 800), 0);
    assert_int_equal(zone_isolate_range(f.zf[0].z, 0, 256, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_GUARANTEED);
    assert_int_equal(zone_cma_init(f.zf[0].z, 0, 256, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_GUARANTEED);
    assert_int_equal(alloc_contig_range(f.zf[0].z, 0, &rq, &c, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_GUARANTEED);
    assert_int_equal(zone_isolate_range(f.zf[0].z, 0, 224, &o), 0);
    check();
    assert_int_equal(get(NULL, 0, REQUEST_RESERVE, NULL), -ENOMEM);
    assert_int_equal(get(&group, 0, 0, NULL), 0);
    assert_int_equal(zone_undo_isolate(f.zf[0].z, 0, 224), 0);
    path_close(&f);
}

static void no_cma_area_serves_a_guarantee(void **state)
{
    struct account_limits l = no_limits;
    pfn_t pfn = 0;

    (void)state;
    open_host(1024, 1);
    assert_int_equal(zone_cma_init(f.zf[0].z, 512, 512, NULL), 0);
    assert_int_equal(add(&group, NULL, 0, no_limits, 0), 0);
    assert_int_equal(add(&other, NULL, 0, no_limits, 100), 0);
    path_leave(f.zf[0].z, 612, MIGRATE_UNMOVABLE);
    assert_int_equal(get(NULL, 0, REQUEST_RESERVE, NULL), -ENOMEM);
    assert_int_equal(get(&group, 0, REQUEST_CMA, &pfn), 0);
    assert_true(pfn >= 512);
    l.guarantee[0] = 1;
    give(f.zf[0].z, 0);
    assert_int_equal(account_set_limits(&f.m, &group, &l, &misfit), -ENOSPC);
    assert_int_equal(misfit.kind, MISFIT_CMA);
    assert_int_equal(get(&other, 0, REQUEST_CMA, &pfn), 0);
    assert_true(pfn < 512);
    path_close(&f);
}

static void a_small_cma_area_serves_no_larger_block(void **state)
{
    struct page_request rq = path_request(3, MOVABLE, REQUEST_CMA);

    (void)state;
    open_host(1024, 1);
    assert_int_equal(zone_cma_init(f.zf[0].z, 960, 64, NULL), 0);
    assert_int_equal(add(&group, NULL, 0, no_limits, 100), 0);
    path_leave(f.zf[0].z, 64 + 104, MIGRATE_UNMOVABLE);
    while (get(NULL, 0, REQUEST_CMA, NULL) == 0)
        ;
    assert_int_equal(zone_free_pages(f.zf[0].z, 0), 100);
    for (pfn_t pfn = 0; pfn < 4; pfn++)
        give(f.zf[0].z, pfn);
    for (pfn_t pfn = 961; pfn < 1024; pfn += 2)
        give(f.zf[0].z, pfn);
    assert_int_equal(alloc_explain(&f.m, &rq, &explained), 0);
    assert_int_equal(explained.result, -ENOMEM);
    assert_int_equal(explained.grantable_order, 2);
    assert_int_equal(get(NULL, 3, REQUEST_CMA, NULL), -ENOMEM);
    path_close(&f);
}

/* What is kept for HIGHATOMIC in a domain's file is held by it, and counts for its guarantee. */
static void a_domains_kept_pageblock_is_held(void **state)
{
    struct zone_obstacle o;
    struct zone *z;
    pfn_t pfn = 0;

    (void)state;
    open_host(2048, 2);
    z = f.zf[0].z;
    assert_int_equal(add(&group, NULL, 1, no_limits, 2 * PATH_P + 3), 0);
    assert_int_equal(account_unmet_others(&f.m, NULL, 0), 2 * PATH_P);
    assert_int_equal(get(&group, 0, 0, NULL), -EINPROGRESS); /* though it cannot wait */
    assert_int_equal(zone_populate_done(z, f.zf[0].populate[0].pfn), 0);
    assert_int_equal(get(&group, 0, 0, &pfn), 0);
    highatomic_reserve(z, pfn);
    put(&group, pfn, 0);
    assert_int_equal(zone_held_pages(z, 1), PATH_P);
    for (pfn_t i = 0; i < 2048 / PATH_P - 2; i++)
        (void)take(z, PATH_ORDER, MOVABLE);
    assert_int_equal(zone_isolate_range(z, pfn & ~(PATH_P - 1), PATH_P, &o), -EBUSY);
    assert_int_equal(o.reason, OBSTACLE_GUARANTEED);
    check();
    path_close(&f);
}

/* A pageblock that rests serves a guarantee at once, whatever else is on its way. */
static void a_guarantee_is_served_from_what_rests(void **state)
{
    struct zone *z;
    pfn_t pfn = PFN_NONE, again = PFN_NONE;

    (void)state;
    open_host(4 * PATH_P, 2);
    z = f.zf[0].z;
    assert_int_equal(add(&group, NULL, 0, no_limits, PATH_P), 0);
    assert_int_equal(get(&group, PATH_ORDER, 0, &pfn), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(get(NULL, PATH_ORDER, 0, NULL), 0);
    assert_int_equal(zone_pass_ahead(z, 0, 1), 0);
    assert_int_equal(zone_populate_done(z, f.zf[0].populate[0].pfn), 0);
    assert_int_equal(zone_pass_ahead(z, 1, 0), 0);
    put(&group, pfn, PATH_ORDER);
    assert_int_equal(get(&group, PATH_ORDER, 0, &again), 0);
    assert_int_equal(again, pfn);
    assert_int_equal(zone_populate_done(z, f.zf[0].populate[1].pfn), 0);
    path_close(&f);
}

/* What it held in a zone that was free but kept for HIGHATOMIC goes with the zone. */
static void a_zone_that_goes_is_not_used(void **state)
{
    static const struct path_zone zones[] = {
        {ZONE_NORMAL, .nr_pages = 2048, .nr_domains = 2},
        {ZONE_MOVABLE, .nr_pages = 2048, .nr_domains = 2},
    };
    pfn_t pfn;

    (void)state;
    path_open(&f, zones, 2, NULL);
    path_marks(&f, MIN_FREE_NONE);
    memset(&other, 0, sizeof(other));
    assert_int_equal(add(&other, NULL, 1, limits((uint64_t)4 * PATH_P, 0, 0, 0), 0), 0);
    pfn = take_passing(&f.zf[1], 1, MOVABLE, 1);
    highatomic_reserve(f.zf[1].z, pfn);
    give(f.zf[1].z, pfn);
    account_refresh(&f.m, &other);
    assert_int_equal(other.used_pages, PATH_P);
    assert_int_equal(memory_remove_zone(&f.m, 1), 0);
    assert_int_equal(other.used_pages, 0);
    check();
    assert_int_equal(account_remove(&f.m, &other), 0);
    path_close(&f);
}

/* ---- the checks can fail ---- */

static void damage_is_found(void **state)
{
    struct zone *z;

    (void)state;
    open_host(1024, 1);
    z = f.zf[0].z;
    assert_int_equal(add(&group, NULL, 0, limits(500, 0, 10, 20), 100), 0);
    assert_int_equal(add(&member, &group, 0, no_limits, 0), 0);
    check();
#define BREAKS(field, by, what)                                                                    \
    do {                                                                                           \
        (field) += (by);                                                                           \
        assert_int_equal(what, -EUCLEAN);                                                          \
        (field) -= (by);                                                                           \
        check();                                                                                   \
    } while (0)
    BREAKS(group.used_pages, 1, accounts_check(&f.m, (char[200]){""}, 200));
    BREAKS(group.used_pages, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(group.calm_pages, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(group.plain_pages, 1, accounts_check(&f.m, NULL, 0));
    group.plain_pages = group.calm_pages; /* in spite of its guarantee */
    assert_int_equal(accounts_check(&f.m, (char[200]){""}, 200), -EUCLEAN);
    group.plain_pages = 0;
    BREAKS(group.nr_members, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(member.domain, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(z->set[0].guaranteed, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(z->set[0].unmet, 1, accounts_check(&f.m, NULL, 0));
    BREAKS(z->nr_large, -992u, accounts_check(&f.m, NULL, 0));
    BREAKS(z->set[0].nr_held, 1, zone_check(z, NULL, 0));
    BREAKS(z->guaranteed, 1, zone_check(z, NULL, 0));
    group.pressure = PRESSURE_LOW;
    assert_int_equal(accounts_check(&f.m, NULL, 0), -EUCLEAN);
    group.pressure = PRESSURE_NONE;
    group.linked = &group.next;
    assert_int_equal(accounts_check(&f.m, NULL, 0), -EUCLEAN);
    group.linked = &f.m.accounts;
    member.linked = &member.next;
    assert_int_equal(accounts_check(&f.m, NULL, 0), -EUCLEAN);
    member.linked = &group.members;
    member.used_pages = 1;
    member.used[0] = 1;
    assert_int_equal(accounts_check(&f.m, NULL, 0), -EUCLEAN);
    member.used_pages = 0;
    member.used[0] = 0;
    z->set[0].nr_held++;
    assert_int_equal(zone_check(z, (char[200]){""}, 200), -EUCLEAN);
    z->set[0].nr_held--;
    z->guaranteed++;
    assert_int_equal(zone_check(z, (char[200]){""}, 200), -EUCLEAN);
    z->guaranteed--;
    path_close(&f);
}

/* Pinned pages are counted of a member and its group alike. */
static void pins_count_for_the_group(void **state)
{
    (void)state;
    open_host(1024, 1);
    assert_int_equal(add(&group, NULL, 0, no_limits, 0), 0);
    assert_int_equal(add(&member, &group, 0, no_limits, 0), 0);
    account_pin(&member, 8, true);
    account_pin(&group, 2, true);
    assert_int_equal(member.pinned_pages, 8);
    assert_int_equal(group.pinned_pages, 10);
    account_pin(&member, 8, false);
    assert_int_equal(member.pinned_pages, 0);
    assert_int_equal(group.pinned_pages, 2);
    path_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_marks_are_those_of_a_zone),
        cmocka_unit_test(limits_that_do_not_fit_are_refused),
        cmocka_unit_test(what_others_use_cannot_be_guaranteed),
        cmocka_unit_test(settings_may_outgrow_guarantees),
        cmocka_unit_test(accounts_come_and_go),
        cmocka_unit_test(each_mark_is_told_once),
        cmocka_unit_test(a_domain_learns_that_pressure_is_over),
        cmocka_unit_test(max_may_fall_below_what_is_used),
        cmocka_unit_test(members_must_pass_their_group),
        cmocka_unit_test(an_account_reclaims_its_own_first),
        cmocka_unit_test(who_reclaims_in_vain_is_asked_17_times),
        cmocka_unit_test(limits_may_change_on_the_way),
        cmocka_unit_test(bulk_and_exact_requests_are_charged),
        cmocka_unit_test(a_zone_that_goes_is_not_used),
        cmocka_unit_test(guarantees_stand_against_every_right),
        cmocka_unit_test(a_guarantee_asks_no_mark),
        cmocka_unit_test(a_range_is_not_taken_from_a_guarantee),
        cmocka_unit_test(no_cma_area_serves_a_guarantee),
        cmocka_unit_test(a_small_cma_area_serves_no_larger_block),
        cmocka_unit_test(a_domains_kept_pageblock_is_held),
        cmocka_unit_test(a_guarantee_is_served_from_what_rests),
        cmocka_unit_test(pins_count_for_the_group),
        cmocka_unit_test(damage_is_found),
    };

    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
