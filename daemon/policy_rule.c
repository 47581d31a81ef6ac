/* SPDX-License-Identifier: Apache-2.0 */
/* policy_rule.c: the keys of a section of the policy, and what they come to together. */
#include "policy_rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "parse.h"
#include "why.h"

void policy_rule_init(struct policy_rule *rule, const char *name, const char *origin)
{
    static const struct rule_limits none = {
        .max_pages = ACCOUNT_UNLIMITED,
        .mark = {RULE_DEFAULT_MARK, RULE_DEFAULT_MARK, RULE_DEFAULT_MARK},
    };

    *rule = (struct policy_rule){
        .group = none,
        .client = none,
        .zones = UINT64_MAX,
        .nodes = UINT64_MAX,
        .max_pinned_pages = ACCOUNT_UNLIMITED,
        .max_sessions = WIRE_MAX_SESSIONS_PER_UID,
        .max_requests = RULE_MAX_REQUESTS,
        .victim = {.grace_ms = 1000},
    };
    (void)snprintf(rule->name, sizeof(rule->name), "%s", name);
    (void)snprintf(rule->origin, sizeof(rule->origin), "%s", origin);
}

void policy_rule_built_in(struct policy_rule *rule, const struct policy_zones *zones, bool isolate)
{
    char why[WHY_BYTES];

    policy_rule_init(rule, RULE_BUILT_IN, "built in");
    rule->per_uid = isolate;
    (void)policy_rule_settle(rule, zones, isolate, why, sizeof(why)); /* it may use every zone */
}

/* ---- whom it is for ---- */

bool policy_rule_is_default(const struct policy_rule *rule)
{
    return rule->nr_uids == 0 && rule->nr_gids == 0 && !rule->units[0];
}

bool policy_rule_has_uid(const struct policy_rule *rule, uid_t uid)
{
    for (uint32_t i = 0; i < rule->nr_uids; i++)
        if (rule->uid[i] == uid)
            return true;
    return false;
}

bool policy_rule_has_gid(const struct policy_rule *rule, gid_t gid)
{
    for (uint32_t i = 0; i < rule->nr_gids; i++)
        if (rule->gid[i] == gid)
            return true;
    return false;
}

bool policy_rule_has_unit(const struct policy_rule *rule, const char *unit)
{
    const char *list = rule->units[0] ? rule->units : NULL;
    char item[PARSE_ITEM_BYTES];

    while (parse_item(&list, item))
        if (strcmp(item, unit) == 0)
            return true;
    return false;
}

/* One user, whoever he is: then what is his own is the section's. */
static bool is_for_one_user(const struct policy_rule *rule)
{
    return rule->nr_uids == 1 && rule->nr_gids == 0 && !rule->units[0];
}

/* ---- what depends on several keys ---- */

static bool may_split_to(const struct policy_rule *rule, const struct policy_zones *zones,
                         unsigned zone)
{
    /* A gigantic zone serves whole gigabytes alone, which a plain number does not ask for. */
    return (rule->zonemask >> zone & 1) && zones->kind[zone] != ZONE_GIGANTIC;
}

/* In proportion to size, rounded down; what is left over goes to the last one. */
static int split_guarantee(struct policy_rule *rule, const struct policy_zones *zones, char *why,
                           size_t size)
{
    uint64_t all = 0, left = rule->guarantee_pages;
    char number[WHY_NUMBER_BYTES], most[WHY_NUMBER_BYTES];
    unsigned last = 0;

    for (unsigned i = 0; i < zones->nr; i++)
        all += may_split_to(rule, zones, i) ? zones->nr_pages[i] : 0;
    if (rule->guarantee_pages > all)
        return why_not(-EINVAL, why, size,
                       "guarantee: %s are more than all zones that it may use have; accepted: up "
                       "to %s, less what other sections and the zones' high marks keep",
                       why_bytes(rule->guarantee_pages << CONFIG_PAGE_SHIFT, number),
                       why_bytes(all << CONFIG_PAGE_SHIFT, most));
    for (unsigned i = 0; i < zones->nr; i++) {
        rule->guarantee[i] = 0;
        if (!may_split_to(rule, zones, i))
            continue;
        /* Both are below 2^34 pages: 64 zones of 2^28. */
        rule->guarantee[i] =
            (pfn_t)((unsigned __int128)rule->guarantee_pages * zones->nr_pages[i] / all);
        left -= rule->guarantee[i];
        last = i;
    }
    rule->guarantee[last] += (pfn_t)left;
    return 0;
}

static int settle_guarantee(struct policy_rule *rule, const struct policy_zones *zones, char *why,
                            size_t size)
{
    uint64_t sum = 0;
    int rc = 0;

    if (rule->guarantee_pages > 0)
        rc = split_guarantee(rule, zones, why, size);
    for (unsigned i = 0; i < zones->nr && rc == 0; i++) {
        sum += rule->guarantee[i];
        if (rule->guarantee[i] > 0 && !(rule->zonemask >> i & 1))
            rc = why_not(-EINVAL, why, size,
                         "guarantee: zone '%s' is not one that it may use; accepted: zones that "
                         "zones= and nodes= allow",
                         zones->name[i]);
    }
    if (rc == 0 && sum > 0 && rule->per_uid)
        rc = why_not(-EINVAL, why, size,
                     "guarantee: with per=uid nobody knows how many accounts there will be; "
                     "accepted: per=section, or no guarantee");
    return rc;
}

static int settle_domain(struct policy_rule *rule, const struct policy_zones *zones, bool isolate,
                         char *why, size_t size)
{
    rule->domain_used = rule->domain;
    if (rule->domain == DOMAIN_AS_ISOLATE)
        rule->domain_used = isolate ? DOMAIN_OWN : DOMAIN_DEFAULT;
    if (rule->domain_used != DOMAIN_DEFAULT && zones->nr_domains == 1)
        return why_not(-EINVAL, why, size,
                       "domain: the daemon was started without domains, and needs a restart for "
                       "the first one; accepted: domain=default");
    if (rule->domain_used == DOMAIN_OWN && !rule->per_uid && !is_for_one_user(rule))
        return why_not(-EINVAL, why, size,
                       "domain: %s gives each user a domain of its own, and per=section one "
                       "account to all of them; accepted: per=uid, uid= with one user, or "
                       "another domain=",
                       rule->domain == DOMAIN_OWN ? "domain=own" : "[daemon] isolate=uid");
    if (rule->domain_used == DOMAIN_NAMED && rule->per_uid)
        return why_not(-EINVAL, why, size,
                       "domain: '%s' can be one account's only, and per=uid makes several; "
                       "accepted: per=section, or domain=own",
                       rule->domain_name);
    return 0;
}

int policy_rule_settle(struct policy_rule *rule, const struct policy_zones *zones, bool isolate,
                       char *why, size_t size)
{
    int rc;

    if (strcmp(rule->name, RULE_BUILT_IN) == 0 && !policy_rule_is_default(rule))
        return why_not(-EINVAL, why, size,
                       "the section of this name is for those for whom no other is; accepted: "
                       "another name, or neither uid, gid nor unit");
    rule->zonemask = 0;
    for (unsigned i = 0; i < zones->nr; i++) {
        if ((rule->zones >> i & 1) && (rule->nodes >> zones->node[i] & 1))
            rule->zonemask |= UINT64_C(1) << i;
    }
    if (rule->zonemask == 0)
        return why_not(-EINVAL, why, size,
                       "zones: none is left that is allowed and lies on an allowed node; accepted: "
                       "zones= and nodes= that have a zone in common");
    rc = settle_guarantee(rule, zones, why, size);
    return rc < 0 ? rc : settle_domain(rule, zones, isolate, why, size);
}

/* ---- beside each other ---- */

static int clash(const struct policy_rule *a, const struct policy_rule *b, char *why, size_t size,
                 const char *what)
{
    return why_not(-EINVAL, why, size,
                   "%s: [policy %s] %s; accepted: in one section, and %s: [policy %s] has it",
                   b->origin, b->name, what, a->origin, a->name);
}

static int check_matches(const struct policy_rule *a, const struct policy_rule *b, char *why,
                         size_t size)
{
    const char *list = b->units[0] ? b->units : NULL;
    char item[PARSE_ITEM_BYTES], what[PARSE_ITEM_BYTES + 16];

    for (uint32_t i = 0; i < b->nr_uids; i++) {
        if (!policy_rule_has_uid(a, b->uid[i]))
            continue;
        (void)snprintf(what, sizeof(what), "uid=%u", (unsigned)b->uid[i]);
        return clash(a, b, why, size, what);
    }
    for (uint32_t i = 0; i < b->nr_gids; i++) {
        if (!policy_rule_has_gid(a, b->gid[i]))
            continue;
        (void)snprintf(what, sizeof(what), "gid=%u", (unsigned)b->gid[i]);
        return clash(a, b, why, size, what);
    }
    while (parse_item(&list, item)) {
        if (!policy_rule_has_unit(a, item))
            continue;
        (void)snprintf(what, sizeof(what), "unit=%s", item);
        return clash(a, b, why, size, what);
    }
    if (policy_rule_is_default(a) && policy_rule_is_default(b))
        return clash(a, b, why, size, "is for all for whom no other section is");
    return 0;
}

int policy_rules_check(const struct policy_rule *rules, unsigned nr, char *why, size_t size)
{
    for (unsigned i = 0; i < nr; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct policy_rule *a = &rules[k], *b = &rules[i];
            char what[WIRE_MAX_NAME + 16];
            int rc = check_matches(a, b, why, size);

            if (rc < 0)
                return rc;
            if (a->domain_used != DOMAIN_NAMED || b->domain_used != DOMAIN_NAMED ||
                strcmp(a->domain_name, b->domain_name) != 0)
                continue;
            (void)snprintf(what, sizeof(what), "domain=%s", b->domain_name);
            return clash(a, b, why, size, what);
        }
    }
    return 0;
}

/* ---- as mm/ has it ---- */

void rule_limits_of(const struct rule_limits *rule, const pfn_t *guarantee, const struct memory *m,
                    struct account_limits *ret)
{
    uint64_t marks[NR_WMARKS];

    *ret = (struct account_limits){.max_pages = rule->max_pages};
    if (guarantee)
        memcpy(ret->guarantee, guarantee, sizeof(ret->guarantee));
    account_default_marks(rule->max_pages, m->page_shift, &m->settings, marks);
    for (unsigned i = 0; i < NR_WMARKS; i++) {
        ret->wmark[i] = rule->mark[i] == RULE_DEFAULT_MARK ? marks[i] : rule->mark[i];
        /* A default never stands below a mark that was set. */
        if (i > 0 && rule->mark[i] == RULE_DEFAULT_MARK && ret->wmark[i] < ret->wmark[i - 1])
            ret->wmark[i] = ret->wmark[i - 1];
    }
    for (unsigned i = NR_WMARKS - 1; i-- > 0;) {
        if (rule->mark[i] == RULE_DEFAULT_MARK && ret->wmark[i] > ret->wmark[i + 1])
            ret->wmark[i] = ret->wmark[i + 1];
    }
}
