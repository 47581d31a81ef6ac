/* SPDX-License-Identifier: Apache-2.0 */
/* rng.h: random numbers that are the same on every machine for the same seed (splitmix64). */
#ifndef TESTS_MM_RNG_H
#define TESTS_MM_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t v = r->state += 0x9e3779b97f4a7c15u;

    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
    return v ^ (v >> 31);
}

/** 0 to n - 1; n is not 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

/** True once in n times. */
static inline int rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

#endif
