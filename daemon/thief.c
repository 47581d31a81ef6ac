/* SPDX-License-Identifier: Apache-2.0 */
/* thief.c: see the header. */
#include "thief.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domain_set.h"
#include "hub.h"
#include "log.h"
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
static void disconnect(const struct passing *p, unsigned domain, const char *zone, uint64_t nr)
{
    struct hub *hub = p->hub;
    char why[WIRE_MAX_MESSAGE + 1];
    uint32_t slot = 0;
    struct session *s;

    (void)snprintf(why, sizeof(why),
                   "%" PRIu64 " hugepages of zone '%s' were touched where nothing was granted to "
                   "domain %u, and are taken back",
                   nr, zone, domain);
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

bool thief_look_at(struct passing *p, unsigned domain)
{
    const struct domain *d = &p->domains->domain[domain];
    bool any = false;

    for (uint32_t i = 0; d->open && i < p->hub->zones->nr; i++) {
        const char *name = p->hub->zones->entry[i].name;
        uint64_t nr = surplus(&d->zone[i]);

        if (nr == 0)
            continue;
        any = true;
        tell(p, name, domain, nr);
        punch_back(p, i, domain);
        disconnect(p, domain, name, nr);
    }
    return any;
}

bool thief_look(struct passing *p)
{
    bool any = false;

    for (unsigned d = 0; d < MAX_DOMAINS; d++)
        any |= thief_look_at(p, d);
    return any;
}
