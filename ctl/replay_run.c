/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_run.c: the parent of a replay: it opens the gate from stage to stage, and ends whatever it
 * started, however it ends.
 *
 * A stage ends when every client is quiet at the gate, so that what is counted then does not
 * change while it is counted. The parent sleeps on one futex, which clients ring, and signals too.
 */
#include "replay_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

/* How often the bar is drawn. */
#define PROGRESS_MS 100

/* Signals have no argument to bring a context. */
static struct replay_shared *signal_shared;
static volatile sig_atomic_t interrupted;

static void on_signal(int nr)
{
    if (nr != SIGCHLD)
        interrupted = 1;
    replay_ring_parent(signal_shared);
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* ---- stages ---- */

static int finish_starting(struct run *run)
{
    const struct replay *r = &run->r;

    clock_gettime(CLOCK_MONOTONIC, &run->start);
    run->stage = r->options->buddyinfo ? STAGE_TO_PEAK : STAGE_TO_END;
    replay_set_gate(r->shared, r->options->buddyinfo ? r->trace.peak_event : r->trace.nr_events,
                    false);
    return CTL_OK;
}

static int finish_to_peak(struct run *run)
{
    struct replay *r = &run->r;
    int rc = replay_report_buddyinfo(r, "peak");

    if (rc)
        return ctl_failed("list the free blocks", rc);
    run->stage = STAGE_TO_END;
    replay_set_gate(r->shared, r->trace.nr_events, false);
    return CTL_OK;
}

static int finish_to_end(struct run *run)
{
    struct replay *r = &run->r;
    struct replay_count c;
    uint64_t own;
    uint64_t daemon;
    int code;

    r->result.seconds = seconds_since(&run->start);
    code = replay_compare_counts(r, &c, &own, &daemon);
    if (code)
        return code;
    run->stage = STAGE_FREEING;
    replay_set_gate(r->shared, REPLAY_NO_LIMIT, false);
    return CTL_OK;
}

/* What a client still has after it freed everything would come back when it leaves: look before. */
static int finish_freeing(struct run *run)
{
    struct replay *r = &run->r;
    struct replay_count c;
    unsigned i;
    int rc = replay_count(r->b, r->shared, &c);

    if (rc)
        return ctl_failed("count the clients' pages", rc);
    for (i = 0; i < r->options->nr_clients; i++) {
        if (r->shared->seats[i].out || !c.session_pages[i])
            continue;
        r->result.leaked_pages += (int64_t)c.session_pages[i];
        replay_set_fault(
            r, "client %u freed everything, and the daemon says that it has %" PRIu64 " pages", i,
            c.session_pages[i]);
    }
    run->stage = STAGE_LEAVING;
    r->shared->leave = 1;
    replay_ring_clients(r->shared);
    /* Nobody may be left to end. */
    replay_ring_parent(r->shared);
    return CTL_OK;
}

/* All are gone: nothing of theirs may be missing. */
static int finish_leaving(struct run *run)
{
    struct replay *r = &run->r;
    struct replay_count c;
    uint64_t listed = 0;
    int64_t missing;
    unsigned looks;
    unsigned i;
    int rc;

    for (i = 0; i < r->options->nr_clients; i++) {
        int code = replay_await_seat(r, i, &looks);

        if (code)
            return code;
    }
    rc = replay_count(r->b, r->shared, &c);
    if (!rc)
        rc = replay_listed_pages(r->b, r->shared, &listed);
    if (rc)
        return ctl_failed("look for leaked pages", rc);
    r->result.others = r->before.others > c.others ? r->before.others : c.others;
    missing = (int64_t)listed;
    if (!replay_others_connected(r, &c))
        missing = (int64_t)r->before.free_pages - (int64_t)c.free_pages;
    if (missing) {
        replay_set_fault(r, "%" PRId64 " pages did not come back after all clients had left",
                         missing);
        if (!r->result.leaked_pages)
            r->result.leaked_pages = missing;
    }
    run->stage = STAGE_OVER;
    return CTL_OK;
}

/* Do what is due. Returns an exit code. */
static int advance(struct run *run)
{
    struct replay *r = &run->r;
    const struct replay_kill *k = &r->kill;

    if (run->stage == STAGE_LEAVING)
        return replay_all_ended(r) ? finish_leaving(run) : CTL_OK;
    if (run->stage == STAGE_FREEING)
        return replay_all_freed(r->shared) ? finish_freeing(run) : CTL_OK;
    if (k->wanted && !k->done && run->stage != STAGE_STARTING &&
        r->shared->seats[k->client].position >= k->at_event)
        return replay_kill_client(run);
    if (!replay_all_quiet(r->shared))
        return CTL_OK;
    if (run->halted)
        return replay_check_survivors(run);
    switch (run->stage) {
    case STAGE_STARTING:
        return finish_starting(run);
    case STAGE_TO_PEAK:
        return finish_to_peak(run);
    default:
        /* It said that it is at the end since its position was looked at above. */
        return k->wanted && !k->done ? replay_kill_client(run) : finish_to_end(run);
    }
}

static int supervise(struct run *run)
{
    struct replay *r = &run->r;

    for (;;) {
        uint32_t bell = r->shared->parent_bell;
        int code;

        if (interrupted)
            return CTL_INTERRUPTED;
        code = replay_reap(run);
        if (!code)
            code = advance(run);
        if (code || run->stage == STAGE_OVER)
            return code;
        if (run->stage != STAGE_STARTING)
            replay_progress(r, seconds_since(&run->start));
        replay_wait_parent(r->shared, bell, r->options->progress ? PROGRESS_MS : -1);
    }
}

static void add_up(struct replay *r)
{
    struct replay_result *x = &r->result;
    unsigned i;

    for (i = 0; i < r->options->nr_clients; i++) {
        const struct replay_seat *seat = &r->shared->seats[i];

        x->events += seat->events;
        x->allocations += seat->allocations;
        x->failed += seat->failed;
        x->requests += seat->requests;
        x->checked += seat->checked;
        x->mismatches += seat->mismatches;
        x->overlaps += seat->overlaps;
    }
    x->peak_pages = r->shared->peak_pages;
}

/* ---- before and after ---- */

static int make_shared(struct replay *r)
{
    struct replay_zone zones[REPLAY_MAX_ZONES];
    unsigned nr = buddyd_nr_zones(r->b);
    unsigned i;
    int rc;

    for (i = 0; i < nr && i < REPLAY_MAX_ZONES; i++) {
        struct buddyd_zone z;

        rc = buddyd_get_zone(r->b, i, &z);
        if (rc)
            return ctl_failed("look at the zones", rc);
        zones[i] = (struct replay_zone){.bytes = z.bytes, .page_shift = z.page_shift};
        r->page_shift = z.page_shift;
    }
    rc = replay_shared_new(r->options->nr_clients, zones, nr, &r->shared);
    if (rc) {
        ctl_error("cannot map the memory that the clients share: %s", strerror(-rc));
        return CTL_FAILED;
    }
    return CTL_OK;
}

/* Who comes after a replay that was stopped finds nothing of it, if the daemon is still there. */
static void await_all_ended(struct replay *r)
{
    unsigned looks;
    unsigned i;

    replay_progress_end(r);
    for (i = 0; i < r->options->nr_clients; i++)
        if (r->shared->seats[i].session && replay_await_end(r->b, r->shared, i, &looks))
            break;
}

/* Everything is made: look, play, look again. */
static int play(struct run *run)
{
    struct replay *r = &run->r;
    int rc = replay_count(r->b, r->shared, &r->before);
    int code;

    if (rc)
        return ctl_failed("count the free pages", rc);
    replay_report_start(r);
    if (r->options->buddyinfo && (rc = replay_report_buddyinfo(r, "before")))
        return ctl_failed("list the free blocks", rc);
    code = replay_start_clients(r);
    if (!code)
        code = supervise(run);
    replay_end_clients(r);
    if (code) {
        await_all_ended(r);
        if (code == CTL_INTERRUPTED)
            ctl_error("interrupted; all clients were ended, and what they had is free again");
        return code;
    }
    if (r->options->buddyinfo && (rc = replay_report_buddyinfo(r, "after")))
        return ctl_failed("list the free blocks", rc);
    add_up(r);
    return replay_report_end(r);
}

/* Play with our signals, and put back what was there. */
static int play_with_signals(struct run *run)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    struct sigaction old[sizeof(signals) / sizeof(signals[0])];
    struct sigaction action = {.sa_handler = on_signal};
    size_t i;
    int code;

    interrupted = 0;
    signal_shared = run->r.shared;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, &old[i]);
    code = play(run);
    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &old[i], NULL);
    return code;
}

int replay_run(const struct ctl *ctl, const struct replay_options *options)
{
    struct run run = {.r = {.ctl = ctl, .options = options}};
    struct replay *r = &run.r;
    char why[512];
    int code = CTL_FAILED;

    if (trace_read(options->path, &r->trace, why, sizeof(why))) {
        ctl_error("%s", why);
        return CTL_FAILED;
    }
    code = ctl_connect(ctl, &r->b);
    if (code)
        goto free_trace;
    code = make_shared(r);
    if (code)
        goto close_connection;
    if (ctl->json && options->buddyinfo)
        r->buddyinfo = json_object();
    replay_plan_kill(r);
    code = play_with_signals(&run);
    json_decref(r->buddyinfo);
    replay_shared_free(r->shared);
close_connection:
    buddyd_close(r->b);
free_trace:
    trace_free(&r->trace);
    return code;
}
