/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_reader.c: a file's bytes through liblzma, or straight, into one buffer that lines are cut
 * from.
 *
 * A line is handed out where it lies. Only the piece of a line at the end of the buffer is moved,
 * to its start, before more is read.
 */
#include "line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IN_BYTES  65536u
#define OUT_BYTES 65536u

struct line_reader {
    int fd;
    bool xz;
    bool ended; /* no more bytes will come into out */
    bool at_eof;
    lzma_stream lzma;
    size_t start; /* out[start..end) has not been handed out */
    size_t end;
    uint8_t in[IN_BYTES];
    char out[OUT_BYTES];
};

static bool ends_in_xz(const char *path)
{
    size_t len = strlen(path);

    return len >= 3 && !strcmp(path + len - 3, ".xz");
}

int line_reader_open(const char *path, struct line_reader **ret)
{
    const lzma_stream none = LZMA_STREAM_INIT;
    struct line_reader *r = malloc(sizeof(*r));
    int error;

    if (!r)
        return -ENOMEM;
    r->xz = ends_in_xz(path);
    r->ended = r->at_eof = false;
    r->start = r->end = 0;
    r->lzma = none;
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        error = -errno;
        goto free_reader;
    }
    if (r->xz && lzma_stream_decoder(&r->lzma, LINE_XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK) {
        error = -ENOMEM;
        goto close_file;
    }
    *ret = r;
    return 0;

close_file:
    close(r->fd);
free_reader:
    free(r);
    return error;
}

void line_reader_close(struct line_reader *r)
{
    if (!r)
        return;
    lzma_end(&r->lzma);
    close(r->fd);
    free(r);
}

static ssize_t read_some(int fd, void *to, size_t size)
{
    ssize_t n;

    do {
        n = read(fd, to, size);
    } while (n < 0 && errno == EINTR);
    return n;
}

static enum line_status fill_plain(struct line_reader *r, int *ret_errno)
{
    ssize_t n = read_some(r->fd, r->out + r->end, OUT_BYTES - r->end);

    if (n < 0) {
        *ret_errno = errno;
        return LINE_READ_FAILED;
    }
    r->ended = n == 0;
    r->end += (size_t)n;
    return LINE_OK;
}

static enum line_status xz_status(lzma_ret rc)
{
    switch (rc) {
    case LZMA_FORMAT_ERROR:
        return LINE_XZ_NOT_XZ;
    case LZMA_BUF_ERROR:
        return LINE_XZ_CUT_OFF;
    case LZMA_MEMLIMIT_ERROR:
        return LINE_XZ_TOO_LARGE;
    case LZMA_OPTIONS_ERROR:
        return LINE_XZ_UNKNOWN;
    case LZMA_MEM_ERROR:
        return LINE_NO_MEMORY;
    default:
        return LINE_XZ_DAMAGED;
    }
}

/* Decompress until there is at least one more byte, or the end. */
static enum line_status fill_xz(struct line_reader *r, int *ret_errno)
{
    lzma_ret rc;
    size_t room = OUT_BYTES - r->end;

    r->lzma.next_out = (uint8_t *)r->out + r->end;
    r->lzma.avail_out = room;
    while (r->lzma.avail_out == room) {
        if (!r->lzma.avail_in && !r->at_eof) {
            ssize_t n = read_some(r->fd, r->in, IN_BYTES);

            if (n < 0) {
                *ret_errno = errno;
                return LINE_READ_FAILED;
            }
            r->at_eof = n == 0;
            r->lzma.next_in = r->in;
            r->lzma.avail_in = (size_t)n;
        }
        rc = lzma_code(&r->lzma, r->at_eof ? LZMA_FINISH : LZMA_RUN);
        if (rc == LZMA_STREAM_END) {
            r->ended = true;
            break;
        }
        if (rc != LZMA_OK)
            return xz_status(rc);
    }
    r->end += room - r->lzma.avail_out;
    return LINE_OK;
}

enum line_status line_reader_next(struct line_reader *r, const char **ret_line, size_t *ret_len,
                                  int *ret_errno)
{
    size_t seen = 0; /* bytes behind start that have no newline */

    for (;;) {
        const char *line = r->out + r->start;
        const char *newline = memchr(line + seen, '\n', r->end - r->start - seen);
        enum line_status status;

        if (newline) {
            if ((size_t)(newline - line) > LINE_MAX_BYTES)
                return LINE_TOO_LONG;
            *ret_line = line;
            *ret_len = (size_t)(newline - line);
            r->start += *ret_len + 1;
            return LINE_OK;
        }
        seen = r->end - r->start;
        if (seen > LINE_MAX_BYTES)
            return LINE_TOO_LONG;
        if (r->ended)
            return seen ? LINE_NO_NEWLINE : LINE_END;
        memmove(r->out, line, seen);
        r->start = 0;
        r->end = seen;
        status = r->xz ? fill_xz(r, ret_errno) : fill_plain(r, ret_errno);
        if (status != LINE_OK)
            return status;
    }
}
