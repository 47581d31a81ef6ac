/* SPDX-License-Identifier: Apache-2.0 */
/* test_zone_set.c: all zones come up or none, and requests find the nearest first. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fixture.h"
#include "why.h"
#include "zone_set.h"

static void test_create(void **state)
{
    unsigned fds = count_fds();
    struct zone_set *zs = make_zones(3, 8 * MIB);
    struct stat st;

    (void)state;
    assert_int_equal(zs->nr, 3);
    assert_int_equal(zs->memory.all[0].nr, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(zs->memory.all[0].id[i], i);
        assert_int_equal(zs->wire[i].id, i);
        assert_int_equal(zs->wire[i].bytes, 8 * MIB);
        assert_int_equal(zs->wire[i].page_shift, 12);
        assert_int_equal(zs->wire[i].hugepage_shift, 21);
        assert_int_equal(zs->wire[i].pageblock_order, 9);
        assert_int_equal(fstat(zs->entry[i].lasting.fd, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_string_equal(zs->wire[2].name, "zone2");
    assert_true(handle_table_left(zs->handles) >= 3 * 2048);
    assert_true(zone_set_has_node(zs, 0));
    assert_false(zone_set_has_node(zs, zs->memory.topology.nr_nodes));
    assert_false(zone_set_has_node(zs, UINT32_MAX));
    check_zones(zs);
    zone_set_free(zs);
    assert_int_equal(count_fds(), fds);
}

/* The metadata of a large zone costs nothing until it is used. */
static void test_sparse(void **state)
{
    struct zone_set *zs = make_zones(1, 256 * MIB);
    struct stat st;

    (void)state;
    assert_int_equal(fstat(zs->handle_memory.fd, &st), 0);
    assert_true(st.st_size >= (off_t)(256 * MIB / PAGE * HANDLE_RECORD_BYTES));
    assert_true(st.st_blocks <= 128);
    zone_set_free(zs);
}

static void test_undone(void **state)
{
    unsigned fds = count_fds();
    struct daemon_config config;
    struct zone_set *zs = NULL;
    char why[WHY_BYTES] = "";

    (void)state;
    make_config(&config, 3, 4 * MIB);
    config.zones[2].memory.backing = BACKING_HUGETLB;
    config.zones[2].memory.bytes = CONFIG_MAX_ZONE_BYTES;
    assert_true(zone_set_create(&config, &zs, why, sizeof(why)) < 0);
    assert_null(zs);
    assert_non_null(strstr(why, "zone2"));
    assert_int_equal(count_fds(), fds);
    config.zones[2].memory.bytes = 2 * CONFIG_MAX_ZONE_BYTES;
    assert_int_equal(zone_set_create(&config, &zs, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "zone2"));
    config.zones[2].memory.bytes = 4 * MIB;
    config.zones[2].pageblock_order = 19;
    assert_int_equal(zone_set_create(&config, &zs, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "order 19"));
    config.nr_zones = 0;
    assert_int_equal(zone_set_create(&config, &zs, why, sizeof(why)), -EINVAL);
    assert_int_equal(count_fds(), fds);
    config.nr_zones = 3;
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
