/* SPDX-License-Identifier: Apache-2.0 */
/* replay_compare.c: the clients' counts beside the daemon's, and the first thing that is wrong. */
#include "replay_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

void replay_set_fault(struct replay *r, const char *format, ...)
{
    va_list args;

    if (r->fault[0])
        return;
    va_start(args, format);
    vsnprintf(r->fault, sizeof(r->fault), format, args);
    va_end(args);
}

/* All are quiet: the daemon's count of each one's pages must be its own. */
int replay_compare_counts(struct replay *r, struct replay_count *c, uint64_t *ret_own,
                          uint64_t *ret_daemon)
{
    unsigned i;
    int rc = replay_count(r->b, r->shared, c);

    if (rc)
        return ctl_failed("compare the clients' pages", rc);
    *ret_own = *ret_daemon = 0;
    for (i = 0; i < r->options->nr_clients; i++) {
        uint64_t own = r->shared->seats[i].pages;

        if (r->shared->seats[i].out)
            continue;
        *ret_own += own;
        *ret_daemon += c->session_pages[i];
        if (own == c->session_pages[i])
            continue;
        r->result.wrong_counts++;
        replay_set_fault(r, "client %u has %" PRIu64 " pages, and the daemon says %" PRIu64, i, own,
                         c->session_pages[i]);
    }
    return CTL_OK;
}

bool replay_others_connected(const struct replay *r, const struct replay_count *now)
{
    return r->before.others || now->others;
}

int replay_await_seat(struct replay *r, unsigned seat, unsigned *ret_looks)
{
    int rc = replay_await_end(r->b, r->shared, seat, ret_looks);

    if (rc == -ETIMEDOUT) {
        r->result.wrong_counts++;
        replay_set_fault(r, "client %u is gone, and the daemon still lists its session %" PRIu32,
                         seat, r->shared->seats[seat].session);
        return CTL_OK;
    }
    return rc ? ctl_failed("wait for the end of a session", rc) : CTL_OK;
}
