/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_replay_run.c: whole replays with real client processes, over a library that can be told to
 * be wrong: what is found, how it is said, and that nobody is left behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "capture.h"
#include "fake_buddyd.h"

static const char sample[] = TRACE_SAMPLES "/sample.pgtrace.xz";
static const char tiny[] = TRACE_SAMPLES "/tiny.pgtrace";

/* No child is left, alive or dead, and no signal of ours is caught any more. */
static void assert_nobody_left(void)
{
    struct sigaction action;

    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(sigaction(SIGCHLD, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
}

/* Nor does the daemon know of anybody. */
static void assert_no_session_left(void)
{
    unsigned i;

    for (i = 0; i < fake->nr_sessions; i++)
        assert_true(fake->sessions[i].left);
}

static json_int_t number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);

    if (!json_is_integer(value))
        fail_msg("%s is no number in %s", key, capture_out);
    return json_integer_value(value);
}

/* Replay with --json; to be released. */
static json_t *replay_json(int expected, const char *option, const char *value)
{
    json_t *o;

    assert_int_equal(capture_ctl("--json", "replay", sample, option, value, NULL), expected);
    assert_nobody_left();
    o = json_loads(capture_out, 0, NULL);
    if (!o)
        fail_msg("no JSON: %s", capture_out);
    return o;
}

static void all_holds(void **state)
{
    json_t *o = replay_json(0, "--clients", "3");

    (void)state;
    assert_string_equal(capture_err, "");
    assert_int_equal(number(o, "events"), 20000);
    assert_int_equal(number(o, "trace_events"), 20000);
    assert_int_equal(number(o, "allocations"), 10748);
    assert_int_equal(number(o, "requests"), 2 * 10748);
    assert_int_equal(number(o, "blocks_checked"), 10748);
    assert_int_equal(number(o, "failed"), 0);
    assert_int_equal(number(o, "mismatches"), 0);
    assert_int_equal(number(o, "overlaps"), 0);
    assert_int_equal(number(o, "leaked_pages"), 0);
    assert_int_equal(number(o, "wrong_counts"), 0);
    assert_true(number(o, "peak_pages") >= 1800);
    assert_true(json_is_true(json_object_get(o, "free_pages_compared")));
    assert_true(json_is_null(json_object_get(o, "kill")));
    assert_true(json_is_null(json_object_get(o, "first_fault")));
    json_decref(o);
}

static void as_text(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("replay", tiny, "--clients", "2", "--buddyinfo", NULL), 0);
    assert_string_equal(capture_err, "");
    assert_non_null(strstr(capture_out, "buddyinfo, before:\nNode -1, zone "));
    assert_non_null(strstr(capture_out, "buddyinfo, peak:\nNode -1, zone "));
    assert_non_null(strstr(capture_out, "buddyinfo, after:\nNode -1, zone "));
    assert_non_null(strstr(capture_out, "\nevents        12\nallocations   7\nfailed        0\n"));
    /* 525, and a few that are freed before them in the trace and answered later. */
    assert_non_null(strstr(capture_out, "\npeak pages    52"));
    assert_non_null(strstr(capture_out, "\nleaked pages  0\n"));
    assert_nobody_left();
}

static void one_client_or_more_than_events(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("replay", tiny, "--clients", "1", NULL), 0);
    assert_int_equal(capture_ctl("replay", tiny, "--clients", "9", NULL), 0);
    assert_nobody_left();
}

static void a_kill(void **state)
{
    static const char *const plans[] = {"0@1", "1@50", "2@100"};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        const json_t *kill_said;
        json_t *o;

        fake_reset(NULL);
        o = replay_json(0, "--kill", plans[i]);
        kill_said = json_object_get(o, "kill");
        assert_int_equal(number(kill_said, "client"), (json_int_t)i);
        assert_true(number(kill_said, "event") >= (json_int_t)(i * 10000));
        assert_true(number(kill_said, "event") <= (json_int_t)(i * 10000 + 200 + 1024 + 64));
        assert_int_equal(number(kill_said, "missing_pages"), 0);
        assert_int_equal(number(kill_said, "survivors_wrong"), 0);
        assert_int_equal(number(kill_said, "survivors_pages"),
                         number(kill_said, "survivors_pages_by_daemon"));
        assert_int_equal(number(o, "leaked_pages"), 0);
        if (i == 2)
            assert_int_equal(number(o, "events"), 20000);
        else
            assert_true(number(o, "events") < 20000);
        if (i == 1) {
            assert_true(number(kill_said, "pages_by_client") > 500);
            assert_true(number(kill_said, "survivors_checked") > 500);
        }
        json_decref(o);
    }
}

static void a_kill_as_text(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("replay", sample, "--kill", "1@50", "--buddyinfo", NULL), 0);
    assert_non_null(strstr(capture_out, "kill: client 1 (pid "));
    assert_non_null(strstr(capture_out, "kill: client 1 got SIGKILL; the daemon ended session "));
    assert_non_null(strstr(capture_out, "are wrong\nkill: free and lent pages add up to 98304, as "
                                        "before the replay: all that client 1 had came back\n"));
    assert_non_null(strstr(capture_out, " events of client 1, which was killed\n"));
    assert_nobody_left();
}

static void the_only_client_is_killed(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("replay", sample, "--clients", "1", "--kill", "0@50", NULL), 0);
    assert_nobody_left();
}

static void other_clients(void **state)
{
    json_t *o;

    (void)state;
    fake->nr_others = 1;
    o = replay_json(0, "--kill", "1@50");
    assert_true(json_is_false(json_object_get(o, "free_pages_compared")));
    assert_true(json_is_null(json_object_get(json_object_get(o, "kill"), "missing_pages")));
    json_decref(o);
    fake_reset(NULL);
    fake->nr_others = 1;
    assert_int_equal(capture_ctl("replay", sample, "--kill", "1@50", NULL), 0);
    assert_non_null(strstr(capture_out, "other clients are connected, so free pages are not"));
    assert_non_null(
        strstr(capture_out, "(of this replay's sessions: other clients are connected)"));
}

static void refusals_are_no_fault(void **state)
{
    json_t *o;

    (void)state;
    fake->wrong = FAKE_REFUSE;
    o = replay_json(0, "--clients", "3");
    assert_true(number(o, "failed") > 300);
    assert_int_equal(number(o, "allocations") + number(o, "failed"), 10748);
    assert_int_equal(number(o, "events"), 20000);
    json_decref(o);
}

/* ---- what is found ---- */

static void set_wrong(enum fake_wrong wrong, uint32_t session, uint32_t at)
{
    fake_reset(NULL);
    fake->wrong_session = session;
    fake->wrong_at = at;
    fake->wrong = (int)wrong;
}

static void found_in_the_end(void **state)
{
    static const struct {
        enum fake_wrong wrong;
        const char *key;
        const char *said;
    } cases[] = {
        {FAKE_CONTENT, "mismatches", "its stamp is wrong"},
        {FAKE_OVERLAP, "overlaps", "first: client "},
        {FAKE_LOSE_LEFT, "leaked_pages", "did not come back after all clients had left"},
        {FAKE_KEEP, "leaked_pages", "and the daemon says"},
        {FAKE_COUNT, "wrong_counts", "pages, and the daemon says"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *o;

        set_wrong(cases[i].wrong, 0, 1000);
        o = replay_json(4, "--clients", "3");
        assert_true(number(o, cases[i].key) > 0);
        assert_true(json_is_string(json_object_get(o, "first_fault")));
        assert_one_line(cases[i].said);
        json_decref(o);
    }
}

static void a_dead_client_keeps_its_pages(void **state)
{
    json_t *o;

    (void)state;
    set_wrong(FAKE_LOSE_DEAD, 0, 0);
    o = replay_json(4, "--kill", "1@50");
    assert_true(number(json_object_get(o, "kill"), "missing_pages") > 500);
    assert_one_line("pages did not come back from client 1");
    json_decref(o);
}

static void a_dead_client_keeps_its_session(void **state)
{
    json_t *o;

    (void)state;
    set_wrong(FAKE_STUCK, 0, 0);
    o = replay_json(4, "--kill", "1@50");
    assert_true(number(o, "wrong_counts") > 0);
    assert_one_line("the daemon still lists its session");
    json_decref(o);
}

/* ---- what ends it ---- */

static void ends_at_once(void **state)
{
    static const struct {
        enum fake_wrong wrong;
        int code;
        const char *said;
    } cases[] = {
        {FAKE_ERROR, 1, "cannot be allocated: the fake was told to fail"},
        {FAKE_GONE, 3, "failed: the daemon is gone"},
        {FAKE_CRASH, 1, "was ended by signal 9"},
        {FAKE_HANG, 130, "interrupted"},
    };
    size_t i;
    uint32_t session;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (session = 0; session <= 3; session += 3) {
            set_wrong(cases[i].wrong, session, 1000);
            assert_int_equal(capture_ctl("replay", sample, NULL), cases[i].code);
            assert_one_line(cases[i].said);
            assert_null(strstr(capture_out, "leaked pages"));
            assert_no_session_left();
            assert_nobody_left();
        }
    }
}

static void bad_traces(void **state)
{
    (void)state;
    assert_int_equal(capture_ctl("replay", "/nonexistent/trace.xz", NULL), 1);
    assert_one_line("/nonexistent/trace.xz: cannot open: No such file or directory");
    assert_int_equal(capture_ctl("replay", TRACE_SAMPLES "/make_sample.py", NULL), 1);
    assert_one_line("make_sample.py: line 3: ");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, fake_reset)
    const struct CMUnitTest tests[] = {
        TEST(all_holds),
        TEST(as_text),
        TEST(one_client_or_more_than_events),
        TEST(a_kill),
        TEST(a_kill_as_text),
        TEST(the_only_client_is_killed),
        TEST(other_clients),
        TEST(refusals_are_no_fault),
        TEST(found_in_the_end),
        TEST(a_dead_client_keeps_its_pages),
        TEST(a_dead_client_keeps_its_session),
        TEST(ends_at_once),
        TEST(bad_traces),
    };

    return cmocka_run_group_tests(tests, fake_set_up, NULL);
}
