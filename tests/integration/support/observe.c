/* SPDX-License-Identifier: Apache-2.0 */
/* observe.c: the daemon's own account of what is in use; see observe.h. */
#include "observe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

int observe_connect(const struct daemon_proc *d, const char *name, struct buddyd **ret)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;

    options.socket = d->socket;
    options.name = name;
    return buddyd_connect(&options, ret);
}

static int add_clients(struct buddyd *b, struct observed *sum)
{
    struct buddyd_client_stat clients[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    do {
        int error = buddyd_stat_clients(b, &cursor, clients, &n);

        if (error)
            return error;
        sum->sessions += n;
        for (size_t i = 0; i < n; i++) {
            sum->blocks += clients[i].blocks;
            sum->pages += clients[i].pages;
        }
    } while (cursor);
    return 0;
}

static int add_zones(struct buddyd *b, struct observed *sum)
{
    struct buddyd_zone_stat zones[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    do {
        int error = buddyd_stat_zones(b, &cursor, zones, &n);

        if (error)
            return error;
        for (size_t i = 0; i < n; i++)
            sum->free_pages += zones[i].free_pages;
    } while (cursor);
    return 0;
}

static int add_accounts(struct buddyd *b, struct observed *sum)
{
    struct buddyd_account_stat accounts[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    do {
        int error = buddyd_stat_accounts(b, &cursor, accounts, &n);

        if (error)
            return error;
        sum->accounts += n;
        for (size_t i = 0; i < n; i++) {
            sum->unmet_pages += accounts[i].unmet_pages;
            sum->waiting += accounts[i].session ? accounts[i].waiting : 0;
        }
    } while (cursor);
    return 0;
}

int observe(struct buddyd *b, const struct daemon_proc *d, struct observed *ret)
{
    struct observed sum = {.fds = daemon_proc_fds(d)};
    int error = add_clients(b, &sum);

    if (!error)
        error = add_zones(b, &sum);
    if (!error)
        error = add_accounts(b, &sum);
    if (!error)
        *ret = sum;
    return error;
}

int observe_new(struct daemon_proc *d, const char *name, struct buddyd **ret_b,
                struct observed *ret)
{
    int error = daemon_proc_run(d);

    if (!error)
        error = observe_connect(d, name, ret_b);
    return error ? error : observe(*ret_b, d, ret);
}

static bool same(const struct observed *a, const struct observed *b)
{
    return a->sessions == b->sessions && a->blocks == b->blocks && a->pages == b->pages &&
           a->free_pages == b->free_pages && a->accounts == b->accounts &&
           a->unmet_pages == b->unmet_pages && a->waiting == b->waiting && a->fds == b->fds;
}

static void show(const char *what, const struct observed *o)
{
    fprintf(stderr,
            "%s: %" PRIu64 " sessions, %" PRIu64 " blocks, %" PRIu64 " pages, %" PRIu64
            " free, %" PRIu64 " accounts, %" PRIu64 " pages unmet, %" PRIu64
            " waiting, %d descriptors\n",
            what, o->sessions, o->blocks, o->pages, o->free_pages, o->accounts, o->unmet_pages,
            o->waiting, o->fds);
}

bool observe_until(struct buddyd *b, const struct daemon_proc *d, const struct observed *wanted)
{
    int64_t end = host_now_ms() + PATIENCE_MS;
    struct observed seen = {0};
    int error;

    do {
        error = observe(b, d, &seen);
        if (!error && same(&seen, wanted))
            return true;
    } while (!error && host_now_ms() < end);
    if (error)
        fprintf(stderr, "observing failed: %s\n", buddyd_error());
    show("wanted", wanted);
    show("  seen", &seen);
    return false;
}

uint64_t observe_free_blocks(struct buddyd *b, unsigned order)
{
    static struct buddyd_free_stat zones[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    uint64_t sum = 0;
    size_t n;

    do {
        if (buddyd_stat_free(b, &cursor, zones, &n))
            return UINT64_MAX;
        for (size_t i = 0; i < n; i++) {
            for (unsigned type = 0; type < zones[i].nr_types; type++)
                sum += zones[i].free_blocks[type][order];
        }
    } while (cursor);
    return sum;
}

int observe_account(struct buddyd *b, const char *name, struct buddyd_account_stat *ret)
{
    static struct buddyd_account_stat accounts[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    size_t n;

    do {
        int error = buddyd_stat_accounts(b, &cursor, accounts, &n);

        if (error)
            return error;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(accounts[i].name, name) == 0) {
                *ret = accounts[i];
                return 0;
            }
        }
    } while (cursor);
    return -ENOENT;
}

bool observe_waiting(struct buddyd *b, const char *name, unsigned nr)
{
    int64_t end = host_now_ms() + PATIENCE_MS;
    struct buddyd_account_stat account = {0};
    int error;

    do {
        error = observe_account(b, name, &account);
        if (!error && account.waiting == nr)
            return true;
    } while (!error && host_now_ms() < end);
    fprintf(stderr, "%s: error %d, %u requests wait, not %u\n", name, error, account.waiting, nr);
    return false;
}
