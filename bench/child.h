/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h: other programs that a benchmark starts: the sides of a comparison, peers, the daemon.
 *
 * They inherit our core. They get SIGTERM when we die, so that nothing is left behind.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/**
 * Run a program to its end.
 * argv: as for execvp(). env: NAME=VALUE to add, ends with NULL; may be NULL. out: what it prints
 * on stdout, as a string of at most size - 1 bytes; stderr is ours. Returns its exit status (128 +
 * the number of the signal that ended it), or a negative errno; -E2BIG when out is too small.
 */
int child_run(const char *const argv[], const char *const env[], char *out, size_t size);

/**
 * Start a program and wait until a line of its stdout holds a text.
 * Returns 0 and its pid, to be ended with child_stop(); -ENOENT when it cannot be started,
 * -ETIMEDOUT after timeout_ms, -ECHILD when it ended before.
 */
int child_start(const char *const argv[], const char *ready, int timeout_ms, pid_t *ret_pid);

/** Start a function in a process of its own, which ends when it returns. */
int child_fork(void (*run)(void *data), void *data, pid_t *ret_pid);

/** The file name of this program, to start it again. Returns 0, or a negative errno. */
int child_self(char *ret, size_t size);

/** The daemon that was built with this program (self: child_self()), or else the one that $PATH
 * finds. buf: room for its name. */
const char *child_find_daemon(const char *self, char *buf, size_t size);

/** Wait until a child has ended: its exit status as of child_run(). */
int child_wait(pid_t pid);

/** Ask a child to end, and wait until it has. */
void child_stop(pid_t pid);

#endif
