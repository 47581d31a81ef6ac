/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup.h: in which cgroup a process is: its path tells which systemd unit it belongs to. */
#ifndef DAEMON_CGROUP_H
#define DAEMON_CGROUP_H

#include <stddef.h>
#include <sys/types.h>

/** Bytes for a path; longer ones are not known. */
#define CGROUP_PATH_BYTES 1024u

/**
 * Find the path in the text of a /proc/PID/cgroup: of cgroup v2, or else systemd's own hierarchy of
 * v1. Returns 0; -ENOENT when neither is there; -ENAMETOOLONG.
 */
int cgroup_parse(const char *text, char ret[CGROUP_PATH_BYTES]);

/**
 * Read it for a process. pidfd: of that process; it proves that the number still was its own when
 * its file had been read. Returns 0; -ESRCH when the process is gone; or as cgroup_parse() and the
 * system calls say.
 */
int cgroup_of(pid_t pid, int pidfd, char ret[CGROUP_PATH_BYTES]);

/** The same for tests: proc is what stands for /proc. */
int cgroup_read(const char *proc, pid_t pid, int pidfd, char ret[CGROUP_PATH_BYTES]);

#endif
