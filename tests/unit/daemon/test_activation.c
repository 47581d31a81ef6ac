/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_activation.c: the program under a service manager: its socket is passed to it, and it says
 * when it is ready. systemd-socket-activate plays the one part, this test's notify socket the
 * other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <buddyd.h>

#define PATIENCE_MS 60000
#define ACTIVATE    "/usr/bin/systemd-socket-activate"

struct fixture {
    char dir[64];
    char socket[96];
    char config[96];
    char notify_env[128];
    int notify_fd;
    int err_fd;
    pid_t pid;
};

static int notify_socket(struct fixture *f)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/n", f->dir);
    (void)snprintf(f->notify_env, sizeof(f->notify_env), "NOTIFY_SOCKET=%s", addr.sun_path);
    f->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return bind(f->notify_fd, (const struct sockaddr *)&addr, sizeof(addr));
}

/** more: behind all else. */
static int write_config(const struct fixture *f, const char *more)
{
    FILE *file = fopen(f->config, "we");

    if (!file)
        return -1;
    (void)fprintf(file,
                  "[daemon]\nsocket=%s/own\n[zone a]\nsize=16M\nbacking=shmem\n"
                  "[zone b]\nsize=8M\nbacking=shmem\n%s",
                  f->dir, more);
    return fclose(file);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/buddyd-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    (void)snprintf(f->socket, sizeof(f->socket), "%s/s", f->dir);
    (void)snprintf(f->config, sizeof(f->config), "%s/c", f->dir);
    f->err_fd = -1;
    *state = f;
    return notify_socket(f) < 0 || write_config(f, "") < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"s", "c", "n", "own", "own.lock"};
    struct fixture *f = *state;
    char path[128];

    if (f->pid > 0) {
        (void)kill(f->pid, SIGKILL);
        (void)waitpid(f->pid, NULL, 0);
    }
    (void)close(f->notify_fd);
    (void)close(f->err_fd);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

/** What it says on stderr can be read from f->err_fd. */
static void start(struct fixture *f, const char *const argv[])
{
    int err[2];

    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(err[1], STDERR_FILENO);
        (void)putenv(f->notify_env);
        (void)execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    (void)close(err[1]);
    f->err_fd = err[0];
}

/** systemd-socket-activate says that it listens; it starts the program at the first connection. */
static void start_activated(struct fixture *f, const char *type)
{
    char line[512];
    size_t len = 0;

    if (access(ACTIVATE, X_OK) < 0) {
        print_message("skipped: there is no " ACTIVATE " here\n");
        skip();
    }
    start(f, (const char *const[]){ACTIVATE, "-l", f->socket, "-E", f->notify_env, type,
                                   BUDDYD_PROGRAM, "--config", f->config, NULL});
    do {
        assert_true(len < sizeof(line));
        assert_int_equal(read(f->err_fd, &line[len], 1), 1);
    } while (line[len++] != '\n');
    assert_memory_equal(line, "Listening on ", strlen("Listening on "));
}

/** The next message of the daemon. */
static void notified(struct fixture *f, char *ret, size_t size)
{
    struct pollfd fd = {.fd = f->notify_fd, .events = POLLIN};
    ssize_t n;

    assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
    n = recv(f->notify_fd, ret, size - 1, 0);
    assert_true(n >= 0);
    ret[n] = '\0';
}

static struct buddyd *connected(const char *path)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct buddyd *b = NULL;

    options.socket = path;
    assert_int_equal(buddyd_connect(&options, &b), 0);
    return b;
}

static int ended(struct fixture *f)
{
    int status;

    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/** From the first client to the end. */
static void serve_and_stop(struct fixture *f, const char *path)
{
    char said[512], expected[256];
    struct buddyd_block block;
    struct buddyd *b = NULL;

    b = connected(path);
    notified(f, said, sizeof(said));
    (void)snprintf(expected, sizeof(expected), "READY=1\nSTATUS=Serving 24 MiB in 2 zones on %s",
                   path);
    assert_string_equal(said, expected);
    assert_int_equal(buddyd_nr_zones(b), 2);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);

    assert_int_equal(kill(f->pid, SIGTERM), 0);
    notified(f, said, sizeof(said));
    assert_non_null(strstr(said, "STOPPING=1"));
    assert_int_equal(ended(f), 0);
    buddyd_close(b);
}

static void a_socket_of_systemd(void **state)
{
    struct fixture *f = *state;

    start_activated(f, "--seqpacket");
    serve_and_stop(f, f->socket);
    /* The path is systemd's, and the configured one was never made. */
    assert_int_equal(access(f->socket, F_OK), 0);
}

static void a_socket_of_its_own(void **state)
{
    struct fixture *f = *state;
    char own[96], said[512];
    struct buddyd *b;

    (void)snprintf(own, sizeof(own), "%s/own", f->dir);
    start(f, (const char *const[]){BUDDYD_PROGRAM, "--config", f->config, NULL});
    /* Readiness is the moment from which clients can come. */
    notified(f, said, sizeof(said));
    assert_non_null(strstr(said, "READY=1\n"));
    b = connected(own);
    assert_int_equal(kill(f->pid, SIGINT), 0);
    notified(f, said, sizeof(said));
    assert_int_equal(ended(f), 0);
    assert_int_equal(access(own, F_OK), -1);
    buddyd_close(b);
}

/** SIGHUP, and the two messages about it. */
static void reload(struct fixture *f)
{
    char said[512];

    assert_int_equal(kill(f->pid, SIGHUP), 0);
    notified(f, said, sizeof(said));
    assert_memory_equal(said, "RELOADING=1\nMONOTONIC_USEC=", 27);
    notified(f, said, sizeof(said));
    assert_memory_equal(said, "READY=1\nSTATUS=Serving ", 23);
}

static void a_signal_reads_the_policy_again(void **state)
{
    struct fixture *f = *state;
    char own[96], said[4096], more[256];
    struct buddyd_block block;
    struct buddyd *b;
    size_t len = 0;
    ssize_t n;

    (void)snprintf(own, sizeof(own), "%s/own", f->dir);
    start(f, (const char *const[]){BUDDYD_PROGRAM, "--config", f->config, NULL});
    notified(f, said, sizeof(said));
    b = connected(own);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);

    /* For those who are there at once, and nothing is taken back. */
    assert_int_equal(write_config(f, "[policy default]\nmax=4K\n"), 0);
    reload(f);
    assert_int_equal(buddyd_alloc(b, NULL, &block), -ENOMEM);

    /* What cannot be changes nothing. */
    (void)snprintf(more, sizeof(more),
                   "[policy x]\nuid=%u\nguarantee=24M\n[zone c]\nsize=2M\n"
                   "backing=shmem\n[policy default]\nmax=8K\n",
                   (unsigned)geteuid() + 1);
    assert_int_equal(write_config(f, more), 0);
    reload(f);
    assert_int_equal(buddyd_alloc(b, NULL, &block), -ENOMEM);

    /* And what needs a restart is said. */
    assert_int_equal(write_config(f, "[zone c]\nsize=2M\nbacking=shmem\n"), 0);
    reload(f);
    assert_int_equal(buddyd_alloc(b, NULL, &block), 0);
    assert_int_equal(kill(f->pid, SIGTERM), 0);
    assert_int_equal(ended(f), 0);
    while ((n = read(f->err_fd, said + len, sizeof(said) - len - 1)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    assert_non_null(strstr(said, "/c:9: [policy x] guarantee: zone 'a' cannot keep "));
    assert_non_null(strstr(said, "; the policy stays as it was"));
    assert_non_null(strstr(said, "a restart is needed for what has changed of: the zones"));
    buddyd_close(b);
}

static void a_socket_of_another_type(void **state)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct fixture *f = *state;
    char said[4096];
    size_t len = 0;
    ssize_t n;
    int client;

    start_activated(f, "--setenv=X=y");
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client >= 0);
    assert_int_equal(connect(client, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(ended(f), 1);
    while ((n = read(f->err_fd, said + len, sizeof(said) - len - 1)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    assert_non_null(strstr(said, "accepted: one ListenSequentialPacket="));
    (void)close(client);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_socket_of_systemd),
        TEST(a_socket_of_its_own),
        TEST(a_socket_of_another_type),
        TEST(a_signal_reads_the_policy_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
