/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: text that is to be numbers and lists. */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MASK_BITS 64u

bool parse_number(const char *text, int base, uint64_t max, uint64_t *ret)
{
    uint64_t value;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    value = strtoull(text, &end, base);
    if (*end || errno || value > max)
        return false;
    *ret = value;
    return true;
}

bool parse_item(const char **list, char ret[PARSE_ITEM_BYTES])
{
    const char *begin = *list;
    size_t len;

    if (!begin)
        return false;
    begin += strspn(begin, " \t");
    len = strcspn(begin, ",");
    *list = begin[len] ? begin + len + 1 : NULL;
    while (len > 0 && isspace((unsigned char)begin[len - 1]))
        len--;
    if (len >= PARSE_ITEM_BYTES)
        len = PARSE_ITEM_BYTES - 1;
    memcpy(ret, begin, len);
    ret[len] = '\0';
    return true;
}

bool parse_mask(const char *list, uint64_t *ret)
{
    char item[PARSE_ITEM_BYTES];
    uint64_t mask = 0;

    while (parse_item(&list, item)) {
        char *dash = strchr(item, '-');
        uint64_t first, last;

        if (dash)
            *dash = '\0';
        if (!parse_number(item, 10, MASK_BITS - 1, &first))
            return false;
        last = first;
        if (dash && !parse_number(dash + 1, 10, MASK_BITS - 1, &last))
            return false;
        if (last < first)
            return false;
        for (uint64_t i = first; i <= last; i++)
            mask |= UINT64_C(1) << i;
    }
    *ret = mask;
    return true;
}
