/* SPDX-License-Identifier: Apache-2.0 */
/* slot_table.c: slots in a queue, memory behind them, and the few things that are done to a word.
 */
#include "slot_table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lasting.h"

/* Memory is brought in by doubling, but in one step never more than is quickly zeroed; and it is
 * given back in steps of the same size. */
#define MIN_STEP_SLOTS SLOT_TABLE_FREE_SLOTS
#define MAX_STEP_SLOTS 4096u
#define PAGE_BYTES     4096u
#define MAX_GENERATION 0xfffu

/* What is known of a slot. next: index + 1 of the next free one; 0: none. */
struct slot {
    uint32_t next;
    uint16_t generation;
};

struct slot_table {
    struct slot_budget *budget;
    struct lasting_memory memory;
    slot_atomic *word;
    struct slot *slot; /* for all of them; NULL before the first is ready */
    uint32_t max;
    uint32_t ready; /* slots with memory */
    uint32_t end;   /* those of them that were ever taken */
    uint32_t used;
    uint32_t free_first; /* index + 1 */
    uint32_t free_last;
};

int slot_table_create(uint32_t max, struct slot_budget *budget, struct slot_table **ret)
{
    struct slot_table *t;
    int error;

    if (max < 1 || max > WIRE_MAX_SLOTS)
        return -EINVAL;
    t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    error = lasting_create("buddyd-slots", max * sizeof(uint64_t), &t->memory);
    if (error) {
        free(t);
        return error;
    }
    t->budget = budget;
    t->word = t->memory.addr;
    t->max = max;
    *ret = t;
    return 0;
}

void slot_table_free(struct slot_table *t)
{
    if (!t)
        return;
    t->budget->ready -= t->ready;
    lasting_free(&t->memory);
    if (t->slot)
        (void)munmap(t->slot, t->max * sizeof(struct slot));
    free(t);
}

int slot_table_fd(const struct slot_table *t)
{
    return t->memory.fd;
}

uint32_t slot_table_max(const struct slot_table *t)
{
    return t->max;
}

uint32_t slot_table_used(const struct slot_table *t)
{
    return t->used;
}

/* ---- which slots there are ---- */

/* Clients sleep on the half that has the state. */
static void wake(slot_atomic *word)
{
    (void)syscall(SYS_futex, slot_futex(word), FUTEX_WAKE, SLOT_MAX_WAKES, NULL, NULL, 0);
}

/* Records lie in memory that is never touched before it is needed, zero-filled. */
static int make_records(struct slot_table *t)
{
    void *records;

    if (t->slot)
        return 0;
    records = mmap(NULL, t->max * sizeof(struct slot), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (records == MAP_FAILED)
        return -ENOMEM;
    t->slot = records;
    return 0;
}

static int grow(struct slot_table *t)
{
    uint32_t step = t->ready;

    if (step < MIN_STEP_SLOTS)
        step = MIN_STEP_SLOTS;
    if (step > MAX_STEP_SLOTS)
        step = MAX_STEP_SLOTS;
    if (step > t->max - t->ready)
        step = t->max - t->ready;
    if (step == 0)
        return -ENOSPC;
    if (t->ready != 0 && t->budget->ready + step > t->budget->max)
        return -EDQUOT;
    if (make_records(t))
        return -ENOMEM;
    while (fallocate(t->memory.fd, 0, (off_t)(t->ready * sizeof(uint64_t)),
                     (off_t)(step * sizeof(uint64_t))) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    t->ready += step;
    t->budget->ready += step;
    return 0;
}

/* Whole pages, the last one beyond the end if need be. */
static size_t page_bytes(uint32_t nr, size_t each)
{
    return (nr * each + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

bool slot_table_drain(struct slot_table *t)
{
    const uint32_t end = t->ready;

    if (end == 0)
        return false;
    t->ready = (end - 1) / MAX_STEP_SLOTS * MAX_STEP_SLOTS;
    t->budget->ready -= end - t->ready;
    /* What fails goes with the table. */
    (void)madvise(t->slot + t->ready, page_bytes(end - t->ready, sizeof(struct slot)),
                  MADV_DONTNEED);
    (void)fallocate(t->memory.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t)(t->ready * sizeof(uint64_t)),
                    (off_t)page_bytes(end - t->ready, sizeof(uint64_t)));
    return t->ready != 0;
}

int slot_table_reserve(struct slot_table *t, uint32_t nr)
{
    int error = 0;

    while (!error && t->ready - t->used < nr)
        error = grow(t);
    return error;
}

uint32_t slot_table_take(struct slot_table *t, uint16_t *ret_generation)
{
    const bool fresh = t->end < t->ready;
    const uint32_t index = fresh ? t->end++ : t->free_first - 1;
    struct slot *slot = &t->slot[index];

    if (!fresh) {
        t->free_first = slot->next;
        if (t->free_first == 0)
            t->free_last = 0;
    }
    slot->generation = slot->generation < MAX_GENERATION ? (uint16_t)(slot->generation + 1) : 1;
    slot->next = 0;
    t->used++;
    *ret_generation = slot->generation;
    return index;
}

void slot_table_put(struct slot_table *t, uint32_t slot)
{
    if (atomic_exchange(&t->word[slot], 0) & SLOT_WAITER)
        wake(&t->word[slot]);
    if (t->free_last != 0)
        t->slot[t->free_last - 1].next = slot + 1;
    else
        t->free_first = slot + 1;
    t->free_last = slot + 1;
    t->used--;
}

/* ---- words ---- */

uint64_t slot_table_look(const struct slot_table *t, uint32_t slot)
{
    return atomic_load(&t->word[slot]);
}

bool slot_table_pinned(const struct slot_table *t, uint32_t slot)
{
    return slot_pins(slot_table_look(t, slot)) != 0;
}

bool slot_table_referenced(struct slot_table *t, uint32_t slot)
{
    uint64_t w = atomic_load(&t->word[slot]);

    if (!(w & SLOT_REFERENCED))
        return false;
    (void)atomic_compare_exchange_strong(&t->word[slot], &w, w & ~SLOT_REFERENCED);
    return true;
}

bool slot_table_seize(struct slot_table *t, uint32_t slot, uint64_t word, uint64_t *ret_before)
{
    uint64_t w = atomic_load(&t->word[slot]);

    if (slot_pins(w) != 0 || !atomic_compare_exchange_strong(&t->word[slot], &w, word))
        return false;
    *ret_before = w;
    return true;
}

void slot_table_publish(struct slot_table *t, uint32_t slot, uint64_t word, enum slot_state left)
{
    uint64_t w = atomic_exchange(&t->word[slot], word);

    if ((w & SLOT_WAITER) || slot_state(w) != left)
        wake(&t->word[slot]);
}
