/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor.h: a client process that a test directs.
 *
 * An actor is a fork of the test that plays one function and talks with the test over a socket: it
 * tells where it is, and waits for the word to go on, so that no test has to guess how far a client
 * has come. Start actors before the test connects to the daemon itself: a fork would hold a copy of
 * the test's own connection. An actor has no assertions: what does not hold ends it with a line on
 * stderr.
 */
#ifndef SUPPORT_ACTOR_H
#define SUPPORT_ACTOR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "buddyd.h"

/** Leave an actor's function when something does not hold. */
#define ACTOR_MUST(what)                                                                           \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "actor: %s:%d: %s; last error: %s\n", __FILE__, __LINE__, #what,       \
                    buddyd_error());                                                               \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

/** What an actor plays. link: to the test. Returns its exit status. */
typedef int (*actor_fn)(int link, void *arg);

struct actor {
    pid_t pid; /**< 0: has ended */
    int link;  /**< to the actor */
};

/** Start an actor. Returns 0 or a negative errno. */
int actor_start(struct actor *a, actor_fn play, void *arg);
/** Wait for its end. Returns its exit status, or 128 + the signal that killed it. */
int actor_wait(struct actor *a);
/** Kill it with SIGKILL and wait for its end. Nothing happens when it has ended. */
void actor_kill(struct actor *a);

/** In an actor: be of this user and group from now on; 0: as it is. Returns 0 or a negative errno.
 */
int actor_become(uid_t uid);

/** Say a number to the other side. Returns 0 or a negative errno. */
int actor_say(int link, uint64_t value);
/** Hear a number: 0, -EPIPE when the other side has gone, -ETIMEDOUT. */
int actor_hear(int link, uint64_t *ret);
/** The same for larger things, of exactly size bytes. */
int actor_send(int link, const void *data, size_t size);
int actor_receive(int link, void *data, size_t size);

#endif
