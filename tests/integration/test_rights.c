/* SPDX-License-Identifier: Apache-2.0 */
/* test_rights.c: what is below the marks is for those with rights, and for no one else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/stage.h"

#define PLAIN  61001u
#define RIGHTS 61002u
#define POLICY                                                                                     \
    "[policy plain]\nuid = 61001\n[policy trusted]\nuid = 61002\nrights = high,reserve,cma\n"

static const struct stage_role roles[] = {{"plain", PLAIN, NULL}, {"trusted", RIGHTS, NULL}, {0}};

static struct stage st;
static struct client *const plain = &st.clients[0];
static struct client *const trusted = &st.clients[1];

static int set_up(void **state)
{
    *state = &st;
    stage_open(&st, "auto", POLICY, roles);
    return 0;
}

static void a_flag_needs_its_right(void **state)
{
    static const struct {
        unsigned flag;
        const char *name;
    } flags[] = {{BUDDYD_HIGH, "'high'"}, {BUDDYD_RESERVE, "'reserve'"}, {BUDDYD_CMA, "'cma'"}};

    (void)state;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct buddyd_alloc rq = stage_request(0, 0);
        struct client_answer a;

        rq.flags = flags[i].flag;
        assert_int_equal(client_alloc(plain, &rq, &a), 0);
        assert_int_equal(a.error, -EPERM);
        assert_false(a.refused);
        assert_non_null(strstr(a.text, flags[i].name));
        assert_non_null(strstr(a.text, "'plain'"));
        assert_int_equal(client_alloc(trusted, &rq, &a), 0);
        assert_int_equal(a.error, 0);
    }
    stage_leave(&st);
}

/* Pages that it gets with a flag when nobody else gets any more. */
static unsigned fill_with(struct client *c, unsigned flag, unsigned timeout_ms)
{
    struct buddyd_alloc rq = stage_request(0, timeout_ms);
    struct client_answer a;

    rq.flags = flag;
    assert_int_equal(client_take(c, &rq, CLIENT_MAX_BLOCKS, &a), 0);
    assert_int_equal(a.error, -ENOMEM);
    assert_int_equal(a.why.reason, BUDDYD_REASON_SHORTAGE);
    return a.done;
}

static void rights_go_below_the_mark(void **state)
{
    struct buddyd_zone_stat zone;
    struct client_answer a;
    uint64_t half;

    (void)state;
    stage_fill(plain, 0, &a);
    stage_assert_zone_refused(&st, 0, &a);
    zone = stage_zone(&st);
    assert_true(zone.wmark_min_pages > 0);
    assert_int_equal(zone.free_pages, zone.wmark_min_pages + zone.boost_pages);

    /* Neither has the trusted one more by itself. */
    assert_int_equal(fill_with(trusted, 0, 0), 0);
    /* As in the kernel: half of it, and, who cannot wait, another quarter of what is left. */
    half = zone.free_pages / 2;
    assert_int_equal(fill_with(trusted, BUDDYD_HIGH, 1), half);
    assert_int_equal(fill_with(trusted, BUDDYD_HIGH, 0), half / 4);
    assert_int_equal(stage_fill(plain, 0, &a), 0);
    assert_int_equal(fill_with(trusted, BUDDYD_RESERVE, 0), zone.free_pages - half - half / 4);
    assert_int_equal(stage_zone(&st).free_pages, 0);
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_flag_needs_its_right),
        TEST(rights_go_below_the_mark),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
