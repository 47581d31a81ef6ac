/* SPDX-License-Identifier: Apache-2.0 */
/* test_fork.c: a child of fork() has no connection and no memory; its parent goes on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_daemon.h"

static void never(void *data, int error, const struct buddyd_block *blocks, size_t nr)
{
    (void)error;
    (void)blocks;
    (void)nr;
    ++*(unsigned *)data;
}

/* In the child: the line of the first check that fails, or 0. cmocka must not run here. */
static int look(struct buddyd *b, uint64_t handle, void *page, const struct buddyd_zone *zone,
                unsigned *done)
{
    struct buddyd_block block = {.handle = handle, .bytes = 4096};
    struct buddyd_zone z;
    uint64_t cursor = 0;
    size_t n;
    void *p;
    char *mine;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__;                                                                       \
    } while (0)

    CHECK(count_maps("memfd:fake") == 0);
    CHECK(buddyd_alloc(b, NULL, &block) == -ENOTCONN);
    CHECK(strstr(buddyd_error(), "child"));
    CHECK(buddyd_alloc_bytes(b, 1, NULL, &block) == -ENOTCONN);
    CHECK(buddyd_alloc_bulk(b, NULL, 1, &block) == -ENOTCONN);
    CHECK(buddyd_free(b, handle) == -ENOTCONN);
    CHECK(buddyd_free_bulk(b, 1, &handle) == -ENOTCONN);
    CHECK(buddyd_pin(b, &block, &p) == -ENOTCONN);
    buddyd_unpin(b, &block);
    CHECK(buddyd_get_free_page(b, 0, &p) == -ENOTCONN);
    CHECK(buddyd_free_page(b, page) == -ENOTCONN);
    CHECK(buddyd_alloc_pages_exact(b, 1, 0, &p) == -ENOTCONN);
    CHECK(buddyd_free_pages_exact(b, page, 1) == -ENOTCONN);
    CHECK(buddyd_submit_alloc(b, NULL, 1, never, done) == -ENOTCONN);
    CHECK(buddyd_submit_free(b, 1, &handle, never, done) == -ENOTCONN);
    CHECK(buddyd_flush(b) == -ENOTCONN);
    CHECK(buddyd_dispatch(b, -1) == -ENOTCONN);
    CHECK(buddyd_stat_clients(b, &cursor, NULL, &n) == -ENOTCONN);
    CHECK(buddyd_get_zone(b, 0, &z) == -ENOTCONN);
    CHECK(buddyd_fd(b) == -ENOTCONN);
    CHECK(buddyd_nr_zones(b) == 0);
    CHECK(buddyd_session(b) == 0);
    // Where the zone was, the child puts something of its own, which closing leaves alone.
    mine = mmap(zone->base, 4096, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(mine == zone->base);
    *mine = 'm';
    unsigned fds = count_fds();
    buddyd_close(b);
    CHECK(count_fds() == fds - 1);
    CHECK(*mine == 'm');
    // Callbacks of what was pending are the parent's.
    CHECK(*done == 0);
    return 0;
}

static void test_child(void **state)
{
    struct buddyd_zone zone;
    struct buddyd_block block;
    unsigned done = 0;
    struct buddyd *b;
    struct fake f;
    void *page;
    int status;
    pid_t pid;

    (void)state;
    fake_init(&f);
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(buddyd_get_zone(b, 0, &zone), 0);
    assert_int_equal(buddyd_get_zeroed_page(b, &page), 0);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    // Collected, but not sent: a child must not send it again.
    assert_int_equal(buddyd_submit_alloc(b, NULL, 1, never, &done), 0);
    pid = fork();
    if (!pid) {
        int line = look(b, block.handle, page, &zone, &done);

        if (line)
            (void)fprintf(stderr, "in the child: line %d failed\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    // The parent's session is as it was.
    assert_int_equal(buddyd_dispatch(b, -1), 1);
    assert_int_equal(done, 1);
    assert_int_equal(buddyd_free(b, block.handle), 0);
    assert_int_equal(buddyd_free_page(b, page), 0);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    buddyd_close(b);
    fake_join(&f);
    assert_int_equal(f.nr_requests, 6);
    fake_stop(&f);
}

/* The parent's close ends the session although a child holds the socket. */
static void test_close_beside_a_child(void **state)
{
    struct buddyd *b;
    struct fake f;
    int hold[2], status;
    pid_t pid;

    (void)state;
    fake_init(&f);
    fake_start(&f, fake_good);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(pipe(hold), 0);
    pid = fork();
    if (!pid) {
        char c;

        close(hold[1]);
        _exit(read(hold[0], &c, 1) != 0);
    }
    buddyd_close(b);
    // Would not return if the fake still waited for requests.
    fake_join(&f);
    close(hold[0]);
    close(hold[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fake_stop(&f);
}

static void *alloc_one(void *b)
{
    struct buddyd_block block;

    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    return NULL;
}

static void answer_when_told(struct fake *f)
{
    fake_hello(f);
    fake_receive(f);
    sem_post(&f->reached);
    sem_wait(&f->go);
    fake_answer_all(f);
    fake_serve(f);
}

/* fork() while another thread waits: the child must not meet its locks. */
static void test_fork_during_a_call(void **state)
{
    struct buddyd_block block;
    pthread_t thread;
    struct buddyd *b;
    struct fake f;
    int status;
    pid_t pid;

    (void)state;
    fake_init(&f);
    fake_start(&f, answer_when_told);
    assert_int_equal(fake_connect(&f, &b), 0);
    assert_int_equal(pthread_create(&thread, NULL, alloc_one, b), 0);
    sem_wait(&f.reached);
    pid = fork();
    if (!pid) {
        int r = buddyd_alloc(b, NULL, &block);

        buddyd_close(b);
        _exit(r != -ENOTCONN);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    sem_post(&f.go);
    pthread_join(thread, NULL);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    buddyd_close(b);
    fake_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_close_beside_a_child),
        cmocka_unit_test(test_fork_during_a_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
