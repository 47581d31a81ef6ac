/* SPDX-License-Identifier: Apache-2.0 */
/* test_threads.c: one connection, many threads: each gets its own answer, whoever reads it. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"

#define THREADS 8

/* cmocka's asserts leave by longjmp; in these threads, count instead. */
static atomic_uint failures;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, buddyd_error());        \
            atomic_fetch_add(&failures, 1);                                                        \
        }                                                                                          \
    } while (0)

static void run_threads(unsigned n, void *(*fn)(void *), void *arg)
{
    pthread_t thread[THREADS];

    failures = 0;
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, fn, arg), 0);
    for (unsigned i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(failures, 0);
}

/* ---- answers in another order ---- */

/* Collect a request of every thread, then answer the last first, in one packet or each in its own.
 */
static void answer_backwards(struct fake *f)
{
    fake_hello(f);
    for (unsigned round = 0;; round++) {
        struct wire_request rq[THREADS];
        unsigned n = 0;

        while (n < THREADS) {
            if (!fake_receive(f))
                return;
            for (size_t i = 0; i < f->packet.nr_requests; i++)
                rq[n++] = f->packet.requests[i];
        }
        // No pointers: these are allocations.
        while (n) {
            fake_answer(f, &rq[--n]);
            if (round % 2)
                fake_send(f);
        }
        fake_send(f);
    }
}

/* Each thread asks for an order of its own and must get that. */
static atomic_uint next_order;

static void *alloc_own_order(void *arg)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    unsigned order = atomic_fetch_add(&next_order, 1);

    rq.order = order;
    for (int i = 0; i < 20; i++) {
        struct buddyd_block block = {0};

        EXPECT(buddyd_alloc(arg, &rq, &block) == 0);
        EXPECT(block.order == order);
    }
    return NULL;
}

static void test_answers_in_another_order(void **state)
{
    struct buddyd *b;
    struct fake f;

    (void)state;
    next_order = 0;
    fake_init(&f);
    fake_start(&f, answer_backwards);
    assert_int_equal(fake_connect(&f, &b), 0);
    run_threads(THREADS, alloc_own_order, b);
    buddyd_close(b);
    fake_stop(&f);
}

/* ---- an answer that takes long ---- */

#define MEANWHILE 1000

/* The first allocation waits until MEANWHILE other requests were answered. */
static void let_the_first_wait(struct fake *f)
{
    struct wire_request first;

    fake_hello(f);
    if (!fake_receive(f))
        return;
    first = f->packet.requests[0];
    sem_post(&f->reached);
    for (unsigned i = 0; i < MEANWHILE && fake_receive(f); i++)
        fake_answer_all(f);
    fake_answer(f, &first);
    fake_send(f);
    fake_serve(f);
}

static void *alloc_that_waits(void *arg)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.timeout_ms = 1;
    EXPECT(buddyd_alloc(arg, &rq, &block) == 0);
    return NULL;
}

/* timeout_ms is the daemon's matter: the library waits as long as it takes, and lets others pass.
 */
static void test_the_daemon_alone_looks_at_the_clock(void **state)
{
    struct buddyd *b;
    pthread_t thread;
    struct fake f;

    (void)state;
    failures = 0;
    fake_init(&f);
    fake_start(&f, let_the_first_wait);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(pthread_create(&thread, NULL, alloc_that_waits, b), 0);
    sem_wait(&f.reached);
    for (unsigned i = 0; i < MEANWHILE; i++)
        assert_int_equal(buddyd_free(b, 1), -ESTALE);
    pthread_join(thread, NULL);
    assert_int_equal(failures, 0);
    assert_int_equal(f.last_alloc.deadline_ms, 1);
    buddyd_close(b);
    fake_stop(&f);
}

/* ---- hammering ---- */

struct hammer {
    struct buddyd *b;
    uint64_t seed;
    atomic_uint next;
    atomic_uint callbacks;
};

static void count(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    struct hammer *h = data;

    EXPECT(error == 0);
    for (size_t i = 0; i < nr; i++)
        EXPECT(buddyd_submit_free(h->b, 1, &blocks[i].handle, NULL, NULL) == 0);
    atomic_fetch_add(&h->callbacks, 1);
}

static void stamp(struct buddyd *b, const struct buddyd_block *block, uint64_t with)
{
    void *p = NULL;

    EXPECT(buddyd_pin(b, block, &p) == 0);
    memcpy(p, &with, sizeof(with));
    memcpy((char *)p + block->bytes - sizeof(with), &with, sizeof(with));
    buddyd_unpin(b, block);
}

static bool stamped(struct buddyd *b, const struct buddyd_block *block, uint64_t with)
{
    uint64_t first, last;
    void *p = NULL;

    EXPECT(buddyd_pin(b, block, &p) == 0);
    memcpy(&first, p, sizeof(first));
    memcpy(&last, (char *)p + block->bytes - sizeof(last), sizeof(last));
    buddyd_unpin(b, block);
    return first == with && last == with;
}

#define HELD 16

static void *hammer(void *arg)
{
    struct hammer *h = arg;
    struct buddyd_block held[HELD] = {0};
    uint64_t random = h->seed + atomic_fetch_add(&h->next, 1);

    for (unsigned i = 0; i < 1500; i++) {
        struct buddyd_block *block = &held[test_random(&random) % HELD];
        void *p = NULL;

        switch (test_random(&random) % 8) {
        case 0:
            EXPECT(buddyd_submit_alloc(h->b, NULL, 3, count, h) == 0);
            break;
        case 1:
            EXPECT(buddyd_dispatch(h->b, 0) >= 0);
            break;
        case 2:
            EXPECT(buddyd_get_free_pages(h->b, 0, 1, &p) == 0);
            EXPECT(buddyd_free_pages(h->b, p, 1) == 0);
            break;
        case 3:
            EXPECT(buddyd_alloc_pages_exact(h->b, 3 * FAKE_PAGE, 0, &p) == 0);
            EXPECT(buddyd_free_pages_exact(h->b, p, 3 * FAKE_PAGE) == 0);
            break;
        case 4:
            // Failures: the reason is this thread's.
            EXPECT(buddyd_free(h->b, 0xbad0000 + i) == -ESTALE);
            EXPECT(strstr(buddyd_error(), "names no block") != NULL);
            break;
        default:
            if (block->handle) {
                EXPECT(stamped(h->b, block, block->handle));
                EXPECT(buddyd_free(h->b, block->handle) == 0);
                block->handle = 0;
            } else {
                struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

                rq.order = (unsigned)(test_random(&random) % 3);
                EXPECT(buddyd_alloc(h->b, &rq, block) == 0);
                stamp(h->b, block, block->handle);
            }
        }
    }
    for (unsigned i = 0; i < HELD; i++) {
        if (held[i].handle)
            EXPECT(buddyd_free(h->b, held[i].handle) == 0);
    }
    // What other threads submitted may be answered here as well.
    while (buddyd_dispatch(h->b, 0) > 0)
        ;
    return NULL;
}

static void test_hammer(void **state)
{
    struct hammer h = {.seed = test_seed()};
    struct fake f;

    (void)state;
    fake_init(&f);
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &h.b), 0);
    run_threads(THREADS, hammer, &h);
    // Wait for the last submissions: an answer comes behind those of all that was sent before.
    while (buddyd_dispatch(h.b, -1) > 0)
        ;
    assert_int_equal(buddyd_free(h.b, 1), -ESTALE);
    buddyd_close(h.b);
    fake_join(&f);
    assert_int_equal(f.live, 0);
    assert_true(h.callbacks > 0);
    fake_stop(&f);
}

/* ---- dispatchers beside callers ---- */

static atomic_bool stop;

static void *dispatch_until_stopped(void *arg)
{
    while (!stop)
        EXPECT(buddyd_dispatch(arg, 5) >= 0);
    return NULL;
}

static void ignore(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    (void)blocks;
    (void)nr;
    EXPECT(error == 0);
    atomic_fetch_add((atomic_uint *)data, 1);
}

/* Threads that wait for callbacks and threads that wait for answers take turns at reading. */
static void test_dispatchers_beside_callers(void **state)
{
    pthread_t thread[2];
    atomic_uint callbacks = 0;
    struct buddyd_block block;
    struct buddyd *b;
    struct fake f;

    (void)state;
    failures = 0;
    stop = false;
    fake_init(&f);
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, dispatch_until_stopped, b), 0);
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(buddyd_submit_alloc(b, NULL, 1, ignore, &callbacks), 0);
        assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
        assert_int_equal(buddyd_free(b, block.handle), 0);
    }
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(callbacks, 2000);
    assert_int_equal(failures, 0);
    buddyd_close(b);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_in_another_order),
        cmocka_unit_test(test_the_daemon_alone_looks_at_the_clock),
        cmocka_unit_test(test_hammer),
        cmocka_unit_test(test_dispatchers_beside_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
