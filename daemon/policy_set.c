/* SPDX-License-Identifier: Apache-2.0 */
/* policy_set.c: who comes, who goes, and whose account is whose. */
#include "policy_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain_set.h"
#include "peer.h"
#include "policy_match.h"
#include "policy_misfit.h"
#include "why.h"

/* ---- groups ---- */

void policy_group_limits(const struct policy_set *ps, const struct policy_rule *rule,
                         struct account_limits *ret)
{
    rule_limits_of(&rule->group, rule->guarantee, ps->memory, ret);
}

/* A number that no account has, and nobody's memory lies under. 0: there is none left. */
static unsigned claim_domain(const struct policy_set *ps, const struct policy_section *section,
                             uid_t uid)
{
    uint64_t taken = 1;

    if (ps->domains)
        return domain_set_claim(ps->domains, section->rule.name, uid);
    for (const struct account *a = ps->memory->accounts; a; a = a->next)
        taken |= UINT64_C(1) << a->domain;
    return taken == UINT64_MAX ? 0 : (unsigned)__builtin_ctzll(~taken);
}

static void release_domain(const struct policy_set *ps, unsigned domain)
{
    if (ps->domains && domain != 0)
        domain_set_release(ps->domains, domain);
}

int policy_group_create(struct policy_set *ps, struct policy_section *section, uid_t uid,
                        struct policy_group **ret, char *why, size_t size)
{
    const bool apart = section->rule.domain_used != DOMAIN_DEFAULT;
    const unsigned domain = apart ? claim_domain(ps, section, uid) : 0;
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account_limits limits;
    struct policy_group *group;
    int rc;

    if (apart && domain == 0)
        return why_not(
            -EUSERS, why, size,
            "policy '%s': a domain of its own is needed, and all %u are in use, or still "
            "have memory of others",
            section->rule.name, MAX_DOMAINS);
    group = calloc(1, sizeof(*group));
    if (!group) {
        release_domain(ps, domain);
        return why_not(-ENOMEM, why, size, "out of memory");
    }
    policy_group_limits(ps, &section->rule, &limits);
    rc = account_add(ps->memory, &group->account, NULL, domain, &limits, &misfit);
    if (rc < 0) {
        free(group);
        release_domain(ps, domain);
        return policy_misfit(rc, &section->rule, "", &ps->zones, &misfit, why, size);
    }
    group->section = section;
    group->lists.ring.kind = LRU_OF_GROUP;
    group->uid = uid;
    group->next = section->groups;
    section->groups = group;
    *ret = group;
    return 0;
}

static void group_free(struct policy_group *group)
{
    struct policy_group **link = &group->section->groups;

    while (*link != group)
        link = &(*link)->next;
    *link = group->next;
    user_counts_free(&group->sessions);
    free(group);
}

int policy_group_remove(struct policy_set *ps, struct policy_group *group)
{
    const unsigned domain = group->account.domain;
    int rc = account_remove(ps->memory, &group->account);

    if (rc == 0) {
        group_free(group);
        release_domain(ps, domain);
    }
    return rc;
}

/* The group for a user, made if it is not there. */
static int find_group(struct policy_set *ps, struct policy_section *section, uid_t uid,
                      struct policy_group **ret, char *why, size_t size)
{
    for (struct policy_group *g = section->groups; g; g = g->next) {
        if (!section->rule.per_uid || g->uid == uid) {
            *ret = g;
            return 0;
        }
    }
    return policy_group_create(ps, section, uid, ret, why, size);
}

/* Groups of users of whom no session is left. */
static void tidy_section(struct policy_set *ps, struct policy_section *section)
{
    struct policy_group *next;

    for (struct policy_group *g = section->groups; g; g = next) {
        next = g->next;
        if (section->rule.per_uid || section->removed)
            (void)policy_group_remove(ps, g); /* not while it uses anything */
    }
}

void policy_set_tidy(struct policy_set *ps)
{
    struct policy_section **link = &ps->removed;

    for (unsigned i = 0; i < ps->nr_sections; i++)
        tidy_section(ps, ps->sections[i]);
    while (*link) {
        struct policy_section *section = *link;

        tidy_section(ps, section);
        if (section->groups) {
            link = &section->next;
            continue;
        }
        *link = section->next;
        free(section);
    }
}

/* ---- sessions ---- */

static uint64_t pinned_pages(const struct policy_section *section)
{
    uint64_t pages = 0;

    for (const struct policy_group *g = section->groups; g; g = g->next)
        pages += g->account.pinned_pages;
    return pages;
}

uint64_t policy_set_pinned_pages(const struct policy_set *ps)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < ps->nr_sections; i++)
        pages += pinned_pages(ps->sections[i]);
    for (const struct policy_section *section = ps->removed; section; section = section->next)
        pages += pinned_pages(section);
    return pages;
}

bool policy_set_needs_cgroup(const struct policy_set *ps)
{
    for (unsigned i = 0; i < ps->nr_sections; i++)
        if (ps->sections[i]->rule.units[0])
            return true;
    return false;
}

static int add_member(struct policy_set *ps, struct policy_group *group,
                      struct policy_member *member, uid_t uid, char *why, size_t size)
{
    const struct policy_rule *rule = &group->section->rule;
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account_limits limits;
    int rc;

    if (user_counts_of(&group->sessions, uid) >= rule->max_sessions)
        return why_not(-EDQUOT, why, size,
                       "policy '%s': user %u has %u sessions, and no more are accepted from one "
                       "user",
                       rule->name, (unsigned)uid, rule->max_sessions);
    rc = user_counts_add(&group->sessions, uid);
    if (rc < 0)
        return why_not(rc, why, size, "out of memory");
    rule_limits_of(&rule->client, NULL, ps->memory, &limits);
    rc = account_add(ps->memory, &member->account, &group->account, 0, &limits, &misfit);
    if (rc < 0) {
        user_counts_drop(&group->sessions, uid);
        return policy_misfit(rc, rule, "client_", &ps->zones, &misfit, why, size);
    }
    member->group = group;
    member->uid = uid;
    return 0;
}

int policy_set_admit(struct policy_set *ps, const struct peer *peer, const char *cgroup,
                     struct policy_member *member, char *why, size_t size)
{
    struct policy_section *section =
        policy_match(ps->sections, ps->nr_sections, peer->uid, peer->gid, cgroup);
    struct policy_group *group = NULL;
    int rc;

    assert(section);
    rc = find_group(ps, section, peer->uid, &group, why, size);
    if (!group)
        return rc;
    rc = add_member(ps, group, member, peer->uid, why, size);
    if (rc < 0 && section->rule.per_uid)
        (void)policy_group_remove(ps, group); /* if it was made for him */
    return rc;
}

void policy_set_leave(struct policy_set *ps, struct policy_member *member)
{
    struct policy_group *group = member->group;
    int rc;

    if (!group)
        return;
    member->group = NULL;
    user_counts_drop(&group->sessions, member->uid);
    if (ps->closing)
        return;
    rc = account_remove(ps->memory, &member->account);
    assert(rc == 0);
    (void)rc;
    if (group->section->removed)
        policy_set_tidy(ps);
    else if (group->section->rule.per_uid)
        (void)policy_group_remove(ps, group);
}

/* ---- all of it ---- */

void policy_set_close(struct policy_set *ps)
{
    ps->closing = true;
}

static void section_free(struct policy_set *ps, struct policy_section *section)
{
    struct policy_group *next;

    for (struct policy_group *g = section->groups; g; g = next) {
        next = g->next;
        if (ps->closing || policy_group_remove(ps, g) < 0)
            group_free(g);
    }
    free(section);
}

void policy_set_free(struct policy_set *ps)
{
    if (!ps)
        return;
    for (unsigned i = 0; i < ps->nr_sections; i++)
        section_free(ps, ps->sections[i]);
    while (ps->removed) {
        struct policy_section *section = ps->removed;

        ps->removed = section->next;
        section_free(ps, section);
    }
    free(ps->sections);
    free(ps);
}

int policy_set_create(const struct daemon_config *config, struct memory *memory,
                      struct domain_set *domains, struct policy_set **ret, char *why, size_t size)
{
    struct policy_set *ps = calloc(1, sizeof(*ps));
    int rc;

    if (!ps)
        return why_not(-ENOMEM, why, size, "out of memory");
    ps->memory = memory;
    ps->domains = domains;
    ps->isolate = config->isolate;
    config_zones(config, &ps->zones);
    rc = policy_set_reload(ps, config, why, size);
    if (rc < 0) {
        policy_set_free(ps);
        return rc;
    }
    *ret = ps;
    return 0;
}

uint8_t policy_set_top_priority(const struct policy_set *ps)
{
    uint8_t top = 0;

    for (unsigned i = 0; i < ps->nr_sections; i++) {
        if (ps->sections[i]->rule.priority > top)
            top = ps->sections[i]->rule.priority;
    }
    return top;
}
