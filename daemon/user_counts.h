/* SPDX-License-Identifier: Apache-2.0 */
/* user_counts.h: how many of something each user has: a short list of those who have any. */
#ifndef DAEMON_USER_COUNTS_H
#define DAEMON_USER_COUNTS_H

#include <stdint.h>
#include <sys/types.h>

struct user_count {
    uid_t uid;
    uint32_t nr;
};

/** Zero-filled nobody has any. */
struct user_counts {
    struct user_count *user;
    uint32_t nr;
    uint32_t room;
};

void user_counts_free(struct user_counts *c);
/** How many a user has. */
uint32_t user_counts_of(const struct user_counts *c, uid_t uid);
/** One more. Returns 0 or -ENOMEM. */
int user_counts_add(struct user_counts *c, uid_t uid);
/** One less; nothing for who has none. */
void user_counts_drop(struct user_counts *c, uid_t uid);

#endif
