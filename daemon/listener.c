/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.c: taking a socket path, and giving it back.
 *
 * Whether a socket file is stale is known by connecting to it, and between that answer and our own
 * bind() another daemon might come to the same answer. So all of it happens under a lock, which is
 * a file beside the socket, kept for our life. The lock file is unlinked while the lock is held; so
 * whoever gets a lock looks whether the path still leads to the file that he locked.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "log.h"
#include "why.h"

#define LOCK_END  ".lock"
#define PATH_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path))

static void lock_path(const char *path, char ret[PATH_SIZE + sizeof(LOCK_END)])
{
    (void)snprintf(ret, PATH_SIZE + sizeof(LOCK_END), "%s" LOCK_END, path);
}

/** Say that somebody has the path. pid: 0 if unknown. */
static int in_use(const char *path, long pid, char *why, size_t size)
{
    char who[32] = "another daemon";

    if (pid > 0)
        (void)snprintf(who, sizeof(who), "pid %ld", pid);
    return why_not(-EADDRINUSE, why, size,
                   "socket '%s' is already served by %s; stop it, or choose another path", path,
                   who);
}

/** The pid that the lock's holder wrote into it; 0 if there is none yet. */
static long lock_holder(int lock_fd)
{
    char text[24] = "";
    const ssize_t n = pread(lock_fd, text, sizeof(text) - 1, 0);

    return n > 0 ? strtol(text, NULL, 10) : 0;
}

/** Is fd still the file that path leads to? */
static bool is_at(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int take_lock(const char *path, int *ret_fd, char *why, size_t size)
{
    char file[PATH_SIZE + sizeof(LOCK_END)];
    int fd, rc;

    lock_path(path, file);
    for (;;) {
        fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno == ENOENT)
            return why_not(-ENOENT, why, size,
                           "socket '%s': its directory does not exist; create it, or choose "
                           "another path",
                           path);
        if (fd < 0)
            return why_not(-errno, why, size, "socket '%s': cannot open its lock %s: %s", path,
                           file, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            rc = errno == EWOULDBLOCK
                     ? in_use(path, lock_holder(fd), why, size)
                     : why_not(-errno, why, size, "socket '%s': cannot lock %s: %s", path, file,
                               strerror(errno));
            (void)close(fd);
            return rc;
        }
        if (is_at(fd, file))
            break;
        (void)close(fd); /* its last holder has just unlinked it */
    }
    /* For those who find it locked; without it they know less, and that is all. */
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        log_debug("cannot write our pid to %s: %s", file, strerror(errno));
    *ret_fd = fd;
    return 0;
}

static void drop_lock(const char *path, int lock_fd)
{
    char file[PATH_SIZE + sizeof(LOCK_END)];

    lock_path(path, file);
    (void)unlink(file);
    (void)close(lock_fd);
}

/** Make the path free for us, if what stands there is a socket that nobody serves. */
static int clear_path(const struct sockaddr_un *addr, char *why, size_t size)
{
    const char *path = addr->sun_path;
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    struct stat st;
    int fd, rc = 0;

    if (lstat(path, &st) < 0)
        return errno == ENOENT
                   ? 0
                   : why_not(-errno, why, size, "socket '%s': %s", path, strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return why_not(-EEXIST, why, size,
                       "socket '%s': a file that is no socket is there; remove it, or choose "
                       "another path",
                       path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return why_not(-errno, why, size, "socket '%s': %s", path, strerror(errno));
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0) {
        (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
        rc = in_use(path, (long)peer.pid, why, size);
    } else if (errno == EAGAIN) { /* it serves, and has no time for us */
        rc = in_use(path, 0, why, size);
    } else if (errno == EPROTOTYPE) {
        rc = why_not(-EADDRINUSE, why, size,
                     "socket '%s': another program's socket of another type is there; choose "
                     "another path",
                     path);
    } else if (errno != ECONNREFUSED) {
        rc = why_not(-errno, why, size, "socket '%s': cannot tell whether it is in use: %s", path,
                     strerror(errno));
    } else if (unlink(path) < 0 && errno != ENOENT) {
        rc = why_not(-errno, why, size, "socket '%s': cannot remove the stale one: %s", path,
                     strerror(errno));
    } else {
        log_info("socket '%s' was stale: taken over", path);
    }
    (void)close(fd);
    return rc;
}

/** Bind and listen. The file has its mode from birth, and nobody can connect before the end. */
static int bind_path(int fd, const struct sockaddr_un *addr, mode_t mode, gid_t group,
                     struct stat *ret_st, char *why, size_t size)
{
    const char *path = addr->sun_path;
    const mode_t umask_before = umask(0777 & ~mode);
    const int bound = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
    const int bind_errno = errno;
    int rc;

    (void)umask(umask_before);
    if (bound < 0)
        return why_not(-bind_errno, why, size, "socket '%s': cannot bind: %s", path,
                       strerror(bind_errno));
    if (group != (gid_t)-1 && lchown(path, (uid_t)-1, group) < 0) {
        rc = why_not(-errno, why, size, "socket '%s': cannot give it to group %lu: %s", path,
                     (unsigned long)group, strerror(errno));
        goto fail;
    }
    if (lstat(path, ret_st) < 0 || listen(fd, LISTENER_BACKLOG) < 0) {
        rc = why_not(-errno, why, size, "socket '%s': cannot listen: %s", path, strerror(errno));
        goto fail;
    }
    return 0;
fail:
    (void)unlink(path);
    return rc;
}

int listener_open(const char *path, mode_t mode, gid_t group, struct listener *ret, char *why,
                  size_t size)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    char *copy;
    int fd = -1, lock_fd = -1;
    int rc;

    if (strlen(path) == 0 || strlen(path) >= sizeof(addr.sun_path))
        return why_not(-ENAMETOOLONG, why, size,
                       "socket '%s': a path of %zu bytes; accepted: 1 to %zu", path, strlen(path),
                       sizeof(addr.sun_path) - 1);
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    copy = strdup(path);
    if (!copy)
        return why_not(-ENOMEM, why, size, "out of memory");
    rc = take_lock(path, &lock_fd, why, size);
    if (rc < 0)
        goto fail_copy;
    rc = clear_path(&addr, why, size);
    if (rc < 0)
        goto fail_lock;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        rc = why_not(-errno, why, size, "socket '%s': %s", path, strerror(errno));
        goto fail_lock;
    }
    rc = bind_path(fd, &addr, mode, group, &st, why, size);
    if (rc < 0)
        goto fail_fd;
    *ret = (struct listener){
        .fd = fd, .lock_fd = lock_fd, .path = copy, .dev = st.st_dev, .ino = st.st_ino};
    return 0;
fail_fd:
    (void)close(fd);
fail_lock:
    drop_lock(path, lock_fd);
fail_copy:
    free(copy);
    return rc;
}

/** The path that a socket is bound to, for messages. NULL if it has none or memory is out. */
static char *bound_path(int fd)
{
    struct sockaddr_un addr = {0};
    socklen_t len = sizeof(addr) - 1;

    if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 || addr.sun_path[0] == '\0')
        return NULL;
    return strdup(addr.sun_path);
}

int listener_inherit(struct listener *ret, char *why, size_t size)
{
    const int fd = SD_LISTEN_FDS_START;
    int nr, rc;

    nr = sd_listen_fds(1);
    if (nr == 0)
        return 0;
    if (nr < 0)
        return why_not(nr, why, size, "cannot read LISTEN_FDS: %s", strerror(-nr));
    rc = nr == 1 ? sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) : 0;
    if (rc > 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        rc = -errno;
    if (rc > 0) {
        *ret = (struct listener){.fd = fd, .lock_fd = -1, .path = bound_path(fd)};
        return 1;
    }
    for (int i = 0; i < nr; i++)
        (void)close(fd + i);
    if (rc < 0)
        return why_not(rc, why, size, "cannot use the socket that was passed: %s", strerror(-rc));
    return why_not(-EINVAL, why, size,
                   "what socket activation passed (%d descriptor%s) is not one listening Unix "
                   "socket of type SOCK_SEQPACKET; accepted: one ListenSequentialPacket=",
                   nr, nr == 1 ? "" : "s");
}

int listener_take_fd(struct listener *l)
{
    const int fd = l->fd;

    l->fd = -1;
    return fd;
}

void listener_close(struct listener *l)
{
    struct stat st;

    if (l->lock_fd >= 0) {
        if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
            (void)unlink(l->path);
        drop_lock(l->path, l->lock_fd);
    }
    if (l->fd >= 0)
        (void)close(l->fd);
    free(l->path);
    *l = (struct listener){.fd = -1, .lock_fd = -1};
}
