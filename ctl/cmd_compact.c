/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_compact.c: buddyctl compact: zones are compacted as well as can be. */
#include <inttypes.h>

#include "command.h"

static int compact(const struct ctl *ctl, struct buddyd *b, int zone)
{
    struct buddyd_compacted done = {0};
    int rc = buddyd_compact(b, zone, &done);

    if (rc)
        return ctl_failed("compact", rc);
    if (ctl->json)
        return ctl_print_json(ctl, json_pack("{s:I, s:I, s:I}", "moved_pages",
                                             (json_int_t)done.moved_pages, "freed_pageblocks",
                                             (json_int_t)done.freed_pageblocks, "pinned_pages",
                                             (json_int_t)done.pinned_pages));
    fprintf(ctl->out,
            "%" PRIu64 " pages moved, %" PRIu64 " more pageblocks are empty, %" PRIu64
            " pages were pinned\n",
            done.moved_pages, done.freed_pageblocks, done.pinned_pages);
    return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    struct buddyd *b;
    int code = CTL_OK;
    struct buddyd_zone z;

    if (ctl_option(ctl, argc, argv, options, &code) == CTL_STOP)
        return code;
    if (argc - optind > 1)
        return ctl_usage(ctl, "compact takes one zone at most, but got \"%s\"", argv[optind + 1]);
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    if (optind == argc)
        code = compact(ctl, b, BUDDYD_ANY);
    else
        code = ctl_zone(b, argv[optind], &z) ? compact(ctl, b, (int)z.id) : CTL_FAILED;
    buddyd_close(b);
    return code;
}

const struct command cmd_compact = {
    .name = "compact",
    .summary = "move blocks together, so that whole pageblocks come free",
    .help = "Usage: buddyctl compact [--socket PATH] [--json] [ZONE]\n"
            "Have movable and reclaimable blocks moved together in one zone, by name or number,\n"
            "or in all, until no more pageblocks can be emptied so. Pinned blocks stay. Returns\n"
            "when it is done. The right to administer is needed.\n"
            "\n"
            "JSON: {moved_pages, freed_pageblocks, pinned_pages}\n",
    .run = run,
};
