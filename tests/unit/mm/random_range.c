/* SPDX-License-Identifier: Apache-2.0 */
/* random_range.c: random isolation, contiguous requests, growing and shrinking. */
#include "random_run.h"

#include <string.h>

/* What a call is about to begin: it may begin many moves. */
static void begin(struct run *r)
{
    r->m.thorough = rng_one_in(&r->rng, 1 + r->m.nr_pages / 2048);
    r->empties = true;
    r->nr_left = 0;
}

/* The call is over, and the range isolated: believe the moves that it began. */
static void begun(struct run *r)
{
    r->empties = false;
    for (unsigned i = 0; i < r->nr_left; i++)
        model_leaves(&r->m, r->left_from[i], r->left_to[i]);
    r->nr_moving += r->nr_left;
}

static void add_range(struct run *r, struct range *range)
{
    r->range[r->nr_ranges] = *range;
    /* The zone keeps pointing at the tags of a request. */
    r->range[r->nr_ranges].c.rq.tag = r->range[r->nr_ranges].tag;
    r->nr_ranges++;
}

static void remove_range(struct run *r, struct range *range)
{
    struct range *last = &r->range[--r->nr_ranges];

    if (range != last) {
        *range = *last;
        range->c.rq.tag = range->tag;
    }
}

static struct pfn_range any_range(struct run *r, bool whole)
{
    pfn_t most = r->m.nr_pages, pages = r->m.pageblock_pages;
    struct pfn_range range;

    if (!rng_one_in(&r->rng, 8) && most > 4 * pages)
        most = 4 * pages;
    range.end = 1 + rng_below(&r->rng, most);
    range.start = rng_below(&r->rng, r->m.nr_pages - range.end + 1);
    range.end += range.start;
    if (whole) {
        range.start &= ~(pages - 1);
        range.end = (range.end + pages - 1) & ~(pages - 1);
    }
    return range;
}

/* A random range; mostly a few pageblocks, and if there is one, without an obstacle. */
static struct pfn_range random_range(struct run *r, bool whole)
{
    struct pfn_range range = any_range(r, whole);

    for (unsigned i = rng_below(&r->rng, 16); i > 0; i--) {
        if (!model_has_obstacle(&r->m, model_widen(&r->m, range), MODEL_ALL_TYPES, DOMAIN_NONE))
            break;
        range = any_range(r, whole);
    }
    return range;
}

static void step_isolate(struct run *r)
{
    struct range range = {.kind = RANGE_ISOLATED, .isolated = random_range(r, true)};
    struct pfn_range is = range.isolated, wide = model_widen(&r->m, is);
    bool obstacle = model_has_obstacle(&r->m, is, MODEL_ALL_TYPES, DOMAIN_NONE) ||
                    wide.start != is.start || wide.end != is.end;
    int e = zone_isolate_range(r->z, is.start, is.end - is.start, NULL);

    if (e != (obstacle ? -EBUSY : 0))
        model_fail("isolation of %u to %u answered %d", is.start, is.end, e);
    if (e == 0) {
        model_isolate(&r->m, is);
        add_range(r, &range);
    }
}

/* Judge the answer of a call that begins to empty a range, and believe it. Is it isolated? */
static bool judge_begin(struct run *r, struct range *range, unsigned types, unsigned domain, int e)
{
    struct pfn_range wide = model_widen(&r->m, range->wanted);
    bool obstacle = model_has_obstacle(&r->m, wide, types, domain);

    if ((e == -EBUSY) != obstacle)
        model_fail("emptying %u to %u answered %d, obstacle: %d", range->wanted.start,
                   range->wanted.end, e, obstacle);
    if (!obstacle && r->m.thorough)
        rule_room(&r->m, wide, e == -ENOMEM);
    if (e != 0 && e != -EINPROGRESS) {
        if (e != -EBUSY && e != -ENOMEM)
            model_fail("emptying %u to %u answered %d", range->wanted.start, range->wanted.end, e);
        if (r->nr_left != 0)
            model_fail("a refused range begins to move");
        return false;
    }
    if (e == 0 && !model_is_clean(&r->m, wide))
        model_fail("%u to %u is empty, it is said", wide.start, wide.end);
    range->isolated = wide;
    model_isolate(&r->m, wide);
    return true;
}

/* What was emptied is granted, or is off. */
static void range_done(struct run *r, const struct range *range)
{
    if (range->kind == RANGE_CONTIG) {
        model_granted_range(&r->m, range->isolated, range->wanted, range->c.rq.type, range->tag);
        r->nr_contigs++;
    } else {
        model_cut_off(&r->m, range->isolated, range->wanted.start);
        r->nr_resizes++;
    }
}

static void began(struct run *r, struct range *range, unsigned types, unsigned domain, int e)
{
    bool isolated = judge_begin(r, range, types, domain, e);

    begun(r);
    if (isolated && e == 0)
        range_done(r, range);
    else if (isolated)
        add_range(r, range);
}

static void step_contig(struct run *r)
{
    struct range range = {.kind = RANGE_CONTIG, .wanted = random_range(r, false)};
    struct contig_request rq = {
        .nr_pages = range.wanted.end - range.wanted.start,
        .type = (enum migratetype)rng_below(&r->rng, NR_MOBILITIES),
        .domain = model_pageblock_of(&r->m, range.wanted.start)->resident,
        .max_moves = 1 + rng_below(&r->rng, 6),
        .tag = range.tag,
        .nr_tags = RANGE_TAGS,
        .flags = rng_one_in(&r->rng, 2) ? ALLOC_CMA : 0,
    };
    bool anywhere = rng_one_in(&r->rng, 3);
    unsigned types = MODEL_MOBILITIES;
    int e;

    if (rq.domain == DOMAIN_NONE || rng_one_in(&r->rng, 8))
        rq.domain = rng_below(&r->rng, r->shape->nr_domains);
    for (unsigned i = 0; i < RANGE_TAGS; i++)
        range.tag[i] = rng_next(&r->rng) >> 16;
    begin(r);
    if (anywhere) {
        e = alloc_contig_pages(r->z, &rq, &range.c, NULL);
        range.wanted = (struct pfn_range){.start = range.c.start, range.c.start + rq.nr_pages};
        if (e == -ENOMEM) {
            begun(r);
            rule_no_window(&r->m, rq.nr_pages, MODEL_MOBILITIES, rq.domain);
            if (rq.flags & ALLOC_CMA)
                rule_no_window(&r->m, rq.nr_pages, 1u << MIGRATE_CMA, rq.domain);
            return;
        }
    } else {
        e = alloc_contig_range(r->z, range.wanted.start, &rq, &range.c, NULL);
    }
    if ((rq.flags & ALLOC_CMA) &&
        model_pageblock_of(&r->m, range.wanted.start)->type == MIGRATE_CMA)
        types = 1u << MIGRATE_CMA;
    began(r, &range, types, rq.domain, e);
}

static void step_shrink(struct run *r)
{
    struct range range = {.kind = RANGE_SHRINK};
    struct pfn_range by = any_range(r, true);

    if (!rng_one_in(&r->rng, 4)) /* few, so that it comes to pass */
        by.end = by.start + r->m.pageblock_pages;
    range.wanted.end = r->m.nr_pages;
    range.wanted.start = r->m.nr_pages - (by.end - by.start);
    begin(r);
    began(r, &range, MODEL_ALL_TYPES, DOMAIN_NONE,
          zone_shrink(r->z, by.end - by.start, false, &range.ev, NULL));
}

static void grow(struct run *r, pfn_t nr_pages)
{
    unsigned domain = rng_below(&r->rng, r->shape->nr_domains);
    bool fits = nr_pages != 0 && nr_pages <= r->shape->nr_pages - r->m.nr_pages;

    if (zone_grow(r->z, nr_pages, domain) != (fits ? 0 : -EINVAL))
        model_fail("growing %u pages by %u", r->m.nr_pages, nr_pages);
    if (fits) {
        model_grown(&r->m, nr_pages, domain);
        r->nr_resizes++;
    }
}

/* Go on with emptying a range. Returns true when it is over. */
static bool go_on(struct run *r, struct range *range)
{
    bool was_clean = model_is_clean(&r->m, range->isolated);
    struct zone_obstacle o;
    int e;

    begin(r);
    if (range->kind == RANGE_CONTIG)
        e = contig_continue(&range->c, &o);
    else
        e = zone_shrink_continue(&range->ev, &o);
    begun(r);
    if (was_clean && range->kind == RANGE_SHRINK && range->isolated.end != r->m.nr_pages) {
        if (e != -EBUSY || o.reason != OBSTACLE_BEHIND)
            model_fail("a zone that grew shrinks: %d", e);
    } else if ((e == 0) != was_clean) {
        model_fail("%u to %u is clean: %d, the answer %d", range->isolated.start,
                   range->isolated.end, was_clean, e);
    } else if (e == -ENOMEM) {
        rule_no_room(&r->m, o.pfn);
    } else if (e == -EBUSY && o.reason != OBSTACLE_ABORTED) {
        model_fail("emptying %u to %u ends for reason %d", range->isolated.start,
                   range->isolated.end, o.reason);
    }
    if (e == -EINPROGRESS)
        return false;
    if (e == 0)
        range_done(r, range);
    else
        model_undo_isolate(&r->m, range->isolated);
    r->nr_emptied += e == 0;
    r->nr_emptied_not += e != 0;
    return true;
}

void ranges_continue(struct run *r)
{
    for (unsigned i = r->nr_ranges; i-- > 0;) {
        if (r->range[i].kind != RANGE_ISOLATED && go_on(r, &r->range[i]))
            remove_range(r, &r->range[i]);
    }
    look(r);
}

static void give_up(struct run *r, struct range *range)
{
    if (range->kind == RANGE_CONTIG)
        evacuate_cancel(&range->c.ev);
    else if (range->kind == RANGE_SHRINK)
        evacuate_cancel(&range->ev);
    else if (zone_undo_isolate(r->z, range->isolated.start,
                               range->isolated.end - range->isolated.start) != 0)
        model_fail("isolation of %u to %u cannot be undone", range->isolated.start,
                   range->isolated.end);
    model_undo_isolate(&r->m, range->isolated);
    remove_range(r, range);
}

/* Mostly of free pageblocks. */
static void step_cma(struct run *r)
{
    struct pfn_range is = any_range(r, true);
    bool bad;
    int e;

    for (unsigned i = rng_below(&r->rng, 16); i > 0 && !model_is_clean(&r->m, is); i--)
        is = any_range(r, true);
    bad =
        !model_is_clean(&r->m, is) || model_has_obstacle(&r->m, is, MODEL_MOBILITIES, DOMAIN_NONE);
    e = zone_cma_init(r->z, is.start, is.end - is.start, NULL);
    if (e != (bad ? -EBUSY : 0))
        model_fail("a CMA area of %u to %u: %d", is.start, is.end, e);
    if (e == 0)
        model_cma_init(&r->m, is);
}

void step_range(struct run *r)
{
    uint32_t what = rng_below(&r->rng, 8);

    if (r->nr_ranges == MAX_RANGES || (what == 0 && r->nr_ranges != 0))
        give_up(r, &r->range[rng_below(&r->rng, r->nr_ranges)]);
    else if (what == 1)
        grow(r, (1 + rng_below(&r->rng, 4)) * r->m.pageblock_pages);
    else if (r->m.nr_pages == 0)
        grow(r, r->shape->nr_pages);
    else if (what == 2)
        step_isolate(r);
    else if (what == 5 && rng_one_in(&r->rng, 8) && !(r->shape->pageblock_order > 9))
        step_cma(r);
    else if (what == 3)
        step_shrink(r);
    else if (what == 4)
        grow(r, r->shape->nr_pages - r->m.nr_pages);
    else
        step_contig(r);
    ranges_continue(r);
}

void ranges_drain(struct run *r)
{
    while (r->nr_ranges != 0)
        give_up(r, &r->range[0]);
    if (r->m.nr_pages != r->shape->nr_pages)
        grow(r, r->shape->nr_pages - r->m.nr_pages);
    look(r);
}
