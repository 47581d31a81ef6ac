/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lasting.h: small shared memory of the daemon's own, in a memfd that can outlive the process: the
 * metadata of zones, the handle table, tables of slots.
 */
#ifndef DAEMON_LASTING_H
#define DAEMON_LASTING_H

#include <stddef.h>

/** Memory in a memfd, mapped shared, that can outlive the process. */
struct lasting_memory {
    int fd; /**< -1: none */
    void *addr;
    size_t bytes;
};

/**
 * Make a memfd of ordinary pages, 0600, sealed at its length, and map it. It is sparse, and zeros.
 * Returns 0 or a negative errno; release with lasting_free().
 */
int lasting_create(const char *name, size_t bytes, struct lasting_memory *ret);
/** What was never made (fd -1, addr NULL) is allowed. */
void lasting_free(struct lasting_memory *m);

#endif
