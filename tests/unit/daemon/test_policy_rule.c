/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_rule.c: what a section of the policy may say, and what is said about one that cannot
 * be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy_rule.h"
#include "why.h"

#define MIB_PAGES 256u

static const struct policy_zones zones = {
    .nr = 4,
    .nr_domains = MAX_DOMAINS,
    .name = {"a", "b", "huge", "far"},
    .nr_pages = {100 * MIB_PAGES, 300 * MIB_PAGES, 1024 * MIB_PAGES, 400 * MIB_PAGES},
    .node = {0, 0, 0, 1},
    .kind = {ZONE_NORMAL, ZONE_MOVABLE, ZONE_GIGANTIC, ZONE_NORMAL},
};

static char why[WHY_BYTES];

static void set(struct policy_rule *rule, enum rule_key key, const char *value)
{
    if (policy_rule_set(rule, key, value, &zones, why, sizeof(why)) < 0)
        fail_msg("%s", why);
}

static struct policy_rule rule_of(const char *name, enum rule_key key, const char *value)
{
    struct policy_rule rule;

    policy_rule_init(&rule, name, name);
    set(&rule, key, value);
    return rule;
}

static void settle(struct policy_rule *rule, bool isolate)
{
    if (policy_rule_settle(rule, &zones, isolate, why, sizeof(why)) < 0)
        fail_msg("%s", why);
}

static void values_are_understood(void **state)
{
    struct policy_rule r;

    (void)state;
    policy_rule_init(&r, "x", "f:1");
    settle(&r, false);
    assert_true(policy_rule_is_default(&r));
    assert_int_equal(r.group.max_pages, ACCOUNT_UNLIMITED);
    assert_int_equal(r.zonemask, 0xf);
    assert_int_equal(r.rights, 0);
    assert_int_equal(r.max_sessions, WIRE_MAX_SESSIONS_PER_UID);
    assert_int_equal(r.max_requests, RULE_MAX_REQUESTS);

    set(&r, RULE_UID, "root, 1000,1001");
    set(&r, RULE_GID, "root,5");
    set(&r, RULE_UNIT, "redis.service, user-1000.slice,a@b.scope");
    set(&r, RULE_MAX, "512M");
    set(&r, RULE_MIN, "1M");
    set(&r, RULE_LOW, "2M");
    set(&r, RULE_HIGH, "3M");
    set(&r, RULE_CLIENT_MAX, "64M");
    set(&r, RULE_CLIENT_HIGH, "8K");
    set(&r, RULE_PINNED, "4M");
    set(&r, RULE_ZONES, "b, far");
    set(&r, RULE_NODES, "0,2-3");
    set(&r, RULE_RIGHTS, "high, admin");
    set(&r, RULE_DOMAIN, "shop");
    set(&r, RULE_SESSIONS, "4");
    set(&r, RULE_REQUESTS, "0");
    set(&r, RULE_PRIORITY, "7");
    set(&r, RULE_SCORE, "-1000");
    set(&r, RULE_LAST_RESORT, "kill");
    set(&r, RULE_GRACE, "250");
    set(&r, RULE_GUARANTEE, "b:16M");
    settle(&r, true);
    assert_false(policy_rule_is_default(&r));
    assert_true(policy_rule_has_uid(&r, 0) && policy_rule_has_uid(&r, 1001));
    assert_false(policy_rule_has_uid(&r, 5));
    assert_true(policy_rule_has_gid(&r, 0) && policy_rule_has_gid(&r, 5));
    assert_true(policy_rule_has_unit(&r, "user-1000.slice"));
    assert_true(policy_rule_has_unit(&r, "a@b.scope"));
    assert_false(policy_rule_has_unit(&r, "redis"));
    assert_int_equal(r.group.max_pages, 512 * MIB_PAGES);
    assert_int_equal(r.group.mark[WMARK_MIN], MIB_PAGES);
    assert_int_equal(r.group.mark[WMARK_HIGH], 3 * MIB_PAGES);
    assert_int_equal(r.client.max_pages, 64 * MIB_PAGES);
    assert_int_equal(r.client.mark[WMARK_LOW], RULE_DEFAULT_MARK);
    assert_int_equal(r.client.mark[WMARK_HIGH], 2);
    assert_int_equal(r.max_pinned_pages, 4 * MIB_PAGES);
    assert_int_equal(r.zonemask, 0x2); /* far is on node 1 */
    assert_int_equal(r.guarantee[1], 16 * MIB_PAGES);
    assert_int_equal(r.rights, RIGHT_HIGH | RIGHT_ADMIN);
    assert_int_equal(r.domain_used, DOMAIN_NAMED);
    assert_int_equal(r.max_sessions, 4);
    assert_int_equal(r.max_requests, 0);
    assert_int_equal(r.priority, 7);
    assert_int_equal(r.victim.score, -1000);
    assert_int_equal(r.victim.last_resort, LAST_RESORT_KILL);
    assert_int_equal(r.victim.grace_ms, 250);

    /* And taken back. */
    set(&r, RULE_MAX, "none");
    set(&r, RULE_PINNED, "none");
    set(&r, RULE_ZONES, "all");
    set(&r, RULE_NODES, "all");
    set(&r, RULE_RIGHTS, "none");
    set(&r, RULE_DOMAIN, "default");
    settle(&r, true);
    assert_int_equal(r.group.max_pages, ACCOUNT_UNLIMITED);
    assert_int_equal(r.max_pinned_pages, ACCOUNT_UNLIMITED);
    assert_int_equal(r.zonemask, 0xf);
    assert_int_equal(r.rights, 0);
    assert_int_equal(r.domain_used, DOMAIN_DEFAULT);
}

static void a_wrong_value_says_what_is_accepted(void **state)
{
#define SIZE "a number with K, M, G or T behind it, such as 512M, of whole pages (4K)"
    static const struct {
        enum rule_key key;
        const char *value, *why;
    } cases[] = {
        {RULE_UID, "no such user",
         "uid=no such user: there is no 'no such user' here; accepted: up to 64 users' names or "
         "numbers, with commas"},
        {RULE_UID, "1,",
         "uid=1,: there is no '' here; accepted: up to 64 users' names or numbers, "
         "with commas"},
        {RULE_GID, "-1",
         "gid=-1: there is no '-1' here; accepted: up to 64 groups' names or "
         "numbers, with commas"},
        {RULE_UNIT, "redis",
         "unit=redis: 'redis' is no unit that has processes; accepted: names of systemd's units, "
         "with commas, that end in .service, .scope or .slice"},
        {RULE_UNIT, ".service",
         "unit=.service: '.service' is no unit that has processes; accepted: names of systemd's "
         "units, with commas, that end in .service, .scope or .slice"},
        {RULE_UNIT, "a/b.service",
         "unit=a/b.service: 'a/b.service' is no unit that has processes; accepted: names of "
         "systemd's units, with commas, that end in .service, .scope or .slice"},
        {RULE_PER, "user", "per=user; accepted: section, uid"},
        {RULE_GUARANTEE, "2X",
         "guarantee=2X: '2X' is no size; accepted: " SIZE
         ", or ZONE:SIZE for each zone, with commas"},
        {RULE_GUARANTEE, "a:1M,2M",
         "guarantee=a:1M,2M: '2M' names no zone; accepted: " SIZE
         ", or ZONE:SIZE for each zone, with commas"},
        {RULE_GUARANTEE, "a:1M,c:2M",
         "guarantee=a:1M,c:2M: there is no zone 'c'; accepted: " SIZE
         ", or ZONE:SIZE for each zone, with commas"},
        {RULE_GUARANTEE, "a:1M,a:2M",
         "guarantee=a:1M,a:2M: zone 'a' is there twice; accepted: " SIZE
         ", or ZONE:SIZE for each zone, with commas"},
        {RULE_GUARANTEE, "a:1G",
         "guarantee=a:1G: zone 'a' is not that large; accepted: " SIZE
         ", or ZONE:SIZE for each zone, with commas"},
        {RULE_MAX, "5000", "max=5000: '5000' is not whole pages; accepted: none, or " SIZE},
        {RULE_MIN, "none", "min=none: 'none' is no size; accepted: " SIZE},
        {RULE_CLIENT_LOW, "", "client_low=: '' is no size; accepted: " SIZE},
        {RULE_PINNED, "1", "max_pinned=1: '1' is not whole pages; accepted: none, or " SIZE},
        {RULE_ZONES, "a,c",
         "zones=a,c: there is no zone 'c'; accepted: all, or names of zones, with commas"},
        {RULE_NODES, "3-1",
         "nodes=3-1; accepted: all, or numbers of NUMA nodes and ranges, such "
         "as 0,2-3"},
        {RULE_NODES, "64",
         "nodes=64; accepted: all, or numbers of NUMA nodes and ranges, such as "
         "0,2-3"},
        {RULE_RIGHTS, "high,root",
         "rights=high,root: there is no right 'root'; accepted: none, or "
         "some of high, highatomic, cma, reserve and admin, with commas"},
        {RULE_DOMAIN, "", "domain=; accepted: own, default, or a name of 1 to 31 bytes"},
        {RULE_SESSIONS, "1025", "max_sessions=1025; accepted: a number from 0 to 1024"},
        {RULE_REQUESTS, "x", "max_requests=x; accepted: a number from 0 to 1024"},
        {RULE_PRIORITY, "8", "priority=8; accepted: a number from 0 to 7"},
        {RULE_SCORE, "-1001", "score=-1001; accepted: a number from -1000 to 1000"},
        {RULE_SCORE, "--1", "score=--1; accepted: a number from -1000 to 1000"},
        {RULE_LAST_RESORT, "oom", "last_resort=oom; accepted: none, disconnect, kill"},
        {RULE_GRACE, "1s", "grace=1s; accepted: a number of milliseconds from 0 to 600000"},
    };
    struct policy_rule r, before;

    (void)state;
    policy_rule_init(&r, "x", "f:1");
    before = r;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            policy_rule_set(&r, cases[i].key, cases[i].value, &zones, why, sizeof(why)), -EINVAL);
        assert_string_equal(why, cases[i].why);
        assert_memory_equal(&r, &before, sizeof(r));
    }
}

static void too_many_users(void **state)
{
    char list[2 * (RULE_MAX_IDS + 1) + 1];
    struct policy_rule r;
    size_t len = 0;

    (void)state;
    for (unsigned i = 0; i < RULE_MAX_IDS; i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, i ? ",7" : "7");
    policy_rule_init(&r, "x", "f:1");
    set(&r, RULE_UID, list);
    assert_int_equal(r.nr_uids, RULE_MAX_IDS);
    (void)snprintf(list + len, sizeof(list) - len, ",7");
    assert_int_equal(policy_rule_set(&r, RULE_UID, list, &zones, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, ": these are too many; accepted: up to 64 users"));
}

static void a_guarantee_is_split_by_size(void **state)
{
    struct policy_rule r = rule_of("x", RULE_GUARANTEE, "80M");
    uint64_t sum = 0;

    (void)state;
    settle(&r, false); /* 100, 300 and 400 of 800; whole gigabytes are no part of it */
    assert_int_equal(r.guarantee[0], 10 * MIB_PAGES);
    assert_int_equal(r.guarantee[1], 30 * MIB_PAGES);
    assert_int_equal(r.guarantee[2], 0);
    assert_int_equal(r.guarantee[3], 40 * MIB_PAGES);

    set(&r, RULE_GUARANTEE, "4K");
    settle(&r, false);
    for (unsigned i = 0; i < MAX_ZONES; i++)
        sum += r.guarantee[i];
    assert_int_equal(sum, 1);

    set(&r, RULE_GUARANTEE, "80M");
    set(&r, RULE_ZONES, "b");
    settle(&r, false);
    assert_int_equal(r.guarantee[1], 80 * MIB_PAGES);
    assert_int_equal(r.guarantee[0] + r.guarantee[3], 0);
    set(&r, RULE_GUARANTEE, "0");
    settle(&r, false);
    assert_int_equal(r.guarantee[1], 0);
}

/* rest: of the line. */
static void expect_unsettled(struct policy_rule r, bool isolate, const char *rest)
{
    assert_int_equal(policy_rule_settle(&r, &zones, isolate, why, sizeof(why)), -EINVAL);
    if (!strstr(why, rest))
        fail_msg("'%s' does not say '%s'", why, rest);
}

static void keys_that_contradict_each_other(void **state)
{
    struct policy_rule r = rule_of("x", RULE_ZONES, "far");

    (void)state;
    set(&r, RULE_NODES, "0");
    expect_unsettled(r, false, "zones: none is left that is allowed and lies on an allowed node");

    r = rule_of("x", RULE_GUARANTEE, "a:1M");
    set(&r, RULE_ZONES, "b");
    expect_unsettled(r, false, "guarantee: zone 'a' is not one that it may use");

    r = rule_of("x", RULE_GUARANTEE, "1G");
    expect_unsettled(r, false,
                     "guarantee: 1 GiB are more than all zones that it may use have; "
                     "accepted: up to 800 MiB");

    r = rule_of("x", RULE_GUARANTEE, "1M");
    set(&r, RULE_PER, "uid");
    expect_unsettled(r, false, "guarantee: with per=uid nobody knows how many accounts");

    r = rule_of("x", RULE_DOMAIN, "own");
    expect_unsettled(r, false, "domain: domain=own gives each user a domain of its own");
    set(&r, RULE_PER, "uid");
    settle(&r, false);
    set(&r, RULE_PER, "section");
    set(&r, RULE_UID, "7"); /* one user: it is his */
    settle(&r, false);
    assert_int_equal(r.domain_used, DOMAIN_OWN);

    r = rule_of("x", RULE_GID, "7");
    expect_unsettled(r, true, "domain: [daemon] isolate=uid gives each user a domain");

    r = rule_of("x", RULE_DOMAIN, "shop");
    set(&r, RULE_PER, "uid");
    expect_unsettled(r, false, "domain: 'shop' can be one account's only");

    r = rule_of("x", RULE_DOMAIN, "shop");
    {
        struct policy_zones without = zones;

        without.nr_domains = 1;
        assert_int_equal(policy_rule_settle(&r, &without, false, why, sizeof(why)), -EINVAL);
        assert_non_null(strstr(why, "domain: the daemon was started without domains"));
    }

    r = rule_of(RULE_BUILT_IN, RULE_UID, "7");
    expect_unsettled(r, false, "the section of this name is for those for whom no other is");
}

static void the_built_in_rule(void **state)
{
    struct policy_rule r;

    (void)state;
    policy_rule_built_in(&r, &zones, false);
    assert_int_equal(r.domain_used, DOMAIN_DEFAULT);
    assert_false(r.per_uid);
    assert_int_equal(r.zonemask, 0xf);
    policy_rule_built_in(&r, &zones, true);
    assert_int_equal(r.domain_used, DOMAIN_OWN);
    assert_true(r.per_uid);
}

static void expect_clash(struct policy_rule a, struct policy_rule b, const char *text)
{
    struct policy_rule rules[2] = {a, b};

    (void)snprintf(rules[0].origin, sizeof(rules[0].origin), "f:1");
    (void)snprintf(rules[1].origin, sizeof(rules[1].origin), "g:2");
    settle(&rules[0], false);
    settle(&rules[1], false);
    assert_int_equal(policy_rules_check(rules, 2, why, sizeof(why)), text ? -EINVAL : 0);
    if (text)
        assert_string_equal(why, text);
}

static void nobody_is_in_two_sections(void **state)
{
    struct policy_rule a, b;

    (void)state;
    expect_clash(rule_of("a", RULE_UID, "1,2"), rule_of("b", RULE_UID, "3,2"),
                 "g:2: [policy b] uid=2; accepted: in one section, and f:1: [policy a] has it");
    expect_clash(rule_of("a", RULE_GID, "1,2"), rule_of("b", RULE_GID, "2"),
                 "g:2: [policy b] gid=2; accepted: in one section, and f:1: [policy a] has it");
    expect_clash(rule_of("a", RULE_UNIT, "x.service"), rule_of("b", RULE_UNIT, "y.slice,x.service"),
                 "g:2: [policy b] unit=x.service; accepted: in one section, and f:1: [policy a] "
                 "has it");
    expect_clash(rule_of("a", RULE_SCORE, "1"), rule_of("b", RULE_SCORE, "1"),
                 "g:2: [policy b] is for all for whom no other section is; accepted: in one "
                 "section, and f:1: [policy a] has it");
    expect_clash(rule_of("a", RULE_UID, "2"), rule_of("b", RULE_GID, "2"), NULL);
    a = rule_of("a", RULE_UID, "1");
    b = rule_of("b", RULE_UID, "2");
    set(&a, RULE_DOMAIN, "shop");
    set(&b, RULE_DOMAIN, "shop");
    expect_clash(a, b,
                 "g:2: [policy b] domain=shop; accepted: in one section, and f:1: [policy a] has "
                 "it");
    set(&b, RULE_DOMAIN, "own");
    expect_clash(a, b, NULL);
}

static void marks_that_are_not_set_fit_those_that_are(void **state)
{
    struct memory m;
    struct account_limits limits;
    struct policy_rule r = rule_of("x", RULE_MAX, "64M");

    (void)state;
    assert_int_equal(memory_init(&m, 12, NULL), 0);
    rule_limits_of(&r.group, r.guarantee, &m, &limits);
    assert_int_equal(limits.max_pages, 64 * MIB_PAGES);
    assert_true(limits.wmark[WMARK_MIN] > 0);
    assert_true(limits.wmark[WMARK_MIN] < limits.wmark[WMARK_LOW]);
    assert_true(limits.wmark[WMARK_LOW] < limits.wmark[WMARK_HIGH]);

    set(&r, RULE_MIN, "32M"); /* above all defaults */
    rule_limits_of(&r.group, r.guarantee, &m, &limits);
    assert_int_equal(limits.wmark[WMARK_LOW], 32 * MIB_PAGES);
    assert_int_equal(limits.wmark[WMARK_HIGH], 32 * MIB_PAGES);

    r = rule_of("x", RULE_MAX, "64M");
    set(&r, RULE_HIGH, "4K"); /* below all defaults */
    rule_limits_of(&r.group, r.guarantee, &m, &limits);
    assert_int_equal(limits.wmark[WMARK_MIN], 1);
    assert_int_equal(limits.wmark[WMARK_LOW], 1);
    assert_int_equal(limits.wmark[WMARK_HIGH], 1);
}

static void keys_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NR_RULE_KEYS; i++)
        assert_int_equal(policy_rule_key(rule_keys[i]), i);
    assert_int_equal(policy_rule_key("maximum"), NR_RULE_KEYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_understood),
        cmocka_unit_test(a_wrong_value_says_what_is_accepted),
        cmocka_unit_test(too_many_users),
        cmocka_unit_test(a_guarantee_is_split_by_size),
        cmocka_unit_test(keys_that_contradict_each_other),
        cmocka_unit_test(the_built_in_rule),
        cmocka_unit_test(nobody_is_in_two_sections),
        cmocka_unit_test(marks_that_are_not_set_fit_those_that_are),
        cmocka_unit_test(keys_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
