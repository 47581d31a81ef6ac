/* SPDX-License-Identifier: Apache-2.0 */
/* private.h: a daemon of its own for one command, as `dbus-run-session` has a bus for one. */
#ifndef DAEMON_PRIVATE_H
#define DAEMON_PRIVATE_H

struct options;

/**
 * Run the command with a daemon of one zone, for as long as it lives. Errors are logged. Returns
 * the command's exit status, or an exit code. Call it before there is any other thread.
 */
int private_run(const struct options *options);

#endif
