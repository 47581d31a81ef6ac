/* SPDX-License-Identifier: Apache-2.0 */
/* latencies.h: how long single calls took, so that more than their mean can be told. */
#ifndef BENCH_LATENCIES_H
#define BENCH_LATENCIES_H

#include <stddef.h>
#include <stdint.h>

struct latencies {
    uint32_t *ns;
    size_t nr;
    size_t max;
};

/** Room for max calls. Release with latencies_free(). Returns 0 or -ENOMEM. */
int latencies_init(struct latencies *l, size_t max);
void latencies_free(struct latencies *l);

/** Calls beyond the room are dropped. */
static inline void latencies_add(struct latencies *l, uint64_t ns)
{
    if (l->nr < l->max)
        l->ns[l->nr++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/** Sort those from index first on, for latencies_percentile(). */
void latencies_sort(struct latencies *l, size_t first);
/** What percent of the calls from index first on, sorted, took at most; NAN if there are none. */
double latencies_percentile(const struct latencies *l, size_t first, double percent);

#endif
