/* SPDX-License-Identifier: Apache-2.0 */
/* replay_client.c: a client process of a replay: its own connection, and the player on it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "replay.h"
#include "replay_player.h"

/* ---- the backend: libbuddyd ---- */

static void granted(void *token, int error, const struct buddyd_block *blocks, size_t nr)
{
    if (!error && nr != 1)
        error = -EPROTO;
    replay_player_granted(token, error, blocks);
}

static void freed(void *token, int error, const struct buddyd_block *blocks, size_t nr)
{
    (void)blocks;
    (void)nr;
    replay_player_freed(token, error);
}

static int dispatch(void *ctx)
{
    int rc = buddyd_dispatch(ctx, -1);

    return rc < 0 ? rc : 0;
}

static int ask_alloc(void *ctx, const struct trace_event *event, void *token)
{
    struct buddyd_alloc rq = BUDDYD_ALLOC_INIT;
    int rc;

    rq.type = (enum buddyd_type)event->type;
    rq.order = event->order;
    rq.flags = event->flags & TRACE_ZERO ? BUDDYD_ZERO : 0;
    while ((rc = buddyd_submit_alloc(ctx, &rq, 1, granted, token)) == -EAGAIN) {
        rc = dispatch(ctx);
        if (rc)
            break;
    }
    return rc;
}

static int ask_free(void *ctx, uint64_t handle, void *token)
{
    int rc;

    while ((rc = buddyd_submit_free(ctx, 1, &handle, freed, token)) == -EAGAIN) {
        rc = dispatch(ctx);
        if (rc)
            break;
    }
    return rc;
}

static int pin(void *ctx, const struct buddyd_block *block, void **ret)
{
    return buddyd_pin(ctx, block, ret);
}

static void unpin(void *ctx, const struct buddyd_block *block)
{
    buddyd_unpin(ctx, block);
}

static const char *error_text(void *ctx)
{
    (void)ctx;
    return buddyd_error();
}

static const struct replay_backend backend = {
    .alloc = ask_alloc,
    .free = ask_free,
    .dispatch = dispatch,
    .pin = pin,
    .unpin = unpin,
    .error = error_text,
};

/* ---- the process ---- */

static int play(struct replay_shared *s, struct replay_player *p)
{
    for (;;) {
        int rc = replay_player_step(p);

        if (rc == REPLAY_WAIT) {
            /* Look again once the others know that we wait, or the bell could ring unheard. */
            uint32_t bell = replay_wait_begin(s);

            rc = replay_player_step(p);
            if (rc == REPLAY_WAIT)
                replay_wait(s, bell);
            replay_wait_end(s);
        }
        if (rc < 0 || rc == REPLAY_DONE)
            return rc < 0 ? rc : 0;
    }
}

static void wait_for_leave(struct replay_shared *s)
{
    while (!s->leave) {
        uint32_t bell = replay_wait_begin(s);

        if (!s->leave)
            replay_wait(s, bell);
        replay_wait_end(s);
    }
}

static void say_phase(struct replay_shared *s, struct replay_seat *seat, enum replay_phase phase)
{
    seat->phase = phase;
    replay_ring_parent(s);
}

/* Connect and play. Returns 0, or a negative errno with the reason in the seat. */
static int run(const struct replay *r, unsigned seat_nr)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;
    struct replay_seat *seat = &r->shared->seats[seat_nr];
    struct replay_player *player;
    struct buddyd *b;
    char name[32];
    int rc;

    snprintf(name, sizeof(name), "replay-%u", seat_nr);
    options.socket = r->ctl->socket;
    options.name = name;
    rc = buddyd_connect(&options, &b);
    if (rc) {
        snprintf(seat->reason, sizeof(seat->reason), "cannot connect: %s", buddyd_error());
        return rc;
    }
    seat->session = buddyd_session(b);
    rc = replay_player_new(&r->trace, r->shared, seat_nr, &backend, b, &player);
    if (rc) {
        snprintf(seat->reason, sizeof(seat->reason), "out of memory");
        goto close_connection;
    }
    say_phase(r->shared, seat, REPLAY_PLAYING);
    rc = play(r->shared, player);
    if (rc)
        goto free_player;
    say_phase(r->shared, seat, REPLAY_FREED);
    wait_for_leave(r->shared);
free_player:
    replay_player_free(player);
close_connection:
    buddyd_close(b);
    return rc;
}

_Noreturn void replay_client_run(const struct replay *r, unsigned seat_nr, pid_t parent)
{
    struct replay_seat *seat = &r->shared->seats[seat_nr];
    int rc;

    /* The parent ends us, and nobody else has to: also when it dies. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CTL_FAILED);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    /* Of the parent's connection this process has only what is to be released. */
    buddyd_close(r->b);
    rc = run(r, seat_nr);
    if (rc) {
        seat->error = rc;
        say_phase(r->shared, seat, REPLAY_FAILED);
    }
    _exit(rc ? CTL_FAILED : CTL_OK);
}
