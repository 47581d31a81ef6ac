/* SPDX-License-Identifier: Apache-2.0 */
/*
 * free_list.h: the list of the free blocks of one order, type and domain, for the files of mm/
 * alone. The links stand in the blocks' words, which these write.
 */
#ifndef MM_FREE_LIST_H
#define MM_FREE_LIST_H

#include "zone_internal.h"

/** Make an empty list hold one block; its mask bit is the caller's. */
static inline void list_start(struct zone *z, struct free_list *l, unsigned order, pfn_t pfn)
{
    word_store(word_at(z, pfn), word_free(order, pfn, pfn));
    l->head = pfn;
    l->tail = pfn;
    l->nr = 1;
}

/** Add a block to its list if that is empty, with its mask bit. Returns whether it was. */
static inline bool list_add_first(struct zone *z, struct list_set *s, enum migratetype type,
                                  unsigned order, pfn_t pfn)
{
    struct free_list *l = &s->list[type][order];

    if (l->nr != 0)
        return false;
    list_start(z, l, order, pfn);
    s->mask[type] |= order_pages(order);
    return true;
}

static inline void list_add_head(struct zone *z, struct list_set *s, enum migratetype type,
                                 unsigned order, pfn_t pfn)
{
    struct free_list *l = &s->list[type][order];

    if (list_add_first(z, s, type, order, pfn))
        return;
    word_store(word_at(z, pfn), word_free(order, l->head, pfn));
    word_store(word_at(z, l->head), word_with_prev(*word_at(z, l->head), pfn));
    l->head = pfn;
    l->nr++;
}

static inline void list_add_tail(struct zone *z, struct list_set *s, enum migratetype type,
                                 unsigned order, pfn_t pfn)
{
    struct free_list *l = &s->list[type][order];

    if (list_add_first(z, s, type, order, pfn))
        return;
    word_store(word_at(z, pfn), word_free(order, pfn, l->tail));
    word_store(word_at(z, l->tail), word_with_next(*word_at(z, l->tail), pfn));
    l->tail = pfn;
    l->nr++;
}

/** Take a block off its list. Returns true when that leaves the list empty: then clear its mask
 * bit. */
static inline bool list_unlink(struct zone *z, struct free_list *l, pfn_t pfn)
{
    uint64_t w = *word_at(z, pfn);
    pfn_t next = word_next(w), prev = word_prev(w);

    if (--l->nr == 0)
        return true;
    if (prev == pfn) {
        l->head = next;
        word_store(word_at(z, next), word_with_prev(*word_at(z, next), next));
    } else if (next == pfn) {
        l->tail = prev;
        word_store(word_at(z, prev), word_with_next(*word_at(z, prev), prev));
    } else {
        word_store(word_at(z, prev), word_with_next(*word_at(z, prev), next));
        word_store(word_at(z, next), word_with_prev(*word_at(z, next), prev));
    }
    return false;
}

static inline void list_del(struct zone *z, struct list_set *s, enum migratetype type,
                            unsigned order, pfn_t pfn)
{
    if (list_unlink(z, &s->list[type][order], pfn))
        s->mask[type] &= ~order_pages(order);
}

/** Take the first block off a list that has one. */
static inline pfn_t list_pop(struct zone *z, struct list_set *s, enum migratetype type,
                             unsigned order)
{
    struct free_list *l = &s->list[type][order];
    pfn_t pfn = l->head;

    if (--l->nr == 0) {
        s->mask[type] &= ~order_pages(order);
    } else {
        pfn_t next = word_next(*word_at(z, pfn));

        l->head = next;
        word_store(word_at(z, next), word_with_prev(*word_at(z, next), next));
    }
    return pfn;
}

/** Take the head of the lowest list of this type that has a block of the order
 * (__rmqueue_smallest). */
static inline bool take_smallest(struct zone *z, unsigned set, unsigned order,
                                 enum migratetype type, struct found_block *ret)
{
    struct list_set *s = &z->set[set];
    uint32_t m = s->mask[type] >> order;

    if (m == 0)
        return false;
    ret->order = order + (unsigned)__builtin_ctz(m);
    ret->pfn = list_pop(z, s, type, ret->order);
    ret->type = type;
    ret->set = set;
    return true;
}

/** The same, but with ALLOC_SMALL only from a block that is less than a pageblock. */
static inline bool take_below(struct zone *z, unsigned set, unsigned order, enum migratetype type,
                              unsigned flags, struct found_block *ret)
{
    uint32_t small = order_pages(z->pageblock_order) - 1u;

    if ((flags & ALLOC_SMALL) && (z->set[set].mask[type] & small) >> order == 0)
        return false;
    return take_smallest(z, set, order, type, ret);
}

#endif
