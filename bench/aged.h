/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aged.h: a zone that has seen use: a trace was played to its peak, and then blocks were freed at
 * random, from a seed, until half of the zone was live.
 *
 * It keeps books of its own about every block and pageblock, as a daemon's handle table would, and
 * follows what compaction moves. There is no memory behind the pages: a move has nothing to copy,
 * and is complete at once or when aged_finish_moves() says so.
 */
#ifndef BENCH_AGED_H
#define BENCH_AGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pageblock_use.h"
#include "trace/trace.h"
#include "zone_memory.h"

/** Moves that can be under way at a time. */
#define AGED_MAX_MOVES 1024u

struct aged_config {
    unsigned percent; /**< of the trace's peak: how large the zone is, in whole pageblocks */
    enum bench_grouping grouping;
    bool all_movable; /**< every block is movable, whatever the trace says */
    uint64_t seed;
};

struct aged_block {
    pfn_t pfn; /**< PFN_NONE: not live */
    uint8_t order;
    uint8_t type;
};

/** The fields are for reading. Must stay where it is: the zone knows it. */
struct aged {
    struct zone_memory memory;
    struct aged_block *blocks; /**< by id */
    uint32_t nr_blocks;
    struct pageblock_use use;
    pfn_t moving[AGED_MAX_MOVES]; /**< sources */
    unsigned nr_moving;
    uint64_t copied_pages; /**< by moves that are complete */
};

/**
 * Make one. Release with aged_free(). Returns 0; -ENOMEM; or what the allocator answered that it
 * must not.
 */
int aged_init(struct aged *a, const struct trace *t, const struct aged_config *config);
void aged_free(struct aged *a);

/** Live pages. */
uint64_t aged_live_pages(const struct aged *a);
/** Complete all moves that have begun. Returns 0 or a negative errno. */
int aged_finish_moves(struct aged *a);
/**
 * Compact the whole zone as well as can be, marks ignored, as `buddyctl compact` does. Returns 0 or
 * a negative errno.
 */
int aged_compact(struct aged *a);
/** How many movable blocks of one pageblock each can be had until one is refused. They are kept:
 * this is the last thing to do. */
int aged_count_pageblocks(struct aged *a, pfn_t *ret);
/** Is every block where the zone says that it is, and the zone whole? 0 or -EUCLEAN. */
int aged_check(struct aged *a, char *why, size_t size);

#endif
