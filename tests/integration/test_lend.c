/* SPDX-License-Identifier: Apache-2.0 */
/* test_lend.c: memory is lent to real processes, is theirs alone, and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/actor.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/stamp.h"

#define NR_CLIENTS ((size_t)2)
#define NR_BLOCKS  ((size_t)60)
/* A socket, a pidfd, and the table of slots. */
#define FDS_PER_SESSION 3

struct fixture {
    struct daemon_proc daemon;
    struct actor clients[NR_CLIENTS];
    struct buddyd *b;
    struct observed before;
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){0};
    *state = &fx;
    return daemon_proc_run(&fx.daemon);
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < NR_CLIENTS; i++)
        actor_kill(&fx.clients[i]);
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* The test's own connection: after the actors' forks. */
static void connect_observer(void)
{
    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
    assert_int_equal(observe(fx.b, &fx.daemon, &fx.before), 0);
    assert_int_equal(fx.before.sessions, 1);
    assert_int_equal(fx.before.blocks, 0);
    assert_int_equal(fx.before.free_pages, ZONE_PAGES);
}

static int take_and_stamp(struct buddyd *b, uint64_t seed, struct buddyd_block blocks[NR_BLOCKS])
{
    static const enum buddyd_type types[] = {BUDDYD_UNMOVABLE, BUDDYD_MOVABLE, BUDDYD_RECLAIMABLE};

    for (unsigned i = 0; i < NR_BLOCKS; i++) {
        struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
        void *p;

        rq.order = i % 10;
        rq.type = types[i % 3];
        ACTOR_MUST(buddyd_alloc(b, &rq, &blocks[i]) == 0);
        ACTOR_MUST(blocks[i].bytes == PAGE_BYTES << rq.order);
        ACTOR_MUST(buddyd_pin(b, &blocks[i], &p) == 0);
        stamp_write(p, blocks[i].bytes, seed + i);
        buddyd_unpin(b, &blocks[i]);
    }
    return 0;
}

static int check_stamps(struct buddyd *b, uint64_t seed,
                        const struct buddyd_block blocks[NR_BLOCKS])
{
    for (unsigned i = 0; i < NR_BLOCKS; i++) {
        void *p;

        ACTOR_MUST(buddyd_pin(b, &blocks[i], &p) == 0);
        ACTOR_MUST(stamp_is(p, blocks[i].bytes, seed + i));
        buddyd_unpin(b, &blocks[i]);
    }
    return 0;
}

/* Take blocks and stamp them; when told, look at them again; when told, give them back one by one.
 */
static int borrow(int link, void *arg)
{
    static struct buddyd_block blocks[NR_BLOCKS];
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    struct buddyd *b;
    uint64_t word;

    ACTOR_MUST(observe_connect(&fx.daemon, "borrower", &b) == 0);
    ACTOR_MUST(take_and_stamp(b, seed, blocks) == 0);
    ACTOR_MUST(actor_send(link, blocks, sizeof(blocks)) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    ACTOR_MUST(check_stamps(b, seed, blocks) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    for (unsigned i = 0; i < NR_BLOCKS; i++)
        ACTOR_MUST(buddyd_free(b, blocks[i].handle) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    buddyd_close(b);
    return 0;
}

static void everyone(void (*act)(struct actor *))
{
    for (size_t i = 0; i < NR_CLIENTS; i++)
        act(&fx.clients[i]);
}

static void tell(struct actor *a)
{
    assert_int_equal(actor_say(a->link, 0), 0);
}

static void hear(struct actor *a)
{
    uint64_t word;

    assert_int_equal(actor_hear(a->link, &word), 0);
}

static void assert_apart(const struct buddyd_block *blocks, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        assert_int_equal(blocks[i].offset % blocks[i].bytes, 0);
        assert_true(blocks[i].offset + blocks[i].bytes <= ZONE_PAGES * PAGE_BYTES);
        for (size_t j = 0; j < i; j++) {
            assert_true(blocks[i].offset + blocks[i].bytes <= blocks[j].offset ||
                        blocks[j].offset + blocks[j].bytes <= blocks[i].offset);
            assert_true(blocks[i].handle != blocks[j].handle);
        }
    }
}

static void two_clients_have_memory_of_their_own(void **state)
{
    static struct buddyd_block blocks[NR_CLIENTS * NR_BLOCKS];
    struct observed now;
    uint64_t pages = 0;

    (void)state;
    for (size_t i = 0; i < NR_CLIENTS; i++)
        assert_int_equal(actor_start(&fx.clients[i], borrow, (void *)(uintptr_t)(1000 * (i + 1))),
                         0);
    for (size_t i = 0; i < NR_CLIENTS; i++)
        assert_int_equal(
            actor_receive(fx.clients[i].link, &blocks[i * NR_BLOCKS], sizeof(*blocks) * NR_BLOCKS),
            0);
    assert_apart(blocks, NR_CLIENTS * NR_BLOCKS);

    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
    assert_int_equal(observe(fx.b, &fx.daemon, &now), 0);
    for (size_t i = 0; i < NR_CLIENTS * NR_BLOCKS; i++)
        pages += blocks[i].bytes / PAGE_BYTES;
    assert_int_equal(now.sessions, NR_CLIENTS + 1);
    assert_int_equal(now.blocks, NR_CLIENTS * NR_BLOCKS);
    assert_int_equal(now.pages, pages);
    assert_int_equal(now.free_pages, ZONE_PAGES - pages);

    /* Both have written; now both look. */
    everyone(tell);
    everyone(hear);
    everyone(tell);
    everyone(hear);
    assert_int_equal(observe(fx.b, &fx.daemon, &now), 0);
    assert_int_equal(now.blocks, 0);
    assert_int_equal(now.free_pages, ZONE_PAGES);

    everyone(tell);
    for (size_t i = 0; i < NR_CLIENTS; i++)
        assert_int_equal(actor_wait(&fx.clients[i]), 0);
    now.sessions -= NR_CLIENTS;
    now.accounts -= NR_CLIENTS;
    now.fds -= (int)NR_CLIENTS * FDS_PER_SESSION;
    assert_true(observe_until(fx.b, &fx.daemon, &now));
}

/* Until it is refused: the refusal is about memory, has its numbers, and all of it comes back. */
static void the_whole_zone_can_be_lent(void **state)
{
    static struct buddyd_block blocks[ZONE_HUGEPAGES + 1];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_refusal why;
    size_t nr = 0;
    int error;

    (void)state;
    connect_observer();
    rq.order = 9;
    rq.type = BUDDYD_MOVABLE;
    do
        error = buddyd_alloc(fx.b, &rq, &blocks[nr]);
    while (!error && ++nr <= ZONE_HUGEPAGES);
    assert_int_equal(error, -ENOMEM);
    assert_true(strlen(buddyd_error()) > 0);
    assert_int_equal(nr, ZONE_HUGEPAGES);
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_SHORTAGE);
    assert_int_equal(why.order, 9);
    assert_int_equal(why.wanted_pages, 512);
    assert_int_equal(why.free_pages, 0);
    assert_int_equal(why.largest_order, -1);
    assert_int_equal(why.zones_tried, 1);
    while (nr-- > 0)
        assert_int_equal(buddyd_free(fx.b, blocks[nr].handle), 0);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void a_refusal_tells_fragmentation_from_shortage(void **state)
{
    static struct buddyd_block pages[2 * ZONE_HUGEPAGES];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block large;
    struct buddyd_refusal why;

    (void)state;
    connect_observer();
    /* Every other half hugepage: half of the memory is free, and no whole hugepage. */
    rq.order = 8;
    assert_int_equal(buddyd_alloc_bulk(fx.b, &rq, 2 * ZONE_HUGEPAGES, pages), 0);
    for (size_t i = 0; i < 2 * ZONE_HUGEPAGES; i++) {
        if (pages[i].offset / (PAGE_BYTES << 8) % 2 == 0)
            assert_int_equal(buddyd_free(fx.b, pages[i].handle), 0);
    }
    rq.order = 9;
    assert_int_equal(buddyd_alloc(fx.b, &rq, &large), -ENOMEM);
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_FRAGMENTATION);
    assert_int_equal(why.free_pages, ZONE_PAGES / 2);
    assert_int_equal(why.largest_order, 8);
    rq.order = 18;
    assert_int_equal(buddyd_alloc(fx.b, &rq, &large), -ENOMEM);
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_NO_ZONE);
}

static void memory_asked_for_as_zero_is_zero(void **state)
{
    static const unsigned char zero[PAGE_BYTES];
    unsigned char *dirty;
    unsigned char *clean;
    void *p;

    (void)state;
    connect_observer();
    assert_int_equal(buddyd_get_free_pages(fx.b, 0, 9, &p), 0);
    dirty = p;
    memset(dirty, 0xa5, 512 * PAGE_BYTES);
    assert_int_equal(buddyd_free_pages(fx.b, dirty, 9), 0);
    assert_int_equal(buddyd_get_free_pages(fx.b, BUDDYD_ZERO, 9, &p), 0);
    clean = p;
    for (size_t i = 0; i < 512; i++)
        assert_memory_equal(clean + i * PAGE_BYTES, zero, PAGE_BYTES);
    assert_int_equal(buddyd_free_pages(fx.b, clean, 9), 0);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void a_clean_stop_leaves_nothing(void **state)
{
    long hugepages = host_free_hugepages();

    (void)state;
    connect_observer();
    assert_int_equal(buddyd_alloc_page(fx.b, BUDDYD_UNMOVABLE, 0, &(struct buddyd_block){0}), 0);
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
    assert_int_equal(access(fx.daemon.socket, F_OK), -1);
    assert_int_equal(buddyd_alloc_page(fx.b, BUDDYD_UNMOVABLE, 0, &(struct buddyd_block){0}),
                     -ENOTCONN);
    buddyd_close(fx.b);
    fx.b = NULL;
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), hugepages + ZONE_HUGEPAGES);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_clients_have_memory_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_whole_zone_can_be_lent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_tells_fragmentation_from_shortage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(memory_asked_for_as_zero_is_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clean_stop_leaves_nothing, set_up, tear_down),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
