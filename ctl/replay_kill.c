/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_kill.c: the death of one client in the middle of a replay, and whether it cost the others
 * anything.
 *
 * It is stopped first, so that what it has can be counted while requests are under way; then it is
 * killed while the others play; then they halt, so that what is theirs can be counted.
 */
#include "replay_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

/* How far the one that is to be killed may go on meanwhile, so that it dies where it was said. */
#define KILL_SLACK 1024u

void replay_plan_kill(struct replay *r)
{
    struct replay_kill *k = &r->kill;

    if (r->options->kill_client < 0)
        return;
    k->wanted = true;
    k->client = (unsigned)r->options->kill_client;
    k->at_event = r->trace.nr_events * r->options->kill_percent / 100;
    r->shared->seats[k->client].ring_at = k->at_event;
    r->shared->seats[k->client].limit = k->at_event + KILL_SLACK;
}

/* The client is stopped: what it has, by its own count and by the daemon's. */
static int look_at_stopped(struct replay *r)
{
    const struct replay_seat *seat = &r->shared->seats[r->kill.client];
    struct replay_kill *k = &r->kill;
    struct replay_count c;
    int rc = replay_count(r->b, r->shared, &c);

    if (rc)
        return ctl_failed("count the client's pages", rc);
    k->position = seat->position;
    k->session = seat->session;
    k->under_way = seat->in_flight;
    k->pages_by_client = seat->pages;
    k->pages_by_daemon = c.session_pages[k->client];
    if (k->pages_by_daemon + seat->pages_given < seat->pages ||
        k->pages_by_daemon > seat->pages + seat->pages_asked) {
        r->result.wrong_counts++;
        replay_set_fault(r, "client %u has %" PRIu64 " pages, and the daemon says %" PRIu64,
                         k->client, k->pages_by_client, k->pages_by_daemon);
    }
    return CTL_OK;
}

/* Kill the client while the others go on, wait for its pages, and then have all halt. */
int replay_kill_client(struct run *run)
{
    struct replay *r = &run->r;
    struct replay_kill *k = &r->kill;
    struct replay_seat *seat = &r->shared->seats[k->client];
    pid_t pid = r->pids[k->client];
    int status;
    int code;

    k->pid = pid;
    kill(pid, SIGSTOP);
    while (waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR)
        ;
    if (!WIFSTOPPED(status)) {
        r->pids[k->client] = 0;
        return replay_client_failed(r, k->client, status);
    }
    code = look_at_stopped(r);
    if (code)
        return code;
    replay_report_stopped(r);
    seat->out = 1;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    r->pids[k->client] = 0;
    replay_count_live(r->shared, -(int64_t)k->pages_by_client);
    replay_ring_clients(r->shared);
    code = replay_await_seat(r, k->client, &k->looks);
    if (code)
        return code;
    k->done = true;
    replay_report_killed(r);
    run->halted = true;
    run->limit_before_halt = r->shared->limit;
    replay_set_gate(r->shared, 0, true);
    return CTL_OK;
}

/* All survivors have checked their stamps and are quiet. */
int replay_check_survivors(struct run *run)
{
    struct replay *r = &run->r;
    struct replay_kill *k = &r->kill;
    struct replay_count c;
    unsigned i;
    int code = replay_compare_counts(r, &c, &k->survivors_pages, &k->survivors_by_daemon);

    if (code)
        return code;
    for (i = 0; i < r->options->nr_clients; i++) {
        if (r->shared->seats[i].out)
            continue;
        k->survivors_checked += r->shared->seats[i].verified;
        k->survivors_wrong += r->shared->seats[i].mismatches;
    }
    if (!replay_others_connected(r, &c)) {
        k->compared = true;
        k->missing_pages = (int64_t)(r->before.free_pages + r->before.client_pages) -
                           (int64_t)(c.free_pages + c.client_pages);
        if (k->missing_pages)
            replay_set_fault(r, "%" PRId64 " pages did not come back from client %u",
                             k->missing_pages, k->client);
    }
    replay_report_survivors(r);
    run->halted = false;
    replay_set_gate(r->shared, run->limit_before_halt, false);
    return CTL_OK;
}
