/* SPDX-License-Identifier: Apache-2.0 */
/* observe.c: the daemon's own account of what is in use; see observe.h. */
#include "observe.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

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

int observe(struct buddyd *b, const struct daemon_proc *d, struct observed *ret)
{
    struct observed sum = {.fds = daemon_proc_fds(d)};
    int error = add_clients(b, &sum);

    if (!error)
        error = add_zones(b, &sum);
    if (!error)
        *ret = sum;
    return error;
}

static bool same(const struct observed *a, const struct observed *b)
{
    return a->sessions == b->sessions && a->blocks == b->blocks && a->pages == b->pages &&
           a->free_pages == b->free_pages && a->fds == b->fds;
}

static void show(const char *what, const struct observed *o)
{
    fprintf(stderr,
            "%s: %" PRIu64 " sessions, %" PRIu64 " blocks, %" PRIu64 " pages, %" PRIu64
            " free, %d descriptors\n",
            what, o->sessions, o->blocks, o->pages, o->free_pages, o->fds);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool observe_until(struct buddyd *b, const struct daemon_proc *d, const struct observed *wanted)
{
    int64_t end = now_ms() + PATIENCE_MS;
    struct observed seen = {0};
    int error;

    do {
        error = observe(b, d, &seen);
        if (!error && same(&seen, wanted))
            return true;
    } while (!error && now_ms() < end);
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
