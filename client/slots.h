/* SPDX-License-Identifier: Apache-2.0 */
/* slots.h: the slot table that this client and the daemon share, and the wait for a moving block.
 */
#ifndef CLIENT_SLOTS_H
#define CLIENT_SLOTS_H

#include "error.h"
#include "proto/slot.h"

/** Zero-filled is empty. After connecting it only is read, so no lock guards it; its words are
 * atomic. */
struct slot_table {
    slot_atomic *word;
    uint32_t nr; /**< words; 0: there is no table */
};

/**
 * How the word of a block begins, from the state's bits on, just after a pin: normal, referenced,
 * not waited for, and of this generation. A block keeps it so, since each pin compares it.
 */
static inline uint32_t slots_pinned_as(uint32_t generation)
{
    return (uint32_t)((slot_word(0, 0, SLOT_NORMAL, generation) | SLOT_REFERENCED) >>
                      SLOT_STATE_SHIFT);
}

static inline uint32_t slots_generation(uint32_t pinned_as)
{
    return pinned_as >> (SLOT_GENERATION_SHIFT - SLOT_STATE_SHIFT);
}

/**
 * Map the table of nr words (1 to WIRE_MAX_SLOTS) in the file fd, which stays the caller's. -EPROTO
 * when the file is too short, or an errno of mmap(2); the reason in why.
 */
int slots_map(struct slot_table *t, uint32_t nr, int fd, struct client_error *why);
void slots_unmap(struct slot_table *t);
/**
 * Sleep while *word is old, which is MOVING. socket: the connection's. Returns 0 when the word is
 * to be looked at again, or -ENOTCONN when the daemon, who would end the move, is gone.
 */
int slots_wait(slot_atomic *word, uint64_t old, int socket);

#endif
