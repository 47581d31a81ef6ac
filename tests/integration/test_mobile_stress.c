/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mobile_stress.c: what moves and what is discarded, while everybody does it as fast as they
 * can: content is always right, and in the end nothing is left.
 *
 * BUDDYD_STRESS_SECONDS says how long the long test goes on: 10 by default; hours, if you like.
 * Others take a quarter of it. A second argument names the tests that are to be run: 'in_a_zone*'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/actor.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/mobile_worker.h"
#include "support/observe.h"

#define DEFAULT_SECONDS 10
#define MAX_SECONDS     1000000
#define NR_WORKERS      3u
#define NR_VICTIMS      20u
#define NR_SLOTS        4096u
/** Of a zone that changes: hugepages at first and in the end, and at most. */
#define SIZE_HUGEPAGES 32
#define MAX_HUGEPAGES  64
#define LARGE_ORDER    12u /* 8 pageblocks */
#define OTHER_USER     65533u

struct fixture {
    struct daemon_proc daemon;
    struct mobile_shared *shared;
    struct mobile_worker plan[NR_WORKERS];
    struct actor worker[NR_WORKERS];
    uid_t user[NR_WORKERS];
    struct actor compactor;
    struct actor hog;
    struct actor hostile;
    struct actor resizer;
    struct actor large;
    struct buddyd *b;
    struct observed before;
    uint64_t seed;
};

static struct fixture fx;

/* ---- the actors ---- */

static uint64_t next_random(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *random >> 33;
}

/* Compacts all the time. */
static int compact(int link, void *arg)
{
    struct buddyd_compacted result;
    struct buddyd *b;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "compactor", &b) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    while (!atomic_load(&fx.shared->stop))
        ACTOR_MUST(buddyd_compact(b, BUDDYD_ANY, &result) == 0);
    buddyd_close(b);
    return 0;
}

/* Takes memory until there is none, which makes the daemon discard, frees half of it, and so on. */
static int be_a_hog(int link, void *arg)
{
    static uint64_t handles[ZONE_PAGES];
    uint64_t random = fx.seed | 1;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd *b;
    size_t nr = 0;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "hog", &b) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    rq.timeout_ms = 20;
    while (!atomic_load(&fx.shared->stop)) {
        int rc;

        rq.order = (unsigned)(next_random(&random) % 10);
        rc = nr < ZONE_PAGES ? buddyd_alloc(b, &rq, &block) : -ENOMEM;
        ACTOR_MUST(rc == 0 || rc == -ENOMEM);
        if (rc == 0) {
            handles[nr++] = block.handle;
            continue;
        }
        for (size_t keep = nr / 2; nr > keep;) {
            size_t i = (size_t)(random >> 20) % nr;

            ACTOR_MUST(buddyd_free(b, handles[i]) == 0);
            handles[i] = handles[--nr];
        }
    }
    buddyd_close(b);
    return 0;
}

/* Has movable blocks and pins them, in and out, until it is killed. */
static int pin_until_killed(int link, void *arg)
{
    static struct buddyd_block blocks[200];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd *b;
    void *p;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "victim", &b) == 0);
    for (unsigned i = 0; i < 200; i++) {
        rq.type = i % 2 ? BUDDYD_MOVABLE : BUDDYD_RECLAIMABLE;
        rq.order = i % 6;
        ACTOR_MUST(buddyd_alloc(b, &rq, &blocks[i]) == 0);
    }
    /* Room for the others to move to. */
    for (unsigned i = 0; i < 200; i += 3)
        ACTOR_MUST(buddyd_free(b, blocks[i].handle) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    for (unsigned i = 0;; i = (i + 1) % 200) {
        int rc = i % 3 ? buddyd_pin(b, &blocks[i], &p) : -ESTALE;

        if (rc == 0 && i % 7) /* each seventh stays pinned, more and more */
            buddyd_unpin(b, &blocks[i]);
    }
}

/* Lets the zone grow and shrink all the time, and in the end to what it was. */
static int resize(int link, void *arg)
{
    static struct buddyd_obstacle obstacles[BUDDYD_LISTING_MAX];
    const int64_t hugepage = INT64_C(2) << 20;
    uint64_t random = fx.seed | 1, bytes = (uint64_t)(SIZE_HUGEPAGES * hugepage);
    struct buddyd *b;
    size_t n;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "resizer", &b) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    while (!atomic_load(&fx.shared->stop)) {
        int64_t delta = ((int64_t)(next_random(&random) % 24) - 12) * hugepage;
        int rc;

        if (delta == 0 || (int64_t)bytes + delta < SIZE_HUGEPAGES / 4 * hugepage ||
            (int64_t)bytes + delta > MAX_HUGEPAGES * hugepage)
            continue;
        rc = buddyd_resize_zone(b, 0, delta, &bytes, obstacles, &n);
        ACTOR_MUST(rc == 0 || (rc == -EBUSY && delta < 0 && n > 0));
        atomic_fetch_add(delta < 0 ? &fx.shared->shrunk : &fx.shared->grown, rc == 0);
    }
    ACTOR_MUST(actor_say(link, bytes) == 0);
    buddyd_close(b);
    return 0;
}

/* Wants blocks for which a window must be emptied. */
static int want_large(int link, void *arg)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd *b;

    (void)arg;
    ACTOR_MUST(actor_become(OTHER_USER) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "large", &b) == 0);
    ACTOR_MUST(actor_say(link, 0) == 0);
    rq.order = LARGE_ORDER;
    rq.timeout_ms = 200;
    while (!atomic_load(&fx.shared->stop)) {
        int rc = buddyd_alloc(b, &rq, &block);

        ACTOR_MUST(rc == 0 || rc == -ENOMEM);
        atomic_fetch_add(&fx.shared->large, rc == 0);
        if (rc == 0)
            ACTOR_MUST(buddyd_free(b, block.handle) == 0);
    }
    buddyd_close(b);
    return 0;
}

/* The slot table of this process, as it is mapped. */
static uint64_t *find_table(size_t *ret_bytes)
{
    char line[512];
    FILE *f = fopen("/proc/self/maps", "re");
    uint64_t *table = NULL;

    while (f && fgets(line, sizeof(line), f)) {
        uintptr_t start, end;

        if (strstr(line, "buddyd-slots") &&
            sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2) {
            table = (uint64_t *)start; // NOLINT(performance-no-int-to-ptr)
            *ret_bytes = end - start;
        }
    }
    if (f)
        fclose(f);
    return table;
}

/* Writes anything at all into its own slots, and makes the daemon look at them. */
static int scribble(int link, void *arg)
{
    static struct buddyd_block blocks[200];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    uint64_t random = fx.seed | 1;
    size_t bytes = 0;
    struct buddyd *b;
    volatile uint64_t *table;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "hostile", &b) == 0);
    table = find_table(&bytes);
    ACTOR_MUST(table && bytes >= 200 * sizeof(*table));
    ACTOR_MUST(actor_say(link, 0) == 0);
    for (unsigned i = 0; !atomic_load(&fx.shared->stop); i = (i + 1) % 200) {
        if (blocks[i].handle)
            ACTOR_MUST(buddyd_free(b, blocks[i].handle) == 0);
        blocks[i].handle = 0;
        rq.type = i % 2 ? BUDDYD_MOVABLE : BUDDYD_RECLAIMABLE;
        rq.order = i % 6;
        (void)buddyd_alloc(b, &rq, &blocks[i]);
        for (unsigned k = 0; k < 200; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            table[(random >> 50) % 200] = random ^ random << 31;
        }
        /* And now and then there is no table any more. */
        if (i == 0)
            ACTOR_MUST(madvise((void *)table, (size_t)sysconf(_SC_PAGESIZE), MADV_REMOVE) == 0);
    }
    return 0;
}

/* ---- the fixture ---- */

static int set_up(void **state)
{
    fx = (struct fixture){0};
    *state = &fx;
    fx.seed = host_seed();
    fx.shared = mobile_shared_create();
    return fx.shared ? daemon_proc_run(&fx.daemon) : -1;
}

/* A zone that changes, with a domain for each user. */
static int set_up_changing(void **state)
{
    char text[512];

    fx = (struct fixture){0};
    *state = &fx;
    fx.seed = host_seed();
    fx.shared = mobile_shared_create();
    snprintf(text, sizeof(text),
             "[zone test]\nbacking = %s\nsize = %dM\nmax_size = %dM\n[daemon]\nisolate = uid\n",
             host_backing(), SIZE_HUGEPAGES * 2, MAX_HUGEPAGES * 2);
    if (!fx.shared || daemon_proc_prepare(&fx.daemon) || chmod(fx.daemon.dir, 0711) ||
        daemon_proc_configure(&fx.daemon, NULL, text))
        return -1;
    return daemon_proc_start(&fx.daemon) || chmod(fx.daemon.socket, 0666);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NR_WORKERS; i++)
        actor_kill(&fx.worker[i]);
    actor_kill(&fx.compactor);
    actor_kill(&fx.hog);
    actor_kill(&fx.hostile);
    actor_kill(&fx.resizer);
    actor_kill(&fx.large);
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    mobile_shared_free(fx.shared);
    return 0;
}

static struct buddyd_zone_stat zone(void)
{
    struct buddyd_zone_stat zones[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    assert_int_equal(buddyd_stat_zones(fx.b, &cursor, zones, &n), 0);
    assert_int_equal(n, 1);
    return zones[0];
}

/* What is there when nobody is. Actors are forked when the test has no connection. */
static void look_before(void)
{
    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
    assert_int_equal(observe(fx.b, &fx.daemon, &fx.before), 0);
    assert_int_equal(fx.before.blocks, 0);
    fx.before.free_pages = zone().managed_pages; /* some may be on their way between domains */
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
    buddyd_close(fx.b);
    fx.b = NULL;
}

static void start(struct actor *a, actor_fn play, void *arg)
{
    uint64_t word;

    assert_int_equal(actor_start(a, play, arg), 0);
    assert_int_equal(actor_hear(a->link, &word), 0);
}

static void start_workers(unsigned nr)
{
    static const char *const names[NR_WORKERS] = {"worker0", "worker1", "worker2"};

    for (unsigned i = 0; i < nr; i++) {
        fx.plan[i] =
            (struct mobile_worker){&fx.daemon, fx.shared, names[i], fx.seed + i, fx.user[i]};
        start(&fx.worker[i], mobile_worker_play, &fx.plan[i]);
    }
}

static void connect_observer(void)
{
    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
}

/* All has ended well, and nothing is left. */
static void end_all(void)
{
    struct buddyd_zone_stat z;

    atomic_store(&fx.shared->stop, true);
    for (unsigned i = 0; i < NR_WORKERS; i++) {
        if (fx.worker[i].pid)
            assert_int_equal(actor_wait(&fx.worker[i]), 0);
    }
    if (fx.large.pid)
        assert_int_equal(actor_wait(&fx.large), 0);
    if (fx.hog.pid)
        assert_int_equal(actor_wait(&fx.hog), 0);
    if (fx.compactor.pid)
        assert_int_equal(actor_wait(&fx.compactor), 0);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
    z = zone();
    assert_int_equal(z.free_pages, z.managed_pages);
    assert_int_equal(z.busy_pages, 0);
    assert_int_equal(z.isolated_pages, 0);
    assert_int_equal(z.reclaimable_pages, 0);
    buddyd_close(fx.b);
    fx.b = NULL;
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
}

static int64_t stress_ms(void)
{
    const char *text = getenv("BUDDYD_STRESS_SECONDS");
    long seconds = text ? strtol(text, NULL, 10) : DEFAULT_SECONDS;

    assert_in_range(seconds, 1, MAX_SECONDS);
    return seconds * 1000;
}

/* ---- the tests ---- */

static void content_is_always_right(void **state)
{
    int64_t end = host_now_ms() + stress_ms();
    struct mobile_shared *sh = fx.shared;

    (void)state;
    look_before();
    start_workers(NR_WORKERS);
    start(&fx.compactor, compact, NULL);
    start(&fx.hog, be_a_hog, NULL);
    connect_observer();
    /* Until the time is over, and each thing has happened. */
    while (host_now_ms() < end || !atomic_load(&sh->places) || !atomic_load(&sh->renewed) ||
           !atomic_load(&sh->moved)) {
        struct buddyd_zone_stat z = zone();

        assert_true(z.free_pages <= z.managed_pages);
        assert_false(atomic_load(&sh->failed));
        assert_true(host_now_ms() < end + PATIENCE_MS);
    }
    print_message("%llu pins, %llu other pointers, %llu discarded, %llu renewed, %llu blocks, "
                  "%llu places; %" PRIu64 " pages moved, %" PRIu64 " discarded\n",
                  atomic_load(&sh->pins), atomic_load(&sh->moved), atomic_load(&sh->discarded),
                  atomic_load(&sh->renewed), atomic_load(&sh->replaced), atomic_load(&sh->places),
                  zone().moved_pages, zone().discarded_pages);
    end_all();
}

/* Between two domains, in a zone that grows and shrinks, and for large blocks. */
static void in_a_zone_that_changes(void **state)
{
    const uint64_t size = (uint64_t)SIZE_HUGEPAGES << 21;
    int64_t end = host_now_ms() + stress_ms() / 4;
    struct buddyd_obstacle obstacles[BUDDYD_LISTING_MAX];
    struct mobile_shared *sh = fx.shared;
    uint64_t bytes;
    size_t n;

    (void)state;
    if (geteuid() != 0)
        skip(); /* nobody else could play another user */
    look_before();
    fx.user[0] = OTHER_USER;
    start_workers(2);
    start(&fx.compactor, compact, NULL);
    start(&fx.hog, be_a_hog, NULL);
    start(&fx.large, want_large, NULL);
    start(&fx.resizer, resize, NULL);
    connect_observer();
    while (host_now_ms() < end || !atomic_load(&sh->grown) || !atomic_load(&sh->shrunk) ||
           !atomic_load(&sh->moved)) {
        struct buddyd_zone_stat z = zone();

        assert_true(z.free_pages <= z.managed_pages);
        assert_in_range(z.managed_pages, 0, MAX_HUGEPAGES * 512);
        assert_false(atomic_load(&sh->failed));
        assert_true(host_now_ms() < end + PATIENCE_MS);
    }
    print_message("%llu times grown, %llu shrunk, %llu large blocks, %llu pins; %" PRIu64
                  " pages moved, %" PRIu64 " discarded\n",
                  atomic_load(&sh->grown), atomic_load(&sh->shrunk), atomic_load(&sh->large),
                  atomic_load(&sh->pins), zone().moved_pages, zone().discarded_pages);
    atomic_store(&sh->stop, true);
    assert_int_equal(actor_hear(fx.resizer.link, &bytes), 0);
    assert_int_equal(actor_wait(&fx.resizer), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(actor_wait(&fx.worker[i]), 0);
    fx.worker[0].pid = fx.worker[1].pid = 0;
    assert_int_equal(actor_wait(&fx.hog), 0);
    fx.hog.pid = 0;
    assert_int_equal(actor_wait(&fx.large), 0); /* its blocks are unmovable */
    fx.large.pid = 0;
    if (bytes != size)
        assert_int_equal(
            buddyd_resize_zone(fx.b, 0, (int64_t)size - (int64_t)bytes, &bytes, obstacles, &n), 0);
    end_all();
}

static void the_killed_leave_nothing(void **state)
{
    struct buddyd_compacted result;
    struct actor victim;

    (void)state;
    look_before();
    start(&fx.compactor, compact, NULL);
    for (unsigned i = 0; i < NR_VICTIMS; i++) {
        victim = (struct actor){0};
        start(&victim, pin_until_killed, NULL);
        connect_observer();
        for (unsigned k = 0; k < i % 4; k++)
            assert_int_equal(buddyd_compact(fx.b, BUDDYD_ANY, &result), 0);
        buddyd_close(fx.b);
        fx.b = NULL;
        actor_kill(&victim);
    }
    connect_observer();
    print_message("%" PRIu64 " pages moved\n", zone().moved_pages);
    assert_true(zone().moved_pages > 0);
    end_all();
}

static void who_scribbles_hurts_itself(void **state)
{
    int64_t end = host_now_ms() + stress_ms() / 4;
    uint64_t pins;

    (void)state;
    look_before();
    start_workers(1);
    start(&fx.compactor, compact, NULL);
    start(&fx.hog, be_a_hog, NULL);
    start(&fx.hostile, scribble, NULL);
    connect_observer();
    pins = atomic_load(&fx.shared->pins);
    while (host_now_ms() < end || atomic_load(&fx.shared->pins) < pins + 10000) {
        (void)zone();
        assert_false(atomic_load(&fx.shared->failed));
        assert_true(host_now_ms() < end + PATIENCE_MS);
    }
    actor_kill(&fx.hostile);
    end_all();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_is_always_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_a_zone_that_changes, set_up_changing, tear_down),
        cmocka_unit_test_setup_teardown(the_killed_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_scribbles_hurts_itself, set_up, tear_down),
    };
    int skipped = host_choose_backing(argc, argv);

    if (argc > 2)
        cmocka_set_test_filter(argv[2]);
    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
