/* SPDX-License-Identifier: Apache-2.0 */
/* events.h: what the daemon tells without being asked, handed to the program. */
#ifndef CLIENT_EVENTS_H
#define CLIENT_EVENTS_H

#include "connection.h"

/**
 * Take one event. By the reader, under the mutex, which is given up while the handler runs. Returns
 * whether it ran.
 */
bool events_take(struct buddyd *b, const struct wire_event *ev);

#endif
