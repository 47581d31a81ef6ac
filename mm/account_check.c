/* SPDX-License-Identifier: Apache-2.0 */
/* account_check.c: every invariant of the accounts of a memory. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "account_internal.h"
#include "guarantee.h"

struct report {
    char *why;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static int broken(const struct report *r, const char *format,
                                                        ...)
{
    va_list args;

    if (r->why) {
        va_start(args, format);
        (void)vsnprintf(r->why, r->size, format, args);
        va_end(args);
    }
    return -EUCLEAN;
}

/* One account: its sum, what the hot path believes, and its pressure. */
static int check_one(const struct account *a, const struct report *r)
{
    const uint64_t *wmark = a->limits.wmark;
    uint64_t sum = 0, free_pages = account_free_pages(a);
    bool limited = a->limits.max_pages != ACCOUNT_UNLIMITED;

    for (unsigned i = 0; i < MAX_ZONES; i++)
        sum += a->used[i];
    if (sum != a->used_pages)
        return broken(r, "%llu pages are used, the zones say %llu",
                      (unsigned long long)a->used_pages, (unsigned long long)sum);
    if (limited && a->pressure == PRESSURE_NONE ? free_pages <= wmark[WMARK_LOW]
                                                : limited && free_pages > wmark[WMARK_HIGH])
        return broken(r, "%llu pages are free with pressure %d", (unsigned long long)free_pages,
                      (int)a->pressure);
    if (limited && a->calm_pages != 0 && a->calm_pages + wmark[WMARK_LOW] >= a->limits.max_pages)
        return broken(r, "calm up to %llu pages of %llu", (unsigned long long)a->calm_pages,
                      (unsigned long long)a->limits.max_pages);
    if (a->plain_pages != 0 && (a->plain_pages != a->calm_pages || a->domain != 0))
        return broken(r, "plain up to %llu pages, calm up to %llu in domain %u",
                      (unsigned long long)a->plain_pages, (unsigned long long)a->calm_pages,
                      a->domain);
    for (unsigned i = 0; i < MAX_ZONES; i++) {
        if (a->plain_pages != 0 && a->limits.guarantee[i] != 0)
            return broken(r, "plain with %u pages guaranteed", a->limits.guarantee[i]);
    }
    return 0;
}

static int check_group(const struct account *group, const struct report *r)
{
    uint64_t used[MAX_ZONES] = {0};
    unsigned nr = 0;
    int ret = check_one(group, r);

    for (const struct account *a = group->members; ret == 0 && a; a = a->next) {
        ret = check_one(a, r);
        for (unsigned i = 0; i < MAX_ZONES; i++)
            used[i] += a->used[i];
        if (ret == 0 && (a->group != group || a->domain != group->domain || *a->linked != a))
            ret = broken(r, "a member is not linked with its group");
        nr++;
    }
    if (ret < 0)
        return ret;
    if (nr != group->nr_members)
        return broken(r, "%u members, the group says %u", nr, group->nr_members);
    for (unsigned i = 0; i < MAX_ZONES; i++) {
        if (used[i] > group->used[i])
            return broken(r, "members use %llu pages of zone %u, their group %u",
                          (unsigned long long)used[i], i, group->used[i]);
    }
    return 0;
}

/* What the accounts' guarantees come to in one zone. */
static int check_zone(struct memory *m, unsigned id, const struct report *r)
{
    struct zone *z = m->zone[id];
    pfn_t guaranteed[MAX_DOMAINS] = {0}, unmet = 0;

    zone_settle(z);
    for (struct account *a = m->accounts; a; a = a->next) {
        if (account_holds(a))
            account_sync(m, a, id);
        guaranteed[a->domain] += account_guarantee(z, a, a->limits.guarantee[id]);
        unmet += account_holds(a) ? 0 : account_unmet(a, id);
    }
    for (unsigned d = 0; d < z->nr_domains; d++) {
        if (guaranteed[d] != z->set[d].guaranteed)
            return broken(r, "%u pages are guaranteed in zone %u, domain %u, which says %u",
                          guaranteed[d], id, d, z->set[d].guaranteed);
    }
    if (unmet != z->set[0].unmet)
        return broken(r, "%u guaranteed pages of zone %u are not used, it says %u", unmet, id,
                      z->set[0].unmet);
    if (z->nr_bad == 0 && z->nr_unbacked == 0 && !zone_guarantees_hold(z))
        return broken(r, "zone %u has not what it guarantees", id);
    return 0;
}

int accounts_check(struct memory *m, char *why, size_t size)
{
    const struct report r = {.why = why, .size = size};
    int ret = 0;

    for (unsigned i = 0; ret == 0 && i < m->nr_zones; i++) {
        if (m->zone[i])
            ret = check_zone(m, i, &r);
    }
    for (const struct account *a = m->accounts; ret == 0 && a; a = a->next) {
        ret = check_group(a, &r);
        if (ret == 0 && *a->linked != a)
            ret = broken(&r, "an account is not linked");
    }
    return ret;
}
