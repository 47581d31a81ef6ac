/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c: the host's zones, and zonelists by distance with the kernel's tie rotation. */
#include "mm/memory.h"

#include <errno.h>
#include <limits.h>

#include "alloc_pass.h"
#include "resting.h"

#define LOCAL_DISTANCE  10u
#define REMOTE_DISTANCE 20u

static unsigned distance(const struct memory *m, unsigned from, unsigned to)
{
    unsigned d = m->topology.distance[from][to];

    if (d != 0)
        return d;
    return from == to ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

static bool has_memory(const struct memory *m, unsigned node)
{
    for (unsigned i = 0; i < m->nr_zones; i++) {
        if (m->zone[i] && m->zone[i]->node == node && m->zone[i]->nr_pages != 0)
            return true;
    }
    return false;
}

/* find_next_best_node: the node itself, then the nearest; among equals who bears the least load. */
static int next_node(const struct memory *m, unsigned node, uint64_t used, const unsigned *load)
{
    unsigned best = UINT_MAX;
    int found = -1;

    if (!(used >> node & 1) && has_memory(m, node))
        return (int)node;
    for (unsigned n = 0; n < m->topology.nr_nodes; n++) {
        unsigned value =
            distance(m, node, n) + (n < node ? 1u : 0u) + (unsigned)(m->topology.cpus >> n & 1);

        if ((used >> n & 1) || !has_memory(m, n))
            continue;
        value = value * MAX_NODES * MAX_NODES + load[n];
        if (value < best) {
            best = value;
            found = (int)n;
        }
    }
    return found;
}

static void append_node(const struct memory *m, struct zonelist *zl, unsigned node)
{
    for (unsigned kind = NR_ZONE_KINDS; kind-- > 0;) {
        for (unsigned i = 0; i < m->nr_zones; i++) {
            const struct zone *z = m->zone[i];

            if (z && z->node == node && z->kind == kind && z->nr_pages != 0)
                zl->id[zl->nr++] = (uint8_t)i;
        }
    }
}

/* build_zonelists. load: how often a node was the first of a distance, over all lists built so far.
 */
static void build_lists(struct memory *m, unsigned node, unsigned *load)
{
    uint64_t used = 0;
    unsigned previous = node;
    int next;

    m->all[node].nr = 0;
    m->local[node].nr = 0;
    append_node(m, &m->local[node], node);
    while ((next = next_node(m, node, used, load)) >= 0) {
        if (distance(m, node, (unsigned)next) != distance(m, node, previous))
            load[next]++;
        append_node(m, &m->all[node], (unsigned)next);
        used |= (uint64_t)1 << next;
        previous = (unsigned)next;
    }
}

/* What alloc_pages() would find out for each request: the first zone of a list that may serve it.
 */
static void find_first(struct memory *m, unsigned node)
{
    /* Nobody writes to it, since it serves nobody. */
    static struct zone nowhere;
    const struct zonelist *zl = &m->all[node];

    for (unsigned t = 0; t < NR_MOBILITIES; t++) {
        enum migratetype type = (enum migratetype)t;
        struct first_zone first = {.zone = &nowhere};

        for (unsigned i = zl->nr; i-- > 0;) {
            if (!zone_serves(m->zone[zl->id[i]], mobility_class(type), type))
                continue;
            first.zone = m->zone[zl->id[i]];
            first.resting = &first.zone->set[0].resting[rest_index(0, type)];
            first.id = zl->id[i];
        }
        m->first[node][t] = first;
    }
}

static int setup_marks(struct memory *m, const struct mm_settings *settings)
{
    struct zone *zones[MAX_ZONES];
    unsigned nr = 0;

    for (unsigned i = 0; i < m->nr_zones; i++) {
        if (m->zone[i])
            zones[nr++] = m->zone[i];
    }
    return watermarks_setup(zones, nr, m->page_shift, settings);
}

void memory_rebuild(struct memory *m)
{
    unsigned load[MAX_NODES] = {0};

    for (unsigned node = 0; node < m->topology.nr_nodes; node++)
        build_lists(m, node, load);
    for (unsigned node = 0; node < MAX_NODES; node++)
        find_first(m, node);
    (void)setup_marks(m, &m->settings); /* these settings were accepted before */
    m->sequence++;
}

int memory_init(struct memory *m, unsigned page_shift, const struct mm_topology *topology)
{
    if (page_shift < PAGE_SHIFT_MIN || page_shift > PAGE_SHIFT_MAX ||
        (topology && topology->nr_nodes > MAX_NODES))
        return -EINVAL;
    *m = (struct memory){.page_shift = page_shift, .settings = MM_SETTINGS_INIT};
    if (topology)
        m->topology = *topology;
    if (m->topology.nr_nodes == 0)
        m->topology.nr_nodes = 1;
    memory_rebuild(m);
    return 0;
}

int memory_add_zone(struct memory *m, struct zone *z, int id)
{
    if (z->node >= m->topology.nr_nodes || id >= (int)MAX_ZONES)
        return -EINVAL;
    for (unsigned i = 0; id < 0 && i < MAX_ZONES; i++) {
        if (!m->zone[i])
            id = (int)i;
    }
    if (id < 0)
        return -ENOSPC;
    if (m->zone[id])
        return -EEXIST;
    m->zone[id] = z;
    if (m->nr_zones <= (unsigned)id)
        m->nr_zones = (unsigned)id + 1;
    memory_rebuild(m);
    return id;
}

int memory_remove_zone(struct memory *m, unsigned id)
{
    struct zone_stat st;

    if (id >= m->nr_zones || !m->zone[id])
        return -ENOENT;
    zone_stat(m->zone[id], &st);
    if (st.free_pages + st.bad_pages + (st.unbacked_pageblocks << m->zone[id]->pageblock_order) !=
        st.managed_pages)
        return -EBUSY;
    if (m->zone[id]->guaranteed != 0)
        return -EBUSY;
    m->zone[id] = NULL;
    for (struct account *a = m->accounts; a; a = a->next)
        account_refresh(m, a); /* a domain may have held there what was free but kept */
    while (m->nr_zones > 0 && !m->zone[m->nr_zones - 1])
        m->nr_zones--;
    memory_rebuild(m);
    return 0;
}

int memory_set(struct memory *m, const struct mm_settings *settings)
{
    int r = setup_marks(m, settings);

    if (r < 0)
        return r;
    m->settings = *settings;
    return 0;
}
