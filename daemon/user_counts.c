/* SPDX-License-Identifier: Apache-2.0 */
/* user_counts.c: a list that is looked through: users with sessions are few. */
#include "user_counts.h"

#include <errno.h>
#include <stdlib.h>

static struct user_count *find(const struct user_counts *c, uid_t uid)
{
    for (uint32_t i = 0; i < c->nr; i++)
        if (c->user[i].uid == uid)
            return &c->user[i];
    return NULL;
}

void user_counts_free(struct user_counts *c)
{
    free(c->user);
    *c = (struct user_counts){0};
}

uint32_t user_counts_of(const struct user_counts *c, uid_t uid)
{
    const struct user_count *user = find(c, uid);

    return user ? user->nr : 0;
}

int user_counts_add(struct user_counts *c, uid_t uid)
{
    struct user_count *user = find(c, uid);

    if (!user) {
        if (c->nr == c->room) {
            uint32_t room = c->room ? 2 * c->room : 8;
            struct user_count *users = realloc(c->user, room * sizeof(*users));

            if (!users)
                return -ENOMEM;
            c->user = users;
            c->room = room;
        }
        user = &c->user[c->nr++];
        *user = (struct user_count){.uid = uid};
    }
    user->nr++;
    return 0;
}

void user_counts_drop(struct user_counts *c, uid_t uid)
{
    struct user_count *user = find(c, uid);

    if (user && --user->nr == 0)
        *user = c->user[--c->nr];
}
