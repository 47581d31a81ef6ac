/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h: what a command of buddyctl is made of, and what all commands share: options, the
 * connection, one-line errors, exit codes.
 *
 * Errors go to stderr as one line that says what to do. A command returns an exit code; nothing
 * here exits.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <buddyd.h>
#include <jansson.h>

/* Scripts rely on these numbers; docs/man/buddyctl.1.scd lists them. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1,
    CTL_USAGE = 2,
    CTL_UNREACHABLE = 3,   /**< no daemon, or it went away */
    CTL_BAD_REPLAY = 4,    /**< a replay found a mismatch, an overlap, a leak or a wrong count */
    CTL_INTERRUPTED = 130, /**< by SIGINT or SIGTERM */
};

/** What the options that all commands share said. */
struct ctl {
    const char *socket; /**< NULL: as the library finds it */
    bool json;
    FILE *out;
    const struct command *command;
};

struct command {
    const char *name;
    const char *summary; /**< one line */
    const char *help;    /**< all of --help */
    /** argv[0] is the command's name. Returns an enum ctl_exit. */
    int (*run)(struct ctl *ctl, int argc, char **argv);
};

extern const struct command cmd_zones;
extern const struct command cmd_buddyinfo;
extern const struct command cmd_pagetypeinfo;
extern const struct command cmd_clients;
extern const struct command cmd_blocks;
extern const struct command cmd_accounts;
extern const struct command cmd_explain;
extern const struct command cmd_set;
extern const struct command cmd_reload;
extern const struct command cmd_compact;
extern const struct command cmd_zone;
extern const struct command cmd_migrate;
extern const struct command cmd_replay;

/** All of buddyctl, but for main(). Returns the exit code. */
int ctl_main(int argc, char **argv, FILE *out);

/* ---- options ---- */

/** What options return; no letters, since there are no short options. */
enum ctl_option {
    CTL_STOP = -2,    /**< leave with *ret_exit */
    CTL_NO_MORE = -1, /**< optind is at the first argument */
    CTL_SOCKET = 256,
    CTL_JSON,
    CTL_HELP,
    CTL_OWN, /**< the first of a command's own */
};

/** To be listed first in a command's struct option array; so many they are. */
#define NR_COMMON_OPTIONS 3
#define CTL_COMMON_OPTIONS                                                                         \
    {"socket", required_argument, NULL, CTL_SOCKET}, {"json", no_argument, NULL, CTL_JSON},        \
    {                                                                                              \
        "help", no_argument, NULL, CTL_HELP                                                        \
    }

/**
 * The command's next own option (its value, with optarg), CTL_NO_MORE, or CTL_STOP when --help was
 * answered or the line is wrong, which has been said. Not reentrant: it is getopt_long().
 */
int ctl_option(struct ctl *ctl, int argc, char **argv, const struct option *options, int *ret_exit);
/** Read the options of a command that has none of its own and takes no argument. false: leave. */
bool ctl_no_arguments(struct ctl *ctl, int argc, char **argv, int *ret_exit);
/** A decimal number in min to max. */
bool ctl_number(const char *text, unsigned long min, unsigned long max, unsigned long *ret);

/* ---- errors ---- */

/** One line on stderr, behind the program's name. */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The same, and where help is. Returns CTL_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A library call failed with error: say so. Returns the exit code. */
int ctl_failed(const char *what, int error);
/** The exit code for an error of the library. */
int ctl_exit_of(int error);

/* ---- the daemon ---- */

/** Connect. Returns CTL_OK, or the exit code after an error line. */
int ctl_connect(const struct ctl *ctl, struct buddyd **ret);

/** The zone of this name or number. false, after an error line: there is none. */
bool ctl_zone(const struct buddyd *b, const char *word, struct buddyd_zone *ret);

/* ---- output ---- */

/** Print a document and release it. NULL: out of memory. Returns the exit code. */
int ctl_print_json(const struct ctl *ctl, json_t *document);
/** A string for JSON even if it is not valid UTF-8. */
json_t *ctl_json_string(const char *text);
/** A number of pages that may be BUDDYD_UNLIMITED: then null. */
json_t *ctl_json_limit(uint64_t pages);

#endif
