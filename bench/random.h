/* SPDX-License-Identifier: Apache-2.0 */
/* random.h: numbers from a seed, the same on all hosts. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

/** The state to begin with for a seed; never 0, at which the generator would stay. */
static inline uint64_t random_seed(uint64_t seed)
{
    uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15u;

    return state ? state : 1;
}

/** xorshift64: a few cycles, and good enough to pick blocks. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/** 0 to n - 1. */
static inline uint64_t random_below(uint64_t *state, uint64_t n)
{
    return (random_next(state) >> 20) % n;
}

#endif
