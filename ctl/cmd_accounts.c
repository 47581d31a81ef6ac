/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_accounts.c: buddyctl accounts. */
#include <inttypes.h>

#include "listing_command.h"

static const char *pressure_name(enum buddyd_pressure pressure)
{
    switch (pressure) {
    case BUDDYD_PRESSURE_NONE:
        return "none";
    case BUDDYD_PRESSURE_LOW:
        return "low";
    default:
        return "min";
    }
}

static void add_row(struct table *t, const void *entry, unsigned page_shift)
{
    const struct buddyd_account_stat *a = entry;
    char name[TEXT_NAME_BYTES];
    char size[TEXT_SIZE_BYTES];

    table_cell(t, "%s", text_printable(a->name, name));
    table_cell(t, "%s", text_printable(a->group, name));
    if (a->session)
        table_cell(t, "%" PRIu32, a->session);
    else
        table_cell(t, "-");
    table_cell(t, "%s", text_size(a->used_pages << page_shift, size));
    if (a->max_pages == BUDDYD_UNLIMITED)
        table_cell(t, "-");
    else
        table_cell(t, "%s", text_size(a->max_pages << page_shift, size));
    table_cell(t, "%s", text_size(a->low_pages << page_shift, size));
    table_cell(t, "%s", text_size(a->guarantee_pages << page_shift, size));
    table_cell(t, "%s", a->over ? "over" : pressure_name(a->pressure));
    table_cell(t, "%u", a->waiting);
}

static json_t *json(const void *entry)
{
    const struct buddyd_account_stat *a = entry;

    return json_pack(
        "{s:o, s:o, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I, "
        "s:I, s:b}",
        "name", ctl_json_string(a->name), "group",
        a->group[0] ? ctl_json_string(a->group) : json_null(), "session",
        a->session ? json_integer(a->session) : json_null(), "domain", (json_int_t)a->domain, "uid",
        a->uid < 0 ? json_null() : json_integer(a->uid), "max_pages", ctl_json_limit(a->max_pages),
        "min_pages", (json_int_t)a->min_pages, "low_pages", (json_int_t)a->low_pages, "high_pages",
        (json_int_t)a->high_pages, "used_pages", (json_int_t)a->used_pages, "pinned_pages",
        (json_int_t)a->pinned_pages, "cached_pages", (json_int_t)a->cached_pages, "guarantee_pages",
        (json_int_t)a->guarantee_pages, "unmet_pages", (json_int_t)a->unmet_pages, "pressure",
        pressure_name(a->pressure), "members", (json_int_t)a->members, "waiting",
        (json_int_t)a->waiting, "priority", (json_int_t)a->priority, "over", a->over);
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const char *const headers[] = {"<NAME", "<GROUP",    "SESSION",  "USED",   "MAX",
                                          "LOW",   "GUARANTEE", "PRESSURE", "WAITING"};
    static const struct listing_view view = {
        .name = "accounts",
        .headers = headers,
        .nr_headers = sizeof(headers) / sizeof(headers[0]),
        .element = sizeof(struct buddyd_account_stat),
        .page = listing_accounts_page,
        .add_row = add_row,
        .json = json,
    };

    return listing_command(ctl, argc, argv, &view);
}

const struct command cmd_accounts = {
    .name = "accounts",
    .summary = "what clients and groups of clients may use, and what they do",
    .help =
        "Usage: buddyctl accounts [--socket PATH] [--json]\n"
        "List the accounts of groups and of clients. Those of other users are listed for root\n"
        "and the daemon's own user only.\n"
        "\n"
        "Columns:\n"
        "  NAME       of a group, which is a section of the policy, or of a client\n"
        "  GROUP      the group that a client is in; - if in none\n"
        "  SESSION    the client's, as in buddyctl clients; - for a group\n"
        "  USED, MAX  what it has, and may have; - if there is no limit\n"
        "  LOW        with so much left or less it is told of pressure\n"
        "  GUARANTEE  what nobody else may take\n"
        "  PRESSURE   none; low or min, whose mark what is left has come down to; over: it has\n"
        "             more than its max, which was lowered\n"
        "  WAITING    requests that wait for memory\n"
        "\n"
        "JSON: {\"accounts\": [{name, group, session, domain, uid, max_pages, min_pages,\n"
        "low_pages, high_pages, used_pages, pinned_pages, cached_pages, guarantee_pages,\n"
        "unmet_pages, pressure, members, waiting, priority, over}]}; group, session and uid\n"
        "are null if there is none, max_pages if there is no limit; unmet_pages are those of\n"
        "the guarantee that are not used yet.\n",
    .run = run,
};
