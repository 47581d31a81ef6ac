/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_accounts.c: buddyctl accounts. */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

#include "listing.h"
#include "text.h"

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

static void add_row(struct table *t, const struct buddyd_account_stat *a, unsigned page_shift)
{
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

static int print_text(const struct ctl *ctl, const struct buddyd_account_stat *accounts, size_t nr,
                      unsigned page_shift)
{
    static const char *const headers[] = {"<NAME", "<GROUP",    "SESSION",  "USED",   "MAX",
                                          "LOW",   "GUARANTEE", "PRESSURE", "WAITING"};
    struct table *t = table_new(headers, sizeof(headers) / sizeof(headers[0]));
    int code = CTL_OK;
    size_t i;

    for (i = 0; t && i < nr; i++)
        add_row(t, &accounts[i], page_shift);
    if (!t || table_print(t, ctl->out)) {
        ctl_error("out of memory");
        code = CTL_FAILED;
    }
    table_free(t);
    return code;
}

static json_t *account_json(const struct buddyd_account_stat *a)
{
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

static int print_json(const struct ctl *ctl, const struct buddyd_account_stat *accounts, size_t nr)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < nr; i++)
        json_array_append_new(array, account_json(&accounts[i]));
    return ctl_print_json(ctl, json_pack("{s:o}", "accounts", array));
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct buddyd_account_stat *accounts;
    struct buddyd_zone zone;
    struct buddyd *b;
    size_t nr;
    int code;
    int rc;

    if (!ctl_no_arguments(ctl, argc, argv, &code))
        return code;
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    /* All zones have pages of one size. */
    rc = buddyd_get_zone(b, 0, &zone);
    if (!rc)
        rc = listing_accounts(b, &accounts, &nr);
    if (rc) {
        code = ctl_failed("list the accounts", rc);
    } else {
        code = ctl->json ? print_json(ctl, accounts, nr)
                         : print_text(ctl, accounts, nr, zone.page_shift);
        free(accounts);
    }
    buddyd_close(b);
    return code;
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
