/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: the inside of wire_arena: taking memory, and scratch memory for protobuf-c.
 *
 * What a caller gets grows from the arena's bottom; what protobuf-c unpacks grows from its top and
 * is forgotten after each message. So only plain structs stay, and one hostile message cannot take
 * more than the arena.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/wire.h"

/** Take nr elements of size bytes, aligned for any object, not cleared. NULL: the arena is full. */
void *wire_arena_take(struct wire_arena *a, size_t nr, size_t size);

/** Memory from the arena's top. While it is held, the arena is that much smaller. */
struct wire_scratch {
    ProtobufCAllocator allocator; /**< what protobuf-c is given */
    struct wire_arena *arena;
    size_t size; /**< the arena's, when nothing is held */
    bool full;   /**< a request for memory was refused */
};

/** s must not be moved afterwards: its allocator points back at it. */
void wire_scratch_init(struct wire_scratch *s, struct wire_arena *a);
/** Give back all that was taken. */
void wire_scratch_reset(struct wire_scratch *s);

#endif
