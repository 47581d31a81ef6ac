/* SPDX-License-Identifier: Apache-2.0 */
/* test_refusal.c: what becomes of a refusal: a line, numbers, and the daemon's lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"

struct fixture {
    struct fake f;
    struct buddyd *b;
    struct wire_refusal refusal;
};

static const struct wire_refusal full = {
    .reason = WIRE_REFUSAL_SHORTAGE,
    .zone = 0,
    .order = 3,
    .wanted_pages = 8,
    .free_pages = 250,
    .largest_order = 7,
    .frag_index = -1,
    .zones_tried = 1,
    .scope = WIRE_SCOPE_ZONE,
    .mark = WIRE_MARK_LOW,
    .mark_pages = 200,
    .reserve_pages = 21,
    .unmet_pages = 22,
    .max_pages = 1000,
    .used_pages = 900,
    .waited_ms = 250,
    .account = "web",
    .explanation = "first line\nsecond line\n",
};

/* Refuse every allocation as the test wants it; frees of nothing are stale. */
static void refuse_all(struct fake *f)
{
    fake_hello(f);
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++) {
            const struct wire_request *rq = &f->packet.requests[i];

            if (rq->op == WIRE_OP_ALLOC)
                fake_say(f, &(struct wire_response){.id = rq->id,
                                                    .error = ENOMEM,
                                                    .message = "the daemon's line",
                                                    .refusal = f->data});
            else
                fake_answer(f, rq);
        }
        fake_send(f);
    }
}

static int setup(void **state)
{
    struct fixture *x = malloc(sizeof(*x));

    assert_non_null(x);
    fake_init(&x->f);
    x->refusal = full;
    x->f.data = &x->refusal;
    fake_start(&x->f, refuse_all);
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

static void assert_line(struct fixture *x, const char *line)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    struct buddyd_block block;

    rq.order = 3;
    assert_int_equal(buddyd_alloc(x->b, &rq, &block), -ENOMEM);
    assert_string_equal(buddyd_error(), line);
}

static void test_numbers(void **state)
{
    struct fixture *x = *state;
    struct buddyd_refusal why;

    assert_line(x, "alloc of order 3 (8 pages, unmovable): refused by zone 0 'first': 250 pages "
                   "free (low mark 200, lowmem reserve 21, guarantees of others 22), the largest "
                   "free block is of order 7: shortage, after 250 ms of waiting");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_SHORTAGE);
    assert_int_equal(why.scope, BUDDYD_SCOPE_ZONE);
    assert_int_equal(why.mark, BUDDYD_MARK_LOW);
    assert_int_equal(why.mark_pages, 200);
    assert_int_equal(why.reserve_pages, 21);
    assert_int_equal(why.unmet_pages, 22);
    assert_int_equal(why.max_pages, 1000);
    assert_int_equal(why.used_pages, 900);
    assert_int_equal(why.waited_ms, 250);
    assert_string_equal(why.account, "web");
}

static void test_accounts_and_queue(void **state)
{
    struct fixture *x = *state;
    struct buddyd_refusal why;

    x->refusal.waited_ms = 0;
    x->refusal.reason = WIRE_REFUSAL_ACCOUNT;
    x->refusal.scope = WIRE_SCOPE_ACCOUNT;
    x->refusal.mark = WIRE_MARK_MIN;
    assert_line(x, "alloc of order 3 (8 pages, unmovable): refused by account 'web': 900 of its "
                   "1000 pages are used, and its min mark keeps 200");
    x->refusal.scope = WIRE_SCOPE_GROUP;
    assert_line(x, "alloc of order 3 (8 pages, unmovable): refused by group 'web': 900 of its "
                   "1000 pages are used, and its min mark keeps 200");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_ACCOUNT);
    assert_int_equal(why.scope, BUDDYD_SCOPE_GROUP);
    x->refusal.reason = WIRE_REFUSAL_QUEUE;
    x->refusal.scope = WIRE_SCOPE_QUEUE;
    assert_line(x, "alloc of order 3 (8 pages, unmovable): refused: others wait longer for the "
                   "same memory");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_QUEUE);
    assert_int_equal(why.scope, BUDDYD_SCOPE_QUEUE);
}

/* What a later daemon may say: its words stand, and its numbers as far as they are known. */
static void test_of_a_later_version(void **state)
{
    struct fixture *x = *state;
    struct buddyd_refusal why;

    x->refusal.reason = WIRE_REFUSAL_QUEUE + 1;
    x->refusal.scope = WIRE_SCOPE_QUEUE + 1;
    x->refusal.mark = WIRE_MARK_HIGH + 1;
    assert_line(x, "the daemon's line");
    assert_int_equal(buddyd_last_refusal(&why), 0);
    assert_int_equal(why.reason, BUDDYD_REASON_UNKNOWN);
    assert_int_equal(why.scope, BUDDYD_SCOPE_ZONE);
    assert_int_equal(why.mark, BUDDYD_MARK_MIN);
    assert_int_equal(why.free_pages, 250);
}

static void test_sizes(void **state)
{
    struct fixture *x = *state;
    struct {
        struct buddyd_refusal why;
        uint64_t more;
    } later;
    struct buddyd_refusal earlier;
    struct buddyd_block block;
    size_t size = offsetof(struct buddyd_refusal, scope);

    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOMEM);
    memset(&later, 0xff, sizeof(later));
    assert_int_equal(buddyd_last_refusal_sized(&later.why, sizeof(later)), 0);
    assert_int_equal(later.more, 0);
    assert_string_equal(later.why.account, "web");
    memset(&earlier, 0xff, sizeof(earlier));
    assert_int_equal(buddyd_last_refusal_sized(&earlier, size), 0);
    assert_int_equal(earlier.free_pages, 250);
    for (size_t i = size; i < sizeof(earlier); i++)
        assert_int_equal(((unsigned char *)&earlier)[i], 0xff);
}

static void test_explanation(void **state)
{
    static char longest[WIRE_MAX_TEXT + 1];
    struct fixture *x = *state;
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOMEM);
    assert_string_equal(buddyd_explanation(), "first line\nsecond line\n");
    // Another failure has none.
    assert_int_equal(buddyd_free(x->b, 1), -ESTALE);
    assert_string_equal(buddyd_explanation(), "");
    memset(longest, 'x', WIRE_MAX_TEXT);
    x->refusal.explanation = longest;
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOMEM);
    assert_string_equal(buddyd_explanation(), longest);
    x->refusal.explanation = NULL;
    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOMEM);
    assert_string_equal(buddyd_explanation(), "");
}

static void *no_failure_here(void *arg)
{
    struct buddyd_refusal why;

    (void)arg;
    return buddyd_explanation()[0] || buddyd_last_refusal(&why) != -ENODATA ? (void *)1 : NULL;
}

static void test_belongs_to_its_thread(void **state)
{
    struct fixture *x = *state;
    struct buddyd_block block;
    pthread_t thread;
    void *wrong = NULL;

    assert_int_equal(buddyd_alloc(x->b, NULL, &block), -ENOMEM);
    assert_int_equal(pthread_create(&thread, NULL, no_failure_here, NULL), 0);
    pthread_join(thread, &wrong);
    assert_null(wrong);
}

/* The callback of a refused allocation is told the same. */
static void refused(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    bool *called = data;

    *called = true;
    assert_int_equal(error, -ENOMEM);
    assert_null(blocks);
    assert_int_equal(nr, 0);
    assert_string_equal(buddyd_explanation(), "first line\nsecond line\n");
}

static void test_callbacks_learn_it(void **state)
{
    struct fixture *x = *state;
    bool called = false;

    assert_int_equal(buddyd_submit_alloc(x->b, NULL, 1, refused, &called), 0);
    assert_int_equal(buddyd_dispatch(x->b, -1), 1);
    assert_true(called);
}

/* What was given back after a refusal in the middle does not hide the refusal. */
static void refuse_the_second(struct fake *f)
{
    unsigned nr = 0;

    fake_hello(f);
    while (fake_receive(f)) {
        for (size_t i = 0; i < f->packet.nr_requests; i++) {
            const struct wire_request *rq = &f->packet.requests[i];

            if (rq->op == WIRE_OP_ALLOC && ++nr == 2)
                fake_say(
                    f, &(struct wire_response){.id = rq->id, .error = ENOMEM, .refusal = f->data});
            else
                fake_answer(f, rq);
        }
        fake_send(f);
    }
}

static void test_bulk_keeps_it(void **state)
{
    static struct buddyd_block blocks[WIRE_MAX_BLOCKS + 1];
    struct wire_refusal refusal = full;
    struct fake *f = malloc(sizeof(*f));
    struct buddyd *b;

    (void)state;
    assert_non_null(f);
    fake_init(f);
    f->data = &refusal;
    fake_start(f, refuse_the_second);
    assert_int_equal(fake_connect(f, &b), 0);
    assert_int_equal(buddyd_alloc_bulk(b, NULL, WIRE_MAX_BLOCKS + 1, blocks), -ENOMEM);
    assert_string_equal(buddyd_explanation(), "first line\nsecond line\n");
    buddyd_close(b);
    fake_join(f);
    assert_int_equal(f->live, 0);
    fake_stop(f);
    free(f);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers),
        TEST(test_accounts_and_queue),
        TEST(test_of_a_later_version),
        TEST(test_sizes),
        TEST(test_explanation),
        TEST(test_belongs_to_its_thread),
        TEST(test_callbacks_learn_it),
        cmocka_unit_test(test_bulk_keeps_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
