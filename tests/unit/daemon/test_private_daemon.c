/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_private_daemon.c: what a command gets from the daemon that runs for it: signals once, the
 * dispositions that were there, the end when the daemon ends; and what the daemon chooses.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "pool_fixture.h"

#define PATIENCE_MS 60000
#define MAX_ARGS    16

struct fixture {
    char dir[64]; /**< XDG_RUNTIME_DIR of the daemon */
    pid_t pid;
    int out_fd; /**< what it and its command write to stdout */
    int err_fd;
    char out[4096];
    char err[4096];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    f->out_fd = f->err_fd = -1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/buddyd-test-XXXXXX");
    *state = f;
    return mkdtemp(f->dir) && setenv("XDG_RUNTIME_DIR", f->dir, 1) == 0 ? 0 : -1;
}

static void close_pipes(struct fixture *f)
{
    if (f->out_fd >= 0)
        (void)close(f->out_fd);
    if (f->err_fd >= 0)
        (void)close(f->err_fd);
    f->out_fd = f->err_fd = -1;
}

/** On every path the daemon's own directory is gone. */
static int tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->pid > 0) {
        (void)kill(f->pid, SIGKILL);
        (void)waitpid(f->pid, NULL, 0);
    }
    close_pipes(f);
    if (rmdir(f->dir) < 0)
        assert_int_equal(errno, ENOENT);
    free(f);
    return 0;
}

/** What the child does before it becomes the daemon. */
typedef void (*before_fn)(void);

static void start(struct fixture *f, before_fn before, const char *const args[])
{
    const char *argv[MAX_ARGS] = {BUDDYD_PROGRAM, "--private"};
    int out[2], err[2];
    size_t n = 2;

    for (; *args; args++)
        argv[n++] = *args;
    assert_true(n < MAX_ARGS);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* and so the command */
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        if (before)
            before();
        (void)execv(argv[0], (char *const *)argv);
        _exit(99);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    f->out_fd = out[0];
    f->err_fd = err[0];
}

/** A script that ends with status 5 and the signal's name at any that is passed on. */
static const char tell_signal[] =
    "for s in TERM INT HUP QUIT USR1 USR2; do trap \"echo $s; exit 5\" $s; done; "
    "echo ready; while :; do sleep 0.01; done";
/** A script that counts SIGINT until SIGUSR1. */
static const char count_interrupts[] =
    "trap 'echo INT' INT; trap 'kill $!; exit 5' USR1; sleep 60 & "
    "echo ready; while :; do wait; done";

/* clang-format off */
#define SMALL    "--size", "8M", "--backing", "shmem"
#define SH       "--", "/bin/sh", "-c"
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* clang-format on */

/** Read up to the end, or to a newline if there is one. */
static void read_text(int fd, bool line, char *ret, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;

    for (;;) {
        ssize_t n;

        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        assert_true(len < size - 1);
        n = read(fd, ret + len, 1);
        if (n <= 0 || (line && ret[len] == '\n'))
            break;
        len++;
    }
    ret[len] = '\0';
}

/** To its end: its exit status, and in f what it has written since. */
static int finish(struct fixture *f)
{
    int status;

    read_text(f->out_fd, false, f->out, sizeof(f->out));
    read_text(f->err_fd, false, f->err, sizeof(f->err));
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    close_pipes(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run(struct fixture *f, before_fn before, const char *const args[])
{
    start(f, before, args);
    return finish(f);
}

/* ---- signals ---- */

static const struct {
    int number;
    const char *name;
} passed_on[] = {{SIGTERM, "TERM\n"}, {SIGINT, "INT\n"},   {SIGHUP, "HUP\n"},
                 {SIGQUIT, "QUIT\n"}, {SIGUSR1, "USR1\n"}, {SIGUSR2, "USR2\n"}};

static void each_signal_is_passed_on(void **state)
{
    struct fixture *f = *state;
    char line[64];

    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
        start(f, NULL, ARGS(SMALL, SH, tell_signal));
        read_text(f->out_fd, true, line, sizeof(line));
        assert_string_equal(line, "ready");
        assert_int_equal(kill(f->pid, passed_on[i].number), 0);
        assert_int_equal(finish(f), 5);
        assert_string_equal(f->out, passed_on[i].name);
        assert_string_equal(f->err, "");
    }
}

/** One that came before the command runs is not lost. */
static void a_signal_before_the_command(void **state)
{
    struct fixture *f = *state;
    int status;

    start(f, NULL, ARGS("--size", "512M", "--backing", "shmem", "sleep", "60"));
    assert_int_equal(kill(f->pid, SIGTERM), 0);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    /* Or it came even before the program could block it. */
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 128 + SIGTERM
                                  : WTERMSIG(status) == SIGTERM);
}

static void set_odd_signals(void)
{
    sigset_t set;

    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGCHLD, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void the_command_starts_with_the_signals_that_were_there(void **state)
{
    struct fixture *f = *state;
    const char *const args[] = {SMALL, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", NULL};

    assert_int_equal(run(f, NULL, args), 0);
    assert_string_equal(f->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    /* Bits 0 (SIGHUP) and 16 (SIGCHLD); bit 9 (SIGUSR1). */
    assert_int_equal(run(f, set_odd_signals, args), 0);
    assert_string_equal(f->out, "SigBlk:\t0000000000000200\nSigIgn:\t0000000000010001\n");
}

static void close_all(void)
{
    (void)close_range(3, ~0u, 0);
}

static void the_command_gets_no_descriptor_of_ours(void **state)
{
    struct fixture *f = *state;

    /* 3 is the listing's own. */
    assert_int_equal(run(f, close_all, ARGS(SMALL, "ls", "/proc/self/fd")), 0);
    assert_string_equal(f->out, "0\n1\n2\n3\n");
}

/* ---- the terminal ---- */

/** A session of its own with a terminal; its other end is the test's. */
static const char *terminal;

static void take_terminal(void)
{
    int fd;

    (void)setsid();
    fd = open(terminal, O_RDWR);
    if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
        _exit(98);
    (void)dup2(fd, STDIN_FILENO);
}

/** ^C reaches the command from the terminal already: the daemon must not send it once more. */
static void an_interrupt_of_the_terminal_comes_once(void **state)
{
    struct fixture *f = *state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char line[64];

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    terminal = ptsname(master);
    assert_non_null(terminal);
    start(f, take_terminal, ARGS(SMALL, SH, count_interrupts));
    read_text(f->out_fd, true, line, sizeof(line));
    assert_string_equal(line, "ready");
    assert_int_equal(write(master, "\003", 1), 1);
    read_text(f->out_fd, true, line, sizeof(line));
    assert_string_equal(line, "INT");
    /* What the daemon passes on comes in order: behind this, nothing of the first can come. */
    assert_int_equal(kill(f->pid, SIGUSR1), 0);
    assert_int_equal(finish(f), 5);
    assert_string_equal(f->out, "");
    (void)close(master);
}

/* ---- ends ---- */

/** Killed, the daemon cannot tell its command; the kernel does. */
static void the_command_ends_with_the_daemon(void **state)
{
    struct fixture *f = *state;
    struct pollfd p;
    char line[64];
    char path[400];
    int pidfd;

    start(f, NULL, ARGS(SMALL, SH, "echo $$ $BUDDYD_SOCKET; exec sleep 60"));
    read_text(f->out_fd, true, line, sizeof(line));
    pidfd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(line, NULL, 10), 0);
    assert_true(pidfd >= 0);
    assert_int_equal(kill(f->pid, SIGKILL), 0);
    p = (struct pollfd){.fd = pidfd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    (void)close(pidfd);
    /* Killed, it leaves its directory. */
    (void)snprintf(path, sizeof(path), "%s", strchr(line, ' ') + 1);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s.lock", strchr(line, ' ') + 1);
    assert_int_equal(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    assert_int_equal(rmdir(path), 0);
}

static void no_runtime_directory(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("XDG_RUNTIME_DIR", "/no/such/directory", 1), 0);
    assert_int_equal(
        run(f, NULL, ARGS(SMALL, SH, "echo $BUDDYD_SOCKET; stat -c %a $(dirname $BUDDYD_SOCKET)")),
        0);
    assert_memory_equal(f->out, "/tmp/buddyd-", strlen("/tmp/buddyd-"));
    assert_non_null(strstr(f->out, "/buddyd.sock\n700\n"));
    f->out[strcspn(f->out, "\n")] = '\0';
    *strrchr(f->out, '/') = '\0';
    assert_int_equal(access(f->out, F_OK), -1);
}

static void a_command_that_cannot_run(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, NULL, ARGS(SMALL, "--", "/no/such/command")), 127);
    assert_int_equal(run(f, NULL, ARGS(SMALL, "/etc/passwd")), 126);
    assert_string_equal(f->err, "buddyd: error: cannot run '/etc/passwd': Permission denied\n");
}

/* ---- what it chooses ---- */

static void hugepages_if_there_are_enough(void **state)
{
    struct fixture *f = *state;

    if (!pool_need(8))
        skip();
    assert_int_equal(run(f, NULL, ARGS("--size", "16M", "--log-level", "info", "true")), 0);
    assert_non_null(strstr(f->err, "private daemon with 16 MiB of hugetlb in hugepages of 2 MiB"));

    assert_int_equal(run(f, NULL, ARGS("--size", "17M", "--hugepage", "2M", "true")), 2);
    assert_string_equal(f->err, "buddyd: error: --size 17M: 17 MiB is not a whole number of "
                                "hugepages; accepted: multiples of 2 MiB\n");
}

static void ordinary_memory_if_there_are_not(void **state)
{
    struct fixture *f = *state;

    /* No host has 3 free hugepages of 1 GiB by accident; one that does is not asked. */
    if (access("/sys/kernel/mm/hugepages/hugepages-1048576kB", F_OK) < 0) {
        print_message("skipped: this kernel has no hugepages of 1 GiB\n");
        skip();
    }
    assert_int_equal(
        run(f, NULL, ARGS("--size", "1G", "--hugepage", "1G", "--log-level", "info", "true")), 0);
    assert_non_null(strstr(f->err, "private daemon with 1 GiB of shmem, as too few hugepages are "
                                   "free, on "));
}

static void what_is_asked_for_is_not_replaced(void **state)
{
    struct fixture *f = *state;

    if (access("/sys/kernel/mm/hugepages/hugepages-1048576kB", F_OK) < 0) {
        print_message("skipped: this kernel has no hugepages of 1 GiB\n");
        skip();
    }
    assert_int_equal(
        run(f, NULL,
            ARGS("--size", "1T", "--hugepage", "1G", "--backing", "hugetlb", "echo", "ran")),
        125);
    assert_string_equal(f->out, "");
    assert_non_null(strstr(f->err, "1024 hugepages of 1 GiB wanted, "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_signal_is_passed_on),
        TEST(a_signal_before_the_command),
        TEST(the_command_starts_with_the_signals_that_were_there),
        TEST(the_command_gets_no_descriptor_of_ours),
        TEST(an_interrupt_of_the_terminal_comes_once),
        TEST(the_command_ends_with_the_daemon),
        TEST(no_runtime_directory),
        TEST(a_command_that_cannot_run),
        TEST(hugepages_if_there_are_enough),
        TEST(ordinary_memory_if_there_are_not),
        TEST(what_is_asked_for_is_not_replaced),
    };
    int rc;

    log_init(LOG_LEVEL_ERROR);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    pool_restore();
    return rc;
}
