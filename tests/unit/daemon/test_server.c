/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_server.c: clients that come over a listening socket: limits, users, death, and starting and
 * stopping.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client_fixture.h"
#include "fixture.h"
#include "why.h"

#define NOBODY       65534
#define CHILD_LIFE_S 60

static struct fixture f;

static int set_up(void **state)
{
    *state = &f;
    fixture_start_listening(&f, 1, 16 * MIB);
    return 0;
}

static void expect_served(struct client *c)
{
    struct wire_request rq = hello_request(WIRE_VERSION, "test");

    assert_int_equal(client_call(c, &rq)->error, 0);
    rq = alloc_request(0, 1);
    assert_int_equal(client_call(c, &rq)->error, 0);
}

static void test_connect(void **state)
{
    struct client *c[20];

    (void)state;
    for (size_t i = 0; i < 20; i++)
        c[i] = client_connect(&f);
    for (size_t i = 0; i < 20; i++)
        expect_served(c[i]);
    assert_int_equal(f.hub->sessions.nr, 20);
    for (size_t i = 0; i < 20; i++)
        client_free(c[i]);
    run_until_sessions(&f, 0);
    assert_int_equal(used_pages(f.hub->zones), 0);
    /* One that went away before it was accepted. */
    client_free(client_connect(&f));
    c[0] = client_connect(&f);
    expect_served(c[0]);
    client_free(c[0]);
    run_until_sessions(&f, 0);
}

/* ---- processes ---- */

/* In a child: what the fixture's clients do, without a loop to run. */
static int child_connect(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    static unsigned char bytes[WIRE_MAX_PACKET];
    static unsigned char mem[WIRE_ARENA_BYTES];
    struct wire_arena arena;
    struct wire_request rq[2] = {hello_request(WIRE_VERSION, "child"), alloc_request(0, 100)};
    size_t len = 0;

    wire_arena_init(&arena, mem, sizeof(mem));
    for (size_t i = 0; i < 2; i++) {
        rq[i].id = i + 1;
        (void)wire_append_request(bytes, &len, &rq[i], &arena);
    }
    if (connect(fd, (struct sockaddr *)&f.address, f.address_len) < 0 ||
        send(fd, bytes, len, 0) != (ssize_t)len || recv(fd, bytes, sizeof(bytes), 0) <= 0)
        _exit(1);
    return fd;
}

/* A child of the client's holds the socket open: the client's death is seen all the same. */
static void test_death_behind_a_fork(void **state)
{
    int pipe_fd[2];
    pid_t client;
    pid_t holder;

    (void)state;
    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    client = fork();
    assert_true(client >= 0);
    if (client == 0) {
        (void)child_connect();
        holder = fork();
        /* Should the test fail, nobody else ends these two. */
        (void)alarm(CHILD_LIFE_S);
        if (holder == 0)
            for (;;)
                (void)pause();
        if (write(pipe_fd[1], &holder, sizeof(holder)) != sizeof(holder))
            _exit(1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK), 0);
    RUN_UNTIL(&f, read(pipe_fd[0], &holder, sizeof(holder)) == sizeof(holder));
    assert_int_equal(f.hub->sessions.nr, 1);
    assert_int_equal(used_pages(f.hub->zones), 100);
    assert_int_equal(kill(client, SIGKILL), 0);
    run_until_sessions(&f, 0);
    assert_int_equal(used_pages(f.hub->zones), 0);
    assert_int_equal(waitpid(client, NULL, 0), client);
    assert_int_equal(kill(holder, SIGKILL), 0);
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
}

/* A client that is dead before it is accepted never becomes more than that. */
static void test_death_before_accept(void **state)
{
    pid_t client = fork();
    struct client *c;

    (void)state;
    assert_true(client >= 0);
    if (client == 0) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

        _exit(connect(fd, (struct sockaddr *)&f.address, f.address_len) < 0);
    }
    assert_int_equal(waitpid(client, NULL, 0), client);
    c = client_connect(&f);
    expect_served(c);
    run_until_sessions(&f, 1);
    client_free(c);
    run_until_sessions(&f, 0);
}

/* Who the peer is comes from the kernel; another user sees himself only. */
static void test_another_user(void **state)
{
    struct client *root;
    struct wire_request rq = stat_request(WIRE_OP_STAT_CLIENTS, 0);
    const struct wire_response *rs;
    int pipe_fd[2];
    char byte;
    pid_t client;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can become another user\n");
        skip();
    }
    assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
    client = fork();
    assert_true(client >= 0);
    if (client == 0) {
        if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
            _exit(1);
        (void)child_connect();
        (void)alarm(CHILD_LIFE_S);
        (void)write(pipe_fd[1], "x", 1);
        for (;;)
            (void)pause();
    }
    assert_int_equal(fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK), 0);
    RUN_UNTIL(&f, read(pipe_fd[0], &byte, 1) == 1);
    root = client_connect(&f);
    expect_served(root);
    rs = client_call(root, &rq);
    assert_int_equal(rs->listing.nr, 2);
    assert_string_equal(rs->listing.clients[0].name, "child");
    assert_int_equal(rs->listing.clients[0].pid, client);
    assert_int_equal(rs->listing.clients[0].uid, NOBODY);
    assert_int_equal(rs->listing.clients[0].gid, NOBODY);
    assert_int_equal(rs->listing.clients[0].blocks, 100);
    assert_int_equal(rs->listing.clients[1].pid, getpid());
    assert_int_equal(kill(client, SIGKILL), 0);
    run_until_sessions(&f, 1);
    assert_int_equal(waitpid(client, NULL, 0), client);
    client_free(root);
    run_until_sessions(&f, 0);
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
}

/* ---- limits ---- */

/* Let this process have so many descriptors; returns what it could have before. */
static rlim_t limit_fds(rlim_t nr)
{
    struct rlimit limit;
    rlim_t before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    limit.rlim_cur = nr;
    if (limit.rlim_max < nr)
        limit.rlim_max = nr;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
        print_message("skipped: %u descriptors are not allowed here\n", (unsigned)nr);
        skip();
    }
    return before;
}

static void test_sessions_per_user(void **state)
{
    rlim_t before = limit_fds((rlim_t)WIRE_MAX_SESSIONS_PER_UID * 4);
    int(*fd)[2] = calloc(WIRE_MAX_SESSIONS_PER_UID + 1, sizeof(*fd));
    struct client *c;

    (void)state;
    assert_non_null(fd);
    for (unsigned i = 0; i <= WIRE_MAX_SESSIONS_PER_UID; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd[i]), 0);
        assert_int_equal(server_add_session(f.server, fd[i][1]),
                         i < WIRE_MAX_SESSIONS_PER_UID ? 0 : -EDQUOT);
    }
    assert_int_equal(close(fd[WIRE_MAX_SESSIONS_PER_UID][1]), 0);
    c = client_connect(&f);
    client_expect_goodbye(c, "this user has 1024 sessions");
    client_free(c);
    (void)close(fd[0][0]);
    run_until_sessions(&f, WIRE_MAX_SESSIONS_PER_UID - 1);
    c = client_connect(&f);
    expect_served(c);
    client_free(c);
    for (unsigned i = 1; i <= WIRE_MAX_SESSIONS_PER_UID; i++)
        (void)close(fd[i][0]);
    run_until_sessions(&f, 0);
    free(fd);
    (void)limit_fds(before);
}

static void test_sessions_of_a_section(void **state)
{
    struct client *first = client_connect(&f), *c;

    (void)state;
    expect_served(first);
    fixture_set_key(&f, "max_sessions", "1");
    c = client_connect(&f);
    client_expect_goodbye(c, "policy 'default': user ");
    client_free(c);
    client_free(first);
    run_until_sessions(&f, 0);
    c = client_connect(&f);
    expect_served(c);
    client_free(c);
    run_until_sessions(&f, 0);
}

/* Turns of the loop that find something to do, of ten. */
static unsigned busy_turns(void)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < 10; i++) {
        struct pollfd ready = {.fd = uv_backend_fd(&f.loop), .events = POLLIN};

        nr += poll(&ready, 1, 0) > 0;
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    return nr;
}

static void test_out_of_descriptors(void **state)
{
    struct client *c[12];
    rlim_t before;
    int next;

    (void)state;
    for (size_t i = 0; i < 12; i++)
        c[i] = client_connect(&f);
    next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(close(next), 0);
    before = limit_fds((rlim_t)next);
    for (size_t i = 0; i < 12; i++)
        client_expect_goodbye(c[i], "no file descriptors left");
    assert_int_equal(busy_turns(), 0);
    (void)limit_fds(before);
    for (size_t i = 0; i < 12; i++)
        client_free(c[i]);
    c[0] = client_connect(&f);
    expect_served(c[0]);
    client_free(c[0]);
    run_until_sessions(&f, 0);
}

/* Where not even the spare descriptor helps, the loop does not spin, and it goes on later. */
static void test_listening_pauses(void **state)
{
    struct client *c = client_connect(&f);
    rlim_t before = limit_fds(3);

    (void)state;
    (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    assert_int_equal(busy_turns(), 0);
    (void)limit_fds(before);
    expect_served(c);
    client_free(c);
    run_until_sessions(&f, 0);
}

/* ---- start ---- */

static void test_start_fails(void **state)
{
    struct daemon_config config;
    struct server *server = NULL;
    uv_loop_t loop;
    char why[WHY_BYTES];
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    unsigned fds;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    fds = count_fds();
    make_config(&config, 1, 4 * MIB);
    assert_true(server_start(&server, &loop, &config, fd, why, sizeof(why)) < 0);
    expect_text(why, "cannot wait for clients");
    config.zones[0].pageblock_order = 30;
    assert_int_equal(server_start(&server, &loop, &config, fd, why, sizeof(why)), -EINVAL);
    expect_text(why, "zone0");
    assert_null(server);
    assert_int_equal(count_fds(), fds);
    assert_int_equal(close(fd), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    config_free(&config);
    server_stop(NULL);
}

static void test_bad_socket(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(server_add_session(f.server, pair[0]), 0);
    assert_int_equal(server_add_session(f.server, pair[0]), -EEXIST);
    assert_int_equal(f.hub->sessions.nr, 1);
    assert_int_equal(close(pair[1]), 0);
    run_until_sessions(&f, 0);
    assert_int_equal(server_add_session(f.server, fd), -ENOTSOCK);
    assert_int_equal(close(fd), 0);
    assert_int_equal(f.hub->sessions.nr, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_connect),
        TEST(test_death_behind_a_fork),
        TEST(test_death_before_accept),
        TEST(test_another_user),
        TEST(test_sessions_per_user),
        TEST(test_sessions_of_a_section),
        TEST(test_out_of_descriptors),
        TEST(test_listening_pauses),
        TEST(test_bad_socket),
        cmocka_unit_test(test_start_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
