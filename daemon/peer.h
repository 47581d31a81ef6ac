/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h: who is at the other end of a socket, as the kernel says.
 *
 * The identity is that of the process which connected. A child that inherits the socket does not
 * become the peer, and its holding the socket open does not keep the peer alive: that is what the
 * pidfd is for.
 */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <sys/types.h>

struct peer {
    pid_t pid; /**< 0: not visible from here (another pid namespace) */
    uid_t uid;
    gid_t gid;
    int pidfd; /**< polls readable when the process is gone; -1: pid is 0; the caller's to close */
};

/**
 * The peer of a connected Unix socket. Returns 0; -ESRCH when the process is gone already; or what
 * the system call said.
 */
int peer_of(int fd, struct peer *ret);

#endif
