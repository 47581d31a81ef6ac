/* SPDX-License-Identifier: Apache-2.0 */
/* replay_count.c: what the daemon says about the pages of a replay. */
#include <errno.h>
#include <stdlib.h>

#include "listing.h"
#include "replay.h"

/*
 * A session ends within a few turns of the daemon's loop, and each look is one. So many looks take
 * several seconds: only a daemon that lost the session is still listing it then.
 */
#define MAX_LOOKS 100000u

static int seat_of_session(const struct replay_shared *s, uint32_t session)
{
    unsigned i;

    for (i = 0; i < s->nr_clients; i++)
        if (s->seats[i].session == session)
            return (int)i;
    return -1;
}

static int count_clients(struct buddyd *b, const struct replay_shared *s, struct replay_count *c)
{
    struct buddyd_client_stat *clients;
    size_t nr;
    size_t i;
    int rc = listing_clients(b, &clients, &nr);

    if (rc)
        return rc;
    for (i = 0; i < nr; i++) {
        int seat = seat_of_session(s, clients[i].session);

        c->client_pages += clients[i].pages;
        if (seat >= 0) {
            c->listed[seat] = true;
            c->session_pages[seat] = clients[i].pages;
        } else if (clients[i].session != buddyd_session(b)) {
            c->others++;
        }
    }
    free(clients);
    return 0;
}

int replay_count(struct buddyd *b, const struct replay_shared *s, struct replay_count *ret)
{
    struct replay_count c = {0};
    struct buddyd_zone_stat *zones;
    size_t nr;
    size_t i;
    int rc = listing_zones(b, &zones, &nr);

    if (rc)
        return rc;
    for (i = 0; i < nr; i++)
        c.free_pages += zones[i].free_pages;
    free(zones);
    rc = count_clients(b, s, &c);
    if (!rc)
        *ret = c;
    return rc;
}

int replay_listed_pages(struct buddyd *b, const struct replay_shared *s, uint64_t *ret_pages)
{
    struct buddyd_block_stat page[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    uint64_t pages = 0;

    do {
        size_t nr = 0;
        size_t i;
        int rc = buddyd_stat_blocks(b, 0, &cursor, page, &nr);

        if (rc)
            return rc;
        for (i = 0; i < nr; i++)
            if (seat_of_session(s, page[i].session) >= 0)
                pages += (uint64_t)1 << page[i].order;
    } while (cursor);
    *ret_pages = pages;
    return 0;
}

int replay_await_end(struct buddyd *b, const struct replay_shared *s, unsigned seat,
                     unsigned *ret_looks)
{
    unsigned looks;

    for (looks = 1; looks <= MAX_LOOKS; looks++) {
        struct replay_count c = {0};
        int rc = count_clients(b, s, &c);

        if (rc)
            return rc;
        if (!c.listed[seat]) {
            *ret_looks = looks;
            return 0;
        }
    }
    return -ETIMEDOUT;
}
