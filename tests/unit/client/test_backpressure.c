/* SPDX-License-Identifier: Apache-2.0 */
/* test_backpressure.c: a daemon that does not read for a while: nobody waits for ever, and nothing
 * is lost. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "connection.h"
#include "fake_daemon.h"

static void read_when_told(struct fake *f)
{
    fake_hello(f);
    sem_wait(&f->go);
    fake_serve(f);
}

static void count(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    (void)blocks;
    (void)nr;
    assert_int_equal(error, -ESTALE);
    ++*(unsigned *)data;
}

static uint64_t handles[WIRE_MAX_BLOCKS];

/* Submit until the socket and the packet being collected are full, to the last small request. */
static unsigned fill(struct buddyd *b, unsigned *done)
{
    unsigned n = 0;

    for (unsigned i = 0; i < WIRE_MAX_BLOCKS; i++)
        handles[i] = UINT64_MAX - i;
    for (size_t size = WIRE_MAX_BLOCKS; size; size /= 2) {
        int r;

        while ((r = buddyd_submit_free(b, size, handles, count, done)) == 0) {
            n++;
            assert_true(n < 100000);
        }
        assert_int_equal(r, -EAGAIN);
    }
    return n;
}

static void test_submit_until_full(void **state)
{
    unsigned done = 0, n;
    struct buddyd *b;
    struct fake f;

    (void)state;
    fake_init(&f);
    fake_start(&f, read_when_told);
    assert_int_equal(fake_connect(&f, &b), 0);
    n = fill(b, &done);
    assert_int_equal(buddyd_flush(b), -EAGAIN);
    // Nothing is lost, nothing waits in a send.
    assert_int_equal(buddyd_dispatch(b, 0), 0);
    assert_int_equal(buddyd_dispatch(b, 10), 0);
    sem_post(&f.go);
    while (done < n)
        assert_true(buddyd_dispatch(b, -1) >= 0);
    assert_int_equal(done, n);
    buddyd_close(b);
    fake_join(&f);
    assert_int_equal(f.nr_requests, n);
    fake_stop(&f);
}

struct caller {
    struct buddyd *b;
    sem_t begun;
    atomic_uint failures;
};

static void *free_nothing(void *arg)
{
    struct caller *c = arg;

    sem_post(&c->begun);
    if (buddyd_free(c->b, 1) != -ESTALE)
        atomic_fetch_add(&c->failures, 1);
    return NULL;
}

/* Calls of several threads meet a full socket, and all are answered once the daemon reads. */
static void test_calls_on_a_full_socket(void **state)
{
    enum { N = 4 };
    struct caller c = {0};
    unsigned done = 0, n;
    pthread_t thread[N];
    struct fake f;

    (void)state;
    sem_init(&c.begun, 0, 0);
    fake_init(&f);
    fake_start(&f, read_when_told);
    assert_int_equal(fake_connect(&f, &c.b), 0);
    n = fill(c.b, &done);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, free_nothing, &c), 0);
    for (int i = 0; i < N; i++)
        sem_wait(&c.begun);
    sem_post(&f.go);
    for (int i = 0; i < N; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(c.failures, 0);
    // Their requests went behind those that were collected before.
    assert_int_equal(done, n);
    buddyd_close(c.b);
    fake_stop(&f);
    sem_destroy(&c.begun);
}

/* ---- answers that come only when all requests are there ---- */

static uint64_t ids[100000];

static unsigned take_ids(struct fake *f, unsigned n)
{
    if (!fake_receive(f))
        return n;
    for (size_t i = 0; i < f->packet.nr_requests; i++)
        ids[n++] = f->packet.requests[i].id;
    return n;
}

/* Read a first request, then nothing until told, then as many as expected; answer only then. */
static void answer_at_last(struct fake *f)
{
    unsigned n;

    fake_hello(f);
    n = take_ids(f, 0);
    sem_post(&f->reached);
    sem_wait(&f->go);
    while (n < *(unsigned *)f->data)
        n = take_ids(f, n);
    for (unsigned i = 0; i < n; i++)
        fake_say(f, &(struct wire_response){.id = ids[i], .error = ESTALE, .message = "no"});
    fake_send(f);
    fake_serve(f);
}

/* Wait until n requests are pending: a call that finds no room is asleep then. */
static void wait_for_pending(struct buddyd *b, unsigned n)
{
    for (unsigned used = 0; used < n; sched_yield()) {
        pthread_mutex_lock(&b->lock);
        used = b->pending.used;
        pthread_mutex_unlock(&b->lock);
    }
}

/*
 * No answer wakes anybody up before the last request is sent: whoever waits has to look for room,
 * too. With another_reads, a thread is inside a receive that began when there was nothing to send.
 */
static void run_answers_at_last(bool another_reads)
{
    struct caller c = {0};
    unsigned done = 0, expected;
    pthread_t reader, late;
    struct fake f;

    sem_init(&c.begun, 0, 0);
    fake_init(&f);
    f.data = &expected;
    fake_start(&f, answer_at_last);
    assert_int_equal(fake_connect(&f, &c.b), 0);
    if (another_reads) {
        assert_int_equal(pthread_create(&reader, NULL, free_nothing, &c), 0);
    } else {
        assert_int_equal(buddyd_submit_free(c.b, 1, handles, count, &done), 0);
        assert_int_equal(buddyd_flush(c.b), 0);
    }
    sem_wait(&f.reached);
    expected = 1 + fill(c.b, &done) + 1;
    assert_int_equal(pthread_create(&late, NULL, free_nothing, &c), 0);
    wait_for_pending(c.b, expected);
    sem_post(&f.go);
    pthread_join(late, NULL);
    if (another_reads)
        pthread_join(reader, NULL);
    assert_int_equal(c.failures, 0);
    assert_int_equal(done, expected - (another_reads ? 2 : 1));
    buddyd_close(c.b);
    fake_stop(&f);
    sem_destroy(&c.begun);
}

static void test_reader_looks_for_room(void **state)
{
    (void)state;
    run_answers_at_last(false);
}

static void test_another_looks_for_room(void **state)
{
    (void)state;
    run_answers_at_last(true);
}

/* ---- answers that do not fit the socket ---- */

/*
 * The daemon's rule: it reads no more from a client whose answers it cannot send. Answers are big
 * here, so that the socket back is full long before all requests are in.
 */
static void listings_only(struct fake *f)
{
    static struct wire_block_stat entries[WIRE_MAX_LISTING];

    fake_hello(f);
    for (unsigned i = 0; i < WIRE_MAX_LISTING; i++)
        entries[i] = (struct wire_block_stat){
            .handle = UINT64_MAX, .session = UINT32_MAX, .offset = UINT64_MAX, .order = 18};
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++) {
            if (f->packet.requests[i].op == WIRE_OP_STAT_BLOCKS)
                fake_say(f, &(struct wire_response){
                                .id = f->packet.requests[i].id,
                                .op = WIRE_OP_STAT_BLOCKS,
                                .listing = {.nr = WIRE_MAX_LISTING, .blocks = entries}});
            else
                fake_answer(f, &f->packet.requests[i]);
        }
        // Blocks as long as the client does not read, and nothing is read meanwhile.
        fake_send(f);
    }
}

struct lister {
    struct buddyd *b;
    atomic_uint submitted;
    atomic_uint done;
    atomic_uint failures;
};

/* In whichever thread reads. */
static void count_there(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct lister *l = data;

    (void)blocks;
    (void)nr;
    atomic_fetch_add(&l->done, 1);
    if (error != -ESTALE)
        atomic_fetch_add(&l->failures, 1);
}

static void *list_blocks(void *arg)
{
    struct lister *l = arg;
    struct buddyd_block_stat *out = calloc(BUDDYD_LISTING_MAX, sizeof(*out));

    for (unsigned i = 0; i < 300; i++) {
        uint64_t cursor = 0;
        size_t n = 0;
        int r;

        // Bulk on the way in, bulk on the way back.
        r = buddyd_submit_free(l->b, WIRE_MAX_BLOCKS, handles, count_there, l);
        if (!r)
            atomic_fetch_add(&l->submitted, 1);
        else if (r != -EAGAIN)
            atomic_fetch_add(&l->failures, 1);
        if (buddyd_stat_blocks(l->b, 0, &cursor, out, &n) || n != WIRE_MAX_LISTING ||
            out[n - 1].offset != UINT64_MAX)
            atomic_fetch_add(&l->failures, 1);
    }
    free(out);
    return NULL;
}

static void test_full_both_ways(void **state)
{
    struct lister l = {0};
    pthread_t thread[4];
    struct fake f;

    (void)state;
    fake_init(&f);
    fake_start(&f, listings_only);
    assert_int_equal(fake_connect(&f, &l.b), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, list_blocks, &l), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    while (l.done < l.submitted)
        assert_true(buddyd_dispatch(l.b, -1) >= 0);
    assert_int_equal(l.failures, 0);
    buddyd_close(l.b);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submit_until_full),     cmocka_unit_test(test_calls_on_a_full_socket),
        cmocka_unit_test(test_reader_looks_for_room), cmocka_unit_test(test_another_looks_for_room),
        cmocka_unit_test(test_full_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
