/* SPDX-License-Identifier: Apache-2.0 */
/* policy_match.c: units, users, groups, in this order. */
#include "policy_match.h"

#include <string.h>

#include "parse.h"
#include "policy_set.h"

static bool ends_in(const char *name, const char *end)
{
    const size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static struct policy_section *of_unit(struct policy_section *const *sections, unsigned nr,
                                      const char *cgroup)
{
    struct policy_section *found = NULL;
    char unit[PARSE_ITEM_BYTES];

    while (*cgroup) {
        const size_t slashes = strspn(cgroup, "/");
        const size_t len = strcspn(cgroup + slashes, "/");

        if (len == 0 || len >= sizeof(unit))
            break;
        memcpy(unit, cgroup + slashes, len);
        unit[len] = '\0';
        cgroup += slashes + len;
        for (unsigned i = 0; i < nr; i++)
            if (policy_rule_has_unit(&sections[i]->rule, unit))
                found = sections[i];
        if (ends_in(unit, ".service") || ends_in(unit, ".scope"))
            break;
    }
    return found;
}

struct policy_section *policy_match(struct policy_section *const *sections, unsigned nr, uid_t uid,
                                    gid_t gid, const char *cgroup)
{
    struct policy_section *found = of_unit(sections, nr, cgroup);

    for (unsigned i = 0; !found && i < nr; i++)
        if (policy_rule_has_uid(&sections[i]->rule, uid))
            found = sections[i];
    for (unsigned i = 0; !found && i < nr; i++)
        if (policy_rule_has_gid(&sections[i]->rule, gid))
            found = sections[i];
    for (unsigned i = 0; !found && i < nr; i++)
        if (policy_rule_is_default(&sections[i]->rule))
            found = sections[i];
    return found;
}
