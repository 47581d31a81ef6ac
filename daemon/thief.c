/* SPDX-License-Identifier: Apache-2.0 */
/* thief.c: see the header. */
#include "thief.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domain_set.h"
#include "hub.h"
#include "log.h"
#include "mm/highatomic.h"
#include "passing.h"
#include "session.h"

/* Hugepages in the file that cannot be ours. While some are on their way, it may have those, too.
 */
static uint64_t surplus(const struct domain_zone *dz)
{
    const uint64_t most = (uint64_t)dz->nr_resident + dz->nr_on_the_way;
    uint64_t bytes = 0, nr;

    if (memfile_resident(&dz->file, &bytes) < 0)
        return 0;
    nr = (bytes + dz->file.hugepage_bytes - 1) / dz->file.hugepage_bytes;
    return nr > most ? nr - most : 0;
}

/* Hugepages that should be in the file, and are not. Those on their way may have left. */
static uint64_t missing(const struct domain_zone *dz)
{
    uint64_t bytes = 0, nr;

    if (dz->nr_resident <= dz->nr_on_the_way || memfile_resident(&dz->file, &bytes) < 0)
        return 0;
    nr = bytes / dz->file.hugepage_bytes + dz->nr_on_the_way;
    return nr < dz->nr_resident ? dz->nr_resident - nr : 0;
}

static bool belongs(const struct passing *p, unsigned zone, uint32_t pageblock, unsigned domain)
{
    const struct zone *z = p->hub->zones->entry[zone].zone;

    return zone_resident(z, pageblock << zone_pageblock_order(z)) == domain ||
           passing_concerns(p, zone, pageblock, domain);
}

/* Punch every range that the record does not have in this file. */
static void punch_back(const struct passing *p, unsigned zone, unsigned domain)
{
    const struct memfile *file = &p->domains->domain[domain].zone[zone].file;
    const uint32_t nr = (uint32_t)(file->bytes / file->hugepage_bytes);
    uint32_t first = 0;

    for (uint32_t i = 0; i <= nr; i++) {
        int rc;

        if (i < nr && !belongs(p, zone, i, domain))
            continue;
        rc = i > first ? memfile_punch(file, first * file->hugepage_bytes,
                                       (i - first) * file->hugepage_bytes)
                       : 0;
        if (rc < 0)
            log_error("zone '%s': what domain %u took cannot be punched back: %s",
                      p->hub->zones->entry[zone].name, domain, strerror(-rc));
        first = i + 1;
    }
}

/* Nobody else has the file: every one of them may have done it. */
static void disconnect(const struct passing *p, unsigned domain, const char *why)
{
    struct hub *hub = p->hub;
    uint32_t slot = 0;
    struct session *s;

    while ((s = session_table_next(&hub->sessions, &slot, SESSION_TABLE_SLOTS))) {
        if (s->state != SESSION_OPEN || s->policy.account.domain != domain)
            continue;
        log_warning("session %u (%s, pid %d, uid %u) is disconnected: %s", s->id, s->name,
                    (int)s->peer.pid, (unsigned)s->peer.uid, why);
        session_dismiss(s, why);
    }
}

/* Who has no session any more can go on as long as he maps the file: seldom a line. */
static void tell(struct passing *p, const char *zone, unsigned domain, uint64_t nr)
{
    const uint64_t now = uv_now(p->hub->loop);

    if (p->thief_told_ms != 0 && now - p->thief_told_ms < PASSING_TELL_MS)
        return;
    p->thief_told_ms = now;
    log_warning("zone '%s': the file of domain %u has %" PRIu64 " hugepages that it was not given",
                zone, domain, nr);
}

static void take_back(struct passing *p, unsigned zone, unsigned domain, uint64_t nr)
{
    const char *name = p->hub->zones->entry[zone].name;
    char why[WIRE_MAX_MESSAGE + 1];

    tell(p, name, domain, nr);
    punch_back(p, zone, domain);
    (void)snprintf(why, sizeof(why),
                   "%" PRIu64 " hugepages of zone '%s' were touched where nothing was granted to "
                   "domain %u, and are taken back",
                   nr, name, domain);
    disconnect(p, domain, why);
}

/* ---- holes ---- */

static void found_torn(struct passing *p, unsigned zone, unsigned domain, uint64_t nr)
{
    char why[WIRE_MAX_MESSAGE + 1];

    p->domains->domain[domain].torn = true;
    (void)snprintf(why, sizeof(why),
                   "%" PRIu64 " hugepages of zone '%s' were punched out of what domain %u has, "
                   "which gives them to the whole host",
                   nr, p->hub->zones->entry[zone].name, domain);
    log_warning("zone '%s': %s", p->hub->zones->entry[zone].name, why);
    disconnect(p, domain, why);
}

/* Its clients are gone, and what they had becomes free: populate it all again. */
static void renew(const struct passing *p, unsigned domain)
{
    for (uint32_t i = 0; i < p->hub->zones->nr; i++) {
        struct zone *z = p->hub->zones->entry[i].zone;

        if (missing(&p->domains->domain[domain].zone[i]) == 0)
            continue;
        while (highatomic_unreserve(z, domain, MIGRATE_MOVABLE, true))
            ;
        (void)zone_renew(z, domain);
    }
}

static bool is_whole(const struct passing *p, unsigned domain)
{
    const struct domain *d = &p->domains->domain[domain];

    for (uint32_t i = 0; i < p->hub->zones->nr; i++) {
        if (d->zone[i].nr_on_the_way != 0 || missing(&d->zone[i]) != 0)
            return false;
    }
    return true;
}

static void on_mend(uv_timer_t *timer)
{
    thief_mend(timer->data);
}

void thief_mend(void *passing)
{
    struct passing *p = passing;
    bool any = false;

    /* First, so that what is found torn now does not have it run again at once. */
    (void)uv_timer_start(&p->mend, on_mend, THIEF_MEND_MS, 0);
    (void)thief_look(p);
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        struct domain *domain = &p->domains->domain[d];

        if (!domain->torn)
            continue;
        renew(p, d);
        domain->torn = !is_whole(p, d);
        any = any || domain->torn;
    }
    if (!any)
        (void)uv_timer_stop(&p->mend);
}

bool thief_torn(struct passing *p, unsigned domain)
{
    const struct domain *d;
    bool torn;

    if (!p)
        return false;
    d = &p->domains->domain[domain];
    torn = d->torn;
    for (uint32_t i = 0; !torn && i < p->hub->zones->nr; i++)
        torn = (d->zonemask >> i & 1) && missing(&d->zone[i]) != 0;
    if (torn && !uv_is_active((uv_handle_t *)&p->mend))
        hub_later(p->hub, &p->mend_now);
    return torn;
}

bool thief_look_at(struct passing *p, unsigned domain)
{
    struct domain *d = &p->domains->domain[domain];
    bool any = false;

    if (!d->open)
        return false;
    for (uint32_t i = 0; i < p->hub->zones->nr; i++) {
        const uint64_t too_many = surplus(&d->zone[i]);
        const uint64_t too_few = missing(&d->zone[i]);

        any = any || too_many != 0;
        if (too_many != 0)
            take_back(p, i, domain, too_many);
        if (too_few != 0 && !d->torn)
            found_torn(p, i, domain, too_few);
    }
    if (d->torn)
        (void)thief_torn(p, domain);
    return any;
}

bool thief_look(struct passing *p)
{
    bool any = false;

    for (unsigned d = 0; d < MAX_DOMAINS; d++)
        any |= thief_look_at(p, d);
    return any;
}
