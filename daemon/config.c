/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c: a configuration as numbers, checked against the host.
 *
 * Everything that a zone can be refused for without touching memory is decided here, for the file
 * and for the command line of a private daemon alike.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hugepage_pool.h"
#include "why.h"

#define MAX_PAGEBLOCK_ORDER 18u

/** Zones are laid out at whole multiples of this, with as much between them. */
#define BASE_ALIGN (UINT64_C(1) << 30)

int config_parse_size(const char *text, uint64_t *ret)
{
    static const char units[] = "KMGT";
    unsigned shift = 0;
    uint64_t value;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return -ERANGE;
    if (*end) {
        const char *unit = strchr(units, *end);

        if (!unit || end[1])
            return -EINVAL;
        shift = 10 * (unsigned)(unit - units + 1);
    }
    if (value > UINT64_MAX >> shift)
        return -ERANGE;
    *ret = value << shift;
    return 0;
}

uint64_t config_default_hugepage(enum backing backing)
{
    return backing == BACKING_SHMEM ? hugepage_transparent_size() : hugepage_default_size();
}

static bool good_name(const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
            return false;
    }
    return len > 0;
}

static int check_node(int node, char *why, size_t size)
{
    char nodes[128] = "none";
    size_t len = 0;

    if (node == -1)
        return 0;
    if (numa_available() >= 0) {
        struct bitmask *allowed = numa_get_mems_allowed();

        for (int i = 0; allowed && i <= numa_max_node(); i++) {
            if (!numa_bitmask_isbitset(allowed, (unsigned)i))
                continue;
            if (i == node) {
                numa_bitmask_free(allowed);
                return 0;
            }
            if (len < sizeof(nodes) - 16)
                len +=
                    (size_t)snprintf(nodes + len, sizeof(nodes) - len, "%s%d", len ? ", " : "", i);
        }
        if (allowed)
            numa_bitmask_free(allowed);
    }
    return why_not(-EINVAL, why, size, "there is no node %d here; nodes there are: %s", node,
                   nodes);
}

static int check_hugepage(const struct memfile_spec *m, char *why, size_t size)
{
    char number[WHY_NUMBER_BYTES], list[256] = "none";
    uint64_t sizes[HUGEPAGE_MAX_SIZES];
    size_t nr, len = 0;

    if (m->backing == BACKING_SHMEM) {
        sizes[0] = hugepage_transparent_size();
        nr = 1;
    } else {
        nr = hugepage_sizes(sizes);
    }
    for (size_t i = 0; i < nr; i++) {
        if (sizes[i] == m->hugepage_bytes &&
            m->hugepage_bytes >> (CONFIG_PAGE_SHIFT + MAX_PAGEBLOCK_ORDER) <= 1)
            return 0;
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "",
                                why_bytes(sizes[i], number));
    }
    return why_not(-EINVAL, why, size, "%s has no hugepages of %s here; sizes there are: %s",
                   backing_name(m->backing), why_bytes(m->hugepage_bytes, number), list);
}

static int check_bytes(const struct memfile_spec *m, char *why, size_t size)
{
    char number[WHY_NUMBER_BYTES], hugepage[WHY_NUMBER_BYTES];

    if (m->bytes == 0 || m->bytes > CONFIG_MAX_ZONE_BYTES)
        return why_not(-EINVAL, why, size,
                       "a zone cannot have %s; accepted: one hugepage (%s) to 1 TiB",
                       why_bytes(m->bytes, number), why_bytes(m->hugepage_bytes, hugepage));
    if (m->bytes % m->hugepage_bytes != 0)
        return why_not(-EINVAL, why, size,
                       "%s is not a whole number of hugepages; accepted: multiples of %s",
                       why_bytes(m->bytes, number), why_bytes(m->hugepage_bytes, hugepage));
    return 0;
}

static int check_max(const struct memfile_spec *m, char *why, size_t size)
{
    const uint64_t max = memfile_length(m);
    char number[WHY_NUMBER_BYTES], least[WHY_NUMBER_BYTES];

    if (max < m->bytes || max > CONFIG_MAX_ZONE_BYTES || max % m->hugepage_bytes != 0)
        return why_not(-EINVAL, why, size,
                       "a zone of this size cannot have room for %s; accepted: whole hugepages, "
                       "from %s to 1 TiB",
                       why_bytes(max, number), why_bytes(m->bytes, least));
    return 0;
}

int config_check_zone(const struct memfile_spec *memory, const char **ret_key, char *why,
                      size_t size)
{
    const struct {
        const char *key;
        int (*check)(const struct memfile_spec *m, char *why, size_t size);
    } checks[] = {{"hugepage", check_hugepage}, {"size", check_bytes}, {"max_size", check_max}};
    int rc;

    if (!good_name(memory->name)) {
        *ret_key = "name";
        return why_not(-EINVAL, why, size,
                       "a zone cannot be named '%s'; accepted: 1 to %u letters, digits, '_', '.' "
                       "and '-'",
                       memory->name, WIRE_MAX_NAME);
    }
    rc = check_node(memory->node, why, size);
    if (rc < 0) {
        *ret_key = "node";
        return rc;
    }
    if (memory->mount && memory->backing != BACKING_HUGETLBFS) {
        *ret_key = "mount";
        return why_not(-EINVAL, why, size, "a mount is for backing=hugetlbfs, and this is %s",
                       backing_name(memory->backing));
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        rc = checks[i].check(memory, why, size);
        if (rc < 0) {
            *ret_key = checks[i].key;
            return rc;
        }
    }
    return 0;
}

/** Behind the last zone, rounded up, and a gap so that no pointer runs from one into the next. */
static uint64_t next_base(const struct daemon_config *config)
{
    const struct zone_spec *last;
    uint64_t end;

    if (config->preferred_base == 0 || config->nr_zones == 0)
        return config->preferred_base;
    last = &config->zones[config->nr_zones - 1];
    end = last->preferred_base + memfile_length(&last->memory);
    return (end + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN + BASE_ALIGN;
}

int config_add_zone(struct daemon_config *config, const struct memfile_spec *memory, char *why,
                    size_t size)
{
    struct zone_spec zone = {.memory = *memory};
    char reason[WHY_BYTES];
    const char *key;
    char *mount = NULL;
    int rc;

    rc = config_check_zone(memory, &key, reason, sizeof(reason));
    if (rc < 0)
        return why_not(rc, why, size, "zone '%s': %s: %s", memory->name, key, reason);
    for (unsigned i = 0; i < config->nr_zones; i++) {
        if (strcmp(config->zones[i].memory.name, memory->name) == 0)
            return why_not(-EEXIST, why, size, "there is a zone '%s' already", memory->name);
    }
    if (config->nr_zones == WIRE_MAX_ZONES)
        return why_not(-E2BIG, why, size, "zone '%s' is one too many; accepted: up to %u",
                       memory->name, WIRE_MAX_ZONES);
    zone.preferred_base = next_base(config);
    if (zone.preferred_base && zone.preferred_base + memfile_length(memory) > CONFIG_MAX_BASE)
        return why_not(-ERANGE, why, size,
                       "zone '%s' would have to lie at 0x%" PRIx64
                       ", which no process has; accepted: "
                       "a preferred_base that is lower, or none",
                       memory->name, zone.preferred_base);
    if (memory->mount) {
        mount = strdup(memory->mount);
        if (!mount)
            return why_not(-ENOMEM, why, size, "out of memory");
    }
    zone.memory.mount = mount;
    zone.kind = ZONE_NORMAL;
    zone.pageblock_order = (unsigned)__builtin_ctzll(memory->hugepage_bytes) - CONFIG_PAGE_SHIFT;
    config->zones[config->nr_zones++] = zone;
    return 0;
}

int config_init(struct daemon_config *ret)
{
    char *socket = strdup(CONFIG_DEFAULT_SOCKET);

    if (!socket)
        return -ENOMEM;
    *ret = (struct daemon_config){
        .socket = socket,
        .socket_mode = 0660,
        .socket_group = (gid_t)-1,
        .preferred_base = CONFIG_DEFAULT_BASE,
        .nr_domains = 1,
        .populate_ahead = CONFIG_DEFAULT_AHEAD,
        .compaction_proactiveness = CONFIG_DEFAULT_PROACTIVENESS,
        .memory = MM_SETTINGS_INIT,
    };
    ret->memory.min_free_kbytes = MIN_FREE_NONE;
    return 0;
}

void config_free(struct daemon_config *config)
{
    free(config->socket);
    free(config->rules);
    for (unsigned i = 0; i < config->nr_zones; i++)
        free((void *)config->zones[i].memory.mount); /* const for those who make specs */
    *config = (struct daemon_config){0};
}

void config_zones(const struct daemon_config *config, struct policy_zones *ret)
{
    *ret = (struct policy_zones){.nr = config->nr_zones, .nr_domains = config->nr_domains};
    for (unsigned i = 0; i < config->nr_zones; i++) {
        const struct zone_spec *z = &config->zones[i];

        memcpy(ret->name[i], z->memory.name, sizeof(ret->name[i]));
        ret->nr_pages[i] = (pfn_t)(z->memory.bytes >> CONFIG_PAGE_SHIFT);
        ret->node[i] = z->memory.node < 0 ? 0 : (unsigned)z->memory.node;
        ret->kind[i] = z->kind;
    }
}

/* ---- what a reload cannot change ---- */

static bool same_zone(const struct zone_spec *a, const struct zone_spec *b)
{
    const char *mount_a = a->memory.mount ? a->memory.mount : "";
    const char *mount_b = b->memory.mount ? b->memory.mount : "";

    return strcmp(a->memory.name, b->memory.name) == 0 && a->memory.node == b->memory.node &&
           a->memory.bytes == b->memory.bytes &&
           memfile_length(&a->memory) == memfile_length(&b->memory) &&
           a->memory.backing == b->memory.backing &&
           a->memory.hugepage_bytes == b->memory.hugepage_bytes && a->kind == b->kind &&
           a->give_back == b->give_back && strcmp(mount_a, mount_b) == 0;
}

void config_needs_restart(const struct daemon_config *running, const struct daemon_config *changed,
                          char *ret, size_t size)
{
    bool zones = running->nr_zones != changed->nr_zones;
    size_t len = 0;

    for (unsigned i = 0; !zones && i < running->nr_zones; i++)
        zones = !same_zone(&running->zones[i], &changed->zones[i]);
    {
        const struct {
            const char *what;
            bool differs;
        } parts[] = {
            {"socket", strcmp(running->socket, changed->socket) != 0},
            {"socket_mode", running->socket_mode != changed->socket_mode},
            {"socket_group", running->socket_group != changed->socket_group},
            {"preferred_base", running->preferred_base != changed->preferred_base},
            {"isolate", running->isolate != changed->isolate},
            {"populate_ahead", running->populate_ahead != changed->populate_ahead},
            {"the zones", zones},
        };

        ret[0] = '\0';
        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && len < size; i++) {
            if (parts[i].differs)
                len +=
                    (size_t)snprintf(ret + len, size - len, "%s%s", len ? ", " : "", parts[i].what);
        }
    }
}
