/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h: small pieces of a configuration's values: numbers, and lists with commas. */
#ifndef DAEMON_PARSE_H
#define DAEMON_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes for one item of a list; no line of a configuration is longer. */
#define PARSE_ITEM_BYTES 256

/** A number that is all of text, without a sign, from 0 to max. false: it is not one. */
bool parse_number(const char *text, int base, uint64_t max, uint64_t *ret);

/**
 * The next item of a list with commas, without the blanks around it; *list: where to go on. Returns
 * false when there is none: at the end. An item may be empty.
 */
bool parse_item(const char **list, char ret[PARSE_ITEM_BYTES]);

/** Numbers and ranges, such as 0,2-5, each below 64, as bits. false: it is something else. */
bool parse_mask(const char *list, uint64_t *ret);

#endif
