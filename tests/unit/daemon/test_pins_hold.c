/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pins_hold.c: client processes on the library, whose blocks are moved and discarded all the
 * time: what is pinned stays where it is, and content is what was written.
 *
 * This process is the daemon; moves are begun in its zones, as fast as they end. One of the clients
 * is killed in the middle.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddyd.h"
#include "fixture.h"
#include "mobile.h"
#include "mover.h"

#define NR_CLIENTS 3u
/* A place goes from one thread's block to another's by the daemon, and so by what ThreadSanitizer
 * cannot see: another process. */
#ifdef __SANITIZE_THREAD__
#define NR_THREADS 1u
#else
#define NR_THREADS 2u
#endif
#define NR_BLOCKS 12u
#define NR_ROUNDS 20000u
#define MAX_ORDER 3u

/* ---- a client ---- */

struct worker {
    pthread_t thread;
    struct buddyd *b;
    unsigned seed;
    const char *wrong; /* what it found, or NULL */
};

struct held {
    struct buddyd_block block;
    uint64_t stamp; /* 0: nothing was written yet */
};

static bool is_stamped(const uint64_t *p, const struct held *h)
{
    for (size_t i = 0; i < h->block.bytes / sizeof(*p); i += 61)
        if (p[i] != h->stamp + i)
            return false;
    return true;
}

static void stamp(uint64_t *p, struct held *h, uint64_t with)
{
    h->stamp = with;
    for (size_t i = 0; i < h->block.bytes / sizeof(*p); i += 61)
        p[i] = h->stamp + i;
}

/* Use one block; returns what is wrong, or NULL. */
static const char *use(struct worker *w, struct held *h)
{
    void *p, *again;
    int error = buddyd_pin(w->b, &h->block, &p);

    if (error == -ENODATA) {
        if (h->block.type != BUDDYD_RECLAIMABLE)
            return "a movable block was discarded";
        h->stamp = 0;
        error = buddyd_renew(w->b, &h->block, (unsigned)rand_r(&w->seed) % 2 * 10);
        return error == 0 || error == -ENOMEM ? NULL : "a block could not be renewed";
    }
    if (error)
        return "a block could not be pinned";
    if (h->stamp != 0 && !is_stamped(p, h))
        return "content has changed";
    stamp(p, h, (uint64_t)rand_r(&w->seed) << 20 | 1);
    if (buddyd_pin(w->b, &h->block, &again) || again != p)
        return "a pinned block has moved";
    buddyd_unpin(w->b, &h->block);
    for (int i = rand_r(&w->seed) % 200; i > 0; i--)
        if (!is_stamped(p, h))
            return "content has changed while it was pinned";
    buddyd_unpin(w->b, &h->block);
    return NULL;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct held held[NR_BLOCKS] = {0};

    for (unsigned round = 0; round < NR_ROUNDS && !w->wrong; round++) {
        struct held *h = &held[(unsigned)rand_r(&w->seed) % NR_BLOCKS];

        if (h->block.handle == 0) {
            struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;

            rq.type = rand_r(&w->seed) % 2 ? BUDDYD_MOVABLE : BUDDYD_RECLAIMABLE;
            rq.order = (unsigned)rand_r(&w->seed) % (MAX_ORDER + 1);
            h->stamp = 0;
            if (buddyd_alloc(w->b, &rq, &h->block))
                w->wrong = "a block was refused";
        } else if (rand_r(&w->seed) % 8 == 0) {
            if (buddyd_free(w->b, h->block.handle))
                w->wrong = "a block could not be freed";
            h->block.handle = 0;
        } else {
            w->wrong = use(w, h);
        }
    }
    return NULL;
}

static void run_client(const char *path, unsigned seed)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct worker w[NR_THREADS] = {0};
    struct buddyd *b;
    int status = 0;

    options.socket = path;
    if (buddyd_connect(&options, &b))
        _exit(2);
    for (unsigned i = 0; i < NR_THREADS; i++) {
        w[i].b = b;
        w[i].seed = seed + 1000 * i;
        if (pthread_create(&w[i].thread, NULL, work, &w[i]))
            _exit(3);
    }
    for (unsigned i = 0; i < NR_THREADS; i++) {
        (void)pthread_join(w[i].thread, NULL);
        if (w[i].wrong) {
            (void)fprintf(stderr, "client: %s: %s\n", w[i].wrong, buddyd_error());
            status = 1;
        }
    }
    buddyd_close(b);
    _exit(status);
}

/* ---- the daemon ---- */

static struct fixture f;
static char dir[] = "/tmp/buddyd-test-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static uint64_t nr_discarded;

static int listen_at(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

/* Move some blocks, and discard a few, wherever the walk is. */
static void disturb(uint32_t *index, unsigned *seed)
{
    struct zone_set *zs = f.hub->zones;
    struct handle_info info;
    pfn_t pages;

    for (unsigned i = 0; i < 16 && handle_next(zs->handles, index, 64, &info); i++) {
        if (info.zone == MOBILE_NOWHERE)
            continue;
        if (rand_r(seed) % 64 == 0)
            nr_discarded += grant_discard(zs, info.handle, &pages) == 0;
        else
            (void)zone_move_begin(zs->entry[info.zone].zone, info.pfn);
    }
    if (*index >= handle_table_end(zs->handles))
        *index = 0;
}

static void test_clients(void **state)
{
    const char *env = getenv("BUDDYD_SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : (unsigned)getpid();
    struct daemon_config config;
    pid_t pid[NR_CLIENTS];
    unsigned left = NR_CLIENTS;
    uint32_t index = 0;
    int status, fd = listen_at();

    (void)state;
    (void)fprintf(stderr, "BUDDYD_SEED=%u\n", seed);
    make_config(&config, 2, 16 * MIB);
    fixture_start_config(&f, &config, fd);
    for (unsigned i = 0; i < NR_CLIENTS; i++) {
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] == 0)
            run_client(address.sun_path, seed + i);
    }
    while (left > 0) {
        pid_t gone;

        disturb(&index, &seed);
        fixture_turns(&f, 1);
        if (pid[0] != 0 && mover_pages(f.hub->mover, 0) > 2000) {
            (void)kill(pid[0], SIGKILL);
            pid[0] = 0;
        }
        gone = waitpid(-1, &status, WNOHANG);
        if (gone <= 0)
            continue;
        left--;
        if (gone == pid[1] || gone == pid[2])
            assert_int_equal(status, 0);
    }
    expect_nothing_left(&f);
    check_zones(f.hub->zones);
    assert_true(mover_pages(f.hub->mover, 0) > 2000);
    assert_true(nr_discarded > 100);
    fixture_stop(&f);
    (void)unlink(address.sun_path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clients)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
