/* SPDX-License-Identifier: Apache-2.0 */
/* answers.h: what the daemon says, handed out to those who asked. */
#ifndef CLIENT_ANSWERS_H
#define CLIENT_ANSWERS_H

#include "calls.h"

/**
 * Hand out the answers of a packet. By the reader, under the mutex, which is given up for each
 * callback.
 */
void answers_take(struct buddyd *b, const struct wire_server_packet *packet);

#endif
