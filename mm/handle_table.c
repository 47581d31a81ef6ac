/* SPDX-License-Identifier: Apache-2.0 */
/* handle_table.c: records of handles, in the caller's memory, that outlive the daemon. */
#include "mm/handle_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Freed records wait in a queue of at least this many before they are used again, so that a stale
 * handle stays stale for long; fresh records are taken meanwhile. */
#define MIN_REST 256u

#define TAG_INDEX_BITS      28
#define TAG_GENERATION_MASK ((1u << 20) - 1)
#define WHERE_PFN_BITS      28

enum handle_state {
    HANDLE_FREE = 0,
    HANDLE_RESERVED = 1,
    HANDLE_LIVE = 2,
};

/* next and prev are index + 1, 0 for none: of the owner's list if live, of the queue if free. */
struct handle_record {
    uint64_t where; /* zone and pfn: one store commits a move */
    uint32_t generation;
    uint32_t owner; /* the last store of a grant, the first of its end */
    uint32_t next;
    uint32_t prev;
    uint16_t state;
    uint16_t refs;
    uint32_t name;
};

_Static_assert(sizeof(struct handle_record) == HANDLE_RECORD_BYTES, "records are 32 bytes");

struct handle_table {
    uint32_t nr;
    uint32_t end;  /* records that were ever used */
    uint32_t used; /* reserved or live */
    uint32_t nr_rest;
    uint32_t rest_head; /* index + 1 */
    uint32_t rest_tail;
    uint32_t reserved[10];
    struct handle_record record[];
};

_Static_assert(sizeof(struct handle_table) == 64, "records begin on a cache line");

static inline uint64_t handle_of(const struct handle_table *t, uint32_t index)
{
    return (uint64_t)t->record[index].generation << 32 | index;
}

static inline uint64_t where_of(uint32_t zone, pfn_t pfn)
{
    return (uint64_t)zone << WHERE_PFN_BITS | pfn;
}

/* One store that the compiler leaves whole and in its place. */
static inline void store32(uint32_t *p, uint32_t v)
{
    *(volatile uint32_t *)p = v;
}

static inline void store64(uint64_t *p, uint64_t v)
{
    *(volatile uint64_t *)p = v;
}

size_t handle_table_bytes(uint32_t nr)
{
    if (nr < 1 || nr > HANDLE_MAX)
        return 0;
    return sizeof(struct handle_table) + (size_t)nr * sizeof(struct handle_record);
}

int handle_table_init(void *mem, uint32_t nr, struct handle_table **ret)
{
    struct handle_table *t = mem;

    if (nr < 1 || nr > HANDLE_MAX)
        return -EINVAL;
    t->nr = nr;
    *ret = t;
    return 0;
}

uint32_t handle_table_end(const struct handle_table *t)
{
    return t->end;
}

uint32_t handle_table_used(const struct handle_table *t)
{
    return t->used;
}

uint32_t handle_table_left(const struct handle_table *t)
{
    return t->nr - t->used;
}

static uint32_t take_rested(struct handle_table *t)
{
    uint32_t index = t->rest_head - 1;

    t->rest_head = t->record[index].next;
    if (t->rest_head == 0)
        t->rest_tail = 0;
    t->nr_rest--;
    return index;
}

int handle_get(struct handle_table *t, uint64_t *ret_handle)
{
    struct handle_record *rec;
    uint32_t index;

    if (t->used == t->nr)
        return -ENOSPC;
    index = t->nr_rest > MIN_REST || t->end == t->nr ? take_rested(t) : t->end++;
    rec = &t->record[index];
    rec->state = HANDLE_RESERVED;
    if (++rec->generation == 0)
        rec->generation = 1; /* so that no handle is HANDLE_NONE */
    t->used++;
    *ret_handle = handle_of(t, index);
    return 0;
}

void handle_commit(struct handle_table *t, uint64_t handle, struct handle_owner *owner,
                   uint32_t zone, pfn_t pfn)
{
    struct handle_record *rec = &t->record[handle_index(handle)];

    store64(&rec->where, where_of(zone, pfn));
    rec->refs = 1;
    rec->prev = 0;
    rec->next = owner->first;
    if (owner->first != 0)
        t->record[owner->first - 1].prev = handle_index(handle) + 1;
    owner->first = handle_index(handle) + 1;
    owner->nr++;
    rec->state = HANDLE_LIVE;
    store32(&rec->owner, owner->id);
}

void handle_move(struct handle_table *t, uint64_t handle, uint32_t zone, pfn_t pfn)
{
    store64(&t->record[handle_index(handle)].where, where_of(zone, pfn));
}

static void unlink_owner(struct handle_table *t, const struct handle_record *rec,
                         struct handle_owner *owner)
{
    if (rec->prev != 0)
        t->record[rec->prev - 1].next = rec->next;
    else
        owner->first = rec->next;
    if (rec->next != 0)
        t->record[rec->next - 1].prev = rec->prev;
    owner->nr--;
}

void handle_put(struct handle_table *t, uint64_t handle, struct handle_owner *owner)
{
    uint32_t index = handle_index(handle);
    struct handle_record *rec = &t->record[index];

    store32(&rec->owner, OWNER_NONE);
    if (rec->state == HANDLE_LIVE)
        unlink_owner(t, rec, owner);
    rec->state = HANDLE_FREE;
    rec->refs = 0;
    rec->prev = 0;
    rec->next = 0;
    if (t->rest_tail != 0)
        t->record[t->rest_tail - 1].next = index + 1;
    else
        t->rest_head = index + 1;
    t->rest_tail = index + 1;
    t->nr_rest++;
    t->used--;
}

static void describe(const struct handle_table *t, uint32_t index, struct handle_info *ret)
{
    const struct handle_record *rec = &t->record[index];

    ret->handle = handle_of(t, index);
    ret->owner = rec->owner;
    ret->zone = (uint32_t)(rec->where >> WHERE_PFN_BITS);
    ret->pfn = (pfn_t)(rec->where & ((1u << WHERE_PFN_BITS) - 1));
}

int handle_find(const struct handle_table *t, uint64_t handle, struct handle_info *ret)
{
    uint32_t index = handle_index(handle);

    if (index >= t->end || t->record[index].state != HANDLE_LIVE || handle_of(t, index) != handle)
        return -ESTALE;
    describe(t, index, ret);
    return 0;
}

uint64_t handle_first(const struct handle_table *t, const struct handle_owner *owner)
{
    return owner->first != 0 ? handle_of(t, owner->first - 1) : HANDLE_NONE;
}

bool handle_next(const struct handle_table *t, uint32_t *index, uint32_t max,
                 struct handle_info *ret)
{
    for (; max > 0 && *index < t->end; max--) {
        uint32_t i = (*index)++;

        if (t->record[i].state == HANDLE_LIVE) {
            describe(t, i, ret);
            return true;
        }
    }
    return false;
}

uint64_t handle_tag(uint64_t handle)
{
    return (handle >> 32 & TAG_GENERATION_MASK) << TAG_INDEX_BITS | handle_index(handle);
}

uint64_t handle_of_tag(const struct handle_table *t, uint64_t tag)
{
    uint32_t index = (uint32_t)(tag & ((1u << TAG_INDEX_BITS) - 1));

    if (index >= t->end || t->record[index].state != HANDLE_LIVE ||
        handle_tag(handle_of(t, index)) != tag)
        return HANDLE_NONE;
    return handle_of(t, index);
}

__attribute__((format(printf, 3, 4))) static int broken(char *why, size_t size, const char *format,
                                                        ...)
{
    va_list args;

    if (why) {
        va_start(args, format);
        (void)vsnprintf(why, size, format, args);
        va_end(args);
    }
    return -EUCLEAN;
}

static int check_links(const struct handle_table *t, uint32_t i, char *why, size_t size)
{
    const struct handle_record *rec = &t->record[i];

    if (rec->prev > t->end || rec->next > t->end)
        return broken(why, size, "record %u is linked to what was never used", i);
    if (rec->state != HANDLE_LIVE)
        return 0;
    if (rec->next != 0 &&
        (t->record[rec->next - 1].prev != i + 1 || t->record[rec->next - 1].owner != rec->owner))
        return broken(why, size, "record %u and the next of its owner do not agree", i);
    if (rec->prev != 0 && t->record[rec->prev - 1].next != i + 1)
        return broken(why, size, "record %u and the one before it do not agree", i);
    return 0;
}

int handle_table_check(const struct handle_table *t, char *why, size_t size)
{
    uint32_t used = 0, rest = 0;

    if (t->nr < 1 || t->nr > HANDLE_MAX || t->end > t->nr)
        return broken(why, size, "%u records of %u were used", t->end, t->nr);
    for (uint32_t i = 0; i < t->end; i++) {
        const struct handle_record *rec = &t->record[i];
        int r = check_links(t, i, why, size);

        if (r < 0)
            return r;
        if (rec->state > HANDLE_LIVE || rec->generation == 0 ||
            (rec->state == HANDLE_LIVE) != (rec->owner != OWNER_NONE))
            return broken(why, size, "record %u: state %u, generation %u, owner %u", i, rec->state,
                          rec->generation, rec->owner);
        if (rec->state != HANDLE_FREE)
            used++;
    }
    for (uint32_t next = t->rest_head; next != 0; next = t->record[next - 1].next) {
        if (next > t->end || t->record[next - 1].state != HANDLE_FREE || rest++ == t->nr_rest)
            return broken(why, size, "the queue of freed records runs astray");
        if (t->record[next - 1].next == 0 && next != t->rest_tail)
            return broken(why, size, "the queue of freed records ends before its tail");
    }
    if (used != t->used || rest != t->nr_rest || used + rest != t->end)
        return broken(why, size, "%u records used, %u resting, of %u; the table says %u and %u",
                      used, rest, t->end, t->used, t->nr_rest);
    return 0;
}
