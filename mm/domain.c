/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain.c: how empty pageblocks pass from one domain's memory file to another's.
 *
 * Bytes never pass: a pageblock goes only when it is empty, is punched out of the one file and
 * comes zeroed into the other. In between it belongs to nobody, and may be lost to another process
 * on the host; then it is unbacked, and out of use until it has memory again.
 */
#include <errno.h>

#include "zone_internal.h"

/* The smallest free block of at least this order that lies outside the domain; own type first. */
static bool find_elsewhere(const struct zone *z, unsigned domain, unsigned order,
                           enum migratetype type, struct found_block *ret)
{
    bool found = false;

    for (unsigned set = 0; set < z->nr_sets; set++) {
        if (set == domain)
            continue;
        for (unsigned i = 0; i < NR_MOBILITIES; i++) {
            enum migratetype t = (enum migratetype)((type + i) % NR_MOBILITIES);
            uint32_t m = z->set[set].mask[t] >> order;
            unsigned o = order + (m ? (unsigned)__builtin_ctz(m) : 0u);

            if (m == 0 || (found && o >= ret->order))
                continue;
            ret->order = o;
            ret->type = t;
            ret->set = set;
            ret->pfn = z->set[set].list[t][o].head;
            found = true;
        }
    }
    return found;
}

bool domain_pass(struct zone *z, const struct zone_request *rq, struct found_block *ret,
                 bool *ret_begun)
{
    unsigned order = rq->order > z->pageblock_order ? rq->order : z->pageblock_order;
    enum migratetype type = list_type(z, rq->type);
    struct found_block b;

    if ((rq->flags & ALLOC_NOWAIT) || !find_elsewhere(z, rq->domain, order, type, &b))
        return false;
    list_del(z, &z->set[b.set], b.type, b.order, b.pfn);
    expand(z, &b, order, rq->domain);
    retype(z, b.pfn, order, type);
    if (residence_of(z, b.pfn, order) == rq->domain) {
        z->nr_large += order_pages(order); /* still free: the caller's expand() takes it */
        *ret = (struct found_block){b.pfn, order, type, rq->domain};
        return true;
    }
    word_store(word_at(z, b.pfn), word_make(BLOCK_POPULATING, order, type, rq->domain));
    z->nr_busy += order_pages(order);
    z->passes++;
    z->ops->populate(z->ops_ctx, z, b.pfn, order, rq->domain);
    *ret_begun = true;
    return false;
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
    free_block(z, pfn, order);
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
    z->nr_unbacked++;
    for (pfn_t i = 0; i < nr; i++) {
        if (i != nr_done)
            free_block(z, pfn + (i << z->pageblock_order), z->pageblock_order);
    }
    return 0;
}

int zone_pageblock_backed(struct zone *z, pfn_t pfn, unsigned domain)
{
    if (pfn >= z->nr_pages || domain >= z->nr_domains ||
        word_state(*word_at(z, pfn)) != BLOCK_UNBACKED)
        return -EINVAL;
    zone_settle(z);
    pageblock_of(z, pfn)->resident = (uint8_t)domain;
    z->nr_unbacked--;
    free_block(z, pfn, z->pageblock_order);
    return 0;
}

unsigned zone_resident(const struct zone *z, pfn_t pfn)
{
    return pfn < z->nr_pages ? pageblock_of(z, pfn)->resident : DOMAIN_NONE;
}
