/* SPDX-License-Identifier: Apache-2.0 */
/* reclaim_lists.c: from handles to ids and lists; and what is done when a block is discarded. */
#include "reclaim_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "grant.h"
#include "mobile.h"
#include "zone_set.h"

/** What is kept of a block beside its link. */
struct reclaim_note {
    uint32_t told_prev; /* of its owner's that it is to be told of */
    uint32_t told_next;
    uint8_t zone; /* in whose list it is, or was */
    bool told;    /* it is among those */
};

static uint32_t id_of(uint64_t handle)
{
    return handle_index(handle) + 1;
}

static uint64_t handle_of(const struct zone_set *zs, uint32_t id)
{
    struct handle_info info = {.handle = HANDLE_NONE};
    uint32_t index = id - 1;

    return handle_next(zs->handles, &index, 1, &info) ? info.handle : HANDLE_NONE;
}

/* ---- whom to tell ---- */

static void tell(struct reclaim_lists *ls, struct owner_lists *ol, uint32_t id)
{
    struct reclaim_note *n = &ls->note[id];

    n->told = true;
    n->told_next = 0;
    n->told_prev = ol->told_last;
    if (ol->told_last != 0)
        ls->note[ol->told_last].told_next = id;
    else
        ol->told_first = id;
    ol->told_last = id;
}

static void untell(struct reclaim_lists *ls, struct owner_lists *ol, uint32_t id)
{
    struct reclaim_note *n = &ls->note[id];

    if (!n->told)
        return;
    if (n->told_prev != 0)
        ls->note[n->told_prev].told_next = n->told_next;
    else
        ol->told_first = n->told_next;
    if (n->told_next != 0)
        ls->note[n->told_next].told_prev = n->told_prev;
    else
        ol->told_last = n->told_prev;
    n->told = false;
}

uint32_t reclaim_lists_take_told(struct zone_set *zs, struct owner_lists *ol, uint64_t *ret_handle,
                                 uint32_t max)
{
    uint32_t nr = 0;

    while (nr < max && ol->told_first != 0) {
        const uint32_t id = ol->told_first;

        untell(zs->lists, ol, id);
        ret_handle[nr++] = handle_of(zs, id);
    }
    return nr;
}

/* ---- what mm/ asks ---- */

static bool on_referenced(void *ctx, struct lruvec *v, uint32_t id)
{
    struct zone_set *zs = ctx;

    (void)v;
    return mobile_referenced(zs, handle_of(zs, id));
}

static pfn_t on_discard(void *ctx, struct lruvec *v, uint32_t id)
{
    struct zone_set *zs = ctx;
    pfn_t pages;

    (void)v;
    return grant_discard(zs, handle_of(zs, id), &pages) < 0 ? 0 : pages;
}

/* ---- blocks ---- */

void reclaim_lists_add(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                       unsigned zone, unsigned order)
{
    struct reclaim_lists *ls = zs->lists;
    const uint32_t id = id_of(handle);

    untell(ls, holdings->lists, id);
    ls->note[id].zone = (uint8_t)zone;
    lru_add(&ls->lru, &holdings->lists->vec[zone], id, order);
}

void reclaim_lists_end(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    struct reclaim_lists *ls = zs->lists;
    const uint32_t id = id_of(handle);

    untell(ls, holdings->lists, id);
    lru_del(&ls->lru, &holdings->lists->vec[ls->note[id].zone], id);
}

void reclaim_lists_discarded(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    const struct mobile *m = mobile_of(zs, handle);
    struct reclaim_lists *ls = zs->lists;
    const uint32_t id = id_of(handle);
    const unsigned zone = ls->note[id].zone;

    if (lru_listed(&ls->lru, id)) /* else it was mm/lru.h that chose it, and has it in hand */
        lru_del(&ls->lru, &holdings->lists->vec[zone], id);
    ls->discarded_pages[zone] += (uint64_t)1 << m->order;
    if (m->tell)
        tell(ls, holdings->lists, id);
    if (ls->discarded)
        ls->discarded(ls->ctx, holdings);
}

void reclaim_lists_move(struct zone_set *zs, struct holdings *holdings, uint64_t handle,
                        unsigned zone, unsigned order)
{
    struct reclaim_lists *ls = zs->lists;

    if (ls->note[id_of(handle)].zone == zone)
        return;
    reclaim_lists_end(zs, holdings, handle);
    reclaim_lists_add(zs, holdings, handle, zone, order);
}

void reclaim_lists_touch(struct zone_set *zs, struct holdings *holdings, uint64_t handle)
{
    struct reclaim_lists *ls = zs->lists;
    const uint32_t id = id_of(handle);

    lru_touch(&ls->lru, &holdings->lists->vec[ls->note[id].zone], id);
}

/* ---- owners ---- */

int owner_lists_create(struct zone_set *zs, struct holdings *holdings, struct account_lists *group)
{
    struct owner_lists *ol = calloc(1, sizeof(*ol) + zs->nr * sizeof(ol->vec[0]));

    if (!ol)
        return -ENOMEM;
    ol->own.ring.kind = LRU_OF_ACCOUNT;
    ol->group = group;
    ol->nr_zones = zs->nr;
    for (unsigned i = 0; i < zs->nr; i++) {
        struct lruvec *v = &ol->vec[i];

        v->account = holdings->account;
        v->zone = i;
        v->owner = holdings;
        lru_ring_add(&zs->lists->zone[i], v);
        lru_ring_add(&ol->own.ring, v);
        lru_ring_add(&group->ring, v);
    }
    holdings->lists = ol;
    return 0;
}

void owner_lists_free(struct zone_set *zs, struct owner_lists *ol)
{
    if (!ol)
        return;
    for (unsigned i = 0; i < ol->nr_zones; i++) {
        for (unsigned kind = 0; kind < LRU_NR_RINGS; kind++)
            lru_ring_del(&ol->vec[i], (enum lru_ring_kind)kind);
    }
    reclaim_lists_unqueue(zs->lists, &ol->own);
    /* A group may go with its last member. */
    if (ol->group->ring.nr == 0)
        reclaim_lists_unqueue(zs->lists, ol->group);
    free(ol);
}

uint64_t reclaim_lists_pages(const struct reclaim_lists *ls, unsigned zone,
                             const struct holdings *asker)
{
    const struct lru_ring *ring = &ls->zone[zone];
    const struct lruvec *v = ring->next;
    uint64_t pages = 0;

    for (unsigned i = 0; i < ring->nr; i++, v = v->in[ring->kind].next) {
        if (v->owner == asker)
            pages += v->nr_pages;
        else if (v->account->domain == asker->account->domain)
            pages += lruvec_spare_pages(v);
    }
    return pages;
}

/* ---- the queue ---- */

void reclaim_lists_queue(struct reclaim_lists *ls, struct account_lists *al, struct account *a)
{
    if (al->account)
        return;
    al->account = a;
    al->scan = (struct lru_scan){.priority = LRU_PRIORITY, .own = true};
    al->next = NULL;
    al->prev = ls->last;
    if (ls->last)
        ls->last->next = al;
    else
        ls->first = al;
    ls->last = al;
}

void reclaim_lists_unqueue(struct reclaim_lists *ls, struct account_lists *al)
{
    if (!al->account)
        return;
    if (al->prev)
        al->prev->next = al->next;
    else
        ls->first = al->next;
    if (al->next)
        al->next->prev = al->prev;
    else
        ls->last = al->prev;
    al->account = NULL;
}

/* ---- all of it ---- */

static void *map(size_t bytes)
{
    void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return addr == MAP_FAILED ? NULL : addr;
}

int reclaim_lists_create(struct zone_set *zs, uint32_t nr, struct reclaim_lists **ret)
{
    static const struct lru_ops ops = {.referenced = on_referenced, .discard = on_discard};
    struct reclaim_lists *ls = calloc(1, sizeof(*ls));

    if (!ls)
        return -ENOMEM;
    ls->nr = (size_t)nr + 1;
    ls->lru = (struct lru){.link = map(ls->nr * sizeof(struct lru_link)), .ops = &ops, .ctx = zs};
    ls->note = map(ls->nr * sizeof(struct reclaim_note));
    if (!ls->lru.link || !ls->note) {
        reclaim_lists_free(ls);
        return -ENOMEM;
    }
    *ret = ls;
    return 0;
}

void reclaim_lists_free(struct reclaim_lists *ls)
{
    if (!ls)
        return;
    if (ls->lru.link)
        (void)munmap(ls->lru.link, ls->nr * sizeof(struct lru_link));
    if (ls->note)
        (void)munmap(ls->note, ls->nr * sizeof(struct reclaim_note));
    free(ls);
}
