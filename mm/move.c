/* SPDX-License-Identifier: Apache-2.0 */
/*
 * move.c: moving a block in two phases: its bytes are copied elsewhere, between begin and done.
 *
 * While it moves, the owner's tag is kept at the target and the target's pfn at the source, so that
 * neither needs a record beside its word.
 */
#include <errno.h>

#include "debug.h"
#include "free_list.h"
#include "guarantee.h"
#include "marks.h"

const enum migratetype move_types[NR_MOBILITIES][NR_MOBILITIES] = {
    [MIGRATE_UNMOVABLE] = {MIGRATE_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE},
    [MIGRATE_MOVABLE] = {MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE},
    [MIGRATE_RECLAIMABLE] = {MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE, MIGRATE_UNMOVABLE},
};

/* Take a place from the first nr_types of move_types; flags: ALLOC_SMALL. */
static bool take_place(struct zone *z, unsigned domain, unsigned order, enum migratetype own,
                       unsigned nr_types, unsigned flags, struct found_block *ret)
{
    unsigned low = order > z->pageblock_order ? order : z->pageblock_order;
    unsigned i = 0;

    while (i < nr_types && !take_below(z, domain, order, move_types[own][i], flags, ret))
        i++;
    if (i == nr_types)
        return false;
    if (ret->type != own && ret->order >= z->pageblock_order) { /* claim what it needs of it */
        expand(z, ret, low, domain);
        z->nr_large += order_pages(low); /* still free: the caller's expand() takes it */
        retype(z, ret->pfn, low, own);
        ret->order = low;
        ret->type = own;
    }
    return true;
}

void move_release(struct zone *z, pfn_t pfn, unsigned order)
{
    unhold_block(z, pfn, order);
    release_block(z, pfn, order);
}

/* What leaves an isolated pageblock of domain 0 is not stranded any more. */
static bool leaves_strand(const struct zone *z, pfn_t from)
{
    const struct pageblock *pb = pageblock_of(z, from);

    return pb->resident == 0 && pb->type == MIGRATE_ISOLATE;
}

void move_leave(struct zone *z, pfn_t from)
{
    if (leaves_strand(z, from))
        z->set[0].nr_stranded -= order_pages(word_order(*word_at(z, from)));
}

void move_stay(struct zone *z, pfn_t from, uint64_t granted)
{
    word_store(word_at(z, from), granted);
    if (leaves_strand(z, from)) {
        z->set[0].nr_stranded += order_pages(word_order(granted));
        zone_marks_changed(z);
    }
}

/* A granted block sets out for a place that is off the lists. */
static int set_out(struct zone *z, pfn_t from, pfn_t to)
{
    uint64_t w = *word_at(z, from);
    unsigned order = word_order(w);

    move_leave(z, from);
    word_store(word_at(z, to), word_make(BLOCK_TARGET, order, word_type(w), word_tag(w)));
    word_store(word_at(z, from), word_make(BLOCK_MOVING, order, word_type(w), to));
    z->nr_busy += order_pages(order);
    if (!z->ops || !z->ops->move || z->ops->move(z->ops_ctx, z, from, to, order))
        return 0;
    z->nr_busy -= order_pages(order);
    move_stay(z, from, w);
    move_release(z, to, order);
    return -EAGAIN;
}

static int move_begin(struct zone *z, pfn_t from, unsigned nr_types)
{
    struct found_block b;
    enum migratetype type;
    unsigned order, domain, flags;
    enum lending lending;
    bool leaves;
    uint64_t w;

    if (from >= z->nr_pages)
        return -EINVAL;
    zone_settle(z); /* frees that were put off are seen in the words */
    w = *word_at(z, from);
    if (word_state(w) == BLOCK_MOVING)
        return -EBUSY;
    type = word_type(w);
    if (word_state(w) != BLOCK_ALLOCATED || type == MIGRATE_UNMOVABLE)
        return -EINVAL;
    order = word_order(w);
    domain = order < z->pageblock_order ? pageblock_of(z, from)->holder
                                        : pageblock_of(z, from)->resident;
    leaves = leaves_strand(z, from);
    lending = zone_lending(z, domain, order, leaves ? order_pages(order) : 0);
    if (lending == LEND_NOTHING)
        return -ENOMEM;
    flags = lending == LEND_SMALL ? ALLOC_SMALL : 0;
    do {
        if (!take_place(z, domain, order, list_type(z, type), nr_types, flags, &b))
            return -ENOMEM;
        expand(z, &b, order, domain);
    } while (!block_is_good(z, b.pfn, order));
    if (order >= z->pageblock_order)
        hold(z, domain, b.type, order_pages(order));
    return set_out(z, from, b.pfn);
}

int zone_move_begin(struct zone *z, pfn_t from)
{
    return move_begin(z, from, 1);
}

int move_begin_anywhere(struct zone *z, pfn_t from)
{
    return move_begin(z, from, NR_MOBILITIES);
}

int move_begin_into(struct zone *z, pfn_t from, pfn_t hole)
{
    uint64_t w = *word_at(z, from);
    unsigned order = word_order(w), domain = pageblock_of(z, from)->holder;
    enum migratetype own = list_type(z, word_type(w));
    const struct pageblock *pb = pageblock_of(z, hole);
    struct found_block b = {hole, word_order(*word_at(z, hole)), (enum migratetype)pb->type,
                            domain};
    int r;

    if (zone_lending(z, domain, order, 0) == LEND_NOTHING)
        return -ENOMEM;
    list_del(z, &z->set[domain], b.type, b.order, hole);
    expand(z, &b, order, domain);
    if (!block_is_good(z, hole, order))
        return -ENOMEM;
    r = set_out(z, from, hole);
    if (r == 0 && order + 1 >= z->pageblock_order && pb->type != own &&
        type_merges((enum migratetype)pb->type))
        retype_broken(z, hole & ~(order_pages(z->pageblock_order) - 1), own);
    return r;
}

/* Does a block move from here, within the zone? */
static bool moves(const struct zone *z, pfn_t from)
{
    return from < z->nr_pages && word_state(*word_at(z, from)) == BLOCK_MOVING &&
           !(*word_at(z, from) & WORD_ELSEWHERE);
}

int zone_move_done(struct zone *z, pfn_t from, pfn_t *ret_to, bool *ret_freed)
{
    uint64_t w;
    pfn_t to;

    if (!moves(z, from))
        return -EINVAL;
    zone_settle(z);
    w = *word_at(z, from);
    to = (pfn_t)word_tag(w);
    z->nr_busy -= order_pages(word_order(w));
    z->moved_pages += order_pages(word_order(w));
    if (zone_debugged(z))
        owner_moved(z, from, z, to, word_order(w));
    if (w & WORD_FREE_PENDING)
        move_release(z, to, word_order(w));
    else
        word_store(word_at(z, to), word_with_state(*word_at(z, to), BLOCK_ALLOCATED));
    move_release(z, from, word_order(w));
    *ret_to = to;
    *ret_freed = (w & WORD_FREE_PENDING) != 0;
    return 0;
}

int zone_move_abort(struct zone *z, pfn_t from, bool *ret_freed)
{
    uint64_t w;
    pfn_t to;

    if (!moves(z, from))
        return -EINVAL;
    zone_settle(z);
    w = *word_at(z, from);
    to = (pfn_t)word_tag(w);
    z->nr_busy -= order_pages(word_order(w));
    if (w & WORD_FREE_PENDING)
        move_release(z, from, word_order(w));
    else
        move_stay(z, from, word_with_state(*word_at(z, to), BLOCK_ALLOCATED));
    move_release(z, to, word_order(w));
    *ret_freed = (w & WORD_FREE_PENDING) != 0;
    return 0;
}
