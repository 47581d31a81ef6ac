/* SPDX-License-Identifier: Apache-2.0 */
/* account.c: what accounts use, what is left of it, and how they come and go. */
#include "mm/account.h"

#include <errno.h>

#include "account_internal.h"
#include "guarantee.h"
#include "marks.h"

static bool is_limited(const struct account *a)
{
    return a->limits.max_pages != ACCOUNT_UNLIMITED;
}

uint64_t account_free_pages(const struct account *a)
{
    if (!is_limited(a))
        return ACCOUNT_UNLIMITED;
    return a->limits.max_pages > a->used_pages ? a->limits.max_pages - a->used_pages : 0;
}

bool account_has(const struct account *a, pfn_t pages, enum zone_watermark mark, unsigned flags)
{
    uint64_t free_pages = account_free_pages(a);
    int64_t left;

    if (!is_limited(a))
        return true;
    left = (int64_t)free_pages - (int64_t)(pages - 1);
    if (flags & ALLOC_NO_WATERMARKS)
        return left > 0;
    return mark_ok(left, (int64_t)a->limits.wmark[mark], 0, flags);
}

bool account_ok(const struct account *a, unsigned order, enum zone_watermark mark, unsigned flags)
{
    return account_has(a, order_pages(order), mark, flags) &&
           (!a->group || account_has(a->group, order_pages(order), mark, flags));
}

static bool has_guarantee(const struct account *a)
{
    pfn_t any = 0;

    for (unsigned i = 0; i < MAX_ZONES; i++)
        any |= a->limits.guarantee[i];
    return any != 0;
}

/* The most that can be used so that free stays above low, and nothing is to be told. */
static void set_calm(struct account *a)
{
    if (!is_limited(a))
        a->calm_pages = UINT64_MAX;
    else if (a->pressure != PRESSURE_NONE || account_holds(a) ||
             a->limits.max_pages <= a->limits.wmark[WMARK_LOW])
        a->calm_pages = 0;
    else
        a->calm_pages = a->limits.max_pages - a->limits.wmark[WMARK_LOW] - 1;
    a->plain_pages = a->domain == 0 && !has_guarantee(a) ? a->calm_pages : 0;
}

/* Tell when a mark is crossed, and again only after free was above high: no storms. */
static void note_pressure(struct memory *m, struct account *a)
{
    uint64_t free_pages = account_free_pages(a);
    const uint64_t *wmark = a->limits.wmark;
    enum pressure now = a->pressure;

    if (!is_limited(a) || free_pages > wmark[WMARK_HIGH])
        now = PRESSURE_NONE;
    else if (free_pages <= wmark[WMARK_MIN])
        now = PRESSURE_MIN;
    else if (free_pages <= wmark[WMARK_LOW] && now == PRESSURE_NONE)
        now = PRESSURE_LOW;
    if (now == a->pressure)
        return;
    a->pressure = now;
    set_calm(a);
    if (m->account_ops && m->account_ops->pressure)
        m->account_ops->pressure(m->account_ctx, a);
}

void accounts_notify(struct memory *m, const struct account_ops *ops, void *ctx)
{
    m->account_ops = ops;
    m->account_ctx = ctx;
}

/* ---- used pages ---- */

/* The account uses so many pages of a zone now. */
static void set_used(struct memory *m, struct account *a, unsigned zone, pfn_t used)
{
    struct zone *z = m->zone[zone];
    /* Where there is no zone nothing is guaranteed. */
    bool counts = z && a->limits.guarantee[zone] != 0 && !account_holds(a);

    if (counts)
        z->set[0].unmet -= account_unmet(a, zone);
    a->used_pages = a->used_pages - a->used[zone] + used;
    a->used[zone] = used;
    if (counts)
        z->set[0].unmet += account_unmet(a, zone);
    if (a->used_pages > a->calm_pages || a->pressure != PRESSURE_NONE)
        note_pressure(m, a);
}

void account_sync(struct memory *m, struct account *a, unsigned zone)
{
    const struct zone *z = m->zone[zone];

    set_used(m, a, zone, zone_is_for(z, a) ? z->set[a->domain].nr_held : 0);
}

void account_refresh(struct memory *m, struct account *a)
{
    for (unsigned i = 0; account_holds(a) && i < MAX_ZONES; i++) {
        if (m->zone[i])
            zone_settle(m->zone[i]);
        account_sync(m, a, i);
    }
}

/* Pages more, or less: those are negative. */
static NEVER_INLINE void use_slow(struct memory *m, struct account *a, unsigned zone, int64_t pages)
{
    if (!account_holds(a)) {
        set_used(m, a, zone, a->used[zone] + (pfn_t)pages);
        return;
    }
    /* What rests is held: who is to learn when he has enough again does not wait for others to look
     * at the zone. */
    if (pages < 0 && a->pressure != PRESSURE_NONE && m->zone[zone])
        zone_settle(m->zone[zone]);
    account_sync(m, a, zone);
}

static inline void use(struct memory *m, struct account *a, unsigned zone, int64_t pages)
{
    uint64_t used = a->used_pages + (uint64_t)pages;

    if (!USUALLY(used < a->plain_pages)) {
        use_slow(m, a, zone, pages);
        return;
    }
    a->used_pages = used;
    a->used[zone] += (pfn_t)pages;
}

void account_charge(struct memory *m, struct account *a, unsigned zone, unsigned order)
{
    use(m, a, zone, order_pages(order));
    if (a->group)
        use(m, a->group, zone, order_pages(order));
}

void account_uncharge(struct memory *m, struct account *a, unsigned zone, unsigned order)
{
    use(m, a, zone, -(int64_t)order_pages(order));
    if (a->group)
        use(m, a->group, zone, -(int64_t)order_pages(order));
}

void account_pin(struct account *a, pfn_t pages, bool pinned)
{
    for (; a; a = a->group)
        a->pinned_pages = pinned ? a->pinned_pages + pages : a->pinned_pages - pages;
}

pfn_t account_unmet_others(const struct memory *m, const struct account *a, unsigned zone)
{
    const struct zone *z = zone < m->nr_zones ? m->zone[zone] : NULL;
    const struct account *top = a ? account_top(a) : NULL;

    if (!z || (top && !zone_is_for(z, top)))
        return 0;
    if (!top || top->domain != 0)
        return zone_kept_pages(z, top ? top->domain : 0, 0);
    return zone_kept_pages(z, 0, account_unmet(top, zone));
}

/* ---- limits ---- */

static bool marks_are_good(const struct account_limits *l)
{
    if (l->max_pages == ACCOUNT_UNLIMITED)
        return true;
    return l->wmark[WMARK_MIN] <= l->wmark[WMARK_LOW] &&
           l->wmark[WMARK_LOW] <= l->wmark[WMARK_HIGH] && l->wmark[WMARK_HIGH] <= l->max_pages &&
           l->max_pages <= INT64_MAX;
}

/* What needs no look at a zone. */
static int check_numbers(const struct account *group, const struct account_limits *l,
                         struct account_misfit *ret)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < MAX_ZONES; i++)
        sum += l->guarantee[i];
    ret->max_pages = l->max_pages;
    ret->min_pages = l->wmark[WMARK_MIN];
    ret->wanted_pages = sum;
    if (!marks_are_good(l))
        ret->kind = MISFIT_MARKS;
    else if (group && sum != 0)
        ret->kind = MISFIT_MEMBER;
    else if (l->max_pages != ACCOUNT_UNLIMITED && sum > l->max_pages - l->wmark[WMARK_MIN])
        ret->kind = MISFIT_GUARANTEE;
    return ret->kind == MISFIT_NONE ? 0 : -EINVAL;
}

static bool uses_cma(const struct zone *z)
{
    pfn_t granted = z->nr_pageblocks[MIGRATE_CMA] << z->pageblock_order;

    for (unsigned d = 0; d < z->nr_domains; d++)
        granted -= z->set[d].nr_special[MIGRATE_CMA - NR_MOBILITIES];
    return granted != 0;
}

/* Change what is guaranteed in a zone; of domain 0 the part that is not used yet, too. */
static void set_guarantee(struct zone *z, struct account *a, unsigned zone, pfn_t pages)
{
    struct list_set *s = &z->set[a->domain];
    pfn_t before = account_guarantee(z, a, a->limits.guarantee[zone]);
    pfn_t after = account_guarantee(z, a, pages);

    s->guaranteed = s->guaranteed - before + after;
    z->guaranteed = z->guaranteed - before + after;
    zone_marks_changed(z);
    if (!account_holds(a))
        s->unmet -= account_unmet(a, zone);
    a->limits.guarantee[zone] = pages;
    if (!account_holds(a))
        s->unmet += account_unmet(a, zone);
}

/* May the account be guaranteed more than before in a zone? If so, it is. */
static int raise_guarantee(struct memory *m, struct account *a, unsigned zone, pfn_t pages,
                           struct account_misfit *ret)
{
    struct zone *z = zone < m->nr_zones ? m->zone[zone] : NULL;
    pfn_t before = a->limits.guarantee[zone];
    pfn_t others;

    ret->zone = zone;
    ret->wanted_pages = pages;
    ret->kind = MISFIT_ZONE;
    if (!zone_is_for(z, a))
        return -ENOSPC;
    zone_settle(z);
    if (account_holds(a))
        account_sync(m, a, zone);
    others = z->guaranteed - account_guarantee(z, a, before);
    if (!guarantee_fits(z, account_guarantee(z, a, pages), others, ret))
        return -ENOSPC;
    ret->kind = MISFIT_CMA;
    if (before == 0 && a->used[zone] != 0 && uses_cma(z))
        return -ENOSPC;
    ret->kind = MISFIT_FREE;
    set_guarantee(z, a, zone, pages);
    if (zone_guarantees_hold(z)) {
        ret->kind = MISFIT_NONE;
        return 0;
    }
    set_guarantee(z, a, zone, before);
    return -ENOSPC;
}

static int set_limits(struct memory *m, struct account *a, const struct account_limits *limits,
                      struct account_misfit *ret)
{
    struct account_limits before = a->limits;
    int r = check_numbers(a->group, limits, ret);

    for (unsigned i = 0; r == 0 && i < MAX_ZONES; i++) {
        if (limits->guarantee[i] > before.guarantee[i])
            r = raise_guarantee(m, a, i, limits->guarantee[i], ret);
    }
    /* Lowering cannot fail, and neither can going back; what was not reached is as it was. */
    for (unsigned i = 0; i < m->nr_zones; i++) {
        pfn_t wanted = r == 0 ? limits->guarantee[i] : before.guarantee[i];

        if (a->limits.guarantee[i] != wanted)
            set_guarantee(m->zone[i], a, i, wanted);
    }
    if (r < 0)
        return r;
    a->limits = *limits;
    set_calm(a);
    note_pressure(m, a);
    return 0;
}

int account_set_limits(struct memory *m, struct account *a, const struct account_limits *limits,
                       struct account_misfit *ret_misfit)
{
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    int r = set_limits(m, a, limits, &misfit);

    if (r < 0 && ret_misfit)
        *ret_misfit = misfit;
    return r;
}

/* ---- coming and going ---- */

static int may_add(const struct memory *m, const struct account *a, const struct account *group,
                   unsigned domain)
{
    if (a->linked || domain >= MAX_DOMAINS)
        return -EINVAL;
    if (group)
        return group == a || !group->linked || group->group ? -EINVAL : 0;
    for (const struct account *other = m->accounts; domain != 0 && other; other = other->next) {
        if (other->domain == domain)
            return -EEXIST;
    }
    return 0;
}

int account_add(struct memory *m, struct account *a, struct account *group, unsigned domain,
                const struct account_limits *limits, struct account_misfit *ret_misfit)
{
    struct account_misfit misfit = {.kind = MISFIT_NONE};
    struct account **list = group ? &group->members : &m->accounts;
    int r = may_add(m, a, group, domain);

    if (r == 0) {
        *a = (struct account){.group = group, .domain = group ? group->domain : domain};
        a->limits.max_pages = ACCOUNT_UNLIMITED;
        set_calm(a);
        account_refresh(m, a);
        r = set_limits(m, a, limits, &misfit);
        if (r < 0)
            *a = (struct account){.group = NULL};
    }
    if (r < 0) {
        if (ret_misfit)
            *ret_misfit = misfit;
        return r;
    }
    a->next = *list;
    if (a->next)
        a->next->linked = &a->next;
    a->linked = list;
    *list = a;
    if (group)
        group->nr_members++;
    return 0;
}

int account_remove(struct memory *m, struct account *a)
{
    if (!a->linked)
        return -EINVAL;
    account_refresh(m, a);
    if (a->used_pages != 0 || a->nr_members != 0)
        return -EBUSY;
    for (unsigned i = 0; i < m->nr_zones; i++) {
        if (a->limits.guarantee[i] != 0)
            set_guarantee(m->zone[i], a, i, 0);
    }
    *a->linked = a->next;
    if (a->next)
        a->next->linked = a->linked;
    if (a->group)
        a->group->nr_members--;
    *a = (struct account){.group = NULL};
    return 0;
}
