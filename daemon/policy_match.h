/* SPDX-License-Identifier: Apache-2.0 */
/* policy_match.h: which section is for a peer: the most specific one. */
#ifndef DAEMON_POLICY_MATCH_H
#define DAEMON_POLICY_MATCH_H

#include <sys/types.h>

struct policy_section;

/**
 * The section for a peer: that of its unit, then of its uid, of its gid, and the default one, of
 * which there must be one. cgroup: its path, or "". Of several units in the path the deepest
 * counts; but nothing below the first service or scope does, since who runs in it may make what
 * it likes there.
 */
struct policy_section *policy_match(struct policy_section *const *sections, unsigned nr, uid_t uid,
                                    gid_t gid, const char *cgroup);

#endif
