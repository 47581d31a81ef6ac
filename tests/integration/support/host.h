/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h: the machine that the tests run on: which backing this run is about, and its hugepages.
 *
 * Each test program is run once for each backing, named by its argument. Those on hugepages compare
 * the host's count before and after, so ctest runs them alone.
 */
#ifndef SUPPORT_HOST_H
#define SUPPORT_HOST_H

#include <stddef.h>
#include <stdint.h>

#define HUGEPAGE_BYTES (2ul * 1024 * 1024)
#define PAGE_BYTES     4096ul

/** Hugepages of a test daemon's one zone: 64 MiB. */
#define ZONE_HUGEPAGES 32l
#define ZONE_PAGES     (ZONE_HUGEPAGES * 512)

/** What a test program says with its exit status when it cannot run here. */
#define EXIT_SKIPPED 77

/**
 * Take the backing (shmem or hugetlb) from the program's argument; shmem without one. Returns 0, or
 * EXIT_SKIPPED when it cannot be had here; the reason is printed.
 */
int host_choose_backing(int argc, char **argv);
/** The same for tests that run clients of several users: those need root. */
int host_choose_backing_as_root(int argc, char **argv);
/** The backing of this run. */
const char *host_backing(void);
/** Is it on reserved hugepages? */
int host_on_hugepages(void);

/** Hugepages of 2 MiB that nobody has; a reserved one is somebody's. */
long host_free_hugepages(void);

/** The seed of a randomized test: BUDDYD_SEED, or a new one; printed. */
unsigned long host_seed(void);

/** Milliseconds of a clock that only goes forward. */
int64_t host_now_ms(void);

/** Say why a test is skipped, in the words that scripts/test looks for. */
void host_skipped(const char *reason);

#endif
