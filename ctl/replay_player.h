/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_player.h: one client's part of a replay: which event comes next, what may be sent now, and
 * whether what came back is right.
 *
 * It knows the daemon only through struct replay_backend, and other clients only through the shared
 * memory, so that it runs in tests with neither. The event of block ID belongs to seat ID mod N.
 * Events are begun in order but finish as answers come; a free waits for its block's grant, and is
 * sent only after the stamps were checked. Single-threaded.
 */
#ifndef CTL_REPLAY_PLAYER_H
#define CTL_REPLAY_PLAYER_H

#include <stddef.h>
#include <stdint.h>

#include <buddyd.h>

#include "replay_shared.h"
#include "trace/trace.h"

/** Requests that one client has under way at most. */
#define REPLAY_IN_FLIGHT 64u

struct replay_player;

/** The way to the daemon. ctx is given to each. All return 0 or a negative errno. */
struct replay_backend {
    /** Ask for an allocation event's block; end with replay_player_granted(token, ...). */
    int (*alloc)(void *ctx, const struct trace_event *event, void *token);
    /** Free a block; end with replay_player_freed(token, ...). */
    int (*free)(void *ctx, uint64_t handle, void *token);
    /** Send what was asked for, wait for one answer or more, and deliver what has come. */
    int (*dispatch)(void *ctx);
    int (*pin)(void *ctx, const struct buddyd_block *block, void **ret);
    void (*unpin)(void *ctx, const struct buddyd_block *block);
    /** The text of the last failure. */
    const char *(*error)(void *ctx);
};

/**
 * Make seat's player. trace, shared and backend stay the caller's and must outlive it. Returns 0 or
 * -ENOMEM. Release with replay_player_free().
 */
int replay_player_new(const struct trace *trace, struct replay_shared *shared, unsigned seat,
                      const struct replay_backend *backend, void *ctx, struct replay_player **ret);
void replay_player_free(struct replay_player *p);

enum replay_step {
    REPLAY_AGAIN = 0, /**< something was done */
    REPLAY_WAIT,      /**< nothing is under way, and nothing may be sent: wait for the bell */
    REPLAY_DONE,      /**< everything was played, checked and freed */
};

/**
 * Send what may be sent and take the answers that come. Returns an enum replay_step, or a negative
 * errno with the reason in the seat: an answer that ends the replay. A refused allocation, a wrong
 * stamp and an overlap are counted in the seat and do not end it.
 */
int replay_player_step(struct replay_player *p);

/** The daemon's answers; from the backend's dispatch only. -ENOMEM: refused. */
void replay_player_granted(void *token, int error, const struct buddyd_block *block);
void replay_player_freed(void *token, int error);

#endif
