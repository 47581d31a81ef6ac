/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_reader.h: the lines of a file, plain or .xz, one at a time.
 *
 * It owns the descriptor and two buffers of fixed size, so that neither a long line nor an .xz that
 * unpacks to gigabytes can make it grow. Not thread-safe.
 */
#ifndef TRACE_LINE_READER_H
#define TRACE_LINE_READER_H

#include <stddef.h>
#include <stdint.h>

/** Bytes in a line, without its newline. */
#define LINE_MAX_BYTES 1023u
/** Memory that an .xz may ask for to be decompressed: xz -9 needs 65 MiB. */
#define LINE_XZ_MEMORY ((uint64_t)256 << 20)

struct line_reader;

enum line_status {
    LINE_OK = 0,
    LINE_END,          /**< the file is at its end, and was whole */
    LINE_TOO_LONG,     /**< a line of more than LINE_MAX_BYTES */
    LINE_NO_NEWLINE,   /**< the last line has no newline */
    LINE_READ_FAILED,  /**< *ret_errno says why */
    LINE_XZ_NOT_XZ,    /**< the file is no .xz at all */
    LINE_XZ_CUT_OFF,   /**< the .xz ends too early */
    LINE_XZ_DAMAGED,   /**< the .xz contradicts itself, or has bytes behind its end */
    LINE_XZ_TOO_LARGE, /**< it needs more than LINE_XZ_MEMORY */
    LINE_XZ_UNKNOWN,   /**< an .xz with options that this liblzma does not know */
    LINE_NO_MEMORY,
};

/**
 * Open a file; a name that ends in .xz is decompressed (all of its streams). Returns 0, and a
 * reader to be released with line_reader_close(); or a negative errno.
 */
int line_reader_open(const char *path, struct line_reader **ret);
void line_reader_close(struct line_reader *r);

/**
 * The next line, without its newline; not terminated, valid until the next call. Returns LINE_OK;
 * after any other answer there is no further line. ret_errno is written with LINE_READ_FAILED only.
 */
enum line_status line_reader_next(struct line_reader *r, const char **ret_line, size_t *ret_len,
                                  int *ret_errno);

#endif
