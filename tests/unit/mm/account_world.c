/* SPDX-License-Identifier: Apache-2.0 */
/* account_world.c: see the header. */
#include "account_world.h"

#include <stdlib.h>
#include <string.h>

#include "mm/fragmentation.h"
#include "mm/highatomic.h"
#include "mm/isolate.h"

static void on_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct world *w = ctx;
    unsigned n = w->nr_populates++;

    assert_true(n < 256);
    w->populate[n].pfn = pfn;
    w->populate[n].order = order;
    w->populate[n].domain = domain;
    for (unsigned i = 0; i < w->shape->nr_zones; i++) {
        if (w->m.zone[i] == z)
            w->populate_zone[n] = i;
    }
}

static bool on_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct world *w = ctx;
    unsigned i = 0;

    while (i < w->nr_blocks &&
           (w->m.zone[w->block[i].zone] != z || w->block[i].pfn != from || w->block[i].moving))
        i++;
    assert_true(i < w->nr_blocks && w->block[i].order == order);
    w->block[i].moving = true;
    w->block[i].target = to;
    world_place(w, &w->block[i], to, true);
    return true;
}

/* No storms: each call is a change, and true. */
static void on_pressure(void *ctx, struct account *a)
{
    struct world *w = ctx;
    uint64_t left = account_free_pages(a);
    unsigned i = (unsigned)(a - w->account);

    WORLD_CHECK(w, a->pressure != w->pressure[i], "account %u\n", i);
    WORLD_CHECK(w, w->pressure[i] != PRESSURE_MIN || a->pressure == PRESSURE_NONE, "%u\n", i);
    w->pressure[i] = a->pressure;
    w->nr_told++;
    if (a->pressure == PRESSURE_NONE)
        WORLD_CHECK(w, left > a->limits.wmark[WMARK_HIGH], "account %u\n", i);
    else
        WORLD_CHECK(w, left <= a->limits.wmark[a->pressure == PRESSURE_LOW ? WMARK_LOW : WMARK_MIN],
                    "account %u\n", i);
}

void world_open(struct world *w, const struct world_shape *shape, uint64_t seed)
{
    static const struct zone_ops ops = {.populate = on_populate, .move = on_move};
    static const struct account_ops account_ops = {.pressure = on_pressure};
    struct mm_settings settings = MM_SETTINGS_INIT;

    memset(w, 0, sizeof(*w));
    w->shape = shape;
    w->seed = seed;
    w->rng.state = seed;
    assert_int_equal(memory_init(&w->m, 12, NULL), 0);
    settings.min_free_kbytes = shape->min_free_kbytes;
    assert_int_equal(memory_set(&w->m, &settings), 0);
    for (unsigned i = 0; i < shape->nr_zones; i++) {
        struct zone_config c = {
            .nr_pages = shape->zone[i].nr_pages,
            .pageblock_order = WORLD_ORDER,
            .nr_domains = shape->nr_domains,
            .kind = shape->zone[i].kind,
            .ops = &ops,
            .ops_ctx = w,
        };
        size_t lasting, derived;
        struct zone *z;

        assert_int_equal(zone_metadata_bytes(&c, &lasting, &derived), 0);
        w->lasting[i] = aligned_alloc(64, lasting);
        w->derived[i] = aligned_alloc(64, derived);
        assert_true(w->lasting[i] && w->derived[i]);
        memset(w->lasting[i], 0, lasting);
        memset(w->derived[i], 0, derived);
        assert_int_equal(zone_init(&c, w->lasting[i], w->derived[i], &z), 0);
        assert_int_equal(memory_add_zone(&w->m, z, (int)i), (int)i);
        if (shape->zone[i].cma != 0)
            assert_int_equal(
                zone_cma_init(z, c.nr_pages - shape->zone[i].cma, shape->zone[i].cma, NULL), 0);
    }
    accounts_notify(&w->m, &account_ops, w);
}

void world_close(struct world *w)
{
    for (unsigned i = 0; i < w->shape->nr_zones; i++) {
        struct zone_stat st;

        zone_stat(w->m.zone[i], &st);
        WORLD_CHECK(w, st.free_pages == st.managed_pages, "zone %u\n", i);
        assert_int_equal(memory_remove_zone(&w->m, i), 0);
        free(w->lasting[i]);
        free(w->derived[i]);
    }
}

/* ---- the book ---- */

void world_place(struct world *w, const struct world_block *b, pfn_t pfn, bool taken)
{
    pfn_t pages = (pfn_t)1 << b->order;

    if (b->order >= WORLD_ORDER)
        return;
    w->owner[b->zone][pfn / WORLD_P] = b->domain;
    w->small[b->zone][pfn / WORLD_P] += taken ? pages : -pages;
}

void world_granted(struct world *w, unsigned zone, pfn_t pfn, unsigned order, unsigned domain,
                   int account)
{
    struct world_block *b = &w->block[w->nr_blocks++];

    assert_true(w->nr_blocks <= WORLD_BLOCKS);
    *b = (struct world_block){
        .zone = zone, .pfn = pfn, .order = order, .account = account, .domain = domain};
    world_place(w, b, pfn, true);
    if (account >= 0)
        w->used[account][zone] += (pfn_t)1 << order;
}

void world_forget(struct world *w, unsigned i)
{
    struct world_block *b = &w->block[i];

    world_place(w, b, b->pfn, false);
    if (b->account >= 0)
        w->used[b->account][b->zone] -= (pfn_t)1 << b->order;
    *b = w->block[--w->nr_blocks];
}

void world_populated(struct world *w)
{
    while (w->nr_populates > 0) {
        unsigned i = rng_below(&w->rng, w->nr_populates), last = --w->nr_populates;

        assert_int_equal(zone_populate_done(w->m.zone[w->populate_zone[i]], w->populate[i].pfn), 0);
        w->populate[i] = w->populate[last];
        w->populate_zone[i] = w->populate_zone[last];
    }
}

struct account *world_top(struct world *w, int account)
{
    struct account *a = account < 0 ? NULL : &w->account[account];

    return a && a->group ? a->group : a;
}

pfn_t world_free_of(struct world *w, unsigned zone, enum migratetype type)
{
    pfn_t sum = 0;

    for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
        sum += zone_nr_free_blocks(w->m.zone[zone], o, type) << o;
    return sum;
}

/* What a domain holds: pageblocks with its small blocks, and its larger blocks. */
static pfn_t held(const struct world *w, unsigned zone, unsigned domain, bool isolated)
{
    pfn_t start = w->isolated[zone][0], nr = w->isolated[zone][1], sum = 0;

    for (pfn_t i = 0; i < w->shape->zone[zone].nr_pages / WORLD_P; i++) {
        if (w->small[zone][i] != 0 && w->owner[zone][i] == domain &&
            (!isolated || i * WORLD_P - start < nr))
            sum += WORLD_P;
    }
    for (unsigned i = 0; i < w->nr_blocks; i++) {
        const struct world_block *b = &w->block[i];

        if (b->zone != zone || b->domain != domain || b->order < WORLD_ORDER)
            continue;
        if (!isolated || b->pfn - start < nr)
            sum += (pfn_t)1 << b->order;
        if (b->moving && !isolated)
            sum += (pfn_t)1 << b->order;
    }
    return sum;
}

uint64_t world_used(struct world *w, int account)
{
    const struct account *a = &w->account[account];
    uint64_t sum = 0;

    for (unsigned z = 0; z < w->shape->nr_zones; z++) {
        if (a->domain != 0 && !a->group) {
            sum += zone_held_pages(w->m.zone[z], a->domain);
            continue;
        }
        for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
            if (i == (unsigned)account || (w->live[i] && w->account[i].group == a))
                sum += w->used[i][z];
        }
    }
    return sum;
}

pfn_t world_unmet(struct world *w, int account, unsigned zone)
{
    const struct account *a = &w->account[account];
    pfn_t guarantee = a->limits.guarantee[zone], used = 0;

    if (a->domain != 0) {
        guarantee -= guarantee % WORLD_P;
        used = zone_held_pages(w->m.zone[zone], a->domain);
    }
    for (unsigned i = 0; a->domain == 0 && i < WORLD_ACCOUNTS; i++) {
        if (i == (unsigned)account || (w->live[i] && w->account[i].group == a))
            used += w->used[i][zone];
    }
    return guarantee > used ? guarantee - used : 0;
}

static pfn_t stranded(const struct world *w, unsigned zone, unsigned domain)
{
    pfn_t start = w->isolated[zone][0], nr = w->isolated[zone][1], sum = 0;

    if (domain != 0)
        return held(w, zone, domain, true);
    for (unsigned i = 0; i < w->nr_blocks; i++) {
        const struct world_block *b = &w->block[i];

        if (b->zone == zone && b->domain == 0 && !b->moving && b->pfn - start < nr)
            sum += (pfn_t)1 << b->order;
    }
    return sum;
}

static int64_t demand(struct world *w, unsigned zone, unsigned domain)
{
    int64_t sum = 0;
    bool any = false;

    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        const struct account *a = &w->account[i];

        if (!w->live[i] || a->group || a->domain != domain ||
            a->limits.guarantee[zone] / (domain ? WORLD_P : 1) == 0)
            continue;
        any = true;
        sum += world_unmet(w, (int)i, zone);
    }
    return any ? sum + stranded(w, zone, domain) : 0;
}

/* Pageblocks that a domain needs beside what it has. */
static int64_t needed(struct world *w, unsigned zone, unsigned domain)
{
    struct zone *z = w->m.zone[zone];
    int64_t pages = demand(w, zone, domain);
    struct zone_stat st;

    zone_stat(z, &st);
    if (domain == 0) /* CMA areas are only in shapes with one domain */
        pages -= (int64_t)zone_free_pages(z, 0) - (int64_t)st.empty_pageblocks * WORLD_P -
                 world_free_of(w, zone, MIGRATE_CMA);
    for (unsigned i = 0; i < w->nr_populates; i++) {
        if (w->populate_zone[i] == zone && w->populate[i].domain == domain)
            pages -= (int64_t)1 << w->populate[i].order;
    }
    return pages <= 0 ? 0 : (pages + WORLD_P - 1) / WORLD_P;
}

int64_t world_kept(struct world *w, unsigned zone, unsigned domain, int account)
{
    struct account *top = world_top(w, account);
    int64_t sum = 0;

    for (unsigned d = 0; d < w->shape->nr_domains; d++) {
        if (d != domain)
            sum += needed(w, zone, d) * WORLD_P;
    }
    if (domain == 0)
        sum +=
            demand(w, zone, 0) - (top ? (int64_t)world_unmet(w, (int)(top - w->account), zone) : 0);
    return sum;
}

static void check_zone(struct world *w, unsigned zone)
{
    struct zone *z = w->m.zone[zone];
    struct zone_stat st;
    int64_t sum = 0;

    zone_stat(z, &st);
    for (unsigned d = 0; d < w->shape->nr_domains; d++) {
        pfn_t api = zone_held_pages(z, d), book = held(w, zone, d, false);

        sum += needed(w, zone, d);
        WORLD_CHECK(w, zone_nr_pageblocks(z, MIGRATE_HIGHATOMIC) ? api >= book : api == book,
                    "zone %u domain %u holds %u, by the book %u\n", zone, d, api, book);
    }
    WORLD_CHECK(w, sum <= st.empty_pageblocks, "zone %u: guarantees need %lld pageblocks of %u\n",
                zone, (long long)sum, st.empty_pageblocks);
}

void world_check(struct world *w)
{
    char why[200] = "";

    for (unsigned i = 0; i < w->shape->nr_zones; i++) {
        WORLD_CHECK(w, zone_check(w->m.zone[i], why, sizeof(why)) == 0, "%s\n", why);
        check_zone(w, i);
    }
    WORLD_CHECK(w, accounts_check(&w->m, why, sizeof(why)) == 0, "%s\n", why);
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        if (w->live[i]) {
            account_refresh(&w->m, &w->account[i]);
            WORLD_CHECK(w, world_used(w, (int)i) == w->account[i].used_pages, "account %u\n", i);
            WORLD_CHECK(w, w->pressure[i] == w->account[i].pressure, "account %u\n", i);
        }
    }
}

/* ---- refusals ---- */

/* The rights that a request has in the end. */
static void rights_of(const struct page_request *rq, bool *all, int64_t *mark, bool *reserves)
{
    bool high = (rq->flags & REQUEST_HIGH) != 0;
    bool atomic = !(rq->flags & (REQUEST_MAY_WAIT | REQUEST_NO_RESERVES));

    *all = (rq->flags & REQUEST_RESERVE) && !(rq->flags & REQUEST_NO_RESERVES);
    *reserves = high || atomic;
    if (!*all && (rq->flags & REQUEST_VICTIM) && !(rq->flags & REQUEST_NO_RESERVES)) {
        *mark -= *mark / 2;
        *reserves = true;
    } else if (high) {
        *mark -= *mark / 2;
        if (atomic)
            *mark -= *mark / 4;
    }
    if (*all) {
        *mark = 0;
        *reserves = false;
    }
}

static void check_account(struct world *w, const struct page_request *rq, int account,
                          const struct refusal *r)
{
    int i = (int)(r->account - w->account);
    int64_t pages = (int64_t)1 << rq->order, mark = (int64_t)r->account->limits.wmark[WMARK_MIN];
    struct page_request no_victim = *rq;
    int64_t other = mark;
    bool all, reserves;

    WORLD_CHECK(w, r->account == &w->account[account] || r->account == w->account[account].group,
                "account %d\n", i);
    WORLD_CHECK(w, (r->scope == REFUSED_BY_ACCOUNT) == (i == account), "account %d\n", i);
    WORLD_CHECK(w,
                r->account_mark_pages == (uint64_t)mark && r->used_pages == world_used(w, i) &&
                    r->max_pages == r->account->limits.max_pages,
                "account %d\n", i);
    if (r->account->domain != 0 && !r->account->group && pages < WORLD_P)
        pages = WORLD_P;
    /* Either right will do. */
    no_victim.flags &= ~REQUEST_VICTIM;
    rights_of(&no_victim, &all, &other, &reserves);
    rights_of(rq, &all, &mark, &reserves);
    mark = mark < other ? mark : other;
    WORLD_CHECK(w, (int64_t)r->max_pages - (int64_t)r->used_pages - (pages - 1) <= mark,
                "%llu of %llu used, %lld wanted, mark %lld\n", (unsigned long long)r->used_pages,
                (unsigned long long)r->max_pages, (long long)pages, (long long)mark);
}

void world_check_refusal(struct world *w, const struct page_request *rq, int account,
                         const struct refusal *r)
{
    struct zone *z = w->m.zone[r->zone];
    bool all, reserves, cma;
    struct account *top = world_top(w, account);
    int64_t pages = (int64_t)1 << rq->order, mark = r->mark_pages, left, kept;

    if (r->scope != REFUSED_BY_ZONE) {
        check_account(w, rq, account, r);
        return;
    }
    if (r->reason == REFUSAL_NO_ZONE)
        return;
    kept = world_kept(w, r->zone, rq->domain, account);
    WORLD_CHECK(w, kept == r->unmet_others, "kept %lld, said %u\n", (long long)kept,
                r->unmet_others);
    WORLD_CHECK(w, !r->account, "an account is named\n");
    if (r->reason == REFUSAL_FRAGMENTATION) {
        WORLD_CHECK(w,
                    w->shape->nr_domains > 1 || r->largest_order < (int)rq->order ||
                        rq->flags & REQUEST_CMA,
                    "order %d is free\n", r->largest_order);
        return;
    }
    rights_of(rq, &all, &mark, &reserves);
    cma = (rq->flags & REQUEST_CMA) && rq->type == MIGRATE_MOVABLE &&
          !(top && top->limits.guarantee[r->zone] != 0);
    left = (int64_t)zone_free_pages(z, rq->domain) - (pages - 1);
    left -=
        w->shape->nr_domains == 1 && !reserves ? world_free_of(w, r->zone, MIGRATE_HIGHATOMIC) : 0;
    left -= cma ? 0 : world_free_of(w, r->zone, MIGRATE_CMA);
    if (w->shape->nr_domains > 1)
        return; /* free pages of HIGHATOMIC are not told apart by domain: world_kept() was */
    WORLD_CHECK(w,
                left <= (all ? 0 : mark + (int64_t)r->reserve_pages) + kept ||
                    left - world_free_of(w, r->zone, MIGRATE_CMA) <= kept,
                "%lld are left, mark %lld, reserve %u, kept %lld\n", (long long)left,
                (long long)mark, r->reserve_pages, (long long)kept);
}

bool world_admits(struct world *w, int account)
{
    const struct account *a = &w->account[account];

    for (; a; a = a->group) {
        uint64_t used = world_used(w, (int)(a - w->account)), max = a->limits.max_pages;

        if (a->domain != 0 && !a->group)
            used += WORLD_P - 1;
        if (max != ACCOUNT_UNLIMITED && (used > max || max - used <= a->limits.wmark[WMARK_MIN]))
            return false;
    }
    return true;
}
