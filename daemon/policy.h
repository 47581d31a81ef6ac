/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h: may this client? Every decision about what one user may do or see is made here, so that
 * it can be read in one place. What the sections of the policy say is in policy_set.h.
 */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct policy_member;
struct wire_alloc;

/** Sessions that the daemon has at most, of all users together. */
#define POLICY_MAX_SESSIONS 32768u

/** What a client may: enum policy_right, of its section; root and the daemon's user are admins. */
unsigned policy_rights(const struct policy_member *asker);

/** May a client see the clients and blocks of a user, who may be its own? */
bool policy_may_see(const struct policy_member *asker, uid_t subject);

/** May a user who has nr sessions have one more? */
bool policy_may_connect(uint32_t nr_of_user);

/**
 * May a client ask so? Returns 0, and REQUEST_* for mm/; -EPERM with one line in why (size bytes)
 * that names the right and the section; -EINVAL for flags that make no sense; -ENOMEM when it has
 * more pinned than it may, so that it gets nothing more that can be pinned.
 */
int policy_may_alloc(const struct policy_member *asker, const struct wire_alloc *rq,
                     unsigned *ret_flags, char *why, size_t size);

/** Would so many pages more be within what the client's group is guaranteed in a zone? */
bool policy_guarantees(const struct policy_member *asker, unsigned zone, uint64_t pages);
/** Pages that a client's group has beyond all of its guarantees. */
uint64_t policy_pages_over(const struct policy_member *subject);

#endif
