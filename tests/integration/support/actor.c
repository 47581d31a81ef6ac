/* SPDX-License-Identifier: Apache-2.0 */
/* actor.c: client processes under direction; see actor.h. */
#include "actor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

int actor_start(struct actor *a, actor_fn play, void *arg)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    fflush(NULL);
    a->pid = fork();
    if (a->pid < 0) {
        int error = errno;

        close(ends[0]);
        close(ends[1]);
        a->pid = 0;
        return -error;
    }
    if (a->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        /* Not exit(): what the test registered to run at its end is not the actor's. */
        _exit(play(ends[1], arg));
    }
    close(ends[1]);
    a->link = ends[0];
    return 0;
}

int actor_wait(struct actor *a)
{
    int status = 0;

    if (a->pid <= 0)
        return -ECHILD;
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(a->link);
    *a = (struct actor){0};
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void actor_kill(struct actor *a)
{
    if (a->pid <= 0)
        return;
    kill(a->pid, SIGKILL);
    actor_wait(a);
}

int actor_become(uid_t uid)
{
    if (uid == 0)
        return 0;
    if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
        return -errno;
    /* Other credentials have taken it back. */
    return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0;
}

int actor_send(int link, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = send(link, at, size, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int actor_receive(int link, void *data, size_t size)
{
    struct pollfd readable = {.fd = link, .events = POLLIN};
    char *at = data;

    while (size > 0) {
        ssize_t n;

        if (poll(&readable, 1, PATIENCE_MS) == 0)
            return -ETIMEDOUT;
        n = recv(link, at, size, 0);
        if (n == 0)
            return -EPIPE;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

int actor_say(int link, uint64_t value)
{
    return actor_send(link, &value, sizeof(value));
}

int actor_hear(int link, uint64_t *ret)
{
    return actor_receive(link, ret, sizeof(*ret));
}
