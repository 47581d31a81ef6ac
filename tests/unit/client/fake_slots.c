/* SPDX-License-Identifier: Apache-2.0 */
/* fake_slots.c: the daemon's side of the slot words. */
#include "fake_slots.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "must.h"

void fake_slots_create(struct fake_slots *s, uint32_t nr)
{
    size_t bytes = nr * sizeof(slot_atomic);

    s->fd = memfd_create("fake-slots", MFD_CLOEXEC);
    MUST(s->fd >= 0);
    MUST(ftruncate(s->fd, (off_t)bytes) == 0);
    s->word = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    MUST(s->word != MAP_FAILED);
    s->own = calloc(nr, sizeof(*s->own));
    MUST(s->own);
    s->nr = s->announced = nr;
}

void fake_slots_destroy(struct fake_slots *s)
{
    if (!s->nr)
        return;
    munmap(s->word, s->nr * sizeof(slot_atomic));
    close(s->fd);
    free(s->own);
}

/* The word becomes what the daemon says, whatever a client wrote. */
static void set(struct fake_slots *s, uint32_t index, uint64_t own)
{
    uint64_t old = atomic_exchange(&s->word[index], own);

    s->own[index] = own;
    if (old & SLOT_WAITER) {
        s->nr_wakes++;
        s->nr_woken += (unsigned)syscall(SYS_futex, slot_futex(&s->word[index]), FUTEX_WAKE,
                                         INT_MAX, NULL, NULL, 0);
    }
}

static uint64_t word_in(uint64_t own, enum slot_state state)
{
    return slot_word(slot_zone(own), slot_pfn(own), state, slot_generation(own));
}

uint64_t fake_slots_grant(struct fake_slots *s, uint32_t zone, uint32_t pfn)
{
    uint32_t index = s->next++ % s->nr;
    uint32_t generation = (slot_generation(s->own[index]) + 1) % (1u << SLOT_GENERATION_BITS);

    MUST(slot_state(s->own[index]) == SLOT_EMPTY);
    set(s, index, slot_word(zone, pfn, SLOT_NORMAL, generation));
    return slot_name(index, generation);
}

bool fake_slots_take(struct fake_slots *s, uint32_t index, enum slot_state state)
{
    uint64_t old = atomic_load(&s->word[index]), own = word_in(s->own[index], state);

    if (slot_pins(old) || !atomic_compare_exchange_strong(&s->word[index], &old, own))
        return false;
    s->own[index] = own;
    return true;
}

void fake_slots_publish(struct fake_slots *s, uint32_t index, uint32_t zone, uint32_t pfn)
{
    set(s, index, slot_word(zone, pfn, SLOT_NORMAL, slot_generation(s->own[index])));
}

void fake_slots_end(struct fake_slots *s, uint32_t index)
{
    set(s, index, word_in(s->own[index], SLOT_EMPTY));
}
