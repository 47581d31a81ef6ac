/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate.h: moving a block into another zone, for example on another node, split-phase.
 *
 * As a move within a zone (zone_move_begin()), the block is busy at both ends until its bytes are
 * copied; a free, or its owner's death, takes effect then. Its new place is granted as to any other
 * request, but the account is not asked: it is charged there from the beginning, and no longer for
 * the place that the block leaves (mem_cgroup_migrate in Linux).
 */
#ifndef MM_MIGRATE_H
#define MM_MIGRATE_H

#include "mm/page_alloc.h"

/** Both ends of a move between zones. */
struct migration {
    unsigned from_zone;
    pfn_t from;
    unsigned to_zone;
    pfn_t to;
};

/**
 * Begin to move the block at mg->from of mg->from_zone to a place in mg->to_zone, which becomes
 * mg->to, in the same domain; zone_ops.migrate of the block's zone is called. a: who pays for the
 * block, or NULL; charged in both zones until the move ends.
 * Returns 0; -EAGAIN when its owner uses it; -ENOMEM with *ret_refusal when the zone has no room
 * for it above its marks and what others are guaranteed; -EINPROGRESS when memory there is on its
 * way to the domain: ask again; -EBUSY when it moves already; -EINVAL when
 * no allocated block begins there, it is UNMOVABLE, or these are no two zones. Then nothing is
 * changed but the count of failures, or of grants and frees. O(zones).
 */
int memory_migrate_begin(struct memory *m, struct account *a, struct migration *mg,
                         struct refusal *ret_refusal);
/**
 * The bytes are copied: the block is at its new place, with its tag, and its old place is free; if
 * it was freed meanwhile, both are, and *ret_freed says so: then it is for the caller to take it
 * off the account in from_zone (account_uncharge()), as with any block that is freed. What names
 * the block is to be changed before this (handle_move()). a: as at the beginning. -EINVAL when no
 * such move is under way.
 */
int memory_migrate_done(struct memory *m, struct account *a, const struct migration *mg,
                        bool *ret_freed);
/** The bytes could not be copied: the block stays, or is freed if that was asked for meanwhile;
 * else as memory_migrate_done(). */
int memory_migrate_abort(struct memory *m, struct account *a, const struct migration *mg,
                         bool *ret_freed);

#endif
