/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrator.c: walks over the handle table, a few moves at a time.
 *
 * A walk goes by index, so that blocks that come and go meanwhile do not disturb it.
 */
#include "migrator.h"

#include <errno.h>
#include <stdlib.h>

#include "dispatch.h"
#include "hub.h"
#include "mm/migrate.h"
#include "mobile.h"
#include "mover.h"
#include "session.h"

/** A block on its way. */
struct journey {
    uint64_t handle;
    unsigned from_zone;
    uint32_t pages;
};

/** One request. */
struct migrate_order {
    struct migrate_order *next;
    uint32_t session; /**< who asked, and for what */
    uint64_t request;
    uint32_t whose; /**< the session whose blocks they are */
    unsigned node;
    uint64_t handle; /**< the only one, or HANDLE_NONE */
    uint32_t index;  /**< of the handle table: so far it was looked at */
    struct wire_migrate_reply reply;
    unsigned nr_moving;
    struct journey moving[MIGRATOR_MOVES];
};

struct migrator {
    struct hub *hub;
    struct migrate_order *orders; /**< in the order in which they came */
    struct later look; /**< to be done while there is an order to begin or to go on with */
};

/* Who asked, or NULL: gone. */
static struct session *asker_of(const struct migrator *m, const struct migrate_order *o)
{
    struct session *s = session_table_find(&m->hub->sessions, o->session);

    return s && s->state == SESSION_OPEN ? s : NULL;
}

static void answer(struct migrator *m, const struct migrate_order *o)
{
    struct session *s = asker_of(m, o);
    struct call c = {.hub = m->hub, .session = s};

    if (!s)
        return;
    c.response = (struct wire_response){.id = o->request, .op = WIRE_OP_MIGRATE};
    c.response.migrate = o->reply;
    session_answer(s, &c);
}

/* ---- moving ---- */

/* Take stock of the moves that have ended. */
static void arrive(const struct migrator *m, struct migrate_order *o)
{
    const struct zone_set *zs = m->hub->zones;
    unsigned left = 0;

    for (unsigned i = 0; i < o->nr_moving; i++) {
        const struct journey *j = &o->moving[i];
        struct handle_info info;

        if (handle_find(zs->handles, j->handle, &info) < 0)
            continue; /* its owner has freed it */
        if (mobile_of(zs, j->handle)->state == MOBILE_MOVING)
            o->moving[left++] = *j;
        else if (info.zone == j->from_zone)
            o->reply.left_pages += j->pages;
        else
            o->reply.moved_pages += j->pages;
    }
    o->nr_moving = left;
}

/* Zones that the owner's policy allows. */
static uint64_t zones_of(const struct migrator *m, const struct migrate_order *o)
{
    const struct session *s = session_table_find(&m->hub->sessions, o->whose);

    return s ? policy_of(&s->policy)->zonemask : 0;
}

/* Send one block off, to the first zone of the node that its owner may use and that has room. */
static bool set_off(const struct migrator *m, const struct migrate_order *o,
                    const struct handle_info *info)
{
    struct zone_set *zs = m->hub->zones;
    const struct mobile *block = mobile_of(zs, info->handle);
    const struct zonelist *zl = &zs->memory.local[o->node];
    const uint64_t zones = zones_of(m, o);
    int rc = -ENOMEM;

    if (block->state != MOBILE_NORMAL)
        return false;
    for (unsigned i = 0; i < zl->nr && rc == -ENOMEM; i++) {
        struct migration mg = {.from_zone = info->zone, .from = info->pfn, .to_zone = zl->id[i]};
        struct refusal why;

        if (!(zones >> zl->id[i] & 1))
            continue;
        rc = memory_migrate_begin(&zs->memory, block->holdings->account, &mg, &why);
    }
    return rc == 0;
}

static void consider(const struct migrator *m, struct migrate_order *o,
                     const struct handle_info *info)
{
    const struct zone_set *zs = m->hub->zones;
    struct zone_block b;

    if (info->owner != o->whose || info->zone == MOBILE_NOWHERE ||
        zone_node(zs->memory.zone[info->zone]) == o->node ||
        zone_block(zs->memory.zone[info->zone], info->pfn, &b) < 0)
        return;
    if (set_off(m, o, info))
        o->moving[o->nr_moving++] =
            (struct journey){info->handle, info->zone, (uint32_t)1 << b.order};
    else
        o->reply.left_pages += (uint64_t)1 << b.order;
}

/* Look at some more handles. Returns whether that was all. */
static bool look_at_some(const struct migrator *m, struct migrate_order *o)
{
    const struct handle_table *handles = m->hub->zones->handles;
    const uint32_t stop = o->index + MIGRATOR_SLICE;
    struct handle_info info;

    if (o->handle != HANDLE_NONE) {
        if (o->index++ == 0 && handle_find(handles, o->handle, &info) == 0)
            consider(m, o, &info);
        return true;
    }
    while (o->nr_moving < MIGRATOR_MOVES && o->index < stop) {
        if (handle_next(handles, &o->index, stop - o->index, &info))
            consider(m, o, &info);
        if (o->index >= handle_table_end(handles))
            return true;
    }
    return false;
}

/* Take one out of the list. */
static void take_out(struct migrator *m, struct migrate_order **link)
{
    struct migrate_order *o = *link;
    struct session *s = asker_of(m, o);

    *link = o->next;
    if (s)
        s->nr_migrations--;
}

/* Go on with one. Returns whether it has come to its end. */
static bool carry_out(struct migrator *m, struct migrate_order *o)
{
    bool all;

    arrive(m, o);
    all = !asker_of(m, o) || look_at_some(m, o);
    if (!all && o->nr_moving < MIGRATOR_MOVES)
        hub_later(m->hub, &m->look);
    return all && o->nr_moving == 0;
}

static void on_look(void *ctx)
{
    struct migrator *m = ctx;
    struct migrate_order **link = &m->orders;

    for (unsigned i = 0; *link && i < MIGRATOR_ORDERS;) {
        struct migrate_order *o = *link;

        if (!carry_out(m, o)) {
            link = &o->next;
            i++;
            continue;
        }
        take_out(m, link); /* first: the answer may end the session */
        answer(m, o);
        free(o);
    }
}

static void on_moved(void *ctx, uint64_t zones)
{
    struct migrator *m = ctx;

    (void)zones;
    if (m->orders)
        hub_later(m->hub, &m->look);
}

/* ---- requests ---- */

static bool check(struct call *c, const struct wire_migrate *rq, uint32_t whose)
{
    const struct zone_set *zs = c->hub->zones;
    struct handle_info info;

    if (!zone_set_has_node(zs, rq->node))
        call_fail(c, EINVAL, "node %u: this host has no such node", rq->node);
    else if (zs->memory.local[rq->node].nr == 0)
        call_fail(c, EINVAL, "node %u has no zone of this daemon", rq->node);
    else if (!session_table_find(&c->hub->sessions, whose))
        call_fail(c, ENOENT, "there is no session %u", whose);
    else if (rq->handle != HANDLE_NONE &&
             (handle_find(zs->handles, rq->handle, &info) < 0 || info.owner != whose))
        call_fail(c, ESTALE, "handle 0x%llx names no block of session %u",
                  (unsigned long long)rq->handle, whose);
    else if (c->session->nr_migrations == MIGRATOR_SESSION_ORDERS)
        call_fail(c, EBUSY,
                  "migrate: %u requests of this session are being carried out, and no "
                  "more are taken from one session",
                  MIGRATOR_SESSION_ORDERS);
    else
        return true;
    return false;
}

uint32_t migrator_whose(const struct call *c)
{
    const struct wire_migrate *rq = &c->request->migrate;
    struct handle_info info;

    if (rq->session != 0)
        return rq->session;
    if (rq->handle != HANDLE_NONE && handle_find(c->hub->zones->handles, rq->handle, &info) == 0)
        return info.owner;
    return c->session->id;
}

void migrator_handle(struct call *c, uint32_t whose)
{
    const struct wire_migrate *rq = &c->request->migrate;
    struct migrator *m = c->hub->migrator;
    struct migrate_order *o, **last = &m->orders;

    if (!check(c, rq, whose))
        return;
    o = calloc(1, sizeof(*o));
    if (!o) {
        call_fail(c, ENOMEM, "migrate: the daemon has no memory for it");
        return;
    }
    o->session = c->session->id;
    o->request = c->request->id;
    o->whose = whose;
    o->node = rq->node;
    o->handle = rq->handle;
    while (*last)
        last = &(*last)->next;
    *last = o;
    c->session->nr_migrations++;
    c->parked = true;
    hub_later(m->hub, &m->look);
}

/* ---- start and stop ---- */

int migrator_create(struct hub *hub, struct migrator **ret)
{
    struct migrator *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->hub = hub;
    m->look = (struct later){.run = on_look, .ctx = m};
    *ret = m;
    return 0;
}

void migrator_free(struct migrator *m)
{
    while (m && m->orders) {
        struct migrate_order *o = m->orders;

        m->orders = o->next;
        free(o);
    }
    free(m);
}

void migrator_start(struct migrator *m)
{
    mover_listen(m->hub->mover, on_moved, m);
}
