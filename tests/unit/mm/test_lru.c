/* SPDX-License-Identifier: Apache-2.0 */
/* test_lru.c: which block is discarded next, and whose. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "mm/lru.h"

#define NR_IDS  4096u
#define NR_VECS 8u

/* What the callbacks answer, and were asked. */
static struct world {
    struct lru lru;
    struct lru_link link[NR_IDS];
    bool used[NR_IDS], pinned[NR_IDS], gone[NR_IDS];
    struct lruvec vec[NR_VECS];
    struct lru_ring zone, account;
    uint32_t order_of_going[NR_IDS];
    unsigned nr_gone;
    uint64_t gone_pages[NR_VECS];
    unsigned nr_asked;
} w;

static bool referenced(void *ctx, struct lruvec *v, uint32_t id)
{
    bool was = w.used[id];

    assert_ptr_equal(ctx, &w);
    assert_non_null(v);
    w.used[id] = false;
    w.nr_asked++;
    return was;
}

static pfn_t discard(void *ctx, struct lruvec *v, uint32_t id)
{
    pfn_t pages = (pfn_t)1 << w.link[id].order;

    assert_ptr_equal(ctx, &w);
    assert_false(w.gone[id]);
    assert_false(lru_listed(&w.lru, id));
    if (w.pinned[id])
        return 0;
    w.gone[id] = true;
    w.order_of_going[w.nr_gone++] = id;
    w.gone_pages[v - w.vec] += pages;
    if (v->account) {
        v->account->used[v->zone] -= pages;
        if (v->account->group)
            v->account->group->used[v->zone] -= pages;
    }
    return pages;
}

/* nr lruvecs in the zone's ring, the first of them in that of an account. */
static void open_world(unsigned nr)
{
    static const struct lru_ops ops = {.referenced = referenced, .discard = discard};

    memset(&w, 0, sizeof(w));
    w.lru = (struct lru){.link = w.link, .ops = &ops, .ctx = &w};
    w.zone.kind = LRU_OF_ZONE;
    w.account.kind = LRU_OF_ACCOUNT;
    for (unsigned i = 0; i < nr; i++)
        lru_ring_add(&w.zone, &w.vec[i]);
    lru_ring_add(&w.account, &w.vec[0]);
}

static void add(unsigned vec, uint32_t id, unsigned order)
{
    w.gone[id] = false;
    lru_add(&w.lru, &w.vec[vec], id, order);
    assert_true(lru_listed(&w.lru, id));
}

static void add_range(unsigned vec, uint32_t from, uint32_t to, unsigned order)
{
    for (uint32_t id = from; id <= to; id++)
        add(vec, id, order);
}

/* Reclaim so many pages at once. Returns what came free. */
static uint64_t reclaim(struct lru_ring *r, uint64_t want, int result)
{
    struct lru_scan s = {.want_pages = want, .priority = LRU_PRIORITY};

    assert_int_equal(lru_reclaim(&w.lru, r, &s, 1000000), result);
    return s.freed_pages;
}

/* The next to go, one by one, are these. 0: the end. */
static void goes(const uint32_t *ids)
{
    for (; *ids; ids++) {
        unsigned n = w.nr_gone;

        assert_true(reclaim(&w.zone, 1, 0) > 0);
        assert_int_equal(w.nr_gone, n + 1);
        assert_int_equal(w.order_of_going[n], *ids);
    }
}
#define GOES(...) goes((const uint32_t[]){__VA_ARGS__, 0})

/* ---- one list ---- */

static void the_oldest_goes_first(void **state)
{
    (void)state;
    open_world(1);
    add_range(0, 1, 6, 0);
    assert_int_equal(w.zone.nr_pages, 6);
    assert_int_equal(w.account.nr_pages, 6);
    lru_del(&w.lru, &w.vec[0], 2);
    assert_false(lru_listed(&w.lru, 2));
    lru_del(&w.lru, &w.vec[0], 2);
    lru_del(&w.lru, &w.vec[0], 6);
    GOES(1, 3, 4, 5);
    assert_int_equal(w.zone.nr_pages, 0);
    assert_int_equal(w.account.nr_pages, 0);
    assert_int_equal(reclaim(&w.zone, 1, -ENOENT), 0);
}

/* Once is its being filled; twice is use. */
static void what_is_used_once_waits_once(void **state)
{
    (void)state;
    open_world(1);
    add_range(0, 1, 4, 0);
    w.used[1] = w.used[2] = w.used[3] = w.used[4] = true;
    GOES(1);
    w.used[2] = true; /* again: it is kept */
    GOES(3, 4);
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 1);
    GOES(2);
}

static void touched_is_young(void **state)
{
    (void)state;
    open_world(1);
    add_range(0, 1, 6, 0);
    lru_touch(&w.lru, &w.vec[0], 1);
    GOES(2);
    lru_touch(&w.lru, &w.vec[0], 2); /* not there: nothing */
    assert_false(lru_listed(&w.lru, 2));
    lru_touch(&w.lru, &w.vec[0], 3);
    lru_touch(&w.lru, &w.vec[0], 4);
    lru_touch(&w.lru, &w.vec[0], 4); /* twice: active */
    lru_touch(&w.lru, &w.vec[0], 5);
    lru_touch(&w.lru, &w.vec[0], 5);
    lru_touch(&w.lru, &w.vec[0], 4); /* and young again */
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 2);
    GOES(6, 1, 3, 5, 4);
}

/* The active list is no more than three times as long as what waits. */
static void a_long_active_list_comes_back(void **state)
{
    (void)state;
    open_world(1);
    add_range(0, 1, 8, 0);
    for (uint32_t id = 1; id <= 6; id++) {
        lru_touch(&w.lru, &w.vec[0], id);
        lru_touch(&w.lru, &w.vec[0], id);
        w.used[id] = true;
    }
    GOES(7);
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 6);
    GOES(8); /* 6 against 1: 1 and 2 come back, are asked, and are behind */
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 5);
    assert_false(w.used[1]);
    assert_true(w.used[3]);
    GOES(1, 2);
}

static void pinned_blocks_are_passed_by(void **state)
{
    struct lru_scan s = {.want_pages = 2, .priority = 0};

    (void)state;
    open_world(1);
    add_range(0, 1, 5, 1);
    w.pinned[1] = w.pinned[2] = w.pinned[4] = true;
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    assert_int_equal(s.freed_pages, 2);
    assert_int_equal(s.pinned_pages, 4);
    assert_int_equal(s.scanned_pages, 6);
    GOES(5);
    assert_int_equal(reclaim(&w.zone, 1, -ENOENT), 0);
    w.pinned[2] = false;
    GOES(2);
    assert_int_equal(w.zone.nr_pages, 4);
}

/* ---- what was discarded ---- */

static void renewed_soon_is_active(void **state)
{
    (void)state;
    open_world(1);
    add_range(0, 1, 20, 0);
    for (uint32_t id = 1; id <= 4; id++) {
        lru_touch(&w.lru, &w.vec[0], id);
        lru_touch(&w.lru, &w.vec[0], id);
    }
    GOES(5, 6, 7, 8, 9, 10, 11);
    add(0, 11, 0);
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 5);
    add(0, 7, 0); /* four went since, and one became active: one too many? not for five */
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 6);
    add(0, 5, 0); /* six since, and two more */
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 6);
    GOES(12);
    lru_del(&w.lru, &w.vec[0], 12);
    add(0, 12, 0); /* another block, of the same name */
    assert_int_equal(w.vec[0].list[LRU_ACTIVE].nr_pages, 6);
    GOES(13);
    w.vec[1].zone = 1;
    w.vec[1].age = w.vec[0].age;
    add(1, 13, 0); /* somewhere else: its time says nothing there */
    assert_int_equal(w.vec[1].list[LRU_ACTIVE].nr_pages, 0);
}

/* ---- owners ---- */

static void each_owner_gives_its_share(void **state)
{
    (void)state;
    open_world(3);
    add_range(0, 1, 2000, 0);
    add_range(1, 2001, 3000, 0);
    add_range(2, 3001, 3100, 0);
    for (unsigned i = 0; i < 310; i++)
        assert_int_equal(reclaim(&w.zone, 1, 0), 1);
    assert_in_range(w.gone_pages[0], 195, 205);
    assert_in_range(w.gone_pages[1], 95, 105);
    assert_in_range(w.gone_pages[2], 8, 12);
}

/* Blocks of another size make no difference in pages. */
static void large_blocks_are_not_favoured(void **state)
{
    (void)state;
    open_world(2);
    add_range(0, 1, 2048, 0);
    add_range(1, 2049, 2080, 6);
    for (unsigned i = 0; w.gone_pages[0] + w.gone_pages[1] < 1024; i++)
        assert_true(reclaim(&w.zone, 1, 0) >= 1);
    assert_in_range(w.gone_pages[0], 512 - 64, 512 + 64);
    assert_in_range(w.gone_pages[1], 512 - 64, 512 + 64);
}

static void only_the_ring_is_asked(void **state)
{
    (void)state;
    open_world(2);
    add_range(0, 1, 10, 0);
    add_range(1, 11, 20, 0);
    assert_int_equal(reclaim(&w.account, 15, -ENOENT), 10);
    assert_int_equal(w.gone_pages[1], 0);
    assert_int_equal(w.zone.nr_pages, 10);
}

static void what_is_guaranteed_stays(void **state)
{
    struct account group = {.limits.guarantee = {[3] = 10}, .used = {[3] = 14}};
    struct account member = {.group = &group, .used = {[3] = 9}, .limits.guarantee = {[3] = 99}};
    struct lru_scan own = {.want_pages = 100, .priority = LRU_PRIORITY, .own = true};

    (void)state;
    open_world(2);
    w.vec[0].account = &member;
    w.vec[0].zone = w.vec[1].zone = 3;
    add_range(0, 1, 4, 1);
    add_range(1, 11, 13, 0);
    assert_int_equal(lruvec_spare_pages(&w.vec[0]), 4);
    assert_int_equal(lru_ring_spare_pages(&w.zone), 7);
    group.used[3] = 13; /* a block of two pages may go, and no more: nothing is broken into */
    assert_int_equal(reclaim(&w.zone, 100, -ENOENT), 5);
    assert_int_equal(w.gone_pages[0], 2);
    assert_int_equal(group.used[3], 11);
    assert_int_equal(lruvec_spare_pages(&w.vec[0]), 1);
    group.used[3] = 9;
    assert_int_equal(lruvec_spare_pages(&w.vec[0]), 0);
    group.used[3] = 100;
    assert_int_equal(lruvec_spare_pages(&w.vec[0]), 6);
    group.used[3] = 10;
    assert_int_equal(lru_ring_spare_pages(&w.zone), 0);
    assert_int_equal(reclaim(&w.zone, 100, -ENOENT), 0);
    assert_int_equal(lru_reclaim(&w.lru, &w.account, &own, 1000), -ENOENT);
    assert_int_equal(own.freed_pages, 6); /* for itself */
}

static void domains_can_be_chosen(void **state)
{
    struct account other = {.domain = 2};
    struct lru_scan s = {.want_pages = 100, .priority = LRU_PRIORITY, .domains = 1u << 2};

    (void)state;
    open_world(3);
    w.vec[1].account = &other;
    add_range(0, 1, 9, 0);
    add_range(1, 11, 19, 0);
    add_range(2, 21, 29, 0);
    assert_int_equal(lru_reclaim(&w.lru, &w.zone, &s, 1000), -ENOENT);
    assert_int_equal(w.gone_pages[1], 9);
    assert_int_equal(s.freed_pages, 9);
    s = (struct lru_scan){.want_pages = 100, .priority = LRU_PRIORITY, .domains = 1};
    assert_int_equal(lru_reclaim(&w.lru, &w.zone, &s, 1000), -ENOENT);
    assert_int_equal(s.freed_pages, 18);
}

/* ---- rounds ---- */

static void a_round_looks_at_its_part(void **state)
{
    struct lru_scan s = {.want_pages = 5000, .priority = 2};

    (void)state;
    open_world(2);
    add_range(0, 1, 400, 0);
    add_range(1, 401, 440, 0);
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 10000), 0);
    assert_int_equal(w.gone_pages[0], 100);
    assert_int_equal(w.gone_pages[1], 10);
    assert_int_equal(s.scanned_pages, 110);
    assert_int_equal(s.spent, 112);
    for (unsigned i = 0; i < NR_IDS; i++)
        w.pinned[i] = true;
    s.priority = 0;
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 10000), 0);
    assert_int_equal(s.scanned_pages, 110 + 330);
    assert_int_equal(s.pinned_pages, 330);
}

/* At the highest pressure all is looked at, whatever was looked at too much before. */
static void a_debt_ends(void **state)
{
    struct lru_scan s = {.want_pages = 5000, .priority = LRU_PRIORITY};

    (void)state;
    open_world(1);
    add(0, 1, 5);
    add(0, 2, 0);
    w.pinned[1] = w.pinned[2] = w.pinned[3] = true;
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    assert_int_equal(s.scanned_pages, 32);
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    assert_int_equal(s.scanned_pages, 32);
    add(0, 3, 0);
    s.priority = 0;
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    assert_int_equal(s.scanned_pages, 32 + 34);
}

/* What was not needed of a share is kept, but never more than all there is. */
static void a_credit_has_an_end(void **state)
{
    struct lru_scan s = {.priority = 1};

    (void)state;
    open_world(1);
    add_range(0, 1, 100, 0);
    for (unsigned i = 0; i < 10; i++) {
        s.want_pages++;
        assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    }
    memset(w.pinned, true, sizeof(w.pinned));
    s = (struct lru_scan){.want_pages = 1, .priority = LRU_PRIORITY};
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 1000), 0);
    assert_in_range(s.scanned_pages, 80, 92);
}

static void the_budget_is_kept(void **state)
{
    struct lru_scan s = {.want_pages = 2000, .priority = LRU_PRIORITY};
    uint64_t before = 0;
    unsigned steps = 0;
    int r;

    (void)state;
    open_world(5);
    for (unsigned i = 0; i < 5; i++)
        add_range(i, 1 + 100 * i, 100 + 100 * i, i % 3);
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 0), -EAGAIN);
    assert_int_equal(s.spent, 0);
    while ((r = lru_reclaim(&w.lru, &w.zone, &s, 7)) == -EAGAIN) {
        assert_int_equal(s.spent, before + 7);
        before = s.spent;
        steps++;
    }
    assert_int_equal(r, -ENOENT);
    assert_true(steps > 50);
    assert_int_equal(s.freed_pages, 1000);
    assert_int_equal(w.zone.nr_pages, 0);
}

/* Who has had its turn comes last, though the request was served before all had theirs. */
static void turns_are_taken(void **state)
{
    struct lru_scan s = {.want_pages = 1, .priority = 0};

    (void)state;
    open_world(3);
    for (unsigned i = 0; i < 3; i++)
        add_range(i, 1 + 10 * i, 10 + 10 * i, 0);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
        assert_int_equal(w.gone_pages[i % 3], i / 3 + 1);
        s.want_pages++;
    }
}

static void owners_come_and_go(void **state)
{
    struct lru_scan s = {.want_pages = 1000, .priority = 0};

    (void)state;
    open_world(3);
    for (unsigned i = 0; i < 3; i++)
        add_range(i, 1 + 10 * i, 10 + 10 * i, 0);
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 4), -EAGAIN);
    assert_ptr_equal(w.zone.next, &w.vec[0]);
    lru_ring_del(&w.vec[0], LRU_OF_ZONE);
    lru_ring_del(&w.vec[0], LRU_OF_ZONE);
    lru_ring_del(&w.vec[0], LRU_OF_GROUP);
    assert_int_equal(w.zone.nr, 2);
    assert_int_equal(w.zone.nr_pages, 20);
    assert_int_equal(w.account.nr_pages, 7);
    lru_ring_del(&w.vec[2], LRU_OF_ZONE);
    assert_int_equal(reclaim(&w.zone, 100, -ENOENT), 10);
    lru_ring_del(&w.vec[1], LRU_OF_ZONE);
    assert_int_equal(w.zone.nr, 0);
    assert_null(w.zone.next);
    assert_int_equal(lru_round(&w.lru, &w.zone, &s, 100), 0);
    assert_int_equal(reclaim(&w.zone, 1, -ENOENT), 0);
    lru_ring_add(&w.zone, &w.vec[0]); /* with what it has */
    assert_int_equal(w.zone.nr_pages, 7);
    assert_int_equal(reclaim(&w.zone, 100, -ENOENT), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes_first),
        cmocka_unit_test(what_is_used_once_waits_once),
        cmocka_unit_test(touched_is_young),
        cmocka_unit_test(a_long_active_list_comes_back),
        cmocka_unit_test(pinned_blocks_are_passed_by),
        cmocka_unit_test(renewed_soon_is_active),
        cmocka_unit_test(each_owner_gives_its_share),
        cmocka_unit_test(large_blocks_are_not_favoured),
        cmocka_unit_test(only_the_ring_is_asked),
        cmocka_unit_test(what_is_guaranteed_stays),
        cmocka_unit_test(domains_can_be_chosen),
        cmocka_unit_test(a_round_looks_at_its_part),
        cmocka_unit_test(a_debt_ends),
        cmocka_unit_test(a_credit_has_an_end),
        cmocka_unit_test(the_budget_is_kept),
        cmocka_unit_test(turns_are_taken),
        cmocka_unit_test(owners_come_and_go),
    };

    return cmocka_run_group_tests_name("lru", tests, NULL, NULL);
}
