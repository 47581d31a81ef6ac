/* SPDX-License-Identifier: Apache-2.0 */
/* lasting.c: memfds that nobody can resize, and their mappings. */
#include "lasting.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int lasting_create(const char *name, size_t bytes, struct lasting_memory *ret)
{
    void *addr;
    int error;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -errno;
    /* Born 0777: whoever gets it read-only could open it again for writing. */
    if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        goto fail_close;
    addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (addr == MAP_FAILED)
        goto fail_close;
    *ret = (struct lasting_memory){.fd = fd, .addr = addr, .bytes = bytes};
    return 0;

fail_close:
    error = -errno;
    (void)close(fd);
    return error;
}

void lasting_free(struct lasting_memory *m)
{
    if (m->addr)
        (void)munmap(m->addr, m->bytes);
    if (m->fd >= 0)
        (void)close(m->fd);
    *m = (struct lasting_memory){.fd = -1};
}
