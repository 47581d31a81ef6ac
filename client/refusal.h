/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h: why an allocation failed, as a line, as numbers and as lines. */
#ifndef CLIENT_REFUSAL_H
#define CLIENT_REFUSAL_H

#include "connection.h"

/** Put the error of an answer to an allocation into *why. */
void refusal_take(const struct zone_map *zones, const struct ask *ask,
                  const struct wire_response *rs, struct client_error *why);

#endif
