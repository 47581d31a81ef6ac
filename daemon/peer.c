/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c: credentials and pidfd of a socket's peer.
 *
 * SO_PEERPIDFD names the very process that connected. Kernels before 6.5 lack it; there the pidfd
 * is opened by number, which is another process's if the peer died and its number came back in
 * between. That cannot grant anything (rights come from the credentials), only delay an end.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static int open_pidfd(int fd, pid_t pid, int *ret)
{
    int pidfd = -1;
    socklen_t len = sizeof(pidfd);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0) {
        *ret = pidfd;
        return 0;
    }
    if (errno != ENOPROTOOPT)
        return errno == EINVAL ? -ESRCH
                               : -errno; /* EINVAL: some kernels, for a process that died */
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return -errno;
    *ret = pidfd;
    return 0;
}

int peer_of(int fd, struct peer *ret)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int pidfd = -1;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return -errno;
    if (cred.pid > 0) {
        int error = open_pidfd(fd, cred.pid, &pidfd);

        if (error)
            return error;
    }
    *ret = (struct peer){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid, .pidfd = pidfd};
    return 0;
}
