/* SPDX-License-Identifier: Apache-2.0 */
/* last_resort.c: chooses a victim, warns it, and carries the action out. */
#include "last_resort.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hub.h"
#include "log.h"
#include "session.h"

/** From a request in vain to the look for a victim: what is on its way may come meanwhile, and
 * sessions are not looked through more often. */
#define LOOK_MS 10u

int64_t last_resort_badness(uint64_t held_pages, uint64_t over_pages, int score,
                            uint64_t total_pages)
{
    uint64_t pages = held_pages < over_pages ? held_pages : over_pages;
    int64_t adjust = (int64_t)(total_pages / 1000) * score;

    if (pages == 0 || score <= LAST_RESORT_NEVER)
        return 0;
    return (int64_t)pages + adjust;
}

static uint64_t total_pages(const struct hub *hub)
{
    uint64_t pages = 0;

    for (uint32_t i = 0; i < hub->zones->nr; i++)
        pages += zone_nr_pages(hub->zones->entry[i].zone);
    return pages;
}

static int64_t badness_of(const struct session *s, uint8_t priority, uint64_t total)
{
    if (s->state != SESSION_OPEN || s->terms.last_resort == LAST_RESORT_NONE ||
        s->priority >= priority)
        return 0;
    return last_resort_badness(holdings_pages(&s->holdings), policy_pages_over(&s->policy),
                               s->terms.score, total);
}

/* The worst of all; nobody while one that has ended is still being freed. */
static struct session *choose(const struct hub *hub, uint8_t priority)
{
    const uint64_t total = total_pages(hub);
    struct session *s, *worst = NULL;
    int64_t most = 0;
    uint32_t slot = 0;

    while ((s = session_table_next(&hub->sessions, &slot, SESSION_TABLE_SLOTS))) {
        int64_t badness = badness_of(s, priority, total);

        if (s->state == SESSION_ENDING && s->holdings.owner.nr)
            return NULL;
        if (badness > most) {
            most = badness;
            worst = s;
        }
    }
    return worst;
}

/* The kill may fail only because the process is gone: then its session ends by itself. */
static void kill_peer(struct session *s)
{
    if (s->peer.pidfd < 0) {
        session_dismiss(s, "its memory was needed, and its process cannot be seen from here");
        return;
    }
    if (syscall(SYS_pidfd_send_signal, s->peer.pidfd, SIGKILL, NULL, 0) < 0)
        session_dismiss(s, "its memory was needed");
}

/* The first one of the highest priority that waits for the zones, or NULL. */
static struct waiter *first_in_need(const struct hub *hub)
{
    struct waiter *first = wait_line_first(&hub->waiting.zones);

    return first && first->priority >= hub->top_priority ? first : NULL;
}

/* Why it is spared after all, or NULL. Who did as asked does not answer for those who came later.
 */
static const char *mercy(const struct hub *hub, const struct session *s)
{
    if (!first_in_need(hub))
        return "nobody waits any more";
    if (s->terms.last_resort == LAST_RESORT_NONE)
        return "its policy was changed";
    if (holdings_pages(&s->holdings) + hub->last_resort.pages <= hub->last_resort.held)
        return "it has freed what was asked";
    return NULL;
}

static void carry_out(struct session *s)
{
    log_warning("last resort: session %u (%s, pid %d, uid %u) is %s: it holds %llu pages", s->id,
                s->name, (int)s->peer.pid, (unsigned)s->peer.uid,
                s->terms.last_resort == LAST_RESORT_KILL ? "killed" : "disconnected",
                (unsigned long long)holdings_pages(&s->holdings));
    if (s->terms.last_resort == LAST_RESORT_KILL)
        kill_peer(s);
    else
        session_dismiss(s, "its memory is needed by clients of higher priority");
    s->terms.last_resort = LAST_RESORT_NONE; /* once is enough */
}

/* The grace time is over. */
static void on_grace_end(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    struct session *s = session_table_find(&hub->sessions, hub->last_resort.victim);
    const char *spared = NULL;
    struct waiter *first;

    hub->last_resort.victim = 0;
    if (s && s->state == SESSION_OPEN) {
        spared = mercy(hub, s);
        if (!spared) {
            carry_out(s);
            return; /* what it had comes free, and who waits in vain then looks again */
        }
        log_info("last resort: session %u (%s, pid %d, uid %u) is spared: %s", s->id, s->name,
                 (int)s->peer.pid, (unsigned)s->peer.uid, spared);
    }
    /* Nobody looked meanwhile: what came free did not wake anybody to do so now. */
    first = first_in_need(hub);
    if (first)
        last_resort_look(hub, first->priority, waiting_pages(first));
}

/* Tell the victim, and begin its grace time. */
static void warn(struct hub *hub, struct session *s)
{
    const uint64_t pages = hub->last_resort.pages;
    char message[WIRE_MAX_MESSAGE + 1];
    struct wire_event revoke = {
        .kind = WIRE_EVENT_REVOKE,
        .message = message,
        .revoke = {.grace_ms = s->terms.grace_ms, .pages = pages},
    };

    (void)snprintf(message, sizeof(message),
                   "clients of higher priority wait for %llu pages: free as many within %u ms, or "
                   "this %s",
                   (unsigned long long)pages, s->terms.grace_ms,
                   s->terms.last_resort == LAST_RESORT_KILL ? "process is killed"
                                                            : "session is ended");
    log_warning("last resort: session %u (%s, pid %d, uid %u), which holds %llu pages, is the "
                "victim: %llu pages are waited for",
                s->id, s->name, (int)s->peer.pid, (unsigned)s->peer.uid,
                (unsigned long long)holdings_pages(&s->holdings), (unsigned long long)pages);
    hub->last_resort.victim = s->id;
    hub->last_resort.held = holdings_pages(&s->holdings);
    (void)uv_timer_start(&hub->last_resort.timer, on_grace_end, s->terms.grace_ms, 0);
    session_event(s, &revoke);
}

static void on_look(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    const struct waiter *first = first_in_need(hub);
    struct session *s = first ? choose(hub, first->priority) : NULL;

    hub->last_resort.looking = false;
    if (s)
        warn(hub, s);
}

void last_resort_look(struct hub *hub, uint8_t priority, uint64_t pages)
{
    struct victim_search *lr = &hub->last_resort;

    if (hub->top_priority == 0 || priority < hub->top_priority || lr->victim || lr->looking ||
        hub->stopping)
        return;
    lr->looking = true;
    lr->pages = pages;
    /* Not at once: this may be in the middle of another session's turn. */
    (void)uv_timer_start(&lr->timer, on_look, LOOK_MS, 0);
}

void last_resort_left(struct hub *hub, uint32_t session)
{
    if (hub->last_resort.victim == session && !hub->stopping)
        (void)uv_timer_start(&hub->last_resort.timer, on_grace_end, 0, 0);
}

void last_resort_start(struct hub *hub)
{
    hub_timer(hub, &hub->last_resort.timer, hub);
}
