/* SPDX-License-Identifier: Apache-2.0 */
/* replay_stamp.c: 16 bytes at both ends of a block. */
#include "replay_stamp.h"

#include <string.h>

#define STAMP_BYTES 16u

_Static_assert(sizeof(struct replay_stamp) == STAMP_BYTES, "a stamp has no padding");

static struct replay_stamp tail_of(const struct replay_stamp *stamp)
{
    struct replay_stamp tail = *stamp;

    tail.nonce = ~tail.nonce;
    return tail;
}

void replay_stamp_write(void *block, uint64_t bytes, const struct replay_stamp *stamp)
{
    struct replay_stamp tail = tail_of(stamp);

    memcpy(block, stamp, STAMP_BYTES);
    memcpy((char *)block + bytes - STAMP_BYTES, &tail, STAMP_BYTES);
}

bool replay_stamp_check(const void *block, uint64_t bytes, const struct replay_stamp *stamp)
{
    struct replay_stamp tail = tail_of(stamp);

    return !memcmp(block, stamp, STAMP_BYTES) &&
           !memcmp((const char *)block + bytes - STAMP_BYTES, &tail, STAMP_BYTES);
}

bool replay_is_zero(const void *block, uint64_t bytes)
{
    const char *p = block;

    /* Each byte equals the one before it, and the first is zero. */
    return !p[0] && !memcmp(p, p + 1, bytes - 1);
}
