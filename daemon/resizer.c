/* SPDX-License-Identifier: Apache-2.0 */
/* resizer.c: one state for each zone, from a request to its answer. */
#include "resizer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "domain_set.h"
#include "log.h"
#include "mover.h"
#include "resizer_internal.h"
#include "session.h"
#include "why.h"

static uint64_t bytes_of(pfn_t pages)
{
    return (uint64_t)pages << CONFIG_PAGE_SHIFT;
}

/* ---- on a thread ---- */

static const struct memfile *file_of(const struct resize *rz, unsigned domain)
{
    const struct domain_set *ds = rz->resizer->hub->zones->domains;

    return domain == 0 ? &resize_entry(rz)->memory : &ds->domain[domain].zone[resize_zone(rz)].file;
}

static void work(uv_work_t *job)
{
    struct resize *rz = job->data;
    const uint64_t at = bytes_of(rz->start), bytes = bytes_of(rz->nr_pages);

    if (rz->state == RESIZE_POPULATING) {
        rz->error = memfile_populate(&resize_entry(rz)->memory, at, bytes);
        return;
    }
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        int error = rz->resident[d] != 0 ? memfile_punch(file_of(rz, d), at, bytes) : 0;

        if (error)
            rz->error = error;
        else
            rz->punched |= UINT64_C(1) << d;
    }
}

/* ---- back on the loop ---- */

void resize_count(struct resize *rz, uint64_t domains, int on_the_way, int resident)
{
    struct domain_set *ds = rz->resizer->hub->zones->domains;

    for (unsigned d = 0; ds && d < MAX_DOMAINS; d++) {
        struct domain_zone *dz = &ds->domain[d].zone[resize_zone(rz)];

        if (!(domains >> d & 1))
            continue;
        dz->nr_on_the_way += (uint32_t)on_the_way * rz->resident[d];
        dz->nr_resident += (uint32_t)resident * rz->resident[d];
    }
}

void resize_changed(struct resize *rz)
{
    struct hub *hub = rz->resizer->hub;
    struct account_misfit misfit;

    memory_rebuild(&hub->zones->memory);
    if (accounts_fit(&hub->zones->memory, resize_zone(rz), &misfit) < 0)
        log_warning("zone '%s' has %" PRIu64 " pages, of which %" PRIu64 " are guaranteed: that is "
                    "more than its marks and reserves leave",
                    resize_entry(rz)->name, misfit.managed_pages, misfit.others_pages);
    waiting_changed(hub, NULL);
}

static void begin(struct resize *rz);

static void on_populated(struct resize *rz)
{
    resize_count(rz, UINT64_MAX, -1, rz->error == 0 ? 1 : 0);
    if (rz->error != 0) {
        resize_answer_error(rz);
        return;
    }
    (void)zone_grow(resize_entry(rz)->zone, rz->nr_pages, 0);
    resize_changed(rz);
    resize_answer_done(rz);
}

static void on_punched(struct resize *rz)
{
    const bool was_left = rz->left_over;

    resize_count(rz, rz->punched, -1, 0);
    for (uint64_t d = rz->punched; d != 0; d &= d - 1)
        rz->resident[__builtin_ctzll(d)] = 0;
    rz->left_over = rz->error != 0;
    if (rz->left_over)
        resize_answer_left_over(rz);
    else if (was_left)
        begin(rz);
    else
        resize_answer_done(rz);
}

static void on_worked(uv_work_t *job, int status)
{
    struct resize *rz = job->data;
    struct hub *hub = rz->resizer->hub;

    (void)status;
    if (!hub->stopping) {
        if (rz->state == RESIZE_POPULATING)
            on_populated(rz);
        else
            on_punched(rz);
    }
    hub_unuse(hub);
}

void resize_queue_work(struct resize *rz, enum resize_state state)
{
    rz->state = state;
    rz->error = 0;
    rz->punched = 0;
    rz->work.data = rz;
    hub_use(rz->resizer->hub);
    (void)uv_queue_work(rz->resizer->hub->loop, &rz->work, work, on_worked);
}

/* ---- shrinking goes on ---- */

static void on_look(uv_timer_t *timer)
{
    struct resizer *r = timer->data;

    for (unsigned i = 0; i < r->hub->zones->nr; i++)
        hub_later(r->hub, &r->zone[i].later);
}

void resize_look_in(struct resize *rz, uint32_t ms)
{
    uv_timer_t *timer = &rz->resizer->look;

    if (ms == 0)
        hub_later(rz->resizer->hub, &rz->later);
    else if (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > ms)
        (void)uv_timer_start(timer, on_look, ms, 0);
}

static void on_moved(void *ctx, uint64_t zones)
{
    struct resizer *r = ctx;

    for (; zones != 0; zones &= zones - 1)
        resize_shrink(&r->zone[__builtin_ctzll(zones)]);
}

/* ---- requests ---- */

static bool check(struct call *c, const struct resize *rz, const struct wire_resize_zone *rq)
{
    const struct zone_entry *e = resize_entry(rz);
    const uint64_t bytes = resize_bytes(rz), max = e->memory.bytes;
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

static void begin(struct resize *rz)
{
    const bool grow = rz->delta_bytes > 0;
    struct zone *z = resize_entry(rz)->zone;

    if (rz->left_over) {
        resize_queue_work(rz, RESIZE_PUNCHING);
        return;
    }
    rz->nr_pages = (pfn_t)((uint64_t)llabs(rz->delta_bytes) >> CONFIG_PAGE_SHIFT);
    rz->start = zone_nr_pages(z) - (grow ? 0 : rz->nr_pages);
    if (!grow) {
        /* Its answer may be ready at once, and is not to be sent in the asker's own turn. */
        rz->state = RESIZE_BEGINNING;
        rz->patience = (struct patience){0};
        rz->counted = rz->start;
        memset(rz->resident, 0, sizeof(rz->resident));
        resize_look_in(rz, 0);
        return;
    }
    memset(rz->resident, 0, sizeof(rz->resident));
    rz->resident[0] = rz->nr_pages >> zone_pageblock_order(z);
    resize_count(rz, UINT64_MAX, 1, 0);
    resize_queue_work(rz, RESIZE_POPULATING);
}

int resizer_begin(struct resizer *r, unsigned zone, int64_t delta_bytes)
{
    if (r->zone[zone].state != RESIZE_NONE)
        return -EBUSY;
    r->zone[zone].session = 0;
    r->zone[zone].delta_bytes = delta_bytes;
    begin(&r->zone[zone]);
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
             c->session->name, (unsigned)c->session->peer.uid, resize_entry(rz)->name,
             grow ? "grow" : "shrink", (long long)(grow ? rq->delta_bytes : -rq->delta_bytes));
    rz->session = c->session->id;
    rz->request = c->request->id;
    c->parked = true;
    rz->delta_bytes = rq->delta_bytes;
    begin(rz);
}

/* ---- start and stop ---- */

int resizer_create(struct hub *hub, struct resizer **ret)
{
    struct resizer *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->hub = hub;
    for (unsigned i = 0; i < MAX_ZONES; i++) {
        r->zone[i].resizer = r;
        r->zone[i].later = (struct later){.run = resize_shrink, .ctx = &r->zone[i]};
    }
    *ret = r;
    return 0;
}

void resizer_free(struct resizer *r)
{
    free(r);
}

void resizer_start(struct resizer *r)
{
    hub_timer(r->hub, &r->look, r);
    mover_listen(r->hub->mover, on_moved, r);
}

void resizer_stop(struct resizer *r)
{
    hub_close_handle(r->hub, (uv_handle_t *)&r->look);
}
