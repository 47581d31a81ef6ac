/* SPDX-License-Identifier: Apache-2.0 */
/* outgoing.h: the packet that is being collected, and its way into the socket. All under the mutex.
 */
#ifndef CLIENT_OUTGOING_H
#define CLIENT_OUTGOING_H

#include "connection.h"

/**
 * Send what is collected; never waits. -EAGAIN when the socket is full, -ENOTCONN when the other
 * end is gone.
 */
int outgoing_flush(struct buddyd *b);
/**
 * Put a request behind those that are collected; if they leave no room, send them first. Errors as
 * outgoing_flush() and wire_append_request(); then nothing was added.
 */
int outgoing_append(struct buddyd *b, const struct wire_request *rq);

#endif
