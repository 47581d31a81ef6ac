/* SPDX-License-Identifier: Apache-2.0 */
/* slowpath_internal.h: a request in the slow path, and whether it is worth another round there. */
#ifndef MM_SLOWPATH_INTERNAL_H
#define MM_SLOWPATH_INTERNAL_H

#include "alloc_pass.h"

#define MAX_RECLAIM_RETRIES    16
#define MAX_COMPACTION_RETRIES 16

struct slowpath {
    struct alloc_pass *p;
    const struct path_ops *ops;
    void *ctx;
    enum compact_priority priority;
    enum compact_result compacted;
    unsigned sequence; /* of the zonelists, when it began */
    int no_progress;
    int compactions;
    bool freed; /* the last reclaim had progress */
    bool granted;
    struct path_progress *progress; /* NULL: nothing that takes time is waited for */
};

/** Give back what a zone that may be used keeps for HIGHATOMIC; force: the last of it too. Returns
 * whether there was some. */
bool slowpath_unreserve(const struct slowpath *s, bool force);
/** should_reclaim_retry: could some zone pass min if everything that is reclaimable were free? */
bool slowpath_retry_reclaim(struct slowpath *s);
/** should_compact_retry: with more effort the next time? */
bool slowpath_retry_compact(struct slowpath *s);

#endif
