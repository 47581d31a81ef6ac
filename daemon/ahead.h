/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead.h: empty pageblocks lie ready in the file of each domain in use, so that a claim seldom
 * waits; and those in the files of domains that nobody has any more go back to domain 0.
 *
 * The rule: a pageblock passes ahead only out of a file that has more of them than its own domain
 * keeps, while the other empty ones are above the zone's high mark, and where no guarantee needs it
 * (zone_pass_ahead()). So nobody's supply is taken for another's, and nothing passes to and fro.
 */
#ifndef DAEMON_AHEAD_H
#define DAEMON_AHEAD_H

#include <stdint.h>

struct passing;

/** How often domains are looked at that nobody has, and files for what should not be in them. */
#define AHEAD_LOOK_MS 1000u
/** Looks after which a domain without owner loses its memory: he may be back at once. */
#define AHEAD_IDLE_LOOKS 2u
/** Pageblocks of such a domain that pass in one look, of each zone. */
#define AHEAD_BACK_BLOCKS 64u
/** Pageblocks that set out in a turn of the loop, each after a look at all domains. */
#define AHEAD_SLICE 16u

/** A domain has come, or taken from what lay ready: see, in a later turn, that it has enough. NULL:
 * nothing happens. */
void ahead_look(struct passing *p, unsigned domain);
/**
 * A request of several blocks waits for the first that passes: let others come with it, where that
 * one comes from. bytes: of all of them.
 */
void ahead_demand(struct passing *p, unsigned domain, uint64_t bytes);
/** One slice of what is to be seen to: passing->ahead runs it. */
void ahead_slice(void *passing);
/** A client of a domain has come: from now on files are looked at. NULL: nothing happens. */
void ahead_join(struct passing *p, unsigned domain);

#endif
