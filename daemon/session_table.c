/* SPDX-License-Identifier: Apache-2.0 */
/* session_table.c: slots by id, and a short list of users. */
#include "session_table.h"

#include <errno.h>
#include <stdlib.h>

#include "session.h"

#define SLOT_MASK (SESSION_TABLE_SLOTS - 1)

_Static_assert(SESSION_TABLE_SLOTS == 2 * POLICY_MAX_SESSIONS, "half of the slots are free");
_Static_assert((SESSION_TABLE_SLOTS & SLOT_MASK) == 0, "an id's slot is its low bits");

int session_table_init(struct session_table *t)
{
    struct session **slot = calloc(SESSION_TABLE_SLOTS, sizeof(struct session *));

    if (!slot)
        return -ENOMEM;
    *t = (struct session_table){.slot = slot};
    return 0;
}

void session_table_free(struct session_table *t)
{
    free(t->slot);
    user_counts_free(&t->users);
    *t = (struct session_table){0};
}

int session_table_add(struct session_table *t, struct session *s, uid_t uid, uint32_t *ret_id)
{
    uint32_t id = t->last_id;
    int error;

    if (!policy_may_connect(user_counts_of(&t->users, uid)))
        return -EDQUOT;
    if (t->nr == POLICY_MAX_SESSIONS)
        return -EUSERS;
    error = user_counts_add(&t->users, uid);
    if (error)
        return error;
    do
        id++;
    while (!id || t->slot[id & SLOT_MASK]);
    t->slot[id & SLOT_MASK] = s;
    t->nr++;
    t->last_id = id;
    *ret_id = id;
    return 0;
}

void session_table_remove(struct session_table *t, uint32_t id, uid_t uid)
{
    t->slot[id & SLOT_MASK] = NULL;
    t->nr--;
    user_counts_drop(&t->users, uid);
}

struct session *session_table_find(const struct session_table *t, uint32_t id)
{
    struct session *s = t->slot[id & SLOT_MASK];

    return s && s->id == id ? s : NULL;
}

struct session *session_table_next(const struct session_table *t, uint32_t *slot, uint32_t end)
{
    while (*slot < end) {
        struct session *s = t->slot[(*slot)++];

        if (s)
            return s;
    }
    return NULL;
}
