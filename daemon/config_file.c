/* SPDX-License-Identifier: Apache-2.0 */
/* config_file.c: settings become a configuration; what cannot be meant is refused at its line. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config_part.h"
#include "hugepage_pool.h"
#include "parse.h"
#include "why.h"

#define BASE_STEP      (UINT64_C(1) << 30)
#define GIGANTIC_BYTES (UINT64_C(1) << 30)

/* ---- [daemon] ---- */

static int convert_socket(const struct setting *s, struct daemon_config *config, struct why *why)
{
    const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
    char *copy;

    if (s->value[0] != '/' || strlen(s->value) > max)
        return place_error(&s->place, why->text, why->size,
                           "socket=%s; accepted: an absolute path of up to %zu bytes", s->value,
                           max);
    copy = strdup(s->value);
    if (!copy)
        return why_not(-ENOMEM, why->text, why->size, "out of memory");
    free(config->socket);
    config->socket = copy;
    return 0;
}

static int convert_socket_mode(const struct setting *s, struct daemon_config *config,
                               struct why *why)
{
    uint64_t mode;

    if (!parse_number(s->value, 8, 0777, &mode))
        return place_error(&s->place, why->text, why->size,
                           "socket_mode=%s; accepted: an octal mode from 0 to 0777", s->value);
    config->socket_mode = (mode_t)mode;
    return 0;
}

static int convert_socket_group(const struct setting *s, struct daemon_config *config,
                                struct why *why)
{
    const struct group *group = getgrnam(s->value);
    uint64_t gid;

    if (group)
        gid = group->gr_gid;
    else if (!parse_number(s->value, 10, UINT32_MAX - 1, &gid))
        return place_error(&s->place, why->text, why->size,
                           "socket_group=%s: there is no such group; accepted: a group's name or "
                           "number",
                           s->value);
    config->socket_group = (gid_t)gid;
    return 0;
}

static int convert_preferred_base(const struct setting *s, struct daemon_config *config,
                                  struct why *why)
{
    uint64_t base = 0;

    if (strcmp(s->value, "none") != 0 && (!parse_number(s->value, 0, CONFIG_MAX_BASE - 1, &base) ||
                                          base == 0 || base % BASE_STEP != 0))
        return place_error(&s->place, why->text, why->size,
                           "preferred_base=%s; accepted: none, or an address that is a multiple of "
                           "0x%" PRIx64 " below 0x%" PRIx64,
                           s->value, BASE_STEP, CONFIG_MAX_BASE);
    config->preferred_base = base;
    return 0;
}

static int convert_isolate(const struct setting *s, struct daemon_config *config, struct why *why)
{
    if (strcmp(s->value, "none") != 0 && strcmp(s->value, "uid") != 0)
        return place_error(&s->place, why->text, why->size, "isolate=%s; accepted: none, uid",
                           s->value);
    config->isolate = s->value[0] == 'u';
    return 0;
}

static int convert_populate_ahead(const struct setting *s, struct daemon_config *config,
                                  struct why *why)
{
    uint64_t nr;

    if (!parse_number(s->value, 10, CONFIG_MAX_AHEAD, &nr))
        return place_error(&s->place, why->text, why->size,
                           "populate_ahead=%s; accepted: 0 to %u pageblocks", s->value,
                           CONFIG_MAX_AHEAD);
    config->populate_ahead = (unsigned)nr;
    return 0;
}

static int convert_daemon(const struct section *section, struct daemon_config *config,
                          struct why *why)
{
    static int (*const convert[NR_DAEMON_KEYS])(const struct setting *, struct daemon_config *,
                                                struct why *) = {
        [KEY_SOCKET] = convert_socket,
        [KEY_SOCKET_MODE] = convert_socket_mode,
        [KEY_SOCKET_GROUP] = convert_socket_group,
        [KEY_PREFERRED_BASE] = convert_preferred_base,
        [KEY_ISOLATE] = convert_isolate,
        [KEY_POPULATE_AHEAD] = convert_populate_ahead,
    };

    for (unsigned i = 0; i < NR_DAEMON_KEYS; i++) {
        const struct setting *s = &section->settings[i];
        int rc = s->value ? convert[i](s, config, why) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- [zone NAME] ---- */

static int convert_node(const struct setting *s, int *ret, struct why *why)
{
    uint64_t node;

    if (!s->value || strcmp(s->value, "none") == 0)
        return 0;
    if (!parse_number(s->value, 10, INT_MAX, &node))
        return place_error(&s->place, why->text, why->size,
                           "node=%s; accepted: none, or the number of a NUMA node", s->value);
    *ret = (int)node;
    return 0;
}

static int convert_size(const struct setting *s, const char *key, uint64_t *ret, struct why *why)
{
    int rc = s->value ? config_parse_size(s->value, ret) : 0;

    if (rc == 0)
        return 0;
    return place_error(&s->place, why->text, why->size,
                       "%s=%s %s; accepted: a number with K, M, G or T behind it, such as 512M",
                       key, s->value, rc == -ERANGE ? "is too large" : "is no size");
}

static int convert_backing(const struct setting *s, enum backing *ret, struct why *why)
{
    if (!s->value)
        return 0;
    for (enum backing b = BACKING_HUGETLB; b <= BACKING_SHMEM; b++) {
        if (strcmp(s->value, backing_name(b)) == 0) {
            *ret = b;
            return 0;
        }
    }
    return place_error(&s->place, why->text, why->size,
                       "backing=%s; accepted: hugetlb, hugetlbfs, shmem", s->value);
}

static int convert_kind(const struct section *zone, enum zone_kind *ret, uint64_t hugepage,
                        struct why *why)
{
    static const char *const kinds[NR_ZONE_KINDS] = {
        [ZONE_DMA32] = "dma32",
        [ZONE_NORMAL] = "normal",
        [ZONE_MOVABLE] = "movable",
        [ZONE_GIGANTIC] = "gigantic",
    };
    const struct setting *s = &zone->settings[KEY_KIND];
    unsigned kind = ZONE_NORMAL;

    if (s->value) {
        for (kind = 0; kind < NR_ZONE_KINDS && strcmp(s->value, kinds[kind]) != 0; kind++)
            ;
        if (kind == NR_ZONE_KINDS)
            return place_error(&s->place, why->text, why->size,
                               "kind=%s; accepted: normal, movable, gigantic, dma32", s->value);
    }
    if (kind == ZONE_GIGANTIC && hugepage != GIGANTIC_BYTES)
        return place_error(&s->place, why->text, why->size,
                           "kind=gigantic is for whole hugepages of 1 GiB; accepted: with "
                           "hugepage=1G");
    *ret = (enum zone_kind)kind;
    return 0;
}

/** The host has said no to a zone because of key: say it where the key was set. */
static int refuse_zone(const struct section *zone, const char *key, const char *reason,
                       struct why *why)
{
    for (unsigned i = 0; i < NR_ZONE_KEYS; i++) {
        const struct setting *s = &zone->settings[i];

        if (s->value && strcmp(key, settings_key(SECTION_ZONE, i)) == 0)
            return place_error(&s->place, why->text, why->size, "[zone %s] %s=%s: %s", zone->name,
                               key, s->value, reason);
    }
    return place_error(&zone->place, why->text, why->size, "[zone %s] %s: %s", zone->name, key,
                       reason);
}

static int convert_give_back(const struct setting *s, bool *ret, struct why *why)
{
    if (!s->value)
        return 0;
    if (strcmp(s->value, "yes") != 0 && strcmp(s->value, "no") != 0)
        return place_error(&s->place, why->text, why->size, "give_back=%s; accepted: yes, no",
                           s->value);
    *ret = s->value[0] == 'y';
    return 0;
}

static int convert_zone(const struct section *zone, struct daemon_config *config, struct why *why)
{
    const struct setting *set = zone->settings;
    struct memfile_spec memory = {
        .node = -1,
        .backing = BACKING_HUGETLB,
        .mount = set[KEY_MOUNT].value,
    };
    char reason[WHY_BYTES];
    enum zone_kind kind = ZONE_NORMAL;
    bool give_back = false;
    const char *key;
    int rc;

    if (!set[KEY_SIZE].value)
        return place_error(&zone->place, why->text, why->size,
                           "[zone %s] has no size; accepted: size= and a number, such as 512M",
                           zone->name);
    (void)snprintf(memory.name, sizeof(memory.name), "%s", zone->name);
    if ((rc = convert_backing(&set[KEY_BACKING], &memory.backing, why)) < 0 ||
        (rc = convert_node(&set[KEY_NODE], &memory.node, why)) < 0 ||
        (rc = convert_size(&set[KEY_SIZE], "size", &memory.bytes, why)) < 0 ||
        (rc = convert_size(&set[KEY_MAX_SIZE], "max_size", &memory.max_bytes, why)) < 0)
        return rc;
    memory.hugepage_bytes = config_default_hugepage(memory.backing);
    rc = convert_size(&set[KEY_HUGEPAGE], "hugepage", &memory.hugepage_bytes, why);
    if (rc < 0)
        return rc;
    rc = config_check_zone(&memory, &key, reason, sizeof(reason));
    if (rc < 0)
        return refuse_zone(zone, key, reason, why);
    rc = convert_kind(zone, &kind, memory.hugepage_bytes, why);
    if (rc < 0)
        return rc;
    rc = convert_give_back(&set[KEY_GIVE_BACK], &give_back, why);
    if (rc < 0)
        return rc;
    rc = config_add_zone(config, &memory, reason, sizeof(reason));
    if (rc < 0)
        return place_error(&zone->place, why->text, why->size, "%s", reason);
    config->zones[config->nr_zones - 1].kind = kind;
    config->zones[config->nr_zones - 1].give_back = give_back;
    return 0;
}

/** Files of domains must be sealed: else one client could shrink what is another's to come. */
static int check_backings(const struct settings *settings, const struct daemon_config *config,
                          struct why *why)
{
    for (unsigned i = 0; config->nr_domains > 1 && i < settings->nr_sections; i++) {
        const struct section *s = &settings->sections[i];
        const char *backing = s->settings[KEY_BACKING].value;

        if (s->kind == SECTION_ZONE && backing &&
            strcmp(backing, backing_name(BACKING_HUGETLBFS)) == 0)
            return refuse_zone(s, settings_key(SECTION_ZONE, KEY_BACKING),
                               "such a file cannot be sealed, and clients that do not trust each "
                               "other (isolate=uid, or domain= in a policy) need that; accepted: "
                               "hugetlb, shmem",
                               why);
    }
    return 0;
}

static int convert(const struct settings *settings, const struct daemon_config *running,
                   struct daemon_config *config, struct why *why)
{
    static int (*const parts[])(const struct section *, struct daemon_config *, struct why *) = {
        [SECTION_DAEMON] = convert_daemon,
        [SECTION_MEMORY] = config_part_memory,
        [SECTION_ZONE] = convert_zone,
    };
    int rc;

    /* By kind, since places of zones depend on [daemon], and policies on the zones. */
    for (unsigned kind = 0; kind < sizeof(parts) / sizeof(parts[0]); kind++) {
        for (unsigned i = 0; i < settings->nr_sections; i++) {
            const struct section *s = &settings->sections[i];

            rc = s->kind == kind ? parts[kind](s, config, why) : 0;

            if (rc < 0)
                return rc;
        }
    }
    if (config->nr_zones == 0)
        return why_not(-EINVAL, why->text, why->size,
                       "configuration %s has no zone; accepted: at least one [zone NAME] with a "
                       "size",
                       settings->files[0]);
    rc = config_part_policy(settings, running ? running : config, config, why);
    return rc < 0 ? rc : check_backings(settings, config, why);
}

int config_reload(const char *file, const struct daemon_config *running, struct daemon_config *ret,
                  char *why, size_t size)
{
    struct why w = {.text = why, .size = size};
    struct daemon_config config;
    struct settings *settings;
    int rc;

    rc = settings_read(file, &settings, why, size);
    if (rc < 0)
        return rc;
    rc = config_init(&config);
    if (rc < 0) {
        (void)why_not(rc, why, size, "out of memory");
        goto out_settings;
    }
    config.memory.min_free_kbytes = 0;
    rc = convert(settings, running, &config, &w);
    if (rc == 0)
        *ret = config;
    else
        config_free(&config);
out_settings:
    settings_free(settings);
    return rc;
}

int config_load(const char *file, struct daemon_config *ret, char *why, size_t size)
{
    return config_reload(file, NULL, ret, why, size);
}
