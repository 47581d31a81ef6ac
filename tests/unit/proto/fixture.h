/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h: what every test of the wire starts with: an arena full of rubbish, an empty packet. */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <stddef.h>

#include "proto/wire.h"
#include "raw.h"

struct fixture {
    struct wire_arena arena;
    size_t len; /**< of buf */
    unsigned char buf[WIRE_MAX_PACKET];
    struct raw raw; /**< a packet by hand */
    struct raw message, part;
    _Alignas(max_align_t) unsigned char memory[WIRE_ARENA_BYTES];
};

/** The one fixture, made anew: its arena's memory is filled with rubbish. */
struct fixture *fixture_fresh(int rubbish);

/** Put f->message into f->raw as the packet's field, and forget it. */
void fixture_wrap(struct fixture *f, unsigned field);
/** Put f->part into f->message as its field, and forget it. */
void fixture_wrap_part(struct fixture *f, unsigned field);

#endif
