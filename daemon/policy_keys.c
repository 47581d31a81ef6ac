/* SPDX-License-Identifier: Apache-2.0 */
/* policy_keys.c: the values that the keys of a section of the policy may have. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "parse.h"
#include "policy_rule.h"
#include "why.h"

#define MIN_SCORE (-1000)
#define MAX_SCORE 1000

const char *const rule_keys[NR_RULE_KEYS] = {
    [RULE_UID] = "uid",
    [RULE_GID] = "gid",
    [RULE_UNIT] = "unit",
    [RULE_PER] = "per",
    [RULE_GUARANTEE] = "guarantee",
    [RULE_MAX] = "max",
    [RULE_MIN] = "min",
    [RULE_LOW] = "low",
    [RULE_HIGH] = "high",
    [RULE_CLIENT_MAX] = "client_max",
    [RULE_CLIENT_MIN] = "client_min",
    [RULE_CLIENT_LOW] = "client_low",
    [RULE_CLIENT_HIGH] = "client_high",
    [RULE_PINNED] = "max_pinned",
    [RULE_ZONES] = "zones",
    [RULE_NODES] = "nodes",
    [RULE_RIGHTS] = "rights",
    [RULE_DOMAIN] = "domain",
    [RULE_SESSIONS] = "max_sessions",
    [RULE_REQUESTS] = "max_requests",
    [RULE_PRIORITY] = "priority",
    [RULE_SCORE] = "score",
    [RULE_LAST_RESORT] = "last_resort",
    [RULE_GRACE] = "grace",
};

/** One key on its way into a rule. */
struct assignment {
    struct policy_rule *rule;
    enum rule_key key;
    const char *value;
    const struct policy_zones *zones;
    char problem[PARSE_ITEM_BYTES + 64]; /**< ": and what is wrong", if more is known */
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct assignment *a, const char *format,
                                                        ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(a->problem, sizeof(a->problem), format, args);
    va_end(args);
    return false;
}

/* ---- whom it is for ---- */

static bool find_uid(const char *name, uint64_t *ret)
{
    const struct passwd *user = getpwnam(name);

    if (user)
        *ret = user->pw_uid;
    return user != NULL;
}

static bool find_gid(const char *name, uint64_t *ret)
{
    const struct group *group = getgrnam(name);

    if (group)
        *ret = group->gr_gid;
    return group != NULL;
}

static bool set_ids(struct assignment *a, bool (*find)(const char *name, uint64_t *ret),
                    uint32_t *ids, uint32_t *ret_nr)
{
    const char *list = a->value;
    char item[PARSE_ITEM_BYTES];
    uint32_t nr = 0;

    while (parse_item(&list, item)) {
        uint64_t id;

        if (!find(item, &id) && !parse_number(item, 10, UINT32_MAX - 1, &id))
            return wrong(a, ": there is no '%s' here", item);
        if (nr == RULE_MAX_IDS)
            return wrong(a, ": these are too many");
        ids[nr++] = (uint32_t)id;
    }
    *ret_nr = nr;
    return true;
}

static bool set_uid(struct assignment *a)
{
    return set_ids(a, find_uid, a->rule->uid, &a->rule->nr_uids);
}

static bool set_gid(struct assignment *a)
{
    return set_ids(a, find_gid, a->rule->gid, &a->rule->nr_gids);
}

static bool is_unit(const char *name)
{
    static const char *const ends[] = {".service", ".scope", ".slice"};
    const size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t end = strlen(ends[i]);

        if (len > end && strcmp(name + len - end, ends[i]) == 0)
            return !strchr(name, '/');
    }
    return false;
}

static bool set_unit(struct assignment *a)
{
    const char *list = a->value;
    char item[PARSE_ITEM_BYTES];

    if (strlen(a->value) > RULE_MAX_UNITS)
        return wrong(a, ": this is too long");
    while (parse_item(&list, item)) {
        if (!is_unit(item))
            return wrong(a, ": '%s' is no unit that has processes", item);
    }
    (void)snprintf(a->rule->units, sizeof(a->rule->units), "%s", a->value);
    return true;
}

static bool set_per(struct assignment *a)
{
    if (strcmp(a->value, "section") != 0 && strcmp(a->value, "uid") != 0)
        return false;
    a->rule->per_uid = a->value[0] == 'u';
    return true;
}

/* ---- how much ---- */

static bool parse_pages(struct assignment *a, const char *text, uint64_t *ret)
{
    uint64_t bytes;

    if (config_parse_size(text, &bytes) < 0)
        return wrong(a, ": '%s' is no size", text);
    if (bytes & ((UINT64_C(1) << CONFIG_PAGE_SHIFT) - 1))
        return wrong(a, ": '%s' is not whole pages", text);
    *ret = bytes >> CONFIG_PAGE_SHIFT;
    return true;
}

static bool parse_max(struct assignment *a, uint64_t *ret)
{
    if (strcmp(a->value, "none") != 0)
        return parse_pages(a, a->value, ret);
    *ret = ACCOUNT_UNLIMITED;
    return true;
}

static bool set_limit(struct assignment *a)
{
    const bool client = a->key >= RULE_CLIENT_MAX;
    struct rule_limits *limits = client ? &a->rule->client : &a->rule->group;
    const unsigned i = (unsigned)a->key - (client ? RULE_CLIENT_MAX : RULE_MAX);

    if (i > 0)
        return parse_pages(a, a->value, &limits->mark[i - 1]);
    return parse_max(a, &limits->max_pages);
}

static bool set_pinned(struct assignment *a)
{
    return parse_max(a, &a->rule->max_pinned_pages);
}

static bool find_zone(struct assignment *a, const char *name, unsigned *ret)
{
    for (unsigned i = 0; i < a->zones->nr; i++) {
        if (strcmp(a->zones->name[i], name) == 0) {
            *ret = i;
            return true;
        }
    }
    return wrong(a, ": there is no zone '%s'", name);
}

static bool set_guarantee(struct assignment *a)
{
    pfn_t guarantee[MAX_ZONES] = {0};
    const char *list = a->value;
    char item[PARSE_ITEM_BYTES];
    uint64_t pages = 0;
    unsigned zone = 0;

    if (!strchr(a->value, ':')) {
        if (!parse_pages(a, a->value, &a->rule->guarantee_pages))
            return false;
        memset(a->rule->guarantee, 0, sizeof(a->rule->guarantee));
        return true;
    }
    while (parse_item(&list, item)) {
        char *colon = strchr(item, ':');

        if (!colon)
            return wrong(a, ": '%s' names no zone", item);
        *colon = '\0';
        if (!find_zone(a, item, &zone) || !parse_pages(a, colon + 1, &pages))
            return false;
        if (guarantee[zone] != 0)
            return wrong(a, ": zone '%s' is there twice", item);
        if (pages > a->zones->nr_pages[zone])
            return wrong(a, ": zone '%s' is not that large", item);
        guarantee[zone] = (pfn_t)pages;
    }
    a->rule->guarantee_pages = 0;
    memcpy(a->rule->guarantee, guarantee, sizeof(guarantee));
    return true;
}

/* ---- where, and with which rights ---- */

static bool set_zones(struct assignment *a)
{
    const char *list = a->value;
    char item[PARSE_ITEM_BYTES];
    uint64_t mask = 0;
    unsigned zone = 0;

    if (strcmp(a->value, "all") == 0) {
        a->rule->zones = UINT64_MAX;
        return true;
    }
    while (parse_item(&list, item)) {
        if (!find_zone(a, item, &zone))
            return false;
        mask |= UINT64_C(1) << zone;
    }
    a->rule->zones = mask;
    return true;
}

static bool set_nodes(struct assignment *a)
{
    if (strcmp(a->value, "all") == 0) {
        a->rule->nodes = UINT64_MAX;
        return true;
    }
    return parse_mask(a->value, &a->rule->nodes);
}

static bool set_rights(struct assignment *a)
{
    static const char *const names[] = {"high", "highatomic", "cma", "reserve", "admin"};
    const char *list = strcmp(a->value, "none") == 0 ? NULL : a->value;
    char item[PARSE_ITEM_BYTES];
    unsigned rights = 0, i;

    while (parse_item(&list, item)) {
        for (i = 0; i < sizeof(names) / sizeof(names[0]) && strcmp(item, names[i]) != 0; i++)
            ;
        if (i == sizeof(names) / sizeof(names[0]))
            return wrong(a, ": there is no right '%s'", item);
        rights |= 1u << i;
    }
    a->rule->rights = rights;
    return true;
}

static bool set_domain(struct assignment *a)
{
    const size_t len = strlen(a->value);

    if (len == 0 || len > WIRE_MAX_NAME)
        return false;
    a->rule->domain_name[0] = '\0';
    if (strcmp(a->value, "own") == 0) {
        a->rule->domain = DOMAIN_OWN;
    } else if (strcmp(a->value, "default") == 0) {
        a->rule->domain = DOMAIN_DEFAULT;
    } else {
        a->rule->domain = DOMAIN_NAMED;
        (void)snprintf(a->rule->domain_name, sizeof(a->rule->domain_name), "%s", a->value);
    }
    return true;
}

/* ---- numbers, and the last resort ---- */

static bool set_number(struct assignment *a)
{
    struct policy_rule *rule = a->rule;
    uint64_t max = WIRE_MAX_SESSIONS_PER_UID, value;

    if (a->key == RULE_REQUESTS)
        max = RULE_MAX_REQUESTS;
    else if (a->key == RULE_PRIORITY)
        max = RULE_MAX_PRIORITY;
    else if (a->key == RULE_GRACE)
        max = RULE_MAX_GRACE_MS;
    if (!parse_number(a->value, 10, max, &value))
        return false;
    if (a->key == RULE_SESSIONS)
        rule->max_sessions = (uint32_t)value;
    else if (a->key == RULE_REQUESTS)
        rule->max_requests = (uint32_t)value;
    else if (a->key == RULE_PRIORITY)
        rule->priority = (uint8_t)value;
    else
        rule->victim.grace_ms = (uint32_t)value;
    return true;
}

static bool set_score(struct assignment *a)
{
    const bool minus = a->value[0] == '-';
    uint64_t value;

    if (!parse_number(a->value + (minus ? 1 : 0), 10, minus ? -MIN_SCORE : MAX_SCORE, &value))
        return false;
    a->rule->victim.score = (int16_t)(minus ? -(int)value : (int)value);
    return true;
}

static bool set_last_resort(struct assignment *a)
{
    static const char *const names[] = {
        [LAST_RESORT_NONE] = "none",
        [LAST_RESORT_DISCONNECT] = "disconnect",
        [LAST_RESORT_KILL] = "kill",
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(a->value, names[i]) != 0)
            continue;
        a->rule->victim.last_resort = (enum last_resort)i;
        return true;
    }
    return false;
}

/* ---- the table ---- */

#define A_SIZE "a number with K, M, G or T behind it, such as 512M, of whole pages (4K)"

static const struct {
    bool (*set)(struct assignment *a);
    const char *accepted;
} assign[NR_RULE_KEYS] = {
    [RULE_UID] = {set_uid, "up to 64 users' names or numbers, with commas"},
    [RULE_GID] = {set_gid, "up to 64 groups' names or numbers, with commas"},
    [RULE_UNIT] = {set_unit, "names of systemd's units, with commas, that end in .service, .scope "
                             "or .slice"},
    [RULE_PER] = {set_per, "section, uid"},
    [RULE_GUARANTEE] = {set_guarantee, A_SIZE ", or ZONE:SIZE for each zone, with commas"},
    [RULE_MAX] = {set_limit, "none, or " A_SIZE},
    [RULE_MIN] = {set_limit, A_SIZE},
    [RULE_LOW] = {set_limit, A_SIZE},
    [RULE_HIGH] = {set_limit, A_SIZE},
    [RULE_CLIENT_MAX] = {set_limit, "none, or " A_SIZE},
    [RULE_CLIENT_MIN] = {set_limit, A_SIZE},
    [RULE_CLIENT_LOW] = {set_limit, A_SIZE},
    [RULE_CLIENT_HIGH] = {set_limit, A_SIZE},
    [RULE_PINNED] = {set_pinned, "none, or " A_SIZE},
    [RULE_ZONES] = {set_zones, "all, or names of zones, with commas"},
    [RULE_NODES] = {set_nodes, "all, or numbers of NUMA nodes and ranges, such as 0,2-3"},
    [RULE_RIGHTS] = {set_rights, "none, or some of high, highatomic, cma, reserve and admin, with "
                                 "commas"},
    [RULE_DOMAIN] = {set_domain, "own, default, or a name of 1 to 31 bytes"},
    [RULE_SESSIONS] = {set_number, "a number from 0 to 1024"},
    [RULE_REQUESTS] = {set_number, "a number from 0 to 1024"},
    [RULE_PRIORITY] = {set_number, "a number from 0 to 7"},
    [RULE_SCORE] = {set_score, "a number from -1000 to 1000"},
    [RULE_LAST_RESORT] = {set_last_resort, "none, disconnect, kill"},
    [RULE_GRACE] = {set_number, "a number of milliseconds from 0 to 600000"},
};

_Static_assert(WIRE_MAX_SESSIONS_PER_UID == 1024 && RULE_MAX_REQUESTS == 1024 &&
                   RULE_MAX_PRIORITY == 7 && RULE_MAX_GRACE_MS == 600000 && WIRE_MAX_NAME == 31 &&
                   RULE_MAX_IDS == 64,
               "what is accepted stands in texts");

enum rule_key policy_rule_key(const char *name)
{
    unsigned key = 0;

    while (key < NR_RULE_KEYS && strcmp(rule_keys[key], name) != 0)
        key++;
    return (enum rule_key)key;
}

int policy_rule_set(struct policy_rule *rule, enum rule_key key, const char *value,
                    const struct policy_zones *zones, char *why, size_t size)
{
    struct policy_rule changed = *rule;
    struct assignment a = {.rule = &changed, .key = key, .value = value, .zones = zones};

    if (!assign[key].set(&a))
        return why_not(-EINVAL, why, size, "%s=%s%s; accepted: %s", rule_keys[key], value,
                       a.problem, assign[key].accepted);
    *rule = changed;
    return 0;
}
