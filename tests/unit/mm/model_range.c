/* SPDX-License-Identifier: Apache-2.0 */
/* model_range.c: see the header. */
#include "model_range.h"

static pfn_t down(const struct model *m, pfn_t pfn)
{
    return pfn & ~(m->pageblock_pages - 1);
}

/* The granted block that a page lies in, or NULL. */
static const struct model_block *block_of(const struct model *m, pfn_t pfn)
{
    for (unsigned order = 0; order <= MAX_PAGE_ORDER; order++) {
        pfn_t head = pfn & ~(((pfn_t)1 << order) - 1);
        const struct model_block *b;

        if (m->block_at[head] == 0)
            continue;
        b = &m->block[m->block_at[head] - 1];
        if (pfn - head < (pfn_t)1 << b->order)
            return b;
    }
    return NULL;
}

struct pfn_range model_widen(const struct model *m, struct pfn_range r)
{
    const struct model_block *b;

    r.start = down(m, r.start);
    r.end = down(m, r.end + m->pageblock_pages - 1);
    b = block_of(m, r.start);
    if (b)
        r.start = down(m, b->pfn);
    b = block_of(m, r.end - 1);
    if (b && b->pfn + ((pfn_t)1 << b->order) > r.end)
        r.end = b->pfn + ((pfn_t)1 << b->order);
    return r;
}

bool model_has_obstacle(const struct model *m, struct pfn_range r, unsigned types, unsigned domain)
{
    for (pfn_t pfn = r.start; pfn < r.end; pfn++) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        const struct model_block *b;

        if (!(types >> pb->type & 1) || (domain != DOMAIN_NONE && pb->resident != domain))
            return true;
        if (m->page[pfn] == PAGE_FREE)
            continue;
        b = block_of(m, pfn);
        if (!b || b->moving || b->type == MIGRATE_UNMOVABLE)
            return true;
        pfn = b->pfn + ((pfn_t)1 << b->order) - 1;
    }
    return false;
}

bool model_is_clean(const struct model *m, struct pfn_range r)
{
    return model_range_is_free(m, r.start, r.end - r.start);
}

void model_isolate(struct model *m, struct pfn_range r)
{
    for (pfn_t pfn = r.start; pfn < r.end; pfn += m->pageblock_pages) {
        struct model_pageblock *pb = model_pageblock_of(m, pfn);

        m->nr_free -= pb->nr_free;
        m->nr_isolated += pb->nr_free;
        if (model_is_empty(m, pb))
            m->nr_empty--;
        else
            m->small_free[pb->resident] -= pb->nr_free;
        pb->saved = pb->type;
        pb->type = MIGRATE_ISOLATE;
    }
}

void model_undo_isolate(struct model *m, struct pfn_range r)
{
    for (pfn_t pfn = r.start; pfn < r.end; pfn += m->pageblock_pages) {
        struct model_pageblock *pb = model_pageblock_of(m, pfn);
        const struct model_block *b = block_of(m, pfn);

        pb->type = pb->saved;
        m->nr_free += pb->nr_free;
        m->nr_isolated -= pb->nr_free;
        if (model_is_empty(m, pb))
            m->nr_empty++;
        else
            m->small_free[pb->resident] += pb->nr_free;
        if (pb->nr_free == m->pageblock_pages)
            model_merged(m, pfn);
        if (b) /* of a granted block the first pageblock's type is the one that counts */
            pb->type = model_pageblock_of(m, b->pfn)->type;
    }
}

void model_cma_init(struct model *m, struct pfn_range r)
{
    model_isolate(m, r);
    for (pfn_t pfn = r.start; pfn < r.end; pfn += m->pageblock_pages)
        model_pageblock_of(m, pfn)->saved = MIGRATE_CMA;
    model_undo_isolate(m, r);
}

/* Free pages that a domain may have and that lie outside a range, or anywhere. */
static pfn_t free_outside(const struct model *m, struct pfn_range r, unsigned domain)
{
    pfn_t nr = 0;

    for (pfn_t pfn = 0; pfn < m->nr_pages; pfn += m->pageblock_pages) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);

        if ((pfn < r.start || pfn >= r.end) && pb->type < NR_MOBILITIES && pb->resident == domain)
            nr += pb->nr_free;
    }
    return nr;
}

void model_leaves(struct model *m, pfn_t from, pfn_t to)
{
    struct model_block *b = &m->block[m->block_at[from] - 1];
    struct zone_request rq = {
        .order = b->order, .type = b->type, .domain = model_pageblock_of(m, from)->resident};
    enum migratetype type = model_list_type(m, b->type);

    rule_left(m, &rq, to);
    if (model_pageblock_of(m, to)->nr_free == m->pageblock_pages)
        model_set_types(m, down(m, to),
                        b->order < m->pageblock_order ? m->pageblock_order : b->order, type);
    model_set_pages(m, to, b->order, PAGE_TARGET, b->type);
    m->nr_busy += (pfn_t)1 << b->order;
    b->moving = true;
    b->to = to;
}

/* The largest aligned block that begins at pfn and ends before end. */
static unsigned largest_order(pfn_t pfn, pfn_t end)
{
    unsigned order = 0;

    while (order < MAX_PAGE_ORDER && (pfn & (((pfn_t)2 << order) - 1)) == 0 &&
           (pfn_t)2 << order <= end - pfn)
        order++;
    return order;
}

void model_granted_range(struct model *m, struct pfn_range isolated, struct pfn_range granted,
                         enum migratetype type, const uint64_t *tag)
{
    if (!model_is_clean(m, isolated))
        model_fail("%u to %u is granted, and was not empty", granted.start, granted.end);
    for (pfn_t pfn = granted.start; pfn < granted.end;) {
        struct model_block b = {
            .pfn = pfn, .order = largest_order(pfn, granted.end), .type = type, .tag = *tag++};

        model_set_pages(m, pfn, b.order, PAGE_GRANTED, type);
        model_add_block(m, &b);
        m->count.allocs++;
        pfn += (pfn_t)1 << b.order;
    }
    for (pfn_t pfn = down(m, granted.start); pfn < granted.end; pfn += m->pageblock_pages) {
        struct model_pageblock *pb = model_pageblock_of(m, pfn);

        if (type != MIGRATE_MOVABLE && m->grouping && pb->saved != MIGRATE_CMA)
            pb->saved = (uint8_t)type;
    }
    model_undo_isolate(m, isolated);
}

void model_grown(struct model *m, pfn_t nr_pages, unsigned domain)
{
    pfn_t start = m->nr_pages;

    m->nr_pages += nr_pages;
    for (pfn_t pfn = start; pfn < m->nr_pages; pfn += m->pageblock_pages) {
        *model_pageblock_of(m, pfn) = (struct model_pageblock){
            .type = (uint8_t)model_list_type(m, MIGRATE_MOVABLE),
            .resident = (uint8_t)domain,
            .nr_free = m->pageblock_pages,
        };
        for (pfn_t i = 0; i < m->pageblock_pages; i++)
            m->page[pfn + i] = PAGE_FREE;
        m->nr_free += m->pageblock_pages;
        m->nr_empty++;
    }
    for (pfn_t pfn = start; pfn < m->nr_pages; pfn += m->pageblock_pages)
        model_merged(m, pfn);
}

void model_cut_off(struct model *m, struct pfn_range isolated, pfn_t at)
{
    if (!model_is_clean(m, isolated) || isolated.end != m->nr_pages)
        model_fail("%u to %u is taken off, and was not empty, or not the end", at, isolated.end);
    m->nr_isolated -= isolated.end - at;
    m->nr_pages = at;
    model_undo_isolate(m, (struct pfn_range){.start = isolated.start, .end = at});
}

/*
 * On paper: if all that has to leave is single pages, their number decides; else it has to be
 * refused when there are more pages than room. With several domains each is judged.
 */
void rule_room(const struct model *m, struct pfn_range r, bool refused)
{
    pfn_t leaving[MAX_DOMAINS] = {0};
    bool single = true, too_many = false;

    for (pfn_t pfn = r.start; pfn < r.end; pfn++) {
        const struct model_block *b = m->page[pfn] == PAGE_FREE ? NULL : block_of(m, pfn);

        if (!b)
            continue;
        single = single && b->order == 0;
        leaving[model_pageblock_of(m, pfn)->resident] += (pfn_t)1 << b->order;
        pfn += ((pfn_t)1 << b->order) - 1;
    }
    for (unsigned d = 0; d < m->nr_domains; d++)
        too_many = too_many || (leaving[d] != 0 && leaving[d] > free_outside(m, r, d));
    if (too_many && !refused)
        model_fail("%u to %u is to be emptied, but there is no room", r.start, r.end);
    if (single && !too_many && refused)
        model_fail("%u to %u is not emptied, but there is room", r.start, r.end);
}

void rule_no_room(const struct model *m, pfn_t pfn)
{
    const struct model_block *b = block_of(m, pfn);
    struct zone_request rq;
    pfn_t where;

    if (!b || b->pfn != pfn || b->moving)
        model_fail("no room for a block at %u, where none stands still", pfn);
    rq = (struct zone_request){.order = b->order,
                               .type = b->type,
                               .domain = model_pageblock_of(m, pfn)->resident,
                               .flags = ALLOC_NOWAIT};
    if (m->thorough && model_could_serve(m, &rq, &where))
        model_fail("no room for block %u of order %u, but at %u", pfn, b->order, where);
}

void rule_no_window(const struct model *m, pfn_t nr_pages, unsigned types, unsigned domain)
{
    pfn_t run = 0;

    /* A run of empty pageblocks would have been one. */
    for (pfn_t pfn = 0; m->thorough && pfn < m->nr_pages; pfn += m->pageblock_pages) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);

        if (pb->nr_free == m->pageblock_pages && (types >> pb->type & 1) && pb->resident == domain)
            run += m->pageblock_pages;
        else
            run = 0;
        if (run >= nr_pages)
            model_fail("no window of %u pages for domain %u, but at %u", nr_pages, domain,
                       pfn + m->pageblock_pages - run);
    }
}
