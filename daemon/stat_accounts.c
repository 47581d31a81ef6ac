/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stat_accounts.c: the listing of accounts: groups first, by section and user, then sessions.
 *
 * A cursor is the key of the last entry, and keys ascend: so an account that is there all the time
 * is listed once, whatever comes and goes between two pages.
 */
#include <string.h>

#include "dispatch.h"
#include "mm/account.h"
#include "policy.h"
#include "stat.h"

/** Keys of sessions: this and the slot. Below: of groups. */
#define KEY_SESSIONS ((uint64_t)1 << 62)
/** Slots of the session table that one request may look at. */
#define MAX_SLOT_LOOKS 16384u
/** What a page of the listing counts as, of a turn's cost. */
#define LISTING_COST 256u

/** A page that is being filled: entries by ascending key. */
struct page {
    const struct call *call;
    uint64_t after; /**< keys of this and below were listed before */
    unsigned nr;
    bool full; /**< there are more, behind the last one */
    uint64_t key[WIRE_MAX_LISTING];
    struct policy_group *group[WIRE_MAX_LISTING];
};

static void fill_limits(struct wire_account_stat *out, const struct account *a)
{
    out->domain = a->domain;
    out->max_pages = a->limits.max_pages;
    out->min_pages = a->limits.wmark[WMARK_MIN];
    out->low_pages = a->limits.wmark[WMARK_LOW];
    out->high_pages = a->limits.wmark[WMARK_HIGH];
    out->used_pages = a->used_pages;
    out->pinned_pages = a->pinned_pages;
    out->cached_pages = a->cached_pages;
    out->pressure = (uint32_t)a->pressure;
    out->members = a->nr_members;
    out->over = a->used_pages > a->limits.max_pages;
    for (unsigned i = 0; i < MAX_ZONES; i++) {
        pfn_t guarantee = a->limits.guarantee[i];

        out->guarantee_pages += guarantee;
        out->unmet_pages += guarantee > a->used[i] ? guarantee - a->used[i] : 0;
    }
}

static struct wire_account_stat group_stat(const struct policy_group *g)
{
    const struct policy_rule *rule = &g->section->rule;
    struct wire_account_stat out = {
        .name = rule->name,
        .group = "",
        .uid = rule->per_uid ? (int64_t)g->uid : -1,
        .waiting = g->nr_waiting,
        .priority = rule->priority,
    };

    fill_limits(&out, &g->account);
    return out;
}

static struct wire_account_stat session_stat(const struct session *s)
{
    struct wire_account_stat out = {
        .name = s->name,
        .group = policy_of(&s->policy)->name,
        .session = s->id,
        .uid = (int64_t)s->peer.uid,
        .waiting = s->nr_waiting,
        .priority = s->priority,
    };

    fill_limits(&out, &s->policy.account);
    return out;
}

/* Keep the groups with the smallest keys. */
static void consider(struct page *p, struct policy_group *g, uint64_t key)
{
    unsigned i = p->nr;

    if (key <= p->after)
        return;
    if (p->nr == WIRE_MAX_LISTING) {
        p->full = true;
        if (key > p->key[p->nr - 1])
            return;
        i--;
    } else {
        p->nr++;
    }
    for (; i > 0 && p->key[i - 1] > key; i--) {
        p->key[i] = p->key[i - 1];
        p->group[i] = p->group[i - 1];
    }
    p->key[i] = key;
    p->group[i] = g;
}

static void consider_section(struct page *p, const struct policy_section *section, unsigned index)
{
    const struct policy_member *asker = &p->call->session->policy;
    bool all = policy_rights(asker) & RIGHT_ADMIN;

    for (struct policy_group *g = section->groups; g; g = g->next) {
        if (all || g == asker->group)
            consider(p, g, (uint64_t)(index + 1) << 32 | g->uid);
    }
}

static void list_groups(struct call *c, struct page *p)
{
    const struct policy_set *ps = c->hub->policy;
    unsigned index = ps->nr_sections;

    for (unsigned i = 0; i < ps->nr_sections; i++)
        consider_section(p, ps->sections[i], i);
    for (const struct policy_section *s = ps->removed; s; s = s->next)
        consider_section(p, s, index++);
    for (unsigned i = 0; i < p->nr; i++) {
        /* What was freed and not merged yet is used by nobody. */
        account_refresh(&c->hub->zones->memory, &p->group[i]->account);
        c->hub->turn->scratch.accounts[i] = group_stat(p->group[i]);
    }
}

/* Fill the page up with sessions. Returns the cursor. */
static uint64_t list_sessions(struct call *c, unsigned *nr, uint64_t cursor)
{
    struct wire_account_stat *out = c->hub->turn->scratch.accounts;
    uint32_t slot = cursor >= KEY_SESSIONS ? (uint32_t)(cursor - KEY_SESSIONS) : 0;
    uint32_t end = slot + MAX_SLOT_LOOKS;

    if (end > SESSION_TABLE_SLOTS)
        end = SESSION_TABLE_SLOTS;
    while (*nr < WIRE_MAX_LISTING) {
        const struct session *s = session_table_next(&c->hub->sessions, &slot, end);

        if (!s)
            break;
        if (s->state != SESSION_ENDING && policy_may_see(&c->session->policy, s->peer.uid))
            out[(*nr)++] = session_stat(s);
    }
    return slot < SESSION_TABLE_SLOTS ? KEY_SESSIONS + slot : 0;
}

void stat_accounts(struct call *c)
{
    uint64_t cursor = c->request->stat.cursor;
    struct page p = {.call = c, .after = cursor};
    uint64_t next;

    if (cursor < KEY_SESSIONS)
        list_groups(c, &p);
    next = p.full ? p.key[p.nr - 1] : list_sessions(c, &p.nr, cursor);
    c->response.listing.cursor = next;
    c->response.listing.nr = p.nr;
    c->response.listing.accounts = c->hub->turn->scratch.accounts;
    c->cost = LISTING_COST;
}
