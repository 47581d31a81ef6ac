/* SPDX-License-Identifier: Apache-2.0 */
/* test_options.c: what the command line says, and what is said about a wrong one. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "options.h"

#define MAX_ARGS 16

/** Literals are constant, and argp sorts what it is given. */
static char *argv[MAX_ARGS + 1];

static int words(const char *const args[])
{
    int argc = 0;

    argv[argc++] = (char *)"buddyd";
    for (; *args; args++)
        argv[argc++] = (char *)*args;
    argv[argc] = NULL;
    return argc;
}

static struct options parse(const char *const args[])
{
    struct options o;

    options_parse(words(args), argv, &o);
    return o;
}

#define ARGS(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/** In a child: its exit status, and the first line that it wrote to fd. */
static int exit_of(const char *const args[], int fd, char *line, size_t size)
{
    char path[] = "/tmp/buddyd-test-XXXXXX";
    int file = mkostemp(path, O_CLOEXEC);
    struct options o;
    ssize_t n;
    int status;
    pid_t pid;

    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(file, fd);
        options_parse(words(args), argv, &o);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    n = pread(file, line, size - 1, 0);
    (void)close(file);
    assert_true(n >= 0);
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_wrong(const char *const args[], const char *expected)
{
    char line[4096];

    assert_int_equal(exit_of(args, STDERR_FILENO, line, sizeof(line)), EXIT_CODE_USAGE);
    assert_string_equal(line, expected);
}

static void a_service(void **state)
{
    struct options o = parse((const char *const[]){NULL});

    (void)state;
    assert_int_equal(o.mode, RUN_SERVICE);
    assert_string_equal(o.config, CONFIG_DEFAULT_FILE);
    assert_int_equal(o.log_level, LOG_LEVEL_INFO);
    o = parse(ARGS("-c", "x.conf", "--log-level=debug"));
    assert_string_equal(o.config, "x.conf");
    assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
    o = parse(ARGS("--check", "--config=y.conf"));
    assert_int_equal(o.mode, RUN_CHECK);
    assert_string_equal(o.config, "y.conf");
}

static void a_private_daemon(void **state)
{
    struct options o = parse(ARGS("--private", "--", "ls", "--size", "-l"));

    (void)state;
    assert_int_equal(o.mode, RUN_PRIVATE);
    assert_int_equal(o.log_level, LOG_LEVEL_WARNING);
    assert_int_equal(o.bytes, UINT64_C(512) << 20);
    assert_int_equal(o.backing, BACKING_AUTO);
    assert_int_equal(o.hugepage_bytes, 0);
    assert_string_equal(o.command[0], "ls");
    assert_string_equal(o.command[1], "--size");
    assert_string_equal(o.command[2], "-l");
    assert_null(o.command[3]);

    o = parse(ARGS("--log-level", "info", "--size", "2G", "--backing", "hugetlbfs", "--hugepage",
                   "1G", "--private", "ls", "-l", "--", "x"));
    assert_int_equal(o.mode, RUN_PRIVATE);
    assert_int_equal(o.log_level, LOG_LEVEL_INFO);
    assert_int_equal(o.bytes, UINT64_C(2) << 30);
    assert_string_equal(o.size, "2G");
    assert_int_equal(o.backing, BACKING_HUGETLBFS);
    assert_int_equal(o.hugepage_bytes, UINT64_C(1) << 30);
    assert_string_equal(o.hugepage, "1G");
    assert_string_equal(o.command[0], "ls");
    assert_string_equal(o.command[1], "-l");
    assert_string_equal(o.command[2], "--");
    assert_string_equal(o.command[3], "x");
}

static void backings_by_name(void **state)
{
    static const char *const names[] = {"auto", "hugetlb", "hugetlbfs", "shmem"};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(parse(ARGS("--backing", names[i], "--private", "x")).backing, i);
}

static void what_makes_no_sense(void **state)
{
    (void)state;
    assert_wrong(ARGS("--private"),
                 "buddyd: --private needs a command: buddyd --private -- COMMAND [ARG...]");
    assert_wrong(ARGS("--private", "--"),
                 "buddyd: --private needs a command: buddyd --private -- COMMAND [ARG...]");
    assert_wrong(ARGS("--private", "--check", "x"),
                 "buddyd: --check cannot be combined with --private");
    assert_wrong(ARGS("--config", "f", "--private", "x"),
                 "buddyd: --config cannot be combined with --private");
    assert_wrong(
        ARGS("--size", "2M"),
        "buddyd: --size is for --private only; a service's zones are in its configuration");
    assert_wrong(ARGS("--backing", "shmem", "--check"),
                 "buddyd: --backing is for --private only; "
                 "a service's zones are in its configuration");
    assert_wrong(ARGS("ls"), "buddyd: 'ls': a command is for --private only");
    assert_wrong(
        ARGS("--private", "--size", "many", "x"),
        "buddyd: --size=many: accepted: a number above 0 with K, M, G or T behind it, such "
        "as 512M");
    assert_wrong(ARGS("--private", "--size", "0", "x"),
                 "buddyd: --size=0: accepted: a number above 0 with K, M, G or T behind it, such "
                 "as 512M");
    assert_wrong(ARGS("--private", "--backing", "paper", "x"),
                 "buddyd: --backing=paper: accepted: auto, hugetlb, hugetlbfs, shmem");
    assert_wrong(ARGS("--log-level", "loud"),
                 "buddyd: --log-level=loud: accepted: error, warning, info, debug");
    assert_wrong(ARGS("--nonsense"), "buddyd: unrecognized option '--nonsense'");
}

static void help_and_version(void **state)
{
    char line[8192];

    (void)state;
    assert_int_equal(exit_of(ARGS("--help"), STDOUT_FILENO, line, sizeof(line)), 0);
    assert_string_equal(line, "Usage: buddyd [OPTION...] ");
    assert_int_equal(exit_of(ARGS("--version"), STDOUT_FILENO, line, sizeof(line)), 0);
    assert_memory_equal(line, "buddyd 0.", strlen("buddyd 0."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service),        cmocka_unit_test(a_private_daemon),
        cmocka_unit_test(backings_by_name), cmocka_unit_test(what_makes_no_sense),
        cmocka_unit_test(help_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
