/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_zone.c: buddyctl zone: a zone grows or shrinks. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "text.h"

/** Room for what is in the way. */
struct obstacles {
    size_t nr;
    struct buddyd_obstacle list[BUDDYD_LISTING_MAX];
};

static const char *reason_text(enum buddyd_obstacle_reason reason)
{
    static const char *const texts[] = {
        [BUDDYD_OBSTACLE_UNMOVABLE] = "unmovable", [BUDDYD_OBSTACLE_BUSY] = "busy",
        [BUDDYD_OBSTACLE_UNBACKED] = "unbacked",   [BUDDYD_OBSTACLE_ISOLATED] = "isolated",
        [BUDDYD_OBSTACLE_STRADDLES] = "straddles", [BUDDYD_OBSTACLE_KEPT] = "kept",
        [BUDDYD_OBSTACLE_ELSEWHERE] = "elsewhere", [BUDDYD_OBSTACLE_NO_ROOM] = "no room",
        [BUDDYD_OBSTACLE_ABORTED] = "move failed", [BUDDYD_OBSTACLE_GRANTED] = "granted",
        [BUDDYD_OBSTACLE_BEHIND] = "grown",        [BUDDYD_OBSTACLE_BAD] = "bad",
        [BUDDYD_OBSTACLE_PINNED] = "pinned",       [BUDDYD_OBSTACLE_GUARANTEED] = "guaranteed",
    };

    if (reason <= 0 || (size_t)reason >= sizeof(texts) / sizeof(texts[0]))
        return "?";
    return texts[reason];
}

/* ---- output ---- */

static json_t *json_obstacles(const struct obstacles *os)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < os->nr; i++) {
        const struct buddyd_obstacle *o = &os->list[i];
        json_t *entry = json_pack("{s:I, s:o, s:I, s:i, s:s, s:s}", "session",
                                  (json_int_t)o->session, "client", ctl_json_string(o->client),
                                  "offset", (json_int_t)o->offset, "order", (int)o->order, "type",
                                  text_type_key(o->type), "reason", reason_text(o->reason));

        if (json_array_append_new(list, entry) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int print_obstacles(const struct ctl *ctl, const struct obstacles *os)
{
    static const char *const headers[] = {"SESSION", "<CLIENT", "OFFSET",
                                          "ORDER",   "<TYPE",   "<REASON"};
    struct table *t = table_new(headers, sizeof(headers) / sizeof(headers[0]));
    char name[TEXT_NAME_BYTES];
    int rc = -ENOMEM;

    for (size_t i = 0; t && i < os->nr; i++) {
        const struct buddyd_obstacle *o = &os->list[i];

        table_cell(t, "%u", o->session);
        table_cell(t, "%s", text_printable(o->client, name));
        table_cell(t, "0x%" PRIx64, o->offset);
        table_cell(t, "%u", o->order);
        table_cell(t, "%s", text_type(o->type));
        table_cell(t, "%s", reason_text(o->reason));
    }
    if (t)
        rc = table_print(t, ctl->out);
    table_free(t);
    if (rc < 0) {
        ctl_error("out of memory");
        return CTL_FAILED;
    }
    return CTL_OK;
}

static int print_result(const struct ctl *ctl, const struct buddyd_zone *z, uint64_t bytes,
                        const struct obstacles *os)
{
    char size[TEXT_SIZE_BYTES], name[TEXT_NAME_BYTES];

    if (ctl->json)
        return ctl_print_json(ctl, json_pack("{s:i, s:o, s:I, s:o}", "zone", (int)z->id, "name",
                                             ctl_json_string(z->name), "bytes", (json_int_t)bytes,
                                             "obstacles", json_obstacles(os)));
    if (os->nr != 0)
        return print_obstacles(ctl, os);
    fprintf(ctl->out, "zone %s has %s\n", text_printable(z->name, name), text_size(bytes, size));
    return CTL_OK;
}

/* ---- the command ---- */

static int resize(const struct ctl *ctl, struct buddyd *b, const struct buddyd_zone *z,
                  int64_t delta)
{
    struct obstacles *os = calloc(1, sizeof(*os));
    uint64_t bytes = 0;
    int code;
    int rc;

    if (!os) {
        ctl_error("out of memory");
        return CTL_FAILED;
    }
    rc = buddyd_resize_zone(b, z->id, delta, &bytes, os->list, &os->nr);
    if (rc != 0 && os->nr == 0) {
        code = ctl_failed(delta > 0 ? "grow the zone" : "shrink the zone", rc);
    } else {
        code = print_result(ctl, z, bytes, os);
        if (rc != 0 && code == CTL_OK)
            code = ctl_failed("shrink the zone", rc);
    }
    free(os);
    return code;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    struct buddyd_zone z;
    uint64_t bytes;
    struct buddyd *b;
    bool grow;
    int code = CTL_OK;

    if (ctl_option(ctl, argc, argv, options, &code) == CTL_STOP)
        return code;
    if (argc - optind != 3)
        return ctl_usage(ctl, "zone needs grow or shrink, a zone and a size");
    grow = !strcmp(argv[optind], "grow");
    if (!grow && strcmp(argv[optind], "shrink") != 0)
        return ctl_usage(ctl, "\"%s\": it must be grow or shrink", argv[optind]);
    if (text_parse_size(argv[optind + 2], INT64_MAX, &bytes) < 0 || bytes == 0)
        return ctl_usage(ctl, "\"%s\": it must be a size, such as 512M", argv[optind + 2]);
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    code = CTL_FAILED;
    if (ctl_zone(b, argv[optind + 1], &z))
        code = resize(ctl, b, &z, grow ? (int64_t)bytes : -(int64_t)bytes);
    buddyd_close(b);
    return code;
}

const struct command cmd_zone = {
    .name = "zone",
    .summary = "let a zone grow or shrink",
    .help = "Usage: buddyctl zone [--socket PATH] [--json] grow|shrink ZONE SIZE\n"
            "Let a zone grow by SIZE, with hugepages from the host's pool, or shrink by SIZE and\n"
            "give them back. ZONE is a name or a number. SIZE has K, M, G or T behind it, and is\n"
            "whole hugepages. A zone grows up to the max_size of its section. To shrink, blocks\n"
            "that can move do so, and reclaimable ones without room are discarded; if others are\n"
            "in the way they are listed, the zone stays as it is, and the exit code is 1. The\n"
            "right to administer is needed.\n"
            "\n"
            "Columns:\n"
            "  SESSION, CLIENT  whose block it is; - if nobody's\n"
            "  OFFSET, ORDER    where it is in the zone, and how large\n"
            "  TYPE, REASON     and why it cannot leave\n"
            "\n"
            "JSON: {zone, name, bytes, obstacles: [{session, client, offset, order, type,\n"
            "reason}]}\n",
    .run = run,
};
