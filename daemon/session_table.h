/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_table.h: which sessions there are, by id, and how many each user has.
 *
 * A session lies at slot (id modulo slots), so that finding one is a single look, and ids come from
 * a counter, so that one is not given again for a long time. The table never grows: a listing can
 * go on at a slot although sessions came and went meanwhile.
 */
#ifndef DAEMON_SESSION_TABLE_H
#define DAEMON_SESSION_TABLE_H

#include <stdint.h>
#include <sys/types.h>

#include "policy.h"
#include "user_counts.h"

struct session;

/** Twice the sessions that there can be, so that a free slot is near. */
#define SESSION_TABLE_SLOTS 65536u

struct session_table {
    struct session **slot; /**< SESSION_TABLE_SLOTS of them */
    uint32_t nr;
    uint32_t last_id;
    struct user_counts users; /**< sessions of each */
};

/** Make an empty table; release with session_table_free(). Returns 0 or -ENOMEM. */
int session_table_init(struct session_table *t);
/** The table must be empty. */
void session_table_free(struct session_table *t);

/**
 * Put a session in, and give it an id. Returns 0; -EDQUOT when the user has as many as he may;
 * -EUSERS when the table is full; -ENOMEM.
 */
int session_table_add(struct session_table *t, struct session *s, uid_t uid, uint32_t *ret_id);
void session_table_remove(struct session_table *t, uint32_t id, uid_t uid);
/** The session of an id, or NULL. */
struct session *session_table_find(const struct session_table *t, uint32_t id);
/**
 * The session in the first slot that is taken, from *slot on and before end (at most
 * SESSION_TABLE_SLOTS), or NULL. *slot: where to go on.
 */
struct session *session_table_next(const struct session_table *t, uint32_t *slot, uint32_t end);

#endif
