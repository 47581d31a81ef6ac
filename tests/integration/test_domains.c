/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_domains.c: clients of two domains never see each other's bytes, however often memory passes
 * between them, and nothing of it is lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/actor.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/raw.h"

#define USER_A 65533u
#define USER_B 65534u

#define PAGEBLOCK_ORDER 9u
/** Of the zone's 32 pageblocks what one user takes at most, so that both together want more. */
#define MOST_BLOCKS 24u
#define ROUNDS      150u
/** After so many a player says that it goes on, so that nobody waits for all of them at once. */
#define ROUNDS_A_WORD 10u
/** Words that are looked at: one in each cache line. */
#define STEP 8u
/** How long a request may wait until another user gives something back. */
#define TIMEOUT_MS 10u

struct player {
    uid_t uid;
    unsigned long seed;
};

/** What a player tells at its end. */
struct tale {
    uint64_t pageblocks; /**< bit i: it had memory of pageblock i */
    uint64_t grants;
    uint64_t zeroed; /**< blocks that came without any of its own stamps */
};

struct fixture {
    struct daemon_proc daemon;
    struct actor a, b;
    long hugepages;
};

static struct fixture fx;

static int start(const char *settings)
{
    char text[512];

    fx = (struct fixture){.hugepages = host_free_hugepages()};
    snprintf(text, sizeof(text), "[daemon]\n%s\n", settings);
    if (daemon_proc_prepare(&fx.daemon) || chmod(fx.daemon.dir, 0711) ||
        daemon_proc_configure_policy(&fx.daemon, "none", text))
        return -1;
    return daemon_proc_start(&fx.daemon);
}

static int set_up(void **state)
{
    (void)state;
    return start("isolate = uid");
}

static int tear_down(void **state)
{
    (void)state;
    actor_kill(&fx.a);
    actor_kill(&fx.b);
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* Stop it in peace: all hugepages are the host's again. */
static void stop(void)
{
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages);
}

/* ---- two users ---- */

static uint64_t mark_of(uid_t uid)
{
    return (uint64_t)uid << 32 | 0xb10cu;
}

/* Nothing but zeros and one's own. Returns whether anything of one's own was there; -1: not. */
static int look(const uint64_t *word, size_t bytes, uid_t uid)
{
    int own = 0;

    for (size_t i = 0; i < bytes / sizeof(*word); i += STEP) {
        if (word[i] != 0 && word[i] != mark_of(uid))
            return -1;
        own |= word[i] != 0;
    }
    return own;
}

static void stamp(uint64_t *word, size_t bytes, uid_t uid)
{
    for (size_t i = 0; i < bytes / sizeof(*word); i += STEP)
        word[i] = mark_of(uid);
}

/* Take some blocks, see that all is well in them, and leave one's stamps there. */
static int one_round(struct buddyd *b, const struct player *me, unsigned *seed, struct tale *tale)
{
    struct buddyd_block blocks[MOST_BLOCKS];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    unsigned nr = 1 + (unsigned)rand_r(seed) % MOST_BLOCKS, got = 0;

    rq.order = rand_r(seed) % 4 ? PAGEBLOCK_ORDER : (unsigned)rand_r(seed) % PAGEBLOCK_ORDER;
    rq.timeout_ms = TIMEOUT_MS;
    for (; got < nr; got++) {
        void *p;
        int own, error = buddyd_alloc(b, &rq, &blocks[got]);

        if (error == -ENOMEM)
            break; /* the other one has it */
        ACTOR_MUST(error == 0);
        ACTOR_MUST(buddyd_pin(b, &blocks[got], &p) == 0);
        own = look(p, blocks[got].bytes, me->uid);
        ACTOR_MUST(own >= 0);
        stamp(p, blocks[got].bytes, me->uid);
        tale->grants++;
        tale->zeroed += own == 0;
        tale->pageblocks |= UINT64_C(1) << (blocks[got].offset / HUGEPAGE_BYTES);
    }
    for (unsigned i = 0; i < got; i++) {
        void *p;

        ACTOR_MUST(buddyd_pin(b, &blocks[i], &p) == 0);
        ACTOR_MUST(look(p, blocks[i].bytes, me->uid) == 1); /* it is there still */
        buddyd_unpin(b, &blocks[i]);
        buddyd_unpin(b, &blocks[i]);
        ACTOR_MUST(buddyd_free(b, blocks[i].handle) == 0);
    }
    return 0;
}

static int play_rounds(int link, void *arg)
{
    const struct player *me = arg;
    unsigned seed = (unsigned)me->seed + me->uid;
    struct tale tale = {0};
    struct buddyd *b;
    uint64_t word;

    ACTOR_MUST(actor_become(me->uid) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "player", &b) == 0);
    ACTOR_MUST(actor_say(link, buddyd_domain(b)) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (one_round(b, me, &seed, &tale))
            return 1;
        if ((i + 1) % ROUNDS_A_WORD == 0)
            ACTOR_MUST(actor_say(link, i) == 0);
    }
    ACTOR_MUST(actor_send(link, &tale, sizeof(tale)) == 0);
    (void)actor_hear(link, &word);
    buddyd_close(b);
    return 0;
}

static void start_two(actor_fn play, struct player *a, struct player *b)
{
    uint64_t domain_a, domain_b;

    assert_int_equal(actor_start(&fx.a, play, a), 0);
    assert_int_equal(actor_start(&fx.b, play, b), 0);
    assert_int_equal(actor_hear(fx.a.link, &domain_a), 0);
    assert_int_equal(actor_hear(fx.b.link, &domain_b), 0);
    assert_int_not_equal(domain_a, 0);
    assert_int_not_equal(domain_b, 0);
    assert_int_not_equal(domain_a, domain_b);
}

static void memory_passes_and_nobody_sees_anothers(void **state)
{
    unsigned long seed = host_seed();
    struct player a = {USER_A, seed}, b = {USER_B, seed};
    struct observed before;
    struct tale tale_a, tale_b;
    struct buddyd *observer;

    (void)state;
    start_two(play_rounds, &a, &b);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &observer), 0);
    assert_int_equal(observe(observer, &fx.daemon, &before), 0);
    before.free_pages = ZONE_PAGES; /* none is on its way in the end */
    assert_int_equal(actor_say(fx.a.link, 0), 0);
    assert_int_equal(actor_say(fx.b.link, 0), 0);
    for (unsigned i = 0; i < ROUNDS; i += ROUNDS_A_WORD) {
        assert_int_equal(actor_hear(fx.a.link, &(uint64_t){0}), 0);
        assert_int_equal(actor_hear(fx.b.link, &(uint64_t){0}), 0);
    }
    assert_int_equal(actor_receive(fx.a.link, &tale_a, sizeof(tale_a)), 0);
    assert_int_equal(actor_receive(fx.b.link, &tale_b, sizeof(tale_b)), 0);
    assert_true(observe_until(observer, &fx.daemon, &before));
    assert_int_equal(actor_say(fx.a.link, 0), 0);
    assert_int_equal(actor_say(fx.b.link, 0), 0);
    assert_int_equal(actor_wait(&fx.a), 0);
    assert_int_equal(actor_wait(&fx.b), 0);
    printf("grants: %llu and %llu, of which %llu and %llu came with nothing in them; pageblocks "
           "that both had: %d\n",
           (unsigned long long)tale_a.grants, (unsigned long long)tale_b.grants,
           (unsigned long long)tale_a.zeroed, (unsigned long long)tale_b.zeroed,
           __builtin_popcountll(tale_a.pageblocks & tale_b.pageblocks));
    assert_true(__builtin_popcountll(tale_a.pageblocks & tale_b.pageblocks) > 8);
    assert_true(tale_a.zeroed > ROUNDS / 4 && tale_b.zeroed > ROUNDS / 4);
    buddyd_close(observer);
    stop();
}

/* ---- one of them dies ---- */

/* Takes whatever it can get, says so, and waits. */
static int play_miser(int link, void *arg)
{
    const struct player *me = arg;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd *b;
    uint64_t word, nr = 0;
    void *p;

    ACTOR_MUST(actor_become(me->uid) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "miser", &b) == 0);
    ACTOR_MUST(actor_say(link, buddyd_domain(b)) == 0);
    while (actor_hear(link, &word) == 0) {
        rq.order = PAGEBLOCK_ORDER;
        for (nr = 0; nr < word && buddyd_alloc(b, &rq, &block) == 0; nr++) {
            ACTOR_MUST(buddyd_pin(b, &block, &p) == 0);
            ACTOR_MUST(look(p, block.bytes, me->uid) >= 0);
            stamp(p, block.bytes, me->uid);
        }
        ACTOR_MUST(actor_say(link, nr) == 0);
    }
    return 0;
}

static uint64_t ask(struct actor *a, uint64_t wanted)
{
    uint64_t nr;

    assert_int_equal(actor_say(a->link, wanted), 0);
    assert_int_equal(actor_hear(a->link, &nr), 0);
    return nr;
}

static void what_the_dead_had_goes_to_the_living(void **state)
{
    struct player a = {.uid = USER_A}, b = {.uid = USER_B};
    struct observed before;
    struct buddyd *observer;
    uint64_t nr;

    (void)state;
    assert_int_equal(observe_connect(&fx.daemon, "observer", &observer), 0);
    assert_int_equal(observe(observer, &fx.daemon, &before), 0);
    buddyd_close(observer);
    start_two(play_miser, &a, &b);
    assert_int_equal(ask(&fx.a, 20), 20);
    assert_int_equal(ask(&fx.b, 40), 12); /* all that is left */
    actor_kill(&fx.a);
    for (nr = 0; nr < 20;) /* the daemon learns of it a moment later */
        nr += ask(&fx.b, 20 - nr);
    actor_kill(&fx.b);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &observer), 0);
    /* Their memory files, too, are gone when nothing lies in them any more. */
    before.free_pages = ZONE_PAGES;
    assert_true(observe_until(observer, &fx.daemon, &before));
    buddyd_close(observer);
    stop();
}

/* ---- at once ---- */

/* Requests that wait for nothing at all: do they find memory in their domain? */
static int play_atomic(int link, void *arg)
{
    const struct player *me = arg;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct timespec then, now;
    struct buddyd *b;
    uint64_t word, nr = 0;

    ACTOR_MUST(actor_become(me->uid) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "atomic", &b) == 0);
    ACTOR_MUST(actor_say(link, buddyd_domain(b)) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    rq.flags = BUDDYD_HIGH;
    rq.order = PAGEBLOCK_ORDER;
    ACTOR_MUST(clock_gettime(CLOCK_MONOTONIC, &then) == 0);
    do {
        nr += buddyd_alloc(b, &rq, &block) == 0;
        ACTOR_MUST(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    } while (nr < word && now.tv_sec - then.tv_sec < (word ? PATIENCE_MS / 1000 : 1));
    if (word == 0) {
        rq.flags = 0; /* of these the daemon waits until the memory has passed */
        for (unsigned i = 0; i < 4; i++)
            ACTOR_MUST(buddyd_alloc(b, &rq, &block) == 0);
        ACTOR_MUST(clock_gettime(CLOCK_MONOTONIC, &then) == 0);
        printf("with nothing ready, a pageblock takes %ld us\n",
               ((then.tv_sec - now.tv_sec) * 1000000 + (then.tv_nsec - now.tv_nsec) / 1000) / 4);
        fflush(stdout);
    }
    ACTOR_MUST(actor_say(link, nr) == 0);
    (void)actor_hear(link, &word);
    buddyd_close(b);
    return 0;
}

static void atomic_requests(const char *ahead, uint64_t wanted)
{
    struct player a = {.uid = USER_A}, b = {.uid = USER_B};
    char settings[256];

    snprintf(settings, sizeof(settings),
             "isolate = uid\npopulate_ahead = %s\n[policy users]\n"
             "per = uid\nrights = high\n",
             ahead);
    assert_int_equal(start(settings), 0);
    start_two(play_atomic, &a, &b);
    assert_int_equal(ask(&fx.a, wanted), wanted);
    assert_int_equal(ask(&fx.b, wanted), wanted);
    actor_kill(&fx.a); /* who maps a file keeps its memory */
    actor_kill(&fx.b);
    stop();
}

static void what_lies_ready_is_granted_at_once(void **state)
{
    (void)state;
    atomic_requests("3", 6);
}

static void nothing_lies_ready_if_nothing_is_to(void **state)
{
    (void)state;
    atomic_requests("0", 0);
}

/* ---- who takes more than he is given ---- */

static int play_thief(int link, void *arg)
{
    const struct player *me = arg;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd_zone zone;
    struct buddyd *b;
    uint64_t word;
    int error;

    ACTOR_MUST(actor_become(me->uid) == 0);
    ACTOR_MUST(observe_connect(&fx.daemon, "thief", &b) == 0);
    ACTOR_MUST(actor_say(link, buddyd_domain(b)) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    ACTOR_MUST(buddyd_get_zone(b, 0, &zone) == 0);
    for (uint64_t i = 0; i < zone.bytes / HUGEPAGE_BYTES && i < word; i++)
        *(volatile uint64_t *)((char *)zone.base + i * HUGEPAGE_BYTES) = 1;
    do {
        error = buddyd_alloc(b, &rq, &block);
    } while (error == 0 && buddyd_free(b, block.handle) == 0);
    ACTOR_MUST(strstr(buddyd_error(), "touched where nothing was granted"));
    ACTOR_MUST(actor_say(link, 1) == 0);
    (void)actor_hear(link, &word);
    buddyd_close(b);
    return 0;
}

static void who_touches_what_is_not_his_is_disconnected(void **state)
{
    struct player a = {.uid = USER_A}, b = {.uid = USER_B};
    long free_before = host_free_hugepages();
    struct timespec then, now;
    char said[8192];

    (void)state;
    assert_int_equal(actor_start(&fx.b, play_miser, &b), 0);
    assert_int_equal(actor_hear(fx.b.link, &(uint64_t){0}), 0);
    assert_int_equal(actor_start(&fx.a, play_thief, &a), 0);
    assert_int_equal(actor_hear(fx.a.link, &(uint64_t){0}), 0);
    assert_int_equal(ask(&fx.a, 8), 1);
    /* What it touched after it was found out goes back, too: in the next look. */
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &then), 0);
    do {
        (void)ask(&fx.b, 0);
        assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
        assert_true(now.tv_sec - then.tv_sec < PATIENCE_MS / 1000);
    } while (host_free_hugepages() != free_before);
    assert_non_null(strstr(program_text(fx.daemon.program.err, said, sizeof(said)),
                           "uid 65533) is disconnected: "));
    assert_null(strstr(said, "uid 65534) is disconnected"));
    assert_int_equal(ask(&fx.b, 10), 10); /* the other one is served */
    actor_kill(&fx.a);
    actor_kill(&fx.b);
    stop();
}

/* ---- numbers ---- */

static int connect_as(uid_t uid)
{
    int fd;

    assert_int_equal(seteuid(uid), 0);
    fd = raw_connect_hello(fx.daemon.socket);
    assert_int_equal(seteuid(0), 0);
    return fd;
}

static void numbers_run_out_and_come_back(void **state)
{
    struct raw_answer answer = {0};
    int fd[63], one_more;

    (void)state;
    for (unsigned i = 0; i < 63; i++) {
        fd[i] = connect_as(1000 + i);
        assert_true(fd[i] >= 0);
        assert_int_equal(raw_alloc(fd[i], i % 2 ? 0 : 3, &answer), 0);
    }
    assert_int_equal(seteuid(2000), 0);
    one_more = raw_connect(fx.daemon.socket);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(raw_receive(one_more, &answer), 0);
    assert_true(answer.goodbye);
    assert_non_null(strstr(answer.message, "all 64 are in use"));
    close(one_more);

    /* Somebody goes: his number is another's when nothing of his is there any more. */
    close(fd[7]);
    for (fd[7] = -1; fd[7] < 0;) {
        int error;

        assert_int_equal(seteuid(2000), 0);
        fd[7] = raw_connect_hello(fx.daemon.socket);
        assert_int_equal(seteuid(0), 0);
        error = fd[7];
        if (error < 0)
            assert_true(error == -EPROTO || error == -EPIPE || error == -ECONNRESET);
    }
    for (unsigned i = 0; i < 63; i++)
        close(fd[i]);
    stop();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_passes_and_nobody_sees_anothers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_dead_had_goes_to_the_living, set_up, tear_down),
        cmocka_unit_test_teardown(what_lies_ready_is_granted_at_once, tear_down),
        cmocka_unit_test_teardown(nothing_lies_ready_if_nothing_is_to, tear_down),
        cmocka_unit_test_setup_teardown(who_touches_what_is_not_his_is_disconnected, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(numbers_run_out_and_come_back, set_up, tear_down),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
