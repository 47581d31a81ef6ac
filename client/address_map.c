/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_map.c: a hash table with linear probing, never more than half full.
 *
 * Place is reserved before the daemon is asked, so that a grant never meets a table that cannot
 * take it. Removal shifts back what was displaced, so that no tombstones pile up.
 */
#include "address_map.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 64u

/* Addresses differ in their middle bits; a multiplication spreads those to the top. */
static size_t home(const struct address_map *m, uintptr_t addr)
{
    return (size_t)(((uint64_t)addr * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (m->size - 1);
}

static void place(struct address_map *m, const struct address_range *range)
{
    size_t i = home(m, range->addr);

    while (m->entries[i].addr)
        i = (i + 1) & (m->size - 1);
    m->entries[i] = *range;
}

static int grow(struct address_map *m)
{
    struct address_map bigger = *m;

    bigger.size = m->size ? m->size * 2 : FIRST_SIZE;
    bigger.entries = calloc(bigger.size, sizeof(*bigger.entries));
    if (!bigger.entries)
        return -ENOMEM;
    for (size_t i = 0; i < m->size; i++) {
        if (m->entries[i].addr)
            place(&bigger, &m->entries[i]);
    }
    free(m->entries);
    *m = bigger;
    return 0;
}

int address_map_reserve(struct address_map *m)
{
    if ((m->used + m->reserved + 1) * 2 > m->size) {
        int r = grow(m);

        if (r)
            return r;
    }
    m->reserved++;
    return 0;
}

void address_map_unreserve(struct address_map *m)
{
    m->reserved--;
}

int address_map_add(struct address_map *m, const struct address_range *range)
{
    m->reserved--;
    if (address_map_find(m, range->addr))
        return -EEXIST;
    place(m, range);
    m->used++;
    return 0;
}

const struct address_range *address_map_find(const struct address_map *m, uintptr_t addr)
{
    if (!m->size || !addr)
        return NULL;
    for (size_t i = home(m, addr); m->entries[i].addr; i = (i + 1) & (m->size - 1)) {
        if (m->entries[i].addr == addr)
            return &m->entries[i];
    }
    return NULL;
}

void address_map_take(struct address_map *m, uintptr_t addr, struct address_range *ret)
{
    size_t mask = m->size - 1;
    size_t hole = (size_t)(address_map_find(m, addr) - m->entries);

    *ret = m->entries[hole];
    for (size_t i = (hole + 1) & mask; m->entries[i].addr; i = (i + 1) & mask) {
        // It may move into the hole if that is not before its home, going round.
        if (((i - home(m, m->entries[i].addr)) & mask) >= ((i - hole) & mask)) {
            m->entries[hole] = m->entries[i];
            hole = i;
        }
    }
    m->entries[hole] = (struct address_range){0};
    m->used--;
}

void address_map_clear(struct address_map *m)
{
    for (size_t i = 0; i < m->size; i++)
        free(m->entries[i].handles);
    free(m->entries);
    *m = (struct address_map){0};
}
