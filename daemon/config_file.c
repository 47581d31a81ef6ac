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

#include "hugepage_pool.h"
#include "settings.h"
#include "why.h"

#define BASE_STEP (UINT64_C(1) << 30)

/** Where an error goes. */
struct why {
    char *text;
    size_t size;
};

/** A number that is all of text, from 0 to max. */
static bool parse_number(const char *text, int base, uint64_t max, uint64_t *ret)
{
    uint64_t value;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    value = strtoull(text, &end, base);
    if (*end || errno || value > max)
        return false;
    *ret = value;
    return true;
}

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

static int convert_daemon(const struct settings *settings, struct daemon_config *config,
                          struct why *why)
{
    static int (*const convert[NR_DAEMON_KEYS])(const struct setting *, struct daemon_config *,
                                                struct why *) = {
        [KEY_SOCKET] = convert_socket,
        [KEY_SOCKET_MODE] = convert_socket_mode,
        [KEY_SOCKET_GROUP] = convert_socket_group,
        [KEY_PREFERRED_BASE] = convert_preferred_base,
    };

    for (unsigned i = 0; i < NR_DAEMON_KEYS; i++) {
        int rc = settings->daemon[i].value ? convert[i](&settings->daemon[i], config, why) : 0;

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

/** The host has said no to a zone because of key: say it where the key was set. */
static int refuse_zone(const struct zone_section *zone, const char *key, const char *reason,
                       struct why *why)
{
    for (unsigned i = 0; i < NR_ZONE_KEYS; i++) {
        const struct setting *s = &zone->settings[i];

        if (s->value && strcmp(key, settings_zone_keys[i]) == 0)
            return place_error(&s->place, why->text, why->size, "[zone %s] %s=%s: %s", zone->name,
                               key, s->value, reason);
    }
    return place_error(&zone->place, why->text, why->size, "[zone %s] %s: %s", zone->name, key,
                       reason);
}

static int convert_zone(const struct zone_section *zone, struct daemon_config *config,
                        struct why *why)
{
    const struct setting *set = zone->settings;
    struct memfile_spec memory = {
        .node = -1,
        .backing = BACKING_HUGETLB,
        .mount = set[KEY_MOUNT].value,
    };
    char reason[WHY_BYTES];
    const char *key;
    int rc;

    if (!set[KEY_SIZE].value)
        return place_error(&zone->place, why->text, why->size,
                           "[zone %s] has no size; accepted: size= and a number, such as 512M",
                           zone->name);
    (void)snprintf(memory.name, sizeof(memory.name), "%s", zone->name);
    if ((rc = convert_backing(&set[KEY_BACKING], &memory.backing, why)) < 0 ||
        (rc = convert_node(&set[KEY_NODE], &memory.node, why)) < 0 ||
        (rc = convert_size(&set[KEY_SIZE], "size", &memory.bytes, why)) < 0)
        return rc;
    memory.hugepage_bytes = config_default_hugepage(memory.backing);
    rc = convert_size(&set[KEY_HUGEPAGE], "hugepage", &memory.hugepage_bytes, why);
    if (rc < 0)
        return rc;
    rc = config_check_zone(&memory, &key, reason, sizeof(reason));
    if (rc < 0)
        return refuse_zone(zone, key, reason, why);
    rc = config_add_zone(config, &memory, reason, sizeof(reason));
    if (rc < 0)
        return place_error(&zone->place, why->text, why->size, "%s", reason);
    return 0;
}

int config_load(const char *file, struct daemon_config *ret, char *why, size_t size)
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
    rc = convert_daemon(settings, &config, &w);
    if (rc == 0 && settings->nr_zones == 0)
        rc = why_not(-EINVAL, why, size,
                     "configuration %s has no zone; accepted: at least one [zone NAME] with a size",
                     file);
    for (unsigned i = 0; rc == 0 && i < settings->nr_zones; i++)
        rc = convert_zone(&settings->zones[i], &config, &w);
    if (rc == 0)
        *ret = config;
    else
        config_free(&config);
out_settings:
    settings_free(settings);
    return rc;
}
