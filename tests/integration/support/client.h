/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: a client process, of any user, that does one thing after another as the test says.
 *
 * An actor for tests that are about several clients at once: the test gives an order, and takes the
 * answer at once, or later, when the order is one that waits.
 */
#ifndef SUPPORT_CLIENT_H
#define SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor.h"
#include "daemon_proc.h"

/** Blocks that a client can remember. */
#define CLIENT_MAX_BLOCKS 20000u
/** Events that an answer can tell of. */
#define CLIENT_MAX_EVENTS 8u

struct client {
    struct actor actor;
    uint32_t session; /**< in the daemon's listings */
    char name[32];
};

/** An event as it came to the handler. */
struct client_event {
    enum buddyd_event_kind kind;
    enum buddyd_pressure level;
    uint64_t free_pages;
    uint64_t mark_pages;
    uint64_t used_pages;
    uint64_t max_pages;
    uint64_t pages;
    unsigned grace_ms;
    char account[32];
    char message[160];
};

/** What came of an order. */
struct client_answer {
    int error;     /**< 0, or what the library answered */
    unsigned done; /**< blocks that were taken or freed by this order */
    uint64_t tries;
    int64_t took_ms;
    uint32_t session;
    char policy[32];
    struct buddyd_block block; /**< the last one taken */
    bool refused;
    struct buddyd_refusal why;
    char text[512]; /**< buddyd_error() of an error */
    char explanation[4096];
    unsigned nr_events; /**< since the client connected; the first of them: */
    struct client_event events[CLIENT_MAX_EVENTS];
};

/**
 * Start a process with this uid and gid (0: the test's own). It connects later. cgroup: a directory
 * in a hierarchy of cgroups that it enters first, or NULL. Returns 0 or a negative errno.
 */
int client_start(struct client *c, const struct daemon_proc *d, const char *name, unsigned uid,
                 const char *cgroup);
/** Connect. As all orders: returns 0, or a negative errno when the process does not answer. */
int client_connect(struct client *c, struct client_answer *ret);
/** Allocate one block, and keep it. */
int client_alloc(struct client *c, const struct buddyd_alloc *rq, struct client_answer *ret);
/** The same until something is refused, or max blocks were taken. */
int client_take(struct client *c, const struct buddyd_alloc *rq, unsigned max,
                struct client_answer *ret);
/** Free the nr blocks that were taken last. */
int client_free(struct client *c, unsigned nr, struct client_answer *ret);
/** Serve the connection until nr events have come in all, or it has ended. */
int client_events(struct client *c, unsigned nr, struct client_answer *ret);

/** Give the order to allocate one block; the answer is taken by client_finish(). */
int client_begin_alloc(struct client *c, const struct buddyd_alloc *rq);
/** Give the order to ask for blocks again and again until client_stop(), and keep all that is
 * granted. */
int client_begin_hunger(struct client *c, const struct buddyd_alloc *rq);
/** End the hunger; then client_finish(). */
int client_stop(struct client *c);
int client_finish(struct client *c, struct client_answer *ret);
/** Has the answer come? */
bool client_has_finished(const struct client *c);

/** kill -9, and wait for the end. */
void client_kill(struct client *c);
/** Close the connection, and end. Returns the exit status. */
int client_end(struct client *c);

#endif
