/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evacuate_look.c: is it possible to empty a range? On paper, in slices.
 *
 * First everything in the range must be of a kind that can leave. Then, for one domain after the
 * other, each block takes a place from a copy of the lists' lengths by the rule of
 * move_begin_anywhere(), in the order in which they will move; so what is found possible is
 * possible, if nobody takes memory meanwhile. Between slices somebody may: that shows when the
 * range is isolated, or when a block finds no room.
 */
#include <errno.h>

#include "evacuate.h"

/* Count the aligned blocks of which a part of a free block is made. */
static void room_add(struct evacuation_room *room, enum migratetype type, pfn_t start, pfn_t end)
{
    while (start < end) {
        unsigned order = range_order(start, end);

        room->nr[type][order]++;
        start += order_pages(order);
    }
}

/* Whose free blocks there are, outside the range as far as it was looked at. */
static void room_open(struct evacuation_room *room, const struct zone *z, unsigned domain)
{
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
            room->nr[t][o] = z->set[domain].list[t][o].nr;
    }
}

/* The free block at pfn lies in the range, or partly: what does is no room. */
static void room_leave_out(struct evacuation *ev, pfn_t pfn)
{
    struct evacuation_room *room = &ev->look.room;
    enum migratetype type = (enum migratetype)pageblock_of(ev->z, pfn)->type;
    pfn_t *nr = &room->nr[type][word_order(*word_at(ev->z, pfn))];

    *nr -= *nr != 0; /* since the lists were counted it may have merged */
    room_add(room, type, pfn, ev->start);
    room_add(room, type, ev->end, block_end(ev->z, pfn));
}

/* Take a place as move_begin_anywhere() does. */
static bool room_take(struct evacuation_room *room, const struct zone *z, unsigned order,
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

/* ---- steps ---- */

pfn_t evacuate_step_end(const struct evacuation *ev, pfn_t at)
{
    pfn_t end = at + order_pages(ev->z->pageblock_order);
    pfn_t last = block_end(ev->z, block_head(ev->z, at));

    if (last > end)
        end = last;
    return ev->slice == 0 || end > ev->end ? ev->end : end;
}

/* From here on each domain's blocks seek room; discards: but for RECLAIMABLE ones. */
static void begin_plan(struct evacuation *ev, bool discards)
{
    struct evacuation_look *l = &ev->look;

    ev->discards = discards;
    l->phase = LOOK_ROOM;
    l->unplanned = l->domains;
    l->at = ev->start;
}

/* Could everything that lies here leave, and is nothing in use at present? */
static int check(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct evacuation_look *l = &ev->look;
    struct zone *z = ev->z;
    pfn_t end = evacuate_step_end(ev, l->at);
    int r = range_check(z, l->at, end, ev->types, ev->domain, ret);

    evacuate_spend(ev, EVACUATE_STEP_WORK);
    for (pfn_t pfn = block_head(z, l->at); r == 0 && pfn < end; pfn = block_end(z, pfn)) {
        if (word_state(*word_at(z, pfn)) == BLOCK_FREE)
            continue;
        evacuate_spend(ev, 1);
        l->domains |= (uint64_t)1 << pageblock_of(z, pfn)->resident;
        if (ev->movable_now && !zone_movable(z, pfn)) {
            *ret = (struct zone_obstacle){.reason = OBSTACLE_PINNED, .pfn = pfn};
            r = -EBUSY;
        }
    }
    if (r < 0)
        return r;
    l->at = end;
    if (end == ev->end)
        begin_plan(ev, false);
    return 0;
}

/* What room is there for the first domain that has no plan? */
static void find_room(struct evacuation *ev)
{
    struct evacuation_look *l = &ev->look;
    const struct zone *z = ev->z;
    pfn_t pfn = block_head(z, l->at);
    unsigned domain;

    if (l->unplanned == 0) {
        l->phase = LOOK_DONE;
        return;
    }
    domain = (unsigned)__builtin_ctzll(l->unplanned);
    if (l->at == ev->start)
        room_open(&l->room, z, domain);
    if (word_state(*word_at(z, pfn)) == BLOCK_FREE && pageblock_of(z, pfn)->resident == domain &&
        type_merges((enum migratetype)pageblock_of(z, pfn)->type))
        room_leave_out(ev, pfn);
    evacuate_spend(ev, 1);
    l->at = block_end(z, pfn);
    if (l->at >= ev->end) {
        l->phase = LOOK_PLACES;
        l->at = ev->start;
    }
}

/* Everything moves if there is room for it; else, where that is allowed, RECLAIMABLE blocks go. */
static int find_place(struct evacuation *ev, struct zone_obstacle *ret)
{
    struct evacuation_look *l = &ev->look;
    const struct zone *z = ev->z;
    pfn_t pfn = block_head(z, l->at);
    uint64_t w = *word_at(z, pfn);

    evacuate_spend(ev, 1);
    if (word_state(w) != BLOCK_FREE &&
        pageblock_of(z, pfn)->resident == (unsigned)__builtin_ctzll(l->unplanned) &&
        !(ev->discards && word_type(w) == MIGRATE_RECLAIMABLE) &&
        !room_take(&l->room, z, word_order(w), word_type(w))) {
        if (ev->may_discard && !ev->discards) {
            begin_plan(ev, true);
            return 0;
        }
        *ret = (struct zone_obstacle){.reason = OBSTACLE_NO_ROOM, .pfn = pfn};
        return -ENOMEM;
    }
    l->at = block_end(z, pfn);
    if (l->at >= ev->end) {
        l->unplanned &= l->unplanned - 1;
        l->phase = LOOK_ROOM;
        l->at = ev->start;
    }
    return 0;
}

int evacuate_look(struct evacuation *ev, struct zone_obstacle *ret)
{
    int r = 0;

    while (r == 0 && ev->look.phase != LOOK_DONE) {
        if (ev->left == 0)
            return -EINPROGRESS;
        if (ev->look.phase == LOOK_CHECK)
            r = check(ev, ret);
        else if (ev->look.phase == LOOK_ROOM)
            find_room(ev);
        else
            r = find_place(ev, ret);
    }
    return r;
}
