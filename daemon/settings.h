/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h: what stands in the configuration's files: the last word on every key, as text, and
 * where it was said. What the text means is for config_file.c.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stddef.h>

#include "policy_rule.h"
#include "proto/limits.h"

/** The keys of [daemon]. */
enum daemon_key {
    KEY_SOCKET,
    KEY_SOCKET_MODE,
    KEY_SOCKET_GROUP,
    KEY_PREFERRED_BASE,
    KEY_ISOLATE,
    KEY_POPULATE_AHEAD,
    NR_DAEMON_KEYS,
};

/** The keys of [memory]. */
enum memory_key {
    KEY_MIN_FREE_KBYTES,
    KEY_WATERMARK_SCALE_FACTOR,
    KEY_WATERMARK_BOOST_FACTOR,
    KEY_LOWMEM_RESERVE_RATIO,
    KEY_COMPACTION_PROACTIVENESS,
    NR_MEMORY_KEYS,
};

/** The keys of [zone NAME]. */
enum zone_key {
    KEY_SIZE,
    KEY_NODE,
    KEY_BACKING,
    KEY_HUGEPAGE,
    KEY_MOUNT,
    KEY_KIND,
    KEY_MAX_SIZE,
    KEY_GIVE_BACK,
    NR_ZONE_KEYS,
};

/** The sections that there are; those of [policy NAME] have the keys of policy_rule.h. */
enum section_kind {
    SECTION_DAEMON,
    SECTION_MEMORY,
    SECTION_ZONE,
    SECTION_POLICY,
    NR_SECTION_KINDS,
};

/** More than any kind of section has keys. */
#define SECTION_MAX_KEYS 32u
/** More than there can be sections of all kinds together. */
#define SETTINGS_MAX_SECTIONS (2 + WIRE_MAX_ZONES + POLICY_MAX_RULES)

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

/** All that the files say under one header. */
struct section {
    enum section_kind kind;
    char name[WIRE_MAX_NAME + 1]; /**< "" for kinds of which there is one */
    struct place place;           /**< of its first header */
    struct setting settings[SECTION_MAX_KEYS];
};

struct settings {
    unsigned nr_sections;
    struct section sections[SETTINGS_MAX_SECTIONS]; /**< in the order of their first headers */
    char **files;                                   /**< the places' */
    size_t nr_files;
};

/**
 * Read file and its drop-ins. Returns 0, and the settings to be released with settings_free(); or a
 * negative errno with one line in why (size bytes) that names the file and the line.
 */
int settings_read(const char *file, struct settings **ret, char *why, size_t size);
void settings_free(struct settings *settings);

/** The name of a key of a kind of section. */
const char *settings_key(enum section_kind kind, unsigned key);

/** Write "FILE:LINE: " and the message into why. Returns -EINVAL. */
int place_error(const struct place *at, char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
