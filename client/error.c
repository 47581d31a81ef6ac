/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c: the calling thread's last failure.
 *
 * It belongs to the thread, so that no thread ever sees another's reason, and it is touched only
 * when a call fails, so that success pays nothing for it.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct client_error last = {.text = "no error"};

/* Text from the daemon may hold anything; what we hand out is one line. */
static void keep_to_a_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
    }
}

int error_write(struct client_error *e, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    keep_to_a_line(e->text);
    e->refused = false;
    return error;
}

int error_set(int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(last.text, sizeof(last.text), format, args);
    va_end(args);
    keep_to_a_line(last.text);
    last.refused = false;
    return error;
}

void error_publish(const struct client_error *e)
{
    last.refused = e->refused;
    memcpy(last.text, e->text, sizeof(last.text));
    if (!e->refused)
        return;
    last.refusal = e->refusal;
    memcpy(last.explanation, e->explanation, strlen(e->explanation) + 1);
}

struct client_error *error_here(void)
{
    return &last;
}

const char *error_name(int error, char *buf, size_t size)
{
    return strerror_r(-error, buf, size);
}

const char *buddyd_error(void)
{
    return last.text;
}

int buddyd_last_refusal_sized(struct buddyd_refusal *ret, size_t size)
{
    size_t known = size < sizeof(last.refusal) ? size : sizeof(last.refusal);

    if (!last.refused)
        return -ENODATA;
    memcpy(ret, &last.refusal, known);
    memset((char *)ret + known, 0, size - known);
    return 0;
}

const char *buddyd_explanation(void)
{
    return last.refused ? last.explanation : "";
}
