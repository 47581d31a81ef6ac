/* SPDX-License-Identifier: Apache-2.0 */
/* buddy.c: the buddy system itself: taking blocks, splitting them, giving them back, merging them.
 */
#include <errno.h>

#include "zone_internal.h"

unsigned residence_of(const struct zone *z, pfn_t pfn, unsigned order)
{
    const struct pageblock *pb = pageblock_of(z, pfn);
    pfn_t nr = order_pages(order - z->pageblock_order);

    for (pfn_t i = 1; i < nr; i++) {
        if (pb[i].resident != pb[0].resident)
            return mixed_set(z);
    }
    return pb[0].resident;
}

/* The part of expand() above the pageblock. */
static void expand_large(struct zone *z, pfn_t pfn, unsigned high, unsigned low,
                         enum migratetype type, unsigned set)
{
    bool mixed = z->nr_domains > 1 && set == mixed_set(z);
    unsigned half_set = set;

    for (unsigned order = high; order-- > low;) {
        pfn_t upper = pfn + order_pages(order);

        pageblock_of(z, upper)->type = (uint8_t)type;
        if (mixed)
            half_set = residence_of(z, upper, order);
        word_store(&z->word[upper], word_make(BLOCK_FREE, order, type, half_set));
        list_add_head(z, &z->set[half_set], type, order, upper);
    }
}

void expand(struct zone *z, const struct found_block *b, unsigned order, unsigned domain)
{
    unsigned high = b->order;
    struct list_set *s;

    if (high >= z->pageblock_order) {
        unsigned low = order > z->pageblock_order ? order : z->pageblock_order;

        expand_large(z, b->pfn, high, low, b->type, b->set);
        z->nr_large -= order_pages(low);
        if (order >= z->pageblock_order)
            return;
        pageblock_of(z, b->pfn)->holder = (uint8_t)domain;
        s = &z->set[domain];
        s->nr_small += order_pages(low);
        high = low;
    } else {
        s = &z->set[b->set];
    }
    s->nr_small -= order_pages(order);
    while (high > order) {
        pfn_t upper;

        high--;
        upper = b->pfn + order_pages(high);
        word_store(&z->word[upper], word_make(BLOCK_FREE, high, b->type, 0));
        list_add_head(z, s, b->type, high, upper);
    }
}

void grant(struct zone *z, const struct zone_request *rq, pfn_t pfn)
{
    word_store(&z->word[pfn], word_make(BLOCK_ALLOCATED, rq->order, rq->type, rq->tag));
    z->allocs++;
}

/* A free block whose word is not written yet goes to its list: to the tail when its parent is
 * likely to be whole soon (buddy_merge_likely), so that it is left alone for a while. */
static void insert_free(struct zone *z, unsigned set, pfn_t pfn, unsigned order,
                        enum migratetype type, uint64_t tag)
{
    struct list_set *s = &z->set[set];

    word_store(&z->word[pfn], word_make(BLOCK_FREE, order, type, tag));
    if (order + 1 < MAX_PAGE_ORDER) {
        pfn_t uncle = (pfn & ~order_pages(order)) ^ order_pages(order + 1);

        if (uncle < z->nr_pages && word_state(z->word[uncle]) == BLOCK_FREE &&
            word_order(z->word[uncle]) == order + 1) {
            list_add_tail(z, s, type, order, pfn);
            return;
        }
    }
    list_add_head(z, s, type, order, pfn);
}

/* The larger head first, then the word that now lies inside it. */
static pfn_t join(struct zone *z, pfn_t pfn, pfn_t buddy, uint64_t word)
{
    pfn_t head = pfn & buddy;

    word_store(&z->word[head], word);
    word_store(&z->word[pfn | buddy], 0);
    return head;
}

/* Free and merge from a pageblock upwards. Neighbours may differ in type and in residence. */
static void free_large(struct zone *z, pfn_t pfn, unsigned order)
{
    enum migratetype type = (enum migratetype)pageblock_of(z, pfn)->type;
    /* Whatever is freed lies wholly in one file: it was granted, or has just been populated. */
    unsigned set = pageblock_of(z, pfn)->resident;

    z->nr_large += order_pages(order);
    for (; order < MAX_PAGE_ORDER; order++) {
        pfn_t buddy = pfn ^ order_pages(order);
        enum migratetype buddy_type;
        unsigned buddy_set;
        uint64_t w;

        if (buddy >= z->nr_pages)
            break;
        w = z->word[buddy];
        if (word_state(w) != BLOCK_FREE || word_order(w) != order)
            break;
        buddy_type = word_type(w);
        if (buddy_type != type && !(type_merges(type) && type_merges(buddy_type)))
            break;
        buddy_set = (unsigned)word_tag(w);
        list_del(z, &z->set[buddy_set], buddy_type, order, buddy);
        if (buddy_type != type)
            retype(z, buddy, order, type);
        if (buddy_set != set)
            set = mixed_set(z);
        pfn = join(z, pfn, buddy, word_make(BLOCK_FREE, order + 1, type, set));
        pageblock_of(z, pfn)->type = (uint8_t)type;
    }
    insert_free(z, set, pfn, order, type, set);
}

void free_block(struct zone *z, pfn_t pfn, unsigned order)
{
    struct pageblock *pb = pageblock_of(z, pfn);
    enum migratetype type = (enum migratetype)pb->type;
    unsigned set = pb->holder;
    struct list_set *s;

    if (order >= z->pageblock_order) {
        free_large(z, pfn, order);
        return;
    }
    s = &z->set[set];
    s->nr_small += order_pages(order);
    do {
        pfn_t buddy = pfn ^ order_pages(order);

        if (z->word[buddy] != word_make(BLOCK_FREE, order, type, 0)) {
            insert_free(z, set, pfn, order, type, 0);
            return;
        }
        list_del(z, s, type, order, buddy);
        order++;
        pfn = join(z, pfn, buddy, word_make(BLOCK_FREE, order, type, 0));
    } while (order < z->pageblock_order);

    s->nr_small -= order_pages(order);
    pb->holder = DOMAIN_NONE;
    free_large(z, pfn, order);
}

int zone_rmqueue(struct zone *z, const struct zone_request *rq, pfn_t *ret_pfn)
{
    struct found_block b;
    enum migratetype type;
    bool begun = false;

    if (rq->order > MAX_PAGE_ORDER || rq->type >= NR_MOBILITIES || rq->domain >= z->nr_domains ||
        rq->tag >> BLOCK_TAG_BITS != 0)
        return -EINVAL;
    type = list_type(z, rq->type);
    if (!take_smallest(z, rq->domain, rq->order, type, &b) && !fallback_claim(z, rq, &b) &&
        !(z->nr_domains > 1 && domain_pass(z, rq, &b, &begun))) {
        if (begun)
            return -EINPROGRESS;
        if (!fallback_steal(z, rq, &b)) {
            z->failures++;
            return -ENOMEM;
        }
    }
    expand(z, &b, rq->order, rq->domain);
    grant(z, rq, b.pfn);
    *ret_pfn = b.pfn;
    return 0;
}

int zone_free(struct zone *z, pfn_t pfn)
{
    uint64_t w;

    if (pfn >= z->nr_pages)
        return -EINVAL;
    w = z->word[pfn];
    if (word_state(w) == BLOCK_MOVING && !(w & WORD_FREE_PENDING)) {
        word_store(&z->word[pfn], w | WORD_FREE_PENDING);
        z->frees++;
        return 0;
    }
    if (word_state(w) != BLOCK_ALLOCATED)
        return -EINVAL;
    free_block(z, pfn, word_order(w));
    z->frees++;
    return 0;
}

int zone_split(struct zone *z, pfn_t pfn, uint64_t upper_tag)
{
    uint64_t w;
    unsigned order;
    pfn_t upper;

    if (pfn >= z->nr_pages || upper_tag >> BLOCK_TAG_BITS != 0)
        return -EINVAL;
    w = z->word[pfn];
    if (word_state(w) == BLOCK_MOVING)
        return -EBUSY;
    if (word_state(w) != BLOCK_ALLOCATED || word_order(w) == 0)
        return -EINVAL;
    order = word_order(w) - 1;
    upper = pfn + order_pages(order);
    if (order >= z->pageblock_order)
        pageblock_of(z, upper)->type = pageblock_of(z, pfn)->type;
    else if (order + 1 == z->pageblock_order)
        pageblock_of(z, pfn)->holder = pageblock_of(z, pfn)->resident;
    word_store(&z->word[upper], word_make(BLOCK_ALLOCATED, order, word_type(w), upper_tag));
    word_store(&z->word[pfn], word_make(BLOCK_ALLOCATED, order, word_type(w), word_tag(w)));
    return 0;
}
