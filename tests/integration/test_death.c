/* SPDX-License-Identifier: Apache-2.0 */
/* test_death.c: a dead client's memory returns at once and completely, and nothing else does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/actor.h"
#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/raw.h"
#include "support/stamp.h"

#define NR_BLOCKS 1500u
#define SEED      7000u

struct fixture {
    struct daemon_proc daemon;
    struct actor victim;
    struct actor bystander;
    struct buddyd *b;
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
    actor_kill(&fx.victim);
    actor_kill(&fx.bystander);
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* Has many blocks, says so, and waits; arg: not NULL to close its connection when told to. */
static int hold_many(int link, void *arg)
{
    static struct buddyd_block blocks[NR_BLOCKS];
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd *b;
    uint64_t word;

    ACTOR_MUST(observe_connect(&fx.daemon, "victim", &b) == 0);
    for (unsigned i = 0; i < NR_BLOCKS; i++) {
        rq.order = i % 3;
        rq.type = (enum buddyd_type)(i % 3);
        ACTOR_MUST(buddyd_alloc(b, &rq, &blocks[i]) == 0);
    }
    ACTOR_MUST(actor_say(link, NR_BLOCKS) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    if (arg)
        buddyd_close(b);
    ACTOR_MUST(actor_say(link, 0) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

/* Has a few stamped blocks; when told, looks at them, frees them, and says that all was well. */
static int stand_by(int link, void *arg)
{
    struct buddyd_block blocks[20];
    void *p[20];
    struct buddyd *b;
    uint64_t word;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "bystander", &b) == 0);
    for (unsigned i = 0; i < 20; i++) {
        ACTOR_MUST(buddyd_alloc_pages(b, (enum buddyd_type)(i % 3), 0, i % 8, &blocks[i]) == 0);
        ACTOR_MUST(buddyd_pin(b, &blocks[i], &p[i]) == 0);
        stamp_write(p[i], blocks[i].bytes, SEED + i);
    }
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    for (unsigned i = 0; i < 20; i++) {
        ACTOR_MUST(stamp_is(p[i], blocks[i].bytes, SEED + i));
        buddyd_unpin(b, &blocks[i]);
        ACTOR_MUST(buddyd_free(b, blocks[i].handle) == 0);
    }
    ACTOR_MUST(actor_say(link, 0) == 0);
    (void)actor_hear(link, &word);
    buddyd_close(b);
    return 0;
}

static void ask(const struct actor *a)
{
    uint64_t word;

    assert_int_equal(actor_say(a->link, 0), 0);
    assert_int_equal(actor_hear(a->link, &word), 0);
}

static void start_bystander(struct observed *ret)
{
    uint64_t word;

    assert_int_equal(actor_start(&fx.bystander, stand_by, NULL), 0);
    assert_int_equal(actor_hear(fx.bystander.link, &word), 0);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
    assert_int_equal(observe(fx.b, &fx.daemon, ret), 0);
    assert_int_equal(ret->blocks, 20);
}

/* Actors are forked while the test itself has no connection. */
static void start_both(actor_fn play, void *arg, uint64_t nr_blocks, struct observed *ret_alone)
{
    struct observed both;
    uint64_t word;

    start_bystander(ret_alone);
    buddyd_close(fx.b);
    fx.b = NULL;
    assert_int_equal(actor_start(&fx.victim, play, arg), 0);
    assert_int_equal(actor_hear(fx.victim.link, &word), 0);
    assert_int_equal(word, nr_blocks);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &fx.b), 0);
    assert_int_equal(observe(fx.b, &fx.daemon, &both), 0);
    assert_int_equal(both.sessions, ret_alone->sessions + 1);
    assert_int_equal(both.blocks, ret_alone->blocks + nr_blocks);
    assert_true(both.free_pages < ret_alone->free_pages);
}

/* All that the victim had comes back, and the bystander has what it had. */
static void only_the_bystander_is_left(const struct observed *alone)
{
    struct observed now;

    assert_true(observe_until(fx.b, &fx.daemon, alone));
    ask(&fx.bystander);
    assert_int_equal(observe(fx.b, &fx.daemon, &now), 0);
    assert_int_equal(now.blocks, 0);
    assert_int_equal(now.free_pages, ZONE_PAGES);
}

static void killed(void **state)
{
    struct observed alone;

    (void)state;
    start_both(hold_many, NULL, NR_BLOCKS, &alone);
    actor_kill(&fx.victim);
    only_the_bystander_is_left(&alone);
}

static void closed(void **state)
{
    struct observed alone;

    (void)state;
    start_both(hold_many, &fx, NR_BLOCKS, &alone);
    ask(&fx.victim);
    /* It lives on, without a connection. */
    only_the_bystander_is_left(&alone);
}

/* Say that there is one block, and wait, in a child as well, until the test says so or is gone. */
static int fork_and_wait(int link)
{
    uint64_t word;
    pid_t child = fork();

    ACTOR_MUST(child >= 0);
    if (child > 0)
        ACTOR_MUST(actor_say(link, 1) == 0);
    (void)actor_hear(link, &word);
    return 0;
}

/* Has a socket of its own making and a block behind it, and a child that has that socket too. */
static int hold_and_fork(int link, void *arg)
{
    int fd = raw_connect_hello(fx.daemon.socket);
    struct raw_answer answer;

    (void)arg;
    ACTOR_MUST(fd >= 0);
    ACTOR_MUST(raw_alloc(fd, 9, &answer) == 0 && answer.handle);
    return fork_and_wait(link);
}

static void a_child_that_holds_the_socket_does_not_hide_the_death(void **state)
{
    struct observed alone;
    char byte;

    (void)state;
    start_both(hold_and_fork, NULL, 1, &alone);
    /* Not actor_kill(): the link stays open, and the child alive. */
    assert_int_equal(kill(fx.victim.pid, SIGKILL), 0);
    only_the_bystander_is_left(&alone);
    /* The child does live: nobody has closed the other end of the link. */
    assert_int_equal(recv(fx.victim.link, &byte, 1, MSG_DONTWAIT), -1);
}

/* The same with the library, whose child of fork closes nothing by itself. */
static int connect_and_fork(int link, void *arg)
{
    struct buddyd_block block;
    struct buddyd *b;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "victim", &b) == 0);
    ACTOR_MUST(buddyd_alloc_page(b, BUDDYD_MOVABLE, 0, &block) == 0);
    return fork_and_wait(link);
}

static void nor_does_a_child_of_a_program_with_the_library(void **state)
{
    struct observed alone;

    (void)state;
    start_both(connect_and_fork, NULL, 1, &alone);
    assert_int_equal(kill(fx.victim.pid, SIGKILL), 0);
    only_the_bystander_is_left(&alone);
}

/* Each round is a session and all that belongs to it: what leaks shows as a difference at the end.
 */
static void a_hundred_deaths(void **state)
{
    struct observed alone;

    (void)state;
    start_bystander(&alone);
    for (int i = 0; i < 100; i++) {
        struct raw_answer answer;
        int fd = raw_connect_hello(fx.daemon.socket);

        assert_true(fd >= 0);
        for (unsigned order = 0; order < 10; order++) {
            assert_int_equal(raw_alloc(fd, order, &answer), 0);
            assert_int_equal(answer.error, 0);
        }
        close(fd);
    }
    only_the_bystander_is_left(&alone);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_holds_the_socket_does_not_hide_the_death,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_does_a_child_of_a_program_with_the_library, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_hundred_deaths, set_up, tear_down),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
