/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.c: see the header. */
#include "ahead.h"

#include "domain_set.h"
#include "hub.h"
#include "mm/highatomic.h"
#include "passing.h"
#include "thief.h"

/* How many a domain keeps ready in a zone. */
static unsigned to_keep(const struct passing *p, unsigned domain, unsigned zone)
{
    const struct domain *d = &p->domains->domain[domain];

    return d->nr_sessions != 0 && (d->zonemask >> zone & 1) ? p->domains->ahead : 0;
}

/* The domain that has most beyond what it keeps; MAX_DOMAINS: none has. */
static unsigned find_donor(const struct passing *p, unsigned domain, unsigned zone)
{
    struct zone *z = p->hub->zones->entry[zone].zone;
    unsigned found = MAX_DOMAINS;
    pfn_t most = 0;

    for (unsigned d = 0; d < MAX_DOMAINS; d++) {
        const pfn_t keep = to_keep(p, d, zone);
        pfn_t has;

        if (d == domain || p->domains->domain[d].zone[zone].nr_resident <= keep)
            continue;
        has = zone_pageblocks_ahead(z, d);
        if (has > keep && has - keep > most) {
            most = has - keep;
            found = d;
        }
    }
    return found;
}

/* How many a domain should have now: one that waits for several has one on its way at least. */
static pfn_t to_have(const struct passing *p, unsigned domain, unsigned zone)
{
    const struct domain_zone *dz = &p->domains->domain[domain].zone[zone];
    const uint64_t hugepage = dz->file.hugepage_bytes;
    const pfn_t keep = to_keep(p, domain, zone);
    pfn_t wanted;

    if (p->demand[domain] == 0 || dz->nr_on_the_way == 0)
        return keep;
    wanted = (pfn_t)((p->demand[domain] + hugepage - 1) / hugepage);
    return wanted > keep ? wanted : keep;
}

/* *budget: pageblocks that may set out; lowered by those that do. */
static void fill(struct passing *p, unsigned domain, unsigned zone, unsigned *budget)
{
    struct zone *z = p->hub->zones->entry[zone].zone;
    const pfn_t keep = to_have(p, domain, zone);

    for (pfn_t has = keep ? zone_pageblocks_ahead(z, domain) : 0; has < keep && *budget != 0;
         has++) {
        unsigned donor = find_donor(p, domain, zone);

        if (donor == MAX_DOMAINS || zone_pass_ahead(z, donor, domain) < 0)
            break;
        (*budget)--;
    }
}

/* The next one in turn, so that what is taken again and again keeps nobody waiting. */
static unsigned next_to_look(const struct passing *p)
{
    const uint64_t behind = p->to_look & ~(((uint64_t)2 << p->looked) - 1);

    return (unsigned)__builtin_ctzll(behind != 0 ? behind : p->to_look);
}

void ahead_slice(void *passing)
{
    struct passing *p = passing;
    const unsigned domain = next_to_look(p);
    const uint64_t bit = (uint64_t)1 << domain;
    unsigned budget = AHEAD_SLICE;

    p->looked = domain;
    p->to_look &= ~bit; /* first: what passes may ask for another look */
    for (uint32_t i = 0; i < p->hub->zones->nr; i++)
        fill(p, domain, i, &budget);
    if (budget == 0)
        p->to_look |= bit;
    else
        p->demand[domain] = 0;
    if (p->to_look != 0)
        hub_later(p->hub, &p->ahead);
}

static void look(struct passing *p, unsigned domain)
{
    p->to_look |= (uint64_t)1 << domain;
    hub_later(p->hub, &p->ahead);
}

void ahead_look(struct passing *p, unsigned domain)
{
    if (p && !p->hub->stopping && p->domains->ahead != 0)
        look(p, domain);
}

void ahead_demand(struct passing *p, unsigned domain, uint64_t bytes)
{
    if (!p || p->hub->stopping)
        return;
    if (p->demand[domain] < bytes)
        p->demand[domain] = bytes;
    look(p, domain);
}

/* ---- domains that nobody has ---- */

/* Let others have what lies in its files, so that its number can be somebody's. */
static void give_back(struct passing *p, unsigned domain)
{
    for (uint32_t i = 0; i < p->hub->zones->nr; i++) {
        struct zone *z = p->hub->zones->entry[i].zone;
        unsigned nr = 0;

        if (p->domains->domain[domain].zone[i].nr_resident == 0)
            continue;
        while (highatomic_unreserve(z, domain, MIGRATE_MOVABLE, true))
            ;
        while (nr < AHEAD_BACK_BLOCKS && zone_pass_ahead(z, domain, 0) == 0)
            nr++;
    }
    if (domain_is_empty(p->domains, domain))
        domain_set_close(p->domains, domain);
}

static void on_look(uv_timer_t *timer)
{
    struct passing *p = timer->data;
    bool any = false;

    (void)thief_look(p);
    for (unsigned i = 1; i < MAX_DOMAINS; i++) {
        struct domain *d = &p->domains->domain[i];

        if (!d->open)
            continue;
        any = true;
        if (d->claimed || d->nr_sessions != 0)
            d->idle_looks = 0;
        else if (d->idle_looks < AHEAD_IDLE_LOOKS)
            d->idle_looks++;
        else
            give_back(p, i);
        /* What was refused for want of empty pageblocks may be had by now. */
        ahead_look(p, i);
    }
    ahead_look(p, 0);
    if (!any)
        (void)uv_timer_stop(timer);
}

void ahead_join(struct passing *p, unsigned domain)
{
    if (!p || p->hub->stopping)
        return;
    ahead_look(p, domain);
    if (!uv_is_active((uv_handle_t *)&p->look))
        (void)uv_timer_start(&p->look, on_look, AHEAD_LOOK_MS, AHEAD_LOOK_MS);
}
