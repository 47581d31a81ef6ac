/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact_world.h: a zone drawn as text, and moved about by compaction, with what each page holds.
 *
 * A row is a pageblock of 16 pages. '.': free; 'm', 'r', 'u': a block of one page, MOVABLE,
 * RECLAIMABLE, UNMOVABLE; '1' to '4' and as many '-' as it takes: a MOVABLE block of that order.
 */
#ifndef TESTS_MM_COMPACT_WORLD_H
#define TESTS_MM_COMPACT_WORLD_H

#include "mm/compact.h"
#include "range_fixture.h"

#define WORLD_PAGES 1024u

struct world_block {
    pfn_t pfn;
    unsigned order;
    bool live;
    bool pinned;  /**< movable() says no */
    bool grabbed; /**< movable() says yes, and move() no */
};

struct world_move {
    pfn_t from;
    pfn_t to;
    unsigned order;
};

struct compact_world {
    struct zone *z;
    struct zone_config config;
    void *lasting;
    void *derived;
    unsigned nr_blocks; /**< names are indices, and tags */
    struct world_block block[2 * WORLD_PAGES];
    uint32_t
        page[WORLD_PAGES]; /**< what is written there: the block's name, and which page of it */
    unsigned nr_moves;
    struct world_move move[COMPACT_MOVES];
    unsigned nr_moved; /**< moves that were done */
};

/** A zone of so many pageblocks, all free. */
void world_open(struct compact_world *w, pfn_t pageblocks, unsigned nr_domains);
/** The same, with a config whose ops are to be the world's. */
void world_open_config(struct compact_world *w, const struct zone_config *config);
/** All blocks are where the zone says, with their content; release all. */
void world_close(struct compact_world *w);
/** Make the zone look so: one string a pageblock. A pageblock with 8 'u' or 'r' becomes that type.
 */
void world_draw(struct compact_world *w, const char *const *rows, unsigned nr);
/** It does. */
void assert_drawn(struct compact_world *w, const char *const *rows, unsigned nr);
#define WORLD_DRAW(w, ...)                                                                         \
    do {                                                                                           \
        const char *const rows_[] = {__VA_ARGS__};                                                 \
                                                                                                   \
        world_draw((w), rows_, sizeof(rows_) / sizeof(rows_[0]));                                  \
    } while (0)
#define ASSERT_DRAWN(w, ...)                                                                       \
    do {                                                                                           \
        const char *const rows_[] = {__VA_ARGS__};                                                 \
                                                                                                   \
        assert_drawn((w), rows_, sizeof(rows_) / sizeof(rows_[0]));                                \
    } while (0)

/** The block that begins at pfn, which is granted. */
struct world_block *world_at(struct compact_world *w, pfn_t pfn);
/** Take a block; returns its name, or -1. Memory that has to pass first passes at once. */
int world_take(struct compact_world *w, unsigned order, enum migratetype type, unsigned domain);
/** Free a block that is granted, moving or not. */
void world_free(struct compact_world *w, unsigned name);
/** End the n-th move that is under way. */
void world_end(struct compact_world *w, unsigned n, bool done);
/** End all moves, done. */
void world_end_all(struct compact_world *w);
/** Each block's content is where the zone says that it is. */
void world_verify(struct compact_world *w);

/** A request for a movable block of an order by a LIGHT run, without marks. */
struct compact_request world_request(unsigned order);
/** Run to the end by steps of a budget, ending all moves after each. */
enum compact_result world_run(struct compact_world *w, struct compaction *c,
                              const struct compact_request *rq, unsigned budget);

#endif
