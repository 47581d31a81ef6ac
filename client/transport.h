/* SPDX-License-Identifier: Apache-2.0 */
/* transport.h: whole packets over the socket, and the descriptors beside the first one. */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/** Connect to the socket at path. -ENAMETOOLONG when no address can hold it. */
int transport_connect(const char *path, int *ret_fd);
/**
 * Send one packet; never waits. -EAGAIN when the socket is full, -EPIPE when the other end is gone.
 */
int transport_send(int fd, const void *packet, size_t len);
/**
 * Receive one packet of up to size bytes. wait: until there is one, or else -EAGAIN. *ret_len is 0
 * at the end of the connection. -EMSGSIZE when it was longer; -ECONNRESET once when the other end
 * went without reading all that we sent: what it sent before can still be received.
 */
int transport_recv(int fd, void *packet, size_t size, bool wait, size_t *ret_len);
/**
 * The same, waiting, with up to max descriptors (WIRE_MAX_FDS at most), which are the caller's.
 * -EMFILE when not all that were sent could be taken: then none are left open.
 */
int transport_recv_fds(int fd, void *packet, size_t size, size_t *ret_len, int *ret_fds,
                       unsigned max, unsigned *ret_nr_fds);
/** Wait for events of poll(2). timeout_ms: -1 for ever. -ETIMEDOUT when none came. */
int transport_poll(int fd, short events, int timeout_ms);
/** Milliseconds on the clock that does not jump. */
long long transport_now_ms(void);

#endif
