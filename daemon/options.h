/* SPDX-License-Identifier: Apache-2.0 */
/* options.h: the command line of buddyd. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "memfile.h"

/** What the program exits with. A private daemon exits with its command's status instead. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILURE = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_CONFIG = 78,       /**< the configuration is not accepted (EX_CONFIG) */
    EXIT_CODE_PRIVATE = 125,     /**< a private daemon could not be started, or broke */
    EXIT_CODE_CANNOT_RUN = 126,  /**< the command of a private daemon cannot be executed */
    EXIT_CODE_NO_COMMAND = 127,  /**< the command of a private daemon was not found */
    EXIT_CODE_SIGNAL_BASE = 128, /**< plus the number of the signal that ended the command */
};

enum run_mode {
    RUN_SERVICE,
    RUN_CHECK,
    RUN_PRIVATE,
};

/** What one asked for. Strings are the command line's. */
struct options {
    enum run_mode mode;
    enum log_level log_level;
    const char *config;      /**< the configuration's file */
    const char *size;        /**< private: the zone's, as it was written */
    uint64_t bytes;          /**< private: of the zone */
    enum backing backing;    /**< private; may be BACKING_AUTO */
    const char *hugepage;    /**< private: as it was written; NULL: the backing's default */
    uint64_t hugepage_bytes; /**< private; 0: the backing's default */
    char **command;          /**< private: ends with NULL */
};

/**
 * Read the command line. Does not return when it makes no sense (EXIT_CODE_USAGE, with one line on
 * stderr), nor for --help, --usage and --version.
 */
void options_parse(int argc, char **argv, struct options *ret);

#endif
