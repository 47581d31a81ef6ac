/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h: why a request is, or would be, granted or refused, as lines for a person: each account
 * and zone that is asked, each mark, each number, the first that says no, and what would help.
 */
#ifndef DAEMON_EXPLAIN_H
#define DAEMON_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/explain.h"

/** Of a turn's cost: some microseconds. */
#define EXPLAIN_COST 16u
/** A session's refusals are explained at most once in this time; all have their numbers. */
#define EXPLAIN_EVERY_MS 100u

struct call;
struct grant_request;
struct session;

/**
 * Write what alloc_pages() would answer to a client's request now, for the first block of it. At
 * most size - 1 bytes; what does not fit is left out, and the last line says so. kept: all that it
 * could have is kept for those who wait longer, and the verdict is that. Returns what alloc_pages()
 * would; -EAGAIN if kept.
 */
int explain_request(const struct session *s, const struct grant_request *grant, bool kept,
                    char *text, size_t size);

/** Carry out an Explain. */
void explain_handle(struct call *c);

#endif
