/* SPDX-License-Identifier: Apache-2.0 */
/* cage.c: a cgroup that can have no hugepages; see cage.h. */
#include "cage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char cage[64];       /* the cgroup */
static char cage_mount[32]; /* what was mounted for it */

static int write_text(const char *dir, const char *name, const char *text)
{
    char path[128];
    int fd, n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    n = (int)write(fd, text, strlen(text));
    close(fd);
    return n < 0 ? -EIO : 0;
}

static int make_cage(const char *root, const char *limit)
{
    snprintf(cage, sizeof(cage), "%s/buddyd-hostile-%d", root, (int)getpid());
    if (mkdir(cage, 0755) != 0) {
        cage[0] = '\0';
        return -errno;
    }
    return write_text(cage, limit, "0");
}

int cage_open(void)
{
    const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

    for (unsigned i = 0; i < 2; i++) {
        if (write_text(roots[i], "cgroup.subtree_control", "+hugetlb") == 0)
            return make_cage(roots[i], "hugetlb.2MB.max");
    }
    snprintf(cage_mount, sizeof(cage_mount), "/tmp/buddyd-cage-XXXXXX");
    if (!mkdtemp(cage_mount)) {
        cage_mount[0] = '\0';
        return -1;
    }
    if (mount("none", cage_mount, "cgroup", 0, "hugetlb") != 0)
        return -1;
    return make_cage(cage_mount, "hugetlb.2MB.limit_in_bytes");
}

void cage_close(void)
{
    if (cage[0])
        rmdir(cage);
    if (cage_mount[0]) {
        umount(cage_mount);
        rmdir(cage_mount);
    }
    cage[0] = cage_mount[0] = '\0';
}

int cage_enter(void)
{
    return write_text(cage, "cgroup.procs", "0");
}
