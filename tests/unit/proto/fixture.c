/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c: one static fixture, so that tests of malloc see only that of the code. */
#include "fixture.h"

#include <string.h>

struct fixture *fixture_fresh(int rubbish)
{
    static struct fixture f;

    f.len = f.raw.len = f.message.len = f.part.len = 0;
    memset(f.memory, rubbish, sizeof(f.memory));
    wire_arena_init(&f.arena, f.memory, sizeof(f.memory));
    return &f;
}

void fixture_wrap(struct fixture *f, unsigned field)
{
    raw_message(&f->raw, field, &f->message);
    f->message.len = 0;
}

void fixture_wrap_part(struct fixture *f, unsigned field)
{
    raw_message(&f->message, field, &f->part);
    f->part.len = 0;
}
