/* SPDX-License-Identifier: Apache-2.0 */
/* model.c: what the model knows, and how it changes. What is allowed stands in model_rules.c. */
#include "model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct model_run model_run;

void model_fail(const char *format, ...)
{
    char why[400];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    fail_msg("BUDDYD_SHAPE=%s BUDDYD_SEED=%llu, step %llu: %s", model_run.shape,
             (unsigned long long)model_run.seed, (unsigned long long)model_run.step, why);
    abort(); /* not reached */
}

static void *zalloc(size_t nr, size_t size)
{
    void *p = calloc(nr, size);

    if (!p)
        model_fail("no memory for the model");
    return p;
}

struct model_pageblock *model_pageblock_of(const struct model *m, pfn_t pfn)
{
    return &m->pageblock[pfn >> m->pageblock_order];
}

enum migratetype model_list_type(const struct model *m, enum migratetype type)
{
    return m->grouping ? type : MIGRATE_UNMOVABLE;
}

bool model_is_empty(const struct model *m, const struct model_pageblock *pb)
{
    return pb->type < NR_MOBILITIES && pb->nr_free == m->pageblock_pages;
}

void model_open(struct model *m, const struct zone_config *config)
{
    pfn_t nr_pageblocks = config->nr_pages >> config->pageblock_order;

    memset(m, 0, sizeof(*m));
    m->nr_pages = config->nr_pages;
    m->pageblock_order = config->pageblock_order;
    m->pageblock_pages = (pfn_t)1 << config->pageblock_order;
    m->nr_domains = config->nr_domains;
    m->kernel_rules = config->kernel_rules;
    m->grouping = !config->no_grouping && nr_pageblocks >= NR_MIGRATETYPES;
    m->page = zalloc(m->nr_pages, sizeof(*m->page));
    m->pageblock = zalloc(nr_pageblocks, sizeof(*m->pageblock));
    m->block_at = zalloc(m->nr_pages, sizeof(*m->block_at));
    m->block = zalloc(m->nr_pages, sizeof(*m->block));
    m->pass = zalloc(nr_pageblocks, sizeof(*m->pass));
    m->unbacked = zalloc(nr_pageblocks, sizeof(*m->unbacked));
    for (pfn_t i = 0; i < nr_pageblocks; i++)
        m->pageblock[i] = (struct model_pageblock){
            .type = (uint8_t)model_list_type(m, MIGRATE_MOVABLE), .nr_free = m->pageblock_pages};
    m->nr_free = m->nr_pages;
    m->nr_empty = nr_pageblocks;
}

void model_close(struct model *m)
{
    free(m->page);
    free(m->pageblock);
    free(m->block_at);
    free(m->block);
    free(m->pass);
    free(m->unbacked);
}

bool model_range_is_free(const struct model *m, pfn_t pfn, pfn_t nr)
{
    for (pfn_t i = 0; i < nr;) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn + i);

        if (nr - i >= m->pageblock_pages) {
            if (pb->nr_free != m->pageblock_pages)
                return false;
            i += m->pageblock_pages;
        } else {
            if (m->page[pfn + i] != PAGE_FREE)
                return false;
            i++;
        }
    }
    return true;
}

pfn_t model_next_free(const struct model *m, pfn_t pfn)
{
    while (pfn < m->nr_pages && m->page[pfn] != PAGE_FREE) {
        if ((pfn & (m->pageblock_pages - 1)) == 0 && model_pageblock_of(m, pfn)->nr_free == 0)
            pfn += m->pageblock_pages;
        else
            pfn++;
    }
    return pfn;
}

/* Mobilities merge with each other, other types with themselves. */
static unsigned kind_of(const struct model_pageblock *pb)
{
    return pb->type < NR_MOBILITIES ? 0 : pb->type;
}

/* Do free pageblocks merge with a free block that begins at head: in its file, and of its kind? */
static bool merge_with(const struct model *m, pfn_t pfn, pfn_t nr, pfn_t head)
{
    const struct model_pageblock *like = model_pageblock_of(m, head);

    for (pfn_t i = 0; i < nr; i += m->pageblock_pages) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn + i);

        if (pb->resident != like->resident || kind_of(pb) != kind_of(like))
            return false;
    }
    return true;
}

unsigned model_free_order(const struct model *m, pfn_t pfn)
{
    unsigned order = 0;

    while (order < MAX_PAGE_ORDER) {
        pfn_t size = (pfn_t)1 << order;

        if ((pfn & size) != 0 || size > m->nr_pages - pfn - size ||
            !model_range_is_free(m, pfn + size, size))
            break;
        if (order >= m->pageblock_order && !merge_with(m, pfn + size, size, pfn))
            break;
        order++;
    }
    return order;
}

/* The head of the merged free block that this empty pageblock lies in. */
static pfn_t free_head(const struct model *m, pfn_t pageblock)
{
    pfn_t head = pageblock;

    for (unsigned order = m->pageblock_order; order < MAX_PAGE_ORDER; order++) {
        pfn_t size = (pfn_t)1 << order, buddy = head ^ size;

        if (buddy >= m->nr_pages || size > m->nr_pages - buddy ||
            !model_range_is_free(m, buddy, size) || !merge_with(m, buddy, size, pageblock))
            break;
        head &= ~size;
    }
    return head;
}

void model_set_types(struct model *m, pfn_t pfn, unsigned order, enum migratetype type)
{
    for (pfn_t i = 0; i < (pfn_t)1 << order; i += m->pageblock_pages)
        model_pageblock_of(m, pfn + i)->type = (uint8_t)type;
}

/* Pages change their state; type: of the block that they belong to, before or after. */
void model_set_pages(struct model *m, pfn_t pfn, unsigned order, enum page_state state,
                     enum migratetype type)
{
    pfn_t nr = (pfn_t)1 << order, step = nr < m->pageblock_pages ? nr : m->pageblock_pages;
    enum page_state was = (enum page_state)m->page[pfn];
    bool to_free = state == PAGE_FREE, from_free = was == PAGE_FREE;

    memset(&m->page[pfn], (int)state, nr);
    if (to_free == from_free)
        return;
    for (pfn_t i = 0; i < nr; i += step) {
        struct model_pageblock *pb = model_pageblock_of(m, pfn + i);
        pfn_t *small = &m->small_free[pb->resident == DOMAIN_NONE ? 0 : pb->resident];
        bool isolated = pb->type == MIGRATE_ISOLATE;
        pfn_t *nr_free = isolated ? &m->nr_isolated : &m->nr_free;

        if (model_is_empty(m, pb))
            m->nr_empty--;
        else if (!isolated)
            *small -= pb->nr_free;
        *nr_free = to_free ? *nr_free + step : *nr_free - step;
        pb->nr_free = to_free ? pb->nr_free + step : pb->nr_free - step;
        if (type == MIGRATE_MOVABLE)
            pb->nr_movable = to_free ? pb->nr_movable - step : pb->nr_movable + step;
        if (type == MIGRATE_UNMOVABLE && (state == PAGE_GRANTED || was == PAGE_GRANTED))
            pb->nr_unmovable = to_free ? pb->nr_unmovable - step : pb->nr_unmovable + step;
        if (model_is_empty(m, pb))
            m->nr_empty++;
        else if (!isolated)
            *small += pb->nr_free;
    }
}

/* A block that was freed has merged: from a pageblock upwards its neighbours take its type. */
void model_merged(struct model *m, pfn_t pfn)
{
    const struct model_pageblock *pb = model_pageblock_of(m, pfn);

    if (pb->nr_free == m->pageblock_pages) {
        pfn_t head = free_head(m, pfn & ~(m->pageblock_pages - 1));

        model_set_types(m, head, model_free_order(m, head), (enum migratetype)pb->type);
    }
}

void model_add_block(struct model *m, const struct model_block *b)
{
    m->block[m->nr_blocks] = *b;
    m->block_at[b->pfn] = ++m->nr_blocks;
}

static void remove_block(struct model *m, uint32_t index)
{
    m->block_at[m->block[index].pfn] = 0;
    if (index != --m->nr_blocks) {
        m->block[index] = m->block[m->nr_blocks];
        m->block_at[m->block[index].pfn] = index + 1;
    }
}

void model_settle(struct model *m, struct zone *z, const struct zone_fallback *fb)
{
    struct zone_stat st;
    pfn_t size;

    if (!m->resting)
        return;
    zone_stat(z, &st);
    m->resting = false;
    for (pfn_t pfn = 0; pfn < m->nr_pages; pfn += size) {
        const struct model_pageblock *pb = model_pageblock_of(m, pfn);
        struct zone_block seen;
        unsigned order;

        size = m->pageblock_pages;
        if (pb->nr_free != m->pageblock_pages || pb->type >= NR_MOBILITIES)
            continue;
        order = model_free_order(m, pfn);
        size = (pfn_t)1 << order;
        if (fb && fb->fallback_order >= m->pageblock_order && fb->pfn - pfn < size)
            model_set_types(m, pfn, order, fb->donor);
        else if (zone_block(z, pfn, &seen) == 0 && seen.state == BLOCK_FREE &&
                 seen.type < NR_MOBILITIES)
            model_set_types(m, pfn, order, seen.type);
    }
}

/* Granted from its own type, says the zone; so that is the type of a pageblock that was empty. */
static void learn_type(struct model *m, pfn_t pfn, unsigned order, enum migratetype type)
{
    pfn_t start = pfn & ~(m->pageblock_pages - 1);

    if (model_pageblock_of(m, pfn)->nr_free == m->pageblock_pages &&
        model_pageblock_of(m, pfn)->type < NR_MOBILITIES)
        model_set_types(m, start, order > m->pageblock_order ? order : m->pageblock_order, type);
}

void model_granted(struct model *m, const struct zone_request *rq, pfn_t pfn,
                   const struct zone_fallback *fb)
{
    const struct model_block b = {.pfn = pfn, .order = rq->order, .type = rq->type, .tag = rq->tag};
    enum migratetype type = model_list_type(m, rq->type);

    rule_granted(m, rq, pfn, fb);
    rule_highatomic(m, rq, pfn);
    if (m->resting)
        learn_type(m, pfn, rq->order, type);
    if (fb) {
        m->count.claims += fb->claimed;
        m->count.steals += !fb->claimed;
        if (fb->claimed || rule_retypes(m, rq, pfn))
            model_set_types(m,
                            rq->order < m->pageblock_order ? pfn & ~(m->pageblock_pages - 1) : pfn,
                            rq->order < m->pageblock_order ? m->pageblock_order : rq->order, type);
    }
    model_set_pages(m, pfn, rq->order, PAGE_GRANTED, rq->type);
    m->count.allocs++;
    model_add_block(m, &b);
}

void model_refused(struct model *m, const struct zone_request *rq)
{
    rule_refused(m, rq);
    m->count.failures++;
}

void model_waits(struct model *m, const struct zone_request *rq, const struct model_pass *begun)
{
    rule_waits(m, rq, begun);
    rule_highatomic(m, rq, PFN_NONE);
    if (!begun)
        return;
    model_set_pages(m, begun->pfn, begun->order, PAGE_POPULATING, MIGRATE_UNMOVABLE);
    model_set_types(m, begun->pfn, begun->order, model_list_type(m, rq->type));
    m->pass[m->nr_passes++] = *begun;
    m->nr_busy += (pfn_t)1 << begun->order;
    m->count.passes++;
    m->resting = m->lazy; /* the rest of the block that it was cut from may have another type */
}

void model_freed(struct model *m, uint32_t index)
{
    struct model_block b = m->block[index];

    m->count.frees++;
    if (b.moving) {
        m->block[index].free_pending = true;
        return;
    }
    model_set_pages(m, b.pfn, b.order, PAGE_FREE, b.type);
    remove_block(m, index);
    model_merged(m, b.pfn);
    m->resting = m->lazy;
}

void model_split(struct model *m, uint32_t index, uint64_t upper_tag)
{
    struct model_block upper = m->block[index];

    m->block[index].order--;
    upper.order--;
    upper.pfn += (pfn_t)1 << upper.order;
    upper.tag = upper_tag;
    model_add_block(m, &upper);
}

void model_move_begun(struct model *m, uint32_t index, pfn_t to)
{
    struct model_block *b = &m->block[index];

    rule_moved(m, b, to);
    model_set_pages(m, to, b->order, PAGE_TARGET, b->type);
    m->nr_busy += (pfn_t)1 << b->order;
    b->moving = true;
    b->to = to;
}

void model_move_refused(struct model *m, uint32_t index)
{
    rule_move_refused(m, &m->block[index]);
}

/* Two blocks may have been freed at once; which merged last, and gave its type, only the zone
 * knows. */
static void adopt_type(struct model *m, struct zone *z, pfn_t pfn)
{
    struct zone_block seen;
    pfn_t head;

    if (m->page[pfn] != PAGE_FREE || model_pageblock_of(m, pfn)->nr_free != m->pageblock_pages)
        return;
    head = free_head(m, pfn & ~(m->pageblock_pages - 1));
    if (zone_block(z, head, &seen) != 0)
        model_fail("no block begins at %u, where free ones should have merged", head);
    model_set_types(m, head, model_free_order(m, head), seen.type);
}

void model_move_ended(struct model *m, struct zone *z, uint32_t index, bool done, pfn_t to,
                      bool freed)
{
    struct model_block b = m->block[index];

    if (freed != b.free_pending)
        model_fail("block %u was %sfreed while it moved, its end says %d", b.pfn,
                   b.free_pending ? "" : "not ", freed);
    if (done && !freed && to != b.to)
        model_fail("block %u moved to %u, its end says %u", b.pfn, b.to, to);
    m->nr_busy -= (pfn_t)1 << b.order;
    remove_block(m, index);
    if (!freed) {
        struct model_block kept = b;

        kept.moving = false;
        kept.pfn = done ? b.to : b.pfn;
        model_set_pages(m, kept.pfn, b.order, PAGE_GRANTED, b.type);
        model_add_block(m, &kept);
        model_set_pages(m, done ? b.pfn : b.to, b.order, PAGE_FREE, b.type);
        model_merged(m, done ? b.pfn : b.to);
        return;
    }
    model_set_pages(m, b.pfn, b.order, PAGE_FREE, b.type);
    model_set_pages(m, b.to, b.order, PAGE_FREE, b.type);
    adopt_type(m, z, b.pfn);
    adopt_type(m, z, b.to);
}

static void set_resident(struct model *m, pfn_t pageblock, unsigned domain)
{
    model_pageblock_of(m, pageblock)->resident = (uint8_t)domain;
}

void model_pass_ended(struct model *m, uint32_t index, pfn_t nr_done)
{
    struct model_pass p = m->pass[index];
    pfn_t nr = (pfn_t)1 << (p.order - m->pageblock_order);

    m->pass[index] = m->pass[--m->nr_passes];
    m->nr_busy -= (pfn_t)1 << p.order;
    for (pfn_t i = 0; i < nr; i++) {
        pfn_t pfn = p.pfn + i * m->pageblock_pages;

        if (i < nr_done)
            set_resident(m, pfn, p.domain);
        if (i == nr_done) {
            set_resident(m, pfn, DOMAIN_NONE);
            memset(&m->page[pfn], PAGE_UNBACKED, m->pageblock_pages);
            m->unbacked[m->nr_unbacked++] = pfn;
        } else {
            model_set_pages(m, pfn, m->pageblock_order, PAGE_FREE, MIGRATE_UNMOVABLE);
        }
    }
    for (pfn_t i = 0; i < nr; i++) {
        if (i != nr_done)
            model_merged(m, p.pfn + i * m->pageblock_pages);
    }
}

void model_backed(struct model *m, uint32_t index, unsigned domain)
{
    pfn_t pfn = m->unbacked[index];

    m->unbacked[index] = m->unbacked[--m->nr_unbacked];
    set_resident(m, pfn, domain);
    model_set_pages(m, pfn, m->pageblock_order, PAGE_FREE, MIGRATE_UNMOVABLE);
    model_merged(m, pfn);
}
