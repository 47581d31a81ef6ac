/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.c: the grammar of page traces, and which blocks live, so that a trace that was read can be
 * played without looking at it again.
 *
 * A field ends at a blank. Beside the events one byte a block is kept while reading: its order, and
 * whether it is live.
 */
#include "trace/trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line_reader.h"

#define MAX_ORDER 18u
/* Events that are held at most: 1 GiB of them. */
#define MAX_EVENTS ((size_t)1 << 27)
/* Bytes of a bad line that are shown. */
#define SHOWN_BYTES 60u
#define LIVE        0x80u

struct reader {
    struct trace t;
    size_t room_events;
    uint8_t *blocks; /* by id: order, and LIVE */
    size_t room_blocks;
    uint64_t live_pages;

    const char *path;
    size_t line_nr;
    const char *line;
    size_t len;
    char *why;
    size_t why_size;
};

/* A line's rest, as it is parsed. */
struct cursor {
    const char *at;
    const char *end;
};

/* Write the bad line, made printable and short, to to: SHOWN_BYTES + 4. */
static void show_line(const struct reader *r, char *to)
{
    size_t n = r->len < SHOWN_BYTES ? r->len : SHOWN_BYTES;
    size_t i;

    for (i = 0; i < n; i++) {
        unsigned char c = (unsigned char)r->line[i];

        to[i] = (char)(isprint(c) ? c : '?');
    }
    snprintf(to + n, 4, "%s", r->len > n ? "..." : "");
}

/* Refuse the line that is being read. */
__attribute__((format(printf, 2, 3))) static int bad_line(struct reader *r, const char *format, ...)
{
    char shown[SHOWN_BYTES + 4];
    char what[160];
    va_list args;

    show_line(r, shown);
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(r->why, r->why_size, "%s: line %zu: \"%s\": %s", r->path, r->line_nr, shown, what);
    return -EINVAL;
}

/* Refuse the file. */
__attribute__((format(printf, 3, 4))) static int bad_file(struct reader *r, int error,
                                                          const char *format, ...)
{
    char what[160];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    if (r->line_nr)
        snprintf(r->why, r->why_size, "%s: line %zu: %s", r->path, r->line_nr, what);
    else
        snprintf(r->why, r->why_size, "%s: %s", r->path, what);
    return error;
}

static int out_of_memory(struct reader *r)
{
    return bad_file(r, -ENOMEM, "out of memory after %zu events", r->t.nr_events);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next field; empty at the end of the line or at a comment. */
static struct cursor next_field(struct cursor *c)
{
    struct cursor field;

    while (c->at < c->end && is_blank(*c->at))
        c->at++;
    field.at = c->at;
    if (c->at < c->end && *c->at == '#')
        c->at = c->end;
    else
        while (c->at < c->end && !is_blank(*c->at))
            c->at++;
    field.end = field.at < c->end && *field.at == '#' ? field.at : c->at;
    return field;
}

static size_t field_len(struct cursor f)
{
    return (size_t)(f.end - f.at);
}

/* A decimal number of at most max. */
static bool parse_number(struct cursor f, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;

    if (f.at == f.end)
        return false;
    for (; f.at < f.end; f.at++) {
        if (*f.at < '0' || *f.at > '9')
            return false;
        n = n * 10 + (uint64_t)(*f.at - '0');
        if (n > max)
            return false;
    }
    *ret = n;
    return true;
}

static bool parse_type(struct cursor f, uint8_t *ret)
{
    if (field_len(f) != 1)
        return false;
    switch (*f.at) {
    case 'U':
        *ret = TRACE_UNMOVABLE;
        return true;
    case 'M':
        *ret = TRACE_MOVABLE;
        return true;
    case 'R':
        *ret = TRACE_RECLAIMABLE;
        return true;
    default:
        return false;
    }
}

/* `-`, or some of w, h, n, z, each once. */
static bool parse_flags(struct cursor f, uint8_t *ret)
{
    static const char letters[] = "whnz"; /* in the order of the TRACE_* bits */
    unsigned flags = 0;

    if (f.at == f.end)
        return false;
    if (field_len(f) == 1 && *f.at == '-') {
        *ret = 0;
        return true;
    }
    for (; f.at < f.end; f.at++) {
        const char *letter = memchr(letters, *f.at, sizeof(letters) - 1);
        unsigned bit;

        if (!letter)
            return false;
        bit = 1u << (letter - letters);
        if (flags & bit)
            return false;
        flags |= bit;
    }
    *ret = (uint8_t)flags;
    return true;
}

/* Make room for one more element of an array that doubles. */
static bool grow(void **array, size_t *room, size_t used, size_t element)
{
    size_t wanted;
    void *bigger;

    if (used < *room)
        return true;
    wanted = *room ? *room * 2 : 4096;
    bigger = realloc(*array, wanted * element);
    if (!bigger)
        return false;
    *array = bigger;
    *room = wanted;
    return true;
}

static int add_event(struct reader *r, struct trace_event e)
{
    void *events = r->t.events;

    if (r->t.nr_events == MAX_EVENTS)
        return bad_file(r, -EFBIG, "more than %zu events; cut the trace into shorter ones",
                        MAX_EVENTS);
    if (!grow(&events, &r->room_events, r->t.nr_events, sizeof(e)))
        return out_of_memory(r);
    r->t.events = events;
    r->t.events[r->t.nr_events++] = e;
    if (r->live_pages > r->t.peak_pages) {
        r->t.peak_pages = r->live_pages;
        r->t.peak_event = r->t.nr_events;
    }
    return 0;
}

static int read_alloc(struct reader *r, struct cursor c)
{
    struct trace_event e = {.kind = TRACE_ALLOC};
    void *blocks = r->blocks;
    uint64_t id;
    uint64_t order;

    if (!parse_number(next_field(&c), UINT32_MAX, &id))
        return bad_line(r, "the id must be a number, 0 to %u", UINT32_MAX);
    if (id != r->t.nr_blocks)
        return bad_line(r, "ids of allocations count from 0 without a gap; the next is %u",
                        r->t.nr_blocks);
    if (!parse_number(next_field(&c), MAX_ORDER, &order))
        return bad_line(r, "the order must be a number, 0 to %u", MAX_ORDER);
    if (!parse_type(next_field(&c), &e.type))
        return bad_line(r, "the type must be U, M or R");
    if (!parse_flags(next_field(&c), &e.flags))
        return bad_line(r, "the flags must be - or some of w, h, n, z, each once");
    if (field_len(next_field(&c)))
        return bad_line(r, "too many fields; an allocation is: a ID ORDER TYPE FLAGS");
    if (!grow(&blocks, &r->room_blocks, r->t.nr_blocks, 1))
        return out_of_memory(r);
    r->blocks = blocks;
    r->blocks[id] = (uint8_t)(order | LIVE);
    r->t.nr_blocks++;
    r->live_pages += (uint64_t)1 << order;
    e.id = (uint32_t)id;
    e.order = (uint8_t)order;
    return add_event(r, e);
}

static int read_free(struct reader *r, struct cursor c)
{
    struct trace_event e = {.kind = TRACE_FREE};
    uint64_t id;

    if (!parse_number(next_field(&c), UINT32_MAX, &id))
        return bad_line(r, "the id must be a number, 0 to %u", UINT32_MAX);
    if (field_len(next_field(&c)))
        return bad_line(r, "too many fields; a free is: f ID");
    if (id >= r->t.nr_blocks)
        return bad_line(r, "only what was allocated above can be freed: ids below %u",
                        r->t.nr_blocks);
    if (!(r->blocks[id] & LIVE))
        return bad_line(r, "block %u was freed before; a block is freed once", (unsigned)id);
    r->blocks[id] &= (uint8_t)~LIVE;
    r->live_pages -= (uint64_t)1 << r->blocks[id];
    e.id = (uint32_t)id;
    e.order = r->blocks[id];
    return add_event(r, e);
}

static int read_line(struct reader *r)
{
    struct cursor c = {r->line, r->line + r->len};
    struct cursor kind;

    if (r->len && r->line[r->len - 1] == '\r')
        return bad_line(r, "it ends in CR LF; lines must end in LF alone");
    kind = next_field(&c);
    if (kind.at == kind.end)
        return 0;
    if (field_len(kind) == 1 && *kind.at == 'a')
        return read_alloc(r, c);
    if (field_len(kind) == 1 && *kind.at == 'f')
        return read_free(r, c);
    return bad_line(r, "a line must be: a ID ORDER TYPE FLAGS, or: f ID, or a # comment");
}

static int bad_status(struct reader *r, enum line_status status, int error)
{
    switch (status) {
    case LINE_TOO_LONG:
        return bad_file(r, -EINVAL, "the line is too long; at most %u bytes are accepted",
                        LINE_MAX_BYTES);
    case LINE_NO_NEWLINE:
        return bad_file(r, -EINVAL, "the last line has no newline: the trace is cut off");
    case LINE_READ_FAILED:
        return bad_file(r, -error, "cannot read: %s", strerror(error));
    case LINE_XZ_NOT_XZ:
        return bad_file(r, -EINVAL, "this is not .xz data; only what is gets a name in .xz");
    case LINE_XZ_CUT_OFF:
        return bad_file(r, -EINVAL, "the .xz data is cut off; get the whole file");
    case LINE_XZ_TOO_LARGE:
        return bad_file(r, -EINVAL,
                        "the .xz needs more than %u MiB to unpack; compress with xz -9 or less",
                        (unsigned)(LINE_XZ_MEMORY >> 20));
    case LINE_XZ_UNKNOWN:
        return bad_file(r, -EINVAL,
                        "the .xz uses options that liblzma does not know; "
                        "compress with plain xz");
    case LINE_NO_MEMORY:
        return out_of_memory(r);
    default:
        return bad_file(r, -EINVAL, "the .xz data is damaged; get the file again");
    }
}

static int read_lines(struct reader *r, struct line_reader *lines)
{
    for (;;) {
        int system_error = 0;
        enum line_status status = line_reader_next(lines, &r->line, &r->len, &system_error);
        int rc;

        if (status == LINE_END)
            break;
        r->line_nr++;
        if (status != LINE_OK)
            return bad_status(r, status, system_error);
        rc = read_line(r);
        if (rc)
            return rc;
    }
    if (!r->t.nr_events) {
        r->line_nr = 0;
        return bad_file(r, -EINVAL, "the trace has no event; at least one is needed");
    }
    return 0;
}

int trace_read(const char *path, struct trace *ret, char *why, size_t size)
{
    struct reader r = {.path = path, .why = why, .why_size = size};
    struct line_reader *lines;
    int rc = line_reader_open(path, &lines);

    if (rc)
        return bad_file(&r, rc, "cannot open: %s", strerror(-rc));
    rc = read_lines(&r, lines);
    line_reader_close(lines);
    free(r.blocks);
    if (rc)
        trace_free(&r.t);
    else
        *ret = r.t;
    return rc;
}

void trace_free(struct trace *t)
{
    free(t->events);
    t->events = NULL;
    t->nr_events = 0;
}
