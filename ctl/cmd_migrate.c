/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_migrate.c: buddyctl migrate: blocks change their NUMA node. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"

/* A session's number, or a handle as the library's clients know it. */
static bool parse_whose(const char *word, unsigned long *ret_session, uint64_t *ret_handle)
{
    char *end;

    *ret_session = 0;
    *ret_handle = 0;
    if (word[0] != '0' || (word[1] != 'x' && word[1] != 'X'))
        return ctl_number(word, 1, UINT32_MAX, ret_session);
    errno = 0;
    *ret_handle = strtoull(word, &end, 16);
    return errno == 0 && *end == '\0' && *ret_handle != 0;
}

static int migrate(const struct ctl *ctl, struct buddyd *b, unsigned long session, uint64_t handle,
                   unsigned node)
{
    uint64_t moved = 0, left = 0;
    int rc = buddyd_migrate(b, (uint32_t)session, handle, node, &moved, &left);

    if (rc)
        return ctl_failed("migrate", rc);
    if (ctl->json)
        return ctl_print_json(ctl, json_pack("{s:I, s:I}", "moved_pages", (json_int_t)moved,
                                             "left_pages", (json_int_t)left));
    fprintf(ctl->out, "%" PRIu64 " pages moved to node %u, %" PRIu64 " stay\n", moved, node, left);
    return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS, {NULL, 0, NULL, 0}};
    unsigned long session, node;
    struct buddyd *b;
    uint64_t handle;
    int code = CTL_OK;

    if (ctl_option(ctl, argc, argv, options, &code) == CTL_STOP)
        return code;
    if (argc - optind != 2)
        return ctl_usage(ctl, "migrate needs a session or a handle, and a node");
    if (!parse_whose(argv[optind], &session, &handle))
        return ctl_usage(ctl, "\"%s\": it must be a session's number, or a handle with 0x",
                         argv[optind]);
    if (!ctl_number(argv[optind + 1], 0, 1023, &node))
        return ctl_usage(ctl, "\"%s\": it must be a node's number", argv[optind + 1]);
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    code = migrate(ctl, b, session, handle, (unsigned)node);
    buddyd_close(b);
    return code;
}

const struct command cmd_migrate = {
    .name = "migrate",
    .summary = "move a client's blocks to another NUMA node",
    .help =
        "Usage: buddyctl migrate [--socket PATH] [--json] SESSION|HANDLE NODE\n"
        "Move blocks to a NUMA node: all of a session, by its number (buddyctl clients), or\n"
        "one, by its handle with 0x, which its client knows. Blocks that are unmovable or pinned,\n"
        "and those for which the node has no room, stay. The right to administer is needed.\n"
        "\n"
        "JSON: {moved_pages, left_pages}\n",
    .run = run,
};
