/* SPDX-License-Identifier: Apache-2.0 */
/* config_part.c: [memory], as settings of mm/, and [policy NAME], as rules. */
#include "config_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "why.h"

/* ---- [memory] ---- */

#define MIN_FREE_KBYTES_MIN 128u
#define MIN_FREE_KBYTES_MAX 262144u
#define SCALE_FACTOR_MAX    3000u
#define BOOST_FACTOR_MAX    1000000u
#define RATIO_MAX           1000000u
#define PROACTIVENESS_MAX   100u

static bool parse_min_free(const char *text, struct daemon_config *config)
{
    if (strcmp(text, "auto") == 0) {
        config->memory.min_free_kbytes = 0;
        return true;
    }
    if (strcmp(text, "none") == 0) {
        config->memory.min_free_kbytes = MIN_FREE_NONE;
        return true;
    }
    return parse_number(text, 10, MIN_FREE_KBYTES_MAX, &config->memory.min_free_kbytes) &&
           config->memory.min_free_kbytes >= MIN_FREE_KBYTES_MIN;
}

static bool parse_scale(const char *text, struct daemon_config *config)
{
    uint64_t value;

    if (!parse_number(text, 10, SCALE_FACTOR_MAX, &value) || value == 0)
        return false;
    config->memory.watermark_scale_factor = (unsigned)value;
    return true;
}

static bool parse_boost(const char *text, struct daemon_config *config)
{
    uint64_t value;

    if (!parse_number(text, 10, BOOST_FACTOR_MAX, &value))
        return false;
    config->memory.watermark_boost_factor = (unsigned)value;
    return true;
}

/* KIND:RATIO for each kind of zone that is to be protected, or 0 for not. */
static bool parse_ratio(const char *text, struct daemon_config *config)
{
    static const char *const kinds[] = {
        [ZONE_DMA32] = "dma32", [ZONE_NORMAL] = "normal", [ZONE_MOVABLE] = "movable"};
    char item[PARSE_ITEM_BYTES];

    while (parse_item(&text, item)) {
        char *colon = strchr(item, ':');
        unsigned kind = 0;
        uint64_t value;

        if (!colon)
            return false;
        *colon = '\0';
        while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(item, kinds[kind]) != 0)
            kind++;
        if (kind == sizeof(kinds) / sizeof(kinds[0]) ||
            !parse_number(colon + 1, 10, RATIO_MAX, &value))
            return false;
        config->memory.lowmem_reserve_ratio[kind] = (unsigned)value;
    }
    return true;
}

static bool parse_proactiveness(const char *text, struct daemon_config *config)
{
    uint64_t value;

    if (!parse_number(text, 10, PROACTIVENESS_MAX, &value))
        return false;
    config->compaction_proactiveness = (unsigned)value;
    return true;
}

int config_part_memory(const struct section *section, struct daemon_config *config, struct why *why)
{
    static const struct {
        bool (*parse)(const char *text, struct daemon_config *config);
        const char *accepted;
    } keys[NR_MEMORY_KEYS] = {
        [KEY_MIN_FREE_KBYTES] = {parse_min_free, "auto, none, or a number from 128 to 262144"},
        [KEY_WATERMARK_SCALE_FACTOR] = {parse_scale, "a number from 1 to 3000"},
        [KEY_WATERMARK_BOOST_FACTOR] = {parse_boost, "a number from 0 to 1000000"},
        [KEY_LOWMEM_RESERVE_RATIO] = {parse_ratio,
                                      "dma32:NUMBER, normal:NUMBER and movable:NUMBER, with "
                                      "commas, each from 0 to 1000000"},
        [KEY_COMPACTION_PROACTIVENESS] = {parse_proactiveness, "a number from 0 to 100"},
    };

    for (unsigned i = 0; i < NR_MEMORY_KEYS; i++) {
        const struct setting *s = &section->settings[i];

        if (s->value && !keys[i].parse(s->value, config))
            return place_error(&s->place, why->text, why->size, "%s=%s; accepted: %s",
                               settings_key(SECTION_MEMORY, i), s->value, keys[i].accepted);
    }
    return 0;
}

/* ---- [policy NAME] ---- */

static int convert_rule(const struct section *section, const struct policy_zones *zones,
                        bool isolate, struct policy_rule *rule, struct why *why)
{
    char origin[RULE_ORIGIN_BYTES], reason[WHY_BYTES];
    int rc;

    (void)snprintf(origin, sizeof(origin), "%s:%d", section->place.file, section->place.line);
    policy_rule_init(rule, section->name, origin);
    for (unsigned i = 0; i < NR_RULE_KEYS; i++) {
        const struct setting *s = &section->settings[i];

        if (!s->value)
            continue;
        rc = policy_rule_set(rule, (enum rule_key)i, s->value, zones, reason, sizeof(reason));
        if (rc < 0)
            return place_error(&s->place, why->text, why->size, "[policy %s] %s", section->name,
                               reason);
    }
    rc = policy_rule_settle(rule, zones, isolate, reason, sizeof(reason));
    if (rc < 0)
        return place_error(&section->place, why->text, why->size, "[policy %s] %s", section->name,
                           reason);
    return 0;
}

int config_part_policy(const struct settings *settings, const struct daemon_config *zones_of,
                       struct daemon_config *config, struct why *why)
{
    bool for_all = false;
    struct policy_zones zones;
    unsigned nr = 0;
    int rc;

    config_zones(zones_of, &zones);
    if (zones_of == config)
        zones.nr_domains = MAX_DOMAINS;
    /* One more: the built-in rule. */
    config->rules = calloc(POLICY_MAX_RULES + 1, sizeof(*config->rules));
    if (!config->rules)
        return why_not(-ENOMEM, why->text, why->size, "out of memory");
    for (unsigned i = 0; i < settings->nr_sections; i++) {
        const struct section *section = &settings->sections[i];

        if (section->kind != SECTION_POLICY)
            continue;
        rc = convert_rule(section, &zones, zones_of->isolate, &config->rules[nr], why);
        if (rc < 0)
            return rc;
        for_all = for_all || policy_rule_is_default(&config->rules[nr]);
        nr++;
    }
    if (!for_all)
        policy_rule_built_in(&config->rules[nr++], &zones, zones_of->isolate);
    for (unsigned i = 0; i < nr; i++) {
        if (config->rules[i].domain_used != DOMAIN_DEFAULT)
            config->nr_domains = MAX_DOMAINS;
    }
    config->nr_rules = nr;
    return policy_rules_check(config->rules, nr, why->text, why->size);
}
