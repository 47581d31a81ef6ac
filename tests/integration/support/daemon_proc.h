/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_proc.h: the real daemon, started from a configuration file in a directory of its own.
 *
 * It is ready when it says so over the notify socket, as it does to systemd.
 */
#ifndef SUPPORT_DAEMON_PROC_H
#define SUPPORT_DAEMON_PROC_H

#include <stddef.h>

#include "program.h"

struct daemon_proc {
    struct program program;
    char dir[64];
    char config[96]; /**< the paths in dir */
    char socket[96];
    char notify[96];
};

/** Make the directory. Returns 0 or a negative errno. Release with daemon_proc_end(). */
int daemon_proc_prepare(struct daemon_proc *d);
/**
 * Write the configuration: its [daemon] section with the socket (socket: NULL is d->socket), and
 * behind it zones as given. Returns 0 or a negative errno.
 */
int daemon_proc_configure(struct daemon_proc *d, const char *socket, const char *zones);
/**
 * Write one for clients of any user: one zone, marks as said of min_free_kbytes, and sections of
 * the policy as given. Returns 0 or a negative errno.
 */
int daemon_proc_configure_policy(struct daemon_proc *d, const char *marks, const char *policy);
/** The section of one zone, "test", of 64 MiB with the backing of this run. */
const char *daemon_proc_one_zone(void);
/**
 * Start it and wait until it says that it is ready. Returns 0; or a negative errno, with what it
 * said on stderr passed on, when it ends before that (-ECHILD) or is not ready in time.
 */
int daemon_proc_start(struct daemon_proc *d);
/** All of the above with one zone. */
int daemon_proc_run(struct daemon_proc *d);
/** The same with a policy; users of all kinds can come to its socket. */
int daemon_proc_run_policy(struct daemon_proc *d, const char *marks, const char *policy);

/** SIGHUP, and wait until it says that it is ready again. Returns 0 or a negative errno. */
int daemon_proc_reload(struct daemon_proc *d);

/** Of what a program says. */
#define DAEMON_PROC_TEXT_BYTES 20000
#define DAEMON_PROC_MAX_ARGS   16
/** Run buddyctl with args (NULL ends them) on it. out and err: DAEMON_PROC_TEXT_BYTES each, or
 * NULL. Returns its exit status, or as program_run(). */
int daemon_proc_ctl(const struct daemon_proc *d, const char *const args[], char *out, char *err);

/** Its open descriptors; -1 when it does not run. */
int daemon_proc_fds(const struct daemon_proc *d);
/** Files in its directory beside the configuration and the test's notify socket. */
int daemon_proc_leftovers(const struct daemon_proc *d);

/** SIGTERM, and wait. Returns its exit status, or 128 + signal; what it complained of is printed.
 */
int daemon_proc_stop(struct daemon_proc *d);
/** SIGKILL, and wait: the daemon is gone, its directory is there. */
void daemon_proc_kill(struct daemon_proc *d);
/** Kill what runs and remove the directory. Nothing happens the second time. */
void daemon_proc_end(struct daemon_proc *d);

#endif
