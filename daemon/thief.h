/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thief.h: clients whose memory file has more memory than they were given.
 *
 * Whoever touches a hole of a file that he maps takes a free hugepage of the host, and the daemon's
 * are free for a moment as they pass. The file's size on the host tells it.
 */
#ifndef DAEMON_THIEF_H
#define DAEMON_THIEF_H

#include <stdbool.h>

struct passing;

/**
 * Compare each file with the record. What is too much is punched out of it, and the clients of its
 * domain, who alone can have done it, are disconnected with the reason. Not in a turn of a session.
 * Returns whether memory came back.
 */
bool thief_look(struct passing *p);
/** The same for one domain. */
bool thief_look_at(struct passing *p, unsigned domain);

#endif
