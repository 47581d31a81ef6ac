/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c: where a process is, from the text of its file, and while it lives. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"

#define CHILD_LIFE_S 60

static void paths_are_found(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *path;
    } cases[] = {
        {"0::/system.slice/redis.service\n", 0, "/system.slice/redis.service"},
        {"0::/\n", 0, "/"},
        {"0::/a:b", 0, "/a:b"},
        /* v1, alone and beside v2, which has no units then. */
        {"12:cpu,cpuacct:/x\n1:name=systemd:/system.slice/a.service\n", 0,
         "/system.slice/a.service"},
        {"1:name=systemd:/user.slice\n0::/\n", 0, "/user.slice"},
        {"0::/\n1:name=systemd:/user.slice\n", 0, "/user.slice"},
        {"", -ENOENT, NULL},
        {"12:cpu:/x\n", -ENOENT, NULL},
        {"0::\n", -ENOENT, NULL},
        {"nonsense", -ENOENT, NULL},
        {"12:name=other:/x\n", -ENOENT, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[CGROUP_PATH_BYTES] = "untouched";

        assert_int_equal(cgroup_parse(cases[i].text, path), cases[i].rc);
        assert_string_equal(path, cases[i].rc == 0 ? cases[i].path : "untouched");
    }
}

static void a_path_has_an_end(void **state)
{
    char text[CGROUP_PATH_BYTES + 16] = "0::/";
    char path[CGROUP_PATH_BYTES];

    (void)state;
    memset(text + 4, 'x', CGROUP_PATH_BYTES - 2);
    assert_int_equal(cgroup_parse(text, path), 0);
    assert_int_equal(strlen(path), CGROUP_PATH_BYTES - 1);
    text[strlen(text)] = 'x';
    assert_int_equal(cgroup_parse(text, path), -ENAMETOOLONG);
}

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What stands there may be another process's once this one is gone. */
static void only_of_the_living(void **state)
{
    char dir[] = "/tmp/buddyd-test-XXXXXX", sub[64], file[128], path[CGROUP_PATH_BYTES];
    pid_t pid = fork();
    int pidfd;

    (void)state;
    if (pid == 0) {
        (void)alarm(CHILD_LIFE_S);
        for (;;)
            (void)pause();
    }
    assert_true(pid > 0);
    pidfd = pidfd_of(pid);
    assert_true(pidfd >= 0);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(sub, sizeof(sub), "%s/%d", dir, (int)pid);
    (void)snprintf(file, sizeof(file), "%s/cgroup", sub);
    assert_int_equal(cgroup_read(dir, pid, pidfd, path), -ENOENT);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_file(file, "0::/system.slice/a.service\n");
    assert_int_equal(cgroup_read(dir, pid, pidfd, path), 0);
    assert_string_equal(path, "/system.slice/a.service");

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(cgroup_read(dir, pid, pidfd, path), -ESRCH);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(cgroup_read(dir, pid, pidfd, path), -ESRCH);
    assert_int_equal(rmdir(sub), 0);
    assert_int_equal(rmdir(dir), 0);
    (void)close(pidfd);
}

static void our_own(void **state)
{
    char path[CGROUP_PATH_BYTES];
    int pidfd = pidfd_of(getpid());
    int rc;

    (void)state;
    assert_true(pidfd >= 0);
    rc = cgroup_of(getpid(), pidfd, path);
    (void)close(pidfd);
    if (rc == -ENOENT) {
        print_message("skipped: no cgroups here\n");
        skip();
    }
    assert_int_equal(rc, 0);
    assert_int_equal(path[0], '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_found),
        cmocka_unit_test(a_path_has_an_end),
        cmocka_unit_test(only_of_the_living),
        cmocka_unit_test(our_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
