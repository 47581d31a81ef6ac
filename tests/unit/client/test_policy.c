/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy.c: what a client learns of its policy, asks about it, and changes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"
#include "served.h"

/* What the script got last. */
struct seen {
    struct wire_explain explain;
    char section[80], key[40], value[260];
    unsigned nr_reloads;
};

static void explain(struct fake *f, const struct wire_request *rq)
{
    struct wire_response rs = {.id = rq->id, .op = WIRE_OP_EXPLAIN};
    struct seen *seen = f->data;

    seen->explain = rq->explain;
    if (rq->explain.session == 99)
        rs = (struct wire_response){
            .id = rq->id, .error = ENOENT, .message = "session 99: there is none"};
    else
        rs.explain = (struct wire_explain_reply){rq->explain.alloc.order == 0, "one\ntwo\n"};
    fake_say(f, &rs);
}

static void set_policy(struct fake *f, const struct wire_request *rq)
{
    struct wire_response rs = {.id = rq->id, .op = WIRE_OP_SET_POLICY};
    struct seen *seen = f->data;

    snprintf(seen->section, sizeof(seen->section), "%s", rq->set_policy.section);
    snprintf(seen->key, sizeof(seen->key), "%s", rq->set_policy.key);
    snprintf(seen->value, sizeof(seen->value), "%s", rq->set_policy.value);
    if (!strcmp(rq->set_policy.section, "daemon"))
        rs = (struct wire_response){
            .id = rq->id, .error = EPERM, .message = "the right ADMIN is needed"};
    fake_say(f, &rs);
}

static void serve(struct fake *f)
{
    struct seen *seen = f->data;

    fake_hello(f);
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++) {
            const struct wire_request *rq = &f->packet.requests[i];

            if (rq->op == WIRE_OP_EXPLAIN) {
                explain(f, rq);
            } else if (rq->op == WIRE_OP_SET_POLICY) {
                set_policy(f, rq);
            } else if (rq->op == WIRE_OP_RELOAD) {
                seen->nr_reloads++;
                fake_say(f, &(struct wire_response){.id = rq->id, .op = WIRE_OP_RELOAD});
            } else {
                fake_answer(f, rq);
            }
        }
        fake_send(f);
    }
}

struct fixture {
    struct fake f;
    struct buddyd *b;
    struct seen seen;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));

    assert_non_null(x);
    fake_init(&x->f);
    x->f.data = &x->seen;
    x->f.policy = "databases";
    x->f.domain = 5;
    x->f.rights = BUDDYD_RIGHT_CMA | BUDDYD_RIGHT_ADMIN;
    fake_start(&x->f, serve);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    buddyd_close(x->b);
    fake_stop(&x->f);
    free(x);
    return 0;
}

static void test_what_hello_said(void **state)
{
    struct fixture *x = *state;

    assert_string_equal(buddyd_policy(x->b), "databases");
    assert_int_equal(buddyd_domain(x->b), 5);
    assert_int_equal(buddyd_rights(x->b), BUDDYD_RIGHT_CMA | BUDDYD_RIGHT_ADMIN);
    assert_string_equal(buddyd_policy(NULL), "");
    assert_int_equal(buddyd_domain(NULL), 0);
    assert_int_equal(buddyd_rights(NULL), 0);
}

static void test_explain_asks_all(void **state)
{
    struct fixture *x = *state;
    const struct wire_explain *seen = &x->seen.explain;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    char text[BUDDYD_EXPLAIN_BYTES];
    int granted = 7;

    rq.type = BUDDYD_MOVABLE;
    rq.order = 9;
    rq.flags = BUDDYD_ZERO | BUDDYD_HIGH | BUDDYD_CMA | BUDDYD_RESERVE;
    rq.node = 3;
    rq.zone = 0;
    rq.timeout_ms = 20;
    rq.nodemask = 10;
    assert_int_equal(buddyd_explain(x->b, 12, &rq, 4, text, sizeof(text), &granted), 0);
    assert_int_equal(granted, 0);
    assert_string_equal(text, "one\ntwo\n");
    assert_int_equal(seen->session, 12);
    assert_int_equal(seen->alloc.order, 9);
    assert_int_equal(seen->alloc.type, 1);
    assert_int_equal(seen->alloc.count, 4);
    assert_int_equal(seen->alloc.flags, WIRE_ALLOC_HIGH | WIRE_ALLOC_CMA | WIRE_ALLOC_RESERVE);
    assert_int_equal(seen->alloc.node, 3);
    assert_int_equal(seen->alloc.zone, 0);
    assert_int_equal(seen->alloc.deadline_ms, 20);
    assert_int_equal(seen->alloc.nodemask, 10);
    assert_int_equal(buddyd_explain(x->b, 0, NULL, 1, text, sizeof(text), &granted), 0);
    assert_int_equal(granted, 1);
    assert_int_equal(seen->alloc.order, 0);
}

static void test_explain_cuts_its_text(void **state)
{
    struct fixture *x = *state;
    char text[6] = "xxxxx";
    int granted = 0;

    assert_int_equal(buddyd_explain(x->b, 0, NULL, 1, text, 5, &granted), 0);
    assert_string_equal(text, "one\n");
    assert_int_equal(granted, 1);
    assert_int_equal(buddyd_explain(x->b, 0, NULL, 1, NULL, 0, &granted), 0);
}

static void test_explain_fails(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    char text[8] = "before";
    int granted = 7;

    assert_int_equal(buddyd_explain(x->b, 99, NULL, 1, text, sizeof(text), &granted), -ENOENT);
    assert_string_equal(buddyd_error(), "session 99: there is none");
    assert_int_equal(buddyd_explain(x->b, 0, NULL, 0, text, sizeof(text), &granted), -EINVAL);
    assert_says("explain of 0 blocks");
    assert_int_equal(buddyd_explain(x->b, 0, NULL, 1025, text, sizeof(text), &granted), -EINVAL);
    rq.order = 19;
    assert_int_equal(buddyd_explain(x->b, 0, &rq, 1, text, sizeof(text), &granted), -EINVAL);
    assert_says("order 19");
    assert_int_equal(buddyd_explain(NULL, 0, NULL, 1, text, sizeof(text), &granted), -EINVAL);
    assert_string_equal(text, "before");
    assert_int_equal(granted, 7);
}

static void test_set(void **state)
{
    struct fixture *x = *state;
    char s[260];

    assert_int_equal(buddyd_set_policy(x->b, "policy web", "max", "2G"), 0);
    assert_string_equal(x->seen.section, "policy web");
    assert_string_equal(x->seen.key, "max");
    assert_string_equal(x->seen.value, "2G");
    assert_int_equal(buddyd_set_policy(x->b, "daemon", "max", "2G"), -EPERM);
    assert_string_equal(buddyd_error(), "the right ADMIN is needed");
    memset(s, 'x', sizeof(s));
    s[255] = '\0';
    assert_int_equal(buddyd_set_policy(x->b, s + 192, s + 224, s), 0);
    assert_string_equal(x->seen.value, s);
    assert_int_equal(buddyd_set_policy(x->b, s + 191, "k", "v"), -EINVAL);
    assert_says("a section of 64 bytes: at most 63");
    assert_int_equal(buddyd_set_policy(x->b, "s", s + 223, "v"), -EINVAL);
    assert_says("a key of 32 bytes: at most 31");
    s[255] = 'x';
    s[256] = '\0';
    assert_int_equal(buddyd_set_policy(x->b, "s", "k", s), -EINVAL);
    assert_says("a value of 256 bytes: at most 255");
    assert_int_equal(buddyd_set_policy(x->b, NULL, "k", "v"), -EINVAL);
    assert_int_equal(buddyd_set_policy(x->b, "s", NULL, "v"), -EINVAL);
    assert_int_equal(buddyd_set_policy(x->b, "s", "k", NULL), -EINVAL);
    assert_says("the value is NULL");
    assert_int_equal(buddyd_set_policy(NULL, "s", "k", "v"), -EINVAL);
}

static void test_reload(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(buddyd_reload(x->b), 0);
    assert_int_equal(x->seen.nr_reloads, 1);
    assert_int_equal(buddyd_reload(NULL), -EINVAL);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_hello_said),
        TEST(test_explain_asks_all),
        TEST(test_explain_cuts_its_text),
        TEST(test_explain_fails),
        TEST(test_set),
        TEST(test_reload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
