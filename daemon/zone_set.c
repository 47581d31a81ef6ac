/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_set.c: makes the zones, and undoes all of it when one of them cannot be had.
 *
 * Metadata is mapped MAP_NORESERVE and never touched here, so that a zone of a terabyte starts as
 * fast, and as small, as one of a gigabyte; mm/ touches what it uses.
 */
#include "zone_set.h"

#include <errno.h>
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "domain_set.h"
#include "mobile.h"
#include "mover.h"
#include "reclaim_lists.h"
#include "why.h"

_Static_assert(MAX_ZONES == WIRE_MAX_ZONES, "a zone has one id in mm/ and on the wire");
_Static_assert(MAX_PAGE_ORDER + 1 == WIRE_MAX_ORDERS, "the wire has every order");
_Static_assert((int)BACKING_HUGETLB == (int)WIRE_BACKING_HUGETLB &&
                   (int)BACKING_HUGETLBFS == (int)WIRE_BACKING_HUGETLBFS &&
                   (int)BACKING_SHMEM == (int)WIRE_BACKING_SHMEM,
               "a backing has one number");

/* ---- memory for metadata ---- */

static int derived_create(size_t bytes, void **ret)
{
    void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (addr == MAP_FAILED)
        return -errno;
    *ret = addr;
    return 0;
}

/* ---- one zone ---- */

static void entry_free(struct zone_entry *e)
{
    if (e->derived)
        (void)munmap(e->derived, e->derived_bytes);
    lasting_free(&e->lasting);
    if (e->memory.fd >= 0)
        memfile_close(&e->memory);
    *e = (struct zone_entry){.memory = {.fd = -1}, .lasting = {.fd = -1}};
}

static void entry_describe(struct zone_set *zs, uint32_t id, const struct zone_spec *spec)
{
    const struct zone_entry *e = &zs->entry[id];

    zs->fd[id] = e->memory.fd;
    zs->wire[id] = (struct wire_zone){
        .id = id,
        .name = e->name,
        .node = spec->memory.node,
        .backing = (uint32_t)spec->memory.backing,
        .page_shift = CONFIG_PAGE_SHIFT,
        .hugepage_shift = (uint32_t)__builtin_ctzll(spec->memory.hugepage_bytes),
        .pageblock_order = spec->pageblock_order,
        .bytes = e->memory.bytes,
        .preferred_base = spec->preferred_base,
    };
}

static void on_populate(void *ctx, struct zone *z, pfn_t pfn, unsigned order, unsigned domain)
{
    const struct domain_set *ds = ((const struct zone_set *)ctx)->domains;

    ds->populate(ds->populate_ctx, z, pfn, order, domain);
}

static bool on_migrate(void *ctx, struct zone *z, pfn_t from, struct zone *to_zone, pfn_t to,
                       unsigned order)
{
    struct zone_set *zs = ctx;
    struct zone_block block = {0};

    return zs->mover && zone_block(z, from, &block) == 0 &&
           mover_begin(zs->mover, z, from, to_zone, to, order, block.tag);
}

static bool on_move(void *ctx, struct zone *z, pfn_t from, pfn_t to, unsigned order)
{
    return on_migrate(ctx, z, from, z, to, order);
}

static bool on_movable(void *ctx, struct zone *z, pfn_t pfn, uint64_t tag)
{
    (void)z;
    (void)pfn;
    return mobile_movable(ctx, tag);
}

static int zone_config_of(struct zone_set *zs, const struct zone_spec *spec,
                          struct zone_config *ret, char *why, size_t size)
{
    static const struct zone_ops ops = {
        .populate = on_populate,
        .move = on_move,
        .migrate = on_migrate,
        .movable = on_movable,
    };
    const char *name = spec->memory.name;
    size_t lasting, derived;
    int error;

    if (memfile_length(&spec->memory) > CONFIG_MAX_ZONE_BYTES)
        return why_not(-EINVAL, why, size, "zone '%s': %llu bytes: at most %llu are accepted", name,
                       (unsigned long long)memfile_length(&spec->memory),
                       (unsigned long long)CONFIG_MAX_ZONE_BYTES);
    *ret = (struct zone_config){
        .nr_pages = (pfn_t)(spec->memory.bytes >> CONFIG_PAGE_SHIFT),
        .max_pages = (pfn_t)(memfile_length(&spec->memory) >> CONFIG_PAGE_SHIFT),
        .pageblock_order = spec->pageblock_order,
        .nr_domains = zs->nr_domains,
        .ops = &ops,
        .ops_ctx = zs,
        .kind = spec->kind,
        .node = spec->memory.node < 0 ? 0 : (unsigned)spec->memory.node,
    };
    error = zone_metadata_bytes(ret, &lasting, &derived);
    if (error)
        return why_not(error, why, size,
                       "zone '%s': %u pages are not whole pageblocks of order %u, or too many",
                       name, ret->nr_pages, ret->pageblock_order);
    return 0;
}

/* The memory file, and a memfd for what is to survive the daemon. */
static int entry_create_files(struct zone_entry *e, const struct zone_spec *spec, size_t lasting,
                              char *why, size_t size)
{
    char memfd_name[sizeof("buddyd-zone-") + WIRE_MAX_NAME];
    int error = memfile_create(&spec->memory, &e->memory, why, size);

    if (error) {
        e->memory.fd = -1;
        return error;
    }
    (void)snprintf(memfd_name, sizeof(memfd_name), "buddyd-zone-%s", e->name);
    error = lasting_create(memfd_name, lasting, &e->lasting);
    if (error)
        return why_not(error, why, size, "zone '%s': no memory file of %zu bytes for metadata: %s",
                       e->name, lasting, strerror(-error));
    return 0;
}

/* Leaves what it made in the entry when it fails: the caller undoes all zones at once. */
static int entry_create(struct zone_set *zs, struct zone_entry *e, const struct zone_spec *spec,
                        bool draft, char *why, size_t size)
{
    struct zone_config zc = {0};
    size_t lasting = 0;
    size_t derived = 0;
    int error;

    (void)snprintf(e->name, sizeof(e->name), "%s", spec->memory.name);
    error = zone_config_of(zs, spec, &zc, why, size);
    if (error)
        return error;
    (void)zone_metadata_bytes(&zc, &lasting, &derived); /* it has accepted this config before */
    if (draft) {
        error = derived_create(lasting, &e->lasting.addr);
        e->lasting.bytes = lasting;
    } else {
        error = entry_create_files(e, spec, lasting, why, size);
        if (error)
            return error;
    }
    if (!error)
        error = derived_create(derived, &e->derived);
    if (error)
        return why_not(error, why, size, "zone '%s': no %zu bytes for metadata: %s", e->name,
                       lasting + derived, strerror(-error));
    e->derived_bytes = derived;
    e->least_pages = zc.nr_pages;
    e->give_back = spec->give_back;
    error = zone_init(&zc, e->lasting.addr, e->derived, &e->zone);
    if (error)
        return why_not(error, why, size, "zone '%s': cannot be made: %s", e->name,
                       strerror(-error));
    return 0;
}

/* ---- nodes ---- */

static uint64_t nodes_with_cpus(unsigned nr_nodes)
{
    struct bitmask *cpus = numa_allocate_cpumask();
    uint64_t nodes = 0;

    for (unsigned n = 0; n < nr_nodes; n++) {
        if (numa_node_to_cpus((int)n, cpus) == 0 && numa_bitmask_weight(cpus) != 0)
            nodes |= (uint64_t)1 << n;
    }
    numa_free_cpumask(cpus);
    return nodes;
}

/* The host's nodes as libnuma knows them; without it, one. */
static void read_topology(struct mm_topology *t, uint64_t *ret_nodes)
{
    *t = (struct mm_topology){.nr_nodes = 1};
    *ret_nodes = 1;
    if (numa_available() < 0)
        return;
    t->nr_nodes = (unsigned)numa_max_node() + 1;
    if (t->nr_nodes > MAX_NODES)
        t->nr_nodes = MAX_NODES;
    t->cpus = nodes_with_cpus(t->nr_nodes);
    *ret_nodes = 0;
    for (unsigned i = 0; i < t->nr_nodes; i++) {
        if (numa_bitmask_isbitset(numa_all_nodes_ptr, i))
            *ret_nodes |= (uint64_t)1 << i;
        for (unsigned k = 0; k < t->nr_nodes; k++)
            t->distance[i][k] = (uint8_t)numa_distance((int)i, (int)k);
    }
}

unsigned zone_set_id(const struct zone_set *zs, const struct zone *z)
{
    unsigned id = 0;

    while (zs->entry[id].zone != z)
        id++;
    return id;
}

bool zone_set_has_node(const struct zone_set *zs, uint32_t node)
{
    return node < zs->memory.topology.nr_nodes && (zs->nodes >> node & 1);
}

/* mm/ decides in which order zones are tried, by node and distance. */
static int memory_create(struct zone_set *zs, const struct mm_settings *settings, char *why,
                         size_t size)
{
    struct mm_topology topology;
    int r;

    read_topology(&topology, &zs->nodes);
    r = memory_init(&zs->memory, CONFIG_PAGE_SHIFT, &topology);
    if (r >= 0)
        r = memory_set(&zs->memory, settings);
    for (uint32_t i = 0; r >= 0 && i < zs->nr; i++) {
        r = memory_add_zone(&zs->memory, zs->entry[i].zone, (int)i);
        if (r < 0)
            return why_not(r, why, size, "zone '%s': node %d: nodes 0 to %u are accepted",
                           zs->entry[i].name, zs->entry[i].memory.node, topology.nr_nodes - 1);
    }
    return r < 0 ? why_not(r, why, size, "the zones cannot be put in order") : 0;
}

/* ---- all of them ---- */

/*
 * A handle for each page that there can be, and those of one request more: who asks for too much is
 * to hear that there are no pages.
 */
static int handles_create(struct zone_set *zs, const struct daemon_config *config, char *why,
                          size_t size)
{
    uint64_t nr = WIRE_MAX_BLOCKS;
    size_t bytes;
    int error;

    for (uint32_t i = 0; i < zs->nr; i++)
        nr += memfile_length(&config->zones[i].memory) >> CONFIG_PAGE_SHIFT;
    if (nr > HANDLE_MAX)
        nr = HANDLE_MAX;
    bytes = handle_table_bytes((uint32_t)nr);
    error = lasting_create("buddyd-handles", bytes, &zs->handle_memory);
    if (!error)
        error = handle_table_init(zs->handle_memory.addr, (uint32_t)nr, &zs->handles);
    if (!error)
        error = mobiles_create((uint32_t)nr, &zs->mobiles);
    if (!error)
        error = reclaim_lists_create(zs, (uint32_t)nr, &zs->lists);
    if (error)
        return why_not(error, why, size, "no handle table of %zu bytes: %s", bytes,
                       strerror(-error));
    return 0;
}

static int create(const struct daemon_config *config, bool draft, struct zone_set **ret, char *why,
                  size_t size)
{
    struct zone_set *zs;
    int error;

    if (config->nr_zones < 1 || config->nr_zones > MAX_ZONES)
        return why_not(-EINVAL, why, size, "%u zones: 1 to %u are accepted", config->nr_zones,
                       MAX_ZONES);
    zs = calloc(1, sizeof(*zs));
    if (!zs)
        return why_not(-ENOMEM, why, size, "no memory for the zones");
    zs->handle_memory.fd = -1;
    zs->nr_domains = config->nr_domains;
    for (uint32_t i = 0; i < config->nr_zones; i++) {
        zs->entry[i].memory.fd = -1;
        zs->entry[i].lasting.fd = -1;
        zs->nr++;
        error = entry_create(zs, &zs->entry[i], &config->zones[i], draft, why, size);
        if (error)
            goto fail_free;
        entry_describe(zs, i, &config->zones[i]);
    }
    error = draft ? 0 : handles_create(zs, config, why, size);
    if (error)
        goto fail_free;
    error = memory_create(zs, &config->memory, why, size);
    if (error)
        goto fail_free;
    if (!draft && zs->nr_domains > 1) {
        error = domain_set_create(zs, config, &zs->domains);
        if (error) {
            (void)why_not(error, why, size, "no memory for the domains");
            goto fail_free;
        }
    }
    *ret = zs;
    return 0;

fail_free:
    zone_set_free(zs);
    return error;
}

int zone_set_create(const struct daemon_config *config, struct zone_set **ret, char *why,
                    size_t size)
{
    return create(config, false, ret, why, size);
}

int zone_set_draft(const struct daemon_config *config, struct zone_set **ret, char *why,
                   size_t size)
{
    return create(config, true, ret, why, size);
}

void zone_set_free(struct zone_set *zs)
{
    if (!zs)
        return;
    domain_set_free(zs->domains);
    reclaim_lists_free(zs->lists);
    mobiles_free(zs->mobiles);
    lasting_free(&zs->handle_memory);
    for (uint32_t i = zs->nr; i-- > 0;)
        entry_free(&zs->entry[i]);
    free(zs);
}
