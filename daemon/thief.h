/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thief.h: clients whose memory file has more memory than they were given, or less.
 *
 * Whoever touches a hole of a file that he maps takes a free hugepage of the host, and the daemon's
 * are free for a moment as they pass. Whoever punches a hole gives one of the daemon's to the host,
 * and can take it from there; and the next client of his domain would find a hole in what it is
 * granted. The file's size on the host tells both. While pageblocks are on their way into the file
 * or out of it, it tells only of more than those; and a punch and a touch make up for each other:
 * that harms nobody but the domain itself, whose clients can do worse to each other.
 */
#ifndef DAEMON_THIEF_H
#define DAEMON_THIEF_H

#include <stdbool.h>

struct passing;

/** Time between two tries to renew what was punched out. */
#define THIEF_MEND_MS 10u

/**
 * Compare each file with the record. What is too much is punched out of it, and where something is
 * missing it is torn; the clients of its domain, who alone can have done it, are disconnected with
 * the reason. Not in a turn of a session.
 * Returns whether memory came back.
 */
bool thief_look(struct passing *p);
/** The same for one domain. */
bool thief_look_at(struct passing *p, unsigned domain);

/**
 * Is memory missing in the domain's files? Then nothing is to be granted in it: in a later turn its
 * clients are disconnected with the reason, and what they leave is populated again; what the host
 * has not is unbacked. NULL: there is one domain, where nobody looks.
 */
bool thief_torn(struct passing *p, unsigned domain);
/** See to domains whose files are torn: passing->mend_now runs it. */
void thief_mend(void *passing);

#endif
