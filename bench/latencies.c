/* SPDX-License-Identifier: Apache-2.0 */
/* latencies.c: percentiles of single calls. */
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

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void latencies_sort(struct latencies *l, size_t first)
{
    if (first < l->nr)
        qsort(l->ns + first, l->nr - first, sizeof(*l->ns), compare);
}

double latencies_percentile(const struct latencies *l, size_t first, double percent)
{
    if (first >= l->nr)
        return (double)NAN;
    return l->ns[first + (size_t)((double)(l->nr - first - 1) * percent / 100)];
}
