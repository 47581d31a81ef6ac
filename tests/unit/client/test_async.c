/* SPDX-License-Identifier: Apache-2.0 */
/* test_async.c: submitted requests: how they travel, and when their callbacks run. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"
#include "served.h"

struct fixture {
    struct fake f;
    struct buddyd *b;
    unsigned done;
    unsigned failed;
    unsigned nr_handles;
    uint64_t handle[4096];
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
    x->f.data = x;
    fake_start(&x->f, script);
    assert_int_equal(fake_connect(&x->f, &x->b), 0);
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    buddyd_close(x->b);
    fake_stop(&x->f);
    free(x);
    return 0;
}

static void count(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;

    x->done++;
    x->failed += error != 0;
    assert_true(error == 0 || (nr == 0 && !blocks));
    for (size_t i = 0; i < nr; i++)
        x->handle[x->nr_handles++] = blocks[i].handle;
}

static void wait_for(struct fixture *x, unsigned done)
{
    while (x->done < done)
        assert_true(buddyd_dispatch(x->b, -1) > 0);
    assert_int_equal(x->done, done);
}

static void test_thousand_in_flight(void **state)
{
    struct fixture *x = *state;
    enum { N = 1000 };

    begin(x, fake_good);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    wait_for(x, N);
    assert_int_equal(x->failed, 0);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(buddyd_submit_free(x->b, 1, &x->handle[i], count, x), 0);
    wait_for(x, 2 * N);
    assert_int_equal(x->failed, 0);
    // Nothing is pending: there is nothing to wait for.
    assert_int_equal(buddyd_dispatch(x->b, -1), 0);
    buddyd_close(x->b);
    x->b = NULL;
    fake_join(&x->f);
    assert_int_equal(x->f.live, 0);
    assert_int_equal(x->f.nr_requests, 2 * N);
    // 256 in a packet.
    assert_int_equal(x->f.nr_packets, 8);
}

static void test_one_packet_and_the_descriptor(void **state)
{
    struct fixture *x = *state;
    struct pollfd p = {.events = POLLIN};

    begin(x, fake_good);
    p.fd = buddyd_fd(x->b);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 2, count, x), 0);
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(x->done, 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    // Callbacks run in dispatch, not before.
    assert_int_equal(poll(&p, 1, -1), 1);
    assert_int_equal(x->done, 0);
    assert_int_equal(buddyd_dispatch(x->b, 0), 32);
    assert_int_equal(x->nr_handles, 64);
    assert_int_equal(buddyd_dispatch(x->b, 0), 0);
    // The handles of one request travel in it, too; and nobody has to listen.
    assert_int_equal(buddyd_submit_free(x->b, 64, x->handle, NULL, NULL), 0);
    assert_int_equal(buddyd_dispatch(x->b, -1), 0);
    buddyd_close(x->b);
    x->b = NULL;
    fake_join(&x->f);
    assert_int_equal(x->f.nr_packets, 2);
    assert_int_equal(x->f.live, 0);
}

/* A full packet needs no flush. */
static void test_full_packet_goes(void **state)
{
    struct fixture *x = *state;
    struct pollfd p = {.events = POLLIN};

    begin(x, fake_good);
    p.fd = buddyd_fd(x->b);
    for (unsigned i = 0; i < WIRE_MAX_REQUESTS; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(poll(&p, 1, 60000), 1);
    wait_for(x, WIRE_MAX_REQUESTS);
}

static void test_big_requests_share_packets(void **state)
{
    struct fixture *x = *state;

    begin(x, fake_good);
    // 1024 handles are 8 KiB: seven fit.
    for (unsigned i = 0; i < WIRE_MAX_BLOCKS; i++)
        x->handle[i] = UINT64_MAX - i;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(buddyd_submit_free(x->b, WIRE_MAX_BLOCKS, x->handle, count, x), 0);
    wait_for(x, 20);
    assert_int_equal(x->failed, 20);
    buddyd_close(x->b);
    x->b = NULL;
    fake_join(&x->f);
    assert_int_equal(x->f.nr_requests, 20);
    assert_in_range(x->f.nr_packets, 3, 4);
}

static void test_counts_out_of_range(void **state)
{
    struct fixture *x = *state;

    begin(x, fake_good);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 0, count, x), -EINVAL);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, WIRE_MAX_BLOCKS + 1, count, x), -EINVAL);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, NULL, x), -EINVAL);
    assert_int_equal(buddyd_submit_free(x->b, 0, x->handle, count, x), -EINVAL);
    assert_int_equal(buddyd_submit_free(x->b, WIRE_MAX_BLOCKS + 1, x->handle, count, x), -EINVAL);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, WIRE_MAX_BLOCKS, count, x), 0);
    wait_for(x, 1);
    assert_int_equal(x->nr_handles, WIRE_MAX_BLOCKS);
}

static void refused(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;
    struct buddyd_refusal why;

    x->done++;
    assert_int_equal(error, -ENOMEM);
    assert_null(blocks);
    assert_int_equal(nr, 0);
    assert_says("fragmentation (index 0.871)");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.order, 18);
}

static void test_refusal(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.order = 18;
    begin(x, fake_good);
    assert_int_equal(buddyd_submit_alloc(x->b, &rq, 1, refused, x), 0);
    wait_for(x, 1);
}

static void zeroed(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;
    unsigned char *p;

    assert_int_equal(error, 0);
    for (size_t i = 0; i < nr; i++) {
        assert_int_equal(buddyd_pin(x->b, &blocks[i], (void **)&p), 0);
        for (size_t at = 0; at < blocks[i].bytes; at++)
            assert_int_equal(p[at], 0);
        memset(p, 0xff, blocks[i].bytes);
    }
    count(data, error, blocks, nr);
}

static void test_zeroed(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.flags = BUDDYD_ZERO;
    begin(x, fake_good);
    for (size_t round = 1; round <= 2; round++) {
        assert_int_equal(buddyd_submit_alloc(x->b, &rq, 8, zeroed, x), 0);
        wait_for(x, (unsigned)round);
        assert_int_equal(buddyd_free_bulk(x->b, 8, x->handle + (round - 1) * 8), 0);
    }
}

/* A callback may submit, and what it submits is sent; it must not wait. */
static void again(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct fixture *x = data;
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -EDEADLK);
    assert_int_equal(buddyd_dispatch(x->b, 0), -EDEADLK);
    assert_int_equal(buddyd_free(x->b, 1), -EDEADLK);
    count(data, error, blocks, nr);
    if (x->done < 100)
        assert_int_equal(buddyd_submit_free(x->b, 1, &blocks[0].handle, NULL, NULL), 0);
    if (x->done < 100)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, again, x), 0);
}

static void test_submit_in_callback(void **state)
{
    struct fixture *x = *state;
    struct pollfd p = {.events = POLLIN};

    begin(x, fake_good);
    p.fd = buddyd_fd(x->b);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, again, x), 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    while (x->done < 100) {
        assert_int_equal(poll(&p, 1, -1), 1);
        assert_true(buddyd_dispatch(x->b, 0) >= 0);
    }
}

/* A synchronous call on the way runs the callbacks that come before its answer. */
static void test_callbacks_in_another_call(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;

    begin(x, fake_good);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), 0);
    assert_int_equal(x->done, 10);
    // They all were one packet.
    buddyd_close(x->b);
    x->b = NULL;
    fake_join(&x->f);
    assert_int_equal(x->f.nr_packets, 1);
}

/* The error of a call is its own, whatever callbacks ran behind it. */
static void failing_then_refused(struct fake *f)
{
    fake_hello(f);
    fake_receive(f);
    // The last request first.
    for (size_t i = f->packet.nr_requests; i-- > 0;)
        fake_answer(f, &f->packet.requests[i]);
    fake_send(f);
    fake_serve(f);
}

static void test_error_survives_callbacks(void **state)
{
    struct fixture *x = *state;
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

    rq.order = 18;
    begin(x, failing_then_refused);
    assert_int_equal(buddyd_submit_alloc(x->b, &rq, 1, refused, x), 0);
    assert_int_equal(buddyd_free(x->b, 0xfeed), -ESTALE);
    assert_int_equal(x->done, 1);
    assert_says("0xfeed");
}

static void slow(struct fake *f)
{
    fake_hello(f);
    fake_receive(f);
    sem_wait(&f->go);
    fake_answer_all(f);
    fake_serve(f);
}

static void test_timeout(void **state)
{
    struct fixture *x = *state;

    begin(x, slow);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(buddyd_dispatch(x->b, 0), 0);
    assert_int_equal(buddyd_dispatch(x->b, 20), 0);
    assert_int_equal(x->done, 0);
    sem_post(&x->f.go);
    assert_int_equal(buddyd_dispatch(x->b, 60000), 1);
}

/* Callbacks of a connection that is closed with requests pending run once, with an error. */
static void test_close_with_pending(void **state)
{
    struct fixture *x = *state;

    begin(x, slow);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    assert_int_equal(buddyd_flush(x->b), 0);
    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, count, x), 0);
    buddyd_close(x->b);
    x->b = NULL;
    assert_int_equal(x->done, 6);
    assert_int_equal(x->failed, 6);
    sem_post(&x->f.go);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_thousand_in_flight),
        TEST(test_one_packet_and_the_descriptor),
        TEST(test_full_packet_goes),
        TEST(test_big_requests_share_packets),
        TEST(test_counts_out_of_range),
        TEST(test_refusal),
        TEST(test_zeroed),
        TEST(test_submit_in_callback),
        TEST(test_callbacks_in_another_call),
        TEST(test_error_survives_callbacks),
        TEST(test_timeout),
        TEST(test_close_with_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
