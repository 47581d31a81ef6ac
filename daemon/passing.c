/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passing.c: jobs of the thread pool, and what becomes of those that fail.
 *
 * A record stands for each pageblock, so that a job can always begin, whatever memory the daemon
 * itself has: zone_ops.populate cannot fail.
 */
#include "passing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ahead.h"
#include "domain_set.h"
#include "hub.h"
#include "log.h"
#include "thief.h"

static struct zone *zone_of(const struct passing *p, unsigned zone)
{
    return p->hub->zones->entry[zone].zone;
}

static pfn_t pfn_of(const struct pass *pass)
{
    const struct passing *p = pass->passing;

    return (pfn_t)(pass - p->pass[pass->zone]) << zone_pageblock_order(zone_of(p, pass->zone));
}

static struct domain_zone *lies_in(const struct pass *pass, unsigned domain)
{
    return &pass->passing->domains->domain[domain].zone[pass->zone];
}

/* ---- on a thread ---- */

/*
 * Out of the old file, into the new one. What a client has touched there is not what it gets. Into
 * the same file: what is there stays, and what a client has punched out comes back.
 */
static int pass_one(struct pass *pass, uint64_t offset, uint64_t bytes)
{
    const struct memfile *to = &lies_in(pass, pass->to)->file;
    int rc = 0;

    if (pass->from != pass->to && !pass->punched)
        rc = memfile_punch(&lies_in(pass, pass->from)->file, offset, bytes);
    if (rc < 0)
        return rc;
    pass->punched = true;
    if (pass->from != pass->to)
        rc = memfile_punch(to, offset, bytes);
    return rc < 0 ? rc : memfile_populate(to, offset, bytes);
}

static void work(uv_work_t *job)
{
    struct pass *first = job->data;
    const uint64_t bytes = lies_in(first, first->to)->file.hugepage_bytes;
    const uint64_t at = (uint64_t)(first - first->passing->pass[first->zone]) * bytes;

    for (; first->nr_done < first->nr; first->nr_done++) {
        first->error = pass_one(&first[first->nr_done], at + first->nr_done * bytes, bytes);
        if (first->error < 0)
            break;
    }
}

/* ---- back on the loop ---- */

static void begin(struct passing *p, struct pass *first);

static void retry(void *passing)
{
    struct passing *p = passing;
    struct pass *pass = p->unbacked;
    const struct domain *to;

    if (!pass)
        return;
    p->unbacked = pass->next;
    p->nr_unbacked--;
    to = &p->domains->domain[pass->to];
    if (!to->open || to->nr_sessions == 0)
        pass->to = 0; /* nobody is there any more */
    pass->nr = 1;
    pass->again = true;
    begin(p, pass);
}

static void on_retry(uv_timer_t *timer)
{
    retry(timer->data);
}

static void retry_in(struct passing *p, uint32_t ms)
{
    (void)uv_timer_start(&p->retry, on_retry, ms, 0);
}

/* One try is enough, however soon another one would have come. */
static void retry_now(struct passing *p)
{
    (void)uv_timer_stop(&p->retry);
    hub_later(p->hub, &p->retry_now);
}

static bool is_to_retry(const struct passing *p)
{
    return p->retry_now.queued || uv_is_active((const uv_handle_t *)&p->retry);
}

static void tell(struct passing *p, const struct pass *pass)
{
    const struct zone_set *zones = p->hub->zones;
    const uint64_t now = uv_now(p->hub->loop);
    struct zone_stat st;

    if (p->told_ms != 0 && now - p->told_ms < PASSING_TELL_MS)
        return;
    p->told_ms = now;
    p->told = true;
    zone_stat(zones->entry[pass->zone].zone, &st);
    log_warning("zone '%s': a hugepage was taken by somebody on the host while it passed from "
                "domain %u to domain %u (%s): %u pageblocks of the zone have no memory; next try "
                "in %u ms. A hugetlb cgroup with limit 0 keeps clients from that",
                zones->entry[pass->zone].name, pass->from, pass->to, strerror(-pass->error),
                st.unbacked_pageblocks, p->retry_ms);
}

static void keep_unbacked(struct passing *p, struct pass *pass)
{
    pass->state = PASS_UNBACKED;
    pass->next = p->unbacked;
    p->unbacked = pass;
    p->nr_unbacked++;
}

/* Memory is missing: was it one of ours who took it? Try again later, or at once if he was found.
 */
static void on_failure(struct passing *p, struct pass *pass, int error)
{
    pass->error = error;
    if (pass->again)
        p->retry_ms =
            p->retry_ms * 2 < PASSING_MAX_RETRY_MS ? p->retry_ms * 2 : PASSING_MAX_RETRY_MS;
    keep_unbacked(p, pass);
    tell(p, pass);
    if (!thief_look(p)) {
        if (!is_to_retry(p))
            retry_in(p, p->retry_ms);
    } else if (p->nr_regains++ % PASSING_REGAINS != 0) {
        retry_now(p);
    } else {
        retry_in(p, PASSING_REGAIN_MS);
    }
}

static void on_success(struct passing *p, const struct pass *pass)
{
    if (!pass->again)
        return;
    p->retry_ms = PASSING_RETRY_MS;
    if (p->unbacked) {
        retry_now(p);
    } else if (p->told) {
        p->told = false;
        log_info("zone '%s': every pageblock has memory again",
                 p->hub->zones->entry[pass->zone].name);
    }
}

/* Where do the bytes of the block lie now? */
static void record(struct pass *first)
{
    for (uint32_t i = 0; i < first->nr; i++) {
        struct pass *pass = &first[i];
        struct domain_zone *from = lies_in(pass, pass->from), *to = lies_in(pass, pass->to);

        from->nr_on_the_way--;
        to->nr_on_the_way--;
        if (pass->punched && pass->counted) {
            from->nr_resident--;
            pass->counted = false;
        }
        if (i < first->nr_done)
            to->nr_resident++;
        pass->state = PASS_NONE;
    }
}

static void settle(struct passing *p, struct pass *first)
{
    struct zone *z = zone_of(p, first->zone);
    const pfn_t pfn = pfn_of(first);
    const bool whole = first->nr_done == first->nr;

    record(first);
    if (first->again && whole)
        (void)zone_pageblock_backed(z, pfn, first->to);
    else if (whole)
        (void)zone_populate_done(z, pfn);
    else if (!first->again)
        (void)zone_populate_fail(z, pfn, first->nr_done);
    if (whole)
        on_success(p, first);
    else
        on_failure(p, &first[first->nr_done], first->error);
}

static void on_passed(uv_work_t *job, int status)
{
    struct pass *first = job->data;
    struct passing *p = first->passing;
    struct hub *hub = p->hub;

    (void)status;
    if (!hub->stopping) {
        settle(p, first);
        /* Now its files can be compared to the last page, if nothing else is on its way. */
        (void)thief_look_at(p, first->to);
        waiting_changed(hub, NULL);
        ahead_look(p, first->to);
    }
    hub_unuse(hub);
}

static void begin(struct passing *p, struct pass *first)
{
    for (uint32_t i = 0; i < first->nr; i++) {
        first[i].state = PASS_GOING;
        lies_in(&first[i], first[i].from)->nr_on_the_way++;
        lies_in(&first[i], first[i].to)->nr_on_the_way++;
    }
    first->nr_done = 0;
    first->error = 0;
    first->work.data = first;
    hub_use(p->hub);
    (void)uv_queue_work(p->hub->loop, &first->work, work, on_passed);
}

static void on_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    struct passing *p = ctx;
    const unsigned shift = zone_pageblock_order(z);
    const uint32_t nr = 1u << (order - shift);
    const unsigned zone = zone_set_id(p->hub->zones, z);
    struct pass *first;

    first = &p->pass[zone][pfn >> shift];
    for (uint32_t i = 0; i < nr; i++) {
        first[i].passing = p;
        first[i].zone = (uint8_t)zone;
        first[i].from = (uint8_t)zone_resident(z, pfn + (i << shift));
        first[i].to = (uint8_t)domain;
        first[i].counted = true;
        first[i].punched = first[i].again = false;
    }
    first->nr = nr;
    begin(p, first);
}

bool passing_concerns(const struct passing *p, unsigned zone, uint32_t pageblock, unsigned domain)
{
    const struct pass *pass = &p->pass[zone][pageblock];

    if (pass->state == PASS_GOING)
        return pass->to == domain || pass->from == domain;
    return pass->state == PASS_UNBACKED && pass->from == domain && pass->counted;
}

/* ---- start and stop ---- */

int passing_create(struct hub *hub, struct passing **ret)
{
    struct passing *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->hub = hub;
    p->domains = hub->zones->domains;
    p->retry_ms = PASSING_RETRY_MS;
    p->retry_now = (struct later){.run = retry, .ctx = p};
    p->ahead = (struct later){.run = ahead_slice, .ctx = p};
    p->mend_now = (struct later){.run = thief_mend, .ctx = p};
    for (uint32_t i = 0; i < hub->zones->nr; i++) {
        const struct zone *z = hub->zones->entry[i].zone;
        const size_t bytes =
            (hub->zones->entry[i].memory.bytes >> CONFIG_PAGE_SHIFT >> zone_pageblock_order(z)) *
            sizeof(struct pass);
        void *records = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (records == MAP_FAILED) {
            passing_free(p);
            return -ENOMEM;
        }
        p->pass[i] = records;
        p->pass_bytes[i] = bytes;
    }
    *ret = p;
    return 0;
}

void passing_free(struct passing *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < MAX_ZONES && p->pass[i]; i++)
        (void)munmap(p->pass[i], p->pass_bytes[i]);
    free(p);
}

void passing_start(struct passing *p)
{
    uv_timer_t *const timers[] = {&p->retry, &p->look, &p->mend};

    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
        hub_timer(p->hub, timers[i], p);
    p->domains->populate = on_populate;
    p->domains->populate_ctx = p;
}

void passing_stop(struct passing *p)
{
    hub_close_handle(p->hub, (uv_handle_t *)&p->retry);
    hub_close_handle(p->hub, (uv_handle_t *)&p->look);
    hub_close_handle(p->hub, (uv_handle_t *)&p->mend);
}
