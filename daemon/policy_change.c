/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_change.c: from one policy to the next, all of it or nothing.
 *
 * Guarantees that fit together may not fit beside the old ones. So all of them are lowered first,
 * to what both policies give, which cannot fail; then the new limits are set, one by one; and if
 * one does not fit, the old ones, which did, come back.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "policy_misfit.h"
#include "policy_set.h"
#include "why.h"

/** What is to be. */
struct change {
    struct policy_set *ps;
    unsigned nr;
    const struct policy_rule *rules;
    struct policy_section **sections; /**< one for each rule */
    const struct mm_settings *settings;
    struct mm_settings settings_before;
    char *why;
    size_t size;
};

/* ---- sections, old and new ---- */

/* A section goes on under a rule of its name, unless its accounts have to be others. */
static bool goes_on(const struct policy_rule *before, const struct policy_rule *after)
{
    /* One user's own domain is not the next one's. */
    if (before->domain_used == DOMAIN_OWN && !before->per_uid && before->uid[0] != after->uid[0])
        return false;
    return strcmp(before->name, after->name) == 0 && before->per_uid == after->per_uid &&
           before->domain_used == after->domain_used &&
           strcmp(before->domain_name, after->domain_name) == 0;
}

static const struct policy_rule *rule_after(const struct change *c,
                                            const struct policy_section *section)
{
    for (unsigned i = 0; i < c->nr; i++)
        if (c->sections[i] == section)
            return &c->rules[i];
    return NULL;
}

static bool is_new(const struct policy_set *ps, const struct policy_section *section)
{
    for (unsigned i = 0; i < ps->nr_sections; i++)
        if (ps->sections[i] == section)
            return false;
    return true;
}

static int choose_sections(struct change *c)
{
    for (unsigned i = 0; i < c->nr; i++) {
        for (unsigned k = 0; k < c->ps->nr_sections && !c->sections[i]; k++)
            if (goes_on(&c->ps->sections[k]->rule, &c->rules[i]))
                c->sections[i] = c->ps->sections[k];
        if (c->sections[i])
            continue;
        c->sections[i] = calloc(1, sizeof(**c->sections));
        if (!c->sections[i])
            return why_not(-ENOMEM, c->why, c->size, "out of memory");
        c->sections[i]->rule = c->rules[i];
    }
    return 0;
}

/* ---- limits ---- */

static void set_or_log(struct policy_set *ps, struct account *a, const struct account_limits *to)
{
    if (account_set_limits(ps->memory, a, to, NULL) < 0)
        log_error("the limits of an account cannot be set back; restart the daemon");
}

/* Of each guarantee the part that is in both policies. */
static void lower_guarantees(struct change *c, struct policy_section *section, bool remember)
{
    const struct policy_rule *after = rule_after(c, section);

    for (struct policy_group *g = section->groups; g; g = g->next) {
        struct account_limits limits;

        if (remember)
            g->before = g->account.limits;
        limits = g->before;
        for (unsigned i = 0; i < MAX_ZONES; i++) {
            const pfn_t then = after ? after->guarantee[i] : 0;

            if (limits.guarantee[i] > then)
                limits.guarantee[i] = then;
        }
        set_or_log(c->ps, &g->account, &limits);
    }
}

/* Limits that no account has yet are tried on one that is in the way of nobody; it is a group's, as
 * who hears of its pressure expects of all that are nobody's member. */
static int try_limits(struct change *c, const struct policy_rule *rule, const char *what,
                      const struct rule_limits *said)
{
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct policy_group group = {0};
    struct account_limits limits;
    int rc;

    rule_limits_of(said, NULL, c->ps->memory, &limits);
    rc = account_add(c->ps->memory, &group.account, NULL, 0, &limits, &misfit);
    if (rc < 0)
        return policy_misfit(rc, rule, what, &c->ps->zones, &misfit, c->why, c->size);
    rc = account_remove(c->ps->memory, &group.account);
    assert(rc == 0);
    return rc;
}

static int set_section(struct change *c, unsigned i)
{
    const struct policy_rule *rule = &c->rules[i];
    struct policy_section *section = c->sections[i];
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account_limits limits;
    struct policy_group *made;
    int rc = try_limits(c, rule, "client_", &rule->client);

    if (rc == 0 && rule->per_uid)
        rc = try_limits(c, rule, "", &rule->group);
    if (rc == 0 && !rule->per_uid && !section->groups)
        return policy_group_create(c->ps, section, 0, &made, c->why, c->size);
    policy_group_limits(c->ps, rule, &limits);
    for (struct policy_group *g = section->groups; g && rc == 0; g = g->next) {
        rc = account_set_limits(c->ps->memory, &g->account, &limits, &misfit);
        if (rc < 0)
            rc = policy_misfit(rc, rule, "", &c->ps->zones, &misfit, c->why, c->size);
    }
    return rc;
}

/* The marks may have changed under guarantees that have not. */
static int check_zones(struct change *c)
{
    struct account_misfit misfit;

    for (unsigned i = 0; i < c->ps->zones.nr; i++) {
        int rc = accounts_fit(c->ps->memory, i, &misfit);

        if (rc < 0)
            return policy_misfit_zone(rc, &c->ps->zones, &misfit, c->why, c->size);
    }
    return 0;
}

/* ---- the two ends ---- */

static void drop_new_sections(struct change *c)
{
    struct policy_set *ps = c->ps;

    for (unsigned i = 0; i < c->nr; i++) {
        struct policy_section *section = c->sections[i];

        if (!section || !is_new(ps, section))
            continue;
        while (section->groups && policy_group_remove(ps, section->groups) == 0)
            ;
        free(section);
        c->sections[i] = NULL;
    }
}

/* With the old marks first: with them the old guarantees did fit. */
static void undo(struct change *c)
{
    struct policy_set *ps = c->ps;

    (void)memory_set(ps->memory, &c->settings_before); /* they were accepted before */
    for (unsigned i = 0; i < ps->nr_sections; i++)
        lower_guarantees(c, ps->sections[i], false);
    for (unsigned i = 0; i < ps->nr_sections; i++)
        for (struct policy_group *g = ps->sections[i]->groups; g; g = g->next)
            set_or_log(ps, &g->account, &g->before);
}

/* Everything that can fail. */
static int set_all(struct change *c)
{
    int rc;

    for (unsigned i = 0; i < c->ps->nr_sections; i++)
        lower_guarantees(c, c->ps->sections[i], true);
    rc = memory_set(c->ps->memory, c->settings);
    if (rc < 0)
        return why_not(rc, c->why, c->size, "the settings of [memory] are out of range");
    for (unsigned i = 0; i < c->nr && rc == 0; i++)
        rc = set_section(c, i);
    return rc < 0 ? rc : check_zones(c);
}

static void say_if_over(const struct policy_rule *rule, const char *whose, const struct account *a)
{
    char used[WHY_NUMBER_BYTES], max[WHY_NUMBER_BYTES];

    if (a->used_pages <= a->limits.max_pages)
        return;
    log_warning("policy '%s': %s over: %s are in use, and %smax is %s; nothing is taken back, and "
                "nothing granted until it is below",
                rule->name, whose[0] ? "a client is" : "it is",
                why_bytes(a->used_pages << CONFIG_PAGE_SHIFT, used), whose,
                why_bytes(a->limits.max_pages << CONFIG_PAGE_SHIFT, max));
}

/* The members' limits were tried: they cannot fail. */
static void set_members(struct policy_set *ps, const struct policy_section *section)
{
    struct account_limits limits;

    rule_limits_of(&section->rule.client, NULL, ps->memory, &limits);
    for (struct policy_group *g = section->groups; g; g = g->next) {
        say_if_over(&section->rule, "", &g->account);
        for (struct account *a = g->account.members; a; a = a->next) {
            set_or_log(ps, a, &limits);
            say_if_over(&section->rule, "client_", a);
        }
    }
}

static void remove_section(struct policy_set *ps, struct policy_section *section)
{
    uint32_t nr = 0;

    for (const struct policy_group *g = section->groups; g; g = g->next)
        nr += g->account.nr_members;
    if (nr > 0)
        log_warning("policy '%s' is gone, and its guarantee; %u session%s keep its limits until "
                    "they end",
                    section->rule.name, nr, nr == 1 ? "" : "s");
    memset(section->rule.guarantee, 0, sizeof(section->rule.guarantee));
    section->rule.guarantee_pages = 0;
    section->removed = true;
    section->next = ps->removed;
    ps->removed = section;
}

static void commit(struct change *c, const struct policy_rule *rules)
{
    struct policy_set *ps = c->ps;

    for (unsigned i = 0; i < ps->nr_sections; i++)
        if (!rule_after(c, ps->sections[i]))
            remove_section(ps, ps->sections[i]);
    free(ps->sections);
    ps->sections = c->sections;
    ps->nr_sections = c->nr;
    for (unsigned i = 0; i < c->nr; i++) {
        ps->sections[i]->rule = rules[i];
        set_members(ps, ps->sections[i]);
    }
    policy_set_tidy(ps);
}

/* Put rules in force that have passed policy_rules_check(). */
static int replace(struct policy_set *ps, const struct policy_rule *rules, unsigned nr,
                   const struct mm_settings *settings, char *why, size_t size)
{
    struct change c = {
        .ps = ps,
        .nr = nr,
        .rules = rules,
        .settings = settings,
        .settings_before = ps->memory->settings,
        .why = why,
        .size = size,
    };
    int rc;

    c.sections = calloc(nr, sizeof(struct policy_section *));
    if (!c.sections)
        return why_not(-ENOMEM, why, size, "out of memory");
    rc = choose_sections(&c);
    if (rc == 0) {
        rc = set_all(&c);
        if (rc < 0) {
            drop_new_sections(&c);
            undo(&c);
        }
    } else {
        drop_new_sections(&c);
    }
    if (rc < 0)
        free(c.sections);
    else
        commit(&c, rules);
    return rc;
}

/* ---- who asks for it ---- */

int policy_set_reload(struct policy_set *ps, const struct daemon_config *config, char *why,
                      size_t size)
{
    struct policy_rule built_in;

    if (config->nr_rules > 0)
        return replace(ps, config->rules, config->nr_rules, &config->memory, why, size);
    policy_rule_built_in(&built_in, &ps->zones, ps->isolate);
    return replace(ps, &built_in, 1, &config->memory, why, size);
}

static int set_key(struct policy_set *ps, struct policy_rule *rules, const char *name,
                   const char *key, const char *value, char *why, size_t size)
{
    const struct mm_settings settings = ps->memory->settings;
    const enum rule_key k = policy_rule_key(key);
    char reason[WHY_BYTES];
    unsigned i = 0;
    int rc;

    for (; i < ps->nr_sections && strcmp(rules[i].name, name) != 0; i++)
        ;
    if (i == ps->nr_sections)
        return why_not(-ENOENT, why, size, "there is no section [policy %s]", name);
    if (k == NR_RULE_KEYS)
        return why_not(-ENOENT, why, size,
                       "[policy %s] has no key %s; buddyd.conf(5) lists those there are", name,
                       key);
    rc = policy_rule_set(&rules[i], k, value, &ps->zones, reason, sizeof(reason));
    if (rc == 0)
        rc = policy_rule_settle(&rules[i], &ps->zones, ps->isolate, reason, sizeof(reason));
    if (rc < 0)
        return why_not(rc, why, size, "[policy %s] %s", name, reason);
    (void)snprintf(rules[i].origin, sizeof(rules[i].origin), "at run time");
    rc = policy_rules_check(rules, ps->nr_sections, why, size);
    return rc < 0 ? rc : replace(ps, rules, ps->nr_sections, &settings, why, size);
}

int policy_set_key(struct policy_set *ps, const char *section, const char *key, const char *value,
                   char *why, size_t size)
{
    const size_t word = strlen("policy ");
    struct policy_rule *rules;
    int rc;

    if (strncmp(section, "policy ", word) != 0)
        return why_not(-ENOENT, why, size,
                       "section [%s]; accepted: policy NAME, as others are read from the "
                       "configuration only",
                       section);
    rules = calloc(ps->nr_sections, sizeof(*rules));
    if (!rules)
        return why_not(-ENOMEM, why, size, "out of memory");
    for (unsigned i = 0; i < ps->nr_sections; i++)
        rules[i] = ps->sections[i]->rule;
    rc = set_key(ps, rules, section + word + strspn(section + word, " "), key, value, why, size);
    free(rules);
    return rc;
}
