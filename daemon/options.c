/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c: the command line, read by argp.
 *
 * The first word that is no option begins the command of a private daemon, so that the command's
 * own options need no quoting even without "--".
 */
#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "config.h"

#define DEFAULT_PRIVATE_SIZE  "512M"
#define DEFAULT_PRIVATE_BYTES (UINT64_C(512) << 20)

enum option_key {
    OPTION_CHECK = 0x100,
    OPTION_PRIVATE,
    OPTION_SIZE,
    OPTION_BACKING,
    OPTION_HUGEPAGE,
    OPTION_LOG_LEVEL,
};

static const struct argp_option option_table[] = {
    {NULL, 0, NULL, 0, "Service:", 1},
    {"config", 'c', "FILE", 0,
     "Read FILE and FILE.d/*.conf instead of " CONFIG_DEFAULT_FILE " and its drop-ins", 0},
    {"check", OPTION_CHECK, NULL, 0,
     "Only read the configuration: print \"ok\", or what is wrong with it", 0},
    {NULL, 0, NULL, 0, "Private daemon:", 2},
    {"private", OPTION_PRIVATE, NULL, 0,
     "Run a daemon of one zone for the life of COMMAND, which finds it in BUDDYD_SOCKET", 0},
    {"size", OPTION_SIZE, "SIZE", 0, "Memory of the zone, such as 512M (the default) or 2G", 0},
    {"backing", OPTION_BACKING, "WHAT", 0,
     "hugetlb: reserved hugepages; hugetlbfs: the same, on a mount; shmem: ordinary memory; auto "
     "(the default): hugetlb if enough hugepages are free, else shmem",
     0},
    {"hugepage", OPTION_HUGEPAGE, "SIZE", 0, "Size of a hugepage, such as 2M or 1G", 0},
    {NULL, 0, NULL, 0, "Both:", 3},
    {"log-level", OPTION_LOG_LEVEL, "LEVEL", 0,
     "error, warning (a private daemon's default), info (a service's) or debug", 0},
    {0},
};

static const char doc[] =
    "Lend huge-page memory to other processes over a Unix socket."
    "\vExamples:\n"
    "  buddyd --check                         is the configuration right?\n"
    "  buddyd --private -- ./my-test          a daemon of 512 MiB for one command\n"
    "  buddyd --private --size 2G --backing hugetlb -- buddyctl zones\n"
    "\n"
    "Exit status: 0 ended as asked; 1 failure; 2 wrong usage; 78 the configuration is not "
    "accepted. With --private the command's own, or 128 + N when signal N ended it; 125 the daemon "
    "failed; 126 the command cannot be executed; 127 there is no such command.\n"
    "\n"
    "See buddyd(8) and buddyd.conf(5).";

/** What has been seen, and on which options the mode must agree. */
struct parse {
    struct options *options;
    const char *private_only; /**< an option that needs --private */
    const char *service_only; /**< an option that cannot be had with it */
    bool has_log_level;
};

static void parse_size(struct argp_state *state, const char *option, const char *arg, uint64_t *ret)
{
    if (config_parse_size(arg, ret) < 0 || *ret == 0)
        argp_error(state,
                   "%s=%s: accepted: a number above 0 with K, M, G or T behind it, such as 512M",
                   option, arg);
}

static void parse_backing(struct argp_state *state, const char *arg, enum backing *ret)
{
    for (enum backing b = BACKING_AUTO; b <= BACKING_SHMEM; b++) {
        if (strcmp(arg, backing_name(b)) == 0) {
            *ret = b;
            return;
        }
    }
    argp_error(state, "--backing=%s: accepted: auto, hugetlb, hugetlbfs, shmem", arg);
}

static void check(struct argp_state *state, const struct parse *p)
{
    const struct options *o = p->options;

    if (o->mode == RUN_PRIVATE && p->service_only)
        argp_error(state, "%s cannot be combined with --private", p->service_only);
    if (o->mode == RUN_PRIVATE && !o->command)
        argp_error(state, "--private needs a command: buddyd --private -- COMMAND [ARG...]");
    if (o->mode != RUN_PRIVATE && p->private_only)
        argp_error(state, "%s is for --private only; a service's zones are in its configuration",
                   p->private_only);
    if (o->mode != RUN_PRIVATE && o->command)
        argp_error(state, "'%s': a command is for --private only", o->command[0]);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
    struct parse *p = state->input;
    struct options *o = p->options;

    switch (key) {
    case 'c':
        o->config = arg;
        p->service_only = "--config";
        return 0;
    case OPTION_CHECK:
        if (o->mode != RUN_PRIVATE)
            o->mode = RUN_CHECK;
        p->service_only = "--check";
        return 0;
    case OPTION_PRIVATE:
        o->mode = RUN_PRIVATE;
        return 0;
    case OPTION_SIZE:
        parse_size(state, "--size", arg, &o->bytes);
        o->size = arg;
        p->private_only = "--size";
        return 0;
    case OPTION_BACKING:
        parse_backing(state, arg, &o->backing);
        p->private_only = "--backing";
        return 0;
    case OPTION_HUGEPAGE:
        parse_size(state, "--hugepage", arg, &o->hugepage_bytes);
        o->hugepage = arg;
        p->private_only = "--hugepage";
        return 0;
    case OPTION_LOG_LEVEL:
        if (!log_parse_level(arg, &o->log_level))
            argp_error(state, "--log-level=%s: accepted: error, warning, info, debug", arg);
        p->has_log_level = true;
        return 0;
    case ARGP_KEY_ARG:
        o->command = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_END:
        check(state, p);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void options_parse(int argc, char **argv, struct options *ret)
{
    static const struct argp argp = {
        .options = option_table,
        .parser = parse_option,
        .args_doc = "\n--private [OPTION...] [--] COMMAND [ARG...]",
        .doc = doc,
    };
    struct options options = {
        .mode = RUN_SERVICE,
        .log_level = LOG_LEVEL_INFO,
        .config = CONFIG_DEFAULT_FILE,
        .size = DEFAULT_PRIVATE_SIZE,
        .bytes = DEFAULT_PRIVATE_BYTES,
        .backing = BACKING_AUTO,
    };
    struct parse parse = {.options = &options};

    argp_program_version = "buddyd " BUDDYD_VERSION;
    argp_err_exit_status = EXIT_CODE_USAGE;
    (void)argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &parse);
    /* A private daemon's stderr is its command's. */
    if (options.mode == RUN_PRIVATE && !parse.has_log_level)
        options.log_level = LOG_LEVEL_WARNING;
    *ret = options;
}
