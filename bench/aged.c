/* SPDX-License-Identifier: Apache-2.0 */
/* aged.c: makes the aged zone, and completes what compaction begins in it. */
#include "aged.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mm/compact.h"
#include "random.h"

/** Blocks that compaction looks at in a step; what the daemon does in a slice is of this kind. */
#define COMPACT_BUDGET 64u

static bool begin_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct aged *a = ctx;

    (void)z;
    (void)to;
    (void)order;
    if (a->nr_moving == AGED_MAX_MOVES)
        return false;
    a->moving[a->nr_moving++] = from;
    return true;
}

static const struct zone_ops ops = {.move = begin_move};

/* ---- its youth ---- */

static int take(struct aged *a, const struct trace_event *e, const struct aged_config *config)
{
    struct aged_block *b = &a->blocks[e->id];
    struct zone_request rq = {.order = e->order, .type = (enum migratetype)e->type, .tag = e->id};
    int rc;

    if (config->all_movable)
        rq.type = MIGRATE_MOVABLE;
    rc = zone_rmqueue(a->memory.zone, &rq, &b->pfn);
    if (rc == -ENOMEM)
        return 0; /* its free will be passed over */
    if (rc)
        return rc;
    b->order = e->order;
    b->type = (uint8_t)rq.type;
    pageblock_use_add(&a->use, b->pfn, b->order, rq.type);
    return 0;
}

static int give(struct aged *a, uint32_t id)
{
    struct aged_block *b = &a->blocks[id];
    pfn_t pfn = b->pfn;

    if (pfn == PFN_NONE)
        return 0;
    pageblock_use_remove(&a->use, pfn, b->order, (enum migratetype)b->type);
    b->pfn = PFN_NONE;
    return zone_free(a->memory.zone, pfn);
}

static int play_to_peak(struct aged *a, const struct trace *t, const struct aged_config *config)
{
    for (size_t i = 0; i < t->peak_event; i++) {
        const struct trace_event *e = &t->events[i];
        int rc = e->kind == TRACE_ALLOC ? take(a, e, config) : give(a, e->id);

        if (rc)
            return rc;
    }
    return 0;
}

uint64_t aged_live_pages(const struct aged *a)
{
    uint64_t pages = 0;

    for (unsigned type = 0; type < NR_MOBILITIES; type++)
        pages += a->use.live_pages[type];
    return pages;
}

/** Free live blocks, each as likely as the others, until half of the zone is live. */
static int thin_out(struct aged *a, uint64_t seed)
{
    uint32_t *live = malloc(((size_t)a->nr_blocks + 1) * sizeof(*live));
    uint64_t random = random_seed(seed);
    uint32_t nr = 0;
    int rc = 0;

    if (!live)
        return -ENOMEM;
    for (uint32_t id = 0; id < a->nr_blocks; id++) {
        if (a->blocks[id].pfn != PFN_NONE)
            live[nr++] = id;
    }
    while (!rc && nr > 0 && aged_live_pages(a) > zone_nr_pages(a->memory.zone) / 2) {
        uint32_t i = (uint32_t)random_below(&random, nr);

        rc = give(a, live[i]);
        live[i] = live[--nr];
    }
    free(live);
    return rc;
}

static pfn_t pages_of_peak(const struct trace *t, unsigned percent)
{
    uint64_t pages = (t->peak_pages * percent + 99) / 100;

    return (pfn_t)((pages + BENCH_PAGEBLOCK_PAGES - 1) & ~(uint64_t)(BENCH_PAGEBLOCK_PAGES - 1));
}

int aged_init(struct aged *a, const struct trace *t, const struct aged_config *config)
{
    pfn_t nr_pages = pages_of_peak(t, config->percent);
    int rc = -ENOMEM;

    *a = (struct aged){.nr_blocks = t->nr_blocks};
    a->blocks = malloc(((size_t)t->nr_blocks + 1) * sizeof(*a->blocks));
    if (!a->blocks)
        return -ENOMEM;
    for (uint32_t id = 0; id < t->nr_blocks; id++)
        a->blocks[id] = (struct aged_block){.pfn = PFN_NONE};
    rc = zone_memory_init_ops(&a->memory, nr_pages, config->grouping, false, &ops, a);
    if (rc)
        goto free_blocks;
    rc = pageblock_use_init(&a->use, nr_pages, BENCH_PAGEBLOCK_ORDER);
    if (rc)
        goto free_zone;
    rc = play_to_peak(a, t, config);
    if (!rc)
        rc = thin_out(a, config->seed);
    if (!rc)
        return 0;
    pageblock_use_free(&a->use);
free_zone:
    zone_memory_free(&a->memory);
free_blocks:
    free(a->blocks);
    return rc;
}

void aged_free(struct aged *a)
{
    pageblock_use_free(&a->use);
    zone_memory_free(&a->memory);
    free(a->blocks);
    a->blocks = NULL;
}

/* ---- compaction ---- */

static int finish_move(struct aged *a, pfn_t from)
{
    struct zone_block at;
    struct aged_block *b;
    bool freed;
    pfn_t to;
    int rc;

    rc = zone_move_done(a->memory.zone, from, &to, &freed);
    if (rc)
        return rc;
    rc = zone_block(a->memory.zone, to, &at);
    if (rc)
        return rc;
    if (freed || at.tag >= a->nr_blocks || a->blocks[at.tag].pfn != from)
        return -EUCLEAN;
    b = &a->blocks[at.tag];
    pageblock_use_remove(&a->use, from, b->order, (enum migratetype)b->type);
    pageblock_use_add(&a->use, to, b->order, (enum migratetype)b->type);
    b->pfn = to;
    a->copied_pages += (uint64_t)1 << b->order;
    return 0;
}

int aged_finish_moves(struct aged *a)
{
    int rc = 0;

    for (unsigned i = 0; i < a->nr_moving && !rc; i++)
        rc = finish_move(a, a->moving[i]);
    a->nr_moving = 0;
    return rc;
}

int aged_compact(struct aged *a)
{
    const struct compact_request rq = {
        .order = COMPACT_WHOLE_ZONE,
        .flags = COMPACT_NO_MARKS | COMPACT_IGNORE_SKIP,
    };
    enum compact_result result;
    struct compaction c;
    int rc;

    rc = compact_begin(&c, a->memory.zone, &rq);
    if (rc)
        return rc;
    while ((result = compact_step(&c, COMPACT_BUDGET)) == COMPACT_CONTINUE) {
        rc = aged_finish_moves(a);
        if (rc) {
            compact_cancel(&c);
            return rc;
        }
    }
    return result == COMPACT_SUCCESS ? 0 : -EIO;
}

/* ---- what there is ---- */

int aged_count_pageblocks(struct aged *a, pfn_t *ret)
{
    const struct zone_request rq = {
        .order = BENCH_PAGEBLOCK_ORDER,
        .type = MIGRATE_MOVABLE,
        .tag = a->nr_blocks,
    };
    pfn_t nr = 0;
    pfn_t pfn;
    int rc;

    while ((rc = zone_rmqueue(a->memory.zone, &rq, &pfn)) == 0)
        nr++;
    if (rc != -ENOMEM)
        return rc;
    *ret = nr;
    return 0;
}

int aged_check(struct aged *a, char *why, size_t size)
{
    for (uint32_t id = 0; id < a->nr_blocks; id++) {
        const struct aged_block *b = &a->blocks[id];
        struct zone_block at;

        if (b->pfn == PFN_NONE)
            continue;
        if (zone_block(a->memory.zone, b->pfn, &at) || at.state != BLOCK_ALLOCATED ||
            at.order != b->order || at.type != (enum migratetype)b->type || at.tag != id) {
            snprintf(why, size, "block %u is not at pfn %u", id, b->pfn);
            return -EUCLEAN;
        }
    }
    return zone_check(a->memory.zone, why, size);
}
