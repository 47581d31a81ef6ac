/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c: the rules. Admins see everybody; all others see themselves. */
#include "policy.h"

#include <errno.h>
#include <unistd.h>

#include "mm/page_alloc.h"
#include "policy_set.h"
#include "proto/limits.h"
#include "proto/wire.h"
#include "why.h"

_Static_assert((int)RIGHT_HIGH == (int)WIRE_RIGHT_HIGH &&
                   (int)RIGHT_HIGHATOMIC == (int)WIRE_RIGHT_HIGHATOMIC &&
                   (int)RIGHT_CMA == (int)WIRE_RIGHT_CMA &&
                   (int)RIGHT_RESERVE == (int)WIRE_RIGHT_RESERVE &&
                   (int)RIGHT_ADMIN == (int)WIRE_RIGHT_ADMIN,
               "a right has one number");

unsigned policy_rights(const struct policy_member *asker)
{
    const unsigned rights = policy_of(asker)->rights;

    return asker->uid == 0 || asker->uid == geteuid() ? rights | RIGHT_ADMIN : rights;
}

bool policy_may_see(const struct policy_member *asker, uid_t subject)
{
    return asker->uid == subject || (policy_rights(asker) & RIGHT_ADMIN);
}

bool policy_may_connect(uint32_t nr_of_user)
{
    return nr_of_user < WIRE_MAX_SESSIONS_PER_UID;
}

int policy_may_alloc(const struct policy_member *asker, const struct wire_alloc *rq,
                     unsigned *ret_flags, char *why, size_t size)
{
    static const struct {
        unsigned flag, right, request;
        const char *name;
    } flags[] = {
        {WIRE_ALLOC_HIGH, RIGHT_HIGH, REQUEST_HIGH, "high"},
        {WIRE_ALLOC_CMA, RIGHT_CMA, REQUEST_CMA, "cma"},
        {WIRE_ALLOC_RESERVE, RIGHT_RESERVE, REQUEST_RESERVE, "reserve"},
    };
    const struct policy_rule *rule = policy_of(asker);
    unsigned known = WIRE_ALLOC_TELL, result = 0;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        known |= flags[i].flag;
    if (rq->flags & ~known)
        return why_not(-EINVAL, why, size,
                       "flags 0x%x: 0x1 (high), 0x2 (cma), 0x4 (reserve) and 0x8 (tell) are "
                       "accepted",
                       rq->flags);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (!(rq->flags & flags[i].flag))
            continue;
        if (!(rule->rights & flags[i].right))
            return why_not(-EPERM, why, size,
                           "flag 0x%x: section '%s' of the policy does not give the right '%s'",
                           flags[i].flag, rule->name, flags[i].name);
        result |= flags[i].request;
    }
    if ((rq->flags & WIRE_ALLOC_CMA) && rq->type != MIGRATE_MOVABLE)
        return why_not(-EINVAL, why, size,
                       "flag 0x2: CMA areas are for movable blocks, and this is of type %u",
                       rq->type);
    if ((rq->flags & WIRE_ALLOC_TELL) && rq->type != MIGRATE_RECLAIMABLE)
        return why_not(-EINVAL, why, size,
                       "flag 0x8: only reclaimable blocks are discarded, and this is of type %u",
                       rq->type);
    if (!(rule->rights & RIGHT_HIGHATOMIC))
        result |= REQUEST_NO_HIGHATOMIC;
    if (rq->type != MIGRATE_UNMOVABLE && asker->account.pinned_pages > rule->max_pinned_pages)
        return why_not(-ENOMEM, why, size,
                       "refused: the client has %llu pages of movable and reclaimable blocks "
                       "pinned, and section '%s' of the policy allows %llu; unpin some first",
                       (unsigned long long)asker->account.pinned_pages, rule->name,
                       (unsigned long long)rule->max_pinned_pages);
    *ret_flags = result;
    return 0;
}

bool policy_guarantees(const struct policy_member *asker, unsigned zone, uint64_t pages)
{
    const struct account *group = &asker->group->account;

    return (uint64_t)group->used[zone] + pages <= group->limits.guarantee[zone];
}

uint64_t policy_pages_over(const struct policy_member *subject)
{
    const struct account *group = &subject->group->account;
    uint64_t pages = 0;

    for (unsigned i = 0; i < MAX_ZONES; i++) {
        if (group->used[i] > group->limits.guarantee[i])
            pages += group->used[i] - group->limits.guarantee[i];
    }
    return pages;
}
