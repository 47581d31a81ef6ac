/* SPDX-License-Identifier: Apache-2.0 */
/* resizer.c: one state for each zone, from a request to its answer. */
#include "resizer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "dispatch.h"
#include "domain_set.h"
#include "hub.h"
#include "hugepage_pool.h"
#include "log.h"
#include "mm/hotplug.h"
#include "mover.h"
#include "obstacles.h"
#include "session.h"
#include "why.h"

/** Blocks that are discarded in one turn of the loop. */
#define DISCARDS_IN_A_TURN 64u

enum resize_state {
    RESIZE_NONE = 0,
    RESIZE_POPULATING, /**< a thread has what comes */
    RESIZE_BEGINNING,  /**< to shrink, in a later turn */
    RESIZE_EMPTYING,   /**< moves are waited for, or pins */
    RESIZE_PUNCHING,   /**< a thread has what went */
};

/** The change of a zone. */
struct resize {
    struct resizer *resizer;
    enum resize_state state;
    uint32_t session; /**< who asked, and for what */
    uint64_t request;
    pfn_t start; /**< what comes or goes begins here */
    pfn_t nr_pages;
    struct evacuation ev;
    uint64_t patient_until_ms;      /**< 0: nothing is waited for but moves */
    pfn_t clean;                    /**< then: how far the range was empty */
    uint32_t resident[MAX_DOMAINS]; /**< pageblocks of the range, by whose file has them */
    int error;                      /**< of the thread's work */
    uv_work_t work;
};

struct resizer {
    struct hub *hub;
    struct resize zone[MAX_ZONES];
    unsigned nr_jobs;
    bool open; /**< the timer is not closed yet */
    uv_timer_t look;
};

static unsigned number_of(const struct resize *rz)
{
    return (unsigned)(rz - rz->resizer->zone);
}

static struct zone_entry *entry_of(const struct resize *rz)
{
    return &rz->resizer->hub->zones->entry[number_of(rz)];
}

static uint64_t bytes_of(pfn_t pages)
{
    return (uint64_t)pages << CONFIG_PAGE_SHIFT;
}

/* ---- answers ---- */

static uint64_t zone_bytes(const struct resize *rz)
{
    return bytes_of(zone_nr_pages(entry_of(rz)->zone));
}

/* Who asked may have gone. */
static bool begin_answer(const struct resize *rz, struct call *c)
{
    struct hub *hub = rz->resizer->hub;

    *c = (struct call){.hub = hub, .session = session_table_find(&hub->sessions, rz->session)};
    c->response = (struct wire_response){.id = rz->request, .op = WIRE_OP_RESIZE_ZONE};
    return c->session && c->session->state == SESSION_OPEN;
}

static void answer_done(struct resize *rz)
{
    char now[WHY_NUMBER_BYTES];
    struct call c;

    rz->state = RESIZE_NONE;
    log_info("zone '%s' has %s now", entry_of(rz)->name, why_bytes(zone_bytes(rz), now));
    if (!begin_answer(rz, &c))
        return;
    c.response.resize_zone.bytes = zone_bytes(rz);
    session_answer(c.session, &c);
}

static void answer_obstacles(struct resize *rz, const struct zone_obstacle *o)
{
    struct hub *hub = rz->resizer->hub;
    struct call c;

    rz->state = RESIZE_NONE;
    if (!begin_answer(rz, &c))
        return;
    c.response.resize_zone = (struct wire_resize_zone_reply){
        .bytes = zone_bytes(rz),
        .nr = obstacles_list(hub, number_of(rz), rz->start, o, hub->turn->scratch.obstacles),
        .obstacles = hub->turn->scratch.obstacles,
    };
    session_answer(c.session, &c);
}

static void answer_error(struct resize *rz)
{
    const struct zone_entry *e = entry_of(rz);
    const struct memfile *mf = &e->memory;
    char wanted[WHY_NUMBER_BYTES], hint[192] = "";
    struct hugepage_pool pool;
    struct call c;

    rz->state = RESIZE_NONE;
    if (!begin_answer(rz, &c))
        return;
    if (mf->backing != BACKING_SHMEM &&
        hugepage_pool_read(mf->hugepage_bytes, mf->node, &pool) == 0 && rz->error == -ENOSPC) {
        const uint64_t nr = bytes_of(rz->nr_pages) / mf->hugepage_bytes;

        (void)snprintf(hint, sizeof(hint),
                       " (%" PRIu64 " of %" PRIu64 " can be had); reserve "
                       "more with: ",
                       pool.available, nr);
        hugepage_pool_hint(mf->hugepage_bytes, mf->node, pool.total + nr - pool.available,
                           hint + strlen(hint), sizeof(hint) - strlen(hint));
    }
    call_fail(&c, -rz->error, "zone '%s' cannot grow by %s: %s%s", e->name,
              why_bytes(bytes_of(rz->nr_pages), wanted), strerror(-rz->error), hint);
    session_answer(c.session, &c);
}

/* ---- on a thread ---- */

static const struct memfile *file_of(const struct resize *rz, unsigned domain)
{
    const struct domain_set *ds = rz->resizer->hub->zones->domains;

    return domain == 0 ? &entry_of(rz)->memory : &ds->domain[domain].zone[number_of(rz)].file;
}

static void work(uv_work_t *job)
{
    struct resize *rz = job->data;
    const uint64_t at = bytes_of(rz->start), bytes = bytes_of(rz->nr_pages);

    if (rz->state == RESIZE_POPULATING) {
        rz->error = memfile_populate(&entry_of(rz)->memory, at, bytes);
        return;
    }
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        if (rz->resident[d] != 0)
            rz->error = memfile_punch(file_of(rz, d), at, bytes);
    }
}

/* ---- back on the loop ---- */

/* Files' pageblocks are counted, so that nobody takes ours for a thief's. */
static void count(struct resize *rz, int on_the_way, int resident)
{
    struct domain_set *ds = rz->resizer->hub->zones->domains;

    for (unsigned d = 0; ds && d < MAX_DOMAINS; d++) {
        struct domain_zone *dz = &ds->domain[d].zone[number_of(rz)];

        dz->nr_on_the_way += (uint32_t)on_the_way * rz->resident[d];
        dz->nr_resident += (uint32_t)resident * rz->resident[d];
    }
}

/* The zone has another length. */
static void changed(struct resize *rz)
{
    struct hub *hub = rz->resizer->hub;
    struct account_misfit misfit;

    memory_rebuild(&hub->zones->memory);
    if (accounts_fit(&hub->zones->memory, number_of(rz), &misfit) < 0)
        log_warning("zone '%s' has %" PRIu64 " pages, of which %" PRIu64 " are guaranteed: that is "
                    "more than its marks and reserves leave",
                    entry_of(rz)->name, misfit.managed_pages, misfit.others_pages);
    waiting_changed(hub, NULL);
}

static void on_worked(uv_work_t *job, int status)
{
    struct resize *rz = job->data;
    struct resizer *r = rz->resizer;
    struct hub *hub = r->hub;

    (void)status;
    r->nr_jobs--;
    if (!hub->stopping) {
        const bool grown = rz->state == RESIZE_POPULATING && rz->error == 0;

        count(rz, -1, grown ? 1 : 0);
        if (grown) {
            (void)zone_grow(entry_of(rz)->zone, rz->nr_pages, 0);
            changed(rz);
        }
        if (rz->state == RESIZE_POPULATING && rz->error != 0)
            answer_error(rz);
        else
            answer_done(rz);
    }
    hub->session_gone(hub);
}

static void queue_work(struct resize *rz, enum resize_state state)
{
    rz->state = state;
    rz->error = 0;
    rz->work.data = rz;
    rz->resizer->nr_jobs++;
    (void)uv_queue_work(rz->resizer->hub->loop, &rz->work, work, on_worked);
}

/* ---- shrinking ---- */

/* Before they go: in whose files are the range's pageblocks? */
static void count_residents(struct resize *rz)
{
    const struct zone *z = entry_of(rz)->zone;

    memset(rz->resident, 0, sizeof(rz->resident));
    for (pfn_t pfn = rz->start; pfn < rz->start + rz->nr_pages;
         pfn += (pfn_t)1 << zone_pageblock_order(z)) {
        unsigned d = zone_resident(z, pfn);

        if (d < MAX_DOMAINS)
            rz->resident[d]++;
    }
}

/* The block that is to be discarded. If it cannot be, mm/ finds it pinned, or gives up. */
static void discard(struct resize *rz)
{
    struct zone_set *zs = rz->resizer->hub->zones;
    struct zone_block b;
    pfn_t ignored;

    if (zone_block(entry_of(rz)->zone, rz->ev.to_discard, &b) == 0)
        (void)grant_discard(zs, handle_of_tag(zs->handles, b.tag), &ignored);
}

/* What is in the way may pass. Returns whether there is time left for it. */
static bool has_patience(struct resize *rz)
{
    const uint64_t now = uv_now(rz->resizer->hub->loop);

    if (rz->patient_until_ms == 0 || rz->clean != rz->ev.clean)
        rz->patient_until_ms = now + RESIZER_PATIENCE_MS;
    rz->clean = rz->ev.clean;
    return now < rz->patient_until_ms;
}

static void on_look(uv_timer_t *timer);

/* What mm/ has answered; go on until somebody else is to be waited for. */
static void empty(struct resize *rz, int rc, struct zone_obstacle *o)
{
    for (unsigned n = 0; rc == -EINPROGRESS && rz->ev.to_discard != PFN_NONE; n++) {
        if (n == DISCARDS_IN_A_TURN) {
            (void)uv_timer_start(&rz->resizer->look, on_look, 0, 0);
            return;
        }
        discard(rz);
        rc = zone_shrink_continue(&rz->ev, o);
    }
    if (rc == 0) {
        count(rz, 1, -1);
        changed(rz);
        queue_work(rz, RESIZE_PUNCHING);
    } else if (rc == -EINPROGRESS) {
        rz->patient_until_ms = 0;
    } else if (rc == -EAGAIN && has_patience(rz)) {
        (void)uv_timer_start(&rz->resizer->look, on_look, RESIZER_LOOK_MS, 0);
    } else {
        if (rc == -EAGAIN)
            evacuate_cancel(&rz->ev);
        waiting_changed(rz->resizer->hub, NULL);
        answer_obstacles(rz, o);
    }
}

static void go_on(struct resize *rz)
{
    struct zone_obstacle o = {.reason = OBSTACLE_NONE};
    int rc;

    if (rz->state != RESIZE_EMPTYING && rz->state != RESIZE_BEGINNING)
        return;
    count_residents(rz);
    if (rz->state == RESIZE_BEGINNING)
        rc = zone_shrink(entry_of(rz)->zone, rz->nr_pages, true, &rz->ev, &o);
    else
        rc = zone_shrink_continue(&rz->ev, &o);
    /* A block that moves or passes for others: it has not begun, and will not be long. */
    if (rc == -EBUSY && o.reason == OBSTACLE_BUSY && has_patience(rz)) {
        (void)uv_timer_start(&rz->resizer->look, on_look, RESIZER_LOOK_MS, 0);
        return;
    }
    rz->state = RESIZE_EMPTYING;
    empty(rz, rc, &o);
}

static void on_look(uv_timer_t *timer)
{
    struct resizer *r = timer->data;

    for (unsigned i = 0; i < r->hub->zones->nr; i++)
        go_on(&r->zone[i]);
}

static void on_moved(void *ctx, uint64_t zones)
{
    struct resizer *r = ctx;

    for (; zones != 0; zones &= zones - 1)
        go_on(&r->zone[__builtin_ctzll(zones)]);
}

/* ---- requests ---- */

static bool check(struct call *c, const struct resize *rz, const struct wire_resize_zone *rq)
{
    const struct zone_entry *e = entry_of(rz);
    const uint64_t bytes = zone_bytes(rz), max = e->memory.bytes;
    char wanted[WHY_NUMBER_BYTES], has[WHY_NUMBER_BYTES], unit[WHY_NUMBER_BYTES];

    if (rz->state != RESIZE_NONE)
        call_fail(c, EBUSY, "zone '%s' is being resized already", e->name);
    else if (rq->delta_bytes == 0 || rq->delta_bytes % (int64_t)e->memory.hugepage_bytes != 0)
        call_fail(c, EINVAL, "zone '%s': %lld bytes: multiples of a hugepage (%s) are accepted",
                  e->name, (long long)rq->delta_bytes, why_bytes(e->memory.hugepage_bytes, unit));
    else if (rq->delta_bytes > 0 && (uint64_t)rq->delta_bytes > max - bytes)
        call_fail(c, EINVAL,
                  "zone '%s' cannot grow by %s: it has %s, and max_size=%s in its section", e->name,
                  why_bytes((uint64_t)rq->delta_bytes, wanted), why_bytes(bytes, has),
                  why_bytes(max, unit));
    else if (rq->delta_bytes < 0 && (uint64_t)-rq->delta_bytes > bytes)
        call_fail(c, EINVAL, "zone '%s' cannot shrink by %s: it has %s", e->name,
                  why_bytes((uint64_t)-rq->delta_bytes, wanted), why_bytes(bytes, has));
    else
        return true;
    return false;
}

static void begin(struct resize *rz, int64_t delta_bytes)
{
    const bool grow = delta_bytes > 0;
    struct zone *z = entry_of(rz)->zone;

    rz->nr_pages = (pfn_t)((uint64_t)llabs(delta_bytes) >> CONFIG_PAGE_SHIFT);
    rz->start = zone_nr_pages(z) - (grow ? 0 : rz->nr_pages);
    if (!grow) {
        /* Its answer may be ready at once, and is not to be sent in the asker's own turn. */
        rz->state = RESIZE_BEGINNING;
        rz->patient_until_ms = 0;
        (void)uv_timer_start(&rz->resizer->look, on_look, 0, 0);
        return;
    }
    memset(rz->resident, 0, sizeof(rz->resident));
    rz->resident[0] = rz->nr_pages >> zone_pageblock_order(z);
    count(rz, 1, 0);
    queue_work(rz, RESIZE_POPULATING);
}

int resizer_begin(struct resizer *r, unsigned zone, int64_t delta_bytes)
{
    if (r->zone[zone].state != RESIZE_NONE)
        return -EBUSY;
    r->zone[zone].session = 0;
    begin(&r->zone[zone], delta_bytes);
    return 0;
}

bool resizer_works(const struct resizer *r, unsigned zone)
{
    return r->zone[zone].state != RESIZE_NONE;
}

void resizer_handle(struct call *c)
{
    const struct wire_resize_zone *rq = &c->request->resize_zone;
    const bool grow = rq->delta_bytes > 0;
    struct resizer *r = c->hub->resizer;
    struct resize *rz;

    if (rq->zone >= c->hub->zones->nr) {
        call_fail(c, EINVAL, "zone %u: 0 to %u are accepted", rq->zone, c->hub->zones->nr - 1);
        return;
    }
    rz = &r->zone[rq->zone];
    if (!check(c, rz, rq))
        return;
    log_info("session %u (%s, uid %u) lets zone '%s' %s by %lld bytes", c->session->id,
             c->session->name, (unsigned)c->session->peer.uid, entry_of(rz)->name,
             grow ? "grow" : "shrink", (long long)(grow ? rq->delta_bytes : -rq->delta_bytes));
    rz->session = c->session->id;
    rz->request = c->request->id;
    c->parked = true;
    begin(rz, rq->delta_bytes);
}

/* ---- start and stop ---- */

int resizer_create(struct hub *hub, struct resizer **ret)
{
    struct resizer *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->hub = hub;
    for (unsigned i = 0; i < MAX_ZONES; i++)
        r->zone[i].resizer = r;
    *ret = r;
    return 0;
}

void resizer_free(struct resizer *r)
{
    free(r);
}

void resizer_start(struct resizer *r)
{
    (void)uv_timer_init(r->hub->loop, &r->look);
    r->look.data = r;
    r->open = true;
    mover_listen(r->hub->mover, on_moved, r);
}

static void on_closed(uv_handle_t *timer)
{
    struct resizer *r = timer->data;

    r->open = false;
    r->hub->session_gone(r->hub);
}

void resizer_stop(struct resizer *r)
{
    uv_close((uv_handle_t *)&r->look, on_closed);
}

bool resizer_busy(const struct resizer *r)
{
    return r->nr_jobs != 0 || r->open;
}
