/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone_set.c: makes the zones, and undoes all of it when one of them cannot be had.
 *
 * Metadata is mapped MAP_NORESERVE and never touched here, so that a zone of a terabyte starts as
 * fast, and as small, as one of a gigabyte; mm/ touches what it uses.
 */
#include "zone_set.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "why.h"

_Static_assert(MAX_ZONES == WIRE_MAX_ZONES, "a zone's id is its place in a zonelist");
_Static_assert(MAX_PAGE_ORDER + 1 == WIRE_MAX_ORDERS, "the wire has every order");
_Static_assert((int)BACKING_HUGETLB == (int)WIRE_BACKING_HUGETLB &&
                   (int)BACKING_HUGETLBFS == (int)WIRE_BACKING_HUGETLBFS &&
                   (int)BACKING_SHMEM == (int)WIRE_BACKING_SHMEM,
               "a backing has one number");

/* ---- memory for metadata ---- */

static int lasting_create(const char *name, size_t bytes, struct lasting_memory *ret)
{
    void *addr;
    int error;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return -errno;
    /* Born 0777: whoever gets it read-only could open it again for writing. */
    if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        goto fail_close;
    addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (addr == MAP_FAILED)
        goto fail_close;
    *ret = (struct lasting_memory){.fd = fd, .addr = addr, .bytes = bytes};
    return 0;

fail_close:
    error = -errno;
    (void)close(fd);
    return error;
}

static void lasting_free(struct lasting_memory *m)
{
    if (m->addr)
        (void)munmap(m->addr, m->bytes);
    if (m->fd >= 0)
        (void)close(m->fd);
    *m = (struct lasting_memory){.fd = -1};
}

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

/* Leaves what it made in the entry when it fails: the caller undoes all zones at once. */
static int entry_create(struct zone_entry *e, const struct zone_spec *spec, char *why, size_t size)
{
    char memfd_name[sizeof("buddyd-zone-") + WIRE_MAX_NAME];
    struct zone_config zc;
    size_t lasting;
    size_t derived;
    int error;

    (void)snprintf(e->name, sizeof(e->name), "%s", spec->memory.name);
    if (spec->memory.bytes > CONFIG_MAX_ZONE_BYTES)
        return why_not(-EINVAL, why, size, "zone '%s': %llu bytes: at most %llu are accepted",
                       e->name, (unsigned long long)spec->memory.bytes,
                       (unsigned long long)CONFIG_MAX_ZONE_BYTES);
    zc = (struct zone_config){
        .nr_pages = (pfn_t)(spec->memory.bytes >> CONFIG_PAGE_SHIFT),
        .pageblock_order = spec->pageblock_order,
        .nr_domains = 1,
    };
    error = zone_metadata_bytes(&zc, &lasting, &derived);
    if (error)
        return why_not(error, why, size,
                       "zone '%s': %u pages are not whole pageblocks of order %u, or too many",
                       e->name, zc.nr_pages, zc.pageblock_order);
    error = memfile_create(&spec->memory, &e->memory, why, size);
    if (error) {
        e->memory.fd = -1;
        return error;
    }
    (void)snprintf(memfd_name, sizeof(memfd_name), "buddyd-zone-%s", e->name);
    error = lasting_create(memfd_name, lasting, &e->lasting);
    if (error)
        return why_not(error, why, size, "zone '%s': no memory file of %zu bytes for metadata: %s",
                       e->name, lasting, strerror(-error));
    error = derived_create(derived, &e->derived);
    if (error)
        return why_not(error, why, size, "zone '%s': no %zu bytes for metadata: %s", e->name,
                       derived, strerror(-error));
    e->derived_bytes = derived;
    error = zone_init(&zc, e->lasting.addr, e->derived, &e->zone);
    if (error)
        return why_not(error, why, size, "zone '%s': cannot be made: %s", e->name,
                       strerror(-error));
    return 0;
}

/* ---- zonelists ---- */

void zones_by_distance(int node, const int *nodes, uint32_t nr, node_distance_fn distance,
                       uint32_t *ret_order)
{
    int key[MAX_ZONES];

    for (uint32_t i = 0; i < nr; i++) {
        int d = nodes[i] < 0 ? INT_MAX : nodes[i] == node ? -1 : distance(node, nodes[i]);
        uint32_t at = i;

        while (at > 0 && key[at - 1] > d) {
            key[at] = key[at - 1];
            ret_order[at] = ret_order[at - 1];
            at--;
        }
        key[at] = d;
        ret_order[at] = i;
    }
}

static void zonelist_add(struct zonelist *zl, const struct zone_set *zs, uint32_t id)
{
    zl->zone[zl->nr] = zs->entry[id].zone;
    zl->id[zl->nr] = id;
    zl->nr++;
}

static int zonelists_create(struct zone_set *zs)
{
    bool numa = numa_available() >= 0;
    uint32_t order[MAX_ZONES];
    int nodes[MAX_ZONES];

    zs->nr_nodes = numa ? (unsigned)numa_max_node() + 1 : 1;
    zs->near = calloc(zs->nr_nodes, sizeof(*zs->near));
    if (!zs->near)
        return -ENOMEM;
    for (uint32_t i = 0; i < zs->nr; i++) {
        zonelist_add(&zs->all, zs, i);
        zonelist_add(&zs->single[i], zs, i);
        nodes[i] = zs->entry[i].memory.node;
    }
    for (unsigned node = 0; node < zs->nr_nodes; node++) {
        if (numa && !numa_bitmask_isbitset(numa_all_nodes_ptr, node))
            continue;
        zones_by_distance((int)node, nodes, zs->nr, numa_distance, order);
        for (uint32_t i = 0; i < zs->nr; i++)
            zonelist_add(&zs->near[node], zs, order[i]);
    }
    return 0;
}

const struct zonelist *zone_set_near(const struct zone_set *zs, uint32_t node)
{
    if (node >= zs->nr_nodes || !zs->near[node].nr)
        return NULL;
    return &zs->near[node];
}

/* ---- all of them ---- */

/*
 * A handle for each page, and those of one request more: who asks for too much is to hear that
 * there are no pages.
 */
static int handles_create(struct zone_set *zs, char *why, size_t size)
{
    uint64_t nr = WIRE_MAX_BLOCKS;
    size_t bytes;
    int error;

    for (uint32_t i = 0; i < zs->nr; i++)
        nr += zone_nr_pages(zs->entry[i].zone);
    if (nr > HANDLE_MAX)
        nr = HANDLE_MAX;
    bytes = handle_table_bytes((uint32_t)nr);
    error = lasting_create("buddyd-handles", bytes, &zs->handle_memory);
    if (!error)
        error = handle_table_init(zs->handle_memory.addr, (uint32_t)nr, &zs->handles);
    if (error)
        return why_not(error, why, size, "no handle table of %zu bytes: %s", bytes,
                       strerror(-error));
    return 0;
}

int zone_set_create(const struct daemon_config *config, struct zone_set **ret, char *why,
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
    for (uint32_t i = 0; i < config->nr_zones; i++) {
        zs->entry[i].memory.fd = -1;
        zs->entry[i].lasting.fd = -1;
        zs->nr++;
        error = entry_create(&zs->entry[i], &config->zones[i], why, size);
        if (error)
            goto fail_free;
        entry_describe(zs, i, &config->zones[i]);
    }
    error = handles_create(zs, why, size);
    if (error)
        goto fail_free;
    error = zonelists_create(zs);
    if (error) {
        (void)why_not(error, why, size, "no memory for the zonelists");
        goto fail_free;
    }
    *ret = zs;
    return 0;

fail_free:
    zone_set_free(zs);
    return error;
}

void zone_set_free(struct zone_set *zs)
{
    if (!zs)
        return;
    free(zs->near);
    lasting_free(&zs->handle_memory);
    for (uint32_t i = zs->nr; i-- > 0;)
        entry_free(&zs->entry[i]);
    free(zs);
}
