/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate.c: emptying a range that was looked at: it is isolated, a few pageblocks at a time, and
 * then its blocks move.
 */
#include "evacuate.h"

#include <errno.h>

#include "guarantee.h"

/* Grow the range to whole pageblocks, and to the whole of granted blocks at its edges. */
static void widen(struct evacuation *ev, pfn_t start, pfn_t end)
{
    const struct zone *z = ev->z;
    pfn_t inside = order_pages(z->pageblock_order) - 1;
    pfn_t head;

    ev->start = start & ~inside;
    ev->end = (end + inside) & ~inside;
    head = block_head(z, ev->start);
    if (word_state(*word_at(z, head)) != BLOCK_FREE)
        ev->start = head;
    head = block_head(z, ev->end - 1);
    if (word_state(*word_at(z, head)) != BLOCK_FREE)
        ev->end = block_end(z, head);
}

/* The blocks of a pageblock change their lists; what is larger is quickly done. */
static unsigned isolation_work(const struct zone *z, pfn_t at)
{
    return word_order(*word_at(z, block_head(z, at))) < z->pageblock_order
               ? (unsigned)order_pages(z->pageblock_order) / 2
               : EVACUATE_STEP_WORK;
}

/* Since they were looked at, these pageblocks may have changed. */
static int isolate(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;

    while (ev->isolated < ev->end) {
        pfn_t at = ev->isolated, end;
        int r;

        if (ev->left == 0)
            return -EINPROGRESS;
        end = evacuate_step_end(ev, at);
        r = range_check(z, at, end, ev->types, ev->domain, ret);
        if (r == 0)
            r = guarantee_check_range(z, at, end, ret);
        if (r < 0)
            return r;
        evacuate_spend(ev, isolation_work(z, at));
        range_isolate(z, at, end);
        ev->isolated = end;
    }
    return 0;
}

/* Returns why when all is in use again. */
static int undo(struct evacuation *ev, struct zone_obstacle *ret)
{
    while (ev->undone < ev->isolated) {
        pfn_t at = ev->undone, end = evacuate_step_end(ev, at);

        ev->more = true;
        if (ev->left == 0)
            return -EINPROGRESS;
        if (end > ev->isolated)
            end = ev->isolated;
        evacuate_spend(ev, isolation_work(ev->z, at));
        range_undo_isolate(ev->z, at, end);
        ev->undone = end;
    }
    ev->more = false;
    *ret = ev->obstacle;
    return ev->failed;
}

int evacuate_fail(struct evacuation *ev, int error, struct zone_obstacle *ret)
{
    ev->failed = error;
    ev->obstacle = *ret;
    ev->undone = ev->start;
    ev->to_discard = PFN_NONE;
    return undo(ev, ret);
}

/* What is in use for others may be so for a moment only. With a window there are others to try. */
static bool may_pass(const struct evacuation *ev, const struct zone_obstacle *o)
{
    return ev->slice != 0 && !ev->movable_now &&
           (o->reason == OBSTACLE_BUSY || o->reason == OBSTACLE_ISOLATED);
}

/* Look, and isolate. Returns 0 when all of it was isolated before, or as evacuate_begin(). */
static int prepare(struct evacuation *ev, struct zone_obstacle *ret)
{
    int r;

    ev->more = false;
    if (ev->isolated == ev->end)
        return 0;
    if (ev->end > ev->z->nr_pages) { /* it was cut off meanwhile */
        *ret = (struct zone_obstacle){.reason = OBSTACLE_BEHIND, .pfn = ev->z->nr_pages};
        r = -EBUSY;
    } else {
        r = evacuate_look(ev, ret);
    }
    if (r == 0)
        r = isolate(ev, ret);
    if (r == 0 && ev->slice != 0)
        r = -EINPROGRESS; /* who wants to know what is isolated can look at it now */
    if (r == -EBUSY && may_pass(ev, ret))
        return -EAGAIN;
    ev->more = r == -EINPROGRESS;
    return r < 0 && !ev->more ? evacuate_fail(ev, r, ret) : r;
}

static int go_on(struct evacuation *ev, struct zone_obstacle *ret);

int evacuate_begin(struct evacuation *ev, struct zone *z, const struct evacuate_request *rq,
                   struct zone_obstacle *ret)
{
    zone_settle(z);
    *ev = (struct evacuation){
        .z = z,
        .wanted = rq->start,
        .to_discard = PFN_NONE,
        .types = rq->types,
        .domain = rq->domain,
        .may_discard = rq->may_discard,
        .movable_now = rq->movable_now,
        .max_moves = rq->max_moves ? rq->max_moves : EVACUATE_MOVES,
        .slice = rq->slice,
        .left = rq->slice ? rq->left : 1,
    };
    widen(ev, rq->start, rq->end);
    ev->clean = ev->begun = ev->isolated = ev->look.at = ev->start;
    return go_on(ev, ret);
}

/* Where a step has come to. */
struct step {
    unsigned nr_moving;
    unsigned nr_pinned;
    pfn_t pinned; /* the first of them */
};

/* To be passed over for now. What is behind it may have been so before, and is no failed move. */
static int pass_over(struct step *s, pfn_t pfn)
{
    if (s->nr_pinned++ == 0)
        s->pinned = pfn;
    return 0;
}

/* Get a block of the range that stands still out of the way. */
static int begin_move(struct evacuation *ev, struct step *s, pfn_t pfn, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;
    bool discardable = ev->may_discard && word_type(*word_at(z, pfn)) == MIGRATE_RECLAIMABLE;
    int r = -ENOMEM;

    if (!zone_movable(z, pfn))
        return pass_over(s, pfn);
    if (pfn < ev->begun && ++ev->tries > EVACUATE_TRIES) {
        *ret = (struct zone_obstacle){.reason = OBSTACLE_ABORTED, .pfn = pfn};
        return -EBUSY;
    }
    if (!discardable || !ev->discards)
        r = move_begin_anywhere(z, pfn);
    if (r == -EAGAIN)
        return pass_over(s, pfn);
    if (r == 0) {
        s->nr_moving++;
    } else if (discardable) {
        ev->to_discard = pfn;
    } else {
        *ret = (struct zone_obstacle){.reason = OBSTACLE_NO_ROOM, .pfn = pfn};
        return -ENOMEM;
    }
    if (ev->begun < block_end(z, pfn))
        ev->begun = block_end(z, pfn);
    return 0;
}

/* After a look at all that this step looks at. */
static int step_result(struct evacuation *ev, const struct step *s, struct zone_obstacle *ret)
{
    if (s->nr_pinned != 0 && ev->begun > s->pinned)
        ev->begun = s->pinned;
    if (s->nr_moving != 0 || ev->to_discard != PFN_NONE)
        return -EINPROGRESS;
    if (s->nr_pinned == 0)
        return 0;
    *ret = (struct zone_obstacle){.reason = OBSTACLE_PINNED, .pfn = s->pinned};
    return -EAGAIN;
}

/*
 * Free blocks between the moving ones are merged, so that this walks O(max_moves x orders) blocks,
 * whatever the size of the range; beyond what is begun it stops when enough moves are under way, or
 * so many blocks are in use.
 */
static int empty(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;
    struct step s = {.nr_moving = 0};

    ev->to_discard = PFN_NONE;
    for (pfn_t pfn = block_head(z, ev->clean); pfn < ev->end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) == BLOCK_FREE)
            continue;
        if (s.nr_moving + s.nr_pinned == 0 && pfn > ev->clean) {
            ev->clean = pfn;
            ev->tries = 0;
        }
        if (s.nr_moving == ev->max_moves || s.nr_pinned == ev->max_moves ||
            ev->to_discard != PFN_NONE)
            break;
        if (word_state(*word_at(z, pfn)) == BLOCK_MOVING) {
            s.nr_moving++;
            if (ev->begun < block_end(z, pfn))
                ev->begun = block_end(z, pfn);
        } else {
            int r = begin_move(ev, &s, pfn, ret);

            if (r < 0)
                return evacuate_fail(ev, r, ret);
        }
    }
    return step_result(ev, &s, ret);
}

static int go_on(struct evacuation *ev, struct zone_obstacle *ret)
{
    int r = ev->failed ? undo(ev, ret) : prepare(ev, ret);

    return r == 0 ? empty(ev, ret) : r;
}

int evacuate_continue(struct evacuation *ev, struct zone_obstacle *ret)
{
    zone_settle(ev->z);
    ev->left = ev->slice ? ev->slice : 1;
    return go_on(ev, ret);
}

bool evacuate_cancel(struct evacuation *ev)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE};

    zone_settle(ev->z);
    ev->left = ev->slice ? ev->slice : 1;
    return (ev->failed ? undo(ev, &o) : evacuate_fail(ev, -ECANCELED, &o)) != -EINPROGRESS;
}
