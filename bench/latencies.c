/* SPDX-License-Identifier: Apache-2.0 */
/* latencies.c: means and percentiles of single calls. */
#include "latencies.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int latencies_init(struct latencies *l, size_t max)
{
    uint32_t *ns = calloc(max, sizeof(*ns));

    if (!ns)
        return -ENOMEM;
    *l = (struct latencies){.ns = ns, .max = max};
    return 0;
}

void latencies_free(struct latencies *l)
{
    free(l->ns);
    *l = (struct latencies){0};
}

double latencies_mean(const struct latencies *l, size_t first)
{
    double sum = 0;

    if (first >= l->nr)
        return (double)NAN;
    for (size_t i = first; i < l->nr; i++)
        sum += l->ns[i];
    return sum / (double)(l->nr - first);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void latencies_sort(struct latencies *l)
{
    qsort(l->ns, l->nr, sizeof(*l->ns), compare);
}

double latencies_percentile(const struct latencies *l, double percent)
{
    if (l->nr == 0)
        return (double)NAN;
    return l->ns[(size_t)((double)(l->nr - 1) * percent / 100)];
}
