/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_peer.c: who is at the other end, with the kernel's pidfd of the peer and on kernels that
 * have none (Debian 12's is one of them).
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

#define PEERPIDFD    77
#define CHILD_LIFE_S 60

/* What the kernel is made to answer when it is asked for a pidfd; 0: what it really does. */
static int pidfd_error;

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (level == SOL_SOCKET && name == PEERPIDFD && pidfd_error) {
        errno = pidfd_error;
        return -1;
    }
    return __real_getsockopt(fd, level, name, value, len);
}

/* A child that connects to us and lives until it is killed; returns our end of its socket. */
static int connect_child(pid_t *ret_pid)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    socklen_t len = sizeof(address);
    int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    pid_t pid;
    int fd;

    assert_true(listen_fd >= 0);
    assert_int_equal(bind(listen_fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(listen_fd, 1), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(CHILD_LIFE_S);
        fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
        if (connect(fd, (struct sockaddr *)&address, len) < 0)
            _exit(1);
        for (;;)
            (void)pause();
    }
    fd = accept(listen_fd, NULL, NULL);
    assert_true(fd >= 0);
    (void)close(listen_fd);
    *ret_pid = pid;
    return fd;
}

static bool is_gone(int pidfd)
{
    struct pollfd ready = {.fd = pidfd, .events = POLLIN};

    return poll(&ready, 1, 0) == 1;
}

static void check_life_and_death(void)
{
    struct peer peer;
    pid_t pid;
    int fd = connect_child(&pid);

    assert_int_equal(peer_of(fd, &peer), 0);
    assert_int_equal(peer.pid, pid);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.gid, getegid());
    assert_true(peer.pidfd >= 0);
    assert_false(is_gone(peer.pidfd));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(is_gone(peer.pidfd));
    (void)close(peer.pidfd);
    (void)close(fd);
}

static void test_life_and_death(void **state)
{
    (void)state;
    pidfd_error = 0;
    check_life_and_death();
}

static void test_without_peerpidfd(void **state)
{
    struct peer peer = {.pidfd = -1};
    pid_t pid;
    int fd;

    (void)state;
    pidfd_error = ENOPROTOOPT;
    check_life_and_death();
    /* Dead, and waited for, before anybody asks. */
    fd = connect_child(&pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(peer_of(fd, &peer), -ESRCH);
    assert_int_equal(peer.pidfd, -1);
    (void)close(fd);
}

static void test_errors(void **state)
{
    struct peer peer = {.pidfd = -1};
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    pidfd_error = EINVAL;
    assert_int_equal(peer_of(fd[0], &peer), -ESRCH);
    pidfd_error = EMFILE;
    assert_int_equal(peer_of(fd[0], &peer), -EMFILE);
    pidfd_error = 0;
    (void)close(fd[0]);
    (void)close(fd[1]);
    assert_int_equal(peer_of(fd[0], &peer), -EBADF);
    assert_int_equal(peer.pidfd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_and_death),
        cmocka_unit_test(test_without_peerpidfd),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
