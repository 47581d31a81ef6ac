/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resizer.h: zones that grow and shrink while the daemon runs, at their ends.
 *
 * To grow, the thread pool populates what lies behind the zone's end in its memory file, which is
 * as long as the zone can become; then mm/ has it. To shrink, mm/ empties the end: movable blocks
 * move, and reclaimable ones without room elsewhere are discarded; then the thread pool punches it,
 * and the hugepages are the host's again. Blocks that their clients have pinned are waited for a
 * while; what stays in the way is told, by owner.
 *
 * One change of a zone at a time.
 */
#ifndef DAEMON_RESIZER_H
#define DAEMON_RESIZER_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct hub;
struct resizer;

/** How long blocks that are pinned, or busy for others, are waited for, since the last one left,
 * and in all while nothing moves. */
#define RESIZER_PATIENCE_MS     1000u
#define RESIZER_MAX_PATIENCE_MS 10000u
/** Blocks of what goes that are looked at in a turn of the loop, about: half of 100 us of work. */
#define RESIZER_SLICE 512u
/** How often they are looked at meanwhile. */
#define RESIZER_LOOK_MS 20u

/** Returns 0 or -ENOMEM. Release with resizer_free(). */
int resizer_create(struct hub *hub, struct resizer **ret);
/** NULL is allowed. */
void resizer_free(struct resizer *r);
/** Begin to serve; the hub's mover has been started. */
void resizer_start(struct resizer *r);
/** Begin no more; the hub is used until its handles are closed and its jobs done. */
void resizer_stop(struct resizer *r);

/** Let a zone grow, or shrink if that is below 0, by whole pageblocks that it has or has room for,
 * without an answer. Returns 0, or -EBUSY. */
int resizer_begin(struct resizer *r, unsigned zone, int64_t delta_bytes);
/** Is this zone being resized? */
bool resizer_works(const struct resizer *r, unsigned zone);
/** Carry a resize_zone out; the asker may. */
void resizer_handle(struct call *c);

#endif
