/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy_reload.c: the policy changes while clients are there: all of it or nothing, and what
 * they have is never taken back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "support/stage.h"

#define TENANT   61001u
#define BLOCKS   64u /* of order 4: 4 MiB */
#define MARKS    "min = 0\nlow = 0\nhigh = 0\n"
#define TENANTS  "[policy tenants]\nuid = 61001\n" MARKS
#define AT_FIRST TENANTS "max = 4M\n"

static const struct stage_role roles[] = {{"tenant", TENANT, NULL}, {0}};

static struct stage st;
static struct client *const tenant = &st.clients[0];
static char out[DAEMON_PROC_TEXT_BYTES];
static char err[DAEMON_PROC_TEXT_BYTES];

static int set_up(void **state)
{
    struct client_answer a;

    *state = &st;
    stage_open(&st, "none", AT_FIRST, roles);
    assert_int_equal(stage_fill(tenant, 4, &a), BLOCKS);
    return 0;
}

static int ctl(const char *const args[])
{
    return daemon_proc_ctl(&st.daemon, args, out, err);
}

static int set(const char *section, const char *what)
{
    return ctl((const char *const[]){"set", section, what, NULL});
}

/* What buddyctl accounts --json says of the section. */
static bool is_said_to_be_over(void)
{
    const char *at, *end;

    assert_int_equal(ctl((const char *const[]){"accounts", "--json", NULL}), 0);
    at = strstr(out, "\"name\": \"tenants\"");
    assert_non_null(at);
    end = strchr(at, '}');
    at = strstr(at, "\"over\": true");
    return at && at < end;
}

/* It has 4 MiB, and may have 2. */
static void assert_over_until_below(void)
{
    struct client_answer a;

    assert_int_equal(stage_account(&st, "tenants").max_pages, 512);
    assert_int_equal(stage_account(&st, "tenants").used_pages, 1024);
    assert_true(is_said_to_be_over());
    assert_int_equal(stage_fill(tenant, 0, &a), 0);
    stage_assert_account_refused(&st, "tenants", &a);

    stage_free(tenant, BLOCKS / 2 - 1);
    assert_true(is_said_to_be_over());
    assert_int_equal(stage_fill(tenant, 0, &a), 0);
    stage_free(tenant, 1);
    assert_false(is_said_to_be_over());
    assert_int_equal(stage_fill(tenant, 0, &a), 0);
    stage_free(tenant, 1);
    assert_int_equal(stage_fill(tenant, 4, &a), 1);
    stage_leave(&st);
}

static void configure(const char *policy)
{
    assert_int_equal(daemon_proc_configure_policy(&st.daemon, "none", policy), 0);
}

static void a_max_lowered_by_a_signal(void **state)
{
    (void)state;
    configure(TENANTS "max = 2M\n");
    assert_int_equal(daemon_proc_reload(&st.daemon), 0);
    assert_over_until_below();
}

static void a_max_lowered_by_buddyctl_reload(void **state)
{
    (void)state;
    configure(TENANTS "max = 2M\n");
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 0);
    assert_over_until_below();
}

static void a_max_lowered_by_buddyctl_set(void **state)
{
    (void)state;
    assert_int_equal(set("policy tenants", "max=2M"), 0);
    assert_over_until_below();
}

static void what_was_set_ends_with_a_reload(void **state)
{
    (void)state;
    assert_int_equal(set("policy tenants", "max=2M"), 0);
    assert_int_equal(stage_account(&st, "tenants").max_pages, 512);
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 0);
    assert_int_equal(stage_account(&st, "tenants").max_pages, 1024);
    stage_leave(&st);
}

static unsigned line_of(const char *policy, const char *what)
{
    char before[512];
    const char *at = strstr(policy, what);
    /* In front of the policy. */
    unsigned nr = 1;

    snprintf(before, sizeof(before), "[daemon]\nsocket\nmode\n[memory]\nmarks\n\n%s\n%.*s",
             daemon_proc_one_zone(), (int)(at - policy), policy);
    for (const char *p = before; *p; p++)
        nr += *p == '\n';
    return nr;
}

/* As it was, though the file says another max as well. */
static void assert_nothing_changed(void)
{
    struct client_answer a;

    assert_int_equal(stage_account(&st, "tenants").max_pages, 1024);
    assert_int_equal(stage_account(&st, "tenants").guarantee_pages, 0);
    assert_int_equal(stage_zone(&st).unmet_pages, 0);
    stage_free(tenant, 1);
    stage_get(tenant, 4);
    assert_int_equal(stage_fill(tenant, 0, &a), 0);
    stage_assert_account_refused(&st, "tenants", &a);
}

static void a_bad_file_changes_nothing(void **state)
{
    static const char *const bad[] = {
        TENANTS "max = 2M\ncolour = blue\n",  TENANTS "max = 2M\nlow = much\n",
        TENANTS "max = 2M\nrights = every\n", TENANTS "max = 2M\n[policy a]\nuid = 61001\n",
        TENANTS "max = 2M\n[nonsense]\n",
    };
    static const char *const where[] = {"colour", "low = much", "rights", "[policy a]",
                                        "[nonsense]"};
    char place[160], log[DAEMON_PROC_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        configure(bad[i]);
        assert_int_equal(ctl((const char *const[]){"reload", NULL}), 1);
        print_message("    %s", err);
        /* Two sections that match the same: which of them is named is left open. */
        snprintf(place, sizeof(place), "%s:%u", st.daemon.config, line_of(bad[i], where[i]));
        assert_non_null(strstr(err, strcmp(where[i], "[policy a]") ? place : st.daemon.config));
        assert_nothing_changed();

        assert_int_equal(daemon_proc_reload(&st.daemon), 0);
        assert_nothing_changed();
    }
    program_text(st.daemon.program.err, log, sizeof(log));
    assert_non_null(strstr(log, "the policy stays as it was"));
    assert_non_null(strstr(log, place));
    stage_leave(&st);
}

static void a_guarantee_that_does_not_fit(void **state)
{
    (void)state;
    configure(TENANTS "max = 80M\nguarantee = 72M\n");
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 1);
    print_message("    %s", err);
    assert_non_null(strstr(err, "72 MiB"));
    assert_non_null(strstr(err, "up to 64 MiB"));
    assert_nothing_changed();

    assert_int_equal(set("policy tenants", "guarantee=5M"), 1);
    print_message("    %s", err);
    assert_non_null(strstr(err, "4 MiB - 0 bytes = 4 MiB"));
    assert_nothing_changed();

    /* Beside another one's. */
    configure(AT_FIRST "[policy other]\nuid = 61002\nguarantee = 40M\n"
                       "[policy third]\nuid = 61003\nguarantee = 25M\n");
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 1);
    print_message("    %s", err);
    assert_non_null(strstr(err, "64 MiB managed"));
    assert_non_null(strstr(err, "40 MiB for other sections"));
    assert_non_null(strstr(err, "leave 24 MiB"));
    assert_nothing_changed();
    stage_leave(&st);
}

/* It would fit, but what is in use cannot be taken back. */
static void a_guarantee_of_what_is_in_use(void **state)
{
    (void)state;
    configure(AT_FIRST "[policy other]\nuid = 61002\nguarantee = 62M\n");
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 1);
    print_message("    %s", err);
    assert_non_null(strstr(err, "62 MiB"));
    assert_nothing_changed();
    stage_free(tenant, BLOCKS / 2);
    assert_int_equal(ctl((const char *const[]){"reload", NULL}), 0);
    assert_int_equal(stage_zone(&st).unmet_pages, UINT64_C(62) * 256);
    st.empty.unmet_pages = UINT64_C(62) * 256;
    st.empty.accounts++;
    stage_leave(&st);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_max_lowered_by_a_signal),     TEST(a_max_lowered_by_buddyctl_reload),
        TEST(a_max_lowered_by_buddyctl_set), TEST(what_was_set_ends_with_a_reload),
        TEST(a_bad_file_changes_nothing),    TEST(a_guarantee_that_does_not_fit),
        TEST(a_guarantee_of_what_is_in_use),
    };
    int skipped = host_choose_backing_as_root(argc, argv);

    return skipped ? skipped : cmocka_run_group_tests(tests, NULL, NULL);
}
