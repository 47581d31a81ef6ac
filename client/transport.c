/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport.c: whole packets over the socket.
 *
 * Sending never waits: the daemon reads no more from a client whose answers it cannot send, so a
 * client that waited to send with answers unread would wait for ever.
 */
#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/limits.h"

int transport_connect(const char *path, int *ret_fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    int fd, r;

    if (len >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, path, len + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    do {
        r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int transport_send(int fd, const void *packet, size_t len)
{
    ssize_t n;

    do {
        n = send(fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return 0;
    // The kernel is short of memory for a moment, which is no reason to give the session up.
    if (errno == ENOBUFS || errno == ENOMEM)
        return -EAGAIN;
    return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

int transport_recv(int fd, void *packet, size_t size, bool wait, size_t *ret_len)
{
    ssize_t n;

    do {
        n = recv(fd, packet, size, MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    if ((size_t)n > size)
        return -EMSGSIZE;
    *ret_len = (size_t)n;
    return 0;
}

/* Take the descriptors out of a message; those that do not fit are closed and make it -EMFILE. */
static int take_fds(struct msghdr *msg, int *fds, unsigned max, unsigned *ret_nr)
{
    int r = msg->msg_flags & MSG_CTRUNC ? -EMFILE : 0;
    unsigned nr = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
            if (nr < max) {
                fds[nr++] = fd;
            } else {
                close(fd);
                r = -EMFILE;
            }
        }
    }
    if (r) {
        while (nr)
            close(fds[--nr]);
        return r;
    }
    *ret_nr = nr;
    return 0;
}

int transport_recv_fds(int fd, void *packet, size_t size, size_t *ret_len, int *ret_fds,
                       unsigned max, unsigned *ret_nr_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
    } control;
    struct iovec iov = {.iov_base = packet, .iov_len = size};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    unsigned nr = 0;
    ssize_t n;
    int r;

    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    r = take_fds(&msg, ret_fds, max, &nr);
    if (r)
        return r;
    if (msg.msg_flags & MSG_TRUNC) {
        while (nr)
            close(ret_fds[--nr]);
        return -EMSGSIZE;
    }
    *ret_len = (size_t)n;
    *ret_nr_fds = nr;
    return 0;
}

long long transport_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int transport_poll(int fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    long long deadline = timeout_ms > 0 ? transport_now_ms() + timeout_ms : 0;
    int n;

    for (;;) {
        n = poll(&p, 1, timeout_ms);
        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
        if (timeout_ms > 0) {
            long long left = deadline - transport_now_ms();

            timeout_ms = left > 0 ? (int)left : 0;
        }
    }
}
