/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay.c: a recorded trace through the real daemon, by several client processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"

static const char sample[] = TRACES_DIR "/sample.pgtrace.xz";

struct fixture {
    struct daemon_proc daemon;
    struct buddyd *b;
    struct observed before;
    char out[DAEMON_PROC_TEXT_BYTES];
    char err[DAEMON_PROC_TEXT_BYTES];
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){0};
    *state = &fx;
    return observe_new(&fx.daemon, "observer", &fx.b, &fx.before);
}

static int tear_down(void **state)
{
    (void)state;
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* Exit status of buddyctl with these arguments. */
static int ctl(const char *const args[])
{
    int status = daemon_proc_ctl(&fx.daemon, args, fx.out, fx.err);

    if (status != 0)
        print_message("    exit %d: %s", status, fx.err);
    return status;
}

static void all_of_it_by_three_clients(void **state)
{
    (void)state;
    assert_int_equal(ctl((const char *const[]){"replay", sample, "--clients", "3", NULL}), 0);
    assert_true(strlen(fx.out) > 0);
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void one_client_is_killed(void **state)
{
    (void)state;
    assert_int_equal(ctl((const char *const[]){"replay", sample, "--clients", "3", "--kill", "1@50",
                                               "--buddyinfo", NULL}),
                     0);
    assert_non_null(strstr(fx.out, "zone"));
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));
}

static void a_trace_with_a_bad_line(void **state)
{
    char path[128];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/bad.pgtrace", fx.daemon.dir);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs("a 0 0 U -\na 1 3 M w\nf 1\na 2 19 M w\n", f);
    assert_int_equal(fclose(f), 0);
    assert_int_not_equal(ctl((const char *const[]){"replay", path, "--clients", "3", NULL}), 0);
    assert_non_null(strstr(fx.err, "bad.pgtrace"));
    assert_non_null(strstr(fx.err, "4"));
    assert_non_null(strstr(fx.err, "19"));
    assert_string_equal(strchr(fx.err, '\n'), "\n");
    assert_true(observe_until(fx.b, &fx.daemon, &fx.before));

    assert_int_not_equal(ctl((const char *const[]){"replay", "/no/such/trace", NULL}), 0);
    assert_non_null(strstr(fx.err, "/no/such/trace"));
    assert_string_equal(strchr(fx.err, '\n'), "\n");
}

/* The listings of a daemon that has something to list. */
static void listings(void **state)
{
    static const char *const commands[] = {"zones", "buddyinfo", "pagetypeinfo", "clients",
                                           "blocks"};
    struct buddyd_block block;

    (void)state;
    assert_int_equal(buddyd_alloc_page(fx.b, BUDDYD_MOVABLE, 0, &block), 0);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(ctl((const char *const[]){commands[i], NULL}), 0);
        assert_true(strlen(fx.out) > 0);
        assert_string_equal(fx.err, "");
        assert_int_equal(ctl((const char *const[]){commands[i], "--json", NULL}), 0);
        assert_true(fx.out[0] == '{' || fx.out[0] == '[');
    }
    assert_int_equal(buddyd_free(fx.b, block.handle), 0);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_of_it_by_three_clients),
        TEST(one_client_is_killed),
        TEST(a_trace_with_a_bad_line),
        TEST(listings),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
