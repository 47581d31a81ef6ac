/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_startup.c: a daemon that cannot start says why in one line that names the thing, and leaves
 * nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"

struct fixture {
    struct daemon_proc daemon;
    long hugepages;
    int leftovers;
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){.hugepages = host_free_hugepages()};
    *state = &fx;
    return daemon_proc_prepare(&fx.daemon);
}

static int tear_down(void **state)
{
    (void)state;
    daemon_proc_end(&fx.daemon);
    return 0;
}

/* args: behind the program's name, NULL-terminated. names: what the line must have,
 * NULL-terminated. */
static void assert_refuses(const char *const args[], const char *const names[])
{
    const char *argv[16] = {BUDDYD_PROGRAM};
    int leftovers = daemon_proc_leftovers(&fx.daemon);
    char text[4096];
    size_t nr = 1;
    int status;

    for (; *args; args++)
        argv[nr++] = *args;
    argv[nr] = NULL;
    status = program_run(argv, NULL, NULL, 0, text, sizeof(text));
    print_message("    exit %d: %s", status, text);
    assert_in_range(status, 1, 125);
    for (; *names; names++) {
        if (!strstr(text, *names))
            fail_msg("'%s' is not named in: %s", *names, text);
    }
    assert_true(strlen(text) > 1 && strchr(text, '\n') == text + strlen(text) - 1);
    assert_int_equal(daemon_proc_leftovers(&fx.daemon), leftovers);
    if (host_on_hugepages())
        assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static void assert_config_refused(const char *socket, const char *zones, const char *const names[])
{
    const char *const args[] = {"--config", fx.daemon.config, NULL};

    assert_int_equal(daemon_proc_configure(&fx.daemon, socket, zones), 0);
    assert_refuses(args, names);
}

static void a_config_that_cannot_be(void **state)
{
    static const struct {
        const char *keys; /* of a zone, behind its backing */
        const char *names[4];
    } cases[] = {
        {"size = 64M\ncolour = blue\n", {"buddyd.conf", "colour"}},
        {"size = 0\n", {"buddyd.conf", "size", "0"}},
        {"size = 3M\n", {"buddyd.conf", "size", "2"}},
        {"size = 1234567\n", {"buddyd.conf", "size", "1234567"}},
        {"size = 99T\n", {"buddyd.conf", "size", "99"}},
        {"size = 99999999999999999999\n", {"buddyd.conf", "size", "99999999999999999999"}},
        {"size = many\n", {"buddyd.conf", "size", "many"}},
        {"size = -2M\n", {"buddyd.conf", "size", "-2M"}},
        {"", {"buddyd.conf", "size", "test"}},
        {"size = 64M\nnode = 63\n", {"buddyd.conf", "node", "63"}},
        {"size = 64M\nnode = left\n", {"buddyd.conf", "node", "left"}},
        {"size = 64M\nsize = 32M\n", {"buddyd.conf", "size", "32M"}},
        {"size = 64M\nhugepage = 3M\n", {"buddyd.conf", "hugepage", "3"}},
        {"size = 64M\n[nosuchsection]\nkey = 1\n", {"buddyd.conf", "nosuchsection"}},
        {"size = 64M\nthis line is nothing\n", {"buddyd.conf", ":"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char zones[256];

        snprintf(zones, sizeof(zones), "[zone test]\nbacking = %s\n%s", host_backing(),
                 cases[i].keys);
        assert_config_refused(NULL, zones, cases[i].names);
    }
    assert_config_refused(NULL, "[zone test]\nbacking = paper\nsize = 64M\n",
                          (const char *const[]){"buddyd.conf", "backing", "paper", NULL});
    assert_config_refused(NULL, "", (const char *const[]){"zone", NULL});
}

static void files_and_options_that_are_not_there(void **state)
{
    char missing[128];

    (void)state;
    snprintf(missing, sizeof(missing), "%s/nothing.conf", fx.daemon.dir);
    assert_refuses((const char *const[]){"--config", missing, NULL},
                   (const char *const[]){"nothing.conf", NULL});
    assert_refuses((const char *const[]){"--config", fx.daemon.dir, NULL},
                   (const char *const[]){fx.daemon.dir, NULL});
}

/* More than there is: refused with the arithmetic, and what was taken half-way is given back. */
static void more_hugepages_than_there_are(void **state)
{
    char zones[128];
    char number[32];

    (void)state;
    if (!host_on_hugepages())
        return;
    snprintf(zones, sizeof(zones), "[zone test]\nbacking = hugetlb\nsize = %ldM\n",
             (fx.hugepages + 8) * 2);
    snprintf(number, sizeof(number), "%ld", fx.hugepages);
    assert_config_refused(NULL, zones, (const char *const[]){"hugepages", number, NULL});
    /* The first zone fits, and goes back when the second does not. */
    snprintf(zones, sizeof(zones),
             "[zone a]\nbacking = hugetlb\nsize = 16M\n[zone b]\nbacking = hugetlb\nsize = %ldM\n",
             fx.hugepages * 2);
    assert_config_refused(NULL, zones, (const char *const[]){"hugepages", NULL});
}

static void a_socket_that_cannot_be(void **state)
{
    char path[256];
    const char *zones = daemon_proc_one_zone();
    struct stat before;
    struct stat after;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/no/such/directory", fx.daemon.dir);
    assert_config_refused(path, zones, (const char *const[]){path, NULL});
    assert_config_refused("relative.sock", zones, (const char *const[]){"relative.sock", NULL});
    memset(path, 'x', 150);
    memcpy(path, "/tmp/", 5);
    path[150] = '\0';
    assert_config_refused(path, zones, (const char *const[]){"socket", "107", NULL});

    /* Somebody's file stays as it is. */
    fd = open(fx.daemon.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &before), 0);
    close(fd);
    assert_config_refused(NULL, zones, (const char *const[]){fx.daemon.socket, NULL});
    assert_int_equal(stat(fx.daemon.socket, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void a_socket_that_is_in_use(void **state)
{
    const char *const args[] = {"--config", fx.daemon.config, NULL};
    struct buddyd *b;

    (void)state;
    if (host_on_hugepages())
        fx.hugepages -= ZONE_HUGEPAGES;
    assert_int_equal(daemon_proc_configure(&fx.daemon, NULL, daemon_proc_one_zone()), 0);
    assert_int_equal(daemon_proc_start(&fx.daemon), 0);
    assert_refuses(args, (const char *const[]){fx.daemon.socket, NULL});
    /* The first one is none the worse. */
    assert_int_equal(observe_connect(&fx.daemon, "client", &b), 0);
    buddyd_close(b);
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
    assert_int_equal(access(fx.daemon.socket, F_OK), -1);
}

/* A socket file that nobody listens on is taken over. */
static void a_stale_socket(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct buddyd *b;

    (void)state;
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fx.daemon.socket);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(access(fx.daemon.socket, F_OK), 0);
    assert_int_equal(daemon_proc_configure(&fx.daemon, NULL, daemon_proc_one_zone()), 0);
    assert_int_equal(daemon_proc_start(&fx.daemon), 0);
    assert_int_equal(observe_connect(&fx.daemon, "client", &b), 0);
    buddyd_close(b);
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_config_that_cannot_be),       TEST(files_and_options_that_are_not_there),
        TEST(more_hugepages_than_there_are), TEST(a_socket_that_cannot_be),
        TEST(a_socket_that_is_in_use),       TEST(a_stale_socket),
    };
    int skipped = host_choose_backing(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
