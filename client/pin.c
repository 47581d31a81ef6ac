/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pin.c: pointers to the content of blocks.
 *
 * One compare-and-swap pins and one unpins, without a lock and without the daemon. The order of
 * memory is that of a lock: what the daemon copied before it published a block's place is seen by
 * who pins it there, and what was written before an unpin is copied by the daemon that sees it.
 */
#include <errno.h>
#include <inttypes.h>

#include "connection.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)

/*
 * ThreadSanitizer does not see the daemon, which looks at the words before it gives memory that one
 * thread unpinned to a block that another pins. What stands in for it is the whole table.
 */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define SAW_DAEMON(b)  __tsan_acquire((b)->owner->slots.word)
#define SHOW_DAEMON(b) __tsan_release((b)->owner->slots.word)
#else
#define SAW_DAEMON(b)  ((void)0)
#define SHOW_DAEMON(b) ((void)0)
#endif

/* ---- blocks without a slot ---- */

__attribute__((noinline)) static int refuse_fixed(const struct buddyd_block *block)
{
    return error_set(-EINVAL,
                     "pin: no block of this connection can be %" PRIu64
                     " bytes at offset 0x%" PRIx64 " in zone %" PRIu32,
                     block->bytes, block->offset, block->zone);
}

static inline int pin_fixed(const struct buddyd *b, const struct buddyd_block *block, void **ret)
{
    const struct buddyd_zone *z = block->zone < WIRE_MAX_ZONES ? b->zones.by_id[block->zone] : NULL;

    if (!LIKELY(z && block->bytes <= z->bytes && block->offset <= z->bytes - block->bytes))
        return refuse_fixed(block);
    *ret = (char *)z->base + block->offset;
    return 0;
}

/* ---- blocks with one ---- */

static inline char *address(const struct zone_place *place, uint64_t word)
{
    return place->base + ((size_t)slot_pfn(word) << place->page_shift);
}

/* Can the block be pinned at once, as the word is? If not, why, without a text. */
static int look(const struct buddyd *b, const struct buddyd_block *block, uint64_t word)
{
    const struct zone_place *place = &b->owner->place[slot_zone(word)];

    if (slot_generation(word) != slots_generation(block->pinned_as) ||
        slot_state(word) == SLOT_EMPTY)
        return -ESTALE;
    if (slot_state(word) != SLOT_NORMAL)
        return slot_state(word) == SLOT_MOVING ? -EBUSY : -ENODATA;
    if (slot_pins(word) == SLOT_MAX_PINS)
        return -EAGAIN;
    return slot_pfn(word) < place->nr_pages ? 0 : -EPROTO;
}

__attribute__((noinline)) static int refuse(int error, uint64_t handle)
{
    switch (error) {
    case -ESTALE:
        return error_set(error, "pin: handle 0x%" PRIx64 " names no block any more", handle);
    case -ENODATA:
        return error_set(error,
                         "pin: the content of block 0x%" PRIx64
                         " was discarded: buddyd_renew() gives it memory again",
                         handle);
    case -EBUSY:
        return error_set(error, "pin: block 0x%" PRIx64 " is being moved", handle);
    case -EAGAIN:
        return error_set(error, "pin: block 0x%" PRIx64 " has %u pins, which is the most", handle,
                         SLOT_MAX_PINS);
    case -ENOTCONN:
        return error_set(error, "pin: the daemon is gone, and block 0x%" PRIx64 " was being moved",
                         handle);
    default:
        return error_set(error, "pin: the slot of block 0x%" PRIx64 " names no place in a zone",
                         handle);
    }
}

/* Whatever the word is, and however often it changes. */
__attribute__((noinline)) static int pin_slowly(struct buddyd *b, const struct buddyd_block *block,
                                                void **ret, bool wait)
{
    slot_atomic *word = &b->owner->slots.word[block->slot - 1];
    uint64_t old = atomic_load(word);
    int r;

    for (;;) {
        r = look(b, block, old);
        if (!r && atomic_compare_exchange_strong(word, &old, (old + SLOT_PIN) | SLOT_REFERENCED)) {
            SAW_DAEMON(b);
            *ret = address(&b->owner->place[slot_zone(old)], old);
            return 0;
        }
        if (r == -EBUSY && wait) {
            r = slots_wait(word, old, b->fd);
            old = atomic_load(word);
        }
        if (r)
            return refuse(r, block->handle);
    }
}

/* A block of another connection may lie beyond the table; and a child of fork() has no table. */
static inline bool has_slot(const struct buddyd *b, const struct buddyd_block *block)
{
    return block->slot - 1 < b->owner->slots.nr;
}

/* All but the usual case of a block with a slot; what is rare even here is in functions of its own.
 */
static inline int pin_otherwise(struct buddyd *b, const struct buddyd_block *block, void **ret,
                                bool wait)
{
    if (!LIKELY(b && b->owner->mine))
        return connection_enter(b);
    if (LIKELY(!block->slot))
        return pin_fixed(b, block, ret);
    return has_slot(b, block) ? pin_slowly(b, block, ret, wait) : refuse(-ESTALE, block->handle);
}

/* Functions of their own, called last and with the same arguments, so that the usual case saves no
 * registers. */
__attribute__((noinline)) static int pin_waiting(struct buddyd *b, const struct buddyd_block *block,
                                                 void **ret)
{
    return pin_otherwise(b, block, ret, true);
}

__attribute__((noinline)) static int pin_at_once(struct buddyd *b, const struct buddyd_block *block,
                                                 void **ret)
{
    return pin_otherwise(b, block, ret, false);
}

/* A pin that cannot be used is taken back. */
__attribute__((noinline)) static int pin_nowhere(struct buddyd *b, const struct buddyd_block *block)
{
    buddyd_unpin(b, block);
    return refuse(-EPROTO, block->handle);
}

/*
 * The usual case: the block is there, and nobody else changes the word meanwhile. With the most
 * pins one more makes the state another, so one comparison sees that too. What can be done after
 * the atomic operation is, since that waits for all that is before.
 */
static inline int pin(struct buddyd *b, const struct buddyd_block *block, void **ret,
                      int (*otherwise)(struct buddyd *, const struct buddyd_block *, void **))
{
    const struct zone_place *place;
    slot_atomic *word;
    uint64_t old, new;

    if (!LIKELY(b && has_slot(b, block)))
        return otherwise(b, block, ret);
    word = &b->owner->slots.word[block->slot - 1];
    old = atomic_load_explicit(word, memory_order_relaxed);
    new = (old + SLOT_PIN) | SLOT_REFERENCED;
    if (!LIKELY(new >> SLOT_STATE_SHIFT == block->pinned_as) ||
        !LIKELY(atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_acquire,
                                                        memory_order_relaxed)))
        return otherwise(b, block, ret);
    place = &b->owner->place[slot_zone(old)];
    if (!LIKELY(slot_pfn(old) < place->nr_pages))
        return pin_nowhere(b, block);
    SAW_DAEMON(b);
    *ret = address(place, old);
    return 0;
}

int buddyd_pin(struct buddyd *b, const struct buddyd_block *block, void **ret)
{
    return pin(b, block, ret, pin_waiting);
}

int buddyd_try_pin(struct buddyd *b, const struct buddyd_block *block, void **ret)
{
    return pin(b, block, ret, pin_at_once);
}

void buddyd_unpin(struct buddyd *b, const struct buddyd_block *block)
{
    slot_atomic *word;
    uint64_t old, new;

    if (!LIKELY(b && has_slot(b, block)))
        return;
    word = &b->owner->slots.word[block->slot - 1];
    SHOW_DAEMON(b);
    old = atomic_load_explicit(word, memory_order_relaxed);
    do {
        new = old - SLOT_PIN;
        // An unpin too many must not take another's pin. Of no pin, it would make the state
        // another; and of a state that is not NORMAL nothing is taken.
        if (!LIKELY(((old & new) | SLOT_REFERENCED) >> SLOT_STATE_SHIFT == block->pinned_as))
            return;
    } while (!LIKELY(atomic_compare_exchange_strong_explicit(word, &old, new, memory_order_release,
                                                             memory_order_relaxed)));
}
