/* SPDX-License-Identifier: Apache-2.0 */
/* why.c: reasons, as text. */
#include "why.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int why_not(int rc, char *why, size_t size, const char *format, ...)
{
    const int saved_errno = errno;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(why, size, format, args);
    va_end(args);
    errno = saved_errno;
    return rc;
}

const char *why_bytes(uint64_t bytes, char ret[WHY_NUMBER_BYTES])
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const uint64_t unit = UINT64_C(1) << units[i].shift;

        if (bytes >= unit && bytes % unit == 0) {
            (void)snprintf(ret, WHY_NUMBER_BYTES, "%" PRIu64 " %s", bytes / unit, units[i].unit);
            return ret;
        }
    }
    (void)snprintf(ret, WHY_NUMBER_BYTES, "%" PRIu64 " bytes", bytes);
    return ret;
}
