/* SPDX-License-Identifier: Apache-2.0 */
/* error.h: why a call failed: one line for a person and, of a refusal, the numbers and the lines.
 */
#ifndef CLIENT_ERROR_H
#define CLIENT_ERROR_H

#include <stdbool.h>

#include "buddyd.h"
#include "proto/limits.h"

/** Room for a line: a daemon's message, and what we say around it. */
#define ERROR_TEXT_BYTES 512

struct client_error {
    bool refused; /**< refusal and explanation hold */
    struct buddyd_refusal refusal;
    char text[ERROR_TEXT_BYTES];
    char explanation[WIRE_MAX_TEXT + 1];
};

/** Write the line into e, without control characters. Returns error. */
int error_write(struct client_error *e, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The same into the calling thread's own. */
int error_set(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Make e what buddyd_error(), buddyd_last_refusal() and buddyd_explanation() of the calling thread
 * tell. */
void error_publish(const struct client_error *e);
/** What the calling thread would be told now; valid as long as the thread. */
struct client_error *error_here(void);
/** The text of a negative errno. buf is size bytes that may be used for it. */
const char *error_name(int error, char *buf, size_t size);

#endif
