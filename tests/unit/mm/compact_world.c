/* SPDX-License-Identifier: Apache-2.0 */
/* compact_world.c: see the header. */
#include "compact_world.h"

#include <stdlib.h>
#include <string.h>

static uint32_t content(unsigned name, pfn_t i)
{
    return name << 8 | i;
}

static bool may_move(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag)
{
    const struct compact_world *w = ctx;

    assert_ptr_equal(z, w->z);
    assert_int_equal(w->block[tag].pfn, pfn);
    return !w->block[tag].pinned;
}

static bool begin_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    struct compact_world *w = ctx;
    const struct world_block *b = &w->block[w->page[from] >> 8];

    assert_ptr_equal(z, w->z);
    assert_int_equal(b->pfn, from);
    assert_int_equal(b->order, order);
    assert_false(b->pinned);
    assert_true(w->nr_moves < COMPACT_MOVES);
    if (b->grabbed)
        return false;
    w->move[w->nr_moves++] = (struct world_move){from, to, order};
    return true;
}

static void pass(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    (void)ctx;
    (void)z;
    (void)pfn;
    (void)order;
    (void)domain;
}

void world_open_config(struct compact_world *w, const struct zone_config *config)
{
    static const struct zone_ops ops = {.populate = pass, .move = begin_move, .movable = may_move};

    memset(w, 0, sizeof(*w));
    w->config = *config;
    w->config.ops = &ops;
    w->config.ops_ctx = w;
    metadata_alloc(&w->config, &w->lasting, &w->derived);
    assert_int_equal(zone_init(&w->config, w->lasting, w->derived, &w->z), 0);
}

void world_open(struct compact_world *w, pfn_t pageblocks, unsigned nr_domains)
{
    const struct zone_config config = {
        .nr_pages = pageblocks * P,
        .pageblock_order = ORDER,
        .nr_domains = nr_domains,
        .eager = true,
        .kernel_rules = true, /* steals then leave types alone */
    };

    world_open_config(w, &config);
}

void world_close(struct compact_world *w)
{
    world_end_all(w);
    world_verify(w);
    free(w->lasting);
    free(w->derived);
}

struct world_block *world_at(struct compact_world *w, pfn_t pfn)
{
    struct zone_block b;

    assert_int_equal(zone_block(w->z, pfn, &b), 0);
    assert_true(b.state == BLOCK_ALLOCATED || b.state == BLOCK_MOVING);
    return &w->block[b.tag];
}

static void populate(struct compact_world *w)
{
    struct zone_block b;

    for (pfn_t pfn = 0; pfn < zone_nr_pages(w->z); pfn += (pfn_t)1 << b.order) {
        assert_int_equal(zone_block(w->z, pfn, &b), 0);
        if (b.state == BLOCK_POPULATING)
            assert_int_equal(zone_populate_done(w->z, pfn), 0);
    }
}

int world_take(struct compact_world *w, unsigned order, enum migratetype type, unsigned domain)
{
    unsigned name = w->nr_blocks;
    struct zone_request rq = {.order = order, .type = type, .domain = domain};
    pfn_t pfn;
    int r;

    for (unsigned i = 0; i < w->nr_blocks; i++) { /* names are used again */
        if (!w->block[i].live)
            name = i;
    }
    rq.tag = name;
    while ((r = zone_rmqueue(w->z, &rq, &pfn)) == -EINPROGRESS)
        populate(w);
    if (r < 0)
        return -1;
    if (name == w->nr_blocks)
        w->nr_blocks++;
    w->block[name] = (struct world_block){.pfn = pfn, .order = order, .live = true};
    for (pfn_t i = 0; i < (pfn_t)1 << order; i++)
        w->page[pfn + i] = content(name, i);
    return (int)name;
}

void world_free(struct compact_world *w, unsigned name)
{
    give(w->z, w->block[name].pfn);
    for (unsigned i = 0; i < w->nr_moves; i++) {
        if (w->move[i].from == w->block[name].pfn)
            return; /* its move's end says so */
    }
    w->block[name].live = false;
}

void world_end(struct compact_world *w, unsigned n, bool done)
{
    const struct world_move m = w->move[n];
    unsigned name = w->page[m.from] >> 8;
    pfn_t to = m.to;
    bool freed;

    w->move[n] = w->move[--w->nr_moves];
    if (done) {
        memcpy(w->page + m.to, w->page + m.from, sizeof(w->page[0]) << m.order);
        assert_int_equal(zone_move_done(w->z, m.from, &to, &freed), 0);
        assert_int_equal(to, m.to);
        w->block[name].pfn = to;
        w->nr_moved++;
    } else {
        assert_int_equal(zone_move_abort(w->z, m.from, &freed), 0);
    }
    if (freed)
        w->block[name].live = false;
}

void world_end_all(struct compact_world *w)
{
    while (w->nr_moves != 0)
        world_end(w, 0, true);
}

void world_verify(struct compact_world *w)
{
    assert_zone_ok(w->z);
    for (unsigned i = 0; i < w->nr_blocks; i++) {
        const struct world_block *b = &w->block[i];
        struct zone_block zb;

        if (!b->live)
            continue;
        assert_int_equal(zone_block(w->z, b->pfn, &zb), 0);
        assert_true(zb.state == BLOCK_ALLOCATED || zb.state == BLOCK_MOVING);
        assert_int_equal(zb.order, b->order);
        assert_int_equal(zb.tag, i);
        for (pfn_t p = 0; p < (pfn_t)1 << b->order; p++)
            assert_int_equal(w->page[b->pfn + p], content(i, p));
    }
}

/* ---- drawing ---- */

/* Free the pages of a block that is to be drawn, and have it granted there. */
static void draw_block(struct compact_world *w, pfn_t pfn, unsigned order, enum migratetype type)
{
    int name;

    for (pfn_t i = 0; i < (pfn_t)1 << order; i++)
        world_free(w, (unsigned)(world_at(w, pfn + i) - w->block));
    name = world_take(w, order, type, 0);
    assert_true(name >= 0);
    assert_int_equal(w->block[name].pfn, pfn);
}

void world_draw(struct compact_world *w, const char *const *rows, unsigned nr)
{
    assert_int_equal(zone_nr_pages(w->z), nr * P);
    while (world_take(w, 0, MIGRATE_MOVABLE, 0) >= 0)
        ;
    for (pfn_t pfn = 0; pfn < nr * P; pfn++) {
        char c = rows[pfn / P][pfn % P];

        if (c == 'u')
            draw_block(w, pfn, 0, MIGRATE_UNMOVABLE);
        else if (c == 'r')
            draw_block(w, pfn, 0, MIGRATE_RECLAIMABLE);
        else if (c >= '1' && c <= '4')
            draw_block(w, pfn, (unsigned)(c - '0'), MIGRATE_MOVABLE);
    }
    for (pfn_t pfn = 0; pfn < nr * P; pfn++) {
        if (rows[pfn / P][pfn % P] == '.')
            world_free(w, (unsigned)(world_at(w, pfn) - w->block));
    }
}

static char letter(const struct zone_block *b)
{
    static const char types[] = "umr", orders[] = "01234";

    if (b->state == BLOCK_FREE)
        return '.';
    if (b->order != 0)
        return orders[b->order];
    return types[b->type];
}

void assert_drawn(struct compact_world *w, const char *const *rows, unsigned nr)
{
    char is[WORLD_PAGES + 1] = "", wanted[WORLD_PAGES + 1] = "";
    struct zone_block b;

    world_verify(w);
    for (pfn_t pfn = 0; pfn < zone_nr_pages(w->z); pfn += (pfn_t)1 << b.order) {
        assert_int_equal(zone_block(w->z, pfn, &b), 0);
        memset(is + pfn, b.state == BLOCK_FREE ? '.' : '-', (size_t)1 << b.order);
        is[pfn] = letter(&b);
    }
    for (unsigned i = 0; i < nr; i++)
        memcpy(wanted + (size_t)i * P, rows[i], P);
    assert_string_equal(is, wanted);
}

/* ---- running ---- */

struct compact_request world_request(unsigned order)
{
    return (struct compact_request){
        .order = order,
        .type = MIGRATE_MOVABLE,
        .class = ZONE_NORMAL,
        .priority = COMPACT_LIGHT,
        .flags = COMPACT_NO_MARKS,
    };
}

enum compact_result world_run(struct compact_world *w, struct compaction *c,
                              const struct compact_request *rq, unsigned budget)
{
    enum compact_result r;

    assert_int_equal(compact_begin(c, w->z, rq), 0);
    while ((r = compact_step(c, budget)) == COMPACT_CONTINUE) {
        assert_int_equal(c->nr_moving, w->nr_moves);
        world_end_all(w);
        assert_zone_ok(w->z);
    }
    return r;
}
