/* SPDX-License-Identifier: Apache-2.0 */
/* service.h: the daemon of a host: its zones are configured, and its socket has a known path. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

struct options;

/** Serve until SIGTERM or SIGINT. Errors are logged. Returns an exit code. */
int service_run(const struct options *options);

/** Read the configuration and say "ok" on stdout, or what is wrong. Returns an exit code. */
int service_check(const struct options *options);

#endif
