/* SPDX-License-Identifier: Apache-2.0 */
/* compactor_look.c: compaction before anybody asks (proactive compaction of kcompactd). */
#include "compactor_internal.h"
#include "hub.h"
#include "mobile.h"
#include "reclaimer.h"

/* How much of a node's free memory lies in pieces (fragmentation_score_node). */
static unsigned node_score(const struct compactor *c, unsigned node)
{
    const struct zonelist *zl = &c->hub->zones->memory.local[node];
    uint64_t pages = 0;
    unsigned score = 0;

    for (unsigned i = 0; i < zl->nr; i++)
        pages += zone_nr_pages(compactor_zone(c, zl->id[i]));
    for (unsigned i = 0; i < zl->nr; i++)
        score += zone_proactive_score(compactor_zone(c, zl->id[i]), pages);
    return score;
}

/* Grants and frees of all zones: while they do not change, nothing else does. */
static uint64_t activity(const struct compactor *c)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < c->hub->zones->nr; i++) {
        struct zone_stat st;

        zone_stat(compactor_zone(c, i), &st);
        sum += st.allocs + st.frees;
    }
    return sum;
}

/* Does a run go on in one of the node's zones, or is one to begin? */
static bool is_at_work(const struct compactor *c, unsigned node)
{
    const struct zonelist *zl = &c->hub->zones->memory.local[node];

    for (unsigned i = 0; i < zl->nr; i++) {
        if (c->work[zl->id[i]].kind != RUN_NONE || (c->ready >> zl->id[i] & 1))
            return true;
    }
    return reclaimer_at_work(c->hub->reclaimer, node);
}

static void look_at(struct compactor *c, unsigned node)
{
    const struct zonelist *zl = &c->hub->zones->memory.local[node];
    const unsigned score = node_score(c, node);

    /* In vain, it is not tried again at once: the same would be in the way. */
    if (c->node[node].tried && score >= c->node[node].score)
        c->node[node].looks_off = COMPACTOR_LOOKS_OFF;
    c->node[node].tried = false;
    if (c->node[node].looks_off != 0) {
        c->node[node].looks_off--;
        return;
    }
    if (score <= compact_score_high(c->hub->compaction_proactiveness))
        return;
    c->node[node].tried = true;
    c->node[node].score = score;
    for (unsigned i = 0; i < zl->nr; i++) {
        c->work[zl->id[i]].proactive = true;
        compactor_want(c, zl->id[i]);
    }
}

static void on_look(uv_timer_t *timer)
{
    struct compactor *c = timer->data;
    const struct memory *m = &c->hub->zones->memory;
    const uint64_t seen = activity(c);

    if (mobiles_used(c->hub->zones->mobiles) == 0) {
        (void)uv_timer_stop(timer);
        return;
    }
    if (c->hub->compaction_proactiveness == 0 || seen == c->seen)
        return;
    c->seen = seen;
    for (unsigned node = 0; node < m->topology.nr_nodes; node++) {
        if (is_at_work(c, node))
            c->seen = UINT64_MAX; /* it is looked at the next time */
        else
            look_at(c, node);
    }
}

void compactor_watch(struct compactor *c)
{
    if (!uv_is_active((uv_handle_t *)&c->look) && !c->hub->stopping)
        (void)uv_timer_start(&c->look, on_look, COMPACTOR_LOOK_MS, COMPACTOR_LOOK_MS);
}

void compactor_start_looking(struct compactor *c)
{
    hub_timer(c->hub, &c->look, c);
}

void compactor_stop_looking(struct compactor *c)
{
    hub_close_handle(c->hub, (uv_handle_t *)&c->look);
}
