/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h: may this peer? Every decision about what one user may do or see is made here, so that
 * it can be read in one place.
 */
#ifndef DAEMON_POLICY_H
#define DAEMON_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Sessions that the daemon has at most, of all users together. */
#define POLICY_MAX_SESSIONS 32768u

/** May a user see the clients and blocks of another one, or of himself? */
bool policy_may_see(uid_t asker, uid_t subject);

/** May a user who has nr sessions have one more? */
bool policy_may_connect(uint32_t nr_of_user);

#endif
