/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate.c: emptying a range: first on paper, then by moves.
 *
 * On paper each block takes a place from a copy of the lists' lengths by the rule of
 * move_begin_anywhere(), in the order in which they will move; so what it finds possible is
 * possible, if nobody takes memory meanwhile.
 */
#include "evacuate.h"

#include <errno.h>

#include "guarantee.h"

/* Free blocks of one domain outside the range. */
struct room {
    pfn_t nr[NR_MOBILITIES][NR_PAGE_ORDERS];
};

/* Count the aligned blocks of which a part of a free block is made. */
static void room_add(struct room *room, enum migratetype type, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order = range_order(start, end);

        room->nr[type][order]++;
        start += order_pages(order);
    }
}

static void room_open(struct room *room, const struct zone *z, pfn_t start, pfn_t end,
                      unsigned domain)
{
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
            room->nr[t][o] = z->set[domain].list[t][o].nr;
    }
    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        const struct pageblock *pb = pageblock_of(z, pfn);
        enum migratetype type = (enum migratetype)pb->type;

        if (word_state(*word_at(z, pfn)) != BLOCK_FREE || pb->resident != domain ||
            !type_merges(type))
            continue;
        room->nr[type][word_order(*word_at(z, pfn))]--;
        room_add(room, type, pfn, start);
        room_add(room, type, end, block_end(z, pfn));
    }
}

/* Take a place as move_begin_anywhere() does. */
static bool room_take(struct room *room, const struct zone *z, unsigned order,
                      enum migratetype type)
{
    enum migratetype own = list_type(z, type);

    for (unsigned i = 0; i < NR_MOBILITIES; i++) {
        enum migratetype donor = move_types[own][i];
        unsigned o = order;

        while (o < NR_PAGE_ORDERS && room->nr[donor][o] == 0)
            o++;
        if (o == NR_PAGE_ORDERS)
            continue;
        room->nr[donor][o]--;
        if (o >= z->pageblock_order) { /* what it needs of this becomes its own type */
            while (o > order && o > z->pageblock_order)
                room->nr[donor][--o]++;
            donor = own;
        }
        while (o > order)
            room->nr[donor][--o]++;
        return true;
    }
    return false;
}

/* Is there room outside the range for all of these types that is granted in it, and belongs to this
 * domain? */
static int check_room_of(const struct zone *z, pfn_t start, pfn_t end, unsigned domain,
                         unsigned types, struct zone_obstacle *ret)
{
    struct room room;

    room_open(&room, z, start, end, domain);
    for (pfn_t pfn = start; pfn < end; pfn = block_end(z, pfn)) {
        uint64_t w;

        pfn = block_head(z, pfn);
        w = *word_at(z, pfn);
        if (word_state(w) == BLOCK_FREE || pageblock_of(z, pfn)->resident != domain ||
            !(types >> word_type(w) & 1u))
            continue;
        if (!room_take(&room, z, word_order(w), word_type(w))) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_NO_ROOM, .pfn = pfn};
            return -ENOMEM;
        }
    }
    return 0;
}

static int check_room(const struct zone *z, pfn_t start, pfn_t end, unsigned types,
                      struct zone_obstacle *ret)
{
    uint64_t domains = 0;
    int r = 0;

    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE)
            domains |= (uint64_t)1 << pageblock_of(z, pfn)->resident;
    }
    for (; r == 0 && domains != 0; domains &= domains - 1)
        r = check_room_of(z, start, end, (unsigned)__builtin_ctzll(domains), types, ret);
    return r;
}

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

/* Everything moves if there is room for it; else, where that is allowed, RECLAIMABLE blocks go. */
static int plan(struct evacuation *ev, struct zone_obstacle *ret)
{
    int r = check_room(ev->z, ev->start, ev->end, TYPES_MOBILE, ret);

    if (r == 0 || !ev->may_discard)
        return r;
    ev->discards = true;
    return check_room(ev->z, ev->start, ev->end, TYPES_MOBILE & ~(1u << MIGRATE_RECLAIMABLE), ret);
}

/* Is nothing in the range in use at present? */
static int check_movable(const struct evacuation *ev, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;

    for (pfn_t pfn = block_head(z, ev->start); pfn < ev->end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) == BLOCK_ALLOCATED && !zone_movable(z, pfn)) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_PINNED, .pfn = pfn};
            return -EBUSY;
        }
    }
    return 0;
}

int evacuate_begin(struct evacuation *ev, struct zone *z, const struct evacuate_request *rq,
                   struct zone_obstacle *ret)
{
    int r;

    zone_settle(z);
    *ev = (struct evacuation){
        .z = z,
        .wanted = rq->start,
        .to_discard = PFN_NONE,
        .may_discard = rq->may_discard,
        .max_moves = rq->max_moves ? rq->max_moves : EVACUATE_MOVES,
    };
    widen(ev, rq->start, rq->end);
    ev->clean = ev->begun = ev->start;
    r = range_check(z, ev->start, ev->end, rq->types, rq->domain, ret);
    if (r == 0 && rq->movable_now)
        r = check_movable(ev, ret);
    if (r == 0)
        r = plan(ev, ret);
    if (r == 0)
        r = guarantee_check_range(z, ev->start, ev->end, ret);
    if (r < 0)
        return r;
    range_isolate(z, ev->start, ev->end);
    return evacuate_continue(ev, ret);
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
int evacuate_continue(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;
    struct step s = {.nr_moving = 0};

    zone_settle(z);
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

            if (r < 0) {
                range_undo_isolate(z, ev->start, ev->end);
                return r;
            }
        }
    }
    return step_result(ev, &s, ret);
}

void evacuate_cancel(struct evacuation *ev)
{
    zone_settle(ev->z);
    range_undo_isolate(ev->z, ev->start, ev->end);
}
