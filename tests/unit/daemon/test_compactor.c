/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_compactor.c: who has zones compacted, and what they get of it: requests that wait, an
 * operator, the balancer, and the timer. Clients play their part by the wire and the words of their
 * slots.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "compactor.h"
#include "fixture.h"
#include "mobile.h"
#include "mover.h"
#include "proto/slot.h"

#define ZONE_PAGES 8192u
#define WORD_BYTES ((size_t)131072)

static struct fixture f;
static struct client *owner; /* of what moves */
static struct client *other;
static _Atomic uint64_t *word;
static char *memory; /* as the owner maps it */
static uint64_t handle[ZONE_PAGES];
static uint64_t slot[ZONE_PAGES];
static unsigned nr;

static void begin(unsigned proactiveness, const char *min_free)
{
    struct daemon_config config;

    make_config(&config, 1, (uint64_t)ZONE_PAGES * PAGE);
    config.compaction_proactiveness = proactiveness;
    if (min_free)
        config.memory.min_free_kbytes = strtoull(min_free, NULL, 10);
    fixture_start_config(&f, &config, -1);
    owner = client_open_slots(&f);
    other = client_open_slots(&f);
    word = client_map_words(owner, WORD_BYTES);
    memory = client_map_zone(owner, 0, (size_t)ZONE_PAGES * PAGE);
    nr = 0;
}

static int set_up(void **state)
{
    (void)state;
    begin(0, NULL);
    return 0;
}

static int set_up_marks(void **state)
{
    (void)state;
    begin(0, "1024");
    return 0;
}

static int set_up_proactive(void **state)
{
    (void)state;
    begin(90, NULL);
    return 0;
}

static void close_clients(void)
{
    (void)munmap((void *)word, WORD_BYTES);
    (void)munmap(memory, (size_t)ZONE_PAGES * PAGE);
    client_free(owner);
    client_free(other);
}

static int tear_down(void **state)
{
    (void)state;
    fixture_settle(&f);
    check_zones(f.hub->zones);
    close_clients();
    expect_nothing_left(&f);
    fixture_stop(&f);
    return 0;
}

/* ---- what clients do ---- */

static struct zone *zone(void)
{
    return f.hub->zones->entry[0].zone;
}

static pfn_t pfn_of(uint64_t h)
{
    return info_of(f.hub->zones, h).pfn;
}

static _Atomic uint64_t *word_of(unsigned i)
{
    return &word[slot[i] >> 12];
}

static void pin(unsigned i, bool on)
{
    if (on)
        (void)atomic_fetch_add(word_of(i), SLOT_PIN);
    else
        (void)atomic_fetch_sub(word_of(i), SLOT_PIN);
}

static uint64_t *page_at(pfn_t pfn)
{
    return (uint64_t *)(memory + (size_t)pfn * PAGE);
}

/* The owner has every page of the zone that it can have, each with its handle in it. */
static void fill(enum migratetype type)
{
    for (uint32_t part = 512; part != 0 && nr < ZONE_PAGES;) {
        struct wire_request rq = alloc_request(0, part);
        const struct wire_response *rs;

        rq.alloc.type = (uint32_t)type;
        rs = client_call(owner, &rq);
        if (rs->error) {
            assert_int_equal(rs->error, ENOMEM);
            part /= 2;
            continue;
        }
        for (size_t i = 0; i < rs->alloc.nr; i++) {
            handle[nr] = rs->alloc.handle[i];
            slot[nr++] = rs->alloc.nr_slots ? rs->alloc.slot[i] : 0;
        }
    }
    fixture_settle(&f);
    for (unsigned i = 0; i < nr; i++)
        *page_at(pfn_of(handle[i])) = handle[i];
}

static void give_back(const uint64_t *handles, size_t nr_handles)
{
    struct wire_request rq = free_request(handles, nr_handles);

    assert_int_equal(client_call(owner, &rq)->error, 0);
}

/* Free all but each step-th page. */
static void thin_out(unsigned step)
{
    unsigned kept = 0;
    uint64_t gone[512];
    size_t nr_gone = 0;

    for (unsigned i = 0; i < nr; i++) {
        if (pfn_of(handle[i]) % step == 0) {
            handle[kept] = handle[i];
            slot[kept++] = slot[i];
            continue;
        }
        gone[nr_gone++] = handle[i];
        if (nr_gone == 512) {
            give_back(gone, nr_gone);
            nr_gone = 0;
        }
    }
    if (nr_gone != 0)
        give_back(gone, nr_gone);
    nr = kept;
}

static void expect_content(void)
{
    fixture_settle(&f);
    for (unsigned i = 0; i < nr; i++) {
        const uint64_t w = *word_of(i);

        assert_int_equal(slot_state(w), SLOT_NORMAL);
        assert_int_equal(slot_pfn(w), pfn_of(handle[i]));
        assert_true(*page_at(pfn_of(handle[i])) == handle[i]);
    }
}

static struct wire_request large(uint32_t deadline_ms)
{
    struct wire_request rq = alloc_request(9, 1);

    rq.alloc.deadline_ms = deadline_ms;
    return rq;
}

static unsigned empty_pageblocks(void)
{
    struct zone_stat st;

    zone_stat(zone(), &st);
    return st.empty_pageblocks;
}

/* ---- tests ---- */

static void test_direct(void **state)
{
    struct wire_request rq = large(0);

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    assert_int_equal(empty_pageblocks(), 0);
    assert_int_equal(client_call(other, &rq)->error, ENOMEM);
    assert_int_equal(mover_pages(f.hub->mover, 0), 0);
    rq = large(LONG_MS);
    assert_int_equal(client_call(other, &rq)->error, 0);
    assert_in_range(mover_pages(f.hub->mover, 0), 256, 600);
    expect_content();
}

/* Several at once, of one packet and of two clients; each gets what it asked for. */
static void test_many(void **state)
{
    struct wire_request rq[4];
    struct wire_server_packet packet;
    unsigned served = 0;

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    for (unsigned i = 0; i < 4; i++)
        rq[i] = large(LONG_MS);
    rq[3].alloc.count = 2;
    client_send(other, rq, 4);
    while (served < 4) {
        client_receive(other, &packet);
        for (size_t i = 0; i < packet.nr_responses; i++)
            assert_int_equal(packet.responses[i].error, 0);
        served += (unsigned)packet.nr_responses;
    }
    expect_content();
}

/* Refused, and the reason is the pins. */
static void expect_pinned(uint32_t deadline_ms)
{
    client_refused_in_time(other, large(deadline_ms),
                           "pages of movable and reclaimable blocks are pinned");
}

/* Pinned pages all over: nothing moves, and the reason says so. */
static void test_pinned(void **state)
{
    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    for (unsigned i = 0; i < nr; i++)
        pin(i, true);
    expect_pinned(50);
    assert_int_equal(mover_pages(f.hub->mover, 0), 0);
    for (unsigned i = 0; i < nr; i++)
        pin(i, false);
    expect_content();
}

/* Who waits behind them is served when they are pinned no more, though nobody is told of that. */
static void test_unpinned(void **state)
{
    struct wire_request rq = large(LONG_MS);

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    for (unsigned i = 0; i < nr; i++)
        pin(i, true);
    /* However often it was tried in vain before: so often that it is put off as long as it can be.
     */
    for (unsigned i = 0; i < 2 * COMPACTOR_MAX_DEFER_SHIFT; i++)
        expect_pinned(1);
    client_send(other, &rq, 1);
    fixture_settle(&f);
    assert_int_equal(f.hub->waiting.nr, 1);
    for (unsigned i = 0; i < nr; i++)
        pin(i, false);
    (void)client_expect_granted(other, rq.id);
    expect_content();
}

/* Its time passes while the zone is compacted for it, or its client goes. */
static void test_leave(void **state)
{
    struct wire_request rq = large(LONG_MS);
    struct client *third = client_open_slots(&f);

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    client_send(third, &rq, 1);
    RUN_UNTIL(&f, compactor_ready(f.hub->compactor));
    client_free(third);
    run_until_sessions(&f, 2);
    fixture_settle(&f);
    assert_int_equal(f.hub->waiting.nr, 0);
    expect_content();
}

static void test_full(void **state)
{
    struct wire_request rq = {.op = WIRE_OP_COMPACT, .compact = {.zone = -1}};
    const struct wire_response *rs;

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(4);
    rs = client_call(other, &rq);
    assert_int_equal(rs->error, 0);
    assert_int_equal(rs->op, WIRE_OP_COMPACT);
    assert_int_equal(empty_pageblocks(), 12);
    assert_int_equal(rs->compact.freed_pageblocks, 12);
    assert_int_equal(rs->compact.pinned_pages, 0);
    assert_int_equal(rs->compact.moved_pages, mover_pages(f.hub->mover, 0));
    assert_in_range(rs->compact.moved_pages, 12 * 128, 13 * 128);
    expect_content();
    rq.compact.zone = 1;
    assert_int_equal(client_call(other, &rq)->error, EINVAL);
}

/* Two operators, of whom one goes before it is done. */
static void test_full_leave(void **state)
{
    struct wire_request rq = {.op = WIRE_OP_COMPACT, .compact = {.zone = 0}};
    struct client *third = client_open_slots(&f);

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(4);
    client_send(third, &rq, 1);
    RUN_UNTIL(&f, compactor_ready(f.hub->compactor));
    client_free(third);
    assert_int_equal(client_call(other, &rq)->error, 0);
    run_until_sessions(&f, 2);
    assert_int_equal(empty_pageblocks(), 12);
}

/* However many operators there are, each may ask for as many at a time, and for more later. */
static void test_full_many(void **state)
{
    enum { CLIENTS = 8, REQUESTS = COMPACTOR_SESSION_ORDERS + 1 };
    struct wire_request rq[REQUESTS];
    struct client *c[CLIENTS];

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(4);
    for (unsigned i = 0; i < CLIENTS; i++) {
        c[i] = client_open(&f);
        for (unsigned k = 0; k < REQUESTS; k++)
            rq[k] = (struct wire_request){.op = WIRE_OP_COMPACT, .compact = {.zone = -1}};
        client_send(c[i], rq, REQUESTS);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        unsigned nr_answers = 0, nr_refused = 0;

        while (nr_answers < REQUESTS) {
            struct wire_server_packet packet;

            client_receive(c[i], &packet);
            for (size_t k = 0; k < packet.nr_responses; k++, nr_answers++) {
                if (packet.responses[k].error == 0)
                    continue;
                expect_refused(&packet.responses[k], EBUSY, "4 requests of this session");
                nr_refused++;
            }
        }
        assert_int_equal(nr_refused, 1);
        assert_int_equal(client_call(c[i], &rq[0])->error, 0);
        client_free(c[i]);
    }
    run_until_sessions(&f, 2);
    fixture_settle(&f);
    expect_content();
}

/* Who may not wait wakes the background, and is served the next time. */
static void test_background(void **state)
{
    struct wire_request rq = large(0);

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    assert_int_equal(client_call(other, &rq)->error, ENOMEM);
    fixture_settle(&f);
    assert_true(empty_pageblocks() != 0);
    assert_int_equal(client_call(other, &rq)->error, 0);
    expect_content();
}

/* Nobody asks, and yet it is done. */
static void test_proactive(void **state)
{
    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(4);
    RUN_UNTIL(&f, empty_pageblocks() != 0);
    fixture_settle(&f);
    assert_true(zone_compact_score(zone()) <= compact_score_high(90));
    expect_content();
}

/* What is reclaimable moves, too. */
static void test_reclaimable(void **state)
{
    struct wire_request rq = {.op = WIRE_OP_COMPACT, .compact = {.zone = -1}};

    (void)state;
    fill(MIGRATE_RECLAIMABLE);
    thin_out(4);
    assert_int_equal(client_call(other, &rq)->error, 0);
    assert_int_equal(empty_pageblocks(), 12);
    expect_content();
}

static unsigned busy_pages(void)
{
    struct zone_stat st;

    zone_stat(zone(), &st);
    return st.busy_pages;
}

/* The daemon stops in the middle of everything. */
static void test_stop(void **state)
{
    struct wire_request rq[2] = {large(LONG_MS), {.op = WIRE_OP_COMPACT, .compact = {.zone = -1}}};

    (void)state;
    fill(MIGRATE_MOVABLE);
    thin_out(2);
    client_send(other, rq, 2);
    RUN_UNTIL(&f, busy_pages() != 0);
    close_clients();
    fixture_stop(&f);
}

int main(void)
{
#define TEST(t)           cmocka_unit_test_setup_teardown(t, set_up, tear_down)
#define TEST_MARKS(t)     cmocka_unit_test_setup_teardown(t, set_up_marks, tear_down)
#define TEST_PROACTIVE(t) cmocka_unit_test_setup_teardown(t, set_up_proactive, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_direct),
        TEST(test_many),
        TEST(test_pinned),
        TEST(test_unpinned),
        TEST(test_leave),
        TEST(test_full),
        TEST(test_full_leave),
        TEST(test_full_many),
        TEST_MARKS(test_background),
        TEST_PROACTIVE(test_proactive),
        TEST(test_reclaimable),
        cmocka_unit_test_setup(test_stop, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
