/* SPDX-License-Identifier: Apache-2.0 */
/* text.c: numbers, names and columns for people. */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *text_size(uint64_t bytes, char to[TEXT_SIZE_BYTES])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    double value = (double)bytes;

    /* 1023.95 and above would be printed as 1024.0. */
    while (value >= 1023.95) {
        value /= 1024;
        unit++;
    }
    if (value == (double)(uint64_t)value)
        snprintf(to, TEXT_SIZE_BYTES, "%u %s", (unsigned)value, units[unit]);
    else
        snprintf(to, TEXT_SIZE_BYTES, "%.1f %s", value, units[unit]);
    return to;
}

int text_parse_size(const char *text, uint64_t max, uint64_t *ret)
{
    static const char units[] = "KMGT";
    unsigned long long number;
    unsigned shift = 0;
    const char *unit;
    char *end;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    number = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (errno || *end || number > max >> shift)
        return -EINVAL;
    *ret = (uint64_t)number << shift;
    return 0;
}

const char *text_printable(const char *name, char to[TEXT_NAME_BYTES])
{
    size_t i;

    if (!*name)
        name = "-";
    for (i = 0; i + 1 < TEXT_NAME_BYTES && name[i]; i++) {
        to[i] = name[i];
        if (name[i] <= ' ' || name[i] > '~')
            to[i] = '?';
    }
    to[i] = '\0';
    return to;
}

const char *text_type(unsigned type)
{
    static const char *const names[] = {"Unmovable",  "Movable", "Reclaimable",
                                        "HighAtomic", "CMA",     "Isolate"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

const char *text_type_key(unsigned type)
{
    static const char *const names[] = {"unmovable",  "movable", "reclaimable",
                                        "highatomic", "cma",     "isolate"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

struct table {
    unsigned nr_columns;
    bool left[TABLE_COLUMNS];
    int width[TABLE_COLUMNS];
    char (*cells)[TABLE_CELL]; /* the headers are the first row */
    size_t nr_cells;
    size_t room;
    bool lost;
};

struct table *table_new(const char *const *headers, unsigned nr)
{
    struct table *t = calloc(1, sizeof(*t));
    unsigned i;

    if (!t)
        return NULL;
    t->nr_columns = nr;
    for (i = 0; i < nr; i++) {
        t->left[i] = headers[i][0] == '<';
        table_cell(t, "%s", headers[i] + t->left[i]);
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    free(t->cells);
    free(t);
}

void table_cell(struct table *t, const char *format, ...)
{
    int *width = &t->width[t->nr_cells % t->nr_columns];
    va_list args;
    int len;

    if (t->nr_cells == t->room) {
        size_t room = t->room ? t->room * 2 : 128;
        char(*cells)[TABLE_CELL] = realloc(t->cells, room * sizeof(*cells));

        if (!cells) {
            t->lost = true;
            return;
        }
        t->cells = cells;
        t->room = room;
    }
    va_start(args, format);
    vsnprintf(t->cells[t->nr_cells], TABLE_CELL, format, args);
    va_end(args);
    len = (int)strlen(t->cells[t->nr_cells++]);
    if (len > *width)
        *width = len;
}

int table_print(const struct table *t, FILE *out)
{
    size_t i;

    if (t->lost)
        return -ENOMEM;
    for (i = 0; i < t->nr_cells; i++) {
        size_t column = i % t->nr_columns;
        bool last = column + 1 == t->nr_columns;
        const char *end = last ? "\n" : "  ";

        if (!t->left[column])
            fprintf(out, "%*s%s", t->width[column], t->cells[i], end);
        else if (last)
            fprintf(out, "%s%s", t->cells[i], end);
        else
            fprintf(out, "%-*s%s", t->width[column], t->cells[i], end);
    }
    return 0;
}
