/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c: a bump allocator from both ends of the caller's memory, so that no message costs a
 * malloc and none can cost more than its arena.
 */
#include "arena.h"

#include <stddef.h>
#include <stdint.h>

#define ALIGN _Alignof(max_align_t)

static size_t align_down(size_t n)
{
    return n & ~(ALIGN - 1);
}

void wire_arena_init(struct wire_arena *a, void *mem, size_t size)
{
    a->base = mem;
    a->size = align_down(size);
    a->used = 0;
}

void wire_arena_reset(struct wire_arena *a)
{
    a->used = 0;
}

/* size and a->used are whole alignments, so that rounding up cannot pass the end. */
void *wire_arena_take(struct wire_arena *a, size_t nr, size_t size)
{
    size_t left = a->size - a->used;
    void *mem = a->base + a->used;

    if (nr > left / size)
        return NULL;
    a->used += align_down(nr * size + ALIGN - 1);
    return mem;
}

static void *scratch_alloc(void *data, size_t size)
{
    struct wire_scratch *s = data;
    struct wire_arena *a = s->arena;

    if (size > a->size - a->used) {
        s->full = true;
        return NULL;
    }
    a->size = align_down(a->size - size);
    return a->base + a->size;
}

/* Scratch memory goes back as a whole. */
static void scratch_free(void *data, void *mem)
{
    (void)data;
    (void)mem;
}

void wire_scratch_init(struct wire_scratch *s, struct wire_arena *a)
{
    s->allocator.alloc = scratch_alloc;
    s->allocator.free = scratch_free;
    s->allocator.allocator_data = s;
    s->arena = a;
    s->size = a->size;
    s->full = false;
}

void wire_scratch_reset(struct wire_scratch *s)
{
    s->arena->size = s->size;
    s->full = false;
}
