/* SPDX-License-Identifier: Apache-2.0 */
/* memory_room.c: MemAvailable, the node's free memory, and the limits of cgroups. */
#include "memory_room.h"

#include <errno.h>
#include <inttypes.h>
#include <mntent.h>
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The number behind key at the start of a line ("MemAvailable:"), in the file's own unit. */
static int read_field(const char *path, const char *key, uint64_t *ret)
{
    FILE *f = fopen(path, "re");
    char line[256];
    int rc = -ENOENT;

    if (!f)
        return -errno;
    while (rc < 0 && fgets(line, sizeof(line), f)) {
        const char *at = strstr(line, key);

        if (at && sscanf(at + strlen(key), " %" SCNu64, ret) == 1)
            rc = 0;
    }
    (void)fclose(f);
    return rc;
}

/** The number that is a file's whole content; "max" is UINT64_MAX. */
static int read_limit(const char *dir, const char *name, uint64_t *ret)
{
    char path[PATH_MAX + 64], word[32];
    FILE *f;
    int rc = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "re");
    if (!f)
        return -errno;
    if (fscanf(f, "%31s", word) != 1)
        rc = -EIO;
    else if (strcmp(word, "max") == 0)
        *ret = UINT64_MAX;
    else
        *ret = strtoull(word, NULL, 10);
    (void)fclose(f);
    return rc;
}

int memory_room_of_cgroup(const char *dir, uint64_t *ret)
{
    uint64_t limit = 0, usage = 0, cache = 0;
    const char *cache_key = "inactive_file";
    char stat[PATH_MAX + 64];

    if (read_limit(dir, "memory.max", &limit) < 0 ||
        read_limit(dir, "memory.current", &usage) < 0) {
        cache_key = "total_inactive_file";
        if (read_limit(dir, "memory.limit_in_bytes", &limit) < 0 ||
            read_limit(dir, "memory.usage_in_bytes", &usage) < 0)
            return -ENOENT;
    }
    if (limit == UINT64_MAX) {
        *ret = UINT64_MAX;
        return 0;
    }
    (void)snprintf(stat, sizeof(stat), "%s/memory.stat", dir);
    (void)read_field(stat, cache_key, &cache);
    usage = usage > cache ? usage - cache : 0;
    *ret = limit > usage ? limit - usage : 0;
    return 0;
}

static void tighten(struct memory_room *room, uint64_t bytes, const char *limit)
{
    if (bytes >= room->bytes)
        return;
    room->bytes = bytes;
    (void)snprintf(room->limit, sizeof(room->limit), "%s", limit);
}

/** The path of our cgroup in the hierarchy of the memory controller, from /proc/self/cgroup. */
static int own_cgroup(bool unified, char *ret, size_t size)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX + 64];
    int rc = -ENOENT;

    if (!f)
        return -errno;
    while (rc < 0 && fgets(line, sizeof(line), f)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (strcmp(controllers + 1, unified ? "" : "memory") == 0) {
            (void)snprintf(ret, size, "%s", path);
            rc = 0;
        }
    }
    (void)fclose(f);
    return rc;
}

/** Tighten room by each cgroup from ours up to the mount's root. */
static void tighten_by_cgroups(struct memory_room *room, const char *mount, bool unified)
{
    char dir[PATH_MAX], path[PATH_MAX], limit[PATH_MAX + 32];
    const size_t root = strlen(mount);
    uint64_t bytes;

    if (own_cgroup(unified, path, sizeof(path)) < 0 || root + strlen(path) >= sizeof(dir))
        return;
    (void)snprintf(dir, sizeof(dir), "%s%s", mount, path);
    /* In a container the path may be the host's, and the mount's root our own cgroup. */
    if (access(dir, F_OK) < 0)
        dir[root] = '\0';
    for (;;) {
        if (memory_room_of_cgroup(dir, &bytes) == 0) {
            (void)snprintf(limit, sizeof(limit), "the memory cgroup %s", dir);
            tighten(room, bytes, limit);
        }
        if (strlen(dir) <= root)
            break;
        *strrchr(dir, '/') = '\0';
    }
}

static void tighten_by_node(struct memory_room *room, int node)
{
    uint64_t free_kib = 0, active_kib = 0, inactive_kib = 0;
    char path[64], limit[32];

    (void)snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
    if (read_field(path, "MemFree:", &free_kib) < 0)
        return;
    /* As MemAvailable: what is free, and of the page cache the half that goes without pain. */
    (void)read_field(path, "Active(file):", &active_kib);
    (void)read_field(path, "Inactive(file):", &inactive_kib);
    (void)snprintf(limit, sizeof(limit), "node %d", node);
    tighten(room, (free_kib + (active_kib + inactive_kib) / 2) * 1024, limit);
}

int memory_room_read(int node, struct memory_room *ret)
{
    struct memory_room room = {.bytes = UINT64_MAX};
    uint64_t available_kib = 0;
    const struct mntent *mount;
    FILE *mounts;
    int rc;

    rc = read_field("/proc/meminfo", "MemAvailable:", &available_kib);
    if (rc < 0)
        return rc;
    tighten(&room, available_kib * 1024, "the host (MemAvailable)");
    /* The only node has what the host has. */
    if (node >= 0 && numa_available() >= 0 && numa_num_configured_nodes() > 1)
        tighten_by_node(&room, node);

    mounts = setmntent("/proc/self/mounts", "re");
    if (mounts) {
        while ((mount = getmntent(mounts))) {
            if (strcmp(mount->mnt_type, "cgroup2") == 0)
                tighten_by_cgroups(&room, mount->mnt_dir, true);
            else if (strcmp(mount->mnt_type, "cgroup") == 0 && hasmntopt(mount, "memory"))
                tighten_by_cgroups(&room, mount->mnt_dir, false);
        }
        (void)endmntent(mounts);
    }
    *ret = room;
    return 0;
}
