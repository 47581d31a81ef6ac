/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact_whole.c: compaction of a whole zone: as many empty pageblocks as can be, for as few bytes
 * copied as can be.
 *
 * Pageblocks are put in order by what can move in them; one with something that stays comes last.
 * What is free in all of them together says how many can be emptied: so many of the first ones are,
 * into the others (those behind the cut), and so no block moves twice. Free lists are brought into
 * that order, too, the fullest pageblock's blocks first: then the best place for a block is the
 * head of the first list that has one. Empty pageblocks are never broken.
 *
 * The order is not true for long, since others allocate and free. So a place says only where a
 * pageblock came in this pass, and one without a place is as good as the last. A free block that
 * heads a list, and lies where others are to leave, goes to the tail.
 */
#include "compact.h"
#include "free_list.h"

/* Passes at most; each but the first begins only if the last one has won a pageblock. */
#define MAX_PASSES 4u

/* Heads of a list that are looked at for one block. */
#define LIST_LOOKS 32u

static void begin_pass(struct compaction *c)
{
    c->z->compact.pass++;
    c->pass++;
    for (unsigned i = 0; i <= COMPACT_LEVELS; i++)
        c->first[i] = PFN_NONE;
    for (unsigned d = 0; d < MAX_DOMAINS; d++)
        c->room[d] = 0;
    c->cursor = 0;
    c->place = 0;
    c->slack = 0;
    c->large = c->z->nr_large;
    c->phase = PHASE_COUNT;
}

void compact_whole_begin(struct compaction *c)
{
    begin_pass(c);
}

/* Put a pageblock on its level. */
static void file_pageblock(struct compaction *c, pfn_t pfn)
{
    struct compact_hint *hint = compact_hint_of(c, pfn);
    unsigned level = COMPACT_LEVELS;

    if (!c->stays)
        level = (unsigned)((uint64_t)c->live * (COMPACT_LEVELS - 1) >> c->z->pageblock_order);
    hint->pass = c->z->compact.pass;
    hint->next = c->first[level];
    c->first[level] = pfn >> c->z->pageblock_order;
}

/* Go to the first pageblock of the order. */
static void rewind_order(struct compaction *c, enum compact_phase phase)
{
    c->level = 0;
    c->next = c->first[0];
    c->phase = phase;
}

/* Go on to a level that has pageblocks, if the one at hand has no more. False: there is none. */
static bool go_on(struct compaction *c, unsigned last)
{
    while (c->next == PFN_NONE && c->level < last)
        c->next = c->first[++c->level];
    return c->next != PFN_NONE;
}

void compact_whole_count(struct compaction *c)
{
    const struct zone *z = c->z;
    pfn_t inside = order_pages(z->pageblock_order) - 1;
    uint64_t pinned = c->pinned_pages;

    while (c->budget > 0 && c->cursor < z->nr_pages) {
        pfn_t pfn = block_head(z, c->cursor);

        c->budget--;
        c->scanned++;
        c->cursor = block_end(z, pfn);
        if ((pfn & inside) == 0) {
            c->live = 0;
            c->stays = false;
        }
        if (pageblock_of(z, pfn)->holder == DOMAIN_NONE)
            continue;
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE) {
            if (compact_source_suits(c, pfn) && compact_may_move(c, pfn))
                c->live += c->cursor - pfn;
            else
                c->stays = true;
        }
        if ((c->cursor & inside) == 0)
            file_pageblock(c, pfn);
    }
    if (c->pass > 1)
        c->pinned_pages = pinned;
    if (c->cursor >= z->nr_pages) {
        rewind_order(c, PHASE_SORT);
        c->cursor = PFN_NONE;
    }
}

/* Can what is free in this pageblock serve a block that has to leave its own? */
static bool gives_room(const struct compaction *c, const struct pageblock *pb)
{
    return compact_target_suits(c, pb, MIGRATE_MOVABLE) ||
           compact_target_suits(c, pb, MIGRATE_RECLAIMABLE);
}

/* One block of a pageblock: what is free goes to the head of its list. */
static void sort_block(struct compaction *c, pfn_t pfn)
{
    struct zone *z = c->z;
    const struct pageblock *pb = pageblock_of(z, pfn);
    unsigned order = word_order(*word_at(z, pfn));
    struct list_set *s = &z->set[pb->resident];

    if (word_state(*word_at(z, pfn)) != BLOCK_FREE)
        return;
    list_del(z, s, (enum migratetype)pb->type, order, pfn);
    list_add_head(z, s, (enum migratetype)pb->type, order, pfn);
    if (gives_room(c, pb)) {
        c->room[pb->holder] += order_pages(order);
        c->slack += order_pages(order);
    }
}

void compact_whole_sort(struct compaction *c)
{
    const struct zone *z = c->z;
    pfn_t pages = order_pages(z->pageblock_order);

    while (go_on(c, COMPACT_LEVELS)) {
        pfn_t start = c->next << z->pageblock_order;
        struct compact_hint *hint = compact_hint_of(c, start);

        if (c->cursor == PFN_NONE)
            c->cursor = start;
        while (c->cursor < z->nr_pages && c->cursor - start < pages &&
               pageblock_of(z, start)->holder != DOMAIN_NONE) {
            pfn_t pfn = block_head(z, c->cursor);

            if (c->budget-- <= 0)
                return;
            sort_block(c, pfn);
            c->cursor = block_end(z, pfn);
        }
        hint->place = c->place++;
        c->next = hint->next;
        c->cursor = PFN_NONE;
    }
    rewind_order(c, PHASE_NEXT);
    c->cut = c->slack >> z->pageblock_order;
}

/* Is less than a pageblock left to be won? */
static bool is_enough(const struct compaction *c)
{
    return c->slack >> c->z->pageblock_order == 0;
}

void compact_whole_next(struct compaction *c)
{
    struct zone *z = c->z;
    pfn_t start;

    c->budget--;
    if (c->rq.stop_score != 0 && zone_compact_score(z) <= c->rq.stop_score) {
        c->phase = PHASE_DONE;
        return;
    }
    if (is_enough(c) || !go_on(c, COMPACT_LEVELS - 1)) {
        c->phase = PHASE_WAIT;
        return;
    }
    start = c->next << z->pageblock_order;
    c->place = compact_hint_of(c, start)->place;
    c->next = compact_hint_of(c, start)->next;
    if (start >= z->nr_pages || pageblock_of(z, start)->holder == DOMAIN_NONE)
        return;
    c->window = c->cursor = start;
    c->window_end = start + order_pages(z->pageblock_order);
    c->live = c->vacant = 0;
    c->phase = PHASE_LOOK;
}

/* Room is an estimate: others take and give some. */
static void take_room(struct compaction *c, unsigned domain, pfn_t pages)
{
    c->room[domain] -= pages < c->room[domain] ? pages : c->room[domain];
}

void compact_whole_emptied(struct compaction *c)
{
    pfn_t pages = order_pages(c->z->pageblock_order);

    c->slack -= pages < c->slack ? pages : c->slack;
}

bool compact_whole_has_room(struct compaction *c)
{
    const struct pageblock *pb = pageblock_of(c->z, c->window);

    if (pb->holder == DOMAIN_NONE) /* by now it is empty */
        return false;
    if (gives_room(c, pb))
        take_room(c, pb->holder, c->vacant);
    return c->live <= c->room[pb->holder];
}

/* Is this pageblock one that stays in use? */
static bool is_kept(const struct compaction *c, pfn_t pfn)
{
    const struct compact_hint *hint = compact_hint_of(c, pfn);

    return hint->pass != c->z->compact.pass || (hint->place > c->place && hint->place >= c->cut);
}

/* Look at the first blocks of a list. */
static bool find_on_list(struct compaction *c, unsigned domain, enum migratetype type,
                         unsigned order, pfn_t *ret)
{
    struct zone *z = c->z;
    struct list_set *s = &z->set[domain];
    const struct free_list *l = &s->list[type][order];

    for (unsigned n = 0; n < l->nr && n < LIST_LOOKS; n++) {
        pfn_t pfn = l->head;

        c->budget--;
        if (is_kept(c, pfn)) {
            *ret = pfn;
            return true;
        }
        list_del(z, s, type, order, pfn);
        list_add_tail(z, s, type, order, pfn);
    }
    return false;
}

/* The smallest free block of the type that is large enough. */
static bool find_of_type(struct compaction *c, unsigned domain, enum migratetype type,
                         unsigned order, pfn_t *ret)
{
    const struct zone *z = c->z;
    uint32_t m = z->set[domain].mask[type] & (order_pages(z->pageblock_order) - 1u);

    for (m &= ~(order_pages(order) - 1u); m != 0; m &= m - 1) {
        if (find_on_list(c, domain, type, (unsigned)__builtin_ctz(m), ret))
            return true;
    }
    return false;
}

enum compact_search compact_whole_hole(struct compaction *c, pfn_t from, pfn_t *ret)
{
    const struct zone *z = c->z;
    enum migratetype asked = word_type(*word_at(z, from)), own = list_type(z, asked);
    unsigned order = word_order(*word_at(z, from)), domain = pageblock_of(z, from)->holder;
    bool found = find_of_type(c, domain, own, order, ret);

    if (!found && asked == MIGRATE_MOVABLE)
        found = find_of_type(c, domain, MIGRATE_CMA, order, ret);
    for (unsigned i = 1; !found && c->rq.priority == COMPACT_FULL && i < NR_MOBILITIES; i++)
        found = find_of_type(c, domain, move_types[own][i], order, ret);
    if (!found)
        return SEARCH_NOTHING;
    take_room(c, domain, order_pages(order));
    return SEARCH_FOUND;
}

void compact_whole_end_pass(struct compaction *c)
{
    if (c->z->nr_large > c->large && c->pass < MAX_PASSES && !is_enough(c))
        begin_pass(c);
    else
        c->phase = PHASE_DONE;
}
