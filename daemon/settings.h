/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h: what stands in the configuration's files: the last word on every key, as text, and
 * where it was said. What the text means is for config_file.c.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stddef.h>

#include "proto/limits.h"

/** The keys of [daemon]. */
enum daemon_key {
    KEY_SOCKET,
    KEY_SOCKET_MODE,
    KEY_SOCKET_GROUP,
    KEY_PREFERRED_BASE,
    NR_DAEMON_KEYS,
};

/** The keys of [zone NAME]. */
enum zone_key {
    KEY_SIZE,
    KEY_NODE,
    KEY_BACKING,
    KEY_HUGEPAGE,
    KEY_MOUNT,
    NR_ZONE_KEYS,
};

extern const char *const settings_daemon_keys[NR_DAEMON_KEYS];
extern const char *const settings_zone_keys[NR_ZONE_KEYS];

/** A place in the files. */
struct place {
    const char *file;
    int line;
};

/** The last word on a key; value is NULL if there is none. */
struct setting {
    char *value;
    struct place place;
};

struct zone_section {
    char name[WIRE_MAX_NAME + 1];
    struct place place; /**< of its first header */
    struct setting settings[NR_ZONE_KEYS];
};

struct settings {
    struct setting daemon[NR_DAEMON_KEYS];
    unsigned nr_zones;
    struct zone_section zones[WIRE_MAX_ZONES];
    char **files; /**< the places' */
    size_t nr_files;
};

/**
 * Read file and its drop-ins. Returns 0, and the settings to be released with settings_free(); or a
 * negative errno with one line in why (size bytes) that names the file and the line.
 */
int settings_read(const char *file, struct settings **ret, char *why, size_t size);
void settings_free(struct settings *settings);

/** Write "FILE:LINE: " and the message into why. Returns -EINVAL. */
int place_error(const struct place *at, char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
