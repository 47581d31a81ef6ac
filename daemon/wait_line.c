/* SPDX-License-Identifier: Apache-2.0 */
/* wait_line.c: lists by priority, in the order of arrival. */
#include "wait_line.h"

#include <stddef.h>

void wait_line_add(struct wait_line *line, struct waiter *w)
{
    struct waiter *before = line->last[w->priority];
    struct waiter **next;

    /* Mostly it is the newest; one that comes from another line may be older. */
    while (before && before->arrival > w->arrival)
        before = before->prev;
    next = before ? &before->next : &line->first[w->priority];
    w->line = line;
    w->prev = before;
    w->next = *next;
    if (w->next)
        w->next->prev = w;
    else
        line->last[w->priority] = w;
    *next = w;
    line->nr++;
}

void wait_line_remove(struct waiter *w)
{
    struct wait_line *line = w->line;

    if (!line)
        return;
    if (line->at == w)
        line->at = wait_line_next(w);
    if (w->prev)
        w->prev->next = w->next;
    else
        line->first[w->priority] = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        line->last[w->priority] = w->prev;
    w->line = NULL;
    w->next = NULL;
    w->prev = NULL;
    line->nr--;
}

/* The first one of a priority or below. */
static struct waiter *first_from(const struct wait_line *line, unsigned nr_priorities)
{
    for (unsigned p = nr_priorities; p-- > 0;) {
        if (line->first[p])
            return line->first[p];
    }
    return NULL;
}

struct waiter *wait_line_first(const struct wait_line *line)
{
    return first_from(line, WAIT_PRIORITIES);
}

struct waiter *wait_line_next(const struct waiter *w)
{
    return w->next ? w->next : first_from(w->line, w->priority);
}

/* Does the first one of priority p, if any, stand before such a request? */
static bool stands_before(const struct waiter *w, unsigned priority, uint64_t arrival)
{
    return w && (w->priority > priority || w->arrival < arrival);
}

struct waiter *wait_line_holder(const struct wait_line *line, unsigned priority, uint64_t arrival)
{
    if (line->nr == 0)
        return NULL;
    for (unsigned p = WAIT_PRIORITIES; p-- > priority;) {
        struct waiter *w = line->first[p];

        if (stands_before(w, priority, arrival) && w->overtaken == WAIT_MAX_OVERTAKES)
            return w;
    }
    return NULL;
}

void wait_line_passed(struct wait_line *line, unsigned priority, uint64_t arrival, uint64_t now_ms)
{
    if (line->nr == 0)
        return;
    for (unsigned p = WAIT_PRIORITIES; p-- > priority;) {
        struct waiter *w = line->first[p];

        if (!stands_before(w, priority, arrival) || w->overtaken == WAIT_MAX_OVERTAKES)
            continue;
        if (++w->overtaken == WAIT_MAX_OVERTAKES)
            w->hold_since_ms = now_ms;
    }
}

bool wait_line_relent(struct waiter *w, uint64_t now_ms)
{
    if (w->overtaken != WAIT_MAX_OVERTAKES || now_ms - w->hold_since_ms < WAIT_HOLD_MS)
        return false;
    w->overtaken = 0;
    return true;
}
