/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_slots.h: the daemon's side of the slot words, for tests to move and discard blocks with.
 *
 * Any thread may call these, one at a time for each slot.
 */
#ifndef FAKE_SLOTS_H
#define FAKE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/slot.h"

/** Zero-filled: no table. */
struct fake_slots {
    int fd;
    uint32_t nr;
    uint32_t announced; /**< what Hello says of nr */
    slot_atomic *word;
    uint64_t *own;     /**< what each word must say, without pins */
    uint32_t next;     /**< slots are used first-in first-out */
    unsigned nr_wakes; /**< calls */
    unsigned nr_woken; /**< threads that slept then */
};

void fake_slots_create(struct fake_slots *s, uint32_t nr);
void fake_slots_destroy(struct fake_slots *s);
/** A slot for a block at this place: its name. */
uint64_t fake_slots_grant(struct fake_slots *s, uint32_t zone, uint32_t pfn);
/** From NORMAL to state, MOVING or DISCARDED. False: it is pinned, or changes. */
bool fake_slots_take(struct fake_slots *s, uint32_t index, enum slot_state state);
/** To NORMAL, at this place; wakes who waits. */
void fake_slots_publish(struct fake_slots *s, uint32_t index, uint32_t zone, uint32_t pfn);
/** The block is freed. */
void fake_slots_end(struct fake_slots *s, uint32_t index);

#endif
