/* SPDX-License-Identifier: Apache-2.0 */
/* admission.c: who is at the other end, as far as the policy minds. */
#include "admission.h"

#include <errno.h>
#include <string.h>

#include "cgroup.h"
#include "hub.h"
#include "log.h"
#include "session.h"

static int find_cgroup(const struct session *s, char ret[CGROUP_PATH_BYTES])
{
    int rc;

    ret[0] = '\0';
    if (!policy_set_needs_cgroup(s->hub->policy) || s->peer.pidfd < 0)
        return 0;
    rc = cgroup_of(s->peer.pid, s->peer.pidfd, ret);
    if (rc == 0 || rc == -ESRCH)
        return rc;
    log_warning("pid %d: its cgroup is not known (%s): no section for units is for it",
                (int)s->peer.pid, strerror(-rc));
    return 0;
}

void admission_renew(struct session *s)
{
    const struct policy_rule *rule = policy_of(&s->policy);

    s->priority = rule->priority;
    s->max_waiting = rule->max_requests;
    s->terms = rule->victim;
}

int admission(struct session *s, char *why, size_t size)
{
    char cgroup[CGROUP_PATH_BYTES];
    int rc = find_cgroup(s, cgroup);

    if (rc == 0)
        rc = policy_set_admit(s->hub->policy, &s->peer, cgroup, &s->policy, why, size);
    if (rc == 0) {
        s->holdings.account = &s->policy.account;
        admission_renew(s);
    }
    return rc;
}
