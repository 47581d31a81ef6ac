/* SPDX-License-Identifier: Apache-2.0 */
/* capture.c: buddyctl's output and errors in memory. */
#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"

#define MAX_WORDS 16

char capture_out[65536];
char capture_err[8192];

static void read_back(FILE *f, char *to, size_t size)
{
    rewind(f);
    to[fread(to, 1, size - 1, f)] = '\0';
    fclose(f);
}

int capture_run(const char *const *words)
{
    char name[] = "buddyctl";
    char *argv[MAX_WORDS + 2] = {name};
    FILE *out = tmpfile();
    FILE *err = tmpfile();
    int saved = dup(STDERR_FILENO);
    int argc = 1;
    int code;

    assert_non_null(out);
    assert_non_null(err);
    for (; *words && argc <= MAX_WORDS; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    fflush(stderr);
    dup2(fileno(err), STDERR_FILENO);
    code = ctl_main(argc, argv, out);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    read_back(out, capture_out, sizeof(capture_out));
    read_back(err, capture_err, sizeof(capture_err));
    return code;
}

void assert_one_line(const char *part)
{
    const char *end = strchr(capture_err, '\n');

    if (strncmp(capture_err, "buddyctl: ", 10) != 0 || !end || end[1] || !strstr(capture_err, part))
        fail_msg("not one line with \"%s\": %s", part, capture_err);
}
