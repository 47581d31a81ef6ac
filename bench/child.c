/* SPDX-License-Identifier: Apache-2.0 */
/* child.c: start other programs, read what they say, end them. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define EXIT_NO_EXEC 127

/** In the child: become the program. */
static _Noreturn void become(const char *const argv[], const char *const env[], int out)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(out, STDOUT_FILENO) < 0)
        _exit(EXIT_NO_EXEC);
    for (size_t i = 0; env && env[i]; i++)
        putenv((char *)env[i]);
    execvp(argv[0], (char *const *)argv);
    _exit(EXIT_NO_EXEC);
}

static int spawn(const char *const argv[], const char *const env[], pid_t *ret_pid, int *ret_out)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC))
        return -errno;
    pid = fork();
    if (pid == 0)
        become(argv, env, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        int rc = -errno;

        close(fds[0]);
        return rc;
    }
    *ret_pid = pid;
    *ret_out = fds[0];
    return 0;
}

int child_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/** Read until the end. What does not fit is read too, so that the child is not held up. */
static int read_all(int fd, char *out, size_t size)
{
    size_t used = 0;

    for (;;) {
        char spare[512];
        bool full = used + 1 >= size;
        ssize_t n = full ? read(fd, spare, sizeof(spare)) : read(fd, out + used, size - 1 - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        if (full)
            return -E2BIG;
        used += (size_t)n;
    }
    out[used] = '\0';
    return 0;
}

int child_run(const char *const argv[], const char *const env[], char *out, size_t size)
{
    pid_t pid = -1;
    int status;
    int fd = -1;
    int rc = spawn(argv, env, &pid, &fd);

    if (rc)
        return rc;
    rc = read_all(fd, out, size);
    close(fd);
    status = child_wait(pid);
    return rc ? rc : status;
}

/** Read lines until one holds a text. */
static int wait_for(int fd, const char *ready, int timeout_ms)
{
    uint64_t deadline = bench_now_ns() + (uint64_t)timeout_ms * 1000000u;
    char text[4096];
    size_t used = 0;

    for (;;) {
        uint64_t now = bench_now_ns();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (now >= deadline || poll(&p, 1, (int)((deadline - now) / 1000000u) + 1) == 0)
            return -ETIMEDOUT;
        n = read(fd, text + used, sizeof(text) - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -ECHILD;
        used += (size_t)n;
        text[used] = '\0';
        if (strstr(text, ready))
            return 0;
        if (used > sizeof(text) / 2) {
            /* Keep the end: the text that we look for may be cut in two. */
            memmove(text, text + used - sizeof(text) / 4, sizeof(text) / 4);
            used = sizeof(text) / 4;
        }
    }
}

int child_start(const char *const argv[], const char *ready, int timeout_ms, pid_t *ret_pid)
{
    pid_t pid = -1;
    int fd = -1;
    int rc = spawn(argv, NULL, &pid, &fd);

    if (rc)
        return rc;
    rc = wait_for(fd, ready, timeout_ms);
    close(fd);
    if (rc == -ECHILD) {
        int status = child_wait(pid);

        return status == EXIT_NO_EXEC ? -ENOENT : -ECHILD;
    }
    if (rc) {
        child_stop(pid);
        return rc;
    }
    *ret_pid = pid;
    return 0;
}

int child_fork(void (*run)(void *data), void *data, pid_t *ret_pid)
{
    pid_t pid = fork();

    if (pid < 0)
        return -errno;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        run(data);
        _exit(EXIT_SUCCESS);
    }
    *ret_pid = pid;
    return 0;
}

int child_self(char *ret, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", ret, size);

    if (n < 0)
        return -errno;
    if ((size_t)n == size)
        return -ENAMETOOLONG;
    ret[n] = '\0';
    return 0;
}

const char *child_find_daemon(const char *self, char *buf, size_t size)
{
    const char *slash = strrchr(self, '/');
    int length = (int)(slash - self);
    int n = snprintf(buf, size, "%.*s/../daemon/buddyd", length, self);

    return n > 0 && (size_t)n < size && access(buf, X_OK) == 0 ? buf : "buddyd";
}

void child_stop(pid_t pid)
{
    kill(pid, SIGTERM);
    child_wait(pid);
}
