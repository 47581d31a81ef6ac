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

/* Is there room outside the range for all that is granted in it and belongs to this domain? */
static int check_room_of(const struct zone *z, pfn_t start, pfn_t end, unsigned domain,
                         struct zone_obstacle *ret)
{
    struct room room;

    room_open(&room, z, start, end, domain);
    for (pfn_t pfn = start; pfn < end; pfn = block_end(z, pfn)) {
        uint64_t w;

        pfn = block_head(z, pfn);
        w = *word_at(z, pfn);
        if (word_state(w) == BLOCK_FREE || pageblock_of(z, pfn)->resident != domain)
            continue;
        if (!room_take(&room, z, word_order(w), word_type(w))) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_NO_ROOM, .pfn = pfn};
            return -ENOMEM;
        }
    }
    return 0;
}

static int check_room(const struct zone *z, pfn_t start, pfn_t end, struct zone_obstacle *ret)
{
    uint64_t domains = 0;
    int r = 0;

    for (pfn_t pfn = block_head(z, start); pfn < end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) != BLOCK_FREE)
            domains |= (uint64_t)1 << pageblock_of(z, pfn)->resident;
    }
    for (; r == 0 && domains != 0; domains &= domains - 1)
        r = check_room_of(z, start, end, (unsigned)__builtin_ctzll(domains), ret);
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

int evacuate_begin(struct evacuation *ev, struct zone *z, const struct evacuate_request *rq,
                   struct zone_obstacle *ret)
{
    int r;

    zone_settle(z);
    *ev = (struct evacuation){
        .z = z,
        .wanted = rq->start,
        .max_moves = rq->max_moves ? rq->max_moves : EVACUATE_MOVES,
    };
    widen(ev, rq->start, rq->end);
    ev->clean = ev->begun = ev->start;
    r = range_check(z, ev->start, ev->end, rq->types, rq->domain, ret);
    if (r == 0)
        r = check_room(z, ev->start, ev->end, ret);
    if (r == 0)
        r = guarantee_check_range(z, ev->start, ev->end, ret);
    if (r < 0)
        return r;
    range_isolate(z, ev->start, ev->end);
    return evacuate_continue(ev, ret);
}

/* Begin to move a block of the range that stands still. */
static int begin_move(struct evacuation *ev, pfn_t pfn, struct zone_obstacle *ret)
{
    if (pfn < ev->begun && ++ev->tries > EVACUATE_TRIES) {
        *ret = (struct zone_obstacle){.reason = OBSTACLE_ABORTED, .pfn = pfn};
        return -EBUSY;
    }
    if (move_begin_anywhere(ev->z, pfn) < 0) {
        *ret = (struct zone_obstacle){.reason = OBSTACLE_NO_ROOM, .pfn = pfn};
        return -ENOMEM;
    }
    return 0;
}

/*
 * Free blocks between the moving ones are merged, so that this walks O(max_moves x orders) blocks,
 * whatever the size of the range; beyond what is begun it stops when enough moves are under way.
 */
int evacuate_continue(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct zone *z = ev->z;
    unsigned nr_moving = 0;

    zone_settle(z);
    for (pfn_t pfn = block_head(z, ev->clean); pfn < ev->end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) == BLOCK_FREE)
            continue;
        if (nr_moving == 0 && pfn > ev->clean) {
            ev->clean = pfn;
            ev->tries = 0;
        }
        if (nr_moving == ev->max_moves)
            break;
        if (word_state(*word_at(z, pfn)) != BLOCK_MOVING) {
            int r = begin_move(ev, pfn, ret);

            if (r < 0) {
                range_undo_isolate(z, ev->start, ev->end);
                return r;
            }
        }
        nr_moving++;
        if (ev->begun < block_end(z, pfn))
            ev->begun = block_end(z, pfn);
    }
    return nr_moving == 0 ? 0 : -EINPROGRESS;
}

void evacuate_cancel(struct evacuation *ev)
{
    zone_settle(ev->z);
    range_undo_isolate(ev->z, ev->start, ev->end);
}
