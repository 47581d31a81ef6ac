/* SPDX-License-Identifier: Apache-2.0 */
/* replay_shared.c: positions, the gate, bells and page marks of a replay. */
#include "replay_shared.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes share these words, so they take no lock");
_Static_assert(sizeof(_Atomic uint32_t) == 4, "the kernel waits on four bytes");

static void futex_wait(_Atomic uint32_t *word, uint32_t value, const struct timespec *timeout)
{
    syscall(SYS_futex, word, FUTEX_WAIT, value, timeout, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

int replay_shared_new(unsigned nr_clients, const struct replay_zone *zones, unsigned nr_zones,
                      struct replay_shared **ret)
{
    struct replay_shared *s;
    size_t marks = 0;
    size_t bytes;
    unsigned i;

    if (!nr_clients || nr_clients > REPLAY_MAX_CLIENTS || nr_zones > REPLAY_MAX_ZONES)
        return -EINVAL;
    for (i = 0; i < nr_zones; i++)
        marks += (size_t)(zones[i].bytes >> zones[i].page_shift);
    bytes = sizeof(*s) + marks;
    s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1,
             0);
    if (s == MAP_FAILED)
        return -ENOMEM;
    s->bytes = bytes;
    s->nr_clients = nr_clients;
    s->nr_zones = nr_zones;
    marks = 0;
    for (i = 0; i < nr_zones; i++) {
        s->zones[i] = zones[i];
        s->zones[i].marks_at = marks;
        marks += (size_t)(zones[i].bytes >> zones[i].page_shift);
    }
    for (i = 0; i < nr_clients; i++) {
        s->seats[i].limit = REPLAY_NO_LIMIT;
        s->seats[i].ring_at = REPLAY_NO_LIMIT;
    }
    s->gate = 1;
    if (getrandom(&s->nonce, sizeof(s->nonce), 0) != sizeof(s->nonce))
        s->nonce = (uint64_t)time(NULL) << 32 | (uint32_t)getpid();
    *ret = s;
    return 0;
}

void replay_shared_free(struct replay_shared *s)
{
    if (s)
        munmap(s, s->bytes);
}

/* ---- how far ---- */

uint64_t replay_slowest(const struct replay_shared *s)
{
    uint64_t slowest = REPLAY_NO_LIMIT;
    unsigned i;

    for (i = 0; i < s->nr_clients; i++) {
        const struct replay_seat *seat = &s->seats[i];

        if (!seat->out && seat->phase <= REPLAY_PLAYING && seat->position < slowest)
            slowest = seat->position;
    }
    return slowest;
}

bool replay_all_quiet(const struct replay_shared *s)
{
    unsigned i;

    for (i = 0; i < s->nr_clients; i++) {
        const struct replay_seat *seat = &s->seats[i];

        if (!seat->out && seat->phase != REPLAY_FREED && seat->quiet != s->gate)
            return false;
    }
    return true;
}

bool replay_all_freed(const struct replay_shared *s)
{
    unsigned i;

    for (i = 0; i < s->nr_clients; i++)
        if (!s->seats[i].out && s->seats[i].phase != REPLAY_FREED)
            return false;
    return true;
}

void replay_set_gate(struct replay_shared *s, uint64_t limit, bool verify)
{
    s->limit = limit;
    s->verify = verify;
    s->gate++;
    replay_ring_clients(s);
    /* With nobody left all are quiet at once, and nobody will ring. */
    replay_ring_parent(s);
}

void replay_publish(struct replay_shared *s, unsigned seat, uint64_t position)
{
    struct replay_seat *me = &s->seats[seat];

    if (me->position == position)
        return;
    /* Both accesses are sequentially consistent, and so are the waiter's two: either it sees the
     * new position, or we see that it waits. */
    me->position = position;
    if (s->clients_waiting)
        replay_ring_clients(s);
    if (position >= me->ring_at) {
        me->ring_at = REPLAY_NO_LIMIT;
        replay_ring_parent(s);
    }
}

/* ---- waiting ---- */

uint32_t replay_wait_begin(struct replay_shared *s)
{
    s->clients_waiting++;
    return s->clients_bell;
}

void replay_wait(struct replay_shared *s, uint32_t bell)
{
    futex_wait(&s->clients_bell, bell, NULL);
}

void replay_wait_end(struct replay_shared *s)
{
    s->clients_waiting--;
}

void replay_ring_clients(struct replay_shared *s)
{
    s->clients_bell++;
    futex_wake(&s->clients_bell);
}

void replay_ring_parent(struct replay_shared *s)
{
    int saved = errno;

    s->parent_bell++;
    futex_wake(&s->parent_bell);
    errno = saved;
}

void replay_wait_parent(struct replay_shared *s, uint32_t bell, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

    futex_wait(&s->parent_bell, bell, timeout_ms < 0 ? NULL : &timeout);
}

/* ---- pages ---- */

/* The marks of a block, or NULL when it is not inside its zone. */
static _Atomic uint8_t *marks_of(struct replay_shared *s, unsigned zone, uint64_t offset,
                                 uint64_t bytes)
{
    const struct replay_zone *z;

    if (zone >= s->nr_zones)
        return NULL;
    z = &s->zones[zone];
    if (offset > z->bytes || bytes > z->bytes - offset)
        return NULL;
    return s->marks + z->marks_at + (offset >> z->page_shift);
}

int64_t replay_mark(struct replay_shared *s, unsigned seat, unsigned zone, uint64_t offset,
                    uint64_t bytes)
{
    _Atomic uint8_t *marks = marks_of(s, zone, offset, bytes);
    int64_t taken = 0;
    uint64_t i;

    if (!marks)
        return -ERANGE;
    for (i = 0; i < bytes >> s->zones[zone].page_shift; i++) {
        unsigned before = atomic_exchange(&marks[i], (uint8_t)(seat + 1));

        /* What the dead had may be granted again before their marks could be cleared. */
        if (before && !s->seats[before - 1].out)
            taken++;
    }
    return taken;
}

void replay_unmark(struct replay_shared *s, unsigned zone, uint64_t offset, uint64_t bytes)
{
    _Atomic uint8_t *marks = marks_of(s, zone, offset, bytes);
    uint64_t i;

    for (i = 0; marks && i < bytes >> s->zones[zone].page_shift; i++)
        marks[i] = 0;
}

void replay_count_live(struct replay_shared *s, int64_t pages)
{
    uint64_t live = atomic_fetch_add(&s->live_pages, (uint64_t)pages) + (uint64_t)pages;
    uint64_t peak = s->peak_pages;

    while (live > peak && pages > 0 && !atomic_compare_exchange_weak(&s->peak_pages, &peak, live))
        ;
}
