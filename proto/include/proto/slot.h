/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot.h: the slot word: one 64-bit word for each movable or reclaimable block, in memory that one
 * client and the daemon share. docs/PROTOCOL.md has the protocol, docs/model/slot.pml its proof.
 *
 *   bits  0-27  pfn          where the block is
 *   bits 28-33  zone
 *   bits 34-47  pins         how often the client has it pinned
 *   bits 48-49  state        enum slot_state
 *   bit     50  referenced   pinned since the daemon cleared it
 *   bit     51  waiter       somebody sleeps until it has moved
 *   bits 52-63  generation   counts the uses of the slot
 *
 * Clients change pins, referenced and waiter, the daemon the rest, each by compare-and-swap, but
 * for the daemon's end of a move, which is an exchange. The daemon believes the word for one thing
 * only: whether pins is 0.
 */
#ifndef PROTO_SLOT_H
#define PROTO_SLOT_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/limits.h"

#define SLOT_PFN_BITS         28
#define SLOT_ZONE_SHIFT       28
#define SLOT_ZONE_BITS        6
#define SLOT_PINS_SHIFT       34
#define SLOT_PINS_BITS        14
#define SLOT_STATE_SHIFT      48
#define SLOT_STATE_BITS       2
#define SLOT_GENERATION_SHIFT 52

_Static_assert(WIRE_MAX_ZONE_PAGES == UINT64_C(1) << SLOT_PFN_BITS, "a pfn fits the word");
_Static_assert(WIRE_MAX_ZONES == 1u << SLOT_ZONE_BITS, "a zone fits the word");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "processes share the words");

/** One word of the table. */
typedef _Atomic(uint64_t) slot_atomic;

_Static_assert(sizeof(slot_atomic) == sizeof(uint64_t), "an element of the table is 8 bytes");

enum slot_state {
    SLOT_EMPTY = 0,     /**< no block's */
    SLOT_NORMAL = 1,    /**< may be pinned */
    SLOT_MOVING = 2,    /**< not pinned; who wants to pin it waits */
    SLOT_DISCARDED = 3, /**< the block has no memory */
};

/** One pin, for adding and subtracting. */
#define SLOT_PIN        (UINT64_C(1) << SLOT_PINS_SHIFT)
#define SLOT_MAX_PINS   16383u
#define SLOT_REFERENCED (UINT64_C(1) << 50)
#define SLOT_WAITER     (UINT64_C(1) << 51)

static inline uint32_t slot_bits(uint64_t word, unsigned shift, unsigned bits)
{
    return (uint32_t)(word >> shift & ((UINT64_C(1) << bits) - 1));
}

static inline uint32_t slot_pfn(uint64_t word)
{
    return slot_bits(word, 0, SLOT_PFN_BITS);
}

static inline uint32_t slot_zone(uint64_t word)
{
    return slot_bits(word, SLOT_ZONE_SHIFT, SLOT_ZONE_BITS);
}

static inline uint32_t slot_pins(uint64_t word)
{
    return slot_bits(word, SLOT_PINS_SHIFT, SLOT_PINS_BITS);
}

static inline enum slot_state slot_state(uint64_t word)
{
    return (enum slot_state)slot_bits(word, SLOT_STATE_SHIFT, SLOT_STATE_BITS);
}

static inline uint32_t slot_generation(uint64_t word)
{
    return (uint32_t)(word >> SLOT_GENERATION_SHIFT);
}

/** A word without pins, and neither referenced nor waited for. All within bounds. */
static inline uint64_t slot_word(uint32_t zone, uint32_t pfn, enum slot_state state,
                                 uint32_t generation)
{
    return (uint64_t)generation << SLOT_GENERATION_SHIFT | (uint64_t)state << SLOT_STATE_SHIFT |
           (uint64_t)zone << SLOT_ZONE_SHIFT | pfn;
}

/**
 * The half of the word that holds pins, state and waiter, to sleep on by FUTEX_WAIT and to wake by
 * FUTEX_WAKE; both shared, not private.
 */
static inline uint32_t *slot_futex(slot_atomic *word)
{
    return (uint32_t *)word + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 0);
}

/** What the futex of a word is compared with. */
static inline uint32_t slot_futex_value(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

/* ---- the name of a slot in an AllocReply ---- */

/** Generations are 0 to 4095; slots 0 to WIRE_MAX_SLOTS - 1. */
#define SLOT_GENERATION_BITS 12

_Static_assert(WIRE_MAX_SLOT_NAME + 1 == (uint64_t)WIRE_MAX_SLOTS << SLOT_GENERATION_BITS,
               "the largest name is of the last slot");

static inline uint64_t slot_name(uint32_t index, uint32_t generation)
{
    return (uint64_t)index << SLOT_GENERATION_BITS | generation;
}

static inline uint32_t slot_name_index(uint64_t name)
{
    return (uint32_t)(name >> SLOT_GENERATION_BITS);
}

static inline uint32_t slot_name_generation(uint64_t name)
{
    return slot_bits(name, 0, SLOT_GENERATION_BITS);
}

#endif
