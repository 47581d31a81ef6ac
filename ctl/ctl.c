/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.c: the table of commands, the options that all share, and the last look at the output. */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const struct command *const commands[] = {
    &cmd_zones,    &cmd_buddyinfo, &cmd_pagetypeinfo, &cmd_clients, &cmd_blocks,
    &cmd_accounts, &cmd_explain,   &cmd_set,          &cmd_reload,  &cmd_compact,
    &cmd_zone,     &cmd_migrate,   &cmd_replay,
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char help_head[] = "Usage: buddyctl [--socket PATH] [--json] COMMAND [OPTION...]\n"
                                "Look into a running buddyd, tune it, and try it out.\n"
                                "\n"
                                "Commands:\n";

static const char help_tail[] =
    "\n"
    "Options, before or behind the command:\n"
    "  --socket PATH   the daemon's socket; else $BUDDYD_SOCKET, else " BUDDYD_DEFAULT_SOCKET "\n"
    "  --json          print JSON, with exact numbers; field names are stable\n"
    "  --help          print this help; behind a command, the command's\n"
    "  --version       print the version\n"
    "\n"
    "Exit codes:\n"
    "  0    done\n"
    "  1    failed, and one line on stderr says why; or explain says that it would be refused\n"
    "  2    the command line is wrong\n"
    "  3    the daemon cannot be reached, or went away\n"
    "  4    a replay found a mismatch, an overlap, a leak or a wrong count\n"
    "  130  interrupted\n"
    "\n"
    "Examples:\n"
    "  buddyctl zones\n"
    "  buddyctl --json clients | jq '.clients[] | select(.pages > 1000)'\n"
    "  buddyd --private --size 512M -- buddyctl replay build.pgtrace.xz --clients 3\n";

/* ---- errors ---- */

static void vsay(const char *format, va_list args)
{
    fputs("buddyctl: ", stderr);
    vfprintf(stderr, format, args);
}

void ctl_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(format, args);
    va_end(args);
    fputc('\n', stderr);
}

int ctl_usage(const struct ctl *ctl, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsay(format, args);
    va_end(args);
    fprintf(stderr, "; see buddyctl %s%s--help\n", ctl->command ? ctl->command->name : "",
            ctl->command ? " " : "");
    return CTL_USAGE;
}

int ctl_exit_of(int error)
{
    return error == -ENOTCONN ? CTL_UNREACHABLE : CTL_FAILED;
}

int ctl_failed(const char *what, int error)
{
    ctl_error("cannot %s: %s", what, buddyd_error());
    return ctl_exit_of(error);
}

/* ---- options ---- */

static int print_help(const struct ctl *ctl)
{
    size_t i;

    if (ctl->command) {
        fputs(ctl->command->help, ctl->out);
        return CTL_OK;
    }
    fputs(help_head, ctl->out);
    for (i = 0; i < NR_COMMANDS; i++)
        fprintf(ctl->out, "  %-14s  %s\n", commands[i]->name, commands[i]->summary);
    fputs(help_tail, ctl->out);
    return CTL_OK;
}

/* shorts: ":" for a command's options, "+:" for those before the command. */
static int next_option(struct ctl *ctl, int argc, char **argv, const char *shorts,
                       const struct option *options, int *ret_exit)
{
    for (;;) {
        int c = getopt_long(argc, argv, shorts, options, NULL);

        switch (c) {
        case -1:
            return CTL_NO_MORE;
        case CTL_SOCKET:
            ctl->socket = optarg;
            break;
        case CTL_JSON:
            ctl->json = true;
            break;
        case CTL_HELP:
            *ret_exit = print_help(ctl);
            return CTL_STOP;
        case ':':
            *ret_exit = ctl_usage(ctl, "option %s needs a value", argv[optind - 1]);
            return CTL_STOP;
        case '?':
            if (!optopt)
                *ret_exit = ctl_usage(ctl, "unknown option %s", argv[optind - 1]);
            else if (optopt < CTL_SOCKET)
                *ret_exit = ctl_usage(ctl, "unknown option -%c", optopt);
            else
                *ret_exit = ctl_usage(ctl, "option %s takes no value", argv[optind - 1]);
            return CTL_STOP;
        default:
            return c;
        }
    }
}

int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options, int *ret_exit)
{
    return next_option(ctl, argc, argv, ":", options, ret_exit);
}

bool ctl_no_arguments(struct ctl *ctl, int argc, char **argv, int *ret_exit)
{
    static const struct option options[] = {CTL_COMMON_OPTIONS, {NULL, 0, NULL, 0}};

    if (ctl_option(ctl, argc, argv, options, ret_exit) == CTL_STOP)
        return false;
    if (optind < argc) {
        *ret_exit = ctl_usage(ctl, "%s takes no argument, but got \"%s\"", argv[0], argv[optind]);
        return false;
    }
    return true;
}

bool ctl_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret)
{
    unsigned long n;
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || *end || n < min || n > max)
        return false;
    *ret = n;
    return true;
}

/* ---- the daemon ---- */

int ctl_connect(const struct ctl *ctl, struct buddyd **ret)
{
    struct buddyd_options options = BUDDYD_OPTIONS_INIT;

    options.socket = ctl->socket;
    options.name = "buddyctl";
    if (!buddyd_connect(&options, ret))
        return CTL_OK;
    ctl_error("cannot reach the daemon: %s (--socket names another one)", buddyd_error());
    return CTL_UNREACHABLE;
}

bool ctl_zone(const struct buddyd *b, const char *word, struct buddyd_zone *ret)
{
    unsigned long id;

    for (unsigned i = 0; buddyd_get_zone(b, i, ret) == 0; i++) {
        if (!strcmp(ret->name, word))
            return true;
    }
    if (ctl_number(word, 0, UINT32_MAX, &id) && buddyd_get_zone(b, (unsigned)id, ret) == 0)
        return true;
    ctl_error("there is no zone \"%s\"; buddyctl zones lists them", word);
    return false;
}

/* ---- output ---- */

int ctl_print_json(const struct ctl *ctl, json_t *document)
{
    if (!document) {
        ctl_error("out of memory; try again without --json");
        return CTL_FAILED;
    }
    /* What could not be written is seen, and said, when the output is flushed at the end. */
    json_dumpf(document, ctl->out, JSON_INDENT(2));
    fputc('\n', ctl->out);
    json_decref(document);
    return CTL_OK;
}

json_t *ctl_json_string(const char *text)
{
    json_t *string = json_string(text);
    char clean[TEXT_NAME_BYTES];

    return string ? string : json_string(text_printable(text, clean));
}

json_t *ctl_json_limit(uint64_t pages)
{
    return pages == BUDDYD_UNLIMITED ? json_null() : json_integer((json_int_t)pages);
}

/* ---- everything ---- */

static int run_command(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {
        CTL_COMMON_OPTIONS, {"version", no_argument, NULL, CTL_OWN}, {NULL, 0, NULL, 0}};
    int code = CTL_OK;
    size_t i;

    opterr = 0;
    optind = 0;
    switch (next_option(ctl, argc, argv, "+:", options, &code)) {
    case CTL_STOP:
        return code;
    case CTL_OWN:
        fputs("buddyctl " BUDDYCTL_VERSION "\n", ctl->out);
        return CTL_OK;
    default:
        break;
    }
    if (optind == argc)
        return ctl_usage(ctl, "a command is missing");
    for (i = 0; i < NR_COMMANDS; i++) {
        if (!strcmp(argv[optind], commands[i]->name)) {
            int first = optind;

            ctl->command = commands[i];
            optind = 0;
            return commands[i]->run(ctl, argc - first, argv + first);
        }
    }
    return ctl_usage(ctl, "unknown command \"%s\"", argv[optind]);
}

int ctl_main(int argc, char **argv, FILE *out)
{
    struct ctl ctl = {.out = out};
    int code;

    errno = 0;
    code = run_command(&ctl, argc, argv);
    errno = 0;
    if (fflush(out) || ferror(out)) {
        ctl_error("cannot write to standard output%s%s", errno ? ": " : "",
                  errno ? strerror(errno) : "");
        if (code == CTL_OK)
            code = CTL_FAILED;
    }
    return code;
}
