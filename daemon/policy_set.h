/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_set.h: the policy in force: its sections, and the accounts of those for whom they are.
 *
 * A section is a group account that all its sessions share, or one for each user with per=uid; a
 * session is a member of it. The policy can change at any time: accounts, sessions and what they
 * hold stay, and only what is granted from then on is measured by the new limits.
 */
#ifndef DAEMON_POLICY_SET_H
#define DAEMON_POLICY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "mm/account.h"
#include "policy_rule.h"
#include "reclaim_lists.h"
#include "slot_table.h"
#include "user_counts.h"
#include "wait_line.h"

struct domain_set;
struct peer;

/** A section's account: of all its users, or of one of them. */
struct policy_group {
    struct account account;     /**< first; its members are those of struct policy_member */
    struct account_lists lists; /**< of what its members have that can be discarded */
    struct policy_section *section;
    struct policy_group *next;    /**< of the section */
    uid_t uid;                    /**< per_uid: whose it is */
    struct user_counts sessions;  /**< of each user */
    struct wait_line line;        /**< requests that it says no to */
    struct slot_budget slots;     /**< of its sessions */
    uint32_t nr_waiting;          /**< requests of its members that wait, whoever says no */
    struct account_limits before; /**< while the policy changes */
};

/** A section of the policy. */
struct policy_section {
    struct policy_rule rule;
    struct policy_group *groups;
    struct policy_section *next; /**< of those that were removed */
    bool removed;                /**< nobody is let in any more; it goes with its last session */
};

/** A session's part: to lie in it, zero-filled at first. */
struct policy_member {
    struct account account; /**< first, since groups list accounts */
    struct policy_group *group;
    struct wait_line line; /**< requests that its own account says no to */
    uid_t uid;
};

struct policy_set {
    struct memory *memory;
    struct policy_zones zones;
    struct domain_set
        *domains; /**< who has which number; NULL: nobody's memory comes to be there */
    bool isolate;
    bool closing; /**< accounts stay as they are: the zones go as a whole */
    unsigned nr_sections;
    struct policy_section **sections;
    struct policy_section *removed;
};

/**
 * Put the rules of a configuration in force, and make the accounts that can have a guarantee.
 * memory: it stays the caller's, with the config's zones under their ids, and its settings set.
 * domains: to give numbers to, as the zone_set's, or NULL; the caller's too.
 * Release with policy_set_free(). Returns 0; -ENOMEM; or, with one line in why (size bytes) that
 * has the arithmetic, -EINVAL or -ENOSPC when a guarantee or a limit cannot be.
 */
int policy_set_create(const struct daemon_config *config, struct memory *memory,
                      struct domain_set *domains, struct policy_set **ret, char *why, size_t size);
/** No sessions may be left, or policy_set_close() was called. NULL is allowed. */
void policy_set_free(struct policy_set *ps);
/** From now on sessions leave without a word to mm/: the zones go as a whole. */
void policy_set_close(struct policy_set *ps);

/** The highest priority that any section gives. */
uint8_t policy_set_top_priority(const struct policy_set *ps);
/** Pages of all accounts that are pinned, as far as is known. */
uint64_t policy_set_pinned_pages(const struct policy_set *ps);
/** Does anything depend on the peers' cgroups? */
bool policy_set_needs_cgroup(const struct policy_set *ps);

/**
 * Let a peer in: its account becomes a member of the group that its section says. cgroup: its path,
 * or "" if unknown. member: zero-filled; it must stay where it is until policy_set_leave(). Returns
 * 0, or a negative errno with one line in why: -EDQUOT when the user has max_sessions of them;
 * -EUSERS when no domain is left for him.
 */
int policy_set_admit(struct policy_set *ps, const struct peer *peer, const char *cgroup,
                     struct policy_member *member, char *why, size_t size);
/** A session ends; its account uses nothing any more, or the set is closing. */
void policy_set_leave(struct policy_set *ps, struct policy_member *member);

/** The rule that holds for a member now. */
static inline const struct policy_rule *policy_of(const struct policy_member *member)
{
    return &member->group->section->rule;
}

/**
 * Put the rules and the memory settings of another configuration in force, or nothing of it. Its
 * rules are for the zones and the isolate of this set (config_reload()). Nothing is taken back:
 * accounts may be over their new max, which is logged. Sessions stay in their sections: those of
 * one that is removed, or whose per or domain changes, keep the old one until they leave. Returns
 * as policy_set_create().
 */
int policy_set_reload(struct policy_set *ps, const struct daemon_config *config, char *why,
                      size_t size);

/**
 * Change one key of one section, as the configuration would say it, until the next reload. section:
 * "policy NAME". Returns 0; -ENOENT when there is no such section or key; or as
 * policy_set_reload().
 */
int policy_set_key(struct policy_set *ps, const char *section, const char *key, const char *value,
                   char *why, size_t size);

/* ---- for policy_change.c ---- */

/** Make a group, with its account in memory. Returns as policy_set_create(), or -EUSERS. */
int policy_group_create(struct policy_set *ps, struct policy_section *section, uid_t uid,
                        struct policy_group **ret, char *why, size_t size);
/** Forget a group that nobody is in. -EBUSY while it uses pages. */
int policy_group_remove(struct policy_set *ps, struct policy_group *group);
/** The limits that the rule of a group says. */
void policy_group_limits(const struct policy_set *ps, const struct policy_rule *rule,
                         struct account_limits *ret);
/** Free what is not needed any more: groups of removed sections, and of users who are gone. */
void policy_set_tidy(struct policy_set *ps);

#endif
