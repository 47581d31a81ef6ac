/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_clients.c: buddyctl clients. */
#include <inttypes.h>

#include "listing_command.h"

static const char *pages_size(uint64_t pages, unsigned page_shift, char to[TEXT_SIZE_BYTES])
{
    return text_size(pages << page_shift, to);
}

static void add_row(struct table *t, const void *entry, unsigned page_shift)
{
    const struct buddyd_client_stat *c = entry;
    char name[TEXT_NAME_BYTES];
    char size[TEXT_SIZE_BYTES];
    unsigned type;

    table_cell(t, "%" PRIu32, c->session);
    table_cell(t, "%d", c->pid);
    table_cell(t, "%u", c->uid);
    table_cell(t, "%u", c->gid);
    table_cell(t, "%s", text_printable(c->name, name));
    table_cell(t, "%" PRIu64, c->blocks);
    table_cell(t, "%s", pages_size(c->pages, page_shift, size));
    for (type = 0; type < 3; type++)
        table_cell(t, "%s", pages_size(c->pages_by_type[type], page_shift, size));
    table_cell(t, "%" PRIu64, c->requests);
    table_cell(t, "%" PRIu64, c->refusals);
}

static json_t *json(const void *entry)
{
    const struct buddyd_client_stat *c = entry;

    return json_pack(
        "{s:I, s:i, s:I, s:I, s:o, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:o, s:I, s:I, "
        "s:o, s:I}",
        "session", (json_int_t)c->session, "pid", c->pid, "uid", (json_int_t)c->uid, "gid",
        (json_int_t)c->gid, "name", ctl_json_string(c->name), "blocks", (json_int_t)c->blocks,
        "pages", (json_int_t)c->pages, "pages_by_type", "unmovable",
        (json_int_t)c->pages_by_type[0], "movable", (json_int_t)c->pages_by_type[1], "reclaimable",
        (json_int_t)c->pages_by_type[2], "requests", (json_int_t)c->requests, "refused",
        (json_int_t)c->refusals, "policy", ctl_json_string(c->policy), "domain",
        (json_int_t)c->domain, "waiting", (json_int_t)c->waiting, "max_pages",
        ctl_json_limit(c->max_pages), "used_pages", (json_int_t)c->used_pages);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const char *const headers[] = {"SESSION", "PID",         "UID",      "GID",
                                          "<NAME",   "BLOCKS",      "MEMORY",   "UNMOVABLE",
                                          "MOVABLE", "RECLAIMABLE", "REQUESTS", "REFUSED"};
    static const struct listing_view view = {
        .name = "clients",
        .headers = headers,
        .nr_headers = sizeof(headers) / sizeof(headers[0]),
        .element = sizeof(struct buddyd_client_stat),
        .page = listing_clients_page,
        .add_row = add_row,
        .json = json,
    };

    return listing_command(ctl, argc, argv, &view);
}

const struct command cmd_clients = {
    .name = "clients",
    .summary = "who is connected, and what each one has",
    .help = "Usage: buddyctl clients [--socket PATH] [--json]\n"
            "List the connected clients. Clients of other users are listed for root and for the\n"
            "daemon's own user only. This command is one of them.\n"
            "\n"
            "Columns:\n"
            "  SESSION    the number of the connection, for buddyctl blocks --session\n"
            "  PID, UID, GID  the process, as the kernel knows it\n"
            "  NAME       what the client calls itself\n"
            "  BLOCKS, MEMORY  what it has\n"
            "  UNMOVABLE, MOVABLE, RECLAIMABLE  the memory by type\n"
            "  REQUESTS   how often it asked for anything\n"
            "  REFUSED    how many allocations were refused\n"
            "\n"
            "JSON: {\"clients\": [{session, pid, uid, gid, name, blocks, pages,\n"
            "pages_by_type: {unmovable, movable, reclaimable}, requests, refused, policy, domain,\n"
            "waiting, max_pages, used_pages}]}; policy is the section that holds for it, waiting\n"
            "its requests that wait for memory, max_pages null if there is no limit.\n",
    .run = run,
};
