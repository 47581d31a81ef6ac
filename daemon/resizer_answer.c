/* SPDX-License-Identifier: Apache-2.0 */
/* resizer_answer.c: what came of a change of a zone, to who asked for it, who may have gone. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dispatch.h"
#include "hugepage_pool.h"
#include "log.h"
#include "obstacles.h"
#include "resizer_internal.h"
#include "session.h"
#include "why.h"

static uint64_t bytes_of(pfn_t pages)
{
    return (uint64_t)pages << CONFIG_PAGE_SHIFT;
}

uint64_t resize_bytes(const struct resize *rz)
{
    return bytes_of(zone_nr_pages(resize_entry(rz)->zone));
}

static bool begin_answer(const struct resize *rz, struct call *c)
{
    struct hub *hub = rz->resizer->hub;

    *c = (struct call){.hub = hub, .session = session_table_find(&hub->sessions, rz->session)};
    c->response = (struct wire_response){.id = rz->request, .op = WIRE_OP_RESIZE_ZONE};
    return c->session && c->session->state == SESSION_OPEN;
}

void resize_answer_done(struct resize *rz)
{
    char now[WHY_NUMBER_BYTES];
    struct call c;

    rz->state = RESIZE_NONE;
    log_info("zone '%s' has %s now", resize_entry(rz)->name, why_bytes(resize_bytes(rz), now));
    if (!begin_answer(rz, &c))
        return;
    c.response.resize_zone.bytes = resize_bytes(rz);
    session_answer(c.session, &c);
}

void resize_answer_left_over(struct resize *rz)
{
    char has[WHY_NUMBER_BYTES], left[WHY_NUMBER_BYTES], why[WIRE_MAX_MESSAGE + 1];
    struct call c;

    (void)snprintf(why, sizeof(why),
                   "zone '%s' has %s, but the %s behind its end could not be given back to the "
                   "host: %s; the next request to resize it tries that first",
                   resize_entry(rz)->name, why_bytes(resize_bytes(rz), has),
                   why_bytes(bytes_of(rz->nr_pages), left), strerror(-rz->error));
    log_error("%s", why);
    rz->state = RESIZE_NONE;
    if (!begin_answer(rz, &c))
        return;
    call_fail(&c, -rz->error, "%s", why);
    session_answer(c.session, &c);
}

void resize_answer_obstacles(struct resize *rz, const struct zone_obstacle *o)
{
    struct hub *hub = rz->resizer->hub;
    struct call c;

    rz->state = RESIZE_NONE;
    if (!begin_answer(rz, &c))
        return;
    c.response.resize_zone = (struct wire_resize_zone_reply){
        .bytes = resize_bytes(rz),
        .nr = obstacles_list(hub, resize_zone(rz), rz->start, o, hub->turn->scratch.obstacles),
        .obstacles = hub->turn->scratch.obstacles,
    };
    session_answer(c.session, &c);
}

void resize_answer_error(struct resize *rz)
{
    const struct zone_entry *e = resize_entry(rz);
    const struct memfile *mf = &e->memory;
    char wanted[WHY_NUMBER_BYTES], hint[192] = "";
    struct hugepage_pool pool;
    struct call c;

    rz->state = RESIZE_NONE;
    if (!begin_answer(rz, &c))
        return;
    if (mf->backing != BACKING_SHMEM &&
        hugepage_pool_read(mf->hugepage_bytes, mf->node, &pool) == 0 && rz->error == -ENOSPC) {
        const uint64_t nr = bytes_of(rz->nr_pages) / mf->hugepage_bytes;

        (void)snprintf(hint, sizeof(hint),
                       " (%" PRIu64 " of %" PRIu64 " can be had); reserve "
                       "more with: ",
                       pool.available, nr);
        hugepage_pool_hint(mf->hugepage_bytes, mf->node, pool.total + nr - pool.available,
                           hint + strlen(hint), sizeof(hint) - strlen(hint));
    }
    call_fail(&c, -rz->error, "zone '%s' cannot grow by %s: %s%s", e->name,
              why_bytes(bytes_of(rz->nr_pages), wanted), strerror(-rz->error), hint);
    session_answer(c.session, &c);
}
