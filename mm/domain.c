/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain.c: how empty pageblocks pass from one domain's memory file to another's.
 *
 * Bytes never pass: a pageblock goes only when it is empty, is punched out of the one file and
 * comes zeroed into the other. In between it belongs to nobody, and may be lost to another process
 * on the host; then it is unbacked, and out of use until it has memory again.
 */
#include <errno.h>

#include "debug.h"
#include "free_list.h"
#include "guarantee.h"
#include "mm/watermark.h"

/* Is there a smaller free block of at least this order in a set than the one found so far? Own type
 * first. */
static void look_in_set(const struct zone *z, unsigned set, unsigned order, enum migratetype type,
                        struct found_block *b)
{
    for (unsigned i = 0; i < NR_MOBILITIES; i++) {
        enum migratetype t = (enum migratetype)((type + i) % NR_MOBILITIES);
        uint32_t m = z->set[set].mask[t] >> order;
        unsigned o = order + (m ? (unsigned)__builtin_ctz(m) : 0u);

        if (m != 0 && o < b->order)
            *b = (struct found_block){z->set[set].list[t][o].head, o, t, set};
    }
}

/* Take what was found off its list, as a block of this order. */
static void take_found(struct zone *z, struct found_block *b, unsigned order, unsigned domain)
{
    list_del(z, &z->set[b->set], b->type, b->order, b->pfn);
    expand(z, b, order, domain);
}

/* Take the smallest free block of at least this order that lies outside the domain; own type first.
 */
static bool take_elsewhere(struct zone *z, unsigned domain, unsigned order, enum migratetype type,
                           pfn_t *ret_pfn)
{
    struct found_block b = {.order = NR_PAGE_ORDERS};

    for (unsigned set = 0; set < z->nr_domains; set++) {
        if (set != domain)
            look_in_set(z, set, order, type, &b);
    }
    if (b.order == NR_PAGE_ORDERS)
        return false;
    take_found(z, &b, order, domain);
    retype(z, b.pfn, order, type);
    *ret_pfn = b.pfn;
    return true;
}

/* Is this aligned range wholly made of empty pageblocks, wherever they lie? */
static bool range_is_empty(const struct zone *z, pfn_t start, pfn_t end)
{
    for (pfn_t pfn = start; pfn < end; pfn += order_pages(word_order(*word_at(z, pfn)))) {
        uint64_t w = *word_at(z, pfn);

        if (word_state(w) != BLOCK_FREE || word_order(w) < z->pageblock_order ||
            !type_merges((enum migratetype)pageblock_of(z, pfn)->type))
            return false;
    }
    return true;
}

/* Where several pageblocks are empty and together; PFN_NONE: nowhere. */
static pfn_t find_scattered(const struct zone *z, unsigned order)
{
    pfn_t pages = order_pages(order), start = 0;

    while (start + pages <= z->nr_pages && !range_is_empty(z, start, start + pages))
        start += pages;
    return start + pages <= z->nr_pages ? start : PFN_NONE;
}

/*
 * Take several pageblocks that are empty and together, but lie in different files, and hence are
 * not merged. The one search here that is O(pageblocks): for more than a pageblock, with several
 * domains, when no file has it whole.
 */
static bool take_scattered(struct zone *z, unsigned order, enum migratetype type, pfn_t *ret_pfn)
{
    pfn_t pages = order_pages(order), start = find_scattered(z, order), end = start + pages;

    if (start == PFN_NONE)
        return false;
    for (pfn_t pfn = start; pfn < end; pfn += order_pages(word_order(*word_at(z, pfn)))) {
        const struct pageblock *pb = pageblock_of(z, pfn);
        unsigned o = word_order(*word_at(z, pfn));

        list_del(z, &z->set[pb->resident], (enum migratetype)pb->type, o, pfn);
        retype(z, pfn, o, type);
    }
    z->nr_large -= pages;
    *ret_pfn = start;
    return true;
}

/* Words of the blocks that now lie inside a larger one. */
static void clear_pageblocks(struct zone *z, pfn_t head, unsigned order)
{
    for (pfn_t i = 1; i < order_pages(order - z->pageblock_order); i++)
        word_store(word_at(z, head + (i << z->pageblock_order)), 0);
}

/* May the request wait for a pageblock? */
static bool may_pass(const struct zone_request *rq)
{
    return (rq->flags & (ALLOC_NOWAIT | ALLOC_GUARANTEED)) != ALLOC_NOWAIT;
}

static bool is_on_its_way(const struct zone *z, const struct zone_request *rq)
{
    return z->set[rq->domain].nr_populating >= order_pages(rq->order);
}

bool domain_can_pass(const struct zone *z, const struct zone_request *rq)
{
    unsigned order = rq->order > z->pageblock_order ? rq->order : z->pageblock_order;

    if (!may_pass(rq) || is_on_its_way(z, rq))
        return may_pass(rq);
    for (unsigned d = 0; !(rq->flags & ALLOC_SMALL) && d < z->nr_domains; d++) {
        for (unsigned t = 0; d != rq->domain && t < NR_MOBILITIES; t++) {
            if (z->set[d].mask[t] >> order != 0)
                return true;
        }
    }
    return !(rq->flags & ALLOC_SMALL) && order > z->pageblock_order &&
           find_scattered(z, order) != PFN_NONE;
}

/* A block that is off the lists sets out for the domain's file. */
static void set_out(struct zone *z, pfn_t pfn, unsigned order, enum migratetype type,
                    unsigned domain)
{
    word_store(word_at(z, pfn), word_make(BLOCK_POPULATING, order, type, domain));
    clear_pageblocks(z, pfn, order);
    z->nr_busy += order_pages(order);
    z->set[domain].nr_populating += order_pages(order);
    z->passes++;
    z->ops->populate(z->ops_ctx, z, pfn, order, domain);
}

bool domain_pass(struct zone *z, const struct zone_request *rq)
{
    unsigned order = rq->order > z->pageblock_order ? rq->order : z->pageblock_order;
    enum migratetype type = list_type(z, rq->type);
    pfn_t pfn;

    if (!may_pass(rq))
        return false;
    if (is_on_its_way(z, rq))
        return true; /* what is on its way may do; ask again when it is there */
    if (rq->flags & ALLOC_SMALL)
        return false;
    if (!take_elsewhere(z, rq->domain, order, type, &pfn) &&
        !(order > z->pageblock_order && take_scattered(z, order, type, &pfn)))
        return false;
    set_out(z, pfn, order, type, rq->domain);
    return true;
}

pfn_t zone_pageblocks_ahead(struct zone *z, unsigned domain)
{
    const struct list_set *s;
    pfn_t pages = 0;

    if (domain >= z->nr_domains)
        return 0;
    zone_settle(z);
    s = &z->set[domain];
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        for (unsigned o = z->pageblock_order; o < NR_PAGE_ORDERS; o++)
            pages += s->list[t][o].nr << o;
    }
    return (pages + s->nr_populating) >> z->pageblock_order;
}

int zone_pass_ahead(struct zone *z, unsigned from, unsigned domain)
{
    struct found_block b = {.order = NR_PAGE_ORDERS};
    pfn_t pages = order_pages(z->pageblock_order);

    if (from >= z->nr_domains || domain >= z->nr_domains || from == domain)
        return -EINVAL;
    zone_settle(z);
    look_in_set(z, from, z->pageblock_order, list_type(z, MIGRATE_MOVABLE), &b);
    if (b.order == NR_PAGE_ORDERS || z->nr_large < pages + zone_wmark(z, WMARK_HIGH) ||
        zone_lending(z, domain, z->pageblock_order, pages) != LEND_ANY)
        return -ENOMEM;
    take_found(z, &b, z->pageblock_order, domain);
    set_out(z, b.pfn, z->pageblock_order, b.type, domain);
    return 0;
}

unsigned zone_renew(struct zone *z, unsigned domain)
{
    unsigned nr = 0;

    if (domain >= z->nr_domains)
        return 0;
    zone_settle(z);
    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        for (unsigned o = z->pageblock_order; o < NR_PAGE_ORDERS; o++) {
            const struct free_list *list = &z->set[domain].list[t][o];

            for (; list->nr != 0; nr++) {
                const pfn_t pfn = list->head;

                list_del(z, &z->set[domain], (enum migratetype)t, o, pfn);
                z->nr_large -= order_pages(o);
                set_out(z, pfn, o, (enum migratetype)t, domain);
            }
        }
    }
    return nr;
}

int zone_populate_done(struct zone *z, pfn_t pfn)
{
    unsigned order;
    uint64_t w;

    if (pfn >= z->nr_pages || word_state(*word_at(z, pfn)) != BLOCK_POPULATING)
        return -EINVAL;
    zone_settle(z);
    w = *word_at(z, pfn);
    order = word_order(w);
    for (pfn_t i = 0; i < order_pages(order - z->pageblock_order); i++)
        pageblock_of(z, pfn)[i].resident = (uint8_t)word_tag(w);
    z->nr_busy -= order_pages(order);
    z->set[word_tag(w)].nr_populating -= order_pages(order);
    release_block(z, pfn, order);
    return 0;
}

int zone_populate_fail(struct zone *z, pfn_t pfn, unsigned nr_done)
{
    struct pageblock *pb;
    uint64_t w;
    pfn_t nr;

    if (pfn >= z->nr_pages || word_state(*word_at(z, pfn)) != BLOCK_POPULATING)
        return -EINVAL;
    w = *word_at(z, pfn);
    nr = order_pages(word_order(w) - z->pageblock_order);
    if (nr_done >= nr)
        return -EINVAL;
    zone_settle(z);

    /* From the last to the first, so that the head shrinks only when all behind it are heads. */
    pb = pageblock_of(z, pfn);
    for (pfn_t i = nr; i-- > 0;) {
        enum block_state state = i == nr_done ? BLOCK_UNBACKED : BLOCK_POPULATING;

        word_store(word_at(z, pfn + (i << z->pageblock_order)),
                   word_make(state, z->pageblock_order, word_type(w), 0));
        pb[i].type = (uint8_t)word_type(w);
        if (i < nr_done)
            pb[i].resident = (uint8_t)word_tag(w);
        else if (i == nr_done)
            pb[i].resident = DOMAIN_NONE;
    }
    z->nr_busy -= nr << z->pageblock_order;
    z->set[word_tag(w)].nr_populating -= nr << z->pageblock_order;
    z->nr_unbacked++;
    for (pfn_t i = 0; i < nr; i++) {
        if (i != nr_done)
            release_block(z, pfn + (i << z->pageblock_order), z->pageblock_order);
    }
    return 0;
}

int zone_pageblock_backed(struct zone *z, pfn_t pfn, unsigned domain)
{
    if (pfn >= z->nr_pages || domain >= z->nr_domains ||
        word_state(*word_at(z, pfn)) != BLOCK_UNBACKED || (*word_at(z, pfn) & WORD_BAD))
        return -EINVAL;
    zone_settle(z);
    pageblock_of(z, pfn)->resident = (uint8_t)domain;
    z->nr_unbacked--;
    release_block(z, pfn, z->pageblock_order);
    return 0;
}

unsigned zone_resident(const struct zone *z, pfn_t pfn)
{
    return pfn < z->nr_pages ? pageblock_of(z, pfn)->resident : DOMAIN_NONE;
}
