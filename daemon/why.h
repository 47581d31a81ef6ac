/* SPDX-License-Identifier: Apache-2.0 */
/* why.h: the one line with which a function that fails says what a person can do about it. */
#ifndef DAEMON_WHY_H
#define DAEMON_WHY_H

#include <stddef.h>
#include <stdint.h>

/** Bytes that hold any reason of this folder. */
#define WHY_BYTES 1024
/** Bytes for why_bytes(). */
#define WHY_NUMBER_BYTES 32

/** Write the line into why (size bytes, cut if longer) and return rc. Keeps errno. */
int why_not(int rc, char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** A number of bytes as a person writes it, exact: "2 MiB", "1 GiB", "4097 bytes". Returns ret. */
const char *why_bytes(uint64_t bytes, char ret[WHY_NUMBER_BYTES]);

#endif
