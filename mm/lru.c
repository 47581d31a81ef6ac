/* SPDX-License-Identifier: Apache-2.0 */
/* lru.c: the lists of reclaimable blocks, and the rings of their owners. */
#include "mm/lru.h"

#include <errno.h>

#include "account_internal.h"

/* The active list may be so many times as long as the inactive one (inactive_is_low). */
#define ACTIVE_RATIO 3u

/* ---- rings ---- */

void lru_ring_add(struct lru_ring *r, struct lruvec *v)
{
    struct lruvec *next = r->next ? r->next : v, *prev = r->next ? next->in[r->kind].prev : v;

    v->in[r->kind].ring = r;
    v->in[r->kind].next = next;
    v->in[r->kind].prev = prev;
    prev->in[r->kind].next = v;
    next->in[r->kind].prev = v;
    if (!r->next)
        r->next = v;
    r->nr++;
    r->nr_pages += v->nr_pages;
}

void lru_ring_del(struct lruvec *v, enum lru_ring_kind kind)
{
    struct lru_ring *r = v->in[kind].ring;

    if (!r)
        return;
    if (r->next == v)
        r->next = v->in[kind].next != v ? v->in[kind].next : NULL;
    v->in[kind].prev->in[kind].next = v->in[kind].next;
    v->in[kind].next->in[kind].prev = v->in[kind].prev;
    v->in[kind].ring = NULL;
    r->nr--;
    r->nr_pages -= v->nr_pages;
}

/* ---- lists ---- */

static void count(struct lruvec *v, enum lru_place place, uint64_t pages)
{
    v->list[place].nr_pages += pages;
    v->nr_pages += pages;
    for (unsigned k = 0; k < LRU_NR_RINGS; k++) {
        if (v->in[k].ring)
            v->in[k].ring->nr_pages += pages;
    }
}

/* To the young end of a list. */
static void put(struct lru *l, struct lruvec *v, uint32_t id, enum lru_place place)
{
    struct lru_list *list = &v->list[place];
    struct lru_link *k = &l->link[id];

    k->older = list->youngest;
    k->younger = 0;
    k->place = (uint8_t)place;
    l->link[list->youngest].younger = id; /* nobody reads that of 0 */
    if (list->youngest == 0)
        list->oldest = id;
    list->youngest = id;
    count(v, place, order_pages(k->order));
}

static void take(struct lru *l, struct lruvec *v, uint32_t id)
{
    struct lru_link *k = &l->link[id];
    struct lru_list *list = &v->list[k->place];

    l->link[k->older].younger = k->younger;
    l->link[k->younger].older = k->older;
    if (list->oldest == id)
        list->oldest = k->younger;
    if (list->youngest == id)
        list->youngest = k->older;
    count(v, (enum lru_place)k->place, -(uint64_t)order_pages(k->order));
    k->place = LRU_TAKEN;
}

static void activate(struct lru *l, struct lruvec *v, uint32_t id)
{
    v->age += order_pages(l->link[id].order);
    l->link[id].used = false;
    put(l, v, id, LRU_ACTIVE);
}

/* Its record: when it was discarded, and where. */
static void remember(const struct lruvec *v, struct lru_link *k)
{
    k->place = LRU_DISCARDED;
    k->older = v->age;
    k->younger = v->zone;
}

/* Would it be here still, if the active list had left it room (workingset_test_recent)? */
static bool came_back_soon(const struct lruvec *v, const struct lru_link *k)
{
    return k->place == LRU_DISCARDED && k->younger == v->zone &&
           v->age - k->older <= v->list[LRU_ACTIVE].nr_pages;
}

void lru_add(struct lru *l, struct lruvec *v, uint32_t id, unsigned order)
{
    struct lru_link *k = &l->link[id];
    bool soon = came_back_soon(v, k);

    *k = (struct lru_link){.order = (uint8_t)order};
    if (soon)
        activate(l, v, id);
    else
        put(l, v, id, LRU_INACTIVE);
}

bool lru_listed(const struct lru *l, uint32_t id)
{
    return l->link[id].place == LRU_INACTIVE || l->link[id].place == LRU_ACTIVE;
}

void lru_del(struct lru *l, struct lruvec *v, uint32_t id)
{
    if (lru_listed(l, id))
        take(l, v, id);
    l->link[id] = (struct lru_link){.place = LRU_NONE};
}

void lru_touch(struct lru *l, struct lruvec *v, uint32_t id)
{
    struct lru_link *k = &l->link[id];
    enum lru_place place = (enum lru_place)k->place;

    if (!lru_listed(l, id))
        return;
    take(l, v, id);
    if (place == LRU_INACTIVE && k->used) {
        activate(l, v, id);
    } else {
        k->used = place == LRU_INACTIVE;
        put(l, v, id, place);
    }
}

/* ---- what may be taken ---- */

uint64_t lruvec_spare_pages(const struct lruvec *v)
{
    const struct account *a = v->account ? account_top(v->account) : NULL;
    pfn_t guarantee = a ? a->limits.guarantee[v->zone] : 0;
    pfn_t beyond;

    if (guarantee == 0)
        return v->nr_pages;
    beyond = a->used[v->zone] > guarantee ? a->used[v->zone] - guarantee : 0;
    return beyond < v->nr_pages ? beyond : v->nr_pages;
}

uint64_t lru_ring_spare_pages(const struct lru_ring *r)
{
    const struct lruvec *v = r->next;
    uint64_t pages = 0;

    for (unsigned i = 0; i < r->nr; i++) {
        pages += lruvec_spare_pages(v);
        v = v->in[r->kind].next;
    }
    return pages;
}

/* ---- reclaim ---- */

/* The oldest of the active list waits on the inactive one from now on (shrink_active_list). */
static void deactivate(struct lru *l, struct lruvec *v, uint32_t id)
{
    (void)l->ops->referenced(l->ctx, v, id); /* from here on it counts whether it is used */
    take(l, v, id);
    put(l, v, id, LRU_INACTIVE);
}

/* The oldest of the inactive list: once more, to the active one, or away (shrink_folio_list). */
static void judge(struct lru *l, struct lruvec *v, uint32_t id, struct lru_scan *s)
{
    struct lru_link *k = &l->link[id];
    pfn_t pages = order_pages(k->order), freed;

    take(l, v, id);
    if (l->ops->referenced(l->ctx, v, id)) {
        if (k->used) {
            activate(l, v, id);
        } else {
            k->used = true;
            put(l, v, id, LRU_INACTIVE);
        }
        return;
    }
    freed = l->ops->discard(l->ctx, v, id);
    if (freed == 0) {
        s->pinned_pages += pages;
        put(l, v, id, LRU_INACTIVE);
        return;
    }
    s->freed_pages += freed;
    v->age += pages;
    remember(v, k);
}

/* Does it help whom is reclaimed for? */
static bool concerns(const struct lruvec *v, const struct lru_scan *s)
{
    return s->domains == 0 || (s->domains >> (v->account ? v->account->domain : 0) & 1);
}

/* Is there one to look at next, that may be taken? 0: no. */
static uint32_t next_of(const struct lru *l, const struct lruvec *v, const struct lru_scan *s)
{
    const struct lru_list *inactive = &v->list[LRU_INACTIVE], *active = &v->list[LRU_ACTIVE];
    uint32_t id =
        active->nr_pages > ACTIVE_RATIO * inactive->nr_pages ? active->oldest : inactive->oldest;

    if (id == 0 || (!s->own && order_pages(l->link[id].order) > lruvec_spare_pages(v)))
        return 0;
    return id;
}

/* What the round is to look at in this list. */
static void give_share(struct lruvec *v, unsigned priority)
{
    int64_t all = (int64_t)(v->nr_pages << LRU_PRIORITY);

    v->owed += (int64_t)(v->nr_pages << (LRU_PRIORITY - priority));
    if (v->owed > all || priority == 0)
        v->owed = all;
}

/* Look at what is owed. Returns 0, or -EAGAIN when the budget ends (shrink_lruvec). */
static int visit(struct lru *l, struct lruvec *v, struct lru_scan *s, uint64_t budget)
{
    uint32_t id;

    while (v->owed > 0 && s->freed_pages < s->want_pages && (id = next_of(l, v, s)) != 0) {
        pfn_t pages = order_pages(l->link[id].order);

        if (s->spent >= budget)
            return -EAGAIN;
        s->spent++;
        s->scanned_pages += pages;
        v->owed -= (int64_t)pages << LRU_PRIORITY;
        if (l->link[id].place == LRU_ACTIVE)
            deactivate(l, v, id);
        else
            judge(l, v, id, s);
    }
    return 0;
}

/* lru_round(), until s->spent is budget. */
static int go_round(struct lru *l, struct lru_ring *r, struct lru_scan *s, uint64_t budget)
{
    if (!s->in_round)
        s->left = r->nr;
    s->in_round = true;
    while (s->left > 0 && r->next && s->freed_pages < s->want_pages) {
        struct lruvec *v = r->next;

        if (!s->in_visit) {
            if (s->spent >= budget)
                return -EAGAIN;
            s->spent++;
            if (concerns(v, s))
                give_share(v, s->priority);
            s->in_visit = true;
        }
        if (concerns(v, s) && visit(l, v, s, budget) == -EAGAIN)
            return -EAGAIN;
        s->in_visit = false;
        s->left--;
        r->next = v->in[r->kind].next;
    }
    s->in_round = false;
    return 0;
}

int lru_round(struct lru *l, struct lru_ring *r, struct lru_scan *s, unsigned budget)
{
    return go_round(l, r, s, s->spent + budget);
}

int lru_reclaim(struct lru *l, struct lru_ring *r, struct lru_scan *s, unsigned budget)
{
    uint64_t limit = s->spent + budget;

    while (go_round(l, r, s, limit) == 0) {
        if (s->freed_pages >= s->want_pages)
            return 0;
        if (s->priority == 0)
            return -ENOENT;
        s->priority--;
    }
    return -EAGAIN;
}
