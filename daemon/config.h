/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h: what the daemon is to do, as read from its file and drop-ins.
 *
 * All that can be wrong in a configuration is found here, with the file and the line, so that the
 * rest of the daemon can believe it.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memfile.h"
#include "mm/watermark.h"
#include "policy_rule.h"
#include "proto/limits.h"

#define CONFIG_DEFAULT_FILE   "/etc/buddyd/buddyd.conf"
#define CONFIG_DEFAULT_SOCKET "/run/buddyd/buddyd.sock"
/** Bytes of a page: the allocator's unit is 2^CONFIG_PAGE_SHIFT. */
#define CONFIG_PAGE_SHIFT 12u
/** Where the first zone is to be mapped, if nothing else is said: free under ASan too. */
#define CONFIG_DEFAULT_BASE UINT64_C(0x200000000000)
/** Empty pageblocks that lie ready for each domain in use, if nothing else is said; and at most. */
#define CONFIG_DEFAULT_AHEAD 2u
#define CONFIG_MAX_AHEAD     64u
/** How far zones are compacted unasked, if nothing else is said (sysctl_compaction_proactiveness).
 */
#define CONFIG_DEFAULT_PROACTIVENESS 20u
/** Bytes that a zone can have at most: 1 TiB. */
#define CONFIG_MAX_ZONE_BYTES (UINT64_C(1) << 40)
/** Where the last zone's preferred place must end: what a process has with 47 bits of address. */
#define CONFIG_MAX_BASE (UINT64_C(1) << 47)

/** A zone that the daemon is to have. */
struct zone_spec {
    struct memfile_spec memory; /**< name, node, bytes, backing, hugepage_bytes, mount */
    enum zone_kind kind;        /**< which requests it serves */
    unsigned pageblock_order;   /**< of hugepage_bytes: 1 to 18 */
    bool give_back;             /**< between its size and max_size it has what it needs */
    uint64_t preferred_base;    /**< where every client should map it; 0: anywhere */
};

/** A configuration. Its strings are its own. */
struct daemon_config {
    char *socket;            /**< absolute path */
    mode_t socket_mode;      /**< of the socket file */
    gid_t socket_group;      /**< of the socket file; (gid_t)-1: the daemon's */
    uint64_t preferred_base; /**< of the first zone; 0: no zone has one */
    bool isolate;            /**< each user has a domain of its own, if policy says nothing */
    unsigned nr_domains;     /**< that zones are to have: 1, or MAX_DOMAINS if any is needed */
    unsigned populate_ahead; /**< empty pageblocks that lie ready for each domain in use */
    struct mm_settings memory;
    unsigned compaction_proactiveness; /**< 0 to 100: how far zones are compacted unasked */
    unsigned nr_zones;                 /**< 1 to WIRE_MAX_ZONES */
    struct zone_spec zones[WIRE_MAX_ZONES];
    unsigned nr_rules; /**< with the built-in one, if no section is for all; 0: that alone */
    struct policy_rule *rules; /**< settled */
};

/**
 * Read file, and then its drop-ins: every FILE.d/NAME.conf in the order of names; a later value
 * overrides an earlier one. Release with config_free(). Returns 0, or a negative errno with one
 * line in why (size bytes) that names file, line, key, value and what would be accepted.
 */
int config_load(const char *file, struct daemon_config *ret, char *why, size_t size);

/**
 * The same at run time: the policy is read for the zones and isolate of running, which a reload
 * does not change.
 */
int config_reload(const char *file, const struct daemon_config *running, struct daemon_config *ret,
                  char *why, size_t size);

/**
 * List what differs between two configurations and needs a restart: "socket, zone 'a'"; or "".
 */
void config_needs_restart(const struct daemon_config *running, const struct daemon_config *changed,
                          char *ret, size_t size);

/** What policy has to know of the zones. */
void config_zones(const struct daemon_config *config, struct policy_zones *ret);

/**
 * Everything at its default, no zone, and no rule. The zones are to have no marks: every page may
 * be lent to anybody; a file's zones have the kernel's marks, if it says nothing else. Returns 0 or
 * -ENOMEM. Release with config_free().
 */
int config_init(struct daemon_config *ret);
void config_free(struct daemon_config *config);

/** The hugepage size that a zone has if none is said; 0: this host has none. */
uint64_t config_default_hugepage(enum backing backing);

/**
 * Can this host have such a zone? Returns 0, or -EINVAL with the key of the configuration that is
 * at fault (a literal: name, node, mount, hugepage, size or max_size) and one line in why.
 */
int config_check_zone(const struct memfile_spec *memory, const char **ret_key, char *why,
                      size_t size);

/**
 * Add a zone, which is checked against the host. mount is copied. Returns 0, or a negative errno
 * with one line in why: -EINVAL as config_check_zone(), -EEXIST for a second zone of that name,
 * -E2BIG for one zone too many, -ERANGE when the preferred places go beyond CONFIG_MAX_BASE.
 */
int config_add_zone(struct daemon_config *config, const struct memfile_spec *memory, char *why,
                    size_t size);

/**
 * A number of bytes: digits and one of K, M, G, T (of 1024), or none for bytes. Returns 0, or
 * -EINVAL when it is not one, -ERANGE when it is above 2^64 - 1.
 */
int config_parse_size(const char *text, uint64_t *ret);

#endif
