/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lru_random.c: random work on the lists of many owners, judged by a model that keeps each
 * list as an array. Environment: BUDDYD_OPS, operations in all; BUDDYD_SEED.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/lru.h"
#include "rng.h"

#define NR_IDS  256u
#define NR_VECS 6u

struct model_list {
    uint32_t id[NR_IDS]; /* the oldest first */
    unsigned nr;
    uint64_t pages;
};

struct model_vec {
    struct model_list inactive, active;
    uint32_t age;
};

struct model_block {
    unsigned vec, order;
    bool used_bit, pinned, seen;
    bool discarded;
    uint32_t age; /* of its lruvec, when it was discarded */
};

static struct run {
    struct rng rng;
    struct lru lru;
    struct lru_link link[NR_IDS];
    struct lruvec vec[NR_VECS];
    struct account account[NR_VECS];
    struct lru_ring ring;
    struct model_vec mv[NR_VECS];
    struct model_block mb[NR_IDS];
    uint64_t discarded_pages;
    bool own;
    uint64_t nr_discards, nr_soon, nr_protected;
} r;

static uint64_t pages_of(uint32_t id)
{
    return (uint64_t)1 << r.mb[id].order;
}

/* Returns whether it was there. */
static bool take_out(struct model_list *l, uint32_t id)
{
    for (unsigned i = 0; i < l->nr; i++) {
        if (l->id[i] != id)
            continue;
        memmove(&l->id[i], &l->id[i + 1], (--l->nr - i) * sizeof(l->id[0]));
        l->pages -= pages_of(id);
        return true;
    }
    return false;
}

static void append(struct model_list *l, uint32_t id)
{
    l->id[l->nr++] = id;
    l->pages += pages_of(id);
}

static void promote(struct model_vec *v, uint32_t id)
{
    append(&v->active, id);
    v->age += (uint32_t)pages_of(id);
    r.mb[id].seen = false;
}

/* Who is asked is the oldest of the list whose turn it is. */
static bool referenced(void *ctx, struct lruvec *lv, uint32_t id)
{
    struct model_vec *v = &r.mv[lv - r.vec];
    struct model_block *b = &r.mb[id];
    bool was = b->used_bit;

    (void)ctx;
    b->used_bit = false;
    if (v->active.pages > 3 * v->inactive.pages) {
        assert_int_equal(id, v->active.id[0]);
        (void)take_out(&v->active, id);
        append(&v->inactive, id);
        b->seen = false;
        return was;
    }
    assert_int_equal(id, v->inactive.id[0]);
    if (!was)
        return false; /* it is to be discarded now */
    (void)take_out(&v->inactive, id);
    if (b->seen) {
        promote(v, id);
    } else {
        append(&v->inactive, id);
        b->seen = true;
    }
    return true;
}

static pfn_t discard(void *ctx, struct lruvec *lv, uint32_t id)
{
    struct model_vec *v = &r.mv[lv - r.vec];
    struct account *a = lv->account;
    struct model_block *b = &r.mb[id];

    (void)ctx;
    assert_int_equal(id, v->inactive.id[0]);
    if (!r.own)
        assert_true(a->used[lv->zone] >= a->limits.guarantee[lv->zone] + pages_of(id));
    (void)take_out(&v->inactive, id);
    if (b->pinned) {
        append(&v->inactive, id);
        return 0;
    }
    v->age += (uint32_t)pages_of(id);
    b->discarded = true;
    b->age = v->age;
    a->used[lv->zone] -= (pfn_t)pages_of(id);
    r.discarded_pages += pages_of(id);
    r.nr_discards++;
    return (pfn_t)pages_of(id);
}

static bool is_listed(uint32_t id)
{
    const struct model_vec *v = &r.mv[r.mb[id].vec];

    for (unsigned i = 0; i < v->inactive.nr + v->active.nr; i++) {
        if (id == (i < v->inactive.nr ? v->inactive.id[i] : v->active.id[i - v->inactive.nr]))
            return true;
    }
    return false;
}

static void step_add(uint32_t id)
{
    struct model_block *b = &r.mb[id];
    struct model_vec *v;

    if (!b->discarded) {
        *b = (struct model_block){.vec = rng_below(&r.rng, NR_VECS),
                                  .order = rng_one_in(&r.rng, 4) ? rng_below(&r.rng, 6) : 0};
        b->used_bit = rng_one_in(&r.rng, 2);
    }
    v = &r.mv[b->vec];
    r.vec[b->vec].account->used[r.vec[b->vec].zone] += (pfn_t)pages_of(id);
    if (b->discarded && v->age - b->age <= v->active.pages) {
        promote(v, id);
        r.nr_soon++;
    } else {
        append(&v->inactive, id);
    }
    b->discarded = b->seen = false;
    lru_add(&r.lru, &r.vec[b->vec], id, b->order);
}

static void step_del(uint32_t id, bool listed)
{
    struct model_block *b = &r.mb[id];

    if (listed) {
        if (!take_out(&r.mv[b->vec].inactive, id))
            assert_true(take_out(&r.mv[b->vec].active, id));
        r.vec[b->vec].account->used[r.vec[b->vec].zone] -= (pfn_t)pages_of(id);
    }
    b->discarded = false;
    lru_del(&r.lru, &r.vec[b->vec], id);
}

static void step_touch(uint32_t id, bool listed)
{
    struct model_vec *v = &r.mv[r.mb[id].vec];

    lru_touch(&r.lru, &r.vec[r.mb[id].vec], id);
    if (!listed)
        return;
    if (take_out(&v->active, id)) {
        append(&v->active, id);
    } else {
        assert_true(take_out(&v->inactive, id));
        if (r.mb[id].seen) {
            promote(v, id);
        } else {
            append(&v->inactive, id);
            r.mb[id].seen = true;
        }
    }
}

static void step_reclaim(void)
{
    struct lru_scan s = {.want_pages = 1 + rng_below(&r.rng, 40),
                         .priority = rng_below(&r.rng, LRU_PRIORITY + 1)};
    uint64_t spare = lru_ring_spare_pages(&r.ring);
    unsigned budget = rng_below(&r.rng, 60);
    int e;

    r.own = s.own = rng_one_in(&r.rng, 8);
    r.discarded_pages = 0;
    e = lru_reclaim(&r.lru, &r.ring, &s, budget);
    assert_int_equal(s.freed_pages, r.discarded_pages);
    assert_true(s.spent <= budget);
    assert_int_equal(e == 0, s.freed_pages >= s.want_pages);
    assert_true(e == 0 || e == (s.spent == budget ? -EAGAIN : -ENOENT));
    if (!r.own)
        assert_true(s.freed_pages <= spare);
    r.nr_protected += !r.own && spare < r.ring.nr_pages;
}

static void check_list(const struct lru_list *l, const struct model_list *m, enum lru_place place)
{
    uint32_t id = l->oldest, older = 0;

    assert_int_equal(l->nr_pages, m->pages);
    for (unsigned i = 0; i < m->nr; i++) {
        assert_int_equal(id, m->id[i]);
        assert_int_equal(r.link[id].place, place);
        assert_int_equal(r.link[id].older, older);
        older = id;
        id = r.link[id].younger;
    }
    assert_int_equal(id, 0);
    assert_int_equal(l->youngest, older);
}

static void check(void)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < NR_VECS; i++) {
        check_list(&r.vec[i].list[LRU_INACTIVE], &r.mv[i].inactive, LRU_INACTIVE);
        check_list(&r.vec[i].list[LRU_ACTIVE], &r.mv[i].active, LRU_ACTIVE);
        assert_int_equal(r.vec[i].nr_pages, r.mv[i].inactive.pages + r.mv[i].active.pages);
        assert_int_equal(r.vec[i].age, r.mv[i].age);
        pages += r.vec[i].nr_pages;
    }
    assert_int_equal(r.ring.nr_pages, pages);
}

static void step(void)
{
    uint32_t id = 1 + rng_below(&r.rng, NR_IDS - 1);
    bool listed = is_listed(id);

    assert_int_equal(lru_listed(&r.lru, id), listed);
    switch (rng_below(&r.rng, 8)) {
    case 0:
    case 1:
    case 2:
        if (!listed)
            step_add(id);
        break;
    case 3:
        r.mb[id].used_bit = true;
        break;
    case 4:
        r.mb[id].pinned = rng_one_in(&r.rng, 8);
        break;
    case 5:
        if (rng_one_in(&r.rng, 2))
            step_touch(id, listed);
        break;
    case 6:
        if (rng_one_in(&r.rng, 4))
            step_del(id, listed);
        break;
    default:
        if (rng_one_in(&r.rng, 3))
            step_reclaim();
        break;
    }
}

static void lists_are_as_the_model_says(void **state)
{
    static const struct lru_ops ops = {.referenced = referenced, .discard = discard};
    const char *seed = getenv("BUDDYD_SEED"), *nr = getenv("BUDDYD_OPS");
    uint64_t ops_left = nr && *nr ? strtoull(nr, NULL, 0) : DEFAULT_OPS;

    (void)state;
    r.rng.state = seed && *seed ? strtoull(seed, NULL, 0) : 1;
    print_message("BUDDYD_SEED=%llu\n", (unsigned long long)r.rng.state);
    r.lru = (struct lru){.link = r.link, .ops = &ops, .ctx = &r};
    for (unsigned i = 0; i < NR_VECS; i++) {
        r.account[i].limits.guarantee[i % 2] = i < 3 ? 20 * i : 0;
        r.vec[i].account = &r.account[i];
        r.vec[i].zone = i % 2;
        lru_ring_add(&r.ring, &r.vec[i]);
    }
    for (; ops_left > 0; ops_left--) {
        step();
        check();
    }
    print_message("%llu discarded, %llu back soon, %llu reclaims from who was protected\n",
                  (unsigned long long)r.nr_discards, (unsigned long long)r.nr_soon,
                  (unsigned long long)r.nr_protected);
    if (!nr)
        assert_true(r.nr_discards > 100 && r.nr_soon > 100 && r.nr_protected > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_are_as_the_model_says)};

    return cmocka_run_group_tests_name("lru_random", tests, NULL, NULL);
}
