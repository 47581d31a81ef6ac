/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c: lines for a person, on stderr.
 *
 * Under systemd stderr is the journal, which takes the priority from the line's prefix; so one
 * stream serves the service, the private daemon and the tests (docs/adr/0009).
 */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Bytes of a line with its newline; what is longer is cut. */
#define LINE_BYTES 1536

static enum log_level max_level = LOG_LEVEL_INFO;
static bool to_journal;

/** Is stderr the stream that the service manager connected to the journal? */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char self[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    (void)snprintf(self, sizeof(self), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, self) == 0;
}

void log_init(enum log_level level)
{
    max_level = level;
    to_journal = stderr_is_journal();
}

bool log_parse_level(const char *name, enum log_level *ret)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"error", LOG_LEVEL_ERROR},
        {"warning", LOG_LEVEL_WARNING},
        {"info", LOG_LEVEL_INFO},
        {"debug", LOG_LEVEL_DEBUG},
    };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *ret = levels[i].level;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level <= max_level;
}

void log_line(enum log_level level, const char *format, ...)
{
    const int saved_errno = errno;
    char line[LINE_BYTES];
    size_t head, len;
    ssize_t written;
    va_list args;
    int n;

    if (!log_enabled(level))
        return;
    if (to_journal)
        n = snprintf(line, sizeof(line), "<%d>", (int)level);
    else
        n = snprintf(line, sizeof(line), "buddyd: %s",
                     level == LOG_LEVEL_ERROR     ? "error: "
                     : level == LOG_LEVEL_WARNING ? "warning: "
                                                  : "");
    head = (size_t)n;
    va_start(args, format);
    n = vsnprintf(line + head, sizeof(line) - head, format, args);
    va_end(args);
    len = n < 0 ? head : head + (size_t)n;
    if (len > sizeof(line) - 1)
        len = sizeof(line) - 1;
    for (size_t i = head; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    }
    line[len++] = '\n';
    /* Should it fail, there is nowhere left to say so. */
    written = write(STDERR_FILENO, line, len);
    (void)written;
    errno = saved_errno;
}
