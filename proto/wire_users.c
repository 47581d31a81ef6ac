/* SPDX-License-Identifier: Apache-2.0 */
/* wire_users.c: pages of listings of clients and of accounts; they are made as in wire_listing.c.
 */
#include <errno.h>
#include <stdint.h>

#include "arena.h"
#include "convert.h"
#include "text.h"

/* ---- stat_clients ---- */

#define NR_CLIENT_TYPES 3u

_Static_assert(sizeof(((struct wire_client_stat *)0)->pages_by_type) ==
                   NR_CLIENT_TYPES * sizeof(uint64_t),
               "a client has pages of three types");

static int client_to_pb(const struct wire_client_stat *client, struct wire_arena *a,
                        pb_client_stat *ret)
{
    const char *name, *policy;
    int r = client->domain < WIRE_MAX_DOMAINS ? 0 : -EINVAL;

    if (!r)
        r = wire_text_take(a, client->name, WIRE_MAX_NAME, &name);
    if (!r)
        r = wire_text_take(a, client->policy, WIRE_MAX_NAME, &policy);
    if (r)
        return r;
    *ret = (pb_client_stat)BUDDYD__WIRE__V1__CLIENT_STAT__INIT;
    ret->session = client->session;
    ret->name = (char *)name;
    ret->pid = client->pid;
    ret->uid = client->uid;
    ret->gid = client->gid;
    ret->blocks = client->blocks;
    ret->pages = client->pages;
    ret->requests = client->requests;
    ret->refusals = client->refusals;
    ret->n_pages_by_type = NR_CLIENT_TYPES;
    ret->pages_by_type = (uint64_t *)client->pages_by_type;
    ret->policy = (char *)policy;
    ret->domain = client->domain;
    ret->waiting = client->waiting;
    ret->max_pages = client->max_pages;
    ret->used_pages = client->used_pages;
    return 0;
}

/* A daemon that knows more types than we may list them; one that knows fewer has no pages there. */
static int client_from_pb(const pb_client_stat *pb, struct wire_arena *a,
                          struct wire_client_stat *ret)
{
    int r;

    if (pb->n_pages_by_type > WIRE_MAX_TYPES || pb->domain >= WIRE_MAX_DOMAINS)
        return -EINVAL;
    ret->session = pb->session;
    ret->pid = pb->pid;
    ret->uid = pb->uid;
    ret->gid = pb->gid;
    ret->blocks = pb->blocks;
    ret->pages = pb->pages;
    ret->requests = pb->requests;
    ret->refusals = pb->refusals;
    for (size_t i = 0; i < NR_CLIENT_TYPES; i++)
        ret->pages_by_type[i] = i < pb->n_pages_by_type ? pb->pages_by_type[i] : 0;
    ret->domain = pb->domain;
    ret->waiting = pb->waiting;
    ret->max_pages = pb->max_pages;
    ret->used_pages = pb->used_pages;
    r = wire_text_take(a, pb->name, WIRE_MAX_NAME, &ret->name);
    return r ? r : wire_text_take(a, pb->policy, WIRE_MAX_NAME, &ret->policy);
}

int wire_clients_to_pb(const struct wire_listing *l, struct wire_arena *a,
                       pb_stat_clients_reply *ret)
{
    pb_client_stat **clients;

    if (l->nr > WIRE_MAX_LISTING)
        return -EINVAL;
    clients = wire_entries_take(a, l->nr, sizeof(**clients));
    if (!clients)
        return -ENOMEM;
    for (size_t i = 0; i < l->nr; i++) {
        int r = client_to_pb(&l->clients[i], a, clients[i]);

        if (r)
            return r;
    }
    *ret = (pb_stat_clients_reply)BUDDYD__WIRE__V1__STAT_CLIENTS_REPLY__INIT;
    ret->cursor = l->cursor;
    ret->n_clients = l->nr;
    ret->clients = clients;
    return 0;
}

int wire_clients_from_pb(const pb_stat_clients_reply *pb, struct wire_arena *a,
                         struct wire_listing *ret)
{
    struct wire_client_stat *clients;

    if (pb->n_clients > WIRE_MAX_LISTING)
        return -EINVAL;
    clients = wire_arena_take(a, pb->n_clients, sizeof(*clients));
    if (!clients)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_clients; i++) {
        int r = client_from_pb(pb->clients[i], a, &clients[i]);

        if (r)
            return r;
    }
    ret->cursor = pb->cursor;
    ret->nr = pb->n_clients;
    ret->clients = clients;
    return 0;
}

/* ---- stat_accounts ---- */

static int account_to_pb(const struct wire_account_stat *account, struct wire_arena *a,
                         pb_account_stat *ret)
{
    const char *name, *group;
    int r = 0;

    if (account->domain >= WIRE_MAX_DOMAINS || account->uid < -1 || account->uid >= UINT32_MAX)
        r = -EINVAL;
    if (!r)
        r = wire_text_take(a, account->name, WIRE_MAX_NAME, &name);
    if (!r)
        r = wire_text_take(a, account->group, WIRE_MAX_NAME, &group);
    if (r)
        return r;
    *ret = (pb_account_stat)BUDDYD__WIRE__V1__ACCOUNT_STAT__INIT;
    ret->name = (char *)name;
    ret->group = (char *)group;
    ret->session = account->session;
    ret->uid_plus_one = (uint32_t)(account->uid + 1);
    ret->domain = account->domain;
    ret->max_pages = account->max_pages;
    ret->min_pages = account->min_pages;
    ret->low_pages = account->low_pages;
    ret->high_pages = account->high_pages;
    ret->used_pages = account->used_pages;
    ret->pinned_pages = account->pinned_pages;
    ret->cached_pages = account->cached_pages;
    ret->guarantee_pages = account->guarantee_pages;
    ret->unmet_pages = account->unmet_pages;
    ret->pressure = account->pressure;
    ret->members = account->members;
    ret->waiting = account->waiting;
    ret->priority = account->priority;
    ret->over = account->over;
    return 0;
}

static int account_from_pb(const pb_account_stat *pb, struct wire_arena *a,
                           struct wire_account_stat *ret)
{
    int r;

    if (pb->domain >= WIRE_MAX_DOMAINS)
        return -EINVAL;
    ret->session = pb->session;
    ret->uid = (int64_t)pb->uid_plus_one - 1;
    ret->domain = pb->domain;
    ret->max_pages = pb->max_pages;
    ret->min_pages = pb->min_pages;
    ret->low_pages = pb->low_pages;
    ret->high_pages = pb->high_pages;
    ret->used_pages = pb->used_pages;
    ret->pinned_pages = pb->pinned_pages;
    ret->cached_pages = pb->cached_pages;
    ret->guarantee_pages = pb->guarantee_pages;
    ret->unmet_pages = pb->unmet_pages;
    ret->pressure = pb->pressure;
    ret->members = pb->members;
    ret->waiting = pb->waiting;
    ret->priority = pb->priority;
    ret->over = pb->over != 0;
    r = wire_text_take(a, pb->name, WIRE_MAX_NAME, &ret->name);
    return r ? r : wire_text_take(a, pb->group, WIRE_MAX_NAME, &ret->group);
}

int wire_accounts_to_pb(const struct wire_listing *l, struct wire_arena *a,
                        pb_stat_accounts_reply *ret)
{
    pb_account_stat **accounts;

    if (l->nr > WIRE_MAX_LISTING)
        return -EINVAL;
    accounts = wire_entries_take(a, l->nr, sizeof(**accounts));
    if (!accounts)
        return -ENOMEM;
    for (size_t i = 0; i < l->nr; i++) {
        int r = account_to_pb(&l->accounts[i], a, accounts[i]);

        if (r)
            return r;
    }
    *ret = (pb_stat_accounts_reply)BUDDYD__WIRE__V1__STAT_ACCOUNTS_REPLY__INIT;
    ret->cursor = l->cursor;
    ret->n_accounts = l->nr;
    ret->accounts = accounts;
    return 0;
}

int wire_accounts_from_pb(const pb_stat_accounts_reply *pb, struct wire_arena *a,
                          struct wire_listing *ret)
{
    struct wire_account_stat *accounts;

    if (pb->n_accounts > WIRE_MAX_LISTING)
        return -EINVAL;
    accounts = wire_arena_take(a, pb->n_accounts, sizeof(*accounts));
    if (!accounts)
        return -ENOMEM;
    for (size_t i = 0; i < pb->n_accounts; i++) {
        int r = account_from_pb(pb->accounts[i], a, &accounts[i]);

        if (r)
            return r;
    }
    ret->cursor = pb->cursor;
    ret->nr = pb->n_accounts;
    ret->accounts = accounts;
    return 0;
}
