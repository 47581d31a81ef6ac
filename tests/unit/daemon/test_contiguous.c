/* SPDX-License-Identifier: Apache-2.0 */
/* test_contiguous.c: large blocks from a zone whose free memory lies everywhere. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "contiguous.h"
#include "fixture.h"
#include "mobile.h"
#include "proto/slot.h"

#define SIZE       (64 * MIB)
#define PAGES      (SIZE / PAGE)
#define WORD_BYTES (PAGES * 8)
#define BIG        12u /* 16 MiB: 8 pageblocks */

static struct fixture f;
static struct zone_set *zs;
static struct client *client, *other;
static _Atomic uint64_t *word;
static char *memory;
static unsigned seed;
static uint64_t blocks[PAGES];
static unsigned nr_blocks;

/* ---- the clock, standing ---- */

static uint64_t stands_at_ms; /* 0: it goes */
static uint64_t put_off_ms;   /* for so long something was put off last */

uint64_t __real_uv_now(const uv_loop_t *loop);
uint64_t __wrap_uv_now(const uv_loop_t *loop);
int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);

uint64_t __wrap_uv_now(const uv_loop_t *loop)
{
    return stands_at_ms ? stands_at_ms : __real_uv_now(loop);
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    if (repeat == 0 && timeout <= CONTIGUOUS_MAX_RETRY_MS)
        put_off_ms = timeout;
    return __real_uv_timer_start(timer, cb, timeout, repeat);
}

/* ---- fixture ---- */

static void begin(void)
{
    const char *text = getenv("BUDDYD_SEED");

    fixture_start(&f, 1, SIZE);
    zs = f.hub->zones;
    client = client_open_slots(&f);
    other = client_open_slots(&f);
    word = client_map_words(client, WORD_BYTES);
    memory = client_map_zone(client, 0, SIZE);
    seed = text ? (unsigned)strtoul(text, NULL, 10) : 20261125u;
    print_message("BUDDYD_SEED=%u\n", seed);
    nr_blocks = 0;
}

static void end(void)
{
    client_free(client);
    client_free(other);
    (void)munmap(word, WORD_BYTES);
    (void)munmap(memory, SIZE);
    fixture_stop(&f);
}

static unsigned rnd(unsigned below)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 8) % below;
}

static pfn_t place(uint64_t handle)
{
    return info_of(zs, handle).pfn;
}

static _Atomic uint64_t *word_of(uint64_t handle)
{
    return &word[mobile_slot_name(zs, handle) >> 12];
}

static uint64_t *bytes_of(uint64_t handle)
{
    return (uint64_t *)(memory + (size_t)place(handle) * PAGE);
}

static void free_half(void)
{
    for (unsigned i = 0; i < nr_blocks;) {
        struct wire_request rq = free_request(&blocks[i], 1);

        if (rnd(2)) {
            assert_int_equal(client_call(client, &rq)->error, 0);
            blocks[i] = blocks[--nr_blocks];
        } else {
            i++;
        }
    }
}

/* Fill the zone with blocks of mixed orders and types, and free half of them at
 * random. */
static void age(unsigned nr_types)
{
    for (;;) {
        struct wire_request rq = alloc_request(rnd(4), 1);
        const struct wire_response *rs;

        rq.alloc.type = MIGRATE_MOVABLE + rnd(nr_types);
        rs = client_call(client, &rq);
        if (rs->error)
            break;
        blocks[nr_blocks++] = rs->alloc.handle[0];
    }
    free_half();
    /* What was tried for the last one may still go on, and nothing is pinned here. */
    fixture_settle(&f);
    for (unsigned i = 0; i < nr_blocks; i++)
        *bytes_of(blocks[i]) = blocks[i] * 7;
}

static struct wire_request big_request(uint32_t deadline_ms)
{
    struct wire_request rq = alloc_request(BIG, 1);

    rq.alloc.deadline_ms = deadline_ms;
    return rq;
}

static void big_is_granted(void)
{
    struct wire_request rq = big_request(0);
    const struct wire_response *rs = client_call(other, &rq);

    assert_int_equal(rs->error, ENOMEM);
    rq = big_request(LONG_MS);
    rs = client_call(other, &rq);
    if (rs->error)
        fail_msg("%s", rs->message);
    assert_int_equal(rs->alloc.offset[0] % (16 * MIB), 0);
    fixture_settle(&f);
    check_zones(zs);
}

static void what_is_in_the_way_moves(void **state)
{
    (void)state;
    begin();
    age(1);
    big_is_granted();
    for (unsigned i = 0; i < nr_blocks; i++)
        assert_true(*bytes_of(blocks[i]) == blocks[i] * 7);
    end();
}

/* Those that are RECLAIMABLE too, or, where they find no room, they are discarded. */
static void reclaimable_blocks_leave(void **state)
{
    unsigned nr_discarded = 0;

    (void)state;
    begin();
    age(2);
    big_is_granted();
    for (unsigned i = 0; i < nr_blocks; i++) {
        if (mobile_of(zs, blocks[i])->state == MOBILE_DISCARDED)
            nr_discarded++;
        else
            assert_true(*bytes_of(blocks[i]) == blocks[i] * 7);
    }
    print_message("%u of %u blocks are discarded\n", nr_discarded, nr_blocks);
    end();
}

static unsigned isolated_pages(void)
{
    struct zone_stat st;

    zone_stat(zs->entry[0].zone, &st);
    return st.isolated_pages;
}

/* All windows have a pinned block: refused at the deadline, and nothing is isolated then. */
static void pins_are_in_the_way_until_they_end(void **state)
{
    struct wire_server_packet packet;
    struct wire_request rq = big_request(300);

    (void)state;
    begin();
    age(1);
    for (unsigned i = 0; i < nr_blocks; i++)
        *word_of(blocks[i]) += SLOT_PIN;
    assert_int_equal(client_call(other, &rq)->error, ENOMEM);
    assert_int_equal(isolated_pages(), 0);
    rq = big_request(LONG_MS);
    client_send(other, &rq, 1);
    fixture_turns(&f, 100);
    for (unsigned i = 0; i < nr_blocks; i++)
        *word_of(blocks[i]) -= SLOT_PIN;
    client_receive(other, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    fixture_settle(&f);
    check_zones(zs);
    end();
}

#define HUGE_ORDER 13u /* 32 MiB: both windows of it have a block that is pinned */

/* Those who wait are tried, and the zone is compacted for them, in vain, so often that this happens
 * seldom from now on. */
static void compaction_is_deferred(void)
{
    struct client *third = client_open(&f);

    for (unsigned i = 0; i < 300; i++) {
        struct wire_request rq = alloc_request(0, 1);
        const struct wire_response *rs = client_call(third, &rq);

        if (rs->error == 0) {
            rq = free_request(rs->alloc.handle, 1);
            (void)client_call(third, &rq);
        }
        RUN_UNTIL(&f, !path_ready(f.hub) && !f.hub->waiting.changed_first);
    }
    client_free(third);
    run_until_sessions(&f, 2);
}

/* What one waits for in vain keeps nobody from what can be had. */
static void one_in_vain_keeps_nobody(void **state)
{
    struct wire_request huge = alloc_request(HUGE_ORDER, 1), big = big_request(LONG_MS);
    struct wire_server_packet packet;
    bool found[2] = {false, false};

    (void)state;
    begin();
    age(1);
    free_half();
    fixture_settle(&f); /* a block that moves cannot be pinned */
    for (unsigned i = 0; i < nr_blocks; i++)
        *word_of(blocks[i]) += SLOT_PIN;
    huge.alloc.deadline_ms = LONG_MS;
    client_send(client, &huge, 1);
    client_send(other, &big, 1);
    RUN_UNTIL(&f, f.hub->waiting.nr == 2);
    compaction_is_deferred();
    for (unsigned i = 0; i < nr_blocks; i++) {
        bool *half = &found[place(blocks[i]) / (PAGES / 2)];

        *word_of(blocks[i]) -= *half ? SLOT_PIN : 0;
        *half = true;
    }
    client_receive(other, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(f.hub->waiting.nr, 1);
    fixture_settle(&f);
    check_zones(zs);
    end();
}

/* Pin one block in each half of the zone. */
static void pin_halves(uint64_t half[2])
{
    half[0] = half[1] = 0;
    for (unsigned i = 0; i < nr_blocks; i++)
        half[place(blocks[i]) / (PAGES / 2)] = blocks[i];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_not_equal(half[i], 0);
        *word_of(half[i]) += SLOT_PIN;
    }
}

/* Send a request for half the zone, and let windows be looked at for it twice, in vain, by a clock
 * that stands from now on. */
static void want_half(void)
{
    struct wire_request rq = alloc_request(HUGE_ORDER, 1);

    rq.alloc.deadline_ms = LONG_MS;
    stands_at_ms = uv_now(&f.loop);
    put_off_ms = 0;
    client_send(other, &rq, 1);
    RUN_UNTIL(&f, put_off_ms == CONTIGUOUS_RETRY_MS);
    stands_at_ms += CONTIGUOUS_RETRY_MS;
    RUN_UNTIL(&f, put_off_ms == UINT64_C(2) * CONTIGUOUS_RETRY_MS);
}

/* The upper one, into which nothing is compacted out of the lower one's way. */
static void upper_half_is_granted(void)
{
    struct wire_server_packet packet;

    client_receive(other, &packet);
    assert_int_equal(packet.responses[0].error, 0);
    assert_int_equal(packet.responses[0].alloc.offset[0], SIZE / 2);
    stands_at_ms = 0;
    fixture_settle(&f);
    check_zones(zs);
}

/* Who was put off for pins is served when one ends, or goes with its block, however long it would
 * have been put off. */
static void the_end_of_a_pin_is_not_missed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t half[2];

        begin();
        age(1);
        free_half();
        fixture_settle(&f);
        pin_halves(half);
        want_half();
        if (i == 0)
            *word_of(half[1]) -= SLOT_PIN;
        else
            client_give_back(client, half[1]);
        stands_at_ms += CONTIGUOUS_RETRY_MS;
        upper_half_is_granted();
        end();
    }
}

/* Take blocks that stay, so that one stands where each half begins. */
static void fix_halves(uint64_t fixed[2])
{
    fixed[0] = fixed[1] = 0;
    for (;;) {
        struct wire_request rq = alloc_request(9, 1);
        const struct wire_response *rs = client_call(client, &rq);

        if (rs->error)
            break;
        blocks[nr_blocks++] = rs->alloc.handle[0];
    }
    while (nr_blocks > 0) {
        const uint64_t handle = blocks[--nr_blocks];

        if (place(handle) % (PAGES / 2) == 0)
            fixed[place(handle) / (PAGES / 2)] = handle;
        else
            client_give_back(client, handle);
    }
    assert_true(fixed[0] != 0 && fixed[1] != 0);
}

/* Who was put off for blocks that stay waits for the next look, whatever pins end. */
static void pins_that_were_not_in_the_way(void **state)
{
    uint64_t fixed[2], half[2];

    (void)state;
    begin();
    fix_halves(fixed);
    age(1);
    free_half();
    fixture_settle(&f);
    pin_halves(half);
    assert_true(mobile_pinned(zs, half[1]));
    want_half();
    client_give_back(client, fixed[1]);
    *word_of(half[1]) -= SLOT_PIN;
    stands_at_ms += CONTIGUOUS_RETRY_MS;
    RUN_UNTIL(&f, !mobile_of(zs, half[1])->found);
    fixture_settle(&f);
    assert_int_equal(f.hub->waiting.nr, 1);
    stands_at_ms += CONTIGUOUS_RETRY_MS;
    upper_half_is_granted();
    end();
}

#define PAGEBLOCK 512u

/* Who waits goes while half the zone is being isolated: it is put to use again in slices. */
static void what_is_given_up_comes_back_in_slices(void **state)
{
    struct wire_request rq = alloc_request(HUGE_ORDER, 1);
    unsigned most = 0;
    uint64_t half[2];

    (void)state;
    begin();
    age(1);
    free_half();
    fixture_settle(&f);
    pin_halves(half);
    *word_of(half[1]) -= SLOT_PIN;
    rq.alloc.deadline_ms = LONG_MS;
    client_send(other, &rq, 1);
    RUN_UNTIL(&f, isolated_pages() >= 8 * PAGEBLOCK);
    assert_int_equal(shutdown(other->fd, SHUT_RDWR), 0);
    for (unsigned before = isolated_pages(), now; before != 0; before = now) {
        fixture_turns(&f, 1);
        now = isolated_pages();
        if (now < before && before - now > most)
            most = before - now;
    }
    assert_in_range(most, 1, 4 * PAGEBLOCK);
    run_until_sessions(&f, 1);
    fixture_settle(&f);
    check_zones(zs);
    end();
}

/* Who waits goes, or the daemon stops. */
static void everybody_goes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct wire_request rq = big_request(LONG_MS);

        begin();
        age(1);
        client_send(other, &rq, 1);
        fixture_turns(&f, 20);
        if (i == 0) {
            (void)shutdown(other->fd, SHUT_RDWR);
            run_until_sessions(&f, 1);
            RUN_UNTIL(&f, isolated_pages() == 0);
            fixture_settle(&f);
            check_zones(zs);
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_the_way_moves),
        cmocka_unit_test(reclaimable_blocks_leave),
        cmocka_unit_test(pins_are_in_the_way_until_they_end),
        cmocka_unit_test(one_in_vain_keeps_nobody),
        cmocka_unit_test(the_end_of_a_pin_is_not_missed),
        cmocka_unit_test(pins_that_were_not_in_the_way),
        cmocka_unit_test(what_is_given_up_comes_back_in_slices),
        cmocka_unit_test(everybody_goes),
    };

    return cmocka_run_group_tests_name("contiguous", tests, NULL, NULL);
}
