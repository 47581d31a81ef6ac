/* SPDX-License-Identifier: Apache-2.0 */
/* harness.c: clock, core and medians for the benchmarks. */
#include "harness.h"

#include <err.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

unsigned long long bench_number(const char *option, const char *text, unsigned long long min,
                                unsigned long long max)
{
    char *end;
    unsigned long long n;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || *end || end == text || text[0] == '-' || n < min || n > max)
        errx(BENCH_EXIT_USAGE, "%s %s: must be a number from %llu to %llu", option, text, min, max);
    return n;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int bench_pin(int cpu, int *ret_cpu)
{
    size_t core = (size_t)cpu;
    cpu_set_t set;

    if (cpu >= CPU_SETSIZE)
        return -EINVAL;
    if (cpu < 0) {
        if (sched_getaffinity(0, sizeof(set), &set))
            return -errno;
        /* The last one: the first is where most hosts handle interrupts. */
        for (core = CPU_SETSIZE - 1; core > 0 && !CPU_ISSET(core, &set); core--)
            ;
    }
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        return -errno;
    *ret_cpu = (int)core;
    return 0;
}

void series_add(struct series *s, double value)
{
    if (s->nr < BENCH_MAX_ROUNDS)
        s->value[s->nr++] = value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double series_median(const struct series *s)
{
    double sorted[BENCH_MAX_ROUNDS];
    size_t half = s->nr / 2;

    if (s->nr == 0)
        return (double)NAN;
    memcpy(sorted, s->value, s->nr * sizeof(sorted[0]));
    qsort(sorted, s->nr, sizeof(sorted[0]), compare);
    return s->nr % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double series_min(const struct series *s)
{
    double min = (double)NAN;

    for (size_t i = 0; i < s->nr; i++)
        min = fmin(min, s->value[i]);
    return min;
}

double series_max(const struct series *s)
{
    double max = (double)NAN;

    for (size_t i = 0; i < s->nr; i++)
        max = fmax(max, s->value[i]);
    return max;
}

static void print_figure(double value, int width)
{
    if (isnan(value))
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, value < 1000 ? 2 : 0, value);
}

void bench_line(const char *name, double ours, double peer, double ratio, const char *text)
{
    printf("%-16s", name);
    print_figure(ours, 9);
    print_figure(peer, 9);
    print_figure(ratio, 7);
    printf("  (%s)\n", text);
    fflush(stdout);
}

void bench_spread(const char *what, const struct series *s)
{
    printf("#   %-32s median %.2f, from %.2f to %.2f in %zu rounds\n", what, series_median(s),
           series_min(s), series_max(s), s->nr);
}
