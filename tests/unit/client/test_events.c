/* SPDX-License-Identifier: Apache-2.0 */
/* test_events.c: pressure and revocation reach the handler, where callbacks run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"

static void say_event(struct fake *f, const struct wire_event *ev)
{
    if (wire_append_event(f->out, &f->out_len, ev, &f->out_arena))
        abort();
}

static const struct wire_event pressure = {
    .kind = WIRE_EVENT_PRESSURE, .message = "", .pressure = {"web", 1, 3, 4, 5, 6}};
static const struct wire_event revoke = {
    .kind = WIRE_EVENT_REVOKE, .message = "another needs it", .revoke = {5000, 512}};

struct fixture {
    struct fake f;
    struct buddyd *b;
    struct buddyd_event last;
    char account[32], message[64];
    unsigned nr;
    int r; /* of what the handler tried */
    unsigned nr_freed;
};

static void keep(void *data, const struct buddyd_event *event)
{
    struct fixture *x = data;

    x->nr++;
    x->last = *event;
    snprintf(x->account, sizeof(x->account), "%s", event->account);
    snprintf(x->message, sizeof(x->message), "%s", event->message);
}

/* Two events that are known and two that are not, before each packet of answers. */
static void events_before_answers(struct fake *f)
{
    static const struct wire_event later = {.kind = WIRE_EVENT_DISCARDED + 1, .message = "later"};
    static const struct wire_event none = {.kind = WIRE_EVENT_NONE};

    fake_hello(f);
    while (fake_receive(f)) {
        say_event(f, &later);
        say_event(f, &pressure);
        say_event(f, &none);
        say_event(f, &revoke);
        fake_answer_all(f);
    }
}

static void start(struct fixture *x, void (*script)(struct fake *f))
{
    memset(x, 0, sizeof(*x));
    fake_init(&x->f);
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
}

static void stop(struct fixture *x)
{
    buddyd_close(x->b);
    fake_stop(&x->f);
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_in_a_call_that_waits(void **state)
{
    struct fixture *x = *state;

    start(x, events_before_answers);
    // Without a handler they are passed over.
    assert_int_equal(buddyd_free(x->b, 1), -ESTALE);
    assert_int_equal(buddyd_set_event_handler(x->b, keep, x), 0);
    assert_int_equal(buddyd_free(x->b, 1), -ESTALE);
    assert_int_equal(x->nr, 2);
    assert_int_equal(x->last.kind, BUDDYD_EVENT_REVOKE);
    assert_string_equal(x->message, "another needs it");
    assert_int_equal(x->last.grace_ms, 5000);
    assert_int_equal(x->last.pages, 512);
    assert_string_equal(x->account, "");
    assert_int_equal(buddyd_set_event_handler(x->b, NULL, NULL), 0);
    assert_int_equal(buddyd_free(x->b, 1), -ESTALE);
    assert_int_equal(x->nr, 2);
    assert_int_equal(buddyd_set_event_handler(NULL, keep, x), -EINVAL);
    stop(x);
}

/* Events alone, when the test says so, each in a packet of its own. */
static void events_alone(struct fake *f)
{
    struct wire_event ev = pressure;

    fake_hello(f);
    for (ev.pressure.level = 1; ev.pressure.level <= 3; ev.pressure.level++) {
        say_event(f, &ev);
        fake_send(f);
    }
    sem_post(&f->reached);
    fake_serve(f);
}

static void test_in_dispatch(void **state)
{
    struct fixture *x = *state;

    start(x, events_alone);
    assert_int_equal(buddyd_set_event_handler(x->b, keep, x), 0);
    sem_wait(&x->f.reached);
    // Nothing is pending: it does not wait, and events are no callbacks.
    assert_int_equal(buddyd_dispatch(x->b, -1), 0);
    assert_int_equal(x->nr, 3);
    assert_int_equal(x->last.kind, BUDDYD_EVENT_PRESSURE);
    assert_string_equal(x->account, "web");
    // A level that this version does not know is the worst.
    assert_int_equal(x->last.level, BUDDYD_PRESSURE_MIN);
    assert_int_equal(x->last.free_pages, 3);
    assert_int_equal(x->last.mark_pages, 4);
    assert_int_equal(x->last.used_pages, 5);
    assert_int_equal(x->last.max_pages, 6);
    assert_string_equal(x->message, "");
    assert_int_equal(buddyd_dispatch(x->b, -1), 0);
    assert_int_equal(x->nr, 3);
    stop(x);
}

/* ---- what a handler may do ---- */

static void freed(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;

    (void)blocks;
    (void)nr;
    x->nr_freed += !error;
}

/* Wait, which it must not; and free what it has, which it may. */
static void free_block(void *data, const struct buddyd_event *event)
{
    struct fixture *x = data;
    struct buddyd_block block;
    uint64_t handle = x->f.handle[0];

    (void)event;
    x->nr++;
    if (x->nr > 1)
        return;
    x->r = buddyd_alloc(x->b, NULL, &block);
    if (x->r == -EDEADLK)
        x->r = buddyd_dispatch(x->b, 0);
    if (buddyd_submit_free(x->b, 1, &handle, freed, x))
        x->r = -1;
}

/* One event beside the answer to the first request; then as a good daemon. */
static void one_event(struct fake *f)
{
    fake_hello(f);
    if (!fake_receive(f))
        return;
    fake_answer_all(f);
    if (!fake_receive(f))
        return;
    say_event(f, &revoke);
    fake_answer_all(f);
    fake_serve(f);
}

static void test_a_handler_may_submit(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    start(x, one_event);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), 0);
    assert_int_equal(buddyd_set_event_handler(x->b, free_block, x), 0);
    // What the handler submits beside the answer that ends this call is sent all the same.
    assert_int_equal(buddyd_free(x->b, 0xbad), -ESTALE);
    assert_int_equal(x->nr, 1);
    assert_int_equal(x->r, -EDEADLK);
    assert_int_equal(buddyd_dispatch(x->b, -1), 1);
    assert_int_equal(x->nr_freed, 1);
    buddyd_close(x->b);
    fake_join(&x->f);
    assert_int_equal(x->f.live, 0);
    fake_stop(&x->f);
}

/* The handler's submission must be on its way when the call returns: nobody dispatches. */
static void told_by_the_free(struct fake *f)
{
    fake_hello(f);
    for (unsigned i = 0; i < 2 && fake_receive(f); i++) {
        if (i)
            say_event(f, &revoke);
        fake_answer_all(f);
    }
    if (fake_receive(f) && f->packet.requests[0].op == WIRE_OP_FREE)
        sem_post(&f->reached);
    fake_serve(f);
}

static void test_what_a_handler_submits_is_sent(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    start(x, told_by_the_free);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), 0);
    assert_int_equal(buddyd_set_event_handler(x->b, free_block, x), 0);
    assert_int_equal(buddyd_free(x->b, 0xbad), -ESTALE);
    sem_wait(&x->f.reached);
    stop(x);
}

/* Events and then the end: both are told. */
static void event_and_goodbye(struct fake *f)
{
    fake_hello(f);
    if (!fake_receive(f))
        return;
    say_event(f, &revoke);
    fake_goodbye(f, "it was revoked");
    fake_send(f);
}

static void test_the_last_event(void **state)
{
    struct fixture *x = *state;

    start(x, event_and_goodbye);
    assert_int_equal(buddyd_set_event_handler(x->b, keep, x), 0);
    assert_int_equal(buddyd_free(x->b, 1), -ENOTCONN);
    assert_int_equal(x->nr, 1);
    assert_string_equal(buddyd_error(), "the daemon ended the session: it was revoked");
    stop(x);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_in_a_call_that_waits), TEST(test_in_dispatch),
        TEST(test_a_handler_may_submit), TEST(test_what_a_handler_submits_is_sent),
        TEST(test_the_last_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
