/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_hugetlbfs.c: zones in files on a hugetlbfs mount, which needs root and free hugepages.
 *
 * The mount is made in a mount namespace of the test's own, so that it is gone with the test.
 */
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/daemon_proc.h"
#include "support/host.h"
#include "support/observe.h"
#include "support/stamp.h"

struct fixture {
    struct daemon_proc daemon;
    struct buddyd *b;
    char mount[64];
    long hugepages;
};

static struct fixture fx;

static int set_up(void **state)
{
    fx = (struct fixture){.hugepages = host_free_hugepages()};
    *state = &fx;
    if (daemon_proc_prepare(&fx.daemon))
        return -1;
    snprintf(fx.mount, sizeof(fx.mount), "/tmp/buddyd-test-mnt-XXXXXX");
    if (!mkdtemp(fx.mount))
        return -1;
    return mount("none", fx.mount, "hugetlbfs", 0, "pagesize=2M,mode=0700");
}

static int tear_down(void **state)
{
    (void)state;
    buddyd_close(fx.b);
    daemon_proc_end(&fx.daemon);
    umount2(fx.mount, MNT_DETACH);
    rmdir(fx.mount);
    return 0;
}

static void configure(long hugepages)
{
    char zones[256];

    snprintf(zones, sizeof(zones), "[zone test]\nbacking = hugetlbfs\nsize = %ldM\nmount = %s\n",
             hugepages * 2, fx.mount);
    assert_int_equal(daemon_proc_configure(&fx.daemon, NULL, zones), 0);
}

static int files_on_the_mount(void)
{
    DIR *dir = opendir(fx.mount);
    int nr = 0;

    assert_non_null(dir);
    while (readdir(dir))
        nr++;
    closedir(dir);
    return nr - 2;
}

static void it_is_lent_like_any_other(void **state)
{
    struct buddyd_zone zone;
    struct buddyd_block block;
    struct observed before;
    void *p;

    (void)state;
    configure(ZONE_HUGEPAGES);
    assert_int_equal(daemon_proc_start(&fx.daemon), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages - ZONE_HUGEPAGES);
    assert_int_equal(observe_connect(&fx.daemon, "client", &fx.b), 0);
    assert_int_equal(buddyd_get_zone(fx.b, 0, &zone), 0);
    assert_int_equal(zone.backing, BUDDYD_HUGETLBFS);
    assert_int_equal(zone.hugepage_shift, 21);
    assert_int_equal(observe(fx.b, &fx.daemon, &before), 0);
    assert_int_equal(before.free_pages, ZONE_PAGES);
    assert_int_equal(buddyd_alloc_pages(fx.b, BUDDYD_UNMOVABLE, 0, 10, &block), 0);
    assert_int_equal(buddyd_pin(fx.b, &block, &p), 0);
    stamp_write(p, block.bytes, block.handle);
    assert_true(stamp_is(p, block.bytes, block.handle));
    assert_int_equal(buddyd_free(fx.b, block.handle), 0);
    assert_true(observe_until(fx.b, &fx.daemon, &before));
    buddyd_close(fx.b);
    fx.b = NULL;
    assert_int_equal(daemon_proc_stop(&fx.daemon), 0);
    assert_int_equal(files_on_the_mount(), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static void a_killed_daemon_leaves_no_file(void **state)
{
    (void)state;
    configure(ZONE_HUGEPAGES);
    assert_int_equal(daemon_proc_start(&fx.daemon), 0);
    daemon_proc_kill(&fx.daemon);
    assert_int_equal(files_on_the_mount(), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages);
}

static void too_little_is_undone(void **state)
{
    (void)state;
    configure(fx.hugepages + 4);
    assert_int_not_equal(daemon_proc_start(&fx.daemon), 0);
    assert_int_equal(files_on_the_mount(), 0);
    assert_int_equal(host_free_hugepages(), fx.hugepages);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_lent_like_any_other),
        TEST(a_killed_daemon_leaves_no_file),
        TEST(too_little_is_undone),
    };
    char program[] = "test_hugetlbfs";
    char backing[] = "hugetlb";
    int skipped = host_choose_backing(2, (char *[]){program, backing, NULL});

    if (skipped)
        return skipped;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        host_skipped("needs to be root, to mount a hugetlbfs");
        return EXIT_SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
