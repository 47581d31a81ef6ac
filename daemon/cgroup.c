/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.c: /proc/PID/cgroup, read while its process lives. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** A file with every hierarchy of v1 and a long path in each is not larger. */
#define FILE_BYTES 16384u

/* What stands behind prefix in a line of text, or NULL. The line's number may be any. */
static const char *find_line(const char *text, const char *prefix)
{
    while (*text) {
        const char *colon = strchr(text, ':');

        if (colon && strncmp(colon, prefix, strlen(prefix)) == 0)
            return colon + strlen(prefix);
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

int cgroup_parse(const char *text, char ret[CGROUP_PATH_BYTES])
{
    /* With both, v1's is the one where systemd has its units, and v2's is the root. */
    const char *path = find_line(text, ":name=systemd:");
    size_t len;

    if (!path)
        path = find_line(text, "::");
    if (!path || *path != '/')
        return -ENOENT;
    len = strcspn(path, "\n");
    if (len >= CGROUP_PATH_BYTES)
        return -ENAMETOOLONG;
    memcpy(ret, path, len);
    ret[len] = '\0';
    return 0;
}

static int read_all(const char *file, char *ret, size_t size)
{
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = 1;
    int rc = 0;

    ret[0] = '\0';
    if (fd < 0)
        return -errno;
    while (n != 0 && len < size - 1) {
        n = read(fd, ret + len, size - 1 - len);
        if (n < 0 && errno != EINTR) {
            rc = -errno;
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    ret[len] = '\0';
    return rc;
}

int cgroup_read(const char *proc, pid_t pid, int pidfd, char ret[CGROUP_PATH_BYTES])
{
    struct pollfd gone = {.fd = pidfd, .events = POLLIN};
    char file[256], text[FILE_BYTES];
    int rc, nr;

    (void)snprintf(file, sizeof(file), "%s/%d/cgroup", proc, (int)pid);
    rc = read_all(file, text, sizeof(text));
    do
        nr = poll(&gone, 1, 0);
    while (nr < 0 && errno == EINTR);
    if (nr < 0)
        return -errno;
    /* It has ended: what was read may be another process's. */
    if (nr > 0)
        return -ESRCH;
    return rc < 0 ? rc : cgroup_parse(text, ret);
}

int cgroup_of(pid_t pid, int pidfd, char ret[CGROUP_PATH_BYTES])
{
    return cgroup_read("/proc", pid, pidfd, ret);
}
