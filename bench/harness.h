/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h: what every benchmark here shares: the clock, one core, and medians over rounds.
 *
 * A figure means nothing on another machine and little on the same one an hour later; a ratio of
 * two things measured in turns does. So each benchmark runs rounds, each round measures ours and
 * the peers one after the other, and what is printed is the median over the rounds.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Rounds that a series can hold. */
#define BENCH_MAX_ROUNDS 101u

/** The highest number of a core that can be asked for. */
#define BENCH_MAX_CPU 1023u
/** Exit status for bad usage. */
#define BENCH_EXIT_USAGE 2
/** Exit status when a peer is not installed: ctest counts it as skipped. */
#define BENCH_EXIT_SKIPPED 77

/** An option's number. Else ends the program, with a line that says what would be accepted. */
unsigned long long bench_number(const char *option, const char *text, unsigned long long min,
                                unsigned long long max);

/** Nanoseconds on the monotonic clock. */
uint64_t bench_now_ns(void);
/**
 * Nanoseconds that this thread has had a core, in the kernel or not. For what runs in one thread:
 * what else the host does in the meantime is left out.
 */
uint64_t bench_cpu_ns(void);

/**
 * Stay on one core, and with us every child that is started later.
 * cpu: its number, or -1 for the last one that this process may use. Returns 0 and the number, or a
 * negative errno.
 */
int bench_pin(int cpu, int *ret_cpu);

/** One thing, measured once a round. Zero-filled is empty. */
struct series {
    double value[BENCH_MAX_ROUNDS];
    size_t nr;
};

/** Values beyond BENCH_MAX_ROUNDS are dropped. */
void series_add(struct series *s, double value);
/** The middle value; of an even number, the mean of the two in the middle. NAN if empty. */
double series_median(const struct series *s);
double series_min(const struct series *s);
double series_max(const struct series *s);

/**
 * Print one line: name ours peer ratio (text).
 * ratio is ours / peer, or peer / ours if that is the one with the goal. A NAN is printed as "-".
 */
void bench_line(const char *name, double ours, double peer, double ratio, const char *text);
/** Print a comment: a median and from where to where it varied. */
void bench_spread(const char *what, const struct series *s);

#endif
