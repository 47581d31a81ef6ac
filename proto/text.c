/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: which bytes of a string may pass, by the table of well-formed UTF-8 (Unicode, D92). */
#include "text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"

/* Bytes of the character at s that may pass; 0 if its first byte may not. A zero ends s. */
static size_t printable(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t len;

    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        len = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        len = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        len = 4;
    else
        return 0;
    switch (s[0]) {
    case 0xc2: /* U+0080 to U+009F are control characters */
    case 0xe0: /* overlong below */
        low = 0xa0;
        break;
    case 0xed: /* surrogates above */
        high = 0x9f;
        break;
    case 0xf0: /* overlong below */
        low = 0x90;
        break;
    case 0xf4: /* beyond U+10FFFF above */
        high = 0x8f;
        break;
    default:
        break;
    }
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return len;
}

/* lines: newlines may pass. */
static int take(struct wire_arena *a, const char *s, size_t max, bool lines, const char **ret)
{
    size_t len = s ? strnlen(s, max + 1) : 0;
    char *copy;

    if (len > max)
        return -EINVAL;
    if (len == 0) {
        *ret = "";
        return 0;
    }
    copy = wire_arena_take(a, len + 1, 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, s, len);
    copy[len] = '\0';
    for (size_t i = 0; i < len;) {
        size_t n = printable((const unsigned char *)copy + i);

        if (n == 0) {
            if (!lines || copy[i] != '\n')
                copy[i] = '?';
            n = 1;
        }
        i += n;
    }
    *ret = copy;
    return 0;
}

int wire_text_take(struct wire_arena *a, const char *s, size_t max, const char **ret)
{
    return take(a, s, max, false, ret);
}

int wire_lines_take(struct wire_arena *a, const char *s, size_t max, const char **ret)
{
    return take(a, s, max, true, ret);
}
