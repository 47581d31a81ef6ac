/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_report.c: what a replay says: lines as it goes, numbers at its end, the bar on a terminal.
 *
 * With --json nothing is printed on the way; one document comes at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "listing.h"
#include "replay.h"
#include "text.h"

bool replay_is_good(const struct replay *r)
{
    const struct replay_result *x = &r->result;

    return !x->mismatches && !x->overlaps && !x->leaked_pages && !x->wrong_counts &&
           !r->kill.missing_pages;
}

static const char *size_of(const struct replay *r, uint64_t pages, char to[TEXT_SIZE_BYTES])
{
    return text_size(pages << r->page_shift, to);
}

/* The stream for a line, at the start of a line; NULL with --json. */
static FILE *begin_line(struct replay *r)
{
    replay_progress_end(r);
    return r->ctl->json ? NULL : r->ctl->out;
}

/* A demo is read as it runs, also through a pipe. */
static void end_lines(struct replay *r)
{
    fflush(r->ctl->out);
}

void replay_report_start(struct replay *r)
{
    FILE *out = begin_line(r);
    char size[TEXT_SIZE_BYTES];

    if (!out)
        return;
    fprintf(out, "replay: %s: %zu events, %" PRIu32 " allocations, peak %" PRIu64 " pages (%s)\n",
            r->options->path, r->trace.nr_events, r->trace.nr_blocks, r->trace.peak_pages,
            size_of(r, r->trace.peak_pages, size));
    fprintf(out, "replay: %u client processes, none more than %u events ahead of the slowest\n",
            r->options->nr_clients, REPLAY_WINDOW);
    end_lines(r);
}

int replay_report_buddyinfo(struct replay *r, const char *when)
{
    FILE *out = begin_line(r);
    json_t *array;
    int rc;

    if (out) {
        fprintf(out, "buddyinfo, %s:\n", when);
        rc = buddyinfo_print(r->b, out);
        end_lines(r);
        return rc;
    }
    rc = buddyinfo_json(r->b, &array);
    if (!rc && json_object_set_new(r->buddyinfo, when, array))
        rc = -ENOMEM;
    return rc;
}

/* ---- the kill ---- */

void replay_report_stopped(struct replay *r)
{
    const struct replay_kill *k = &r->kill;
    FILE *out = begin_line(r);
    char size[TEXT_SIZE_BYTES];

    if (!out)
        return;
    fprintf(out,
            "kill: client %u (pid %d, session %" PRIu32 ") is at event %" PRIu64
            ", %u %%, with %" PRIu64 " requests under way\n",
            k->client, k->pid, k->session, k->position, r->options->kill_percent, k->under_way);
    fprintf(out,
            "kill: it holds %" PRIu64 " pages (%s) by its own count, %" PRIu64 " by the daemon's\n",
            k->pages_by_client, size_of(r, k->pages_by_client, size), k->pages_by_daemon);
    end_lines(r);
}

void replay_report_killed(struct replay *r)
{
    const struct replay_kill *k = &r->kill;
    FILE *out = begin_line(r);

    if (!out)
        return;
    fprintf(out,
            "kill: client %u got SIGKILL; the daemon ended session %" PRIu32
            ", seen in listing %u after it\n",
            k->client, k->session, k->looks);
    end_lines(r);
}

void replay_report_survivors(struct replay *r)
{
    const struct replay_kill *k = &r->kill;
    FILE *out = begin_line(r);

    if (!out)
        return;
    fprintf(out,
            "kill: the others hold %" PRIu64 " pages by their own counts and %" PRIu64
            " by the daemon's; of their stamps %" PRIu64 " were checked now, %" PRIu64
            " are wrong\n",
            k->survivors_pages, k->survivors_by_daemon, k->survivors_checked, k->survivors_wrong);
    if (!k->compared)
        fprintf(out, "kill: other clients are connected, so free pages are not compared\n");
    else if (k->missing_pages)
        fprintf(out, "kill: %" PRId64 " pages of client %u did not come back\n", k->missing_pages,
                k->client);
    else
        fprintf(out,
                "kill: free and lent pages add up to %" PRIu64
                ", as before the replay: all that client %u had came back\n",
                r->before.free_pages + r->before.client_pages, k->client);
    end_lines(r);
}

/* ---- the end ---- */

static json_t *kill_json(const struct replay_kill *k)
{
    if (!k->done)
        return json_null();
    return json_pack(
        "{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:I, s:o}", "client",
        (int)k->client, "pid", k->pid, "session", (json_int_t)k->session, "event",
        (json_int_t)k->position, "requests_under_way", (json_int_t)k->under_way, "pages_by_client",
        (json_int_t)k->pages_by_client, "pages_by_daemon", (json_int_t)k->pages_by_daemon,
        "listings_until_gone", (int)k->looks, "survivors_pages", (json_int_t)k->survivors_pages,
        "survivors_pages_by_daemon", (json_int_t)k->survivors_by_daemon, "survivors_checked",
        (json_int_t)k->survivors_checked, "survivors_wrong", (json_int_t)k->survivors_wrong,
        "missing_pages", k->compared ? json_integer(k->missing_pages) : json_null());
}

static int64_t per_second(const struct replay_result *x)
{
    return x->seconds > 0 ? (int64_t)((double)x->requests / x->seconds) : 0;
}

static const char *first_fault(const struct replay *r)
{
    unsigned i;

    for (i = 0; i < r->shared->nr_clients; i++)
        if (r->shared->seats[i].fault[0])
            return r->shared->seats[i].fault;
    return r->fault[0] ? r->fault : NULL;
}

static int print_json(struct replay *r)
{
    const struct replay_result *x = &r->result;
    const char *fault = first_fault(r);
    json_t *path = json_string(r->options->path); /* NULL when it is not UTF-8 */
    json_t *o = json_pack(
        "{s:o, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, "
        "s:o}",
        "trace", path ? path : json_null(), "clients", (int)r->options->nr_clients, "trace_events",
        (json_int_t)r->trace.nr_events, "events", (json_int_t)x->events, "allocations",
        (json_int_t)x->allocations, "failed", (json_int_t)x->failed, "peak_pages",
        (json_int_t)x->peak_pages, "seconds", x->seconds, "requests", (json_int_t)x->requests,
        "requests_per_second", (json_int_t)per_second(x), "blocks_checked", (json_int_t)x->checked,
        "mismatches", (json_int_t)x->mismatches, "overlaps", (json_int_t)x->overlaps,
        "leaked_pages", (json_int_t)x->leaked_pages, "wrong_counts", (json_int_t)x->wrong_counts,
        "free_pages_compared", !x->others, "first_fault", fault ? json_string(fault) : json_null(),
        "kill", kill_json(&r->kill));

    if (o && r->buddyinfo)
        json_object_set(o, "buddyinfo", r->buddyinfo);
    return ctl_print_json(r->ctl, o);
}

static void print_text(struct replay *r)
{
    const struct replay_result *x = &r->result;
    FILE *out = r->ctl->out;
    char size[TEXT_SIZE_BYTES];

    fprintf(out, "events        %" PRIu64 "\n", x->events);
    if (x->events < r->trace.nr_events)
        fprintf(out, "not played    %" PRIu64 " events of client %u, which was killed\n",
                r->trace.nr_events - x->events, r->kill.client);
    fprintf(out, "allocations   %" PRIu64 "\n", x->allocations);
    fprintf(out, "failed        %" PRIu64 "%s\n", x->failed,
            x->failed ? " allocations were refused" : "");
    fprintf(out, "peak pages    %" PRIu64 " (%s)\n", x->peak_pages,
            size_of(r, x->peak_pages, size));
    fprintf(out, "seconds       %.2f\n", x->seconds);
    fprintf(out, "requests/s    %" PRId64 "\n", per_second(x));
    fprintf(out, "checked       %" PRIu64 " blocks\n", x->checked);
    fprintf(out, "mismatches    %" PRIu64 "\n", x->mismatches);
    fprintf(out, "overlaps      %" PRIu64 "\n", x->overlaps);
    fprintf(out, "leaked pages  %" PRId64 "%s\n", x->leaked_pages,
            x->others ? " (of this replay's sessions: other clients are connected)" : "");
}

int replay_report_end(struct replay *r)
{
    const struct replay_result *x = &r->result;
    int code;

    replay_progress_end(r);
    code = r->ctl->json ? print_json(r) : CTL_OK;
    if (!r->ctl->json)
        print_text(r);
    end_lines(r);
    if (replay_is_good(r))
        return code;
    ctl_error("the replay found %" PRIu64 " mismatches, %" PRIu64 " overlaps, %" PRId64
              " leaked pages, %" PRIu64 " wrong counts; first: %s",
              x->mismatches, x->overlaps, x->leaked_pages + r->kill.missing_pages, x->wrong_counts,
              first_fault(r) ? first_fault(r) : "see above");
    return CTL_BAD_REPLAY;
}

/* ---- the bar ---- */

#define BAR 30u

void replay_progress(struct replay *r, double seconds)
{
    uint64_t position = replay_slowest(r->shared);
    uint64_t events = 0;
    unsigned full;
    unsigned i;
    char bar[BAR + 1];
    char size[TEXT_SIZE_BYTES];

    if (!r->options->progress || seconds <= 0)
        return;
    if (position > r->trace.nr_events)
        position = r->trace.nr_events;
    for (i = 0; i < r->shared->nr_clients; i++)
        events += r->shared->seats[i].events;
    full = (unsigned)(position * BAR / r->trace.nr_events);
    for (i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR] = '\0';
    fprintf(stderr, "\r[%s] %3u %%  %8.0f events/s  %s live \033[K", bar,
            (unsigned)(position * 100 / r->trace.nr_events), (double)events / seconds,
            size_of(r, r->shared->live_pages, size));
    fflush(stderr);
    r->progress_shown = true;
}

void replay_progress_end(struct replay *r)
{
    if (!r->progress_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    r->progress_shown = false;
}
