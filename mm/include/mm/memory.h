/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h: all zones of a host, and in which order a request tries them.
 *
 * A zone's id is its place here, and stays while other zones come and go. For each node there are
 * two zonelists, as in Linux: all nodes by distance, and this node alone. Single-threaded by
 * contract.
 */
#ifndef MM_MEMORY_H
#define MM_MEMORY_H

#include "mm/watermark.h"
#include "mm/zone.h"

#define MAX_ZONES 64u
#define MAX_NODES 64u

/** The order in which zones are tried: by id, the zones of one node from the highest kind down. */
struct zonelist {
    unsigned nr;
    uint8_t id[MAX_ZONES];
};

struct resting;

/** Where the most usual requests are served first; see alloc_pages(). */
struct first_zone {
    struct zone *zone; /**< if there is none, one without domains, whose marks nothing passes */
    struct resting *resting; /**< what rests of the mobility in its domain 0, by order */
    unsigned id;
    unsigned reserved[3]; /**< makes the index a shift */
};

/** What is known of the host's nodes; zero-filled is one node. */
struct mm_topology {
    unsigned nr_nodes;                      /**< 1 to MAX_NODES; 0 counts as 1 */
    uint64_t cpus;                          /**< bit n: node n has processors */
    uint8_t distance[MAX_NODES][MAX_NODES]; /**< as in SLIT: 10 is local; 0 counts as 10 or 20 */
};

struct account;
struct account_ops;

/** Zero-filled it is empty, but for settings: see memory_init(). The fields are to be read only. */
struct memory {
    unsigned nr_zones; /**< one more than the highest id */
    struct zone *zone[MAX_ZONES];
    unsigned page_shift;
    struct mm_settings settings;
    struct mm_topology topology;
    struct zonelist all[MAX_NODES];   /**< from node n */
    struct zonelist local[MAX_NODES]; /**< of node n */
    /** From node n, by mobility: requests with no word about zones. Nodes that are not there are
     * served by nothing. (4 makes the index a shift.) */
    struct first_zone first[MAX_NODES][NR_MOBILITIES + 1];
    unsigned sequence;        /**< counts rebuilds: who failed while it moved tries again */
    struct account *accounts; /**< those that are in no group: account.h */
    const struct account_ops *account_ops;
    void *account_ctx;
};

/** An empty host with the kernel's default settings. topology: copied, or NULL for one node. */
int memory_init(struct memory *m, unsigned page_shift, const struct mm_topology *topology);
/**
 * Add a zone, which stays the caller's: at id, or at the lowest free one if id is negative.
 * Rebuilds zonelists and marks. Returns the id; -EEXIST, -ENOSPC; -EINVAL for an id or a node out
 * of range.
 */
int memory_add_zone(struct memory *m, struct zone *z, int id);
/** Remove a zone; -ENOENT when there is none, -EBUSY while anything of it is granted, busy,
 * isolated, or guaranteed to an account. */
int memory_remove_zone(struct memory *m, unsigned id);
/** Recompute zonelists and marks: after a zone has grown or shrunk. */
void memory_rebuild(struct memory *m);
/** Change the settings and recompute the marks; -EINVAL, and nothing has changed, if out of range.
 */
int memory_set(struct memory *m, const struct mm_settings *settings);

#endif
