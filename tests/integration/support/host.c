/* SPDX-License-Identifier: Apache-2.0 */
/* host.c: the backing of this run, and the host's hugepages; see host.h. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static const char *backing = "shmem";

static long read_number(const char *path)
{
    FILE *f = fopen(path, "re");
    char line[32] = "";

    if (!f)
        return 0;
    if (!fgets(line, sizeof(line), f))
        line[0] = '\0';
    fclose(f);
    return strtol(line, NULL, 10);
}

int host_choose_backing(int argc, char **argv)
{
    char reason[128];

    if (argc > 1)
        backing = argv[1];
    if (strcmp(backing, "shmem") == 0)
        return 0;
    if (strcmp(backing, "hugetlb") != 0) {
        fprintf(stderr, "unknown backing '%s': shmem or hugetlb\n", backing);
        return 2;
    }
    if (host_free_hugepages() >= 2 * ZONE_HUGEPAGES)
        return 0;
    snprintf(reason, sizeof(reason), "needs %ld free hugepages of 2 MiB, there are %ld",
             2 * ZONE_HUGEPAGES, host_free_hugepages());
    host_skipped(reason);
    return EXIT_SKIPPED;
}

int host_choose_backing_as_root(int argc, char **argv)
{
    if (geteuid() == 0)
        return host_choose_backing(argc, argv);
    host_skipped("needs root, to run clients of several users");
    return EXIT_SKIPPED;
}

const char *host_backing(void)
{
    return backing;
}

int host_on_hugepages(void)
{
    return strcmp(backing, "shmem") != 0;
}

long host_free_hugepages(void)
{
    return read_number(POOL "free_hugepages") - read_number(POOL "resv_hugepages");
}

unsigned long host_seed(void)
{
    const char *text = getenv("BUDDYD_SEED");
    struct timespec now;
    unsigned long seed;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = (unsigned long)now.tv_nsec ^ ((unsigned long)getpid() << 32);
    if (text)
        seed = strtoul(text, NULL, 0);
    printf("seed: BUDDYD_SEED=%lu\n", seed);
    return seed;
}

int64_t host_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void host_skipped(const char *reason)
{
    printf("skipped: %s\n", reason);
    fflush(stdout);
}
