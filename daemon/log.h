/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h: one line to stderr for what a person should know.
 *
 * When stderr is the journal, each line begins with its priority as sd-daemon(3) has it; else with
 * the program's name. A line is one write(2). Thread-safe after log_init().
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>

/** The numbers are those of syslog(3). */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/** Lines above level are not written. Before it is called, the level is LOG_LEVEL_INFO. */
void log_init(enum log_level level);
/** A level by its name: error, warning, info or debug. Returns false for another word. */
bool log_parse_level(const char *name, enum log_level *ret);
/** Would a line of this level be written? */
bool log_enabled(enum log_level level);

/** Write one line; a newline is added; control characters in it are shown as '?'. Keeps errno. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
