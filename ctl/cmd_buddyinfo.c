/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_buddyinfo.c: buddyctl buddyinfo, in the shape of /proc/buddyinfo. */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "text.h"

/* A zone as the free listing knows it: by number. Its name and node are in the zone table. */
static struct buddyd_zone zone_of(struct buddyd *b, unsigned id)
{
    struct buddyd_zone z;
    unsigned i;

    for (i = 0; i < buddyd_nr_zones(b); i++)
        if (!buddyd_get_zone(b, i, &z) && z.id == id)
            return z;
    return (struct buddyd_zone){.id = id, .name = "?", .node = -1};
}

static uint64_t blocks_of_order(const struct buddyd_free_stat *s, unsigned order)
{
    uint64_t sum = 0;
    unsigned type;

    for (type = 0; type < s->nr_types; type++)
        sum += s->free_blocks[type][order];
    return sum;
}

int buddyinfo_print(struct buddyd *b, FILE *out)
{
    struct buddyd_free_stat *zones;
    size_t nr;
    size_t i;
    int rc = listing_free(b, &zones, &nr);

    if (rc)
        return rc;
    for (i = 0; i < nr; i++) {
        struct buddyd_zone z = zone_of(b, zones[i].zone);
        char name[TEXT_NAME_BYTES];
        unsigned order;

        fprintf(out, "Node %d, zone %8s ", z.node, text_printable(z.name, name));
        for (order = 0; order < zones[i].nr_orders; order++)
            fprintf(out, "%6" PRIu64 " ", blocks_of_order(&zones[i], order));
        fputc('\n', out);
    }
    free(zones);
    return 0;
}

int buddyinfo_json(struct buddyd *b, json_t **ret)
{
    struct buddyd_free_stat *zones;
    json_t *array;
    size_t nr;
    size_t i;
    int rc = listing_free(b, &zones, &nr);

    if (rc)
        return rc;
    array = json_array();
    for (i = 0; i < nr; i++) {
        struct buddyd_zone z = zone_of(b, zones[i].zone);
        json_t *blocks = json_array();
        unsigned order;

        for (order = 0; order < zones[i].nr_orders; order++)
            json_array_append_new(blocks,
                                  json_integer((json_int_t)blocks_of_order(&zones[i], order)));
        json_array_append_new(array, json_pack("{s:o, s:i, s:o, s:o}", "node",
                                               z.node < 0 ? json_null() : json_integer(z.node),
                                               "zone", (int)z.id, "name", ctl_json_string(z.name),
                                               "free_blocks", blocks));
    }
    free(zones);
    if (!array)
        return -ENOMEM;
    *ret = array;
    return 0;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    json_t *array = NULL;
    struct buddyd *b;
    int code;
    int rc;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    rc = ctl->json ? buddyinfo_json(b, &array) : buddyinfo_print(b, ctl->out);
    if (rc)
        code = ctl_failed("list the free blocks", rc);
    else if (ctl->json)
        code = ctl_print_json(ctl, json_pack("{s:o}", "buddyinfo", array));
    buddyd_close(b);
    return code;
}

const struct command cmd_buddyinfo = {
    .name = "buddyinfo",
    .summary = "free blocks by order, as in /proc/buddyinfo",
    .help = "Usage: buddyctl buddyinfo [--socket PATH] [--json]\n"
            "Count the free blocks of every order, one line a zone, as /proc/buddyinfo does:\n"
            "\n"
            "  Node N, zone NAME  ORDER-0  ORDER-1  ...  ORDER-18\n"
            "\n"
            "A block of order n is 2^n pages of 4 KiB. Node -1 is a zone that is bound to no\n"
            "node. Many small blocks and no large ones: memory is free, but in pieces.\n"
            "\n"
            "JSON: {\"buddyinfo\": [{node, zone, name, free_blocks: [by order]}]}; node is null\n"
            "if there is none.\n",
    .run = run,
};
