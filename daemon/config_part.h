/* SPDX-License-Identifier: Apache-2.0 */
/* config_part.h: the parts of a configuration that have files of their own; for config_file.c. */
#ifndef DAEMON_CONFIG_PART_H
#define DAEMON_CONFIG_PART_H

#include "config.h"
#include "settings.h"

/** Where an error goes. */
struct why {
    char *text;
    size_t size;
};

/** [memory]. Returns 0, or -EINVAL with one line in why. */
int config_part_memory(const struct section *section, struct daemon_config *config,
                       struct why *why);

/**
 * All of [policy NAME], and the built-in rule if none is for all. zones: whose zones and isolate
 * hold. Returns 0, or a negative errno with one line in why.
 */
int config_part_policy(const struct settings *settings, const struct daemon_config *zones,
                       struct daemon_config *config, struct why *why);

#endif
