/* SPDX-License-Identifier: Apache-2.0 */
/* domain_set.c: numbers, and the files behind them. */
#include "domain_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "why.h"
#include "zone_set.h"

int domain_set_create(const struct zone_set *zones, const struct daemon_config *config,
                      struct domain_set **ret)
{
    struct domain_set *ds = calloc(1, sizeof(*ds));
    struct domain *all;

    if (!ds)
        return -ENOMEM;
    ds->zones = zones;
    ds->ahead = config->populate_ahead;
    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        for (unsigned i = 0; i < MAX_ZONES; i++)
            ds->domain[d].zone[i].file.fd = ds->domain[d].fd[i] = -1;
    }
    all = &ds->domain[0];
    all->claimed = true;
    all->open = true;
    for (uint32_t i = 0; i < zones->nr; i++) {
        const struct zone_entry *e = &zones->entry[i];

        ds->spec[i] = config->zones[i].memory;
        ds->spec[i].mount = NULL; /* the config's; and files on a mount have one domain */
        ds->spec[i].sparse = true;
        all->zone[i].file = e->memory;
        all->zone[i].nr_resident = zone_nr_pages(e->zone) >> zone_pageblock_order(e->zone);
        all->fd[i] = e->memory.fd;
    }
    *ret = ds;
    return 0;
}

void domain_set_free(struct domain_set *ds)
{
    if (!ds)
        return;
    for (unsigned d = 1; d < MAX_DOMAINS; d++)
        domain_set_close(ds, d);
    free(ds);
}

/* ---- numbers ---- */

bool domain_is_empty(const struct domain_set *ds, unsigned domain)
{
    const struct domain *d = &ds->domain[domain];

    for (uint32_t i = 0; i < ds->zones->nr; i++) {
        if (d->zone[i].nr_resident != 0 || d->zone[i].nr_on_the_way != 0)
            return false;
    }
    return true;
}

static bool is_owner(const struct domain *d, const char *section, uid_t uid)
{
    return d->open && d->owner.uid == uid && strcmp(d->owner.section, section) == 0;
}

/* A number for this owner; one in use, or with somebody else's memory, is none. 0: there is none.
 */
static unsigned find_number(const struct domain_set *ds, const char *section, uid_t uid)
{
    unsigned found = 0;

    for (unsigned i = MAX_DOMAINS - 1; i > 0; i--) {
        const struct domain *d = &ds->domain[i];

        if (d->claimed || d->nr_sessions != 0)
            continue;
        if (is_owner(d, section, uid))
            return i;
        if (domain_is_empty(ds, i))
            found = i;
    }
    return found;
}

unsigned domain_set_claim(struct domain_set *ds, const char *section, uid_t uid)
{
    unsigned number = find_number(ds, section, uid);
    struct domain *d = &ds->domain[number];

    if (number == 0)
        return 0;
    if (!is_owner(d, section, uid))
        domain_set_close(ds, number);
    (void)snprintf(d->owner.section, sizeof(d->owner.section), "%s", section);
    d->owner.uid = uid;
    d->claimed = true;
    d->idle_looks = 0;
    return number;
}

void domain_set_release(struct domain_set *ds, unsigned domain)
{
    ds->domain[domain].claimed = false;
}

/* ---- files ---- */

void domain_set_close(struct domain_set *ds, unsigned domain)
{
    struct domain *d = &ds->domain[domain];

    for (uint32_t i = 0; i < ds->zones->nr; i++) {
        memfile_close(&d->zone[i].file);
        d->fd[i] = -1;
    }
    d->open = d->torn = false;
}

static int open_files(struct domain_set *ds, unsigned domain, char *why, size_t size)
{
    struct domain *d = &ds->domain[domain];

    for (uint32_t i = 0; i < ds->zones->nr; i++) {
        int rc = memfile_create(&ds->spec[i], &d->zone[i].file, why, size);

        if (rc < 0) {
            domain_set_close(ds, domain);
            return rc;
        }
        d->fd[i] = d->zone[i].file.fd;
    }
    d->open = true;
    return 0;
}

int domain_set_join(struct domain_set *ds, unsigned domain, uint64_t zonemask, char *why,
                    size_t size)
{
    struct domain *d = &ds->domain[domain];
    int rc;

    if (d->torn)
        return why_not(-EAGAIN, why, size,
                       "domain %u: a client has punched memory out of its files; it is being "
                       "renewed, try again",
                       domain);
    rc = d->open ? 0 : open_files(ds, domain, why, size);
    if (rc < 0)
        return rc;
    d->zonemask = d->nr_sessions++ ? d->zonemask | zonemask : zonemask;
    return 0;
}

void domain_set_leave(struct domain_set *ds, unsigned domain)
{
    ds->domain[domain].nr_sessions--;
}
