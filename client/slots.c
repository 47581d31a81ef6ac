/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.c: the slot table, and the wait for a moving block.
 *
 * The table is mapped at its full length, so that it never moves when the daemon fills more of it.
 * MADV_DONTFORK as for zones: a child that unpinned would undo its parent's pins.
 */
#include "slots.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "transport.h"

/* A move takes less than a millisecond: who waits this long asks whether the daemon lives. */
#define WAIT_NS 100000000L

int slots_map(struct slot_table *t, uint32_t nr, int fd, struct client_error *why)
{
    size_t bytes = nr * sizeof(slot_atomic);
    char buf[128];
    struct stat st;
    void *p;
    int r;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < bytes)
        return error_write(why, -EPROTO, "the slot table: its file has not %zu bytes", bytes);
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED)
        goto failed;
    if (madvise(p, bytes, MADV_DONTFORK) < 0)
        goto unmap;
    *t = (struct slot_table){.word = p, .nr = nr};
    return 0;
unmap:
    r = errno;
    munmap(p, bytes);
    errno = r;
failed:
    r = -errno;
    return error_write(why, r, "the slot table: %zu bytes cannot be mapped: %s", bytes,
                       error_name(r, buf, sizeof(buf)));
}

void slots_unmap(struct slot_table *t)
{
    if (t->nr)
        munmap(t->word, t->nr * sizeof(slot_atomic));
    *t = (struct slot_table){0};
}

int slots_wait(slot_atomic *word, uint64_t old, int socket)
{
    const struct timespec timeout = {.tv_nsec = WAIT_NS};

    // Without the bit nobody would wake us. A word that changed meanwhile is not waited for.
    if (!(old & SLOT_WAITER) && !atomic_compare_exchange_strong(word, &old, old | SLOT_WAITER))
        return 0;
    if (syscall(SYS_futex, slot_futex(word), FUTEX_WAIT, slot_futex_value(old | SLOT_WAITER),
                &timeout, NULL, 0) == 0 ||
        errno == EAGAIN)
        return 0;
    // Of no events asked for, only a hang-up comes.
    return transport_poll(socket, 0, 0) == 0 ? -ENOTCONN : 0;
}
