/* SPDX-License-Identifier: Apache-2.0 */
/* compact.h: what the files of compaction share, for them alone. */
#ifndef MM_COMPACT_INTERNAL_H
#define MM_COMPACT_INTERNAL_H

#include "mm/compact.h"
#include "zone_internal.h"

/* ---- compact_suitable.c ---- */

/** Is this to be one of the tries that are left out after failures (compaction_deferred)? */
bool compact_deferred(struct zone *z, unsigned order);
/** Has it been left out as often as can be (compaction_restarting)? */
bool compact_restarting(const struct zone *z, unsigned order);
/** It failed: leave out twice as many tries of this order and above (defer_compaction). */
void compact_defer(struct zone *z, unsigned order);
/** It did not fail (compaction_defer_reset). */
void compact_defer_reset(struct zone *z, unsigned order);

#endif
