/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener.h: the socket that clients connect to: made by ourselves or handed over by systemd.
 *
 * Of two daemons that want one path at most one has it, also when they start at the same moment: a
 * lock file beside the socket is held as long as the path is ours.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <stddef.h>
#include <sys/types.h>

/** Connections that may wait to be accepted. */
#define LISTENER_BACKLOG 128

/** A listening socket and the path that leads to it. */
struct listener {
    int fd;      /**< SOCK_SEQPACKET, non-blocking, close-on-exec; -1 once taken */
    int lock_fd; /**< -1: the path is not ours to remove */
    char *path;  /**< for messages too; NULL: unknown */
    dev_t dev;   /**< of the socket file, to know it again */
    ino_t ino;
};

/**
 * Bind to path and listen. A stale socket file is replaced; a living daemon's, or a file that is no
 * socket, is not touched. group: (gid_t)-1 is the process's own. Release with listener_close().
 * Returns 0, or a negative errno with one line in why (size bytes): -EADDRINUSE when somebody
 * serves there, -EEXIST when no socket is there, -ENAMETOOLONG, -ENOENT for a missing directory.
 * Not thread-safe: it sets the umask for a moment.
 */
int listener_open(const char *path, mode_t mode, gid_t group, struct listener *ret, char *why,
                  size_t size);

/**
 * Take the socket that systemd passed to this process (sd_listen_fds(3)). The environment is
 * cleared of it. Returns 1 and the listener; 0 when none was passed; or a negative errno with one
 * line in why when what was passed is not one listening SOCK_SEQPACKET Unix socket.
 */
int listener_inherit(struct listener *ret, char *why, size_t size);

/** The descriptor becomes the caller's to close. */
int listener_take_fd(struct listener *l);

/** Close what is still open, and unlink the socket file if the path is still ours. */
void listener_close(struct listener *l);

#endif
