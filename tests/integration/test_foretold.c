/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_foretold.c: what `buddyctl explain` says would come of a request is what comes of it, and a
 * refusal's explanation is the same text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/stage.h"

#define OVERTAKES 16u
#define GOOD      61001u
#define GREEDY    61002u
#define SMALL     61003u
#define POLICY                                                                                     \
    "[policy goods]\nuid = 61001\nguarantee = 16M\nmax = 32M\nrights = high\n"                     \
    "[policy gluttons]\nuid = 61002\n[policy smalls]\nuid = 61003\nmax = 3M\n"

static const struct stage_role roles[] = {
    {"good", GOOD, NULL}, {"greedy", GREEDY, NULL}, {"small", SMALL, NULL}, {0}};

static struct stage st;
static struct client *const good = &st.clients[0];
static struct client *const greedy = &st.clients[1];
static struct client *const small = &st.clients[2];
static char out[DAEMON_PROC_TEXT_BYTES];
static char err[DAEMON_PROC_TEXT_BYTES];

static int set_up(void **state)
{
    *state = &st;
    stage_open(&st, "auto", POLICY, roles);
    return 0;
}

/* Exit status 0: it would be granted. */
static int explain(const char *client, unsigned order, const char *more)
{
    char number[16];
    int status;

    snprintf(number, sizeof(number), "%u", order);
    status = daemon_proc_ctl(&st.daemon,
                             (const char *const[]){"explain", "--client", client, "--order", number,
                                                   "--type", "movable", more, NULL},
                             out, err);
    assert_true(status == 0 || status == 1);
    assert_string_equal(err, "");
    return status;
}

/* The last sentence that decides. */
static void assert_says(const char *what)
{
    if (!strstr(out, what))
        fail_msg("\"%s\" is not in:\n%s", what, out);
}

/* Foretold and tried, for every order. Returns how many were granted. */
static unsigned compare(struct client *c, unsigned flags, const char *more)
{
    unsigned granted = 0;

    for (unsigned order = 0; order <= 14; order++) {
        struct buddyd_alloc rq = stage_request(order, 0);
        struct client_answer a;
        int foretold = explain(c->name, order, more);

        rq.flags = flags;
        assert_int_equal(client_alloc(c, &rq, &a), 0);
        assert_int_equal(foretold != 0, a.error != 0);
        assert_says(a.error ? "refused" : "granted from zone 'test'");
        /* Explanations of refusals are not given at any rate, but they are never different. */
        if (a.error && a.explanation[0])
            assert_string_equal(a.explanation, out);
        if (!a.error) {
            granted++;
            stage_free(c, 1);
        }
    }
    return granted;
}

static void assert_explained(struct client *c, unsigned order)
{
    struct client_answer a;

    const int64_t end = host_now_ms() + PATIENCE_MS;

    assert_int_equal(explain(c->name, order, NULL), 1);
    /* Only once in a while a refusal has its explanation. */
    do
        assert_int_equal(stage_fill(c, order, &a), 0);
    while (!a.explanation[0] && host_now_ms() < end);
    assert_string_equal(a.explanation, out);
}

static void what_is_foretold_comes(void **state)
{
    struct client_answer a;

    (void)state;
    assert_int_equal(compare(good, 0, NULL), 13);
    assert_int_equal(compare(greedy, 0, NULL), 14);
    assert_int_equal(compare(small, 0, NULL), 10);
    assert_explained(small, 10);
    assert_says("section 'smalls' of the policy");

    stage_fill(greedy, 4, &a);
    assert_int_equal(compare(greedy, 0, NULL), 0);
    stage_free(greedy, 1);
    assert_int_equal(compare(greedy, 0, NULL), 5);
    assert_int_equal(compare(small, 0, NULL), 5);
    assert_int_equal(compare(good, 0, NULL), 13);
    stage_take(good, 9, 8);
    compare(good, 0, NULL);
    stage_fill(good, 0, &a);
    assert_int_equal(compare(good, 0, NULL), 0);
    assert_true(compare(good, BUDDYD_HIGH, "--high") > 0);
    stage_leave(&st);
}

static void a_refusal_explains_itself(void **state)
{
    struct client_answer a;

    (void)state;
    stage_fill(greedy, 9, &a);
    assert_explained(small, 9);
    assert_says("guaranteed to others");
    assert_says("refused by zone 'test'");
    assert_says("it would be granted if");
    stage_leave(&st);
}

/* What is free is kept for one who waits longer: that decides too. */
static void those_who_wait_are_in_the_way(void **state)
{
    struct client_answer a;

    (void)state;
    stage_fill(greedy, 5, &a);
    stage_fill(greedy, 0, &a);
    assert_int_equal(a.done, 0);
    stage_free(greedy, 1);
    stage_begin_waiting(&st, greedy, 6, LONG_MS);
    stage_take(small, 0, OVERTAKES);
    assert_explained(small, 0);
    assert_says("kept for requests that wait longer");
    stage_fill(small, 0, &a);
    assert_int_equal(a.why.reason, BUDDYD_REASON_QUEUE);
    /* Not for who is guaranteed it. */
    assert_int_equal(explain("good", 0, NULL), 0);
    stage_get(good, 0);
    client_kill(greedy);
    stage_leave(&st);
}

static void nobody_asks_for_another_user(void **state)
{
    (void)state;
    assert_int_equal(
        daemon_proc_ctl(&st.daemon,
                        (const char *const[]){"explain", "--client", "nobody", "--order", "0",
                                              "--type", "movable", NULL},
                        out, err),
        1);
    assert_non_null(strstr(err, "nobody"));
    assert_int_equal(explain("greedy", 0, "--json"), 0);
    assert_says("\"granted\": true");
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_foretold_comes),
        TEST(a_refusal_explains_itself),
        TEST(those_who_wait_are_in_the_way),
        TEST(nobody_asks_for_another_user),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
