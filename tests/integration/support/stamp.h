/* SPDX-License-Identifier: Apache-2.0 */
/* stamp.h: fill memory so that every word of it tells whose it is, and look whether it still does.
 */
#ifndef SUPPORT_STAMP_H
#define SUPPORT_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t stamp_word(uint64_t id, size_t index)
{
    return (id * UINT64_C(0x9e3779b97f4a7c15)) ^ index;
}

static inline void stamp_write(void *memory, size_t bytes, uint64_t id)
{
    uint64_t *word = memory;

    for (size_t i = 0; i < bytes / sizeof(*word); i++)
        word[i] = stamp_word(id, i);
}

static inline bool stamp_is(const void *memory, size_t bytes, uint64_t id)
{
    const uint64_t *word = memory;

    for (size_t i = 0; i < bytes / sizeof(*word); i++) {
        if (word[i] != stamp_word(id, i))
            return false;
    }
    return true;
}

#endif
