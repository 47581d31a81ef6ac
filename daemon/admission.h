/* SPDX-License-Identifier: Apache-2.0 */
/* admission.h: a session under the policy: may it be, and what it takes over from its section. */
#ifndef DAEMON_ADMISSION_H
#define DAEMON_ADMISSION_H

#include <stddef.h>

struct session;

/**
 * Find the section for a session's peer, and make its account, in its domain. Undone by
 * admission_end().
 * Returns as policy_set_admit(), or -ESRCH when the peer is gone.
 */
int admission(struct session *s, char *why, size_t size);

/** Take over what the policy says now. */
void admission_renew(struct session *s);

/** The session ends: it has nothing any more, or the hub is stopping. */
void admission_end(struct session *s);

#endif
