/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_set.h: all zones of the daemon, and the handles of all their blocks.
 *
 * For each zone: its memory file, its metadata, struct zone. What is to survive the daemon (a word
 * a page, and the handle table) lies in memfds of its own that are mapped shared; what is derived
 * from that lies in anonymous memory. Both are sparse: metadata of pages that were never touched
 * costs nothing. The id of a zone is its place here.
 */
#ifndef DAEMON_ZONE_SET_H
#define DAEMON_ZONE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "lasting.h"
#include "memfile.h"
#include "mm/handle_table.h"
#include "mm/memory.h"
#include "proto/wire.h"

struct domain_set;
struct mobiles;
struct mover;
struct path_ops;
struct reclaim_lists;

/** One zone. */
struct zone_entry {
    struct zone *zone;
    struct memfile memory; /**< of domain 0 */
    struct lasting_memory lasting;
    void *derived;
    size_t derived_bytes;
    char name[WIRE_MAX_NAME + 1];
    pfn_t least_pages; /**< it does not give back more by itself, */
    bool give_back;    /**< if it gives anything back */
};

struct zone_set {
    uint32_t nr;
    struct zone_entry entry[MAX_ZONES];
    struct wire_zone wire[MAX_ZONES]; /**< what clients are told of each */
    int fd[MAX_ZONES]; /**< the memory files of domain 0, as they are sent to clients */
    unsigned nr_domains;
    struct domain_set *domains; /**< NULL: there is one domain only, or this is a draft */
    struct handle_table *handles;
    struct mobiles *mobiles;     /**< of the handles' blocks; NULL: this is a draft */
    struct mover *mover;         /**< who moves blocks, as long as somebody does it */
    struct reclaim_lists *lists; /**< of what can be discarded; NULL: this is a draft */
    /** What requests do beside asking the zones, while there are blocks that can be moved. */
    const struct path_ops *path;
    void *path_ctx;
    struct lasting_memory handle_memory;
    uint64_t nodes;       /**< bit n: the host has node n, with memory */
    struct memory memory; /**< the zones as mm/ sees them; a zone's id is its place in the config */
};

/**
 * Make the zones of a config, all memory populated, all free. Release with zone_set_free().
 * Returns 0, or a negative errno with one line in why (size bytes); then everything is undone.
 */
int zone_set_create(const struct daemon_config *config, struct zone_set **ret, char *why,
                    size_t size);
/**
 * The same without memory files and handles: nothing can be granted, but mm/ answers as it would.
 */
int zone_set_draft(const struct daemon_config *config, struct zone_set **ret, char *why,
                   size_t size);
/** Give everything up, whatever is granted. NULL is allowed. */
void zone_set_free(struct zone_set *zs);

/** The id of a zone, which is one of these. O(zones). */
unsigned zone_set_id(const struct zone_set *zs, const struct zone *z);

/** Does the host have this node, with memory? */
bool zone_set_has_node(const struct zone_set *zs, uint32_t node);
/** Bit i: there is a zone i. */
static inline uint64_t zone_set_mask(const struct zone_set *zs)
{
    return zs->nr == 0 ? 0 : UINT64_MAX >> (MAX_ZONES - zs->nr);
}

#endif
