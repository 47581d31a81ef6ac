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
    free(t->users);
    *t = (struct session_table){0};
}

static struct session_of_user *find_user(const struct session_table *t, uid_t uid)
{
    for (uint32_t i = 0; i < t->nr_users; i++)
        if (t->users[i].uid == uid)
            return &t->users[i];
    return NULL;
}

static int add_user(struct session_table *t, uid_t uid, struct session_of_user **ret)
{
    if (t->nr_users == t->room_users) {
        uint32_t room = t->room_users ? 2 * t->room_users : 8;
        struct session_of_user *users = realloc(t->users, room * sizeof(*users));

        if (!users)
            return -ENOMEM;
        t->users = users;
        t->room_users = room;
    }
    t->users[t->nr_users] = (struct session_of_user){.uid = uid};
    *ret = &t->users[t->nr_users++];
    return 0;
}

int session_table_add(struct session_table *t, struct session *s, uid_t uid, uint32_t *ret_id)
{
    struct session_of_user *user = find_user(t, uid);
    uint32_t id = t->last_id;

    if (user && !policy_may_connect(user->nr))
        return -EDQUOT;
    if (t->nr == POLICY_MAX_SESSIONS)
        return -EUSERS;
    if (!user) {
        int error = add_user(t, uid, &user);

        if (error)
            return error;
    }
    do
        id++;
    while (!id || t->slot[id & SLOT_MASK]);
    t->slot[id & SLOT_MASK] = s;
    t->nr++;
    t->last_id = id;
    user->nr++;
    *ret_id = id;
    return 0;
}

void session_table_remove(struct session_table *t, uint32_t id, uid_t uid)
{
    struct session_of_user *user = find_user(t, uid);

    t->slot[id & SLOT_MASK] = NULL;
    t->nr--;
    if (user && --user->nr == 0)
        *user = t->users[--t->nr_users];
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
