/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_set.c: the policy in force: who gets which account, what its change does to those who
 * are there, and that a change which cannot be changes nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "grant.h"
#include "peer.h"
#include "policy.h"
#include "policy_match.h"
#include "policy_set.h"
#include "why.h"

#define MIB_PAGES 256u

/** Zones of 64 MiB each, with all settings at the kernel's defaults but for marks. */
static struct zone_set *zs;
static struct policy_set *ps;
static struct daemon_config config;
static char why[WHY_BYTES];

/** A client, as far as it has blocks. */
struct someone {
    struct policy_member member;
    struct holdings holdings;
};

static uint32_t next_owner = 1;

/* ---- rules, and a policy of them ---- */

static struct policy_rule *rule(const char *name)
{
    struct policy_rule *r = &config.rules[config.nr_rules++];

    policy_rule_init(r, name, name);
    return r;
}

static void set(struct policy_rule *r, enum rule_key key, const char *value)
{
    struct policy_zones zones;

    config_zones(&config, &zones);
    if (policy_rule_set(r, key, value, &zones, why, sizeof(why)) < 0)
        fail_msg("%s", why);
}

/** Settle all rules, with the built-in one behind them. */
static void settle(void)
{
    struct policy_zones zones;

    config_zones(&config, &zones);
    for (unsigned i = 0; i < config.nr_rules; i++)
        if (policy_rule_settle(&config.rules[i], &zones, config.isolate, why, sizeof(why)) < 0)
            fail_msg("%s", why);
    policy_rule_built_in(&config.rules[config.nr_rules++], &zones, config.isolate);
}

static int create(void)
{
    settle();
    return policy_set_create(&config, &zs->memory, NULL, &ps, why, sizeof(why));
}

static void forget_rules(void)
{
    config.nr_rules = 0;
}

static int set_up(void **state)
{
    (void)state;
    make_config(&config, 2, 64 * MIB);
    config.rules = calloc(POLICY_MAX_RULES, sizeof(*config.rules));
    if (!config.rules || zone_set_create(&config, &zs, why, sizeof(why)) < 0)
        return -1;
    config.nr_domains = MAX_DOMAINS; /* of the policy; nothing is granted in them here */
    ps = NULL;
    return 0;
}

static void check_accounts(void)
{
    char text[256];

    if (accounts_check(&zs->memory, text, sizeof(text)))
        fail_msg("%s", text);
}

static int tear_down(void **state)
{
    (void)state;
    check_accounts();
    policy_set_free(ps);
    assert_null(zs->memory.accounts);
    check_zones(zs);
    zone_set_free(zs);
    config_free(&config);
    return 0;
}

/* ---- people ---- */

static int try_enter(struct someone *s, uid_t uid, gid_t gid, const char *cgroup)
{
    const struct peer peer = {.uid = uid, .gid = gid, .pid = 1, .pidfd = -1};
    int rc;

    *s = (struct someone){.holdings = {.owner = {.id = next_owner++}}};
    rc = policy_set_admit(ps, &peer, cgroup, &s->member, why, sizeof(why));
    if (rc == 0)
        s->holdings.account = &s->member.account;
    return rc;
}

static void enter(struct someone *s, uid_t uid)
{
    if (try_enter(s, uid, 100, "") < 0)
        fail_msg("%s", why);
}

static int take(struct someone *s, uint64_t mib, struct refusal *ret)
{
    static struct grant g;
    struct grant_request rq = {
        .zone = -1,
        .barred_zones = ~policy_of(&s->member)->zonemask,
        .order = 8, /* 1 MiB */
        .count = (uint32_t)mib,
    };

    return grant_alloc(zs, &s->holdings, &rq, &g, ret);
}

static void take_mib(struct someone *s, uint64_t mib)
{
    struct refusal refusal;

    assert_int_equal(take(s, mib, &refusal), 0);
}

static void refuse_mib(struct someone *s, uint64_t mib, enum refusal_scope scope)
{
    struct refusal refusal;

    assert_int_equal(take(s, mib, &refusal), -ENOMEM);
    assert_int_equal(refusal.scope, scope);
}

static void give_mib(struct someone *s, uint32_t mib)
{
    (void)grant_free_some(zs, &s->holdings, mib);
}

static void leave(struct someone *s)
{
    (void)grant_free_some(zs, &s->holdings, UINT32_MAX);
    policy_set_leave(ps, &s->member);
}

static const char *policy_name(const struct someone *s)
{
    return policy_of(&s->member)->name;
}

/* ---- who is who ---- */

static void the_most_specific_section_is_for_a_peer(void **state)
{
    static const struct {
        uid_t uid;
        gid_t gid;
        const char *cgroup;
        const char *name;
    } cases[] = {
        {7, 9, "/system.slice/redis.service", "unit"},
        {7, 9, "/system.slice/redis.service/sub", "unit"},
        {7, 9, "/other.slice/x.service", "uid"},
        {7, 9, "", "uid"},
        {8, 9, "", "gid"},
        {8, 10, "", "default"},
        {8, 10, "/redis.service.d/x", "default"},
        /* The deeper one counts. */
        {8, 10, "/user.slice/user-8.slice/session-1.scope", "session"},
        {8, 10, "/user.slice/user-8.slice/session-2.scope", "slice"},
        /* Who may make cgroups below his own does not become another unit by it. */
        {8, 10, "/user.slice/user-9.slice/user@9.service/app.slice/redis.service", "default"},
        {8, 10, "/user.slice/user-9.slice/session-3.scope/redis.service", "default"},
        {8, 10, "/user.slice/user-8.slice/user@8.service/redis.service", "slice"},
    };

    (void)state;
    set(rule("unit"), RULE_UNIT, "redis.service");
    set(rule("uid"), RULE_UID, "7");
    set(rule("gid"), RULE_GID, "9");
    set(rule("slice"), RULE_UNIT, "user-8.slice");
    set(rule("session"), RULE_UNIT, "session-1.scope");
    assert_int_equal(create(), 0);
    assert_true(policy_set_needs_cgroup(ps));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct someone s;

        assert_int_equal(try_enter(&s, cases[i].uid, cases[i].gid, cases[i].cgroup), 0);
        assert_string_equal(policy_name(&s), cases[i].name);
        leave(&s);
    }
}

static void without_rules_nothing_is_limited(void **state)
{
    struct someone s;

    (void)state;
    assert_int_equal(create(), 0);
    assert_false(policy_set_needs_cgroup(ps));
    enter(&s, 7);
    assert_string_equal(policy_name(&s), "default");
    assert_int_equal(s.member.account.domain, 0);
    assert_int_equal(policy_rights(&s.member), geteuid() == 7 ? RIGHT_ADMIN : 0);
    take_mib(&s, 128);
    assert_int_equal(s.member.account.used_pages, 128 * MIB_PAGES);
    refuse_mib(&s, 1, REFUSED_BY_ZONE);
    leave(&s);
}

static void a_section_is_shared_and_its_sessions_have_their_own(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a, b, other;

    (void)state;
    set(r, RULE_UID, "7,8");
    set(r, RULE_MAX, "20M");
    set(r, RULE_CLIENT_MAX, "12M");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    enter(&b, 8);
    enter(&other, 9);
    assert_ptr_equal(a.member.group, b.member.group);
    take_mib(&a, 12);
    refuse_mib(&a, 1, REFUSED_BY_ACCOUNT);
    take_mib(&b, 8);
    refuse_mib(&b, 1, REFUSED_BY_GROUP);
    take_mib(&other, 30);
    check_accounts();
    give_mib(&a, 4);
    take_mib(&b, 4);
    /* What fails half-way is given back to the account, too. */
    give_mib(&a, 4);
    refuse_mib(&b, 5, REFUSED_BY_ACCOUNT);
    assert_int_equal(b.member.account.used_pages, 12 * MIB_PAGES);
    leave(&a);
    leave(&b);
    leave(&other);
}

static void each_user_of_a_section_can_have_an_account(void **state)
{
    struct policy_rule *r = rule("each");
    struct someone a, b, c;

    (void)state;
    set(r, RULE_GID, "100");
    set(r, RULE_PER, "uid");
    set(r, RULE_MAX, "10M");
    set(r, RULE_DOMAIN, "own");
    assert_int_equal(create(), 0);
    assert_null(ps->sections[0]->groups);
    enter(&a, 7);
    enter(&b, 8);
    enter(&c, 7);
    assert_ptr_equal(a.member.group, c.member.group);
    assert_ptr_not_equal(a.member.group, b.member.group);
    assert_int_equal(a.member.account.domain, 1);
    assert_int_equal(c.member.account.domain, 1);
    assert_int_equal(b.member.account.domain, 2);
    leave(&a);
    assert_non_null(ps->sections[0]->groups->next);
    leave(&c);
    assert_null(ps->sections[0]->groups->next);
    leave(&b);
    assert_null(ps->sections[0]->groups);
}

static void domains_come_to_an_end(void **state)
{
    static struct someone all[MAX_DOMAINS];
    struct policy_rule *r = rule("each");

    (void)state;
    set(r, RULE_GID, "100");
    set(r, RULE_PER, "uid");
    set(r, RULE_DOMAIN, "own");
    assert_int_equal(create(), 0);
    for (uid_t i = 1; i < MAX_DOMAINS; i++)
        enter(&all[i], i);
    assert_int_equal(try_enter(&all[0], MAX_DOMAINS, 100, ""), -EUSERS);
    assert_string_equal(
        why, "policy 'each': a domain of its own is needed, and all 64 are in use, or still "
             "have memory of others");
    leave(&all[3]);
    assert_int_equal(try_enter(&all[3], MAX_DOMAINS, 100, ""), 0);
    assert_int_equal(all[3].member.account.domain, 3);
    for (uid_t i = 1; i < MAX_DOMAINS; i++)
        leave(&all[i]);
}

static void sessions_of_a_user_are_limited(void **state)
{
    struct policy_rule *r = rule("few");
    struct someone a, b, c, d;

    (void)state;
    set(r, RULE_UID, "7,8");
    set(r, RULE_SESSIONS, "2");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    enter(&b, 7);
    assert_int_equal(try_enter(&c, 7, 100, ""), -EDQUOT);
    assert_string_equal(
        why, "policy 'few': user 7 has 2 sessions, and no more are accepted from one user");
    enter(&d, 8); /* another user's are counted apart */
    leave(&a);
    enter(&c, 7);
    leave(&b);
    leave(&c);
    leave(&d);
}

/* ---- guarantees ---- */

static void what_cannot_be_guaranteed_is_refused_with_the_arithmetic(void **state)
{
    struct policy_rule *r = rule("one");

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone0:40M");
    r = rule("two");
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone0:30M,zone1:1M");
    assert_int_equal(create(), -ENOSPC);
    assert_string_equal(why, "two: [policy two] guarantee: zone 'zone0' cannot keep 30 MiB: 64 MiB "
                             "managed - 0 bytes high mark - 0 bytes reserves - 40 MiB for "
                             "other sections leave 24 MiB; accepted: up to 24 MiB there");
    assert_null(zs->memory.accounts);

    forget_rules();
    r = rule("one");
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "20M");
    set(r, RULE_MAX, "20M");
    set(r, RULE_MIN, "4M");
    assert_int_equal(create(), -EINVAL);
    assert_string_equal(why, "one: [policy one] guarantee: 20 MiB are more than max - min: 20 MiB "
                             "- 4 MiB = 16 MiB; accepted: up to that");

    forget_rules();
    r = rule("one");
    set(r, RULE_MAX, "20M");
    set(r, RULE_LOW, "4M");
    set(r, RULE_HIGH, "2M");
    set(r, RULE_UID, "1");
    assert_int_equal(create(), -EINVAL);
    assert_string_equal(why, "one: [policy one] min, low, high are not in order; accepted: each at "
                             "least the one before, and at most max (20 MiB)");

    forget_rules();
    r = rule("one");
    set(r, RULE_UID, "1");
    set(r, RULE_CLIENT_MAX, "1M");
    set(r, RULE_CLIENT_HIGH, "2M");
    assert_int_equal(create(), -EINVAL);
    assert_string_equal(why, "one: [policy one] client_min, client_low, client_high are not in "
                             "order; accepted: each at least the one before, and at most "
                             "client_max (1 MiB)");
    assert_null(zs->memory.accounts);
    ps = NULL;
}

static void a_draft_says_the_same(void **state)
{
    char real[WHY_BYTES];
    struct policy_rule *r = rule("one");

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone1:63M");
    r = rule("two");
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone1:2M");
    assert_int_equal(create(), -ENOSPC);
    (void)snprintf(real, sizeof(real), "%s", why);
    config.nr_domains = 1;
    assert_int_equal(server_check(&config, why, sizeof(why)), -ENOSPC);
    assert_string_equal(why, real);
    config.rules[0].guarantee[1] = 62 * MIB_PAGES;
    assert_int_equal(server_check(&config, why, sizeof(why)), 0);
}

static void a_guarantee_is_kept_before_anybody_comes(void **state)
{
    struct policy_rule *r = rule("one");
    struct someone late, hungry;

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "40M"); /* 20 in each */
    assert_int_equal(create(), 0);
    enter(&hungry, 8);
    take_mib(&hungry, 88);
    refuse_mib(&hungry, 1, REFUSED_BY_ZONE);
    enter(&late, 7);
    take_mib(&late, 40);
    check_accounts();
    leave(&hungry);
    leave(&late);
}

/* ---- change ---- */

static int reload(void)
{
    settle();
    return policy_set_reload(ps, &config, why, sizeof(why));
}

/* Over its mark: nothing is taken back, and nothing granted until it is below. */
static void a_lower_max_takes_nothing_back(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a;

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_MAX, "30M");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    take_mib(&a, 25);

    forget_rules();
    r = rule("shop");
    set(r, RULE_UID, "7");
    set(r, RULE_MAX, "10M");
    set(r, RULE_CLIENT_MAX, "8M");
    assert_int_equal(reload(), 0);
    assert_int_equal(a.member.account.used_pages, 25 * MIB_PAGES);
    assert_true(a.member.account.used_pages > a.member.account.limits.max_pages);
    assert_true(a.member.group->account.used_pages > a.member.group->account.limits.max_pages);
    refuse_mib(&a, 1, REFUSED_BY_ACCOUNT);
    give_mib(&a, 17); /* 8 are left */
    refuse_mib(&a, 1, REFUSED_BY_ACCOUNT);
    give_mib(&a, 1);
    take_mib(&a, 1);
    refuse_mib(&a, 1, REFUSED_BY_ACCOUNT);

    assert_int_equal(policy_set_key(ps, "policy shop", "client_max", "none", why, sizeof(why)), 0);
    take_mib(&a, 2);
    refuse_mib(&a, 1, REFUSED_BY_GROUP);
    leave(&a);
}

/* Two guarantees that change places: each fits only when the other has gone. */
static void guarantees_may_change_places(void **state)
{
    struct policy_rule *r = rule("one");

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone0:60M");
    r = rule("two");
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone1:60M");
    assert_int_equal(create(), 0);
    forget_rules();
    r = rule("two");
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone0:60M");
    r = rule("one");
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone1:60M");
    assert_int_equal(reload(), 0);
    assert_int_equal(ps->sections[0]->groups->account.limits.guarantee[0], 60 * MIB_PAGES);
    assert_int_equal(ps->sections[1]->groups->account.limits.guarantee[0], 0);
    check_accounts();
}

static void a_change_that_cannot_be_changes_nothing(void **state)
{
    struct policy_rule *r = rule("one");
    struct someone a;

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone0:20M,zone1:40M");
    set(r, RULE_MAX, "100M");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    take_mib(&a, 10);

    forget_rules();
    r = rule("one"); /* less of it */
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone0:10M");
    set(r, RULE_MAX, "50M");
    r = rule("new"); /* fits */
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone1:50M");
    r = rule("too much");
    set(r, RULE_UID, "9");
    set(r, RULE_GUARANTEE, "zone0:60M");
    config.memory.min_free_kbytes = 128;
    assert_int_equal(reload(), -ENOSPC);
    assert_non_null(strstr(why, "[policy too much] guarantee: zone 'zone0' cannot keep 60 MiB"));
    assert_int_equal(ps->nr_sections, 2);
    assert_int_equal(a.member.group->account.limits.guarantee[0], 20 * MIB_PAGES);
    assert_int_equal(a.member.group->account.limits.guarantee[1], 40 * MIB_PAGES);
    assert_int_equal(a.member.group->account.limits.max_pages, 100 * MIB_PAGES);
    assert_true(zs->memory.settings.min_free_kbytes == MIN_FREE_NONE);
    assert_int_equal(policy_of(&a.member)->group.max_pages, 100 * MIB_PAGES);
    check_accounts();

    /* It would fit, if others did not use it at present. */
    forget_rules();
    r = rule("one");
    set(r, RULE_UID, "7");
    r = rule("new");
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "60M");
    take_mib(&a, 70);
    assert_int_equal(reload(), -ENOSPC);
    assert_non_null(strstr(why, "would fit, but clients that are not guaranteed it use too much"));
    leave(&a);
}

static void marks_must_leave_room_for_guarantees(void **state)
{
    struct policy_rule *r = rule("one");

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_GUARANTEE, "zone0:62M");
    assert_int_equal(create(), 0);
    config.memory.min_free_kbytes = 4096;
    assert_int_equal(policy_set_reload(ps, &config, why, sizeof(why)), -ENOSPC);
    assert_non_null(strstr(why, "zone 'zone0' cannot keep what is guaranteed: 64 MiB managed - "));
    assert_non_null(strstr(why, "accepted: lower marks in [memory], or smaller guarantees"));
    assert_true(zs->memory.settings.min_free_kbytes == MIN_FREE_NONE);
}

static void who_is_in_a_removed_section_keeps_it(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a, b;

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_MAX, "10M");
    set(r, RULE_GUARANTEE, "10M");
    set(r, RULE_RIGHTS, "high");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    forget_rules();
    assert_int_equal(reload(), 0);
    assert_int_equal(ps->nr_sections, 1);
    assert_string_equal(policy_name(&a), "shop");
    assert_true(policy_of(&a.member)->rights & RIGHT_HIGH);
    assert_int_equal(a.member.group->account.limits.guarantee[0], 0);
    take_mib(&a, 10);
    refuse_mib(&a, 1, REFUSED_BY_GROUP);
    enter(&b, 7);
    assert_string_equal(policy_name(&b), "default");

    /* A section of that name is another one now. */
    config.nr_rules = 0;
    r = rule("shop");
    set(r, RULE_UID, "7");
    assert_int_equal(reload(), 0);
    assert_int_equal(policy_of(&a.member)->group.max_pages, 10 * MIB_PAGES);
    assert_non_null(ps->removed);
    leave(&a);
    assert_null(ps->removed);
    leave(&b);
}

/* Accounts of another kind cannot take over what was charged to these. */
static void another_kind_of_account_is_for_newcomers(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a, b;

    (void)state;
    set(r, RULE_UID, "7,8");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    forget_rules();
    r = rule("shop");
    set(r, RULE_UID, "7,8");
    set(r, RULE_PER, "uid");
    assert_int_equal(reload(), 0);
    enter(&b, 7);
    assert_ptr_not_equal(a.member.group, b.member.group);
    assert_string_equal(policy_name(&b), "shop");
    assert_true(a.member.group->section->removed);
    leave(&b);
    leave(&a);
}

/* What one user has in a domain of his own is not for the next one. */
static void another_user_gets_another_domain(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a, b;

    (void)state;
    set(r, RULE_UID, "7");
    set(r, RULE_DOMAIN, "own");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    assert_int_equal(policy_set_key(ps, "policy shop", "uid", "8", why, sizeof(why)), 0);
    enter(&b, 8);
    assert_string_equal(policy_name(&b), "shop");
    assert_int_not_equal(a.member.account.domain, b.member.account.domain);
    leave(&a);
    leave(&b);
}

static void rights_and_zones_follow_at_once(void **state)
{
    struct policy_rule *r = rule("shop");
    struct someone a;

    (void)state;
    set(r, RULE_UID, "7");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    assert_int_equal(policy_of(&a.member)->zonemask, 3);
    assert_int_equal(policy_set_key(ps, "policy shop", "zones", "zone1", why, sizeof(why)), 0);
    assert_int_equal(policy_set_key(ps, "policy shop", "rights", "cma", why, sizeof(why)), 0);
    assert_int_equal(policy_of(&a.member)->zonemask, 2);
    assert_true(policy_rights(&a.member) & RIGHT_CMA);
    take_mib(&a, 64);
    refuse_mib(&a, 1, REFUSED_BY_ZONE);
    /* The built-in section is one, too. */
    assert_int_equal(policy_set_key(ps, "policy default", "max", "1M", why, sizeof(why)), 0);
    leave(&a);
}

static void a_key_that_cannot_be_set(void **state)
{
    static const struct {
        const char *section, *key, *value;
        int rc;
        const char *why;
    } cases[] = {
        {"daemon", "socket", "/x", -ENOENT,
         "section [daemon]; accepted: policy NAME, as others are read from the configuration only"},
        {"policy nobody", "max", "1M", -ENOENT, "there is no section [policy nobody]"},
        {"policy shop", "maximum", "1M", -ENOENT,
         "[policy shop] has no key maximum; buddyd.conf(5) lists those there are"},
        {"policy shop", "per", "both", -EINVAL, "[policy shop] per=both; accepted: section, uid"},
        {"policy shop", "guarantee", "1G", -EINVAL,
         "[policy shop] guarantee: 1 GiB are more than all zones that it may use have; accepted: "
         "up to 128 MiB, less what other sections and the zones' high marks keep"},
        {"policy shop", "guarantee", "128M", -ENOSPC,
         "at run time: [policy shop] guarantee: zone 'zone0' cannot keep 64 MiB: 64 MiB managed - "
         "0 bytes high mark - 0 bytes reserves - 4 MiB for other sections leave 60 MiB; accepted: "
         "up to 60 MiB there"},
        {"policy shop", "uid", "8", -EINVAL,
         "at run time: [policy shop] uid=8; accepted: in one section, and other: [policy other] "
         "has it"},
    };
    struct policy_rule *r = rule("other");

    (void)state;
    set(r, RULE_UID, "8");
    set(r, RULE_GUARANTEE, "zone0:4M");
    set(rule("shop"), RULE_UID, "7");
    assert_int_equal(create(), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct policy_rule before = ps->sections[1]->rule;

        assert_int_equal(
            policy_set_key(ps, cases[i].section, cases[i].key, cases[i].value, why, sizeof(why)),
            cases[i].rc);
        assert_string_equal(why, cases[i].why);
        assert_memory_equal(&ps->sections[1]->rule, &before, sizeof(before));
    }
}

/* ---- rights ---- */

static void rights_are_for_those_who_have_them(void **state)
{
    static const struct {
        unsigned flags;
        enum migratetype type;
        const char *rights;
        int rc;
        unsigned request;
        const char *why;
    } cases[] = {
        {0, MIGRATE_UNMOVABLE, "none", 0, REQUEST_NO_HIGHATOMIC, ""},
        {WIRE_ALLOC_HIGH, MIGRATE_UNMOVABLE, "high", 0, REQUEST_HIGH | REQUEST_NO_HIGHATOMIC, ""},
        {WIRE_ALLOC_HIGH, MIGRATE_UNMOVABLE, "high,highatomic", 0, REQUEST_HIGH, ""},
        {WIRE_ALLOC_CMA, MIGRATE_MOVABLE, "cma", 0, REQUEST_CMA | REQUEST_NO_HIGHATOMIC, ""},
        {WIRE_ALLOC_RESERVE, MIGRATE_MOVABLE, "reserve", 0, REQUEST_RESERVE | REQUEST_NO_HIGHATOMIC,
         ""},
        {WIRE_ALLOC_HIGH, MIGRATE_UNMOVABLE, "cma,reserve,highatomic", -EPERM, 0,
         "flag 0x1: section 'shop' of the policy does not give the right 'high'"},
        {WIRE_ALLOC_CMA, MIGRATE_MOVABLE, "high", -EPERM, 0,
         "flag 0x2: section 'shop' of the policy does not give the right 'cma'"},
        {WIRE_ALLOC_RESERVE, MIGRATE_MOVABLE, "high", -EPERM, 0,
         "flag 0x4: section 'shop' of the policy does not give the right 'reserve'"},
        {WIRE_ALLOC_CMA, MIGRATE_UNMOVABLE, "cma", -EINVAL, 0,
         "flag 0x2: CMA areas are for movable blocks, and this is of type 0"},
        {WIRE_ALLOC_TELL, MIGRATE_RECLAIMABLE, "none", 0, REQUEST_NO_HIGHATOMIC, ""},
        {WIRE_ALLOC_TELL, MIGRATE_MOVABLE, "none", -EINVAL, 0,
         "flag 0x8: only reclaimable blocks are discarded, and this is of type 1"},
        {16 | WIRE_ALLOC_HIGH, MIGRATE_MOVABLE, "high", -EINVAL, 0,
         "flags 0x11: 0x1 (high), 0x2 (cma), 0x4 (reserve) and 0x8 (tell) are accepted"},
    };
    struct someone a;

    (void)state;
    set(rule("shop"), RULE_UID, "7");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wire_alloc rq = {.flags = cases[i].flags, .type = (uint32_t)cases[i].type};
        unsigned flags = 0;

        assert_int_equal(
            policy_set_key(ps, "policy shop", "rights", cases[i].rights, why, sizeof(why)), 0);
        why[0] = '\0';
        assert_int_equal(policy_may_alloc(&a.member, &rq, &flags, why, sizeof(why)), cases[i].rc);
        assert_int_equal(flags, cases[i].request);
        assert_string_equal(why, cases[i].why);
    }
    leave(&a);
}

static void too_much_is_pinned(void **state)
{
    const struct wire_alloc movable = {.type = MIGRATE_MOVABLE}, fixed = {0};
    struct someone a;
    unsigned flags;

    (void)state;
    set(rule("shop"), RULE_UID, "7");
    set(&config.rules[0], RULE_PINNED, "8K");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    account_pin(&a.member.account, 2, true);
    assert_int_equal(policy_may_alloc(&a.member, &movable, &flags, why, sizeof(why)), 0);
    account_pin(&a.member.account, 1, true);
    assert_int_equal(policy_may_alloc(&a.member, &movable, &flags, why, sizeof(why)), -ENOMEM);
    assert_string_equal(why, "refused: the client has 3 pages of movable and reclaimable blocks "
                             "pinned, and section 'shop' of the policy allows 2; unpin some first");
    assert_int_equal(policy_may_alloc(&a.member, &fixed, &flags, why, sizeof(why)), 0);
    account_pin(&a.member.account, 3, false);
    leave(&a);
}

static void admins_see_all(void **state)
{
    struct someone a, root;

    (void)state;
    set(rule("shop"), RULE_UID, "7");
    assert_int_equal(create(), 0);
    enter(&a, 7);
    enter(&root, 0);
    assert_true(policy_may_see(&a.member, 7));
    assert_false(policy_may_see(&a.member, 8));
    assert_true(policy_may_see(&root.member, 8));
    assert_int_equal(policy_set_key(ps, "policy shop", "rights", "admin", why, sizeof(why)), 0);
    assert_true(policy_may_see(&a.member, 8));
    leave(&a);
    leave(&root);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_most_specific_section_is_for_a_peer),
        TEST(without_rules_nothing_is_limited),
        TEST(a_section_is_shared_and_its_sessions_have_their_own),
        TEST(each_user_of_a_section_can_have_an_account),
        TEST(domains_come_to_an_end),
        TEST(sessions_of_a_user_are_limited),
        TEST(what_cannot_be_guaranteed_is_refused_with_the_arithmetic),
        TEST(a_draft_says_the_same),
        TEST(a_guarantee_is_kept_before_anybody_comes),
        TEST(a_lower_max_takes_nothing_back),
        TEST(guarantees_may_change_places),
        TEST(a_change_that_cannot_be_changes_nothing),
        TEST(marks_must_leave_room_for_guarantees),
        TEST(who_is_in_a_removed_section_keeps_it),
        TEST(another_kind_of_account_is_for_newcomers),
        TEST(another_user_gets_another_domain),
        TEST(rights_and_zones_follow_at_once),
        TEST(a_key_that_cannot_be_set),
        TEST(rights_are_for_those_who_have_them),
        TEST(too_much_is_pinned),
        TEST(admins_see_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
