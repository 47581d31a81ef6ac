/* SPDX-License-Identifier: Apache-2.0 */
/* model_compare.c: the zone as a whole, and its numbers, against the model's. */
#include "mm/highatomic.h"
#include "model.h"

static void same(const char *what, unsigned n, uint64_t zone, uint64_t model)
{
    if (zone != model)
        model_fail("%s %u: the zone says %llu, the model %llu", what, n, (unsigned long long)zone,
                   (unsigned long long)model);
}

void model_compare_counts(const struct model *m, struct zone *z)
{
    struct zone_stat st;

    zone_stat(z, &st);
    same("managed", 0, st.managed_pages, m->nr_pages);
    same("free pages", 0, st.free_pages, m->nr_free);
    same("isolated pages", 0, st.isolated_pages, m->nr_isolated);
    same("empty pageblocks", 0, st.empty_pageblocks, m->nr_empty);
    same("unbacked", 0, st.unbacked_pageblocks, m->nr_unbacked);
    same("busy", 0, st.busy_pages, m->nr_busy);
    same("allocs", 0, st.allocs, m->count.allocs);
    same("frees", 0, st.frees, m->count.frees);
    same("failures", 0, st.failures, m->count.failures);
    same("claims", 0, st.claims, m->count.claims);
    same("steals", 0, st.steals, m->count.steals);
    same("passes", 0, st.passes, m->count.passes);
    for (unsigned d = 0; d < m->nr_domains; d++)
        same("free pages of domain", d, zone_free_pages(z, d),
             m->small_free[d] + m->nr_empty * m->pageblock_pages);
}

static enum block_state expected_state(const struct model *m, const struct zone_block *b)
{
    switch ((enum page_state)m->page[b->pfn]) {
    case PAGE_FREE:
        return BLOCK_FREE;
    case PAGE_TARGET:
        return BLOCK_TARGET;
    case PAGE_POPULATING:
        return BLOCK_POPULATING;
    case PAGE_UNBACKED:
        return BLOCK_UNBACKED;
    case PAGE_GRANTED:
        break;
    }
    return m->block_at[b->pfn] != 0 && m->block[m->block_at[b->pfn] - 1].moving ? BLOCK_MOVING
                                                                                : BLOCK_ALLOCATED;
}

static void compare_granted(const struct model *m, const struct zone_block *b)
{
    const struct model_block *known;

    if (m->block_at[b->pfn] == 0)
        model_fail("block %u is granted to nobody", b->pfn);
    known = &m->block[m->block_at[b->pfn] - 1];
    if (known->order != b->order || known->type != b->type || known->tag != b->tag ||
        known->free_pending != b->free_pending)
        model_fail("block %u has order %u, type %d, tag %llx, was granted with %u, %d, %llx",
                   b->pfn, b->order, b->type, (unsigned long long)b->tag, known->order, known->type,
                   (unsigned long long)known->tag);
}

static void compare_block(const struct model *m, const struct zone_block *b)
{
    if (b->order > MAX_PAGE_ORDER || ((pfn_t)1 << b->order) > m->nr_pages - b->pfn)
        model_fail("block %u has order %u", b->pfn, b->order);
    if (b->state != expected_state(m, b))
        model_fail("block %u of order %u has state %d, should have %d", b->pfn, b->order, b->state,
                   expected_state(m, b));
    for (pfn_t i = 1; i < (pfn_t)1 << b->order; i++) {
        if (m->page[b->pfn + i] != m->page[b->pfn])
            model_fail("page %u is not of the block %u of order %u", b->pfn + i, b->pfn, b->order);
    }
    if (b->state == BLOCK_ALLOCATED || b->state == BLOCK_MOVING)
        compare_granted(m, b);
    if (b->state == BLOCK_FREE) {
        same("order of free block", b->pfn, b->order, model_free_order(m, b->pfn));
        same("type of free block", b->pfn, (uint64_t)b->type, model_pageblock_of(m, b->pfn)->type);
    }
}

static void compare_residence(const struct model *m, const struct zone *z, uint64_t nr_of_type[])
{
    for (pfn_t pfn = 0; pfn < m->nr_pages; pfn += m->pageblock_pages) {
        same("file of pageblock at", pfn, zone_resident(z, pfn),
             model_pageblock_of(m, pfn)->resident);
        nr_of_type[model_pageblock_of(m, pfn)->type]++;
    }
}

void model_compare(struct model *m, struct zone *z)
{
    pfn_t nr_free[NR_MIGRATETYPES][NR_PAGE_ORDERS] = {{0}};
    uint64_t nr_of_type[NR_MIGRATETYPES] = {0};
    uint32_t nr_granted = 0;
    struct zone_block b;
    char why[200];

    model_settle(m, z, NULL);
    if (zone_check(z, why, sizeof(why)) != 0)
        model_fail("zone_check: %s", why);
    model_compare_counts(m, z);
    for (pfn_t pfn = 0; pfn < m->nr_pages; pfn += (pfn_t)1 << b.order) {
        if (zone_block(z, pfn, &b) != 0)
            model_fail("no block begins at %u", pfn);
        compare_block(m, &b);
        nr_granted += b.state == BLOCK_ALLOCATED || b.state == BLOCK_MOVING;
        if (b.state == BLOCK_FREE)
            nr_free[b.type][b.order]++;
    }
    same("granted blocks", 0, nr_granted, m->nr_blocks);
    compare_residence(m, z, nr_of_type);
    same("pages kept", 0, highatomic_pages(z), model_highatomic_pages(m));
    for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
        same("pageblocks of type", t, zone_nr_pageblocks(z, (enum migratetype)t), nr_of_type[t]);
        for (unsigned o = 0; o < NR_PAGE_ORDERS; o++)
            same("free blocks of order", o, zone_nr_free_blocks(z, o, (enum migratetype)t),
                 nr_free[t][o]);
    }
}
