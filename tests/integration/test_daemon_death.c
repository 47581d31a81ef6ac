/* SPDX-License-Identifier: Apache-2.0 */
/* test_daemon_death.c: the daemon is killed while clients have memory. */
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

#define NR_CLIENTS 2
#define ORDER      9

struct fixture {
    struct daemon_proc daemon;
    struct actor clients[NR_CLIENTS];
    long hugepages;
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){.hugepages = host_free_hugepages()};
    *state = &fx;
    return daemon_proc_run(&fx.daemon);
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < NR_CLIENTS; i++)
        actor_kill(&fx.clients[i]);
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* When told that the daemon is dead: every call says so, and the memory is there as it was. */
static int outlive(int link, void *arg)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;
    struct buddyd_block more;
    struct buddyd *b;
    uint64_t word;
    void *p;

    (void)arg;
    ACTOR_MUST(observe_connect(&fx.daemon, "survivor", &b) == 0);
    rq.order = ORDER;
    ACTOR_MUST(buddyd_alloc(b, &rq, &block) == 0);
    ACTOR_MUST(buddyd_pin(b, &block, &p) == 0);
    stamp_write(p, block.bytes, block.handle);
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);

    ACTOR_MUST(buddyd_alloc(b, &rq, &more) == -ENOTCONN);
    ACTOR_MUST(strlen(buddyd_error()) > 0);
    ACTOR_MUST(buddyd_free(b, block.handle) == -ENOTCONN);
    ACTOR_MUST(buddyd_dispatch(b, 0) == -ENOTCONN);
    ACTOR_MUST(stamp_is(p, block.bytes, block.handle));
    stamp_write(p, block.bytes, 1);
    ACTOR_MUST(stamp_is(p, block.bytes, 1));
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(actor_hear(link, &word) == 0);
    buddyd_unpin(b, &block);
    buddyd_close(b);
    return 0;
}

static void clients_keep_their_memory_and_are_told(void **state)
{
    uint64_t word;

    (void)state;
    for (int i = 0; i < NR_CLIENTS; i++) {
        assert_int_equal(actor_start(&fx.clients[i], outlive, NULL), 0);
        assert_int_equal(actor_hear(fx.clients[i].link, &word), 0);
    }
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages - ZONE_HUGEPAGES);
    daemon_proc_kill(&fx.daemon);
    for (int i = 0; i < NR_CLIENTS; i++) {
        assert_int_equal(actor_say(fx.clients[i].link, 0), 0);
        assert_int_equal(actor_hear(fx.clients[i].link, &word), 0);
    }
    /* Their mappings keep the file, and the file its hugepages. */
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages - ZONE_HUGEPAGES);
    for (int i = 0; i < NR_CLIENTS; i++) {
        assert_int_equal(actor_say(fx.clients[i].link, 0), 0);
        assert_int_equal(actor_wait(&fx.clients[i]), 0);
    }
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static void another_daemon_takes_the_place(void **state)
{
    struct observed now;
    struct buddyd *b;

    (void)state;
    daemon_proc_kill(&fx.daemon);
    assert_int_equal(access(fx.daemon.socket, F_OK), 0);
    assert_int_equal(observe_connect(&fx.daemon, "early", &b), -ECONNREFUSED);
    assert_int_equal(daemon_proc_start(&fx.daemon), 0);
    assert_int_equal(observe_connect(&fx.daemon, "observer", &b), 0);
    assert_int_equal(observe(b, &fx.daemon, &now), 0);
    assert_int_equal(now.free_pages, ZONE_PAGES);
    buddyd_close(b);
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(clients_keep_their_memory_and_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_daemon_takes_the_place, set_up, tear_down),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
