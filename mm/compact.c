/* SPDX-License-Identifier: Apache-2.0 */
/* compact.c: runs of compaction. */
#include "compact.h"

#include <errno.h>

int compact_begin(struct compaction *c, struct zone *z, const struct compact_request *rq)
{
    if (rq->order == 0 || rq->order > COMPACT_WHOLE_ZONE || rq->type >= NR_MOBILITIES ||
        rq->domain >= z->nr_domains)
        return -EINVAL;
    if (z->compact.running)
        return -EBUSY;
    *c = (struct compaction){.z = z, .rq = *rq, .captured = PFN_NONE};
    z->compact.running = c;
    return 0;
}

enum compact_result compact_step(struct compaction *c, unsigned budget)
{
    if (budget == 0)
        return COMPACT_CONTINUE;
    compact_cancel(c);
    return COMPACT_FAILED;
}

void compact_cancel(struct compaction *c)
{
    c->z->compact.running = NULL;
}
