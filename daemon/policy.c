/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c: the rules. Root and the daemon's own user see everybody; all others see themselves. */
#include "policy.h"

#include <unistd.h>

#include "proto/limits.h"

bool policy_may_see(uid_t asker, uid_t subject)
{
    return asker == 0 || asker == subject || asker == geteuid();
}

bool policy_may_connect(uint32_t nr_of_user)
{
    return nr_of_user < WIRE_MAX_SESSIONS_PER_UID;
}
