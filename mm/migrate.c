/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate.c: moves between zones: a grant in one, and a free in the other.
 *
 * Unlike within a zone the source keeps the owner's tag, and the target has the place that the
 * block comes from: so each zone can tell of its own blocks alone.
 */
#include "mm/migrate.h"

#include <errno.h>

#include "debug.h"
#include "mm/account.h"
#include "range.h"
#include "resting.h"

#define PLACE_ZONE_SHIFT 28

static struct zone *zone_at(const struct memory *m, unsigned id)
{
    return id < m->nr_zones ? m->zone[id] : NULL;
}

/* What the target's word says of the source. */
static uint64_t place(const struct migration *mg)
{
    return (uint64_t)mg->from_zone << PLACE_ZONE_SHIFT | mg->from;
}

/* May the block there set out? Returns 0, or why not. */
static int may_leave(struct zone *z, pfn_t from)
{
    uint64_t w;

    if (from >= z->nr_pages)
        return -EINVAL;
    w = *word_at(z, from);
    if (word_state(w) == BLOCK_MOVING)
        return -EBUSY;
    if (word_state(w) != BLOCK_ALLOCATED || word_type(w) == MIGRATE_UNMOVABLE)
        return -EINVAL;
    return zone_movable(z, from) ? 0 : -EAGAIN;
}

/* Take a place for the block, as for any request that cannot wait for reclaim. */
static int take_place(struct memory *m, const struct zone *z, uint64_t w, struct migration *mg,
                      struct refusal *ret)
{
    const struct page_request rq = {
        .order = word_order(w),
        .type = word_type(w),
        .domain = pageblock_of(z, mg->from)->resident,
        .tag = word_tag(w),
        .flags = REQUEST_NO_HIGHATOMIC | REQUEST_MAY_PASS,
        .node = m->zone[mg->to_zone]->node,
        .caller_node = m->zone[mg->to_zone]->node,
        .barred_zones = only_zone(mg->to_zone),
    };
    struct page_grant got;
    int r = alloc_pages(m, NULL, NULL, &rq, &got, ret);

    if (r < 0)
        return r;
    mg->to = got.pfn;
    unrested_forget(m->zone[mg->to_zone]); /* it may have rested, and is not granted to stay */
    return 0;
}

/* The place that was taken comes back. */
static void give_back(struct memory *m, struct account *a, const struct migration *mg,
                      unsigned order)
{
    move_release(m->zone[mg->to_zone], mg->to, order);
    m->zone[mg->to_zone]->frees++;
    if (a)
        account_uncharge(m, a, mg->to_zone, order);
}

int memory_migrate_begin(struct memory *m, struct account *a, struct migration *mg,
                         struct refusal *ret_refusal)
{
    struct zone *z = zone_at(m, mg->from_zone), *tz = zone_at(m, mg->to_zone);
    unsigned order;
    uint64_t w;
    int r;

    if (!z || !tz || z == tz)
        return -EINVAL;
    zone_settle(z);
    r = may_leave(z, mg->from);
    if (r < 0)
        return r;
    w = *word_at(z, mg->from);
    order = word_order(w);
    r = take_place(m, z, w, mg, ret_refusal);
    if (r < 0)
        return r;
    if (a)
        account_charge(m, a, mg->to_zone, order);
    move_leave(z, mg->from);
    word_store(word_at(tz, mg->to),
               word_make(BLOCK_TARGET, order, word_type(w), place(mg)) | WORD_ELSEWHERE);
    word_store(word_at(z, mg->from), word_with_state(w, BLOCK_MOVING) | WORD_ELSEWHERE);
    tz->nr_busy += order_pages(order);
    if (!z->ops || !z->ops->migrate || z->ops->migrate(z->ops_ctx, z, mg->from, tz, mg->to, order))
        return 0;
    tz->nr_busy -= order_pages(order);
    move_stay(z, mg->from, w);
    give_back(m, a, mg, order);
    return -EAGAIN;
}

/* Settle both zones, and find the word of a block that moves so. */
static int find(struct memory *m, const struct migration *mg, uint64_t *ret)
{
    struct zone *z = zone_at(m, mg->from_zone), *tz = zone_at(m, mg->to_zone);
    uint64_t from, to;

    if (!z || !tz || mg->from >= z->nr_pages || mg->to >= tz->nr_pages)
        return -EINVAL;
    zone_settle(z); /* frees that were put off are seen in the words */
    zone_settle(tz);
    from = *word_at(z, mg->from);
    to = *word_at(tz, mg->to);
    if (word_state(from) != BLOCK_MOVING || word_state(to) != BLOCK_TARGET ||
        !(from & to & WORD_ELSEWHERE) || word_tag(to) != place(mg))
        return -EINVAL;
    tz->nr_busy -= order_pages(word_order(from));
    *ret = from;
    return 0;
}

int memory_migrate_done(struct memory *m, struct account *a, const struct migration *mg,
                        bool *ret_freed)
{
    struct zone *z, *tz;
    unsigned order;
    uint64_t w;
    int r = find(m, mg, &w);

    if (r < 0)
        return r;
    z = m->zone[mg->from_zone];
    tz = m->zone[mg->to_zone];
    order = word_order(w);
    *ret_freed = (w & WORD_FREE_PENDING) != 0;
    if (zone_debugged(tz))
        owner_moved(z, mg->from, tz, mg->to, order);
    if (*ret_freed)
        give_back(m, a, mg, order);
    else
        word_store(word_at(tz, mg->to),
                   word_make(BLOCK_ALLOCATED, order, word_type(w), word_tag(w)));
    move_release(z, mg->from, order);
    if (*ret_freed)
        return 0;
    z->frees++;
    if (a)
        account_uncharge(m, a, mg->from_zone, order);
    return 0;
}

int memory_migrate_abort(struct memory *m, struct account *a, const struct migration *mg,
                         bool *ret_freed)
{
    struct zone *z;
    uint64_t w;
    int r = find(m, mg, &w);

    if (r < 0)
        return r;
    z = m->zone[mg->from_zone];
    *ret_freed = (w & WORD_FREE_PENDING) != 0;
    if (*ret_freed)
        move_release(z, mg->from, word_order(w));
    else
        move_stay(z, mg->from,
                  word_make(BLOCK_ALLOCATED, word_order(w), word_type(w), word_tag(w)));
    give_back(m, a, mg, word_order(w));
    return 0;
}
