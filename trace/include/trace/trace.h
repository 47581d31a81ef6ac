/* SPDX-License-Identifier: Apache-2.0 */
/* trace.h: recorded page traces (page trace v1, plain or .xz), read whole into an array of events.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind { TRACE_ALLOC = 0, TRACE_FREE = 1 };
/* The numbers are those of migratetypes. */
enum trace_type { TRACE_UNMOVABLE = 0, TRACE_MOVABLE = 1, TRACE_RECLAIMABLE = 2 };

#define TRACE_MAY_WAIT (1u << 0) /**< w */
#define TRACE_HIGH     (1u << 1) /**< h */
#define TRACE_MAY_FAIL (1u << 2) /**< n */
#define TRACE_ZERO     (1u << 3) /**< z */

struct trace_event {
    uint32_t id; /**< of the block; allocations count from 0 without a gap */
    uint8_t kind;
    uint8_t order; /**< of the block, in a free too */
    uint8_t type;  /**< of an allocation; 0 in a free, and so are the flags */
    uint8_t flags;
};

struct trace {
    struct trace_event *events;
    size_t nr_events;
    uint32_t nr_blocks;  /**< allocations: ids are 0 to nr_blocks - 1 */
    uint64_t peak_pages; /**< the most pages live at once */
    size_t peak_event;   /**< how many events have been played when that is first reached */
};

/**
 * Read a trace. A name that ends in .xz is decompressed.
 * Returns 0, and the trace to be released with trace_free(); or a negative errno, with one line in
 * why (size bytes) that names the file, the line number, the line and what would be accepted. Bad
 * are: an unknown kind, a field missing or too many, an id out of sequence, an order above 18, an
 * unknown type or flag, a free of a block that is not live, a line of more than 1,023 bytes, CR LF,
 * a last line without its end, no event at all, a damaged .xz or one that needs more than 256 MiB
 * (-EINVAL each); more than 2^27 events (-EFBIG). Fields are separated by blanks; empty lines and
 * what stands behind a # are passed over.
 */
int trace_read(const char *path, struct trace *ret, char *why, size_t size);
void trace_free(struct trace *t);

#endif
