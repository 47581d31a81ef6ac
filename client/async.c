/* SPDX-License-Identifier: Apache-2.0 */
/* async.c: requests whose answers come to a callback. */
#include <errno.h>

#include "alloc.h"
#include "calls.h"

static int check_count(const char *what, size_t n)
{
    if (!n || n > WIRE_MAX_BLOCKS)
        return error_set(-EINVAL, "%s of %zu blocks in one request: 1 to %u", what, n,
                         WIRE_MAX_BLOCKS);
    return 0;
}

int buddyd_submit_alloc(struct buddyd *b, const struct buddyd_alloc *rq, size_t n,
                        buddyd_done_fn done, void *data)
{
    struct wire_request wire = {.op = WIRE_OP_ALLOC};
    struct pending p = {.op = WIRE_OP_ALLOC, .done = done, .data = data};
    int r = connection_enter(b);

    if (r)
        return r;
    if (!done)
        return error_set(-EINVAL, "alloc: done is NULL: nobody would learn of the blocks");
    r = check_count("alloc", n);
    if (!r)
        r = alloc_prepare(b, rq, n, &wire.alloc, &p.ask);
    return r ? r : calls_submit(b, &wire, &p);
}

int buddyd_submit_free(struct buddyd *b, size_t n, const uint64_t *handles, buddyd_done_fn done,
                       void *data)
{
    struct wire_request wire = {.op = WIRE_OP_FREE, .free = {.nr = n, .handle = handles}};
    struct pending p = {.op = WIRE_OP_FREE, .done = done, .data = data};
    int r = connection_enter(b);

    if (!r)
        r = check_count("free", n);
    return r ? r : calls_submit(b, &wire, &p);
}
