/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_set.h: which domains there are, and the memory files of each.
 *
 * A domain has a number, one memory file for each zone, made at first need, and a record of how
 * many pageblocks lie in each of them. Domain 0 is everybody's who has none of its own; its files
 * are the zones'. The others' numbers are given to owners, a section of the policy or one of its
 * users, and taken back; but files outlive that: a client that has closed its socket may map them
 * for ever. So the number goes to another owner only when nothing lies in the files any more, and
 * with new files: what the old one sees in the old ones is nobody's.
 */
#ifndef DAEMON_DOMAIN_SET_H
#define DAEMON_DOMAIN_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memfile.h"
#include "mm/memory.h"
#include "proto/limits.h"

struct zone;
struct daemon_config;
struct zone_set;

/** What a domain has of a zone. */
struct domain_zone {
    struct memfile file;    /**< fd -1: none yet */
    uint32_t nr_resident;   /**< pageblocks that lie in the file */
    uint32_t nr_on_the_way; /**< that are being brought into it, or taken out of it */
};

/** For whom a number is. */
struct domain_owner {
    char section[WIRE_MAX_NAME + 1];
    uid_t uid;
};

struct domain {
    struct domain_owner owner;
    bool claimed;         /**< an account has this number; domain 0 always */
    bool open;            /**< it has files */
    bool torn;            /**< some of what lies in them was punched out; see thief.h */
    uint32_t nr_sessions; /**< of its clients */
    uint64_t zonemask;    /**< zones that they may use */
    uint8_t idle_looks;   /**< at which nobody had it */
    int fd[MAX_ZONES];    /**< the files, as they are sent to clients */
    struct domain_zone zone[MAX_ZONES];
};

struct domain_set {
    const struct zone_set *zones;
    unsigned ahead; /**< empty pageblocks that lie ready for each domain in use, in each zone */
    struct memfile_spec spec[MAX_ZONES];
    struct domain domain[MAX_DOMAINS];
    /** zone_ops.populate, as long as somebody does it. */
    void (*populate)(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain);
    void *populate_ctx;
};

/** Make the record; the zones and their files stay the caller's. Returns 0 or -ENOMEM. */
int domain_set_create(const struct zone_set *zones, const struct daemon_config *config,
                      struct domain_set **ret);
/** Close all files but those of domain 0. NULL is allowed. */
void domain_set_free(struct domain_set *ds);

/**
 * Give an owner a number: the one that it had before if it still has its files, else one in whose
 * files nothing lies. uid: 0 when the section has one for all. Returns the number, or 0 when there
 * is none.
 */
unsigned domain_set_claim(struct domain_set *ds, const char *section, uid_t uid);
/** The owner is gone: nothing of the domain is granted any more. */
void domain_set_release(struct domain_set *ds, unsigned domain);

/**
 * A client of a domain comes, which may use the zones of the mask: make the files if they are
 * missing. Returns 0, or a negative errno with one line in why (size bytes): -EAGAIN while the
 * files are torn.
 */
int domain_set_join(struct domain_set *ds, unsigned domain, uint64_t zonemask, char *why,
                    size_t size);
void domain_set_leave(struct domain_set *ds, unsigned domain);

/** Is there nothing in the domain's files, and nothing on its way? */
bool domain_is_empty(const struct domain_set *ds, unsigned domain);
/** Close the files of a domain that is empty and has no owner. */
void domain_set_close(struct domain_set *ds, unsigned domain);

#endif
