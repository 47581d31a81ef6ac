/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mover.c: blocks move with their content, and whatever happens meanwhile leaks nothing.
 *
 * Moves are begun in the zone, as compaction does it. Linked with --wrap for pread(), which copies:
 * it can be held until a test lets it go, and fail.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "domain_set.h"
#include "fixture.h"
#include "mobile.h"
#include "mover.h"
#include "pool_fixture.h"
#include "proto/slot.h"
#include "slot_table.h"

#define ZONE_BYTES (8 * MIB)
#define WORD_BYTES 16384u

/* ---- the kernel, slow and failing ---- */

ssize_t __real_pread64(int fd, void *buf, size_t count, off_t offset);
ssize_t __wrap_pread64(int fd, void *buf, size_t count, off_t offset);
ssize_t __wrap_pread(int fd, void *buf, size_t count, off_t offset);

static atomic_bool held;     /**< copies wait */
static atomic_int in_copy;   /**< so many are waiting */
static atomic_int bad_reads; /**< so many fail */
static atomic_int nr_reads;

ssize_t __wrap_pread64(int fd, void *buf, size_t count, off_t offset)
{
    nr_reads++;
    in_copy++;
    while (held)
        (void)sched_yield();
    in_copy--;
    if (bad_reads > 0) {
        bad_reads--;
        if (bad_reads % 2)
            return 0;
        errno = EFAULT;
        return -1;
    }
    return __real_pread64(fd, buf, count, offset);
}

ssize_t __wrap_pread(int fd, void *buf, size_t count, off_t offset)
{
    return __wrap_pread64(fd, buf, count, offset);
}

/* ---- fixture ---- */

static struct fixture f;
static struct zone_set *zs;
static struct zone *z;
static struct client *client;
static struct session *session;
static _Atomic uint64_t *word;
static char *memory; /* zone 0, as the client maps it */
static uint64_t ended_zones;
static unsigned nr_ended;

static void on_ended(void *ctx, uint64_t zones)
{
    (void)ctx;
    ended_zones |= zones;
    nr_ended++;
}

static void begin(enum backing backing, bool isolate)
{
    struct daemon_config config;

    make_config(&config, 1, ZONE_BYTES);
    config.zones[0].memory.backing = backing;
    config.isolate = isolate;
    config.nr_domains = isolate ? MAX_DOMAINS : 1;
    fixture_start_config(&f, &config, -1);
    held = false;
    bad_reads = nr_reads = 0;
    nr_ended = 0;
    ended_zones = 0;
    zs = f.hub->zones;
    z = zs->entry[0].zone;
    mover_listen(f.hub->mover, on_ended, NULL);
    client = client_open_slots(&f);
    session = client_session(client);
    word = client_map_words(client, WORD_BYTES);
    memory = client_map_zone(client, 0, ZONE_BYTES);
}

/* The client and its mappings go; then the server, whatever it is doing. */
static void end(void)
{
    held = false;
    client_free(client);
    (void)munmap(word, WORD_BYTES);
    (void)munmap(memory, ZONE_BYTES);
    fixture_stop(&f);
}

static pfn_t busy_pages(void)
{
    struct zone_stat st;

    zone_stat(z, &st);
    return st.busy_pages;
}

static void check(void)
{
    assert_int_equal(busy_pages(), 0);
    check_zones(zs);
}

/* Nothing is left of the client. */
static void end_clean(void)
{
    (void)shutdown(client->fd, SHUT_RDWR);
    expect_nothing_left(&f);
    check();
    end();
}

static uint64_t get(enum migratetype type, uint32_t order)
{
    return client_get_of(client, type, order);
}

static pfn_t place(uint64_t handle)
{
    return info_of(zs, handle).pfn;
}

static uint64_t word_of(uint64_t handle)
{
    return word[mobile_slot_name(zs, handle) >> 12];
}

static void fill(uint64_t handle, uint32_t order)
{
    uint64_t *p = (uint64_t *)(memory + (size_t)place(handle) * PAGE);

    for (size_t i = 0; i < ((size_t)PAGE << order) / sizeof(*p); i++)
        p[i] = handle * 31 + i;
}

/* At the place that the word says. */
static void expect_content(uint64_t handle, uint32_t order)
{
    const uint64_t *p = (const uint64_t *)(memory + (size_t)slot_pfn(word_of(handle)) * PAGE);

    assert_int_equal(slot_state(word_of(handle)), SLOT_NORMAL);
    assert_int_equal(slot_pfn(word_of(handle)), place(handle));
    for (size_t i = 0; i < ((size_t)PAGE << order) / sizeof(*p); i++)
        if (p[i] != handle * 31 + i)
            fail_msg("word %zu of the block at pfn %u has changed", i, place(handle));
}

static enum mobile_state state_of(uint64_t handle)
{
    return (enum mobile_state)mobile_of(zs, handle)->state;
}

static void begin_move(uint64_t handle)
{
    assert_int_equal(zone_move_begin(z, place(handle)), 0);
    assert_int_equal(state_of(handle), MOBILE_MOVING);
    assert_int_equal(slot_state(word_of(handle)), SLOT_MOVING);
}

/* ---- tests ---- */

static void move_with_content(enum backing backing)
{
    uint64_t h[12];

    begin(backing, false);
    for (uint32_t order = 0; order < 10; order++) {
        h[order] = get(order % 2 ? MIGRATE_MOVABLE : MIGRATE_RECLAIMABLE, order);
        fill(h[order], order);
    }
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t order = 0; order < 10; order++) {
            pfn_t from = place(h[order]);

            begin_move(h[order]);
            RUN_UNTIL(&f, busy_pages() == 0);
            assert_int_not_equal(place(h[order]), from);
            expect_content(h[order], order);
            check();
        }
    }
    assert_int_equal(mover_pages(f.hub->mover, 0), 3 * 1023);
    assert_int_equal(ended_zones, 1);
    assert_int_equal(session->policy.account.used_pages, 1023);
    end_clean();
}

static void content_moves(void **state)
{
    (void)state;
    move_with_content(BACKING_SHMEM);
}

static void content_moves_in_hugepages(void **state)
{
    (void)state;
    if (!pool_need(ZONE_BYTES / POOL_HUGEPAGE))
        skip();
    move_with_content(BACKING_HUGETLB);
    pool_restore();
}

static void a_pinned_block_stays(void **state)
{
    uint64_t handle;
    pfn_t from;

    (void)state;
    begin(BACKING_SHMEM, false);
    handle = get(MIGRATE_MOVABLE, 0);
    from = place(handle);
    word[0] += SLOT_PIN;
    assert_int_equal(zone_move_begin(z, from), -EAGAIN);
    assert_int_equal(place(handle), from);
    fixture_turns(&f, 10);
    check();
    assert_int_equal(nr_ended, 0);
    assert_int_equal(session->policy.account.pinned_pages, 1);
    word[0] -= SLOT_PIN;
    begin_move(handle);
    RUN_UNTIL(&f, busy_pages() == 0);
    assert_int_equal(session->policy.account.pinned_pages, 0);
    end_clean();
}

/* Blocks without a slot, and blocks whose handle nobody has yet, stay too. */
static void others_stay(void **state)
{
    const struct zone_request rq = {.type = MIGRATE_MOVABLE};
    struct slot_table *slots;
    uint64_t handle;
    pfn_t pfn;

    (void)state;
    begin(BACKING_SHMEM, false);
    slots = session->holdings.slots;
    session->holdings.slots = NULL;
    handle = get(MIGRATE_MOVABLE, 0);
    session->holdings.slots = slots;
    assert_int_equal(zone_move_begin(z, place(handle)), -EAGAIN);
    assert_int_equal(zone_rmqueue(z, &rq, &pfn), 0);
    assert_int_equal(zone_move_begin(z, pfn), -EAGAIN);
    assert_int_equal(zone_free(z, pfn), 0);
    end_clean();
}

static void many_moves_travel_together(void **state)
{
    uint64_t h[3 * MOVER_BATCH];
    const unsigned nr = 2 * MOVER_BATCH + 1;

    (void)state;
    begin(BACKING_SHMEM, false);
    for (unsigned i = 0; i < nr; i++) {
        h[i] = get(MIGRATE_MOVABLE, 0);
        fill(h[i], 0);
    }
    for (unsigned i = 0; i < nr; i++)
        begin_move(h[i]);
    RUN_UNTIL(&f, busy_pages() == 0);
    for (unsigned i = 0; i < nr; i++)
        expect_content(h[i], 0);
    assert_int_equal(nr_ended, 3);
    assert_int_equal(nr_reads, nr);
    end_clean();
}

/* A copy that fails: the block stays where it is, with what it has. */
static void a_failed_copy_is_undone(void **state)
{
    uint64_t handle;
    pfn_t from;

    (void)state;
    begin(BACKING_SHMEM, false);
    handle = get(MIGRATE_MOVABLE, 2);
    fill(handle, 2);
    from = place(handle);
    for (bad_reads = 2; bad_reads > 0;) {
        begin_move(handle);
        RUN_UNTIL(&f, busy_pages() == 0);
        assert_int_equal(place(handle), from);
        expect_content(handle, 2);
        check();
    }
    assert_int_equal(mover_pages(f.hub->mover, 0), 0);
    assert_int_equal(nr_ended, 2);
    begin_move(handle);
    RUN_UNTIL(&f, busy_pages() == 0);
    assert_int_not_equal(place(handle), from);
    expect_content(handle, 2);
    end_clean();
}

/* Freed while it moves: gone for its owner at once, for the zone at the end; failed or not. */
static void freed_on_the_way(void **state)
{
    (void)state;
    begin(BACKING_SHMEM, false);
    for (int bad = 0; bad < 2; bad++) {
        uint64_t handle = get(MIGRATE_MOVABLE, 3), other;

        bad_reads = bad;
        held = true;
        begin_move(handle);
        RUN_UNTIL(&f, in_copy != 0);
        client_give_back(client, handle);
        assert_int_equal(word[0], 0);
        assert_int_equal(session->holdings.nr_leaving, 1);
        assert_int_equal(session->holdings.owner.nr, 0);
        assert_int_equal(holdings_pages(&session->holdings), 0);
        assert_int_equal(session->policy.account.used_pages, 8);
        /* The slot and the record may be another block's by now. */
        other = get(MIGRATE_MOVABLE, 3);
        fill(other, 3);
        held = false;
        RUN_UNTIL(&f, busy_pages() == 0);
        assert_int_equal(session->holdings.nr_leaving, 0);
        assert_int_equal(session->policy.account.used_pages, 8);
        expect_content(other, 3);
        check();
        client_give_back(client, other);
        assert_int_equal(used_pages(zs), 0);
    }
    end_clean();
}

/* The owner dies: its session is there until the last of its blocks stands still. */
static void the_owner_dies(void **state)
{
    uint64_t h[4];

    (void)state;
    begin(BACKING_SHMEM, false);
    for (unsigned i = 0; i < 4; i++)
        h[i] = get(MIGRATE_MOVABLE, i);
    held = true;
    for (unsigned i = 0; i < 3; i++)
        begin_move(h[i]);
    RUN_UNTIL(&f, in_copy != 0);
    (void)shutdown(client->fd, SHUT_RDWR);
    RUN_UNTIL(&f, session->holdings.owner.nr == 0);
    fixture_turns(&f, 100);
    assert_int_equal(f.hub->sessions.nr, 1);
    assert_int_equal(session->holdings.nr_leaving, 3);
    assert_int_equal(session->policy.account.used_pages, 7);
    held = false;
    end_clean();
}

/* The daemon stops: jobs that threads have are awaited, those that are gathered are forgotten. */
static void shutdown_waits_for_jobs(void **state)
{
    uint64_t a, b, c;

    (void)state;
    begin(BACKING_SHMEM, false);
    a = get(MIGRATE_MOVABLE, 9);
    b = get(MIGRATE_MOVABLE, 0);
    c = get(MIGRATE_MOVABLE, 0);
    held = true;
    begin_move(a);
    begin_move(b);
    RUN_UNTIL(&f, in_copy != 0);
    client_give_back(client, b);
    begin_move(c);
    end();
}

/* A block of another domain moves within that domain's file. */
static void domains_keep_their_bytes(void **state)
{
    const struct domain_set *ds;
    unsigned domain;
    uint64_t handle;
    pfn_t from;

    (void)state;
    begin(BACKING_SHMEM, true);
    ds = zs->domains;
    domain = session->policy.account.domain;
    assert_int_not_equal(domain, 0);
    handle = get(MIGRATE_MOVABLE, 1);
    fill(handle, 1);
    from = place(handle);
    begin_move(handle);
    RUN_UNTIL(&f, busy_pages() == 0);
    assert_int_not_equal(place(handle), from);
    expect_content(handle, 1);
    assert_int_equal(zone_resident(z, place(handle)), domain);
    assert_non_null(ds->domain[domain].zone[0].file.map);
    assert_null(zs->entry[0].memory.map);
    assert_int_equal(session->policy.group->account.used_pages, zone_held_pages(z, domain));
    end_clean();
}

/* Words that are scribbled on while all moves: what is known of the blocks stays right. */
static void a_scribbler_hurts_itself(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 20261125u;
    uint64_t h[32];

    (void)state;
    (void)fprintf(stderr, "BUDDYD_SEED=%u\n", seed);
    begin(BACKING_SHMEM, false);
    for (unsigned i = 0; i < 32; i++) {
        h[i] = get(MIGRATE_MOVABLE, i % 3);
        fill(h[i], i % 3);
    }
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)rand_r(&seed) % 32;

        word[(unsigned)rand_r(&seed) % 40] =
            (uint64_t)rand_r(&seed) << 42 ^ (uint64_t)rand_r(&seed) << 20 ^ (unsigned)rand_r(&seed);
        (void)zone_move_begin(z, place(h[i]));
        fixture_turns(&f, 1);
    }
    RUN_UNTIL(&f, busy_pages() == 0);
    check();
    for (unsigned i = 0; i < 40; i++)
        word[i] = 0;
    for (unsigned i = 0; i < 32; i++) {
        begin_move(h[i]);
        RUN_UNTIL(&f, busy_pages() == 0);
        expect_content(h[i], i % 3);
    }
    end_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_moves),
        cmocka_unit_test(content_moves_in_hugepages),
        cmocka_unit_test(a_pinned_block_stays),
        cmocka_unit_test(others_stay),
        cmocka_unit_test(many_moves_travel_together),
        cmocka_unit_test(a_failed_copy_is_undone),
        cmocka_unit_test(freed_on_the_way),
        cmocka_unit_test(the_owner_dies),
        cmocka_unit_test(shutdown_waits_for_jobs),
        cmocka_unit_test(domains_keep_their_bytes),
        cmocka_unit_test(a_scribbler_hurts_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
