/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cage.h: a hugetlb cgroup with limit 0: who is in it can use hugepages that others have populated,
 * and can have none of its own. One at a time; needs root.
 */
#ifndef SUPPORT_CAGE_H
#define SUPPORT_CAGE_H

/**
 * Make it, of version 2 or else 1. The controller stays on for the root's children: others may have
 * turned it on, too. Returns 0; or a negative number when there is no such controller here, and
 * then, too, it is to be closed.
 */
int cage_open(void);
/** The calling process goes in. Returns 0 or a negative errno. */
int cage_enter(void);
/** Remove it, when all have gone. Nothing happens when there is none. */
void cage_close(void);

#endif
