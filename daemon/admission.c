/* SPDX-License-Identifier: Apache-2.0 */
/* admission.c: who is at the other end, as far as the policy minds. */
#include "admission.h"

#include <errno.h>
#include <string.h>

#include "ahead.h"
#include "cgroup.h"
#include "domain_set.h"
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

/* Its account, and its domain if there are several. */
static int join(struct session *s, const char *cgroup, char *why, size_t size)
{
    struct hub *hub = s->hub;
    struct domain_set *domains = hub->zones->domains;
    int rc = policy_set_admit(hub->policy, &s->peer, cgroup, &s->policy, why, size);

    if (rc < 0 || !domains)
        return rc;
    rc = domain_set_join(domains, s->policy.account.domain, policy_of(&s->policy)->zonemask, why,
                         size);
    if (rc < 0)
        policy_set_leave(hub->policy, &s->policy);
    else
        ahead_join(hub->passing, s->policy.account.domain);
    return rc;
}

int admission(struct session *s, char *why, size_t size)
{
    char cgroup[CGROUP_PATH_BYTES];
    int rc = find_cgroup(s, cgroup);

    if (rc == 0)
        rc = join(s, cgroup, why, size);
    if (rc == 0) {
        s->holdings.account = &s->policy.account;
        admission_renew(s);
    }
    return rc;
}

void admission_end(struct session *s)
{
    struct domain_set *domains = s->hub->zones->domains;

    if (domains && s->policy.group)
        domain_set_leave(domains, s->policy.account.domain);
    policy_set_leave(s->hub->policy, &s->policy);
}
