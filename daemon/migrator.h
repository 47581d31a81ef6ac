/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrator.h: blocks that are moved to another NUMA node at somebody's word: one, or all that a
 * session has.
 *
 * Each goes to the first zone of the node that its owner's policy allows and that has room; the
 * mover copies it. What is pinned, never moves, or finds no room is left where it is, and counted.
 *
 * First come, first served. When who asked is gone, no more of it is done.
 */
#ifndef DAEMON_MIGRATOR_H
#define DAEMON_MIGRATOR_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct hub;
struct migrator;

/** Requests that are carried out at a time; others wait for their turn. */
#define MIGRATOR_ORDERS 16u
/** Requests of one session that are not answered yet: more are refused. */
#define MIGRATOR_SESSION_ORDERS 4u
/** Moves of one of them that are under way at a time. */
#define MIGRATOR_MOVES 32u
/** Handles that one of them looks at in a turn of the loop. */
#define MIGRATOR_SLICE 1024u

/** Returns 0 or -ENOMEM. Release with migrator_free(). */
int migrator_create(struct hub *hub, struct migrator **ret);
/** NULL is allowed. */
void migrator_free(struct migrator *m);
/** Begin to serve; the hub's mover has been started. */
void migrator_start(struct migrator *m);

/** Whose blocks a migrate is about: the session that it names, else its handle's, else the asker.
 */
uint32_t migrator_whose(const struct call *c);
/** Carry it out; the asker may. */
void migrator_handle(struct call *c, uint32_t whose);

#endif
