/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_proc.c: the real daemon for the length of a test; see daemon_proc.h. */
#include "daemon_proc.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

int daemon_proc_prepare(struct daemon_proc *d)
{
    *d = (struct daemon_proc){.program = {.pidfd = -1, .out = -1, .err = -1}};
    snprintf(d->dir, sizeof(d->dir), "/tmp/buddyd-test-XXXXXX");
    if (!mkdtemp(d->dir)) {
        d->dir[0] = '\0';
        return -errno;
    }
    snprintf(d->config, sizeof(d->config), "%s/buddyd.conf", d->dir);
    snprintf(d->socket, sizeof(d->socket), "%s/buddyd.sock", d->dir);
    snprintf(d->notify, sizeof(d->notify), "%s/notify", d->dir);
    return 0;
}

/* The whole file. marks: what is said of min_free_kbytes. */
static int write_config(struct daemon_proc *d, const char *socket, const char *mode,
                        const char *marks, const char *rest)
{
    FILE *f = fopen(d->config, "we");
    int n;

    if (!f)
        return -errno;
    n = fprintf(f, "[daemon]\nsocket = %s\nsocket_mode = %s\n[memory]\nmin_free_kbytes = %s\n\n%s",
                socket, mode, marks, rest);
    if (fclose(f) || n < 0)
        return -EIO;
    return 0;
}

int daemon_proc_configure(struct daemon_proc *d, const char *socket, const char *zones)
{
    /* Without marks, so that tests can fill a zone to its last page. */
    return write_config(d, socket ? socket : d->socket, "0660", "none", zones);
}

int daemon_proc_configure_policy(struct daemon_proc *d, const char *marks, const char *policy)
{
    char rest[8192];
    int n = snprintf(rest, sizeof(rest), "%s\n%s", daemon_proc_one_zone(), policy);

    if (n < 0 || (size_t)n >= sizeof(rest))
        return -E2BIG;
    return write_config(d, d->socket, "0666", marks, rest);
}

const char *daemon_proc_one_zone(void)
{
    static char section[128];

    snprintf(section, sizeof(section), "[zone test]\nbacking = %s\nsize = %ldM\n", host_backing(),
             ZONE_HUGEPAGES * 2);
    return section;
}

static int open_notify_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    unlink(path);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* Until READY=1 comes, the daemon ends, or our patience does. */
static int wait_ready(const struct program *p, int notify)
{
    struct pollfd fds[2] = {{.fd = notify, .events = POLLIN}, {.fd = p->pidfd, .events = POLLIN}};
    char text[512];

    for (;;) {
        int ready = poll(fds, 2, PATIENCE_MS);

        if (ready == 0)
            return -ETIMEDOUT;
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready > 0 && fds[0].revents) {
            ssize_t n = recv(notify, text, sizeof(text) - 1, 0);

            text[n > 0 ? n : 0] = '\0';
            if (strstr(text, "READY=1"))
                return 0;
        } else if (ready > 0 && fds[1].revents) {
            return -ECHILD;
        }
    }
}

/* The last that it said: what it died of stands at the end. */
static void show_errors(const struct daemon_proc *d)
{
    char text[4096];
    off_t end = lseek(d->program.err, 0, SEEK_END);
    off_t start = end > (off_t)sizeof(text) ? end - (off_t)sizeof(text) : 0;
    ssize_t n = pread(d->program.err, text, sizeof(text), start);

    if (n > 0)
        fprintf(stderr, "--- the daemon said:\n%.*s---\n", (int)n, text);
}

int daemon_proc_start(struct daemon_proc *d)
{
    const char *const argv[] = {BUDDYD_PROGRAM, "--config", d->config, NULL};
    char variable[128];
    const char *const env[] = {variable, NULL};
    int notify = open_notify_socket(d->notify);
    int error;

    if (notify < 0)
        return notify;
    snprintf(variable, sizeof(variable), "NOTIFY_SOCKET=%s", d->notify);
    error = program_start(&d->program, argv, env);
    if (!error)
        error = wait_ready(&d->program, notify);
    if (error)
        show_errors(d);
    close(notify);
    return error;
}

int daemon_proc_run(struct daemon_proc *d)
{
    int error = daemon_proc_prepare(d);

    if (!error)
        error = daemon_proc_configure(d, NULL, daemon_proc_one_zone());
    if (!error)
        error = daemon_proc_start(d);
    if (error)
        daemon_proc_end(d);
    return error;
}

int daemon_proc_run_policy(struct daemon_proc *d, const char *marks, const char *policy)
{
    int error = daemon_proc_prepare(d);

    /* Other users come to the socket by it. */
    if (!error && chmod(d->dir, 0711))
        error = -errno;
    if (!error)
        error = daemon_proc_configure_policy(d, marks, policy);
    if (!error)
        error = daemon_proc_start(d);
    if (error)
        daemon_proc_end(d);
    return error;
}

static int count_entries(const char *path, const char *const ignored[])
{
    DIR *dir = opendir(path);
    int nr = 0;

    if (!dir)
        return -1;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        const char *const *name = ignored;

        while (*name && strcmp(*name, e->d_name) != 0)
            name++;
        nr += *name ? 0 : 1;
    }
    closedir(dir);
    return nr;
}

int daemon_proc_fds(const struct daemon_proc *d)
{
    const char *const ignored[] = {".", "..", NULL};
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)d->program.pid);
    return count_entries(path, ignored);
}

int daemon_proc_leftovers(const struct daemon_proc *d)
{
    const char *const ignored[] = {".", "..", "buddyd.conf", "notify", NULL};

    return count_entries(d->dir, ignored);
}

int daemon_proc_ctl(const struct daemon_proc *d, const char *const args[], char *out, char *err)
{
    const char *argv[DAEMON_PROC_MAX_ARGS + 4] = {BUDDYCTL_PROGRAM, "--socket", d->socket};
    size_t nr = 3;

    for (; *args && nr < DAEMON_PROC_MAX_ARGS + 3; args++)
        argv[nr++] = *args;
    return program_run(argv, NULL, out, DAEMON_PROC_TEXT_BYTES, err, DAEMON_PROC_TEXT_BYTES);
}

int daemon_proc_reload(struct daemon_proc *d)
{
    int notify = open_notify_socket(d->notify);
    int error;

    if (notify < 0)
        return notify;
    kill(d->program.pid, SIGHUP);
    error = wait_ready(&d->program, notify);
    close(notify);
    return error;
}

int daemon_proc_stop(struct daemon_proc *d)
{
    int status;

    kill(d->program.pid, SIGTERM);
    status = program_wait(&d->program, PATIENCE_MS);
    if (status != 0)
        show_errors(d);
    program_end(&d->program);
    if (status < 0)
        return 128 + SIGKILL;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void daemon_proc_kill(struct daemon_proc *d)
{
    program_end(&d->program);
}

static void remove_directory(const char *path)
{
    DIR *dir = opendir(path);

    if (!dir)
        return;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    closedir(dir);
    rmdir(path);
}

/* It is dead, and nobody killed it or asked it to stop. */
static bool has_died(const struct daemon_proc *d)
{
    siginfo_t info = {.si_pid = 0};

    return d->program.pid > 0 &&
           waitid(P_PID, (id_t)d->program.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

void daemon_proc_end(struct daemon_proc *d)
{
    if (has_died(d))
        show_errors(d);
    program_end(&d->program);
    if (d->dir[0])
        remove_directory(d->dir);
    d->dir[0] = '\0';
}
