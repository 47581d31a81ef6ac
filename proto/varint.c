/* SPDX-License-Identifier: Apache-2.0 */
/* varint.c: numbers of more than a byte. */
#include "varint.h"

const uint8_t *varint_read_any(const uint8_t *at, const uint8_t *end, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
        uint8_t byte = *at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return at;
        }
    }
    return NULL;
}
