/* SPDX-License-Identifier: Apache-2.0 */
/* test_listener.c: a socket path is taken from nobody who lives, and left as it was found. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cmocka.h>

#include "listener.h"
#include "log.h"
#include "why.h"

#define NO_GROUP ((gid_t)-1)

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

static const char *unlink_before_flock; /**< once */

/** Linked with --wrap. */
int __wrap_flock(int fd, int operation)
{
    if (unlink_before_flock) {
        assert_int_equal(unlink(unlink_before_flock), 0);
        unlink_before_flock = NULL;
    }
    return __real_flock(fd, operation);
}

struct fixture {
    char dir[64];
    char path[96];
    struct listener listener;
    char why[WHY_BYTES];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/buddyd-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    (void)snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
    *state = f;
    return 0;
}

/** Nothing may be left in the directory. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static int open_at(struct fixture *f, const char *path)
{
    return listener_open(path, 0600, NO_GROUP, &f->listener, f->why, sizeof(f->why));
}

static void assert_why(const struct fixture *f, const char *part)
{
    if (!strstr(f->why, part))
        fail_msg("'%s' is not in: %s", part, f->why);
    assert_null(strchr(f->why, '\n'));
}

static int bound_socket(const char *path, int type)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static int connected(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void it_listens_and_is_gone_at_the_end(void **state)
{
    struct fixture *f = *state;
    const mode_t umask_before = umask(022);
    struct stat st;
    int client, fd;

    assert_int_equal(listener_open(f->path, 0660, getgid(), &f->listener, f->why, sizeof(f->why)),
                     0);
    assert_int_equal(umask(umask_before), 022);
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(fcntl(f->listener.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(f->listener.fd, F_GETFL) & O_NONBLOCK);
    client = connected(f->path);
    assert_true(client >= 0);
    (void)close(client);
    fd = listener_take_fd(&f->listener);
    listener_close(&f->listener);
    /* What was taken stays open; the path is gone. */
    assert_true(fcntl(fd, F_GETFD) >= 0);
    assert_int_equal(access(f->path, F_OK), -1);
    (void)close(fd);
}

static void a_living_daemon_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct listener first;
    char expected[64];
    char lock[128];
    int client;

    assert_int_equal(open_at(f, f->path), 0);
    first = f->listener;
    assert_int_equal(open_at(f, f->path), -EADDRINUSE);
    (void)snprintf(expected, sizeof(expected), "is already served by pid %ld", (long)getpid());
    assert_why(f, expected);
    /* One that has no lock, such as one behind systemd's socket, is known by its answer. */
    (void)snprintf(lock, sizeof(lock), "%s.lock", f->path);
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(open_at(f, f->path), -EADDRINUSE);
    assert_why(f, expected);
    client = connected(f->path);
    assert_true(client >= 0);
    (void)close(client);
    listener_close(&first);
}

static void a_stale_socket_is_taken_over(void **state)
{
    struct fixture *f = *state;

    (void)close(bound_socket(f->path, SOCK_SEQPACKET));
    assert_int_equal(access(f->path, F_OK), 0);
    assert_int_equal(open_at(f, f->path), 0);
    listener_close(&f->listener);
}

static void a_stale_lock_is_taken_over(void **state)
{
    struct fixture *f = *state;
    char lock[128];
    int fd;

    (void)snprintf(lock, sizeof(lock), "%s.lock", f->path);
    fd = open(lock, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "99999999\n", 9), 9);
    (void)close(fd);
    assert_int_equal(open_at(f, f->path), 0);
    listener_close(&f->listener);
}

static void what_is_no_socket_is_never_deleted(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(open_at(f, f->path), -EEXIST);
    assert_why(f, "a file that is no socket is there");
    assert_int_equal(unlink(f->path), 0);

    assert_int_equal(symlink("/nowhere", f->path), 0);
    assert_int_equal(open_at(f, f->path), -EEXIST);
    assert_int_equal(unlink(f->path), 0);

    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(open_at(f, f->path), -EEXIST);
    assert_int_equal(rmdir(f->path), 0);
}

static void another_programs_socket_is_left_alone(void **state)
{
    struct fixture *f = *state;
    int fd = bound_socket(f->path, SOCK_STREAM);

    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(open_at(f, f->path), -EADDRINUSE);
    assert_why(f, "socket of another type");
    (void)close(fd);
    assert_int_equal(unlink(f->path), 0);
}

static void a_daemon_that_is_busy_is_alive(void **state)
{
    struct fixture *f = *state;
    int fd = bound_socket(f->path, SOCK_SEQPACKET);
    int client;

    assert_int_equal(listen(fd, 0), 0);
    client = connected(f->path); /* and its backlog is full */
    assert_true(client >= 0);
    assert_int_equal(open_at(f, f->path), -EADDRINUSE);
    assert_why(f, "is already served by another daemon");
    (void)close(client);
    (void)close(fd);
    assert_int_equal(unlink(f->path), 0);
}

static void paths_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    char path[160];

    assert_int_equal(open_at(f, ""), -ENAMETOOLONG);
    memset(path, 'x', sizeof(path));
    memcpy(path, "/tmp/", 5);
    path[108] = '\0';
    assert_int_equal(open_at(f, path), -ENAMETOOLONG);
    assert_why(f, "a path of 108 bytes; accepted: 1 to 107");
    (void)snprintf(path, sizeof(path), "%s/none/s", f->dir);
    assert_int_equal(open_at(f, path), -ENOENT);
    assert_why(f, "its directory does not exist; create it");
}

/** The longest path that there can be, and its lock's is longer. */
static void the_longest_path(void **state)
{
    struct fixture *f = *state;
    char path[108];
    const size_t len = strlen(f->dir);

    (void)snprintf(path, sizeof(path), "%s/", f->dir);
    memset(path + len + 1, 'x', sizeof(path) - len - 2);
    path[107] = '\0';
    assert_int_equal(open_at(f, path), 0);
    listener_close(&f->listener);
}

static void a_path_that_is_not_ours_any_more(void **state)
{
    struct fixture *f = *state;
    int fd;

    assert_int_equal(open_at(f, f->path), 0);
    assert_int_equal(unlink(f->path), 0);
    fd = bound_socket(f->path, SOCK_SEQPACKET);
    listener_close(&f->listener);
    assert_int_equal(access(f->path, F_OK), 0);
    (void)close(fd);
    assert_int_equal(unlink(f->path), 0);
}

/* ---- two at once ---- */

#define NR_RACERS 8
#define NR_RACES  50

struct race {
    const char *path;
    pthread_barrier_t barrier;
};

struct racer {
    pthread_t thread;
    struct race *race;
    struct listener listener;
    int rc;
};

static void *run_racer(void *data)
{
    struct racer *r = data;
    char why[WHY_BYTES];

    (void)pthread_barrier_wait(&r->race->barrier);
    r->rc = listener_open(r->race->path, 0777, NO_GROUP, &r->listener, why, sizeof(why));
    return NULL;
}

/** Of many that find the same stale socket, exactly one gets the path. */
static void one_of_many_wins(void **state)
{
    struct fixture *f = *state;
    struct race race = {.path = f->path};
    struct racer racers[NR_RACERS];

    assert_int_equal(pthread_barrier_init(&race.barrier, NULL, NR_RACERS), 0);
    for (int i = 0; i < NR_RACES; i++) {
        struct racer *winner = NULL;
        int client;

        (void)close(bound_socket(f->path, SOCK_SEQPACKET));
        for (int r = 0; r < NR_RACERS; r++) {
            racers[r].race = &race;
            assert_int_equal(pthread_create(&racers[r].thread, NULL, run_racer, &racers[r]), 0);
        }
        for (int r = 0; r < NR_RACERS; r++) {
            assert_int_equal(pthread_join(racers[r].thread, NULL), 0);
            assert_true(racers[r].rc == 0 || racers[r].rc == -EADDRINUSE);
            assert_true(racers[r].rc < 0 || !winner);
            if (racers[r].rc == 0)
                winner = &racers[r];
        }
        assert_non_null(winner);
        client = connected(f->path);
        assert_true(client >= 0);
        (void)close(client);
        listener_close(&winner->listener);
    }
    (void)pthread_barrier_destroy(&race.barrier);
}

/** Between our open and our lock the last holder has unlinked the file: it locks nobody out. */
static void a_lock_that_is_gone(void **state)
{
    struct fixture *f = *state;
    struct stat ours, there;
    char lock[128];

    (void)snprintf(lock, sizeof(lock), "%s.lock", f->path);
    unlink_before_flock = lock;
    assert_int_equal(open_at(f, f->path), 0);
    assert_null(unlink_before_flock);
    assert_int_equal(fstat(f->listener.lock_fd, &ours), 0);
    assert_int_equal(stat(lock, &there), 0);
    assert_int_equal(ours.st_ino, there.st_ino);
    listener_close(&f->listener);
}

/* ---- what systemd passes ---- */

/** In a child whose descriptor 3 is fd: what listener_inherit() says. 100 + its result. */
static int inherit_in_child(struct fixture *f, int fd, int nr, const char *expected_path)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        char text[16];
        int rc;

        if (fd != SD_LISTEN_FDS_START && dup2(fd, SD_LISTEN_FDS_START) < 0)
            _exit(1);
        for (int i = 1; i < nr; i++)
            (void)dup2(fd, SD_LISTEN_FDS_START + i);
        (void)snprintf(text, sizeof(text), "%ld", (long)getpid());
        (void)setenv("LISTEN_PID", text, 1);
        (void)snprintf(text, sizeof(text), "%d", nr);
        if (nr > 0)
            (void)setenv("LISTEN_FDS", text, 1);
        rc = listener_inherit(&f->listener, f->why, sizeof(f->why));
        if (getenv("LISTEN_FDS"))
            _exit(2);
        if (rc == 1) {
            const char *path = f->listener.path;

            if (f->listener.fd != SD_LISTEN_FDS_START || f->listener.lock_fd != -1 ||
                !(fcntl(SD_LISTEN_FDS_START, F_GETFL) & O_NONBLOCK) ||
                (expected_path ? !path || strcmp(path, expected_path) != 0 : path != NULL))
                _exit(3);
            listener_close(&f->listener);
        } else if (rc < 0 && (!strstr(f->why, "ListenSequentialPacket=") ||
                              fcntl(SD_LISTEN_FDS_START, F_GETFD) >= 0)) {
            _exit(4);
        }
        _exit(rc < 0 ? 99 : 100 + rc);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_socket_that_is_passed(void **state)
{
    struct fixture *f = *state;
    int fd = bound_socket(f->path, SOCK_SEQPACKET);
    int stream;

    assert_int_equal(inherit_in_child(f, fd, 1, NULL), 99); /* not listening */
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(inherit_in_child(f, fd, 1, f->path), 101);
    assert_int_equal(access(f->path, F_OK), 0); /* it is systemd's */
    assert_int_equal(inherit_in_child(f, fd, 2, NULL), 99);
    assert_int_equal(inherit_in_child(f, fd, 0, NULL), 100);
    (void)close(fd);
    assert_int_equal(unlink(f->path), 0);

    stream = bound_socket(f->path, SOCK_STREAM);
    assert_int_equal(listen(stream, 4), 0);
    assert_int_equal(inherit_in_child(f, stream, 1, NULL), 99);
    (void)close(stream);
    assert_int_equal(unlink(f->path), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_listens_and_is_gone_at_the_end),
        TEST(a_living_daemon_is_left_alone),
        TEST(a_stale_socket_is_taken_over),
        TEST(a_stale_lock_is_taken_over),
        TEST(what_is_no_socket_is_never_deleted),
        TEST(another_programs_socket_is_left_alone),
        TEST(a_daemon_that_is_busy_is_alive),
        TEST(paths_that_cannot_be),
        TEST(the_longest_path),
        TEST(a_path_that_is_not_ours_any_more),
        TEST(one_of_many_wins),
        TEST(a_lock_that_is_gone),
        TEST(a_socket_that_is_passed),
    };

    log_init(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
