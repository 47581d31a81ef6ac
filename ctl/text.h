/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: how numbers and names are written for people: human sizes, safe names, aligned columns.
 */
#ifndef CTL_TEXT_H
#define CTL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Bytes for text_printable(): a client's or zone's name. */
#define TEXT_NAME_BYTES 32u
/** Bytes for text_size(). */
#define TEXT_SIZE_BYTES 16u

/** bytes as "4 KiB", "1.5 GiB". Returns to. */
const char *text_size(uint64_t bytes, char to[TEXT_SIZE_BYTES]);
/**
 * Digits, and one of K, M, G, T (of 1024) behind them or none: bytes. Returns 0, or -EINVAL when it
 * is no such size or above max.
 */
int text_parse_size(const char *text, uint64_t max, uint64_t *ret);
/** A name with what could disturb a terminal or a column replaced by '?'; "-" if empty. */
const char *text_printable(const char *name, char to[TEXT_NAME_BYTES]);
/** The word for a migratetype; "?" if there is none. */
const char *text_type(unsigned type);
/** The same as JSON has it, in lower case. */
const char *text_type_key(unsigned type);

/** The most columns, and bytes in a cell with its end. */
#define TABLE_COLUMNS 16u
#define TABLE_CELL    40u

/** Rows that are printed when all are known, so that every column is as wide as it must be. */
struct table;

/**
 * Make a table with these headers; one that begins with '<' is a column that is aligned to the
 * left. Returns NULL when there is no memory. Release with table_free().
 */
struct table *table_new(const char *const *headers, unsigned nr);
void table_free(struct table *t);
/** Add a cell to the last row; a full row begins the next. What does not fit in a cell is cut. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Print the headers and all rows. Returns 0, or -ENOMEM when a cell had been lost. */
int table_print(const struct table *t, FILE *out);

#endif
