/* SPDX-License-Identifier: Apache-2.0 */
/* path.c: mm/'s callbacks, to those who carry them out. */
#include "path.h"

#include "hub.h"
#include "log.h"
#include "reclaimer.h"

static pfn_t on_reclaim_account(void *ctx, struct account *account, const struct page_request *rq)
{
    return reclaimer_account(((struct hub *)ctx)->reclaimer, account, rq);
}

static void on_wake_balancer(void *ctx, unsigned zone, unsigned order, enum zone_kind class,
                             unsigned domain, bool may_wait)
{
    reclaimer_wake(((struct hub *)ctx)->reclaimer, zone, order, class, domain, may_wait);
}

static pfn_t on_reclaim(void *ctx, const struct page_request *rq)
{
    return reclaimer_direct(((struct hub *)ctx)->reclaimer, rq);
}

static enum compact_result on_compact(void *ctx, const struct page_request *rq,
                                      enum compact_priority priority)
{
    struct path_wait *w = path_wait_of(rq);

    return compactor_ask(((struct hub *)ctx)->compactor, rq, priority, w ? &w->compact : NULL);
}

static pfn_t on_reclaimable(void *ctx, unsigned zone)
{
    return reclaimer_reclaimable(((struct hub *)ctx)->reclaimer, zone);
}

void path_start(struct hub *hub)
{
    static const struct path_ops ops = {
        .reclaim_account = on_reclaim_account,
        .wake_balancer = on_wake_balancer,
        .reclaim = on_reclaim,
        .compact = on_compact,
        .reclaimable = on_reclaimable,
    };

    hub->zones->path = &ops;
    hub->zones->path_ctx = hub;
    compactor_start(hub->compactor);
}

void path_stop(struct hub *hub)
{
    hub->zones->path = NULL;
    compactor_stop(hub->compactor);
}

bool path_tried(struct hub *hub, struct path_wait *w, int error)
{
    const bool freed = w->freed;

    w->reclaim_end_ns = 0;
    w->freed = w->reclaimed = false;
    /* A block came to be, but others were faster: there may be another one. */
    if (error == -ENOMEM && w->compact.result == COMPACT_SUCCESS)
        hub->path.again = true;
    if (path_waits(w, error))
        compactor_join(hub->compactor, &w->compact);
    else if (error != -EAGAIN) /* others come first: then it goes on where it is */
        path_leave(hub, w);
    return freed;
}

void path_leave(struct hub *hub, struct path_wait *w)
{
    compactor_leave(hub->compactor, &w->compact);
    w->compact.result = COMPACT_SKIPPED;
    w->progress = (struct path_progress){0};
}

bool path_may_help(const struct hub *hub)
{
    return reclaimer_ready(hub->reclaimer);
}

/* ---- slices ---- */

bool path_ready(const struct hub *hub)
{
    return hub->path.again || reclaimer_ready(hub->reclaimer) || compactor_ready(hub->compactor);
}

void path_slice(struct hub *hub)
{
    const uint64_t begin_ns = uv_hrtime();
    const uint64_t end_ns = begin_ns + PATH_SLICE_US * UINT64_C(1000);
    uint64_t ns;

    if (hub->path.again) {
        hub->path.again = false;
        waiting_changed(hub, NULL);
    }
    /* Reclaim is what compaction waits for; they take turns all the same. */
    hub->path.turn = !hub->path.turn;
    if (reclaimer_ready(hub->reclaimer) && (hub->path.turn || !compactor_ready(hub->compactor)))
        reclaimer_slice(hub->reclaimer, end_ns);
    else
        compactor_slice(hub->compactor, end_ns);
    ns = uv_hrtime() - begin_ns;
    if (ns <= hub->path.longest_ns)
        return;
    hub->path.longest_ns = ns;
    log_debug("the longest slice of reclaim and compaction so far: %llu us",
              (unsigned long long)(ns / 1000));
}
