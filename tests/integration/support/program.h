/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.h: run one of the real programs and keep what it says.
 *
 * What it prints goes to memory files, so that it never blocks on a pipe that nobody reads. It dies
 * with the test: an assertion that fails leaves no process behind.
 */
#ifndef SUPPORT_PROGRAM_H
#define SUPPORT_PROGRAM_H

#include <stddef.h>
#include <sys/types.h>

/** Patience with anything that should take milliseconds, sanitizers and a busy machine included. */
#define PATIENCE_MS 60000

struct program {
    pid_t pid; /**< 0: not running */
    int pidfd;
    int out; /**< all that it printed to stdout so far */
    int err;
};

/**
 * Start argv[0], a path, with the environment of the test and env ("NAME=VALUE", or "NAME" to unset
 * it; NULL ends both lists; env may be NULL). Returns 0 or a negative errno. End with
 * program_end().
 */
int program_start(struct program *p, const char *const argv[], const char *const env[]);

/**
 * Wait until it has ended. Returns its status as waitpid(2) gives it, or -ETIMEDOUT after
 * timeout_ms, and then it has been killed.
 */
int program_wait(struct program *p, int timeout_ms);

/** What it printed to p->out or p->err: a string in buf, cut at size. */
char *program_text(int fd, char *buf, size_t size);

/** Kill it if it runs, and close what is open. Nothing happens the second time. */
void program_end(struct program *p);

/** Start, wait, and exit status (or 128 + signal); out and err may be NULL. -1: it did not run. */
int program_run(const char *const argv[], const char *const env[], char *out, size_t out_size,
                char *err, size_t err_size);

#endif
