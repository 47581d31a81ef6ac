/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h: packets that wait because their client does not read.
 *
 * In the ordinary case a packet is sent from the buffer that it was built in and never comes here.
 */
#ifndef DAEMON_OUTBOX_H
#define DAEMON_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

/** Descriptors that travel beside a packet. */
struct packet_fds {
    const int *fd;
    unsigned nr; /**< 0: none; at most WIRE_MAX_FDS */
};

struct outbox_packet;

/** Packets in the order in which they are to be sent. Zero-filled is empty. */
struct outbox {
    struct outbox_packet *first;
    struct outbox_packet *last;
    size_t bytes;
};

/**
 * Send one packet now, all of it or nothing, without waiting. Returns 0, -EAGAIN when the socket is
 * full, or what the system call said.
 */
int packet_send(int fd, const void *bytes, size_t len, struct packet_fds fds);
/** Close a socket so that its peer can still read what was sent. */
void packet_socket_close(int fd);

/**
 * Copy a packet behind those that wait. What fds names must be there until it is sent. Returns 0;
 * -ENOBUFS when more than WIRE_MAX_UNSENT bytes would wait; -ENOMEM.
 */
int outbox_push(struct outbox *o, const void *bytes, size_t len, struct packet_fds fds);
/** Send what can be sent. Returns 0 when nothing waits any more, or as packet_send(). */
int outbox_flush(struct outbox *o, int fd);
bool outbox_empty(const struct outbox *o);
/** Forget what waits. */
void outbox_clear(struct outbox *o);

#endif
