/* SPDX-License-Identifier: Apache-2.0 */
/* program.c: child processes with their output in memory files; see program.h. */
#include "program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_environment(const char *const env[])
{
    for (; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        char name[64] = "";

        if (!equals) {
            unsetenv(*env);
        } else if ((size_t)(equals - *env) < sizeof(name)) {
            memcpy(name, *env, (size_t)(equals - *env));
            setenv(name, equals + 1, 1);
        }
    }
}

static _Noreturn void become(const struct program *p, const char *const argv[],
                             const char *const env[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    set_environment(env);
    if (dup2(p->out, STDOUT_FILENO) >= 0 && dup2(p->err, STDERR_FILENO) >= 0)
        execv(argv[0], (char *const *)argv);
    _exit(126);
}

int program_start(struct program *p, const char *const argv[], const char *const env[])
{
    int error;

    *p = (struct program){.pidfd = -1};
    p->out = memfd_create("stdout", MFD_CLOEXEC);
    p->err = memfd_create("stderr", MFD_CLOEXEC);
    if (p->out < 0 || p->err < 0)
        goto fail;
    p->pid = fork();
    if (p->pid == 0)
        become(p, argv, env);
    if (p->pid < 0)
        goto fail;
    p->pidfd = pidfd_open(p->pid, 0);
    if (p->pidfd < 0)
        goto fail;
    return 0;
fail:
    error = errno;
    program_end(p);
    return -error;
}

int program_wait(struct program *p, int timeout_ms)
{
    struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};
    int status = 0;
    int ready;

    do
        ready = poll(&ended, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        kill(p->pid, SIGKILL);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->pid = 0;
    return ready == 0 ? -ETIMEDOUT : status;
}

char *program_text(int fd, char *buf, size_t size)
{
    ssize_t n = pread(fd, buf, size - 1, 0);

    buf[n > 0 ? n : 0] = '\0';
    return buf;
}

void program_end(struct program *p)
{
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    if (p->pidfd >= 0)
        close(p->pidfd);
    if (p->out >= 0)
        close(p->out);
    if (p->err >= 0)
        close(p->err);
    *p = (struct program){.pidfd = -1, .out = -1, .err = -1};
}

int program_run(const char *const argv[], const char *const env[], char *out, size_t out_size,
                char *err, size_t err_size)
{
    struct program p;
    int status;

    if (program_start(&p, argv, env))
        return -1;
    status = program_wait(&p, PATIENCE_MS);
    if (out)
        program_text(p.out, out, out_size);
    if (err)
        program_text(p.err, err, err_size);
    program_end(&p);
    if (status < 0)
        return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
