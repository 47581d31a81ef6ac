/* SPDX-License-Identifier: Apache-2.0 */
/* mobile_worker.c: blocks whose content must always be right; see mobile_worker.h. */
#include "mobile_worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "observe.h"
#include "stamp.h"

#define NR_THREADS 2u
#define NR_PIECES  160u
#define MAX_ORDER  5u
/** A comparison of places for each so many operations: it is a request to the daemon. */
#define PLACE_EVERY 64u
/** How long a renewal may wait: not for ever, for it may be the tester who keeps the memory. */
#define RENEW_MS 20u

/** A block, or the want of one. */
struct piece {
    pthread_mutex_t lock;      /**< for all of it, but pins */
    struct buddyd_block block; /**< handle 0: none */
    uint64_t stamp;            /**< of its content; 0: none was written yet */
    unsigned nr_outside;       /**< pins without the lock: it must not be freed */
    void *last;                /**< where it was at the last pin */
};

struct work {
    const struct mobile_worker *w;
    struct buddyd *b;
    struct piece pieces[NR_PIECES];
    atomic_ullong next_stamp;
};

struct hand {
    struct work *work;
    uint64_t random;
};

struct mobile_shared *mobile_shared_create(void)
{
    void *p = mmap(NULL, sizeof(struct mobile_shared), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void mobile_shared_free(struct mobile_shared *sh)
{
    if (sh)
        munmap(sh, sizeof(*sh));
}

static uint64_t next_random(struct hand *h)
{
    h->random ^= h->random << 13;
    h->random ^= h->random >> 7;
    h->random ^= h->random << 17;
    return h->random >> 11;
}

/* Pin a piece that has a block. -ENODATA, of a reclaimable one only: its content is gone. */
static int pin(struct work *k, struct piece *p, void **ret)
{
    int rc = buddyd_pin(k->b, &p->block, ret);

    if (rc == -ENODATA) {
        ACTOR_MUST(p->block.type == BUDDYD_RECLAIMABLE);
        atomic_fetch_add(&k->w->shared->discarded, 1);
        return rc;
    }
    ACTOR_MUST(rc == 0);
    atomic_fetch_add(&k->w->shared->pins, 1);
    if (p->last && p->last != *ret)
        atomic_fetch_add(&k->w->shared->moved, 1);
    p->last = *ret;
    return 0;
}

/* Pin it; if it was discarded, have it renewed. -ENOMEM: there is no memory for it. */
static int pin_renewed(struct work *k, struct piece *p, void **ret)
{
    int rc;

    while ((rc = pin(k, p, ret)) == -ENODATA) {
        p->stamp = 0;
        rc = buddyd_renew(k->b, &p->block, RENEW_MS);
        if (rc == -ENOMEM)
            return rc;
        ACTOR_MUST(rc == 0);
        atomic_fetch_add(&k->w->shared->renewed, 1);
    }
    return rc;
}

static int check(const struct piece *p, const void *content)
{
    ACTOR_MUST(!p->stamp || stamp_is(content, p->block.bytes, p->stamp));
    return 0;
}

static int look(struct work *k, struct piece *p)
{
    void *content, *again;
    int rc = pin(k, p, &content);

    if (rc == -ENODATA)
        p->stamp = 0;
    if (rc)
        return rc == -ENODATA ? 0 : rc;
    rc = check(p, content);
    ACTOR_MUST(buddyd_pin(k->b, &p->block, &again) == 0);
    ACTOR_MUST(again == content);
    buddyd_unpin(k->b, &p->block);
    /* One pin is left, and nothing may move yet. */
    if (!rc)
        rc = check(p, content);
    buddyd_unpin(k->b, &p->block);
    return rc;
}

static int rewrite(struct work *k, struct piece *p)
{
    void *content;
    int rc = pin_renewed(k, p, &content);

    if (rc)
        return rc == -ENOMEM ? 0 : rc;
    rc = check(p, content);
    p->stamp = atomic_fetch_add(&k->next_stamp, 1);
    stamp_write(content, p->block.bytes, p->stamp);
    if (!rc)
        rc = check(p, content);
    buddyd_unpin(k->b, &p->block);
    return rc;
}

/* Two threads' pins of one block overlap here, with nothing but the word between them. */
static int pin_without_lock(struct work *k, struct piece *p)
{
    struct buddyd_block block;
    void *content, *again;
    int rc;

    pthread_mutex_lock(&p->lock);
    block = p->block;
    rc = block.handle ? buddyd_try_pin(k->b, &block, &content) : -ENOENT;
    p->nr_outside += rc == 0;
    pthread_mutex_unlock(&p->lock);
    if (rc) { /* it has none, it moves, or it is gone */
        ACTOR_MUST(rc == -ENOENT || rc == -EBUSY || rc == -ENODATA);
        return 0;
    }
    for (unsigned i = 0; i < 100; i++) {
        ACTOR_MUST(buddyd_pin(k->b, &block, &again) == 0);
        ACTOR_MUST(again == content);
        buddyd_unpin(k->b, &block);
    }
    pthread_mutex_lock(&p->lock);
    buddyd_unpin(k->b, &block);
    p->nr_outside--;
    pthread_mutex_unlock(&p->lock);
    return 0;
}

/* Is a pinned block where the daemon's record says? */
static int compare_places(struct work *k, struct piece *p)
{
    static _Thread_local struct buddyd_block_stat blocks[BUDDYD_LISTING_MAX];
    struct buddyd_zone zone;
    uint64_t cursor = 0;
    void *content;
    bool found = false;
    int rc = pin(k, p, &content);
    size_t n;

    if (rc == -ENODATA)
        p->stamp = 0;
    if (rc)
        return rc == -ENODATA ? 0 : rc;
    do {
        ACTOR_MUST(buddyd_stat_blocks(k->b, buddyd_session(k->b), &cursor, blocks, &n) == 0);
        for (size_t i = 0; i < n; i++) {
            if (blocks[i].handle != p->block.handle)
                continue;
            ACTOR_MUST(buddyd_get_zone(k->b, blocks[i].zone, &zone) == 0);
            ACTOR_MUST((char *)zone.base + blocks[i].offset == content);
            found = true;
        }
    } while (cursor && !found);
    ACTOR_MUST(found);
    atomic_fetch_add(&k->w->shared->places, 1);
    buddyd_unpin(k->b, &p->block);
    return 0;
}

/* Get a piece a block of another kind, if there is memory. */
static int replace(struct work *k, struct piece *p, uint64_t random)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    int rc;

    if (p->nr_outside)
        return 0;
    if (p->block.handle)
        ACTOR_MUST(buddyd_free(k->b, p->block.handle) == 0);
    p->block = (struct buddyd_block){0};
    p->stamp = 0;
    p->last = NULL;
    rq.type = random & 1 ? BUDDYD_MOVABLE : BUDDYD_RECLAIMABLE;
    rq.order = (unsigned)(random >> 1) % (MAX_ORDER + 1);
    rc = buddyd_alloc(k->b, &rq, &p->block);
    if (rc == -ENOMEM)
        return 0;
    ACTOR_MUST(rc == 0);
    atomic_fetch_add(&k->w->shared->replaced, 1);
    return rewrite(k, p);
}

static int operate(struct hand *h)
{
    uint64_t random = next_random(h);
    struct piece *p = &h->work->pieces[random % NR_PIECES];
    unsigned what = (unsigned)(random >> 20) % PLACE_EVERY;
    int rc;

    if (what >= PLACE_EVERY - 6)
        return pin_without_lock(h->work, p);
    pthread_mutex_lock(&p->lock);
    if (!p->block.handle || what < 4)
        rc = replace(h->work, p, random >> 30);
    else if (what == 4)
        rc = compare_places(h->work, p);
    else if (what < 24)
        rc = rewrite(h->work, p);
    else
        rc = look(h->work, p);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void *run_hand(void *arg)
{
    struct hand *h = arg;

    struct mobile_shared *sh = h->work->w->shared;

    while (!atomic_load(&sh->failed) && !atomic_load(&sh->stop)) {
        if (operate(h))
            atomic_store(&sh->failed, true);
    }
    return NULL;
}

static int work_until_stopped(struct work *k)
{
    struct hand hands[NR_THREADS];
    pthread_t threads[NR_THREADS];

    for (unsigned i = 0; i < NR_THREADS; i++) {
        hands[i] = (struct hand){k, (k->w->seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1};
        ACTOR_MUST(pthread_create(&threads[i], NULL, run_hand, &hands[i]) == 0);
    }
    for (unsigned i = 0; i < NR_THREADS; i++)
        pthread_join(threads[i], NULL);
    return atomic_load(&k->w->shared->failed) ? 1 : 0;
}

int mobile_worker_play(int link, void *arg)
{
    static struct work k;
    uint64_t random = 1;

    k.w = arg;
    atomic_store(&k.next_stamp, k.w->seed << 32 | 1);
    ACTOR_MUST(actor_become(k.w->uid) == 0);
    ACTOR_MUST(observe_connect(k.w->daemon, k.w->name, &k.b) == 0);
    for (unsigned i = 0; i < NR_PIECES; i++, random += 3) {
        pthread_mutex_init(&k.pieces[i].lock, NULL);
        ACTOR_MUST(replace(&k, &k.pieces[i], random) == 0);
    }
    ACTOR_MUST(actor_say(link, 0) == 0);
    ACTOR_MUST(work_until_stopped(&k) == 0);
    for (unsigned i = 0; i < NR_PIECES; i++) {
        if (!k.pieces[i].block.handle)
            continue;
        ACTOR_MUST(look(&k, &k.pieces[i]) == 0);
        ACTOR_MUST(buddyd_free(k.b, k.pieces[i].block.handle) == 0);
    }
    buddyd_close(k.b);
    return 0;
}
