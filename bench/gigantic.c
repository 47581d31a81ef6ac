/* SPDX-License-Identifier: Apache-2.0 */
/* gigantic.c: makes the traces of small and gigantic blocks. */
#include "gigantic.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "random.h"

#define MAX_SMALL_ORDER 6u
#define MIN_LARGE_ORDER 9u
#define MAX_LARGE_ORDER 18u

/** Blocks of one kind, small or large, and how many pages of them the phase wants. */
struct kind {
    uint32_t *live; /* ids */
    uint32_t nr_live;
    uint64_t pages;
    uint64_t goal_pages;
    unsigned low; /* orders */
    unsigned high;
    unsigned wanted; /* the next one */
};

/** Small and large blocks share what is live, differently in each phase. */
struct shares {
    uint32_t nr_events;
    uint32_t phase_events;
    uint32_t live_pages;
    uint32_t small_min;  /**< pages */
    uint32_t small_more; /**< so many more at most */
    bool floods;         /**< in each second phase small blocks want all of them */
    uint32_t max_pages;  /**< never more than so many */
};

static const struct shares shares[] = {
    [GIGANTIC_ROOMY] = {1000000, 50000, 1u << 20, 1u << 16, 1u << 19, false, UINT32_MAX},
    [GIGANTIC_CROWDED] = {2000000, 200000, 1u << 19, 1u << 17, 1u << 18, true, 17u << 15},
};

struct maker {
    const struct shares *shares;
    struct trace t;
    struct kind small;
    struct kind large;
    uint64_t live_pages;
    uint64_t random;
    uint8_t *order; /* by id */
};

/** P(low + k) = 2^-(k + 1), up to high or what the phase has room for. */
static void pick_wanted(struct maker *m, struct kind *k)
{
    k->wanted = k->low;
    while (k->wanted < k->high && (2u << k->wanted) <= k->goal_pages &&
           random_below(&m->random, 2) == 1)
        k->wanted++;
}

static void begin_phase(struct maker *m)
{
    const struct shares *s = m->shares;

    m->small.goal_pages = s->small_min + random_below(&m->random, s->small_more);
    m->large.goal_pages = s->live_pages - m->small.goal_pages;
    if (s->floods && m->t.nr_events / s->phase_events % 2 == 1) {
        m->small.goal_pages = s->live_pages;
        m->large.goal_pages = s->live_pages / 16;
    }
    pick_wanted(m, &m->small);
    pick_wanted(m, &m->large);
}

static void make_alloc(struct maker *m, struct kind *k)
{
    static const uint8_t types[8] = {TRACE_UNMOVABLE, TRACE_UNMOVABLE, TRACE_RECLAIMABLE,
                                     TRACE_MOVABLE,   TRACE_MOVABLE,   TRACE_MOVABLE,
                                     TRACE_MOVABLE,   TRACE_MOVABLE};
    unsigned order = k->wanted;
    uint32_t id = m->t.nr_blocks++;

    m->order[id] = (uint8_t)order;
    m->t.events[m->t.nr_events++] =
        (struct trace_event){.id = id,
                             .kind = TRACE_ALLOC,
                             .order = (uint8_t)order,
                             .type = types[random_below(&m->random, 8)]};
    k->live[k->nr_live++] = id;
    k->pages += (uint64_t)1 << order;
    m->live_pages += (uint64_t)1 << order;
    if (m->live_pages > m->t.peak_pages) {
        m->t.peak_pages = m->live_pages;
        m->t.peak_event = m->t.nr_events;
    }
}

/** One that is young, or any. */
static void make_free(struct maker *m, struct kind *k)
{
    uint32_t young = k->nr_live < 32 || random_below(&m->random, 2) == 0 ? k->nr_live : 32;
    uint32_t i = k->nr_live - 1 - (uint32_t)random_below(&m->random, young);
    uint32_t id = k->live[i];

    k->live[i] = k->live[--k->nr_live];
    k->pages -= (uint64_t)1 << m->order[id];
    m->live_pages -= (uint64_t)1 << m->order[id];
    m->t.events[m->t.nr_events++] =
        (struct trace_event){.id = id, .kind = TRACE_FREE, .order = m->order[id]};
}

/**
 * An allocation, five times of six, if the block stays below the goal; else a free. A block that
 * does not fit stays wanted until it does: or the largest would never be had.
 */
static void make_event(struct maker *m, struct kind *k)
{
    bool fits = k->pages + (1u << k->wanted) <= k->goal_pages &&
                m->live_pages + (1u << k->wanted) <= m->shares->max_pages;

    if (fits && (k->nr_live == 0 || random_below(&m->random, 6) != 0)) {
        make_alloc(m, k);
        pick_wanted(m, k);
    } else if (k->nr_live != 0) {
        make_free(m, k);
    }
}

int gigantic_trace(enum gigantic_mix mix, uint64_t seed, struct trace *ret)
{
    struct maker m = {
        .shares = &shares[mix],
        .random = random_seed(seed),
        .small = {.low = 0, .high = MAX_SMALL_ORDER},
        .large = {.low = MIN_LARGE_ORDER, .high = MAX_LARGE_ORDER},
    };
    int rc = -ENOMEM;

    m.t.events = calloc(m.shares->nr_events, sizeof(*m.t.events));
    m.small.live = calloc(m.shares->nr_events, sizeof(*m.small.live));
    m.large.live = calloc(m.shares->nr_events, sizeof(*m.large.live));
    m.order = calloc(m.shares->nr_events, sizeof(*m.order));
    if (!m.t.events || !m.small.live || !m.large.live || !m.order)
        goto out;
    while (m.t.nr_events < m.shares->nr_events) {
        if (m.t.nr_events % m.shares->phase_events == 0)
            begin_phase(&m);
        if (random_below(&m.random, 16) == 0)
            make_event(&m, &m.large);
        else
            make_event(&m, &m.small);
    }
    *ret = m.t;
    m.t.events = NULL;
    rc = 0;
out:
    free(m.t.events);
    free(m.small.live);
    free(m.large.live);
    free(m.order);
    return rc;
}
