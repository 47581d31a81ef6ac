/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_blocks.c: buddyctl blocks. There may be millions, so they are printed as they come, page by
 * page, and never held; columns have fixed widths for the same reason.
 */
#include "command.h"

#include <inttypes.h>
#include <stdint.h>

#include "listing.h"
#include "text.h"

enum { OPT_SESSION = CTL_OWN };

static const char *state_of(const struct buddyd_block_stat *s)
{
    static const char *const names[] = {"normal", "moving", "discarded"};

    return (unsigned)s->state < sizeof(names) / sizeof(names[0]) ? names[s->state] : "?";
}

static void print_block(const struct ctl *ctl, const struct buddyd_block_stat *s,
                        unsigned page_shift)
{
    char size[TEXT_SIZE_BYTES];
    char handle[24] = "-";

    if (s->handle)
        snprintf(handle, sizeof(handle), "0x%016" PRIx64, s->handle);
    fprintf(ctl->out,
            "%10" PRIu32 "  %4" PRIu32 "  0x%012" PRIx64 "  %5u  %8s  %-11s  %-9s  %5u  %s\n",
            s->session, s->zone, s->offset, s->order,
            text_size((uint64_t)1 << (page_shift + s->order), size), text_type(s->type),
            state_of(s), s->pins, handle);
}

/* Returns false when there is no memory. */
static bool print_block_json(const struct ctl *ctl, const struct buddyd_block_stat *s, bool first)
{
    char handle[24];
    json_t *o;

    snprintf(handle, sizeof(handle), "0x%016" PRIx64, s->handle);
    o = json_pack("{s:I, s:I, s:I, s:i, s:s, s:s, s:i, s:o}", "session", (json_int_t)s->session,
                  "zone", (json_int_t)s->zone, "offset", (json_int_t)s->offset, "order",
                  (int)s->order, "type", text_type_key(s->type), "state", state_of(s), "pins",
                  (int)s->pins, "handle", s->handle ? json_string(handle) : json_null());
    if (!o)
        return false;
    fputs(first ? "\n    " : ",\n    ", ctl->out);
    json_dumpf(o, ctl->out, JSON_COMPACT);
    json_decref(o);
    return true;
}

static int print_all(const struct ctl *ctl, struct buddyd *b, uint32_t session, unsigned page_shift)
{
    struct buddyd_block_stat page[BUDDYD_LISTING_MAX];
    uint64_t cursor = 0;
    bool first = true;

    if (ctl->json)
        fputs("{\n  \"blocks\": [", ctl->out);
    else
        fprintf(ctl->out, "%10s  %4s  %14s  %5s  %8s  %-11s  %-9s  %5s  %s\n", "SESSION", "ZONE",
                "OFFSET", "ORDER", "SIZE", "TYPE", "STATE", "PINS", "HANDLE");
    do {
        size_t nr = 0;
        size_t i;
        int rc = buddyd_stat_blocks(b, session, &cursor, page, &nr);

        if (rc)
            return ctl_failed("list the blocks", rc);
        for (i = 0; i < nr; i++) {
            if (!ctl->json) {
                print_block(ctl, &page[i], page_shift);
            } else if (!print_block_json(ctl, &page[i], first)) {
                ctl_error("out of memory");
                return CTL_FAILED;
            }
            first = false;
        }
    } while (cursor && !ferror(ctl->out));
    if (ctl->json)
        fputs(first ? "]\n}\n" : "\n  ]\n}\n", ctl->out);
    return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {
        CTL_COMMON_OPTIONS, {"session", required_argument, NULL, OPT_SESSION}, {NULL, 0, NULL, 0}};
    unsigned long session = 0;
    struct buddyd_zone zone;
    struct buddyd *b;
    int option;
    int code;
    int rc;

    while ((option = ctl_option(ctl, argc, argv, options, &code)) != CTL_NO_MORE) {
        if (option == CTL_STOP)
            return code;
        if (!ctl_number(optarg, 1, UINT32_MAX, &session))
            return ctl_usage(ctl, "--session %s: it must be a session's number, 1 to %u", optarg,
                             UINT32_MAX);
    }
    if (optind < argc)
        return ctl_usage(ctl, "blocks takes no argument, but got \"%s\"", argv[optind]);
    code = ctl_connect(ctl, &b);
    if (code)
        return code;
    /* All zones have pages of one size. */
    rc = buddyd_get_zone(b, 0, &zone);
    code = rc ? ctl_failed("look at the zones", rc)
              : print_all(ctl, b, (uint32_t)session, zone.page_shift);
    buddyd_close(b);
    return code;
}

const struct command cmd_blocks = {
    .name = "blocks",
    .summary = "every block that is lent, or one client's",
    .help = "Usage: buddyctl blocks [--session N] [--socket PATH] [--json]\n"
            "List the blocks that clients have: all that you may see, or one client's.\n"
            "Blocks of other users are listed for root and for the daemon's own user only.\n"
            "\n"
            "  --session N   only the blocks of session N (see buddyctl clients)\n"
            "\n"
            "Columns:\n"
            "  SESSION        who has it\n"
            "  ZONE, OFFSET   where it begins, in bytes from the start of the zone\n"
            "  ORDER, SIZE    2^ORDER pages of 4 KiB\n"
            "  TYPE           the contract: Unmovable, Movable or Reclaimable\n"
            "  HANDLE         its name, if it is this client's own; else -\n"
            "\n"
            "Blocks come and go while they are listed; one that moves may be missed.\n"
            "\n"
            "JSON: {\"blocks\": [{session, zone, offset, order, type, handle}]}; handle is null\n"
            "if the block is somebody else's.\n",
    .run = run,
};
