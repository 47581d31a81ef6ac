/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compact.c: runs of compaction, in slices: which window, can it be emptied, move what is in it,
 * see what came of it.
 *
 * Nothing is held between two slices but the busy blocks that each move has; so whatever happens to
 * the zone meanwhile is seen as it is when the run goes on.
 */
#include "compact.h"

#include <errno.h>

#include "marks.h"

static int check_request(const struct zone *z, const struct compact_request *rq)
{
    if (rq->order == 0 || rq->order > COMPACT_WHOLE_ZONE || rq->type >= NR_MOBILITIES ||
        rq->domain >= z->nr_domains || (unsigned)rq->class >= NR_ZONE_KINDS)
        return -EINVAL;
    return z->compact.running ? -EBUSY : 0;
}

/* Is it worth while, and its turn (compact_zone_order)? */
static int check_chances(struct zone *z, const struct compact_request *rq)
{
    if (rq->priority != COMPACT_FULL && compact_deferred(z, rq->order))
        return -EAGAIN;
    if (!(rq->flags & COMPACT_NO_MARKS) &&
        zone_compact_suitable(z, rq, WMARK_MIN) == COMPACT_SKIPPED)
        return -ENOMEM;
    return 0;
}

int compact_begin(struct compaction *c, struct zone *z, const struct compact_request *rq)
{
    int r = check_request(z, rq);

    if (r == 0 && rq->order != COMPACT_WHOLE_ZONE)
        r = check_chances(z, rq);
    if (r < 0)
        return r;
    zone_settle(z);
    *c = (struct compaction){.z = z, .rq = *rq, .captured = PFN_NONE};
    if (compact_is_whole(c))
        compact_whole_begin(c);
    else
        compact_scan_begin(c);
    z->compact.running = c;
    return 0;
}

bool compact_may_move(struct compaction *c, pfn_t pfn)
{
    const struct zone *z = c->z;
    uint64_t w = *word_at(z, pfn);

    if (word_state(w) != BLOCK_ALLOCATED || word_type(w) == MIGRATE_UNMOVABLE ||
        word_order(w) >= z->pageblock_order)
        return false;
    if (!z->ops || !z->ops->movable || z->ops->movable(z->ops_ctx, c->z, pfn, word_tag(w)))
        return true;
    c->pinned_pages += order_pages(word_order(w));
    return false;
}

bool compact_target_suits(const struct compaction *c, const struct pageblock *pb,
                          enum migratetype type)
{
    if (pb->type == list_type(c->z, type) || (pb->type == MIGRATE_CMA && type == MIGRATE_MOVABLE))
        return true;
    return c->rq.priority == COMPACT_FULL && type_merges((enum migratetype)pb->type);
}

/* The window is done with: emptied, or given up. */
static void leave(struct compaction *c)
{
    if (!compact_is_whole(c))
        c->next = c->cursor > c->window_end ? c->cursor : c->window_end;
    c->phase = PHASE_NEXT;
}

/* Can this granted block leave the window, as far as is known? */
static bool can_leave(struct compaction *c, pfn_t pfn)
{
    uint64_t w = *word_at(c->z, pfn);

    return compact_source_suits(c, pfn) && compact_may_move(c, pfn) &&
           (compact_is_whole(c) || compact_scan_has_holes(c, word_type(w), word_order(w)));
}

/* Nothing of a window moves unless all of it can. */
static void look(struct compaction *c)
{
    const struct zone *z = c->z;

    while (c->budget > 0 && c->cursor < c->window_end && c->cursor < z->nr_pages) {
        pfn_t pfn = block_head(z, c->cursor);
        bool is_free = word_state(*word_at(z, pfn)) == BLOCK_FREE;

        c->budget--;
        c->scanned++;
        c->cursor = block_end(z, pfn);
        if (!is_free && !can_leave(c, pfn)) {
            if (!compact_is_whole(c))
                compact_scan_skip(c, pfn);
            leave(c);
            return;
        }
        *(is_free ? &c->vacant : &c->live) += block_end(z, pfn) - pfn;
    }
    if (c->budget <= 0)
        return;
    if (c->live == 0 || (compact_is_whole(c) && !compact_whole_has_room(c))) {
        leave(c);
        return;
    }
    c->cursor = c->window;
    c->phase = PHASE_MOVE;
}

/* Are more pages free than a target may leave (__isolate_free_page)? */
static bool may_take(const struct compaction *c, unsigned order, unsigned domain)
{
    const struct zone *z = c->z;

    return (c->rq.flags & COMPACT_NO_MARKS) ||
           pages_ok(z, &z->set[domain], 0, z->wmark[WMARK_MIN] + order_pages(order), ZONE_DMA32,
                    ALLOC_CMA, 0);
}

/* Begin to move one block. */
static enum compact_search begin_move(struct compaction *c, pfn_t from)
{
    struct zone *z = c->z;
    uint64_t w = *word_at(z, from);
    unsigned order = word_order(w);
    enum compact_search found;
    pfn_t hole;
    int r;

    if (!may_take(c, order, pageblock_of(z, from)->holder))
        return SEARCH_NOTHING;
    found = compact_is_whole(c) ? compact_whole_hole(c, from, &hole)
                                : compact_scan_hole(c, from, &hole);
    if (found != SEARCH_FOUND)
        return found;
    r = move_begin_into(z, from, hole);
    if (r == -EAGAIN)
        c->pinned_pages += order_pages(order);
    if (r < 0)
        return SEARCH_NOTHING;
    c->move[c->nr_moving++] = (struct compact_move){from, hole, order, word_tag(w)};
    c->useful = true;
    return SEARCH_FOUND;
}

static void move(struct compaction *c)
{
    const struct zone *z = c->z;

    while (c->budget > 0 && c->nr_moving < COMPACT_MOVES && c->cursor < c->window_end &&
           c->cursor < z->nr_pages) {
        pfn_t pfn = block_head(z, c->cursor);

        c->budget--;
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE) {
            enum compact_search r = SEARCH_NOTHING;

            if (can_leave(c, pfn))
                r = begin_move(c, pfn);
            if (r == SEARCH_NOTHING)
                leave(c);
            if (r != SEARCH_FOUND)
                return;
        }
        c->cursor = block_end(z, pfn);
    }
    if (c->cursor < c->window_end && c->cursor < z->nr_pages)
        return;
    if (compact_is_whole(c))
        compact_whole_emptied(c);
    leave(c);
}

/* Forget moves that have ended. */
static void reap(struct compaction *c)
{
    const struct zone *z = c->z;
    unsigned nr = 0;

    for (unsigned i = 0; i < c->nr_moving; i++) {
        const struct compact_move m = c->move[i];
        uint64_t w = *word_at(z, m.from);

        if (word_state(w) == BLOCK_MOVING && word_tag(w) == m.to) {
            c->move[nr++] = m;
            continue;
        }
        if (word_state(w) == BLOCK_ALLOCATED && word_tag(w) == m.tag) {
            c->aborted_pages += order_pages(m.order);
        } else {
            c->moved_blocks++;
            c->moved_pages += order_pages(m.order);
        }
    }
    c->nr_moving = nr;
}

static void capture(struct compaction *c)
{
    pfn_t pfn;

    if (c->rq.capture && zone_rmqueue(c->z, c->rq.capture, &pfn) == 0)
        c->captured = pfn;
}

/* All moves have ended. */
static void see(struct compaction *c)
{
    if (compact_is_whole(c))
        compact_whole_end_pass(c);
    else
        c->phase = compact_has_block(c->z, &c->rq) ? PHASE_DONE : PHASE_NEXT;
}

/* One phase's work; returns whether to go on in this slice. */
static bool work(struct compaction *c)
{
    switch (c->phase) {
    case PHASE_COUNT:
        compact_whole_count(c);
        return true;
    case PHASE_SORT:
        compact_whole_sort(c);
        return true;
    case PHASE_NEXT:
        if (compact_is_whole(c))
            compact_whole_next(c);
        else
            compact_scan_next(c);
        return true;
    case PHASE_LOOK:
        look(c);
        return true;
    case PHASE_MOVE:
        if (c->nr_moving == COMPACT_MOVES)
            return false;
        move(c);
        return true;
    case PHASE_WAIT:
        if (c->nr_moving != 0)
            return false;
        see(c);
        return true;
    default:
        return false;
    }
}

/* The run is over: what it leaves behind. */
static enum compact_result finish(struct compaction *c)
{
    struct zone *z = c->z;
    bool done = c->phase == PHASE_DONE;

    z->compact.running = NULL;
    if (compact_is_whole(c))
        return COMPACT_SUCCESS;
    compact_scan_end(c, !done);
    if (done) {
        compact_defer_reset(z, c->rq.order);
        capture(c);
        return COMPACT_SUCCESS;
    }
    if (c->rq.priority != COMPACT_ASYNC)
        compact_defer(z, c->rq.order);
    return COMPACT_FAILED;
}

enum compact_result compact_step(struct compaction *c, unsigned budget)
{
    zone_settle(c->z);
    reap(c);
    c->budget = budget;
    while (c->budget > 0 && work(c))
        ;
    return c->phase == PHASE_DONE || c->phase == PHASE_FAILED ? finish(c) : COMPACT_CONTINUE;
}

void compact_cancel(struct compaction *c)
{
    if (!compact_is_whole(c))
        compact_scan_end(c, false);
    c->z->compact.running = NULL;
}
