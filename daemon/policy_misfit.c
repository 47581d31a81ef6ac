/* SPDX-License-Identifier: Apache-2.0 */
/* policy_misfit.c: what mm/ says in pages, as a line. */
#include "policy_misfit.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "why.h"

/** Bytes for one sum. */
#define SUM_BYTES 256

static const char *pages_text(uint64_t pages, char ret[WHY_NUMBER_BYTES])
{
    return why_bytes(pages << CONFIG_PAGE_SHIFT, ret);
}

/* "1 GiB managed - 16 MiB high mark - ... leave 496 MiB". Returns what is left. */
static uint64_t sum(const struct account_misfit *m, char ret[SUM_BYTES])
{
    char managed[WHY_NUMBER_BYTES], high[WHY_NUMBER_BYTES], reserve[WHY_NUMBER_BYTES];
    char others[WHY_NUMBER_BYTES], rest[WHY_NUMBER_BYTES];
    uint64_t kept = m->high_pages + m->reserve_pages + m->others_pages;
    uint64_t left = m->managed_pages > kept ? m->managed_pages - kept : 0;

    (void)snprintf(ret, SUM_BYTES,
                   "%s managed - %s high mark - %s reserves - %s for other sections leave %s",
                   pages_text(m->managed_pages, managed), pages_text(m->high_pages, high),
                   pages_text(m->reserve_pages, reserve), pages_text(m->others_pages, others),
                   pages_text(left, rest));
    return left;
}

static int misfit_zone(int error, const struct policy_rule *rule, const struct policy_zones *zones,
                       const struct account_misfit *m, char *why, size_t size)
{
    char wanted[WHY_NUMBER_BYTES], most[WHY_NUMBER_BYTES], text[SUM_BYTES];
    uint64_t left;

    if (m->managed_pages == 0)
        return why_not(error, why, size,
                       "%s: [policy %s] guarantee: zone '%s' has nothing for its domain; accepted: "
                       "a guarantee in other zones",
                       rule->origin, rule->name, zones->name[m->zone]);
    left = sum(m, text);
    return why_not(error, why, size,
                   "%s: [policy %s] guarantee: zone '%s' cannot keep %s: %s; accepted: up to %s "
                   "there",
                   rule->origin, rule->name, zones->name[m->zone],
                   pages_text(m->wanted_pages, wanted), text, pages_text(left, most));
}

int policy_misfit(int error, const struct policy_rule *rule, const char *what,
                  const struct policy_zones *zones, const struct account_misfit *misfit, char *why,
                  size_t size)
{
    char wanted[WHY_NUMBER_BYTES], max[WHY_NUMBER_BYTES], min[WHY_NUMBER_BYTES];
    char most[WHY_NUMBER_BYTES];
    uint64_t room;

    switch (misfit->kind) {
    case MISFIT_MARKS:
        return why_not(error, why, size,
                       "%s: [policy %s] %smin, %slow, %shigh are not in order; accepted: each at "
                       "least the one before, and at most %smax (%s)",
                       rule->origin, rule->name, what, what, what, what,
                       pages_text(misfit->max_pages, max));
    case MISFIT_GUARANTEE:
        room = misfit->max_pages - misfit->min_pages;
        return why_not(error, why, size,
                       "%s: [policy %s] guarantee: %s are more than max - min: %s - %s = %s; "
                       "accepted: up to that",
                       rule->origin, rule->name, pages_text(misfit->wanted_pages, wanted),
                       pages_text(misfit->max_pages, max), pages_text(misfit->min_pages, min),
                       pages_text(room, most));
    case MISFIT_ZONE:
        return misfit_zone(error, rule, zones, misfit, why, size);
    case MISFIT_FREE:
        return why_not(error, why, size,
                       "%s: [policy %s] guarantee: %s in zone '%s' would fit, but clients that "
                       "are not guaranteed it use too much there at present; accepted: less, or "
                       "later",
                       rule->origin, rule->name, pages_text(misfit->wanted_pages, wanted),
                       zones->name[misfit->zone]);
    case MISFIT_CMA:
        return why_not(error, why, size,
                       "%s: [policy %s] guarantee: its clients may have blocks in CMA areas of "
                       "zone '%s', which cannot be guaranteed; accepted: when they have ended",
                       rule->origin, rule->name, zones->name[misfit->zone]);
    case MISFIT_MEMBER:
    case MISFIT_NONE:
        break;
    }
    return why_not(error, why, size, "%s: [policy %s] cannot have an account: %s", rule->origin,
                   rule->name, strerror(-error));
}

int policy_misfit_zone(int error, const struct policy_zones *zones,
                       const struct account_misfit *misfit, char *why, size_t size)
{
    char text[SUM_BYTES];

    (void)sum(misfit, text);
    return why_not(error, why, size,
                   "zone '%s' cannot keep what is guaranteed: %s; accepted: lower marks in "
                   "[memory], or smaller guarantees",
                   zones->name[misfit->zone], text);
}
