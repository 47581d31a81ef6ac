/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_rule.h: what one section [policy NAME] says: whom it is for, and what they get.
 *
 * A rule is plain data without pointers: it is copied as it is, so that a change can be tried on a
 * copy. The same parser reads the configuration and what is set at run time.
 */
#ifndef DAEMON_POLICY_RULE_H
#define DAEMON_POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mm/account.h"
#include "proto/limits.h"

/** Sections [policy NAME] that there may be; the built-in rule can be one more. */
#define POLICY_MAX_RULES 64u
/** Users, or groups, that one section may name. */
#define RULE_MAX_IDS 64u
/** Bytes in the names of units of one section. */
#define RULE_MAX_UNITS 255u
/** Bytes for the place where a rule was written. */
#define RULE_ORIGIN_BYTES 256u
/** A mark that is not set: account_default_marks() says what it is. */
#define RULE_DEFAULT_MARK UINT64_MAX
/** The name of the section that holds where no other does, when no section is for all. */
#define RULE_BUILT_IN "default"
/** Requests of one session that may wait for memory, if no other number is set; and at most. */
#define RULE_MAX_REQUESTS 1024u
/** Priorities of requests that wait: 0 to this. */
#define RULE_MAX_PRIORITY 7u
/** Milliseconds between a request to give memory back and the last resort; at most. */
#define RULE_MAX_GRACE_MS 600000u

/** The keys of [policy NAME]. */
enum rule_key {
    RULE_UID,
    RULE_GID,
    RULE_UNIT,
    RULE_PER,
    RULE_GUARANTEE,
    RULE_MAX,
    RULE_MIN,
    RULE_LOW,
    RULE_HIGH,
    RULE_CLIENT_MAX,
    RULE_CLIENT_MIN,
    RULE_CLIENT_LOW,
    RULE_CLIENT_HIGH,
    RULE_PINNED,
    RULE_ZONES,
    RULE_NODES,
    RULE_RIGHTS,
    RULE_DOMAIN,
    RULE_SESSIONS,
    RULE_REQUESTS,
    RULE_PRIORITY,
    RULE_SCORE,
    RULE_LAST_RESORT,
    RULE_GRACE,
    NR_RULE_KEYS,
};

extern const char *const rule_keys[NR_RULE_KEYS];

/** What a section may give; the numbers are the wire's. */
enum policy_right {
    RIGHT_HIGH = 1,       /**< requests of high priority: half of the min marks */
    RIGHT_HIGHATOMIC = 2, /**< with it, those that do not wait may use what is kept for them */
    RIGHT_CMA = 4,        /**< movable blocks from CMA areas */
    RIGHT_RESERVE = 8,    /**< requests that ask no mark */
    RIGHT_ADMIN = 16,     /**< see all, and change the policy */
};
#define ALL_RIGHTS (RIGHT_HIGH | RIGHT_HIGHATOMIC | RIGHT_CMA | RIGHT_RESERVE | RIGHT_ADMIN)

/** Which domain the memory of a section's clients is in. */
enum rule_domain {
    DOMAIN_AS_ISOLATE, /**< not said: as isolate= in [daemon] */
    DOMAIN_DEFAULT,    /**< everybody's */
    DOMAIN_OWN,        /**< one for each user */
    DOMAIN_NAMED,      /**< the section's */
};

/** What may be done to its clients when nothing else frees memory. */
enum last_resort {
    LAST_RESORT_NONE,
    LAST_RESORT_DISCONNECT,
    LAST_RESORT_KILL,
};

/** How its clients come to be victims of the last resort. Zero-filled: they do not. */
struct victim_terms {
    enum last_resort last_resort;
    int16_t score;     /**< in 1/1000 of all memory, added to what one holds; -1000: never */
    uint32_t grace_ms; /**< from the warning to the end */
};

/** Limits of one account, in pages. */
struct rule_limits {
    uint64_t max_pages;       /**< or ACCOUNT_UNLIMITED */
    uint64_t mark[NR_WMARKS]; /**< or RULE_DEFAULT_MARK */
};

struct policy_rule {
    char name[WIRE_MAX_NAME + 1];
    char origin[RULE_ORIGIN_BYTES]; /**< "FILE:LINE", or what else names the place */
    uint32_t nr_uids, nr_gids;
    uid_t uid[RULE_MAX_IDS];
    gid_t gid[RULE_MAX_IDS];
    char units[RULE_MAX_UNITS + 1]; /**< names with commas */
    bool per_uid;                   /**< each user has an account of its own */
    struct rule_limits group;       /**< of all clients together */
    struct rule_limits client;      /**< of each session */
    uint64_t guarantee_pages;       /**< to be split; 0: none, or by zone */
    pfn_t guarantee[MAX_ZONES];     /**< by zone; what guarantee_pages comes to, too */
    uint64_t zones;                 /**< as said; bit i: zone i */
    uint64_t nodes;                 /**< as said */
    uint64_t zonemask;              /**< zones that may be used: of both */
    unsigned rights;                /**< of enum policy_right */
    enum rule_domain domain;        /**< as said */
    enum rule_domain domain_used;   /**< what it comes to: never DOMAIN_AS_ISOLATE */
    char domain_name[WIRE_MAX_NAME + 1];
    uint64_t max_pinned_pages; /**< of each session; ACCOUNT_UNLIMITED: no limit */
    uint32_t max_sessions;     /**< of one user, in this section */
    uint32_t max_requests;     /**< of one session, that wait */
    uint8_t priority;
    struct victim_terms victim;
};

/** What a rule has to know of the zones. */
struct policy_zones {
    unsigned nr;
    unsigned nr_domains; /**< 1: there is the default one, and no other */
    char name[MAX_ZONES][WIRE_MAX_NAME + 1];
    pfn_t nr_pages[MAX_ZONES];
    unsigned node[MAX_ZONES];
    enum zone_kind kind[MAX_ZONES];
};

/** A rule for everybody that gives no right and sets no limit. name: up to WIRE_MAX_NAME bytes. */
void policy_rule_init(struct policy_rule *rule, const char *name, const char *origin);

/**
 * The rule for those for whom no section is: no right, no limit, and a domain as isolate says. It
 * is settled.
 */
void policy_rule_built_in(struct policy_rule *rule, const struct policy_zones *zones, bool isolate);

/** The key of this name, or NR_RULE_KEYS. */
enum rule_key policy_rule_key(const char *name);

/**
 * Set one key. Returns 0; or -EINVAL, and nothing has changed, with one line in why (size bytes):
 * "KEY=VALUE; accepted: ...". policy_rule_settle() is to follow when all keys are set.
 */
int policy_rule_set(struct policy_rule *rule, enum rule_key key, const char *value,
                    const struct policy_zones *zones, char *why, size_t size);

/**
 * Work out what depends on several keys: the zones, how the guarantee is split, the domain.
 * isolate: each user has a domain of its own where the rule says nothing. Returns 0, or -EINVAL
 * with one line in why.
 */
int policy_rule_settle(struct policy_rule *rule, const struct policy_zones *zones, bool isolate,
                       char *why, size_t size);

/** Does the rule match nobody in particular, and so everybody? */
bool policy_rule_is_default(const struct policy_rule *rule);
bool policy_rule_has_uid(const struct policy_rule *rule, uid_t uid);
bool policy_rule_has_gid(const struct policy_rule *rule, gid_t gid);
/** unit: its name, such as redis.service. */
bool policy_rule_has_unit(const struct policy_rule *rule, const char *unit);

/**
 * Can these rules stand beside each other? Returns 0; or -EINVAL with one line in why that names
 * both places: two match the same, or have one domain.
 */
int policy_rules_check(const struct policy_rule *rules, unsigned nr, char *why, size_t size);

/** The limits of an account, with default marks where none are set. guarantee: by zone, or NULL. */
void rule_limits_of(const struct rule_limits *rule, const pfn_t *guarantee, const struct memory *m,
                    struct account_limits *ret);

#endif
