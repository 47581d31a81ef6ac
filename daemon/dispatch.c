/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c: the table of operations; hello and free.
 *
 * proto/ has checked every number against the limits of the wire; here is decided what it means:
 * is there such a zone, such a node, such an order?
 */
#include "dispatch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "compactor.h"
#include "domain_set.h"
#include "explain.h"
#include "grant.h"
#include "log.h"
#include "migrator.h"
#include "policy.h"
#include "reclaim_lists.h"
#include "resizer.h"
#include "slot_table.h"
#include "stat.h"
#include "waiting.h"

void call_fail(struct call *c, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(c->message, sizeof(c->message), format, args);
    va_end(args);
    c->response.op = WIRE_OP_NONE;
    c->response.error = (uint32_t)error;
    c->response.message = c->message;
}

/* ---- hello ---- */

/* Names are shown on terminals and in logs: nothing but printable ASCII passes. */
static void set_name(struct session *s, const char *name)
{
    size_t i;

    for (i = 0; name[i] && i < WIRE_MAX_NAME; i++)
        s->name[i] = (char)(name[i] >= ' ' && name[i] <= '~' ? name[i] : '?');
    s->name[i] = '\0';
}

/** Slots that all sessions of a section may have memory for, for each block that there can be. */
#define SLOTS_PER_HANDLE 8u

/*
 * A table of slots for a client that knows them; without it, its blocks never move. Returns the
 * slots. The descriptors stay the session's.
 */
static uint32_t give_slots(struct call *c)
{
    struct session *s = c->session;
    const struct handle_table *handles = c->hub->zones->handles;
    const uint32_t nr = handle_table_left(handles) + handle_table_used(handles);
    struct slot_budget *budget = &s->policy.group->slots;
    int *fds;

    if (!(c->request->hello.features & WIRE_FEATURE_SLOTS))
        return 0;
    budget->max = (uint64_t)nr * SLOTS_PER_HANDLE;
    fds = malloc((c->fds.nr + 1) * sizeof(*fds));
    if (!fds || owner_lists_create(c->hub->zones, &s->holdings, &s->policy.group->lists) ||
        slot_table_create(nr < WIRE_MAX_SLOTS ? nr : WIRE_MAX_SLOTS, budget, &s->holdings.slots)) {
        log_warning("session %u (%s): no table of slots can be made: its blocks will not move",
                    s->id, s->name);
        free(fds);
        return 0;
    }
    memcpy(fds, c->fds.fd, c->fds.nr * sizeof(*fds));
    fds[c->fds.nr++] = slot_table_fd(s->holdings.slots);
    c->fds.fd = s->fds = fds;
    return slot_table_max(s->holdings.slots);
}

static void handle_hello(struct call *c)
{
    const struct wire_hello *hello = &c->request->hello;
    const struct zone_set *zs = c->hub->zones;
    struct session *s = c->session;
    uint32_t slots;

    if (s->state != SESSION_NEW) {
        call_fail(c, EPROTO, "hello: this session has said it already");
        return;
    }
    if (hello->version != WIRE_VERSION) {
        call_fail(c, EPROTONOSUPPORT, "version %u: this daemon speaks version %u", hello->version,
                  WIRE_VERSION);
        return;
    }
    set_name(s, hello->name);
    s->state = SESSION_OPEN;
    c->fds = (struct packet_fds){
        .fd = zs->domains ? zs->domains->domain[s->policy.account.domain].fd : zs->fd,
        .nr = zs->nr,
    };
    slots = give_slots(c);
    c->response.hello = (struct wire_hello_reply){
        .version = WIRE_VERSION,
        .features = slots != 0 ? WIRE_FEATURE_SLOTS : 0,
        .slots = slots,
        .session = s->id,
        .policy = policy_of(&s->policy)->name,
        .domain = s->policy.account.domain,
        .rights = policy_rights(&s->policy),
        .nr_zones = zs->nr,
        .zones = zs->wire,
    };
}

/* ---- free ---- */

static void handle_free(struct call *c)
{
    const struct wire_free *rq = &c->request->free;
    uint64_t bad = HANDLE_NONE;
    uint32_t freed = 0;

    for (size_t i = 0; i < rq->nr; i++) {
        if (!grant_free(c->hub->zones, &c->session->holdings, rq->handle[i]))
            freed++;
        else if (freed == i)
            bad = rq->handle[i];
    }
    c->cost += (uint32_t)rq->nr;
    if (freed)
        waiting_changed(c->hub, &c->session->policy);
    if (freed == rq->nr)
        c->response.free.freed = freed;
    else
        call_fail(c, ESTALE,
                  "handle 0x%llx names no block of this session (stale, freed, or another's); "
                  "%u of %zu were freed",
                  (unsigned long long)bad, freed, rq->nr);
}

/* ---- the policy ---- */

static bool check_admin(struct call *c)
{
    const struct policy_member *asker = &c->session->policy;

    if (policy_rights(asker) & RIGHT_ADMIN)
        return true;
    call_fail(c, EPERM, "%s: section '%s' of the policy does not give the right 'admin'",
              wire_op_name(c->request->op), policy_of(asker)->name);
    return false;
}

static void handle_set_policy(struct call *c)
{
    const struct wire_set_policy *rq = &c->request->set_policy;
    char why[WIRE_MAX_MESSAGE + 1];
    int error;

    if (!check_admin(c))
        return;
    error = policy_set_key(c->hub->policy, rq->section, rq->key, rq->value, why, sizeof(why));
    if (error) {
        call_fail(c, -error, "%s", why);
        return;
    }
    log_info("session %u (%s, uid %u) has set [%s] %s=%s", c->session->id, c->session->name,
             (unsigned)c->session->peer.uid, rq->section, rq->key, rq->value);
    hub_follow_policy(c->hub);
}

static void handle_reload(struct call *c)
{
    char why[WIRE_MAX_MESSAGE + 1];
    int error;

    if (!check_admin(c))
        return;
    if (!c->hub->reload) {
        call_fail(c, EOPNOTSUPP, "this daemon has no configuration to read again");
        return;
    }
    error = c->hub->reload(c->hub->reload_ctx, why, sizeof(why));
    if (error)
        call_fail(c, -error, "%s", why);
}

static void handle_resize_zone(struct call *c)
{
    if (check_admin(c))
        resizer_handle(c);
}

static void handle_migrate(struct call *c)
{
    const uint32_t whose = migrator_whose(c);

    if (whose == c->session->id || check_admin(c))
        migrator_handle(c, whose);
}

static void handle_compact(struct call *c)
{
    if (check_admin(c))
        compactor_handle(c);
}

/* ---- the table ---- */

struct operation {
    void (*handle)(struct call *c);
    bool before_hello;
};

static const struct operation operations[WIRE_NR_OPS] = {
    [WIRE_OP_HELLO] = {handle_hello, true},
    [WIRE_OP_ALLOC] = {alloc_handle, false},
    [WIRE_OP_FREE] = {handle_free, false},
    [WIRE_OP_STAT_ZONES] = {stat_zones, false},
    [WIRE_OP_STAT_FREE] = {stat_free, false},
    [WIRE_OP_STAT_CLIENTS] = {stat_clients, false},
    [WIRE_OP_STAT_BLOCKS] = {stat_blocks, false},
    [WIRE_OP_SET_POLICY] = {handle_set_policy, false},
    [WIRE_OP_RELOAD] = {handle_reload, false},
    [WIRE_OP_EXPLAIN] = {explain_handle, false},
    [WIRE_OP_STAT_ACCOUNTS] = {stat_accounts, false},
    [WIRE_OP_RENEW] = {alloc_handle, false},
    [WIRE_OP_RESIZE_ZONE] = {handle_resize_zone, false},
    [WIRE_OP_MIGRATE] = {handle_migrate, false},
    [WIRE_OP_COMPACT] = {handle_compact, false},
};

void dispatch(struct call *c)
{
    const struct wire_request *rq = c->request;
    const struct operation *op = &operations[rq->op];

    c->response = (struct wire_response){.id = rq->id, .op = rq->op};
    c->fds = (struct packet_fds){0};
    c->cost = 1;
    c->waited_ms = 0;
    c->parked = false;
    if (c->session->state == SESSION_NEW && !op->before_hello)
        call_fail(c, EPROTO, "%s before hello: a session begins with hello", wire_op_name(rq->op));
    else if (rq->error)
        call_fail(c, rq->error, "%s", rq->message);
    else if (!op->handle)
        call_fail(c, EOPNOTSUPP, "an operation that version %u of the protocol does not have",
                  WIRE_VERSION);
    else
        op->handle(c);
}
