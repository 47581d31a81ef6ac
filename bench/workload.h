/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.h: what is asked of an allocator of pages, the same for ours and for the peers.
 *
 * The loops are forced inline with the two calls that they are given, so that each side calls its
 * allocator directly, as a program would, and all sides run the same loop around it. What the loop
 * itself costs is measured by a side that allocates nothing.
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "random.h"

#define WORKLOAD_INLINE static inline __attribute__((always_inline))

/** The largest order of a mixed workload: 2 MiB. */
#define WORKLOAD_MAX_ORDER 9u
/** Blocks that can be live at a time: more than 70 % of 16 GiB is made of. */
#define WORKLOAD_MAX_LIVE (1u << 20)
/** Blocks that the LIFO workload takes before it gives them back. */
#define WORKLOAD_LIFO 64u
/** So many operations ahead the churn knows which block it will free. */
#define WORKLOAD_AHEAD 8u

/** Allocate 2^order pages; 0 is a refusal. */
typedef uintptr_t (*take_fn)(void *allocator, unsigned order, unsigned type);
/** Free what take gave. */
typedef void (*give_fn)(void *allocator, uintptr_t block);

/** The live blocks, and where the random numbers come from. */
struct workload {
    void *allocator;
    uintptr_t *live; /**< WORKLOAD_MAX_LIVE; 0: refused */
    size_t nr_live;
    uint64_t random;
    uint64_t refused;
    bool mixed_types; /**< unmovable, movable and reclaimable; else movable alone */
};

WORKLOAD_INLINE uint64_t workload_random(struct workload *w)
{
    return random_next(&w->random);
}

/** P(order) = 2^-(order + 1) up to WORKLOAD_MAX_ORDER. */
WORKLOAD_INLINE unsigned random_order(uint64_t random)
{
    uint64_t bits = (random >> 32) & ((2u << WORKLOAD_MAX_ORDER) - 1);

    return bits ? (unsigned)__builtin_ctzll(bits) : 0;
}

/** Two of eight unmovable, one reclaimable, the rest movable: numbered as migratetypes are. */
WORKLOAD_INLINE unsigned random_type(const struct workload *w, uint64_t random)
{
    static const uint8_t types[8] = {0, 0, 2, 1, 1, 1, 1, 1};

    return w->mixed_types ? types[random >> 61] : 1;
}

WORKLOAD_INLINE void workload_take(struct workload *w, take_fn take, uintptr_t *slot,
                                   uint64_t random)
{
    *slot = take(w->allocator, random_order(random), random_type(w, random));
    if (*slot == 0)
        w->refused++;
}

/** Allocate blocks of random orders until about so many pages are live. */
WORKLOAD_INLINE void workload_fill(struct workload *w, take_fn take, uint64_t nr_pages)
{
    uint64_t pages = 0;

    while (pages < nr_pages && w->nr_live < WORKLOAD_MAX_LIVE) {
        uint64_t random = workload_random(w);

        workload_take(w, take, &w->live[w->nr_live++], random);
        pages += (uint64_t)1 << random_order(random);
    }
}

/** Free all that is live. */
WORKLOAD_INLINE void workload_drain(struct workload *w, give_fn give)
{
    for (size_t i = 0; i < w->nr_live; i++) {
        if (w->live[i])
            give(w->allocator, w->live[i]);
    }
    w->nr_live = 0;
}

/** The slot of a random live block. */
WORKLOAD_INLINE uintptr_t *workload_slot(const struct workload *w, uint64_t random)
{
    return &w->live[((random & UINT32_MAX) * w->nr_live) >> 32];
}

/**
 * Each operation frees a random live block and allocates another of a random order. Which blocks
 * are live is the loop's own knowledge, not the allocator's: it is fetched some operations ahead,
 * so that its cache misses are not measured.
 */
WORKLOAD_INLINE void workload_churn(struct workload *w, take_fn take, give_fn give, size_t nr_ops)
{
    uint64_t ahead[WORKLOAD_AHEAD];

    for (size_t i = 0; i < WORKLOAD_AHEAD; i++)
        ahead[i] = workload_random(w);
    for (size_t i = 0; i < nr_ops; i++) {
        uint64_t random = ahead[i % WORKLOAD_AHEAD], next = workload_random(w);
        uintptr_t *slot = workload_slot(w, random);

        ahead[i % WORKLOAD_AHEAD] = next;
        __builtin_prefetch(workload_slot(w, next), 1);
        if (*slot)
            give(w->allocator, *slot);
        workload_take(w, take, slot, random);
    }
}

/** Allocate and free one block of an order, again and again. */
WORKLOAD_INLINE void workload_pair(struct workload *w, take_fn take, give_fn give, unsigned order,
                                   size_t nr_ops)
{
    for (size_t i = 0; i < nr_ops; i++) {
        uintptr_t block = take(w->allocator, order, 1);

        if (block)
            give(w->allocator, block);
        else
            w->refused++;
    }
}

/** Allocate and free one block of a random order, again and again. */
WORKLOAD_INLINE void workload_mixed_pair(struct workload *w, take_fn take, give_fn give,
                                         size_t nr_ops)
{
    for (size_t i = 0; i < nr_ops; i++) {
        uintptr_t block = 0;

        workload_take(w, take, &block, workload_random(w));
        if (block)
            give(w->allocator, block);
    }
}

/** Allocate WORKLOAD_LIFO pages and free them, the last one first; an operation is one pair. */
WORKLOAD_INLINE void workload_lifo(struct workload *w, take_fn take, give_fn give, size_t nr_ops)
{
    uintptr_t block[WORKLOAD_LIFO];

    for (size_t i = 0; i < nr_ops; i += WORKLOAD_LIFO) {
        for (size_t j = 0; j < WORKLOAD_LIFO; j++)
            block[j] = take(w->allocator, 0, 1);
        for (size_t j = WORKLOAD_LIFO; j-- > 0;)
            give(w->allocator, block[j]);
    }
}

enum workload_kind {
    WORKLOAD_CHURN,
    WORKLOAD_4K_PAIR,
    WORKLOAD_2M_PAIR,
    WORKLOAD_MIXED_PAIR,
    WORKLOAD_4K_LIFO,
};

/**
 * Run one of them. kind is a constant where this is called, so the choice costs nothing. The loop
 * has a copy that no allocator can know, so that the compiler keeps it in registers.
 */
WORKLOAD_INLINE void workload_run(struct workload *w, enum workload_kind kind, take_fn take,
                                  give_fn give, size_t nr_ops)
{
    struct workload own = *w;

    switch (kind) {
    case WORKLOAD_CHURN:
        workload_churn(&own, take, give, nr_ops);
        break;
    case WORKLOAD_4K_PAIR:
        workload_pair(&own, take, give, 0, nr_ops);
        break;
    case WORKLOAD_2M_PAIR:
        workload_pair(&own, take, give, WORKLOAD_MAX_ORDER, nr_ops);
        break;
    case WORKLOAD_MIXED_PAIR:
        workload_mixed_pair(&own, take, give, nr_ops);
        break;
    case WORKLOAD_4K_LIFO:
        workload_lifo(&own, take, give, nr_ops);
        break;
    }
    *w = own;
}

#endif
