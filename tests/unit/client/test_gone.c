/* SPDX-License-Identifier: Apache-2.0 */
/* test_gone.c: the daemon goes while requests are pending, with and without a word. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "served.h"

struct fixture {
    struct fake f;
    struct buddyd *b;
    unsigned done;
    int error;
};

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));

    fake_init(&x->f);
    *state = x;
    return 0;
}

static void begin(struct fixture *x, void (*script)(struct fake *f))
{
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    fake_stop(&x->f);
    free(x);
    return 0;
}

static void count(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;

    (void)blocks;
    (void)nr;
    x->done++;
    x->error = error;
}

/* All further calls say the same, and closing leaves nothing behind. */
static void assert_dead(struct fixture *x, const char *text)
{
    struct buddyd_block block;
    struct buddyd_zone z;
    uint64_t cursor = 0;
    void *p;

    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    assert_says(text);
    assert_int_equal(buddyd_free(x->b, 1), -ENOTCONN);
    assert_int_equal(buddyd_get_free_page(x->b, 0, &p), -ENOTCONN);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), -ENOTCONN);
    assert_says(text);
    assert_int_equal(buddyd_flush(x->b), -ENOTCONN);
    assert_int_equal(buddyd_dispatch(x->b, -1), -ENOTCONN);
    assert_says(text);
    assert_int_equal(buddyd_stat_zones(x->b, &cursor, NULL, NULL), -ENOTCONN);
    // The memory is still mapped: a program can save what it has there.
    assert_int_equal(buddyd_get_zone(x->b, 0, &z), 0);
    memset(z.base, 1, 4096);
    buddyd_close(x->b);
    fake_join(&x->f);
    assert_int_equal(count_maps("memfd:fake"), 0);
}

static void die_with_a_request(struct fake *f)
{
    fake_hello(f);
    fake_receive(f);
}

static void test_dies_mid_request(void **state)
{
    struct fixture *x = *state;
    unsigned fds = count_fds();
    struct buddyd_block block = {.handle = 5};

    begin(x, die_with_a_request);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    assert_says("the daemon is gone");
    assert_int_equal(block.handle, 5);
    assert_dead(x, "the daemon is gone");
    assert_int_equal(count_fds(), fds + 1);
}

static void die_at_once(struct fake *f)
{
    fake_hello(f);
    sem_wait(&f->go);
}

/* The request meets a closed socket. */
static void test_dies_before_a_request(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    begin(x, die_at_once);
    sem_post(&x->f.go);
    fake_join(&x->f);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    assert_dead(x, "the daemon is gone");
}

/* Requests lie unread when it goes: the socket says ECONNRESET. */
static void test_dies_with_unread_requests(void **state)
{
    struct fixture *x = *state;

    begin(x, die_at_once);
    for (int i = 0; i < 10; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    sem_post(&x->f.go);
    assert_int_equal(buddyd_dispatch(x->b, -1), -ENOTCONN);
    assert_int_equal(x->done, 10);
    assert_int_equal(x->error, -ENOTCONN);
    assert_dead(x, "the daemon is gone");
}

static void say_goodbye_with_unread(struct fake *f)
{
    fake_hello(f);
    sem_wait(&f->go);
    fake_goodbye(f, "out of patience");
    fake_send(f);
}

/* The socket says ECONNRESET first, although the reason lies in it. */
static void test_goodbye_is_read_after_a_reset(void **state)
{
    struct fixture *x = *state;

    begin(x, say_goodbye_with_unread);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    sem_post(&x->f.go);
    fake_join(&x->f);
    assert_int_equal(buddyd_dispatch(x->b, -1), -ENOTCONN);
    assert_int_equal(x->done, 1);
    assert_dead(x, "out of patience");
}

static void answer_and_say_goodbye(struct fake *f)
{
    fake_hello(f);
    fake_receive(f);
    fake_answer(f, &f->packet.requests[0]);
    fake_goodbye(f, "unknown user 65534");
    fake_send(f);
    sem_wait(&f->go);
}

/* The answer that came before is an answer; the rest learns the reason. */
static void test_goodbye(void **state)
{
    struct fixture *x = *state;
    struct pollfd p = {.events = POLLIN};
    unsigned i;

    begin(x, answer_and_say_goodbye);
    for (i = 0; i < 3; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    p.fd = buddyd_fd(x->b);
    assert_int_equal(buddyd_dispatch(x->b, -1), 1);
    assert_int_equal(x->error, 0);
    sem_post(&x->f.go);
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(buddyd_dispatch(x->b, 0), -ENOTCONN);
    assert_int_equal(x->done, 3);
    assert_int_equal(x->error, -ENOTCONN);
    assert_dead(x, "unknown user 65534");
}

static void say_goodbye_and_go(struct fake *f)
{
    fake_hello(f);
    fake_goodbye(f, "too much lies unread");
    fake_send(f);
}

/* Sending fails, but the reason lies in the socket. */
static void test_goodbye_is_read_after_a_failed_send(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    begin(x, say_goodbye_and_go);
    fake_join(&x->f);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    assert_says("too much lies unread");
    assert_dead(x, "too much lies unread");
}

static void stop_reading(struct fake *f)
{
    fake_hello(f);
    shutdown(f->fd, SHUT_RD);
    sem_post(&f->reached);
    sem_wait(&f->go);
}

/* It takes nothing any more, but does not hang up either: nobody waits for ever. */
static void test_takes_nothing_any_more(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    begin(x, stop_reading);
    sem_wait(&x->f.reached);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOTCONN);
    sem_post(&x->f.go);
    assert_dead(x, "the daemon is gone");
}

/* With nothing pending, dispatch notices, too. */
static void test_idle_dispatch(void **state)
{
    struct fixture *x = *state;
    struct pollfd p = {.events = POLLIN};

    begin(x, die_at_once);
    p.fd = buddyd_fd(x->b);
    assert_int_equal(buddyd_dispatch(x->b, -1), 0);
    sem_post(&x->f.go);
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(buddyd_dispatch(x->b, -1), -ENOTCONN);
    assert_dead(x, "the daemon is gone");
}

static void die_with_sleepers(struct fake *f)
{
    fake_hello(f);
    while (f->nr_requests < 4 && fake_receive(f))
        ;
}

static void *alloc_and_fail(void *arg)
{
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc(arg, NULL, &block), -ENOTCONN);
    assert_says("the daemon is gone");
    return NULL;
}

static void test_sleepers_wake_up(void **state)
{
    struct fixture *x = *state;
    pthread_t thread[4];

    begin(x, die_with_sleepers);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, alloc_and_fail, x->b), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_dead(x, "the daemon is gone");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_dies_mid_request),
        TEST(test_dies_before_a_request),
        TEST(test_dies_with_unread_requests),
        TEST(test_goodbye),
        TEST(test_goodbye_is_read_after_a_failed_send),
        TEST(test_goodbye_is_read_after_a_reset),
        TEST(test_takes_nothing_any_more),
        TEST(test_idle_dispatch),
        TEST(test_sleepers_wake_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
