/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mobile.c: blocks with words: granted, seized, discarded, renewed and freed, with a client
 * that may write anything into its table.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fixture.h"
#include "grant.h"
#include "mobile.h"
#include "proto/slot.h"
#include "slot_table.h"

#define ZONE_PAGES 2048u
#define SLOTS      4096u

static struct zone_set *zs;
static struct account group, account;
static struct slot_budget budget;
static struct holdings alice, bob;
static _Atomic uint64_t *word; /* alice's table, as she maps it */
static struct grant g;
static struct refusal why;

static int set_up(void **state)
{
    struct account_limits none = {.max_pages = ACCOUNT_UNLIMITED};

    (void)state;
    zs = make_zones(2, (uint64_t)ZONE_PAGES * PAGE);
    group = account = (struct account){0};
    budget = (struct slot_budget){.max = UINT64_MAX};
    assert_int_equal(account_add(&zs->memory, &group, NULL, 0, &none, NULL), 0);
    assert_int_equal(account_add(&zs->memory, &account, &group, 0, &none, NULL), 0);
    alice = (struct holdings){.owner = {.id = 1}, .account = &account};
    bob = (struct holdings){.owner = {.id = 2}};
    assert_int_equal(slot_table_create(SLOTS, &budget, &alice.slots), 0);
    word = mmap(NULL, SLOTS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
                slot_table_fd(alice.slots), 0);
    assert_ptr_not_equal(word, MAP_FAILED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    check_zones(zs);
    assert_int_equal(grant_free_some(zs, &alice, UINT32_MAX), 0);
    assert_int_equal(grant_free_some(zs, &bob, UINT32_MAX), 0);
    check_zones(zs);
    assert_int_equal(used_pages(zs), 0);
    assert_int_equal(account.used_pages, 0);
    assert_int_equal(account.pinned_pages, 0);
    assert_int_equal(group.pinned_pages, 0);
    assert_int_equal(holdings_pages(&alice), 0);
    assert_int_equal(mobiles_used(zs->mobiles), 0);
    assert_int_equal(slot_table_used(alice.slots), 0);
    assert_int_equal(alice.nr_leaving, 0);
    (void)munmap(word, SLOTS * sizeof(uint64_t));
    slot_table_free(alice.slots);
    zone_set_free(zs);
    return 0;
}

static struct grant_request request(enum migratetype type, unsigned order, uint32_t count)
{
    return (struct grant_request){.zone = -1, .type = type, .order = order, .count = count};
}

static uint64_t get(enum migratetype type, unsigned order)
{
    struct grant_request rq = request(type, order, 1);

    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    return g.handle[0];
}

static uint32_t slot_of(uint64_t handle)
{
    return (uint32_t)(mobile_slot_name(zs, handle) >> 12);
}

static uint64_t tag_of(uint64_t handle)
{
    return handle_tag(handle);
}

/* Fail unless the word says what the daemon knows. */
static void expect_word(uint64_t handle, enum slot_state state)
{
    uint64_t w = word[slot_of(handle)];
    struct handle_info info;

    assert_int_equal(handle_find(zs->handles, handle, &info), 0);
    assert_int_equal(slot_state(w), state);
    assert_int_equal(slot_generation(w), mobile_slot_name(zs, handle) & 0xfff);
    assert_int_equal(slot_pins(w), 0);
    if (state == SLOT_DISCARDED)
        return;
    assert_int_equal(slot_zone(w), info.zone);
    assert_int_equal(slot_pfn(w), info.pfn);
}

static void test_grant(void **state)
{
    struct grant_request rq = request(MIGRATE_MOVABLE, 0, 100);

    (void)state;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(g.nr_slots, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(g.slot[i], mobile_slot_name(zs, g.handle[i]));
        assert_int_equal(g.slot[i] >> 12, i);
        expect_word(g.handle[i], SLOT_NORMAL);
    }
    assert_int_equal(mobiles_used(zs->mobiles), 100);
    rq.exact_pages = 23;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(g.nr_slots, 4);
    rq = request(MIGRATE_UNMOVABLE, 0, 2);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(g.nr_slots, 0);
    assert_int_equal(mobile_slot_name(zs, g.handle[0]), 0);
    assert_int_equal(mobiles_used(zs->mobiles), 104);
    assert_int_equal(slot_table_used(alice.slots), 104);
}

/* Blocks of who has no table, and unmovable ones, stay; all the rest works with them. */
static void test_without_slots(void **state)
{
    struct grant_request rq = request(MIGRATE_RECLAIMABLE, 2, 1);
    pfn_t pages;
    uint64_t handle, fixed;

    (void)state;
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    assert_int_equal(g.nr_slots, 0);
    handle = g.handle[0];
    fixed = get(MIGRATE_UNMOVABLE, 0);
    assert_int_equal(mobile_of(zs, handle)->state, MOBILE_NONE);
    assert_false(mobile_movable(zs, tag_of(handle)));
    assert_false(mobile_try_move(zs, handle));
    assert_false(mobile_try_move(zs, fixed));
    assert_int_equal(grant_discard(zs, handle, &pages), -EBUSY);
    assert_int_equal(grant_discard(zs, fixed, &pages), -EBUSY);
    assert_int_equal(grant_discard(zs, HANDLE_NONE, &pages), -ESTALE);
    assert_false(mobile_movable(zs, 0));
    assert_false(mobile_pinned(zs, handle));
    assert_false(mobile_referenced(zs, handle));
    assert_int_equal(mobile_pins(zs, handle), 0);
    assert_int_equal(grant_free(zs, &bob, handle), 0);
}

/* All or nothing, without slots too. */
static void test_no_slots_left(void **state)
{
    struct slot_table *whole = alice.slots;
    struct grant_request rq = request(MIGRATE_MOVABLE, 0, 3);

    (void)state;
    assert_int_equal(slot_table_create(2, &budget, &alice.slots), 0);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOBUFS);
    rq.exact_pages = 7;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), -ENOBUFS);
    assert_int_equal(used_pages(zs), 0);
    assert_int_equal(alice.owner.nr, 0);
    rq.exact_pages = 6;
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    rq = request(MIGRATE_UNMOVABLE, 0, 3);
    assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
    assert_int_equal(grant_free_some(zs, &alice, UINT32_MAX), 0);
    slot_table_free(alice.slots);
    alice.slots = whole;
}

static void test_seized(void **state)
{
    uint64_t handle = get(MIGRATE_MOVABLE, 3);
    uint32_t slot = slot_of(handle);
    uint64_t before = word[slot];

    (void)state;
    word[slot] = before + 2 * SLOT_PIN;
    assert_false(mobile_movable(zs, tag_of(handle)));
    assert_false(mobile_try_move(zs, handle));
    assert_true(mobile_pinned(zs, handle));
    assert_int_equal(mobile_pins(zs, handle), 2);
    assert_int_equal(account.pinned_pages, 8);
    assert_int_equal(group.pinned_pages, 8);
    word[slot] = before | SLOT_REFERENCED;
    assert_true(mobile_movable(zs, tag_of(handle)));
    assert_int_equal(account.pinned_pages, 0);
    assert_true(mobile_try_move(zs, handle));
    expect_word(handle, SLOT_MOVING);
    assert_false(mobile_movable(zs, tag_of(handle)));
    assert_false(mobile_try_move(zs, handle));
    /* What the client writes meanwhile is gone; that it used the block is not. */
    word[slot] = UINT64_MAX;
    mobile_moved(zs, handle);
    expect_word(handle, SLOT_NORMAL);
    assert_true(mobile_referenced(zs, handle));
    assert_false(mobile_referenced(zs, handle));
    expect_word(handle, SLOT_NORMAL);
}

static void test_freed_while_moving(void **state)
{
    uint64_t handle = get(MIGRATE_MOVABLE, 0);
    uint32_t slot = slot_of(handle);

    (void)state;
    assert_true(mobile_try_move(zs, handle));
    assert_int_equal(grant_free(zs, &alice, handle), 0);
    assert_int_equal(word[slot], 0);
    assert_int_equal(slot_table_used(alice.slots), 0);
    assert_int_equal(grant_free(zs, &alice, handle), -ESTALE);
}

static void test_discard(void **state)
{
    uint64_t handle = get(MIGRATE_RECLAIMABLE, 4);
    uint64_t movable = get(MIGRATE_MOVABLE, 0);
    uint32_t slot = slot_of(handle);
    struct handle_info info;
    pfn_t pages = 0;

    (void)state;
    word[slot] += SLOT_PIN;
    assert_int_equal(grant_discard(zs, handle, &pages), -EBUSY);
    word[slot] -= SLOT_PIN;
    assert_int_equal(grant_discard(zs, movable, &pages), -EBUSY);
    assert_int_equal(grant_discard(zs, handle, &pages), 0);
    assert_int_equal(pages, 16);
    expect_word(handle, SLOT_DISCARDED);
    assert_int_equal(handle_find(zs->handles, handle, &info), 0);
    assert_int_equal(info.zone, MOBILE_NOWHERE);
    assert_int_equal(used_pages(zs), 1);
    assert_int_equal(account.used_pages, 1);
    assert_int_equal(alice.pages_by_type[MIGRATE_RECLAIMABLE], 0);
    assert_int_equal(alice.owner.nr, 2);
    check_zones(zs);
    assert_int_equal(grant_discard(zs, handle, &pages), -EBUSY);
    assert_false(mobile_try_move(zs, handle));
    assert_false(mobile_pinned(zs, handle));
    assert_int_equal(grant_free(zs, &bob, handle), -ESTALE);
    assert_int_equal(grant_free(zs, &alice, handle), 0);
    assert_int_equal(word[slot], 0);
    assert_int_equal(grant_free(zs, &alice, handle), -ESTALE);
}

static void test_renew(void **state)
{
    uint64_t h[5] = {get(MIGRATE_RECLAIMABLE, 4), get(MIGRATE_RECLAIMABLE, 0),
                     get(MIGRATE_MOVABLE, 1), get(MIGRATE_UNMOVABLE, 0)};
    struct grant_request rq = request(MIGRATE_UNMOVABLE, 0, 1);
    uint64_t name = mobile_slot_name(zs, h[0]), bad = 0;
    struct handle_info info;
    pfn_t pages;

    (void)state;
    h[4] = h[0];
    assert_int_equal(grant_discard(zs, h[0], &pages), 0);
    assert_int_equal(grant_renew(zs, &bob, &rq, h, 5, &g, &bad, &why), -ESTALE);
    assert_int_equal(bad, h[0]);
    assert_int_equal(grant_renew(zs, &alice, &rq, h, 5, &g, &bad, &why), 0);
    assert_int_equal(g.nr, 5);
    assert_int_equal(g.nr_slots, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(handle_find(zs->handles, h[i], &info), 0);
        assert_int_equal(g.handle[i], h[i]);
        assert_int_equal(g.slot[i], mobile_slot_name(zs, h[i]));
        assert_int_equal(g.zone[i], info.zone);
        assert_int_equal(g.offset[i], (uint64_t)info.pfn * PAGE);
        if (i != 3)
            expect_word(h[i], SLOT_NORMAL);
    }
    assert_int_equal(g.order[0], 4);
    assert_int_equal(g.order[2], 1);
    assert_int_equal(g.slot[0], name);
    assert_int_equal(g.slot[3], 0);
    assert_int_equal(account.used_pages, 16 + 1 + 2 + 1);
    assert_int_equal(alice.pages_by_type[MIGRATE_RECLAIMABLE], 17);
}

/* No pages for all of them: none is renewed, and none can be pinned by mistake. */
static void test_renew_refused(void **state)
{
    uint64_t h[3] = {get(MIGRATE_RECLAIMABLE, 0), 0, get(MIGRATE_RECLAIMABLE, 1)};
    struct grant_request rq = request(MIGRATE_UNMOVABLE, 0, 1);
    uint64_t bad = 0;
    pfn_t pages;

    (void)state;
    h[1] = h[0];
    assert_int_equal(grant_discard(zs, h[0], &pages), 0);
    assert_int_equal(grant_discard(zs, h[2], &pages), 0);
    /* All but one page. */
    for (pfn_t left = 2 * ZONE_PAGES - 1; left > 0;) {
        rq.count = left < WIRE_MAX_BLOCKS ? left : WIRE_MAX_BLOCKS;
        assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
        left -= rq.count;
    }
    assert_int_equal(grant_renew(zs, &alice, &rq, h, 3, &g, &bad, &why), -ENOMEM);
    assert_int_equal(why.order, 1);
    assert_int_equal(used_pages(zs), 2 * ZONE_PAGES - 1);
    assert_int_equal(account.used_pages, 0);
    expect_word(h[0], SLOT_DISCARDED);
    expect_word(h[2], SLOT_DISCARDED);
    check_zones(zs);
    assert_int_equal(grant_renew(zs, &alice, &rq, h, 2, &g, &bad, &why), 0);
    expect_word(h[0], SLOT_NORMAL);
    assert_int_equal(used_pages(zs), 2 * ZONE_PAGES);
}

/* What a renewal reclaims from: a block of the same owner. */
static uint64_t victim;

static pfn_t reclaim_victim(void *ctx, const struct page_request *rq)
{
    pfn_t pages = 0;

    (void)ctx;
    (void)rq;
    return grant_discard(zs, victim, &pages) ? 0 : pages;
}

/* What is to be renewed together is not discarded for each other, on any side of what asks. */
static void test_renew_reclaims(void **state)
{
    static const struct path_ops ops = {.reclaim = reclaim_victim};
    uint64_t h[3] = {get(MIGRATE_RECLAIMABLE, 1), get(MIGRATE_RECLAIMABLE, 1),
                     get(MIGRATE_RECLAIMABLE, 1)};
    const uint64_t spare = get(MIGRATE_RECLAIMABLE, 1);
    struct grant_request rq = request(MIGRATE_UNMOVABLE, 0, 1);
    uint64_t bad = 0;
    pfn_t pages;

    (void)state;
    for (pfn_t left = 2 * ZONE_PAGES - 8; left > 0;) {
        rq.count = left < WIRE_MAX_BLOCKS ? left : WIRE_MAX_BLOCKS;
        assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
        left -= rq.count;
    }
    assert_int_equal(grant_discard(zs, h[1], &pages), 0);
    rq.count = 2;
    assert_int_equal(grant_alloc(zs, &bob, &rq, &g, &why), 0);
    zs->path = &ops;
    rq.may_wait = true;
    for (unsigned i = 0; i < 3; i += 2) {
        victim = h[i];
        assert_int_equal(grant_renew(zs, &alice, &rq, h, 3, &g, &bad, &why), -ENOMEM);
        expect_word(h[i], SLOT_NORMAL);
        expect_word(h[1], SLOT_DISCARDED);
    }
    victim = spare;
    assert_int_equal(grant_renew(zs, &alice, &rq, h, 3, &g, &bad, &why), 0);
    expect_word(h[1], SLOT_NORMAL);
    expect_word(spare, SLOT_DISCARDED);
    /* And only while it is asked. */
    assert_int_equal(grant_discard(zs, h[0], &pages), 0);
    zs->path = NULL;
}

/* Pins are found by the sampler, whoever else looks. */
static void test_sample(void **state)
{
    uint64_t handle = 0;
    uint32_t index = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        handle = get(MIGRATE_MOVABLE, 2);
    word[slot_of(handle)] += SLOT_PIN;
    mobiles_sample(zs, &index, 4);
    assert_int_equal(index, 4);
    assert_int_equal(account.pinned_pages, 0);
    mobiles_sample(zs, &index, 100);
    assert_int_equal(index, 0);
    assert_int_equal(account.pinned_pages, 4);
    word[slot_of(handle)] -= SLOT_PIN;
    mobiles_sample(zs, &index, 100);
    assert_int_equal(account.pinned_pages, 0);
    word[slot_of(handle)] += SLOT_PIN;
    mobiles_sample(zs, &index, 100);
}

static bool any_unpinned(void)
{
    uint32_t budget_blocks = 8;
    bool any = false;

    while (mobiles_unpinned(zs, &budget_blocks))
        any = true;
    return any;
}

/* Where pins have ended, of those that were found: in zone 0 one is freed under its pin. */
static void test_unpinned_zones(void **state)
{
    uint64_t handle[2], lost;
    pfn_t pages;

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct grant_request rq = request(MIGRATE_MOVABLE, 0, 1);

        rq.zone = i;
        assert_int_equal(grant_alloc(zs, &alice, &rq, &g, &why), 0);
        handle[i] = g.handle[0];
        word[slot_of(handle[i])] += SLOT_PIN;
        assert_true(mobile_pinned(zs, handle[i]));
    }
    assert_false(any_unpinned());
    assert_int_equal(mobiles_unpinned_zones(zs->mobiles), 0);
    word[slot_of(handle[1])] -= SLOT_PIN;
    assert_true(any_unpinned());
    assert_int_equal(mobiles_unpinned_zones(zs->mobiles), 1u << 1);
    assert_int_equal(mobiles_unpinned_zones(zs->mobiles), 0);
    assert_int_equal(grant_free(zs, &alice, handle[0]), 0);
    assert_int_equal(mobiles_unpinned_zones(zs->mobiles), 1u << 0);
    assert_int_equal(grant_free(zs, &alice, handle[1]), 0);
    assert_int_equal(mobiles_unpinned_zones(zs->mobiles), 0);

    /* It has gone before anybody saw that it was pinned no more: it may have been anywhere. */
    lost = get(MIGRATE_RECLAIMABLE, 0);
    word[slot_of(lost)] += SLOT_PIN;
    assert_true(mobile_pinned(zs, lost));
    word[slot_of(lost)] -= SLOT_PIN;
    assert_int_equal(grant_discard(zs, lost, &pages), 0);
    assert_true(any_unpinned());
    assert_true(mobiles_unpinned_zones(zs->mobiles) == UINT64_MAX);
}

/* A client that writes anything anywhere, against all that is done with its blocks. */
static void test_scribbler(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 20261125u;
    struct grant_request rq = request(MIGRATE_UNMOVABLE, 0, 1);
    uint64_t h[64] = {0}, bad;
    pfn_t pages;

    (void)state;
    (void)fprintf(stderr, "BUDDYD_SEED=%u\n", seed);
    for (unsigned step = 0; step < 50000; step++) {
        unsigned i = (unsigned)rand_r(&seed) % 64;
        enum mobile_state s = h[i] ? mobile_of(zs, h[i])->state : MOBILE_NONE;

        for (unsigned k = 0; k < 8; k++)
            word[(unsigned)rand_r(&seed) % 80] =
                (uint64_t)rand_r(&seed) << 42 ^ (uint64_t)rand_r(&seed) << 20;
        if (!h[i]) {
            h[i] = get(rand_r(&seed) % 2 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE,
                       (unsigned)rand_r(&seed) % 4);
        } else if (s == MOBILE_MOVING) {
            mobile_moved(zs, h[i]);
            expect_word(h[i], SLOT_NORMAL);
        } else if (rand_r(&seed) % 4 == 0) {
            assert_int_equal(grant_free(zs, &alice, h[i]), 0);
            h[i] = 0;
        } else if (s == MOBILE_DISCARDED) {
            assert_int_equal(grant_renew(zs, &alice, &rq, &h[i], 1, &g, &bad, &why), 0);
            expect_word(h[i], SLOT_NORMAL);
        } else if (rand_r(&seed) % 2) {
            (void)grant_discard(zs, h[i], &pages);
        } else {
            (void)mobile_try_move(zs, h[i]);
        }
        if (step % 1000 == 0)
            check_zones(zs);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_grant),  TEST(test_without_slots),      TEST(test_no_slots_left),
        TEST(test_seized), TEST(test_freed_while_moving), TEST(test_discard),
        TEST(test_renew),  TEST(test_renew_refused),      TEST(test_renew_reclaims),
        TEST(test_sample), TEST(test_unpinned_zones),     TEST(test_scribbler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
