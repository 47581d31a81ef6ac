/* SPDX-License-Identifier: Apache-2.0 */
/* test_private.c: a daemon for the life of one command. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/host.h"
#include "support/program.h"

#define TEXT_BYTES 8192

struct fixture {
    char tmp[64]; /* TMPDIR and XDG_RUNTIME_DIR of the daemon: what it makes is made here */
    long hugepages;
    struct program program;
    char out[TEXT_BYTES];
    char err[TEXT_BYTES];
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){.hugepages = host_free_hugepages(),
                          .program = {.pidfd = -1, .out = -1, .err = -1}};
    *state = &fx;
    snprintf(fx.tmp, sizeof(fx.tmp), "/tmp/buddyd-test-XXXXXX");
    return mkdtemp(fx.tmp) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    program_end(&fx.program);
    rmdir(fx.tmp);
    return 0;
}

static int start_private(const char *size, const char *const command[])
{
    const char *argv[24] = {BUDDYD_PROGRAM, "--private",    "--size", size,
                            "--backing",    host_backing(), "--"};
    char tmpdir[96];
    char runtime[96];
    const char *const env[] = {tmpdir, runtime, "BUDDYD_SOCKET", NULL};
    size_t nr = 7;

    snprintf(tmpdir, sizeof(tmpdir), "TMPDIR=%s", fx.tmp);
    snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=%s", fx.tmp);
    for (; *command; command++)
        argv[nr++] = *command;
    argv[nr] = NULL;
    return program_start(&fx.program, argv, env);
}

/* Exit status, or 128 + signal. */
static int finish(void)
{
    int status = program_wait(&fx.program, PATIENCE_MS);

    program_text(fx.program.out, fx.out, sizeof(fx.out));
    program_text(fx.program.err, fx.err, sizeof(fx.err));
    program_end(&fx.program);
    assert_true(status >= 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_private(const char *const command[])
{
    assert_int_equal(start_private("64M", command), 0);
    return finish();
}

static int shell(const char *script)
{
    return run_private((const char *const[]){"/bin/sh", "-c", script, NULL});
}

static void assert_nothing_left(void)
{
    DIR *dir = opendir(fx.tmp);
    int nr = 0;

    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        nr += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    assert_int_equal(nr, 0);
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static void the_socket_is_told_and_serves(void **state)
{
    (void)state;
    assert_int_equal(shell("test -S \"$BUDDYD_SOCKET\" && echo \"$BUDDYD_SOCKET\""), 0);
    assert_int_equal(fx.out[0], '/');
    fx.out[strcspn(fx.out, "\n")] = '\0';
    /* And its directory is gone. */
    *strrchr(fx.out, '/') = '\0';
    assert_int_equal(access(fx.out, F_OK), -1);
    assert_int_equal(errno, ENOENT);
    assert_nothing_left();

    assert_int_equal(run_private((const char *const[]){BUDDYCTL_PROGRAM, "zones", NULL}), 0);
    assert_non_null(strstr(fx.out, host_backing()));
    assert_nothing_left();
}

static void the_exit_status_is_the_commands(void **state)
{
    (void)state;
    assert_int_equal(shell("exit 0"), 0);
    assert_int_equal(shell("exit 7"), 7);
    assert_int_equal(shell("exit 255"), 255);
    assert_int_equal(shell("kill -KILL $$"), 128 + SIGKILL);
    assert_int_equal(shell("kill -TERM $$"), 128 + SIGTERM);
    assert_nothing_left();
}

static void arguments_and_streams_are_the_commands(void **state)
{
    (void)state;
    assert_int_equal(
        run_private((const char *const[]){"/usr/bin/printf", "<%s>", "a b", "--size", "$x", NULL}),
        0);
    assert_string_equal(fx.out, "<a b><--size><$x>");
    assert_nothing_left();
}

static void a_command_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(run_private((const char *const[]){"/no/such/command", NULL}), 127);
    assert_non_null(strstr(fx.err, "/no/such/command"));
    assert_nothing_left();
}

static void a_size_that_cannot_be(void **state)
{
    static const struct {
        const char *size;
        const char *named;
    } sizes[] = {{"0", "0"},      {"1", "1 bytes"}, {"3M", "3 MiB"},
                 {"99T", "99 T"}, {"many", "many"}, {"-64M", "-64M"}};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(start_private(sizes[i].size, (const char *const[]){"/bin/true", NULL}), 0);
        assert_int_not_equal(finish(), 0);
        print_message("    %s", fx.err);
        /* The first line is the error; with wrong usage a hint at --help may follow. */
        assert_non_null(strchr(fx.err, '\n'));
        *strchr(fx.err, '\n') = '\0';
        assert_non_null(strstr(fx.err, sizes[i].named));
        assert_nothing_left();
    }
}

/* A signal to the daemon ends the command; its status tells. */
static void a_signal_reaches_the_command(void **state)
{
    char ready = 0;
    int to_test[2];
    char script[128];

    (void)state;
    assert_int_equal(pipe(to_test), 0);
    snprintf(script, sizeof(script),
             "trap 'echo told; kill $!; exit 5' TERM; echo r >&%d; sleep 60 & wait $!", to_test[1]);
    assert_int_equal(start_private("64M", (const char *const[]){"/bin/sh", "-c", script, NULL}), 0);
    close(to_test[1]);
    assert_int_equal(read(to_test[0], &ready, 1), 1);
    assert_int_equal(ready, 'r');
    close(to_test[0]);
    assert_int_equal(kill(fx.program.pid, SIGTERM), 0);
    assert_int_equal(finish(), 5);
    assert_string_equal(fx.out, "told\n");
    assert_nothing_left();
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_socket_is_told_and_serves),
        TEST(the_exit_status_is_the_commands),
        TEST(arguments_and_streams_are_the_commands),
        TEST(a_command_that_is_not_there),
        TEST(a_size_that_cannot_be),
        TEST(a_signal_reaches_the_command),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
