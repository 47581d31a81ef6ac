/* SPDX-License-Identifier: Apache-2.0 */
/* mover.c: batches of moves: made on the loop, copied by a thread, settled on the loop. */
#include "mover.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "domain_set.h"
#include "grant.h"
#include "hub.h"
#include "mm/migrate.h"
#include "mobile.h"
#include "session.h"

/** Bytes after which a job is full, so that large blocks are copied side by side. */
#define BATCH_BYTES (UINT64_C(4) << 20)

/** One block on its way. */
struct move {
    uint64_t handle;
    struct holdings *holdings; /**< whose it is; they outlive the move */
    const struct memfile *from_file;
    const struct memfile *to_file;
    pfn_t from;
    pfn_t to;
    uint8_t from_zone;
    uint8_t to_zone;
    uint8_t order;
    int error; /**< of the copy */
};

struct batch {
    uv_work_t work;
    struct mover *mover;
    uint64_t bytes;
    uint32_t nr;
    struct move move[MOVER_BATCH];
};

struct listener {
    void (*ended)(void *ctx, uint64_t zones);
    void *ctx;
};

struct mover {
    struct hub *hub;
    struct batch *batch; /**< that is being filled, or NULL */
    uv_prepare_t flush;  /**< runs while there is one */
    unsigned nr_listeners;
    struct listener listener[MOVER_MAX_LISTENERS];
    uint64_t pages[MAX_ZONES];
};

static struct zone *zone_of(const struct mover *m, unsigned zone)
{
    return m->hub->zones->entry[zone].zone;
}

/* ---- on a thread ---- */

static void copy(uv_work_t *job)
{
    struct batch *b = job->data;

    for (uint32_t i = 0; i < b->nr; i++) {
        struct move *mv = &b->move[i];

        mv->error = memfile_copy(mv->from_file, (uint64_t)mv->from << CONFIG_PAGE_SHIFT,
                                 mv->to_file, (uint64_t)mv->to << CONFIG_PAGE_SHIFT,
                                 UINT64_C(1) << (mv->order + CONFIG_PAGE_SHIFT));
    }
}

/* ---- back on the loop ---- */

/* Its account uses less than while it moved: who waits for that looks again. */
static void uses_less(struct mover *m, const struct move *mv)
{
    struct hub *hub = m->hub;
    struct session *s = session_table_find(&hub->sessions, mv->holdings->owner.id);

    if (!s)
        return;
    waiting_changed(hub, &s->policy);
    if (s->state == SESSION_ENDING)
        hub_queue_work(hub, s);
}

/* In mm/'s books: the old place, or the new one, is free. */
static void end_move(struct mover *m, const struct move *mv, struct account *account,
                     bool *ret_freed)
{
    const struct migration mg = {
        .from_zone = mv->from_zone, .from = mv->from, .to_zone = mv->to_zone, .to = mv->to};
    struct memory *memory = &m->hub->zones->memory;
    struct zone *z = zone_of(m, mv->from_zone);
    pfn_t to;

    if (mv->error == 0)
        m->pages[mv->from_zone] += (uint64_t)1 << mv->order;
    if (mv->from_zone != mv->to_zone && mv->error == 0)
        (void)memory_migrate_done(memory, account, &mg, ret_freed);
    else if (mv->from_zone != mv->to_zone)
        (void)memory_migrate_abort(memory, account, &mg, ret_freed);
    else if (mv->error == 0)
        (void)zone_move_done(z, mv->from, &to, ret_freed);
    else
        (void)zone_move_abort(z, mv->from, ret_freed);
}

/*
 * The handle first, which commits the move, then the word, then the zone, in which the old place
 * may be granted again at once. A handle that is stale by now was freed, whoever has its record.
 */
static void settle(struct mover *m, const struct move *mv)
{
    struct zone_set *zs = m->hub->zones;
    struct account *account = mv->holdings->account;
    struct handle_info info;
    const bool live = handle_find(zs->handles, mv->handle, &info) == 0;
    bool freed = false;

    if (live && mv->error == 0)
        handle_move(zs->handles, mv->handle, mv->to_zone, mv->to);
    if (live)
        mobile_moved(zs, mv->handle);
    end_move(m, mv, account, &freed);
    if (freed) /* its pages come back only now */
        grant_left(zs, mv->holdings, mv->from_zone, mv->order);
    else if (account && account->domain != 0)
        account_refresh(&zs->memory, account->group);
    if (freed || mv->from_zone != mv->to_zone || (account && account->domain != 0))
        uses_less(m, mv);
}

static void on_copied(uv_work_t *job, int status)
{
    struct batch *b = job->data;
    struct mover *m = b->mover;
    struct hub *hub = m->hub;
    uint64_t zones = 0;

    (void)status;
    for (uint32_t i = 0; i < b->nr && !hub->stopping; i++) {
        settle(m, &b->move[i]);
        zones |= UINT64_C(1) << b->move[i].from_zone;
    }
    free(b);
    if (!hub->stopping) {
        for (unsigned i = 0; i < m->nr_listeners; i++)
            m->listener[i].ended(m->listener[i].ctx, zones);
        waiting_changed(hub, NULL);
    }
    hub_unuse(hub);
}

static void queue_batch(struct mover *m)
{
    struct batch *b = m->batch;

    m->batch = NULL;
    (void)uv_prepare_stop(&m->flush);
    hub_use(m->hub);
    b->work.data = b;
    (void)uv_queue_work(m->hub->loop, &b->work, copy, on_copied);
}

static void on_flush(uv_prepare_t *flush)
{
    struct mover *m = flush->data;

    if (m->batch->nr != 0) {
        queue_batch(m);
        return;
    }
    free(m->batch); /* what it was opened for stays where it is */
    m->batch = NULL;
    (void)uv_prepare_stop(flush);
}

/* ---- beginning ---- */

/* The file that has the block's bytes; it is ready to be copied into. NULL: it cannot be. */
static const struct memfile *file_of(const struct mover *m, unsigned zone, pfn_t pfn)
{
    const struct zone_set *zs = m->hub->zones;
    const unsigned domain = zone_resident(zs->entry[zone].zone, pfn);
    struct memfile *file = domain == 0 ? &m->hub->zones->entry[zone].memory
                                       : &zs->domains->domain[domain].zone[zone].file;

    return memfile_map(file) == 0 ? file : NULL;
}

static bool open_batch(struct mover *m)
{
    if (m->batch)
        return true;
    m->batch = calloc(1, sizeof(*m->batch));
    if (!m->batch)
        return false;
    m->batch->mover = m;
    (void)uv_prepare_start(&m->flush, on_flush);
    return true;
}

bool mover_begin(struct mover *m, struct zone *from_zone, pfn_t from, struct zone *to_zone,
                 pfn_t to, unsigned order, uint64_t tag)
{
    struct zone_set *zs = m->hub->zones;
    struct move mv = {
        .handle = handle_of_tag(zs->handles, tag),
        .from = from,
        .to = to,
        .from_zone = (uint8_t)zone_set_id(zs, from_zone),
        .to_zone = (uint8_t)zone_set_id(zs, to_zone),
        .order = (uint8_t)order,
    };

    if (mv.handle == HANDLE_NONE || !open_batch(m))
        return false;
    mv.from_file = file_of(m, mv.from_zone, from);
    mv.to_file = file_of(m, mv.to_zone, to);
    if (!mv.from_file || !mv.to_file || !mobile_try_move(zs, mv.handle))
        return false;
    mv.holdings = mobile_of(zs, mv.handle)->holdings;
    m->batch->move[m->batch->nr++] = mv;
    m->batch->bytes += UINT64_C(1) << (order + CONFIG_PAGE_SHIFT);
    if (m->batch->nr == MOVER_BATCH || m->batch->bytes >= BATCH_BYTES)
        queue_batch(m);
    return true;
}

void mover_listen(struct mover *m, void (*ended)(void *ctx, uint64_t zones), void *ctx)
{
    m->listener[m->nr_listeners++] = (struct listener){.ended = ended, .ctx = ctx};
}

uint64_t mover_pages(const struct mover *m, unsigned zone)
{
    return m->pages[zone];
}

/* ---- start and stop ---- */

int mover_create(struct hub *hub, struct mover **ret)
{
    struct mover *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->hub = hub;
    *ret = m;
    return 0;
}

void mover_free(struct mover *m)
{
    free(m);
}

void mover_start(struct mover *m)
{
    (void)uv_prepare_init(m->hub->loop, &m->flush);
    m->flush.data = m;
    hub_use(m->hub);
    m->hub->zones->mover = m;
}

void mover_stop(struct mover *m)
{
    m->hub->zones->mover = NULL;
    free(m->batch);
    m->batch = NULL;
    hub_close_handle(m->hub, (uv_handle_t *)&m->flush);
}
