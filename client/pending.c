/* SPDX-License-Identifier: Apache-2.0 */
/* pending.c: a table with a free list; it grows by doubling, so a warm connection never does. */
#include "pending.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The low bits of an id count how often its place was used, so that with few requests pending an id
 * takes two bytes on the wire.
 */
#define USE_BITS   8
#define FIRST_SIZE 64u

static int grow(struct pending_table *t)
{
    uint32_t size = t->size ? t->size * 2 : FIRST_SIZE;
    struct pending *entries;

    if (t->size >= PENDING_MAX)
        return -EAGAIN;
    entries = realloc(t->entries, size * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    // Linked so that the lowest place is used first.
    for (uint32_t i = size; i-- > t->size;) {
        entries[i] = (struct pending){.next_free = t->first_free};
        t->first_free = i + 1;
    }
    t->entries = entries;
    t->size = size;
    return 0;
}

int pending_add(struct pending_table *t, const struct pending *p, uint64_t *ret_id)
{
    struct pending *entry;
    uint32_t index;
    uint8_t use;

    if (!t->first_free) {
        int r = grow(t);

        if (r)
            return r;
    }
    index = t->first_free - 1;
    entry = &t->entries[index];
    t->first_free = entry->next_free;
    // 0 is left out, since id 0 is none.
    use = entry->use == UINT8_MAX ? 1 : (uint8_t)(entry->use + 1);
    *entry = *p;
    entry->use = use;
    entry->id = (uint64_t)index << USE_BITS | use;
    t->used++;
    t->nr_async += !p->call;
    *ret_id = entry->id;
    return 0;
}

int pending_take(struct pending_table *t, uint64_t id, struct pending *ret)
{
    uint64_t index = id >> USE_BITS;
    struct pending *entry;

    if (!id || index >= t->size || t->entries[index].id != id)
        return -ENOENT;
    entry = &t->entries[index];
    *ret = *entry;
    entry->id = 0;
    entry->next_free = t->first_free;
    t->first_free = (uint32_t)index + 1;
    t->used--;
    t->nr_async -= !ret->call;
    return 0;
}

const struct pending *pending_next(const struct pending_table *t, uint32_t *at)
{
    while (*at < t->size) {
        const struct pending *p = &t->entries[(*at)++];

        if (p->id)
            return p;
    }
    return NULL;
}

void pending_clear(struct pending_table *t)
{
    free(t->entries);
    *t = (struct pending_table){0};
}
