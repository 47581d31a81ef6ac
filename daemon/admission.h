/* SPDX-License-Identifier: Apache-2.0 */
/* admission.h: a session under the policy: may it be, and what it takes over from its section. */
#ifndef DAEMON_ADMISSION_H
#define DAEMON_ADMISSION_H

#include <stddef.h>

struct session;

/**
 * Find the section for a session's peer, and make its account. Undone by policy_set_leave().
 * Returns as policy_set_admit(), or -ESRCH when the peer is gone.
 */
int admission(struct session *s, char *why, size_t size);

/** Take over what the policy says now. */
void admission_renew(struct session *s);

#endif
