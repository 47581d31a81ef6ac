/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_replay.c: buddyctl replay: its options and its help. */
#include "command.h"

#include <string.h>
#include <unistd.h>

#include "replay.h"

enum { OPT_CLIENTS = CTL_OWN, OPT_KILL, OPT_BUDDYINFO, OPT_NO_PROGRESS };

/* "CLIENT@PERCENT". */
static bool parse_kill(const char *text, struct replay_options *o)
{
    const char *at = strchr(text, '@');
    unsigned long client;
    unsigned long percent;
    char number[8];

    if (!at || (size_t)(at - text) >= sizeof(number))
        return false;
    memcpy(number, text, (size_t)(at - text));
    number[at - text] = '\0';
    if (!ctl_number(number, 0, REPLAY_MAX_CLIENTS - 1, &client) ||
        !ctl_number(at + 1, 1, 100, &percent))
        return false;
    o->kill_client = (int)client;
    o->kill_percent = (unsigned)percent;
    return true;
}

/* Returns CTL_OK, or the exit code that *ret_leave says to leave with. */
static int parse(struct ctl *ctl, int argc, char **argv, struct replay_options *o, bool *ret_leave)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS,
                                            {"clients", required_argument, NULL, OPT_CLIENTS},
                                            {"kill", required_argument, NULL, OPT_KILL},
                                            {"buddyinfo", no_argument, NULL, OPT_BUDDYINFO},
                                            {"no-progress", no_argument, NULL, OPT_NO_PROGRESS},
                                            {NULL, 0, NULL, 0}};
    unsigned long clients;
    int code;
    int option;

    *ret_leave = true;
    while ((option = ctl_option(ctl, argc, argv, options, &code)) != CTL_NO_MORE) {
        switch (option) {
        case OPT_CLIENTS:
            if (!ctl_number(optarg, 1, REPLAY_MAX_CLIENTS, &clients))
                return ctl_usage(ctl, "--clients %s: it must be a number, 1 to %u", optarg,
                                 REPLAY_MAX_CLIENTS);
            o->nr_clients = (unsigned)clients;
            break;
        case OPT_KILL:
            if (!parse_kill(optarg, o))
                return ctl_usage(ctl,
                                 "--kill %s: it must be CLIENT@PERCENT, such as 1@50; clients "
                                 "count from 0, percents are 1 to 100",
                                 optarg);
            break;
        case OPT_BUDDYINFO:
            o->buddyinfo = true;
            break;
        case OPT_NO_PROGRESS:
            o->progress = false;
            break;
        default:
            return code;
        }
    }
    if (optind == argc)
        return ctl_usage(ctl, "replay needs a trace");
    if (optind + 1 < argc)
        return ctl_usage(ctl, "replay takes one trace, but got \"%s\" too", argv[optind + 1]);
    if (o->kill_client >= (int)o->nr_clients)
        return ctl_usage(ctl, "--kill %d@%u: with %u clients the last one is %u", o->kill_client,
                         o->kill_percent, o->nr_clients, o->nr_clients - 1);
    o->path = argv[optind];
    *ret_leave = false;
    return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    struct replay_options o = {
        .nr_clients = 3, .kill_client = -1, .progress = isatty(STDERR_FILENO)};
    bool leave;
    int code = parse(ctl, argc, argv, &o, &leave);

    return leave ? code : replay_run(ctl, &o);
}

const struct command cmd_replay = {
    .name = "replay",
    .summary = "play a recorded trace through the daemon, and check every block",
    .help =
        "Usage: buddyctl replay TRACE[.xz] [OPTION...]\n"
        "Play a recorded page trace through the daemon from several client processes at once,\n"
        "and check what they get. The event of block ID is client ID mod N's; nobody is more\n"
        "than 4,096 events ahead of the slowest.\n"
        "\n"
        "  --clients N             how many client processes, 1 to 64; else 3\n"
        "  --kill CLIENT@PERCENT   when CLIENT (0 to N-1) has played PERCENT of the trace, end it\n"
        "                          with SIGKILL while the others go on; then see that all that it\n"
        "                          had is back, and that nothing of the others has changed\n"
        "  --buddyinfo             print free blocks by order before, at the peak, and after\n"
        "  --no-progress           no bar, even on a terminal\n"
        "  --socket PATH, --json, --help   as for every command\n"
        "\n"
        "What is checked:\n"
        "  mismatches   every block is stamped at both ends with its id, its client and a number\n"
        "               of this replay; looked at when it is freed, after a kill, and at the end.\n"
        "               A block that was to be zeroed must read zero first\n"
        "               (one whose content was discarded has none)\n"
        "  overlaps     no page is ever in two live blocks, as far as they do not move\n"
        "  leaked pages all that was lent is free again when the clients have freed it and left.\n"
        "               Should other clients be connected, only this replay's sessions are looked "
        "at\n"
        "  counts       the daemon's count of each client's pages is the client's own\n"
        "Refused allocations are counted as failed, and are not an error.\n"
        "\n"
        "A trace has one event a line; # starts a comment:\n"
        "  a ID ORDER TYPE FLAGS   allocate 2^ORDER pages; IDs count from 0; TYPE is U, M or R;\n"
        "                          FLAGS is - or some of w, h, n, z (zeroed)\n"
        "  f ID                    free that block\n"
        "\n"
        "JSON: {trace, clients, trace_events, events, allocations, failed, peak_pages, seconds,\n"
        "requests, requests_per_second, blocks_checked, mismatches, overlaps, leaked_pages,\n"
        "wrong_counts, free_pages_compared, first_fault, kill, buddyinfo}. first_fault and kill\n"
        "are null if there is none. kill: {client, pid, session, event, requests_under_way,\n"
        "pages_by_client, pages_by_daemon, listings_until_gone, survivors_pages,\n"
        "survivors_pages_by_daemon, survivors_checked, survivors_wrong, missing_pages}.\n"
        "buddyinfo, with --buddyinfo: {before, peak, after}, each as buddyctl buddyinfo has it.\n"
        "\n"
        "Exit code: 0 if everything held, 4 if not; others as for every command.\n",
    .run = run,
};
