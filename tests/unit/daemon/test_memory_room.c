/* SPDX-License-Identifier: Apache-2.0 */
/* test_memory_room.c: what the files of a cgroup say, in both versions of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory_room.h"

static const char *const file_names[] = {
    "memory.max", "memory.current", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat",
};

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/buddyd-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, file_names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

static void put(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static uint64_t room(void)
{
    uint64_t bytes = 4711;

    assert_int_equal(memory_room_of_cgroup(dir, &bytes), 0);
    return bytes;
}

static void version_two(void **state)
{
    (void)state;
    put("memory.max", "max\n");
    put("memory.current", "5000\n");
    assert_int_equal(room(), UINT64_MAX);
    put("memory.max", "8000\n");
    assert_int_equal(room(), 3000);
    put("memory.stat", "anon 1\nactive_file 5\ninactive_file 1000\nslab 2\n");
    assert_int_equal(room(), 4000);
    put("memory.current", "9500\n");
    assert_int_equal(room(), 0);
    put("memory.current", "500\n"); /* the cache is counted at another moment */
    assert_int_equal(room(), 8000);
}

static void version_one(void **state)
{
    (void)state;
    put("memory.limit_in_bytes", "8000\n");
    put("memory.usage_in_bytes", "5000\n");
    put("memory.stat", "inactive_file 1\ntotal_inactive_file 2000\n");
    assert_int_equal(room(), 5000);
    put("memory.limit_in_bytes", "9223372036854771712\n"); /* how it says that there is none */
    assert_int_equal(room(), UINT64_C(9223372036854771712) - 3000);
}

static void no_cgroup(void **state)
{
    uint64_t bytes = 4711;

    (void)state;
    assert_int_equal(memory_room_of_cgroup(dir, &bytes), -ENOENT);
    assert_int_equal(bytes, 4711);
}

static void this_host(void **state)
{
    struct memory_room r = {0};

    (void)state;
    assert_int_equal(memory_room_read(-1, &r), 0);
    assert_true(r.bytes > 0 && r.bytes <= (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096);
    assert_true(strlen(r.limit) > 0);
    assert_int_equal(memory_room_read(0, &r), 0);
    assert_true(r.bytes > 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(version_two),
        TEST(version_one),
        TEST(no_cgroup),
        TEST(this_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
