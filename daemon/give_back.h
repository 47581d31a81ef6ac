/* SPDX-License-Identifier: Apache-2.0 */
/*
 * give_back.h: zones that have as much memory as they need (give_back=yes): at least their size, at
 * most their max_size.
 *
 * Each second their free memory is looked at. What lay empty above the high mark for a while goes
 * back to the host, half of it at a time; when it is below the low mark, or a request waits, more
 * comes. What fails is tried again later and later.
 */
#ifndef DAEMON_GIVE_BACK_H
#define DAEMON_GIVE_BACK_H

#include <stdbool.h>
#include <stdint.h>

struct give_back;
struct hub;

/** How often zones are looked at. */
#define GIVE_BACK_LOOK_MS 1000u
/** Looks at which memory must have been empty before it goes. */
#define GIVE_BACK_LOOKS 5u
/** Looks that are left out at most after failures. */
#define GIVE_BACK_MAX_PAUSE 64u

/** Returns 0 or -ENOMEM. Release with give_back_free(). */
int give_back_create(struct hub *hub, struct give_back **ret);
/** NULL is allowed. */
void give_back_free(struct give_back *g);
/** Begin to look, if there is a zone to look at. */
void give_back_start(struct give_back *g);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void give_back_stop(struct give_back *g);

/** A request for so many pages waits for this zone. */
void give_back_want(struct give_back *g, unsigned zone, uint64_t pages);

#endif
