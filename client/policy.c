/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c: what the daemon's policy would say to a request, and changes of that policy. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "calls.h"

_Static_assert(BUDDYD_EXPLAIN_BYTES == WIRE_MAX_LONG_TEXT + 1, "every text of the wire fits");
_Static_assert(BUDDYD_RIGHT_HIGH == WIRE_RIGHT_HIGH &&
                   BUDDYD_RIGHT_HIGHATOMIC == WIRE_RIGHT_HIGHATOMIC &&
                   BUDDYD_RIGHT_CMA == WIRE_RIGHT_CMA &&
                   BUDDYD_RIGHT_RESERVE == WIRE_RIGHT_RESERVE &&
                   BUDDYD_RIGHT_ADMIN == WIRE_RIGHT_ADMIN,
               "rights are those of the wire");

struct explain_call {
    struct call call;
    char *text;
    size_t size;
    bool granted;
};

static int take_explanation(struct buddyd *b, struct call *c, const struct wire_response *rs)
{
    struct explain_call *e = (struct explain_call *)c;

    (void)b;
    if (e->size)
        (void)snprintf(e->text, e->size, "%s", rs->explain.text);
    e->granted = rs->explain.granted;
    return 0;
}

int buddyd_explain(struct buddyd *b, uint32_t session, const struct buddyd_alloc *rq, size_t n,
                   char *text, size_t size, int *ret_granted)
{
    struct wire_request wire = {.op = WIRE_OP_EXPLAIN, .explain = {.session = session}};
    struct explain_call e;
    int r = connection_enter(b);

    if (r)
        return r;
    if (!n || n > WIRE_MAX_BLOCKS)
        return error_set(-EINVAL, "explain of %zu blocks: 1 to %u", n, WIRE_MAX_BLOCKS);
    r = alloc_prepare(b, rq, n, &wire.explain.alloc, &e.call.ask);
    if (r)
        return r;
    e.call.op = WIRE_OP_EXPLAIN;
    e.call.take = take_explanation;
    e.text = text;
    e.size = size;
    r = calls_run(b, &wire, &e.call);
    if (!r)
        *ret_granted = e.granted;
    return r;
}

static int check_string(const char *what, const char *s, size_t max)
{
    if (!s)
        return error_set(-EINVAL, "set: the %s is NULL", what);
    if (strlen(s) > max)
        return error_set(-EINVAL, "set: a %s of %zu bytes: at most %zu", what, strlen(s), max);
    return 0;
}

/* A request whose answer says no more than that it was done. */
static int run_plain(struct buddyd *b, struct wire_request *wire)
{
    struct call c;

    c.op = wire->op;
    c.ask = (struct ask){0};
    c.take = NULL;
    return calls_run(b, wire, &c);
}

int buddyd_set_policy(struct buddyd *b, const char *section, const char *key, const char *value)
{
    struct wire_request wire = {.op = WIRE_OP_SET_POLICY,
                                .set_policy = {.section = section, .key = key, .value = value}};
    int r = connection_enter(b);

    if (!r)
        r = check_string("section", section, WIRE_MAX_SECTION);
    if (!r)
        r = check_string("key", key, WIRE_MAX_NAME);
    if (!r)
        r = check_string("value", value, WIRE_MAX_VALUE);
    return r ? r : run_plain(b, &wire);
}

int buddyd_reload(struct buddyd *b)
{
    struct wire_request wire = {.op = WIRE_OP_RELOAD};
    int r = connection_enter(b);

    return r ? r : run_plain(b, &wire);
}
